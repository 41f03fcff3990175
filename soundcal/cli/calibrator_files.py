"""Recordings of a sound calibrator for ``soundcal calibrate``: their channels and used parts."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from soundcal.calibration.calibrator_take import CLASS_1, check_take
from soundcal.calibration.steady_part import SHORTEST_S, SteadyPart, longest_steady_part
from soundcal.cli.file_options import expanded
from soundcal.cli.output import say
from soundcal.errors import ParameterError, SignalError, ToneNotFound
from soundcal.files import audio
from soundcal.files.recordings import record_beside
from soundcal.recording import EARS, Capture, clipped_in_file
from soundcal.takes.judge import SignalChecks

__all__ = ["BY_HAND", "WHOLE", "ToneFile", "part_of", "read_take", "tone_files"]

BY_HAND: Final = replace(CLASS_1, duration=2.0)
"""Limits for a part that a person chose."""

WHOLE: Final = "whole file"


@dataclass(frozen=True, slots=True)
class ToneFile:
    """A recording of the calibrator, or the part of it that is used.

    Parameters
    ----------
    path : Path
        The file.
    take : Capture
        The samples that are used.
    start, end : float
        Their limits in the file, s.
    chosen : str
        The reason for these limits: "whole file", "longest steady part" or "by hand".
    """

    path: Path
    take: Capture
    start: float
    end: float
    chosen: str

    def to_dict(self) -> dict[str, Any]:
        """Return file, limits and their reason, ready for JSON."""
        return {
            "file": self.path.name,
            "from_s": self.start,
            "to_s": self.end,
            "chosen": self.chosen,
        }


def tone_files(
    options: argparse.Namespace, expected: Mapping[str, float] | None
) -> dict[str, list[ToneFile]]:
    """Return the recordings that the options name, by channel.

    Raises
    ------
    ParameterError
        A channel or a part that a file does not have.
    SignalError, ToneNotFound
        A file without a usable tone; the message names the file.
    """
    given = [(ear, getattr(options, ear)) for ear in EARS if getattr(options, ear)]
    for name, *files in options.channel:
        if not files:
            raise ParameterError(f"--channel {name}: NAME FILE… expected, e.g. --channel ch3 a.wav")
        given.append((name, [Path(path) for file in files for path in expanded(file)]))
    found: dict[str, list[ToneFile]] = {}
    for name, paths in given:
        for path in paths:
            take = read_take(path)
            channel = _channel_of(take, name, path)
            if options.start is None and options.end is None:
                wanted = None if expected is None else expected.get(channel)
                used = _used(path, take, channel, options, wanted)
            else:
                part = part_of(take, path, options.start, options.end)
                start = options.start or 0.0
                used = ToneFile(path, part, start, start + part.duration, "by hand")
            found.setdefault(channel, []).append(used)
    return found


def read_take(path: Path) -> Capture:
    """Return the samples of a file, with what its record says; its flags are printed."""
    capture = audio.read(path)
    for flag in capture.flags:
        say(f"{path}: {flag}")
    record = record_beside(path, needed=False)
    if channels := record.capture.get("channels"):
        capture = replace(
            capture,
            channels=tuple(channels),
            device=record.device,
            simulated=bool(record.capture.get("simulated")),
            flags=(*capture.flags, *record.flags),
        )
    return capture


def _used(
    path: Path,
    take: Capture,
    channel: str,
    options: argparse.Namespace,
    expected: float | None,
) -> ToneFile:
    """Return the whole take if it is a good one, else its longest steady part."""
    about: dict[str, Any] = {
        "level": options.level,
        "frequency": options.frequency,
        "expected": expected,
    }
    try:
        check_take(take, channel, **about)
    except (SignalError, ToneNotFound) as error:
        part = _longest(path, take, channel, options.frequency, error)
        found = part_of(take, path, part.start, part.end)
        try:
            check_take(found, channel, **about)
        except (SignalError, ToneNotFound) as of_part:
            raise type(of_part)(f"{path}, {part}: {of_part}") from error
        return ToneFile(path, found, part.start, part.end, "longest steady part")
    return ToneFile(path, take, 0.0, take.duration, WHOLE)


def _longest(
    path: Path, take: Capture, channel: str, frequency: float, error: SignalError | ToneNotFound
) -> SteadyPart:
    """Return the steady part of a take that is refused as a whole, or raise the reasons."""
    if take.duration < SHORTEST_S:
        raise type(error)(f"{path}: {error}") from error
    index = take.channels.index(channel) if len(take.channels) > 1 else 0
    try:
        part = longest_steady_part(take.samples[index], take.fs, frequency)
    except ToneNotFound as why:
        raise type(error)(f"{path}: {error}; {why}") from error
    if part.duration >= take.duration - 1.0 / take.fs:
        raise type(error)(f"{path}: {error}") from error
    return part


def part_of(take: Capture, path: Path, start: float | None, end: float | None) -> Capture:
    """Return a part of a take, judged anew.

    Parameters
    ----------
    take : Capture
        Samples of a whole file.
    path : Path
        The file, for messages.
    start, end : float or None
        Limits of the part in s; None stands for those of the file.

    Raises
    ------
    ParameterError
        The limits are not within the file, or in the wrong order.
    """
    first, last = start or 0.0, take.duration if end is None else end
    if not 0 <= first < last <= take.duration:
        raise ParameterError(
            f"{path}: --from {first:g} --to {last:g}: a part of its {take.duration:.2f} s is "
            "expected"
        )
    samples = take.samples[:, round(first * take.fs) : round(last * take.fs)]
    flags = take.flags
    if flags:  # those of the samples are judged anew
        signal = SignalChecks(take.channels, take.fs)
        signal.push(samples)
        passed = {check.name for check in signal.checks() if check.verdict == "pass"}
        flags = tuple(flag for flag in flags if flag.kind not in passed)
    return replace(take, samples=samples, clipped=clipped_in_file(samples), flags=flags)


def _channel_of(take: Capture, name: str, path: Path) -> str:
    """Return the name of the channel that a person names or numbers."""
    if name in take.channels:
        return name
    count = len(take.channels)
    if name.isdecimal() and count > 1 and 1 <= int(name) <= count:
        return take.channels[int(name) - 1]
    if count == 1 and not name.isdecimal():
        return name
    if name.isdecimal() and count == 1:
        raise ParameterError(
            f"{path}: one channel; name it as in the takes to be measured, e.g. --channel ch{name}"
        )
    raise ParameterError(
        f"{path}: {count} channels, none of them named {name}; name the one with the calibrator: "
        f"--channel {take.channels[0]} {path}, or {', '.join(take.channels[1:])}"
    )

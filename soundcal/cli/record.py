"""``soundcal record``: from a device into a file that is valid at every moment."""

import argparse
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.device_options import (
    add_device_options,
    calibration_for,
    channel_numbers,
    open_from,
)
from soundcal.cli.output import Advance, print_json, progress, say

if TYPE_CHECKING:
    from soundcal.calibration.model import Calibration
    from soundcal.cli.levels import RunningLevel
    from soundcal.devices import AudioDevice, Block
    from soundcal.files.writer import Writer
    from soundcal.recording import Flag
    from soundcal.takes.check import Check
    from soundcal.takes.judge import SignalChecks
    from soundcal.takes.tally import StreamTally

__all__ = ["add"]

_INTERRUPTED: Final = 130  # exit code after Ctrl-C
_RECORD_BYTES: Final = 16384  # that a record takes at most, and again for each channel
_SUBTYPES: Final = ("PCM_16", "PCM_24", "PCM_32", "FLOAT")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "record",
        help="record a device into a WAV or FLAC file",
        description="Record into a file that can be read at every moment, with its record (JSON) "
        "beside it. Without --duration it records until Ctrl-C.",
    )
    parser.add_argument("file", metavar="OUT", type=Path, help="file to write, .wav or .flac")
    parser.add_argument("--duration", type=float, metavar="S", help="length, s")
    parser.add_argument(
        "--inputs", type=channel_numbers, metavar="N,N", help="channels, e.g. 1,2 (default: all)"
    )
    parser.add_argument(
        "--names",
        type=lambda text: tuple(text.split(",")),
        metavar="A,B",
        help="channel names (default: left,right for two, mono for one)",
    )
    parser.add_argument(
        "--subtype", choices=_SUBTYPES, help="how samples are stored (FLOAT; .flac: PCM_24)"
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="JSON", help="shows the level in dB(A) re 20 µPa"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument("--json", action="store_true", help="the record as JSON on stdout")
    add_device_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Record until the duration is reached, the operator stops, or the device fails."""
    from soundcal.cli.levels import RunningLevel
    from soundcal.errors import ParameterError, RecordError
    from soundcal.files.atomic import Reserve, check_output
    from soundcal.files.records import RECORDING_SCHEMA, write_json
    from soundcal.stopping import uninterrupted
    from soundcal.takes.judge import SignalChecks
    from soundcal.takes.tally import StreamTally

    if options.duration is not None and not 0 < options.duration < 1e7:
        raise ParameterError(f"--duration {options.duration:g}: a positive time in s is expected")
    if options.duration is None and options.device.startswith("sim:") and not options.realtime:
        raise ParameterError(
            "a simulated lab as fast as possible has no end: give --duration or --realtime"
        )
    record = options.file.with_suffix(".json")
    for path in (options.file, record):
        check_output(path, force=options.force)
    with open_from(options) as device, ExitStack() as stack:
        calibration = calibration_for(options.calibration, device, "input")
        inputs = options.inputs or tuple(range(1, device.info.inputs + 1))
        level = RunningLevel(_names(options.names, len(inputs)), device.fs, calibration)
        wanted = None if options.duration is None else round(options.duration * device.fs)
        signal = SignalChecks(level.channels, device.fs)
        take = StreamTally(device.fs, len(inputs), device.info.host_api, wanted)
        with device.stream(inputs=inputs) as blocks:
            # nothing is touched on disk before the device has delivered something
            first = next(blocks)
            room = stack.enter_context(Reserve(record.parent, _RECORD_BYTES * (1 + len(inputs))))
            writer = _writer(options, device.fs, len(inputs), calibration)
            record.unlink(missing_ok=True)  # with --force: the old one speaks of another file
            exit_code = _record(chain([first], blocks), writer, take, signal, level)
        if take.n_samples == 0:
            options.file.unlink()
            raise RecordError(str(take.noted[0]))
        with uninterrupted():  # by a second Ctrl-C, or by one just after the end
            checks = _checks(device, take, signal, interrupted=exit_code == _INTERRUPTED)
            flags = _flags(take, checks, writer)
            content = _content(options, device, calibration, take, flags)
            content["checks"] = [check.to_dict() for check in checks]
            room.release()
            write_json(record, RECORDING_SCHEMA, content, force=options.force)
    _tell(options, take, level, flags, checks)
    if options.json:
        print_json(RECORDING_SCHEMA, content)
    return exit_code


def _names(given: tuple[str, ...] | None, n_channels: int) -> tuple[str, ...]:
    from soundcal.errors import ParameterError
    from soundcal.recording import channel_names

    if given is not None and (len(given) != n_channels or len(set(given)) != n_channels):
        raise ParameterError(f"--names {','.join(given)}: {n_channels} distinct names expected")
    return given or channel_names(n_channels)


def _writer(
    options: argparse.Namespace, fs: int, n_channels: int, calibration: "Calibration | None"
) -> "Writer":
    from soundcal.files.writer import RecordingSubtype, Writer

    usual: RecordingSubtype = "PCM_24" if options.file.suffix.lower() == ".flac" else "FLOAT"
    return Writer(
        options.file,
        fs,
        n_channels,
        subtype=options.subtype or usual,
        comment=calibration.id if calibration else "",
        force=options.force,
    )


def _record(
    blocks: Iterator["Block"],
    writer: "Writer",
    take: "StreamTally",
    signal: "SignalChecks",
    level: "RunningLevel",
) -> int:
    """Write blocks until the end; what went wrong goes into the take, what is there stays."""
    from soundcal.errors import DeviceError, RecordError

    total = None if take.total is None else take.total / take.fs
    try:
        with writer, progress("recording", total, unit="s") as advance:
            _write_blocks(blocks, writer, take, signal, level, advance)
    except KeyboardInterrupt:
        if take.total is not None:
            take.stop()
            return _INTERRUPTED
    except (DeviceError, RecordError) as error:
        take.n_samples = writer.n_samples
        take.fail(str(error))
        return DeviceError.exit_code
    finally:
        take.n_samples = writer.n_samples  # whatever interrupted the last block
        take.end()
    return 0


def _write_blocks(
    blocks: Iterator["Block"],
    writer: "Writer",
    take: "StreamTally",
    signal: "SignalChecks",
    level: "RunningLevel",
    advance: Advance,
) -> None:
    for block in blocks:
        samples = block.samples
        if take.total is not None:
            samples = samples[:, : take.total - writer.n_samples]
        writer.write(samples)
        level.push(samples)
        signal.push(samples)
        for flag in block.flags:
            take.report(flag, block.position)
        take.add(samples, block.position + block.samples.shape[1], block.time)
        advance(take.n_samples / take.fs, level.remark)
        if take.total is not None and take.n_samples >= take.total:
            return


def _beside(calibration: Path, file: Path) -> str:
    """Return the path of the calibration as seen from the recording's folder."""
    try:
        return Path(os.path.relpath(calibration, file.parent)).as_posix()
    except ValueError:  # another drive of Windows
        return str(calibration.resolve())


def _content(
    options: argparse.Namespace,
    device: "AudioDevice",
    calibration: "Calibration | None",
    take: "StreamTally",
    flags: "Sequence[Flag]",
) -> dict[str, Any]:
    """Return the record that stands beside the file, without its checks."""
    from soundcal.files.atomic import file_digest

    card = device.info.kind == "soundcard"
    listed = [flag.to_dict() for flag in flags]
    return {
        "audio": options.file.name,
        "sha256": file_digest(options.file),
        "fs": device.fs,
        "calibration": calibration.id if calibration else None,
        "calibration_file": _beside(options.calibration, options.file) if calibration else None,
        "capture": {
            "fs": device.fs,
            "channels": list(_names(options.names, take.clipped.size)),
            "n_samples": take.n_samples,
            "device": device.info.identity,
            "simulated": not card,
            "xruns": take.xruns,
            "clipped": take.clipped.tolist(),
            "delivered_rate": take.rate if card else None,
            "latency": None,
            "flags": listed,
            "started": take.started,
        },
        "flags": listed,
    }


def _flags(take: "StreamTally", checks: "Sequence[Check]", writer: "Writer") -> "tuple[Flag, ...]":
    from soundcal.recording import LIMITED, Flag
    from soundcal.takes.check import flags_of

    flags = (*take.noted, *flags_of(checks))
    if not writer.limited:
        return flags
    return (
        *flags,
        Flag(LIMITED, f"{writer.limited} samples beyond full scale were limited to it"),
    )


def _checks(
    device: "AudioDevice", take: "StreamTally", signal: "SignalChecks", *, interrupted: bool
) -> "tuple[Check, ...]":
    """Return the verdicts on the take; an interrupted one is as long as it is."""
    from soundcal.devices.path import path_checks
    from soundcal.takes.judge import stream_checks

    card = device.info.kind == "soundcard"
    stream = stream_checks(
        n_samples=take.n_samples,
        fs=device.fs,
        expected=None if interrupted else take.total,
        xruns=take.xruns,
        delivered_rate=take.rate if card else None,
        missing=take.missing if card else None,
    )
    return (*path_checks(device.info), *stream, *signal.checks())


def _tell(
    options: argparse.Namespace,
    take: "StreamTally",
    level: "RunningLevel",
    flags: "Sequence[Flag]",
    checks: "Sequence[Check]",
) -> None:
    n_channels = len(level.channels)
    say(f"{options.file}: {take.n_samples / options.fs:.2f} s, {n_channels} channels")
    overall = ", ".join(f"{name} {value:.1f}" for name, value in level.overall.items())
    say(f"level over all: {overall} {level.unit}")
    for flag in flags:
        say(f"flag: {flag}")
    counts = Counter(check.verdict for check in checks)
    verdict = next(word for word in ("invalid", "suspect", "pass") if counts[word])
    say(f"verdict: {verdict} ({counts['pass']} of {len(checks)} checks passed)")

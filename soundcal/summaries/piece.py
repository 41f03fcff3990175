"""Summaries of one piece of one file, with the calibration, checks and flags of measuring."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from itertools import pairwise

from soundcal.dsp.signal import pressure_array
from soundcal.dsp.workspace import give_back
from soundcal.errors import ParameterError, SignalError
from soundcal.files import audio
from soundcal.indicators.rows import BINAURAL
from soundcal.prepared import BLOCK, TIDY, PreparedFile, Task, check_task, prepared_file
from soundcal.recording import Flag
from soundcal.summaries.seconds import (
    KeptSeries,
    PieceSeconds,
    SecondSeries,
    check_kept,
    seconds_of,
)
from soundcal.summaries.stages import PieceOfFile, Stage, open_stages
from soundcal.summaries.summary import Summary
from soundcal.summaries.values import SeriesKey, check_mergeable
from soundcal.summaries.warm_up import Span
from soundcal.takes.check import Check
from soundcal.takes.file_checks import FileChecks

__all__ = ["PieceResult", "check_piece_task", "summarise_piece"]


@dataclass(frozen=True, slots=True)
class PieceResult:
    """Summaries of a piece of a file.

    Parameters
    ----------
    path : str
        The file.
    fs : int
        Its sampling rate in Hz.
    first, last : int
        First sample of the piece, and the one after the last.
    channels : tuple of str
        Names of the channels of the file.
    summaries : mapping of str to tuple of Summary
        Summaries by channel; ``binaural`` for the values of both ears that the hearing model
        defines, if the ear rules ask for them.
    valid : mapping of str to bool
        False for a channel of the piece that is dead or whose samples are not those of the sound.
    flags : tuple of Flag
        Reasons to doubt the summaries. Times in them count from the beginning of the piece.
    notes : tuple of str
        Assumptions that were made, which are no reason to doubt the summaries.
    missing : mapping of str to str
        The reason for each indicator for which the file is too short.
    calibration : str
        Identity of the calibration.
    field : str
        Sound field that was assumed.
    point : str
        Reference point of the pressure; empty if it is not stated.
    kept : mapping of str to tuple of SecondSeries
        Series that are kept, by channel.
    seconds : PieceSeconds, optional
        The seconds of these series.
    """

    path: str
    fs: int
    first: int
    last: int
    channels: tuple[str, ...]
    summaries: Mapping[str, tuple[Summary, ...]]
    valid: Mapping[str, bool]
    flags: tuple[Flag, ...] = ()
    notes: tuple[str, ...] = ()
    missing: Mapping[str, str] = dataclass_field(default_factory=dict)
    calibration: str = ""
    field: str = ""
    point: str = ""
    kept: Mapping[str, tuple[SecondSeries, ...]] = dataclass_field(default_factory=dict)
    seconds: PieceSeconds | None = None


def check_piece_task(task: Task) -> None:
    """Refuse a task that cannot be summarised, before the first file is read.

    Raises
    ------
    ParameterError
        As for :func:`soundcal.prepared.check_task`; or indicators that do not follow from pieces,
        another engine than soundcal's own, an uncertainty or series that are to be kept.
    """
    check_task(task)
    check_mergeable(task.wanted)
    if task.engine != "soundcal":
        raise ParameterError(f"engine {task.engine!r} has no summaries; soundcal's own is expected")
    if task.uncertainty or task.kept:
        asked = "an uncertainty" if task.uncertainty else "series"
        raise ParameterError(f"no summaries of {asked}; measure single files for it")


def summarise_piece(
    path: str | os.PathLike[str],
    task: Task,
    first: int = 0,
    last: int | None = None,
    *,
    threads: int | None = None,
    keep: Sequence[SeriesKey] = (),
    start: int | None = None,
) -> PieceResult:
    """Summarise a piece of a file as if the whole file were measured in one run.

    Reads only the samples of the piece and those that its stages need before and after it
    (:mod:`soundcal.summaries.warm_up`).

    Parameters
    ----------
    path : path
        Audio file.
    task : Task
        The measurement task.
    first, last : int
        First sample of the piece, and the one after the last; by default the whole file. Memory
        grows with the piece, by some 10 MB per minute.
    threads : int, optional
        Largest number of threads; by default one per channel, up to the number of cores.
    keep : sequence of (symbol, series)
        Series that are kept second by second (:mod:`soundcal.summaries.seconds`).
    start : int, optional
        Start of the file in µs since 1970-01-01 UTC, for these seconds; None if it is not known.

    Raises
    ------
    RecordError
        The file cannot be read, or does not match the record beside it.
    SignalError
        Not calibrated, not finite, or too short for all wanted indicators.
    ParameterError
        As for :func:`check_piece_task`; a piece that is not in the file; a known level of a
        recording of which the piece is only a part; or what the calibration or the ear rule does
        not have.
    """
    check_piece_task(task)
    check_kept(keep, task.wanted)
    if task.levels and (first, last) != (0, None):
        raise ParameterError(
            f"{path}: the known level is that of the whole recording, which cannot be summarised "
            "in pieces; calibrate it, or state its sensitivity"
        )
    ready = prepared_file(path, task)
    about, channels = ready.file.about, ready.file.channels
    end = about.n_samples if last is None else last
    if not 0 <= first < end <= about.n_samples:
        raise ParameterError(
            f"{path}: samples {first} to {end} are no piece of it; it has {about.n_samples}"
        )
    piece = PieceOfFile(first, end, about.n_samples, about.fs, channels)
    kept = KeptSeries(tuple(keep), seconds_of(first, end, about.fs, start)) if keep else None
    binaural = BINAURAL in task.ears
    stages = open_stages(
        piece, task.wanted, ready.field, binaural=binaural, threads=threads, kept=kept
    )
    judged = ready.open_checks()
    _feed(ready, piece, stages, judged)
    found: dict[str, list[Summary]] = {}
    warnings: list[str] = []
    missing: dict[str, str] = {}
    for stage in stages:
        summaries, texts = stage.finish()
        warnings += texts
        missing |= stage.missing
        for channel, of_channel in summaries.items():
            found.setdefault(channel, []).extend(of_channel)
    if not any(found.values()):
        raise SignalError(f"{path}: {'; '.join(dict.fromkeys(missing.values()))}")
    checks = judged.checks()
    return PieceResult(
        path=str(path),
        fs=about.fs,
        first=first,
        last=end,
        channels=channels,
        summaries={channel: tuple(of_channel) for channel, of_channel in found.items()},
        valid=_validity(found, judged.dead, checks),
        flags=ready.flags(checks, warnings),
        notes=ready.notes(),
        missing=missing,
        calibration=ready.file.calibration.id,
        field=ready.field,
        point=ready.referred.point,
        kept=_joined(stage.kept for stage in stages),
        seconds=kept.seconds if kept else None,
    )


def _joined(
    kept: Iterable[Mapping[str, Sequence[SecondSeries]]],
) -> dict[str, tuple[SecondSeries, ...]]:
    """Return the kept series of all stages by channel."""
    found: dict[str, tuple[SecondSeries, ...]] = {}
    for of_stage in kept:
        for channel, series in of_stage.items():
            found[channel] = (*found.get(channel, ()), *series)
    return found


def _feed(
    ready: PreparedFile, piece: PieceOfFile, stages: Sequence[Stage], judged: FileChecks
) -> None:
    """Read what the stages need, and give each of them the samples of its span."""
    ringing = sum(equaliser.taps.shape[1] - 1 for equaliser in ready.referred.equalisers)
    start = max(0, min(stage.span.start for stage in stages) - ringing)
    stop = max(stage.span.stop for stage in stages)
    at, factors, fs = start, ready.factors, ready.file.about.fs
    blocks = audio.blocks(ready.file.path, BLOCK, start=start, stop=stop)
    for number, block in enumerate(blocks):
        pressure = pressure_array(ready.referred.process(block) * factors, fs)
        for part in _cut(at, at + block.shape[1], piece):
            inside = slice(part.start - at, part.stop - at)
            if piece.first <= part.start < piece.last:
                judged.push(block[:, inside])
            for stage in stages:
                if part.start == piece.first:
                    stage.restart()
                own = _common(part, stage.span)
                if own.start < own.stop:
                    stage.push(pressure[:, own.start - at : own.stop - at])
        at += block.shape[1]
        if number % TIDY == 0:
            give_back()


def _cut(start: int, stop: int, piece: PieceOfFile) -> Iterator[Span]:
    """Cut samples where the piece begins and ends."""
    limits = [start, *(cut for cut in (piece.first, piece.last) if start < cut < stop), stop]
    for begin, end in pairwise(limits):
        yield Span(begin, end)


def _common(one: Span, other: Span) -> Span:
    return Span(max(one.start, other.start), min(one.stop, other.stop))


def _validity(
    found: Mapping[str, Sequence[Summary]], dead: Sequence[str], checks: Sequence[Check]
) -> dict[str, bool]:
    """Return for each channel whether its samples are those of the sound; both ears need both."""
    bad = {check.channel for check in checks if check.verdict == "invalid"} | set(dead)
    if "" in bad:
        return dict.fromkeys(found, False)
    return {name: not bad if name == BINAURAL else name not in bad for name in found}

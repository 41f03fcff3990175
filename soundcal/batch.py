"""Indicators of audio files of any length, and of many files: ordered, parallel, failures kept.

A file is read in blocks, so memory does not grow with its length. Its calibration is the given one,
or the one named in the JSON record beside the file. A file that cannot be measured gives a row with
the indicator ``failed`` and the reason, and the other files are measured all the same. Likewise, an
indicator for which a file is too short gives such a row beside the rows of the other indicators.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from pathlib import Path

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.workspace import give_back
from soundcal.errors import ParameterError, SignalError, SoundcalError
from soundcal.files import audio
from soundcal.indicators.analysis import Analysis
from soundcal.indicators.engines import MosqitoAnalysis, open_engine
from soundcal.indicators.names import merged_statistics
from soundcal.indicators.prominence.result import ProminenceResult, RatedTone
from soundcal.indicators.response_uncertainty import (
    SpectrumOfChannels,
    channel_errors,
    with_responses,
)
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.rows import (
    BINAURAL,
    EACH,
    FAILED,
    TidyRow,
    by_rules,
    tidy_rows,
)
from soundcal.indicators.stream import StreamRequest
from soundcal.isolation import from_here, safe_children
from soundcal.prepared import BLOCK, TIDY, PreparedFile, Task, check_task, prepared_file
from soundcal.recording import EARS, AppliedResponse, Flag
from soundcal.stopping import interrupts_not_inherited
from soundcal.takes.check import Check
from soundcal.takes.file_checks import FileChecks
from soundcal.units import from_db
from soundcal.version import __version__

__all__ = ["FileResult", "measure_file", "measure_files"]

Progress = Callable[[float], None]

_Fed = tuple[Array, Analysis | MosqitoAnalysis | SpectrumOfChannels]
"""Factors from samples to pascal, shape (n_channels, 1), and what takes the pressure."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """Result of one file.

    Parameters
    ----------
    path : str
        The file.
    rows : tuple of TidyRow
        Its rows of the tidy table.
    flags : tuple of Flag
        Reasons to doubt the rows.
    error : str
        The reason why the file could not be measured; empty if it was.
    channels : tuple of str
        Names of the channels, in the order of the results' leading axis.
    missing : mapping of str to str
        The reason for each indicator for which the file is too short, by symbol, and for each ear
        rule without an ear that it needs, by its name.
    results : mapping of str to IndicatorResult
        Results of the indicators in :attr:`Task.kept`, with their series, by symbol.
    notes : tuple of str
        Assumptions that were made, which are no reason to doubt the rows.
    sensitivities : mapping of str to float
        Sensitivity of each channel in Pa per full scale, by which it was measured.
    tones : mapping of str to tuple of RatedTone
        Tones of each channel, prominent or not, if one of their ratios is wanted.
    field : str
        Sound field that was assumed.
    point : str
        Reference point of the pressure that was measured; empty if it is not stated.
    equalisation : tuple of AppliedResponse
        Responses by which the pressure came to this point.
    of_responses : mapping of str to mapping
        Standard uncertainty that these responses bring into levels in dB, and into N and S relative
        to their values, by channel (:meth:`ResponseUncertainty.summary`); empty unless
        :attr:`Task.uncertainty` is set.
    """

    path: str
    rows: tuple[TidyRow, ...]
    flags: tuple[Flag, ...] = ()
    error: str = ""
    channels: tuple[str, ...] = ()
    missing: Mapping[str, str] = dataclass_field(default_factory=dict)
    results: Mapping[str, IndicatorResult] = dataclass_field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sensitivities: Mapping[str, float] = dataclass_field(default_factory=dict)
    tones: Mapping[str, tuple[RatedTone, ...]] = dataclass_field(default_factory=dict)
    field: str = ""
    point: str = ""
    equalisation: tuple[AppliedResponse, ...] = ()
    of_responses: Mapping[str, Mapping[str, float]] = dataclass_field(default_factory=dict)


def _without_dead(rows: Sequence[TidyRow], dead: Sequence[str]) -> list[TidyRow]:
    """Return the rows without the values of dead channels: they are no silence, but nothing."""
    return [replace(row, value=math.nan, u=None) if row.channel in dead else row for row in rows]


def _no_ears(rule: str, channels: Sequence[str]) -> str:
    """Return the reason why a rule has no ears to combine; "" if it has, or needs none."""
    if rule == EACH or set(channels) == set(EARS):
        return ""
    return (
        f"the ear rule {rule!r} needs the channels left and right, found {', '.join(channels)}; "
        "name them (--channels left,right), or leave out the ear rule (--ears)"
    )


def _one_ear(rule: str, dead: Sequence[str], checks: Iterable[Check]) -> str:
    """Return the reason why there is no value of both ears; "" if there is one."""
    needed = (rule,) if rule in EARS else () if rule == EACH else EARS
    reasons = [check.reason for check in checks if check.channel in dead and check.reason]
    if not set(needed) & set(dead):
        return ""
    return f"no value for the ear rule {rule!r}: {'; '.join(reasons)}"


def measure_file(
    path: str | os.PathLike[str],
    task: Task,
    *,
    label: str = "",
    threads: int | None = None,
    progress: Progress | None = None,
) -> FileResult:
    """Measure one file, block by block.

    An indicator for which the file is too short is missing in the result, with the reason.

    Parameters
    ----------
    path : path
        Audio file.
    task : Task
        The measurement task.
    label : str
        Name of the recording in the table; by default the path.
    threads : int, optional
        Largest number of threads; by default one per channel, up to the number of cores.
    progress : callable, optional
        Called with the seconds of audio done so far.

    Raises
    ------
    RecordError
        The file cannot be read, or does not match the record beside it.
    SignalError
        Not calibrated, not finite, or too short for all wanted indicators.
    ParameterError
        Unknown indicator, channels that the calibration or the ear rule does not have, or a
        calibration of an output or of another device.
    """
    path = Path(path)
    ready = prepared_file(path, task)
    about, channels, calibration = ready.file.about, ready.file.channels, ready.file.calibration
    u_db = [calibration.chain(name).u_db for name in channels]
    field, factors, referred = ready.field, ready.factors, ready.referred
    request = StreamRequest(
        about.fs,
        merged_statistics(task.wanted, task.kept),
        field,
        bool(task.kept),
    )
    analysis = open_engine(task.engine, request, about.n_channels, threads)
    fed: list[_Fed] = [(factors, analysis)]
    equalisation = referred.applied()
    errors = channel_errors(equalisation, channels) if task.uncertainty or any(u_db) else {}
    spectrum = SpectrumOfChannels(about.fs, about.n_channels)
    if errors:
        fed.append((factors, spectrum))
    raised = None
    if task.uncertainty and any(u_db):
        request = replace(request, wanted=task.wanted, keep=False)
        raised = open_engine(task.engine, request, about.n_channels, threads)
        fed.append((factors * from_db(np.array(u_db))[:, np.newaxis], raised))
    judged = ready.open_checks()
    _feed(ready, fed, judged, progress)
    checks = judged.checks()
    reasons = {
        rule: _no_ears(rule, channels) or _one_ear(rule, judged.dead, checks) for rule in task.ears
    }
    if all(reasons.values()):
        raise SignalError(f"{path}: {'; '.join(dict.fromkeys(reasons.values()))}")
    results, refused = analysis.finish_possible()
    missing = {symbol: refused[symbol] for symbol in task.wanted if symbol in refused}
    if missing and len(missing) == len(task.wanted):
        raise next(iter(missing.values()))
    rows = tidy_rows(
        results,
        {symbol: found for symbol, found in task.wanted.items() if symbol not in missing},
        recording=label or str(path),
        channels=channels,
        calibration=calibration.id,
        u_db=u_db,
        shifted=raised.finish_possible()[0] if raised is not None else None,
        engine=task.engine,
        field=field,
        binaural=BINAURAL in task.ears,
        equalisation=equalisation,
    )
    of_responses = spectrum.uncertainty(errors, field) if errors else {}
    rows = with_responses(rows, of_responses, dict(zip(channels, u_db, strict=True)))
    rows = _without_dead(rows, judged.dead)
    rows = by_rules(rows, [rule for rule in task.ears if not reasons[rule]])
    missing |= {rule: SignalError(reason) for rule, reason in reasons.items() if reason}
    rows += [_failed(label or str(path), f"{s}: {e}", calibration.id) for s, e in missing.items()]
    warnings = [text for result in results.values() for text in result.warnings]
    return FileResult(
        path=str(path),
        rows=tuple(rows),
        flags=ready.flags(checks, warnings),
        channels=tuple(channels),
        missing={symbol: str(error) for symbol, error in missing.items()},
        results={symbol: results[symbol] for symbol in task.kept if symbol in results},
        notes=ready.notes(),
        sensitivities=ready.file.sensitivities,
        tones=_tones(results.values(), channels, judged.dead),
        field=field,
        point=referred.point,
        equalisation=equalisation,
        of_responses={name: found.summary() for name, found in of_responses.items()}
        if task.uncertainty
        else {},
    )


def _tones(
    results: Iterable[IndicatorResult], channels: Sequence[str], dead: Sequence[str]
) -> dict[str, tuple[RatedTone, ...]]:
    """Return the tones of every channel that is not dead; both ratios have the same."""
    found = next((result for result in results if isinstance(result, ProminenceResult)), None)
    if found is None:
        return {}
    named = zip(channels, found.tones, strict=True)
    return {name: tones for name, tones in named if name not in dead}


def _failed(recording: str, reason: str, calibration: str) -> TidyRow:
    """Return the row of a file or indicator that could not be measured."""
    return TidyRow(
        recording=recording,
        channel="",
        indicator=FAILED,
        statistic=reason,
        value=math.nan,
        unit="",
        u=None,
        calibration=calibration,
        software=f"soundcal {__version__}",
    )


def _feed(
    ready: PreparedFile, streams: Sequence[_Fed], judged: FileChecks, progress: Progress | None
) -> None:
    """Push a file's pressure, referred, into the streams, and its samples into the checks."""
    done = 0
    for number, block in enumerate(audio.blocks(ready.file.path, BLOCK)):
        judged.push(block)
        filtered = ready.referred.process(block)
        for factors, stream in streams:
            stream.push(filtered * factors)
        if number % TIDY == 0:
            give_back()
        done += block.shape[1]
        if progress is not None:
            progress(done / ready.file.about.fs)


def _kept(path: str, task: Task, threads: int | None, progress: Progress | None) -> FileResult:
    """Measure one file; an error that soundcal raises becomes a row."""
    try:
        return measure_file(path, task, threads=threads, progress=progress)
    except SoundcalError as error:
        identity = task.calibration.id if task.calibration is not None else ""
        row = _failed(path, str(error), identity)
        return FileResult(path=path, rows=(row,), error=str(error))


def measure_files(
    paths: Iterable[str | os.PathLike[str]],
    task: Task,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Iterator[FileResult]:
    """Measure many files and give their results in the order of the files.

    Parameters
    ----------
    paths : iterable of path
        Audio files.
    task : Task
        What to measure.
    jobs : int
        Files measured at the same time, each in a process of its own. With 1, the channels of a
        file use the cores.
    progress : callable, optional
        Called with the seconds of audio done so far, over all files.

    Yields
    ------
    FileResult
        One per file, failures included.

    Raises
    ------
    ParameterError
        No file, a number of jobs below 1, an unknown indicator, field or ear rule, or an indicator
        that lacks the field or the binaural value.
    """
    names = [os.fspath(path) for path in paths]
    if not names:
        raise ParameterError("no files; at least one is expected")
    if jobs < 1:
        raise ParameterError(f"{jobs} jobs; at least 1 is expected")
    check_task(task)
    durations = [_duration(name) for name in names]
    results = (
        _one_by_one(names, durations, task, progress) if jobs == 1 else _abreast(names, task, jobs)
    )
    done = 0.0
    for result, duration in zip(results, durations, strict=True):
        done += duration
        if progress is not None:
            progress(done)
        yield result


def total_duration(paths: Iterable[str | os.PathLike[str]]) -> float:
    """Return the seconds of audio in all files; files that cannot be read count as 0 s."""
    return sum(_duration(os.fspath(path)) for path in paths)


def _duration(path: str) -> float:
    try:
        return audio.info(path).duration
    except SoundcalError:
        return 0.0  # the reason becomes the file's row


def _one_by_one(
    names: Sequence[str], durations: Sequence[float], task: Task, progress: Progress | None
) -> Iterator[FileResult]:
    before = 0.0
    for name, duration in zip(names, durations, strict=True):
        start = before

        def advance(seconds: float, start: float = start) -> None:
            if progress is not None:
                progress(start + seconds)

        yield _kept(name, task, None, advance)
        before += duration


def _abreast(names: Sequence[str], task: Task, jobs: int) -> Iterator[FileResult]:
    from joblib import Parallel, delayed

    threads = max(1, (os.cpu_count() or 1) // jobs)
    parallel = Parallel(n_jobs=jobs, return_as="generator")
    with safe_children():
        kept = delayed(from_here(_kept))
        with interrupts_not_inherited():
            results = parallel(kept(name, task, threads, None) for name in names)
        yield from results

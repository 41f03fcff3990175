"""The work of a run that workers do: they look at files, and measure pieces of them.

A worker returns the bytes of a Parquet file and writes nothing: the command that began the run
writes all files, so workers need no access to the folder of the dataset, and one that is killed
leaves nothing behind.
"""

import os
import pickle
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache

from soundcal.errors import ParameterError, RecordError, SoundcalError
from soundcal.recording import NOT_MEASURED, Flag
from soundcal.runs.columns import encoded_summaries
from soundcal.runs.copies import local_copy
from soundcal.runs.dataset import short_hash
from soundcal.runs.listing import relative_name
from soundcal.runs.plan import AudioFile, FilePiece, content_now, looked_at
from soundcal.runs.remote import OF_ONE_FILE, is_address, stamp
from soundcal.runs.series import encoded_series, seconds_metadata
from soundcal.runs.settings import RunSettings
from soundcal.runs.versions import differing, installed
from soundcal.summaries.columns import series_metadata, to_columns
from soundcal.summaries.piece import summarise_piece
from soundcal.version import __version__

__all__ = ["Job", "PieceDone", "Problem", "look_at_files", "measure_pieces"]


@dataclass(frozen=True, slots=True)
class Job:
    """Settings, root and versions that all bundles of a run have in common.

    Parameters
    ----------
    settings : RunSettings
        Settings of the run.
    root : str
        Folder below which the recordings have their names.
    versions : mapping of str to str
        Versions with which the run was begun.
    """

    settings: RunSettings
    root: str
    versions: Mapping[str, str]

    def packed(self) -> bytes:
        """Return the job as bytes, which workers unpack once."""
        return pickle.dumps(self)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file or piece could not be measured.

    ``unreachable`` is true if its disk or server seems to be away, so that another try may help.
    ``content`` is the identity of the content of a file that can be read but not measured.
    """

    reason: str
    unreachable: bool = False
    content: str = ""


@dataclass(frozen=True, slots=True)
class PieceDone:
    """The result of a piece.

    Parameters
    ----------
    content : bytes
        Its Parquet file; empty if there is a problem.
    series : bytes
        The Parquet file of its series; empty if none are kept.
    problem : Problem, optional
        Why it could not be measured.
    processor_s, wall_s : float
        Processor time and time that it took, s.
    """

    content: bytes
    problem: Problem | None
    processor_s: float
    wall_s: float
    series: bytes = b""

    @property
    def n_bytes(self) -> int:
        """Bytes of its files."""
        return len(self.content) + len(self.series)


@lru_cache(maxsize=4)
def _job(packed: bytes) -> tuple[Job, str, dict[str, str]]:
    """Return the job, the hash of its settings and the metadata of its files.

    Raises
    ------
    ParameterError
        This worker has other versions than the run was begun with.
    """
    job: Job = pickle.loads(packed)
    if other := differing(installed(), job.versions):
        raise ParameterError(
            f"a worker on {platform.node()} has {other}; install the same versions on all machines"
        )
    task_hash = job.settings.task_hash
    metadata = {
        **series_metadata(job.settings.task.wanted),
        "soundcal.task": short_hash(task_hash),
        "soundcal.piece_s": str(job.settings.piece_s),
    }
    return job, task_hash, metadata


def look_at_files(packed: bytes, names: Sequence[str]) -> list[AudioFile | Problem]:
    """Return what the headers of files tell, or why they do not."""
    job, _, _ = _job(packed)
    found: list[AudioFile | Problem] = []
    for name in names:
        try:
            found.append(looked_at(name, job.settings.clock, full_hash=job.settings.full_hash))
        except (SoundcalError, OSError) as error:
            problem = _problem(name, error)
            with suppress(SoundcalError, OSError):
                content = content_now(name, full_hash=job.settings.full_hash)
                problem = replace(problem, content=content)
            found.append(problem)
    return found


def measure_pieces(packed: bytes, pieces: Sequence[FilePiece]) -> list[PieceDone]:
    """Return the summaries of pieces, each as a Parquet file, or why there are none."""
    job, task_hash, metadata = _job(packed)
    done = []
    for piece in pieces:
        processor, wall = time.thread_time(), time.perf_counter()
        content, series, problem = b"", b"", None
        try:
            content, series = _summaries(piece, job, task_hash, metadata)
        except (SoundcalError, OSError) as error:
            problem = _problem(piece.file.name, error)
        done.append(
            PieceDone(
                content,
                problem,
                time.thread_time() - processor,
                time.perf_counter() - wall,
                series,
            )
        )
    return done


def _summaries(
    piece: FilePiece, job: Job, task_hash: str, metadata: Mapping[str, str]
) -> tuple[bytes, bytes]:
    """Return the Parquet file of a piece, and that of its series, empty if none are kept."""
    file, settings = piece.file, job.settings
    result = summarise_piece(
        local_copy(file.name, file.content),
        settings.task,
        piece.first,
        piece.last,
        threads=1,
        keep=settings.keep,
        start=file.start,
    )
    if stamp(file.name) != file.stamp:
        raise RecordError(
            f"{file.name}: changed while it was measured; run the same command again when it is "
            "complete"
        )
    recording = relative_name(file.name, job.root)
    folder = recording.partition("/")[0] if "/" in recording else os.path.basename(job.root)
    rows = [(name, one) for name, found in result.summaries.items() for one in found]
    flags = [
        *result.flags,
        *([Flag("start", file.doubt)] if file.doubt else []),
        *(
            Flag(f"{symbol} {NOT_MEASURED}", f"{symbol} not measured: {reason}")
            for symbol, reason in result.missing.items()
        ),
    ]
    same = {
        "recording": recording,
        "station": settings.station or folder,
        "content_id": file.content,
        "first_sample": piece.first,
        "n_samples": piece.last - piece.first,
        "file_samples": file.n_samples,
        "fs": file.fs,
        "start_utc": piece.start,
        "flags": list(dict.fromkeys(flag.kind for flag in flags)),
        "reasons": [flag.text for flag in flags],
        "calibration": _stated(settings.task.sensitivities) or result.calibration,
        "task": short_hash(task_hash),
        "software": f"soundcal {__version__}",
    }
    columns = {
        **{name: [value] * len(rows) for name, value in same.items()},
        **to_columns([one for _, one in rows]),
        "channel": [name for name, _ in rows],
        "valid": [result.valid[name] for name, _ in rows],
    }
    series = b""
    if settings.keep:
        of_rows = {name: same[name] for name in ("recording", "station", "content_id", "fs")}
        told = seconds_metadata(settings.keep) | {"soundcal.task": short_hash(task_hash)}
        series = encoded_series(result, of_rows, file.start, told)
    return encoded_summaries(columns, metadata), series


def _stated(sensitivities: Sequence[float]) -> str:
    """Return the name of a stated calibration: one made for each piece would differ in its time.

    >>> _stated((1.0, 1.02)), _stated(())
    ('stated 1, 1.02 Pa per full scale', '')
    """
    values = ", ".join(f"{value:.6g}" for value in sensitivities)
    return f"stated {values} Pa per full scale" if values else ""


def _problem(name: str, error: SoundcalError | OSError) -> Problem:
    """Return why a file could not be measured, and whether its disk or server seems to be away."""
    reason = (isinstance(error, OSError) and error.strerror) or str(error)
    if name not in reason:
        reason = f"{name}: {reason}"
    if isinstance(error, ParameterError):
        return Problem(reason)
    try:
        stamp(name)
    except FileNotFoundError:
        return Problem(reason, unreachable=not is_address(name) and not _has_neighbours(name))
    except OSError as away:
        return Problem(reason, unreachable=away.errno not in OF_ONE_FILE)
    return Problem(reason)


def _has_neighbours(name: str) -> bool:
    """Return whether the folder of a missing file is there, so that only the file is missing.

    The folder on which a share was mounted is there and empty while the share is away.
    """
    try:
        with os.scandir(os.path.dirname(name)) as entries:
            return next(entries, None) is not None
    except OSError:
        return False

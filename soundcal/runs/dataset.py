"""The dataset of a run: a folder of Parquet files that any tool reads; needs pyarrow.

``summaries/day=2026-01-31/`` holds a file for every piece that starts on this day in UTC, and
``day=undated`` those of recordings without a known start. The name of a file follows from the
recording, its content, the first sample and the task. Whoever computes a piece therefore writes
the same bytes under the same name, so that two runs at once do no harm, and what is missing is
seen from the names alone. A file appears under its name when it is complete. ``series/`` has files
of the same names with the series of the pieces, if they are kept (:mod:`soundcal.runs.series`).
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundcal.errors import RecordError
from soundcal.files.atomic import make_folder, partial_file
from soundcal.files.records import read_json
from soundcal.runs.columns import piece_fields
from soundcal.runs.versions import check_installed

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "RUN_SCHEMA",
    "SERIES",
    "SUMMARIES",
    "UNDATED_DAY",
    "Finished",
    "day_of",
    "folder_in",
    "piece_name",
    "read_batches",
    "read_file",
    "read_piece",
    "read_run",
    "read_summaries",
    "recording_key",
    "short_hash",
    "summary_days",
    "write_piece",
]

RUN_SCHEMA: Final = "soundcal/run/1"
"""Value of the key ``schema`` in the ``run.json`` of a dataset."""

UNDATED_DAY: Final = "undated"
"""Day of the pieces of recordings whose start is not known."""

SUMMARIES: Final = "summaries"
SERIES: Final = "series"
"""Folders of a dataset."""

_RUN: Final = "run.json"
_KEY: Final = 16
_OTHER_SCHEMA: Final = (
    "another version of soundcal or another program wrote it; measure the recordings again into a "
    "new folder"
)

_OWN: Final = re.compile(
    r".*day=(undated|\d{4}-\d\d-\d\d)[/\\][0-9a-f]{16}-[0-9a-f]{16}-\d{15}-[0-9a-f]{16}\.parquet",
    re.DOTALL,
)
"""Path of a file that :func:`write_piece` writes."""

_WIDTH: Final = 2 * (_KEY + 1) + 15 + 1 + _KEY
"""Letters of a name without its ending: recording, content, first sample, task."""


def recording_key(recording: str) -> str:
    """Return the 16 hexadecimal digits that stand for a recording in names of files.

    >>> recording_key("north/a.wav")
    '6819e037e601cb8e'
    """
    return hashlib.sha256(recording.encode("utf-8", "surrogateescape")).hexdigest()[:_KEY]


def piece_name(recording: str, content: str, first: int, task_hash: str) -> str:
    """Return the name of a piece's file, without its ending."""
    return f"{recording_key(recording)}-{content[:_KEY]}-{first:015d}-{short_hash(task_hash)}"


def short_hash(task_hash: str) -> str:
    """Return the part of the hash of a run's settings that stands in names of files and in rows."""
    return task_hash[:_KEY]


def day_of(start: datetime | None) -> str:
    """Return the day of a piece's start in UTC, such as 2026-01-31, or :data:`UNDATED_DAY`."""
    return UNDATED_DAY if start is None else start.date().isoformat()


def write_piece(folder: Path, day: str, name: str, content: bytes, kind: str = SUMMARIES) -> None:
    """Write a file of a piece; another run may write the same one at the same time.

    Parameters
    ----------
    folder : Path
        Folder of the dataset.
    day, name : str
        Day in UTC of the piece's start, and name as of :func:`piece_name`.
    content : bytes
        A Parquet file.
    kind : {"summaries", "series"}
        Folder in the dataset.

    Raises
    ------
    RecordError
        It cannot be written.
    """
    place = folder_in(folder, kind, f"day={day}")
    with partial_file(place / f"{name}.parquet", force=True, ending="") as temporary:
        temporary.write_bytes(content)


def folder_in(dataset: Path, *names: str) -> Path:
    """Make a folder in a dataset, unless it is there, and return it.

    Raises
    ------
    RecordError
        It cannot be made; or the dataset is no longer there. The place at which its disk was
        mounted may be a folder of another disk now, in which nobody would look for results.
    """
    if not (dataset / _RUN).exists():
        raise RecordError(
            f"{dataset}: the dataset is no longer there (no {_RUN}); its disk is away, or somebody "
            "has removed it. When it is there again, the same command continues"
        )
    place = dataset.joinpath(*names)
    make_folder(place)
    return place


class Finished:
    """The pieces of a dataset that are there when a run begins, known by their names.

    A million of them take 70 MB of memory.

    Parameters
    ----------
    folder : Path
        Folder of the dataset.
    task_hash : str
        Hash of the settings of the run.
    kinds : sequence of str
        Folders of the dataset in which a finished piece has a file.
    """

    def __init__(self, folder: Path, task_hash: str, kinds: Sequence[str] = (SUMMARIES,)) -> None:
        self._folder = folder
        self._task = short_hash(task_hash)
        self._names = {kind: _names_in(folder, kind) for kind in kinds}

    def __len__(self) -> int:
        return min(int(names.size) for names in self._names.values())

    def firsts(self, recording: str, content: str) -> set[int]:
        """Return the first samples of the finished pieces of a recording with this content.

        The files of another content of this recording, which has been replaced or has grown, are
        removed: they would count twice.
        """
        key = recording_key(recording)
        of_kinds = []
        for kind, names in self._names.items():
            low, high = np.searchsorted(names, [f"{key}-".encode(), f"{key}.".encode()])
            there: set[int] = set()
            for name in names[low:high].astype(str).tolist():
                _, of_content, first, task = name.split("-")
                if of_content != content[:_KEY]:
                    self._remove(kind, name)
                elif task == self._task:
                    there.add(int(first))
            of_kinds.append(there)
        return set.intersection(*of_kinds)

    def _remove(self, kind: str, name: str) -> None:
        for path in (self._folder / kind).glob(f"day=*/{name}.parquet"):
            path.unlink(missing_ok=True)


def _names_in(folder: Path, kind: str) -> "np.ndarray[tuple[int], np.dtype[np.bytes_]]":
    """Return the names of the files of a kind, without their ending, sorted."""
    found = (path[: -len(".parquet")] for _, path in _files(folder, kind=kind))
    names = np.fromiter(
        (name.encode() for name in found if len(name) == _WIDTH), dtype=f"S{_WIDTH}"
    )
    names.sort()
    return names


def _files(
    folder: Path, days: Sequence[str] | None = None, kind: str = SUMMARIES
) -> Iterator[tuple[str, str]]:
    """Give the folder and name of every file of a kind, day by day, sorted by name."""
    for day in _days(folder / kind) if days is None else days:
        place = folder / kind / f"day={day}"
        try:
            with os.scandir(place) as entries:
                names = sorted(
                    entry.name
                    for entry in entries
                    if entry.name.endswith(".parquet") and not entry.name.startswith(".")
                )
        except FileNotFoundError:
            continue
        for name in names:
            yield str(place), name


def summary_days(folder: Path) -> list[str]:
    """Return the days in UTC of which a dataset has pieces, such as 2026-01-31; undated last."""
    return _days(folder / SUMMARIES)


def _days(folder: Path) -> list[str]:
    try:
        found = [entry.name for entry in os.scandir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    days = sorted(name.removeprefix("day=") for name in found if name.startswith("day="))
    return [day for day in days if day != UNDATED_DAY] + [day for day in days if day == UNDATED_DAY]


def read_summaries(
    folder: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    days: Sequence[str] | None = None,
) -> "Iterator[pa.RecordBatch]":
    """Read the summaries of a dataset, piece by piece.

    Parameters
    ----------
    folder : path
        Folder of the dataset.
    columns : sequence of str, optional
        Names of the columns; by default all.
    days : sequence of str, optional
        Days in UTC as :func:`summary_days` gives them, in the order wanted; by default all.

    Yields
    ------
    pyarrow.RecordBatch
        The rows of one piece, day by day, within a day in the order of the names of the files.

    Raises
    ------
    ParameterError
        pyarrow is not installed.
    RecordError
        Not a dataset, or a file in it that cannot be read, has not these columns, or does not
        belong there.
    """
    check_installed("pyarrow")
    read_run(folder)
    yield from read_batches(Path(folder), SUMMARIES, piece_fields, columns, days)


def read_batches(
    folder: Path,
    kind: str,
    fields: "Callable[[], list[pa.Field]]",
    columns: Sequence[str] | None,
    days: Sequence[str] | None,
) -> "Iterator[pa.RecordBatch]":
    """Give the rows of the files of a kind with these fields, as :func:`read_summaries` does."""
    for place, name in _files(folder, days, kind):
        path = os.path.join(place, name)
        if not _OWN.fullmatch(path):
            raise RecordError(
                f"{path}: not a file that soundcal measure has written there; move it elsewhere, "
                "as everything in this folder counts"
            )
        yield from _read_checked(path, fields, columns).combine_chunks().to_batches()


def read_piece(folder: Path, day: str, name: str) -> "pa.Table":
    """Read the summaries of one piece.

    Parameters
    ----------
    folder : Path
        Folder of the dataset.
    day, name : str
        As :func:`write_piece` took them.

    Raises
    ------
    RecordError
        The file cannot be read, or has not all columns.
    """
    return _read_checked(
        os.path.join(folder, SUMMARIES, f"day={day}", f"{name}.parquet"), piece_fields
    )


@cache
def _schema_of(
    fields: "Callable[[], list[pa.Field]]", columns: frozenset[str] | None
) -> "pa.Schema":
    """Return the schema of some columns, or of all."""
    import pyarrow as pa

    return pa.schema([f for f in fields() if columns is None or f.name in columns])


def _read_checked(
    path: str,
    fields: "Callable[[], list[pa.Field]]",
    columns: Sequence[str] | None = None,
) -> "pa.Table":
    """Read a file of a piece that has all columns with their types, or refuse it."""
    table = read_file(path, columns)
    expected = _schema_of(fields, None if columns is None else frozenset(columns))
    if table.schema.equals(expected):
        return table
    there = {field.name: field.type for field in table.schema}
    if absent := [field.name for field in expected if field.name not in there]:
        raise RecordError(f"{path}: has no column {', '.join(absent)}; {_OTHER_SCHEMA}")
    if other := [field.name for field in expected if there[field.name] != field.type]:
        raise RecordError(
            f"{path}: the column {other[0]} holds values of another type "
            f"({there[other[0]]}); {_OTHER_SCHEMA}"
        )
    return table


def read_file(path: str, columns: Sequence[str] | None = None) -> "pa.Table":
    """Read one Parquet file of a dataset; columns that it does not have are left out.

    Raises
    ------
    RecordError
        The file cannot be read.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:  # a third of the time of pyarrow.parquet.read_table
            return file.read(columns=columns, use_threads=False)
    except (ArrowException, OSError, ValueError) as error:
        raise RecordError(
            f"{path}: cannot be read ({error!s:.200}); remove the file and run the same "
            "measurement again"
        ) from error


def read_run(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the settings of the run that made a dataset.

    Raises
    ------
    RecordError
        Not a dataset of ``soundcal measure``.
    """
    path = Path(folder) / _RUN
    if not path.is_file():
        way = (
            "its settings are lost; restore run.json, or measure the recordings into a new folder"
            if summary_days(Path(folder))
            else "give the folder that soundcal measure --out FOLDER/ has written"
        )
        raise RecordError(f"{folder}: not a dataset of soundcal measure (no run.json); {way}")
    return read_json(path, RUN_SCHEMA)

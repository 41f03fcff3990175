"""The dataset of a run: a folder of Parquet files that any tool reads; needs pyarrow.

``summaries/day=2026-01-31/`` holds a file for every piece that starts on this day in UTC, and
``day=undated`` those of recordings without a known start. The name of a file follows from the
recording, its content, the first sample and the task. Whoever computes a piece therefore writes
the same bytes under the same name, so that two runs at once do no harm, and what is missing is
seen from the names alone. A file appears under its name when it is complete.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import numpy as np

from soundcal.errors import RecordError
from soundcal.files.atomic import PARTIAL, make_folder, why_unwritable
from soundcal.files.records import read_json
from soundcal.runs.versions import check_installed
from soundcal.summaries.columns import summary_fields

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "RUN_SCHEMA",
    "UNDATED_DAY",
    "Finished",
    "day_of",
    "encoded",
    "piece_fields",
    "piece_name",
    "read_file",
    "read_piece",
    "read_run",
    "read_summaries",
    "recording_key",
    "summary_days",
    "write_piece",
]

RUN_SCHEMA: Final = "soundcal/run/1"
"""Value of the key ``schema`` in the ``run.json`` of a dataset."""

UNDATED_DAY: Final = "undated"
"""Day of the pieces of recordings whose start is not known."""

_SUMMARIES: Final = "summaries"
_KEY: Final = 16
_COUNTED: Final = {
    "keys.list.element": "DELTA_BINARY_PACKED",
    "counts.list.element": "DELTA_BINARY_PACKED",
}
"""Encoding of the counted values, which makes a file about six times smaller."""

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
    return f"{recording_key(recording)}-{content[:_KEY]}-{first:015d}-{task_hash[:_KEY]}"


def day_of(start: datetime | None) -> str:
    """Return the day of a piece's start in UTC, such as 2026-01-31, or :data:`UNDATED_DAY`."""
    return UNDATED_DAY if start is None else start.date().isoformat()


@cache
def piece_fields() -> "list[pa.Field]":
    """Return names and types of the columns, with a description of each."""
    import pyarrow as pa

    def field(name: str, kind: Any, description: str, *, nullable: bool = False) -> "pa.Field":
        return pa.field(name, kind, nullable=nullable, metadata={"description": description})

    text = pa.string()
    return [
        field("recording", text, "path of the file below the root of the run"),
        field("station", text, "first folder below the root, or as stated"),
        field("content_id", text, "identity of the file's content"),
        field("first_sample", pa.int64(), "first sample of the piece in its file"),
        field("n_samples", pa.int64(), "samples of the piece per channel"),
        field("file_samples", pa.int64(), "samples of the whole file per channel"),
        field("fs", pa.int32(), "sampling rate in Hz"),
        field(
            "start_utc",
            pa.timestamp("us", "UTC"),
            "time of the first sample; null if it is not known",
            nullable=True,
        ),
        field("channel", text, "name of the channel"),
        *summary_fields(),
        field("flags", pa.list_(text), "kinds of the reasons to doubt the piece"),
        field("reasons", pa.list_(text), "these reasons in words, times from its beginning"),
        field("valid", pa.bool_(), "false if the channel's values must not be used"),
        field("calibration", text, "identity of the calibration"),
        field("task", text, "hash of the settings, as in run.json"),
        field("software", text, "soundcal and its version"),
    ]


def encoded(columns: "Mapping[str, Any]", metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of a Parquet file of one piece, compressed by zstd.

    Parameters
    ----------
    columns : mapping of str to array or sequence
        Every column of :func:`piece_fields`.
    metadata : mapping of str to str
        Goes into the schema: standards, settings, the bound of the warm-up.
    """
    import pyarrow as pa
    from pyarrow.parquet import write_table

    schema = pa.schema(piece_fields(), metadata=metadata)
    arrays = [
        columns[f.name]
        if isinstance(columns[f.name], pa.Array)
        else pa.array(columns[f.name], f.type)
        for f in schema
    ]
    buffer = BytesIO()
    write_table(
        pa.Table.from_arrays(arrays, schema=schema),
        buffer,
        compression="zstd",
        column_encoding=_COUNTED,
        use_dictionary=[
            f"{f.name}.list.element" if pa.types.is_list(f.type) else f.name
            for f in schema
            if f.type in (pa.string(), pa.list_(pa.string()))
        ],
    )
    return buffer.getvalue()


def write_piece(folder: Path, day: str, name: str, content: bytes) -> None:
    """Write the file of a piece; another run may write the same one at the same time.

    Raises
    ------
    RecordError
        It cannot be written.
    """
    place = folder / _SUMMARIES / f"day={day}"
    make_folder(place)
    # unlike the number of a process, it is unique among all machines that share the disk
    temporary = place / f".{name}.{uuid4().hex}{PARTIAL}"
    path = place / f"{name}.parquet"
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise RecordError(f"{path}: cannot be written ({why_unwritable(error, path)})") from error
    finally:
        temporary.unlink(missing_ok=True)


class Finished:
    """The pieces of a dataset that are there when a run begins, known by their names.

    A million of them take 70 MB of memory.

    Parameters
    ----------
    folder : Path
        Folder of the dataset.
    task_hash : str
        Hash of the settings of the run.
    """

    def __init__(self, folder: Path, task_hash: str) -> None:
        self._folder = folder
        self._task = task_hash[:_KEY]
        found = (path[: -len(".parquet")] for _, path in _files(folder))
        names = (name.encode() for name in found if len(name) == _WIDTH)
        self._names = np.fromiter(names, dtype=f"S{_WIDTH}")
        self._names.sort()

    def __len__(self) -> int:
        return int(self._names.size)

    def firsts(self, recording: str, content: str) -> set[int]:
        """Return the first samples of the finished pieces of a recording with this content.

        The files of another content of this recording, which has been replaced or has grown, are
        removed: they would count twice.
        """
        key = recording_key(recording)
        low, high = np.searchsorted(self._names, [f"{key}-".encode(), f"{key}.".encode()])
        there: set[int] = set()
        for name in self._names[low:high].astype(str).tolist():
            _, of_content, first, task = name.split("-")
            if of_content != content[:_KEY]:
                self._remove(name)
            elif task == self._task:
                there.add(int(first))
        return there

    def _remove(self, name: str) -> None:
        for path in (self._folder / _SUMMARIES).glob(f"day=*/{name}.parquet"):
            path.unlink(missing_ok=True)


def _files(folder: Path, days: Sequence[str] | None = None) -> Iterator[tuple[str, str]]:
    """Give the folder and name of every file of summaries, day by day, sorted by name."""
    for day in summary_days(folder) if days is None else days:
        place = folder / _SUMMARIES / f"day={day}"
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
    try:
        found = [entry.name for entry in os.scandir(folder / _SUMMARIES)]
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
    folder = Path(folder)
    read_run(folder)
    for place, name in _files(folder, days):
        path = os.path.join(place, name)
        if not _OWN.fullmatch(path):
            raise RecordError(
                f"{path}: not a file that soundcal measure has written there; move it elsewhere, "
                "as everything in this folder counts"
            )
        yield from _read_checked(path, columns).combine_chunks().to_batches()


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
    return _read_checked(os.path.join(folder, _SUMMARIES, f"day={day}", f"{name}.parquet"))


@cache
def _schema_of(columns: frozenset[str] | None) -> "pa.Schema":
    """Return the schema of some columns, or of all."""
    import pyarrow as pa

    return pa.schema([f for f in piece_fields() if columns is None or f.name in columns])


def _read_checked(path: str, columns: Sequence[str] | None = None) -> "pa.Table":
    """Read the summaries of a file that has all columns with their types, or refuse it."""
    table = read_file(path, columns)
    expected = _schema_of(None if columns is None else frozenset(columns))
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
    path = Path(folder) / "run.json"
    if not path.is_file():
        way = (
            "its settings are lost; restore run.json, or measure the recordings into a new folder"
            if summary_days(Path(folder))
            else "give the folder that soundcal measure --out FOLDER/ has written"
        )
        raise RecordError(f"{folder}: not a dataset of soundcal measure (no run.json); {way}")
    return read_json(path, RUN_SCHEMA)

"""The series of a dataset, second by second; needs pyarrow.

``series/day=2026-01-31/`` holds a file for every piece, of the same name as that of its summaries:
one row per second, channel and series, as 32-bit floating-point numbers.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundcal.errors import RecordError
from soundcal.indicators.registry import find
from soundcal.runs.columns import parquet_bytes
from soundcal.runs.dataset import SERIES, read_batches, read_run
from soundcal.runs.versions import check_installed
from soundcal.summaries.columns import described_field
from soundcal.summaries.piece import PieceResult
from soundcal.summaries.values import SeriesKey

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["encoded_series", "read_series", "second_fields", "seconds_metadata"]

_ENCODINGS: Final = {
    "start_utc": "DELTA_BINARY_PACKED",
    "first_sample": "DELTA_BINARY_PACKED",
    "n_samples": "DELTA_BINARY_PACKED",
    "mean": "BYTE_STREAM_SPLIT",
    "maximum": "BYTE_STREAM_SPLIT",
}

_MEANING: Final = (
    "mean: equivalent level over the second of a level or a band (such as LAeq,1s), arithmetic "
    "mean of the values in the second of another indicator; maximum: largest time-weighted level "
    "in the second (such as LAFmax,1s), or largest value; null without a value, and for a band"
)
_STEP: Final = (
    "seconds of UTC if the start of the file is known, otherwise from its first sample; the first "
    "and the last second of a file may be shorter (n_samples / fs)"
)


@cache
def second_fields() -> "list[pa.Field]":
    """Return names and types of the columns, with a description of each."""
    import pyarrow as pa

    field = described_field
    text, number = pa.string(), pa.float32()
    return [
        field("recording", text, "path of the file below the root of the run"),
        field("station", text, "first folder below the root, or as stated"),
        field("content_id", text, "identity of the file's content"),
        field("channel", text, "name of the channel"),
        field("symbol", text, "indicator, as in soundcal's registry"),
        field("series", text, "time weighting F, S, I of a level; nominal frequency in Hz"),
        field("unit", text, "unit of mean and maximum"),
        field(
            "start_utc",
            pa.timestamp("us", "UTC"),
            "beginning of the second; null if the start of the file is not known",
            nullable=True,
        ),
        field("first_sample", pa.int64(), "first sample of the second in its file"),
        field("n_samples", pa.int32(), "samples of the second per channel"),
        field("fs", pa.int32(), "sampling rate in Hz"),
        field("mean", number, "equivalent level, or mean, of the second", nullable=True),
        field("maximum", number, "maximum of the second", nullable=True),
        field("valid", pa.bool_(), "false if the channel's values must not be used"),
    ]


def seconds_metadata(kept: Sequence[SeriesKey]) -> dict[str, str]:
    """Return what a reader of the series should know: meaning, step, standards."""
    standards = {f"soundcal.standard.{symbol}": find(symbol).standard for symbol, _ in kept}
    return {"soundcal.statistics": _MEANING, "soundcal.step": _STEP, **standards}


def encoded_series(
    result: PieceResult, same: Mapping[str, Any], start: int | None, metadata: Mapping[str, str]
) -> bytes:
    """Return the Parquet file of the series of a piece.

    Parameters
    ----------
    result : PieceResult
        The piece, with series.
    same : mapping of str to object
        Columns that are the same in all rows: ``recording``, ``station``, ``content_id``, ``fs``.
    start : int, optional
        Start of the file in µs since 1970-01-01 UTC.
    metadata : mapping of str to str
        Goes into the schema.
    """
    import pyarrow as pa

    if result.seconds is None:
        raise ValueError("a piece without series")
    seconds = result.seconds
    rows = [(channel, one) for channel, found in result.kept.items() for one in found]

    def each(values: Sequence[Any]) -> list[Any]:
        return [value for value in values for _ in range(seconds.n)]

    def tiled(values: Any) -> Any:
        return np.tile(values, len(rows))

    def numbers(values: Sequence[Any]) -> "pa.Array":
        found = np.concatenate([*values, []]).astype(np.float32)
        return pa.array(found, pa.float32(), mask=np.isnan(found))

    n = len(rows) * seconds.n
    utc = [None] * n if start is None else tiled(seconds.starts + start)
    columns = {
        **{name: [value] * n for name, value in same.items()},
        "channel": each([channel for channel, _ in rows]),
        "symbol": each([one.symbol for _, one in rows]),
        "series": each([one.series for _, one in rows]),
        "unit": each([one.unit for _, one in rows]),
        "start_utc": pa.array(utc, pa.timestamp("us", "UTC")),
        "first_sample": tiled(seconds.edges[:-1]),
        "n_samples": tiled(seconds.n_samples),
        "mean": numbers([one.mean for _, one in rows]),
        "maximum": numbers([one.maximum for _, one in rows]),
        "valid": each([result.valid[channel] for channel, _ in rows]),
    }
    return parquet_bytes(columns, pa.schema(second_fields(), metadata=metadata), _ENCODINGS)


def read_series(
    folder: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    days: Sequence[str] | None = None,
) -> "Iterator[pa.RecordBatch]":
    """Read the series of a dataset, piece by piece.

    Parameters
    ----------
    folder : path
        Folder of the dataset.
    columns : sequence of str, optional
        Names of the columns; by default all.
    days : sequence of str, optional
        Days in UTC as :func:`soundcal.runs.summary_days` gives them, in the order wanted; by
        default all.

    Yields
    ------
    pyarrow.RecordBatch
        The rows of one piece, day by day, within a day in the order of the names of the files.

    Raises
    ------
    ParameterError
        pyarrow is not installed.
    RecordError
        Not a dataset, one without series, or a file in it as for :func:`read_summaries`.
    """
    check_installed("pyarrow")
    if not read_run(folder)["task"].get("keep"):
        raise RecordError(f"{folder}: has no series; soundcal measure --keep NAMES keeps them")
    yield from read_batches(Path(folder), SERIES, second_fields, columns, days)

"""Summaries as columns of Arrow, for Parquet files that any tool reads; needs pyarrow.

Percentiles of several rows follow from the sums of their counts, levels from the sum of ``total``
over that of ``seconds``. Both sums are also there as exact fractions, in text.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from soundcal.dsp.distribution import CountedValues
from soundcal.indicators.registry import find
from soundcal.summaries.summary import Summary
from soundcal.summaries.values import needed_series
from soundcal.summaries.warm_up import BOUND, REACHES

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["described_field", "from_columns", "series_metadata", "summary_fields", "to_columns"]


def described_field(name: str, kind: Any, about: str, *, nullable: bool = False) -> "pa.Field":
    """Return the field of a column, with its description for whoever opens the file."""
    import pyarrow as pa

    return pa.field(name, kind, nullable=nullable, metadata={"description": about})


def summary_fields() -> "list[pa.Field]":
    """Return names and types of the columns, with a description of each."""
    import pyarrow as pa

    field = described_field
    return [
        field("symbol", pa.string(), "indicator, as in soundcal's registry"),
        field("series", pa.string(), "time weighting F, S, I of a level; nominal frequency in Hz"),
        field("unit", pa.string(), "unit of maximum, minimum, peak and of the values"),
        field("seconds", pa.float64(), "duration in s"),
        field("seconds_exact", pa.string(), "duration in s as a fraction"),
        field("total", pa.float64(), "sound exposure in Pa2 s of a level; else sum of the values"),
        field("total_exact", pa.string(), "total as a fraction"),
        field("n", pa.int64(), "number of values"),
        field("maximum", pa.float64(), "largest value; NaN if there is none"),
        field("minimum", pa.float64(), "smallest value; NaN if there is none"),
        field("peak", pa.float64(), "peak level in dB; NaN if it was not asked for"),
        field("keys", pa.list_(pa.int32()), "values, 16 significant bits: float64 bits >> 37"),
        field("counts", pa.list_(pa.uint64()), "how often each of them occurs"),
    ]


def to_columns(summaries: Sequence[Summary]) -> "dict[str, pa.Array]":
    """Return one column per field of :func:`summary_fields`, one row per summary."""
    import pyarrow as pa

    cells = {
        "symbol": [one.symbol for one in summaries],
        "series": [one.series for one in summaries],
        "unit": [one.unit for one in summaries],
        "seconds": [float(one.seconds) for one in summaries],
        "seconds_exact": [str(one.seconds) for one in summaries],
        "total": [float(one.total) for one in summaries],
        "total_exact": [str(one.total) for one in summaries],
        "n": [one.n for one in summaries],
        "maximum": [one.maximum for one in summaries],
        "minimum": [one.minimum for one in summaries],
        "peak": [one.peak for one in summaries],
        "keys": [one.distribution.keys for one in summaries],
        "counts": [one.distribution.counts for one in summaries],
    }
    return {f.name: pa.array(cells[f.name], type=f.type) for f in summary_fields()}


def from_columns(table: "pa.RecordBatch | pa.Table") -> list[Summary]:
    """Return the summaries of the rows of a table that has these columns, among others."""
    columns = {f.name: table.column(f.name) for f in summary_fields()}
    lists = {name: columns.pop(name) for name in ("keys", "counts")}
    columns = {name: column.to_pylist() for name, column in columns.items()}
    return [
        Summary(
            columns["symbol"][row],
            columns["series"][row],
            columns["unit"][row],
            Fraction(columns["seconds_exact"][row]),
            Fraction(columns["total_exact"][row]),
            columns["maximum"][row],
            columns["minimum"][row],
            columns["peak"][row],
            CountedValues(
                lists["keys"][row].values.to_numpy().astype(np.int32),
                lists["counts"][row].values.to_numpy().astype(np.uint64),
            ),
        )
        for row in range(table.num_rows)
    ]


def series_metadata(wanted: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return what a reader of summaries should know: standards, warm-ups with reasons, the bound.

    >>> series_metadata({"LA": ("eq",)})["soundcal.warm_up.LA F"]
    '4.77 s before the piece: time weighting F 0.125 s'
    """
    told = {"soundcal.bound": BOUND}
    for symbol, names in wanted.items():
        levels = find(symbol).family == "levels"
        needed = [key for name in names for key in needed_series(symbol, name)]
        for part, series in [(symbol, "F"), *needed] if levels else needed:
            name = f"{part} {series}" if levels else part
            reach = REACHES[f"{series}-weighted level" if levels else part]
            told[f"soundcal.standard.{part}"] = find(part).standard
            told[f"soundcal.warm_up.{name}"] = (
                f"{reach.before:.3g} s before the piece: {reach.reason}"
            )
    return told

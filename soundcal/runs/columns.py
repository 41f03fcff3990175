"""The columns of a piece's summaries in a dataset, and the bytes of files; needs pyarrow."""

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from soundcal.summaries.columns import described_field, summary_fields

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["encoded_summaries", "parquet_bytes", "piece_fields"]

_COUNTED: Final = {
    "keys.list.element": "DELTA_BINARY_PACKED",
    "counts.list.element": "DELTA_BINARY_PACKED",
}
"""Encoding of the counted values, which makes a file about six times smaller."""


@cache
def piece_fields() -> "list[pa.Field]":
    """Return names and types of the columns, with a description of each."""
    import pyarrow as pa

    field = described_field
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


def encoded_summaries(columns: "Mapping[str, Any]", metadata: Mapping[str, str]) -> bytes:
    """Return the bytes of a Parquet file of one piece, compressed by zstd.

    Parameters
    ----------
    columns : mapping of str to array or sequence
        Every column of :func:`piece_fields`.
    metadata : mapping of str to str
        Goes into the schema: standards, settings, the bound of the warm-up.
    """
    import pyarrow as pa

    return parquet_bytes(columns, pa.schema(piece_fields(), metadata=metadata), _COUNTED)


def parquet_bytes(
    columns: "Mapping[str, Any]", schema: "pa.Schema", encodings: Mapping[str, str]
) -> bytes:
    """Return the bytes of a Parquet file, compressed by zstd.

    Parameters
    ----------
    columns : mapping of str to array or sequence
        Every column of the schema.
    schema : pyarrow.Schema
        Names, types and metadata.
    encodings : mapping of str to str
        Encodings of columns of numbers.
    """
    import pyarrow as pa
    from pyarrow.parquet import write_table

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
        column_encoding=dict(encodings),
        use_dictionary=[
            f"{f.name}.list.element" if pa.types.is_list(f.type) else f.name
            for f in schema
            if f.type in (pa.string(), pa.list_(pa.string()))
        ],
    )
    return buffer.getvalue()

"""Tables in Parquet files, as text cells; needs pyarrow (``soundcal[parquet]``)."""

from collections.abc import Callable, Iterator
from pathlib import Path

from soundcal.errors import RecordError
from soundcal.files.text import check_file, check_library
from soundcal.files.workbook import Line, cell_text

__all__ = ["is_parquet", "parquet_rows"]


def is_parquet(path: Path) -> bool:
    """Return whether the name of a file is that of a Parquet file."""
    return path.suffix.lower() == ".parquet"


def parquet_rows(path: Path, kept: Callable[[Iterator[Line]], list[Line]]) -> list[Line]:
    """Return the names of the columns as the first row, and the rows, with their numbers.

    Parameters
    ----------
    path : Path
        The file.
    kept : callable
        Returns the rows to keep, or raises RecordError for more than a table may have.

    Raises
    ------
    ParameterError
        The library pyarrow is not installed.
    RecordError
        Not a Parquet file, damaged, or too large.
    """
    check_library(path, "save the table as CSV")
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    check_file(path)
    try:
        with ParquetFile(path) as file:
            names = list(file.schema_arrow.names)

            def lines() -> Iterator[Line]:
                yield 1, names
                number = 1
                for batch in file.iter_batches(batch_size=4096):
                    columns = [column.to_pylist() for column in batch.columns]
                    for row in zip(*columns, strict=True):
                        number += 1
                        yield number, [cell_text(value) for value in row]

            return kept(lines())
    except (ArrowException, ValueError, OSError) as error:
        raise RecordError(f"{path}: cannot be read as Parquet ({error!s:.200})") from error

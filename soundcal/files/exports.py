"""Tables written for other programs: CSV, Excel workbooks, Parquet; the ending says which.

Excel workbooks need the library openpyxl (``pip install "soundcal[xlsx]"``) and Parquet needs
pyarrow (``soundcal[parquet]``).
"""

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from soundcal.errors import ParameterError
from soundcal.files.atomic import partial_file
from soundcal.files.spreadsheet import for_cell
from soundcal.files.text import check_library

__all__ = ["TABLE_ENDINGS", "check_table_file", "write_table"]

TABLE_ENDINGS: Final = (".csv", ".xlsx", ".parquet")
"""Endings of the files that can be written."""

_WIDEST: Final = 40
_MOST_ROWS: Final = 1_048_576
"""Rows of a sheet in a workbook (Excel's limit)."""


def check_table_file(path: Path) -> None:
    """Refuse a file that could not be written as a table, before anything is computed.

    Raises
    ------
    ParameterError
        Another ending, or a library that is not installed.
    """
    if path.suffix.lower() not in TABLE_ENDINGS:
        raise ParameterError(
            f"{path}: tables are written as {', '.join(TABLE_ENDINGS)}; the ending decides"
        )
    check_library(path, "write .csv")


def write_table(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    force: bool = False,
) -> None:
    """Write a table; numbers are not rounded, missing ones are empty cells.

    The rows of a CSV file are written as they come, and need no memory.

    Parameters
    ----------
    path : path
        File with one of :data:`TABLE_ENDINGS`.
    columns : sequence of str
        Names of the columns.
    rows : iterable of sequence
        Texts, numbers or None.
    force : bool
        Replace an existing file.

    Raises
    ------
    ParameterError
        As for :func:`check_table_file`; or a workbook cannot hold all rows.
    RecordError
        The file exists or cannot be written.
    """
    check_table_file(path)
    ending = path.suffix.lower()
    cells = ([_cell(value) for value in row] for row in rows)
    if ending == ".csv":
        with partial_file(path, force=force) as temporary:
            _csv(temporary, columns, cells)
        return
    listed = list(cells)
    if ending == ".xlsx" and len(listed) >= _MOST_ROWS:
        raise ParameterError(
            f"{path}: {len(listed)} rows, more than a workbook can hold; write .csv or .parquet"
        )
    with partial_file(path, force=force) as temporary:
        (_xlsx if ending == ".xlsx" else _parquet)(temporary, columns, listed)


def _cell(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(map(for_cell, columns))
        writer.writerows(map(for_cell, row) for row in rows)


def _xlsx(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet = book.create_sheet("soundcal")

    def made(value: Any, *, bold: bool = False) -> Any:
        if isinstance(value, str):
            value = ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)
        elif isinstance(value, float) and math.isinf(value):
            value = str(value)
        cell = WriteOnlyCell(sheet, value)
        if isinstance(value, str):
            cell.data_type = "s"  # a text, also if it begins as a formula does
        if bold:
            cell.font = Font(bold=True)
        return cell

    sheet.freeze_panes = "B2"
    for index, name in enumerate(columns):
        longest = max([len(str(row[index])) for row in rows if isinstance(row[index], str)] or [8])
        width = min(_WIDEST, max(len(name), longest) + 2)
        sheet.column_dimensions[get_column_letter(index + 1)].width = width
    sheet.append([made(name, bold=True) for name in columns])
    for row in rows:
        sheet.append([made(value) for value in row])
    book.save(path)


def _parquet(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from pyarrow import table
    from pyarrow.parquet import write_table as write

    write(table({name: [row[n] for row in rows] for n, name in enumerate(columns)}), path)

"""Tables in Excel workbooks (.xlsx), as text cells; needs openpyxl (``soundcal[xlsx]``)."""

import datetime
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from soundcal.errors import RecordError
from soundcal.files.text import check_file, check_library

__all__ = ["Line", "cell_text", "is_workbook", "sheet_names", "workbook_rows"]

Line = tuple[int, list[str]]
"""Number of a row, and its cells."""

_UNPACKED: Final = 1 << 28
"""Bytes that the parts of a workbook may have: a small file can unpack to any size."""


def is_workbook(path: Path) -> bool:
    """Return whether the name of a file is that of a workbook which can be read."""
    return path.suffix.lower() == ".xlsx"


def sheet_names(path: Path) -> tuple[str, ...]:
    """Return the names of the sheets of a workbook that are not hidden; the first one if all are.

    Raises
    ------
    ParameterError, RecordError
        As for :func:`workbook_rows`.
    """
    with _opened(path) as book:
        shown = [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"]
        return tuple(shown or [book.worksheets[0].title])


def workbook_rows(
    path: Path, kept: Callable[[Iterator[Line]], list[Line]], sheet: str = ""
) -> tuple[list[Line], tuple[str, ...]]:
    """Return the rows of a sheet with their numbers, and remarks.

    Numbers are written in full with a decimal point; texts, also those that look like numbers, stay
    as they are.

    Parameters
    ----------
    path : Path
        The workbook.
    kept : callable
        Returns the rows to keep, or raises RecordError for more than a table may have.
    sheet : str
        Name of the sheet; the first one if empty, and a remark then names the others.

    Raises
    ------
    ParameterError
        The library openpyxl is not installed.
    RecordError
        Not a workbook, damaged, too large, no such sheet, or a formula whose value was never
        computed.
    """
    with _opened(path) as book:
        names = [one.title for one in book.worksheets]
        if sheet and sheet not in names:
            raise RecordError(f"{path}: no sheet {sheet!r}; it has {', '.join(names)}")
        number = names.index(sheet) if sheet else 0
        has_empty = False

        def lines() -> Iterator[Line]:
            nonlocal has_empty
            rows = book.worksheets[number].iter_rows(values_only=True)
            for line, row in enumerate(rows, start=1):
                has_empty = has_empty or None in row
                yield line, [cell_text(value) for value in row]

        found = kept(lines())
        if has_empty:
            _refuse_unknown_formulas(path, number)
    left = ", ".join(names[1:]) if not sheet else ""
    remarks = (f"{path}: the sheet {names[0]} is read; not {left}",) if left else ()
    return found, remarks


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a workbook for reading; turn what can go wrong meanwhile into clear errors."""
    check_library(path, "save the table as CSV")
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    check_file(path)
    try:
        with zipfile.ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > _UNPACKED:
            raise RecordError(f"{path}: unpacks to {size / 2**20:.0f} MiB, too large for a table")
        book = load_workbook(path, read_only=True, data_only=True)
        if not book.worksheets:
            raise RecordError(f"{path}: the workbook has no sheet with cells")
        yield book
        book.close()
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise RecordError(f"{path}: cannot be read as a workbook ({error!s:.200})") from error


def _refuse_unknown_formulas(path: Path, sheet: int) -> None:
    """Refuse a formula without a value, which would look like an empty cell.

    Programs that are no spreadsheets write formulas and no values.
    """
    from openpyxl import load_workbook

    values = load_workbook(path, read_only=True, data_only=True)
    formulas = load_workbook(path, read_only=True)
    pairs = zip(
        values.worksheets[sheet].iter_rows(), formulas.worksheets[sheet].iter_rows(), strict=False
    )
    for row, written in pairs:
        for cell, formula in zip(row, written, strict=False):
            if cell.value is None and formula.value is not None:
                raise RecordError(
                    f"{path}: {formula.coordinate} has the formula {formula.value!s:.60}, but no "
                    "value; open and save the workbook in a spreadsheet program"
                )
    values.close()
    formulas.close()


def cell_text(value: Any) -> str:
    """Return the content of a cell as text; a number in full, with a decimal point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)

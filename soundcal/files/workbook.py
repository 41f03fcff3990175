"""Tables in Excel workbooks (.xlsx), as text cells; needs openpyxl (``soundcal[xlsx]``)."""

import datetime
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from soundcal.errors import ParameterError, RecordError
from soundcal.files.text import check_file

__all__ = ["Line", "is_workbook", "workbook_rows"]

Line = tuple[int, list[str]]
"""Number of a row, and its cells."""

_UNPACKED: Final = 1 << 28
"""Bytes that the parts of a workbook may have: a small file can unpack to any size."""


def is_workbook(path: Path) -> bool:
    """Return whether the name of a file is that of a workbook which can be read."""
    return path.suffix.lower() == ".xlsx"


def workbook_rows(
    path: Path, kept: Callable[[Iterator[Line]], list[Line]]
) -> tuple[list[Line], tuple[str, ...]]:
    """Return the rows of the first sheet with their numbers, and remarks.

    Numbers are written in full with a decimal point; texts, also those that look like numbers, stay
    as they are.

    Parameters
    ----------
    path : Path
        The workbook.
    kept : callable
        Returns the rows to keep, or raises RecordError for more than a table may have.

    Raises
    ------
    ParameterError
        The library openpyxl is not installed.
    RecordError
        Not a workbook, damaged, too large, or a formula whose value was never computed.
    """
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ModuleNotFoundError as error:
        raise ParameterError(
            f'{path}: needs the library openpyxl; pip install "soundcal[xlsx]", or save the table '
            "as CSV"
        ) from error
    check_file(path)
    try:
        with zipfile.ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > _UNPACKED:
            raise RecordError(f"{path}: unpacks to {size / 2**20:.0f} MiB, too large for a table")
        book = load_workbook(path, read_only=True, data_only=True)
        sheet, *others = book.worksheets
        has_empty = False

        def lines() -> Iterator[Line]:
            nonlocal has_empty
            for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
                has_empty = has_empty or None in row
                yield number, [_text(value) for value in row]

        rows = kept(lines())
        book.close()
        if has_empty:
            _refuse_unknown_formulas(path)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise RecordError(f"{path}: cannot be read as a workbook ({error!s:.200})") from error
    left = ", ".join(sheet.title for sheet in others)
    remarks = (f"{path}: the sheet {sheet.title} is read; not {left}",) if left else ()
    return rows, remarks


def _refuse_unknown_formulas(path: Path) -> None:
    """Refuse a formula without a value, which would look like an empty cell.

    Programs that are no spreadsheets write formulas and no values.
    """
    from openpyxl import load_workbook

    values = load_workbook(path, read_only=True, data_only=True)
    formulas = load_workbook(path, read_only=True)
    pairs = zip(values.worksheets[0].iter_rows(), formulas.worksheets[0].iter_rows(), strict=False)
    for row, written in pairs:
        for cell, formula in zip(row, written, strict=False):
            if cell.value is None and formula.value is not None:
                raise RecordError(
                    f"{path}: {formula.coordinate} has the formula {formula.value!s:.60}, but no "
                    "value; open and save the workbook in a spreadsheet program"
                )
    values.close()
    formulas.close()


def _text(value: Any) -> str:
    """Return the content of a cell as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)

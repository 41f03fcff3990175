"""Reader of tables: text files with separated values, as people and programs export them.

Nothing is guessed about a cell. The reader that knows the columns asks for names, which stay text
(``01``, ``NA`` and ``2.0`` are names as much as any other), or for numbers, where an empty cell and
``NA`` are missing values. Errors name the line of the file.

Excel workbooks (.xlsx) are read by one sheet, the first by default, and Parquet files (.parquet).
Of text, read are UTF-8, with or without a byte order mark, UTF-16 with one, and Windows-1252 if a
file is neither; columns separated by commas, semicolons or tabs, which the header line or a first
line ``sep=;`` (Excel) shows; decimal commas.
"""

import csv
import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from soundcal.errors import RecordError
from soundcal.files.names import normal_name, trimmed
from soundcal.files.parquet import is_parquet, parquet_rows
from soundcal.files.spreadsheet import from_cell
from soundcal.files.text import read_export
from soundcal.files.workbook import Line, is_workbook, workbook_rows

__all__ = ["TextTable", "read_table_text"]

_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", ",": "commas"}

_MISSING: Final = frozenset(
    ("", "na", "n/a", "#n/a", "#na", "#nv", "<na>", "nan", "none", "null", ".")
)
"""Spellings of a missing value (R, Excel, SPSS, Python, databases), in lower case."""

_NUMBER: Final = re.compile(
    r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)(e[+-]?[0-9]+)?|[+-]?inf", re.IGNORECASE
)
_THOUSANDS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}([.,])[0-9]{3}(\1[0-9]{3})*")
"""Digits whose commas or points may separate thousands."""

_DECIMAL_COMMA: Final = re.compile(r"[+-]?[0-9]+,([0-9]{1,2}|[0-9]{4,})")
"""Digits with a comma that cannot separate thousands."""

_STATED: Final = re.compile(r'"?sep=([^\w"])"?[;,\t]*', re.IGNORECASE)
"""The first line by which Excel states the separator, with those of its empty cells."""

_LARGEST: Final = 1e100
"""Largest number that is read: squares of larger ones may be infinite."""

_ABOVE: Final = 80
"""Lines among which the header of an exported table is looked for."""

_TALLEST: Final = 10
"""Lines that a heading with line breaks in it may have."""

_MOST_COLUMNS: Final = 5000
_MOST_CELLS: Final = 4_000_000
"""Limits on the size of a table: 64 MiB of text could hold 32 million cells."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table whose cells are text.

    Parameters
    ----------
    path : Path
        The file, for errors.
    columns : tuple of str
        Names of the columns.
    rows : tuple of tuple of str
        Cells of each row that has any; as many as there are columns.
    lines : tuple of int
        Line of the file at which each row starts, from 1.
    separator : str
        Character between the columns.
    remarks : tuple of str
        Remarks about how the file was read, for people.
    doubts : dict of str to None
        Remarks about the columns of numbers that were read so far, in their order.
    top : int
        Line of the file that names the columns.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    separator: str
    remarks: tuple[str, ...] = ()
    doubts: dict[str, None] = field(default_factory=dict)
    top: int = 1

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks about how the file and the columns that were asked for were read."""
        return (*self.remarks, *self.doubts)

    def cells(self, column: str) -> list[str]:
        """Return the cells of a column without surrounding space, as :func:`for_cell` got them.

        Raises
        ------
        RecordError
            No such column, or two of this name.
        """
        found = self.columns.count(column)
        if found != 1:
            problem = "no column" if not found else f"{found} columns named"
            raise RecordError(f"{self.path}: {problem} {column!r}; {self.found}")
        index = self.columns.index(column)
        return [trimmed(from_cell(row[index])) for row in self.rows]

    def names(self, column: str, *, needed: bool = True) -> list[str]:
        """Return the names in a column, in Unicode normal form C.

        Raises
        ------
        RecordError
            As for :meth:`cells`; or a cell is empty although every row needs a name.
        """
        names = [normal_name(cell) for cell in self.cells(column)]
        if needed and "" in names:
            line = self.lines[names.index("")]
            raise RecordError(
                f"{self.path}: line {line}: the column {column} is empty; every row needs one"
            )
        return names

    def numbers(self, column: str) -> list[float]:
        """Return the numbers in a column; NaN where the value is missing.

        If all commas of a table that they do not separate may separate thousands, they are decimal
        commas, and :attr:`notes` says so.

        Raises
        ------
        RecordError
            As for :meth:`cells`; or a cell is not a number, or nothing shows whether a comma or
            point separates thousands.
        """
        cells = self.cells(column)
        numbers = [
            self._number(column, line, cell) for line, cell in zip(self.lines, cells, strict=True)
        ]
        numeric = [n for n, number in enumerate(numbers) if not math.isnan(number)]
        commas = [n for n in numeric if "," in cells[n]]
        points = [n for n in numeric if "." in cells[n]]
        if commas and points:
            comma, point = commas[0], points[0]
            raise RecordError(
                f"{self.path}: column {column} has decimal commas ({cells[comma]!r}, line "
                f"{self.lines[comma]}) and decimal points ({cells[point]!r}, line "
                f"{self.lines[point]}); write all numbers alike, without separators of thousands"
            )
        for sign, here in ((",", commas), (".", points)):
            if here and all(_THOUSANDS.fullmatch(cells[n]) for n in here):
                doubtful = [(self.lines[n], cells[n]) for n in here]
                self._doubt_thousands(column, sign, doubtful, len(here) < len(numeric))
        return numbers

    def _number(self, column: str, line: int, cell: str) -> float:
        if cell.lower() in _MISSING:
            return math.nan
        where = f"{self.path}: line {line}, column {column}: {cell!r:.60}"
        if not _NUMBER.fullmatch(cell):
            raise RecordError(f"{where} is not a number{_remedy(cell)}")
        number = float(cell.replace(",", "."))
        if abs(number) > _LARGEST and "inf" not in cell.lower():
            raise RecordError(f"{where} is too large for a number")
        return number

    def _doubt_thousands(
        self, column: str, sign: str, cells: Sequence[tuple[int, str]], whole_numbers: bool
    ) -> None:
        """Refuse or note a column whose commas or points may all separate thousands.

        A program that writes three decimals writes them everywhere, one that separates thousands
        leaves small numbers as they are. With semicolons and tabs goes the decimal comma, with
        commas the decimal point.

        Parameters
        ----------
        column, sign : str
            The column, and the comma or point.
        cells : sequence of (int, str)
            Line and text of each cell with that sign.
        whole_numbers : bool
            True if other cells of the column are numbers without it.
        """
        others = any(_DECIMAL_COMMA.fullmatch(trimmed(cell)) for row in self.rows for cell in row)
        if sign == ",":
            fine = others
            noted = self.separator == ";" or (self.separator != "," and not whole_numbers)
        else:
            fine = self.separator == "," or not (others or whole_numbers)
            noted = False
        if fine:
            return
        line, cell = cells[0]
        where = f"{self.path}: line {line}, column {column}"
        if noted:
            count = "" if len(cells) == 1 else f", and in {len(cells) - 1} others,"
            as_read = cell.replace(",", ".")
            self.doubts[
                f"{where}: the comma in {cell!r}{count} is read as a decimal comma ({as_read}); if "
                "it separates thousands, write the numbers without it"
            ] = None
            return
        name, other = ("comma", "point") if sign == "," else ("point", "comma")
        raise RecordError(
            f"{where}: the {name} in {cell!r} may be a decimal {name} or separate thousands; write "
            f"numbers without separators of thousands, or with a decimal {other}"
        )

    def only(self, kept: Sequence[bool]) -> "TextTable":
        """Return the rows whose flag in ``kept`` is set."""
        return replace(
            self,
            rows=tuple(row for row, keep in zip(self.rows, kept, strict=True) if keep),
            lines=tuple(line for line, keep in zip(self.lines, kept, strict=True) if keep),
        )

    @property
    def found(self) -> str:
        """The columns and what separates them, for errors."""
        names = ", ".join(name or "(no name)" for name in self.columns[:30])
        more = f" and {len(self.columns) - 30} more" if len(self.columns) > 30 else ""
        if is_workbook(self.path) or is_parquet(self.path):
            return f"found {names:.1000}{more}"
        by = _SEPARATORS.get(self.separator, repr(self.separator))
        return f"found {names:.1000}{more} (columns separated by {by})"


def read_table_text(
    path: Path,
    *,
    header: Sequence[str] | None = None,
    likeness: Callable[[Sequence[str]], int] | None = None,
    sheet: str = "",
) -> TextTable:
    """Read a table of text cells.

    Parameters
    ----------
    path : Path
        The file.
    header : sequence of str, optional
        Names of the columns of a table without a header line; by default the first line has them.
    likeness : callable, optional
        Number that tells how much cells look like the header line, 0 for not at all. The most
        likely one of the first lines is the header line, and a remark names those above it.
    sheet : str
        Sheet of a workbook; the first one if empty.

    Raises
    ------
    RecordError
        Missing, not text, too large, without rows, or a row with more cells than there are columns;
        without a header line, also a row with fewer.
    """
    above = False
    if is_workbook(path) or is_parquet(path):
        notes: tuple[str, ...] = ()
        if is_parquet(path):
            found = parquet_rows(path, partial(_filled, path))
        else:
            found, notes = workbook_rows(path, partial(_filled, path), sheet)
        separator = "\t"  # numbers of a workbook have decimal points
        if likeness is not None and found:
            likely = [likeness(cells) for _, cells in found[:_ABOVE]]
            begins = likely.index(max(likely))
            above, found = begins > 0, found[begins:]
    else:
        text, notes = read_export(path)
        try:
            likely_header = None if likeness is None else _header_line(text, likeness)
            if likely_header is None:
                separator, skipped = _separator(path, text, header)
            else:
                separator, skipped, above = likely_header
            found = _filled(path, _rows(text, separator, skipped))
        except csv.Error as error:
            raise RecordError(f"{path}: cannot be read as a table ({error})") from error
    if above and found:
        notes = (
            *notes,
            f"{path}: the table begins at line {found[0][0]}; those above are not read",
        )
    top = found[0][0] if found else 1
    if header is None and found:
        columns = tuple(normal_name(name) for name in found.pop(0)[1])
    else:
        columns = tuple(header or ())
    if not found:
        raise RecordError(f"{path}: the table is empty")
    rows, lines, short = [], [], []
    for line, cells in found:
        if any(columns[len(cells) :]):
            short.append(line)
        extra = len(cells) - len(columns)
        if any(cells[len(columns) :]) or (extra < 0 and header is not None):
            raise RecordError(_wrong_width(path, line, len(cells), columns, separator, header))
        lines.append(line)
        rows.append((*cells, *[""] * -extra) if extra < 0 else tuple(cells[: len(columns)]))
    if short:
        where_short = f"line {short[0]}" + (f" and {len(short) - 1} more" if len(short) > 1 else "")
        notes = (
            *notes,
            f"{path}: {where_short}: fewer cells than columns; the missing ones are empty",
        )
    return TextTable(path, columns, tuple(rows), tuple(lines), separator, notes, top=top)


def _remedy(cell: str) -> str:
    """Return what to do about a cell that is not a number, if it looks like a known case."""
    if re.fullmatch(r"[+-]?[0-9][0-9.,]*\s*([^\W\d_]|%).*", cell):
        return "; write the unit into the heading and the number alone into the cell"
    if re.fullmatch(r"#.*|\W", cell) or set(cell) <= set("-–—"):
        return "; if the value is missing, leave the cell empty or write NA"
    return ""


def _header_line(
    text: str, likeness: Callable[[Sequence[str]], int]
) -> tuple[str, int, bool] | None:
    """Return the separator, the lines above the header, and whether there is text in these.

    Exporters write what they know about a file above the table. None if no line is likely.
    """
    lines = text.split("\n", _ABOVE + _TALLEST)[: _ABOVE + _TALLEST]
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    stated = _STATED.fullmatch(lines[first].strip(" "))
    first += stated is not None
    most, place = 0, None
    for number in range(first, min(_ABOVE, len(lines))):
        rows = []
        for sign in [stated[1]] if stated else _SEPARATORS:
            try:
                reader = csv.reader(
                    lines[number : number + _TALLEST], delimiter=sign, skipinitialspace=True
                )
                cells = next(reader, [])[:_MOST_COLUMNS]
            except csv.Error:
                continue
            rows.append((likeness([cell.strip() for cell in cells]), len(cells), sign))
        likely, _, sign = max(rows, default=(0, 0, ""))
        if likely > most:
            most, place = likely, (sign, number, number > first)
    return place


def _wrong_width(
    path: Path,
    line: int,
    cells: int,
    columns: Sequence[str],
    separator: str,
    header: Sequence[str] | None,
) -> str:
    by = _SEPARATORS.get(separator, repr(separator))
    expected = "are expected" if header is not None else "are in the header"
    hint = "; are there decimal commas between commas?" if separator == "," else ""
    return (
        f"{path}: line {line}: {cells} columns separated by {by}, {len(columns)} {expected}{hint}"
    )


def _separator(path: Path, text: str, header: Sequence[str] | None) -> tuple[str, int]:
    """Return the separator, and the number of lines above the table."""
    above = len(text) - len(text.lstrip("\n"))
    first = text[above:].partition("\n")[0]
    if stated := _STATED.fullmatch(first.strip(" ")):
        return stated[1], above + 1
    outside_quotes = "".join(text[above:].split('"')[::2]).partition("\n")[0]
    counts = {sign: outside_quotes.count(sign) + 1 for sign in _SEPARATORS}
    if header is not None:
        return next((sign for sign in counts if counts[sign] >= len(header)), ","), above
    most = max(counts.values())
    likely = [sign for sign, count in counts.items() if count == most]
    if most > 1 and len(likely) > 1:
        words = " or by ".join(_SEPARATORS[sign] for sign in likely)
        raise RecordError(
            f"{path}: the columns may be separated by {words}; put a line with the right character "
            "above the table, such as sep=;"
        )
    return likely[0] if most > 1 else ",", above


def _rows(text: str, separator: str, skipped: int) -> Iterator[Line]:
    """Give the rows of a text, each with the line at which it starts."""
    lines = io.StringIO(text)
    for _ in range(skipped):
        lines.readline()
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)
    start = skipped + 1
    for row in reader:
        yield start, row
        start = skipped + reader.line_num + 1


def _filled(path: Path, lines: Iterator[Line]) -> list[Line]:
    """Return the rows that have any text.

    Raises
    ------
    RecordError
        There are more cells or columns than a table may have.
    """
    rows, cells = [], 0
    for start, row in lines:
        cells += len(row)
        if len(row) > _MOST_COLUMNS or cells > _MOST_CELLS:
            raise RecordError(
                f"{path}: line {start}: too large for a table ({len(row)} columns, {cells} "
                f"cells so far; up to {_MOST_COLUMNS} columns and {_MOST_CELLS} cells are read)"
            )
        if any(cell.strip() for cell in row):
            rows.append((start, row))
    return rows

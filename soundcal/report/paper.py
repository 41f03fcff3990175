"""Tables on paper: the size of their text, and a table too wide for any page as several.

Widths are estimated from the characters, as wide as in DejaVu Sans, which is wider than the other
fonts that a browser may choose; so what fits here fits there.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from soundcal.report.document import Column, Document, Section, Table
from soundcal.report.style import PAGE_MM, count

__all__ = ["LONG", "WORDY", "bands", "filed", "point_size"]

LONG: Final = 32
"""Characters of a text that may be broken into several lines."""

_PAGE_PT: Final = PAGE_MM * 72.0 / 25.4
_SIZES: Final = (7.0, 6.5, 6.0, 5.5, 5.0)
_PADDING_PT: Final = 2.4
WORDY: Final = 120
"""Characters of a text that needs a broad column."""

_LONG_PT: Final = 60.0
_WORDY_PT: Final = 150.0
"""Least widths of columns with such texts; report.css has them as well."""

_NARROW: Final = frozenset(" .,:;'|!()[]/\\ijlIftr-")
_WIDE: Final = frozenset("−+±<>=∞×–—mwMW%@")
_BOLD: Final = 1.1
_MANY_ROWS: Final = 800
"""Rows in all folded sections of a report that prints them whole."""


def point_size(table: Table) -> float:
    """Return the largest size, in points, at which a table fits the page, or the smallest one.

    >>> point_size(Table("t", "", (Column("Name"), Column("Value", "number")), (("a", 1.0),)))
    7.0
    """
    return next((size for size in _SIZES if _width(table, size) <= _PAGE_PT), _SIZES[-1])


def bands(table: Table) -> tuple[Table, ...]:
    """Return a table as tables that fit the page; most often one.

    Each has the columns that name the row. Columns of one group stay together where the group fits.
    """
    if _width(table, _SIZES[-1]) <= _PAGE_PT or len(table.columns) < 3:
        return (table,)
    key = _key(table)
    chosen = [key]
    for block in _blocks(table, len(key)):
        if chosen[-1] != key and not _fits(table, chosen[-1] + block):
            chosen.append(key)
        for index in block:
            if chosen[-1] != key and not _fits(table, [*chosen[-1], index]):
                chosen.append(key)
            chosen[-1] = [*chosen[-1], index]
    return tuple(_band(table, indices, number) for number, indices in enumerate(chosen, 1))


def filed(document: Document, section: Section, folder: str) -> str:
    """Return the files that stand for a folded section on paper; "" if it is printed itself.

    Parameters
    ----------
    document : Document
        The report.
    section : Section
        One of its sections.
    folder : str
        Where its tables are as CSV, relative to the page; "" if nowhere.
    """
    tables = section.tables()
    if not (section.folded and folder and tables) or section.on_paper == "whole":
        return ""
    folded = sum(len(t.rows) for part in document.folded() for t in part.tables())
    if section.on_paper == "auto" and folded <= _MANY_ROWS:
        return ""
    return "; ".join(f"{count(len(t.rows), 'row')} in {folder}/{t.name}.csv" for t in tables)


def _key(table: Table) -> list[int]:
    """Return the first columns that together tell the rows apart, at most three; else the first."""
    for n in (1, 2, 3):
        if len({row[:n] for row in table.rows}) == len(table.rows):
            return list(range(n))
    return [0]


def _fits(table: Table, indices: list[int]) -> bool:
    return _width(_columns_of(table, indices), _SIZES[-1]) <= _PAGE_PT


def _columns_of(table: Table, indices: list[int]) -> Table:
    return replace(
        table,
        columns=tuple(table.columns[i] for i in indices),
        rows=tuple(tuple(row[i] for i in indices) for row in table.rows),
    )


def _band(table: Table, indices: list[int], number: int) -> Table:
    band = _columns_of(table, indices)
    if number == 1:
        return band
    names = dict.fromkeys(c.group or c.title for c in band.columns[len(_key(table)) :])
    return replace(
        band,
        name=f"{table.name}-part-{number}",
        caption=f"{table.caption}; continued: {', '.join(names)}",
    )


def _blocks(table: Table, first: int) -> Iterator[list[int]]:
    """Give the columns from the first one on, those of a group together."""
    start = 0
    groups = table.groups or [("", 1)] * len(table.columns)
    for _, span in groups:
        block = [i for i in range(start, start + span) if i >= first]
        start += span
        if block:
            yield block


def _width(table: Table, size: float) -> float:
    """Return the width of a table in points."""
    texts = table.texts()
    widths = [
        max(
            _heading(column, size),
            *(_cell(row[i], size, bold=i == 0) for row in texts),
            0.0,
        )
        + 2 * _PADDING_PT
        for i, column in enumerate(table.columns)
    ]
    start, more = 0, 0.0
    for title, span in table.groups:  # a group's heading is not broken
        own = sum(widths[start : start + span])
        more += max(0.0, size * _em(title, bold=True) + 2 * _PADDING_PT - own) if title else 0.0
        start += span
    return sum(widths) + more


def _heading(column: Column, size: float) -> float:
    """Return the width of the longest word of a heading, which may be broken between words."""
    return max((size * _em(word, bold=True) for word in column.title.split()), default=0.0)


def _cell(text: str, size: float, *, bold: bool) -> float:
    if len(text) > LONG:
        return _WORDY_PT if len(text) > WORDY else _LONG_PT
    return size * _em(text, bold=bold)


@lru_cache(maxsize=4096)
def _em(text: str, *, bold: bool) -> float:
    """Return the width of a text in units of the font's size."""
    width = sum(0.37 if c in _NARROW else 0.9 if c in _WIDE else 0.63 for c in text)
    # the letters of East Asia fill a square
    width += sum(0.4 for c in text if ord(c) > 0x2E7F)
    return width * (_BOLD if bold else 1.0)

"""Headers of several rows: units or ears below the labels, as in spreadsheets and from pandas."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from soundcal.files.names import normal_name
from soundcal.files.tables import TextTable
from soundcal.study.headings import read_heading
from soundcal.study.spellings import UNITS, ear_of, is_unit, unit_key

__all__ = ["with_second_rows"]

_MOST: Final = 3
_INDEX: Final = ("recording", "stimulus", "file", "channel", "unit", "units", "einheit", "ear")


def with_second_rows(table: TextTable, named: Collection[str] = ()) -> TextTable:
    """Return a table whose headings hold what rows below the header say about the columns.

    A label that stands above several columns, as in merged cells, belongs to all of them.

    Parameters
    ----------
    table : TextTable
        The table.
    named : collection of str
        Headings that count as labels, though they cannot be read.
    """
    names = list(table.columns)
    used = 0
    for row in table.rows[:_MOST]:
        cells = [normal_name(cell) for cell in row]
        if _is_of_index(cells):
            names = [cell or name for cell, name in zip(cells, names, strict=True)]
        elif _is_about_columns(cells, names, named):
            names = [
                f"{name} {_shown(cell)}" if cell and name and n else name or cell
                for n, (cell, name) in enumerate(zip(cells, _filled(names, cells), strict=True))
            ]
        else:
            break
        used += 1
    if not used or used == len(table.rows):
        return table
    below = table.only([number >= used for number in range(len(table.rows))])
    return replace(below, columns=tuple(names))


def _filled(names: Sequence[str], cells: Sequence[str]) -> list[str]:
    """Return the headings, empty ones above a cell with that to their left."""
    filled: list[str] = []
    for name, cell in zip(names, cells, strict=True):
        before = filled[-1] if len(filled) > 1 else ""
        filled.append(before if cell and (not name or name.startswith("Unnamed:")) else name)
    return filled


def _is_of_index(cells: Sequence[str]) -> bool:
    """Return whether a row holds nothing but names of index columns, at its start."""
    there = [cell for cell in cells if cell]
    return (
        bool(there)
        and cells[0] != ""
        and len(there) <= 2
        and all(cell.casefold() in _INDEX for cell in there)
        and not any(cells[len(there) :])
    )


def _is_about_columns(cells: Sequence[str], names: Sequence[str], named: Collection[str]) -> bool:
    """Return whether the cells, but for the first, are units or ears, one of them below a label."""
    there = [cell for cell in cells[1:] if cell]
    below = [cell for cell, name in zip(cells[1:], names[1:], strict=True) if cell and name]
    return (
        bool(below)
        and all(_is_unit(cell) or ear_of(cell) for cell in there)
        and any(unit_key(cell) in UNITS or ear_of(cell) for cell in below)
        and any(
            name in named or read_heading(name, letters=True).indicator
            for cell, name in zip(cells[1:], names[1:], strict=True)
            if cell and name
        )
    )


def _is_unit(cell: str) -> bool:
    return is_unit(cell) and not re.fullmatch(r"[0-9.,]+", cell)


def _shown(cell: str) -> str:
    return f"[{cell.strip('[]')}]" if _is_unit(cell) else cell

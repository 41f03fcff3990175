"""Wide tables, with a row per recording (and channel) and a column per indicator (and ear).

So write Soundscapy (``Recording``, ``Channel``, ``LAeq``, ``N_5`` …), exports of analysers,
spreadsheets, and ``soundcal measure --wide``. Headings are read by :mod:`soundcal.study.headings`;
a mapping file names the columns of tables that spell them otherwise
(:mod:`soundcal.study.wide_mapping`). Every column that is not read is named in a note.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from soundcal.errors import RecordError
from soundcal.files.names import some
from soundcal.files.tables import TextTable
from soundcal.indicators.registry import REGISTRY
from soundcal.study.ears import SINGLE
from soundcal.study.headings import Heading, read_heading, read_headings
from soundcal.study.second_rows import with_second_rows
from soundcal.study.spellings import near_labels
from soundcal.study.wide_mapping import WideMapping
from soundcal.study.wide_rows import (
    FIRST_IS_LEFT,
    RowNames,
    channel_for,
    column_key,
    kept_rows,
    names_of_columns,
    rows_of,
    unique,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["is_tidy", "likeness", "tidy_of_wide"]

_TIDY: Final = ("indicator", "statistic", "value", "unit")

_NAMED: Final = 12
"""Columns that a note names."""


def likeness(cells: Sequence[str]) -> int:
    """Return how much cells look like the header line of a table of indicators; 0: not at all.

    >>> likeness(["Recording", "Channel", "LAeq", "N_5"]), likeness(["CT101", "Left", "68.9"])
    (10, 0)
    """
    names = [column_key(cell) for cell in cells]
    if {"indicator", "value"} <= set(names):
        return 1000
    if any(re.fullmatch(r"[+-]?[0-9][0-9.,]*", cell) for cell in cells):
        return 0  # a row of values: a sound may be named N5, too
    labels = sum(bool(read_heading(cell, letters=True, rules=True).indicator) for cell in cells)
    return 4 * labels + len(set(names) & names_of_columns()) if labels else 0


def is_tidy(columns: Sequence[str]) -> bool:
    """Return whether a table has a column of values and one of indicators, or tries to."""
    return len({column_key(name) for name in columns} & set(_TIDY)) > 1


def tidy_of_wide(
    table: TextTable, mapping: WideMapping | None = None, *, method: str = ""
) -> "pd.DataFrame":
    """Return a wide table as a tidy one.

    Parameters
    ----------
    table : TextTable
        The table.
    mapping : WideMapping, optional
        What its columns and names stand for; by default the headings say it.
    method : str
        Condition of a table without a column for it.

    Returns
    -------
    DataFrame
        Columns ``stimulus, channel, indicator, statistic, value, unit``, and ``condition`` as far
        as it is known. A value without an ear has the channel :data:`SINGLE`. ``attrs["notes"]``
        has remarks.

    Raises
    ------
    RecordError
        No column is an indicator; a unit that does not belong to the indicator, an ear that
        contradicts itself, one indicator twice; a cell that is not a number; two rows of one
        recording with different values.
    """
    top = table.columns
    table = with_second_rows(table, mapping.wide.values() if mapping else ())
    rows = rows_of(table, top, mapping, method)
    headings, notes = _columns_of(table, top, rows, mapping)
    table = replace(table, columns=unique(table.columns))
    values = {}
    for index, heading in headings.items():
        numbers = table.numbers(table.columns[index])
        if all(map(math.isnan, numbers)):
            notes.append(f"{table.path}: the column {heading.text} has no values")
        else:
            values[index] = numbers
    if not values:
        raise RecordError(f"{table.path}: no column has values of an indicator; {table.found}")
    kept, left_out = kept_rows(table, rows, values)
    frame = _long(rows, headings, values, kept)
    frame.attrs["notes"] = (*table.notes, *rows.notes, *notes, *left_out)
    return frame


def _columns_of(
    table: TextTable, top: Sequence[str], rows: RowNames, mapping: WideMapping | None
) -> tuple[dict[int, Heading], list[str]]:
    """Return the headings of the columns that are read, and notes on the others."""
    where = f"{table.path}: line {table.top}"
    if mapping is not None and mapping.wide:
        found = mapping.headings_in(table, top)
    else:
        every = read_headings(table.columns, channels=rows.channel is not None)
        found = {
            index: heading
            for index, heading in enumerate(every)
            if table.columns[index] not in rows.used
        }
    read = {index: heading for index, heading in found.items() if heading.indicator}
    if not read:
        near = [f"{heading.text} ({why})" for heading in found.values() if (why := _why(heading))]
        hint = f"; {some(near)}" if near else ""
        raise RecordError(
            f"{where}: no column is an indicator such as LAeq, N5 [sone] or L(A)eq / dB(A) left; "
            f"{table.found}{hint}; name the columns in a mapping file (--mapping), see soundcal "
            "compare --help"
        )
    names: dict[tuple[str, str, str], str] = {}
    for heading in read.values():
        if heading.conflict:
            raise RecordError(
                f"{where}, column {heading.text!r}: {heading.conflict}; correct the heading, or "
                "name the columns to read in a mapping file (--mapping)"
            )
        if heading.ear and rows.channel is not None:
            raise RecordError(
                f"{where}, column {heading.text!r}: it names an ear, and so do the rows; one of "
                "them is expected"
            )
        key = (heading.indicator, heading.statistic, heading.ear)
        if key in names:
            ear = f", {heading.ear}" if heading.ear else ""
            raise RecordError(
                f"{where}: the columns {names[key]!r} and {heading.text!r} are both "
                f"{heading.label}{ear}; "
                + ("" if heading.ear else "name the ear in each heading (left, right), or ")
                + "remove one, or name the columns to read in a mapping file (--mapping)"
            )
        names[key] = heading.text
    return read, [f"{table.path}: {text}" for text in _column_notes(table, rows, found)]


def _why(heading: Heading) -> str:
    """Return why a heading is not read, or what it may mean; "" if nothing is known."""
    if heading.remark:
        return heading.remark
    near = near_labels(heading.text)
    return f"did you mean {' or '.join(near)}?" if near else ""


def _column_notes(table: TextTable, rows: RowNames, found: dict[int, Heading]) -> Iterator[str]:
    """Give what is to be said about the columns."""
    left = []
    for index, name in enumerate(table.columns):
        heading = found.get(index, Heading(name))
        if heading.indicator or name in rows.used or not name:
            continue
        why = _why(heading)
        left.append(f"{name} ({why})" if why else name)
    if left:
        # those with a reason first: they may have been meant
        left.sort(key=lambda text: not text.endswith(")"))
        yield f"columns that are not read: {some(left, _NAMED)}"
    read = [heading for heading in found.values() if heading.indicator]
    remarks: dict[str, list[str]] = {}
    for heading in read:
        if heading.remark:
            remarks.setdefault(heading.remark, []).append(f"{heading.text} as {heading.label}")
    for remark, texts in remarks.items():
        yield f"read is {some(texts)}: {remark}"
    unstated = dict.fromkeys(
        f"{heading.indicator} in {REGISTRY[heading.indicator].unit}"
        for heading in read
        if not heading.unit and heading.indicator in REGISTRY
    )
    if unstated:
        yield f"no unit is stated, assumed are {', '.join(unstated)}"
    if any(re.search(r"(?i)\b(ch(annel)?|kanal)\s?[12]\b", heading.text) for heading in read):
        yield FIRST_IS_LEFT


def _long(
    rows: RowNames,
    headings: dict[int, Heading],
    values: dict[int, list[float]],
    kept: Sequence[int],
) -> "pd.DataFrame":
    """Return one row per recording and value."""
    import pandas as pd

    found: list[dict[str, Any]] = []
    for number in kept:
        about: dict[str, Any] = {"stimulus": rows.stimulus[number]}
        if rows.condition is not None:
            about["condition"] = rows.condition[number]
        about |= {name: cells[number] for name, cells in rows.others.items()}
        for index, numbers in values.items():
            heading = headings[index]
            entry = REGISTRY.get(heading.indicator)
            named = heading.ear or (rows.channel[number] if rows.channel else SINGLE)
            found.append(
                {
                    **about,
                    "channel": channel_for(named, heading.indicator),
                    "indicator": heading.indicator,
                    "statistic": heading.statistic,
                    "value": numbers[number],
                    "unit": entry.unit if entry else heading.unit,
                }
            )
    return pd.DataFrame(found)

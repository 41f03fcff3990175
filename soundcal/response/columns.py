"""Columns of numbers in the text files of other programs: separator, decimal mark, header.

Separator and decimal mark are decided once for the whole file, by the first rule that reads every
line of numbers. A line that does not fit is an error with its number, never left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError, RecordError
from soundcal.recording import counted
from soundcal.response.column_names import column_ear, column_meaning
from soundcal.response.curve import MOST_POINTS

__all__ = ["LARGEST", "NumberTable", "number_table"]

LARGEST: Final = 1e9
"""Largest number that is read; no frequency in Hz, level in dB or phase comes near it."""

_RULES: Final = (
    ("tabs", re.compile(r"\s*\t\s*"), True),
    ("semicolons", re.compile(r"\s*;\s*"), True),
    ("commas with blanks", re.compile(r"\s*,\s+"), False),
    ("commas", re.compile(r","), False),
    ("blanks", re.compile(r"\s+"), True),
)
"""Separators in the order in which they are tried, and whether a comma may be the decimal mark."""

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
_FIRST: Final = re.compile(r"[^\s;,]+")
_MARKS: Final = re.compile(r"^(?:[*#;!%]+|//)\s*")
"""Marks of a comment at the beginning of a line."""

_UNKNOWN: Final = "?"
"""Value of a phase that a program did not compute."""

_BLANKS: Final = re.compile(r"\s+(?![\[(])")
"""Blanks between names; those before a unit in brackets belong to the name."""

_KILOHERTZ: Final = re.compile(r"(?<![a-z])khz(?![a-z])", re.IGNORECASE)
_LINEAR: Final = re.compile(
    r"^(?!.*db).*(\blinear\b|(magnitude|betrag|gain|ratio|ampl\w*)[\s(_-]*lin"
    r"|\b[mµ]?(V/Pa|Pa/V|V/V|Pa/FS|FS/Pa)\b)",
    re.IGNORECASE,
)
"""Names of columns of ratios or sensitivities, which are no levels in dB."""

_AUTOEQ: Final = ("frequency", "raw")
"""Names of the first columns of a table of AutoEq, whose further ones are known."""

_LEVELS: Final = ("raw", "spl", "gain", "magnitude", "level", "ampl", "db")
"""Beginnings of names of levels; the first one that a file has is read."""

_FIGURE: Final = re.compile(r"[0-9]")
_PROSE: Final = re.compile(r"[0-9:=]")
"""Signs of a line of text, not of names of columns."""

_LETTER: Final = re.compile(r"(?<![a-z])[lr](?![a-z])", re.IGNORECASE)
_FEWEST: Final = 2
_MOST: Final = 4
"""Numbers in a line of a file whose columns have no names."""

_SHOWN: Final = 80


@dataclass(frozen=True, slots=True, eq=False)
class NumberTable:
    """Frequency, level and phase as a file states them, with the lines they come from.

    Parameters
    ----------
    header : tuple of str
        Lines that are no numbers, as they are.
    names : tuple of str
        Names of the columns; empty if the file has none.
    title : str
        Line before the numbers of a file whose columns have no names; "" if they have.
    column : str
        Name or number of the column of levels.
    rule : str
        Separator and decimal mark.
    lines : tuple of int
        Number of each line of numbers in the file, from 1.
    frequency, level : ndarray, shape (n,)
        In Hz and dB.
    phase : ndarray, shape (n,), or None
        In degrees; None if there is none, or not at every frequency.
    ears : mapping of str to (str, ndarray)
        Name and levels of the columns of the ears that are read, ``left`` and ``right``; empty if
        the column of levels names no ear.
    notes : tuple of str
        Remarks about lines that were left out.
    """

    header: tuple[str, ...]
    names: tuple[str, ...]
    title: str
    column: str
    rule: str
    lines: tuple[int, ...]
    frequency: Array
    level: Array
    phase: Array | None
    ears: Mapping[str, tuple[str, Array]]
    notes: tuple[str, ...]


def number_table(text: str, *, columns: Sequence[str] = ()) -> NumberTable:
    """Read the columns of a text.

    Parameters
    ----------
    text : str
        Text with line ends ``\\n``.
    columns : sequence of str, optional
        Names or numbers (from 1) of the columns of frequency, level and phase; without a third one
        there is no phase. By default those that the header names, and of a header that is not
        understood the first two; without a header the first ones.

    Raises
    ------
    RecordError
        No or too many lines of numbers, or one that does not fit, with its number; a header that
        names no level, or not as many columns as there are.
    ParameterError
        A column that the file does not have.
    """
    header, data, notes = _sorted_lines(text)
    if not _FEWEST <= len(data) <= MOST_POINTS:
        lines = counted(len(data), "line")
        raise RecordError(f"{lines} of numbers; {_FEWEST} to {MOST_POINTS} are expected")
    before = [line for number, line in header if number < data[0][0]]
    rule, separator, rows = _split(data, before)
    names = _names(before, separator, len(rows[0]))
    if not (names or columns):
        _refuse_other_width(before, separator, len(rows[0]))
    if rule == "commas" and not names and not columns:
        _refuse_decimal_commas(data[0], rows)
    chosen = _chosen(columns, names, len(rows[0]))
    if names and _LINEAR.search(names[chosen[1]]):
        raise RecordError(
            f"column {names[chosen[1]]!r}: levels in dB are expected; write 20 lg of the values"
        )
    ears = _ears(names, chosen, both=not columns)
    if names and not columns:
        notes += _told(names, chosen, ears)
    frequency, level = (_column(data, rows, at, rule) for at in chosen[:2])
    phase = None
    if len(chosen) > 2 and not any(row[chosen[2]] == _UNKNOWN for row in rows):
        phase = _column(data, rows, chosen[2], rule)
    return NumberTable(
        tuple(line for _, line in header),
        names,
        "".join(before[-1:]) if not names else "",
        names[chosen[1]] if names else str(chosen[1] + 1),
        rule,
        tuple(number for number, _ in data),
        frequency,
        level,
        None if len(ears) > 1 else phase,
        {ear: (names[at], _column(data, rows, at, rule)) for ear, at in ears.items()},
        tuple(notes),
    )


def _refuse_decimal_commas(first: tuple[int, str], rows: Sequence[Sequence[str]]) -> None:
    """Refuse three or four whole numbers per line: 20,2,45 may be 2 dB and 45 deg, or 2.45 dB."""
    if len(rows[0]) > 2 and not any("." in field for row in rows for field in row):
        number, line = first
        raise RecordError(
            f"line {number}: {line!r:.{_SHOWN}}: commas, and no decimal point in the whole file: a "
            "comma may be a decimal mark; export with semicolons or tabs, or state the columns "
            "(--columns)"
        )


def _sorted_lines(
    text: str,
) -> tuple[list[tuple[int, str]], list[tuple[int, str]], list[str]]:
    """Return the lines of words and the lines of numbers, with their numbers, and remarks."""
    words: list[tuple[int, str]] = []
    data: list[tuple[int, str]] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip().replace("\N{MINUS SIGN}", "-")
        bare = line.replace('"', "").strip()  # whole lines or single fields may be quoted
        first = _FIRST.match(bare)
        if first and _NUMBER.fullmatch(first[0]):
            data.append((number, bare))
        elif line:
            words.append((number, raw.strip()))
    inside = [
        (number, line)
        for number, line in words
        if data
        and data[0][0] < number
        and (number < data[-1][0] or line[0].isdigit())
        and not _MARKS.match(line)
    ]
    notes = [
        f"line {n}: {line!r:.{_SHOWN}} is no line of numbers, and is left out" for n, line in inside
    ]
    return words, data, notes[:3] + ([f"and {len(notes) - 3} more"] if len(notes) > 3 else [])


def _split(
    data: Sequence[tuple[int, str]], header: Sequence[str]
) -> tuple[str, re.Pattern[str], list[list[str]]]:
    """Return the rule that reads every line, its separator, and the fields with decimal points."""
    furthest = (-1, "")
    for name, separator, decimal_comma in _RULES:
        rows = [separator.split(line) for _, line in data]
        if all(not row[-1] for row in rows):  # a separator ends each line
            rows = [row[:-1] for row in rows]
        width = len(rows[0])
        most = max([_MOST, *(len(_fields(line, separator)) for line in header[-1:])])
        if not _FEWEST <= width <= most:
            continue
        comma = decimal_comma and not any("." in field for row in rows for field in row)
        mixed = name == "commas" and any(re.search(r",\s", line) for _, line in data)
        wrong = next(
            (
                index
                for index, row in enumerate(rows)
                if len(row) != width or mixed or not _all_numbers(row, comma)
            ),
            len(rows),
        )
        if wrong == len(rows):
            used = comma and any("," in field for row in rows for field in row)
            mark = ", decimal comma" if used else ""
            return f"{name}{mark}", separator, [[f.replace(",", ".") for f in row] for row in rows]
        number, line = data[wrong]
        if wrong > furthest[0]:
            thousands = re.search(r"(?<![0-9.])[0-9]{1,3},[0-9]{3}(?![0-9])", line)
            reason = (
                f"{thousands[0]!r} has a comma of thousands; export without it"
                if thousands
                else f"not {width} numbers as in the lines before"
            )
            text = f"line {number}: {line!r:.{_SHOWN}}, separated by {name}: {reason}"
            furthest = (wrong, text)
    number, line = data[0]
    raise RecordError(
        furthest[1]
        or f"line {number}: {line!r:.{_SHOWN}}: 2 to 4 numbers are expected, separated by tabs, "
        "semicolons, commas or blanks"
    )


def _all_numbers(row: Sequence[str], comma: bool) -> bool:
    """Return whether all fields are numbers; from the third on, one may be unknown."""
    return all(
        (_NUMBER.fullmatch(field) and (comma or "," not in field))
        or (field == _UNKNOWN and index > 1)
        for index, field in enumerate(row)
    )


def _fields(line: str, separator: re.Pattern[str]) -> list[str]:
    bare = line.strip().strip('"')
    return [name.strip().strip('"') for name in separator.split(_MARKS.sub("", bare)) if name]


def _names(header: Sequence[str], separator: re.Pattern[str], width: int) -> tuple[str, ...]:
    """Return the names of the columns, from the last line before the numbers.

    Blanks separate any words, so that a line of words is a header only if they are understood; so
    is a line with figures, such as a serial number.
    """
    blanks = separator.pattern == r"\s+"
    for line in header[-1:]:
        for by in (_BLANKS if blanks else separator, _BLANKS, re.compile(r"\s*,\s*")):
            names = _fields(line, by)
            if len(names) != width:
                continue
            known = [name for name in names if column_meaning(name) and not _FIGURE.search(name)]
            frequencies = [name for name in known if column_meaning(name) == "frequency"]
            if kilohertz := [name for name in frequencies if _KILOHERTZ.search(name)]:
                raise RecordError(f"column {kilohertz[0]!r}: frequencies in Hz are expected")
            least = max(1, width - 1) if by is _BLANKS else int(bool(_PROSE.search(line)))
            words = not any(map(_NUMBER.match, names))
            if frequencies or (words and len(known) >= least):
                return tuple(names)
    return ()


def _refuse_other_width(header: Sequence[str], separator: re.Pattern[str], width: int) -> None:
    """Refuse names of more or fewer columns than there are: nobody knows which is which."""
    if not header or separator.pattern == r"\s+":
        return
    names = _fields(header[-1], separator)
    meant = any(column_meaning(name) == "frequency" and not _FIGURE.search(name) for name in names)
    if len(names) not in (1, width) and meant and not any(map(_NUMBER.match, names)):
        raise RecordError(
            f"names of {len(names)} columns ({', '.join(names)}), but {width} numbers in a line; "
            "state the columns (--columns 1,2)"
        )


def _chosen(columns: Sequence[str], names: Sequence[str], width: int) -> tuple[int, ...]:
    """Return the indices of frequency, level and perhaps phase."""
    if columns:
        if len(columns) not in (2, 3):
            raise ParameterError(
                f"columns {', '.join(columns)}; those of frequency, level and perhaps phase are "
                "expected"
            )
        return tuple(_index(column, names, width) for column in columns)
    if not names:
        return tuple(range(min(width, 3)))
    meanings = [column_meaning(name) for name in names]
    frequency = meanings.index("frequency") if "frequency" in meanings else 0
    levels = [index for index, meaning in enumerate(meanings) if meaning == "level"]
    best = [i for word in _LEVELS for i in levels if re.match(word, names[i], re.IGNORECASE)]
    others = [i for i, meaning in enumerate(meanings) if meaning in ("", "correction")]
    found = [index for index in (*best, *levels, *others) if index != frequency]
    if not found or meanings[frequency] not in ("frequency", ""):
        raise RecordError(
            f"no column of {'frequencies' if found else 'levels'} among {', '.join(names)}; "
            "state the columns (--columns 1,2)"
        )
    phases = [index for index, meaning in enumerate(meanings) if meaning == "phase"]
    return (frequency, found[0], *phases[:1])


def _ears(names: Sequence[str], chosen: Sequence[int], *, both: bool) -> dict[str, int]:
    """Return the columns of levels by the ear that they name, ``both`` ears if there are.

    "L" and "R" are ears only together: alone, the one is the symbol of a level.
    """
    found: dict[str, int] = {}
    for index, name in enumerate(names):
        if index != chosen[0] and column_meaning(name) == "level" and (ear := column_ear(name)):
            found.setdefault(ear, index)
    own = column_ear(names[chosen[1]]) if names else ""
    if found.get(own) != chosen[1] or (len(found) == 1 and _LETTER.search(names[chosen[1]])):
        return {}
    return dict(sorted(found.items())) if both else {own: chosen[1]}


def _told(names: Sequence[str], chosen: Sequence[int], ears: Mapping[str, int]) -> list[str]:
    """Return a remark on columns that are read by their position, or are not read."""
    read = {*chosen[:2], *ears.values()} if len(ears) > 1 else {*chosen}
    others = [name for index, name in enumerate(names) if index not in read]
    unknown = [not column_meaning(names[index]) for index in chosen[:2]]
    if names[:2] == _AUTOEQ or not (others or any(unknown) or len(ears) > 1):
        return []
    said = [f"frequency from the column {names[chosen[0]]!r} by its position"] * unknown[0]
    if len(ears) > 1:
        said += [f"{ear} from the column {names[index]!r}" for ear, index in ears.items()]
    else:
        said += [f"level from the column {names[chosen[1]]!r}{' by its position' * unknown[1]}"]
    left_out = f"; not read: {', '.join(others)}" if others else ""
    return [f"{', '.join(said)}{left_out} (--columns chooses others)"]


def _index(column: str, names: Sequence[str], width: int) -> int:
    if column in names:
        return names.index(column)
    if re.fullmatch(r"[0-9]{1,3}", column) and 1 <= int(column) <= width:
        return int(column) - 1
    known = ", ".join(names) or f"1 to {width}"
    raise ParameterError(f"no column {column!r:.40}; the file has {known}")


def _column(
    data: Sequence[tuple[int, str]], rows: Sequence[Sequence[str]], at: int, rule: str
) -> Array:
    values = []
    for (number, line), row in zip(data, rows, strict=True):
        try:
            value = float(row[at])
        except ValueError as error:
            raise RecordError(
                f"line {number}: {line!r:.{_SHOWN}}, separated by {rule}: no number in column "
                f"{at + 1}"
            ) from error
        if abs(value) > LARGEST:
            raise RecordError(f"line {number}: {line!r:.{_SHOWN}}: a number too large")
        values.append(value)
    return np.array(values)

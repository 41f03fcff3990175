"""What the rows of a wide table are about: recording, condition, channel, take."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PureWindowsPath
from typing import Final

from soundcal.errors import RecordError
from soundcal.files.audio import ENDINGS
from soundcal.files.names import normal_name
from soundcal.files.tables import TextTable
from soundcal.indicators.registry import REGISTRY
from soundcal.indicators.rows import BINAURAL
from soundcal.recording import EARS
from soundcal.study.ears import SINGLE
from soundcal.study.headings import read_heading
from soundcal.study.spellings import ear_of, ears_named
from soundcal.study.wide_mapping import WideMapping

__all__ = [
    "FIRST_IS_LEFT",
    "RowNames",
    "channel_for",
    "channels_of",
    "column_key",
    "kept_rows",
    "names_of_columns",
    "rows_of",
    "unique",
]

FIRST_IS_LEFT: Final = "channel 1 is taken as the left ear, channel 2 as the right one"

_ROLES: Final[dict[str, tuple[str, ...]]] = {
    "stimulus": (
        "stimulus",
        "sound",
        "sound file",
        "soundfile",
        "recording",
        "file",
        "file name",
        "filename",
        "time file",
        "datei",
        "dateiname",
        "aufnahme",
        "geräusch",
        "signal",
        "sample",
        "track",
        "name",
        "id",
    ),
    "condition": ("condition", "method", "bedingung", "methode"),
    "channel": ("channel", "ear", "kanal", "ohr", "channel name"),
    "take": ("take", "repetition", "wiederholung"),
    "combination": ("combination",),
}
"""Names of the columns that say what a row is about, the first one that occurs being used."""

_KEPT: Final = ("calibration", "software")
"""Columns of soundcal's own tables that stay."""

_BOTH: Final = ("", "both", "combined", "stereo", SINGLE)
_FILES: Final = (*ENDINGS, ".hdf", ".dat", ".bin", ".mp3")
_SUMMARIES: Final = frozenset(
    (
        *("mean", "average", "avg", "mittelwert", "mittel", "median", "std", "stdev", "std dev"),
        *("sd", "standard deviation", "standardabweichung", "min", "minimum", "max", "maximum"),
        *("sum", "summe", "total", "gesamt", "overall", "mean value", "durchschnitt", "ø", "∅"),
        *("stabw", "varianz", "variance", "count", "anzahl"),
    )
)


@dataclass(frozen=True, slots=True)
class RowNames:
    """What the rows of a table are about.

    Parameters
    ----------
    stimulus : list of str
        The recording or stimulus of each row.
    condition, channel : list of str or None
        Condition and channel, None if nothing names them.
    others : dict of str to list of str
        Take, combination, and columns of soundcal's own tables.
    used : frozenset of str
        The columns that say all this.
    notes : tuple of str
        Remarks.
    """

    stimulus: list[str]
    condition: list[str] | None
    channel: list[str] | None
    others: dict[str, list[str]]
    used: frozenset[str]
    notes: tuple[str, ...]


def names_of_columns() -> frozenset[str]:
    """Return the names of columns that say what a row is about."""
    return frozenset(name for names in _ROLES.values() for name in names)


def column_key(name: str) -> str:
    """Return a name of a column without differences of case, underlines and spaces."""
    return " ".join(normal_name(name).casefold().replace("_", " ").split())


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, those that occur again with a number."""
    seen: dict[str, int] = {}
    found: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} (column {len(found) + 1})")
    return tuple(found)


def rows_of(
    table: TextTable, top: Sequence[str], mapping: WideMapping | None, method: str
) -> RowNames:
    """Return what the rows are about."""
    places = mapping.columns_in(table, top) if mapping else {}
    chosen = {role: table.columns[place] for role, place in places.items()}
    notes = []
    spelled = [column_key(name) for name in table.columns]
    for role, names in _ROLES.items():
        found = [name for name in names if name in spelled]
        if role not in chosen and found and not (mapping and role in mapping.constants):
            chosen[role] = table.columns[spelled.index(found[0])]
    known = replace(table, columns=unique(table.columns))
    for name, index in _unnamed(known):
        ears = all(map(ear_of, index))
        if ears and "channel" not in chosen:
            chosen["channel"] = name
        elif not ears and "stimulus" not in chosen:
            chosen["stimulus"] = name
    if "stimulus" not in chosen:
        first = known.columns[0]
        if first in chosen.values() or read_heading(first).indicator:
            raise RecordError(
                f"{table.path}: no column names the recordings (such as recording, stimulus or "
                f"file); {table.found}; name the column in a mapping file (--mapping), see "
                "soundcal compare --help"
            )
        chosen["stimulus"] = first
        notes.append(f"{table.path}: the recordings are named by the column {first or 1}")
    cells = {role: known.names(name, needed=role == "stimulus") for role, name in chosen.items()}
    given: Mapping[str, str] = {} if mapping is None else mapping.constants
    cells |= {role: [name] * len(table.rows) for role, name in given.items()}
    stimuli = [_without_ending(name) for name in cells["stimulus"]]
    condition = cells.get("condition") or _folders(cells["stimulus"], method)
    if condition and "condition" not in cells:
        notes.append("the conditions are the folders of the recordings")
    condition = condition or ([method] * len(stimuli) if method else None)
    if mapping:
        written = mapping.renamed("stimuli", cells["stimulus"])
        pairs = zip(written, cells["stimulus"], mapping.renamed("stimuli", stimuli), strict=True)
        stimuli = [own if own != raw else other for own, raw, other in pairs]
        condition = mapping.renamed("conditions", condition) if condition else None
    channel = cells.get("channel")
    if channel is not None:
        channel, remarks = channels_of(channel)
        notes += [f"{table.path}: {remark}" for remark in remarks]
    others: dict[str, list[str]] = {
        role: cells[role] for role in ("take", "combination") if role in cells
    }
    others |= {name: known.names(name, needed=False) for name in _KEPT if name in known.columns}
    return RowNames(
        stimuli,
        condition,
        channel,
        others,
        frozenset(chosen.values()) | set(others),
        tuple(notes),
    )


def _unnamed(table: TextTable) -> Iterator[tuple[str, list[str]]]:
    """Give the columns without a name, as an index has, unless they count the rows."""
    for name in table.columns[:3]:
        if re.match(r"(unnamed: \d|level_\d|index$| \(column)|^$", name.casefold()):
            cells = table.cells(name)
            count = [str(n) for n in range(len(cells))]
            if all(cells) and cells not in (count, [str(int(n) + 1) for n in count]):
                yield name, cells


def _without_ending(name: str) -> str:
    """Return the name of a recording without its folder and the ending of an audio file."""
    path = PureWindowsPath(name)
    return path.stem if path.suffix.lower() in _FILES else name


def _folders(names: Sequence[str], method: str) -> list[str] | None:
    """Return the folders of files as conditions, if there are several and nothing else is known."""
    folders = [PureWindowsPath(name).parent.name for name in names]
    files = all(PureWindowsPath(name).suffix.lower() in _FILES for name in names)
    return folders if not method and files and len(set(folders)) > 1 and all(folders) else None


def channels_of(cells: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the channels as soundcal names them, and remarks on names that were understood.

    The channel ``binaural`` stays; whether it is a standard's own value depends on the indicator
    (:func:`channel_for`).
    """
    names = list(dict.fromkeys(cells))
    known = {
        cell: SINGLE if (name := cell.casefold()) in _BOTH else name if name == BINAURAL else ear
        for cell, ear in zip(names, ears_named(names), strict=True)
    }
    read = {cell: ear for cell, ear in known.items() if ear in EARS}
    remarks = [FIRST_IS_LEFT] if any(re.search(r"[12]$", cell) for cell in read) else []
    remarks += [
        f"the channel {cell} is taken as the {ear} ear"
        for cell, ear in read.items()
        if not ear_of(cell) and not re.search(r"[12]$", cell)
    ]
    return [known[cell] for cell in cells], remarks


def channel_for(channel: str, indicator: str) -> str:
    """Return the channel of a value: ``binaural`` is one of the standard only where it has one.

    >>> channel_for("binaural", "N"), channel_for("left", "N")
    ('single', 'left')
    """
    entry = REGISTRY.get(indicator)
    return SINGLE if channel == BINAURAL and not (entry and entry.binaural) else channel


def kept_rows(
    table: TextTable, rows: RowNames, values: dict[int, list[float]]
) -> tuple[list[int], list[str]]:
    """Return the rows that count, and notes on the others.

    Raises
    ------
    RecordError
        Two rows of one recording with different values.
    """
    keys = list(
        zip(
            rows.condition or [""] * len(rows.stimulus),
            rows.stimulus,
            rows.channel or [""] * len(rows.stimulus),
            *(rows.others[name] for name in ("take", "combination") if name in rows.others),
            strict=True,
        )
    )
    first: dict[tuple[str, ...], int] = {}
    kept, empty, equal, summaries = [], [], [], []
    for number, key in enumerate(keys):
        own = [column[number] for column in values.values()]
        if all(map(math.isnan, own)):
            empty.append(number)
        elif column_key(rows.stimulus[number]).rstrip(" .:") in _SUMMARIES:
            summaries.append(number)
        elif key not in first:
            first[key] = number
            kept.append(number)
        elif _same(own, [column[first[key]] for column in values.values()]):
            equal.append(number)
        else:
            one, other = table.lines[first[key]], table.lines[number]
            name = " ".join(filter(None, key))
            raise RecordError(
                f"{table.path}: lines {one} and {other} are both of {name!r} and "
                "have different values; keep one, or name repeated takes in a column take"
            )
    notes = [
        f"{table.path}: line {table.lines[numbers[0]]} ({rows.stimulus[numbers[0]]})"
        + (f" and {len(numbers) - 1} more" if len(numbers) > 1 else "")
        + f": {why}, left out"
        for numbers, why in (
            (empty, "no value in any column that is read"),
            (summaries, "a summary, as its name says"),
            (equal, "equal to a row before of the same recording"),
        )
        if numbers
    ]
    if not kept:
        raise RecordError(f"{table.path}: no row has values of a recording")
    return kept, notes


def _same(first: Sequence[float], second: Sequence[float]) -> bool:
    return all(
        a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(first, second, strict=True)
    )

"""Condition and stimulus of a table of ``soundcal measure``, from the names of its recordings."""

import math
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Final

from soundcal.errors import RecordError
from soundcal.files.names import normal_name, some
from soundcal.files.tables import TextTable
from soundcal.indicators.rows import FAILED
from soundcal.indicators.wide import NOT_MEASURED, RECORDING, wide_heading

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NAMED_BY_TABLE", "REACHED", "is_measured", "tidy_of_measured", "with_conditions"]

NAMED_BY_TABLE: Final = "the condition is the name of the table"

REACHED: Final = ("point", "responses")
"""Columns of the reference point of a recording, and of the responses that led there."""

_KEPT: Final = ("condition", "stimulus", "take", "combination", "calibration", "software", *REACHED)
"""Columns that a wide table of soundcal may have beside those of values."""


_WAYS: Final = (
    "measure each method with its name (measure --condition NAME --out NAME.csv) and compare the "
    "tables (compare FIRST.csv SECOND.csv), or compare folders of recordings: soundcal report "
    "FOLDER FOLDER"
)


def is_measured(table: TextTable) -> bool:
    """Return whether a table is one of ``soundcal measure --wide``."""
    return {RECORDING, "software"} <= set(table.columns) and any(map(wide_heading, table.columns))


def tidy_of_measured(table: TextTable) -> "pd.DataFrame":
    """Return a table of ``soundcal measure --wide`` as the tidy one of ``soundcal measure``."""
    import pandas as pd

    about = {
        name: table.names(name, needed=name == RECORDING)
        for name in table.columns
        if name in (RECORDING, *_KEPT)
    }
    columns = {name: found for name in table.columns if (found := wide_heading(name))}
    numbers = {name: table.numbers(name) for name in columns}
    of_u = {found[:4]: numbers[name] for name, found in columns.items() if found[4]}
    parts = []
    for name, (symbol, statistic, channel, unit, is_u) in columns.items():
        if is_u:
            continue
        part = pd.DataFrame(about)
        part["channel"], part["indicator"], part["statistic"] = channel, symbol, statistic
        part["value"], part["unit"] = numbers[name], unit
        if of_u:
            part["u"] = of_u.get((symbol, statistic, channel, unit), math.nan)
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    notes = list(table.notes)
    if NOT_MEASURED in table.columns:
        reasons = zip(about[RECORDING], table.cells(NOT_MEASURED), strict=True)
        notes += [f"{name}: not measured in full: {reason}" for name, reason in reasons if reason]
    if left := [n for n in table.columns if n not in {*about, *columns, NOT_MEASURED, ""}]:
        notes.append(f"{table.path}: columns that are not read: {some(left, 12)}")
    frame.attrs["notes"] = tuple(notes)
    return frame


def with_conditions(table: "pd.DataFrame", method: str = "") -> "pd.DataFrame":
    """Return a table of measured files with the columns condition and stimulus.

    As in a report on plain folders, the name of the file without its ending is the stimulus, and
    the name of the folder the condition, unless the table has a column for it or is of one method.
    Rows ``failed`` are left out. Notes in ``attrs["notes"]`` say all this.

    Parameters
    ----------
    table : DataFrame
        With the columns ``recording`` and ``indicator``; with or without ``condition`` and
        ``stimulus``.
    method : str
        Condition of a table of one method, if it has no column ``condition``.

    Raises
    ------
    RecordError
        No recording was measured, or all of them are in one folder.
    """
    failed = table["indicator"] == FAILED
    kept = table[~failed].reset_index(drop=True)
    if kept.empty:
        raise RecordError("no recording was measured; the rows 'failed' of the table say why")
    notes = list(table.attrs.get("notes", ()))
    # both kinds of separators: a table may come from another system
    paths = [PureWindowsPath(name) for name in kept["recording"]]
    sources = []
    if "condition" not in kept.columns:
        if method:
            conditions = [method] * len(kept)
            sources.append(NAMED_BY_TABLE)
        else:
            conditions = _folders(paths)
            names = some(dict.fromkeys(conditions))
            sources.append(f"conditions {names} are the names of the recordings' folders")
        kept.insert(0, "condition", conditions)
    if "stimulus" not in kept.columns:
        kept.insert(1, "stimulus", [normal_name(path.stem) for path in paths])
        _refuse_two_of_a_stimulus(kept)
        sources.append("stimuli are the names of the recordings' files")
    left_out = table.loc[failed, "recording"].drop_duplicates().tolist()
    notes += [
        *([", ".join(sources)] if sources else []),
        *(f"{name}: not measured in full, and left out as far as it failed" for name in left_out),
    ]
    kept.attrs["notes"] = tuple(notes)
    return kept


def _refuse_two_of_a_stimulus(table: "pd.DataFrame") -> None:
    """Refuse two recordings of one stimulus and one condition, unless they are named takes."""
    names = ["condition", "stimulus", *(["take"] if "take" in table.columns else [])]
    found = table[[*names, "recording"]].drop_duplicates()
    twice = found[found.duplicated(names, keep=False)]
    if len(twice):
        (condition, stimulus, *_), same = next(iter(twice.groupby(names)))
        first, second = same["recording"].iloc[:2]
        raise RecordError(
            f"{first} and {second} are both the stimulus {stimulus!r} of the condition "
            f"{condition!r}; tell them apart in a column stimulus, or {_WAYS}"
        )


def _folders(paths: list[PureWindowsPath]) -> list[str]:
    """Return the folder of each recording, if there are several."""
    folders = [normal_name(path.parent.name) for path in paths]
    found = list(dict.fromkeys(folders))
    if len(found) < 2 or "" in found:
        where = " and ".join(name or "the working folder" for name in found)
        raise RecordError(
            f"the table has no column condition, and its recordings are in {where}; {_WAYS}"
        )
    return folders

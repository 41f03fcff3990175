"""The tidy table of a study: one row per recording, channel, indicator and statistic."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.errors import RecordError
from soundcal.files.names import lookalikes, normal_name, some
from soundcal.files.tables import read_table_text
from soundcal.study.of_files import NAMED_BY_TABLE, with_conditions
from soundcal.units import STATIC_PRESSURE, pascal_to_level

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "checked_table", "read_table"]

COLUMNS: Final = ("condition", "stimulus", "channel", "indicator", "statistic", "value", "unit")
"""Columns that a table must have; it may also have ``combination``, ``take`` and others."""

_NUMBERS: Final = ("value", "u")

_LOWEST_LEVEL: Final = -90.0
"""Level in dB that no recording has: the rounding noise of 24 bits below a full scale of 60 dB."""

_NEVER_NEGATIVE: Final = ("sone", "acum", "asper", "vacil", "t.u.")
"""Units of values that begin at 0."""

_NEEDED: Final = ("condition", "stimulus", "indicator")
"""Columns without empty cells."""


def read_table(*paths: Path) -> "pd.DataFrame":
    """Read tidy tables into one; all columns but ``value`` and ``u`` are text.

    In a table of ``soundcal measure``, the stimulus is the name of the recording's file. The
    condition is the column of that name, or else the name of the table's file if several tables
    are given, and the folder of the recording (:func:`soundcal.study.of_files.with_conditions`) if
    there is one table.

    Parameters
    ----------
    paths : Path
        One or more tables.

    Returns
    -------
    DataFrame
        ``attrs["notes"]`` holds remarks about how the files were read.

    Raises
    ------
    RecordError
        Missing, empty, or not a table of text; a cell of ``value`` or ``u`` that is neither a
        number nor empty or ``NA``; a row without a condition, stimulus or indicator; two tables
        of one name; a column ``combination`` in some of the tables only.
    """
    import pandas as pd

    if len(paths) == 1:
        table = _read(paths[0], "")
        table.attrs["notes"] = (*table.attrs["notes"], *_remarks(table))
        return table
    parts = [_read(path, normal_name(path.stem)) for path in paths]
    _check_parts(paths, parts)
    table = pd.concat(parts, ignore_index=True)
    notes: dict[str, list[str]] = {}
    for path, part in zip(paths, parts, strict=True):
        for note in part.attrs["notes"]:
            notes.setdefault(note, []).append(str(path))
    told = (f"{some(of)}: {note}" for note, of in notes.items())
    table.attrs["notes"] = (*told, *_remarks(table))
    return table


def _read(path: Path, method: str) -> "pd.DataFrame":
    """Read one table, of the given method if it has no column ``condition``."""
    import pandas as pd

    table = read_table_text(path)
    absent = [name for name in COLUMNS if name not in table.columns]
    of_files = set(absent) <= {"condition", "stimulus"} and table.columns.count("recording") == 1
    if absent == ["condition"] and not of_files and not method:
        raise RecordError(
            f"{path}: {_no_column(absent)}; or give one table for each method, named after it: "
            "soundcal compare FIRST.csv SECOND.csv"
        )
    if absent not in ([], ["condition"]) and not of_files:
        raise RecordError(f"{path}: {_no_column(absent)}; {table.found}")
    frame = pd.DataFrame(
        {
            name: table.numbers(name)
            if name in _NUMBERS
            else table.names(name, needed=name in _NEEDED)
            for name in table.columns
            if name in COLUMNS or table.columns.count(name) == 1
        }
    )
    frame.attrs["notes"] = table.notes
    if not of_files:
        if absent:
            frame.insert(0, "condition", method)
            frame.attrs["notes"] = (*table.notes, NAMED_BY_TABLE)
        return frame
    try:
        return with_conditions(frame, method)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error


def _check_parts(paths: Sequence[Path], parts: "Sequence[pd.DataFrame]") -> None:
    """Refuse tables that cannot become one."""
    combined = ["combination" in part.columns for part in parts]
    if any(combined) and not all(combined):
        one, other = paths[combined.index(True)], paths[combined.index(False)]
        raise RecordError(
            f"{one} has a column combination, {other} has none; add it to all tables, or remove it "
            "from all"
        )
    named: dict[str, Path] = {}
    for path, part in zip(paths, parts, strict=True):
        name = normal_name(path.stem)
        if set(part["condition"]) != {name}:
            continue
        if name in named:
            raise RecordError(
                f"{named[name]} and {path} are both of the condition {name!r}; give each table "
                "once, and name the file of each method after it, or add a column condition "
                "(measure --condition NAME)"
            )
        named[name] = path


def _remarks(table: "pd.DataFrame") -> tuple[str, ...]:
    """Return remarks on what may be wrong with a table that can be read."""
    conditions = table["condition"].unique()
    alike = lookalikes("conditions", "", conditions, "", conditions)
    return (*alike, *_impossible(table), *_unlike(table))


def _impossible(table: "pd.DataFrame") -> tuple[str, ...]:
    """Return remarks on values that no sound can have: a lost decimal point, a code for missing."""
    most = pascal_to_level(STATIC_PRESSURE)
    level = (table["unit"] == "dB") & np.isfinite(table["value"])
    loud = table[level & (table["value"] > most)]
    codes = table[
        (level & (table["value"] < _LOWEST_LEVEL))
        | (table["unit"].isin(_NEVER_NEGATIVE) & (table["value"] < 0))
    ]
    remarks = []
    if len(loud):
        remarks.append(
            f"{len(loud)} values in dB are above {most:.0f} dB, the highest level of a sound; the "
            f"first is {_cell(loud)}; was a decimal point or comma lost?"
        )
    if len(codes):
        remarks.append(
            f"{len(codes)} values are too low for any sound; the first is {_cell(codes)}; if that "
            "stands for a missing value, leave the cell empty or write NA"
        )
    return tuple(remarks)


def _cell(rows: "pd.DataFrame") -> str:
    """Return the first value in words."""
    first = rows.iloc[0]
    return (
        f"{first['value']:g} {first['unit']} (condition {first['condition']}, stimulus "
        f"{first['stimulus']})"
    )


def _unlike(table: "pd.DataFrame") -> tuple[str, ...]:
    """Return a remark if the conditions of a table were computed differently."""
    if "software" not in table.columns:
        return ()
    by = {
        str(name): " and ".join(sorted(part["software"].unique()))
        for name, part in table.groupby("condition", sort=False)
    }
    if len(set(by.values())) < 2:
        return ()
    words = ", ".join(f"{name} by {software}" for name, software in by.items())
    return (f"the conditions were computed differently: {words}",)


def _no_column(names: list[str]) -> str:
    return f"the table has no column {', '.join(names)}; a tidy table has {', '.join(COLUMNS)}"


def checked_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return :data:`COLUMNS`, and ``take``, of a table of one combination, as texts and floats.

    Raises
    ------
    RecordError
        Columns missing or with empty cells, no rows, several combinations of equipment, or a value
        that is not a number.
    """
    import pandas as pd

    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise RecordError(_no_column(missing))
    if table.empty:
        raise RecordError("the table has no rows; nothing can be compared")
    if "combination" in table.columns and table["combination"].nunique(dropna=False) > 1:
        names = ", ".join(sorted(map(str, table["combination"].unique())))
        raise RecordError(
            f"the table holds several combinations of equipment ({names}); compare each by itself, "
            "because the same stimuli over several combinations are not independent"
        )
    kept = [name for name in COLUMNS if name != "value"]
    texts = {}
    for name in (*kept, "take"):
        if name in table.columns:
            cells = table[name].tolist()
            normal = {cell: normal_name(str(cell)) for cell in set(cells)}
            texts[name] = [normal[cell] for cell in cells]
    if "take" in texts:
        absent = table["take"].isna()
        texts["take"] = ["" if no else t for no, t in zip(absent, texts["take"], strict=True)]
    result = pd.DataFrame(texts)
    try:
        result["value"] = pd.to_numeric(table["value"]).to_numpy(dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise RecordError(
            f"the column value holds something that is not a number: {error}"
        ) from error
    for name in _NEEDED:
        if table[name].isna().any() or (result[name] == "").any():
            raise RecordError(f"the column {name} has empty cells; every row needs one")
    return result

"""Remarks on what may be wrong with a table of indicators that can be read."""

from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.files.names import lookalikes, some
from soundcal.study.of_files import REACHED
from soundcal.units import STATIC_PRESSURE, pascal_to_level

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LEVELS", "doubts_about"]

_LOWEST_LEVEL: Final = -90.0
"""Level in dB that no recording has: the rounding noise of 24 bits below a full scale of 60 dB."""

LEVELS: Final = ("LA", "LB", "LC", "LZ")
"""Symbols of broadband levels."""

_QUIETEST: Final = 10.0
"""Level in dB that all recordings but those of silent rooms exceed; pressures in Pa do not."""

_MEDIAN: Final = 30.0
"""Median in dB of recordings among which one below :data:`_QUIETEST` is strange."""

_NEVER_NEGATIVE: Final = ("sone", "acum", "asper", "vacil", "t.u.")
"""Units of values that begin at 0."""


def doubts_about(table: "pd.DataFrame") -> tuple[str, ...]:
    """Return remarks on what may be wrong with a table that can be read."""
    conditions = table["condition"].unique()
    alike = lookalikes("conditions", "", conditions, "", conditions)
    return (*alike, *_other_points(table), *_impossible(table), *_unlike(table))


def _other_points(table: "pd.DataFrame") -> tuple[str, ...]:
    """Return a remark on conditions at different reference points, or freed of other responses."""
    if not set(REACHED) <= set(table.columns):
        return ()
    reached = table[["condition", *REACHED]].fillna("").drop_duplicates()
    told = {
        str(condition): some(dict.fromkeys(map(_words, part["point"], part["responses"])))
        for condition, part in reached.groupby("condition", sort=False)
    }
    if len(set(told.values())) < 2:
        return ()
    each = "; ".join(f"{condition}: {words}" for condition, words in told.items())
    return (
        "the conditions refer to different reference points, or responses were undone in some of "
        f"them only: {each}; their difference contains that of the points (soundcal measure "
        "--refer-to, --response)",
    )


def _words(point: str, responses: str) -> str:
    undone = "responses undone" if responses else "no response undone"
    return f"{point or 'point not stated'}, {undone}"


def _impossible(table: "pd.DataFrame") -> tuple[str, ...]:
    """Return remarks on values that no sound can have: a lost decimal point, a code for missing."""
    most = pascal_to_level(STATIC_PRESSURE)
    level = (table["unit"] == "dB") & np.isfinite(table["value"])
    loud = table[level & (table["value"] > most)]
    codes = table[
        (level & (table["value"] < _LOWEST_LEVEL))
        | (table["unit"].isin(_NEVER_NEGATIVE) & (table["value"] < 0))
    ]
    by_label = table[level].groupby(["condition", "indicator", "statistic"], sort=False)
    quiet, strange = [], []
    for (condition, indicator, statistic), part in by_label:
        low = part[part["value"].between(0.0, _QUIETEST)]
        if indicator not in LEVELS or low.empty:
            continue
        if len(low) == len(part):
            quiet.append(f"{indicator}{statistic} ({condition})")
        elif part["value"].median() > _MEDIAN:
            strange.append(f"{indicator}{statistic}, {_cell(low)}")
    remarks = []
    if strange:
        remarks.append(
            f"below {_QUIETEST:g} dB, unlike the others: {some(strange, 3)}; if that stands for a "
            "missing value, leave the cell empty or write NA"
        )
    if quiet:
        remarks.append(
            f"all values of {some(quiet)} are between 0 dB and {_QUIETEST:g} dB; are they pascal?"
        )
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
    software = table["software"].fillna("a program that is not named")  # one table has no column
    by = {
        str(name): " and ".join(sorted(part.unique()))
        for name, part in software.groupby(table["condition"], sort=False)
    }
    if len(set(by.values())) < 2:
        return ()
    words = ", ".join(f"{name} by {software}" for name, software in by.items())
    return (f"the conditions were computed differently: {words}",)

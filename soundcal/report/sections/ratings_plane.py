"""Section of a listening test's report: the plane of pleasantness and eventfulness."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.ratings import Plane, RatingsComparison
from soundcal.report import figures
from soundcal.report.document import Block, Column, Paragraph, Picture, Table
from soundcal.report.style import known

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AXES", "plane_blocks", "unusable_trials"]


AXES: Final = ("pleasantness", "eventfulness")
"""Axes of the plane."""


def unusable_trials(plane: Plane, names: Sequence[str] = ()) -> str:
    """Return how many trials have no point in the plane, in words; "" if all have one.

    Parameters
    ----------
    plane : Plane
        The plane.
    names : sequence of str
        Conditions; all of them by default.
    """
    shown = names or list(plane.trials)
    if not any(plane.unusable[name] for name in shown):
        return ""
    counts = ", ".join(f"{name} {plane.unusable[name]} of {plane.trials[name]}" for name in shown)
    return f"trials without all eight answers, which the plane cannot show: {counts}"


def plane_blocks(plane: Plane, comparison: RatingsComparison | None) -> tuple[Block, ...]:
    """Return every trial in the plane and, of a comparison, the shift of every stimulus."""
    points, means = plane.points, plane.shifts
    shown = [comparison.first, comparison.second] if comparison else list(plane.trials)
    trials = {name: _xy(points[points["condition"] == name]) for name in shown}
    left_out = unusable_trials(plane, shown)
    blocks: list[Block] = [
        Picture(
            "circumplex",
            "Pleasantness and eventfulness of every trial",
            "One marker per trial, one contour per condition. The shares of the quadrants are "
            "in the table below.",
            "Every trial in the plane of pleasantness and eventfulness; each contour encloses 50 % "
            "of the estimated density of its condition."
            + (f" Not drawn: {left_out}." if left_out else ""),
            partial(figures.circumplex, trials, contours=plane.contours),
        ),
        _quadrants(plane.quadrants, unusable_trials(plane)),
    ]
    if comparison is None:
        return tuple(blocks)
    first, second = comparison.first, comparison.second
    arrows = {first: _xy(means, "_first"), second: _xy(means, "_second")}
    if len(means):
        blocks.append(
            Picture(
                "circumplex-stimuli",
                f"Shift of every stimulus from {first} to {second}",
                "One arrow per stimulus between the mean points of its two conditions. The "
                "differences are in the table below.",
                f"Mean of the participants who rated the stimulus under both conditions; arrows "
                f"point from {first} to {second}.",
                partial(figures.circumplex, arrows, arrows=True, names=list(means.index)),
            )
        )
        blocks.append(_plane_table(comparison))
    else:
        blocks.append(Paragraph("Nobody rated under both conditions: there are no pairs."))
    return tuple(blocks)


def _xy(frame: "pd.DataFrame", ending: str = "") -> tuple[Array, Array]:
    p, e = (frame[f"{axis}{ending}"].to_numpy(dtype=np.float64) for axis in AXES)
    return p, e


def _quadrants(table: "pd.DataFrame", left_out: str) -> Table:
    shares = [name for name in table.columns if name not in ("condition", "n", *AXES)]
    columns = (
        Column("Condition"),
        Column("Trials", "count"),
        *(Column(axis.capitalize(), "signed", group="Mean") for axis in AXES),
        *(Column(name, "number", decimals=1, group="Share of the trials (%)") for name in shares),
    )
    rows = tuple(
        (
            row["condition"],
            row["n"],
            *(known(row[axis]) for axis in AXES),
            *(known(100.0 * row[name]) for name in shares),
        )
        for row in table.to_dict("records")
    )
    caption = "Quadrants of the plane; axis: trials on an axis between two quadrants"
    caption += f"; left out: {left_out}" if left_out else ""
    return Table("quadrants", caption, columns, rows)


def _plane_table(comparison: RatingsComparison) -> Table:
    columns = (
        Column("Stimulus"),
        Column("n", "count"),
        *(
            column
            for axis in AXES
            for column in (
                Column("Difference", "signed", group=axis.capitalize()),
                Column(
                    f"{100 * comparison.confidence:g} % CI", "interval", group=axis.capitalize()
                ),
            )
        ),
        Column("T²", "number", decimals=2, group="Hotelling"),
        Column("F", "number", decimals=2, group="Hotelling"),
        Column("p", "p", group="Hotelling"),
        Column("p adjusted", "p", group="Hotelling"),
        Column("Remark"),
    )
    rows = tuple(
        (
            "all (participants' means)" if row["stimulus"] == "all" else row["stimulus"],
            row["n"],
            *(cell for axis in AXES for cell in (known(row[axis]), _interval(row, axis))),
            *(known(row[name]) for name in ("t2", "f", "p_value", "p_adjusted")),
            row["remark"] or None,
        )
        for row in comparison.plane.to_dict("records")
    )
    caption = (
        f"Paired differences {comparison.direction} in the plane; simultaneous intervals, p of "
        f"single stimuli adjusted ({comparison.correction})"
    )
    return Table("plane-table", caption, columns, rows)


def _interval(row: "dict[Any, Any]", axis: str) -> tuple[float, float] | None:
    low, high = row[f"{axis}_low"], row[f"{axis}_high"]
    return None if low != low else (low, high)

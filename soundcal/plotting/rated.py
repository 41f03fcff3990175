"""Plots of ratings: the plane, stacked answers, maps."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from soundcal.plotting.canvas import Drawing, drawn
from soundcal.ratings.soundscape import ATTRIBUTES
from soundcal.ratings.summary import Centre, central_answers, densities, stacked_answers
from soundcal.ratings.table import Ratings, make_ratings
from soundcal.report.figures.ratings import (
    DIFFERENCE_LIMIT,
    draw_answers,
    draw_differences,
    draw_likert,
    draw_plane,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from soundcal.ratings.analysis import RatingsAnalysis

__all__ = [
    "of_answers",
    "of_centre",
    "of_differences",
    "of_plane",
    "of_shifts",
    "plane_is_possible",
    "plot_heat_map",
    "plot_likert",
    "plot_plane",
]

_AXES = ("pleasantness", "eventfulness")


def plot_plane(
    table: "pd.DataFrame",
    *,
    scale: tuple[float, float],
    language: str = "equal",
    by: str = "condition",
    share: float = 0.5,
    ax: "Axes | None" = None,
) -> "Axes":
    """Plot ratings in the plane of pleasantness and eventfulness (ISO/TS 12913-3), with density.

    Every trial is a marker; the contour of each group encloses a share of its estimated density
    (see :func:`soundcal.ratings.density`).

    Parameters
    ----------
    table : DataFrame
        One row per answer: ``participant, condition, stimulus, attribute, value``.
    scale : tuple of float
        Lowest and highest answer, e.g. ``(1, 5)`` or ``(0, 100)``.
    language : str
        Language that defines the angles of the attributes, see :data:`soundcal.ratings.ANGLES`.
    by : {"condition", "stimulus", "participant"}
        Column that makes the groups.
    share : float
        Proportion of the density inside the contours; a group of fewer than 5 trials has none.
    ax : Axes, optional
        Axes to draw in; a new figure if not given.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        Not a DataFrame.
    RecordError
        Columns missing, or a trial answered twice.
    ParameterError
        Answers outside the scale, an attribute that was not asked, an unknown language or column.

    Examples
    --------
    ::

        answers = pandas.read_csv("answers.csv")
        axes = soundcal.plot_plane(answers, scale=(1, 5))
        axes.figure.savefig("plane.png")
    """
    ratings = _ratings(table, scale, language)
    return drawn(of_plane(ratings, by=by, share=share), ax)


def plot_likert(
    table: "pd.DataFrame",
    *,
    scale: tuple[float, float],
    categories: int = 5,
    ax: "Axes | None" = None,
) -> "Axes":
    """Plot the shares of the answers as stacked bars about the middle of the scale.

    One bar per attribute and condition; half of a middle answer is on either side of 0 %.

    Parameters
    ----------
    table : DataFrame
        One row per answer: ``participant, condition, stimulus, attribute, value``.
    scale : tuple of float
        Lowest and highest answer, e.g. ``(1, 5)`` or ``(0, 100)``.
    categories : int
        Parts into which a slider's scale is cut; with answers of 1 to 5, each is one.
    ax : Axes, optional
        Axes to draw in; a new figure if not given.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        Not a DataFrame.
    RecordError
        Columns missing, or a trial answered twice.
    ParameterError
        Answers outside the scale, or fewer than 2 categories.
    """
    ratings = _ratings(table, scale)
    return drawn(_stacked(stacked_answers(ratings, categories=categories)), ax)


def plot_heat_map(
    table: "pd.DataFrame",
    *,
    scale: tuple[float, float],
    centre: Centre = "median",
    across: str = "stimulus",
    ax: "Axes | None" = None,
) -> "Axes":
    """Plot the median or mean answer to every attribute as a map that prints its values.

    Parameters
    ----------
    table : DataFrame
        One row per answer: ``participant, condition, stimulus, attribute, value``.
    scale : tuple of float
        Lowest and highest answer: the ends of the colours.
    centre : {"median", "mean"}
        The median suits answers in a few categories.
    across : {"stimulus", "participant", "condition"}
        Column whose names go across; with several conditions, each attribute has a row for each.
    ax : Axes, optional
        Axes to draw in; a new figure if not given.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        Not a DataFrame.
    RecordError
        Columns missing, or a trial answered twice.
    ParameterError
        Answers outside the scale, another central tendency or column.
    """
    ratings = _ratings(table, scale)
    return drawn(of_centre(ratings, centre=centre, across=across), ax)


def _ratings(table: "pd.DataFrame", scale: tuple[float, float], language: str = "equal") -> Ratings:
    if not hasattr(table, "columns"):
        raise TypeError(
            f"a DataFrame of ratings is expected, not {type(table).__name__}; soundcal.plot draws "
            "Ratings and their analysis"
        )
    return make_ratings(table, scale=scale, language=language)


def plane_is_possible(ratings: Ratings) -> bool:
    """Return True if all eight attributes of the plane were asked."""
    return set(ATTRIBUTES) <= set(ratings.attributes)


def of_plane(
    ratings: Ratings, *, by: str = "condition", share: float = 0.5, first: Sequence[str] = ()
) -> Drawing:
    """Draw every trial in the plane, and a contour per group.

    Conditions have the colours that they have in other figures: those of ``first``, then the others
    in the order in which they occur.
    """
    points = ratings.points()
    contours = densities(points, by=by, share=share)
    found = {
        str(name): (part[_AXES[0]].to_numpy(), part[_AXES[1]].to_numpy())
        for name, part in points.groupby(by, sort=False)
    }
    names = dict.fromkeys([*first, *ratings.conditions, *found] if by == "condition" else found)
    groups = {name: found[name] for name in names if name in found}
    return _plane(partial(draw_plane, points=groups, contours=contours, filled=True))


def _plane(draw: "partial[None]") -> Drawing:
    return Drawing(draw, 110.0, 112.0)


def of_shifts(analysis: "RatingsAnalysis") -> Drawing:
    """Draw an arrow per stimulus between the means under both conditions."""
    comparison, plane = analysis.comparison, analysis.plane
    means = comparison.pairs if plane is None else plane.shifts
    ends = {
        name: (means[f"{_AXES[0]}_{end}"].to_numpy(), means[f"{_AXES[1]}_{end}"].to_numpy())
        for name, end in ((comparison.first, "first"), (comparison.second, "second"))
    }
    names = () if plane is None else list(plane.shifts.index)
    return _plane(partial(draw_plane, points=ends, arrows=True, names=names))


def of_answers(ratings: Ratings) -> Drawing:
    """Draw the shares of the answers."""
    return _stacked(stacked_answers(ratings))


def _stacked(counts: "pd.DataFrame") -> Drawing:
    return Drawing(partial(draw_likert, shares=counts), 180.0, 24.0 + 5.5 * len(counts))


def of_centre(ratings: Ratings, *, centre: Centre = "median", across: str = "stimulus") -> Drawing:
    """Draw the median or mean answers as a map."""
    ratings.check_scale()
    values = central_answers(ratings, centre=centre, across=across)
    low, high = ratings.scale
    rows, columns = values.shape
    return Drawing(
        partial(draw_answers, values=values, scale=ratings.scale, label=across.capitalize()),
        max(110.0, 60.0 + 7.0 * columns),
        32.0 + 6.0 * rows,
        colours=f"{centre.capitalize()} answer ({low:g} to {high:g})",
    )


def of_differences(analysis: "RatingsAnalysis") -> Drawing:
    """Draw the differences between both conditions as a map, with stars of significance."""
    comparison = analysis.comparison
    low, high = analysis.ratings.scale
    differences = comparison.heatmap()
    rows, columns = differences.shape
    return Drawing(
        partial(
            draw_differences,
            differences=differences,
            marks=comparison.heatmap("stars"),
            limit=DIFFERENCE_LIMIT / 100.0 * (high - low),
        ),
        max(110.0, 60.0 + 6.0 * columns),
        32.0 + 6.0 * rows,
        colours=f"Difference {comparison.direction} ({low:g} to {high:g})",
    )

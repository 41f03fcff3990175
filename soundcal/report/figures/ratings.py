"""Ratings of a listening test: circumplex, stacked answers, map of differences."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.report.figures.names import write_names
from soundcal.report.figures.page import (
    add_axes,
    colours,
    legend_columns,
    new_figure,
    short,
    small,
    styled,
)
from soundcal.report.style import COLUMN_MM, FAINT, INK, PAGE_MM, value_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from soundcal.ratings import Density

__all__ = [
    "DIFFERENCE_LIMIT",
    "circumplex",
    "difference_map",
    "draw_answers",
    "draw_differences",
    "draw_likert",
    "draw_plane",
    "likert_bars",
]


DIFFERENCE_LIMIT: Final = 60.0
"""Ends of the colour scale of differences of ratings on 0 to 100, as in the study's figure
(Lam et al., arXiv 2207.12899)."""

_CORNERS: Final = (
    ("vibrant", 1, 1),
    ("calm", 1, -1),
    ("chaotic", -1, 1),
    ("monotonous", -1, -1),
)
_MANY: Final = 100  # from this number on, points hide each other
_WHOLE_NUMBERS: Final = 20  # from this range of answers on
_ON_LIGHT: Final = "#111111"  # not the ink of the page, which a dark page makes light


def circumplex(
    points: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    contours: "Mapping[str, Density] | None" = None,
    arrows: bool = False,
    names: Sequence[str] = (),
) -> "Figure":
    """Draw pleasantness and eventfulness (ISO/TS 12913-3) per condition.

    Parameters
    ----------
    points : mapping of str to (array_like, array_like)
        Coordinates P and E of each condition, both of shape (n,), within -1 to 1.
    contours : mapping of str to Density, optional
        Densities of conditions whose contour is drawn, see :func:`soundcal.ratings.density`.
    arrows : bool
        Draw arrows from the first to the second of two conditions whose points are pairs, in the
        same order.
    names : sequence of str
        Names of the arrows, written beside their ends.

    Returns
    -------
    Figure
        88 mm wide, square.

    Raises
    ------
    ParameterError
        No condition, coordinates of unequal length or beyond ±1, or arrows without pairs.
    """
    if not points:
        raise ParameterError("0 conditions; coordinates of at least 1 are expected")
    with styled():
        n_columns, above = legend_columns([short(name, 40) for name in points], COLUMN_MM)
        figure = new_figure(COLUMN_MM, COLUMN_MM - 4.0 + above)
        axes = add_axes(figure, 14.0, 12.0, 70.0, 70.0)
        draw_plane(axes, points, contours=contours, arrows=arrows, names=names)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper center", ncols=n_columns, borderaxespad=0.2)
    return figure


def draw_plane(
    axes: "Axes",
    points: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    contours: "Mapping[str, Density] | None" = None,
    arrows: bool = False,
    filled: bool = False,
    names: Sequence[str] = (),
) -> None:
    """Draw the plane in axes; parameters as for :func:`circumplex`, ``filled`` colours contours."""
    arrays = {name: _coordinates(name, *pair) for name, pair in points.items()}
    if arrows:
        _check_pairs(arrays)
    _compass(axes)
    if arrows:
        start, end = arrays.values()
        for (x0, y0), (x1, y1) in zip(start.T, end.T, strict=True):
            axes.annotate(
                "",
                (x1, y1),
                (x0, y0),
                arrowprops={"arrowstyle": "->", "color": FAINT, "linewidth": 0.5},
            )
    for (colour, marker), (name, xy) in zip(colours(len(arrays)), arrays.items(), strict=True):
        look: dict[str, Any] = {
            "linestyle": "none",
            "marker": marker,
            "color": colour,
            "markeredgewidth": 0,
        }
        # the points are pale if there are many, the legend is not
        pale = 0.6 if xy.shape[1] <= _MANY else 0.25
        axes.plot(*xy, markersize=2.6, alpha=pale, **look)
        axes.plot([], [], markersize=3.6, label=short(name, 40), **look)
        if contours and name in contours:
            _contour(axes, contours[name], colour, filled=filled)
    if arrows and len(names):
        start, end = arrays.values()
        along = [start + share * (end - start) for share in (0.0, 0.25, 0.5, 0.75)]
        others = np.concatenate(along, axis=1).T
        write_names(axes, end[0], end[1], names, others=others, size=small())


def _coordinates(name: str, p: ArrayLike, e: ArrayLike) -> Array:
    x, y = np.asarray(p, dtype=np.float64), np.asarray(e, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ParameterError(f"{name}: shapes {x.shape} and {y.shape}; two equal (n,) are expected")
    xy = np.stack([x, y])
    most = float(np.abs(xy).max(initial=0.0))
    if not most <= 1.0:
        raise ParameterError(
            f"{name}: coordinates up to {most:.3g}; -1 to 1 are expected, scale them first"
        )
    return xy


def _check_pairs(arrays: Mapping[str, Array]) -> None:
    sizes = [xy.shape[1] for xy in arrays.values()]
    if len(sizes) != 2 or sizes[0] != sizes[1]:
        raise ParameterError(
            f"arrows between {len(sizes)} conditions of {', '.join(map(str, sizes))} points; two "
            "conditions with the same points in order are expected"
        )


def _compass(axes: "Axes") -> None:
    axes.set_xlim(-1.0, 1.0)
    axes.set_ylim(-1.0, 1.0)
    for line in (axes.axhline, axes.axvline):
        line(0.0, color=FAINT, linewidth=0.6)
    for name, x, y in _CORNERS:
        axes.text(
            0.97 * x,
            0.96 * y,
            name,
            color=FAINT,
            ha="right" if x > 0 else "left",
            va="top" if y > 0 else "bottom",
        )
    axes.set_xticks([-1.0, -0.5, 0.0, 0.5, 1.0])
    axes.set_yticks([-1.0, -0.5, 0.0, 0.5, 1.0])
    axes.set_xlabel("Pleasantness (1)")
    axes.set_ylabel("Eventfulness (1)")


def _contour(axes: "Axes", found: "Density", colour: str, *, filled: bool) -> None:
    """Draw the line that encloses a share of the estimated density."""
    if filled:
        axes.contourf(
            found.pleasantness,
            found.eventfulness,
            found.density,
            levels=[found.level, float(found.density.max())],
            colors=[colour],
            alpha=0.15,
        )
    axes.contour(
        found.pleasantness,
        found.eventfulness,
        found.density,
        levels=[found.level],
        colors=[colour],
        linewidths=1.6,
        zorder=4,
    )


def likert_bars(shares: "pd.DataFrame", categories: Sequence[str] = ()) -> "Figure":
    """Draw the shares of the answers as stacked bars about the middle of the scale.

    Parameters
    ----------
    shares : DataFrame
        One row per bar (its index is printed, e.g. attribute and condition), one column per answer
        from disagreement to agreement; counts or shares.
    categories : sequence of str, optional
        Names of the answers; the columns' if not given.

    Returns
    -------
    Figure
        180 mm wide, 5 mm per bar; half of a middle answer is on either side of 0 %.

    Raises
    ------
    ParameterError
        No rows, negative numbers, or a bar without answers.
    """
    labels = [short(_bar_label(index), 30) for index in shares.index]
    row, bottom, top = 5.0, 11.0, 7.0
    left = 5.0 + 1.25 * max(map(len, labels), default=0)
    with styled():
        figure = new_figure(PAGE_MM, bottom + top + row * len(labels))
        axes = add_axes(figure, left, bottom, PAGE_MM - left - 4.0, row * len(labels))
        draw_likert(axes, shares, categories)
        handles, texts = axes.get_legend_handles_labels()
        figure.legend(handles, texts, loc="upper center", ncols=len(texts), borderaxespad=0.2)
    return figure


def draw_likert(axes: "Axes", shares: "pd.DataFrame", categories: Sequence[str] = ()) -> None:
    """Draw stacked bars in axes; parameters and errors as for :func:`likert_bars`."""
    values = shares.to_numpy(dtype=np.float64)
    names = [str(name) for name in (categories or shares.columns)]
    if values.size == 0 or len(names) != values.shape[1]:
        raise ParameterError(f"{values.shape} shares for {len(names)} answers; one column each")
    totals = values.sum(axis=1)
    if (values < 0).any() or not (totals > 0).all():
        raise ParameterError(
            "shares of answers must be 0 or more, with at least one answer per bar"
        )
    percent = 100.0 * values / totals[:, None]
    half = values.shape[1] / 2.0
    left_of_zero = percent[:, : int(half)].sum(axis=1)
    if values.shape[1] % 2:
        left_of_zero += percent[:, int(half)] / 2.0
    labels = [short(_bar_label(index), 30) for index in shares.index]
    starts = -left_of_zero
    for name, column, colour in zip(names, percent.T, _diverging(len(names)), strict=True):
        axes.barh(
            np.arange(len(labels)),
            column,
            left=starts,
            height=0.8,
            color=colour,
            edgecolor=INK,
            linewidth=0.2,
            label=name,
        )
        starts = starts + column
    axes.axvline(0.0, color=INK, linewidth=0.6)
    axes.set_xlim(-100.0, 100.0)
    axes.set_xticks([-100, -50, 0, 50, 100], ["100", "50", "0", "50", "100"])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_yticks(np.arange(len(labels)), labels)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("Disagreement ← share of the answers (%) → agreement")


def _bar_label(index: Any) -> str:
    return ", ".join(map(str, index)) if isinstance(index, tuple) else str(index)


def _diverging(n: int) -> list[Any]:
    import matplotlib

    scale = matplotlib.colormaps["PuOr_r"]
    return [scale(place) for place in np.linspace(0.12, 0.88, n)]


def difference_map(
    differences: "pd.DataFrame",
    marks: "pd.DataFrame | None" = None,
    *,
    limit: float = DIFFERENCE_LIMIT,
    label: str = "Mean difference of the ratings (0 to 100)",
) -> "Figure":
    """Draw differences of mean ratings, attribute by stimulus, as the study does.

    Parameters
    ----------
    differences : DataFrame
        One row per attribute, one column per stimulus; cells without a value are empty.
    marks : DataFrame, optional
        Same shape: text of each cell, e.g. stars of significance.
    limit : float
        Ends of the colour scale (ColorBrewer PuOr); values beyond have the colours of its ends.
    label : str
        Label of the colour scale, with direction and unit.

    Returns
    -------
    Figure
        180 mm wide (wider beyond 30 stimuli), 6 mm per attribute.

    Raises
    ------
    ParameterError
        No cells, marks of another shape, or a limit that is not positive.
    """
    values = differences.to_numpy(dtype=np.float64)
    if values.size == 0:
        raise ParameterError("a map of 0 differences; at least one row and column are expected")
    if marks is not None and marks.shape != differences.shape:
        raise ParameterError(f"marks of shape {marks.shape} for cells of shape {values.shape}")
    if not 0 < limit < np.inf:
        raise ParameterError(f"limit {limit} of the colours; a positive number is expected")
    names = [short(str(name), 20) for name in differences.index]
    left, bottom, top, cell = 6.0 + 1.3 * max(map(len, names)), 27.0, 2.0, 6.0
    n_rows, n_columns = values.shape
    width = max(PAGE_MM, left + 4.0 + 4.7 * n_columns)
    with styled():
        figure = new_figure(width, bottom + top + cell * n_rows)
        across = min(width - left - 4.0, 12.0 * n_columns)
        axes = add_axes(figure, left, bottom, across, cell * n_rows)
        image = draw_differences(axes, differences, marks, limit=limit)
        bar = add_axes(
            figure, left, 9.0, 80.0, 2.5
        )  # wide enough for its label, even with one stimulus
        figure.colorbar(image, cax=bar, orientation="horizontal", extend="both", label=label)
    return figure


def draw_differences(
    axes: "Axes",
    differences: "pd.DataFrame",
    marks: "pd.DataFrame | None" = None,
    *,
    limit: float = DIFFERENCE_LIMIT,
) -> "AxesImage":
    """Draw the map in axes and return its image; parameters as for :func:`difference_map`."""
    values = differences.to_numpy(dtype=np.float64)
    image = _cells(axes, differences, "PuOr", (-limit, limit))
    axes.set_xlabel("Stimulus")
    if marks is not None:
        _write_marks(axes, marks, values, limit)
    return image


def draw_answers(
    axes: "Axes", values: "pd.DataFrame", scale: tuple[float, float], label: str
) -> "AxesImage":
    """Draw answers as a map whose cells print their values, and return its image.

    Parameters
    ----------
    axes : Axes
        Axes to draw in.
    values : DataFrame
        One row and one column per cell; cells without a value are empty.
    scale : tuple of float
        Ends of the scale of the answers, and of the colours.
    label : str
        Label of the horizontal axis.
    """
    low, high = scale
    image = _cells(axes, values, "viridis", scale)
    axes.set_xlabel(label)
    # as many digits as tell answers apart: 1 of 100, or 0.1 of 5
    decimals = 0 if high - low >= _WHOLE_NUMBERS else 1
    for (row, column), value in np.ndenumerate(values.to_numpy(dtype=np.float64)):
        if value == value:
            axes.text(
                column,
                row,
                value_text(float(value), "", decimals=decimals),
                ha="center",
                va="center",
                fontsize=small() - 0.5,
                color="white" if value < 0.5 * (low + high) else _ON_LIGHT,
            )
    return image


def _cells(
    axes: "Axes", values: "pd.DataFrame", colour_map: str, limits: tuple[float, float]
) -> "AxesImage":
    """Draw the cells of a table as colours, with the names of its rows and columns."""
    low, high = limits
    image = axes.imshow(
        values.to_numpy(dtype=np.float64), cmap=colour_map, vmin=low, vmax=high, aspect="auto"
    )
    columns = [short(str(name), 10) for name in values.columns]
    axes.set_xticks(np.arange(len(columns)), columns, rotation=90)
    axes.set_yticks(np.arange(len(values)), [short(_bar_label(name), 20) for name in values.index])
    axes.tick_params(length=0)
    return image


def _write_marks(axes: "Axes", marks: "pd.DataFrame", values: Array, limit: float) -> None:
    for (row, column), mark in np.ndenumerate(marks.to_numpy(dtype=object)):
        if mark is None or mark != mark or not str(mark):
            continue
        # the ends of the colour scale are dark, its middle is nearly white
        dark = abs(values[row, column]) > 0.6 * limit
        axes.text(
            column,
            row,
            str(mark),
            ha="center",
            va="center",
            fontsize=6.5,
            color="white" if dark else _ON_LIGHT,
        )

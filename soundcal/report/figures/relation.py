"""Ratings against indicators: map of correlations, scatter of the differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.report.figures.names import write_names
from soundcal.report.figures.page import add_axes, few_ticks, new_figure, short, styled
from soundcal.report.style import BLUE, FAINT, INK, PAGE_MM, value_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = [
    "ScatterPanel",
    "correlation_map",
    "difference_scatter",
    "draw_correlations",
    "draw_scatter",
]

_CELL_MM: Final = (5.6, 6.0)
_PANEL_MM: Final = (60.0, 54.0)
_PER_ROW: Final = 3
_ON_LIGHT: Final = "#111111"  # not the ink of the page, which a dark page makes light


def correlation_map(correlations: "pd.DataFrame", outlined: "pd.DataFrame") -> "Figure":
    """Draw correlations as a map whose cells print their values.

    Parameters
    ----------
    correlations : DataFrame
        One row per outcome of the ratings, one column per indicator; NaN where there is none.
    outlined : DataFrame of bool
        Same shape: cells with an outline.

    Returns
    -------
    Figure
        180 mm wide (wider beyond 27 indicators), 6 mm per outcome. The sign is printed, so that
        the map can be read without colours.

    Raises
    ------
    ParameterError
        No cells, or outlines of another shape.
    """
    values = correlations.to_numpy(dtype=np.float64)
    if values.size == 0 or outlined.shape != values.shape:
        raise ParameterError(f"{values.shape} correlations and {outlined.shape} outlines; as many")
    names = [short(str(name), 20) for name in correlations.index]
    labels = [short(str(name), 10) for name in correlations.columns]
    n_rows, n_columns = values.shape
    left = 6.0 + 1.3 * max(map(len, names))
    below = 3.0 + 1.3 * max(map(len, labels))
    bottom, height = below + 20.0, _CELL_MM[1] * n_rows
    width = max(PAGE_MM, left + 4.0 + _CELL_MM[0] * n_columns)
    with styled():
        figure = new_figure(width, bottom + 2.0 + height)
        across = min(width - left - 4.0, 12.0 * n_columns)
        axes = add_axes(figure, left, bottom, across, height)
        image = draw_correlations(axes, correlations, outlined)
        bar = add_axes(figure, left, 9.0, 80.0, 2.5)
        figure.colorbar(image, cax=bar, orientation="horizontal", label="Pearson's correlation")
    return figure


def draw_correlations(
    axes: "Axes", correlations: "pd.DataFrame", outlined: "pd.DataFrame"
) -> "AxesImage":
    """Draw the map in axes and return its image; parameters as for :func:`correlation_map`."""
    values = correlations.to_numpy(dtype=np.float64)
    image = axes.imshow(values, cmap="PuOr", vmin=-1.0, vmax=1.0, aspect="auto")
    labels = [short(str(name), 10) for name in correlations.columns]
    axes.set_xticks(np.arange(len(labels)), labels, rotation=90)
    names = [short(str(name), 20) for name in correlations.index]
    axes.set_yticks(np.arange(len(names)), names)
    axes.tick_params(length=0)
    axes.set_xlabel("Difference of the indicator")
    for (row, column), value in np.ndenumerate(values):
        if value == value:
            _write_value(axes, row, column, value, bool(outlined.to_numpy()[row, column]))
    return image


def _write_value(axes: "Axes", row: int, column: int, value: float, outlined: bool) -> None:
    from matplotlib.patches import Rectangle

    # the ends of the colour scale are dark, its middle is nearly white
    axes.text(
        column,
        row,
        value_text(value, "", decimals=2).replace("0.", ".", 1),
        ha="center",
        va="center",
        fontsize=5.5,
        color="white" if abs(value) > 0.6 else _ON_LIGHT,
        fontweight="bold" if outlined else "normal",
    )
    if outlined:
        corner = (column - 0.46, row - 0.46)
        axes.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, edgecolor=INK, linewidth=1.2))


@dataclass(frozen=True, slots=True, eq=False)
class ScatterPanel:
    """Differences of one outcome against those of one indicator.

    Parameters
    ----------
    title, x_label, y_label : str
        Heading and labels of the axes.
    names : sequence of str, length n
        Ids of the stimuli.
    x, y : ndarray, shape (n,)
        Differences.
    x_error : float
        Standard uncertainty of each x.
    y_error : ndarray, shape (n,)
        Standard error of each y.
    slope : float
        Slope of the line through the means; NaN for none.
    """

    title: str
    x_label: str
    y_label: str
    names: Sequence[str]
    x: Array
    y: Array
    x_error: float
    y_error: Array
    slope: float


def difference_scatter(panels: Sequence[ScatterPanel]) -> "Figure":
    """Draw differences of ratings against differences of indicators, with the ids of the stimuli.

    Parameters
    ----------
    panels : sequence of ScatterPanel
        One or more panels.

    Returns
    -------
    Figure
        Three panels of 60 × 54 mm in a row.

    Raises
    ------
    ParameterError
        No panels.
    """
    if not panels:
        raise ParameterError("0 panels; at least one is expected")
    width, height = _PANEL_MM
    rows = -(-len(panels) // _PER_ROW)
    with styled():
        figure = new_figure(width * min(len(panels), _PER_ROW), height * rows)
        for number, panel in enumerate(panels):
            down, along = divmod(number, _PER_ROW)
            bottom = height * (rows - 1 - down) + 11.0
            axes = add_axes(figure, width * along + 12.0, bottom, width - 15.0, height - 18.0)
            draw_scatter(axes, panel)
    return figure


def draw_scatter(axes: "Axes", panel: ScatterPanel) -> None:
    """Draw one panel of :func:`difference_scatter` in axes."""
    axes.axhline(0.0, color=FAINT, linewidth=0.5, linestyle=":")
    axes.axvline(0.0, color=FAINT, linewidth=0.5, linestyle=":")
    axes.errorbar(
        panel.x,
        panel.y,
        xerr=panel.x_error or None,
        yerr=panel.y_error,
        fmt="o",
        markersize=2.4,
        color=BLUE,
        ecolor=FAINT,
        elinewidth=0.4,
    )
    span = np.ptp(panel.x)
    ends = np.array([panel.x.min() - 0.06 * span, panel.x.max() + 0.1 * span])
    if panel.slope == panel.slope:
        line = panel.y.mean() + panel.slope * (ends - panel.x.mean())
        axes.plot(ends, line, color=INK, linewidth=0.8)
    axes.set_xlim(*ends)
    axes.set_ylim(*axes.get_ylim())
    axes.set_title(panel.title, loc="left")
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    few_ticks(axes.xaxis, 5)
    few_ticks(axes.yaxis, 5)
    write_names(axes, panel.x, panel.y, panel.names)

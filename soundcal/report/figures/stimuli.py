"""Values per stimulus, one marker per method."""

from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.report.figures.page import (
    add_axes,
    colours,
    few_ticks,
    legend_columns,
    new_figure,
    short,
    styled,
)
from soundcal.report.style import COLUMN_MM, FAINT

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MAX_DOT_ROWS", "draw_dots", "stimulus_dots"]

MAX_DOT_ROWS: Final = 40
"""Maximum number of stimuli in a dot plot; of more, those with the largest differences."""


def stimulus_dots(values: "pd.DataFrame", label: str, unit: str) -> "Figure":
    """Draw one indicator per stimulus, one marker per method.

    Parameters
    ----------
    values : DataFrame
        Index: stimulus ids; one column per method, in order; missing values are left out.
    label, unit : str
        Label and unit of the horizontal axis.

    Returns
    -------
    Figure
        88 mm wide, 4 mm per stimulus, ordered by the first method. Of more than
        :data:`MAX_DOT_ROWS` stimuli, those whose methods differ most are shown.
    """
    shown = _shown(values)
    left = 6.0 + 1.25 * max(len(short(str(name), 18)) for name in shown.index)
    methods = [short(str(name), 40) for name in shown.columns]
    n_columns, top = legend_columns(methods, COLUMN_MM)
    bottom, row = 10.0, 4.0
    with styled():
        figure = new_figure(COLUMN_MM, bottom + top + row * len(shown))
        axes = add_axes(figure, left, bottom, COLUMN_MM - left - 3.0, row * len(shown))
        draw_dots(axes, values, label, unit)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper center", ncols=n_columns, borderaxespad=0.2)
    return figure


def _shown(values: "pd.DataFrame") -> "pd.DataFrame":
    """Return the stimuli that are drawn, ordered by the first method."""
    shown = values
    if len(values) > MAX_DOT_ROWS:
        spread = (values.max(axis=1) - values.min(axis=1)).fillna(0.0)
        shown = values.loc[spread.nlargest(MAX_DOT_ROWS).index]
    return shown.sort_values(shown.columns[0], kind="stable")


def draw_dots(axes: "Axes", values: "pd.DataFrame", label: str, unit: str) -> None:
    """Draw values per stimulus in axes; parameters as for :func:`stimulus_dots`."""
    shown = _shown(values)
    names = [short(str(name), 18) for name in shown.index]
    rows = np.arange(len(names))
    low, high = shown.min(axis=1).to_numpy(), shown.max(axis=1).to_numpy()
    axes.hlines(rows, low, high, color=FAINT, linewidth=0.6)
    for (colour, marker), method in zip(colours(len(shown.columns)), shown, strict=True):
        axes.plot(
            shown[method].to_numpy(),
            rows,
            linestyle="none",
            marker=marker,
            markersize=3.6,
            color=colour,
            markeredgewidth=0,
            label=short(str(method), 40),
        )
    axes.set_yticks(rows, names)
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=FAINT, alpha=0.25, linewidth=0.4)
    axes.set_axisbelow(True)
    few_ticks(axes.xaxis, 6)
    axes.set_xlabel(f"{label} in {unit}")

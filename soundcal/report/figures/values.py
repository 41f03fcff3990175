"""Values of one family of indicators over recordings: a row per recording, a panel per label."""

from collections.abc import Sequence
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
from soundcal.report.style import FAINT, PAGE_MM

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MAX_VALUE_PANELS", "value_dots"]

MAX_VALUE_PANELS: Final = 6
"""Maximum number of labels that one figure shows."""

_TALLEST_MM: Final = 190.0
_ROW_MM: Final = 4.0
_NAMED_MM: Final = 2.4


def value_dots(values: "pd.DataFrame", unit: str) -> "Figure":
    """Draw the values of recordings, ordered by the first label, as dots.

    Parameters
    ----------
    values : DataFrame
        Index: names of the recordings; columns: label and channel; missing values are left out.
    unit : str
        Unit of all of them.

    Returns
    -------
    Figure
        180 mm wide; a panel for each of at most :data:`MAX_VALUE_PANELS` labels, a row for each
        recording, a marker for each channel. Rows of very many recordings have no names: they are
        then read as the distribution of the values.
    """
    labels, channels = (list(dict.fromkeys(values.columns.get_level_values(i))) for i in (0, 1))
    order = values[labels[0]].mean(axis=1).to_numpy()
    shown = values.iloc[np.argsort(order, kind="stable")]  # recordings without a value are last
    row = min(_ROW_MM, _TALLEST_MM / len(shown))
    names = [short(str(name), 24) if row >= _NAMED_MM else "" for name in shown.index]
    left, bottom, gap = 6.0 + 1.25 * max(map(len, names)), 10.0, 4.0
    n_columns, top = legend_columns(channels, PAGE_MM)
    width = (PAGE_MM - left - 3.0 - gap * (len(labels) - 1)) / max(len(labels), 3)
    height = max(row * len(names), 10.0)
    with styled():
        figure = new_figure(PAGE_MM, bottom + top + height)
        for place, label in enumerate(labels):
            axes = add_axes(figure, left + place * (width + gap), bottom, width, height)
            _draw(axes, shown[label], channels, min(3.6, 2.6 * row))
            axes.set_yticks(np.arange(len(names)), names if place == 0 else [""] * len(names))
            axes.set_xlabel(f"{label} in {unit}")
        if len(channels) > 1:
            handles, texts = figure.axes[0].get_legend_handles_labels()
            figure.legend(handles, texts, loc="upper center", ncols=n_columns, borderaxespad=0.2)
    return figure


def _draw(axes: "Axes", values: "pd.DataFrame", channels: Sequence[str], size: float) -> None:
    """Draw one label: a column of the table per channel."""
    for (colour, marker), channel in zip(colours(len(channels)), channels, strict=True):
        if channel in values.columns:
            axes.plot(
                values[channel].to_numpy(dtype=float),
                np.arange(len(values)),
                linestyle="none",
                marker=marker,
                markersize=size,
                color=colour,
                markeredgewidth=0,
                label=channel,
            )
    axes.set_ylim(-0.7, len(values) - 0.3)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=FAINT, alpha=0.25, linewidth=0.4)
    axes.set_axisbelow(True)
    few_ticks(axes.xaxis, 3)

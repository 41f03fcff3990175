"""Bland-Altman plots in the study's layout."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.errors import ParameterError
from soundcal.report import style
from soundcal.report.figures.canvas import (
    add_axes,
    few_ticks,
    new_figure,
    short,
    spread_out,
    styled,
    write_at,
)
from soundcal.report.style import COLUMN_MM, FAINT, PAGE_MM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from soundcal.report.comparison import Entry

__all__ = ["MAX_COLUMNS", "bland_altman_grid"]

Array = NDArray[np.float64]

MAX_COLUMNS: Final = 6
"""Most statistics in one row of a Bland-Altman grid."""


def bland_altman_grid(entries: Sequence["Entry"]) -> list["Figure"]:
    """Draw the agreement of one family of indicators in the study's layout.

    Rows are the differences between methods, columns the statistics; all panels of a row share
    their vertical axis. Each shows the differences over the mean of both methods, bias (solid)
    and limits of agreement (dashed) with their values printed and their confidence intervals
    shaded, the line of no difference (dotted) and, where one was stated, the allowable difference
    (dash-dotted).

    Parameters
    ----------
    entries : sequence of Entry
        Of one family: same indicator symbol and unit.

    Returns
    -------
    list of Figure
        One figure per 6 statistics; 88 mm wide for up to 2 columns, 180 mm for more.

    Raises
    ------
    ParameterError
        No entries, or entries of several indicators.
    """
    families = {entry.indicator for entry in entries}
    if len(families) != 1:
        raise ParameterError(
            f"{len(families)} families of indicators; entries of exactly 1 are expected"
        )
    labels = list(dict.fromkeys(entry.statistic for entry in entries))
    chunks = [labels[i : i + MAX_COLUMNS] for i in range(0, len(labels), MAX_COLUMNS)]
    with styled():
        return [_grid([e for e in entries if e.statistic in chunk], chunk) for chunk in chunks]


def _grid(entries: Sequence["Entry"], statistics: Sequence[str]) -> "Figure":
    pairs = list(dict.fromkeys((entry.first, entry.second) for entry in entries))
    cells = {(entry.first, entry.second, entry.statistic): entry for entry in entries}
    wide = len(statistics) > 2
    left, right, top, bottom, gap, row_gap = 18.5, 1.5, 6.0, 11.0, 2.5, 7.0
    width = PAGE_MM if wide else COLUMN_MM
    panel = (width - left - right - gap * (len(statistics) - 1)) / len(statistics)
    height = 30.0 if wide else 40.0
    total = top + bottom + len(pairs) * height + (len(pairs) - 1) * row_gap
    figure = new_figure(width, total)
    unit = style.unit_label(entries[0].indicator, entries[0].unit)
    for row, pair in enumerate(pairs):
        span = _row_span([cells[(*pair, s)] for s in statistics if (*pair, s) in cells])
        y = total - top - (row + 1) * height - row * row_gap
        for column, statistic in enumerate(statistics):
            axes = add_axes(figure, left + column * (panel + gap), y, panel, height)
            axes.set_ylim(*span)
            few_ticks(axes.yaxis, 5)
            if column == 0:
                axes.set_ylabel(_pair_label(pair, unit))
                axes.yaxis.set_label_coords(-(left - 7.5) / panel, 0.5)
            else:
                axes.tick_params(labelleft=False)
            if row == 0:
                axes.set_title(f"{entries[0].indicator}{statistic}", pad=4.0, weight="bold")
            entry = cells.get((*pair, statistic))
            if entry is None:
                axes.set_xticks([])
                axes.text(0.5, 0.5, "not compared", transform=axes.transAxes, ha="center")
            else:
                _panel(axes, entry, panel, height)
    write_at(
        figure, (left + width) / 2, 1.5, f"Mean of both methods in {unit}", ha="center", va="bottom"
    )
    return figure


def _pair_label(pair: tuple[str, str], unit: str) -> str:
    first, second = (short(name, 18) for name in pair)
    if len(first) + len(second) <= 17:
        return f"{first} − {second}\n{unit}"
    return f"{first} −\n{second}, {unit}"


def _row_span(entries: Sequence["Entry"]) -> tuple[float, float]:
    """Return the vertical range that shows everything but endless confidence bands."""
    low, high = 0.0, 0.0
    for entry in entries:
        a = entry.agreement
        reach = a.upper - a.lower
        low = min(low, float(entry.differences.min()), max(a.lower_ci[0], a.lower - reach))
        high = max(high, float(entry.differences.max()), min(a.upper_ci[1], a.upper + reach))
        if entry.delta is not None and entry.delta <= 3 * max(abs(low), abs(high)):
            low, high = min(low, -entry.delta), max(high, entry.delta)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _panel(axes: "Axes", entry: "Entry", width: float, height: float) -> None:
    a = entry.agreement
    for interval, colour in (
        (a.lower_ci, style.GREEN),
        (a.upper_ci, style.GREEN),
        (a.bias_ci, style.VERMILION),
    ):
        axes.axhspan(*interval, color=colour, alpha=0.18, linewidth=0)
    axes.axhline(0.0, color=FAINT, linewidth=0.6, linestyle=":")
    if entry.delta is not None:
        for bound in (-entry.delta, entry.delta):
            axes.axhline(bound, color=style.PURPLE, linewidth=0.8, linestyle="-.")
    axes.axhline(a.bias, color=style.VERMILION, linewidth=1.0)
    for limit in (a.lower, a.upper):
        axes.axhline(limit, color=style.GREEN, linewidth=0.9, linestyle="--")
    n = len(entry.x)
    size = 3.0 if n <= 60 else 2.0
    axes.plot(
        entry.averages,
        entry.differences,
        linestyle="none",
        marker="o",
        markersize=size,
        color=style.BLUE,
        alpha=0.75 if n <= 60 else 0.4,
        markeredgewidth=0,
        gid="points",
    )
    _leave_room(axes, entry.averages, share=min(0.36, 10.0 / width))
    low, high = axes.get_ylim()
    lift = 1.5 / height * (high - low)  # the text stands beside its line, not on it
    places = spread_out((a.lower - lift, a.bias + lift, a.upper + lift), (low, high), 2.6 / height)
    colours = (style.GREEN, style.VERMILION, style.GREEN)
    for value, place, colour in zip((a.lower, a.bias, a.upper), places, colours, strict=True):
        axes.text(
            0.995,
            place,
            style.value_text(value, entry.unit, signed=True),
            transform=axes.transAxes,
            ha="right",
            va="center_baseline",
            color=colour,
            fontsize=6.5,
            fontweight="bold",
        )


def _leave_room(axes: "Axes", x: Array, share: float) -> None:
    """Set the horizontal range so that the rightmost ``share`` of the panel stays free."""
    from matplotlib.ticker import MaxNLocator

    low, high = float(x.min()), float(x.max())
    extent = (high - low) or max(abs(low) * 0.1, 1.0)
    low, high = low - 0.06 * extent, high + 0.06 * extent
    axes.set_xlim(low, low + (high - low) / (1.0 - share))
    ticks = MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    inside = [tick for tick in ticks if low <= tick <= high]
    if inside:
        axes.set_xticks(inside)

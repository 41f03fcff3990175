"""Bland-Altman plots in the study's layout."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.report import style
from soundcal.report.figures.page import few_ticks, new_figure, short, spread_out, styled
from soundcal.report.figures.panels import Panel, Sheet, Stroke, round_ticks
from soundcal.report.style import COLUMN_MM, FAINT, PAGE_MM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from soundcal.agreement.limits_of_agreement import Agreement
    from soundcal.agreement.nonparametric import NonparametricLimits
    from soundcal.study.comparison import Entry

__all__ = ["MAX_COLUMNS", "bland_altman_grid", "draw_bland_altman", "layout"]


MAX_COLUMNS: Final = 6
"""Maximum number of statistics in one row of a Bland-Altman grid."""

_LEFT, _TOP, _BOTTOM, _GAP, _ROW_GAP = 18.5, 6.0, 11.0, 2.5, 7.0  # margins and gaps, mm
_EDGE: Final = Stroke(FAINT, 0.6)
_ZERO: Final = Stroke(FAINT, 0.6, ":")
_BIAS: Final = Stroke(style.VERMILION, 1.0)
_LIMIT: Final = Stroke(style.GREEN, 0.9, "--")
_ALLOWED: Final = Stroke(style.PURPLE, 0.8, "-.")


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
        Entries of one family: same indicator symbol and unit.

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
            f"entries of {len(families)} families of indicators; exactly 1 family is expected"
        )
    labels = list(dict.fromkeys(entry.statistic for entry in entries))
    chunks = [labels[i : i + MAX_COLUMNS] for i in range(0, len(labels), MAX_COLUMNS)]
    with styled():
        return [_grid([e for e in entries if e.statistic in chunk], chunk) for chunk in chunks]


def _grid(entries: Sequence["Entry"], statistics: Sequence[str]) -> "Figure":
    panels, width, total = layout(entries, statistics)
    figure = new_figure(width, total)
    sheet = Sheet(figure)
    cells = {(entry.first, entry.second, entry.statistic): entry for entry in entries}
    for (first, second, statistic), panel in panels.items():
        entry = cells.get((first, second, statistic))
        _frame(sheet, panel, statistic == statistics[0], entry is not None)
        if panel.top > total - _TOP - 0.1:
            sheet.text(
                panel.left + panel.width / 2,
                panel.top + 1.4,
                f"{entries[0].indicator}{statistic}",
                ha="center",
                va="baseline",
                fontsize=7.5,
                fontweight="bold",
            )
        if entry is None:
            sheet.text(
                panel.left + panel.width / 2,
                panel.bottom + panel.height / 2,
                "not compared",
                ha="center",
                va="center",
            )
        else:
            _fill(sheet, panel, entry)
    unit = style.unit_label(entries[0].indicator, entries[0].unit)
    scale = style.unit_label(entries[0].indicator, entries[0].difference_unit)
    directions = {(entry.first, entry.second): entry for entry in entries}
    for (first, second, statistic), panel in panels.items():
        if statistic == statistics[0]:
            sheet.text(
                1.2,
                panel.bottom + panel.height / 2,
                _pair_label(directions[first, second], scale),
                rotation=90,
                ha="left",
                va="center",
                multialignment="center",
            )
    sheet.text(
        (_LEFT + width) / 2, 1.5, f"Mean of both methods in {unit}", ha="center", va="bottom"
    )
    few = max(len(entry.x) for entry in entries) <= 60
    sheet.draw(colour=style.BLUE, size=3.0 if few else 2.0, alpha=0.75 if few else 0.4)
    return figure


def layout(
    entries: Sequence["Entry"], statistics: Sequence[str]
) -> tuple[dict[tuple[str, str, str], Panel], float, float]:
    """Return the panels by first and second method and statistic, and the sheet's size in mm."""
    pairs = list(dict.fromkeys((entry.first, entry.second) for entry in entries))
    cells = {(entry.first, entry.second, entry.statistic): entry for entry in entries}
    wide = len(statistics) > 2
    width = PAGE_MM if wide else COLUMN_MM
    across = (width - _LEFT - 1.5 - _GAP * (len(statistics) - 1)) / len(statistics)
    height = 30.0 if wide else 40.0
    total = _TOP + _BOTTOM + len(pairs) * height + (len(pairs) - 1) * _ROW_GAP
    panels = {}
    for row, pair in enumerate(pairs):
        span = _row_span([cells[(*pair, s)] for s in statistics if (*pair, s) in cells])
        bottom = total - _TOP - (row + 1) * height - row * _ROW_GAP
        for column, statistic in enumerate(statistics):
            entry = cells.get((*pair, statistic))
            # the right part of a panel is kept free for the numbers
            share = min(0.36, 10.0 / across)
            x_limits = (0.0, 1.0) if entry is None else _x_limits(entry.averages, share)
            left = _LEFT + column * (across + _GAP)
            panels[(*pair, statistic)] = Panel(left, bottom, across, height, x_limits, span)
    return panels, width, total


def _x_limits(x: Array, share: float) -> tuple[float, float]:
    low, high = float(x.min()), float(x.max())
    extent = (high - low) or max(abs(low) * 0.1, 1.0)
    low, high = low - 0.06 * extent, high + 0.06 * extent
    return low, low + (high - low) / (1.0 - share)


def _pair_label(entry: "Entry", unit: str) -> str:
    first, second = (short(name, 18) for name in (entry.first, entry.second))
    sign = "/" if entry.scale == "ratio" else "−"
    if len(first) + len(second) <= 17:
        return f"{first} {sign} {second}\n{unit}"
    return f"{first} {sign}\n{second}, {unit}"


def _row_span(entries: Sequence["Entry"]) -> tuple[float, float]:
    """Return the vertical range of all values, except confidence bands of excessive width."""
    low = high = entries[0].none if entries else 0.0
    for entry in entries:
        a = entry.agreement
        reach = a.upper - a.lower
        low = min(low, float(entry.differences.min()), max(a.lower_ci[0], a.lower - reach))
        high = max(high, float(entry.differences.max()), min(a.upper_ci[1], a.upper + reach))
        if entry.allowed is not None and _is_near(entry.allowed, low, high):
            low, high = min(low, entry.allowed[0]), max(high, entry.allowed[1])
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _is_near(allowed: tuple[float, float], low: float, high: float) -> bool:
    """Return True if the allowable differences can be shown without crowding the values."""
    middle = 0.5 * (allowed[0] + allowed[1])
    return allowed[1] - middle <= 3 * max(abs(low - middle), abs(high - middle))


def _frame(sheet: Sheet, panel: Panel, first_column: bool, filled: bool) -> None:
    y_ticks, y_texts = round_ticks(*panel.y_limits, 5)
    x_ticks: list[float] = []
    x_texts: list[str] = []
    if filled:
        low, high = panel.x_limits
        share = min(0.36, 10.0 / panel.width)
        x_ticks, x_texts = round_ticks(low, low + (high - low) * (1.0 - share), 3)
    sheet.frame(_EDGE, panel, x_ticks, y_ticks)
    for x, text in zip(panel.x(x_ticks), x_texts, strict=True):
        sheet.text(x, panel.bottom - 1.6, text, ha="center", va="top", fontsize=6.5)
    if first_column:
        for y, text in zip(panel.y(y_ticks), y_texts, strict=True):
            sheet.text(panel.left - 1.6, y, text, ha="right", va="center_baseline", fontsize=6.5)


def _fill(sheet: Sheet, panel: Panel, entry: "Entry") -> None:
    a = entry.agreement
    sheet.band(style.GREEN, panel, a.lower_ci)
    sheet.band(style.GREEN, panel, a.upper_ci)
    sheet.band(style.VERMILION, panel, a.bias_ci)
    sheet.level(_ZERO, panel, entry.none)
    for edge in entry.allowed or ():
        sheet.level(_ALLOWED, panel, edge)
    sheet.level(_BIAS, panel, a.bias)
    sheet.level(_LIMIT, panel, a.lower)
    sheet.level(_LIMIT, panel, a.upper)
    sheet.points(panel, entry.averages, entry.differences)
    low, high = panel.y_limits
    mm = (high - low) / panel.height
    lift, gap = 1.5 * mm, 2.6 * mm  # the text is beside its line, not on it
    wanted = (a.lower - lift, a.bias + lift, a.upper + lift)
    if a.upper - a.lower < gap:  # no room between the lines: all above them, or all below
        free = a.upper + lift if a.upper + lift + 2.5 * gap < high else a.lower - lift - 2.0 * gap
        wanted = (free, free + gap, free + 2.0 * gap)
    places = spread_out(wanted, (low, high), 2.6 / panel.height)
    colours = (style.GREEN, style.VERMILION, style.GREEN)
    for value, place, colour in zip((a.lower, a.bias, a.upper), places, colours, strict=True):
        sheet.text(
            panel.right - 0.2,
            panel.bottom + place * panel.height,
            style.value_text(value, entry.difference_unit, signed=True),
            ha="right",
            va="center_baseline",
            color=colour,
            fontsize=6.5,
            fontweight="bold",
        )


def draw_bland_altman(
    axes: "Axes",
    limits: "Agreement | NonparametricLimits",
    *,
    x_label: str,
    y_label: str,
    unit: str = "",
    allowed: tuple[float, float] | None = None,
) -> None:
    """Draw one Bland-Altman plot in axes, with the lines of :func:`bland_altman_grid`.

    Parameters
    ----------
    axes : Axes
        Axes to draw in.
    limits : Agreement, NonparametricLimits
        Bias (or median) and limits, their intervals, and the points.
    x_label, y_label : str
        Labels of the axes.
    unit : str
        Unit of the differences, for the digits of the numbers beside the lines.
    allowed : tuple of float, optional
        Smallest and largest allowable difference.
    """
    points = limits.points
    span = float(np.ptp(np.append(points.difference, [limits.lower, limits.upper]))) or 1.0
    middle = [limits.lower, limits.bias, limits.upper]
    for interval, colour in (
        (limits.lower_ci, style.GREEN),
        (limits.bias_ci, style.VERMILION),
        (limits.upper_ci, style.GREEN),
    ):
        # an interval without an end, or a very wide one, goes as far as the axis
        low, high = np.clip(interval, min(middle) - span, max(middle) + span)
        axes.axhspan(low, high, color=colour, alpha=0.18, linewidth=0.0)
    none = 1.0 if limits.scale == "ratio" else 0.0
    few = len(points.average) <= 60
    axes.plot(
        points.average,
        points.difference,
        "o",
        color=style.BLUE,
        markersize=3.0 if few else 2.0,
        alpha=0.75 if few else 0.4,
        markeredgewidth=0,
    )
    _rule(axes, none, _ZERO)
    for edge in allowed or ():
        _rule(axes, edge, _ALLOWED)
    for value, stroke in zip(middle, (_LIMIT, _BIAS, _LIMIT), strict=True):
        _rule(axes, value, stroke)
    axes.set_ylim(axes.get_ylim())
    places = spread_out(middle, axes.get_ylim(), 0.05)
    for value, place, stroke in zip(middle, places, (_LIMIT, _BIAS, _LIMIT), strict=True):
        axes.text(
            1.01,
            place,
            style.value_text(value, unit, signed=True),
            transform=axes.transAxes,
            va="center",
            color=stroke.colour,
            fontweight="bold",
        )
    few_ticks(axes.xaxis, 6)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)


def _rule(axes: "Axes", value: float, stroke: Stroke) -> None:
    axes.axhline(value, color=stroke.colour, linewidth=stroke.width, linestyle=stroke.dashes)

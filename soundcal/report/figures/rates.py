"""Rates that simulations found, against those that the methods state."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from soundcal.report import style
from soundcal.report.figures.page import add_axes, few_ticks, new_figure, short, styled
from soundcal.report.style import FAINT, PAGE_MM

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from soundcal.verification.statistics import SimulatedRate

__all__ = ["rate_dots"]

_LOOKS = {
    "pass": (style.BLUE, "o"),
    "known deviation": (style.PURPLE, "D"),
    "fail": (style.VERMILION, "s"),
}
_LABEL = 62


def rate_dots(rates: Sequence["SimulatedRate"]) -> "Figure":
    """Draw the difference of every rate from the one stated, with its Monte-Carlo interval.

    180 mm wide; one row per rate, with the range that chance and the method's margin allow.
    """
    row, bottom, top = 4.6, 10.0, 2.0
    left = 5.0 + 1.2 * max(len(short(rate.row.quantity, _LABEL)) for rate in rates)
    ends = [(end, rate.row.expected) for rate in rates for end in (rate.value, *rate.interval)]
    reach = max(1.1 * max(abs(end - stated) for end, stated in ends), 5.0)
    places = range(len(rates))
    with styled():
        figure = new_figure(PAGE_MM, bottom + top + row * len(rates))
        axes = add_axes(figure, left, bottom, PAGE_MM - left - 4.0, row * len(rates))
        for y, rate in zip(places, rates, strict=True):
            stated = rate.row.expected
            low, high = (limit - stated for limit in (rate.row.lower, rate.row.upper))
            axes.barh(y, high - low, left=low, height=0.62, color=FAINT, alpha=0.22)
            colour, marker = _LOOKS[rate.verdict]
            axes.plot([end - stated for end in rate.interval], [y, y], color=colour, linewidth=1.3)
            axes.plot([rate.value - stated], [y], marker, color=colour, markersize=3.4)
        axes.axvline(0.0, color=FAINT, linewidth=0.6, linestyle=":")
        axes.set_xlim(-reach, reach)
        axes.set_ylim(len(rates) - 0.4, -0.6)
        axes.set_yticks(places, [short(rate.row.quantity, _LABEL) for rate in rates])
        axes.tick_params(axis="y", length=0)
        few_ticks(axes.xaxis, 8)
        axes.set_xlabel("Rate found − rate stated (percentage points)")
    return figure

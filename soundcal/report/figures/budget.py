"""The uncertainty budget of a calibration as bars."""

from typing import TYPE_CHECKING

from soundcal.report.figures.page import (
    add_axes,
    colours,
    few_ticks,
    new_figure,
    short,
    small,
    styled,
)
from soundcal.report.style import COLUMN_MM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from soundcal.calibration.model import Calibration

__all__ = ["budget_bars", "budget_rows", "draw_budget"]

_BAR, _GAP = 3.0, 2.2  # mm


def budget_bars(calibration: "Calibration") -> "Figure":
    """Draw the standard uncertainty of every link of a calibration, per channel, and combined.

    88 mm wide; one group of bars per link that has an uncertainty.
    """
    rows = budget_rows(calibration)
    bottom, top = 10.0, 7.0
    left = 6.0 + 1.2 * max(len(short(name, 30)) for name in rows)
    height = (_BAR * len(calibration.channels) + _GAP) * len(rows)
    with styled():
        figure = new_figure(COLUMN_MM, bottom + top + height)
        axes = add_axes(figure, left, bottom, COLUMN_MM - left - 11.0, height)
        draw_budget(axes, calibration)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper center", ncols=4, borderaxespad=0.2)
    return figure


def budget_rows(calibration: "Calibration") -> list[str]:
    """Return the links that have an uncertainty, and ``combined``."""
    chains = calibration.chains.values()
    names = dict.fromkeys(link.name for chain in chains for link in chain.links if link.u_db > 0)
    return [*names, "combined"]


def draw_budget(axes: "Axes", calibration: "Calibration") -> None:
    """Draw the budget of a calibration in axes."""
    rows, channels = budget_rows(calibration), list(calibration.channels)
    group = _BAR * len(channels) + _GAP
    for (colour, _), (i, channel) in zip(colours(len(channels)), enumerate(channels), strict=True):
        chain = calibration.chains[channel]
        sizes = {link.name: link.u_db for link in chain.links} | {"combined": chain.u_db}
        centres = [r * group + _GAP / 2 + (i + 0.5) * _BAR for r in range(len(rows))]
        lengths = [sizes.get(name, 0.0) for name in rows]
        axes.barh(centres, lengths, height=0.85 * _BAR, color=colour, label=channel, alpha=0.85)
        for centre, length in zip(centres, lengths, strict=True):
            text = f" {length:.2f}" if length else " 0"
            axes.text(length, centre, text, va="center", ha="left", fontsize=small() + 0.5)
    axes.set_ylim(group * len(rows), 0)
    axes.set_yticks(
        [(r + 0.5) * group for r in range(len(rows))], [short(name, 30) for name in rows]
    )
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(left=0.0)
    few_ticks(axes.xaxis, 4)
    axes.set_xlabel("Standard uncertainty (dB)")

"""Bias and limits of one indicator over several combinations of equipment."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from soundcal.report import style
from soundcal.report.figures.page import add_axes, few_ticks, new_figure, short, styled
from soundcal.report.style import COLUMN_MM, FAINT, INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from soundcal.study.comparison import Entry

__all__ = ["bias_forest"]


def bias_forest(entries: Sequence[tuple[str, "Entry"]]) -> "Figure":
    """Draw bias, its confidence interval and the limits of agreement, one row per entry.

    Parameters
    ----------
    entries : sequence of (str, Entry)
        Name of the combination ("" if there is one only) and the entry; the entries of one
        difference are adjacent.

    Returns
    -------
    Figure
        88 mm wide, 5 mm per row.
    """
    several = len({name for name, _ in entries}) > 1
    groups = list(dict.fromkeys(entry.direction for _, entry in entries))
    labels: list[str] = []
    places: list[float] = []
    place = 0.0
    for group in groups:
        own = [one for one in entries if one[1].direction == group]
        place += 1.0 if several else 0.0  # the line of the group's heading
        for name, _ in own:
            labels.append(short(name, 28) if several else short(group, 28))
            places.append(place)
            place += 1.0
    row, bottom, top = 5.0, 10.0, 2.0
    left = 5.0 + 1.25 * max(len(label) for label in labels)
    with styled():
        figure = new_figure(COLUMN_MM, bottom + top + row * place)
        axes = add_axes(figure, left, bottom, COLUMN_MM - left - 3.0, row * place)
        ordered = [one for group in groups for one in entries if one[1].direction == group]
        for y, (_, entry) in zip(places, ordered, strict=True):
            a = entry.agreement
            axes.plot([a.lower, a.upper], [y, y], color=style.GREEN, linewidth=0.9)
            axes.plot([a.lower, a.upper], [y, y], "|", color=style.GREEN, markersize=5)
            axes.plot(a.bias_ci, [y, y], color=style.VERMILION, linewidth=2.6, alpha=0.6)
            axes.plot([a.bias], [y], "D", color=style.VERMILION, markersize=3.4)
        axes.axvline(0.0, color=FAINT, linewidth=0.6, linestyle=":")
        axes.set_yticks(places, labels)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(place - 0.4, -0.6)
        if several:
            for group in groups:
                first = min(
                    y for y, one in zip(places, ordered, strict=True) if one[1].direction == group
                )
                axes.text(
                    0.0,
                    first - 0.75,
                    group,
                    transform=axes.get_yaxis_transform(),
                    fontweight="bold",
                    color=INK,
                    va="center",
                )
        few_ticks(axes.xaxis, 6)
        lead = entries[0][1]
        axes.set_xlabel(
            f"Difference of {lead.label} in {style.unit_label(lead.indicator, lead.unit)}"
        )
    return figure

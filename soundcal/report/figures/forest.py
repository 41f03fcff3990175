"""Bias and limits as rows: one indicator over several combinations, or all in units of delta."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from soundcal.report import style
from soundcal.report.figures.page import add_axes, few_ticks, new_figure, short, styled
from soundcal.report.style import COLUMN_MM, FAINT, INK, PAGE_MM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from soundcal.study.comparison import Entry
    from soundcal.study.equivalence import Equivalence

__all__ = [
    "MAX_FOREST_ROWS",
    "VERDICT_WORDS",
    "bias_forest",
    "draw_bias_forest",
    "draw_equivalence",
    "equivalence_forest",
]

MAX_FOREST_ROWS: Final = 40
"""Rows of one figure of equivalence."""

VERDICT_WORDS: Final = {"within": "agree", "undecided": "undecided", "beyond": "beyond"}

_COLOURS: Final = {"within": style.GREEN, "undecided": FAINT, "beyond": style.VERMILION}

_FARTHEST: Final = 5.0
"""Units of the allowable difference up to which the axis reaches at most."""


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
    labels, places, _ = _bias_rows(entries)
    row, bottom, top = 5.0, 10.0, 2.0
    height = row * (places[-1] + 1.0)
    left = 5.0 + 1.25 * max(len(label) for label in labels)
    with styled():
        figure = new_figure(COLUMN_MM, bottom + top + height)
        axes = add_axes(figure, left, bottom, COLUMN_MM - left - 3.0, height)
        draw_bias_forest(axes, entries)
    return figure


def _bias_rows(
    entries: Sequence[tuple[str, "Entry"]],
) -> tuple[list[str], list[float], list[tuple[float, str]]]:
    """Return the labels and places of the rows, and the places and texts of headings."""
    several = len({name for name, _ in entries}) > 1
    labels: list[str] = []
    places: list[float] = []
    headings: list[tuple[float, str]] = []
    place = 0.0
    for group in dict.fromkeys(entry.direction for _, entry in entries):
        if several:
            headings.append((place + 0.25, group))
            place += 1.0
        for name, _ in (one for one in entries if one[1].direction == group):
            labels.append(short(name, 28) if several else short(group, 28))
            places.append(place)
            place += 1.0
    return labels, places, headings


def draw_bias_forest(axes: "Axes", entries: Sequence[tuple[str, "Entry"]]) -> None:
    """Draw these rows in axes; entries as for :func:`bias_forest`."""
    labels, places, headings = _bias_rows(entries)
    groups = dict.fromkeys(entry.direction for _, entry in entries)
    ordered = [entry for group in groups for _, entry in entries if entry.direction == group]
    for y, entry in zip(places, ordered, strict=True):
        a = entry.agreement
        axes.plot([a.lower, a.upper], [y, y], color=style.GREEN, linewidth=0.9)
        axes.plot([a.lower, a.upper], [y, y], "|", color=style.GREEN, markersize=5)
        axes.plot(a.bias_ci, [y, y], color=style.VERMILION, linewidth=2.6, alpha=0.6)
        axes.plot([a.bias], [y], "D", color=style.VERMILION, markersize=3.4)
    axes.axvline(ordered[0].none, color=FAINT, linewidth=0.6, linestyle=":")
    axes.set_yticks(places, labels)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(places[-1] + 0.6, -0.6)
    for y, text in headings:
        _heading(axes, y, text)
    few_ticks(axes.xaxis, 6)
    lead = ordered[0]
    unit = style.unit_label(lead.indicator, lead.difference_unit)
    what = "Ratio" if lead.scale == "ratio" else "Difference"
    axes.set_xlabel(f"{what} of {lead.label} in {unit}")


def _heading(axes: "Axes", y: float, text: str) -> None:
    axes.text(
        0.0,
        y,
        text,
        transform=axes.get_yaxis_transform(),
        fontweight="bold",
        color=INK,
        va="center",
    )


def equivalence_forest(entries: Sequence["Entry"]) -> "Figure":
    """Draw bias and limits of agreement in units of the allowable difference, one row per entry.

    Parameters
    ----------
    entries : sequence of Entry
        Entries with an allowable difference, at most :data:`MAX_FOREST_ROWS`; those of one pair of
        methods are adjacent.

    Returns
    -------
    Figure
        180 mm wide, 4.2 mm per row.
    """
    entries = [entry for entry in entries if entry.equivalence is not None]
    places, _ = _equivalence_places(entries)
    row, bottom, top, right = 4.2, 10.0, 2.0, 38.0
    height = row * (places[-1] + 1.0)
    left = 5.0 + 1.25 * max(len(short(entry.label, 28)) for entry in entries)
    with styled():
        figure = new_figure(PAGE_MM, bottom + top + height)
        axes = add_axes(figure, left, bottom, PAGE_MM - left - right, height)
        draw_equivalence(axes, entries)
    return figure


def _equivalence_places(
    entries: Sequence["Entry"],
) -> tuple[list[float], list[tuple[float, str]]]:
    """Return the places of the rows, and the places and texts of headings."""
    headings: list[tuple[float, str]] = []
    places: list[float] = []
    place, group = 0.0, ""
    for entry in entries:
        if entry.direction != group:
            group = entry.direction
            headings.append((place, short(group, 60)))
            place += 1.0
        places.append(place)
        place += 1.0
    return places, headings


def draw_equivalence(axes: "Axes", entries: Sequence["Entry"]) -> None:
    """Draw these rows in axes; entries as for :func:`equivalence_forest`."""
    rows = [(entry, entry.equivalence) for entry in entries if entry.equivalence is not None]
    farthest = max(max(abs(bound) for bound in found.bounds) for _, found in rows)
    edge = min(max(1.05 * farthest, 1.6), _FARTHEST)
    places, headings = _equivalence_places([entry for entry, _ in rows])
    axes.axvspan(-1.0, 1.0, color=style.BLUE, alpha=0.12, linewidth=0)
    axes.axvline(0.0, color=FAINT, linewidth=0.6, linestyle=":")
    for y, (entry, found) in zip(places, rows, strict=True):
        _equivalence_row(axes, y, found, edge)
        unit = style.unit_label(entry.indicator, entry.unit)
        text = style.allowed_text(found.allowed.value, unit, found.allowed.scale)
        _beside(axes, y, 7.0, VERDICT_WORDS[found.verdict], _COLOURS[found.verdict])
        _beside(axes, y, 55.0, short(text, 12), INK)
    for y, text in headings:
        _heading(axes, y, text)
    axes.set_yticks(places, [short(entry.label, 28) for entry, _ in rows])
    axes.tick_params(axis="y", length=0, pad=5.0)
    axes.set_ylim(places[-1] + 0.6, -0.6)
    axes.set_xlim(-edge, edge)
    few_ticks(axes.xaxis, 10)
    axes.set_xlabel("Difference in units of the allowable difference (shaded: ±1)")


def _equivalence_row(axes: "Axes", y: float, found: "Equivalence", edge: float) -> None:
    """Draw one row, cut off at the edges of the axis, where an arrow shows that it goes on."""
    colour = _COLOURS[found.verdict]

    def line(low: float, high: float, width: float, alpha: float = 1.0) -> None:
        if low < edge and high > -edge:
            ends = [max(low, -edge), min(high, edge)]
            axes.plot(ends, [y, y], color=colour, linewidth=width, alpha=alpha)

    line(*found.bounds, 0.7)
    line(found.lower, found.upper, 1.5)
    line(*found.bias_ci, 3.6, 0.55)
    for limit in (found.lower, found.upper):
        if abs(limit) <= edge:
            axes.plot([limit], [y], "|", color=colour, markersize=6)
    if abs(found.bias) <= edge:
        axes.plot([found.bias], [y], "D", color=INK, markersize=3.0)
    for beyond, at, marker in (
        (found.bounds[0] < -edge, -edge, "<"),
        (found.bounds[1] > edge, edge, ">"),
    ):
        if beyond:
            axes.plot([at], [y], marker, color=colour, markersize=4, clip_on=False)


def _beside(axes: "Axes", y: float, distance: float, text: str, colour: str) -> None:
    """Write to the right of a row, at a distance in points from the axes."""
    axes.annotate(
        text,
        (1.0, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(distance, 0.0),
        textcoords="offset points",
        color=colour,
        va="center",
        annotation_clip=False,
    )

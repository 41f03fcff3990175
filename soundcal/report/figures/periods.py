"""Courses of the day and of the year, calendars of hours, and what of the days is covered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.arrays import Array
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
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = [
    "CoursePanel",
    "calendar_figure",
    "course_figure",
    "coverage_figure",
    "draw_calendar",
    "draw_course",
]

_PANEL_MM: Final = 30.0
_HOURS: Final = 24
_MOST_DAYS: Final = 14
"""Most names of days on an axis."""


@dataclass(frozen=True, slots=True, eq=False)
class CoursePanel:
    """One indicator of a station over time.

    Parameters
    ----------
    label : str
        Label of the axis, with the unit.
    lines : mapping of str to ndarray
        Value at each time by channel, shape (n_times,); NaN where there is none.
    bands : mapping of str to (ndarray, ndarray)
        Lower and upper edge of the band of each channel, if it has one.
    """

    label: str
    lines: dict[str, Array]
    bands: dict[str, tuple[Array, Array]]


def course_figure(panels: Sequence[CoursePanel], first: date | None = None) -> "Figure":
    """Draw the course of the day, or of days, one panel below the other.

    Parameters
    ----------
    panels : sequence of CoursePanel
        One for each indicator.
    first : date, optional
        First day of a course of days; by default the times are the hours of the day.

    Returns
    -------
    Figure
        180 mm wide.
    """
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    n_columns, top = legend_columns(names, PAGE_MM)
    top = top if len(names) > 1 else 2.0
    left, bottom, gap = 17.0, 10.0, 4.0
    with styled():
        figure = new_figure(PAGE_MM, bottom + top + (_PANEL_MM + gap) * len(panels) - gap)
        for place, panel in enumerate(reversed(panels)):
            low = bottom + place * (_PANEL_MM + gap)
            axes = add_axes(figure, left, low, PAGE_MM - left - 5.0, _PANEL_MM)
            draw_course(axes, panel, names, first)
            if place:
                axes.set_xticklabels([])
                axes.set_xlabel("")
        if len(names) > 1:
            handles, texts = figure.axes[-1].get_legend_handles_labels()
            figure.legend(handles, texts, loc="upper center", ncols=n_columns, borderaxespad=0.2)
    return figure


def draw_course(
    axes: "Axes", panel: CoursePanel, names: Sequence[str] = (), first: date | None = None
) -> None:
    """Draw one panel in axes; ``names`` are the channels, in the order of their colours."""
    names = names or list(panel.lines)
    n = max(map(len, panel.lines.values()))
    at = np.arange(n) + 0.5  # the middle of the hour or day
    for (colour, marker), name in zip(colours(len(names)), names, strict=True):
        if name not in panel.lines:
            continue
        axes.plot(
            at,
            panel.lines[name],
            color=colour,
            marker=marker,
            markersize=2.2 if n <= _HOURS else 0.8,
            linewidth=1.0,
            label=name,
        )
        if name in panel.bands:
            lower, upper = panel.bands[name]
            axes.fill_between(at, lower, upper, color=colour, alpha=0.18, linewidth=0.0)
            known = np.pad(np.isfinite(lower) & np.isfinite(upper), 1)
            alone = known[1:-1] & ~known[:-2] & ~known[2:]  # no area without a neighbour
            ends = at[alone], lower[alone], upper[alone]
            axes.vlines(*ends, color=colour, alpha=0.18, linewidth=3.0)
    axes.set_xlim(0.0, n)
    if first is None:
        axes.set_xticks(range(0, n + 1, 3), [f"{hour:02d}:00" for hour in range(0, n + 1, 3)])
        axes.set_xlabel("Local time")
    else:
        _day_axis(axes, first, n)
    few_ticks(axes.yaxis, 5)
    axes.grid(axis="y", color=FAINT, alpha=0.25, linewidth=0.4)
    axes.set_ylabel(panel.label)


def _day_axis(axes: "Axes", first: date, n: int) -> None:
    """Name single days, or the first of weeks or months where there are many."""
    days = [first + timedelta(k) for k in range(n)]
    if n <= 2 * _MOST_DAYS:
        chosen = list(range(0, n, 1 if n <= _MOST_DAYS else 2))
    elif n <= 7 * _MOST_DAYS:
        chosen = [k for k in range(n) if days[k].weekday() == 0]
    else:
        months = [k for k in range(n) if days[k].day == 1]
        chosen = months[:: 1 + len(months) // _MOST_DAYS]
    single = n <= 2 * _MOST_DAYS
    axes.set_xticks(
        [k + 0.5 * single for k in chosen],
        [f"{days[k].day} {days[k]:%b}" for k in chosen],
    )
    axes.set_xlabel(f"Days from {first}")


def calendar_figure(values: Array, first: date, label: str) -> "Figure":
    """Draw the values of hours as a calendar: days across, hours down.

    Parameters
    ----------
    values : ndarray, shape (24, n_days)
        NaN where there is none.
    first : date
        First day.
    label : str
        Label of the colours, with the unit.

    Returns
    -------
    Figure
        180 mm wide.
    """
    left, bottom, height = 17.0, 26.0, 52.0
    with styled():
        figure = new_figure(PAGE_MM, bottom + height + 3.0)
        axes = add_axes(figure, left, bottom, PAGE_MM - left - 3.0, height)
        image = draw_calendar(axes, values, first)
        bar = add_axes(figure, left, 9.0, 80.0, 2.5)
        figure.colorbar(image, cax=bar, orientation="horizontal", label=label)
    return figure


def draw_calendar(axes: "Axes", values: Array, first: date) -> "AxesImage":
    """Draw the calendar in axes and return its image; parameters as for `calendar_figure`."""
    n = values.shape[1]
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    image = axes.imshow(
        np.where(np.isfinite(values), values, np.nan),
        cmap="viridis",
        vmin=low,
        vmax=max(high, low + 1e-9),
        aspect="auto",
        interpolation="nearest",
        extent=(0.0, n, _HOURS, 0.0),
    )
    axes.set_yticks(range(0, 25, 6), [f"{hour:02d}:00" for hour in range(0, 25, 6)])
    axes.set_ylabel("Local time")
    _day_axis(axes, first, n)
    return image


def coverage_figure(shares: dict[str, Array], first: date) -> "Figure":
    """Draw the covered share of days.

    Parameters
    ----------
    shares : mapping of str to ndarray, shape (n_days,)
        Share, 0 to 1, of each day by the name of the row.
    first : date
        First day.

    Returns
    -------
    Figure
        180 mm wide, 5 mm per row.
    """
    names = [short(name, 24) for name in shares]
    left, bottom, height = 6.0 + 1.3 * max(map(len, names)), 26.0, 5.0 * len(names)
    values = 100.0 * np.array(list(shares.values()))
    with styled():
        figure = new_figure(PAGE_MM, bottom + height + 3.0)
        axes = add_axes(figure, left, bottom, PAGE_MM - left - 3.0, height)
        image = axes.imshow(
            values,
            cmap="Blues",
            vmin=0.0,
            vmax=100.0,
            aspect="auto",
            interpolation="nearest",
            extent=(0.0, values.shape[1], len(names), 0.0),
        )
        axes.set_yticks(np.arange(len(names)) + 0.5, names)
        axes.tick_params(axis="y", length=0)
        _day_axis(axes, first, values.shape[1])
        bar = add_axes(figure, left, 9.0, 80.0, 2.5)
        figure.colorbar(image, cax=bar, orientation="horizontal", label="Covered (%)")
    return figure

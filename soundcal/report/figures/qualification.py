"""Figures of a device's qualification: response, crosstalk, noise, distortion, levels, delays."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.qualification.results import FLOOR_DB
from soundcal.report.figures.page import (
    add_axes,
    colours,
    few_ticks,
    log_frequency,
    new_figure,
    styled,
)
from soundcal.report.style import FAINT, PAGE_MM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "crosstalk_figure",
    "delay_figure",
    "linearity_figure",
    "noise_figure",
    "response_figure",
    "spectrum_figure",
    "stability_figure",
]


_HEIGHT: Final = 62.0


def _panel(draw: Callable[["Axes"], None], x_label: str, y_label: str) -> "Figure":
    """Return a figure across the page with one panel and its legend above."""
    left, right, bottom, top = 17.0, 4.0, 10.0, 7.0
    with styled():
        figure = new_figure(PAGE_MM, _HEIGHT)
        axes = add_axes(figure, left, bottom, PAGE_MM - left - right, _HEIGHT - bottom - top)
        draw(axes)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.grid(visible=True, color=FAINT, alpha=0.25, linewidth=0.4)
        axes.set_axisbelow(True)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, borderaxespad=0.2)
    return figure


def _rows(axes: "Axes", x: Array, rows: Sequence[Array], names: Sequence[str]) -> None:
    for (colour, _), row, name in zip(colours(len(names)), rows, names, strict=True):
        axes.plot(x, row, color=colour, linewidth=0.9, label=name)


def _span(axes: "Axes", rows: Array, least: float) -> None:
    """Show the rows, and at least ``least`` dB to both sides of 0."""
    finite = np.abs(rows[np.isfinite(rows)])
    reach = max(least, 1.1 * float(finite.max(initial=0.0)))
    axes.set_ylim(-reach, reach)
    few_ticks(axes.yaxis, 6)


def response_figure(
    frequency: Array, level: Array, names: Sequence[str], *, limit: float, upper: float
) -> "Figure":
    """Draw frequency responses relative to 1 kHz; 180 mm wide.

    Parameters
    ----------
    frequency : ndarray, shape (n_f,)
        Frequencies in Hz.
    level : ndarray, shape (n_paths, n_f)
        Levels relative to 1 kHz in dB; drawn down to -20 dB.
    names : sequence of str
        Names of the paths.
    limit, upper : float
        Accepted deviation, ± dB, and the frequency in Hz up to which it applies.
    """

    def draw(axes: "Axes") -> None:
        shown = np.maximum(level, -20.0)
        log_frequency(axes.xaxis, float(frequency[0]), float(frequency[-1]))
        axes.fill_between(
            [frequency[0], upper], -limit, limit, color=FAINT, alpha=0.15, linewidth=0.0
        )
        _rows(axes, frequency, list(shown), names)
        _span(axes, shown, 2.0 * limit)

    return _panel(draw, "Frequency (Hz)", "Level relative to 1 kHz (dB)")


def crosstalk_figure(
    frequency: Array, level: Array, names: Sequence[str], *, limit: float
) -> "Figure":
    """Draw crosstalk in dB, shape (n_pairs, n_f); 180 mm wide."""

    def draw(axes: "Axes") -> None:
        log_frequency(axes.xaxis, float(frequency[0]), float(frequency[-1]))
        axes.axhline(limit, color=FAINT, linewidth=0.8, linestyle="--", label="limit")
        _rows(axes, frequency, list(level), names)
        axes.set_ylim(max(FLOOR_DB, float(level.min()) - 10.0), None)

    return _panel(draw, "Frequency (Hz)", "Crosstalk (dB)")


def noise_figure(mid: Array, level: Array, names: Sequence[str]) -> "Figure":
    """Draw 1/3-octave levels of noise, shape (n_paths, n_bands), dB re full scale; 180 mm wide."""

    def draw(axes: "Axes") -> None:
        edges = np.append(mid * 10.0**-0.05, mid[-1] * 10.0**0.05)
        log_frequency(axes.xaxis, float(edges[0]), float(edges[-1]))
        for (colour, _), row, name in zip(colours(len(names)), level, names, strict=True):
            shown = np.maximum(row, FLOOR_DB)
            axes.stairs(shown, edges, color=colour, linewidth=0.9, label=name, baseline=None)
        few_ticks(axes.yaxis, 6)

    return _panel(draw, "Band centre (Hz)", "Level (dB re FS)")


def spectrum_figure(
    frequency: Array, level: Array, names: Sequence[str], harmonics: Array
) -> "Figure":
    """Draw spectra in dBFS, shape (n_paths, n_f), and ticks at the harmonics in Hz; 180 mm wide."""

    def draw(axes: "Axes") -> None:
        log_frequency(axes.xaxis, float(frequency[0]), float(frequency[-1]))
        _rows(axes, frequency, list(np.maximum(level, FLOOR_DB)), names)
        top = np.full(harmonics.size, 6.0)
        axes.plot(harmonics, top, "|", color=FAINT, markersize=4.0, label="harmonics")
        axes.set_ylim(None, 10.0)
        few_ticks(axes.yaxis, 8)

    return _panel(draw, "Frequency (Hz)", "Level (dBFS)")


def linearity_figure(
    level: Array, deviation: Array, u: Array, names: Sequence[str], *, limit: float
) -> "Figure":
    """Draw deviations ± 2 u in dB, shape (n_paths, n_steps), over levels in dBFS; 180 mm wide."""

    def draw(axes: "Axes") -> None:
        axes.axhspan(-limit, limit, color=FAINT, alpha=0.15, linewidth=0.0)
        for (colour, marker), row, error, name in zip(
            colours(len(names)), deviation, u, names, strict=True
        ):
            axes.errorbar(
                level,
                row,
                yerr=2.0 * error,
                color=colour,
                marker=marker,
                markersize=3.5,
                linestyle="none",
                elinewidth=0.7,
                label=name,
            )
        _span(axes, deviation, 2.0 * limit)

    return _panel(draw, "Level of the output (dBFS)", "Deviation (dB)")


def stability_figure(time: Array, level: Array, names: Sequence[str], *, limit: float) -> "Figure":
    """Draw levels in dB, shape (n_paths, n), over time in s; 180 mm wide."""

    def draw(axes: "Axes") -> None:
        axes.axhspan(-limit, limit, color=FAINT, alpha=0.15, linewidth=0.0)
        for (colour, marker), row, name in zip(colours(len(names)), level, names, strict=True):
            axes.plot(time, row, marker, color=colour, markersize=2.0, label=name, alpha=0.8)
        _span(axes, level, 2.0 * limit)

    return _panel(draw, "Time (s of sound)", "Level relative to the first second (dB)")


def delay_figure(delay: Array) -> "Figure":
    """Draw the delay of every take in ms; 180 mm wide."""

    def draw(axes: "Axes") -> None:
        takes = np.arange(1, delay.size + 1)
        axes.plot(takes, delay, "o", color=colours(1)[0][0], markersize=3.0)
        spread = max(float(np.ptp(delay)), 1.0)
        axes.set_ylim(float(delay.min()) - 0.2 * spread, float(delay.max()) + 0.2 * spread)
        few_ticks(axes.xaxis, 10)
        few_ticks(axes.yaxis, 6)

    return _panel(draw, "Take", "Delay (ms)")

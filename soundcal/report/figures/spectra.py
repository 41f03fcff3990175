"""Power spectral densities and spectrograms over logarithmic frequency."""

from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.report.figures.page import (
    add_axes,
    colours,
    legend_above,
    log_frequency,
    new_figure,
    say_inside,
    short,
    styled,
)
from soundcal.report.style import PAGE_MM
from soundcal.units import P_REF, power_db

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

    from soundcal.indicators.spectra import SpectralDensity

__all__ = ["density_figure", "density_label", "draw_density", "draw_spectrogram", "peaks_and_dips"]

_LOWEST: Final = 10.0
"""Lower end of the axis in Hz, unless the lines are further apart."""

_MOST: Final = 1500
"""Places along the axis; of the lines of a place, the highest and the lowest are drawn."""

_ROWS: Final = 320
"""Rows of a spectrogram; lines closer than these are averaged."""

_DEEPEST_DB: Final = 120.0
"""Range of levels that the axis shows at most."""


def density_label(spectrum: "SpectralDensity") -> str:
    """Return the label of an axis or colour bar: level, weighting and unit."""
    name = "Level" if spectrum.weighting == "Z" else f"{spectrum.weighting}-weighted level"
    return f"{name} (dB re (20 µPa)²/Hz)"


def draw_density(axes: "Axes", spectrum: "SpectralDensity") -> None:
    """Draw the levels of the lines of all channels in axes; a spectrogram's, averaged over time.

    Parameters
    ----------
    axes : Axes
        Axes to draw in.
    spectrum : SpectralDensity
        Density of one signal or of several channels. The lines at 0 Hz and next to it are left
        out: they hold the offset.

    Raises
    ------
    ParameterError
        The density has more than one leading axis.
    """
    rows = _by_channel(spectrum)
    if spectrum.times is not None:
        rows = rows.mean(axis=1)
    frequency = spectrum.frequency[2:]
    low, high = _limits(spectrum)
    for (colour, _), row, name in zip(
        colours(len(rows)), rows[:, 2:], spectrum.channels, strict=True
    ):
        level = power_db(row / P_REF**2)
        x, y = peaks_and_dips(frequency, np.where(np.isfinite(level), level, np.nan))
        axes.plot(x, y, color=colour, linewidth=0.8, alpha=0.85, label=name)
    log_frequency(axes.xaxis, low, high)
    shown = rows[:, spectrum.frequency >= low]
    top = power_db(float(shown.max(initial=0.0)) / P_REF**2)
    if not np.isfinite(top):
        say_inside(axes, "no finite value")
    else:
        least = max(axes.get_ylim()[0], top - _DEEPEST_DB)
        axes.set_ylim(least, top + 0.05 * (top - least) + 1.0)
    axes.set_xlabel("Frequency (Hz)")
    axes.set_ylabel(density_label(spectrum))
    axes.set_title("Power spectral density", loc="left", pad=4.0, weight="bold")


def draw_spectrogram(axes: "Axes", spectrum: "SpectralDensity", channel: int = 0) -> "QuadMesh":
    """Draw one channel of a spectrogram in axes, and return the image for its colour bar.

    The colours of all channels have one scale, which ends at the highest level. Lines that are
    closer than the rows of the image are averaged.

    Raises
    ------
    ParameterError
        No spectrogram, or more than one leading axis.
    """
    if spectrum.times is None:
        raise ParameterError("an average over the whole time has no spectrogram")
    rows = _by_channel(spectrum)
    low, high = _limits(spectrum)
    inside = spectrum.frequency >= low
    place = np.log(spectrum.frequency[inside] / low) / np.log(high / low) * _ROWS
    starts = np.flatnonzero(np.diff(np.minimum(np.floor(place), _ROWS - 1.0), prepend=-1.0))
    sizes = np.diff([*starts, place.size])
    shown = np.add.reduceat(rows[channel][:, inside], starts, axis=1) / sizes
    edges = (spectrum.frequency[inside] - spectrum.resolution / 2.0)[starts]
    level = power_db(shown / P_REF**2)
    top = power_db(float(rows[..., inside].max(initial=0.0)) / P_REF**2)
    top = top if np.isfinite(top) else 0.0
    image = axes.pcolormesh(
        _edges_of(spectrum.times),
        np.append(edges, high + spectrum.resolution / 2.0),
        level.T,
        cmap="viridis",
        vmin=top - spectrum.range_db,
        vmax=top,
        rasterized=True,
    )
    # what is below the range, silence included, has the lowest colour
    axes.set_facecolor(image.cmap(0.0))
    log_frequency(axes.yaxis, low, high)
    axes.set_xlabel("Time (s)")
    axes.set_ylabel("Frequency (Hz)")
    title = "Spectrogram" if len(rows) == 1 else f"Spectrogram, {spectrum.channels[channel]}"
    axes.set_title(title, loc="left", pad=4.0, weight="bold")
    return image


def density_figure(spectrum: "SpectralDensity", name: str = "") -> "Figure":
    """Draw a density, or a spectrogram with one panel per channel; 180 mm wide.

    The name of the recording stands above, window, resolution and averages below.
    """
    over_time = spectrum.times is not None
    n = len(spectrum.channels) if over_time else 1
    left, right, bottom, top, gap, height = 17.0, 4.0, 14.0, 7.0, 16.0, 62.0
    right += 18.0 * over_time
    total = bottom + top + n * height + (n - 1) * gap
    with styled():
        figure = new_figure(PAGE_MM, total)
        for channel in range(n):
            place = bottom + (n - 1 - channel) * (height + gap)
            axes = add_axes(figure, left, place, PAGE_MM - left - right, height)
            if over_time:
                image = draw_spectrogram(axes, spectrum, channel)
                bar = add_axes(figure, PAGE_MM - right + 3.0, place, 2.5, height)
                figure.colorbar(image, cax=bar, label=density_label(spectrum), extend="min")
            else:
                draw_density(axes, spectrum)
                legend_above(axes)
            if name:
                title = f"{short(name, 40)}: {axes.get_title(loc='left')}"
                axes.set_title(title, loc="left", pad=4.0, weight="bold")
        figure.text(left / PAGE_MM, 1.5 / total, spectrum.settings)
    return figure


def peaks_and_dips(frequency: Array, level: Array) -> tuple[Array, Array]:
    """Return fewer points that look the same on a logarithmic axis.

    Where several lines share a place, their highest and their lowest remain, in their order.
    """
    place = np.floor(
        np.log(frequency / frequency[0]) / np.log(frequency[-1] / frequency[0]) * _MOST
    )
    starts = np.flatnonzero(np.diff(place, prepend=-1.0))
    kept: list[int] = []
    for start, end in zip(starts, [*starts[1:], place.size], strict=True):
        part = level[start:end]
        if end - start <= 2 or np.isnan(part).all():
            kept += range(start, end)
        else:
            kept += sorted({int(start + np.nanargmin(part)), int(start + np.nanargmax(part))})
    return frequency[kept], level[kept]


def _by_channel(spectrum: "SpectralDensity") -> Array:
    """Return the density with an axis of channels."""
    dimensions = 2 if spectrum.times is None else 3
    if spectrum.density.ndim > dimensions:
        raise ParameterError(
            f"spectra of shape {spectrum.density.shape}; draw one recording at a time"
        )
    return spectrum.density if spectrum.density.ndim == dimensions else spectrum.density[None]


def _limits(spectrum: "SpectralDensity") -> tuple[float, float]:
    """Return the ends of the axis in Hz."""
    return max(_LOWEST, 2.0 * spectrum.resolution), float(spectrum.frequency[-1])


def _edges_of(times: Array) -> Array:
    """Return the edges of columns from their middles; the first column begins at 0."""
    between = (times[:-1] + times[1:]) / 2.0
    last = between[-1] if times.size > 1 else 0.0
    return np.concatenate(([0.0], between, [2.0 * times[-1] - last]))

"""The sound pressure of a recording over time."""

from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.errors import SignalError
from soundcal.report.figures.page import colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from soundcal.recording import Recording

__all__ = ["draw_waveform"]

_MOST: Final = 2000
"""Columns of a waveform; of more samples, each column spans the lowest to the highest."""


def draw_waveform(axes: "Axes", recording: "Recording") -> None:
    """Draw the sound pressure of every channel in axes, from the lowest to the highest value.

    Parameters
    ----------
    axes : Axes
        Axes to draw in.
    recording : Recording
        Recording of any length; short events stay visible.

    Raises
    ------
    SignalError
        A recording without samples.
    """
    if not recording.n_samples:
        raise SignalError("a recording without samples has no sound pressure to draw")
    step = max(1, recording.n_samples // _MOST)
    starts = np.arange(0, recording.n_samples, step)
    times = starts / recording.fs
    n = len(recording.channels)
    for (colour, _), pressure, name in zip(
        colours(n), recording.pressure, recording.channels, strict=True
    ):
        if step == 1:
            axes.plot(times, pressure, color=colour, linewidth=0.7, alpha=0.8, label=name)
            continue
        low = np.minimum.reduceat(pressure, starts)
        high = np.maximum.reduceat(pressure, starts)
        axes.fill_between(
            times, low, high, color=colour, alpha=0.6 if n > 1 else 1.0, linewidth=0.3, label=name
        )
    axes.set_xlim(0.0, recording.duration)
    axes.set_xlabel("Time (s)")
    axes.set_ylabel("Sound pressure (Pa)")

"""The end of a playback that is stopped: a short fade instead of a click."""

from typing import Final

import numpy as np

from soundcal.arrays import Samples

__all__ = ["FADE_S", "fade_from", "falling"]

FADE_S: Final = 0.02
"""Length of the fade, s: short enough to be at once, long enough not to click."""


def falling(fs: int) -> Samples:
    """Return the factors of the fade at a sampling rate: half a cosine from 1 to 0, shape (n,).

    >>> falling(200).round(2).tolist()
    [0.96, 0.69, 0.31, 0.04]
    """
    n = max(1, round(FADE_S * fs))
    factors: Samples = 0.5 + 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)
    return factors


def fade_from(samples: Samples, start: int, fs: int) -> tuple[Samples, int]:
    """Return samples that fade to zero from a position on, and the position of the first zero.

    Parameters
    ----------
    samples : ndarray, shape (n_channels, n)
        What would be played.
    start : int
        Position of the fade; at 0 nothing has been played, and nothing will be.
    fs : int
        Sampling rate in Hz.
    """
    if start <= 0:
        return np.zeros_like(samples), 0
    ramp = falling(fs)
    end = min(start + ramp.size, samples.shape[1])
    result = samples.copy()
    result[:, start:end] *= ramp[: max(0, end - start)]
    result[:, end:] = 0.0
    return result, end

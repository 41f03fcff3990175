"""Harmonic distortion over frequency, from the take of a sweep."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.dsp.convolve import fir_gain
from soundcal.response.deconvolution import window_high_pass
from soundcal.response.sweep import HIGHEST_HARMONIC, Sweep

__all__ = ["harmonic_gains", "total_harmonic_distortion"]

_SHARE: Final = 0.45
_LONGEST_S: Final = 0.085
"""Half width of a harmonic's window: this part of the distance to the next one, and no more."""

_CLEAR: Final = 10.0
"""A harmonic counts if its power is this many times that of the noise, which noise alone is with a
probability of exp(-10)."""


def harmonic_gains(
    response: Array, sweep: Sweep, order: int, frequency: ArrayLike, *, corner: float
) -> Array:
    """Return the amplitude of a harmonic re the amplitude of the sweep.

    Parameters
    ----------
    response : ndarray, shape (m,)
        From :func:`~soundcal.response.deconvolution.deconvolve`.
    sweep : Sweep
        What was played.
    order : int
        2 for the second harmonic; 1 for the fundamental.
    frequency : array_like of float, shape (n,)
        Frequencies of the fundamental in Hz.
    corner : float
        Of the high-pass with which the response was deconvolved, in Hz; it is undone.

    Returns
    -------
    ndarray, shape (n,)
        Linear; 0 where the harmonic lies beyond the sweep.
    """
    f = order * np.atleast_1d(np.asarray(frequency, dtype=np.float64))
    window = _window(sweep, order)
    start = -round(sweep.lead(order) * sweep.fs) - window.size // 2
    part = response.take(np.arange(start, start + window.size), mode="wrap") * window
    gain = np.abs(fir_gain(part, f, sweep.fs) / window_high_pass(f, corner))
    return np.where(f <= sweep.high, gain, 0.0)


def _window(sweep: Sweep, order: int) -> Array:
    """Return the window of a harmonic; its first and last quarter are half Hann."""
    half = round(min(_SHARE * sweep.lead((order + 1) / order), _LONGEST_S) * sweep.fs)
    fade = max(1, half // 2)
    window = np.ones(2 * half)
    window[:fade] = np.sin(0.5 * np.pi * np.arange(fade) / fade) ** 2
    window[2 * half - fade :] = window[:fade][::-1]
    return window


def total_harmonic_distortion(
    response: Array,
    sweep: Sweep,
    frequency: ArrayLike,
    *,
    corner: float,
    noise: Callable[[Array], Array] | None = None,
) -> Array:
    """Return the distortion re the fundamental: ``sqrt(sum |H_k(k f)|^2) / |H_1(f)|``, k = 2 to 5.

    Parameters
    ----------
    response, sweep, frequency, corner
        As for :func:`harmonic_gains`.
    noise : callable, optional
        Gives the mean square of deconvolved noise at frequencies in Hz, per unit of a window's
        energy. It is subtracted, and a harmonic that exceeds it by less than 10 dB is left out.

    Returns
    -------
    ndarray, shape (n,)
        Linear; 0.01 are 1 %. Harmonics beyond the sweep are left out.
    """
    f = np.atleast_1d(np.asarray(frequency, dtype=np.float64))
    total = np.zeros(f.size)
    for order in range(2, HIGHEST_HARMONIC + 1):
        power = harmonic_gains(response, sweep, order, f, corner=corner) ** 2
        if noise is not None:
            passed = np.abs(window_high_pass(order * f, corner)) ** 2
            hiss = noise(order * f) / passed * float(np.sum(_window(sweep, order) ** 2))
            power = np.where(power > _CLEAR * hiss, power - hiss, 0.0)
        total += power
    return np.asarray(np.sqrt(total) / harmonic_gains(response, sweep, 1, f, corner=corner))

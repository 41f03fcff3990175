"""Minimum-phase filters with a magnitude that is given in dB."""

from typing import Final

import numpy as np

from soundcal.arrays import Array

__all__ = ["minimum_phase_fir"]

_FLOOR_DB: Final = -80.0
"""Filters do not follow a magnitude below this."""


def minimum_phase_fir(level: Array, taps: int) -> Array:
    """Return the minimum-phase FIR filter with a magnitude given in dB.

    For a system without zeros in the right half-plane, the phase is the Hilbert transform of the
    log magnitude; it is obtained by folding the cepstrum (Oppenheim and Schafer, Discrete-Time
    Signal Processing, chapter on the cepstrum). Mechanical and electrical resonances are
    minimum-phase.

    Parameters
    ----------
    level : ndarray, shape (n + 1,)
        Magnitude in dB at n + 1 equally spaced frequencies from 0 to half the sampling rate.
    taps : int
        Length; the last sixteenth fades out.
    """
    n = 2 * (level.size - 1)
    magnitude = np.maximum(level, max(_FLOOR_DB, float(level.max()) - 120.0)) * (
        np.log(10.0) / 20.0
    )
    cepstrum = np.fft.irfft(magnitude, n)
    cepstrum[1 : n // 2] *= 2.0
    cepstrum[n // 2 + 1 :] = 0.0
    response = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), n)[:taps]
    fade = taps // 16
    response[taps - fade :] *= 0.5 * (1.0 + np.cos(np.pi * (np.arange(fade) + 0.5) / fade))
    return response

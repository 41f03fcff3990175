"""FIR filters with a given gain over frequency: minimum phase, or linear phase by name."""

from collections.abc import Callable
from typing import Final, Literal, get_args

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.minimum_phase import minimum_phase_fir
from soundcal.errors import ParameterError
from soundcal.units import from_db

__all__ = ["FilterPhase", "designed_filter", "filter_length"]

FilterPhase = Literal["minimum", "linear"]

_LENGTH_S: Final = 0.17
"""Shortest filter in s: error up to 0.05 dB from 20 Hz for a roll-off of second order at 20 Hz."""

_GRID: Final = 8
"""Points of the design per tap, so that the cepstrum does not alias."""

_TAPS: Final = (16, 1 << 18)
_WIDEST_DB: Final = 80.0
"""Largest range of gains."""

_FADE: Final = 16
"""This part of a linear-phase filter fades in, and the same part out."""


def filter_length(fs: float, phase: FilterPhase, taps: int | None = None) -> int:
    """Return the number of taps: the power of two that lasts 0.17 s or more if not given.

    A filter of linear phase has an odd number, so that its delay is a whole number of samples.

    Raises
    ------
    ParameterError
        Unknown phase, or a number out of range.

    Examples
    --------
    >>> filter_length(48000, "minimum"), filter_length(44100, "linear")
    (8192, 8193)
    """
    if phase not in get_args(FilterPhase):
        raise ParameterError(f"phase {phase!r:.40}; minimum or linear is expected")
    length = 1 << int(np.ceil(np.log2(_LENGTH_S * fs))) if taps is None else taps
    if not (isinstance(length, int) and _TAPS[0] <= length <= _TAPS[1]):
        raise ParameterError(f"{length!r:.40} taps; {_TAPS[0]} to {_TAPS[1]} are expected")
    return length + 1 if phase == "linear" and length % 2 == 0 else length


def designed_filter(
    gain_db: Callable[[Array], Array], fs: float, length: int, phase: FilterPhase
) -> Array:
    """Return the taps of a filter.

    Parameters
    ----------
    gain_db : callable
        Gain in dB at frequencies in Hz from 0 to half the sampling rate.
    fs : float
        Sampling rate in Hz.
    length : int
        Number of taps; odd of linear phase.
    phase : {"minimum", "linear"}
        Phase; linear phase delays by half the length.

    Raises
    ------
    ParameterError
        The gains differ by more than 80 dB.
    """
    points = 1 << (_GRID * length - 1).bit_length()
    gain = gain_db(np.linspace(0.0, fs / 2.0, points // 2 + 1))
    highest, lowest = float(gain.max()), float(gain.min())
    if highest - lowest > _WIDEST_DB:
        raise ParameterError(
            f"gains of a filter from {lowest:.4g} to {highest:.4g} dB; a range of at most "
            f"{_WIDEST_DB:g} dB is possible: limit range and boost (soundcal.response.inverse)"
        )
    if phase == "minimum":
        return minimum_phase_fir(gain - highest, length) * from_db(highest)
    half = length // 2
    middle = np.fft.irfft(from_db(gain), points)
    taps = np.concatenate([middle[points - half :], middle[: half + 1]])
    fade = length // _FADE
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    taps[:fade] *= rise
    taps[length - fade :] *= rise[::-1]
    return taps

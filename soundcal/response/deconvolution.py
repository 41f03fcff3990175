"""Impulse responses from takes of a sweep, their window, and their levels over frequency.

A path that passes the lowest frequencies has an impulse response that is longer than any window,
and one that is limited to a band by a step in its spectrum rings before time 0. Therefore a take is
deconvolved together with :func:`window_high_pass`, which is causal and so short that the window
holds it; at the frequencies of the result it is undone exactly.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array, Spectrum
from soundcal.errors import ParameterError, SignalError
from soundcal.response.sweep import Sweep

__all__ = [
    "COMMON",
    "Gate",
    "band_means",
    "deconvolve",
    "impulse_correlation",
    "log_grid",
    "third_octaves",
    "window_high_pass",
]

_INSIDE: Final = 1e-9
_OUTSIDE: Final = 1e-2
"""Regularisation re the largest power of the sweep, below and above the upper end of its range.
Below the lower end there is enough of the sweep, which begins within a fraction of a period."""

_END: Final = 0.98
"""The range ends at this part of the sweep's last frequency."""

_PERIODS: Final = 2.0
"""Periods of the lowest frequency of a result that its window holds. The largest error is then 0.06
dB, at that frequency, for a path with a high-pass of second order a third as high."""

_PER_OCTAVE: Final = 96
"""Frequencies per octave of a measured response. Between them a notch of 14 dB with a width of 0.09
octave deviates from a straight line by 0.02 dB."""

COMMON: Final = (100.0, 5000.0)
"""Range in Hz in which takes of the same response are compared."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Window of an impulse response.

    It rises as half a Hann window over ``before`` s, is 1 from time 0, and falls as half a Hann
    window in the last quarter of ``after`` s. 50 ms suffice from 40 Hz, 100 ms from 20 Hz as for
    headphones; rooms need 250 ms.
    """

    before: float = 0.005
    after: float = 0.1

    def __post_init__(self) -> None:
        if not (0.0 <= self.before <= 1.0 and 0.005 <= self.after <= 10.0):
            raise ParameterError(
                f"window of {self.before} s before and {self.after} s after; 0 to 1 s and 0.005 to "
                "10 s are expected"
            )

    @property
    def lowest(self) -> float:
        """Lowest frequency in Hz that the window resolves: that of two periods in ``after``."""
        return _PERIODS / self.after

    def weights(self, fs: int) -> tuple[Array, int]:
        """Return the window, shape (n,), and the number of its samples before time 0."""
        first, last = round(self.before * fs), round(self.after * fs)
        fade = max(1, last // 4)
        window = np.ones(first + last)
        window[:first] = np.sin(0.5 * np.pi * np.arange(first) / max(first, 1)) ** 2
        window[first + last - fade :] = np.cos(0.5 * np.pi * np.arange(1, fade + 1) / fade) ** 2
        return window, first

    def cut(self, response: Array, fs: int, at: float = 0.0) -> Array:
        """Return the windowed part around ``at`` s of a circular response, shape (n,)."""
        window, first = self.weights(fs)
        start = round(at * fs) - first
        part: Array = response.take(np.arange(start, start + window.size), mode="wrap")
        return part * window


def window_high_pass(frequency: ArrayLike, corner: float) -> Spectrum:
    """Return the complex gain of two high-passes of first order in cascade, of any shape.

    Parameters
    ----------
    frequency : array_like of float
        Frequencies in Hz.
    corner : float
        Frequency in Hz at which each of them has -3 dB.

    Examples
    --------
    >>> np.abs(window_high_pass([0.0, 20.0, 100.0], 20.0)).round(3).tolist()
    [0.0, 0.5, 0.962]
    """
    ratio = 1j * np.asarray(frequency, dtype=np.float64) / corner
    return np.asarray((ratio / (1.0 + ratio)) ** 2)


def deconvolve(take: Array, sweep: Sweep, corner: float) -> Array:
    """Return the response that turns the sweep into a take, after a high-pass.

    It is ``B Y X* / (|X|^2 + e)``, where B is :func:`window_high_pass`.

    Parameters
    ----------
    take : ndarray, shape (n,)
        Recorded samples; the first belongs to the first of the sweep.
    sweep : Sweep
        What was played.
    corner : float
        Of the high-pass, in Hz: the lowest frequency of the result, not below
        :attr:`Gate.lowest`.

    Returns
    -------
    ndarray, shape (m,)
        Circular: sample 0 is time 0, and the last samples are the times before it, where the
        harmonics are.

    Raises
    ------
    SignalError
        The take is shorter than the sweep.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    x = sweep.samples()
    if take.size < x.size:
        raise SignalError(
            f"take of {take.size} samples for a sweep of {x.size}: samples were lost; repeat it"
        )
    n = next_fast_len(x.size + take.size, real=True)
    f = np.fft.rfftfreq(n, 1.0 / sweep.fs)
    spectrum = rfft(x, n)
    power = np.abs(spectrum) ** 2
    floor = np.where(f <= _END * sweep.high, _INSIDE, _OUTSIDE) * power.max()
    inverse = window_high_pass(f, corner) * np.conj(spectrum) / (power + floor)
    return np.asarray(irfft(rfft(take, n) * inverse, n))


def log_grid(low: float, high: float) -> Array:
    """Return frequencies from ``low`` to ``high`` in Hz, 96 or a few more per octave."""
    return np.geomspace(low, high, 1 + int(np.ceil(_PER_OCTAVE * np.log2(high / low))))


def third_octaves(low: float, high: float) -> Array:
    """Return the exact centres in Hz of the third-octave bands in a range (IEC 61260-1:2014, 5.4).

    A centre within a tenth of a band of the ends counts, as 19.95 Hz does for 20 Hz.

    >>> third_octaves(1000.0, 2000.0).round(1).tolist()
    [1000.0, 1258.9, 1584.9, 1995.3]
    """
    first, last = (10.0 * np.log10(f / 1e3) for f in (low, high))
    number = np.arange(np.ceil(first - 0.1), last + 0.1)
    return np.asarray(1000.0 * 10.0 ** (number / 10.0))


def band_means(power: Array, centres: Array, fs: int) -> Array:
    """Return the mean of the lines of a power spectrum in third-octave bands, shape (n,).

    ``power`` has the lines from 0 Hz to half the sampling rate; the nearest line serves a band
    without any.
    """
    step = fs / 2.0 / (power.size - 1)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    first = np.minimum(np.ceil(centres * 10.0**-0.05 / step), np.rint(centres / step)).astype(int)
    last = np.maximum(np.floor(centres * 10.0**0.05 / step), first).astype(int) + 1
    last = np.minimum(last, power.size)
    return np.asarray((sums[last] - sums[first]) / (last - first))


def impulse_correlation(one: Array, other: Array, fs: int) -> float:
    """Return the correlation at lag 0 of two impulse responses from 100 Hz to 5 kHz."""
    f = np.fft.rfftfreq(one.size, 1.0 / fs)
    common = (f >= COMMON[0]) & (f <= COMMON[1])
    first, second = (np.fft.rfft(x)[common] for x in (one, other))
    product = float(np.real(np.vdot(first, second)))
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return product / size if size > 0 else 0.0

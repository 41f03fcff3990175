"""Exact conversion of the sampling rate, block by block.

The output is the input's band-limited interpolation at multiples of the new period: a polyphase
filter whose rate ratio is an exact fraction, linear phase with its delay removed, so that sample
``m`` belongs to time ``m / rate``. The signal is preceded and followed by silence.

The interpolator is a Kaiser-windowed sinc with 120 dB of stop-band attenuation. It passes 0.907 of
the lower of the two half rates unchanged (20 kHz at 44.1 kHz) and stops 1.093 of it; components
between these are mirrored into the same range, above all frequencies that the indicators use.
"""

import math
from fractions import Fraction
from functools import lru_cache
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = ["MINIMUM_RATE", "Resampler"]


MINIMUM_RATE: Final = 8000.0
"""Lowest sampling rate in Hz that is converted."""

PASS: Final = 0.907
"""Upper edge of the pass band as a share of the lower half rate."""

_ATTENUATION: Final = 120.0
_BETA: Final = 0.1102 * (_ATTENUATION - 8.7)
_LANES: Final = 8
_MOST_PHASES: Final = 48000


@lru_cache(maxsize=8)
def _phases(up: int, down: int) -> Array:
    """Return the interpolator's coefficients, shape (up, n_taps); n_taps is a multiple of 16.

    Row ``p`` interpolates at ``p / up`` of the way from one input sample to the next; its taps
    belong to the input samples ``1 − n_taps/2`` to ``n_taps/2`` from there.
    """
    cutoff = min(1.0, up / down)
    width = 2.0 * (1.0 - PASS) * math.pi * cutoff
    half = math.ceil((_ATTENUATION - 7.95) / (2.285 * width) / 2.0 / _LANES) * _LANES
    taps = np.arange(1 - half, half + 1)
    distance = taps - np.arange(up)[:, np.newaxis] / up
    inside = np.sqrt(np.clip(1.0 - (distance / half) ** 2, 0.0, None))
    table = np.asarray(np.sinc(cutoff * distance) * np.i0(_BETA * inside), dtype=np.float64)
    table /= table.sum(axis=1, keepdims=True)
    table.flags.writeable = False
    return table


class Resampler:
    """Conversion of one signal's sampling rate.

    Parameters
    ----------
    fs : float
        Sampling rate of the input in Hz, at least 8 kHz.
    rate : float
        Sampling rate of the output in Hz.

    Raises
    ------
    ParameterError
        Too low a rate, or a ratio that is not a fraction of small numbers.

    Notes
    -----
    Blocks may have any size; the samples are the same bit for bit.
    """

    def __init__(self, fs: float, rate: float) -> None:
        if not fs >= MINIMUM_RATE:
            raise ParameterError(
                f"sampling rate {fs:g} Hz: at least {MINIMUM_RATE:g} Hz are needed here"
            )
        ratio = Fraction(rate) / Fraction(fs)
        if ratio.numerator > _MOST_PHASES:
            raise ParameterError(
                f"sampling rate {fs!r} Hz has no exact ratio to {rate:g} Hz; "
                "give a whole number of Hz"
            )
        self._up, self._down = ratio.numerator, ratio.denominator
        self._table = _phases(self._up, self._down)
        self._half = self._table.shape[1] // 2
        self._pending = np.zeros(self._half - 1)
        # position of the next output: input samples from the first pending centre, and phase
        self._position = np.zeros(2, dtype=np.int64)
        self._n_in = 0
        self._n_out = 0

    def push(self, block: Array) -> Array:
        """Take the next samples, shape (n,), and return the new ones that are complete."""
        self._n_in += block.size
        return self._convert(block)

    def finish(self) -> Array:
        """Return the last samples; in total, the output has the input's duration, rounded up."""
        wanted = -(-self._n_in * self._up // self._down) - self._n_out
        return self._convert(np.zeros(self._half))[:wanted]

    def _convert(self, block: Array) -> Array:
        from soundcal.dsp.resample_kernels import interpolate

        samples = np.concatenate([self._pending, block])
        most = samples.size * self._up // self._down + 2
        out = np.empty(most)
        n = int(interpolate(samples, self._table, self._down, self._position, out))
        used = int(self._position[0])
        self._pending = samples[used:].copy()
        self._position[0] = 0
        self._n_out += n
        return out[:n]

"""Spectra of frames that are longer than the processor's cache.

With ``N = n₁ n₂`` samples, ``k = k₁ + n₁ k₂`` and ``m = n₂ m₁ + m₂``, the lines are

    ``X[k] = Σ_m₂ e^(-2πi m₂ k₂ / n₂) · e^(-2πi m₂ k₁ / N) · Σ_m₁ x[m] e^(-2πi m₁ k₁ / n₁)``,

transforms of ``n₁`` and of ``n₂`` samples, which stay in the cache. The inner sum is real at its
input, so the lines ``k₁`` up to ``n₁/2`` are sufficient.
"""

import math
from functools import lru_cache

import numpy as np

from soundcal.arrays import Array, Spectrum

__all__ = ["LongSpectrum"]


def _first_factor(length: int) -> int:
    """Return the divisor closest to the square root, among multiples of 4."""
    divisors = [n for n in range(4, length + 1, 4) if length % n == 0]
    return min(divisors, key=lambda n: abs(math.log(n * n / length)))


@lru_cache(maxsize=4)
def _turns(length: int) -> Spectrum:
    """Return the factors between the stages, shape (n₁/2 + 1, n₂)."""
    first = _first_factor(length)
    product = np.outer(np.arange(first // 2 + 1), np.arange(length // first))
    return np.asarray(np.exp(-2j * np.pi / length * product), dtype=np.complex128)


class LongSpectrum:
    """Spectra of frames without their mean, with working memory.

    Parameters
    ----------
    window : ndarray, shape (n,)
        Window, not zero in the middle; its length is a multiple of 4. A window that is constant
        but for its ends takes less time.
    """

    def __init__(self, window: Array) -> None:
        self._turns = _turns(window.size)
        self._second = self._turns.shape[1]
        self._first = window.size // self._second
        self._scale = float(window[window.size // 2])
        shape = window.reshape(self._first, self._second).T / self._scale
        half = self._first // 2
        uneven = np.append(np.flatnonzero((shape != 1.0).any(axis=0)), (-1, self._first))
        self._begin = shape[:, : uneven[uneven < half].max() + 1].copy()
        self._end = shape[:, uneven[uneven >= half].min() :].copy()
        self._rooms = np.empty(self._turns.size, np.complex128), np.empty_like(self._turns)

    def write(self, frame: Array, out: Spectrum) -> None:
        """Write the lowest lines of the Fourier transform of a frame, shape (n,), to ``out``."""
        from soundcal.dsp.long_spectrum_kernels import centre_columns, put_in_order

        room, other = self._rooms
        samples = room.view(np.float64)[: frame.size].reshape(self._second, self._first)
        rows = frame.reshape(self._first, self._second)
        centre_columns(rows, frame.mean(), self._scale, samples)
        samples[:, : self._begin.shape[1]] *= self._begin
        samples[:, self._first - self._end.shape[1] :] *= self._end
        lines = other.reshape(self._second, -1)
        np.fft.rfft(samples, axis=1, out=lines)
        turned = room.reshape(self._turns.shape)
        np.multiply(lines.T, self._turns, out=turned)
        np.fft.fft(turned, axis=1, out=other)
        put_in_order(other, self._first, out)

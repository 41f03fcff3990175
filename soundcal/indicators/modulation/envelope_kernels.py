"""Compiled loops of the slow fluctuation. They check nothing: the callers do."""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel

__all__ = ["magnitudes", "slow_down"]


@kernel
def magnitudes(signals: NDArray[np.complex128], out: Array) -> None:
    """Write the magnitudes of signals, shape (n, size), to ``out``."""
    for row in range(signals.shape[0]):
        for k in range(signals.shape[1]):
            value = signals[row, k]
            out[row, k] = math.sqrt(value.real * value.real + value.imag * value.imag)


@kernel
def _halve(x: Array, taps: Array, even: Array, odd: Array, out: Array) -> None:
    """Filter by an odd number of taps and keep every second value, from first to last overlap.

    ``out`` may be the same memory as ``x``.
    """
    half = taps.size // 2
    even[: out.size + half] = 0.0
    odd[: out.size + half] = 0.0
    for k in range((x.size + 1) // 2):
        even[half + k] = x[2 * k]
    for k in range(x.size // 2):
        odd[half + k] = x[2 * k + 1]
    last = taps[2 * half]
    for m in range(out.size):
        out[m] = last * even[half + m]
    for i in range(half):
        a, b = taps[2 * i], taps[2 * i + 1]
        for m in range(out.size):
            out[m] += a * even[i + m] + b * odd[i + m]


@kernel
def slow_down(
    signals: Array, taps: Array, orders: NDArray[np.int64], halves: Array, out: Array
) -> None:
    """Filter signals and halve their rate with every row of ``taps``, ``orders[i] + 1`` of them.

    The result is written to the beginning of ``out``, followed by zeros. The signals are
    overwritten; ``halves`` is working memory for two halves of a signal and the taps.
    """
    for row in range(signals.shape[0]):
        size = signals.shape[1]
        for i in range(orders.size):
            left = (size - 1 + orders[i]) // 2 + 1
            taps_now = taps[i, : orders[i] + 1]
            _halve(signals[row, :size], taps_now, halves[0], halves[1], signals[row, :left])
            size = left
        out[row, :size] = signals[row, :size]
        out[row, size:] = 0.0

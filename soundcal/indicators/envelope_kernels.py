"""Compiled loops of the slow fluctuation. No checks here: the callers made them."""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.dsp.kernel import kernel

__all__ = ["magnitudes", "slow_down"]

Array = NDArray[np.float64]


@kernel
def magnitudes(signals: NDArray[np.complex128]) -> Array:
    """Return the magnitudes of signals, shape (n, size)."""
    out = np.empty(signals.shape)
    for row in range(signals.shape[0]):
        for k in range(signals.shape[1]):
            value = signals[row, k]
            out[row, k] = math.sqrt(value.real * value.real + value.imag * value.imag)
    return out


@kernel
def _halve(x: Array, taps: Array, even: Array, odd: Array, out: Array) -> None:
    """Filter by an odd number of taps and keep every second value, from first to last overlap."""
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
def slow_down(signals: Array, taps: Array, orders: NDArray[np.int64], out: Array) -> None:
    """Filter signals and halve their rate with every row of ``taps``, ``orders[i] + 1`` of them.

    ``out`` is zero and takes what is left at its beginning.
    """
    even = np.empty(signals.shape[1] // 2 + taps.shape[1])
    odd = np.empty(even.size)
    for row in range(signals.shape[0]):
        x = signals[row]
        for i in range(orders.size):
            y = np.empty((x.size - 1 + orders[i]) // 2 + 1)
            _halve(x, taps[i, : orders[i] + 1], even, odd, y)
            x = y
        out[row, : x.size] = x

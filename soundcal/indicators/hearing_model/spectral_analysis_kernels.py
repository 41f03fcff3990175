"""Compiled loops of the high-resolution spectral analysis of envelopes (ECMA-418-2:2025, 9.1.4).

An envelope of 2048 values at 1500 Hz, cut out by a rectangular window from ``first`` to ``last``,
is described by a constant and by lines of given modulation rates, fitted to the first 17 to 49 bins
of its spectrum P by least squares over real and imaginary parts::

    P(k) ≈ x W_0(k) + Σ_m [u_m (W_m + W_−m)(k) + j v_m (W_m − W_−m)(k)]

W_m is the spectrum of the window shifted to rate m. With the origin of time in the middle of the
window (:func:`centre`) it is real: sin(πφn)/sin(πφ), φ = k/2048 − f/1500, n = last − first + 1. The
constant and all u, turned by the phase of the shift, then fit the real part alone, and all v the
imaginary part, which halves the problem and changes neither x, u² + v² nor the error. (The standard
prints 2π in the exponent of W; only π gives the spectrum of the window.)

The power of a line is u² + v²: half its amplitude squared. They check nothing: the callers do.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel

__all__ = ["LENGTH", "N_BINS", "RATE", "RESOLUTION", "centre", "fit_rate", "fit_rates"]

RATE: Final = 1500.0
"""Sampling rate of the envelopes in Hz."""
LENGTH: Final = 2048
"""Values of the envelope of one block."""
RESOLUTION: Final = RATE / LENGTH
"""Distance of two bins in Hz."""
N_BINS: Final = 49
"""Bins that can be used."""
_FEWEST: Final = 17
_BEYOND: Final = 8
"""Bins used beyond the one of the highest rate."""

_ANGLE: Final = np.pi * np.arange(N_BINS) / LENGTH
_SIN: Final = np.sin(_ANGLE)
_COS: Final = np.cos(_ANGLE)

_SMALL: Final = 3e-6
"""sin(πφ) below which the quotient of the window is taken from its series; both err by 1e-10."""
_DEPENDENT: Final = 1e-10
"""Part of a column left by the columns before it, below which it counts as dependent on them."""


@kernel
def centre(
    spectrum: NDArray[np.complex128], first: int, last: int, signal: Array, window: Array
) -> None:
    """Move the origin of time of a spectrum to the middle of its window.

    ``signal``, shape (3, 49), becomes the real part, the imaginary part and the energy up to and
    including each bin; ``window``, shape (3, 49), the sine and cosine of πkn/2048 and the spectrum
    of the window.
    """
    n = last - first + 1.0
    energy = 0.0
    for k in range(N_BINS):
        turn = _ANGLE[k] * (first + last)
        c, s = math.cos(turn), math.sin(turn)
        value = spectrum[k]
        signal[0, k] = value.real * c - value.imag * s
        signal[1, k] = value.real * s + value.imag * c
        energy += value.real * value.real + value.imag * value.imag
        signal[2, k] = energy
        window[0, k] = math.sin(_ANGLE[k] * n)
        window[1, k] = math.cos(_ANGLE[k] * n)
        window[2, k] = n if k == 0 else window[0, k] / _SIN[k]


@kernel
def _bins(rate: float) -> int:
    """Number of bins used for lines up to a rate (125)."""
    return min(max(_FEWEST, math.floor(rate / RESOLUTION + 0.5) + _BEYOND), N_BINS)


@kernel
def _quotient(numerator: float, denominator: float, n: float) -> float:
    """sin(nx)/sin(x), from both sines."""
    if abs(denominator) < _SMALL:
        return n * (1.0 - (n * n - 1.0) * denominator * denominator / 6.0)
    return numerator / denominator


@kernel
def _columns(window: Array, rate: float, n_bins: int, even: Array, odd: Array) -> None:
    """Write W_f + W_−f and W_f − W_−f of a rate in Hz."""
    n = window[2, 0]
    angle = np.pi * rate / RATE
    s, c = math.sin(angle), math.cos(angle)
    s_n, c_n = math.sin(angle * n), math.cos(angle * n)
    for k in range(n_bins):
        below = _quotient(window[0, k] * c_n - window[1, k] * s_n, _SIN[k] * c - _COS[k] * s, n)
        above = _quotient(window[0, k] * c_n + window[1, k] * s_n, _SIN[k] * c + _COS[k] * s, n)
        even[k] = below + above
        odd[k] = below - above


@kernel
def fit_rate(
    signal: Array, window: Array, rate: float, columns: Array
) -> tuple[float, float, float]:
    """Fit a constant and one line of a rate in Hz (136–142).

    ``signal`` and ``window`` come from :func:`centre`; ``columns``, shape (≥ 2, 49), is working
    memory.

    Returns
    -------
    constant, power, error : float
        x; u² + v²; energy of the bins that the fit leaves.
    """
    n_bins = _bins(rate)
    even, odd = columns[0], columns[1]
    _columns(window, rate, n_bins, even, odd)
    a11 = a12 = a22 = a33 = b1 = b2 = b3 = 0.0
    for k in range(n_bins):
        a11 += window[2, k] * window[2, k]
        a12 += window[2, k] * even[k]
        a22 += even[k] * even[k]
        a33 += odd[k] * odd[k]
        b1 += window[2, k] * signal[0, k]
        b2 += even[k] * signal[0, k]
        b3 += odd[k] * signal[1, k]
    det = a11 * a22 - a12 * a12
    u = v = 0.0
    if det > _DEPENDENT * _DEPENDENT * a11 * a22:
        u = (a11 * b2 - a12 * b1) / det
    if a33 > 0.0:
        v = b3 / a33
    x = (b1 - a12 * u) / a11
    error = signal[2, n_bins - 1] - b1 * x - b2 * u - b3 * v
    return x, u * u + v * v, error


@kernel
def _dot(x: Array, y: Array) -> float:
    total = 0.0
    for k in range(x.size):
        total += x[k] * y[k]
    return total


@kernel
def _least_squares(columns: Array, right: Array, triangle: Array, solution: Array) -> float:
    """Fit columns, shape (n, n_bins), to ``right`` by orthogonalisation; both are overwritten.

    A column that depends on those before it gets 0. Returns the energy that the fit leaves.
    """
    n = solution.size
    for i in range(n):
        solution[i] = _dot(columns[i], columns[i])
    for i in range(n):
        norm = _dot(columns[i], columns[i])
        if norm <= _DEPENDENT * _DEPENDENT * solution[i]:
            triangle[i, i] = 0.0
            continue
        triangle[i, i] = norm
        for j in range(i + 1, n):
            part = _dot(columns[i], columns[j]) / norm
            triangle[i, j] = part
            for k in range(right.size):
                columns[j, k] -= part * columns[i, k]
        part = _dot(columns[i], right) / norm
        solution[i] = part
        for k in range(right.size):
            right[k] -= part * columns[i, k]
    for i in range(n - 1, -1, -1):
        if triangle[i, i] == 0.0:
            solution[i] = 0.0
            continue
        for j in range(i + 1, n):
            solution[i] -= triangle[i, j] * solution[j]
    return _dot(right, right)


@kernel
def fit_rates(signal: Array, window: Array, rates: Array, powers: Array, work: Array) -> float:
    """Fit a constant and several lines of different rates in Hz (123–135).

    ``signal`` and ``window`` come from :func:`centre`. ``powers`` takes u² + v² of every line.
    ``work``, shape (3, n + 2, 49), is working memory for n lines, n < 49.

    Returns
    -------
    error : float
        Energy of the bins that the fit leaves.
    """
    n = rates.size
    highest = 0.0
    for rate in rates:
        highest = max(highest, rate)
    n_bins = _bins(highest)
    even, odd, triangle = work[0, : n + 1, :n_bins], work[1, : n + 1, :n_bins], work[2, : n + 1]
    right, solution = work[0, n + 1, :n_bins], work[1, n + 1, : n + 1]
    for k in range(n_bins):
        even[0, k] = window[2, k]
        right[k] = signal[0, k]
    for m in range(n):
        _columns(window, rates[m], n_bins, even[m + 1], odd[m])
    error = _least_squares(even, right, triangle, solution)
    for m in range(n):
        powers[m] = solution[m + 1] * solution[m + 1]
    for k in range(n_bins):
        right[k] = signal[1, k]
    error += _least_squares(odd, right, triangle, solution[:n])
    for m in range(n):
        powers[m] += solution[m] * solution[m]
    return error

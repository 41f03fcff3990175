"""Compiled loops of the last steps of roughness and fluctuation strength. They check nothing."""

import math

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel

__all__ = ["hermite", "knot_slopes", "medians", "ratios_of", "smooth_over_time", "specific_targets"]


@kernel
def _slope_at_end(near: float, far: float, m_near: float, m_far: float) -> float:
    """Slope at an end from the widths and mean slopes of the nearest two intervals."""
    slope = ((2.0 * near + far) * m_near - near * m_far) / (near + far)
    if slope * m_near <= 0.0:
        return 0.0
    if m_near * m_far <= 0.0 and abs(slope) > 3.0 * abs(m_near):
        return 3.0 * m_near
    return slope


@kernel
def knot_slopes(times: Array, values: Array, slopes: Array) -> None:
    """Write the slopes at three knots in a row (Fritsch and Carlson), shape (3, n).

    The first and the last are those of knots at the ends of the curve, the second that of a knot
    between two others.
    """
    first, second = times[1] - times[0], times[2] - times[1]
    for band in range(values.shape[1]):
        m1 = (values[1, band] - values[0, band]) / first
        m2 = (values[2, band] - values[1, band]) / second
        slopes[0, band] = _slope_at_end(first, second, m1, m2)
        slopes[2, band] = _slope_at_end(second, first, m2, m1)
        slopes[1, band] = 0.0
        if m1 * m2 > 0.0:
            w1, w2 = 2.0 * second + first, second + 2.0 * first
            slopes[1, band] = (w1 + w2) / (w1 / m1 + w2 / m2)


@kernel
def hermite(times: Array, values: Array, slopes: Array, at: Array, out: Array) -> None:
    """Write cubics between two knots, shape (2, n), at some times, without negative values."""
    width = times[1] - times[0]
    for i in range(at.size):
        x = at[i] - times[0]
        for band in range(values.shape[1]):
            mean = (values[1, band] - values[0, band]) / width
            d0, d1 = slopes[0, band], slopes[1, band]
            cubic = (d0 + d1 - 2.0 * mean) / (width * width)
            square = (mean - d0) / width - cubic * width
            value = values[0, band] + x * (d0 + x * (square + x * cubic))
            out[i, band] = max(value, 0.0)


@kernel
def ratios_of(patterns: Array, out: Array) -> None:
    """Write the ratio of r.m.s. to mean over the bands of each pattern, 0 where there is none."""
    for i in range(patterns.shape[0]):
        total = 0.0
        squares = 0.0
        for value in patterns[i]:
            total += value
            squares += value * value
        out[i] = 0.0
        if total > 0.0:
            out[i] = math.sqrt(squares * patterns.shape[1]) / total


@kernel
def medians(values: Array, first: int, half: int, out: Array) -> None:
    """Write the medians around ``first`` and the next values, in windows cut at the ends."""
    for i in range(out.size):
        begin = max(first + i - half, 0)
        out[i] = np.median(values[begin : first + i + half + 1])


@kernel
def specific_targets(patterns: Array, ratios: Array, factor: float, out: Array) -> None:
    """Write the calibrated values before smoothing."""
    for i in range(patterns.shape[0]):
        slope = 0.5 * (math.tanh(1.6407 * (ratios[i] - 2.5804)) + 1.0)
        exponent = 0.58449 + (0.95555 - 0.58449) * slope
        for band in range(patterns.shape[1]):
            out[i, band] = factor * patterns[i, band] ** exponent


@kernel
def smooth_over_time(targets: Array, rise: float, fall: float, state: Array) -> None:
    """Smooth patterns in place by first-order low-passes with their last values in ``state``."""
    for i in range(targets.shape[0]):
        for band in range(targets.shape[1]):
            target = targets[i, band]
            last = state[band]
            keep = rise if target >= last else fall
            targets[i, band] = state[band] = (1.0 - keep) * target + keep * last

"""Compiled loops of the tonality. They check nothing: the callers do."""

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel, summing_kernel

__all__ = ["describe_components", "find_peaks", "sums_of_products"]

NEAR = 6
FAR = 9
FLOOR_LINES = 4
PROMINENCE = 10.0**0.7


@kernel
def find_peaks(power: Array, faintest: float, last: int) -> NDArray[np.int64]:
    """Return the lines that are 7 dB above those 6 and 9 lines away, strongest first.

    They are at least 7 lines apart and at most ``last``.
    """
    found = np.zeros(last + 1, dtype=np.bool_)
    n = 0
    for k in range(FAR, last + 1):
        centre = power[k]
        if centre < faintest or centre <= power[k - 1] or centre < power[k + 1]:
            continue
        around = max(power[k - NEAR], power[k + NEAR], power[k - FAR], power[k + FAR])
        found[k] = centre >= PROMINENCE * around
        n += found[k]
    peaks = np.empty(n, dtype=np.int64)
    n = 0
    while True:
        strongest = -1
        for k in range(FAR, last + 1):
            if found[k] and (strongest < 0 or power[k] > power[strongest]):
                strongest = k
        if strongest < 0:
            return peaks[:n]
        found[strongest - NEAR : strongest + NEAR + 1] = False
        peaks[n] = strongest
        n += 1


@kernel
def describe_components(power: Array, peaks: NDArray[np.int64], own_moment: float) -> Array:
    """Return centre, power, second moment, peak and floor of components, shape (n, 5), in lines.

    ``own_moment`` is the second moment of the window's lines, which is subtracted. Lines that two
    components have in common belong to the first.
    """
    owner = np.full(power.size, -1)
    for i in range(peaks.size):
        for k in range(peaks[i] - NEAR, peaks[i] + NEAR + 1):
            if owner[k] < 0:
                owner[k] = i
    rows = np.empty((peaks.size, 5))
    n = 0
    for i in range(peaks.size):
        peak = peaks[i]
        floor, count = 0.0, 0
        for away in range(NEAR + 1, NEAR + 1 + FLOOR_LINES):
            for k in (peak + away, peak - away):
                if 0 <= k < power.size and owner[k] < 0:
                    floor += power[k]
                    count += 1
        floor = floor / count if count else 0.0
        total, centre, moment = 0.0, 0.0, 0.0
        for k in range(peak - NEAR, peak + NEAR + 1):
            own = max(power[k] - floor, 0.0) if owner[k] == i else 0.0
            total += own
            centre += own * k
        if total > 0.0:
            centre /= total
            for k in range(peak - NEAR, peak + NEAR + 1):
                own = max(power[k] - floor, 0.0) if owner[k] == i else 0.0
                moment += own * (k - centre) ** 2
            moment = max(moment / total - own_moment, 0.0)
            rows[n, 0], rows[n, 1], rows[n, 2] = centre, total, moment
            rows[n, 3], rows[n, 4] = peak, floor
            n += 1
    return rows[:n]


@summing_kernel
def sums_of_products(x: Array, rows: Array) -> Array:
    """Return the sums of the products of every row of ``x`` with every one of ``rows``.

    A row of ``x`` gives the same, to the bit, whichever others there are.
    """
    out = np.empty((x.shape[0], rows.shape[0]))
    for i in range(rows.shape[0]):
        for j in range(x.shape[0]):
            total = 0.0
            for k in range(rows.shape[1]):
                total += rows[i, k] * x[j, k]
            out[j, i] = total
    return out

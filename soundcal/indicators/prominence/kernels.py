"""Compiled loops over the lines of spectra. They check nothing: the callers do.

Lines are numbered from 0 Hz on; a range of lines ``first, last`` includes both.
"""

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel

__all__ = ["highest_lines", "means_around", "noise_means", "tone_bands"]

Lines = NDArray[np.int64]


@kernel
def highest_lines(power: Array, half: Lines, first: int, last: int) -> Lines:
    """Return the local maxima that no line within ``half`` lines on both sides exceeds."""
    found = np.empty(max(0, last - first + 1), dtype=np.int64)
    n = 0
    for k in range(first, last + 1):
        height = power[k]
        if height <= power[k - 1] or height < power[k + 1]:
            continue
        highest = True
        for i in range(max(0, k - half[k]), min(power.size - 1, k + half[k]) + 1):
            if power[i] > height:
                highest = False
                break
        if highest:
            found[n] = k
            n += 1
    return found[:n]


@kernel
def tone_bands(
    power: Array, peaks: Lines, half: Lines, band_first: Lines, band_last: Lines, widths: Array
) -> tuple[Lines, Lines, Array]:
    """Return first and last lines of the tone bands of peaks, and the tones' powers.

    A peak that does not stand out of its critical band has the power 0. ``widths`` are the critical
    bandwidths in line spacings; all arguments after ``peaks`` are of all lines.
    """
    lower = np.empty(peaks.size, dtype=np.int64)
    upper = np.empty(peaks.size, dtype=np.int64)
    powers = np.zeros(peaks.size)
    for j in range(peaks.size):
        peak = peaks[j]
        edge = max(0, peak - half[peak])
        low = edge
        for i in range(edge, peak):
            if power[i] < power[low]:
                low = i
        if low == edge:
            while low > 0 and power[low - 1] < power[low]:
                low -= 1
        edge = min(power.size - 1, peak + half[peak])
        high = edge
        for i in range(edge, peak, -1):
            if power[i] < power[high]:
                high = i
        if high == edge:
            while high < power.size - 1 and power[high + 1] < power[high]:
                high += 1
        lower[j] = low
        upper[j] = high
        base = (power[low] + power[high]) / 2.0
        tone = 0.0
        for i in range(low, high + 1):
            tone += power[i] - base
        enough = tone / (0.25 * widths[peak])
        total = 0.0
        n_below = 0
        for i in range(band_first[peak], band_last[peak] + 1):
            total += power[i]
            if 1.05 * power[i] <= enough:
                n_below += 1
        n = band_last[peak] - band_first[peak] + 1
        if (total - tone) / n <= enough or 2 * n_below >= n:  # the mean, or the median
            powers[j] = tone
    return lower, upper, powers


@kernel
def noise_means(
    power: Array, peaks: Lines, band_first: Lines, band_last: Lines
) -> tuple[Array, Array]:
    """Return the mean power of the noise lines around each peak, and ``Σp²/(Σp)²`` of them.

    ISO/PAS 20065: the lines of the band without the peak; then, again and again, those up to 6 dB
    above their mean level, until it moves by 0.005 dB at most or less than five lines would be left
    on a side. ``band_first`` and ``band_last`` are those of the peaks.
    """
    means = np.empty(peaks.size)
    spreads = np.empty(peaks.size)
    for j in range(peaks.size):
        peak = peaks[j]
        limit = np.inf
        mean = -1.0
        spread = 0.0
        while True:
            total = 0.0
            squares = 0.0
            below = 0
            above = 0
            for i in range(band_first[j], band_last[j] + 1):
                if i != peak and power[i] <= limit:
                    total += power[i]
                    squares += power[i] ** 2
                    if i < peak:
                        below += 1
                    else:
                        above += 1
            n = below + above
            if mean >= 0.0 and (below < 5 or above < 5):
                break
            before = mean
            mean = total / n if n > 0 else 0.0
            spread = squares / total**2 if total > 0.0 else 0.0
            if mean == 0.0 or (before > 0.0 and before <= mean * 10.0**0.0005):
                break
            limit = mean / 1.5 * 10.0**0.6
        means[j] = mean
        spreads[j] = spread
    return means, spreads


@kernel
def means_around(power: Array, peaks: Lines, band_first: Lines, band_last: Lines) -> Array:
    """Return the mean power of the band without the peak and its two neighbours, for each peak."""
    means = np.empty(peaks.size)
    for j in range(peaks.size):
        total = 0.0
        n = 0
        for i in range(band_first[j], band_last[j] + 1):
            if abs(i - peaks[j]) > 1:
                total += power[i]
                n += 1
        means[j] = total / n if n > 0 else np.inf
    return means

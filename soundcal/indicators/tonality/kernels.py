"""Compiled loops of the tonality. They check nothing: the callers do."""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel, summing_kernel
from soundcal.units import P_REF

__all__ = ["describe_components", "find_peaks", "sums_of_products", "weigh_components"]

NEAR = 6
FAR = 9
FLOOR_LINES = 4
PROMINENCE = 10.0**0.7
W_EXPONENT = 0.29
P0 = P_REF**2


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


@kernel
def bark_of(frequency: float) -> float:
    """Critical-band rate in Bark (Zwicker & Terhardt 1980)."""
    khz = frequency / 1000.0
    return 13.0 * math.atan(0.76 * khz) + 3.5 * math.atan((khz / 7.5) ** 2)


@kernel
def quiet_level(frequency: float) -> float:
    """Threshold in quiet in dB (Terhardt 1979)."""
    khz = frequency / 1000.0
    low: float = 3.64 * khz**-0.8
    return low - 6.5 * math.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz**4


@kernel
def copy_of(lines: Array, out: Array) -> None:
    """Copy lines; to assign the slice would take 2 s longer to compile."""
    for k in range(out.size):
        out[k] = lines[k]


@kernel
def replace(noise: Array, peak: int, floor: float) -> None:
    """Replace a component by its floor."""
    for k in range(peak - NEAR, peak + NEAR + 1):
        noise[k] = min(noise[k], floor)


@kernel
def band_energy(noise: Array, barks: Array, z: float, peak: int) -> float:
    """Sum up lines within half a Bark from ``z``, which is close to line ``peak``."""
    total = 0.0
    low, high = peak - 1, peak
    while low >= 0 and barks[low] >= z - 0.5:
        total += noise[low]
        low -= 1
    while barks[high] < z + 0.5:
        total += noise[high]
        high += 1
    return total / P0


@kernel
def tonal_weight(frequency: float, width: float, excess: float) -> float:
    """Return w1′ w2′ w3′ of a component."""
    spread = bark_of(frequency + width / 2.0) - bark_of(frequency - width / 2.0)
    w1: float = (0.13 / (spread + 0.13)) ** (1.0 / W_EXPONENT)
    w2 = 1.0 / math.sqrt(1.0 + 0.2 * (frequency / 700.0 + 700.0 / frequency) ** 2)
    return w1 * w2 * (1.0 - math.exp(-excess / 15.0))


@kernel
def weigh_components(
    frequency: Array,
    power: Array,
    width: Array,
    peak: NDArray[np.int64],
    floor: Array,
    lines: Array,
    barks: Array,
    noise: Array,
) -> float:
    """Return w_T of the components that are heard, 0 without one.

    Their level excesses are those of Terhardt et al. 1982, Eq. 4 to 7. ``lines`` are the mean
    squares of the spectrum in Pa², ``barks`` the lines' critical-band rates. ``noise`` receives the
    spectrum without the components that are heard or masked by other components only.
    """
    if peak.size == 0:
        return 0.0
    copy_of(lines, noise)
    for i in range(peak.size):
        replace(noise, peak[i], floor[i])
    level, z, masking = np.empty(peak.size), np.empty(peak.size), np.empty(peak.size)
    for i in range(peak.size):
        level[i], z[i] = 10.0 * math.log10(power[i] / P0), bark_of(frequency[i])
        masking[i] = band_energy(noise, barks, z[i], peak[i]) + 10.0 ** (
            quiet_level(frequency[i]) / 10.0
        )
    copy_of(lines, noise)
    total = 0.0
    for i in range(peak.size):
        if power[i] > P0 * masking[i]:
            replace(noise, peak[i], floor[i])
        amplitude = 0.0
        for j in range(peak.size):
            apart = z[i] - z[j]
            rise = max(24.0 + 230.0 / frequency[j] - 0.2 * level[j], 0.0)
            fall = rise * apart if apart > 0.0 else -27.0 * apart
            amplitude += 10.0 ** ((level[j] - fall) / 20.0) if i != j else 0.0
        excess = level[i] - 10.0 * math.log10(masking[i] + amplitude**2)
        if excess > 0.0:
            total += tonal_weight(frequency[i], width[i], excess) ** 2
    return math.sqrt(total)


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

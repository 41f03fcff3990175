"""Compiled loops of roughness, ECMA-418-2:2025, clause 7. They check nothing: the callers do."""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.kernel import kernel
from soundcal.indicators.hearing_model.tables import EPSILON

__all__ = ["block_amplitudes", "loudness_spectra", "reduce_noise", "windowed"]

LINE = 1500.0 / 512.0
"""Distance of the lines of modulation spectra in Hz."""

FIRST, AFTER = 2, 256
"""The lines in which modulation is sought, and the first one above them."""

MOST_PEAKS = 10

QUARTER_TURN = np.array(
    [
        *(0.0, 0.0457, 0.0907, 0.1346, 0.1765, 0.2157, 0.2515, 0.2828, 0.3084),
        *(0.3269, 0.3364, 0.3348, 0.3188, 0.2844, 0.2259, 0.1351, 0.0),
    ]
)
BIAS = np.concatenate((QUARTER_TURN, -QUARTER_TURN[15::-1], np.zeros(1)))
"""Errors of interpolated rates in Hz, in steps of 1/32 line from one line to the next."""


@kernel
def windowed(envelopes: Array, window: Array, squares: Array) -> None:
    """Multiply envelopes by the window in place, and write the sums of the squares."""
    for row in range(envelopes.shape[0]):
        total = 0.0
        for i in range(window.size):
            value = envelopes[row, i] * window[i]
            envelopes[row, i] = value
            total += value * value
        squares[row] = total


@kernel
def loudness_spectra(
    lines: Spectrum, squares: Array, loudness: Array, bands: NDArray[np.int64], out: Array
) -> None:
    """Write the scaled power spectra of the modulation, shape (53, n_lines), formulas 66 and 67.

    ``lines`` and ``squares`` have a row for each of ``bands``; the other spectra are zero.
    """
    out[:] = 0.0
    loudest = loudness.max()
    for row in range(bands.size):
        band = bands[row]
        if squares[row] > 0.0:
            factor = loudness[band] ** 2 / (loudest * squares[row])
            for k in range(out.shape[1]):
                line = lines[row, k]
                out[band, k] = factor * (line.real * line.real + line.imag * line.imag)


@kernel
def reduce_noise(spectra: Array, out: Array) -> bool:
    """Average spectra over neighbouring bands and weight their lines, formulas 68 to 71.

    Returns whether any line is left.
    """
    n_bands, n_lines = spectra.shape
    out[0] = spectra[0]
    out[n_bands - 1] = spectra[n_bands - 1]
    for band in range(1, n_bands - 1):
        for k in range(n_lines):
            out[band, k] = (spectra[band - 1, k] + spectra[band, k] + spectra[band + 1, k]) / 3.0
    sums = np.zeros(n_lines)
    for band in range(n_bands):
        for k in range(n_lines):
            sums[k] += out[band, k]
    middle = np.median(sums[FIRST:AFTER]) + 1e-10
    weights = np.zeros(n_lines)
    for k in range(n_lines):
        rising = min(max(0.1891 * math.exp(0.0120 * k), 0.0), 1.0)
        weights[k] = 0.0856 * sums[k] / middle * rising
    least = 0.05 * weights[FIRST:AFTER].max()
    left = False
    for k in range(n_lines):
        weight = min(max(weights[k] - 0.1407, 0.0), 1.0) if weights[k] >= least else 0.0
        weights[k] = weight
        left = left or (weight > 0.0 and FIRST <= k < AFTER)
    for band in range(n_bands):
        for k in range(n_lines):
            out[band, k] *= weights[k]
    return left


@kernel
def _prominence(spectrum: Array, k: int) -> float:
    """Height of a local maximum above the higher of the two lowest points on its sides.

    A side reaches to a higher maximum or to the edge of the range.
    """
    height = spectrum[k]
    left = right = height
    i = k - 1
    while i >= FIRST and spectrum[i] <= height:
        left = min(left, spectrum[i])
        i -= 1
    i = k + 1
    while i < AFTER and spectrum[i] <= height:
        right = min(right, spectrum[i])
        i += 1
    return float(height - max(left, right))


@kernel
def _peaks(spectrum: Array, places: NDArray[np.int64], prominences: Array) -> int:
    """Write the places of the most prominent maxima in rising order, and return their number.

    Those of at most 1/20 of the highest are left out.
    """
    n = 0
    for k in range(FIRST + 1, AFTER - 1):
        if not spectrum[k - 1] < spectrum[k] > spectrum[k + 1]:
            continue
        prominence = _prominence(spectrum, k)
        if n == MOST_PEAKS:
            least = prominences.argmin()
            if prominence <= prominences[least]:
                continue
            for i in range(least, n - 1):
                places[i], prominences[i] = places[i + 1], prominences[i + 1]
            n -= 1
        places[n], prominences[n] = k, prominence
        n += 1
    highest = 0.0
    for i in range(n):
        highest = max(highest, spectrum[places[i]])
    kept = 0
    for i in range(n):
        if spectrum[places[i]] > 0.05 * highest:
            places[kept] = places[i]
            kept += 1
    return kept


@kernel
def _rate(before: float, at: float, after: float, k: int) -> float:
    """Return the modulation rate in Hz of a maximum at line ``k``, formulas 72 to 82."""
    rough = (k - (after - before) / (2.0 * (before + after - 2.0 * at))) * LINE
    base = math.floor(rough / LINE)

    nearest = 0
    distances = np.empty(34)
    for i in range(34):
        distances[i] = (base + i / 32.0) * LINE - (rough + BIAS[i])
        if i < 33 and abs(distances[i]) < abs(distances[nearest]):
            nearest = i
    upper = nearest + 1
    if nearest > 0 and distances[nearest] * distances[nearest - 1] < 0.0:
        upper = nearest
    lower = upper - 1
    step = (BIAS[upper] - BIAS[lower]) / (distances[upper] - distances[lower])
    return float(rough + BIAS[lower] - step * distances[lower])


@kernel
def _resonance(rate: float, best: float, q1: float, q2: float) -> float:
    """Return the weight of a modulation rate, 1 for the best one (formulas 83 to 87 and 95)."""
    return float((1.0 + ((rate / best - best / rate) * q1) ** 2) ** -q2)


@kernel
def _complex_of(base: int, rates: Array, n: int, members: NDArray[np.bool_]) -> None:
    """Mark the peaks that are multiples of one of them: the nearest to each, within 4 %."""
    orders = np.empty(n, dtype=np.int64)
    errors = np.empty(n)
    for i in range(n):
        orders[i] = math.floor(rates[i] / rates[base] + 0.5)
        errors[i] = abs(rates[i] / (orders[i] * rates[base]) - 1.0) if orders[i] > 0 else np.inf
    for i in range(n):
        members[i] = errors[i] < 0.04
        for j in range(n):
            nearer = errors[j] < errors[i] or (errors[j] == errors[i] and j < i)
            if orders[j] == orders[i] and nearer:
                members[i] = False


@kernel
def _amplitude(rates: Array, weighted: Array, n: int, best: float, q2: float) -> float:
    """Return the amplitude of the strongest harmonic complex, formulas 88 to 96."""
    members = np.zeros(n, dtype=np.bool_)
    chosen = np.zeros(n, dtype=np.bool_)
    most = -1.0
    fundamental = 0.0
    for base in range(n):
        _complex_of(base, rates, n, members)
        energy = 0.0
        for i in range(n):
            if members[i]:
                energy += weighted[i]
        if energy > most:
            most = energy
            chosen[:] = members
            fundamental = rates[base]
    if fundamental <= LINE:
        return 0.0
    moment = 0.0
    highest = -1.0
    peak_rate = 0.0
    for i in range(n):
        if chosen[i]:
            moment += rates[i] * weighted[i]
            if weighted[i] > highest:
                highest, peak_rate = weighted[i], rates[i]
    off_centre = abs(moment / (most + EPSILON) - peak_rate)
    amplitude = (1.0 + 0.1 * off_centre**0.749) * most
    if fundamental <= best:
        amplitude *= _resonance(fundamental, best, 0.7066, q2)
    return float(amplitude)


@kernel
def block_amplitudes(
    spectra: Array, best_rate: Array, scale: Array, q2_high: Array, q2_low: Array, out: Array
) -> None:
    """Write the modulation amplitudes per band of a block's spectra (n_bands, n_lines)."""
    places = np.empty(MOST_PEAKS, dtype=np.int64)
    prominences = np.empty(MOST_PEAKS)
    rates = np.empty(MOST_PEAKS)
    weighted = np.empty(MOST_PEAKS)
    for band in range(spectra.shape[0]):
        spectrum = spectra[band]
        out[band] = 0.0
        n = _peaks(spectrum, places, prominences)
        for i in range(n):
            k = places[i]
            before, at, after = spectrum[k - 1], spectrum[k], spectrum[k + 1]
            rate = _rate(before, at, after, k)
            rates[i] = rate
            weighted[i] = 0.0
            if rate > LINE:
                weighted[i] = (before + at + after) * scale[band]
            if rate > best_rate[band]:
                weighted[i] *= _resonance(rate, best_rate[band], 1.2822, q2_high[band])
        if n > 0:
            amplitude = _amplitude(rates, weighted, n, best_rate[band], q2_low[band])
            if amplitude >= 0.074376:
                out[band] = amplitude

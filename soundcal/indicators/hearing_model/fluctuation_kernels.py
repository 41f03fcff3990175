"""Compiled loops of the fluctuation strength (ECMA-418-2:2025, 9.1.3 and 9.1.5 to 9.1.9).

They check nothing: the callers do.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel
from soundcal.indicators.hearing_model.spectral_analysis_kernels import (
    LENGTH,
    N_BINS,
    RATE,
    RESOLUTION,
    centre,
    fit_rate,
    fit_rates,
)

__all__ = ["EPSILON", "complexes", "cut_out"]

# What the text leaves open; "Variant" of fluctuation_ecma says how others read it.

_NEWTON_UNIT: Final = RATE
"""Hz per unit of the three constants of the fine tuning, which are printed without one (9.1.7)."""
_FUNDAMENTAL_PRESENT: Final = True
"""Half and a third of the strongest rate need a line of their own to be a fundamental (9.1.8)."""
_ONE_LINE_PER_ORDER: Final = True
"""Members of a complex that share an order are analysed as one line (9.1.8)."""

EPSILON: Final = float(np.finfo(np.float64).eps)
"""The standard's ε0."""

# analysis window (9.1.3)
_GUARD: Final = LENGTH // 32
_HALF_MEDIAN: Final = LENGTH // 128
_QUIET: Final = 5e-6
_QUIETER: Final = 0.01
_SHORTEST: Final = 5 * LENGTH // 32
_EARLIEST_END: Final = LENGTH // 4 - 1
_MARGIN: Final = 5 * LENGTH // 1024
_STEADY: Final = 1e-3

# prominent lines (9.1.5)
_PEAK: Final = 0.15
_RELATIVE_PEAK: Final = 0.001
_GRID: Final = 0.25 * 2.0 ** (np.arange(-1, 15) / 3.0)
_NEAR: Final = 1.25 * RESOLUTION
_WEAKEST: Final = 0.05
_MOST_LINES: Final = N_BINS // 2 + 1

# fine tuning (9.1.7)
_DIFFERENCE: Final = 1e-5 * _NEWTON_UNIT
_LONGEST_STEP: Final = 2e-4 * _NEWTON_UNIT
_SHORTEST_STEP: Final = 1e-7 * _NEWTON_UNIT
_DAMPING: Final = 0.25
_MOST_STEPS: Final = 40
_LOWEST_RATE: Final = 0.125

# harmonic complex (9.1.8, 9.1.9)
_HIGHEST_ORDER: Final = 5
_DETUNED: Final = 0.04


@kernel
def _rounded(value: float) -> float:
    """Round to 8 decimals."""
    return float(np.rint(value * 1e8) / 1e8)


@kernel
def _replace(ordered: Array, old: float, new: float) -> None:
    """Replace a value of an ordered array and keep the order.

    The array has -inf before and inf after its values. The loops have no branches: the processor
    moves several values at a time.
    """
    if new > old:
        for j in range(1, ordered.size - 1):
            value, after = ordered[j], ordered[j + 1]
            moved = after if after < new else new
            ordered[j] = moved if (value >= old) & (value < new) else value
    else:
        for j in range(ordered.size - 2, 0, -1):
            value, before = ordered[j], ordered[j - 1]
            moved = before if before > new else new
            ordered[j] = moved if (value <= old) & (value > new) else value


@kernel
def _smooth(envelope: Array, smoothed: Array, ordered: Array) -> float:
    """Write the moving median of 33, rounded, between the guards; return its maximum."""
    ordered[:] = np.inf
    ordered[0] = -np.inf
    for value in envelope[_GUARD - _HALF_MEDIAN : _GUARD + _HALF_MEDIAN + 1]:
        _replace(ordered, np.inf, value)
    for i in range(_GUARD, LENGTH - _GUARD):
        smoothed[i] = ordered[1 + _HALF_MEDIAN]
        _replace(ordered, envelope[i - _HALF_MEDIAN], envelope[i + _HALF_MEDIAN + 1])
    highest = 0.0
    for i in range(_GUARD, LENGTH - _GUARD):
        smoothed[i] = _rounded(smoothed[i])
        highest = max(highest, smoothed[i])
    return highest


@kernel
def _varies(values: Array) -> bool:
    """Whether values deviate from a straight line by more than a thousandth of their mean."""
    n = values.size
    mean = 0.0
    for value in values:
        mean += value / n
    across = squares = 0.0
    for i in range(n):
        across += (values[i] - mean) * (i - 0.5 * (n - 1))
        squares += (values[i] - mean) ** 2
    remaining = squares - across * across / (n * (n * n - 1.0) / 12.0)
    return remaining >= (n - 1) * (_STEADY * mean) ** 2


@kernel
def _window(envelope: Array, smoothed: Array, ordered: Array) -> tuple[int, int]:
    """First and last value of the part that is analysed; (0, −1) if there is none."""
    highest = _smooth(envelope, smoothed, ordered)
    if highest <= _QUIET:
        return 0, -1
    threshold = _rounded(_QUIETER * highest)
    first, last = _GUARD, LENGTH - _GUARD - 1
    while smoothed[first] < threshold:
        first += 1
    while smoothed[last] < threshold:
        last -= 1
    longest = begin = run = 0
    for i in range(first, last + 1):
        run = run + 1 if smoothed[i] < threshold else 0
        if run > longest:
            longest, begin = run, i - run + 1
    if longest > _SHORTEST:
        if begin - first > last - (begin + longest - 1):
            last = begin - _GUARD
        else:
            first = begin + longest - 1 + _GUARD
    if last - first + 1 < _SHORTEST or last < _EARLIEST_END:
        return 0, -1
    if not _varies(smoothed[first + _MARGIN : last - _MARGIN + 1]):
        return 0, -1
    return first, last


@kernel
def cut_out(envelopes: Array, windows: NDArray[np.int64]) -> None:
    """Set the envelopes of several bands, shape (n, 2048), to 0 outside their analysis windows.

    ``windows``, shape (n, 2), takes the first and last value inside; (0, −1) for quiet bands.
    """
    smoothed, ordered = np.empty(LENGTH), np.empty(2 * _HALF_MEDIAN + 3)
    for band in range(envelopes.shape[0]):
        envelope = envelopes[band]
        highest = 0.0
        for value in envelope:
            highest = max(highest, value)
        first, last = 0, -1
        if highest > _QUIET:
            first, last = _window(envelope, smoothed, ordered)
        windows[band, 0], windows[band, 1] = first, last
        envelope[:first] = 0.0
        envelope[last + 1 :] = 0.0


@kernel
def _weight(rate: float, carrier: float) -> float:
    """Weight of a modulation rate (148); ``carrier`` is the factor of the high rates."""
    best = 4.8659
    if rate <= 0.0:
        return 0.0
    distance = (rate / best - best / rate) ** 2
    if rate <= best:
        return math.pow(1.0 + distance * 0.33048**2, -0.85902)
    return carrier * math.pow(1.0 + distance * 0.21792**2, -4.6728)


@kernel
def _peaks(signal: Array, rates: Array) -> int:
    """Rates of the maxima of the power spectrum (143, 144); returns their number.

    (144) is printed with one bin less, which would fit bins that are counted from 1.
    """
    n = 0
    lowest = max(_RELATIVE_PEAK * signal[2, 0], _PEAK)
    before, here = signal[2, 0], signal[0, 1] ** 2 + signal[1, 1] ** 2
    for k in range(1, N_BINS - 1):
        after = signal[0, k + 1] ** 2 + signal[1, k + 1] ** 2
        if here > before and here > after and here >= lowest:
            rates[n] = RESOLUTION * (k + (after - before) / (before + here + after))
            n += 1
        before, here = here, after
    return n


@kernel
def _best_of_grid(signal: Array, window: Array, columns: Array) -> float:
    """Rate of the grid with the least error of all local minima; 0 if there is none."""
    best, least = 0.0, np.inf
    before = here = np.inf
    for i in range(_GRID.size):
        after = fit_rate(signal, window, _GRID[i], columns)[2]
        if i >= 2 and here < before and here < after and here < least:
            best, least = _GRID[i - 1], here
        before, here = here, after
    return best


@kernel
def _lines(signal: Array, window: Array, rates: Array, powers: Array, work: Array) -> int:
    """Rates and powers of the prominent lines (9.1.5); returns their number."""
    n = _peaks(signal, rates[0])
    best = _best_of_grid(signal, window, work[0])
    if best > 0.0:
        alone = 0
        for i in range(n):
            if abs(best - rates[0, i]) >= _NEAR:
                rates[1, alone] = rates[0, i]
                alone += 1
        rates[1, alone] = best
        alone += 1
        error = fit_rates(signal, window, rates[1, :alone], powers[1], work)
        if alone > n or error <= fit_rates(signal, window, rates[0, :n], powers[0], work):
            n = alone
            for i in range(n):
                rates[0, i], powers[0, i] = rates[1, i], powers[1, i]
    elif n > 0:
        fit_rates(signal, window, rates[0, :n], powers[0], work)
    highest = 0.0
    for i in range(n):
        highest = max(highest, powers[0, i])
    kept = 0
    for i in range(n):
        if powers[0, i] > _WEAKEST * highest:
            rates[0, kept], powers[0, kept] = rates[0, i], powers[0, i]
            kept += 1
    return kept


@kernel
def _tuned(signal: Array, window: Array, rate: float, columns: Array) -> float:
    """Rate of a line at the nearest minimum of its error, by a damped Newton method (9.1.7)."""
    found = rate
    for _ in range(_MOST_STEPS):
        below = fit_rate(signal, window, found - _DIFFERENCE, columns)[2]
        here = fit_rate(signal, window, found, columns)[2]
        above = fit_rate(signal, window, found + _DIFFERENCE, columns)[2]
        slope = (above - below) / (2.0 * _DIFFERENCE)
        bend = abs(above - 2.0 * here + below) / _DIFFERENCE**2 + EPSILON
        step = _DAMPING * min(abs(slope) / bend, _LONGEST_STEP)
        found -= step if slope > 0.0 else -step
        if step <= _SHORTEST_STEP:
            break
    return found if abs(found - rate) <= _NEAR else rate


@kernel
def _order(rate: float, fundamental: float) -> int:
    """Order of a rate in the complex of a fundamental; 0 if it is no member (153, 154)."""
    order = math.floor(rate / fundamental + 0.5)
    if order < 1 or order > _HIGHEST_ORDER:
        return 0
    return order if abs(rate / (order * fundamental) - 1.0) < _DETUNED else 0


@kernel
def _fundamental(rates: Array, weighted: Array, tuned: float) -> float:
    """Fundamental whose complex has the greatest energy: 1, 1/2 or 1/3 of a rate (155, 156)."""
    fundamental, greatest = tuned, -1.0
    for part in range(1, 4):
        energy, present = 0.0, False
        for i in range(rates.size):
            order = _order(rates[i], tuned / part)
            if order > 0:
                energy += weighted[i]
                present = present or order == 1
        if energy > greatest and (present or not _FUNDAMENTAL_PRESENT):
            fundamental, greatest = tuned / part, energy
    return fundamental


@kernel
def _complex(
    signal: Array, window: Array, carrier: float, rates: Array, powers: Array, work: Array
) -> tuple[float, float]:
    """Weighted power of the strongest complex, and power of the band it models (157–160)."""
    n = _lines(signal, window, rates, powers, work)
    if n == 0:
        return 0.0, 0.0
    columns = work[0]
    weighted, strongest = powers[1], 0
    for i in range(n):
        weighted[i] = powers[0, i] * _weight(rates[0, i], carrier)
        if weighted[i] > weighted[strongest]:
            strongest = i
    tuned = _tuned(signal, window, rates[0, strongest], columns)
    if tuned != rates[0, strongest]:
        rates[0, strongest] = tuned
        power = fit_rate(signal, window, tuned, columns)[1]
        weighted[strongest] = power * _weight(tuned, carrier)
    if tuned < _LOWEST_RATE:
        return 0.0, 0.0
    fundamental = _fundamental(rates[0, :n], weighted[:n], tuned)
    seen = members = 0
    constant = total = sum_weighted = moment = 0.0
    for i in range(n):
        order = _order(rates[0, i], fundamental)
        if order == 0 or (_ONE_LINE_PER_ORDER and seen & (1 << order)):
            continue
        seen |= 1 << order
        members += 1
        x, power, _ = fit_rate(signal, window, order * fundamental, columns)
        constant += x
        total += power
        part = power * _weight(order * fundamental, carrier)
        sum_weighted += part
        moment += part * order * fundamental
    distance = abs(moment / (sum_weighted + EPSILON) - tuned)
    constant /= members
    return (
        sum_weighted * (1.0 + 0.79577 * distance**0.43461),
        constant * constant + 2.0 * total,
    )


@kernel
def complexes(
    spectra: NDArray[np.complex128], windows: NDArray[np.int64], carriers: Array, out: Array
) -> None:
    """Analyse the spectra of several bands' envelopes.

    Parameters
    ----------
    spectra : ndarray, shape (n, ≥ 49)
        Spectra of the envelopes inside the windows.
    windows : ndarray, shape (n, 2)
        First and last value of the windows, from :func:`cut_out`.
    carriers : ndarray, shape (n,)
        Factor of the high rates in the weight (148).
    out : ndarray, shape (n, 2)
        Takes the weighted power (157) and the power of the modelled band signal, its mean square
        times 2; both 0 without modulation.
    """
    signal, window = np.empty((3, N_BINS)), np.empty((3, N_BINS))
    rates, powers = np.empty((2, _MOST_LINES)), np.empty((2, _MOST_LINES))
    work = np.empty((3, _MOST_LINES + 2, N_BINS))
    for band in range(spectra.shape[0]):
        first, last = windows[band]
        out[band] = 0.0
        if last < first:
            continue
        centre(spectra[band], first, last, signal, window)
        out[band, 0], out[band, 1] = _complex(signal, window, carriers[band], rates, powers, work)

"""Compiled loops of roughness and fluctuation strength. They check nothing: the callers do.

Levels and thresholds are in doublings of the amplitude (6.02 dB) from 20 µPa, positions in half
Bark, slopes in doublings per half Bark.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.kernel import kernel
from soundcal.indicators.modulation.excitation import N_CHANNELS

__all__ = ["DOUBLING", "LOWER_SLOPE", "Lines", "excite"]

Integers = NDArray[np.int64]
Single = NDArray[np.float32]

DOUBLING = 20.0 * math.log10(2.0)
"""A doubling of the amplitude in dB."""

LOWER_SLOPE = 27.0 / (2.0 * DOUBLING)
PER_LEVEL = 0.2 / 2.0

SILENT = -1000.0
"""Level of inaudible lines."""

BLOCK = 256
"""Lines that are spread together, so that they stay in the cache."""

LN_2 = math.log(2.0)
MIDDLE = math.sqrt(2.0)
E = tuple(LN_2**k / math.factorial(k) for k in range(10))
"""Coefficients of the power series of 2 to the x."""

REFERENCE = math.log2(20e-6)


class Lines(NamedTuple):
    """The lines of a spectrum that are analysed, 0 Hz to 20 kHz."""

    lowest: int
    """Number of the lowest line that is heard, at 20 Hz."""
    starts: Integers
    """Numbers of the first lines at or above 0, 1, … 48 half Bark."""
    position: Array
    """Critical-band rates in half Bark."""
    hearing: Array
    """Thresholds in quiet."""
    fallen: Array
    """Gains along the lower slope from the lines to 0 Bark."""
    slope: Array
    """Slopes towards high channels of lines with the level 0, rising with the frequency."""
    edges: Array
    """Thresholds at 0, 1, … 48 half Bark, the edges of the channels."""
    lowest_below: Array
    """The lowest of each of these and of those below."""
    lowest_above: Array
    """The lowest of each of these and of those above."""


@kernel
def log2_of(mantissa: float) -> float:
    """Return the logarithm to the base 2 of 1 to 2, by the series of artanh."""
    x = (mantissa - MIDDLE) / (mantissa + MIDDLE)
    s = x * x
    high = 1 / 9 + s * (1 / 11 + s * (1 / 13 + s * (1 / 15)))
    return 0.5 + 2.0 / LN_2 * x * (1.0 + s * (1 / 3 + s * (1 / 5 + s * (1 / 7 + s * high))))


@kernel
def power_of_two(exponent: float) -> float:
    """Return the power of 2 for exponents from -4 to 0, by the series of its eighth root."""
    x = 0.125 * exponent + 0.25
    high = E[5] + x * (E[6] + x * (E[7] + x * (E[8] + x * E[9])))
    root = 1.0 + x * (E[1] + x * (E[2] + x * (E[3] + x * (E[4] + x * high))))
    fourth = root * root
    return 0.25 * (fourth * fourth) * (fourth * fourth)


@kernel
def levels_of(
    lines: Spectrum, factors: Array, hearing: Array, level: Array, bits: Integers, exponent: Array
) -> tuple[float, int]:
    """Multiply lines by factors and write their levels; return a bound, and how many are heard.

    The bound is at most half a doubling above the highest level. ``bits`` are those of ``level``,
    ``exponent`` is working memory.
    """
    for k in range(lines.size):
        real, imag = lines[k].real * factors[k], lines[k].imag * factors[k]
        lines[k] = complex(real, imag)
        level[k] = real * real + imag * imag
    largest = 0
    for k in range(lines.size):
        largest = max(largest, bits[k])
        exponent[k] = (bits[k] >> 52) - 1023
        bits[k] = (bits[k] & 0xFFFFFFFFFFFFF) | (1023 << 52)
    heard = 0
    for k in range(lines.size):
        own = 0.5 * (exponent[k] + log2_of(level[k])) - REFERENCE
        heard += own > hearing[k]
        level[k] = own if own > hearing[k] else SILENT
    return 0.5 * ((largest >> 52) - 1022) - REFERENCE, heard


@kernel
def begin_slopes(
    level: Array, position: Array, steady: Array, slope: Array, step: Array, gain: Array
) -> None:
    """Write slopes towards high channels, of half a Bark, and the gains at the next whole one.

    ``steady`` are the slopes at the level 0, ``step`` the factors that correspond to the slopes.
    """
    for k in range(position.size):
        own = steady[k] + PER_LEVEL * (level[k] if level[k] > -1.0 else -1.0)
        slope[k] = own if own < 0.0 else 0.0
        step[k] = power_of_two(slope[k])
        gain[k] = power_of_two(slope[k] * (math.floor(position[k]) + 1.0 - position[k]))


@kernel
def spread_up(
    level: Array,
    position: Array,
    slope: Array,
    step: Array,
    gain: Array,
    edge: float,
    least: float,
    row: Single,
) -> None:
    """Enter the gains of lines below a channel, whose lower edge and its threshold are given."""
    for k in range(row.size):
        reach = level[k] + slope[k] * (edge - position[k])
        row[k] = gain[k] if reach > least else 0.0
        gain[k] *= step[k]


@kernel
def spread_down(
    level: Array, position: Array, fallen: Array, edge: float, least: float, row: Single
) -> None:
    """Enter the gains of lines above a channel, whose upper edge and its threshold are given."""
    rise = 2.0 ** (LOWER_SLOPE * edge)
    for k in range(row.size):
        reach = level[k] - LOWER_SLOPE * (position[k] - edge)
        row[k] = rise * fallen[k] if reach > least else 0.0


@kernel
def extend(spans: Integers, gains: Single, channel: int, first: int, after: int) -> None:
    """Extend the span of a channel to the lines from ``first`` to ``after`` that are not zero.

    Between those and the lines that the channel has already, the gains become zero.
    """
    start = first
    while start < after and gains[channel, start] == 0.0:
        start += 1
    if start == after:
        return
    while gains[channel, after - 1] == 0.0:
        after -= 1
    if spans[channel, 1] == 0:
        spans[channel, 0] = spans[channel, 1] = start
    for k in range(spans[channel, 1], start):
        gains[channel, k] = 0.0
    spans[channel, 1] = after


@kernel
def excite(
    lines: Spectrum,
    factors: Array,
    c: Lines,
    room: Array,
    bits: Integers,
    gains: Single,
    spans: Integers,
) -> int:
    """Spread the lines of a spectrum over the channels (Terhardt 1979).

    ``lines`` are multiplied by ``factors``, which gives amplitudes in Pa (rms). ``gains``, shape
    (47, n), receives their gains in every channel, and ``spans``, shape (47, 2), the range of
    lines, end excluded, outside of which these are zero and not written; it is (0, 0) for an empty
    channel. ``room``, shape (4, 256), is working memory, ``bits`` are those of its first row.
    Returns the number of audible lines.
    """
    level, slope, step, gain = room[0], room[1], room[2], room[3]
    audible = 0
    spans[:] = 0
    for a in range(c.lowest, c.hearing.size, BLOCK):
        b = min(a + BLOCK, c.hearing.size)
        highest, heard = levels_of(lines[a:b], factors[a:b], c.hearing[a:b], level, bits, slope)
        if heard == 0:
            continue
        audible += heard
        position = c.position[a:b]
        begin_slopes(level, position, c.slope[a:b], slope, step, gain)
        flattest = min(c.slope[b - 1] + PER_LEVEL * max(highest, -1.0), 0.0)
        first, last = int(position[0]), int(position[b - a - 1])
        for edge in range(first + 1, N_CHANNELS):
            end = min(c.starts[edge], b)
            if highest + flattest * (edge - c.position[end - 1]) > c.lowest_above[edge]:
                row = gains[edge, a:end]
                spread_up(level, position, slope, step, gain, edge, c.edges[edge], row)
                extend(spans, gains, edge, a, end)
            elif end == b:
                break
        for channel in range(max(first, 1), min(last + 1, N_CHANNELS) + 1):
            begin, end = max(c.starts[channel - 1], a), min(c.starts[channel + 1], b)
            row = gains[channel - 1, begin:end]
            for k in range(row.size):
                row[k] = 1.0 if level[k + begin - a] > SILENT else 0.0
            extend(spans, gains, channel - 1, begin, end)
        for edge in range(min(last, N_CHANNELS + 1), 1, -1):
            begin = max(c.starts[edge], a)
            if highest - LOWER_SLOPE * (c.position[begin] - edge) > c.lowest_below[edge]:
                row, own = gains[edge - 2, begin:b], position[begin - a :]
                spread_down(level[begin - a :], own, c.fallen[begin:b], edge, c.edges[edge], row)
                extend(spans, gains, edge - 2, begin, b)
            elif begin == a:
                break
    return audible

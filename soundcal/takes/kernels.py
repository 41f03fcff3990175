"""Loops over the samples of a take that only compare and count, compiled by numba.

Their results are exact, whatever the order in which the samples are visited.
"""

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Samples
from soundcal.dsp.kernel import strict_kernel

__all__ = [
    "bits_in",
    "changes_in",
    "counts_from",
    "distances_of",
    "fingerprints",
    "range_of",
    "runs_in",
]

_MIX = np.uint64(0x9E3779B97F4A7C15)
_EMPTY = -1
_MINUS_ZERO = np.uint64(1 << 63)
_ZERO = np.uint64(0)


@strict_kernel
def range_of(x: Samples) -> tuple[float, float, int]:
    """Return the lowest and the highest sample, and the number of samples that are not zero."""
    lowest = highest = x[0]
    live = 0
    for value in x:
        lowest = min(lowest, value)
        highest = max(highest, value)
        live += value != 0.0
    return lowest, highest, live


@strict_kernel
def counts_from(x: Samples, sign: float, top: float, bottom: float) -> tuple[int, int]:
    """Return the number of samples equal to ``top``, and of those from ``bottom`` on.

    ``sign`` is 1, or -1 to look at the samples upside down.
    """
    at_top = near = 0
    for value in x:
        signed = sign * value
        if signed >= bottom:
            near += 1
            at_top += signed == top
    return at_top, near


@strict_kernel
def bits_in(x: Samples) -> int:
    """Return the bits of 24-bit samples that are in use; -1 if a sample is finer than 24 bits."""
    used = 0
    for value in x:
        scaled = abs(value) * 8388608.0
        whole = np.rint(scaled)
        if whole != scaled:
            return -1
        used |= int(whole)
    return used


@strict_kernel
def runs_in(y: Samples, shortest: int, from_end: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return begin and end of the runs of equal samples that a change ends.

    Only runs of ``shortest`` samples or more count, and those that end at ``from_end`` or later.
    """
    count = start = 0
    for i in range(1, y.size):
        if y[i] != y[i - 1]:
            count += i - start >= shortest and i >= from_end
            start = i
    starts, ends = np.empty(count, np.intp), np.empty(count, np.intp)
    if count == 0:
        return starts, ends
    count = start = 0
    for i in range(1, y.size):
        if y[i] != y[i - 1]:
            if i - start >= shortest and i >= from_end:
                starts[count], ends[count] = start, i
                count += 1
            start = i
    return starts, ends


@strict_kernel
def changes_in(x: Samples) -> NDArray[np.bool_]:
    """Return where a sample of any channel differs from the one before it, shape (n,)."""
    changes = np.zeros(x.shape[1], np.bool_)
    for channel in x:
        for i in range(1, channel.size):
            changes[i] |= channel[i] != channel[i - 1]
    return changes


@strict_kernel
def fingerprints(
    bits: NDArray[np.uint64],
    weights: NDArray[np.uint64],
    changes: NDArray[np.bool_],
    length: int,
    one_in_bits: np.uint64,
) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Return fingerprints of ``length`` samples in a row, and the places where they begin.

    ``bits`` are the samples of all channels as integers, and ``weights`` odd numbers, one for each.
    Of the places whose next sample has changed, one in two to the power of ``one_in_bits`` is
    chosen. The choice depends on one sample of all channels, the fingerprint on ``length``.
    """
    row = np.zeros(bits.shape[1], np.uint64)
    for weight, channel in zip(weights, bits):  # noqa: B905  numba knows no strict
        for i in range(row.size):
            # zeros with and without a sign are equal
            row[i] += weight * (_ZERO if channel[i] == _MINUS_ZERO else channel[i])
    for i in range(row.size):
        row[i] ^= row[i] >> np.uint64(31)
    n = row.size - length + 1
    places = np.empty(n, np.intp)
    count = 0
    for i in range(n):
        places[count] = i
        count += changes[i + 1] and (row[i] * _MIX) >> (np.uint64(64) - one_in_bits) == _ZERO
    places = places[:count].copy()
    prints = np.empty(count, np.uint64)
    for k in range(count):
        value = row[places[k]]
        for i in range(1, length):
            value = value * _MIX + row[places[k] + i]
        value ^= value >> np.uint64(32)
        prints[k] = value * _MIX
    return prints, places


@strict_kernel
def distances_of(
    prints: NDArray[np.uint64], places: NDArray[np.intp], longest: int
) -> NDArray[np.int64]:
    """Return how often each distance up to ``longest`` lies between two equal fingerprints.

    Only a fingerprint and the next equal one are a pair.
    """
    counts = np.zeros(longest + 1, np.int64)
    size = 64
    while size < 2 * prints.size:
        size *= 2
    known, last = np.zeros(size, np.uint64), np.full(size, _EMPTY, np.int64)
    mask = np.uint64(size - 1)
    for i in range(prints.size):
        key = prints[i]
        slot = ((key * _MIX) >> np.uint64(20)) & mask
        while last[slot] != _EMPTY and known[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if last[slot] != _EMPTY:
            apart = places[i] - last[slot]
            if apart <= longest:
                counts[apart] += 1
        known[slot], last[slot] = key, places[i]
    return counts

"""Compiled loops of the fractional-octave filters. They check nothing: the callers do.

All sections of a band share the numerator ``(1 − z⁻²)ⁿ``, which is applied to the signal once; each
section then has two poles only. Eight bands share one row of an array, so that the compiler turns
the loop over them into vector instructions. Several samples are processed per pass, each written
out in the code, to keep the states in registers; the last samples of a block are processed one by
one.
"""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel

__all__ = ["band_energies"]

Pair = tuple[float, float]

TINY = 1e-200
FRAGMENT = 1024


@kernel
def two_poles(u: float, c: float, d: float, y1: float, y2: float) -> float:
    """Return the next output of ``y = u + c y1 + d y2``."""
    return u + d * y2 + c * y1


@kernel
def one_by_one(u: Array, r: Array, order: int) -> None:
    """Advance a group of any order and add up the squares."""
    for n in range(u.size):
        for i in range(8):
            y = u[n]
            for k in range(i, i + 16 * order, 16):
                y = two_poles(y, r[64 + k], r[72 + k], r[k], r[8 + k])
                r[8 + k] = r[k]
                r[k] = y
            r[128 + i] += y * y


@kernel
def three_sections(u: Array, r: Array) -> None:
    """Advance a group of order 3 and add up the squares."""
    even = u.size - u.size % 4
    for n in range(0, even, 4):
        x0, x1, x2, x3 = u[n], u[n + 1], u[n + 2], u[n + 3]
        for i in range(8):
            a1, a2, b1, b2, c1, c2 = r[i], r[8 + i], r[16 + i], r[24 + i], r[32 + i], r[40 + i]
            ca, da, cb, db = r[64 + i], r[72 + i], r[80 + i], r[88 + i]
            cc, dc, energy = r[96 + i], r[104 + i], r[128 + i]
            a = two_poles(x0, ca, da, a1, a2)
            b = two_poles(a, cb, db, b1, b2)
            c = two_poles(b, cc, dc, c1, c2)
            energy += c * c
            a2 = two_poles(x1, ca, da, a, a1)
            b2 = two_poles(a2, cb, db, b, b1)
            c2 = two_poles(b2, cc, dc, c, c1)
            energy += c2 * c2
            a1 = two_poles(x2, ca, da, a2, a)
            b1 = two_poles(a1, cb, db, b2, b)
            c1 = two_poles(b1, cc, dc, c2, c)
            energy += c1 * c1
            a = two_poles(x3, ca, da, a1, a2)
            b = two_poles(a, cb, db, b1, b2)
            c = two_poles(b, cc, dc, c1, c2)
            energy += c * c
            r[i], r[8 + i], r[16 + i], r[24 + i], r[32 + i], r[40 + i] = a, a1, b, b1, c, c1
            r[128 + i] = energy
    one_by_one(u[even:], r, 3)


@kernel
def four_sections(u: Array, r: Array) -> None:
    """Advance a group of order 4 and add up the squares."""
    even = u.size - u.size % 2
    for n in range(0, even, 2):
        x0, x1 = u[n], u[n + 1]
        for i in range(8):
            a1, a2, b1, b2, c1, c2 = r[i], r[8 + i], r[16 + i], r[24 + i], r[32 + i], r[40 + i]
            d1, d2, energy = r[48 + i], r[56 + i], r[128 + i]
            ca, da, cb, db = r[64 + i], r[72 + i], r[80 + i], r[88 + i]
            cc, dc, cd, dd = r[96 + i], r[104 + i], r[112 + i], r[120 + i]
            a = two_poles(x0, ca, da, a1, a2)
            b = two_poles(a, cb, db, b1, b2)
            c = two_poles(b, cc, dc, c1, c2)
            d = two_poles(c, cd, dd, d1, d2)
            energy += d * d
            a2 = two_poles(x1, ca, da, a, a1)
            b2 = two_poles(a2, cb, db, b, b1)
            c2 = two_poles(b2, cc, dc, c, c1)
            d2 = two_poles(c2, cd, dd, d, d1)
            energy += d2 * d2
            r[i], r[8 + i], r[16 + i], r[24 + i], r[32 + i], r[40 + i] = a2, a, b2, b, c2, c
            r[48 + i], r[56 + i], r[128 + i] = d2, d, energy
    one_by_one(u[even:], r, 4)


@kernel
def numerators(x: Array, cubic: Array, quartic: Array) -> None:
    """Apply ``(1 − z⁻²)³`` and ``(1 − z⁻²)⁴`` to ``x``, which begins eight samples early."""
    for n in range(cubic.size):
        cubic[n] = x[n + 8] - x[n + 2] - 3.0 * (x[n + 6] - x[n + 4])
        quartic[n] = x[n + 8] + x[n] - 4.0 * (x[n + 6] + x[n + 2]) + 6.0 * x[n + 4]


@kernel
def band_energies(
    x: Array, step: float, n_cubic: int, groups: Array, count: NDArray[np.int64], out: Array
) -> int:
    """Filter a block into all bands and return the number of steps that ended in it.

    ``x`` begins eight samples before the block. ``groups``, shape (n_groups, 17 · 8): y1, y2 of
    four sections, c and d of four sections, energy; the first ``n_cubic`` are of order 3, the
    others of order 4. ``step`` in samples; ``count``: samples and steps so far; ``out``, shape
    (steps, n_groups, 8), receives the energies of ended steps.
    """
    cubic, quartic = np.empty(FRAGMENT), np.empty(FRAGMENT)
    start, written, size = 0, 0, x.size - 8
    while start < size:
        to_end = math.floor((count[1] + 1) * step) - count[0]
        n = min(to_end, size - start, FRAGMENT)
        numerators(x[start : start + n + 8], cubic[:n], quartic[:n])
        for g in range(groups.shape[0]):
            if g < n_cubic:
                three_sections(cubic[:n], groups[g])
            else:
                four_sections(quartic[:n], groups[g])
        start += n
        count[0] += n
        if n == to_end:
            for g in range(groups.shape[0]):
                out[written, g] = groups[g, 128:]
                groups[g, 128:] = 0.0
                for i in range(64):
                    if abs(groups[g, i]) < TINY:  # subnormal numbers are slow
                        groups[g, i] = 0.0
            count[1] += 1
            written += 1
    return written

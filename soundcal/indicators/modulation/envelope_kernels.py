"""Compiled loops of the slow fluctuation. They check nothing: the callers do.

Signals are filtered after their samples have been dealt out to ``n`` rows, every ``n``-th sample to
the same row, so that the loops run through consecutive numbers and the compiler turns them into
vector instructions. A row continues at both ends with what the signal has before and after: itself,
if it repeats, or silence.
"""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.kernel import kernel

__all__ = ["slow_envelopes", "slow_signals"]

BLOCK = 512
"""Results that are computed together, so that they stay in the cache."""

ENDS = 16
"""Samples before and after a signal whose middles are interpolated."""

Integers = NDArray[np.int64]


@kernel
def order(k: int, n: int) -> int:
    """Return the row of sample ``k`` of ``n``: of four rows, the first two have every second."""
    return k if n < 4 else (k % 2) * 2 + k // 2


@kernel
def surround(row: Array, first: int, n: int, repeated: bool) -> None:
    """Fill both ends of a row, which has ``n`` samples from ``first`` on."""
    for i in range(first):
        row[i] = row[i + n] if repeated else 0.0
    for i in range(first + n, row.size):
        row[i] = row[i - n] if repeated else 0.0


@kernel
def rows_in(room: Array, n: int, width: int) -> Array:
    """Return rows at the beginning of working memory, a multiple of 8 numbers apart."""
    width = (width + 7) // 8 * 8
    return room[: n * width].reshape((n, width))


@kernel
def midpoints(rows: Array, k: int, taps: Array, out: Array) -> None:
    """Interpolate in the middles from every sample ``k`` of one or two rows to the next.

    ``taps`` are the weights of the neighbours, the nearest first; their number is a multiple of 4.
    """
    n = rows.shape[0]
    out[:] = 0.0
    for i in range(0, taps.size, 4):
        a, b = k + ENDS * n - i, k + ENDS * n + 1 + i
        a0, b0 = rows[a % n, a // n :], rows[b % n, b // n :]
        a1, b1 = rows[(a - 1) % n, (a - 1) // n :], rows[(b + 1) % n, (b + 1) // n :]
        a2, b2 = rows[(a - 2) % n, (a - 2) // n :], rows[(b + 2) % n, (b + 2) // n :]
        a3, b3 = rows[(a - 3) % n, (a - 3) // n :], rows[(b + 3) % n, (b + 3) // n :]
        t0, t1, t2, t3 = taps[i], taps[i + 1], taps[i + 2], taps[i + 3]
        for m in range(out.size):
            near = t0 * (a0[m] + b0[m]) + t1 * (a1[m] + b1[m])
            out[m] += near + (t2 * (a2[m] + b2[m]) + t3 * (a3[m] + b3[m]))


@kernel
def deal(x: Array, rows: Array, first: int) -> None:
    """Deal out the absolute values of samples to rows, from place ``first`` on."""
    n = rows.shape[0]
    for k in range(n):
        row = rows[order(k, n), first : first + x.size // n]
        for m in range(row.size):
            row[m] = abs(x[n * m + k])


@kernel
def decimate(rows: Array, taps: Array, out: Array) -> None:
    """Filter samples and keep one of every row's; the number of taps is a multiple of 8."""
    n = rows.shape[0]
    for start in range(0, out.size, BLOCK):
        some = out[start : start + BLOCK]
        some[:] = 0.0
        for i in range(0, taps.size, 8):
            a = rows[order(i % n, n), start + i // n :]
            b = rows[order((i + 1) % n, n), start + (i + 1) // n :]
            c = rows[order((i + 2) % n, n), start + (i + 2) // n :]
            d = rows[order((i + 3) % n, n), start + (i + 3) // n :]
            e = rows[order((i + 4) % n, n), start + (i + 4) // n :]
            f = rows[order((i + 5) % n, n), start + (i + 5) // n :]
            g = rows[order((i + 6) % n, n), start + (i + 6) // n :]
            h = rows[order((i + 7) % n, n), start + (i + 7) // n :]
            t0, t1, t2, t3 = taps[i], taps[i + 1], taps[i + 2], taps[i + 3]
            t4, t5, t6, t7 = taps[i + 4], taps[i + 5], taps[i + 6], taps[i + 7]
            for m in range(some.size):
                first = (t0 * a[m] + t1 * b[m]) + (t2 * c[m] + t3 * d[m])
                some[m] += first + ((t4 * e[m] + t5 * f[m]) + (t6 * g[m] + t7 * h[m]))


@kernel
def first_rows(stages: Integers, room: Array) -> Array:
    """Return the rows of the first stage."""
    return rows_in(room, stages[0, 0], stages[0, 2] + 2 * stages[0, 1] + 3)


@kernel
def slow_down(
    n: int, stages: Integers, taps: Array, repeated: bool, room: Array, x: Array, out: Array
) -> None:
    """Filter and decimate ``n`` samples, which are in the rows of the first stage."""
    for i in range(stages.shape[0]):
        ratio, margin, size, n_taps = stages[i, 0], stages[i, 1], stages[i, 2], stages[i, 3]
        rows = rows_in(room, ratio, size + 2 * margin + 3)
        count = n // ratio if i == 0 else size
        first = margin + (size - count) // 2
        if i > 0:
            deal(x[: ratio * size], rows, first)
        for k in range(ratio):
            surround(rows[k], first, count, repeated)
        decimate(rows, taps[i, :n_taps], (out if i == stages.shape[0] - 1 else x)[:size])
    out[stages[-1, 2] :] = 0.0


@kernel
def slow_envelopes(
    signals: Spectrum,
    stages: Integers,
    taps: Array,
    repeated: bool,
    room: Array,
    x: Array,
    out: Array,
) -> None:
    """Write the magnitudes of analytic signals, filtered and decimated, to the rows of ``out``.

    See ``_Conversion`` for the stages; ``room`` and ``x`` are working memory.
    """
    n = signals.shape[1]
    for i in range(signals.shape[0]):
        for m in range(n):
            value = signals[i, m]
            x[m] = math.sqrt(value.real * value.real + value.imag * value.imag)
        if stages.shape[0] == 0:
            deal(x[:n], out[i : i + 1], 0)
            out[i, n:] = 0.0
            continue
        ratio, margin, size = stages[0, 0], stages[0, 1], stages[0, 2]
        deal(x[:n], first_rows(stages, room), margin + (size - n // ratio) // 2)
        slow_down(n, stages, taps, repeated, room, x, out[i])


@kernel
def slow_signals(
    signals: Array,
    wide: Array,
    narrow: Array,
    dense: Array,
    stages: Integers,
    taps: Array,
    repeated: bool,
    room: Array,
    x: Array,
    out: Array,
) -> None:
    """Write the absolute values of real signals, filtered and decimated, to the rows of ``out``.

    Before, values in the middles between the samples are interpolated with the weights ``wide``,
    and in the middles between all these with ``narrow``, unless they are empty.
    """
    n = signals.shape[1]
    n_rows = 1 + min(wide.size, 1) + 2 * min(narrow.size, 1)
    for i in range(signals.shape[0]):
        found = rows_in(dense, n_rows, n + 2 * ENDS)
        for m in range(n):  # to assign the slice would take 2 s longer to compile
            found[0, ENDS + m] = signals[i, m]
        if n_rows > 1:
            surround(found[0], ENDS, n, True)
            midpoints(found[:1], 0, wide, found[1, ENDS : ENDS + n])
        if n_rows > 2:
            surround(found[1], ENDS, n, True)
            midpoints(found[:2], 0, narrow, found[2, ENDS : ENDS + n])
            midpoints(found[:2], 1, narrow, found[3, ENDS : ENDS + n])
        if stages.shape[0] == 0:
            deal(found[0, ENDS : ENDS + n], out[i : i + 1], 0)
            out[i, n:] = 0.0
            continue
        ratio, margin, size = stages[0, 0], stages[0, 1], stages[0, 2]
        each = ratio // n_rows
        rows = first_rows(stages, room)
        first = margin + (size - n // each) // 2
        for k in range(n_rows):
            deal(found[k, ENDS : ENDS + n], rows[k * each : (k + 1) * each], first)
        slow_down(n_rows * n, stages, taps, repeated, room, x, out[i])

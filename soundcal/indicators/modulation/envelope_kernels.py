"""Compiled loops of the slow fluctuation. They check nothing: the callers do.

Signals are filtered after their samples have been dealt out to ``n`` rows, every ``n``-th sample to
the same row, so that the loops run through consecutive numbers and the compiler turns them into
vector instructions. A row continues at both ends with what the signal has before and after: itself,
if it repeats, or silence.

Nothing is fused: in single precision the choice of the compiler, which is another one for kernels
that are read from the disk, would be seen in the eighth digit.
"""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Spectrum
from soundcal.dsp.kernel import strict_kernel
from soundcal.indicators.modulation.excitation import N_CHANNELS

__all__ = ["ENDS", "choose_kinds", "deal_lines", "slow_rectified"]

BLOCK = 512
"""Results that are computed together, so that they stay in the cache."""

ENDS = 16
"""Samples before and after a signal whose middles are interpolated."""

Integers = NDArray[np.int64]
Single = NDArray[np.float32]


@strict_kernel
def lowest_power_of_two(least: int) -> int:
    """Return the lowest power of two that is not below ``least``."""
    found = 1
    while found < least:
        found *= 2
    return found


@strict_kernel
def choose_kinds(
    spans: Integers, length: int, least: int, density: int, real_density: int, kinds: Integers
) -> None:
    """Write the kind and the number of samples of every channel to ``kinds``, shape (n, 2).

    The kind is 0 where the envelope is computed, otherwise the least number of samples for each
    line: ``real_density``, 16 or 1; it is −1 if the channel is empty. ``least`` is the least number
    of samples, ``density`` that of an envelope for each line.
    """
    for channel in range(spans.shape[0]):
        low, after = spans[channel, 0], spans[channel, 1]
        extent = after - low
        kind, size = -1, 0
        if after > 0:
            kind, size = 0, lowest_power_of_two(max(least, density * extent))
            if 2 * low <= least or low < extent // 4 or 2 * size > length:
                size = min(lowest_power_of_two(max(least, real_density * after)), length)
                found = size // after
                kind = real_density if found >= real_density else 16 if found >= 16 else 1
        kinds[channel, 0], kinds[channel, 1] = kind, size


@strict_kernel
def order(k: int, n: int) -> int:
    """Return the row of sample ``k`` of ``n``: of four rows, the first two have every second."""
    return k if n < 4 else (k % 2) * 2 + k // 2


@strict_kernel
def surround(row: Single, first: int, n: int, repeated: bool) -> None:
    """Fill both ends of a row, which has ``n`` samples from ``first`` on."""
    for i in range(first):
        row[i] = row[i + n] if repeated else 0.0
    for i in range(first + n, row.size):
        row[i] = row[i - n] if repeated else 0.0


@strict_kernel
def rows_in(room: Single, n: int, width: int) -> Single:
    """Return rows at the beginning of working memory, a multiple of 8 numbers apart."""
    width = (width + 7) // 8 * 8
    return room[: n * width].reshape((n, width))


@strict_kernel
def midpoints(rows: Single, k: int, taps: Single, out: Single) -> None:
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


@strict_kernel
def deal(x: Single, rows: Single, first: int) -> None:
    """Deal out the absolute values of samples to rows, from place ``first`` on."""
    n = rows.shape[0]
    for k in range(n):
        row = rows[order(k, n), first : first + x.size // n]
        for m in range(row.size):
            row[m] = abs(x[n * m + k])


@strict_kernel
def decimate(rows: Single, taps: Single, out: Single) -> None:
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


@strict_kernel
def slow_down(
    n: int, stages: Integers, taps: Single, repeated: bool, room: Single, x: Single, out: Single
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


@strict_kernel
def turn(a: Single, b: Single, c: Single, d: Single, turns: Single, out: Single) -> None:
    """Write ``a + c``, ``b + d``, turned, as real and imaginary parts to ``out``."""
    cosine, sine = turns[0], turns[1]
    for k in range(a.size):
        re, im = a[k] + c[k], b[k] + d[k]
        out[2 * k] = re * cosine[k] - im * sine[k]
        out[2 * k + 1] = re * sine[k] + im * cosine[k]


@strict_kernel
def amplify(gain: Single, lines: Spectrum, re: Single, im: Single) -> None:
    """Write real and imaginary parts of lines times their gains."""
    for k in range(gain.size):
        re[k] = gain[k] * lines[k].real
        im[k] = gain[k] * lines[k].imag


@strict_kernel
def turn_right(re: Single, im: Single) -> None:
    """Turn numbers by a right angle."""
    for k in range(re.size):
        re[k], im[k] = -im[k], re[k]


@strict_kernel
def deal_lines(
    gains: Single,
    spectra: Spectrum,
    spans: Integers,
    channels: Integers,
    shifted: bool,
    turns: Single,
    room: Single,
    out: Single,
) -> None:
    """Write the lines of channels, dealt out for transforms that give every n-th sample each.

    ``gains``, ``spectra`` and ``spans`` are those of an ``Excitation``. If ``shifted``, the first
    line of a channel counts as 0 Hz. ``turns``, shape (n, 2, m), are cosines and sines, ``room``,
    shape (4, 2 m), is working memory, ``out``, shape (channels, n, 2 m), receives real and
    imaginary parts. With n = 4 a channel may have 2 m lines, of which the second half is turned by
    a right angle more from each transform to the next; otherwise m.
    """
    m = turns.shape[2]
    re, im = room[0], room[1]
    for row in range(channels.size):
        channel = channels[row]
        low, after = spans[channel, 0], spans[channel, 1]
        start = 0 if shifted else low
        end = start + after - low
        re[:start] = 0.0
        im[:start] = 0.0
        lines = spectra[channel // N_CHANNELS, low:after]
        amplify(gains[channel, low:after], lines, re[start:end], im[start:end])
        re[end:] = 0.0
        im[end:] = 0.0
        for i in range(turns.shape[0]):
            turn(re[:m], im[:m], re[m:], im[m:], turns[i], out[row, i])
            turn_right(re[m:], im[m:])


@strict_kernel
def magnitudes(signal: Single, out: Single) -> None:
    """Write the magnitudes of numbers whose real and imaginary parts follow each other."""
    for m in range(out.size):
        re, im = signal[2 * m], signal[2 * m + 1]
        out[m] = math.sqrt(re * re + im * im)


@strict_kernel
def double(signal: Single, out: Single) -> None:
    """Write the real parts of such numbers, doubled."""
    for m in range(out.size):
        out[m] = 2.0 * signal[2 * m]


@strict_kernel
def deal_samples(x: Single, k: int, n: int, rows: Single, first: int) -> None:
    """Deal out samples k, k + n … of a signal to rows, from place ``first`` on."""
    n_rows = rows.shape[0]
    if n_rows == n:
        row = rows[order(k, n_rows), first : first + x.size]
        for m in range(x.size):
            row[m] = x[m]
    elif n_rows < n:
        row = rows[k % n_rows, first + k // n_rows :]
        for m in range(x.size):
            row[n // n_rows * m] = x[m]
    else:  # from one row to several
        for i in range(n_rows):
            row = rows[order(i, n_rows), first : first + x.size // n_rows]
            for m in range(row.size):
                row[m] = x[n_rows * m + i]


@strict_kernel
def slow_rectified(
    signals: Single,
    envelopes: bool,
    wide: Single,
    narrow: Single,
    dense: Single,
    stages: Integers,
    taps: Single,
    repeated: bool,
    room: Single,
    x: Single,
    out: Single,
) -> None:
    """Write rectified signals, filtered and decimated, to the rows of ``out``.

    Every signal consists of n rows with every n-th of its samples, real and imaginary parts. If
    ``envelopes``, they are rectified by their magnitudes. If not, these are those of twice the real
    parts, after values in the middles between the samples have been interpolated with the weights
    ``wide``, and in the middles between all these with ``narrow``, unless they are empty.

    See ``_Conversion`` for the stages; ``dense``, ``room`` and ``x`` are working memory.
    """
    dealt, length = signals.shape[1], signals.shape[2] // 2
    n = dealt * length
    n_rows = (1 + min(wide.size, 1)) * (1 + min(narrow.size, 1))
    filtered = stages.shape[0] > 0
    ratio, margin, size = 1, 0, n_rows * n
    if filtered:
        ratio, margin, size = stages[0, 0], stages[0, 1], stages[0, 2]
    given = ratio // n_rows
    each = n // given
    first = margin + (size - each) // 2
    found = rows_in(dense, ratio, each + 2 * ENDS)
    for i in range(signals.shape[0]):
        rows = rows_in(room, ratio, size + 2 * margin + 3) if filtered else out[i : i + 1]
        for k in range(dealt):
            if envelopes:
                magnitudes(signals[i, k], x[:length])
                deal_samples(x[:length], k, dealt, rows, first)
            else:
                double(signals[i, k], x[:length])
                deal_samples(x[:length], k, dealt, found[:given], ENDS)
        if not envelopes:
            n_found = given
            for weights in (wide, narrow):
                if weights.size > 0:
                    for k in range(n_found):
                        surround(found[k], ENDS, each, True)
                    for k in range(n_found):
                        row = found[n_found + k, ENDS : ENDS + each]
                        midpoints(found[:n_found], k, weights, row)
                    n_found *= 2
            for k in range(ratio):
                deal(found[k, ENDS : ENDS + each], rows[k : k + 1], first)
        if filtered:
            slow_down(n_rows * n, stages, taps, repeated, room, x, out[i])
        else:
            out[i, n:] = 0.0

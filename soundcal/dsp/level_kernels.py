"""Compiled loops of the level meter. They check nothing: the callers do."""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel

__all__ = ["cascade", "meter", "oversampled_peak"]


@kernel
def _common(x: Array, rows: Array, state: Array, out: Array) -> None:
    """Filter ``x`` by three second-order sections (transposed direct form II) into ``out``."""
    s00, s01 = state[0, 0], state[0, 1]
    s10, s11 = state[1, 0], state[1, 1]
    s20, s21 = state[2, 0], state[2, 1]
    b00, b01, b02, a01, a02 = rows[0, 0], rows[0, 1], rows[0, 2], rows[0, 3], rows[0, 4]
    b10, b11, b12, a11, a12 = rows[1, 0], rows[1, 1], rows[1, 2], rows[1, 3], rows[1, 4]
    b20, b21, b22, a21, a22 = rows[2, 0], rows[2, 1], rows[2, 2], rows[2, 3], rows[2, 4]
    for n in range(x.size):
        u = x[n]
        v = b00 * u + s00
        s00 = s01 + b01 * u - a01 * v
        s01 = b02 * u - a02 * v
        u = b10 * v + s10
        s10 = s11 + b11 * v - a11 * u
        s11 = b12 * v - a12 * u
        v = b20 * u + s20
        s20 = s21 + b21 * u - a21 * v
        s21 = b22 * u - a22 * v
        out[n] = v
    state[0, 0], state[0, 1] = s00, s01
    state[1, 0], state[1, 1] = s10, s11
    state[2, 0], state[2, 1] = s20, s21


@kernel
def _section(x: Array, row: Array, state: Array, out: Array) -> None:
    """Filter ``x`` by one second-order section into ``out``."""
    s0, s1 = state[0], state[1]
    b0, b1, b2, a1, a2 = row[0], row[1], row[2], row[3], row[4]
    for n in range(x.size):
        u = x[n]
        v = b0 * u + s0
        s0 = s1 + b1 * u - a1 * v
        s1 = b2 * u - a2 * v
        out[n] = v
    state[0], state[1] = s0, s1


@kernel
def cascade(x: Array, rows: Array, state: Array, out: Array) -> None:
    """Filter ``x`` by four second-order sections into ``out``."""
    _common(x, rows, state, out)
    _section(out, rows[3], state[3], out)


@kernel
def _fast_slow(square: Array, decay: Array, s: Array) -> None:
    """Energy, and F and S averages with their extremes; ``s`` as in :func:`meter`."""
    energy, f, f_max, f_min, t, t_max, t_min = s[0], s[1], s[2], s[3], s[4], s[5], s[6]
    keep_f, keep_s = decay[0], decay[1]
    for n in range(square.size):
        energy += square[n]
        f = keep_f * f + square[n]
        t = keep_s * t + square[n]
        f_max = max(f_max, f)
        f_min = min(f_min, f)
        t_max = max(t_max, t)
        t_min = min(t_min, t)
    s[0], s[1], s[2], s[3], s[4], s[5], s[6] = energy, f, f_max, f_min, t, t_max, t_min


@kernel
def _impulse(square: Array, decay: Array, s: Array) -> None:
    """Average over 35 ms, then a peak detector that falls with 1.5 s."""
    average, held, high, low = s[10], s[7], s[8], s[9]
    keep, fall = decay[2], decay[3]
    for n in range(square.size):
        average = keep * average + square[n]
        held = max(average, fall * held)
        high = max(high, held)
        low = min(low, held)
    s[10], s[7], s[8], s[9] = average, held, high, low


@kernel
def _end_tick(s: Array, scale: Array, row: Array) -> None:
    """Write a tick's readings, restart its sums, and set negligible states to zero."""
    for i in range(10):
        row[i] = s[i] * scale[i]
    s[0] = 0.0
    for d in range(1, 10, 3):
        s[d + 1] = -math.inf
        s[d + 2] = math.inf
    for i in (1, 4, 7, 10):
        if s[i] < 1e-200:  # subnormal numbers would slow silence down
            s[i] = 0.0


@kernel
def meter(
    x: Array,
    fs: float,
    ticks_per_s: int,
    rows: Array,
    uses: NDArray[np.bool_],
    decay: Array,
    scale: Array,
    count: NDArray[np.int64],
    filters: Array,
    states: Array,
    out: Array,
) -> int:
    """Advance a level meter by a block and return the number of ticks that ended in it.

    ``rows``: sections 0 to 2 are C, 3 and 4 convert C to A and B. ``uses``: A, B, C, Z, and the
    impulse detector. ``count``: samples and ticks so far. Each of the four rows of ``states`` is
    the energy of the tick; the average, its maximum and minimum for F, S and I; and the inner
    average of I; all averages before multiplication by 1 − decay, so that one fused operation
    advances them and every compiled variant of the loop rounds alike. ``out``, shape
    (4, ticks, 10), receives them times ``scale`` at each tick's end.
    """
    c_weighted, other, square = np.empty(4096), np.empty(4096), np.empty(4096)
    start, written = 0, 0
    while start < x.size:
        end_of_tick = math.floor((count[1] + 1) * fs / ticks_per_s) - count[0]
        n = min(end_of_tick, x.size - start, 4096)
        z = x[start : start + n]
        c = c_weighted[:n]
        if uses[0] or uses[1] or uses[2]:
            _common(z, rows, filters, c)
        for w in range(4):
            if not uses[w]:
                continue
            y = z if w == 3 else c
            if w < 2:
                y = other[:n]
                _section(c, rows[3 + w], filters[3 + w], y)
            for i in range(n):
                square[i] = y[i] * y[i]
            _fast_slow(square[:n], decay, states[w])
            if uses[4]:
                _impulse(square[:n], decay, states[w])
        start += n
        count[0] += n
        if n == end_of_tick:
            for w in range(4):
                _end_tick(states[w], scale, out[w, written])
            for i in range(5):
                for j in range(2):
                    if abs(filters[i, j]) < 1e-100:
                        filters[i, j] = 0.0
            count[1] += 1
            written += 1
    return written


@kernel
def oversampled_peak(x: Array, taps: Array, peak: Array) -> None:
    """Raise ``peak[0]`` to the largest absolute value of ``x`` interpolated by all phases.

    Parts whose samples are too small for an interpolated value to exceed the peak so far are
    skipped; this is most of a long signal.
    """
    factor, n_taps = taps.shape
    gain = 0.0
    for p in range(factor):
        total = 0.0
        for k in range(n_taps):
            total += abs(taps[p, k])
        gain = max(gain, total)
    largest = peak[0]
    last = x.size - n_taps + 1
    for start in range(0, last, 64):
        stop = min(start + 64, last)
        bound = 0.0
        for n in range(start, stop + n_taps - 1):
            bound = max(bound, abs(x[n]))
        if bound * gain <= largest:
            continue
        for n in range(start, stop):
            for p in range(factor):
                value = 0.0
                for k in range(n_taps):
                    value += taps[p, k] * x[n + k]
                largest = max(largest, abs(value))
    peak[0] = largest

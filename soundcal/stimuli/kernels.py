"""Compiled loops of the stimuli, with strict arithmetic: nothing fused, nothing reordered."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.kernel import strict_kernel

__all__ = [
    "filtered",
    "joined",
    "mean_square",
    "moved",
    "placed",
    "rung",
    "sine_of",
    "sum_of_parts",
    "vocal",
]

_UNIT: Final = float(np.sqrt(3.0 / (65536.0 * 65536.0 - 1.0)))
_SIXTH: Final = 1.0 / 6.0
_NOTHING: Final = 1e-200
"""Where a decay ends: numbers below the normal ones take a processor a hundred times as long."""


@strict_kernel
def sum_of_parts(words: NDArray[np.uint64]) -> Array:
    """Return the centred sum of the four 16-bit parts of each word, standard deviation 1."""
    out = np.empty(words.size)
    mask = np.uint64(0xFFFF)
    for i in range(words.size):
        word = words[i]
        total = np.int64(word & mask)
        total += np.int64((word >> np.uint64(16)) & mask)
        total += np.int64((word >> np.uint64(32)) & mask)
        total += np.int64(word >> np.uint64(48))
        out[i] = float(total - 131070) * _UNIT
    return out


@strict_kernel
def filtered(x: Array, sections: Array) -> Array:
    """Return ``x`` after second-order sections ``(b0, b1, b2, a1, a2)``, transposed form II."""
    y = np.empty_like(x)
    state = np.zeros((sections.shape[0], 2))
    for i in range(x.size):
        value = x[i]
        for row in range(sections.shape[0]):
            result = sections[row, 0] * value + state[row, 0]
            if abs(result) < _NOTHING:
                result = 0.0
            state[row, 0] = sections[row, 1] * value - sections[row, 3] * result + state[row, 1]
            state[row, 1] = sections[row, 2] * value - sections[row, 4] * result
            value = result
        y[i] = value
    return y


@strict_kernel
def vocal(x: Array, frames: Array, step: float) -> Array:
    """Return ``x`` through three resonances in parallel that move from frame to frame.

    ``frames`` has shape (n_frames, 3, 4): gain, ``b0`` (= ``-b2``), ``a1``, ``a2`` of a band-pass,
    ``step`` samples apart and linear in between, which keeps them stable.
    """
    y = np.zeros_like(x)
    state = np.zeros((3, 2))
    for i in range(x.size):
        position = i / step
        frame = min(int(position), frames.shape[0] - 2)
        part = min(position - frame, 1.0)
        for row in range(3):
            low = frames[frame, row]
            high = frames[frame + 1, row]
            b0 = low[1] + part * (high[1] - low[1])
            result = b0 * x[i] + state[row, 0]
            state[row, 0] = state[row, 1] - (low[2] + part * (high[2] - low[2])) * result
            state[row, 1] = -b0 * x[i] - (low[3] + part * (high[3] - low[3])) * result
            y[i] += (low[0] + part * (high[0] - low[0])) * result
    return y


@strict_kernel
def sine_of(turns: Array, series: Array) -> Array:
    """Return the sine of angles in turns: reduced to a quarter turn, then an odd power series."""
    out = np.empty_like(turns)
    for i in range(turns.size):
        part = turns[i] - np.rint(turns[i])
        size = abs(part)
        size = min(size, 0.5 - size)
        square = size * size
        total = series[series.size - 1]
        for k in range(series.size - 2, -1, -1):
            total = total * square + series[k]
        out[i] = np.copysign(min(total * size, 1.0), part)
    return out


@strict_kernel
def joined(values: Array, step: float, n: int) -> Array:
    """Return ``n`` samples of cubic steps from value to value, ``step`` samples apart."""
    out = np.empty(n)
    last = values.size - 1
    for i in range(n):
        position = i / step
        k = min(int(position), last)
        above = min(k + 1, last)
        u = min(position - k, 1.0)
        out[i] = values[k] + u * u * (3.0 - 2.0 * u) * (values[above] - values[k])
    return out


@strict_kernel
def mean_square(x: Array) -> float:
    """Return the mean square, summed in order."""
    total = 0.0
    for i in range(x.size):
        total += x[i] * x[i]
    return total / x.size


@strict_kernel
def rung(start: NDArray[np.int64], size: Array, cosine: Array, sine: Array, n: int) -> Array:
    """Return the sum of decaying oscillations ``size * r^k * sin(w k)``.

    ``cosine`` and ``sine`` hold ``r cos(w)`` and ``r sin(w)``; an oscillation ends when it has
    fallen by 80 dB.
    """
    out = np.zeros(n)
    for event in range(start.size):
        real = size[event]
        imaginary = 0.0
        c, s = cosine[event], sine[event]
        floor = size[event] * size[event] * 1e-8
        for i in range(start[event], n):
            next_real = real * c - imaginary * s
            imaginary = real * s + imaginary * c
            real = next_real
            out[i] += imaginary
            if real * real + imaginary * imaginary < floor:
                break
    return out


@strict_kernel
def _lagrange(x: Array, at: float) -> float:
    """Return ``x`` interpolated between its samples, from four of them; 0 beyond its ends."""
    k = int(np.floor(at))
    if k < 1 or k >= x.size - 2:
        return 0.0
    u = at - k
    low, middle, high = (u - 1.0) * (u - 2.0), u * (u - 2.0), u * (u - 1.0)
    inner = x[k] * ((u + 1.0) * low) - x[k + 1] * ((u + 1.0) * middle)
    outer = x[k + 2] * ((u + 1.0) * high) - x[k - 1] * (u * low)
    value: float = 0.5 * inner + _SIXTH * outer
    return value


@strict_kernel
def placed(x: Array, lead: int, frame: Array, pole: float, out: Array) -> None:
    """Add a source at rest to one ear: delay, head shadow, gain.

    ``frame`` holds the delay in samples and the two numerator coefficients of the head-shadow
    filter with the gain in them. ``x`` starts ``lead`` samples before ``out``; the delay is between
    2 and ``lead`` - 2.
    """
    weights = np.zeros(4)
    whole = int(np.floor(lead - frame[0]))
    part = lead - frame[0] - whole
    for j in range(4):
        unit = np.zeros(5)
        unit[j] = 1.0
        weights[j] = _lagrange(unit, 1.0 + part)
    before = 0.0
    result = 0.0
    for i in range(out.size):
        k = i + whole
        inner = x[k] * weights[1] + x[k + 1] * weights[2]
        value = inner + (x[k - 1] * weights[0] + x[k + 2] * weights[3])
        result = frame[1] * value + frame[2] * before - pole * result
        if abs(result) < _NOTHING:
            result = 0.0
        before = value
        out[i] += result


@strict_kernel
def moved(x: Array, lead: int, frames: Array, pole: float, hop: int, out: Array) -> None:
    """Add a moving source to one ear: as :func:`placed`, with frames ``hop`` samples apart."""
    before = 0.0
    result = 0.0
    for frame in range(frames.shape[0] - 1):
        low, high = frames[frame], frames[frame + 1]
        for i in range(frame * hop, min((frame + 1) * hop, out.size)):
            part = (i - frame * hop) / hop
            value = _lagrange(x, i + lead - (low[0] + part * (high[0] - low[0])))
            b0 = low[1] + part * (high[1] - low[1])
            b1 = low[2] + part * (high[2] - low[2])
            result = b0 * value + b1 * before - pole * result
            before = value
            out[i] += result

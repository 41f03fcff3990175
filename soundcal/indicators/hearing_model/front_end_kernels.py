"""Compiled loops of the ear filter and the filter bank. They check nothing: the callers do."""

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel

__all__ = ["ear_filter", "filter_bank"]

_TILE = 512
"""Samples after which states that are negligible become zero; subnormal numbers are slow."""
_NEGLIGIBLE = 1e-30


@kernel
def ear_filter(x: Array, sections: Array, state: Array) -> None:
    """Filter ``x`` in place by second-order sections in series (transposed direct form II)."""
    for start in range(0, x.size, _TILE):
        stop = min(start + _TILE, x.size)
        for i in range(sections.shape[0]):
            b0, b1, b2 = sections[i, 0], sections[i, 1], sections[i, 2]
            a1, a2 = sections[i, 3], sections[i, 4]
            s0, s1 = state[i, 0], state[i, 1]
            for n in range(start, stop):
                u = x[n]
                v = b0 * u + s0
                s0 = s1 + b1 * u - a1 * v
                s1 = b2 * u - a2 * v
                x[n] = v
            state[i, 0] = s0 if abs(s0) > _NEGLIGIBLE else 0.0
            state[i, 1] = s1 if abs(s1) > _NEGLIGIBLE else 0.0


@kernel
def filter_bank(x: Array, taps: Array, poles: Array, state: Array, out: Array) -> None:
    """Filter ``x``, four samples of history before it, into ``out``, shape (bands, n).

    Each band is five equal first-order sections with a complex pole, which are stable and exact;
    the signal is real. ``taps``, shape (bands, 4, 2), are twice the gain times the numerator's
    coefficients for delays of 1 to 4; ``poles``, shape (bands, 2). ``state``, shape
    (bands, 5, 2), is what the sections hold.
    """
    n_samples = x.size - 4
    for b in range(out.shape[0]):
        q, r = poles[b, 0], poles[b, 1]
        t = taps[b]
        s = state[b]
        for start in range(0, n_samples, _TILE):
            a0, a1, b0, b1, c0, c1 = s[0, 0], s[0, 1], s[1, 0], s[1, 1], s[2, 0], s[2, 1]
            d0, d1, e0, e1 = s[3, 0], s[3, 1], s[4, 0], s[4, 1]
            for n in range(start, min(start + _TILE, n_samples)):
                x1, x2, x3, x4 = x[n + 3], x[n + 2], x[n + 1], x[n]
                u0 = t[0, 0] * x1 + t[1, 0] * x2 + t[2, 0] * x3 + t[3, 0] * x4
                u1 = t[0, 1] * x1 + t[1, 1] * x2 + t[2, 1] * x3 + t[3, 1] * x4
                a0, a1 = u0 + q * a0 - r * a1, u1 + q * a1 + r * a0
                b0, b1 = a0 + q * b0 - r * b1, a1 + q * b1 + r * b0
                c0, c1 = b0 + q * c0 - r * c1, b1 + q * c1 + r * c0
                d0, d1 = c0 + q * d0 - r * d1, c1 + q * d1 + r * d0
                e0, e1 = d0 + q * e0 - r * e1, d1 + q * e1 + r * e0
                out[b, n] = e0
            s[0, 0], s[0, 1], s[1, 0], s[1, 1], s[2, 0], s[2, 1] = a0, a1, b0, b1, c0, c1
            s[3, 0], s[3, 1], s[4, 0], s[4, 1] = d0, d1, e0, e1
            for i in range(5):
                for j in range(2):
                    if abs(s[i, j]) < _NEGLIGIBLE:
                        s[i, j] = 0.0

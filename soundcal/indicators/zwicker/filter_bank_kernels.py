"""Compiled loops of the loudness filter bank. They check nothing: the callers do.

States and coefficients of all bands are in one array, 32 lanes to a row, so that the compiler turns
the loop over bands into vector instructions; four samples are processed per pass to keep the states
in registers.
"""

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel
from soundcal.dsp.octave_kernels import two_poles

__all__ = ["smoothed_bands", "summed_bands"]

Pair = tuple[float, float]
Triple = tuple[float, float, float]

LANES = 32
GROUP = 24
TINY = 1e-120


@kernel
def numerator(x: Array, n: int) -> float:
    """Return sample ``n`` of ``(1 − z⁻²)³ x``, where ``x`` begins six samples early."""
    value: float = x[n + 6] - x[n] - 3.0 * (x[n + 4] - x[n + 2])
    return value


@kernel
def smooth(power: float, decay: float, u: float, v: float, w: float) -> Triple:
    """Three first-order low-passes without their gains."""
    u = decay * u + power
    v = decay * v + u
    w = decay * w + v
    return u, v, w


@kernel
def flush(rows: Array) -> None:
    """Set states to zero that are too small to affect the result."""
    for i in range(9 * LANES):
        if abs(rows[i]) < TINY:
            rows[i] = 0.0


@kernel
def four_samples(x: Array, n: int, r: Array) -> None:
    """Filter samples ``n`` to ``n + 3`` in all bands.

    Rows of ``r``, 32 lanes each: last two outputs of three sections, three smoothing stages; two
    coefficients of each section, the smoothing's decay.
    """
    x0, x1 = numerator(x, n), numerator(x, n + 1)
    x2, x3 = numerator(x, n + 2), numerator(x, n + 3)
    for i in range(LANES):
        a1, a2, b1, b2 = r[i], r[32 + i], r[64 + i], r[96 + i]
        c1, c2 = r[128 + i], r[160 + i]
        u, v, w = r[192 + i], r[224 + i], r[256 + i]
        ca, da, cb, db = r[288 + i], r[320 + i], r[352 + i], r[384 + i]
        cc, dc, p = r[416 + i], r[448 + i], r[480 + i]
        a = two_poles(x0, ca, da, a1, a2)
        b = two_poles(a, cb, db, b1, b2)
        c = two_poles(b, cc, dc, c1, c2)
        u, v, w = smooth(c * c, p, u, v, w)
        a2 = two_poles(x1, ca, da, a, a1)
        b2 = two_poles(a2, cb, db, b, b1)
        c2 = two_poles(b2, cc, dc, c, c1)
        u, v, w = smooth(c2 * c2, p, u, v, w)
        a1 = two_poles(x2, ca, da, a2, a)
        b1 = two_poles(a1, cb, db, b2, b)
        c1 = two_poles(b1, cc, dc, c2, c)
        u, v, w = smooth(c1 * c1, p, u, v, w)
        a = two_poles(x3, ca, da, a1, a2)
        b = two_poles(a, cb, db, b1, b2)
        c = two_poles(b, cc, dc, c1, c2)
        u, v, w = smooth(c * c, p, u, v, w)
        r[i], r[32 + i], r[64 + i], r[96 + i], r[128 + i], r[160 + i] = a, a1, b, b1, c, c1
        r[192 + i], r[224 + i], r[256 + i] = u, v, w


@kernel
def smoothed_bands(x: Array, rows: Array, factors: Array, out: Array) -> None:
    """Filter, square, smooth, and keep every 24th value of each band."""
    for group in range(out.shape[0]):
        for n in range(group * GROUP, (group + 1) * GROUP, 4):
            four_samples(x, n, rows)
        if group % 4 == 3:  # once in a step of 2 ms
            flush(rows)
        for i in range(out.shape[1]):
            out[group, i] = rows[256 + i] * factors[i]


@kernel
def summed_bands(x: Array, skip: int, rows: Array) -> None:
    """Filter, and add up the squares from sample ``skip`` on in the seventh row."""
    r = rows
    for n in range(x.size - 6):
        x0 = numerator(x, n)
        use = 1.0 if n >= skip else 0.0
        for i in range(LANES):
            a1, b1, c1 = r[i], r[64 + i], r[128 + i]
            a = two_poles(x0, r[288 + i], r[320 + i], a1, r[32 + i])
            b = two_poles(a, r[352 + i], r[384 + i], b1, r[96 + i])
            c = two_poles(b, r[416 + i], r[448 + i], c1, r[160 + i])
            r[i], r[32 + i], r[64 + i], r[96 + i], r[128 + i], r[160 + i] = a, a1, b, b1, c, c1
            r[192 + i] += use * c * c
        if n % 4096 == 0:
            flush(r)

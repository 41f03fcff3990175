"""Compiled loops of the Zwicker loudness. They check nothing: the callers do.

All values that the standard states in decibels are handled as energies relative to (20 µPa)²: then
comparing, shifting and adding levels needs neither logarithms nor powers.
"""

from typing import NamedTuple

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel

__all__ = ["Constants", "core_loudness", "loudness_over_time", "pattern"]


N_CORE = 20
N_LOW = 11
N_BINS = 240
INNER = 24
SAME = 1e-5
FAINT = 1e-100


class Constants(NamedTuple):
    """Tables of the standard in the form that the kernels need (see :mod:`.method`)."""

    limits: Array
    """Energy limits of Table A.3, shape (11, 8); the last is infinite."""
    reductions: Array
    """Energy factors of Table A.3, shape (11, 8)."""
    thresholds: Array
    """Energies above which a band is audible, shape (20,)."""
    excitation: Array
    """Factors from energy to excitation over threshold, a quarter of it, shape (20,)."""
    gains: Array
    """Specific loudness at threshold, shape (20,)."""
    edges: Array
    """Upper limits of the bands in Bark, shape (21,)."""
    ranges: Array
    """Lower limits of the ranges of specific loudness, shape (18,)."""
    slopes: Array
    """Slopes per range and band, shape (18, 21)."""
    decay: Array
    """Coefficients of the nonlinear decay, shape (6,)."""
    weighting: Array
    """Coefficients of the temporal weighting: decay, old and new input; start and share; (2, 5)."""


@kernel
def core_loudness(energy: Array, c: Constants, core: Array) -> None:
    """Convert 28 band energies to 20 core loudnesses (ISO 532-1:2017, 5.4, Tables A.3 to A.7)."""
    core[0] = core[1] = core[2] = 0.0
    for i in range(N_LOW):
        j = 0
        while energy[i] > c.limits[i, j]:
            j += 1
        band = 0 if i < 6 else (1 if i < 9 else 2)
        core[band] += energy[i] * c.reductions[i, j]
    for i in range(N_CORE):
        e = core[i] if i < 3 else energy[i + 8]
        audible = e > c.thresholds[i]
        value = c.gains[i] * (np.sqrt(np.sqrt(0.75 + c.excitation[i] * e)) - 1.0)
        core[i] = max(value, 0.0) if audible else 0.0
    if core[0] > 0.0:  # the threshold varies within the lowest band
        core[0] *= min(0.4 + 0.32 * core[0] ** 0.2, 1.0)


@kernel
def decay_once(
    u: float,
    out: float,
    inner: float,
    b0: float,
    b1: float,
    b2: float,
    b3: float,
    b4: float,
    b5: float,
) -> tuple[float, float]:
    """One step of the nonlinear decay (ISO 532-1:2017, 6.3), without branches.

    ``out`` and ``inner`` are the voltages of the two capacitors of the standard's circuit.
    """
    discharging = out > inner
    linked, alone = out * b2 - inner * b3, out * b4
    fallen = linked if discharging else alone
    fallen = fallen if fallen > u else u
    linked_inner = out * b0 - inner * b1
    linked_inner = linked_inner if linked_inner < fallen else fallen
    fallen_inner = linked_inner if discharging else fallen
    charged = (inner - u) * b5 + u
    steady = (u - out < SAME) & (u <= inner)
    risen_inner = u if steady else charged
    falling = u < out
    return (fallen if falling else u), (fallen_inner if falling else risen_inner)


@kernel
def decay_to_next(s: Array, b: Array, first: bool) -> None:
    """Advance all bands from the last input to the next, interpolated 24-fold.

    ``s`` has four rows of 20 bands: both voltages, the last input and the next. The ``first`` input
    has no predecessor and takes one step.
    """
    b0, b1, b2, b3, b4, b5 = b[0], b[1], b[2], b[3], b[4], b[5]
    for k in range(INNER if first else 1, INNER + 1):
        part = k / INNER
        for i in range(N_CORE):
            u = s[40 + i] + (s[60 + i] - s[40 + i]) * part
            s[i], s[20 + i] = decay_once(u, s[i], s[20 + i], b0, b1, b2, b3, b4, b5)
    for i in range(N_CORE):
        s[i] = s[i] if s[i] > FAINT else 0.0
        s[20 + i] = s[20 + i] if s[20 + i] > FAINT else 0.0
        s[40 + i] = s[60 + i]


@kernel
def pattern(core: Array, c: Constants, specific: Array) -> float:
    """Attach the slopes to the core loudness; return the loudness and fill in N'(z).

    ISO 532-1:2017, 5.5, Tables A.8 and A.9. ``specific`` has 240 values, or none if only
    the loudness is needed.
    """
    total, left, z, bin_, j = 0.0, 0.0, 0.0, 0, 0
    for i in range(N_CORE + 1):
        level = core[i] if i < N_CORE else 0.0
        edge = c.edges[i]
        inside = True
        while inside:
            if left <= level:
                if left < level:
                    j = 0
                slope, right, z_end, inside = 0.0, level, edge, False
                left = level
            else:
                slope = c.slopes[j, i]
                right = max(c.ranges[j], level)
                z_end = z + (left - right) / slope
                if z_end > edge:
                    z_end, inside = edge, False
                    right = left - (edge - z) * slope
            total += (z_end - z) * (left + right) / 2.0
            while bin_ < specific.size and (bin_ + 1) * 0.1 <= z_end:
                specific[bin_] = left - ((bin_ + 1) * 0.1 - z) * slope
                bin_ += 1
            while j < c.ranges.size - 1 and right <= c.ranges[j]:
                j += 1
            left, z = right, z_end
    return max(total, 0.0)


@kernel
def loudness_over_time(
    energy: Array,
    c: Constants,
    decay: Array,
    memory: Array,
    loudness: Array,
    instant: Array,
    specific: Array,
) -> None:
    """Convert band energies every 0.5 ms to N and N'(z) every 2 ms (ISO 532-1:2017, clause 6).

    Parameters
    ----------
    energy : shape (4 n, 28)
        Band energies relative to (20 µPa)².
    c : Constants
        Tables of the method.
    decay : shape (80,)
        State of the nonlinear decay (see :func:`decay_to_next`).
    memory : shape (4,)
        State of the temporal weighting: two outputs, the last input, and whether there was one.
    loudness : shape (n,)
        Filled with N in sone.
    instant : shape (n,)
        Filled with the loudness before the temporal weighting: the integral of N'(z).
    specific : shape (n, 240) or (0, 240)
        Filled with N'(z) in sone/Bark.
    """
    nothing = np.zeros(0)
    for m in range(energy.shape[0]):
        first = memory[3] == 0.0
        core_loudness(energy[m], c, decay[60:])
        decay_to_next(decay, c.decay, first)
        wanted = m % 4 == 0 and specific.shape[0] > 0
        total = pattern(decay, c, specific[m // 4] if wanted else nothing)
        for i in range(2):
            w = c.weighting[i]
            y = w[0] * memory[i] + w[1] * memory[2] + w[2] * total
            y = w[3] * total if first else y
            memory[i] = y if y > FAINT else 0.0
        memory[2], memory[3] = total, 1.0
        if m % 4 == 0:
            instant[m // 4] = total
            loudness[m // 4] = c.weighting[0, 4] * memory[0] + c.weighting[1, 4] * memory[1]

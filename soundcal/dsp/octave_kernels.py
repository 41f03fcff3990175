"""Compiled loop of the fractional-octave filters. No checks here: the callers made them."""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.dsp.kernel import kernel

__all__ = ["band_energies"]

Array = NDArray[np.float64]


@kernel
def band_energies(
    x: Array,
    step: float,
    coefficients: Array,
    active: NDArray[np.int64],
    state: Array,
    energy: Array,
    count: NDArray[np.int64],
    out: Array,
) -> int:
    """Filter a block into all bands and return the number of steps that ended in it.

    ``coefficients``, shape (depth, 3, bands): g, a1, a2 per section, bands with more sections
    first, so that the first ``active[d]`` bands have a section d. ``step`` in samples; ``count``:
    samples and steps so far; ``out`` takes the energies of ended steps.
    """
    depth, n_bands = coefficients.shape[0], coefficients.shape[2]
    y = np.empty(n_bands)
    written = 0
    end = math.floor((count[1] + 1) * step)
    for n in range(x.size):
        y[:] = x[n]
        for d in range(depth):
            g, a1, a2 = coefficients[d, 0], coefficients[d, 1], coefficients[d, 2]
            s0, s1 = state[d, 0], state[d, 1]
            for b in range(active[d]):
                u = g[b] * y[b]
                v = u + s0[b]
                s0[b] = s1[b] - a1[b] * v
                s1[b] = -u - a2[b] * v
                y[b] = v
        for b in range(n_bands):
            energy[b] += y[b] * y[b]
        count[0] += 1
        if count[0] == end:
            out[written] = energy
            energy[:] = 0.0
            written += 1
            count[1] += 1
            end = math.floor((count[1] + 1) * step)
            for d in range(depth):
                for i in range(2):
                    for b in range(n_bands):
                        if abs(state[d, i, b]) < 1e-100:  # subnormal numbers are slow
                            state[d, i, b] = 0.0
    return written

"""Compiled loop of the sampling-rate conversion. No checks here: the callers made them."""

import numpy as np
from numpy.typing import NDArray

from soundcal.dsp.kernel import kernel

__all__ = ["interpolate"]

Array = NDArray[np.float64]

LANES = 8


@kernel
def interpolate(x: Array, table: Array, down: int, position: NDArray[np.int64], out: Array) -> int:
    """Fill ``out`` as far as ``x`` reaches, move ``position`` (sample, phase), return how many."""
    up, taps = table.shape
    at, phase = position[0], position[1]
    sums = np.zeros(LANES)
    n = 0
    while at + taps <= x.size:
        sums[:] = 0.0
        for k in range(0, taps, LANES):
            for i in range(LANES):
                sums[i] += table[phase, k + i] * x[at + k + i]
        total = 0.0
        for i in range(LANES):
            total += sums[i]
        out[n] = total
        n += 1
        phase += down
        at += phase // up
        phase %= up
    position[0], position[1] = at, phase
    return n

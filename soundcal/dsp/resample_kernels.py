"""Compiled loop of the sampling-rate conversion. It checks nothing: the callers do."""

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.kernel import summing_kernel

__all__ = ["interpolate"]


@summing_kernel
def interpolate(x: Array, table: Array, down: int, position: NDArray[np.int64], out: Array) -> int:
    """Fill ``out`` up to the end of ``x``, move ``position`` (sample, phase); return the number."""
    up, taps = table.shape
    at, phase = position[0], position[1]
    n = 0
    while at + taps <= x.size:
        weights, samples = table[phase], x[at : at + taps]
        total = 0.0
        for k in range(taps):
            total += weights[k] * samples[k]
        out[n] = total
        n += 1
        phase += down
        at += phase // up
        phase %= up
    position[0], position[1] = at, phase
    return n

"""Compiled loops of the tonality. They check nothing: the callers do."""

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.kernel import summing_kernel

__all__ = ["sums_of_products"]


@summing_kernel
def sums_of_products(rows: Array, x: Array) -> Array:
    """Return the sum of the products of every row with ``x``."""
    out = np.empty(rows.shape[0])
    for i in range(rows.shape[0]):
        total = 0.0
        for k in range(x.size):
            total += rows[i, k] * x[k]
        out[i] = total
    return out

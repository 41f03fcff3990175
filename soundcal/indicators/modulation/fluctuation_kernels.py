"""Compiled loop of fluctuation strength. It checks nothing: the caller does."""

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.kernel import summing_kernel

__all__ = ["mean_products"]


@summing_kernel
def mean_products(signals: NDArray[np.float32], means: Array, powers: Array, common: Array) -> None:
    """Write means, powers and mean products of signals without their means.

    ``signals`` has shape (n, samples); ``common``, shape (n − 2), receives the mean products of
    each signal and the one after the next. Everything is summed in double precision.
    """
    n, size = signals.shape
    for i in range(n):
        total = 0.0
        for k in range(size):
            total += signals[i, k]
        means[i] = total / size
    for i in range(n):
        one, mean = signals[i], means[i]
        total = 0.0
        for k in range(size):
            total += (one[k] - mean) * (one[k] - mean)
        powers[i] = total / size
        if i + 2 < n:
            other, mean_of_other = signals[i + 2], means[i + 2]
            total = 0.0
            for k in range(size):
                total += (one[k] - mean) * (other[k] - mean_of_other)
            common[i] = total / size

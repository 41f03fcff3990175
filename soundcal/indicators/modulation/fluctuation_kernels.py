"""Compiled loop of fluctuation strength. It checks nothing: the caller does."""

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.kernel import summing_kernel

__all__ = ["mean_products"]


@summing_kernel
def mean_products(
    signals: NDArray[np.float32], size: int, means: Array, powers: Array, common: Array
) -> None:
    """Write means, powers and mean products of signals without their means.

    The first ``size`` samples of each row of ``signals`` count. ``common``, shape (n − 2), receives
    the mean products of each signal and the one after the next. Everything is summed in double
    precision.
    """
    for i in range(means.size):
        one = signals[i, :size]
        total = 0.0
        for k in range(size):
            total += one[k]
        means[i] = total / size
    for i in range(means.size):
        one, mean = signals[i, :size], means[i]
        total = 0.0
        for k in range(size):
            total += (one[k] - mean) * (one[k] - mean)
        powers[i] = total / size
    for i in range(common.size):
        one, mean = signals[i, :size], means[i]
        other, mean_of_other = signals[i + 2, :size], means[i + 2]
        total = 0.0
        for k in range(size):
            total += (one[k] - mean) * (other[k] - mean_of_other)
        common[i] = total / size

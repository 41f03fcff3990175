"""Compiled loop of the blocks' energies. It checks nothing: the callers do."""

from soundcal.arrays import Array
from soundcal.dsp.kernel import summing_kernel

__all__ = ["sum_squares"]


@summing_kernel
def sum_squares(samples: Array, hop: int, out: Array) -> None:
    """Write the sums of the squares of each hop to ``out``, shape (bands, hops)."""
    for band in range(out.shape[0]):
        for i in range(out.shape[1]):
            x = samples[band, i * hop : (i + 1) * hop]
            total = 0.0
            for n in range(x.size):
                total += x[n] * x[n]
            out[band, i] = total

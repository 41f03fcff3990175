"""Compiled loop of the rectification. It checks nothing: the callers do."""

from soundcal.arrays import Array
from soundcal.dsp.kernel import summing_kernel

__all__ = ["rectify"]


@summing_kernel
def rectify(bands: Array, hop: int, out: Array, energies: Array) -> None:
    """Write the positive parts to ``out``, and their sums of squares per hop to ``energies``."""
    for band in range(bands.shape[0]):
        for i in range(energies.shape[1]):
            x, y = bands[band, i * hop : (i + 1) * hop], out[band, i * hop : (i + 1) * hop]
            total = 0.0
            for n in range(x.size):
                value = max(x[n], 0.0)
                y[n] = value
                total += value * value
            energies[band, i] = total

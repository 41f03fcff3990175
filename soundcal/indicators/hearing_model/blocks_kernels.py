"""Compiled loops of the blocks' basis loudness. They check nothing: the callers do."""

import math

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel, summing_kernel
from soundcal.indicators.hearing_model.basis import basis_loudness

__all__ = ["block_loudness"]


@summing_kernel
def _energy(x: Array) -> float:
    total = 0.0
    for n in range(x.size):
        total += x[n] * x[n]
    return total


@kernel
def block_loudness(
    samples: Array, origin: int, hop: int, thresholds: Array, energies: Array, basis: Array
) -> None:
    """Write the basis loudness of the blocks that end in the frame from ``origin`` on.

    ``basis`` has the shape (bands, blocks), ``energies`` (bands, 3 + blocks): one value per hop,
    the first three of the frame before, which this moves there.
    """
    n_blocks = basis.shape[1]
    for band in range(basis.shape[0]):
        e = energies[band]
        e[:3] = e[n_blocks:].copy()
        for i in range(n_blocks):
            start = origin + i * hop
            e[3 + i] = _energy(samples[band, start : start + hop])
            total = e[i] + e[i + 1] + e[i + 2] + e[i + 3]
            loudness = basis_loudness(math.sqrt(total / (2.0 * hop)))
            basis[band, i] = max(loudness - thresholds[band], 0.0)

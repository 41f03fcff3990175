"""Channels of a file that hold one signal: equal, inverted, or the same at another level."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from soundcal.arrays import Samples

__all__ = ["OneSignal"]

_MOST: Final = 16
"""Up to this number of channels, each is compared with each; among more, neighbours only."""

_STEPS: Final = 0.5
"""Largest rms of the difference in steps: rounding either channel gives 0.29 steps, both 0.41."""

_FLOAT_STEP: Final = 2.0**-22
"""Rounding of 32-bit float samples, relative to their rms."""


class OneSignal:
    """A comparison of all channels, block by block, that leaves out their common factor.

    Parameters
    ----------
    n_channels : int
        Number of channels.

    Examples
    --------
    >>> left = np.round(np.random.default_rng(1).normal(0.0, 1e5, 4800)) / 2**23
    >>> pairs = OneSignal(2)
    >>> pairs.push(np.array([left, -0.5 * left]))
    >>> list(pairs.found([2**-23, 2**-23]))
    [(0, 1, -0.5)]
    """

    def __init__(self, n_channels: int) -> None:
        self._reach = n_channels - 1 if n_channels <= _MOST else 1
        self._n_samples = 0
        self._sums = np.zeros(n_channels)
        self._products = np.zeros((self._reach + 1, n_channels))  # of channels k apart

    def push(self, samples: Samples) -> None:
        """Take the next samples, shape (n_channels, n)."""
        self._n_samples += samples.shape[1]
        self._sums += samples.sum(axis=1)
        for apart, products in enumerate(self._products):
            n = samples.shape[0] - apart
            products[:n] += np.einsum("ij,ij->i", samples[:n], samples[apart:])

    def found(self, steps: Sequence[float]) -> Iterator[tuple[int, int, float]]:
        """Give each pair of channels with one signal, and the factor from the first to the second.

        An offset of either does not count.

        Parameters
        ----------
        steps : sequence of float
            Quantisation step of each channel.
        """
        means = self._sums / max(self._n_samples, 1)
        for apart in range(1, self._reach + 1):
            for i in range(len(steps) - apart):
                j = i + apart
                first, second, both = (
                    self._products[0, i] / self._n_samples - means[i] ** 2,
                    self._products[0, j] / self._n_samples - means[j] ** 2,
                    self._products[apart, i] / self._n_samples - means[i] * means[j],
                )
                if first <= 0.0 or second <= 0.0:
                    continue
                factor = float(both / first)
                step = max(steps[j], steps[i] * abs(factor), _FLOAT_STEP * float(np.sqrt(second)))
                if second - both * factor <= (_STEPS * step) ** 2:
                    yield i, j, factor

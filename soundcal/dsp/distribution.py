"""Percentiles of series of any length in constant memory.

Up to half a million values are kept as they are. Beyond, values are rounded to 18 significant bits
and counted, so a day takes no more memory than an hour. The rounding moves a value by at most 2⁻¹⁸
of itself, 0.0004 dB at 100 dB.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.dsp.signal import PERCENTS, exceedance
from soundcal.errors import ParameterError, SignalError

__all__ = ["CAPACITY", "Distribution"]

Array = NDArray[np.float64]

CAPACITY: Final = 1 << 19
"""Number of values up to which percentiles are exact."""

_COUNTED: Final = 1 << 16
"""Most values that wait to be counted, once counting has begun."""

_DROPPED_BITS: Final = 52 - 17


def _rounded(values: Array) -> Array:
    """Round to 18 significant bits (17 after the leading one), half away from zero."""
    bits = (values + 0.0).view(np.int64)  # + 0.0 makes a negative zero positive
    finite = np.isfinite(values)
    half = np.int64(1) << (_DROPPED_BITS - 1)
    mask = ~((np.int64(1) << _DROPPED_BITS) - 1)
    return np.where(finite, ((bits + half) & mask).view(np.float64), values)


class Distribution:
    """The distribution of a series that arrives piece by piece.

    Parameters
    ----------
    capacity : int
        Values kept exactly before counting begins.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._pending: list[Array] = []
        self._n_pending = 0
        self._values = np.empty(0)
        self._counts = np.empty(0, dtype=np.int64)
        self._counting = False

    @property
    def n(self) -> int:
        """Number of values so far."""
        return self._n_pending + int(self._counts.sum())

    @property
    def exact(self) -> bool:
        """Whether all values are still kept as they came."""
        return not self._counting

    def push(self, values: Array) -> None:
        """Take the next values, shape (n,); ``-inf`` is allowed, NaN is not."""
        if values.size == 0:
            return
        if np.isnan(values).any():
            raise SignalError("a distribution of NaN has no percentiles")
        self._pending.append(np.array(values, dtype=np.float64))
        self._n_pending += values.size
        if self._n_pending > (min(_COUNTED, self._capacity) if self._counting else self._capacity):
            self._count()

    def _count(self) -> None:
        """Turn the pending values into counts."""
        self._counting = True
        pending = np.concatenate(self._pending)
        self._pending, self._n_pending = [], 0
        fresh, counts = np.unique(_rounded(pending), return_counts=True)
        place = np.searchsorted(self._values, fresh)
        known = np.zeros(fresh.size, dtype=np.bool_)
        inside = place < self._values.size
        known[inside] = self._values[place[inside]] == fresh[inside]
        self._counts[place[known]] += counts[known]
        self._values = np.insert(self._values, place[~known], fresh[~known])
        self._counts = np.insert(self._counts, place[~known], counts[~known])

    def exceedance(self, percents: Iterable[float] = PERCENTS) -> Array:
        """Return the values exceeded in the given percentages of the time, shape (n_percents,).

        The estimator is that of :func:`soundcal.dsp.signal.exceedance`.

        Raises
        ------
        SignalError
            No values.
        ParameterError
            A percentage outside 0 to 100.
        """
        wanted = np.asarray(list(percents), dtype=np.float64)
        if self.n == 0:
            raise SignalError("a percentile needs at least one value")
        if not self._counting:
            return exceedance(np.concatenate(self._pending), wanted)
        if ((wanted < 0) | (wanted > 100)).any():
            raise ParameterError(f"percentages {wanted.tolist()}: 0 to 100 expected")
        if self._n_pending:
            self._count()
        cumulative = np.cumsum(self._counts)
        position = (1.0 - wanted / 100.0) * (self.n - 1)
        low = np.floor(position)
        below = self._values[np.searchsorted(cumulative, low, side="right")]
        following = np.minimum(low + 1, self.n - 1)
        above = self._values[np.searchsorted(cumulative, following, side="right")]
        silent = np.isneginf(below)
        base = np.where(silent, 0.0, below)
        step = np.where(silent, 0.0, above - base)
        return np.where(silent, -np.inf, base + (position - low) * step)

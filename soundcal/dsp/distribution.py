"""Percentiles of series of any length in constant memory.

Up to half a million values are kept unchanged. Beyond that, values are rounded to 16 significant
bits and counted, so a day takes no more memory than an hour. The rounding changes a value by at
most 2⁻¹⁶ of itself, and a level of 64 to 128 dB by at most 0.001 dB.
"""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.signal import PERCENTS, between, exceedance
from soundcal.errors import ParameterError, SignalError

__all__ = ["CAPACITY", "Distribution"]


CAPACITY: Final = 1 << 19
"""Number of values up to which percentiles are exact."""

_ROOM: Final = 1 << 14
"""Number of values kept in one array, and counted together once counting has begun."""

_DROPPED_BITS: Final = 52 - 15
_MAGNITUDE: Final = np.int64(2**63 - 1)
_MOST_COUNTS: Final = 2**32 - 1


def _keys(values: Array) -> NDArray[np.int32]:
    """Round to 16 significant bits (15 after the leading one), half away from zero, as integers.

    The integers are those bits and the exponent, with the value's sign: they have the same order as
    the values and take half the memory.
    """
    bits = values.view(np.int64) & _MAGNITUDE
    bits += np.int64(1) << (_DROPPED_BITS - 1)
    bits >>= _DROPPED_BITS
    return np.where(values < 0.0, -bits, bits).astype(np.int32)


def _values(keys: NDArray[np.int32]) -> Array:
    """Return the rounded values of keys."""
    bits = np.abs(keys.astype(np.int64)) << _DROPPED_BITS
    return np.copysign(bits.view(np.float64), keys)


class Distribution:
    """The distribution of a series that arrives piece by piece.

    Parameters
    ----------
    capacity : int
        Number of values kept exactly before counting begins.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._full: list[Array] = []
        self._room = np.empty(_ROOM)
        self._n_room = 0
        self._keys = np.empty(0, dtype=np.int32)
        self._counts: NDArray[np.unsignedinteger[Any]] = np.empty(0, dtype=np.uint32)
        self._n_counted = 0
        self._counting = False

    @property
    def n(self) -> int:
        """Number of values so far."""
        return self._n_counted + len(self._full) * _ROOM + self._n_room

    @property
    def exact(self) -> bool:
        """True while all values are kept unchanged."""
        return not self._counting

    def push(self, values: Array) -> None:
        """Take the next values, shape (n,); infinite ones are allowed, NaN is not."""
        if np.isnan(values).any():
            raise SignalError("a distribution of NaN has no percentiles")
        done = 0
        while done < values.size:
            piece = values[done : done + _ROOM - self._n_room]
            self._room[self._n_room : self._n_room + piece.size] = piece
            self._n_room += piece.size
            done += piece.size
            if self._n_room == _ROOM:
                self._full.append(self._room)
                self._room, self._n_room = np.empty(_ROOM), 0
            if self._counting or self.n > self._capacity:
                self._counting = True
                while self._full:
                    self._add(self._full.pop())

    def _add(self, values: Array) -> None:
        self._n_counted += values.size
        if self._n_counted > _MOST_COUNTS:
            self._counts = self._counts.astype(np.uint64)
        fresh, counts = np.unique(_keys(values), return_counts=True)
        place = np.searchsorted(self._keys, fresh)
        known = np.zeros(fresh.size, dtype=np.bool_)
        inside = place < self._keys.size
        known[inside] = self._keys[place[inside]] == fresh[inside]
        more = counts.astype(self._counts.dtype)
        self._counts[place[known]] += more[known]
        self._keys = np.insert(self._keys, place[~known], fresh[~known])
        self._counts = np.insert(self._counts, place[~known], more[~known])

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
            return exceedance(np.concatenate([*self._full, self._room[: self._n_room]]), wanted)
        if ((wanted < 0) | (wanted > 100)).any():
            raise ParameterError(f"percentages {wanted.tolist()}: 0 to 100 expected")
        if self._n_room:
            self._add(self._room[: self._n_room])
            self._n_room = 0
        cumulative = np.cumsum(self._counts, dtype=np.int64)
        position = (1.0 - wanted / 100.0) * (self.n - 1)
        low = np.floor(position)
        below = _values(self._keys[np.searchsorted(cumulative, low, side="right")])
        following = np.minimum(low + 1, self.n - 1)
        above = _values(self._keys[np.searchsorted(cumulative, following, side="right")])
        return between(below, above, position - low)

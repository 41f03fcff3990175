"""Percentiles of series of any length in constant memory.

Up to half a million values are kept unchanged. Beyond that, values are rounded to 16 significant
bits and counted, so a day takes no more memory than an hour. The rounding changes a value by at
most 2⁻¹⁶ of itself, and a level of 64 to 128 dB by at most 0.001 dB.

Counts of several series add up to those of all of them, :class:`CountedValues`: in any order, and
whatever the groups in which they are added.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.signal import PERCENTS, between, exceedance
from soundcal.errors import ParameterError, SignalError

__all__ = ["CAPACITY", "CountedValues", "Distribution"]


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


@dataclass(frozen=True, slots=True, eq=False)
class CountedValues:
    """Values rounded to 16 significant bits, and their numbers.

    Parameters
    ----------
    keys : ndarray of int32, shape (n_keys,)
        The rounded values as increasing integers: 15 bits after the leading one, and the exponent,
        with the sign of the value.
    counts : ndarray of uint64, shape (n_keys,)
        How often each of them occurs, at least once.
    """

    keys: NDArray[np.int32]
    counts: NDArray[np.uint64]

    @classmethod
    def of(cls, values: Array) -> Self:
        """Count values, shape (n,); infinite ones are allowed, NaN is not.

        >>> counted = CountedValues.of(np.array([60.0, 70.0, 60.0]))
        >>> counted.values.tolist(), counted.counts.tolist()
        ([60.0, 70.0], [2, 1])
        """
        if np.isnan(values).any():
            raise SignalError("a distribution of NaN has no percentiles")
        keys, counts = np.unique(_keys(values), return_counts=True)
        return cls(keys, counts.astype(np.uint64))

    @classmethod
    def together(cls, parts: Sequence["CountedValues"]) -> Self:
        """Return the counts of all parts; the order of the parts does not matter."""
        keys = np.concatenate([part.keys for part in parts])
        counts = np.concatenate([part.counts for part in parts])
        if keys.size == 0:
            return cls(keys, counts)
        order = np.argsort(keys, kind="stable")  # fast, because every part is sorted already
        keys = keys[order]
        first = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
        return cls(keys[first], np.add.reduceat(counts[order], first))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, CountedValues)
            and np.array_equal(self.keys, other.keys)
            and np.array_equal(self.counts, other.counts)
        )

    @property
    def n(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    @property
    def values(self) -> Array:
        """The rounded values, increasing, shape (n_keys,)."""
        return _values(self.keys)

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
        if self.keys.size == 0:
            raise SignalError("a percentile needs at least one value")
        if ((wanted < 0) | (wanted > 100)).any():
            raise ParameterError(f"percentages {wanted.tolist()}: 0 to 100 expected")
        cumulative = np.cumsum(self.counts, dtype=np.int64)
        n = int(cumulative[-1])
        position = (1.0 - wanted / 100.0) * (n - 1)
        low = np.floor(position)
        below = _values(self.keys[np.searchsorted(cumulative, low, side="right")])
        following = np.minimum(low + 1, n - 1)
        above = _values(self.keys[np.searchsorted(cumulative, following, side="right")])
        return between(below, above, position - low)


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
        return self.counted().exceedance(wanted)

    def counted(self) -> CountedValues:
        """Return all values so far, rounded and counted; from now on, none are kept unchanged."""
        while self._full:
            self._add(self._full.pop())
        if self._n_room:
            self._add(self._room[: self._n_room])
            self._n_room = 0
        self._counting = True
        return CountedValues(self._keys, self._counts.astype(np.uint64))

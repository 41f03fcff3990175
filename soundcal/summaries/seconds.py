"""Series that are kept second by second: equivalent level and maximum, or mean and maximum.

Seconds are those of UTC where the start of the file is known, otherwise they count from its first
sample. Pieces begin and end at full seconds, so only the first and the last second of a file can be
shorter. The value of a level is its equivalent level over the second (such as LAeq,1s), and the
maximum is that of the time-weighted level (LAFmax,1s). Of another indicator, they are those of the
values whose time lies in the second.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.indicators.registry import REGISTRY, find
from soundcal.summaries.values import SeriesKey, needed_series

__all__ = [
    "KeptSeries",
    "PieceSeconds",
    "SecondCutter",
    "SecondSeries",
    "check_kept",
    "kept_name",
    "kept_series",
    "seconds_of",
]

_US: Final = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class PieceSeconds:
    """The seconds of a piece.

    Parameters
    ----------
    edges : ndarray of int, shape (n + 1,)
        Samples of the file at which they begin, and the end of the last one.
    starts : ndarray of int, shape (n,)
        Their beginnings in µs from the first sample of the file. The sample at an edge is the first
        one that does not lie before it.
    """

    edges: NDArray[np.int64]
    starts: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of seconds."""
        return int(self.starts.size)

    @property
    def n_samples(self) -> NDArray[np.int64]:
        """Samples of each second, shape (n,)."""
        return np.diff(self.edges)

    def place_of(self, samples: Array) -> NDArray[np.int64]:
        """Return the numbers of the seconds in which places of the file lie, in samples."""
        return np.clip(np.searchsorted(self.edges, samples, side="right") - 1, 0, self.n - 1)


@dataclass(frozen=True, slots=True)
class KeptSeries:
    """The series of a piece that are kept, and the seconds to which their values belong."""

    series: tuple[SeriesKey, ...]
    seconds: PieceSeconds


class SecondCutter:
    """Cuts the samples of a piece, which arrive block by block, where its seconds end.

    Parameters
    ----------
    seconds : PieceSeconds
        The seconds of the piece.
    """

    def __init__(self, seconds: PieceSeconds) -> None:
        self._left = seconds.n_samples.tolist()[::-1]

    def parts(self, block: Array) -> Iterator[tuple[Array, bool]]:
        """Give the parts of a block, shape (n_channels, n), and whether a second ends with each."""
        while block.shape[1]:
            n = min(block.shape[1], self._left[-1])
            self._left[-1] -= n
            if ends := self._left[-1] == 0:
                self._left.pop()
            yield block[:, :n], ends
            block = block[:, n:]


@dataclass(frozen=True, slots=True, eq=False)
class SecondSeries:
    """A series of one channel, second by second.

    Parameters
    ----------
    symbol, series, unit : str
        As of :class:`~soundcal.summaries.summary.Summary`.
    mean, maximum : ndarray, shape (n,)
        Of each second, in ``unit``; NaN without a value.
    """

    symbol: str
    series: str
    unit: str
    mean: Array
    maximum: Array

    @classmethod
    def of_values(
        cls, symbol: str, values: Array, places: NDArray[np.int64], n: int
    ) -> "SecondSeries":
        """Return the series of values of an indicator other than levels.

        Parameters
        ----------
        symbol : str
            The indicator.
        values : ndarray
            Its values, in its unit.
        places : ndarray of int
            Number of the second in which each of them lies.
        n : int
            Number of seconds.
        """
        counts = np.bincount(places, minlength=n)
        sums = np.bincount(places, weights=values, minlength=n)
        highest = np.full(n, -np.inf)
        np.maximum.at(highest, places, values)
        empty = counts == 0
        mean = np.divide(sums, counts, out=np.full(n, np.nan), where=~empty)
        return cls(symbol, "", find(symbol).unit, mean, np.where(empty, np.nan, highest))


def seconds_of(first: int, last: int, fs: int, start: int | None) -> PieceSeconds:
    """Return the seconds of the samples from ``first`` to before ``last`` of a file.

    Parameters
    ----------
    first, last : int
        Samples of the file.
    fs : int
        Sampling rate in Hz.
    start : int, optional
        Start of the file in µs since 1970-01-01 UTC; None if it is not known.

    Examples
    --------
    A file that starts a quarter of a second after a full second:

    >>> seconds_of(0, 250, 100, 250_000).edges
    array([  0,  75, 175, 250])
    """
    offset = 0 if start is None else start % _US

    def edge(number: int) -> int:
        return -(-(number * _US - offset) * fs // _US)

    at = first * _US // fs  # µs from the first sample of the file
    number = (at + offset) // _US
    full = edge(number) == first  # a piece begins at the sample that follows a full second
    edges, starts = [first], [number * _US - offset if full else at]
    while (following := edge(number + 1)) < last:
        number += 1
        edges.append(following)
        starts.append(number * _US - offset)
    return PieceSeconds(np.array([*edges, last]), np.array(starts))


@cache
def _names() -> dict[str, SeriesKey]:
    """Return what the names of series stand for."""
    known: dict[str, SeriesKey] = {}
    for symbol, about in REGISTRY.items():
        if about.family == "levels":
            known |= {symbol: (symbol, "F")} | {symbol + time: (symbol, time) for time in "FSI"}
        else:
            known[symbol] = (symbol, "")
    return known


def kept_series(names: str) -> tuple[SeriesKey, ...]:
    """Return the series that are named, separated by commas: LAF (or LA), LCS, N, Lthird.

    Raises
    ------
    ParameterError
        An unknown name.

    Examples
    --------
    >>> kept_series("LAF, LA, N")
    (('LA', 'F'), ('N', ''))
    """
    found: dict[SeriesKey, None] = {}
    for name in filter(None, (part.strip() for part in names.split(","))):
        if name not in _names():
            near = get_close_matches(name, _names(), n=3)
            raise ParameterError(
                f"--keep {name}: no such series"
                + (f"; did you mean {' or '.join(near)}?" if near else "")
                + "; there are LAF (LAeq and LAFmax of the second), LAS, LAI and those of C, B and "
                "Z, Lthird, Loct, N, S, R, F, T and those of the hearing model"
            )
        found[_names()[name]] = None
    if not found:
        raise ParameterError("--keep: no series named; names such as LAF,N are expected")
    return tuple(sorted(found, key=lambda key: (list(REGISTRY).index(key[0]), key[1])))


def kept_name(key: SeriesKey) -> str:
    """Return the name of a series, as it is typed.

    >>> kept_name(("LA", "F")), kept_name(("N", ""))
    ('LAF', 'N')
    """
    return "".join(key)


def check_kept(kept: Iterable[SeriesKey], wanted: Mapping[str, Sequence[str]]) -> None:
    """Refuse series that are not measured.

    Raises
    ------
    ParameterError
        A series of an indicator that is not among those wanted, or that has none of its own.
    """
    needed = {
        key[0] for s, names in wanted.items() for name in names for key in needed_series(s, name)
    }
    for symbol, series in kept:
        name = kept_name((symbol, series))
        about = find(symbol)
        sources = [source for source, _ in needed_series(symbol, about.statistics[0])]
        if sources != [symbol]:
            raise ParameterError(
                f"--keep {name}: {symbol} has no series of its own; keep {' or '.join(sources)}"
            )
        if symbol not in needed:
            raise ParameterError(
                f"--keep {name}: {symbol} is not measured; add it to --indicators, or leave it out"
            )

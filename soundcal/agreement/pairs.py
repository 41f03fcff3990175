"""Pairs of measurements: checked and joined by name; incomplete pairs are dropped and counted."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.arrays import Array
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Infinite", "Pairs", "join", "make_pairs"]

Infinite = Literal["error", "drop"]
"""Treatment of infinite values, e.g. the level of silence."""

ROUNDING: Final = 1e-12
"""Numbers that differ by less than this part of their size differ by rounding errors only.

Double precision has 16 digits; some are lost in computing an indicator. No instrument resolves 12.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Complete pairs of measurements of the same things.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Measurements by the first and the second method.
    labels : tuple, length n
        Names of the things measured, e.g. stimulus ids; by default positions in the input.
    dropped : tuple
        Labels of the incomplete pairs that were left out.
    warnings : tuple of str
        Remarks on pairs that were left out.
    """

    x: Array
    y: Array
    labels: tuple[Hashable, ...]
    dropped: tuple[Hashable, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of complete pairs."""
        return int(self.x.size)


def column(values: ArrayLike, name: str) -> Array:
    """Return values as a float column.

    Raises
    ------
    ParameterError
        Not numbers, complex, or not one-dimensional.
    """
    try:
        raw = np.asarray(values)
        if raw.dtype.kind in "OUS" and any(isinstance(v, str | bytes) for v in raw.ravel()):
            raise ValueError("text")
        if raw.dtype.kind == "c":
            raise ValueError("complex numbers")
        array = np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"{name}: real numbers are expected ({error}); convert the column first, "
            "missing values are NaN"
        ) from error
    if array.ndim != 1:
        raise ParameterError(
            f"{name}: one value per thing measured is expected (shape (n,)), not shape "
            f"{array.shape}; average or choose channels first"
        )
    return array


def without_rounding(values: Array, size: float = 0.0) -> Array:
    """Return the values; those that differ by rounding errors only become equal.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite values.
    size : float
        Largest magnitude of the numbers that the values were computed from (62.88 - 62.78 is exact
        to the digits of 62.88); the values' own magnitude if that is larger.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    largest = max(size, float(np.abs(values).max(initial=0.0)))
    starts = np.flatnonzero(np.append(True, np.diff(ordered) > ROUNDING * largest))
    if starts.size == values.size:
        return values
    counts = np.diff(np.append(starts, values.size))
    equal = np.empty_like(values)
    equal[order] = np.repeat(ordered[starts + counts // 2], counts)
    return equal


def differences(x: Array, y: Array) -> Array:
    """Return x - y without the rounding errors of x and y; see :func:`without_rounding`."""
    largest = max(float(np.abs(side).max(initial=0.0)) for side in (x, y))
    return without_rounding(x - y, largest)


def is_nameless(label: object) -> bool:
    """Return True for the labels that stand for a missing name: None, NaN, NaT, NA."""
    same = label == label
    return label is None or not isinstance(same, bool | np.bool_) or not same


def _named(labels: Sequence[Hashable], mask: NDArray[np.bool_]) -> tuple[Hashable, ...]:
    return tuple(label for label, on in zip(labels, mask, strict=True) if on)


def listed(labels: Sequence[Hashable], most: int = 5) -> str:
    """Return the first labels in words."""
    more = f", … ({len(labels)} in all)" if len(labels) > most else ""
    return ", ".join(str(label) for label in labels[:most]) + more


def _labels(x: Any, y: Any, labels: Sequence[Hashable] | None, n: int) -> tuple[Hashable, ...]:
    """Return the given labels, or those that both columns have (the index of a pandas Series)."""
    if labels is None:
        both = [getattr(side, "index", None) for side in (x, y)]
        own = [None if callable(index) or index is None else list(index) for index in both]
        if own[0] is not None and own[1] is not None:
            if own[0] != own[1]:
                raise ParameterError(
                    "x and y have different indexes, so their rows do not belong together; "
                    "use agreement.join(x, y), which pairs by index, never by row order"
                )
            labels = own[0]
    if labels is None:
        return tuple(range(n))
    if len(labels) != n:
        raise ParameterError(f"{len(labels)} labels for {n} pairs; one per pair is expected")
    if any(is_nameless(label) for label in labels):
        raise ParameterError(
            f"{sum(map(is_nameless, labels))} of {n} pairs have no label (NaN or None); name them, "
            "or leave them out"
        )
    if len(set(labels)) != n:
        twice = [label for label, count in Counter(labels).items() if count > 1]
        raise ParameterError(
            f"{listed(twice)}: more than one row; repeated measurements are not independent, "
            "average them first or use bland_altman_repeated"
        )
    return tuple(labels)


def make_pairs(
    x: ArrayLike | Mapping[Hashable, float],
    y: ArrayLike | Mapping[Hashable, float],
    *,
    labels: Sequence[Hashable] | None = None,
    infinite: Infinite = "error",
) -> Pairs:
    """Check two columns and drop their incomplete pairs.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Measurements of the same things in the same order; NaN where one is missing. Two pandas
        Series must have the same index. Two mappings are joined by name.
    labels : sequence, optional
        Unique names of the things measured; the index of the Series where both have one.
    infinite : {"error", "drop"}
        Infinite values, such as the level of silence, are an error or drop their pair with a
        warning.

    Raises
    ------
    ParameterError
        Unequal lengths, values that are not numbers, infinite values, labels not unique.
    """
    if isinstance(x, Mapping) and isinstance(y, Mapping):
        if labels is not None:
            raise ParameterError("mappings bring their own labels; leave the argument out")
        return join(x, y, infinite=infinite)
    if isinstance(x, Mapping) or isinstance(y, Mapping):
        raise ParameterError("one of x and y is a mapping; both or none are expected")
    first, second = column(x, "x"), column(y, "y")
    if first.size != second.size:
        raise ParameterError(
            f"{first.size} values of x and {second.size} of y; pair them by name with "
            "agreement.join(x, y)"
        )
    names = _labels(x, y, labels, first.size)
    missing = np.isnan(first) | np.isnan(second)
    endless = (np.isinf(first) | np.isinf(second)) & ~missing
    warnings = []
    if endless.any():
        where = listed(_named(names, endless))
        if infinite == "error":
            raise ParameterError(
                f"{int(endless.sum())} infinite value(s), at {where}: a difference from silence "
                "or overflow has no meaning; exclude these rows with a reason, or pass "
                "infinite='drop'"
            )
        warnings.append(
            f"{int(endless.sum())} pair(s) with an infinite value dropped: {where}; check these "
            "recordings"
        )
    if missing.any():
        warnings.append(
            f"{int(missing.sum())} of {first.size} pairs dropped because a value is missing: "
            + listed(_named(names, missing))
        )
    out = missing | endless
    return Pairs(
        x=first[~out],
        y=second[~out],
        labels=_named(names, ~out),
        dropped=_named(names, out),
        warnings=tuple(warnings),
    )


def _mapping(values: "Mapping[Hashable, float] | pd.Series[Any]", name: str) -> dict[Any, float]:
    keys = list(values.keys())
    if len(set(keys)) != len(keys):
        twice = [key for key, count in Counter(keys).items() if count > 1]
        raise ParameterError(
            f"{name}: more than one value for {listed(twice)}; average repeated measurements "
            "first or use bland_altman_repeated"
        )
    return dict(values.items())


def join(
    x: "Mapping[Hashable, float] | pd.Series[Any]",
    y: "Mapping[Hashable, float] | pd.Series[Any]",
    *,
    infinite: Infinite = "error",
) -> Pairs:
    """Pair two sets of measurements by name (stimulus id), never by row order.

    Parameters
    ----------
    x, y : mapping or pandas.Series
        Values by name. Names that are missing from one of them are left out and reported.
    infinite : {"error", "drop"}
        See :func:`make_pairs`.

    Returns
    -------
    Pairs
        The pairs in the order of x.

    Raises
    ------
    ParameterError
        A name occurs twice, no name in common, values unusable.

    >>> join({"a": 1.0, "b": 2.0, "c": 3.0}, {"c": 3.5, "a": 1.5}).warnings
    ('in one of the two only, left out: b',)
    """
    first, second = _mapping(x, "x"), _mapping(y, "y")
    nameless = [sum(map(is_nameless, side)) for side in (first, second)]
    first, second = (
        {key: value for key, value in side.items() if not is_nameless(key)}
        for side in (first, second)
    )
    common = [key for key in first if key in second]
    alone = [key for key in (*first, *second) if key not in first or key not in second]
    if not common:
        raise ParameterError(
            f"x ({listed(list(first))}) and y ({listed(list(second))}) have no name in common; "
            "name the same stimulus equally in both"
        )
    pairs = make_pairs(
        [first[key] for key in common],
        [second[key] for key in common],
        labels=common,
        infinite=infinite,
    )
    remarks = [f"in one of the two only, left out: {listed(alone)}"] if alone else []
    if any(nameless):
        remarks.append(
            f"{nameless[0]} value(s) of x and {nameless[1]} of y without a name (NaN or None), "
            "left out"
        )
    return Pairs(
        pairs.x, pairs.y, pairs.labels, (*pairs.dropped, *alone), (*remarks, *pairs.warnings)
    )


def narrow_range(pairs: Pairs) -> tuple[str, ...]:
    """Return a warning if the measured values vary little compared with the differences.

    Correlations and lines depend on the range: whatever the methods do, they are poor over a narrow
    range, and good over a wide one.
    """
    d, average = pairs.x - pairs.y, 0.5 * (pairs.x + pairs.y)
    spread, between = float(d.std()), float(average.std())
    if between >= 2.0 * spread:
        return ()
    return (
        f"narrow range: the averages scatter {between / spread:.2g} times as much as the "
        "differences; the result reflects the range more than the agreement, see bland_altman",
    )

"""Correlations of two tables of columns over the same stimuli: coefficients, intervals, max-T.

Rows are stimuli. Columns with missing values are correlated over the stimuli that both have; all
columns of one pattern of missing values are computed together, as a block.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.agreement.pairs import without_rounding
from soundcal.arrays import Array

__all__ = [
    "FEWEST",
    "CommonRows",
    "common_blocks",
    "correlation",
    "midranks",
    "permuted",
    "z_spread",
]

FEWEST: Final = 5
"""Fewest stimuli over which anything is correlated."""

_CHUNK: Final = 2_000_000  # numbers in memory at a time
_MOST: Final = 1.0 - 1e-12  # correlation whose z is finite


@dataclass(frozen=True, slots=True, eq=False)
class CommonRows:
    """Columns of both tables with values at the same stimuli.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
        The stimuli.
    left, right : ndarray of int
        Numbers of the columns.
    x, y : ndarray, shape (n, left), (n, right)
        Their values, none of which is missing; columns vary.
    """

    rows: NDArray[np.intp]
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    x: Array
    y: Array

    @property
    def place(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Index of the block in a table of all left by all right columns."""
        rows, columns = np.ix_(self.left, self.right)
        return rows, columns


def common_blocks(x: Array, y: Array) -> Iterator[CommonRows]:
    """Give the blocks of two tables; columns without spread over a block are in none."""
    for rows_x, left in _patterns(x):
        for rows_y, right in _patterns(y):
            rows = np.flatnonzero(rows_x & rows_y)
            if rows.size < FEWEST:
                continue
            of_x, of_y = (
                np.column_stack([without_rounding(side[rows, i]) for i in columns])
                for side, columns in ((x, left), (y, right))
            )
            vary_x, vary_y = (np.ptp(side, axis=0) > 0.0 for side in (of_x, of_y))
            if vary_x.any() and vary_y.any():
                yield CommonRows(
                    rows, left[vary_x], right[vary_y], of_x[:, vary_x], of_y[:, vary_y]
                )


def _patterns(values: Array) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.intp]]]:
    there = np.isfinite(values)
    patterns, which = np.unique(there, axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        yield patterns[:, number], np.flatnonzero(np.ravel(which) == number)


def midranks(values: Array, weights: Array | None = None) -> Array:
    """Return ranks of each column, ties sharing their mean rank.

    Parameters
    ----------
    values : ndarray, shape (n, m)
        Columns.
    weights : ndarray, shape (b, n), optional
        Number of times that each of b samples holds each row.

    Returns
    -------
    ndarray, shape (m, n) or (m, b, n)
        Ranks, in every sample if weights are given; those of rows that it lacks are meaningless.
    """
    w = np.ones((1, values.shape[0])) if weights is None else weights
    found = []
    for column in values.T:
        below = (column[:, np.newaxis] < column).astype(np.float64)
        equal = (column[:, np.newaxis] == column).astype(np.float64)
        found.append(w @ (below + 0.5 * equal) + 0.5)
    ranks = np.stack(found)
    return ranks[:, 0] if weights is None else ranks


def unit_columns(values: Array) -> Array:
    """Return the columns about their means, each of length 1."""
    apart = values - values.mean(axis=0)
    return np.asarray(apart / np.sqrt((apart**2).sum(axis=0)))


def correlation(x: Array, y: Array) -> Array:
    """Return Pearson's correlation of every column of x with every column of y."""
    return np.clip(unit_columns(x).T @ unit_columns(y), -1.0, 1.0)


def permuted(
    tables: list[CommonRows], observed: Array, *, permutations: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return max-T p values of correlations, step-down, and the largest |r| √(n - 1) of each draw.

    The stimuli of one side are permuted, all columns together. If what was measured and what was
    heard are independent and the stimuli exchangeable, every permutation is as likely as the
    observed order, so the probability that any p value is at or below the level is not above it.

    Parameters
    ----------
    tables : list of CommonRows
        Values, or ranks, of both sides.
    observed : ndarray, shape (left, right)
        Correlations; NaN where there is none.
    permutations : int
        Number of random permutations; the observed order counts as one more.
    rng : Generator
        Random numbers.

    Notes
    -----
    Step-down max-T of Westfall & Young (1993), read in the documentation of the R packages multtest
    and kyotil; p values (1 + hits)/(1 + permutations). If some of the pairs are related, the level
    for the others also rests on subset pivotality: that permutations give their correlations the
    distribution that they have. The docstring of :func:`soundcal.relation.relate` has the rate.
    """
    size = np.full(observed.shape, np.nan)
    for block in tables:
        size[block.place] = math.sqrt(block.rows.size - 1.0)
    there = np.isfinite(observed)
    statistic = np.abs(observed[there]) * size[there]
    falling = np.argsort(-statistic, kind="stable")
    stimuli = 1 + max(int(block.rows.max()) for block in tables)
    hits = np.zeros(statistic.size)
    largest = []
    step = max(1, _CHUNK // (statistic.size + stimuli))
    for start in range(0, permutations, step):
        keys = rng.random((min(step, permutations - start), stimuli))
        drawn = np.full((keys.shape[0], *observed.shape), np.nan)
        for block in tables:
            order = np.argsort(keys[:, block.rows], axis=1)
            u, v = unit_columns(block.x), unit_columns(block.y)
            r = np.abs(np.matmul(u.T, v[order])) * math.sqrt(block.rows.size - 1.0)
            drawn[(slice(None), *block.place)] = r
        ordered = drawn[:, there][:, falling]
        maxima = np.maximum.accumulate(ordered[:, ::-1], axis=1)[:, ::-1]
        # equal up to rounding errors is as large
        hits += (maxima >= statistic[falling] * (1.0 - 1e-12)).sum(axis=0)
        largest.append(maxima[:, 0])
    p = np.empty(statistic.size)
    p[falling] = np.maximum.accumulate((1.0 + hits) / (1.0 + permutations))
    adjusted = np.full(observed.shape, np.nan)
    adjusted[there] = p
    return adjusted, np.concatenate(largest)


def z_spread(block: CommonRows, *, ranks: bool, resamples: int, rng: np.random.Generator) -> Array:
    """Return the standard deviation of Fisher's z over samples of the stimuli, shape (left, right).

    Parameters
    ----------
    block : CommonRows
        Values.
    ranks : bool
        Spearman's correlation instead of Pearson's.
    resamples : int
        Number of samples with replacement.
    rng : Generator
        Random numbers.
    """
    n = block.rows.size
    weights = rng.multinomial(n, np.full(n, 1.0 / n), size=resamples).astype(np.float64)
    step = max(1, _CHUNK // (n * (block.left.size + block.right.size)))
    parts = []
    for start in range(0, resamples, step):
        w = weights[start : start + step]
        if ranks:
            x, y = (midranks(side, w).transpose(1, 2, 0) for side in (block.x, block.y))
        else:
            x, y = block.x[np.newaxis], block.y[np.newaxis]
        u, v = (_weighted_units(side, w[:, :, np.newaxis]) for side in (x, y))
        parts.append(u.transpose(0, 2, 1) @ v)
    r = np.clip(np.concatenate(parts), -_MOST, _MOST)
    return np.asarray(np.nanstd(np.arctanh(r), axis=0, ddof=1))


def _weighted_units(values: Array, w: Array) -> Array:
    """Return columns times √w, about their means and of length 1; NaN for those without spread."""
    apart = values - (w * values).sum(axis=1, keepdims=True) / w.sum(axis=1, keepdims=True)
    square = (w * apart**2).sum(axis=1, keepdims=True)
    least = 1e-20 * (apart**2).max(axis=1, keepdims=True)  # rounding errors of equal values
    with np.errstate(invalid="ignore"):
        return np.asarray(apart * np.sqrt(w / np.where(square > least, square, np.nan)))

"""Limits of agreement without a distribution: median and quantiles of the differences."""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from soundcal.agreement.intervals import check_choice
from soundcal.agreement.limits_of_agreement import Agreement, Points
from soundcal.agreement.results import StatisticalResult
from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = ["NonparametricLimits", "QuantileType", "nonparametric_limits"]
Bounds = tuple[float, float]

QuantileType = Literal[6, 7, 8]

_POSITION: Final = {6: 0.0, 7: 1.0, 8: 1.0 / 3.0}
"""Plotting position parameter of the quantile types of Hyndman & Fan, Am Stat 50:361 (1996)."""

_CHUNK: Final = 2_000_000  # differences held at once while resampling

_UNKNOWN: Final = (math.nan, math.nan)


@dataclass(frozen=True, slots=True, eq=False)
class NonparametricLimits(StatisticalResult):
    """Median and quantiles of the differences, with bootstrap intervals.

    Parameters
    ----------
    n : int
        Complete pairs.
    bias : float
        Median difference.
    lower, upper : float
        Quantiles of the differences.
    bias_ci, lower_ci, upper_ci : tuple of float
        BCa intervals; NaN for quantiles that the number of differences is too small for.
    coverage, confidence : float
        Proportion of the differences between the limits; confidence of the intervals.
    quantile_type : {6, 7, 8}
        Definition of a sample quantile by Hyndman & Fan.
    resamples, seed : int
        Number of resamples and seed of the bootstrap.
    scale, direction : str
        As in :class:`Agreement`.
    method : str
        Description of the analysis in words.
    points : Points
        The data behind the limits.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    n: int
    bias: float
    lower: float
    upper: float
    bias_ci: Bounds
    lower_ci: Bounds
    upper_ci: Bounds
    coverage: float
    confidence: float
    quantile_type: int
    resamples: int
    seed: int
    scale: str
    direction: str
    method: str
    points: Points
    warnings: tuple[str, ...] = ()


def nonparametric_limits(
    agreement: Agreement,
    *,
    quantile_type: QuantileType = 8,
    resamples: int = 2000,
    seed: int = 0,
) -> NonparametricLimits:
    """Return median and quantiles of the differences behind limits of agreement.

    Parameters
    ----------
    agreement : Agreement
        A result of :func:`bland_altman`, which also defines coverage and confidence.
    quantile_type : {6, 7, 8}
        Definition of a sample quantile: 6 (Weibull), 7 (linear, the default of numpy and R), 8
        (median-unbiased). They differ much in the tails of small samples.
    resamples : int
        Bootstrap resamples of the pairs, 200 or more.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    NonparametricLimits

    Raises
    ------
    ParameterError
        An argument out of range.

    Notes
    -----
    Intervals: bias-corrected and accelerated (BCa; Efron, J Am Stat Assoc 82:171, 1987). Below
    ``2/(1 - coverage) - 1`` pairs (39 for 95 %) the quantiles are the extreme values, whose
    intervals would be meaningless, so none are given.

    >>> from soundcal.agreement import bland_altman
    >>> nonparametric_limits(bland_altman([1.0, 2.0, 4.0], [1.0, 1.5, 3.0])).bias
    0.5
    """
    check_choice("quantile_type", quantile_type, QuantileType)
    if resamples < 200:
        raise ParameterError(f"{resamples} resamples; at least 200 are needed, 2000 are usual")
    d, n, confidence = np.sort(agreement.points.difference), agreement.n, agreement.confidence
    tail = 0.5 * (1.0 - agreement.coverage)
    position = _POSITION[quantile_type]
    drawn = _resampled(d, resamples, seed, (0.5, tail, 1.0 - tail), position)
    intervals = [
        _bca(d, p, position, row, confidence)
        for p, row in zip((0.5, tail, 1.0 - tail), drawn, strict=True)
    ]
    warnings = []
    if (n + 1) * tail < 1.0:
        needed = math.ceil(1.0 / tail - 1.0 - 1e-9)
        intervals[1:] = [_UNKNOWN, _UNKNOWN]
        warnings.append(
            f"with {n} pairs the {100 * tail:g} % quantiles are the extreme differences: no "
            f"intervals are given; at least {needed} pairs are needed"
        )
    return NonparametricLimits(
        n=n,
        bias=_quantile(d, 0.5, position),
        lower=_quantile(d, tail, position),
        upper=_quantile(d, 1.0 - tail, position),
        bias_ci=intervals[0],
        lower_ci=intervals[1],
        upper_ci=intervals[2],
        coverage=agreement.coverage,
        confidence=confidence,
        quantile_type=quantile_type,
        resamples=resamples,
        seed=seed,
        scale=agreement.scale,
        direction=agreement.direction,
        method=f"median and {100 * tail:g} % quantiles (Hyndman & Fan type {quantile_type}) of "
        f"n = {n} differences, {100 * confidence:g} % BCa bootstrap intervals ({resamples} "
        f"resamples, seed {seed})",
        points=agreement.points,
        warnings=tuple(warnings),
    )


def _place(n: int, p: float, position: float) -> tuple[int, float]:
    """Return index (from 0) and fraction of the quantile's position in n sorted values."""
    h = n * p + position + p * (1.0 - 2.0 * position) - 1.0
    h = min(max(h, 0.0), n - 1.0)
    j = min(int(h), max(n - 2, 0))
    return j, h - j


def _quantile(ordered: Array, p: float, position: float) -> float:
    j, part = _place(ordered.size, p, position)
    return float((1.0 - part) * ordered[j] + part * ordered[min(j + 1, ordered.size - 1)])


def _resampled(
    d: Array, resamples: int, seed: int, parts: tuple[float, ...], position: float
) -> Array:
    """Return the quantiles of bootstrap samples, shape (len(parts), resamples)."""
    rng, n = np.random.default_rng(seed), d.size
    found, done = np.empty((len(parts), resamples)), 0
    while done < resamples:
        count = min(max(_CHUNK // n, 1), resamples - done)
        # sorting the drawn positions is the same as sorting the drawn values
        rows = d[np.sort(rng.integers(0, n, (count, n)), axis=1)]
        for found_row, p in zip(found, parts, strict=True):
            j, part = _place(n, p, position)
            found_row[done : done + count] = (1.0 - part) * rows[:, j] + part * rows[:, j + 1]
        done += count
    return found


def _jackknife(ordered: Array, p: float, position: float) -> Array:
    """Return the quantile without each value in turn."""
    n = ordered.size
    j, part = _place(n - 1, p, position)
    i = np.arange(n)
    low = np.where(i <= j, ordered[j + 1], ordered[j])
    upper = min(j + 1, n - 2)
    high = np.where(i <= upper, ordered[upper + 1], ordered[upper])
    return np.asarray((1.0 - part) * low + part * high)


def _bca(ordered: Array, p: float, position: float, drawn: Array, confidence: float) -> Bounds:
    """Return the bias-corrected and accelerated interval of a quantile."""
    from scipy.special import ndtr, ndtri

    estimate = _quantile(ordered, p, position)
    if drawn.min() == drawn.max():
        return estimate, estimate
    less = float(np.mean(drawn < estimate) + 0.5 * np.mean(drawn == estimate))
    less = min(max(less, 0.5 / drawn.size), 1.0 - 0.5 / drawn.size)
    z0 = float(ndtri(less))
    left = _jackknife(ordered, p, position)
    pull = left.mean() - left
    squares = float((pull**2).sum())
    acceleration = float((pull**3).sum()) / (6.0 * squares**1.5) if squares > 0.0 else 0.0
    z = z0 + float(ndtri(0.5 * (1.0 + confidence))) * np.array([-1.0, 1.0])
    low, high = np.quantile(drawn, ndtr(z0 + z / (1.0 - acceleration * z)))
    return float(low), float(high)

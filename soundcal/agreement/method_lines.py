"""Lines between two methods that both have errors: Deming, Passing-Bablok."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from soundcal.agreement.intervals import (
    check_choice,
    check_fraction,
    normal_quantile,
    t_quantile,
)
from soundcal.agreement.limits_of_agreement import mean_and_sd
from soundcal.agreement.pairs import ROUNDING, Infinite, Pairs, make_pairs, narrow_range
from soundcal.agreement.results import StatisticalResult
from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = ["MethodLine", "deming", "passing_bablok"]

DemingErrors = Literal["constant", "proportional"]

_MOST_FOR_SLOPES: Final = 10_000  # n (n - 1)/2 slopes are held in memory: 400 MB
_CHUNK: Final = 1_000_000  # numbers in memory at a time: 8 MB
_ROUNDS: Final = 100
_CONVERGED: Final = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class MethodLine(StatisticalResult):
    """A line ``y = intercept + slope x`` between two methods that both have errors.

    Parameters
    ----------
    slope, intercept : float
        Coefficients; 1 and 0 mean that there is no proportional and no constant difference.
    slope_ci, intercept_ci : tuple of float
        Confidence intervals.
    n : int
        Complete pairs.
    confidence : float
        Confidence of the intervals.
    linearity_p : float
        Passing-Bablok: p value of the test of linearity; Deming: NaN.
    method : str
        Description of the analysis in words.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    slope: float
    intercept: float
    slope_ci: tuple[float, float]
    intercept_ci: tuple[float, float]
    n: int
    confidence: float
    linearity_p: float
    method: str
    warnings: tuple[str, ...] = ()


def deming(
    x: ArrayLike,
    y: ArrayLike,
    *,
    variance_ratio: float = 1.0,
    errors: DemingErrors = "constant",
    confidence: float = 0.95,
    infinite: Infinite = "error",
) -> MethodLine:
    """Fit Deming's line with jackknife intervals.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Measurements; pairs with NaN are dropped.
    variance_ratio : float
        Error variance of y over that of x; 1 is orthogonal regression.
    errors : {"constant", "proportional"}
        Standard deviation of the errors: the same everywhere, or in proportion to the quantity
        (weighted Deming regression), which must then be positive.
    confidence : float
        Confidence of the intervals.
    infinite : {"error", "drop"}
        See :func:`bland_altman`.

    Raises
    ------
    ParameterError
        Fewer than 3 pairs, no correlation to fit a line to, a ratio not above 0; proportional
        errors of values that are not positive, or weights that do not settle.

    Notes
    -----
    Cornbleet & Gochman, Clin Chem 25:432 (1979); jackknife: Linnet, Clin Chem 39:424 (1993).

    Proportional errors: Linnet, Stat Med 9:1463 (1990). The weight of a pair is the inverse square
    of its estimated true size, the mean of both methods' true values with the weights
    ``variance_ratio`` (x) and 1 (y); line and weights are computed in turn until they settle. For
    errors of 5 and 10 %, true values over a range of 1:5 and 1:20 and n of 20 to 100, the 95 %
    intervals of slope and intercept cover 93 to 96 % (1000 simulated studies each), and the
    standard deviation of the slope is 18 to 40 % below that without weights.

    >>> deming([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0]).slope
    2.0
    """
    check_fraction("confidence", confidence)
    check_choice("errors", errors, DemingErrors)
    if not 0.0 < variance_ratio < math.inf:
        raise ParameterError(
            f"variance_ratio {variance_ratio}; error variance of y over that of x, above 0"
        )
    pairs = _line_pairs(x, y, infinite)
    n = pairs.n
    both = (_unweighted if errors == "constant" else _weighted)(pairs, variance_ratio)
    slope, intercept = float(both[0, 0]), float(both[1, 0])
    pseudo = (n * both[:, :1] - (n - 1) * both[:, 1:]).T
    half = t_quantile(confidence, n - 2) * pseudo.std(axis=0, ddof=1) / math.sqrt(n)
    kind = "Deming" if errors == "constant" else "Weighted Deming"
    return MethodLine(
        slope=slope,
        intercept=intercept,
        slope_ci=(slope - float(half[0]), slope + float(half[0])),
        intercept_ci=(intercept - float(half[1]), intercept + float(half[1])),
        n=n,
        confidence=confidence,
        linearity_p=math.nan,
        method=f"{kind} regression of n = {n} pairs, {errors} errors, error variance ratio "
        f"{variance_ratio:g}, {100 * confidence:g} % jackknife intervals",
        warnings=(*pairs.warnings, *narrow_range(pairs)),
    )


def _unweighted(pairs: Pairs, ratio: float) -> Array:
    """Return slope and intercept of all pairs and without each in turn, shape (2, n + 1)."""
    n, dx, dy = pairs.n, pairs.x - pairs.x.mean(), pairs.y - pairs.y.mean()
    sums = np.array([dx @ dx, dy @ dy, dx @ dy])
    left = sums[:, np.newaxis] - n / (n - 1) * np.array([dx * dx, dy * dy, dx * dy])
    slopes = _deming_slope(np.column_stack([sums, left]), ratio)
    means_x = np.append(0.0, -dx / (n - 1)) + pairs.x.mean()
    means_y = np.append(0.0, -dy / (n - 1)) + pairs.y.mean()
    return np.array([slopes, means_y - slopes * means_x])


def _weighted(pairs: Pairs, ratio: float) -> Array:
    """Return the same for errors in proportion to the true values."""
    if min(float(pairs.x.min()), float(pairs.y.min())) <= 0.0:
        raise ParameterError(
            "values of 0 or below; errors='proportional' needs a quantity that is positive "
            "(levels in dB are not: their errors are constant)"
        )
    return np.concatenate([_settled(pairs, ratio, kept) for kept in _kept(pairs.n)], axis=1)


def _kept(n: int) -> Iterator[Array]:
    """Give weights of 1 for all pairs, then 0 for each pair in turn, some rows at a time."""
    rows = max(_CHUNK // n, 1)
    for start in range(0, n + 1, rows):
        number = np.arange(start, min(start + rows, n + 1))
        yield (number[:, np.newaxis] != np.arange(1, n + 1)).astype(np.float64)


def _settled(pairs: Pairs, ratio: float, kept: Array) -> Array:
    x, y = pairs.x - pairs.x.mean(), pairs.y - pairs.y.mean()
    products = np.column_stack([np.ones(pairs.n), x, y, x * x, y * y, x * y])
    # the size is linear in x and y: coefficients of 1, x and y for each set of weights
    linear = np.array([0.5 * (pairs.x.mean() + pairs.y.mean()), 0.5, 0.5])
    size = np.broadcast_to(products[:, :3] @ linear, kept.shape)
    slope = np.full(kept.shape[0], np.nan)
    for _ in range(_ROUNDS):
        if float(size.min()) <= 0.0:
            raise ParameterError(
                "the line gives true values of 0 or below; errors='proportional' does not suit "
                "these data"
            )
        sums = (kept / size**2) @ products
        mean_x, mean_y, xx, yy, xy = (sums[:, 1:] / sums[:, :1]).T
        moments = np.array([xx - mean_x**2, yy - mean_y**2, xy - mean_x * mean_y])
        before, slope = slope, _deming_slope(moments, ratio)
        intercept = mean_y - slope * mean_x
        if np.all(np.abs(slope - before) <= _CONVERGED * np.abs(slope)):
            return np.array([slope, intercept + pairs.y.mean() - slope * pairs.x.mean()])
        # true values: x + slope off and y - ratio off, with off the distance from the line
        part = ratio * (slope - 1.0) / (ratio + slope**2)
        middle = ratio * pairs.x.mean() + pairs.y.mean()
        linear = np.array([middle - part * intercept, ratio - part * slope, 1.0 + part])
        size = (linear / (ratio + 1.0)).T @ products[:, :3].T
    raise ParameterError(
        f"the weights do not settle in {_ROUNDS} rounds; errors='proportional' does not suit these "
        "data"
    )


def _deming_slope(sums: Array, ratio: float) -> Array:
    """Return the slopes of sums of squares and products, shape (3, m): xx, yy, xy."""
    xx, yy, xy = sums
    if (np.abs(xy) <= 1e-12 * np.sqrt(np.abs(xx * yy))).any():
        raise ParameterError(
            "x and y are not correlated (or all correlation is due to one pair): no line can be "
            "fitted; measure over a wider range"
        )
    excess = yy - ratio * xx
    slope: Array = (excess + np.sqrt(excess**2 + 4.0 * ratio * xy**2)) / (2.0 * xy)
    return slope


def _line_pairs(x: ArrayLike, y: ArrayLike, infinite: Infinite) -> Pairs:
    pairs = make_pairs(x, y, infinite=infinite)
    if pairs.n < 3:
        raise ParameterError(f"{pairs.n} complete pairs; a line needs at least 3")
    if mean_and_sd(pairs.x)[1] == 0.0 or mean_and_sd(pairs.y)[1] == 0.0:
        raise ParameterError(
            "all measurements of one method are equal; a line needs a range of values"
        )
    return pairs


def passing_bablok(
    x: ArrayLike, y: ArrayLike, *, confidence: float = 0.95, infinite: Infinite = "error"
) -> MethodLine:
    """Fit the line of Passing and Bablok: a shifted median of all pairwise slopes.

    It makes no assumptions on the distribution of the errors, which may grow with the quantity.
    Pairs of equal points and slopes of exactly -1 are left out, infinite slopes are kept.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Measurements, positively correlated; pairs with NaN are dropped.
    confidence : float
        Confidence of the intervals.
    infinite : {"error", "drop"}
        See :func:`bland_altman`.

    Raises
    ------
    ParameterError
        Fewer than 3 pairs or more than 10,000, no positive correlation, a vertical line.

    Notes
    -----
    Passing & Bablok, J Clin Chem Clin Biochem 21:709 (1983). ``linearity_p`` tests the cumulative
    sum of scores along the line, over ``√(L + 1)`` with L points below the line, by the limiting
    distribution of Kolmogorov and Smirnov; small values are evidence against a straight line. At a
    level of 5 % it rejects 2 % of straight lines at n = 20, 5 to 10 % from n = 50 on (simulated).

    >>> passing_bablok([1.0, 2.0, 3.0, 4.0], [2.1, 4.0, 6.2, 8.1]).slope.__round__(3)
    2.025
    """
    check_fraction("confidence", confidence)
    pairs = _line_pairs(x, y, infinite)
    n = pairs.n
    if n > _MOST_FOR_SLOPES:
        raise ParameterError(
            f"{n} pairs have {n * (n - 1) // 2} slopes; at most {_MOST_FOR_SLOPES} pairs fit into "
            "memory: use deming, or a random part of them"
        )
    if float(np.corrcoef(pairs.x, pairs.y)[0, 1]) <= 0.0:
        raise ParameterError("x and y are not positively correlated; the method assumes that")
    slopes, below = _slopes(pairs.x, pairs.y)
    count = slopes.size
    spread = normal_quantile(confidence) * math.sqrt(n * (n - 1) * (2 * n + 5) / 18.0)
    first = round((count - spread) / 2.0)
    ranks = [(count + 1) // 2 + below, count // 2 + 1 + below, first + below]
    ranks.append(count - first + 1 + below)
    inside = [rank for rank in ranks if 1 <= rank <= count]
    slopes.partition([rank - 1 for rank in inside])

    def ranked(rank: int) -> float:
        if rank < 1:
            return -math.inf
        return float(slopes[rank - 1]) if rank <= count else math.inf

    slope = 0.5 * (ranked(ranks[0]) + ranked(ranks[1]))
    if not math.isfinite(slope):
        raise ParameterError("the line is vertical: x takes too few values; exchange x and y")
    low, high = ranked(ranks[2]), ranked(ranks[3])
    intercept = _intercept(pairs, slope)
    # the larger slope has the smaller intercept only where x is positive
    ends = sorted(_intercept(pairs, b) for b in (high, low))
    unbounded = not (math.isfinite(low) and math.isfinite(high))
    remark = ("too few pairs for bounded intervals",) if unbounded else ()
    return MethodLine(
        slope=slope,
        intercept=intercept,
        slope_ci=(low, high),
        intercept_ci=(ends[0], ends[1]),
        n=n,
        confidence=confidence,
        linearity_p=_linearity(pairs.x, pairs.y, slope, intercept),
        method=f"Passing-Bablok regression (1983) of n = {n} pairs, {100 * confidence:g} % "
        "intervals by ranks",
        warnings=(*pairs.warnings, *narrow_range(pairs), *remark),
    )


def _intercept(pairs: Pairs, slope: float) -> float:
    """Return the median intercept of a slope, unbounded if the slope is."""
    if math.isinf(slope):
        return -slope if float(np.median(pairs.x)) >= 0.0 else slope
    return float(np.median(pairs.y - slope * pairs.x))


def _slopes(x: Array, y: Array) -> tuple[Array, int]:
    """Return all usable pairwise slopes, and the number of those below -1."""
    n = x.size
    slopes, filled = np.empty(n * (n - 1) // 2), 0
    for i in range(n - 1):
        dx, dy = x[i + 1 :] - x[i], y[i + 1 :] - y[i]
        with np.errstate(divide="ignore", invalid="ignore"):
            row = np.where(dx == 0.0, np.copysign(np.inf, dy), dy / dx)
        row = row[((dx != 0.0) | (dy != 0.0)) & (row != -1.0)]
        slopes[filled : filled + row.size] = row
        filled += row.size
    used = slopes[:filled]
    return used, int(np.count_nonzero(used < -1.0))


def _linearity(x: Array, y: Array, slope: float, intercept: float) -> float:
    """Return the p value of linearity; NaN where all points lie on one side or on the line."""
    from scipy.special import kolmogorov

    size = max(float(np.abs(part).max()) for part in (y, slope * x)) + abs(intercept)
    residual = y - intercept - slope * x
    residual[np.abs(residual) <= ROUNDING * size] = 0.0
    above, below = int((residual > 0).sum()), int((residual < 0).sum())
    if above == 0 or below == 0 or slope == 0.0:
        return math.nan
    score = np.where(residual > 0, math.sqrt(below / above), -math.sqrt(above / below))
    score[residual == 0] = 0.0
    along = np.argsort(y + x / slope, kind="stable")
    largest = float(np.abs(np.cumsum(score[along])).max())
    return float(kolmogorov(largest / math.sqrt(below + 1.0)))

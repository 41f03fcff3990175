"""Diagnostics of limits of agreement: normality, trend, spread, outliers and ties of the data.

Nothing here changes a result. Flags name what needs attention and suggest a remedy.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.agreement.intervals import t_quantile
from soundcal.agreement.limits_of_agreement import (
    ARBITRARY_ZERO,
    Agreement,
    Points,
    mean_and_sd,
)
from soundcal.agreement.pairs import ROUNDING, listed, without_rounding
from soundcal.agreement.results import StatisticalResult
from soundcal.arrays import Array

__all__ = ["Diagnostics", "Line", "diagnose", "fit_line"]

LEVEL: Final = 0.05
"""p value below which a flag is raised, if the effect is also large enough."""

TREND_SIZE: Final = 0.5
"""A trend matters when it moves the bias by this many s over the middle half of the averages."""

SPREAD_SIZE: Final = 1.5
"""Unequal spread matters when it grows by this factor over the middle half of the averages."""

OUTLIER_MADS: Final = 3.5
"""Modified z score above which a difference is called an outlier (Iglewicz & Hoaglin 1993)."""

_SHAPIRO_MOST: Final = 5000  # its p value is not known to be valid for more


@dataclass(frozen=True, slots=True, eq=False)
class Line(StatisticalResult):
    """A least-squares line ``intercept + slope a``.

    Parameters
    ----------
    intercept, slope : float
        Coefficients.
    slope_ci : tuple of float
        Confidence interval of the slope.
    p_value : float
        Two-sided p value of slope 0; NaN where there are no degrees of freedom or no residuals.
    residual_sd : float
        Standard deviation of the residuals, divisor n - 2.
    mean, ssq : float
        Mean of a, and its sum of squared deviations.
    covariance : tuple of float
        Variance of the line at the mean of a, its covariance with the slope, variance of the slope.
    n : int
        Number of points.
    robust : bool
        True if covariance, p value and interval hold for a spread that depends on a.
    """

    intercept: float
    slope: float
    slope_ci: tuple[float, float]
    p_value: float
    residual_sd: float
    mean: float
    ssq: float
    covariance: tuple[float, float, float]
    n: int
    robust: bool = False

    def at(self, a: Array) -> Array:
        """Return the line's values at a."""
        return self.intercept + self.slope * a

    def standard_error(self, a: Array) -> Array:
        """Return the standard error of the line at a."""
        level, both, slope = self.covariance
        centred = a - self.mean
        return np.asarray(np.sqrt(level + 2.0 * both * centred + slope * centred**2))


def fit_line(a: Array, d: Array, confidence: float = 0.95, *, robust: bool = False) -> Line | None:
    """Fit a line of d on a by least squares; None where all a are equal.

    Parameters
    ----------
    a, d : ndarray, shape (n,)
        Abscissae and ordinates, n of 2 or more.
    confidence : float
        Confidence of the slope's interval.
    robust : bool
        Standard errors that allow for a spread which depends on a (HC3 of MacKinnon & White, J
        Econometrics 29:305, 1985). Where the spread grows in proportion to a (1 to 10, n = 40),
        95 % bands of the line cover 94 to 97 % with them, and 85 to 99.7 % with the ordinary ones
        (simulated).
    """
    from scipy.special import stdtr

    n, mean = a.size, float(a.mean())
    centred = a - mean
    ssq = float(centred @ centred)
    if ssq <= (ROUNDING * float(np.abs(a).max(initial=0.0))) ** 2 * n:
        return None
    slope = float(centred @ (d - d.mean())) / ssq
    intercept = float(d.mean()) - slope * mean
    size = float(np.abs(d).max()) + abs(slope) * float(np.abs(a).max())
    residuals = without_rounding(d - d.mean() - slope * centred, size)
    if np.all(residuals == residuals[0]):
        residuals = np.zeros(n)
    df = n - 2
    sd = math.sqrt(float(residuals @ residuals) / df) if df > 0 else math.nan
    covariance = (sd**2 / n, 0.0, sd**2 / ssq)
    if robust:
        left = 1.0 - 1.0 / n - centred**2 / ssq  # 1 - leverage; a point with leverage 1 is on it
        weight = np.divide(residuals, left, out=np.zeros(n), where=left > ROUNDING) ** 2
        sums = weight.sum(), weight @ centred, weight @ centred**2
        covariance = (float(sums[0]) / n**2, float(sums[1]) / (n * ssq), float(sums[2]) / ssq**2)
    se = math.sqrt(covariance[2])
    half = t_quantile(confidence, df) * se if df > 0 else math.nan
    p = 2.0 * float(stdtr(df, -abs(slope) / se)) if df > 0 and se > 0 else math.nan
    ci = (slope - half, slope + half)
    return Line(intercept, slope, ci, p, sd, mean, ssq, covariance, n, robust)


@dataclass(frozen=True, slots=True, eq=False)
class Diagnostics(StatisticalResult):
    """Properties of the differences behind limits of agreement.

    Parameters
    ----------
    n, distinct : int
        Number of differences, and of distinct ones among them.
    normality_test : str
        ``Shapiro-Wilk`` (n of 3 to 5000), ``D'Agostino-Pearson`` (more) or "" (none possible).
    normality_statistic, normality_p : float
        Statistic and p value of that test.
    skewness, excess_kurtosis : float
        Skewness and excess kurtosis of the differences (moment estimates).
    qq : ndarray, shape (2, n)
        Normal quantile plot: theoretical quantiles (Blom's positions), sorted differences.
    trend : Line or None
        Differences on averages; None where all averages are equal.
    trend_size : float
        Change of the line over the interquartile range of the averages, in units of s.
    spread : Line or None
        Absolute residuals of the trend on averages.
    spread_ratio : float
        Ratio of the larger to the smaller spread which that line predicts at the quartiles; inf
        where it reaches 0.
    spearman, spearman_p : float
        Rank correlation of the absolute difference with the average.
    outliers : tuple
        Labels of differences further than 3.5 scaled MADs from the median.
    without_outliers : tuple of float or None
        Bias, lower and upper limit without the outliers; None if there are no outliers.
    ties : int
        Number of differences that have the same value as another one.
    resolution : float
        Step in which the measurements of both methods come (the finer one), in units of s; NaN
        where one of them has no step of which all distances between its values are multiples. On
        other scales than ``difference``, at the median of the averages.
    zeros : int
        Number of measurements, of 2 n, that are exactly 0.
    doubts : tuple of str
        Properties that need attention, with a remedy for each.
    doubted : tuple of {"normality", "trend", "spread", "outliers", "resolution", "ties", "zeros"}
        Names of these properties, in the same order.
    """

    n: int
    distinct: int
    normality_test: str
    normality_statistic: float
    normality_p: float
    skewness: float
    excess_kurtosis: float
    qq: Array
    trend: Line | None
    trend_size: float
    spread: Line | None
    spread_ratio: float
    spearman: float
    spearman_p: float
    outliers: tuple[Hashable, ...]
    without_outliers: tuple[float, float, float] | None
    ties: int
    resolution: float
    zeros: int
    doubts: tuple[str, ...]
    doubted: tuple[str, ...]

    @property
    def is_not_normal(self) -> bool:
        """True if the differences are not normal, by the p value."""
        return self.normality_p < LEVEL

    @property
    def has_trend(self) -> bool:
        """True if the bias depends on the average, by p value and by size."""
        return (
            self.trend is not None and self.trend.p_value < LEVEL and self.trend_size > TREND_SIZE
        )

    @property
    def has_unequal_spread(self) -> bool:
        """True if the spread depends on the average, by p value and by size."""
        return _matters(self.spread, self.spread_ratio)


def _matters(spread: Line | None, ratio: float) -> bool:
    """Return True if the spread depends on the average, by p value and by size."""
    return spread is not None and spread.p_value < LEVEL and ratio > SPREAD_SIZE


def diagnose(agreement: Agreement) -> Diagnostics:
    """Examine the differences behind limits of agreement.

    Parameters
    ----------
    agreement : Agreement
        A result of :func:`bland_altman`. For scale ``ratio`` the logarithms are examined.

    Returns
    -------
    Diagnostics

    >>> from soundcal.agreement import bland_altman
    >>> diagnose(bland_altman([1.0, 2.0, 3.0, 4.5], [1.1, 1.8, 3.1, 4.0])).normality_test
    'Shapiro-Wilk'
    """
    points = agreement.points
    d = points.difference
    if agreement.scale == "ratio":
        d = without_rounding(np.log(d), 1.0)
    a, (_, sd) = points.average, mean_and_sd(d)
    test, statistic, p = _normality(d, sd)
    trend, trend_size, spread, spread_ratio = _dependence(a, d, sd)
    spearman, spearman_p = _spearman(np.abs(d), a)
    out = _outliers(d)
    _, counts = np.unique(d, return_counts=True)
    numbers = {
        "n": int(d.size),
        "distinct": int(counts.size),
        "ties": int(counts[counts > 1].sum()),
        "zeros": int((points.x == 0).sum() + (points.y == 0).sum()),
    }
    found = Diagnostics(
        **numbers,
        normality_test=test,
        normality_statistic=statistic,
        normality_p=p,
        skewness=_moment(d, sd, 3),
        excess_kurtosis=_moment(d, sd, 4) - 3.0,
        qq=_qq(d),
        trend=trend,
        trend_size=trend_size,
        spread=spread,
        spread_ratio=spread_ratio,
        spearman=spearman,
        spearman_p=spearman_p,
        outliers=tuple(label for label, on in zip(points.labels, out, strict=True) if on),
        without_outliers=_limits(d[~out], agreement) if out.any() else None,
        resolution=_resolution(points, agreement.scale, sd),
        doubts=(),
        doubted=(),
    )
    doubts = _doubts(found, _remedy(agreement))
    return replace(found, doubts=tuple(doubts.values()), doubted=tuple(doubts))


def _moment(d: Array, sd: float, order: int) -> float:
    if sd == 0.0:
        return math.nan
    centred = d - d.mean()
    return float(np.mean(centred**order) / np.mean(centred**2) ** (order / 2))


def _normality(d: Array, sd: float) -> tuple[str, float, float]:
    if d.size < 3 or sd == 0.0:
        return "", math.nan, math.nan
    from scipy import stats

    if d.size > _SHAPIRO_MOST:
        statistic, p = stats.normaltest(d)
        return "D'Agostino-Pearson", float(statistic), float(p)
    # the test does not depend on the scale, but treats a very small range as zero
    statistic, p = stats.shapiro((d - d.mean()) / sd)
    return "Shapiro-Wilk", float(statistic), float(p)


def _qq(d: Array) -> Array:
    from scipy.special import ndtri

    n = d.size
    return np.stack([ndtri((np.arange(1, n + 1) - 0.375) / (n + 0.25)), np.sort(d)])


def _dependence(a: Array, d: Array, sd: float) -> tuple[Line | None, float, Line | None, float]:
    trend = fit_line(a, d) if d.size > 2 and sd > 0 else None
    if trend is None:
        return None, math.nan, None, math.nan
    low, high = np.quantile(a, [0.25, 0.75])
    residuals = np.abs(d - trend.at(a)) if trend.residual_sd > 0.0 else np.zeros(d.size)
    spread = fit_line(a, residuals)
    ratio = math.nan
    if spread is not None:
        ends = spread.at(np.array([low, high]))
        ratio = float(ends.max() / ends.min()) if ends.min() > 0 else math.inf
    if _matters(spread, ratio):
        trend = fit_line(a, d, robust=True) or trend
    return trend, abs(trend.slope) * float(high - low) / sd, spread, ratio


def _spearman(size: Array, a: Array) -> tuple[float, float]:
    from scipy.special import stdtr
    from scipy.stats import rankdata

    if size.size < 3 or np.all(size == size[0]) or np.all(a == a[0]):
        return math.nan, math.nan
    rho = float(np.corrcoef(rankdata(size), rankdata(a))[0, 1])
    df = size.size - 2
    if abs(rho) >= 1.0:
        return rho, 0.0
    return rho, 2.0 * float(stdtr(df, -abs(rho) * math.sqrt(df / (1.0 - rho * rho))))


def _outliers(d: Array) -> NDArray[np.bool_]:
    """Mark the differences with a modified z score above 3.5."""
    deviation = np.abs(d - np.median(d))
    mad = 1.4826 * float(np.median(deviation))
    # more than half are equal: the MAD is 0 and no measure of the others
    return deviation > OUTLIER_MADS * mad if mad > 0 else np.zeros(d.size, dtype=bool)


def _limits(d: Array, agreement: Agreement) -> tuple[float, float, float]:
    bias, sd = mean_and_sd(d)
    numbers = (bias, bias - agreement.z * sd, bias + agreement.z * sd)
    if agreement.scale == "ratio":
        return math.exp(numbers[0]), math.exp(numbers[1]), math.exp(numbers[2])
    return numbers


def _resolution(points: Points, scale: str, sd: float) -> float:
    steps = _step(points.x), _step(points.y)
    if sd == 0.0 or math.isinf(max(steps)):
        return math.nan
    step = min(steps)
    if scale != "difference":  # at an average size, in per cent or as a logarithm
        step *= (100.0 if scale == "percent" else 1.0) / float(np.median(points.average))
    return step / sd


def _step(values: Array) -> float:
    """Return the step of which all distances between values are multiples; infinite without one."""
    # rounding errors between equal measurements are no step
    distinct = np.unique(without_rounding(values))
    if distinct.size < 3:
        return math.inf
    step = float(np.diff(distinct).min())
    multiples = (distinct - distinct[0]) / step
    error = 1e-6 + ROUNDING * float(np.abs(distinct).max()) / step
    return step if bool((np.abs(multiples - np.round(multiples)) <= error).all()) else math.inf


def _remedy(agreement: Agreement) -> str:
    """Return the remedy for differences that depend on the average."""
    points = agreement.points
    positive = bool((points.x > 0).all() and (points.y > 0).all())
    if agreement.scale != "difference":
        return "see the differences with regression_limits"
    if agreement.unit.startswith(ARBITRARY_ZERO) or not positive:
        return "see regression_limits"
    return "see regression_limits, or the ratio scale"


def _doubts(found: Diagnostics, remedy: str) -> dict[str, str]:
    doubts = {}
    if found.is_not_normal:
        doubts["normality"] = (
            f"differences are not normal ({found.normality_test} p = {found.normality_p:.2g}, "
            f"skewness {found.skewness:.2g}): look at the quantile plot, compare with the "
            "nonparametric limits"
        )
    if found.has_trend and found.trend is not None:
        doubts["trend"] = (
            f"the bias depends on the average (slope {found.trend.slope:.3g}, "
            f"p = {found.trend.p_value:.2g}; {found.trend_size:.2g} s over its middle half): "
            + remedy
        )
    if found.has_unequal_spread and found.spread is not None:
        size = f"factor {found.spread_ratio:.2g} over its middle half"
        if math.isinf(found.spread_ratio):
            size = "none is left at one end of its middle half"
        doubts["spread"] = (
            f"the spread depends on the average (p = {found.spread.p_value:.2g}, {size}): " + remedy
        )
    if found.outliers:
        doubts["outliers"] = (
            f"{len(found.outliers)} outlying difference(s), kept: {listed(found.outliers)}; find "
            "the reason, compare the limits without them"
        )
    if found.resolution > 0.5:
        doubts["resolution"] = (
            f"the measurements come in steps of {found.resolution:.2g} s: limits from normal "
            "theory are approximate; measure with finer resolution"
        )
    if found.ties > 0.2 * found.n:
        doubts["ties"] = (
            f"{found.ties} of {found.n} differences are tied ({found.distinct} distinct): limits "
            "from normal theory are approximate"
        )
    if found.zeros > 0.2 * 2 * found.n:
        doubts["zeros"] = (
            f"{found.zeros} of {2 * found.n} measurements are exactly 0 ({found.distinct} distinct "
            "differences): a mass at 0 has no normal limits; see the nonparametric ones"
        )
    return doubts

"""Lines between two methods: limits that depend on the size, Deming, Passing-Bablok."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from soundcal.agreement.diagnostics import Line, diagnose, fit_line
from soundcal.agreement.intervals import (
    check_choice,
    check_fraction,
    normal_quantile,
    t_quantile,
)
from soundcal.agreement.limits_of_agreement import Agreement, mean_and_sd
from soundcal.agreement.pairs import ROUNDING, Infinite, Pairs, make_pairs, narrow_range
from soundcal.agreement.results import StatisticalResult
from soundcal.arrays import Array
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "MethodLine",
    "RegressionLimits",
    "deming",
    "passing_bablok",
    "regression_limits",
]

Spread = Literal["auto", "constant", "linear"]

_MOST_FOR_SLOPES: Final = 10_000  # n (n - 1)/2 slopes are held in memory: 400 MB


@dataclass(frozen=True, slots=True, eq=False)
class RegressionLimits(StatisticalResult):
    """Limits of agreement that depend on the size of the measured quantity.

    Parameters
    ----------
    line : Line
        Bias as a function of the average A: ``intercept + slope A``.
    spread : Line or None
        Mean absolute residual as a function of A where the spread depends on it; None where the
        spread is constant.
    z, coverage, confidence : float
        Standard deviations from line to limit; proportion of differences between the limits;
        confidence of intervals.
    n : int
        Number of pairs.
    decision : str
        Reason for treating the spread as constant or not.
    method : str
        Description of the analysis in words.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    line: Line
    spread: Line | None
    z: float
    coverage: float
    confidence: float
    n: int
    decision: str
    method: str
    warnings: tuple[str, ...] = ()

    def sd(self, a: ArrayLike) -> Array:
        """Return the standard deviation of the differences at averages a."""
        at = np.asarray(a, dtype=np.float64)
        if self.spread is None:
            return np.full(at.shape, self.line.residual_sd)
        # the mean absolute value of a normal variable is √(2/π) of its standard deviation
        return math.sqrt(math.pi / 2.0) * self.spread.at(at)

    def bias(self, a: ArrayLike) -> Array:
        """Return the bias at averages a."""
        return self.line.at(np.asarray(a, dtype=np.float64))

    def limits(self, a: ArrayLike) -> tuple[Array, Array]:
        """Return lower and upper limit at averages a."""
        bias, half = self.bias(a), self.z * self.sd(a)
        return bias - half, bias + half

    def bands(self, a: ArrayLike) -> dict[str, Array]:
        """Return confidence bounds at averages a, each a separate statement.

        Keys ``bias_low``, ``bias_high`` and, where the spread is constant, ``lower_low``,
        ``lower_high``, ``upper_low``, ``upper_high``: exact, by the noncentral t distribution with
        n - 2 degrees of freedom. Where the spread depends on A, the band of the bias allows for
        that (see :func:`fit_line`), and there are no intervals of the limits.
        """
        at = np.asarray(a, dtype=np.float64)
        line, df = self.line, self.n - 2
        bias = line.at(at)
        half = t_quantile(self.confidence, df) * line.standard_error(at)
        found = {"bias_low": bias - half, "bias_high": bias + half}
        if self.spread is None:
            from scipy.stats import nct

            root = np.sqrt(1.0 / self.n + (at - line.mean) ** 2 / line.ssq)
            tail = 0.5 * (1.0 + self.confidence)
            inner, outer = (
                line.residual_sd * root * nct.ppf(p, df, self.z / root) for p in (1 - tail, tail)
            )
            found |= {"lower_low": bias - outer, "lower_high": bias - inner}
            found |= {"upper_low": bias + inner, "upper_high": bias + outer}
        return found

    def curve(self, a: ArrayLike) -> "pd.DataFrame":
        """Return a table for plotting: ``average, bias, lower, upper`` and the bands."""
        import pandas as pd

        lower, upper = self.limits(a)
        return pd.DataFrame(
            {
                "average": np.asarray(a, dtype=np.float64),
                "bias": self.bias(a),
                "lower": lower,
                "upper": upper,
                **self.bands(a),
            }
        )


def regression_limits(agreement: Agreement, *, spread: Spread = "auto") -> RegressionLimits:
    """Return limits of agreement as lines, for a bias that depends on the size of the quantity.

    Parameters
    ----------
    agreement : Agreement
        A result of :func:`bland_altman` of scale ``difference``. With ``x_axis="mean"`` the
        differences are regressed on the means of both methods; with an error-free reference use
        ``x_axis="x"`` or ``"y"`` (otherwise the slope is an artefact of the measurement error;
        Krouwer, Stat Med 27:778, 2008).
    spread : {"auto", "constant", "linear"}
        Model of the spread. ``auto`` chooses by the p value and the size of the slope of the
        absolute residuals (see :func:`diagnose`), and records the choice in ``decision``.

    Returns
    -------
    RegressionLimits

    Raises
    ------
    ParameterError
        Fewer than 4 pairs, averages all equal, another scale, or a spread that reaches 0 within
        the range of the data.

    Notes
    -----
    Bland & Altman, Stat Methods Med Res 8:135 (1999), section 3.2: limits
    ``b0 + b1 A ± z √(π/2) (c0 + c1 A)``; the standard deviation of the residuals has n - 2 degrees
    of freedom.
    """
    check_choice("spread", spread, Spread)
    if agreement.scale != "difference":
        raise ParameterError(
            f"scale {agreement.scale!r}; regression limits need differences: scale='difference'"
        )
    points, n = agreement.points, agreement.n
    line = fit_line(points.average, points.difference, agreement.confidence) if n > 3 else None
    if line is None:
        raise ParameterError(f"{n} pairs; at least 4 with different averages are needed for a line")
    found = diagnose(agreement)
    linear = spread == "linear" or (spread == "auto" and found.has_unequal_spread)
    model = found.spread if linear else None
    if linear:
        line = (
            fit_line(points.average, points.difference, agreement.confidence, robust=True) or line
        )
    if linear and (model is None or model.at(points.average).min() <= 0.0):
        raise ParameterError(
            "the line of the spread reaches 0 within the range of the data; use the ratio scale, "
            "or spread='constant'"
        )
    p = math.nan if found.spread is None else found.spread.p_value
    why = "as requested"
    if spread == "auto":
        why = (
            f"absolute residuals on averages: p = {p:.3g}, factor {found.spread_ratio:.3g} over "
            "the middle half"
        )
    kind = "linear in the average" if linear else "constant"
    warnings: tuple[str, ...] = ()
    if spread == "auto" and not found.has_trend:
        warnings = (
            f"the slope is small (p = {line.p_value:.3g}, {found.trend_size:.3g} s over the middle "
            "half of the averages): the plain limits of agreement describe these data as well",
        )
    return RegressionLimits(
        line=line,
        spread=model,
        z=agreement.z,
        coverage=agreement.coverage,
        confidence=agreement.confidence,
        n=n,
        decision=f"spread {kind} ({why})",
        method=f"regression-based limits of agreement (Bland & Altman 1999, 3.2) of n = {n} pairs: "
        f"differences {agreement.direction} on {agreement.x_axis}, ± {agreement.z:.8g} standard "
        f"deviations, spread {kind}",
        warnings=warnings,
    )


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
    confidence : float
        Confidence of the intervals.
    infinite : {"error", "drop"}
        See :func:`bland_altman`.

    Raises
    ------
    ParameterError
        Fewer than 3 pairs, no correlation to fit a line to, a ratio not above 0.

    Notes
    -----
    Cornbleet & Gochman, Clin Chem 25:432 (1979); jackknife: Linnet, Clin Chem 39:424 (1993).

    >>> deming([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0]).slope
    2.0
    """
    check_fraction("confidence", confidence)
    if not 0.0 < variance_ratio < math.inf:
        raise ParameterError(
            f"variance_ratio {variance_ratio}; error variance of y over that of x, above 0"
        )
    pairs = _line_pairs(x, y, infinite)
    n, dx, dy = pairs.n, pairs.x - pairs.x.mean(), pairs.y - pairs.y.mean()
    sums = np.array([dx @ dx, dy @ dy, dx @ dy])
    # sums and means without each pair in turn, for the jackknife
    left = sums[:, np.newaxis] - n / (n - 1) * np.array([dx * dx, dy * dy, dx * dy])
    slopes = _deming_slope(np.column_stack([sums, left]), variance_ratio)
    means_x = np.append(0.0, -dx / (n - 1)) + pairs.x.mean()
    means_y = np.append(0.0, -dy / (n - 1)) + pairs.y.mean()
    both = np.array([slopes, means_y - slopes * means_x])
    slope, intercept = float(both[0, 0]), float(both[1, 0])
    pseudo = (n * both[:, :1] - (n - 1) * both[:, 1:]).T
    half = t_quantile(confidence, n - 2) * pseudo.std(axis=0, ddof=1) / math.sqrt(n)
    return MethodLine(
        slope=slope,
        intercept=intercept,
        slope_ci=(slope - float(half[0]), slope + float(half[0])),
        intercept_ci=(intercept - float(half[1]), intercept + float(half[1])),
        n=n,
        confidence=confidence,
        linearity_p=math.nan,
        method=f"Deming regression of n = {n} pairs, error variance ratio {variance_ratio:g}, "
        f"{100 * confidence:g} % jackknife intervals",
        warnings=(*pairs.warnings, *narrow_range(pairs)),
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

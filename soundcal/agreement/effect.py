"""Size of a difference in standard deviations, and the differences that a study could have shown.

The smallest difference that a study could have shown tells "there is no difference" from "the study
was too small to see it". It is computed from the number of pairs and the standard deviation found,
as if that were the true one, and not from the difference found.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from numpy.typing import ArrayLike

from soundcal.agreement.intervals import (
    check_fraction,
    check_pairs,
    limit_factor,
    noncentral_t,
    normal_quantile,
)
from soundcal.agreement.limits_of_agreement import mean_and_sd
from soundcal.agreement.pairs import Infinite, differences, make_pairs
from soundcal.agreement.planning import power_within
from soundcal.agreement.results import StatisticalResult
from soundcal.errors import ParameterError

__all__ = [
    "EffectSize",
    "detectable_by_t",
    "detectable_delta",
    "detectable_difference",
    "standardized_difference",
]

_POWER: Final = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class EffectSize(StatisticalResult):
    """Standardized mean difference of pairs.

    Parameters
    ----------
    n : int
        Complete pairs.
    mean, sd : float
        Mean and standard deviation (divisor n - 1) of the differences x - y.
    d : float
        Mean divided by standard deviation; NaN where the differences do not vary.
    g : float
        The same without bias (Hedges); NaN for 2 pairs, whose correction is 0.
    ci : tuple of float
        Confidence interval of the true value.
    confidence : float
        Confidence of the interval.
    method : str
        Description of the analysis in words.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    n: int
    mean: float
    sd: float
    d: float
    g: float
    ci: tuple[float, float]
    confidence: float
    method: str
    warnings: tuple[str, ...] = ()


def standardized_difference(
    x: ArrayLike, y: ArrayLike, *, confidence: float = 0.95, infinite: Infinite = "error"
) -> EffectSize:
    """Return the mean difference of pairs in standard deviations of the differences (d_z).

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Measurements; pairs with NaN are dropped.
    confidence : float
        Confidence of the interval.
    infinite : {"error", "drop"}
        See :func:`bland_altman`.

    Returns
    -------
    EffectSize
        d, g and interval are NaN for differences without spread.

    Raises
    ------
    ParameterError
        Fewer than 2 pairs, unusable values.

    Notes
    -----
    The interval is exact for normal differences: ``d √n`` follows the noncentral t distribution
    with noncentrality ``√n`` times the true value, which is solved for. g is d times
    ``Γ(ν/2)/(√(ν/2) Γ((ν - 1)/2))`` with ν = n - 1 (Hedges, J Educ Stat 6:107, 1981).

    >>> found = standardized_difference([1.0, 2.1, 3.3, 4.0], [0.8, 2.0, 3.0, 3.6])
    >>> round(found.d, 3), round(found.g, 3), [round(bound, 2) for bound in found.ci]
    (1.936, 1.401, [0.15, 3.67])
    """
    check_fraction("confidence", confidence)
    pairs = make_pairs(x, y, infinite=infinite)
    check_pairs(pairs.n)
    n, warnings = pairs.n, pairs.warnings
    mean, sd = mean_and_sd(differences(pairs.x, pairs.y))
    if sd > 0.0:
        d = mean / sd
        ci = _interval(n, d, confidence)
        g = d * _unbiased(n - 1) if n > 2 else math.nan
    else:
        d = g = math.nan
        ci = (math.nan, math.nan)
        warnings = (*warnings, "all differences are equal: they have no standardized mean")
    return EffectSize(
        n=n,
        mean=mean,
        sd=sd,
        d=d,
        g=g,
        ci=ci,
        confidence=confidence,
        method=f"standardized mean difference of n = {n} pairs (d_z), without bias (Hedges 1981); "
        f"{100 * confidence:g} % confidence interval by the noncentral t distribution",
        warnings=warnings,
    )


def _unbiased(nu: int) -> float:
    """Return the factor that takes the bias from d."""
    return math.exp(math.lgamma(nu / 2.0) - math.lgamma((nu - 1) / 2.0)) / math.sqrt(nu / 2.0)


def _interval(n: int, d: float, confidence: float) -> tuple[float, float]:
    """Return the interval of the true value whose noncentral t distribution gives d."""
    from scipy.optimize import brentq

    root, tail = math.sqrt(n), 0.5 * (1.0 - confidence)
    t = abs(d) * root
    reach = 40.0 * math.sqrt(1.0 + t * t / (2.0 * (n - 1)))

    def noncentrality(p: float) -> float:
        return float(
            brentq(lambda nc: noncentral_t(t, n - 1, nc) - p, t - reach, t + reach, xtol=1e-12)
        )

    low, high = noncentrality(1.0 - tail) / root, noncentrality(tail) / root
    return (low, high) if d >= 0.0 else (-high, -low)


def detectable_difference(
    n: int, sd: float, *, alpha: float = 0.05, power: float = _POWER
) -> float:
    """Return the smallest true mean difference that a paired t-test finds with the stated power.

    Parameters
    ----------
    n : int
        Number of pairs.
    sd : float
        True standard deviation of the differences.
    alpha : float
        Level of the two-sided test.
    power : float
        Probability with which the test finds the difference.

    Returns
    -------
    float
        In the unit of ``sd``.

    Raises
    ------
    ParameterError
        An argument out of range.

    Notes
    -----
    Exact, by the noncentral t distribution.

    >>> round(detectable_difference(27, 1.0), 4)
    0.5601
    """
    check_pairs(n)
    _check(sd, alpha, power)
    return sd * (_noncentrality(n - 1, alpha, power) / math.sqrt(n))


def detectable_by_t(
    standard_error: float, df: float, *, alpha: float = 0.05, power: float = _POWER
) -> float:
    """Return the smallest true difference that a t-test finds with the stated power.

    For any estimate with its standard error, such as those of :func:`mean_difference`, in which not
    all participants are paired.

    Parameters
    ----------
    standard_error : float
        Standard error of the estimate, taken as the true one.
    df : float
        Its degrees of freedom, 1 or more; they are rounded down.
    alpha, power
        As in :func:`detectable_difference`.

    Returns
    -------
    float
        In the unit of the standard error.

    Raises
    ------
    ParameterError
        An argument out of range.

    >>> round(detectable_by_t(1.0 / 27**0.5, 26.0), 4)
    0.5601
    """
    _check(standard_error, alpha, power)
    if not 1.0 <= df < math.inf:
        raise ParameterError(f"df {df}; degrees of freedom of 1 or more are expected")
    return standard_error * _noncentrality(math.floor(df), alpha, power)


def _check(sd: float, alpha: float, power: float) -> None:
    check_fraction("alpha", alpha)
    check_fraction("power", power)
    if power <= alpha:
        raise ParameterError(
            f"power {power}, alpha {alpha}; a power above alpha is expected, e.g. 0.8"
        )
    if not 0.0 < sd < math.inf:
        raise ParameterError(f"sd {sd}; a standard deviation above 0 is expected")


@lru_cache(maxsize=1024)
def _noncentrality(nu: int, alpha: float, power: float) -> float:
    """Return the true difference in standard errors that a t-test finds with the power."""
    from scipy.optimize import brentq
    from scipy.special import stdtrit

    edge = float(stdtrit(nu, 1.0 - alpha / 2.0))

    def excess(nc: float) -> float:
        return noncentral_t(-edge, nu, nc) + 1.0 - noncentral_t(edge, nu, nc) - power

    high = edge
    while excess(high) < 0.0:
        high *= 2.0
    return float(brentq(excess, 0.0, high, xtol=1e-13))


def detectable_delta(
    n: int,
    sd: float,
    *,
    bias: float = 0.0,
    alpha: float = 0.05,
    power: float = _POWER,
    coverage: float = 0.95,
) -> float:
    """Return the smallest allowable difference within which agreement is shown with the power.

    Shown means that the one-sided 100(1 - alpha) % bounds of both limits of agreement lie within
    it, as in :func:`agreement_test`.

    Parameters
    ----------
    n : int
        Number of pairs.
    sd, bias : float
        True standard deviation and mean of the differences; no mean difference is the best case.
    alpha : float
        Level of the test.
    power : float
        Probability with which agreement is shown.
    coverage : float
        Proportion of the differences between the limits.

    Returns
    -------
    float
        In the unit of ``sd``.

    Raises
    ------
    ParameterError
        An argument out of range.

    >>> round(detectable_delta(27, 1.0), 3)
    3.103
    """
    check_pairs(n)
    _check(sd, alpha, power)
    if alpha >= 0.5 or not math.isfinite(bias):
        raise ParameterError(f"alpha {alpha}, bias {bias}; alpha below 0.5, a finite bias expected")
    return sd * _smallest_delta(n, abs(bias) / sd, alpha, power, coverage)


@lru_cache(maxsize=1024)
def _smallest_delta(n: int, bias: float, alpha: float, power: float, coverage: float) -> float:
    from scipy.optimize import brentq

    k = limit_factor(n, normal_quantile(coverage), 1.0 - alpha)

    def excess(delta: float) -> float:
        return power_within(n, bias, 1.0, delta, k) - power

    high = bias + k
    while excess(high) < 0.0:
        high *= 2.0
    return float(brentq(excess, bias, high, xtol=1e-12))

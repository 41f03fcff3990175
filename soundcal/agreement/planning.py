"""Test against an allowable difference, its power, and the number of pairs that it needs.

Limits of agreement are acceptable if they lie within ±delta. Delta follows from the purpose of the
measurement, and is stated before the data are seen; there is no default.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.agreement.intervals import (
    Interval,
    check_choice,
    check_fraction,
    check_pairs,
    limit_factor,
    limit_factors,
    normal_quantile,
    spread_nodes,
    two_tail_factor,
)
from soundcal.agreement.limits_of_agreement import mean_and_sd
from soundcal.agreement.pairs import Infinite, differences, make_pairs
from soundcal.agreement.results import StatisticalResult
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "AgreementTest",
    "Claim",
    "agreement_test",
    "power",
    "sample_size",
    "sample_size_for_width",
]

_MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Claim(StatisticalResult):
    """One claim about agreement, tested.

    Parameters
    ----------
    name : {"limits", "content", "mean bias"}
        Name of the claim.
    statement : str
        The claim in words.
    bounds : tuple of float
        Interval that must lie within ±delta for the claim to hold.
    p_value : float
        p value of the claim's negation; NaN for differences without spread.
    concluded : bool
        True if the claim holds at the level of the test.
    """

    name: str
    statement: str
    bounds: tuple[float, float]
    p_value: float
    concluded: bool


@dataclass(frozen=True, slots=True, eq=False)
class AgreementTest(StatisticalResult):
    """Test of agreement within ±delta, with three different claims.

    Parameters
    ----------
    delta : float
        Allowable difference.
    limits, content, mean_bias : Claim
        Claims that both limits of agreement lie within ±delta; that at least the central part of
        the differences does; that the mean difference does (the weakest: single differences may
        still be large).
    n : int
        Complete pairs.
    bias, sd : float
        Mean and standard deviation of the differences x - y.
    coverage, alpha : float
        Proportion of the differences in the claims; level of each test.
    method : str
        Description of the analysis in words.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    delta: float
    limits: Claim
    content: Claim
    mean_bias: Claim
    n: int
    bias: float
    sd: float
    coverage: float
    alpha: float
    method: str
    warnings: tuple[str, ...] = ()

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per claim."""
        import pandas as pd

        claims = (self.limits, self.content, self.mean_bias)
        frame = pd.concat([claim.to_frame() for claim in claims], ignore_index=True)
        return frame.assign(delta=self.delta, n=self.n)


def _check_delta(delta: float) -> None:
    if not 0.0 < delta < math.inf:
        raise ParameterError(
            f"delta {delta}; the largest difference that does not matter is expected, above 0 and "
            "in the unit of the differences, chosen before the data are seen"
        )


def agreement_test(
    x: ArrayLike,
    y: ArrayLike,
    delta: float,
    *,
    coverage: float = 0.95,
    alpha: float = 0.05,
    infinite: Infinite = "error",
) -> AgreementTest:
    """Test the agreement of two methods within ±delta.

    Three claims are tested, each at level alpha and each with its own name:

    - ``limits``: both limits of agreement lie within ±delta. Concluded when the exact one-sided
      100(1 - alpha) % bounds do (intersection-union test).
    - ``content``: at least the central part ``coverage`` of the differences lies within ±delta,
      neither tail holding more than half of the rest (exact; Shieh 2019).
    - ``mean bias``: the mean difference lies within ±delta (two one-sided t-tests). A different and
      weaker claim.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Measurements; pairs with NaN are dropped.
    delta : float
        Allowable difference.
    coverage : float
        Proportion of the differences in the claims.
    alpha : float
        Level of each test.
    infinite : {"error", "drop"}
        See :func:`bland_altman`.

    Returns
    -------
    AgreementTest

    Raises
    ------
    ParameterError
        delta not above 0, fewer than 2 pairs, unusable values.

    Notes
    -----
    Concluding agreement from two-sided 100(1 - a) % intervals, as Lu et al. (2016) do, is the
    claim ``limits`` at level a/2.
    Shieh, Stat Med 38 (2019); Schuirmann, J Pharmacokinet Biopharm 15:657 (1987).

    >>> x, y = [1.0, 2.1, 2.9, 4.2, 5.0], [1.1, 2.0, 3.0, 4.1, 5.1]
    >>> agreement_test(x, y, 1.0).limits.concluded
    True
    """
    _check_delta(delta)
    check_fraction("alpha", alpha)
    check_fraction("coverage", coverage)
    pairs = make_pairs(x, y, infinite=infinite)
    check_pairs(pairs.n)
    bias, sd = mean_and_sd(differences(pairs.x, pairs.y))
    n, warnings = pairs.n, pairs.warnings
    if sd == 0.0:
        warnings = (*warnings, "all differences are equal: there are no p values")
    limits, content, mean_bias = _claims(n, bias, sd, delta, coverage, alpha)
    return AgreementTest(
        delta=delta,
        limits=limits,
        content=content,
        mean_bias=mean_bias,
        n=n,
        bias=bias,
        sd=sd,
        coverage=coverage,
        alpha=alpha,
        method=f"tests of agreement within ±{delta:g} at level {alpha:g}, n = {n}: limits of "
        "agreement by exact one-sided bounds (noncentral t), central content (Shieh 2019), mean "
        "bias by two one-sided t-tests",
        warnings=warnings,
    )


def _claims(
    n: int, bias: float, sd: float, delta: float, coverage: float, alpha: float
) -> tuple[Claim, ...]:
    """Return the claims about limits, content and mean bias."""
    from scipy.special import stdtr, stdtrit
    from scipy.stats import nct

    z, root = normal_quantile(coverage), math.sqrt(n)
    part = f"{100 * coverage:g} %"
    factors = (
        limit_factor(n, z, 1.0 - alpha),
        content_factor(n, z, alpha),
        float(stdtrit(n - 1, 1.0 - alpha)) / root,
    )
    p_values = [math.nan] * 3
    if sd > 0.0:
        room = (delta - abs(bias)) * root / sd  # to the nearer edge, in standard errors
        p_values = [
            float(nct.sf(room, n - 1, z * root)),
            _content_p(n, z, room),
            float(stdtr(n - 1, -room)),
        ]
    statements = (
        ("limits", f"both {part} limits of agreement lie within ±{delta:g}"),
        ("content", f"the central {part} of the differences lie within ±{delta:g}"),
        ("mean bias", f"the mean difference lies within ±{delta:g}; single differences may not"),
    )
    claims = []
    for (name, statement), factor, p in zip(statements, factors, p_values, strict=True):
        bounds = (bias - factor * sd, bias + factor * sd)
        concluded = -delta < bounds[0] and bounds[1] < delta
        claims.append(Claim(name, statement, bounds, p, concluded))
    return tuple(claims)


def _content_p(n: int, z: float, g_root: float) -> float:
    """Probability under Shieh's null hypothesis that the statistic reaches ``g √n``."""
    from scipy.special import ndtr

    if g_root <= 0.0:
        return 1.0
    limit = z * math.sqrt(n)
    # 2 Φ(limit - g v) - 1 is positive below v = limit/g only; integrate up to there
    v, weight = spread_nodes(n - 1, high=limit / g_root)
    return float(weight @ (2.0 * ndtr(limit - g_root * v) - 1.0))


@lru_cache(maxsize=1024)
def content_factor(n: int, z: float, alpha: float) -> float:
    """Return the factor of s of Shieh's (2019) test of the central content at level alpha."""
    from scipy.optimize import brentq

    root = math.sqrt(n)
    log_g = brentq(lambda u: _content_p(n, z, math.exp(u)) - alpha, -10.0, 20.0, xtol=1e-13)
    return math.exp(float(log_g)) / root


def power(
    n: int,
    bias: float,
    sd: float,
    delta: float,
    *,
    alpha: float = 0.05,
    coverage: float = 0.95,
    interval: Interval = "exact",
    sides: int = 2,
) -> float:
    """Return the probability that the bounds of both limits of agreement lie within ±delta.

    Computed by exact integration over the distribution of the standard deviation.

    Parameters
    ----------
    n : int
        Number of pairs.
    bias, sd : float
        True mean and standard deviation of the differences.
    delta : float
        Allowable difference.
    alpha : float
        1 - confidence of the intervals.
    coverage : float
        Proportion of the differences between the limits.
    interval : {"exact", "pair", "1999", "1986", "mover"}
        Intervals of the limits that will be used.
    sides : {1, 2}
        2: the two-sided 100(1 - alpha) % intervals lie within ±delta, as read from the figure (Lu
        et al. 2016). 1: the one-sided bounds do, as in :func:`agreement_test`.

    Returns
    -------
    float

    Raises
    ------
    ParameterError
        An argument out of range.

    >>> round(power(83, 0.001167, 0.001129, 0.004, interval="1999"), 3)
    0.804
    """
    _check_plan(bias, sd, delta, alpha, sides)
    confidence = 1.0 - alpha if sides == 2 else 1.0 - 2.0 * alpha
    _, k = limit_factors(n, coverage, confidence, interval)
    return power_within(n, bias, sd, delta, k)


def _check_plan(bias: float, sd: float, delta: float, alpha: float, sides: int) -> None:
    _check_delta(delta)
    check_fraction("alpha", alpha)
    if sides not in (1, 2) or alpha >= 0.5:
        raise ParameterError(f"sides {sides}, alpha {alpha}; 1 or 2 sides, alpha below 0.5")
    if not (0.0 < sd < math.inf and math.isfinite(bias)):
        raise ParameterError(
            f"bias {bias}, sd {sd}; a finite bias and a standard deviation above 0 are expected, "
            "from a pilot study"
        )


def power_within(n: int, bias: float, sd: float, delta: float, k: float) -> float:
    """Return the probability that ``b - k s`` and ``b + k s`` both lie within ±delta."""
    from scipy.special import ndtr

    error = sd / math.sqrt(n)
    # both bounds can lie inside only while k s < delta
    v, weight = spread_nodes(n - 1, high=delta / (k * sd))
    inside = ndtr((delta - k * sd * v - bias) / error) - ndtr((k * sd * v - delta - bias) / error)
    return float(weight @ np.maximum(inside, 0.0))


def _smallest(enough: Callable[[int], bool], what: str) -> int:
    """Return the smallest n of 2 or more that is enough, if more pairs are never worse."""
    high = 4
    while not enough(high):
        high *= 2
        if high > _MOST:
            raise ParameterError(f"more than {_MOST} pairs would be needed for {what}")
    low = max(high // 2, 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def sample_size(
    bias: float,
    sd: float,
    delta: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    coverage: float = 0.95,
    interval: Interval = "exact",
    sides: int = 2,
) -> int:
    """Return the number of pairs needed to show agreement within ±delta.

    This is the smallest n whose exact :func:`power` reaches the desired one.

    Parameters
    ----------
    bias, sd, delta, alpha, coverage, interval, sides
        As in :func:`power`.
    power : float
        Desired probability that agreement is concluded.

    Returns
    -------
    int

    Raises
    ------
    ParameterError
        An argument out of range, or limits ``|bias| + z sd`` that reach delta: then no number of
        pairs shows agreement.

    Notes
    -----
    The example of Lu et al., Int J Biostat 12(2) (2016), takes 83 pairs with the intervals of
    1999. A noncentral t approximation of the power, which other tools use, gives 79.

    >>> sample_size(0.001167, 0.001129, 0.004, interval="1999")
    83
    >>> sample_size(0.001167, 0.001129, 0.004)
    97
    """
    _check_plan(bias, sd, delta, alpha, sides)
    check_fraction("power", power)
    check_choice("interval", interval, Interval)
    reach = abs(bias) + normal_quantile(coverage) * sd
    if reach >= delta:
        raise ParameterError(
            f"the true limits reach {reach:.6g}, delta is {delta:.6g}: no number of pairs shows "
            "agreement; improve the methods or justify a larger delta"
        )
    confidence = 1.0 - alpha if sides == 2 else 1.0 - 2.0 * alpha

    def enough(n: int) -> bool:
        _, k = limit_factors(n, coverage, confidence, interval)
        return power_within(n, bias, sd, delta, k) >= power

    return _smallest(enough, f"a power of {power:g}")


def sample_size_for_width(
    half_width: float,
    sd: float,
    *,
    coverage: float = 0.95,
    confidence: float = 0.95,
    assurance: float | None = None,
) -> int:
    """Return the number of pairs that make the tolerance interval ``bias ± g s`` narrow enough.

    The interval covers both limits of agreement with the given confidence (Jan & Shieh 2018).

    Parameters
    ----------
    half_width : float
        Largest acceptable ``g s``.
    sd : float
        True standard deviation of the differences.
    coverage, confidence : float
        Proportion of the differences between the limits; confidence of the interval.
    assurance : float, optional
        Probability that a single study reaches the width; if None, the expected width reaches it.

    Returns
    -------
    int

    Raises
    ------
    ParameterError
        An argument out of range, or a width that not even infinitely many pairs reach.

    >>> sample_size_for_width(2.5, 1.0), sample_size_for_width(2.5, 1.0, assurance=0.9)
    (52, 115)
    """
    z = normal_quantile(coverage)
    if not (sd > 0.0 and half_width > z * sd):
        raise ParameterError(
            f"half width {half_width}, sd {sd}: more than {z:.3f} standard deviations above 0 is "
            "expected, the half width of the limits themselves"
        )
    if assurance is not None:
        check_fraction("assurance", assurance)
    from scipy.special import chdtr, gammaln

    def enough(n: int) -> bool:
        nu, g = n - 1, two_tail_factor(n, z, confidence)
        if assurance is not None:
            return bool(chdtr(nu, nu * (half_width / (g * sd)) ** 2) >= assurance)
        unbiased = math.sqrt(nu / 2.0) * math.exp(float(gammaln(nu / 2.0) - gammaln(n / 2.0)))
        return g * sd / unbiased <= half_width

    return _smallest(enough, f"a half width of {half_width:g}")

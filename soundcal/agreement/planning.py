"""Power of the test against an allowable difference, and the number of pairs that it needs."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from soundcal.agreement.allowable import check_delta
from soundcal.agreement.intervals import (
    Interval,
    check_choice,
    check_fraction,
    limit_factors,
    normal_quantile,
    spread_nodes,
    two_tail_factor,
)
from soundcal.errors import ParameterError

__all__ = ["power", "power_within", "sample_size", "sample_size_for_width"]

_MOST: Final = 1_000_000


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
    check_delta(delta)
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

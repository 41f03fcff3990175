"""Factors behind the confidence intervals of limits of agreement, for normal differences.

A limit of agreement is ``b ± z s`` with mean ``b`` and standard deviation ``s`` of ``n``
differences. Its confidence bounds are ``b ± k s``; this module computes ``k``, which depends on
``n``, ``z`` and the confidence only, and caches it: many indicators of one study share it.
"""

import math
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = [
    "Interval",
    "approximate_half_width",
    "limit_factor",
    "limit_factors",
    "mover_factors",
    "noncentral_t",
    "normal_quantile",
    "pair_factor",
    "t_quantile",
    "two_tail_factor",
]

Interval = Literal["exact", "pair", "1999", "1986", "mover"]
"""Method of the confidence intervals of limits of agreement; see :func:`limit_factors`."""


def check_fraction(name: str, value: float) -> None:
    """Refuse a value that is not strictly between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise ParameterError(f"{name} {value}; a fraction between 0 and 1 is expected, e.g. 0.95")


def check_choice(name: str, value: object, choices: Any) -> None:
    """Refuse a value that is not one of those of a ``Literal`` type."""
    if value not in get_args(choices):
        listed = ", ".join(repr(choice) for choice in get_args(choices))
        raise ParameterError(f"{name} {value!r}; one of {listed} is expected")


def check_pairs(n: int) -> None:
    """Refuse fewer than two pairs."""
    if n < 2:
        raise ParameterError(
            f"{n} complete pair(s); limits of agreement need at least 2 (10 or more to be useful)"
        )


@lru_cache(maxsize=256)
def normal_quantile(coverage: float) -> float:
    """Return z such that ±z covers the given proportion of the normal distribution.

    >>> round(normal_quantile(0.95), 6)
    1.959964
    """
    check_fraction("coverage", coverage)
    from scipy.special import ndtri

    return float(ndtri(0.5 * (1.0 + coverage)))


@lru_cache(maxsize=4096)
def t_quantile(confidence: float, df: float) -> float:
    """Return t such that ±t covers the given proportion of Student's t distribution.

    >>> round(t_quantile(0.95, 26), 4)
    2.0555
    """
    check_fraction("confidence", confidence)
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 * (1.0 + confidence)))


@lru_cache(maxsize=4096)
def limit_factor(n: int, z: float, p: float) -> float:
    """Return k such that ``b + k s`` lies above ``mean + z sd`` with probability p (one-sided).

    ``k = t'(p; n - 1, z √n) / √n`` with the quantile t' of the noncentral t distribution
    (Carkeet, Optom Vis Sci 92:e71, 2015; the factor of a one-sided tolerance bound).

    Parameters
    ----------
    n : int
        Number of differences, at least 2.
    z : float
        Position of the limit in standard deviations, e.g. 1.96.
    p : float
        Probability, 0 < p < 1.

    Returns
    -------
    float

    Raises
    ------
    ParameterError
        n or p out of range.

    >>> round(limit_factor(27, 1.959963984540054, 0.975), 3)
    2.815
    """
    check_pairs(n)
    check_fraction("probability", p)
    from scipy.stats import nct

    return float(nct.ppf(p, n - 1, z * math.sqrt(n))) / math.sqrt(n)


def approximate_half_width(
    n: int, z: float, confidence: float, interval: Literal["1999", "1986"]
) -> float:
    """Return the half width, in units of s, of the approximate interval of a limit.

    ``1999``: ``t √(1/n + z²/(2(n - 1)))`` (Bland & Altman, Stat Methods Med Res 8:135, 1999);
    ``1986``: ``t √(3/n)`` (Bland & Altman, Lancet i:307, 1986).
    """
    check_pairs(n)
    variance = 3.0 / n if interval == "1986" else 1.0 / n + z * z / (2.0 * (n - 1))
    return t_quantile(confidence, n - 1) * math.sqrt(variance)


def mover_factors(n: int, z: float, confidence: float) -> tuple[float, float]:
    """Return the factors of the inner and outer bound of a limit by MOVER.

    The intervals of mean and standard deviation are computed separately and combined for the limit
    (Zou, Stat Methods Med Res 22:630, 2013, with the normal quantile for the mean).
    """
    check_pairs(n)
    from scipy.special import chdtri

    mean = normal_quantile(confidence) / math.sqrt(n)
    alpha, nu = 1.0 - confidence, n - 1
    # chdtri expects the upper tail
    largest = math.sqrt(nu / float(chdtri(nu, 1.0 - alpha / 2.0)))
    smallest = math.sqrt(nu / float(chdtri(nu, alpha / 2.0)))
    inner = z - math.hypot(mean, z * (1.0 - smallest))
    return inner, z + math.hypot(mean, z * (largest - 1.0))


@lru_cache(maxsize=1)
def _nodes() -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(160)
    return 0.5 * (x + 1.0), 0.5 * w


def _content_radius(x: Array, coverage: float) -> Array:
    """Return r such that x ± r holds the given proportion of the standard normal distribution."""
    from scipy.special import ndtr

    r = x + normal_quantile(2.0 * coverage - 1.0) if coverage > 0.5 else x + 1.0
    for _ in range(60):
        content = ndtr(x + r) - ndtr(x - r) - coverage
        density = (np.exp(-0.5 * (x + r) ** 2) + np.exp(-0.5 * (x - r) ** 2)) / math.sqrt(
            2.0 * math.pi
        )
        step = content / density
        r = np.maximum(r - step, 0.5 * r)
        if np.max(np.abs(step)) < 1e-14 * np.max(r):
            break
    return np.asarray(r)


@lru_cache(maxsize=1024)
def pair_factor(n: int, coverage: float, confidence: float) -> float:
    """Return k such that ``b ± k s`` holds at least ``coverage`` of all differences.

    The exact two-sided tolerance factor: with probability ``confidence`` at least ``coverage`` of
    the population lies between the two bounds (Odeh, Commun Stat B 7:183, 1978; Carkeet & Goh,
    Stat Methods Med Res 27:1559, 2018), by numerical integration.

    Parameters
    ----------
    n : int
        Number of differences, at least 2.
    coverage, confidence : float
        Fractions between 0 and 1.

    Returns
    -------
    float

    Raises
    ------
    ParameterError
        An argument out of range.

    >>> round(pair_factor(43, 0.9, 0.99), 3)  # Howe's approximation gives 2.217
    2.223
    """
    check_pairs(n)
    check_fraction("coverage", coverage)
    check_fraction("confidence", confidence)
    from scipy.optimize import brentq
    from scipy.special import chdtrc

    unit, weight = _nodes()
    u = 9.0 * unit  # u = √n x; beyond 9 the normal density adds less than 1e-18
    weight = 9.0 * weight * math.sqrt(2.0 / math.pi) * np.exp(-0.5 * u * u)
    nu_r2 = (n - 1) * _content_radius(u / math.sqrt(n), coverage) ** 2

    def excess(log_k: float) -> float:
        return float(weight @ chdtrc(n - 1, nu_r2 * math.exp(-2.0 * log_k))) - confidence

    return math.exp(float(brentq(excess, -20.0, 20.0, xtol=1e-13, rtol=1e-14)))


def spread_nodes(nu: int, low: float = 0.0, high: float = math.inf) -> tuple[Array, Array]:
    """Return nodes and weights of the distribution of s/sd between ``low`` and ``high``.

    ``weights @ f(nodes)`` is the expectation of ``f(s/sd)`` over that part, where ``nu (s/sd)²``
    is chi-square with nu degrees of freedom.
    """
    from scipy.special import chdtri, gammaln

    top = min(high, math.sqrt(float(chdtri(nu, 1e-17)) / nu))
    bottom = max(low, math.sqrt(float(chdtri(nu, 1.0 - 1e-16)) / nu))
    if bottom >= top:
        return np.array([bottom]), np.array([0.0])
    unit, weight = _nodes()
    v = bottom + (top - bottom) * unit
    log_density = (
        math.log(2.0)
        + 0.5 * nu * math.log(0.5 * nu)
        - float(gammaln(0.5 * nu))
        + (nu - 1) * np.log(v)
        - 0.5 * nu * v * v
    )
    return v, (top - bottom) * weight * np.exp(log_density)


def noncentral_t(t: float, nu: int, nc: float) -> float:
    """Return the probability that a noncentral t variable lies below t.

    By integration over the normal or the chi variable, whichever is the smoother. scipy's function
    gives NaN in the tails and takes minutes where t is in the millions, which methods with a
    constant difference reach.

    >>> round(noncentral_t(2.5, 26, 1.0), 8)
    0.91866699
    """
    from scipy.special import chdtrc, ndtr

    if t < 0.0:
        return 1.0 - noncentral_t(-t, nu, -nc)
    if t * t <= 2.0 * nu:
        v, weight = spread_nodes(nu)
        return float(weight @ ndtr(t * v - nc))
    low = min(max(-9.0, -nc), 9.0)  # below -nc, the variable is negative
    unit, weight = _nodes()
    z = low + (9.0 - low) * unit
    density = np.exp(-0.5 * z * z) * (9.0 - low) / math.sqrt(2.0 * math.pi)
    v = np.maximum(z + nc, 0.0) / t
    return float(ndtr(low) + weight @ (density * chdtrc(nu, nu * v * v)))


@lru_cache(maxsize=1024)
def two_tail_factor(n: int, z: float, confidence: float) -> float:
    """Return g such that ``b ± g s`` covers both ``mean - z sd`` and ``mean + z sd`` at once.

    Equal-tailed tolerance interval (Owen, Technometrics 6:377, 1964; Jan & Shieh, Stat Methods
    Med Res, 2018: exact interval of the range of agreement).

    >>> round(two_tail_factor(27, 1.959963984540054, 0.95), 3)
    2.79
    """
    check_pairs(n)
    check_fraction("confidence", confidence)
    from scipy.optimize import brentq
    from scipy.special import ndtr

    root = math.sqrt(n)

    def excess(log_g: float) -> float:
        g = math.exp(log_g)
        v, weight = spread_nodes(n - 1, z / g)
        return float(weight @ (2.0 * ndtr(root * (g * v - z)) - 1.0)) - confidence

    return math.exp(float(brentq(excess, -20.0, 20.0, xtol=1e-13, rtol=1e-14)))


def limit_factors(
    n: int, coverage: float, confidence: float, interval: Interval, *, z: float | None = None
) -> tuple[float, float]:
    """Return the factors of s for the inner and outer confidence bound of a limit of agreement.

    The upper limit's interval is ``[b + inner s, b + outer s]``, the lower one's
    ``[b - outer s, b - inner s]``.

    Parameters
    ----------
    n : int
        Number of differences, at least 2.
    coverage, confidence : float
        Fractions between 0 and 1.
    interval : {"exact", "pair", "1999", "1986", "mover"}
        ``exact``: each limit separately, by the noncentral t distribution. ``pair``: both limits
        as a pair, by their content. ``1999``, ``1986``: Bland & Altman's approximations.
        ``mover``: variance estimates recovery.
    z : float, optional
        Position of the limits in standard deviations; the normal quantile of ``coverage`` unless
        given. The pair is defined by its content and does not accept z.

    Returns
    -------
    inner, outer : float

    Raises
    ------
    ParameterError
        An argument out of range, an unknown interval.
    """
    check_choice("interval", interval, Interval)
    check_fraction("confidence", confidence)
    position = normal_quantile(coverage) if z is None else z
    tail = 0.5 * (1.0 + confidence)
    match interval:
        case "exact":
            return limit_factor(n, position, 1.0 - tail), limit_factor(n, position, tail)
        case "pair":
            return pair_factor(n, coverage, 1.0 - tail), pair_factor(n, coverage, tail)
        case "1999" | "1986":
            half = approximate_half_width(n, position, confidence, interval)
            return position - half, position + half
        case "mover":
            return mover_factors(n, position, confidence)

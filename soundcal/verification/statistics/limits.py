"""Stated rates of the limits of agreement: intervals of bias, limits, quantiles and spreads."""

import math
from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from soundcal.agreement import (
    Agreement,
    bland_altman,
    diagnose,
    nonparametric_limits,
    spread_ratio,
)
from soundcal.agreement.intervals import Interval
from soundcal.verification.statistics.rates import StatedRate, normal_methods, within

__all__ = ["rates"]

_CLAUSE: Final = "limits of agreement"
_Z: Final = 1.959963984540054
_MARGINS: Final[tuple[tuple[Interval, int, float], ...]] = (
    ("exact", 10, 0.0),
    ("exact", 27, 0.0),
    ("mover", 27, 0.015),
    ("1999", 27, 0.03),
    ("1986", 27, 0.03),
)


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    of = partial(StatedRate, "bland_altman", _CLAUSE)
    for n in (10, 27):
        yield of(f"interval of the bias, n = {n}", 0.95, partial(_bias, n=n))
        yield of(f"prediction interval, n = {n}", 0.95, partial(_further, n=n))
    for interval, n, margin in _MARGINS:
        name = f"interval of the upper limit, {interval}, n = {n}"
        yield of(name, 0.95, partial(_upper, interval=interval, n=n), margin)
    yield of("interval of the lower limit, exact, n = 27", 0.95, _lower)
    yield of("interval of the upper limit, ratios, n = 27", 0.95, _ratio)
    yield of("outer bounds of the pair hold 95 %, n = 27", 0.975, _pair)
    free = partial(StatedRate, "nonparametric_limits", _CLAUSE, nominal=0.95, at_least=True)
    for n, p in ((27, 0.5), (200, 0.975)):
        name = f"interval of the {100 * p:g} % quantile, exponential, n = {n}"
        yield free(quantity=name, trial=partial(_quantile, n=n, p=p))
    name = "one-sided bound of the 97.5 % quantile, exponential, n = 27"
    yield free(quantity=name, trial=partial(_quantile, n=27, p=0.975))
    checks = partial(StatedRate, "diagnose", _CLAUSE, nominal=0.05)
    yield checks(quantity="test of normality (Shapiro-Wilk), n = 27", trial=_normality, margin=0.01)
    yield checks(quantity="test of a slope of the differences, n = 27", trial=_slope)
    name = "test of a slope of the spread, n = 27"
    yield checks(quantity=name, trial=_slope_of_spread, margin=0.02)
    for n in (6, 27):
        name = f"interval of the ratio of two spreads, n = {n}"
        yield StatedRate("spread_ratio", _CLAUSE, name, 0.95, partial(_spreads, n=n))


def _bias(rng: np.random.Generator, n: int) -> bool:
    return within(bland_altman(*normal_methods(rng, n)).bias_ci, 0.0)


def _further(rng: np.random.Generator, n: int) -> bool:
    return within(bland_altman(*normal_methods(rng, n)).prediction, rng.normal())


def _upper(rng: np.random.Generator, interval: Interval, n: int) -> bool:
    return within(bland_altman(*normal_methods(rng, n), interval=interval).upper_ci, _Z)


def _lower(rng: np.random.Generator) -> bool:
    return within(bland_altman(*normal_methods(rng, 27)).lower_ci, -_Z)


def _ratio(rng: np.random.Generator) -> bool:
    x, y = normal_methods(rng, 27)
    found = bland_altman(np.exp(0.1 * x), np.exp(0.1 * y), scale="ratio")
    return within(found.upper_ci, math.exp(0.1 * _Z))


def _pair(rng: np.random.Generator) -> bool:
    from scipy.special import ndtr

    found = bland_altman(*normal_methods(rng, 27), interval="pair", confidence=0.95)
    content = ndtr(found.upper_ci[1]) - ndtr(found.lower_ci[0])
    return bool(content >= 0.95)


def _quantile(rng: np.random.Generator, n: int, p: float) -> bool:
    x = rng.exponential(size=n)
    found = nonparametric_limits(bland_altman(x, np.zeros(n)))
    return within(found.bias_ci if p == 0.5 else found.upper_ci, -math.log(1.0 - p))


def _unrelated(rng: np.random.Generator) -> Agreement:
    """Return limits of differences that do not depend on the average."""
    average, d = rng.uniform(50.0, 80.0, 27), rng.normal(size=27)
    return bland_altman(average + d / 2.0, average - d / 2.0)


def _normality(rng: np.random.Generator) -> bool:
    return diagnose(_unrelated(rng)).normality_p < 0.05


def _slope(rng: np.random.Generator) -> bool:
    line = diagnose(_unrelated(rng)).trend
    return line is not None and line.p_value < 0.05


def _slope_of_spread(rng: np.random.Generator) -> bool:
    line = diagnose(_unrelated(rng)).spread
    return line is not None and line.p_value < 0.05


def _spreads(rng: np.random.Generator, n: int) -> bool:
    """Tell whether the interval holds the ratio of paired values with a correlation of 0.6."""
    x, other = rng.normal(size=(2, n))
    return within(spread_ratio(x, 0.5 * (0.6 * x + 0.8 * other)).ci, 0.5)

"""Stated rates of lines: limits that follow the size, Deming and Passing-Bablok regression."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from soundcal.agreement import MethodLine, bland_altman, deming, passing_bablok, regression_limits
from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.verification.statistics.rates import StatedRate, within

__all__ = ["rates"]

_CLAUSE: Final = "lines"
_Z: Final = 1.959963984540054


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    limits = partial(StatedRate, "regression_limits", _CLAUSE)
    yield limits("band of the bias, constant spread", 0.95, partial(_band, growing=False))
    name = "band of the bias, spread that grows (HC3)"
    yield limits(name, 0.95, partial(_band, growing=True), 0.02)
    yield limits("band of the upper limit, constant spread, n = 40", 0.95, _limit)
    name = "interval of the upper limit, spread that grows, n = 27"
    yield limits(name, 0.95, _growing_limit, 0.03)
    of_deming = partial(StatedRate, "deming", _CLAUSE)
    yield of_deming("slope by Deming (jackknife), n = 27", 0.95, _deming, 0.02)
    yield of_deming("intercept by Deming (jackknife), n = 27", 0.95, _deming_intercept, 0.02)
    name = "slope by weighted Deming (jackknife), n = 27"
    yield of_deming(name, 0.95, _weighted_deming, 0.02)
    ranks = partial(StatedRate, "passing_bablok", _CLAUSE)
    yield ranks("slope by Passing & Bablok, n = 27", 0.95, _ranks, 0.02)
    yield ranks("intercept by Passing & Bablok, n = 27", 0.95, _ranks_intercept, 0.02)
    name = "test of linearity by Passing & Bablok, n = 27"
    yield ranks(name, 0.05, _linearity, 0.02, at_most=True)


def _band(rng: np.random.Generator, growing: bool) -> bool:
    a = rng.uniform(1.0, 10.0, 40)
    d = 0.3 + 0.05 * a + (0.2 * a + 0.5 if growing else 1.0) * rng.normal(size=40)
    pairs = bland_altman(a + d / 2, a - d / 2)
    try:
        found = regression_limits(pairs, spread="linear" if growing else "constant")
    except ParameterError:  # the line of the spread reaches 0: no band is stated
        return True
    bounds = found.bands([9.5])
    return bool(bounds["bias_low"][0] <= 0.3 + 0.05 * 9.5 <= bounds["bias_high"][0])


def _limit(rng: np.random.Generator) -> bool:
    a = rng.uniform(1.0, 10.0, 40)
    d = 0.3 + 0.05 * a + rng.normal(size=40)
    found = regression_limits(bland_altman(a + d / 2, a - d / 2), spread="constant").bands([9.5])
    return bool(found["upper_low"][0] <= 0.3 + 0.05 * 9.5 + _Z <= found["upper_high"][0])


def _growing_limit(rng: np.random.Generator) -> bool:
    a = rng.uniform(1.0, 10.0, 27)
    d = (0.5 + 0.2 * a) * rng.normal(size=27)
    at = float(np.median(a))
    try:
        bounds = regression_limits(bland_altman(a + d / 2, a - d / 2), spread="linear").bands(at)
    except ParameterError:  # the line of the spread reaches 0: no limits are stated
        return True
    return within((float(bounds["upper_low"]), float(bounds["upper_high"])), _Z * (0.5 + 0.2 * at))


def _sides(rng: np.random.Generator) -> tuple[Array, Array]:
    true = rng.uniform(50.0, 80.0, 27)
    return true + rng.normal(size=27), true + rng.normal(size=27)


def _deming(rng: np.random.Generator) -> bool:
    return within(deming(*_sides(rng)).slope_ci, 1.0)


def _weighted_deming(rng: np.random.Generator) -> bool:
    true = np.exp(rng.uniform(0.0, 2.3, 27))
    x, y = (true * (1.0 + 0.05 * rng.normal(size=27)) for _ in range(2))
    return within(deming(x, y, errors="proportional").slope_ci, 1.0)


def _deming_intercept(rng: np.random.Generator) -> bool:
    return within(deming(*_sides(rng)).intercept_ci, 0.0)


def _of_ranks(rng: np.random.Generator) -> MethodLine:
    return passing_bablok(*_sides(rng))


def _ranks(rng: np.random.Generator) -> bool:
    return within(_of_ranks(rng).slope_ci, 1.0)


def _ranks_intercept(rng: np.random.Generator) -> bool:
    return within(_of_ranks(rng).intercept_ci, 0.0)


def _linearity(rng: np.random.Generator) -> bool:
    return bool(_of_ranks(rng).linearity_p < 0.05)

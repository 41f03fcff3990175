"""Stated rates of effect sizes and of the smallest difference that a study can show."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from soundcal.agreement import (
    agreement_test,
    detectable_by_t,
    detectable_delta,
    detectable_difference,
    mean_difference,
    standardized_difference,
)
from soundcal.verification.statistics.rates import StatedRate, normal_methods, within

__all__ = ["rates"]

_CLAUSE: Final = "what a study can show"
_TRUE: Final = 0.5


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    name = "interval of the standardized difference, n = 27"
    yield StatedRate("standardized_difference", _CLAUSE, name, 0.95, _interval)
    name = "the paired t-test finds the smallest detectable difference, n = 27"
    found = partial(_found, smallest=detectable_difference(27, 1.0))
    yield StatedRate("detectable_difference", _CLAUSE, name, 0.8, found)
    name = "the default test finds the smallest detectable difference, 19 in both, 13 and 2 in one"
    yield StatedRate("detectable_by_t", _CLAUSE, name, 0.8, _partial_found, 0.02)
    name = "agreement is shown within the smallest detectable delta, n = 27"
    shown = partial(_shown, smallest=detectable_delta(27, 1.0))
    yield StatedRate("detectable_delta", _CLAUSE, name, 0.8, shown)


def _interval(rng: np.random.Generator) -> bool:
    x, y = normal_methods(rng, 27)
    return within(standardized_difference(x + _TRUE, y).ci, _TRUE)


def _found(rng: np.random.Generator, smallest: float) -> bool:
    x, y = normal_methods(rng, 27)
    return mean_difference(x + smallest, y, test="paired").p_value < 0.05


def _partial_found(rng: np.random.Generator) -> bool:
    # variance of the difference of both means: 1/32 + 1/21 - 2 · 0.5 · 19/(32 · 21)
    smallest = detectable_by_t((1 / 32 + 1 / 21 - 19 / 672) ** 0.5, 25.0)
    z = rng.multivariate_normal([smallest, 0.0], [[1.0, 0.5], [0.5, 1.0]], 34)
    z[19:32, 1] = z[32:, 0] = np.nan
    return bool(mean_difference(z[:, 0], z[:, 1]).p_value < 0.05)


def _shown(rng: np.random.Generator, smallest: float) -> bool:
    return agreement_test(*normal_methods(rng, 27), smallest).limits.concluded

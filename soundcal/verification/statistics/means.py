"""Stated rates of the tests of means: a single cell of stimulus and attribute, and many cells.

At the sizes of the study: 19 participants under both conditions, 13 and 2 under one of them.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from soundcal.agreement import adjust, hotelling, max_t, mean_difference
from soundcal.agreement.paired import MeanTest
from soundcal.arrays import Array
from soundcal.verification.statistics.rates import StatedRate

__all__ = ["rates"]

_STUDY: Final = "19 in both, 13 and 2 in one"


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    clause = "tests of means"
    of = partial(StatedRate, "mean_difference", clause)
    name = f"default test (T_new2) of a cell, {_STUDY}"
    yield of(name, 0.05, partial(_cell, test="overlapping"), 0.005)
    name = f"default test, any of 48 cells, Holm, {_STUDY}"
    yield StatedRate("adjust", clause, name, 0.05, _family, at_most=True)
    yield of(
        f"optimal pooled t-test (--paper) of a cell, {_STUDY}",
        0.05,
        partial(_cell, test="partially-paired"),
        known_deviation="rejects about 9 % at these sizes; marked wherever it is used, and not the "
        "default",
    )
    correlated = partial(StatedRate, "max_t", clause, nominal=0.05, at_most=True, cost=2)
    name = "any of 39 correlated tests, 27 stimuli, max-T"
    yield correlated(f"{name}, normal", trial=partial(_correlated, skewed=False))
    yield correlated(f"{name}, exponential", trial=partial(_correlated, skewed=True), margin=0.02)
    yield StatedRate("hotelling", clause, "Hotelling's paired test, 19 pairs", 0.05, _plane)


def _values(rng: np.random.Generator) -> tuple[Array, Array]:
    z = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]], 34)
    z[19:32, 1] = z[32:, 0] = np.nan
    return z[:, 0], z[:, 1]


def _cell(rng: np.random.Generator, test: MeanTest) -> bool:
    return bool(mean_difference(*_values(rng), test=test).p_value < 0.05)


def _family(rng: np.random.Generator) -> bool:
    p = [mean_difference(*_values(rng)).p_value for _ in range(48)]
    return bool(adjust(p, family="48 cells").adjusted.min() < 0.05)


def _correlated(rng: np.random.Generator, skewed: bool) -> bool:
    from scipy.special import ndtr

    d = np.sqrt(0.4) * rng.normal(size=(27, 1)) + np.sqrt(0.2) * rng.normal(size=(27, 39))
    d += np.sqrt(0.4) * np.repeat(rng.normal(size=(27, 3)), 13, axis=1)
    if skewed:
        d = -np.log(ndtr(d)) - 1.0
    found = max_t(d, family="39 tests", draws=500, seed=int(rng.integers(1 << 31)))
    return bool(np.nanmin(found.adjusted) <= 0.05)


def _plane(rng: np.random.Generator) -> bool:
    return hotelling(rng.normal(size=(19, 2)), rng.normal(size=(19, 2))).p_value < 0.05

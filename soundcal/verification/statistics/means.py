"""Stated rates of the tests of means: a single cell of stimulus and attribute, and many cells.

At the sizes of the study: 19 participants under both conditions, 13 and 2 under one of them.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from soundcal.agreement import MeanDifference, adjust, hotelling, max_t, mean_difference
from soundcal.agreement.multiplicity import Correction
from soundcal.agreement.paired import MeanTest
from soundcal.arrays import Array
from soundcal.verification.statistics.rates import StatedRate, within

__all__ = ["rates"]

_CLAUSE: Final = "tests of means"
_STUDY: Final = "19 in both, 13 and 2 in one"
_SIZES: Final = (19, 13, 2)


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    of = partial(StatedRate, "mean_difference", _CLAUSE)
    name = f"default test (T_new2) of a cell, {_STUDY}"
    yield of(name, 0.05, partial(_cell, test="overlapping"), 0.005)
    name = f"interval of the default test, {_STUDY}"
    yield of(name, 0.95, partial(_interval, test="overlapping"), 0.005)
    for sizes in ((10, 5, 5), (4, 15, 15)):
        name = "default test of a cell, {} in both, {} and {} in one".format(*sizes)
        yield of(name, 0.05, partial(_cell, test="overlapping", sizes=sizes), 0.01)
    name = "paired t-test, 19 in both"
    yield of(name, 0.05, partial(_cell, test="paired"))
    name = "default test, any of 48 cells, Holm, " + _STUDY
    family = partial(StatedRate, "adjust", _CLAUSE, nominal=0.05)
    yield family(quantity=name, trial=_family, at_most=True, cost=2)
    name = f"false positives among positives, 12 cells of 48 differ, Benjamini-Hochberg, {_STUDY}"
    yield family(quantity=name, trial=_discoveries, at_most=True, cost=4)
    yield of(
        f"optimal pooled t-test (--paper) of a cell, {_STUDY}",
        0.05,
        partial(_cell, test="partially-paired"),
        known_deviation="rejects about 9 % at these sizes; marked wherever it is used, and not the "
        "default",
    )
    correlated = partial(StatedRate, "max_t", _CLAUSE, nominal=0.05, at_most=True, cost=2)
    name = "any of 39 correlated tests, 27 stimuli, max-T"
    yield correlated(f"{name}, normal", trial=partial(_correlated, skewed=False))
    yield correlated(f"{name}, exponential", trial=partial(_correlated, skewed=True), margin=0.02)
    plane = partial(StatedRate, "hotelling", _CLAUSE)
    yield plane("Hotelling's paired test, 19 pairs", 0.05, _plane)
    name = "simultaneous intervals of two variables, 19 pairs"
    yield plane(name, 0.95, _both, at_least=True)


def _values(rng: np.random.Generator, sizes: tuple[int, int, int] = _SIZES) -> tuple[Array, Array]:
    """Return answers of correlation 0.5 under two conditions, from pairs and from single people."""
    both, first, second = sizes
    z = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]], both + first + second)
    z[both : both + first, 1] = z[both + first :, 0] = np.nan
    return z[:, 0], z[:, 1]


def _tested(
    rng: np.random.Generator, test: MeanTest, sizes: tuple[int, int, int] = _SIZES
) -> MeanDifference:
    return mean_difference(*_values(rng, sizes), test=test)


def _cell(rng: np.random.Generator, test: MeanTest, sizes: tuple[int, int, int] = _SIZES) -> bool:
    return bool(_tested(rng, test, sizes).p_value < 0.05)


def _interval(rng: np.random.Generator, test: MeanTest) -> bool:
    return within(_tested(rng, test).ci, 0.0)


def _adjusted(rng: np.random.Generator, shift: Array, correction: Correction) -> Array:
    p = []
    for change in shift:
        x, y = _values(rng)
        p.append(mean_difference(x + change, y).p_value)
    return adjust(p, family="48 cells", correction=correction).adjusted


def _family(rng: np.random.Generator) -> bool:
    return bool(_adjusted(rng, np.zeros(48), "holm").min() < 0.05)


def _discoveries(rng: np.random.Generator) -> float:
    shift = np.where(np.arange(48) < 12, 0.8, 0.0)
    positive = _adjusted(rng, shift, "bh") < 0.05
    return float(positive[12:].sum() / max(positive.sum(), 1))


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


def _both(rng: np.random.Generator) -> bool:
    found = hotelling(rng.normal(size=(19, 2)), rng.normal(size=(19, 2)))
    return bool((np.abs(found.estimate) <= found.region).all())

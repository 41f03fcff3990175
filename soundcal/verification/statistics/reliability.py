"""Stated rates of single numbers: concordance, intraclass correlation, total deviation index."""

import math
from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from soundcal.agreement import concordance, coverage_probability, icc, total_deviation_index
from soundcal.agreement.reliability import IccForm
from soundcal.arrays import Array
from soundcal.verification.statistics.rates import StatedRate, normal_methods, within

__all__ = ["rates"]

_CLAUSE: Final = "single numbers"
_Q90: Final = 1.6448536269514722
_FORMS: Final[tuple[tuple[IccForm, float], ...]] = (("C,1", 0.8), ("C,k", 8.0 / 9.0), ("1", 0.8))
"""Forms of the coefficient, and its true value for a variance of 4 between and 1 within."""


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    ccc = partial(StatedRate, "concordance", _CLAUSE)
    yield ccc("concordance correlation, n = 40", 0.95, partial(_ccc, n=40), 0.02)
    yield ccc("concordance correlation, n = 27", 0.95, partial(_ccc, n=27), 0.025)
    of_icc = partial(StatedRate, "icc", _CLAUSE)
    for form, true in _FORMS:
        yield of_icc(f"ICC({form}), n = 27", 0.95, partial(_icc, form=form, true=true))
    name = "ICC(A,1), two given methods that differ by 1 SD of the error, n = 27"
    yield of_icc(name, 0.95, partial(_absolute, drawn=False), at_least=True)
    yield of_icc(
        "ICC(A,1), two methods drawn at random, n = 27",
        0.95,
        partial(_absolute, drawn=True),
        known_deviation="McGraw & Wong's interval covers about 89 % where two methods are a random "
        "sample that differs as much as single errors; the methods of a comparison are given",
    )
    name = "upper bound of the total deviation index, n = 27"
    yield StatedRate("total_deviation_index", _CLAUSE, name, 0.95, _bound, 0.01)
    name = "lower bound of the coverage probability, n = 27"
    yield StatedRate("coverage_probability", _CLAUSE, name, 0.95, _share, 0.01, cost=2)


def _ccc(rng: np.random.Generator, n: int) -> bool:
    true = rng.normal(0.0, 2.0, n)
    found = concordance(true + rng.normal(size=n), true + rng.normal(size=n))
    return within(found.ci, 4.0 / 5.0)


def _table(rng: np.random.Generator) -> Array:
    return np.asarray(rng.normal(0.0, 2.0, (27, 1)) + rng.normal(size=(27, 2)))


def _icc(rng: np.random.Generator, form: IccForm, true: float) -> bool:
    return within(icc(_table(rng), form).ci, true)


def _absolute(rng: np.random.Generator, drawn: bool) -> bool:
    """Return whether the interval holds 4/(4 + 1 + 1), methods being of variance 1."""
    shift = rng.normal(size=2) if drawn else np.array([0.5, -0.5]) * math.sqrt(2.0)
    return within(icc(_table(rng) + shift, "A,1").ci, 4.0 / 6.0)


def _bound(rng: np.random.Generator) -> bool:
    return total_deviation_index(*normal_methods(rng, 27)).bound >= _Q90


def _share(rng: np.random.Generator) -> bool:
    return coverage_probability(*normal_methods(rng, 27), _Q90).bound <= 0.9

"""Stated rates of single numbers: concordance, intraclass correlation, total deviation index."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from soundcal.agreement import concordance, icc, total_deviation_index
from soundcal.verification.statistics.rates import StatedRate, normal_methods, within

__all__ = ["rates"]

_CLAUSE: Final = "single numbers"


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    yield StatedRate("concordance", _CLAUSE, "concordance correlation, n = 40", 0.95, _ccc, 0.02)
    yield StatedRate("icc", _CLAUSE, "ICC(C,1), n = 27", 0.95, _icc)
    name = "upper bound of the total deviation index, n = 27"
    yield StatedRate("total_deviation_index", _CLAUSE, name, 0.95, _bound, 0.01)


def _ccc(rng: np.random.Generator) -> bool:
    true = rng.normal(0.0, 2.0, 40)
    found = concordance(true + rng.normal(size=40), true + rng.normal(size=40))
    return within(found.ci, 4.0 / 5.0)


def _icc(rng: np.random.Generator) -> bool:
    true = rng.normal(0.0, 2.0, (27, 1))
    return within(icc(true + rng.normal(size=(27, 2)), "C,1").ci, 4.0 / 5.0)


def _bound(rng: np.random.Generator) -> bool:
    return total_deviation_index(*normal_methods(rng, 27)).bound >= 1.6448536269514722

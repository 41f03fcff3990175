"""Stated rates of the tests against an allowable difference, and of their power."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from soundcal.agreement import agreement_test, power
from soundcal.verification.statistics.rates import StatedRate, normal_methods

__all__ = ["rates"]

_CLAUSE: Final = "tests against an allowable difference"
_Z: Final = 1.959963984540054


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    of = partial(StatedRate, "agreement_test", _CLAUSE)
    yield of("mean bias at delta is accepted", 0.05, _bias_at_edge)
    yield of("limits at ±delta are accepted", 0.05, _limits_at_edge, at_most=True)
    stated = power(27, 0.0, 1.0, 3.2, sides=1)
    name = "power stated for n = 27, delta of 3.2 SD"
    yield StatedRate("power", _CLAUSE, name, stated, _concluded)


def _bias_at_edge(rng: np.random.Generator) -> bool:
    x, y = normal_methods(rng, 27)
    return agreement_test(x + 0.5, y, 0.5).mean_bias.concluded


def _limits_at_edge(rng: np.random.Generator) -> bool:
    return agreement_test(*normal_methods(rng, 27), _Z).limits.concluded


def _concluded(rng: np.random.Generator) -> bool:
    return agreement_test(*normal_methods(rng, 27), 3.2).limits.concluded

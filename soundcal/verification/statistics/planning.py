"""Stated rates of the tests against an allowable difference, of power and sample size."""

import math
from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from soundcal.agreement import (
    agreement_test,
    bland_altman,
    power,
    sample_size,
    sample_size_for_width,
)
from soundcal.agreement.intervals import two_tail_factor
from soundcal.verification.statistics.rates import StatedRate, normal_methods

__all__ = ["rates"]

_CLAUSE: Final = "tests against an allowable difference"
_Z: Final = 1.959963984540054
_DELTA: Final = 3.2


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    of = partial(StatedRate, "agreement_test", _CLAUSE)
    yield of("mean bias at delta is accepted", 0.05, _bias_at_edge)
    yield of("limits at ±delta are accepted", 0.05, _limits_at_edge, at_most=True)
    yield of("upper limit at delta, lower one far inside, is accepted", 0.05, _one_at_edge)
    yield of("central content at ±delta is accepted", 0.05, _content_at_edge)
    planned = partial(StatedRate, "power", _CLAUSE)
    yield of("a limit at ±delta is shown to lie outside", 0.05, _beyond_at_edge, at_most=True)
    stated = power(27, 0.0, 1.0, _DELTA, sides=1)
    yield planned(f"power stated for n = 27, delta of {_DELTA} SD", stated, _concluded)
    stated = power(27, 0.3, 1.0, _DELTA)
    name = "power stated for n = 27, two-sided intervals, bias of 0.3 SD"
    yield planned(name, stated, _intervals_inside)
    n = sample_size(0.3, 1.0, _DELTA)
    stated = power(n, 0.3, 1.0, _DELTA)
    name = f"power of the sample size for 80 %, n = {n}"
    trial = partial(_intervals_inside, n=n)
    yield StatedRate("sample_size", _CLAUSE, name, stated, trial)
    n = sample_size_for_width(3.0, 1.0, assurance=0.9)
    name = f"assurance of the sample size for a half width of 3 SD, n = {n}"
    yield StatedRate(
        "sample_size_for_width", _CLAUSE, name, 0.9, partial(_narrow, n=n), at_least=True
    )


def _bias_at_edge(rng: np.random.Generator) -> bool:
    x, y = normal_methods(rng, 27)
    return agreement_test(x + 0.5, y, 0.5).mean_bias.concluded


def _limits_at_edge(rng: np.random.Generator) -> bool:
    return agreement_test(*normal_methods(rng, 27), _Z).limits.concluded


def _one_at_edge(rng: np.random.Generator) -> bool:
    x, y = normal_methods(rng, 27)
    return agreement_test(x + 4.0, y, 4.0 + _Z).limits.concluded


def _content_at_edge(rng: np.random.Generator) -> bool:
    return agreement_test(*normal_methods(rng, 27), _Z).content.concluded


def _beyond_at_edge(rng: np.random.Generator) -> bool:
    return agreement_test(*normal_methods(rng, 27), _Z).is_beyond


def _concluded(rng: np.random.Generator) -> bool:
    return agreement_test(*normal_methods(rng, 27), _DELTA).limits.concluded


def _intervals_inside(rng: np.random.Generator, n: int = 27) -> bool:
    x, y = normal_methods(rng, n)
    found = bland_altman(x + 0.3, y)
    return found.lower_ci[0] > -_DELTA and found.upper_ci[1] < _DELTA


def _narrow(rng: np.random.Generator, n: int) -> bool:
    sd = math.sqrt(rng.chisquare(n - 1) / (n - 1))
    return two_tail_factor(n, _Z, 0.95) * sd <= 3.0

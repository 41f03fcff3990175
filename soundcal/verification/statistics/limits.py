"""Stated rates of the limits of agreement: intervals of bias, limits and quantiles."""

import math
from collections.abc import Iterator
from functools import partial
from typing import Final

import numpy as np

from soundcal.agreement import bland_altman, nonparametric_limits
from soundcal.agreement.intervals import Interval
from soundcal.verification.statistics.rates import StatedRate, normal_methods, within

__all__ = ["rates"]

_Z: Final = 1.959963984540054
_MARGINS: Final[tuple[tuple[Interval, float], ...]] = (
    ("exact", 0.0),
    ("mover", 0.015),
    ("1999", 0.03),
)


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    of = partial(StatedRate, "bland_altman", "limits of agreement")
    for n in (10, 27):
        yield of(f"interval of the bias, n = {n}", 0.95, partial(_bias, n=n))
        yield of(f"prediction interval, n = {n}", 0.95, partial(_further, n=n))
    for interval, margin in _MARGINS:
        name = f"interval of the upper limit, {interval}, n = 27"
        yield of(name, 0.95, partial(_upper, interval=interval), margin)
    yield of("outer bounds of the pair hold 95 %, n = 27", 0.975, _pair)
    for n, p in ((27, 0.5), (200, 0.975)):
        yield StatedRate(
            "nonparametric_limits",
            "limits of agreement",
            f"interval of the {100 * p:g} % quantile, exponential, n = {n}",
            0.95,
            partial(_quantile, n=n, p=p),
            at_least=True,
        )


def _bias(rng: np.random.Generator, n: int) -> bool:
    return within(bland_altman(*normal_methods(rng, n)).bias_ci, 0.0)


def _further(rng: np.random.Generator, n: int) -> bool:
    return within(bland_altman(*normal_methods(rng, n)).prediction, rng.normal())


def _upper(rng: np.random.Generator, interval: Interval) -> bool:
    return within(bland_altman(*normal_methods(rng, 27), interval=interval).upper_ci, _Z)


def _pair(rng: np.random.Generator) -> bool:
    from scipy.special import ndtr

    found = bland_altman(*normal_methods(rng, 27), interval="pair", confidence=0.95)
    content = ndtr(found.upper_ci[1]) - ndtr(found.lower_ci[0])
    return bool(content >= 0.95)


def _quantile(rng: np.random.Generator, n: int, p: float) -> bool:
    x = rng.exponential(size=n)
    found = nonparametric_limits(bland_altman(x, np.zeros(n)))
    return within(found.bias_ci if p == 0.5 else found.upper_ci, -math.log(1.0 - p))

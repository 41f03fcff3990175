"""Coverage of the intervals and error rates of the tests, by simulation.

Every interval and test of :mod:`soundcal.agreement` and :mod:`soundcal.ratings` is drawn many times
from populations whose truth is known, at the sizes of the study (27 stimuli; 19 participants under
both conditions, 13 and 2 under one of them). A row compares the rate found with the nominal one;
its limits are those that the number of draws lets chance reach once in ten thousand, and for
methods that are approximate by design the stated margin besides.
"""

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.agreement import (
    agreement_test,
    bland_altman,
    bland_altman_repeated,
    concordance,
    deming,
    hotelling,
    icc,
    mean_difference,
    nonparametric_limits,
    passing_bablok,
    power,
    regression_limits,
    total_deviation_index,
)
from soundcal.agreement.intervals import Interval
from soundcal.agreement.multiplicity import adjust
from soundcal.agreement.paired import MeanTest
from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.verification.rows import Row

__all__ = ["DRAWS", "statistics_rows"]

STANDARD: Final = "Coverage and error rates (simulated)"

DRAWS: Final = 400
"""Draws of each row by default: chance then reaches about 4 points beside 95 %."""

_LEAST: Final = 100
_CHANCE: Final = 3.9
"""Standard errors within which a rate lies in 9999 of 10,000 simulations."""

_Z: Final = 1.959963984540054

Trial = Callable[[np.random.Generator], bool]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A rate that a method states, and one trial of it."""

    clause: str
    quantity: str
    nominal: float
    trial: Trial
    margin: float = 0.0
    at_least: bool = False
    at_most: bool = False
    known_deviation: str = ""


def statistics_rows(draws: int = DRAWS) -> list[Row]:
    """Return a row for every interval and test.

    Parameters
    ----------
    draws : int
        Draws of each row, 100 or more.

    Raises
    ------
    ParameterError
        Fewer than 100 draws.
    """
    if draws < _LEAST:
        raise ParameterError(f"{draws} draws; at least {_LEAST} tell a rate at all")
    return [_row(claim, draws) for claim in _claims()]


def _row(claim: _Claim, draws: int) -> Row:
    error = _CHANCE * math.sqrt(claim.nominal * (1.0 - claim.nominal) / draws) + claim.margin
    lower = 0.0 if claim.at_most else max(claim.nominal - error, 0.0)
    upper = 1.0 if claim.at_least else min(claim.nominal + error, 1.0)
    return Row(
        standard=STANDARD,
        clause=claim.clause,
        quantity=claim.quantity,
        expected=100.0 * claim.nominal,
        lower=100.0 * lower,
        upper=100.0 * upper,
        unit="%",
        compute=partial(_rate, claim, draws),
        grade="simulation",
        known_deviation=claim.known_deviation,
    )


def _rate(claim: _Claim, draws: int) -> float:
    # a seed of its own: a row does not depend on the others
    rng = np.random.default_rng(zlib.crc32(f"{claim.clause} {claim.quantity}".encode()))
    return 100.0 * sum(claim.trial(rng) for _ in range(draws)) / draws


def _claims() -> Iterator[_Claim]:
    yield from _limits()
    yield from _repeated()
    yield from _lines()
    yield from _single_numbers()
    yield from _agreement_tests()
    yield from _mean_tests()


def _within(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] <= truth <= interval[1]


def _normal(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Return two methods whose differences are standard normal."""
    x = rng.normal(65.0, 8.0, n)
    return x + rng.normal(size=n), x


def _limits() -> Iterator[_Claim]:
    clause = "limits of agreement"
    for n in (10, 27):

        def bias(rng: np.random.Generator, n: int = n) -> bool:
            return _within(bland_altman(*_normal(rng, n)).bias_ci, 0.0)

        def further(rng: np.random.Generator, n: int = n) -> bool:
            return _within(bland_altman(*_normal(rng, n)).prediction, rng.normal())

        yield _Claim(clause, f"interval of the bias, n = {n}", 0.95, bias)
        yield _Claim(clause, f"prediction interval, n = {n}", 0.95, further)
    margins: tuple[tuple[Interval, float], ...] = (
        ("exact", 0.0),
        ("mover", 0.015),
        ("1999", 0.03),
    )
    for interval, margin in margins:

        def upper(rng: np.random.Generator, interval: Interval = interval) -> bool:
            return _within(bland_altman(*_normal(rng, 27), interval=interval).upper_ci, _Z)

        name = f"interval of the upper limit, {interval}, n = 27"
        yield _Claim(clause, name, 0.95, upper, margin)

    def pair(rng: np.random.Generator) -> bool:
        from scipy.special import ndtr

        found = bland_altman(*_normal(rng, 27), interval="pair", confidence=0.95)
        content = ndtr(found.upper_ci[1]) - ndtr(found.lower_ci[0])
        return bool(content >= 0.95)

    yield _Claim(clause, "outer bounds of the pair hold 95 %, n = 27", 0.975, pair)
    for n, p in ((27, 0.5), (200, 0.975)):

        def quantile(rng: np.random.Generator, n: int = n, p: float = p) -> bool:
            x = rng.exponential(size=n)
            found = nonparametric_limits(bland_altman(x, np.zeros(n)))
            return _within(found.bias_ci if p == 0.5 else found.upper_ci, -math.log(1.0 - p))

        name = f"interval of the {100 * p:g} % quantile, exponential, n = {n}"
        yield _Claim(clause, name, 0.95, quantile, at_least=True)


def _repeated() -> Iterator[_Claim]:
    clause = "repeated measurements"
    designs = (
        ("27 stimuli, 2 ears", [2] * 27),
        ("10 subjects with 1 row, 2 with 20", [1] * 10 + [20] * 2),
    )
    for name, rows in designs:
        subject = np.repeat(np.arange(len(rows), dtype=np.int64), rows)

        def draw(rng: np.random.Generator, subject: NDArray[np.int64] = subject) -> Array:
            between = rng.normal(0.0, 0.8, int(subject.max()) + 1)[subject]
            return np.asarray(between + rng.normal(0.0, 0.6, subject.size))

        def bias(rng: np.random.Generator, subject: NDArray[np.int64] = subject) -> bool:
            d = draw(rng, subject)
            return _within(bland_altman_repeated(d, 0 * d, list(subject)).bias_ci, 0.0)

        def upper(rng: np.random.Generator, subject: NDArray[np.int64] = subject) -> bool:
            d = draw(rng, subject)
            return _within(bland_altman_repeated(d, 0 * d, list(subject)).upper_ci, _Z)

        yield _Claim(clause, f"interval of the bias, {name}", 0.95, bias)
        yield _Claim(clause, f"interval of the upper limit (MOVER), {name}", 0.95, upper, 0.015)


def _lines() -> Iterator[_Claim]:
    clause = "lines"

    def band(rng: np.random.Generator, growing: bool) -> bool:
        a = rng.uniform(1.0, 10.0, 40)
        d = 0.3 + 0.05 * a + (0.2 * a + 0.5 if growing else 1.0) * rng.normal(size=40)
        pairs = bland_altman(a + d / 2, a - d / 2)
        try:
            found = regression_limits(pairs, spread="linear" if growing else "constant")
        except ParameterError:  # the line of the spread reaches 0: no band is stated
            return True
        bounds = found.bands([9.5])
        return bool(bounds["bias_low"][0] <= 0.3 + 0.05 * 9.5 <= bounds["bias_high"][0])

    yield _Claim(clause, "band of the bias, constant spread", 0.95, partial(band, growing=False))
    name = "band of the bias, spread that grows (HC3)"
    yield _Claim(clause, name, 0.95, partial(band, growing=True), 0.02)

    def sides(rng: np.random.Generator) -> tuple[Array, Array]:
        true = rng.uniform(50.0, 80.0, 27)
        return true + rng.normal(size=27), true + rng.normal(size=27)

    def of_deming(rng: np.random.Generator) -> bool:
        return _within(deming(*sides(rng)).slope_ci, 1.0)

    def of_ranks(rng: np.random.Generator) -> bool:
        return _within(passing_bablok(*sides(rng)).slope_ci, 1.0)

    def linearity(rng: np.random.Generator) -> bool:
        return bool(passing_bablok(*sides(rng)).linearity_p < 0.05)

    yield _Claim(clause, "slope by Deming (jackknife), n = 27", 0.95, of_deming, 0.02)
    yield _Claim(clause, "slope by Passing & Bablok, n = 27", 0.95, of_ranks, 0.02)
    name = "test of linearity by Passing & Bablok, n = 27"
    yield _Claim(clause, name, 0.05, linearity, 0.02, at_most=True)


def _single_numbers() -> Iterator[_Claim]:
    clause = "single numbers"

    def ccc(rng: np.random.Generator) -> bool:
        true = rng.normal(0.0, 2.0, 40)
        found = concordance(true + rng.normal(size=40), true + rng.normal(size=40))
        return _within(found.ci, 4.0 / 5.0)

    def of_icc(rng: np.random.Generator) -> bool:
        true = rng.normal(0.0, 2.0, (27, 1))
        return _within(icc(true + rng.normal(size=(27, 2)), "C,1").ci, 4.0 / 5.0)

    def bound(rng: np.random.Generator) -> bool:
        return total_deviation_index(*_normal(rng, 27)).bound >= 1.6448536269514722

    yield _Claim(clause, "concordance correlation, n = 40", 0.95, ccc, 0.02)
    yield _Claim(clause, "ICC(C,1), n = 27", 0.95, of_icc)
    yield _Claim(clause, "upper bound of the total deviation index, n = 27", 0.95, bound, 0.01)


def _agreement_tests() -> Iterator[_Claim]:
    clause = "tests against an allowable difference"

    def at_edge(rng: np.random.Generator, which: str) -> bool:
        x, y = _normal(rng, 27)
        if which == "mean bias":
            return agreement_test(x + 0.5, y, 0.5).mean_bias.concluded
        return agreement_test(x, y, _Z).limits.concluded

    yield _Claim(
        clause, "mean bias at delta is accepted", 0.05, partial(at_edge, which="mean bias")
    )
    name = "limits at ±delta are accepted"
    yield _Claim(clause, name, 0.05, partial(at_edge, which="limits"), at_most=True)

    def concluded(rng: np.random.Generator) -> bool:
        return agreement_test(*_normal(rng, 27), 3.2).limits.concluded

    stated = power(27, 0.0, 1.0, 3.2, sides=1)
    yield _Claim(clause, "power stated for n = 27, delta of 3.2 SD", stated, concluded)


def _mean_tests() -> Iterator[_Claim]:
    clause = "tests of means"

    def cell(rng: np.random.Generator) -> tuple[Array, Array]:
        z = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]], 34)
        z[19:32, 1] = z[32:, 0] = np.nan
        return z[:, 0], z[:, 1]

    def single(rng: np.random.Generator, pooled: bool) -> bool:
        test: MeanTest = "partially-paired" if pooled else "overlapping"
        return bool(mean_difference(*cell(rng), test=test).p_value < 0.05)

    def family(rng: np.random.Generator) -> bool:
        p = [mean_difference(*cell(rng)).p_value for _ in range(48)]
        return bool(adjust(p, family="48 cells").adjusted.min() < 0.05)

    def plane(rng: np.random.Generator) -> bool:
        return hotelling(rng.normal(size=(19, 2)), rng.normal(size=(19, 2))).p_value < 0.05

    study = "19 in both, 13 and 2 in one"
    name = f"default test (T_new2) of a cell, {study}"
    yield _Claim(clause, name, 0.05, partial(single, pooled=False), 0.005)
    name = f"default test, any of 48 cells, Holm, {study}"
    yield _Claim(clause, name, 0.05, family, at_most=True)
    yield _Claim(
        clause,
        f"optimal pooled t-test (--paper) of a cell, {study}",
        0.05,
        partial(single, pooled=True),
        known_deviation="rejects about 9 % at these sizes; marked wherever it is used, and not the "
        "default",
    )
    yield _Claim(clause, "Hotelling's paired test, 19 pairs", 0.05, plane)

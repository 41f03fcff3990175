"""A rate that a method states, and the simulation that finds the true one."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.verification.rows import Outcome, Row

__all__ = ["SimulatedRate", "StatedRate", "Trial", "normal_methods", "simulate", "within"]

STANDARD: Final = "Coverage and error rates (simulated)"

_FEWEST: Final = 10
_CONFIDENCE: Final = 0.95

Trial = Callable[[np.random.Generator], bool | float]
"""One data set: whether the interval holds the truth, or the test rejects; or the share of several
answers that do."""


@dataclass(frozen=True, slots=True)
class StatedRate:
    """A rate that a method states, and one trial of it.

    Parameters
    ----------
    method : str
        Name of the public function that states the rate, e.g. "bland_altman".
    clause, quantity : str
        Heading under which the rate is printed, and its name; together they seed the draws.
    nominal : float
        The rate stated.
    trial : callable
        Draws one data set and returns True or False, or the share of several answers.
    margin : float
        Deviation that the method's documentation admits, because it is approximate.
    at_least, at_most : bool
        The method states a bound only: a higher or lower rate is no fault.
    known_deviation : str
        Reason why the rate lies outside its limits, if this is known.
    answers : int
        1 if a trial returns True or False. Of a trial that returns a share: number of independent
        answers that it is worth, at most ``p (1 - p)`` over the variance of the share.
    cost : int
        Number by which the draws are divided, for trials that take long.
    """

    method: str
    clause: str
    quantity: str
    nominal: float
    trial: Trial
    margin: float = 0.0
    at_least: bool = False
    at_most: bool = False
    known_deviation: str = ""
    answers: int = 1
    cost: int = 1


@dataclass(frozen=True, slots=True)
class SimulatedRate(Outcome):
    """The rate that a simulation found, in per cent.

    Parameters
    ----------
    row, value
        As for :class:`soundcal.verification.Outcome`; the limits of the row are those within which
        the rate of a right method lies, except for the false alarms that were asked for.
    method : str
        Name of the function that states the rate.
    draws : int
        Number of data sets.
    interval : tuple of float
        95 % confidence interval of the rate found (Clopper & Pearson 1934).
    """

    method: str
    draws: int
    interval: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return row and outcome, ready for JSON."""
        # super() does not work in a class with slots
        return {
            **Outcome.to_dict(self),
            "method": self.method,
            "draws": self.draws,
            "interval": list(self.interval),
        }


def simulate(stated: StatedRate, draws: int, alarm: float) -> SimulatedRate:
    """Draw data sets and compare the rate found with the one stated.

    Parameters
    ----------
    stated : StatedRate
        Rate and trial.
    draws : int
        Number of data sets, divided by the cost of a trial.
    alarm : float
        Probability that a rate which is true is found outside the limits.
    """
    draws = max(draws // stated.cost, _FEWEST)
    # a seed of its own: a rate does not depend on the others
    rng = np.random.default_rng(zlib.crc32(f"{stated.clause} {stated.quantity}".encode()))
    found = sum(float(stated.trial(rng)) for _ in range(draws)) / draws
    lower, upper = _limits(stated, draws * stated.answers, alarm)
    row = Row(
        standard=STANDARD,
        clause=stated.clause,
        quantity=stated.quantity,
        expected=100.0 * stated.nominal,
        lower=100.0 * lower,
        upper=100.0 * upper,
        unit="%",
        compute=lambda: 100.0 * found,
        grade="simulation",
        known_deviation=stated.known_deviation,
    )
    low, high = _clopper_pearson(found, draws * stated.answers)
    return SimulatedRate(row, row.compute(), stated.method, draws, (100.0 * low, 100.0 * high))


def _limits(stated: StatedRate, n: int, alarm: float) -> tuple[float, float]:
    """Return the rates that n answers leave with the probability of a false alarm."""
    from scipy.stats import binom

    tail = alarm if stated.at_least or stated.at_most else 0.5 * alarm
    least = max(float(binom.ppf(tail, n, max(stated.nominal - stated.margin, 0.0))), 0.0)
    most = float(binom.isf(tail, n, min(stated.nominal + stated.margin, 1.0)))
    return 0.0 if stated.at_most else least / n, 1.0 if stated.at_least else most / n


def _clopper_pearson(rate: float, n: int) -> tuple[float, float]:
    """Return the exact interval of a rate among n answers (Clopper & Pearson 1934)."""
    from scipy.special import betaincinv

    tail, k = 0.5 * (1.0 - _CONFIDENCE), rate * n
    low = float(betaincinv(k, n - k + 1.0, tail)) if rate > 0.0 else 0.0
    high = float(betaincinv(k + 1.0, n - k, 1.0 - tail)) if rate < 1.0 else 1.0
    return low, high


def within(interval: tuple[float, float], truth: float) -> bool:
    """Return whether an interval holds the truth."""
    return interval[0] <= truth <= interval[1]


def normal_methods(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Return n values of two methods whose differences are standard normal."""
    x = rng.normal(65.0, 8.0, n)
    return x + rng.normal(size=n), x

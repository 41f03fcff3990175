"""All stated rates of all families."""

from importlib import import_module
from typing import Final

from soundcal.errors import ParameterError
from soundcal.verification.statistics.rates import StatedRate

__all__ = ["ALARM", "DRAWS", "FAMILIES", "all_rates", "check_draws"]

FAMILIES: Final = (
    "limits",
    "repeated",
    "lines",
    "reliability",
    "planning",
    "effect",
    "means",
    "ratings",
    "relation",
)
"""Modules of this package, in the order in which they are printed; each has a function
``rates``."""

DRAWS: Final = 400
"""Draws of each rate by default: chance then reaches about 5 points beside 95 %."""

ALARM: Final = 1e-3
"""Probability that any rate is found wrong if all are right (Bonferroni)."""

_LEAST: Final = 100


def all_rates() -> list[StatedRate]:
    """Return the rates of all families, in order."""
    return [
        stated
        for family in FAMILIES
        for stated in import_module(f"soundcal.verification.statistics.{family}").rates()
    ]


def check_draws(draws: int) -> None:
    """Refuse a number of draws that tells nothing.

    Raises
    ------
    ParameterError
        Fewer than 100 draws.
    """
    if draws < _LEAST:
        raise ParameterError(f"{draws} draws; at least {_LEAST} tell a rate at all")

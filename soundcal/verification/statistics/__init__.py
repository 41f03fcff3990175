"""Coverage of the intervals and error rates of the tests, by simulation.

Each module of this package covers one family of methods and gives its rates: a
:class:`StatedRate` is a rate that a method states, with one trial of it on data whose truth is
known. ``soundcal verify --statistics`` draws every trial many times and compares the rate found
with the one stated.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.verification.statistics.families import (
        ALARM,
        DRAWS,
        FAMILIES,
        all_rates,
        check_draws,
    )
    from soundcal.verification.statistics.rates import SimulatedRate, StatedRate, simulate
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "ALARM": "families",
            "StatedRate": "rates",
            "DRAWS": "families",
            "FAMILIES": "families",
            "SimulatedRate": "rates",
            "all_rates": "families",
            "check_draws": "families",
            "simulate": "rates",
        },
    )

__all__ = [
    "ALARM",
    "DRAWS",
    "FAMILIES",
    "SimulatedRate",
    "StatedRate",
    "all_rates",
    "check_draws",
    "simulate",
]

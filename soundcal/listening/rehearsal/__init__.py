"""A study carried out with simulated participants, before anybody comes."""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.listening.rehearsal.listeners import Listeners, Verdict, verdict_on
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Listeners": "listeners",
            "Verdict": "listeners",
            "verdict_on": "listeners",
        },
    )

__all__ = ["Listeners", "Verdict", "verdict_on"]

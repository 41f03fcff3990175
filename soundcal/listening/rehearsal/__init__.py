"""A study carried out with simulated participants, before anybody comes."""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.listening.rehearsal.running import Rehearsal, rehearse
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Rehearsal": "running",
            "rehearse": "running",
        },
    )

__all__ = ["Rehearsal", "rehearse"]

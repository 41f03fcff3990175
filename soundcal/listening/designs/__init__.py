"""Methods of listening tests: what a trial asks, what comes next, and what counts as an answer."""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.listening.designs.model import (
        Answered,
        Ask,
        Design,
        Done,
        Event,
        Item,
        Listened,
        Present,
        Step,
        Trial,
        shown_items,
    )
    from soundcal.listening.designs.registry import DESIGNS, check_designs
    from soundcal.listening.designs.rules import LONGEST_TEXT
    from soundcal.listening.designs.summaries import consistency
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "DESIGNS": "registry",
            "LONGEST_TEXT": "rules",
            "Answered": "model",
            "Ask": "model",
            "Design": "model",
            "Done": "model",
            "Event": "model",
            "Listened": "model",
            "Item": "model",
            "Present": "model",
            "Step": "model",
            "Trial": "model",
            "check_designs": "registry",
            "consistency": "summaries",
            "shown_items": "model",
        },
    )

__all__ = [
    "DESIGNS",
    "LONGEST_TEXT",
    "Answered",
    "Ask",
    "Design",
    "Done",
    "Event",
    "Item",
    "Listened",
    "Present",
    "Step",
    "Trial",
    "check_designs",
    "consistency",
    "shown_items",
]

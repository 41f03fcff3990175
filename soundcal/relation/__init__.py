"""What was measured against what was heard: ratings related to indicators, stimulus by stimulus.

The statistics know neither files nor studies: :func:`relate` takes a table of differences and
:class:`soundcal.ratings.Ratings`.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.relation.analysis import relate
    from soundcal.relation.result import Finding, Relation
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Finding": "result",
            "Relation": "result",
            "relate": "analysis",
        },
    )

__all__ = [
    "Finding",
    "Relation",
    "relate",
]

"""Summaries of pieces of recordings, which add up to those of an hour, a day or a site."""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.summaries.piece import PieceResult, check_piece_task, summarise_piece
    from soundcal.summaries.summary import Summary, merge, statistic
    from soundcal.summaries.values import check_mergeable, needed_series, value_from
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "PieceResult": "piece",
            "check_piece_task": "piece",
            "summarise_piece": "piece",
            "Summary": "summary",
            "merge": "summary",
            "statistic": "summary",
            "check_mergeable": "values",
            "needed_series": "values",
            "value_from": "values",
        },
    )

__all__ = [
    "PieceResult",
    "Summary",
    "check_mergeable",
    "check_piece_task",
    "merge",
    "needed_series",
    "statistic",
    "summarise_piece",
    "value_from",
]

"""Summaries of pieces of recordings, which add up to those of an hour, a day or a site."""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.summaries.summary import Summary, merge, statistic
    from soundcal.summaries.values import check_mergeable, needed_series, value_from
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Summary": "summary",
            "merge": "summary",
            "statistic": "summary",
            "check_mergeable": "values",
            "needed_series": "values",
            "value_from": "values",
        },
    )

__all__ = [
    "Summary",
    "check_mergeable",
    "merge",
    "needed_series",
    "statistic",
    "value_from",
]

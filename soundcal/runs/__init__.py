"""Runs: many files, or files of any length, measured by many workers into one dataset.

A run cuts files into pieces, has the missing ones measured by processes of this machine or of a
cluster, and keeps the summaries in a folder that grows until everything is measured, whatever
happens to the machines in the meantime.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.runs.dataset import read_run, read_summaries, summary_days
    from soundcal.runs.failures import read_failures
    from soundcal.runs.series import read_series
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "read_failures": "failures",
            "read_run": "dataset",
            "read_series": "series",
            "read_summaries": "dataset",
            "summary_days": "dataset",
        },
    )

__all__ = [
    "read_failures",
    "read_run",
    "read_series",
    "read_summaries",
    "summary_days",
]

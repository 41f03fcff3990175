"""A study: recordings collected, measured, paired by stimulus and compared.

:func:`collect` makes a :class:`Study` from recordings, :func:`study_of` from a tidy table, and
:mod:`soundcal.report` prints it.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.study.compare import compare_methods
    from soundcal.study.comparison import Entry, MethodComparison
    from soundcal.study.model import SessionInfo, Source, Study, study_of
    from soundcal.study.of_dataset import study_of_datasets
    from soundcal.study.of_report import read_differences
    from soundcal.study.recordings import collect
    from soundcal.study.rules import Rules
    from soundcal.study.table import read_table
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Entry": "comparison",
            "MethodComparison": "comparison",
            "Rules": "rules",
            "SessionInfo": "model",
            "Source": "model",
            "Study": "model",
            "collect": "recordings",
            "compare_methods": "compare",
            "read_differences": "of_report",
            "read_table": "table",
            "study_of": "model",
            "study_of_datasets": "of_dataset",
        },
    )

__all__ = [
    "Entry",
    "MethodComparison",
    "Rules",
    "SessionInfo",
    "Source",
    "Study",
    "collect",
    "compare_methods",
    "read_differences",
    "read_table",
    "study_of",
    "study_of_datasets",
]

"""Verification of the library against the numbers printed in the standards.

Each module of this package covers one family of indicators and gives a list of :class:`Row`: one
printed number, the standard's own tolerance, and the computation that has to reproduce it. The same
rows are the library's tests (``tests/verification/test_standards.py``) and the output of
``soundcal verify``, so users and developers see the same values.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.verification.rows import (
        FAMILIES,
        Outcome,
        Row,
        all_rows,
        conforms,
        evaluate,
        outcome_summary,
    )
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "FAMILIES": "rows",
            "Outcome": "rows",
            "Row": "rows",
            "all_rows": "rows",
            "conforms": "rows",
            "evaluate": "rows",
            "outcome_summary": "rows",
        },
    )

__all__ = [
    "FAMILIES",
    "Outcome",
    "Row",
    "all_rows",
    "conforms",
    "evaluate",
    "outcome_summary",
]

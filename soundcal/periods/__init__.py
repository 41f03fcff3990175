"""Values of hours, days and years out of the dataset of a run."""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.periods.summarising import summarise
    from soundcal.periods.tables import PeriodTable, Summarised
else:
    __getattr__, __dir__ = on_first_use(
        __name__, {"PeriodTable": "tables", "Summarised": "tables", "summarise": "summarising"}
    )

__all__ = ["PeriodTable", "Summarised", "summarise"]

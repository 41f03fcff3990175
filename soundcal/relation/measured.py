"""Values of all indicators under two methods, one row per stimulus."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError, RecordError
from soundcal.files.names import normal_name, some

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Measured"]

_NAMES: Final = ("indicator", "statistic", "unit", "first", "second", "stimulus")
_NUMBERS: Final = ("first_value", "second_value")


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Values of p indicators under two methods.

    Parameters
    ----------
    stimuli : list of str, length k
        Stimuli that have a value of any indicator under both methods.
    labels, indicators, statistics, units : list of str, length p
        Label, symbol, statistic and unit of each indicator.
    first, second : ndarray, shape (k, p)
        Values; NaN where one is missing or not finite.
    """

    stimuli: list[str]
    labels: list[str]
    indicators: list[str]
    statistics: list[str]
    units: list[str]
    first: Array
    second: Array

    @property
    def difference(self) -> Array:
        """First minus second, shape (k, p)."""
        return self.first - self.second

    @classmethod
    def of(cls, differences: "pd.DataFrame", methods: tuple[str, str]) -> "Measured":
        """Return the values of a table of differences, whatever its direction.

        Raises
        ------
        RecordError
            Columns missing, several combinations of equipment, a stimulus twice.
        ParameterError
            The table does not compare these methods.
        """
        absent = [name for name in (*_NAMES, *_NUMBERS) if name not in differences.columns]
        if absent:
            raise RecordError(f"the table of differences has no column {', '.join(absent)}")
        if (
            "combination" in differences.columns
            and differences["combination"].nunique(dropna=False) > 1
        ):
            names = some(sorted(map(str, differences["combination"].unique())))
            raise RecordError(
                f"the study has several combinations of equipment ({names}); choose the one that "
                "the ratings belong to"
            )
        table = differences[[*_NAMES, *_NUMBERS]].copy()
        for name in _NAMES:
            table[name] = [normal_name(str(text)) for text in table[name].fillna("")]
        chosen = table[(table["first"] == methods[0]) & (table["second"] == methods[1])]
        sides = _NUMBERS
        if chosen.empty:
            chosen = table[(table["first"] == methods[1]) & (table["second"] == methods[0])]
            sides = (_NUMBERS[1], _NUMBERS[0])
        if chosen.empty:
            known = table[["first", "second"]].drop_duplicates().agg(" and ".join, axis=1)
            raise ParameterError(
                f"methods {methods[0]!r} and {methods[1]!r} are not compared in the study; it "
                f"compares {'; '.join(known) or 'none'}"
            )
        keys = ["indicator", "statistic", "unit"]
        if (twice := chosen.duplicated([*keys, "stimulus"])).any():
            row = chosen[twice].iloc[0]
            raise RecordError(
                f"stimulus {row['stimulus']!r} has more than one difference of "
                f"{row['indicator']}{row['statistic']}; average repeated takes first"
            )
        labels = list(chosen[keys].drop_duplicates().itertuples(index=False, name=None))
        stimuli = sorted(chosen["stimulus"].unique())
        first, second = (
            chosen.pivot(index="stimulus", columns=keys, values=name)
            .reindex(index=stimuli, columns=labels)
            .to_numpy(dtype=np.float64)
            for name in sides
        )
        gone = ~(np.isfinite(first) & np.isfinite(second))
        return cls(
            stimuli,
            [symbol + statistic for symbol, statistic, _ in labels],
            [symbol for symbol, _, _ in labels],
            [statistic for _, statistic, _ in labels],
            [unit for _, _, unit in labels],
            np.where(gone, np.nan, first),
            np.where(gone, np.nan, second),
        )

    def at(self, stimuli: list[str]) -> "Measured":
        """Return the values of some of the stimuli, in their order."""
        rows = [self.stimuli.index(name) for name in stimuli]
        return Measured(
            list(stimuli),
            self.labels,
            self.indicators,
            self.statistics,
            self.units,
            self.first[rows],
            self.second[rows],
        )

"""The result of relating ratings to indicators."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from soundcal.errors import ParameterError
from soundcal.plain import plain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Finding", "Relation"]

Finding = Literal["clear", "none", "too small"]
"""What a study found about one outcome: a correlation after adjustment; none although a true one
could have been shown; none, and not even a perfect one would have been shown."""


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """Differences of ratings against differences of indicators, stimulus by stimulus.

    Parameters
    ----------
    methods : tuple of (str, str)
        Methods of measurement; differences of indicators are the first minus the second.
    conditions : tuple of (str, str)
        Conditions of listening, in the same order.
    pairs : DataFrame
        One row per outcome and indicator: ``outcome, label, indicator, statistic, unit, n``
        (stimuli), ``pearson, pearson_low, pearson_high, pearson_p, spearman, …`` (p by max-T over
        the whole grid), ``u`` (standard uncertainty of the indicator's differences),
        ``reliability_measured, reliability_heard, largest`` (correlation that these allow),
        ``disattenuated, …_low, …_high, detectable, detectable_true`` (smallest correlation that
        would have been shown, of the differences as they are and without errors), ``slope,
        slope_low, slope_high`` (errors in both variables), ``model_slope, model_low, model_high,
        model_p, model_p_adjusted, model_excess`` (single answers).
    outcomes : DataFrame
        One row per outcome: ``outcome, finding, label`` (of its strongest indicator), ``n, pearson,
        pearson_low, pearson_high, pearson_p, reliability_heard, largest, detectable,
        detectable_true, shown`` (labels with p at or below the level).
    cells : DataFrame
        Differences of the ratings: ``stimulus, outcome, difference, standard_error, n_pairs,
        n_first, n_second``.
    measured, heard, errors : DataFrame
        Differences of the indicators, differences of the ratings and their standard errors;
        stimuli down, labels or outcomes across.
    units : mapping of str to str
        Unit of each label.
    scale : tuple of float
        Scale of the answers.
    critical : float
        Smallest correlation of all joined stimuli that differs from 0 after adjustment.
    confidence, power : float
        Confidence of the intervals (the level of the tests is its complement); power of
        ``detectable``.
    permutations, resamples, seed : int
        Permutations of the tests, samples of the intervals, seed of both.
    method : str
        The analysis in words fit for a methods section.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    methods: tuple[str, str]
    conditions: tuple[str, str]
    pairs: "pd.DataFrame"
    outcomes: "pd.DataFrame"
    cells: "pd.DataFrame"
    measured: "pd.DataFrame"
    heard: "pd.DataFrame"
    errors: "pd.DataFrame"
    units: Mapping[str, str]
    scale: tuple[float, float]
    critical: float
    confidence: float
    power: float
    permutations: int
    resamples: int
    seed: int
    method: str
    warnings: tuple[str, ...] = ()

    @property
    def direction(self) -> str:
        """The difference in words."""
        first, second = self.methods
        words = f"{first} − {second}"
        if self.conditions != self.methods:
            words += f" (ratings: {self.conditions[0]} − {self.conditions[1]})"
        return words

    @property
    def level(self) -> float:
        """Level of the tests over the whole grid."""
        return 1.0 - self.confidence

    def heatmap(self, column: str = "pearson") -> "pd.DataFrame":
        """Return a column of ``pairs`` as a table: outcomes down, indicators across.

        Raises
        ------
        ParameterError
            No such column.
        """
        if column not in self.pairs.columns:
            raise ParameterError(
                f"column {column!r}; one of {', '.join(self.pairs.columns)} is expected"
            )
        table = self.pairs.pivot(index="outcome", columns="label", values=column)
        return table.reindex(
            index=self.pairs["outcome"].unique(), columns=self.pairs["label"].unique()
        )

    def strongest(self, most: int = 6) -> "pd.DataFrame":
        """Return the rows of ``pairs`` with the largest correlations, one for each outcome."""
        size = self.pairs["pearson"].abs()
        order = self.pairs.loc[size.dropna().sort_values(ascending=False, kind="stable").index]
        return order.drop_duplicates("outcome").head(most)

    def tables(self) -> "dict[str, pd.DataFrame]":
        """Return every table by its name."""
        return {
            "pairs": self.pairs,
            "outcomes": self.outcomes,
            "ratings": self.cells,
            "indicators": self.measured.reset_index(),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON; NaN becomes None."""
        rows = {name: table.to_dict("records") for name, table in self.tables().items()}
        about = {
            "methods": self.methods,
            "conditions": self.conditions,
            "direction": self.direction,
            "units": self.units,
            "scale": self.scale,
            "critical": self.critical,
            "confidence": self.confidence,
            "power": self.power,
            "permutations": self.permutations,
            "resamples": self.resamples,
            "seed": self.seed,
            "method": self.method,
            "warnings": self.warnings,
        }
        content: dict[str, Any] = plain({**about, **rows})
        return content

"""The grid of all indicators by all outcomes: everything that is computed of its cells."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from soundcal.agreement import adjust
from soundcal.agreement.intervals import t_quantile
from soundcal.arrays import Array
from soundcal.errors import RecordError
from soundcal.relation.answers import answer_slopes
from soundcal.relation.attenuation import reliability, slopes, smallest_shown
from soundcal.relation.correlations import (
    FEWEST,
    CommonRows,
    common_blocks,
    correlation,
    midranks,
    permuted,
    z_spread,
)
from soundcal.relation.measured import Measured
from soundcal.relation.outcomes import Heard

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Columns", "Grid"]

Columns = dict[str, Array]
"""Results by name, each of shape (indicators, outcomes)."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Differences of indicators and of outcomes over the same stimuli.

    Parameters
    ----------
    measured : Measured
        Values of p indicators for k stimuli.
    outcomes : list of Heard
        Differences of q outcomes.
    u : ndarray, shape (p,)
        Standard uncertainty of the differences of each indicator.
    blocks : list of CommonRows
        Columns with values of the same stimuli.
    """

    measured: Measured
    outcomes: list[Heard]
    u: Array
    blocks: list[CommonRows]

    @classmethod
    def of(cls, measured: Measured, outcomes: list[Heard], u: Array) -> "Grid":
        """Return the grid.

        Raises
        ------
        RecordError
            No indicator and outcome vary over 5 or more common stimuli.
        """
        heard = np.column_stack([one.difference for one in outcomes])
        found = list(common_blocks(measured.difference, heard))
        if not found:
            raise RecordError(
                f"no indicator and outcome have differences that vary over {FEWEST} or more common "
                "stimuli; nothing can be related"
            )
        return cls(measured, outcomes, u, found)

    def _filled(self, name: str, columns: Columns) -> Array:
        shape = (len(self.measured.labels), len(self.outcomes))
        return columns.setdefault(name, np.full(shape, np.nan))

    def correlations(
        self, confidence: float, resamples: int, permutations: int, rng: np.random.Generator
    ) -> tuple[Columns, float]:
        """Return both correlations with intervals and max-T p values.

        Also returned is the critical value of Pearson's |r| √(n - 1).
        """
        columns: Columns = {}
        critical = math.nan
        for name, ranks in (("pearson", False), ("spearman", True)):
            r = self._filled(name, columns)
            half = np.full(r.shape, np.nan)
            tables = [_ranked(block) if ranks else block for block in self.blocks]
            for block, table in zip(self.blocks, tables, strict=True):
                r[block.place] = correlation(table.x, table.y)
                spread = z_spread(block, ranks=ranks, resamples=resamples, rng=rng)
                half[block.place] = t_quantile(confidence, block.rows.size - 2) * spread
            with np.errstate(divide="ignore"):
                z = np.arctanh(r)
            columns[f"{name}_low"], columns[f"{name}_high"] = np.tanh(z - half), np.tanh(z + half)
            p, largest = permuted(tables, r, permutations=permutations, rng=rng)
            columns[f"{name}_p"] = p
            if not ranks:
                critical = float(np.quantile(largest, confidence, method="higher"))
        return columns, critical

    def errors(self, pearson: Columns, critical: float, confidence: float, power: float) -> Columns:
        """Return reliabilities and what follows from them, and slopes.

        Parameters
        ----------
        pearson : dict
            Results of :meth:`correlations`.
        critical : float
            Critical value of |r| √(n - 1).
        confidence, power : float
            Confidence of the intervals; power of the smallest correlation.
        """
        columns: Columns = {}
        for block in self.blocks:
            n, place = block.rows.size, block.place
            of_x = reliability(block.x, self.u[block.left] ** 2)
            scatter = [self.outcomes[i].scatter[block.rows].mean() for i in block.right]
            of_y = reliability(block.y, np.array(scatter))
            largest = np.sqrt(np.outer(of_x, of_y))
            least = smallest_shown(n, min(critical / math.sqrt(n - 1.0), 1.0), power)
            found: dict[str, Array | float] = {
                "n": float(n),
                "reliability_measured": of_x[:, np.newaxis],
                "reliability_heard": of_y,
                "largest": largest,
                "detectable": least,
            }
            with np.errstate(divide="ignore"):
                found["detectable_true"] = least / largest
            exists = np.where(largest > 0.0, largest, np.nan)
            for end in ("", "_low", "_high"):
                found[f"disattenuated{end}"] = pearson[f"pearson{end}"][place] / exists
            lines = slopes(block.x, block.y, self.u[block.left] ** 2, confidence)
            found |= dict(zip(("slope", "slope_low", "slope_high"), lines, strict=True))
            for name, values in found.items():
                self._filled(name, columns)[place] = values
        return columns

    def answers(
        self,
        answers: "pd.DataFrame",
        conditions: tuple[str, str],
        confidence: float,
        told: Callable[[int], None] | None = None,
    ) -> Columns:
        """Return the slopes of single answers.

        Parameters
        ----------
        answers : DataFrame
            See :func:`soundcal.relation.outcomes.answers_of`.
        conditions : tuple of (str, str)
            Conditions of the ratings.
        confidence : float
            Confidence of the intervals.
        told : callable, optional
            Called with the number of finished outcomes.
        """
        columns: Columns = {}
        names = ("model_slope", "model_low", "model_high", "model_p", "model_excess")
        slope, low, high, p, excess = (self._filled(name, columns) for name in names)
        of_outcome = dict(iter(answers.groupby("outcome")))
        for block in self.blocks:
            stimuli = [self.measured.stimuli[row] for row in block.rows]
            sides = (self.measured.first, self.measured.second)
            x, y = (side[np.ix_(block.rows, block.left)] for side in sides)
            for number, i in enumerate(block.right, start=1):
                rows = of_outcome[self.outcomes[i].name]
                fit = answer_slopes(rows, *conditions, stimuli, x, y)
                half = t_quantile(confidence, len(stimuli) - 2) * fit.standard_error
                slope[block.left, i], p[block.left, i] = fit.slope, fit.p_value
                low[block.left, i], high[block.left, i] = fit.slope - half, fit.slope + half
                excess[block.left, i] = fit.excess
                if told:
                    told(number)
        family = f"{p.size} slopes of single answers"
        columns["model_p_adjusted"] = adjust(p.ravel(), family=family).adjusted.reshape(p.shape)
        return columns


def _ranked(block: CommonRows) -> CommonRows:
    """Return the block with ranks in place of the values."""
    x, y = midranks(block.x).T, midranks(block.y).T
    return CommonRows(block.rows, block.left, block.right, x, y)

"""Data quality of ratings: findings to check before the analysis."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from soundcal.errors import ParameterError
from soundcal.ratings.table import KEYS, Ratings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Quality", "check_quality"]


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """Findings about the quality of ratings.

    Parameters
    ----------
    findings : DataFrame
        One row per finding: ``participant, condition, stimulus, attribute, check, detail``;
        ``check`` is ``missing``, ``out of range``, ``straight-lining``, ``too fast``,
        ``not played`` or ``incomplete`` (a trial is missing); fields that do not apply are "".
    trials : int
        Number of trials that were checked.
    """

    findings: "pd.DataFrame"
    trials: int

    def counts(self) -> dict[str, int]:
        """Return the number of findings of each kind."""
        return {str(kind): int(n) for kind, n in self.findings["check"].value_counts().items()}

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "trials": self.trials,
            "counts": self.counts(),
            "findings": self.findings.to_dict("records"),
        }


def check_quality(ratings: Ratings, *, shortest: float | None = None) -> Quality:
    """Find answers that are missing, impossible, too similar or too fast.

    Parameters
    ----------
    ratings : Ratings
        Ratings to check; they are not changed.
    shortest : float, optional
        Shortest plausible time on a trial in s, e.g. the duration of the stimulus.

    Returns
    -------
    Quality
        Straight-lining is the same answer to all of four or more attributes of a trial: opposite
        attributes cannot both be true, except in the middle of the scale, which is flagged too.

    Raises
    ------
    ParameterError
        A shortest time is given, but the table has no times.
    """
    import pandas as pd

    table, (low, high) = ratings.table, ratings.scale
    outside = table[(table["value"] < low) | (table["value"] > high)]
    parts = [
        ratings.unanswered().assign(check="missing", detail="no answer"),
        outside.assign(
            check="out of range",
            detail=[f"{v:g} on a scale from {low:g} to {high:g}" for v in outside["value"]],
        ),
    ]
    wide = ratings.wide()
    answered = wide.notna().sum(axis=1)
    straight = wide[(answered >= 4) & (wide.max(axis=1) == wide.min(axis=1))]
    parts.append(
        straight.index.to_frame(index=False).assign(
            check="straight-lining",
            detail=[
                f"{v:g} in all {n} attributes that were answered"
                for v, n in zip(straight.max(axis=1), answered[straight.index], strict=True)
            ],
        )
    )
    trials = table.drop_duplicates(list(KEYS))
    unplayed = trials[trials["played"] == 0]
    parts.append(unplayed.assign(check="not played", detail="the sound was not played"))
    if shortest is not None:
        if trials["seconds"].isna().all():
            raise ParameterError(
                f"shortest time of {shortest:g} s: the table has no column seconds"
            )
        fast = trials[trials["seconds"] < shortest]
        parts.append(fast.assign(check="too fast", detail=[f"{v:.1f} s" for v in fast["seconds"]]))
    parts.append(_incomplete(ratings))
    findings = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    columns = [*KEYS, "attribute", "check", "detail"]
    findings = findings.reindex(columns=columns).astype(object)
    # findings about a whole trial have no attribute
    whole = ~findings["check"].isin(["missing", "out of range"])
    findings.loc[whole, "attribute"] = ""
    return Quality(findings.where(findings.notna(), ""), len(trials))


def _incomplete(ratings: Ratings) -> "pd.DataFrame":
    """Return the trials missing from participants who rated some stimuli in a condition."""
    import pandas as pd

    trials = ratings.table.drop_duplicates(list(KEYS))
    rows = []
    for (participant, condition), part in trials.groupby(["participant", "condition"], sort=False):
        of = trials.loc[trials["condition"] == condition, "stimulus"].unique()
        absent = np.setdiff1d(of.astype(str), part["stimulus"].to_numpy().astype(str))
        rows += [(participant, condition, name, "incomplete", "no such trial") for name in absent]
    return pd.DataFrame(rows, columns=[*KEYS, "check", "detail"])

"""A second opinion for answers in a few categories: proportional odds of two conditions."""

import math
import warnings as python_warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.agreement import adjust
from soundcal.agreement.intervals import check_fraction, t_quantile
from soundcal.agreement.multiplicity import Correction
from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.files.names import some
from soundcal.ratings.table import Ratings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CATEGORIES", "OrdinalModel", "few_categories", "ordinal_model"]

CATEGORIES: Final = 7
"""Number of distinct answers up to which the model is suggested."""

_MOST: Final = 11
_FEWEST_PEOPLE: Final = 10
_SEPARATED: Final = 8.0
"""Logarithm of an odds ratio (3000) beyond which the answers do not overlap enough for one."""

_NO_ERROR: Final = 1e-6

_INSTALL: Final = (
    "the ordinal model needs the package statsmodels; install it with: pip install "
    "'soundcal[ordinal]'"
)
_COLUMNS: Final = (
    *("attribute", "n", "participants", "log_odds", "standard_error", "df"),
    *("odds_ratio", "ci_low", "ci_high", "p_value", "p_adjusted"),
    *("superiority", "superiority_low", "superiority_high", "remark"),
)


@dataclass(frozen=True, slots=True, eq=False)
class OrdinalModel:
    """Odds ratios of two conditions, one per attribute.

    Parameters
    ----------
    attributes : DataFrame
        One row per attribute: ``attribute, n, participants`` (answers and participants used),
        ``log_odds, standard_error, df, odds_ratio, ci_low, ci_high`` (the odds of a higher answer
        under the first condition over those under the second), ``p_value, p_adjusted``,
        ``superiority, superiority_low, superiority_high`` (probability that a participant's answer
        to a stimulus is higher under the first condition, equal answers counted half), ``remark``.
        A number that does not exist is NaN; the remark gives the reason.
    correction : str
        Adjustment of the p values over the attributes.
    confidence : float
        Confidence of the intervals.
    method : str
        Description of the analysis in words.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    attributes: "pd.DataFrame"
    correction: str
    confidence: float
    method: str
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON; NaN becomes None."""
        plain = self.attributes.astype(object)
        return {
            "attributes": plain.where(plain.notna(), None).to_dict("records"),
            "correction": self.correction,
            "confidence": self.confidence,
            "method": self.method,
            "warnings": list(self.warnings),
        }


def few_categories(ratings: Ratings) -> tuple[str, ...]:
    """Return a remark that suggests the model where the answers take few values."""
    distinct = int(ratings.table["value"].nunique())
    if not 1 < distinct <= CATEGORIES:
        return ()
    return (
        f"the answers take {distinct} values only: the differences treat them as numbers with "
        "equal distances; the ordinal model (--ordinal) does not, as a second opinion",
    )


def ordinal_model(
    ratings: Ratings,
    first: str,
    second: str,
    *,
    correction: Correction = "holm",
    confidence: float = 0.95,
) -> OrdinalModel:
    """Return the odds ratio of two conditions for each attribute, over all stimuli.

    A cumulative logit model, ``logit P(answer > k) = a_k + stimulus + b condition``, whose ``b`` is
    the same for all k (proportional odds) and all stimuli. It takes answers as ordered categories
    without distances between them. Answers of participants of only one condition are used.

    Parameters
    ----------
    ratings : Ratings
        Answers with at most 11 distinct values.
    first, second : str
        Conditions; an odds ratio above 1 means higher answers under the first.
    correction : {"holm", "bonferroni", "bh"}
        Adjustment of the p values over the attributes.
    confidence : float
        Confidence of each single interval.

    Raises
    ------
    ParameterError
        statsmodels is not installed, more than 11 distinct answers, unknown condition.

    Notes
    -----
    Generalized estimating equations (``OrdinalGEE`` of statsmodels) with participants as clusters
    and independence as working correlation (Liang & Zeger, Biometrika 73:13, 1986), standard errors
    corrected for the number of clusters (Mancl & DeRouen, Biometrics 57:126, 2001), Student's t
    with the smaller number of participants under a condition minus 1. The odds ratio is that of the
    population, which is nearer to 1 than that of a single participant.

    Chosen by simulation without a difference (answers from 1 to 5 to 8 stimuli, participants who
    differ in their level and in their response to a condition): at a level of 5 %, this test
    rejects 4.1 % with 19, 13 and 2 participants in both and in one condition, 5.1 % with 36 in
    both, 4.2 % with 12 and 2.7 % with 4, 15 and 15; adjusted for 8 attributes, at most 5 % of
    families. Normal quantiles without the correction reject up to 9.5 % with 12 participants, and
    standard errors that ignore the clusters 28 % at 19, 13 and 2. A proportional odds model by
    maximum likelihood (``OrderedModel``) with clustered errors holds its level as well (3.0 %) and
    takes 10 times as long; with bootstrapped participants it takes minutes.
    """
    check_fraction("confidence", confidence)
    for name in (first, second):
        if name not in ratings.conditions or first == second:
            raise ParameterError(
                f"conditions {first!r} and {second!r}; two of {', '.join(ratings.conditions)} are "
                "expected"
            )
    table = ratings.table.dropna(subset=["value"])
    table = table[table["condition"].isin([first, second])]
    distinct = int(table["value"].nunique())
    if distinct > _MOST:
        raise ParameterError(
            f"{distinct} distinct answers; the ordinal model is for at most {_MOST} categories: "
            "leave it out, or fit the mixed model (--mixed) to such answers"
        )
    _estimator()  # says at once if the package is missing
    rows = [
        _of_attribute(table[table["attribute"] == name], name, first, confidence)
        for name in ratings.attributes
    ]
    import pandas as pd

    frame = pd.DataFrame(rows)
    family = f"{len(rows)} attributes, odds of {first} over {second}"
    adjusted = adjust(frame["p_value"].to_numpy(), family=family, correction=correction)
    people = int(frame["participants"].max())
    few = f"{people} participants are few for this model: its tests can reject too often"
    return OrdinalModel(
        attributes=frame.assign(p_adjusted=adjusted.adjusted)[list(_COLUMNS)],
        correction=correction,
        confidence=confidence,
        method=f"odds ratios {first} over {second} of each attribute by a cumulative logit model "
        "(proportional odds) with the stimulus as a factor, generalized estimating equations with "
        "participants as clusters, standard errors after Mancl & DeRouen (2001), Student's t with "
        f"the smaller number of participants under a condition - 1, {100 * confidence:g} % "
        f"intervals; {adjusted.method}; probability of superiority from each participant's answers "
        "to the same stimulus under both conditions",
        warnings=(few,) if people < _FEWEST_PEOPLE else (),
    )


def _estimator() -> Any:
    try:
        from statsmodels.genmod.generalized_estimating_equations import OrdinalGEE
    except ImportError as error:
        raise ParameterError(_INSTALL) from error
    return OrdinalGEE


def _of_attribute(
    table: "pd.DataFrame", attribute: str, first: str, confidence: float
) -> dict[str, Any]:
    """Return the row of an attribute."""
    sides = table.groupby("stimulus")["condition"].nunique()
    used = table[table["stimulus"].isin(sides.index[sides == 2])]
    row: dict[str, Any] = dict.fromkeys(_COLUMNS, math.nan)
    row |= {
        "attribute": attribute,
        "n": len(used),
        "participants": int(used["participant"].nunique()),
        "remark": "",
    }
    numbers = ("superiority", "superiority_low", "superiority_high")
    row |= dict(zip(numbers, _superiority(used, first, confidence), strict=True))
    # answers that are all at one end of the scale only push their stimulus to infinity
    ends = (used["value"].min(), used["value"].max())
    span = used.groupby("stimulus")["value"].agg(["min", "max"])
    flat = [span.index[(span["min"] == end) & (span["max"] == end)] for end in ends]
    told = used[~used["stimulus"].isin([*flat[0], *flat[1]])]
    reason = _too_little(told, row["participants"])
    if reason:
        return {**row, "remark": reason}
    estimate, error = _fitted(told, first)
    if error <= _NO_ERROR:
        return {**row, "remark": "all participants answered alike under both conditions"}
    if not (abs(estimate) < _SEPARATED and error < _SEPARATED):
        return {
            **row,
            "remark": "the answers under the two conditions hardly overlap, or too few differ: no "
            "odds ratio can be estimated",
        }
    from scipy.special import stdtr

    df = told.groupby("condition")["participant"].nunique().min() - 1.0
    half = t_quantile(confidence, df) * error
    left = [name for flat_at in flat for name in flat_at]
    return row | {
        "log_odds": estimate,
        "standard_error": error,
        "df": df,
        "odds_ratio": math.exp(estimate),
        "ci_low": math.exp(estimate - half),
        "ci_high": math.exp(estimate + half),
        "p_value": 2.0 * float(stdtr(df, -abs(estimate) / error)),
        "remark": f"all answers at one end of the scale, so left out: {some(left)}" if left else "",
    }


def _too_little(told: "pd.DataFrame", participants: int) -> str:
    """Return the reason why no model can be fitted, or ""."""
    if not len(told):
        return "no stimulus was rated differently, or none under both conditions"
    if participants < 3:
        return f"{participants} participants; at least 3 are needed"
    return ""


def _fitted(told: "pd.DataFrame", first: str) -> tuple[float, float]:
    """Return the logarithm of the odds ratio and its standard error; NaN if there is none."""
    stimulus = np.unique(told["stimulus"].to_numpy(dtype=str), return_inverse=True)[1]
    people = np.unique(told["participant"].to_numpy(dtype=str), return_inverse=True)[1]
    category = np.unique(told["value"].to_numpy(), return_inverse=True)[1]
    design = np.column_stack(
        [
            (told["condition"] == first).to_numpy(dtype=np.float64),
            (stimulus[:, np.newaxis] == np.arange(1, stimulus.max() + 1)).astype(np.float64),
        ]
    )
    return _solved(category, design, people)


def _solved(
    category: NDArray[np.intp], design: Array, people: NDArray[np.intp]
) -> tuple[float, float]:
    from statsmodels.genmod.cov_struct import Independence

    model = _estimator()(category, design, groups=people, cov_struct=Independence())
    # what does not converge is found by its size
    with python_warnings.catch_warnings(), np.errstate(all="ignore"):
        python_warnings.simplefilter("ignore")
        try:
            found = model.fit(cov_type="bias_reduced")
            estimates, errors = np.asarray(found.params), np.asarray(found.bse)
        except (np.linalg.LinAlgError, ValueError):
            return math.nan, math.nan
    place = int(category.max())  # after the thresholds
    return float(estimates[place]), float(errors[place])


def _superiority(used: "pd.DataFrame", first: str, confidence: float) -> tuple[float, float, float]:
    """Return the share of pairs that are higher under the first condition, and its interval.

    Equal answers count half. Participants are the unit: the interval is Student's t of their
    shares.
    """
    wide = used.assign(side=np.where(used["condition"] == first, "x", "y")).pivot(
        index=["participant", "stimulus"], columns="side", values="value"
    )
    if not {"x", "y"} <= set(wide.columns):
        return math.nan, math.nan, math.nan
    pairs = wide.dropna()
    higher = (pairs["x"] > pairs["y"]) + 0.5 * (pairs["x"] == pairs["y"])
    shares = higher.groupby("participant").mean().to_numpy(dtype=np.float64)
    if shares.size < 2:
        return (float(shares.mean()) if shares.size else math.nan), math.nan, math.nan
    middle, sd = float(shares.mean()), float(shares.std(ddof=1))
    if sd == 0.0:
        return middle, math.nan, math.nan
    half = t_quantile(confidence, shares.size - 1) * sd / math.sqrt(shares.size)
    return middle, max(middle - half, 0.0), min(middle + half, 1.0)

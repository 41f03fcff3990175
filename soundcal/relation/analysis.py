"""Relate the differences of ratings to those of indicators."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundcal.agreement.intervals import check_fraction
from soundcal.arrays import Array
from soundcal.errors import ParameterError, RecordError
from soundcal.files.names import lookalikes, normal_name, some, without_brackets
from soundcal.ratings import ATTRIBUTES, Ratings
from soundcal.relation.correlations import FEWEST
from soundcal.relation.grid import Columns, Grid
from soundcal.relation.measured import Measured
from soundcal.relation.outcomes import AXES, Heard, answers_of, outcome_differences
from soundcal.relation.result import Finding, Relation

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["relate"]

_PERMUTATIONS: Final = 9999
_RESAMPLES: Final = 1999
_FEWEST_DRAWS: Final = 99


def relate(
    differences: "pd.DataFrame",
    ratings: Ratings,
    methods: tuple[str, str],
    *,
    conditions: tuple[str, str] | None = None,
    attributes: Sequence[str] | None = None,
    u: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    power: float = 0.8,
    permutations: int = _PERMUTATIONS,
    resamples: int = _RESAMPLES,
    seed: int = 1,
) -> Relation:
    """Relate differences of ratings to differences of indicators, stimulus by stimulus.

    Parameters
    ----------
    differences : DataFrame
        One row per indicator, pair of methods and stimulus, as of
        :meth:`soundcal.study.MethodComparison.differences`: ``indicator, statistic, unit, first,
        second, stimulus, first_value, second_value``.
    ratings : Ratings
        Answers; participants may be absent from one condition.
    methods : tuple of (str, str)
        Methods of measurement; differences are the first minus the second.
    conditions : tuple of (str, str), optional
        Conditions of the ratings that belong to the methods, if their names differ.
    attributes : sequence of str, optional
        Outcomes to relate (attributes, ``pleasantness``, ``eventfulness``); all if not given. Fewer
        questions, chosen before the data are seen, need smaller correlations for an answer.
    u : mapping of str to float, optional
        Standard uncertainty of the difference at a single stimulus per label (``LAeq``), as far as
        it varies from stimulus to stimulus. What all stimuli have in common, such as the error of
        a calibration, shifts all differences alike and changes no correlation. 0 if not given.
    confidence : float
        Confidence of the intervals; the level of the tests is 1 - confidence.
    power : float
        Probability with which the smallest correlation that is stated would have been shown.
    permutations, resamples : int
        Permutations of the stimuli for the tests, samples of the stimuli for the intervals.
    seed : int
        Seed of both.

    Returns
    -------
    Relation

    Raises
    ------
    ParameterError
        Unknown method, condition, outcome or label; an option outside its range, or an answer
        outside its scale.
    RecordError
        Columns missing, several combinations, fewer than 5 stimuli in common, or no difference
        that varies.

    Notes
    -----
    Correlations: Pearson and Spearman, with intervals by Student's t for Fisher's z and its
    standard deviation over samples of the stimuli. At n = 27 these hold the true value, nominal
    95 %, for normal, exponential and t distributed values (4 degrees of freedom) and correlations
    of 0, 0.5 and 0.8 in 91 to 95 % (Pearson) and 95 to 97 % (Spearman); percentile intervals in 90
    to 93 and 94 to 96 %, BCa intervals in 87 to 93 and 92 to 96 % (1500 studies each, simulated).

    Tests: :func:`soundcal.relation.correlations.permuted`. With 39 indicators, 10 outcomes, 27
    stimuli and the study's 36 participants, at least one of the 390 correlations is called
    different from 0 in 4.3 % of studies without any relation (2000 simulated), at least one of an
    unrelated outcome in 4.0 % of studies in which another outcome has a true correlation of 0.9
    (400 simulated; 84 % of these find it).

    Errors: the answers of each participant move the differences of all stimuli; what moves all of
    them alike does not count, see :class:`soundcal.relation.outcomes.Heard`. Reliability is 1 -
    error variance/variance over the stimuli, the largest correlation √(reliability · reliability),
    and the disattenuated one Pearson's over that. The ends of its interval are those of Pearson's
    over the same number: with the study's participants they hold the true correlation in 92 to 98 %
    (reliabilities of 0.2 to 0.8, correlations of 0 to 0.9, 400 studies each, simulated).

    Single answers: :mod:`soundcal.relation.answers`.

    Whole studies of 27 stimuli, 6 indicators and 2 outcomes, 19 participants under both conditions,
    13 and 4 under one (200 simulated each); nominal coverage 95 %, at most 5 % false alarms::

        true r  reliability  intervals that hold the truth   found     alarms of the
                             slope  answers  without errors  (max-T)   other outcome
        0.9     0.81         96 %   96 %     98 %            100 %     2.5 %
        0.6     0.81         95 %   96 %     94 %             53 %     2.0 %
        0.9     0.50         96 %   97 %     96 %             88 %     2.5 %
    """
    check_fraction("confidence", confidence)
    check_fraction("power", power)
    if min(permutations, resamples) < _FEWEST_DRAWS or seed < 0:
        raise ParameterError(
            f"{permutations} permutations, {resamples} resamples, seed {seed}; at least "
            f"{_FEWEST_DRAWS} of both and a seed of 0 or more are expected"
        )
    ratings.check_scale()
    methods = (normal_name(methods[0]), normal_name(methods[1]))
    listened = _conditions(ratings, conditions or methods)
    measured = Measured.of(differences, methods)
    answered = answers_of(ratings)
    answers = _chosen(answered, attributes)
    stimuli, warnings = _joined(measured.stimuli, answers, listened)
    if not attributes:
        warnings += _unanswered(ratings, answered)
    measured = measured.at(stimuli)
    outcomes = outcome_differences(answers, stimuli, *listened)
    grid = Grid.of(measured, outcomes, _uncertainties(u or {}, measured.labels))
    rng = np.random.default_rng(seed)
    columns, critical = grid.correlations(confidence, resamples, permutations, rng)
    columns |= grid.errors(columns, critical, confidence, power)
    columns |= grid.answers(answers, listened, confidence)
    pairs = _pairs(grid, columns)
    names = [one.name for one in outcomes]
    return Relation(
        methods=methods,
        conditions=listened,
        pairs=pairs,
        outcomes=_summed_up(pairs, 1.0 - confidence),
        cells=_cells(outcomes, stimuli),
        measured=_wide(measured.difference, stimuli, measured.labels),
        heard=_wide(np.column_stack([one.difference for one in outcomes]), stimuli, names),
        errors=_wide(np.column_stack([one.standard_error for one in outcomes]), stimuli, names),
        units=dict(zip(measured.labels, measured.units, strict=True)),
        scale=ratings.scale,
        critical=min(critical / float(np.sqrt(len(stimuli) - 1.0)), 1.0),
        confidence=confidence,
        power=power,
        permutations=permutations,
        resamples=resamples,
        seed=seed,
        method=_took_part(answers, ratings, listened)
        + _method(columns["pearson"].shape, len(stimuli), confidence, permutations, seed),
        warnings=(*warnings, *_of_tests(outcomes), *_remarks(grid, pairs)),
    )


def _conditions(ratings: Ratings, names: tuple[str, str]) -> tuple[str, str]:
    first, second = (normal_name(name) for name in names)
    known = ratings.conditions
    if first not in known or second not in known or first == second:
        raise ParameterError(
            f"conditions {first!r} and {second!r}; two of the conditions of the ratings, "
            f"{', '.join(known)}, are expected, in the order of the methods"
        )
    return first, second


def _chosen(answers: "pd.DataFrame", attributes: Sequence[str] | None) -> "pd.DataFrame":
    if not attributes:
        return answers
    names = [normal_name(name) for name in attributes]
    known = list(dict.fromkeys(answers["outcome"]))
    if unknown := [name for name in names if name not in known]:
        raise ParameterError(f"no outcome {unknown[0]!r} in the ratings; there are {some(known)}")
    return answers[answers["outcome"].isin(names)]


def _unanswered(ratings: Ratings, answers: "pd.DataFrame") -> tuple[str, ...]:
    """Return a remark on what was asked and has no answer at all, under any condition."""
    asked = [*ratings.attributes]
    if set(ATTRIBUTES) <= set(asked):
        asked += AXES
    none = [name for name in asked if name not in set(answers["outcome"])]
    return (f"outcomes without answers, not related: {some(none)}",) if none else ()


def _joined(
    measured: list[str], answers: "pd.DataFrame", conditions: tuple[str, str]
) -> tuple[list[str], tuple[str, ...]]:
    """Return the stimuli that were measured and rated, and remarks on the others."""
    rated = set(answers.loc[answers["condition"].isin(conditions), "stimulus"])
    common = [name for name in measured if name in rated]
    remarks = []
    for text, names in (
        ("measured by both methods but not rated", set(measured) - rated),
        ("rated but not measured by both methods", rated - set(measured)),
    ):
        if names:
            remarks.append(f"stimuli {text}, left out: {some(sorted(names))}")
    alike = lookalikes("stimuli", "measured", measured, "rated", sorted(rated))
    if len(common) < FEWEST:
        raise RecordError(
            f"{len(common)} stimuli were both measured and rated; at least {FEWEST} are needed. "
            + "; ".join((*alike, *remarks))
        )
    return common, (*remarks, *alike)


def _uncertainties(u: Mapping[str, float], labels: list[str]) -> Array:
    values, known = np.zeros(len(labels)), [without_brackets(label) for label in labels]
    for name, value in u.items():
        plain = without_brackets(name)
        if plain not in known:
            raise ParameterError(
                f"uncertainty of {name!r}, which is not related; there are {some(labels, 12)}"
            )
        if not 0.0 <= value < np.inf:
            raise ParameterError(f"uncertainty {name}={value}; 0 or a positive number is expected")
        values[known.index(plain)] = value
    return values


def _pairs(grid: Grid, columns: Columns) -> "pd.DataFrame":
    """Return one row per outcome and indicator."""
    import pandas as pd

    measured, p = grid.measured, len(grid.measured.labels)
    parts = []
    for i, outcome in enumerate(grid.outcomes):
        about = {
            "outcome": [outcome.name] * p,
            "label": measured.labels,
            "indicator": measured.indicators,
            "statistic": measured.statistics,
            "unit": measured.units,
            "u": grid.u,
        }
        parts.append(pd.DataFrame({**about, **{name: of[:, i] for name, of in columns.items()}}))
    return pd.concat(parts, ignore_index=True)


def _summed_up(pairs: "pd.DataFrame", level: float) -> "pd.DataFrame":
    """Return one row per outcome: its strongest indicator and the finding."""
    import pandas as pd

    kept = ["label", "n", "pearson", "pearson_low", "pearson_high", "pearson_p"]
    kept += ["reliability_heard", "largest", "detectable", "detectable_true"]
    rows: list[dict[str, Any]] = []
    for name, part in pairs.dropna(subset="pearson").groupby("outcome", sort=False):
        best = part.iloc[int(part["pearson"].abs().to_numpy().argmax())]
        shown = part.loc[part["pearson_p"] <= level, "label"]
        finding: Finding = "none" if part["detectable_true"].min() < 1.0 else "too small"
        if len(shown):
            finding = "clear"
        row = {"outcome": name, "finding": finding, **{key: best[key] for key in kept}}
        rows.append({**row, "shown": " ".join(shown)})
    return pd.DataFrame(rows)


def _cells(outcomes: list[Heard], stimuli: list[str]) -> "pd.DataFrame":
    import pandas as pd

    parts = [
        pd.DataFrame(
            {
                "stimulus": stimuli,
                "outcome": one.name,
                "difference": one.difference,
                "standard_error": one.standard_error,
                "n_pairs": one.n_pairs,
                "n_first": one.n_first,
                "n_second": one.n_second,
            }
        )
        for one in outcomes
    ]
    return pd.concat(parts, ignore_index=True)


def _wide(values: Array, stimuli: list[str], names: list[str]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(values, index=pd.Index(stimuli, name="stimulus"), columns=names)


def _remarks(grid: Grid, pairs: "pd.DataFrame") -> tuple[str, ...]:
    """Return remarks that a reader of the numbers needs."""
    remarks = []
    if not grid.u.any():
        remarks.append(
            "no uncertainty u of the indicators was stated: what differs from stimulus to "
            "stimulus, such as the seat of the headphones, is taken as 0; the error of a "
            "calibration that all stimuli have in common changes no correlation"
        )
    for column, text in (
        ("label", "indicators without differences that vary"),
        ("outcome", "outcomes without differences that vary"),
    ):
        found = pairs.groupby(column, sort=False)["pearson"].count()
        if len(none := found.index[found == 0]):
            remarks.append(f"{text}, not related: {some(map(str, none))}")
    for column, name, cause in (
        ("outcome", "reliability_heard", "errors of the participants"),
        ("label", "reliability_measured", "stated uncertainty"),
    ):
        least = pairs.groupby(column, sort=False)[name].max()
        if len(none := least.index[least == 0.0]):
            remarks.append(
                f"{some(map(str, none))}: the differences vary between stimuli no more than the "
                f"{cause} alone would make them; no relation can be shown"
            )
    few = pairs.loc[pairs["n"] < len(grid.measured.stimuli), "label"].unique()
    if len(few):
        remarks.append(
            f"related over fewer stimuli than the others, because values are missing: {some(few)}"
        )
    return tuple(remarks)


def _of_tests(outcomes: list[Heard]) -> tuple[str, ...]:
    """Return every remark of a test once, with the number of differences that it applies to.

    Remarks that differ only in their numbers, such as those of participants, are one.
    """
    alike: dict[str, list[str]] = {}
    for one in outcomes:
        for text in one.remarks:
            alike.setdefault(re.sub(r"\d+(\.\d+)?", "#", text), []).append(text)
    cells = sum(one.difference.size for one in outcomes)
    return tuple(
        f"{texts[0]} ({len(texts)} of {cells} differences"
        + ("; the numbers are those of the first)" if len(set(texts)) > 1 else ")")
        for texts in alike.values()
    )


def _took_part(answers: "pd.DataFrame", ratings: Ratings, conditions: tuple[str, str]) -> str:
    """Return the numbers of participants and exclusions in words."""
    first, second = (
        set(answers.loc[answers["condition"] == name, "participant"]) for name in conditions
    )
    return (
        f"{len(first & second)} participants rated under both conditions, {len(first - second)} "
        f"only under {conditions[0]}, {len(second - first)} only under {conditions[1]} "
        f"({len(ratings.excluded) or 'no'} exclusions); "
    )


def _method(
    shape: tuple[int, ...], stimuli: int, confidence: float, permutations: int, seed: int
) -> str:
    p, q = shape
    return (
        f"differences of {p} indicators against differences of {q} outcomes of the ratings over "
        f"{stimuli} stimuli, estimated as in the comparison of the ratings (partially overlapping "
        f"samples, Derrick et al. 2017); Pearson's and Spearman's correlations with "
        f"{100 * confidence:g} % intervals by Fisher's z and a bootstrap of the stimuli; p values "
        f"by step-down max-T over all {p * q} cells of the grid, {permutations} permutations of "
        f"the stimuli (seed {seed}); slopes with errors in both variables, jackknife intervals; "
        "reliability of the differences by the errors of the participants and the stated "
        "uncertainty of the indicators; single answers by a mixed model of condition, mean and "
        "deviation of the indicator with crossed random intercepts and effects of the condition of "
        "participants and stimuli (restricted maximum likelihood, Holm's adjustment)"
    )

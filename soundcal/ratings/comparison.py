"""Ratings under two conditions: a test per stimulus and attribute, and one in the plane."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from soundcal.agreement import (
    Hotelling,
    MeanDifference,
    adjust,
    detectable_by_t,
    hotelling,
    mean_difference,
)
from soundcal.agreement.intervals import check_choice, check_fraction
from soundcal.agreement.multiplicity import Correction
from soundcal.agreement.paired import Alternative, MeanTest
from soundcal.errors import ParameterError
from soundcal.files.names import in_counting_order, unjoined
from soundcal.ratings.soundscape import (
    ATTRIBUTES,
    QUADRANTS,
    centring,
    formula,
    quadrant_shares,
)
from soundcal.ratings.table import ALL, KEYS, Ratings

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "RatingsComparison",
    "compare_ratings",
    "likert_shares",
    "quadrant_table",
]

PAPER_TEST: Final = (
    "the optimal pooled t-test of the study rejects too often where few values are unpaired: with "
    "19, 13 and 2 participants it marks at least one of 216 cells without any difference in 74 % "
    "of studies, the default test in 3 % (simulated); see the second test"
)
"""Caution that belongs to every result of the study's test."""

_TEST: Final = {
    "overlapping": "partially overlapping samples t-test T_new2 (Derrick et al. 2017)",
    "partially-paired": "optimal pooled t-test (Guo & Yuan 2017)",
    "paired": "paired t-test",
}

POWER: Final = 0.8
"""Power for which the smallest differences are stated."""

_LEVEL: Final = 0.05

_FEWEST_ANSWERS: Final = 20
_SMALL_PART: Final = 0.25
"""Fewest answers, and the part of the scale, that let doubt whether it is the scale shown."""

_STARS: Final = ((0.001, "***"), (0.01, "**"), (0.05, "*"))

_CELL_COLUMNS: Final = (
    *("stimulus", "attribute", "n_pairs", "n_first", "n_second"),
    *("estimate", "ci_low", "ci_high", "statistic", "df", "p_value", "p_adjusted", "stars"),
    *("test", "second_test", "second_p", "second_p_adjusted", "remark", "detectable"),
)

_PLANE_COLUMNS: Final = (
    *("stimulus", "pleasantness", "pleasantness_low", "pleasantness_high"),
    *("eventfulness", "eventfulness_low", "eventfulness_high"),
    *("t2", "f", "df1", "df2", "p_value", "p_adjusted", "n", "remark"),
)


@dataclass(frozen=True, slots=True, eq=False)
class RatingsComparison:
    """Differences of ratings between two conditions.

    Parameters
    ----------
    first, second : str
        Conditions; every difference is ``first - second``.
    cells : DataFrame
        One row per stimulus and attribute: ``stimulus, attribute, n_pairs, n_first, n_second``
        (participants in both, only in the first, only in the second), ``estimate, ci_low, ci_high,
        statistic, df, p_value, p_adjusted, stars, test, second_test, second_p, second_p_adjusted,
        remark, detectable`` (smallest true difference that the test finds in 80 % of such studies,
        at Bonferroni's level of 5 % over all cells). A p value that does not exist is NaN; the
        remark gives the reason.
    plane : DataFrame
        One row per stimulus, and one ``all`` (means of each participant over the stimuli): paired
        differences ``pleasantness, pleasantness_low, pleasantness_high, eventfulness, …`` with
        simultaneous intervals, ``t2, f, df1, df2, p_value, p_adjusted, n, remark``. Empty if not
        all eight attributes were asked, or nobody rated under both conditions.
    pairs : DataFrame
        ``participant, stimulus`` and the coordinates under both conditions, for arrows:
        ``pleasantness_first, eventfulness_first, pleasantness_second, eventfulness_second``.
    correction, test, alternative : str
        Adjustment of p values; name of the test; alternative hypothesis.
    confidence : float
        Confidence of the intervals.
    method : str
        Description of the analysis, in words fit for a methods section.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    first: str
    second: str
    cells: "pd.DataFrame" = field(repr=False)
    plane: "pd.DataFrame" = field(repr=False)
    pairs: "pd.DataFrame" = field(repr=False)
    correction: str
    test: str
    alternative: str
    confidence: float
    method: str
    warnings: tuple[str, ...] = ()

    @property
    def caution(self) -> str:
        """Words that mark results of the study's test, which rejects too often; else ""."""
        used = _TEST["partially-paired"] in set(self.cells["test"])
        return ", by the study's test, which rejects too often" if used else ""

    @property
    def direction(self) -> str:
        """The difference in words."""
        return f"{self.first} - {self.second}"

    def heatmap(self, column: str = "estimate") -> "pd.DataFrame":
        """Return a column of ``cells`` as a table: attributes down, stimuli across.

        The study's figure shows ``estimate`` as colours and ``stars`` as signs.

        Raises
        ------
        ParameterError
            No such column.
        """
        if column not in self.cells.columns:
            raise ParameterError(
                f"column {column!r}; one of {', '.join(self.cells.columns)} is expected"
            )
        table = self.cells.pivot(index="attribute", columns="stimulus", values=column)
        return table.reindex(
            index=self.cells["attribute"].unique(), columns=self.cells["stimulus"].unique()
        )

    def to_frame(self) -> "pd.DataFrame":
        """Return the cells."""
        return self.cells

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON; NaN becomes None."""
        return {
            "first": self.first,
            "second": self.second,
            "direction": self.direction,
            "cells": _records(self.cells),
            "plane": _records(self.plane),
            "pairs": _records(self.pairs),
            "correction": self.correction,
            "test": self.test,
            "alternative": self.alternative,
            "confidence": self.confidence,
            "method": self.method,
            "warnings": list(self.warnings),
        }


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    plain = frame.astype(object).replace([np.inf, -np.inf], np.nan)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def compare_ratings(
    ratings: Ratings,
    first: str,
    second: str,
    *,
    test: MeanTest = "overlapping",
    correction: Correction = "holm",
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
    preset: Literal["paper"] | None = None,
) -> RatingsComparison:
    """Compare the ratings of two conditions, stimulus by stimulus and attribute by attribute.

    Parameters
    ----------
    ratings : Ratings
        Answers; participants may be absent from one condition.
    first, second : str
        Conditions; differences are ``first - second`` (the study: ``ocv``, ``hats``).
    test : {"overlapping", "partially-paired", "paired"}
        See :func:`soundcal.agreement.mean_difference`, where the levels and the power of these
        tests are printed. ``overlapping`` holds its level at all sizes of a study;
        ``partially-paired``, the test of the study, does not, and includes the first as a second
        opinion.
    correction : {"holm", "bonferroni", "bh"}
        Adjustment over all stimuli and attributes.
    alternative : {"two-sided", "less", "greater"}
        Alternative hypothesis about ``first - second``.
    confidence : float
        Confidence of each single interval.
    preset : {"paper"}, optional
        Options of the study: optimal pooled t-test, two-sided, Bonferroni over all cells. With 19
        participants in both conditions, 13 and 2 in one of them, this procedure marks at least one
        of 216 cells without any difference in 74 of 100 studies (simulated); a warning says so.

    Returns
    -------
    RatingsComparison

    Raises
    ------
    ParameterError
        Unknown condition, answers outside the scale, contradicting options.
    """
    if preset is not None:
        if preset != "paper" or test == "paired" or alternative != "two-sided":
            raise ParameterError(
                f"preset {preset!r} with test {test!r}, alternative {alternative!r}; 'paper' means "
                "the partially paired, two-sided test: leave the others out"
            )
        test, correction = "partially-paired", "bonferroni"
    if test not in get_args(MeanTest):
        raise ParameterError(f"test {test!r}; one of {', '.join(get_args(MeanTest))} expected")
    check_fraction("confidence", confidence)
    check_choice("alternative", alternative, Alternative)
    ratings.check_scale()
    for name in (first, second):
        if name not in ratings.conditions or first == second:
            raise ParameterError(
                f"conditions {first!r} and {second!r}; two of {', '.join(ratings.conditions)} are "
                "expected"
            )
    cells = _cells(ratings, first, second, test, alternative, confidence)
    remarks = list(cells["remark"])
    family = f"{len(cells)} cells of stimulus and attribute, {first} - {second}"
    adjusted = adjust(cells["p_value"].to_numpy(), family=family, correction=correction)
    second_opinion = adjust(cells["second_p"].to_numpy(), family=family, correction=correction)
    cells = cells.assign(
        p_adjusted=adjusted.adjusted,
        stars=[_stars(p) for p in adjusted.adjusted],
        second_p_adjusted=second_opinion.adjusted,
        remark=[" | ".join(of_cell) for of_cell in remarks],
        detectable=[
            _detectable(row["standard_error"], row["df"], len(cells), alternative)
            for row in cells.to_dict("records")
        ],
    )[list(_CELL_COLUMNS)]
    plane, pairs = _plane(ratings, first, second, correction, confidence)
    method = (
        f"differences {first} - {second} of each stimulus and attribute by the {_TEST[test]} "
        f"({alternative}{_instead(cells['test'], test)}), {100 * confidence:g} % confidence "
        "intervals each separately; " + adjusted.method
    )
    if len(plane):
        method += (
            f"; pleasantness and eventfulness by {formula(ratings.language)}, paired differences "
            "by Hotelling's T² test with simultaneous intervals"
        )
    return RatingsComparison(
        first=first,
        second=second,
        cells=cells,
        plane=plane,
        pairs=pairs,
        correction=correction,
        test=test,
        alternative=alternative,
        confidence=confidence,
        method=method,
        warnings=(
            *((PAPER_TEST,) if _TEST["partially-paired"] in set(cells["test"]) else ()),
            *_small_part(ratings),
            *(_other_centring(ratings) if len(plane) else ()),
            *_one_sided(ratings, first, second),
            *_summed(remarks),
        ),
    )


def _instead(used: "pd.Series[str]", test: MeanTest) -> str:
    """Return the other tests of cells whose answers do not permit the chosen one, in words."""
    others = Counter(name for name in used if name not in ("", _TEST[test]))
    return "".join(f"; {name} in {n} of {len(used)} cells" for name, n in others.items())


def _small_part(ratings: Ratings) -> tuple[str, ...]:
    """Return a remark if all answers lie so close together that the scale may be another one."""
    low, high = ratings.scale
    least, most = ratings.table["value"].min(), ratings.table["value"].max()
    answers = int(ratings.table["value"].notna().sum())
    if answers < _FEWEST_ANSWERS or not 0 < most - least < _SMALL_PART * (high - low):
        return ()
    return (
        f"all answers lie between {least:g} and {most:g}, the scale is stated as {low:g} to "
        f"{high:g}; differences of coordinates depend on it: is it the scale that was shown?",
    )


def _other_centring(ratings: Ratings) -> tuple[str, ...]:
    """Return a remark on how far Soundscapy's coordinates of these answers lie from ours."""
    if ratings.language == "equal":
        return ()
    answers = ratings.wide()[list(ATTRIBUTES)].to_numpy(dtype=np.float64)
    p, e = centring(answers, scale=ratings.scale, language=ratings.language)
    return (
        "coordinates refer to the middle of the scale; Soundscapy 0.8 refers them to the middle of "
        f"each person's own eight answers, which moves them by up to {p:.3f} (pleasantness) and "
        f"{e:.3f} (eventfulness) on these data",
    )


def _stars(p: float) -> str:
    return next((sign for limit, sign in _STARS if p < limit), "")


def _one_sided(ratings: Ratings, first: str, second: str) -> tuple[str, ...]:
    """Return remarks on attributes, stimuli and participants without answers under a condition."""
    answered = ratings.table.dropna(subset="value")
    sides = [answered[answered["condition"] == name] for name in (first, second)]
    remarks: list[str] = []
    for column, kind in (
        ("attribute", "attributes"),
        ("stimulus", "stimuli"),
        ("participant", "participants"),
    ):
        one, other = (list(side[column].unique()) for side in sides)
        remarks += unjoined(f"{kind} with answers", first, one, second, other)
    unknown = [
        name
        for name in ratings.attributes
        if name.lower() in ATTRIBUTES and name.lower() not in ratings.attributes
    ]
    if unknown:
        remarks.append(
            f"attributes {', '.join(map(repr, unknown))}: the plane of pleasantness and "
            "eventfulness needs them in lower case"
        )
    return tuple(remarks)


def _summed(remarks: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return every remark once, with the number of cells it applies to."""
    counts = Counter(text for of_cell in remarks for text in of_cell)
    return tuple(f"{text} ({n} of {len(remarks)} cells)" for text, n in counts.items())


def _cells(
    ratings: Ratings,
    first: str,
    second: str,
    test: MeanTest,
    alternative: Alternative,
    confidence: float,
) -> "pd.DataFrame":
    """Return a row per stimulus and attribute; ``remark`` is a tuple of texts."""
    import pandas as pd

    table = ratings.table[ratings.table["condition"].isin([first, second])]
    wide = table.pivot(
        index="participant", columns=["stimulus", "attribute", "condition"], values="value"
    )
    nobody = np.full(len(wide), np.nan)
    rows = []
    for stimulus in in_counting_order(table["stimulus"].unique()):
        for attribute in ratings.attributes:
            x, y = (
                wide[key].to_numpy() if (key := (stimulus, attribute, name)) in wide else nobody
                for name in (first, second)
            )
            both = int((~np.isnan(x) & ~np.isnan(y)).sum())
            row = {
                "stimulus": stimulus,
                "attribute": attribute,
                "n_pairs": both,
                "n_first": int((~np.isnan(x)).sum()) - both,
                "n_second": int((~np.isnan(y)).sum()) - both,
            }
            try:
                found = mean_difference(
                    x, y, test=test, alternative=alternative, confidence=confidence
                )
            except ParameterError as error:
                rows.append({**row, **_no_test(str(error))})
            else:
                rows.append({**row, **_tested(found)})
    return pd.DataFrame(rows)


def _detectable(error: float, df: float, tests: int, alternative: Alternative) -> float:
    """Return the smallest true difference that the test of a cell finds, Bonferroni's level."""
    if not (error > 0.0 and df >= 1.0):
        return math.nan
    alpha = _LEVEL / tests * (1.0 if alternative == "two-sided" else 2.0)
    return detectable_by_t(error, df, alpha=alpha, power=POWER)


def _no_test(reason: str) -> dict[str, Any]:
    numbers = ("estimate", "standard_error", "ci_low", "ci_high", "statistic", "df", "p_value")
    return {
        **dict.fromkeys(numbers, np.nan),
        "test": "",
        "second_test": "",
        "second_p": np.nan,
        "remark": (reason,),
    }


def _tested(found: MeanDifference) -> dict[str, Any]:
    other = found.second
    return {
        "estimate": found.estimate,
        "standard_error": found.standard_error,
        "ci_low": found.ci[0],
        "ci_high": found.ci[1],
        "statistic": found.statistic,
        "df": found.df,
        "p_value": found.p_value,
        "test": found.method,
        "second_test": "" if other is None else other.method,
        "second_p": np.nan if other is None else other.p_value,
        "remark": found.warnings,
    }


def _plane(
    ratings: Ratings, first: str, second: str, correction: Correction, confidence: float
) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """Return the paired differences in the plane, and the pairs of points."""
    import pandas as pd

    axes = ["pleasantness", "eventfulness"]
    names = [f"{axis}_{end}" for end in ("first", "second") for axis in axes]
    nothing = (
        pd.DataFrame(columns=list(_PLANE_COLUMNS)),
        pd.DataFrame(columns=["participant", "stimulus", *names]),
    )
    if not set(ATTRIBUTES) <= set(ratings.attributes):
        return nothing
    points = ratings.points().set_index(list(KEYS))
    if not {first, second} <= set(points.index.get_level_values("condition")):
        return nothing
    sides = [
        points.xs(name, level="condition").add_suffix(f"_{end}")
        for name, end in ((first, "first"), (second, "second"))
    ]
    pairs = sides[0].join(sides[1], how="inner")[names]
    if pairs.empty:
        return nothing
    means = pairs.groupby("participant").mean()
    groups = [*pairs.groupby("stimulus"), (ALL, means)]
    rows = []
    for stimulus, part in groups:
        x, y = part[names[:2]].to_numpy(), part[names[2:]].to_numpy()
        row: dict[str, Any] = {"stimulus": stimulus, "n": len(part)}
        for axis, difference in zip(axes, (x - y).mean(axis=0), strict=True):
            row[axis] = float(difference)
        try:
            found = hotelling(x, y, confidence=confidence)
        except ParameterError as error:
            rows.append({**row, "remark": str(error)})
        else:
            rows.append({**row, **_hotelling(found, axes), "remark": ""})
    plane = pd.DataFrame(rows).reindex(columns=list(_PLANE_COLUMNS))
    single = (plane["stimulus"] != ALL).to_numpy()
    adjusted = np.full(len(plane), np.nan)
    family = f"{int(single.sum())} stimuli in the plane, {first} - {second}"
    p_values = plane.loc[single, "p_value"].to_numpy(dtype=np.float64)
    adjusted[single] = adjust(p_values, family=family, correction=correction).adjusted
    return plane.assign(p_adjusted=adjusted), pairs.reset_index()


def _hotelling(found: Hotelling, axes: list[str]) -> dict[str, float]:
    row = {"t2": found.statistic, "f": found.f, "df1": found.df1, "df2": found.df2}
    for axis, center, half in zip(axes, found.estimate, found.region, strict=True):
        row[f"{axis}_low"], row[f"{axis}_high"] = float(center - half), float(center + half)
    return {**row, "p_value": found.p_value}


def likert_shares(ratings: Ratings, *, categories: int = 5) -> "pd.DataFrame":
    """Return the shares of the answers in each category, for stacked bars.

    Parameters
    ----------
    ratings : Ratings
        Answers. A slider's scale is cut into categories of equal width.
    categories : int
        Number of categories, 2 or more.

    Returns
    -------
    DataFrame
        ``condition, attribute, category`` (from 1), ``low, high`` (its ends on the scale), ``n,
        share`` (of the answers to this attribute in this condition).

    Raises
    ------
    ParameterError
        Fewer than 2 categories, answers outside the scale.
    """
    import pandas as pd

    if categories < 2:
        raise ParameterError(f"{categories} categories; at least 2 are expected")
    ratings.check_scale()
    low, high = ratings.scale
    edges = np.linspace(low, high, categories + 1)
    if high - low == categories - 1:  # a scale of whole numbers: each answer is its own category
        edges = np.linspace(low - 0.5, high + 0.5, categories + 1)
    rows = []
    for condition in ratings.conditions:
        for attribute in ratings.attributes:
            here = (ratings.table["condition"] == condition) & (
                ratings.table["attribute"] == attribute
            )
            counts, _ = np.histogram(ratings.table.loc[here, "value"].dropna(), bins=edges)
            total = int(counts.sum())
            rows += [
                (condition, attribute, i + 1, edges[i], edges[i + 1], int(n),
                 n / total if total else np.nan)
                for i, n in enumerate(counts)
            ]  # fmt: skip
    columns = ["condition", "attribute", "category", "low", "high", "n", "share"]
    return pd.DataFrame(rows, columns=columns)


def quadrant_table(ratings: Ratings) -> "pd.DataFrame":
    """Return the proportion of trials in each quadrant, and mean coordinates, per condition.

    Returns
    -------
    DataFrame
        ``condition, n, pleasantness, eventfulness`` (means), ``vibrant, chaotic, monotonous, calm,
        axis`` (shares).

    Raises
    ------
    ParameterError
        Not all eight attributes were asked.
    """
    import pandas as pd

    points = ratings.points()
    rows = []
    for condition in ratings.conditions:
        part = points[points["condition"] == condition]
        shares = quadrant_shares(part["pleasantness"], part["eventfulness"])
        means = (float(part[axis].mean()) for axis in ("pleasantness", "eventfulness"))
        rows.append((condition, len(part), *means, *shares.values()))
    columns = ["condition", "n", "pleasantness", "eventfulness", *QUADRANTS, "axis"]
    return pd.DataFrame(rows, columns=columns)

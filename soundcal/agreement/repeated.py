"""Limits of agreement of things measured more than once, or at two ears.

Measurements of one subject (e.g. a stimulus) are not independent. The variance of a single
difference is the sum of variances between and within subjects, and its interval is computed by
MOVER (Zou, Stat Methods Med Res 22:630, 2013).
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from soundcal.agreement.intervals import (
    check_choice,
    check_fraction,
    normal_quantile,
    t_quantile,
)
from soundcal.agreement.limits_of_agreement import PAPER_Z, Agreement, Points, mean_and_sd
from soundcal.agreement.pairs import (
    differences,
    without_rounding,
)
from soundcal.agreement.repeats import RepeatedRows, TrueValue, repeated_rows
from soundcal.agreement.results import StatisticalResult
from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = ["Component", "RepeatedAgreement", "bland_altman_repeated"]

Estimator = Literal["anova", "means"]
Weighting = Literal["subjects", "measurements"]
RepeatedInterval = Literal["mover", "1999"]


@dataclass(frozen=True, slots=True, eq=False)
class Component(StatisticalResult):
    """A part of the variance of a single difference.

    Parameters
    ----------
    name : str
        Source of the variance.
    variance : float
        Contribution to the total variance, already multiplied by its coefficient.
    df : float
        Degrees of freedom of its estimate.
    """

    name: str
    variance: float
    df: float


@dataclass(frozen=True, slots=True, eq=False)
class RepeatedAgreement(Agreement):
    """Limits of agreement of single measurements, from repeated ones.

    In addition to the fields of :class:`Agreement`:

    Parameters
    ----------
    subjects : int
        Number of subjects; ``n`` is the number of measured pairs (or rows).
    components : tuple of Component
        Parts of the variance ``sd ** 2``.
    true_value : {"constant", "varying"}
        Assumption about the repeats.
    by_replicate : mapping of str to float
        Bias at each replicate (ear) where its effect was removed; otherwise empty. The limits of a
        replicate lie around its own bias, at the same distance as ``lower`` and ``upper`` from the
        mean bias.

    ``points`` are the rows, or the subjects' means if the true value is constant.
    """

    subjects: int = 0
    components: tuple[Component, ...] = ()
    true_value: str = "varying"
    by_replicate: dict[str, float] = field(default_factory=dict)


def bland_altman_repeated(
    x: ArrayLike,
    y: ArrayLike,
    subject: Sequence[Hashable],
    *,
    true_value: TrueValue = "varying",
    coverage: float = 0.95,
    confidence: float = 0.95,
    estimator: Estimator = "means",
    bias: Weighting = "subjects",
    interval: RepeatedInterval = "mover",
    replicate: Sequence[Hashable] | None = None,
    preset: Literal["paper"] | None = None,
    names: tuple[str, str] = ("x", "y"),
    unit: str = "",
) -> RepeatedAgreement:
    """Return limits of agreement of single measurements from repeated ones.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Measurements in rows. With ``varying``, a row is a pair measured at once, and rows with NaN
        are dropped; with ``constant``, NaN fills the rows where a method has fewer repeats.
    subject : sequence, length n
        Subject of each row, e.g. the stimulus.
    true_value : {"varying", "constant"}
        ``varying``: the quantity itself may differ between the rows of a subject (two ears of one
        stimulus; takes at different times). ``constant``: it is the same in all of them (Bland &
        Altman 1999, 5.2-5.3, 2007).
    coverage, confidence : float
        Proportion of the differences between the limits; confidence of the intervals.
    estimator : {"means", "anova"}
        For ``varying``: the between-subject variance from the subject means (Zou 2013) or by
        analysis of variance (Bland & Altman 2007). Equal if all subjects have the same number of
        rows. With very unequal numbers the intervals by analysis of variance are too narrow (81 %
        instead of 95 % for ten subjects with 1 row and two with 20, simulated), those from the
        means are not (93 to 97 %).
    bias : {"subjects", "measurements"}
        Mean of the subjects' mean differences (1999) or of all rows (2007). The latter has wide
        intervals where few subjects have most rows.
    interval : {"mover", "1999"}
        Intervals of the limits: MOVER, or the delta method of Bland & Altman 1999. Both with
        normal quantiles; that of the bias with Student's t.
    replicate : sequence, length n, optional
        Name of the repeat of each row, e.g. the ear. Its fixed effect is then removed from the
        variance within subjects; for ``varying`` and the same replicates in every subject. The
        limits are those of one replicate, then, and a warning gives their place for each replicate
        where they do not hold single differences of all of them.
    preset : {"paper"}, optional
        z = 1.96 instead of the normal quantile.
    names : tuple of str
        Names of the methods, for ``direction``.
    unit : str
        Unit of the measurements.

    Returns
    -------
    RepeatedAgreement

    Raises
    ------
    ParameterError
        Fewer than 2 subjects, no repeats, unusable values, contradicting options.

    Notes
    -----
    All rows of a subject are one level. Where they are of two kinds, such as takes at each of two
    ears, and the ears differ more than the stimuli, the intervals of the limits are somewhat narrow
    (90 to 94 % of 95 %, simulated); :func:`difference_model` keeps the levels apart.

    >>> r = bland_altman_repeated([1, 2, 4, 4], [1, 1, 2, 3], ["a", "a", "b", "b"])
    >>> r.subjects, r.bias, round(r.sd, 4)
    (2, 1.0, 0.866)
    """
    check_choice("true_value", true_value, TrueValue)
    check_choice("estimator", estimator, Estimator)
    check_choice("bias", bias, Weighting)
    check_choice("interval", interval, RepeatedInterval)
    if preset not in (None, "paper") or (preset == "paper" and coverage != 0.95):
        raise ParameterError(
            f"preset {preset!r} with coverage {coverage}; 'paper' with 0.95, or none, is expected"
        )
    check_fraction("confidence", confidence)
    z = PAPER_Z if preset == "paper" else normal_quantile(coverage)
    table = repeated_rows(x, y, subject, true_value)
    k = len(table.names)
    d = differences(table.x, table.y)
    effects: dict[str, float] = {}
    if replicate is not None:
        d, effects = _without_effects(table, d, replicate, true_value)
    components, remarks = (
        _constant(table) if true_value == "constant" else _varying(table, d, estimator, effects)
    )
    sd = math.sqrt(sum(part.variance for part in components))
    remarks += _unequal(table, estimator, bias) if true_value == "varying" else []
    center, error, df = _center(table, bias, _within(table, d, true_value, effects))
    half = t_quantile(confidence, df) * error
    inner, outer = _margins(components, sd, error, z, confidence, interval)
    if effects:
        remarks += _share_held(differences(table.x, table.y), effects, center, z * sd, coverage)
    about = [
        f"Bland-Altman analysis of repeated measurements, true value {true_value}: n = "
        f"{table.code.size} rows of {k} subjects",
        f"bias as the mean of all {bias}"
        if bias == "measurements"
        else "bias as the mean of the subjects' mean differences",
        f"± {z:.8g} standard deviations of a single difference ({100 * coverage:g} % limits)",
        "variance from " + " + ".join(part.name for part in components),
        f"{100 * confidence:g} % confidence intervals: of the bias by Student's t, of the limits "
        + ("by MOVER (Zou 2013)" if interval == "mover" else "by the delta method (1999)"),
    ]
    return RepeatedAgreement(
        n=int(table.code.size),
        bias=center,
        sd=sd,
        lower=center - z * sd,
        upper=center + z * sd,
        bias_ci=(center - half, center + half),
        lower_ci=(center - z * sd - outer, center - z * sd + inner),
        upper_ci=(center + z * sd - inner, center + z * sd + outer),
        prediction=_prediction(components, center, error, coverage),
        coverage=coverage,
        confidence=confidence,
        z=z,
        interval=interval,
        scale="difference",
        x_axis="mean",
        direction=f"{names[0]} - {names[1]}",
        unit=unit,
        method="; ".join(about),
        points=_points(table, true_value),
        warnings=(*table.warnings, *remarks),
        subjects=k,
        components=components,
        true_value=true_value,
        by_replicate=effects,
    )


def _points(table: RepeatedRows, true_value: TrueValue) -> Points:
    """Return the rows, or the subjects' means if rows are not pairs."""
    x, y = table.x, table.y
    labels: tuple[Hashable, ...] = tuple(table.names[i] for i in table.code)
    if true_value == "constant":
        x, y, labels = table.means(x)[0], table.means(y)[0], table.names
    return Points(labels=labels, x=x, y=y, average=0.5 * (x + y), difference=differences(x, y))


def _without_effects(
    table: RepeatedRows, d: Array, replicate: Sequence[Hashable], true_value: TrueValue
) -> tuple[Array, dict[str, float]]:
    """Return the differences without the fixed effect of the replicate, and the bias at each."""
    marks = list(replicate)
    if true_value == "constant" or len(marks) != table.kept.size:
        raise ParameterError(
            f"{len(marks)} replicates for {table.kept.size} rows with true_value {true_value!r}; "
            "one per row is expected, with true_value='varying'"
        )
    used = [mark for mark, there in zip(marks, table.kept, strict=True) if there]
    number = {mark: i for i, mark in enumerate(dict.fromkeys(used))}
    code = np.array([number[mark] for mark in used], dtype=np.int64)
    cells = np.zeros((len(table.names), len(number)), dtype=np.int64)
    np.add.at(cells, (table.code, code), 1)
    if (cells != 1).any():
        raise ParameterError(
            "not every subject has every replicate exactly once; leave out the incomplete subjects "
            "or the argument replicate"
        )
    mean = np.bincount(code, weights=d) / len(table.names)
    size = max(float(np.abs(side).max()) for side in (table.x, table.y))
    cleaned = without_rounding(d - mean[code] + d.mean(), size)
    return cleaned, {str(m): float(mean[i]) for m, i in number.items()}


def _prediction(
    components: Sequence[Component], center: float, error: float, coverage: float
) -> tuple[float, float]:
    """Return the interval of one further difference, with Satterthwaite's degrees of freedom."""
    total = sum(part.variance for part in components)
    squares = sum(part.variance**2 / part.df for part in components)
    if squares == 0.0:
        return center, center
    half = t_quantile(coverage, total**2 / squares) * math.sqrt(total + error**2)
    return center - half, center + half


def _share_held(
    d: Array, effects: dict[str, float], center: float, half: float, coverage: float
) -> list[str]:
    """Return a warning where the limits around the mean bias do not hold single differences."""
    held = float(np.mean(np.abs(d - center) <= half))
    if held >= coverage - 2.0 * math.sqrt(coverage * (1.0 - coverage) / d.size):
        return []
    each = "; ".join(f"{m} {b - half:.4g} to {b + half:.4g}" for m, b in effects.items())
    return [
        f"the replicates differ: the limits around the mean bias hold {100 * held:.0f} % of the "
        f"{d.size} single differences. Limits of each replicate: {each}"
    ]


def _unequal(table: RepeatedRows, estimator: Estimator, bias: Weighting) -> list[str]:
    """Return warnings about estimators that very unequal numbers of rows do not suit."""
    count = np.bincount(table.code)
    if count.max() < 2 * count.min():
        return []
    rows = f"the subjects have {count.min()} to {count.max()} rows"
    remarks = []
    if estimator == "anova":
        remarks.append(
            f"{rows}: intervals of the limits by analysis of variance are too narrow; "
            "take estimator='means'"
        )
    if bias == "measurements":
        remarks.append(
            f"{rows}: the mean of all rows rests on few subjects, and its interval is wide; take "
            "bias='subjects'"
        )
    return remarks


def _no_repeats(what: str) -> ParameterError:
    return ParameterError(f"{what}: nothing was measured more than once; use bland_altman")


def _constant(table: RepeatedRows) -> tuple[tuple[Component, ...], list[str]]:
    """Variance of a single difference when the repeats of a subject measure the same (1999)."""
    (mean_x, count_x), (mean_y, count_y) = table.means(table.x), table.means(table.y)
    components = [
        Component("subject means", mean_and_sd(mean_x - mean_y)[1] ** 2, len(table.names) - 1.0)
    ]
    for name, values, count in (("x", table.x, count_x), ("y", table.y, count_y)):
        mean_square, df = table.within(values)
        if df > 0:
            part = (1.0 - float(np.mean(1.0 / count))) * mean_square
            components.append(Component(f"repeats of {name}", part, df))
    if len(components) == 1:
        raise _no_repeats(f"{table.code.size} rows of {len(table.names)} subjects")
    return tuple(components), []


def _varying(
    table: RepeatedRows, d: Array, estimator: Estimator, effects: dict[str, float]
) -> tuple[tuple[Component, ...], list[str]]:
    """Variance of a single difference when the true value varies between the rows (2007)."""
    mean, count = table.means(d)
    mean_square, df = table.within(d, max(len(effects) - 1, 0))
    if df <= 0:
        raise _no_repeats(f"{d.size} rows of {len(table.names)} subjects")
    k, total = len(table.names), float(count.sum())
    if estimator == "means":
        harmonic = k / float(np.sum(1.0 / count))
        return (
            Component("subject means", mean_and_sd(mean)[1] ** 2, k - 1.0),
            Component("within subjects", (1.0 - 1.0 / harmonic) * mean_square, df),
        ), []
    between = float(count @ (mean - d.mean()) ** 2) / (k - 1)
    divisor = (total**2 - float(count @ count)) / ((k - 1) * total)
    if between < mean_square:
        return (Component("within subjects", mean_square, df),), [
            "subjects differ less than their repeats do: the variance between subjects is set to 0"
        ]
    return (
        Component("between subjects", between / divisor, k - 1.0),
        Component("within subjects", (1.0 - 1.0 / divisor) * mean_square, df),
    ), []


def _within(
    table: RepeatedRows, d: Array, true_value: TrueValue, effects: dict[str, float]
) -> tuple[float, float]:
    """Return the variance of a difference within subjects and its degrees of freedom."""
    if true_value == "varying":
        return table.within(d, max(len(effects) - 1, 0))
    parts = [table.within(values) for values in (table.x, table.y)]
    total = sum(part for part, _ in parts)
    squares = sum(part**2 / df for part, df in parts if df > 0)
    return total, total**2 / squares if squares > 0.0 else sum(df for _, df in parts)


def _center(
    table: RepeatedRows, bias: Weighting, within: tuple[float, float]
) -> tuple[float, float, float]:
    """Return the mean difference, its standard error and degrees of freedom.

    The mean of all rows weights subjects by their rows. Its variance, ``σb² Σw² + σw²/N``, is
    estimated from the variance of the subjects' means and the one within subjects, with
    Satterthwaite's degrees of freedom: few subjects with many rows hardly tell it by themselves.
    """
    (mean_x, count_x), (mean_y, count_y) = table.means(table.x), table.means(table.y)
    k, d = len(table.names), differences(mean_x, mean_y)
    mean, sd = mean_and_sd(d)
    if bias == "subjects":
        return mean, sd / math.sqrt(k), k - 1.0
    if (count_x != count_y).any():
        raise ParameterError(
            "x and y were not measured equally often in every subject; use bias='subjects'"
        )
    n, (mean_square, df) = float(count_x.sum()), within
    weight = count_x / n
    of_means = float(weight @ weight)
    of_rows = 1.0 / n - of_means * float(np.mean(1.0 / count_x))
    parts = ((of_means * sd**2, k - 1.0), (of_rows * mean_square, df))
    variance = max(sum(part for part, _ in parts), mean_square / n)
    squares = sum(part**2 / free for part, free in parts if free > 0)
    error = math.sqrt(variance)
    return float(weight @ d), error, variance**2 / squares if squares > 0.0 else k - 1.0


def _margins(
    components: Sequence[Component],
    sd: float,
    error: float,
    z: float,
    confidence: float,
    interval: RepeatedInterval,
) -> tuple[float, float]:
    """Return the distances of the bounds from a limit, towards the bias and away from it."""
    q = normal_quantile(confidence)
    if sd == 0.0:
        return q * error, q * error
    if interval == "1999":
        spread = sum(2.0 * c.variance**2 / c.df for c in components) / (4.0 * sd * sd)
        both = q * math.sqrt(error**2 + z * z * spread)
        return both, both
    from scipy.special import chdtri

    tail = 0.5 * (1.0 - confidence)
    less = more = 0.0
    for c in components:
        less += (c.variance * (1.0 - c.df / float(chdtri(c.df, tail)))) ** 2
        more += (c.variance * (c.df / float(chdtri(c.df, 1.0 - tail)) - 1.0)) ** 2
    smallest = math.sqrt(max(sd * sd - math.sqrt(less), 0.0))
    largest = math.sqrt(sd * sd + math.sqrt(more))
    return (
        math.hypot(q * error, z * (sd - smallest)),
        math.hypot(q * error, z * (largest - sd)),
    )

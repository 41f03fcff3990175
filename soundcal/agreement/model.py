"""One model of differences: subjects, their parts and repeats, a spread that follows the size."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.agreement.intervals import check_choice, check_fraction, normal_quantile
from soundcal.agreement.nested_fit import NestedFits, Pivots, draw_pivots, fit_nested, likely_power
from soundcal.agreement.pairs import ROUNDING, differences, is_nameless, listed
from soundcal.agreement.repeats import RepeatedRows, repeated_rows
from soundcal.agreement.results import StatisticalResult
from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = ["DifferenceModel", "VarianceLevel", "difference_model"]

ModelBias = Literal["constant", "linear"]
ModelSpread = Literal["power", "constant"]


@dataclass(frozen=True, slots=True, eq=False)
class VarianceLevel(StatisticalResult):
    """A level of the design, and its part of a single difference at the reference size.

    Parameters
    ----------
    name : {"subjects", "parts", "repeats"}
        Level.
    sd : float
        Standard deviation of its random effects; 0 where the mean squares leave nothing for it.
    sd_ci : tuple of float
        Confidence interval.
    df : float
        Degrees of freedom of its mean square.
    """

    name: str
    sd: float
    sd_ci: tuple[float, float]
    df: float


@dataclass(frozen=True, slots=True, eq=False)
class DifferenceModel(StatisticalResult):
    """Limits of agreement of single differences, from one model of all measurements.

    Parameters
    ----------
    size : ndarray, shape (m,)
        Sizes at which bias and limits are given.
    bias, lower, upper : ndarray, shape (m,)
        Bias and limits of agreement of a single difference at these sizes.
    bias_ci, lower_ci, upper_ci : ndarray, shape (m, 2)
        Their confidence intervals.
    sd : ndarray, shape (m,)
        Standard deviation of a single difference at these sizes.
    within_delta : tuple of bool
        For each size, whether both limits are shown to lie within ± delta, by one-sided bounds of
        the confidence each; empty without delta.
    coefficients, coefficients_ci : ndarray, shape (q,) and (q, 2)
        Bias as a function of the size: intercept, and slope if it is linear.
    power : float
        Power of the size that the spread follows; 0 for a constant spread.
    power_ci : tuple of float
        Its confidence interval; NaN where the spread is taken as constant.
    levels : tuple of VarianceLevel
        Levels of the design. The last one is the repeatability of a difference if there are
        repeats.
    reference : float
        Size for which the levels are given: the geometric mean; NaN for a constant spread.
    delta : float or None
        Allowable difference.
    subjects, parts, repeats : int
        The design: number of subjects, of parts of each, of repeats of each part.
    coverage, confidence : float
        Proportion of the differences between the limits; confidence of the intervals.
    draws, seed : int
        Number of draws behind the intervals, and seed of the random numbers.
    method : str
        Description of the analysis in words.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    size: Array
    bias: Array
    lower: Array
    upper: Array
    bias_ci: Array
    lower_ci: Array
    upper_ci: Array
    sd: Array
    within_delta: tuple[bool, ...]
    coefficients: Array
    coefficients_ci: Array
    power: float
    power_ci: tuple[float, float]
    levels: tuple[VarianceLevel, ...]
    reference: float
    delta: float | None
    subjects: int
    parts: int
    repeats: int
    coverage: float
    confidence: float
    draws: int
    seed: int
    method: str
    warnings: tuple[str, ...] = ()


def difference_model(
    x: ArrayLike,
    y: ArrayLike,
    subject: Sequence[Hashable],
    part: Sequence[Hashable] | None = None,
    *,
    bias: ModelBias = "constant",
    spread: ModelSpread = "power",
    at: ArrayLike | None = None,
    delta: float | None = None,
    coverage: float = 0.95,
    confidence: float = 0.95,
    draws: int = 10_000,
    seed: int = 1,
) -> DifferenceModel:
    """Fit one model to the differences of all subjects (stimuli), parts (ears) and repeats (takes).

    ``d = b0 + b1 A + A^p (s + e + t)``: random effects of the subject, of the part within the
    subject and of the single difference, all with a spread that follows a power of the size A, the
    mean of all measurements of the subject by both methods.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Measurements in rows, a row is a pair measured at once; rows with NaN are dropped.
    subject : sequence, length n
        Subject of each row, e.g. the stimulus.
    part : sequence, length n, optional
        Part of the subject, e.g. the ear. Rows of the same subject and part are repeats. Subjects
        without the full number of parts and repeats are left out with a warning.
    bias : {"constant", "linear"}
        Whether the bias depends on the size (``b1``).
    spread : {"power", "constant"}
        Spread that follows a power of the size, which must then be positive and have a true zero
        (levels in dB have none), or a constant one (p = 0).
    at : array_like, shape (m,), optional
        Sizes at which bias and limits are given; by default the quartiles of the sizes.
    delta : float, optional
        Allowable difference.
    coverage, confidence : float
        Proportion of the differences between the limits; confidence of the intervals.
    draws, seed : int
        Number of draws behind the intervals, and seed of the random numbers.

    Returns
    -------
    DifferenceModel

    Raises
    ------
    ParameterError
        Fewer than 4 complete subjects, sizes that are equal or not positive where the model needs
        them, differences that do not vary, options out of range.

    Notes
    -----
    Restricted maximum likelihood, which in a balanced nested design is an analysis of variance of
    the differences divided by A^p. Intervals by generalized pivots (Weerahandi 1993): mean squares
    are replaced by SS/χ², coefficients by their estimates with errors of that mean square, p by
    draws from its likelihood, integrated over all else. With one row per subject and a constant
    spread the limits are those of :func:`bland_altman`, their intervals the exact ones; with parts
    or repeats alone they are those of :func:`bland_altman_repeated`.

    Coverage of the 95 % interval of the upper limit, and its mean width, at the lower quartile,
    median and upper quartile of lognormal sizes; 27 subjects of 2 parts and 1 to 3 repeats, normal
    effects, 250 studies for each of four sets of variances (standard error of a rate .014)::

        spread       this model                    regression_limits of one part, one repeat
        A^0          .94-.97, 0.8-1.6              .94-.98, 1.6-2.1
        A^0.5        .93-.96, 0.8-1.8              .90-.97, 1.6-2.6
        A^1          .93-.97, 0.6-2.1              .90-.97, 1.7-3.6

    The interval of the bias covers .93 to .96 and is, for a spread in proportion to the size, half
    as wide as that of the mean difference. Where the spread is constant and the parts differ
    most, :func:`bland_altman_repeated` covers .93 with repeats, because it takes parts and repeats
    for one level; this model .95. For exponential effects no interval of a limit that assumes
    normal differences holds: .25 to .60 with this model, .17 to .51 with
    :func:`bland_altman_repeated`; that of the bias covers .90 to .95. A constant difference between
    the parts counts as variance between them.

    A study of subjects measured once each, which is to show agreement within ± delta at a size,
    needs ``sample_size(model.bias[i], model.sd[i], delta, sides=1)`` subjects of that size (see
    :func:`sample_size`).

    ``MixedLM`` of statsmodels gives the same components, but has no variance that follows the size;
    it takes 0.06 s (2 parts) to 0.26 s (2 parts, 2 repeats) of 27 subjects, this model 0.02 s.

    >>> d = [0.5, 0.2, 0.9, 0.4, 0.7, 0.1]
    >>> model = difference_model(d, [0.0] * 6, "abcdef", spread="constant")
    >>> round(float(model.bias[0]), 4), round(model.levels[0].sd, 4)
    (0.4667, 0.3011)
    """
    check_choice("bias", bias, ModelBias)
    check_choice("spread", spread, ModelSpread)
    check_fraction("confidence", confidence)
    if draws < 1000:
        raise ParameterError(f"{draws} draws; at least 1000 are needed for an interval")
    if delta is not None and not 0.0 < delta < math.inf:
        raise ParameterError(f"delta {delta}; a positive number is expected")
    z = normal_quantile(coverage)
    rows = repeated_rows(x, y, subject, "varying")
    cells, size, remarks = _balanced(rows, part)
    sizes = np.quantile(size, [0.25, 0.5, 0.75]) if at is None else np.atleast_1d(at)
    sizes = np.asarray(sizes, dtype=np.float64)
    reference = _reference(size, sizes, spread)
    logs = np.zeros(size.size) if math.isnan(reference) else np.log(size / reference)
    columns = 2 if bias == "linear" else 1
    if columns == 2 and float(np.ptp(size)) <= ROUNDING * float(np.abs(size).max()):
        raise ParameterError("all subjects have the same size; take bias='constant'")
    design = size[:, np.newaxis] ** np.arange(columns)
    likely = likely_power(cells, design, logs) if spread == "power" else (0.0, 0.0)
    power = likely[0]
    best = fit_nested(cells, design, logs, np.array([power]))
    drawn = draw_pivots(cells, design, logs, likely, draws, seed)
    points = sizes[:, np.newaxis] ** np.arange(columns)
    relative = np.zeros(sizes.size) if math.isnan(reference) else np.log(sizes / reference)
    sd = math.sqrt(float(best.share @ (best.squares[:, 0] / best.df))) * np.exp(power * relative)
    center = points @ best.coefficients[0]
    spreads = np.sqrt(drawn.total)[:, np.newaxis] * np.exp(np.outer(drawn.power, relative))
    centers = drawn.coefficients @ points.T
    ends = [0.5 * (1.0 - confidence), 0.5 * (1.0 + confidence)]
    within: tuple[bool, ...] = ()
    if delta is not None:
        low = np.quantile(centers - z * spreads, 1.0 - confidence, axis=0)
        high = np.quantile(centers + z * spreads, confidence, axis=0)
        within = tuple(bool(inside) for inside in (low > -delta) & (high < delta))
    _, parts, repeats = cells.shape
    power_ci = np.quantile(drawn.power, ends) if spread == "power" else (math.nan, math.nan)
    return DifferenceModel(
        size=sizes,
        bias=center,
        lower=center - z * sd,
        upper=center + z * sd,
        bias_ci=np.quantile(centers, ends, axis=0).T,
        lower_ci=np.quantile(centers - z * spreads, ends, axis=0).T,
        upper_ci=np.quantile(centers + z * spreads, ends, axis=0).T,
        sd=sd,
        within_delta=within,
        coefficients=best.coefficients[0],
        coefficients_ci=np.quantile(drawn.coefficients, ends, axis=0).T,
        power=power,
        power_ci=(float(power_ci[0]), float(power_ci[1])),
        levels=_levels(best, drawn, ends),
        reference=reference,
        delta=delta,
        subjects=size.size,
        parts=parts,
        repeats=repeats,
        coverage=coverage,
        confidence=confidence,
        draws=draws,
        seed=seed,
        method=f"model of single differences of {size.size} subjects, {parts} part(s) of each, "
        f"{repeats} repeat(s) of each part: bias {bias}, spread "
        + (f"in proportion to the size to the power {power:.3g}" if spread == "power" else spread)
        + f"; restricted maximum likelihood, {100 * confidence:g} % intervals by generalized "
        f"pivots ({draws} draws, seed {seed})",
        warnings=(*rows.warnings, *remarks),
    )


def _balanced(
    rows: RepeatedRows, part: Sequence[Hashable] | None
) -> tuple[Array, Array, tuple[str, ...]]:
    """Return differences, shape (subjects, parts, repeats), and the mean size of each subject."""
    marks: list[Hashable] = [None] * rows.kept.size if part is None else list(part)
    if len(marks) != rows.kept.size:
        raise ParameterError(f"{len(marks)} parts for {rows.kept.size} rows; one per row expected")
    used = [mark for mark, there in zip(marks, rows.kept, strict=True) if there]
    if part is not None and any(is_nameless(mark) for mark in used):
        raise ParameterError("a row names no part (NaN or None); name it, or leave the row out")
    number = {mark: i for i, mark in enumerate(dict.fromkeys(used))}
    code = np.array([number[mark] for mark in used], dtype=np.int64)
    count = np.zeros((len(rows.names), len(number)), dtype=np.int64)
    np.add.at(count, (rows.code, code), 1)
    kinds, often = np.unique(count[count > 0], return_counts=True)
    repeats = int(kinds[often.argmax()])
    complete: NDArray[np.bool_] = (count == repeats).all(axis=1)
    remarks: tuple[str, ...] = ()
    if not complete.all():
        left = [name for name, full in zip(rows.names, complete, strict=True) if not full]
        remarks = (
            f"{len(left)} of {len(rows.names)} subjects left out, which do not have {len(number)} "
            f"part(s) with {repeats} repeat(s) each: {listed(left)}",
        )
    if complete.sum() < 4:
        raise ParameterError(
            f"{int(complete.sum())} subjects with {len(number)} part(s) and {repeats} repeat(s) of "
            "each; at least 4 are needed"
        )
    order = np.lexsort((code, rows.code))
    order = order[complete[rows.code[order]]]
    shape = (int(complete.sum()), len(number), repeats)
    d = differences(rows.x, rows.y)[order].reshape(shape)
    average = (0.5 * (rows.x + rows.y))[order].reshape(shape)
    return d, average.mean(axis=(1, 2)), remarks


def _reference(size: Array, at: Array, spread: ModelSpread) -> float:
    """Return the geometric mean of the sizes; NaN for a constant spread."""
    if spread == "constant":
        return math.nan
    if min(float(size.min()), float(at.min())) <= 0.0:
        raise ParameterError(
            "sizes of 0 or below have no power; take spread='constant' (levels in dB have no true "
            "zero)"
        )
    if float(size.max() / size.min()) <= 1.0 + ROUNDING:
        raise ParameterError("all subjects have the same size; take spread='constant'")
    return math.exp(float(np.log(size).mean()))


def _levels(best: NestedFits, drawn: Pivots, ends: Sequence[float]) -> tuple[VarianceLevel, ...]:
    """Return the components: each mean square less the one below, over its number of rows."""
    below = np.zeros((1, 1))
    found = -np.diff(np.vstack([best.squares / best.df[:, np.newaxis], below]), axis=0)[:, 0]
    draws = np.vstack([drawn.mean_squares, np.zeros((1, drawn.power.size))])
    bounds = np.quantile(-np.diff(draws, axis=0), ends, axis=1)
    sds, lows, highs = (np.sqrt(np.maximum(v / best.count, 0.0)) for v in (found, *bounds))
    return tuple(
        VarianceLevel(name, float(sd), (float(low), float(high)), float(df))
        for name, sd, low, high, df in zip(best.names, sds, lows, highs, best.df, strict=True)
    )

"""Limits of agreement of two methods (Bland & Altman), with exact confidence intervals."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from soundcal.agreement.intervals import (
    Interval,
    check_choice,
    check_fraction,
    check_pairs,
    limit_factors,
    normal_quantile,
    t_quantile,
)
from soundcal.agreement.pairs import (
    Infinite,
    Pairs,
    differences,
    listed,
    make_pairs,
    without_rounding,
)
from soundcal.agreement.results import StatisticalResult
from soundcal.arrays import Array
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Agreement", "Points", "Scale", "XAxis", "bland_altman"]
Bounds = tuple[float, float]

Scale = Literal["difference", "percent", "ratio"]
XAxis = Literal["mean", "geometric", "x", "y"]

PAPER_Z: Final = 1.96
"""Standard deviations from bias to limit in the study (Lam et al., Inter-Noise 2022)."""

ARBITRARY_ZERO: Final = ("dB", "phon", "°C", "°F")
"""Units that allow differences, but not ratios."""

_EXACT: Final = ("exact", "pair")

_INFORMATIVE: Final = 4.0
"""An outer bound this many standard deviations from the bias (n < 9 at 95 %) is not informative."""


@dataclass(frozen=True, slots=True, eq=False)
class Points(StatisticalResult):
    """The points of a Bland-Altman plot, one per complete pair.

    Parameters
    ----------
    labels : tuple, length n
        Names of the things measured, e.g. stimulus ids.
    x, y : ndarray, shape (n,)
        The measurements.
    average : ndarray, shape (n,)
        Position on the horizontal axis (see :attr:`Agreement.x_axis`).
    difference : ndarray, shape (n,)
        Position on the vertical axis: difference, percentage or ratio, like the limits.
    """

    labels: tuple[Hashable, ...]
    x: Array
    y: Array
    average: Array
    difference: Array

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per pair: ``label, x, y, average, difference``."""
        import pandas as pd

        return pd.DataFrame(
            {
                "label": self.labels,
                "x": self.x,
                "y": self.y,
                "average": self.average,
                "difference": self.difference,
            }
        )


@dataclass(frozen=True, slots=True, eq=False)
class Agreement(StatisticalResult):
    """Bias and limits of agreement with their confidence intervals.

    Parameters
    ----------
    n : int
        Complete pairs used.
    bias : float
        Mean difference x - y (``percent``: mean percentage; ``ratio``: geometric mean of x/y).
    sd : float
        Standard deviation of the differences with divisor n - 1, on the scale on which the
        differences were taken (``ratio``: of the natural logarithm of x/y).
    lower, upper : float
        Limits of agreement.
    bias_ci, lower_ci, upper_ci : tuple of float
        Confidence intervals.
    prediction : tuple of float
        Interval that holds one further difference with probability ``coverage``; wider than the
        limits, because mean and standard deviation are estimates.
    coverage, confidence : float
        Proportion of the differences between the limits; confidence of the intervals.
    z : float
        Standard deviations from bias to limit.
    interval : str
        Method of the intervals of the limits.
    scale : {"difference", "percent", "ratio"}
        Scale of the numbers.
    x_axis : {"mean", "geometric", "x", "y"}
        Meaning of ``points.average``.
    direction : str
        Sign of the difference, e.g. ``x - y``.
    unit : str
        Unit of the measurements, "" if not stated.
    method : str
        Full description of the analysis, in words fit for a methods section.
    points : Points
        The data behind the limits.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    n: int
    bias: float
    sd: float
    lower: float
    upper: float
    bias_ci: Bounds
    lower_ci: Bounds
    upper_ci: Bounds
    prediction: Bounds
    coverage: float
    confidence: float
    z: float
    interval: str
    scale: str
    x_axis: str
    direction: str
    unit: str
    method: str
    points: Points = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def proportional(self) -> dict[str, float]:
        """Bias and limits of a ratio as differences in parts of the average of x and y.

        On a plot of difference against average they are straight lines through the origin, the
        V-shaped limits of Euser et al. (Clin Chem 54:888, 2008): a ratio r is a difference of
        ``2(r - 1)/(r + 1)`` times the average.

        Raises
        ------
        ParameterError
            The result is not of scale ``ratio``.
        """
        if self.scale != "ratio":
            raise ParameterError(
                f"scale {self.scale!r}; lines through the origin exist for scale='ratio' only"
            )
        entries = {
            "bias": self.bias,
            "lower": self.lower,
            "upper": self.upper,
            "bias_ci_low": self.bias_ci[0],
            "bias_ci_high": self.bias_ci[1],
            "lower_ci_low": self.lower_ci[0],
            "lower_ci_high": self.lower_ci[1],
            "upper_ci_low": self.upper_ci[0],
            "upper_ci_high": self.upper_ci[1],
        }
        return {name: 2.0 * (r - 1.0) / (r + 1.0) for name, r in entries.items()}

    def to_frame(self) -> "pd.DataFrame":
        """Return bias, lower and upper limit as rows: ``quantity, value, ci_low, ci_high, n``."""
        import pandas as pd

        rows = [
            ("bias", self.bias, *self.bias_ci, self.n),
            ("lower", self.lower, *self.lower_ci, self.n),
            ("upper", self.upper, *self.upper_ci, self.n),
        ]
        return pd.DataFrame(rows, columns=["quantity", "value", "ci_low", "ci_high", "n"])


def bland_altman(
    x: ArrayLike | Mapping[Hashable, float],
    y: ArrayLike | Mapping[Hashable, float],
    *,
    coverage: float = 0.95,
    confidence: float = 0.95,
    interval: Interval = "exact",
    preset: Literal["paper"] | None = None,
    scale: Scale = "difference",
    x_axis: XAxis = "mean",
    labels: Sequence[Hashable] | None = None,
    names: tuple[str, str] = ("x", "y"),
    unit: str = "",
    infinite: Infinite = "error",
) -> Agreement:
    """Return bias and limits of agreement of two methods, with confidence intervals.

    ``bias ± z s``, with mean and standard deviation (divisor n - 1) of the differences x - y of
    independent pairs. Repeated measurements, or two ears of one stimulus, are not independent:
    average them first or use :func:`bland_altman_repeated`.

    Parameters
    ----------
    x, y : array_like, shape (n,), or mapping of name to value
        Measurements of the same things by both methods; pairs with NaN are dropped and counted.
        Mappings are joined by name.
    coverage : float
        Proportion of the differences that the limits should enclose.
    confidence : float
        Confidence of the intervals of bias and limits.
    interval : {"exact", "pair", "1999", "1986", "mover"}
        Intervals of the limits, see :func:`soundcal.agreement.intervals.limit_factors`.
    preset : {"paper"}, optional
        The numbers of the study (Lam et al., Inter-Noise 2022): z = 1.96 and the intervals of
        1999, with the number of pairs that were actually used.
    scale : {"difference", "percent", "ratio"}
        ``difference``: x - y in its unit; right for levels in dB, which have no true zero and thus
        no percentages. ``percent``: 100 (x - y)/mean. ``ratio``: x/y by natural logarithms, all
        results transformed back.
    x_axis : {"mean", "geometric", "x", "y"}
        Horizontal axis of the points: mean or geometric mean of both, or the method that is the
        error-free reference.
    labels : sequence, optional
        Unique names of the pairs.
    names : tuple of str
        Names of the methods, for ``direction``.
    unit : str
        Unit of the measurements. Percentages and ratios are refused where 0 is arbitrary (dB, phon,
        °C, °F).
    infinite : {"error", "drop"}
        An infinite value (the level of silence) is an error or drops its pair.

    Returns
    -------
    Agreement

    Raises
    ------
    ParameterError
        Fewer than 2 complete pairs, unusable values, percentages or ratios of values that do not
        allow them, contradicting options.

    Notes
    -----
    Bland & Altman, Lancet i:307 (1986) and Stat Methods Med Res 8:135 (1999); exact intervals:
    Carkeet, Optom Vis Sci 92:e71 (2015).

    >>> result = bland_altman([1.0, 2.0, 3.0, 5.0], [1.5, 2.0, 2.5, 4.0])
    >>> result.n, result.bias, round(result.sd, 3)
    (4, 0.25, 0.645)
    """
    if preset == "paper":
        interval, z = _paper(coverage, interval)
    elif preset is None:
        z = normal_quantile(coverage)
    else:
        raise ParameterError(f"preset {preset!r}; 'paper' or none is expected")
    check_choice("scale", scale, Scale)
    check_choice("x_axis", x_axis, XAxis)
    check_choice("infinite", infinite, Infinite)
    check_fraction("confidence", confidence)
    if scale != "difference" and unit.startswith(ARBITRARY_ZERO):
        raise ParameterError(
            f"scale {scale!r} of values in {unit}, whose 0 is arbitrary; differences in dB are "
            "ratios already: use scale='difference'"
        )
    pairs = make_pairs(x, y, labels=labels, infinite=infinite)
    check_pairs(pairs.n)
    if scale == "percent" and x_axis != "mean":
        raise ParameterError("percentages are of the mean of both; use x_axis='mean'")
    d, more = _differences(pairs, scale)
    bias, sd = mean_and_sd(d)
    inner, outer = limit_factors(pairs.n, coverage, confidence, interval, z=z)
    half = t_quantile(confidence, pairs.n - 1) * sd / math.sqrt(pairs.n)
    further = t_quantile(coverage, pairs.n - 1) * sd * math.sqrt(1.0 + 1.0 / pairs.n)
    back = np.exp if scale == "ratio" else float
    return Agreement(
        n=pairs.n,
        bias=float(back(bias)),
        sd=sd,
        lower=float(back(bias - z * sd)),
        upper=float(back(bias + z * sd)),
        bias_ci=(float(back(bias - half)), float(back(bias + half))),
        lower_ci=(float(back(bias - outer * sd)), float(back(bias - inner * sd))),
        upper_ci=(float(back(bias + inner * sd)), float(back(bias + outer * sd))),
        prediction=(float(back(bias - further)), float(back(bias + further))),
        coverage=coverage,
        confidence=confidence,
        z=z,
        interval=interval,
        scale=scale,
        x_axis=x_axis,
        direction=_DIRECTIONS[scale].format(*names),
        unit=unit,
        method=_method(pairs.n, z, coverage, confidence, interval, scale),
        points=Points(
            labels=pairs.labels,
            x=pairs.x,
            y=pairs.y,
            average=_average(pairs, x_axis),
            difference=np.exp(d) if scale == "ratio" else d,
        ),
        warnings=(*pairs.warnings, *more, *_remarks(d, sd, outer, interval)),
    )


def mean_and_sd(d: Array) -> tuple[float, float]:
    """Return mean and standard deviation (divisor n - 1); exactly 0 for equal values.

    Values that differ by rounding errors only are equal.
    """
    clean = without_rounding(d)
    if np.all(clean == clean[0]):
        return float(clean[0]), 0.0
    return float(d.mean()), float(d.std(ddof=1))


def _paper(coverage: float, interval: Interval) -> tuple[Interval, float]:
    if coverage != 0.95 or interval not in ("exact", "1999"):
        raise ParameterError(
            f"preset 'paper' means 95 % limits at 1.96 standard deviations with the intervals of "
            f"1999; it contradicts coverage={coverage}, interval={interval!r}: leave them out"
        )
    return "1999", PAPER_Z


_DIRECTIONS: Final[Mapping[str, str]] = {
    "difference": "{0} - {1}",
    "percent": "100 ({0} - {1})/mean",
    "ratio": "{0}/{1}",
}


def _differences(pairs: Pairs, scale: Scale) -> tuple[Array, tuple[str, ...]]:
    """Return the differences from which bias and limits are computed, and warnings."""
    if scale == "difference":
        return differences(pairs.x, pairs.y), ()
    if scale == "ratio":
        refused = (pairs.x <= 0) | (pairs.y <= 0)
        if refused.any():
            where = [label for label, on in zip(pairs.labels, refused, strict=True) if on]
            raise ParameterError(
                f"{len(where)} of {pairs.n} pairs have a value of 0 or less, which has no ratio: "
                f"{listed(where)}; use scale='difference'"
            )
        logs = np.log(pairs.x), np.log(pairs.y)
        # a relative error of x is an absolute one of its logarithm
        size = max(1.0, *(float(np.abs(side).max()) for side in logs))
        return without_rounding(logs[0] - logs[1], size), ()
    average = 0.5 * (pairs.x + pairs.y)
    if (average <= 0).any():
        raise ParameterError(
            "some means of the pairs are 0 or less, and percentages of these are meaningless; use "
            "scale='difference'"
        )
    few = average < 0.05 * np.median(average)
    warnings = (
        (
            f"{int(few.sum())} pair(s) with a mean below 5 % of the median one: their percentages "
            "dominate the limits; consider scale='difference'",
        )
        if few.any()
        else ()
    )
    return without_rounding(100.0 * (pairs.x - pairs.y) / average, 100.0), warnings


def _average(pairs: Pairs, x_axis: XAxis) -> Array:
    match x_axis:
        case "mean":
            return 0.5 * (pairs.x + pairs.y)
        case "x":
            return pairs.x
        case "y":
            return pairs.y
        case "geometric":
            if (pairs.x <= 0).any() or (pairs.y <= 0).any():
                raise ParameterError("a geometric mean needs values above 0; use x_axis='mean'")
            return np.sqrt(pairs.x * pairs.y)


_INTERVALS: Final[Mapping[str, str]] = {
    "exact": "exact for each limit (noncentral t; Carkeet 2015)",
    "pair": "exact for both limits as a pair (two-sided tolerance factors; Carkeet & Goh 2018)",
    "1999": "approximate (Bland & Altman 1999)",
    "1986": "approximate (Bland & Altman 1986)",
    "mover": "by variance estimates recovery (MOVER; Zou 2013)",
}


def _method(n: int, z: float, coverage: float, confidence: float, interval: str, scale: str) -> str:
    what = {
        "difference": "the differences",
        "percent": "the differences in percent of the mean of both methods",
        "ratio": "the natural logarithms of the ratios, transformed back",
    }[scale]
    return (
        f"Bland-Altman analysis of {what} of n = {n} independent pairs: bias ± {z:.8g} standard "
        f"deviations ({100 * coverage:g} % limits of agreement, divisor n - 1); "
        f"{100 * confidence:g} % confidence intervals: of the bias by Student's t, of the limits "
        + _INTERVALS[interval]
    )


def _remarks(d: Array, sd: float, outer: float, interval: Interval) -> list[str]:
    """Return remarks for the reader about few, equal or tied differences."""
    n = d.size
    if sd == 0.0:
        return [
            f"all {n} differences are equal: limits and intervals have no width; check that x and "
            "y are two measurements, and not the same one twice"
        ]
    remarks = []
    if n < 10:
        use = "rest on little" if interval in _EXACT else "are approximate: use the exact ones"
        remarks.append(f"only {n} pairs: limits and their intervals {use}")
    if outer > _INFORMATIVE:
        remarks.append(
            f"the outer bounds of the limits lie {outer:.3g} standard deviations from the bias: "
            "not informative; measure more"
        )
    _, counts = np.unique(d, return_counts=True)
    tied = int(counts[counts > 1].sum())
    if tied > 0.2 * n:
        remarks.append(
            f"{tied} of {n} differences are tied ({counts.size} distinct): limits from normal "
            "theory are approximate; see the nonparametric ones"
        )
    return remarks

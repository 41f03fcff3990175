"""Statistics in addition to bias and limits: lines between methods, correlations, TDI.

They are computed from one value per stimulus and method, as the stimulus is the independent unit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.study.rules import Further, Rules
from soundcal.study.scales import back, on_scale

if TYPE_CHECKING:
    from soundcal.agreement import MethodLine
    from soundcal.agreement.limits_of_agreement import Scale

__all__ = ["FurtherStatistic", "further_statistics"]


@dataclass(frozen=True, slots=True)
class FurtherStatistic:
    """One number of an additional statistic.

    Parameters
    ----------
    kind : {"deming", "passing-bablok", "ccc", "icc", "tdi"}
        The statistic.
    name : str
        The number: ``slope``, ``intercept``, ``linearity p``, ``ccc``, ``precision``,
        ``accuracy``, ``icc(A,1)``, ``standard error of measurement`` or ``tdi``.
    value, low, high : float or None
        The number and its confidence interval (one-sided of ``tdi``); None where there is none.
    note : str
        Remarks of the reader's concern, or the reason why there is no value.
    """

    kind: Further
    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""


def further_statistics(
    x: Array,
    y: Array,
    rules: Rules,
    scale: "Scale",
    *,
    averaged: str = "",
    variance_ratio: float | None = None,
) -> tuple[FurtherStatistic, ...]:
    """Return the statistics that the rules ask for; those that are undefined say why.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        One value per stimulus of the first and second method, finite. Lines and correlations are
        of these values; the total deviation index is on the scale.
    rules : Rules
        The rules of the comparison.
    scale : {"difference", "percent", "ratio"}
        Scale of the differences.
    averaged : str
        Meaning of the values, if they are means.
    variance_ratio : float, optional
        Error variance of y over that of x where it is known, for Deming's line.
    """
    about = (f"of {averaged}",) if averaged else ()
    found: list[FurtherStatistic] = []
    for kind in dict.fromkeys(rules.also):
        try:
            if kind == "deming":
                found += _deming(x, y, rules, about, variance_ratio)
            elif kind == "tdi":
                found += _tdi(x, y, rules, about, scale)
            else:
                found += _OTHERS[kind](x, y, rules, about)
        except ParameterError as error:
            found.append(FurtherStatistic(kind, _NAMES[kind], None, note=f"undefined: {error}"))
    return tuple(found)


_NAMES: Final[dict[Further, str]] = {
    "deming": "slope",
    "passing-bablok": "slope",
    "ccc": "ccc",
    "icc": "icc(A,1)",
    "tdi": "tdi",
}


def _deming(
    x: Array,
    y: Array,
    rules: Rules,
    about: tuple[str, ...],
    variance_ratio: float | None,
) -> list[FurtherStatistic]:
    from soundcal.agreement import deming

    ratio, source = 1.0, "error variance ratio 1 assumed"
    if variance_ratio is not None:
        ratio, source = variance_ratio, f"error variance ratio {variance_ratio:.3g} from the takes"
    line = deming(x, y, variance_ratio=ratio, confidence=rules.confidence)
    return _line("deming", line, (*about, source))


def _passing_bablok(
    x: Array, y: Array, rules: Rules, about: tuple[str, ...]
) -> list[FurtherStatistic]:
    from soundcal.agreement import passing_bablok

    line = passing_bablok(x, y, confidence=rules.confidence)
    p = FurtherStatistic("passing-bablok", "linearity p", _known(line.linearity_p))
    return [*_line("passing-bablok", line, about), p]


def _line(kind: Further, line: "MethodLine", about: tuple[str, ...]) -> list[FurtherStatistic]:
    note = "; ".join((*about, *line.warnings))
    return [
        FurtherStatistic(kind, "slope", line.slope, *line.slope_ci, note),
        FurtherStatistic(kind, "intercept", line.intercept, *line.intercept_ci),
    ]


def _ccc(x: Array, y: Array, rules: Rules, about: tuple[str, ...]) -> list[FurtherStatistic]:
    from soundcal.agreement import concordance

    found = concordance(x, y, confidence=rules.confidence)
    low, high = map(_known, found.ci)
    note = "; ".join((*about, *found.warnings))
    return [
        FurtherStatistic("ccc", "ccc", found.ccc, low, high, note),
        FurtherStatistic("ccc", "precision", found.precision),
        FurtherStatistic("ccc", "accuracy", _known(found.accuracy)),
    ]


def _icc(x: Array, y: Array, rules: Rules, about: tuple[str, ...]) -> list[FurtherStatistic]:
    from soundcal.agreement import icc

    found = icc(np.column_stack([x, y]), "A,1", confidence=rules.confidence)
    low, high = map(_known, found.ci)
    note = "; ".join((*about, *found.warnings))
    error = found.standard_error_of_measurement
    return [
        FurtherStatistic("icc", "icc(A,1)", found.icc, low, high, note),
        FurtherStatistic("icc", "standard error of measurement", error),
    ]


def _tdi(
    x: Array, y: Array, rules: Rules, about: tuple[str, ...], scale: "Scale"
) -> list[FurtherStatistic]:
    from soundcal.agreement import total_deviation_index

    on = on_scale(x, y, scale, 0.5 * (x + y))
    found = total_deviation_index(*on, coverage=rules.coverage, confidence=rules.confidence)
    bound = None if math.isnan(found.bound) else back(found.bound, scale)
    note = "; ".join((*about, *found.warnings))
    return [FurtherStatistic("tdi", "tdi", back(found.delta, scale), None, bound, note)]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


_OTHERS: Final[
    dict[str, Callable[[Array, Array, Rules, tuple[str, ...]], list[FurtherStatistic]]]
] = {"passing-bablok": _passing_bablok, "ccc": _ccc, "icc": _icc}

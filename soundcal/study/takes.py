"""Repeated takes: the repeatability of each method.

A take is one of several recordings of a stimulus by one method. Takes of two methods that are
independent of each other measure the same true value (``constant``); takes that were made together,
or between which the sound differs, are pairs (``varying``).
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.errors import ParameterError, RecordError
from soundcal.study.repeats import RepeatedValues
from soundcal.study.rules import Rules
from soundcal.study.scales import back, on_scale

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Repeatability", "error_variance_ratio", "method_repeatability", "with_takes"]

_KEYS = ("condition", "stimulus", "channel", "indicator", "statistic")


@dataclass(frozen=True, slots=True)
class Repeatability:
    """Agreement of one method with itself, for one indicator.

    Parameters
    ----------
    method : str
        The method.
    stimuli, takes : int
        Stimuli with more than one take, and their takes.
    sd : float
        Standard deviation of a take around its stimulus, on the scale of the differences: in the
        unit, in percent of the mean of both methods, or of the natural logarithm for ratios.
    sd_ci : tuple of float
        Confidence interval of it (chi square).
    coefficient : float
        Repeatability coefficient ``z √2 sd`` (z = 1.96 for 95 %): the difference of two takes of
        one stimulus is expected below it; for ratios, the ratio of two takes is expected between
        its inverse and it.
    coefficient_ci : tuple of float
        Confidence interval of it.
    """

    method: str
    stimuli: int
    takes: int
    sd: float
    sd_ci: tuple[float, float]
    coefficient: float
    coefficient_ci: tuple[float, float]


def with_takes(table: "pd.DataFrame", rules: Rules) -> "pd.DataFrame":
    """Return the table; without the column ``take`` if no stimulus has several takes.

    Raises
    ------
    ParameterError
        Two ears in one model together with repeated takes.
    RecordError
        Repeated takes that have no name.
    """
    if "take" not in table.columns:
        return table
    repeated = table.duplicated(list(_KEYS), keep=False)
    if not repeated.any():
        return table.drop(columns="take")
    nameless = repeated & (table["take"] == "")
    if nameless.any():
        row = table[nameless].iloc[0]
        raise RecordError(
            f"{row['stimulus']!r} ({row['condition']}) has several takes, and the column take has "
            "empty cells; every take of a stimulus needs a name"
        )
    if rules.ears == "both":
        raise ParameterError(
            "both ears and repeated takes in one model are not supported; choose an ear rule "
            "(--ears mean), or keep one take of each stimulus"
        )
    if rules.repeated_interval is None:
        raise ParameterError(
            f"intervals {rules.interval!r} do not exist for repeated takes; mover or 1999 is "
            "expected (--interval)"
        )
    return table


def method_repeatability(
    repeats: RepeatedValues, rules: Rules, z: float
) -> tuple[Repeatability, ...]:
    """Return the repeatability of each method that has several takes of a stimulus.

    Parameters
    ----------
    repeats : RepeatedValues
        The takes.
    rules : Rules
        The rules of the comparison.
    z : float
        Normal quantile of the limits.
    """
    from scipy.special import chdtri

    middle = repeats.averages()
    sides = on_scale(repeats.x, repeats.y, repeats.scale, middle)
    tail = 0.5 * (1.0 - rules.confidence)
    found = []
    for method, side in zip(repeats.names, sides, strict=True):
        sd, count = _within(repeats, side)
        df = int((count - 1).sum())
        if df == 0:
            continue
        low, high = (sd * math.sqrt(df / float(chdtri(df, p))) for p in (tail, 1.0 - tail))
        of_two = z * math.sqrt(2.0)
        found.append(
            Repeatability(
                method=method,
                stimuli=int((count > 1).sum()),
                takes=int(count[count > 1].sum()),
                sd=sd,
                sd_ci=(low, high),
                coefficient=back(of_two * sd, repeats.scale),
                coefficient_ci=(
                    back(of_two * low, repeats.scale),
                    back(of_two * high, repeats.scale),
                ),
            )
        )
    return tuple(found)


def error_variance_ratio(repeats: RepeatedValues) -> float | None:
    """Return the error variance of the second method's means over that of the first one's.

    In the unit of the values, on whatever scale they are compared, as lines between the methods
    are. None unless both methods have takes that differ.
    """
    variances = []
    for side in (repeats.x, repeats.y):
        sd, count = _within(repeats, side)
        if math.isnan(sd) or sd == 0.0:
            return None
        variances.append(sd**2 * float((1.0 / count).mean()))
    return variances[1] / variances[0]


def _within(repeats: RepeatedValues, side: Array) -> tuple[float, NDArray[np.int64]]:
    """Return the standard deviation within stimuli, and the number of takes of each.

    NaN where no stimulus has several takes.
    """
    there = ~np.isnan(side)
    values = side[there]
    _, code, count = np.unique(
        np.array(repeats.stimulus)[there], return_inverse=True, return_counts=True
    )
    df = values.size - count.size
    if df == 0:
        return math.nan, count
    mean = np.bincount(code, weights=values) / count
    return math.sqrt(float(((values - mean[code]) ** 2).sum()) / df), count

"""Size of a difference in standard deviations, and the differences the study could have shown."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from soundcal.arrays import Array
from soundcal.study.rules import Rules
from soundcal.study.scales import back

if TYPE_CHECKING:
    from soundcal.agreement import EffectSize
    from soundcal.agreement.limits_of_agreement import Scale

__all__ = ["POWER", "Sensitivity", "sensitivity_columns", "sensitivity_of"]

POWER: Final = 0.8
"""Power for which the smallest differences are stated."""

_COLUMNS: Final = (
    "effect_size",
    "effect_size_low",
    "effect_size_high",
    "detectable_bias",
    "detectable_delta",
)


@dataclass(frozen=True, slots=True, eq=False)
class Sensitivity:
    """What a comparison of this size and spread could have shown.

    Parameters
    ----------
    size : EffectSize
        Standardized mean difference with its interval.
    bias : float
        Smallest true bias that the test of bias = 0 would have found, in the indicator's unit, in
        percent, or as a ratio.
    delta : float
        Smallest allowable difference within which agreement would have been shown if there were no
        bias, in the same unit; NaN for limits of single ears or takes.
    """

    size: "EffectSize"
    bias: float
    delta: float


def sensitivity_columns(found: Sensitivity | None) -> dict[str, Any]:
    """Return the columns of ``agreement.csv``, unrounded; None where nothing can be said."""
    if found is None:
        return dict.fromkeys(_COLUMNS)
    values = (found.size.g, *found.size.ci, found.bias, found.delta)
    return dict(zip(_COLUMNS, values, strict=True))


def sensitivity_of(
    x: Array, y: Array, rules: Rules, scale: "Scale", *, single: bool = True
) -> Sensitivity | None:
    """Return what the pairs of an agreement could have shown; None if that cannot be said.

    The differences are equal, or the level of the tests is 0.5 or more.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        One value per stimulus on the scale (of ratios, logarithms).
    rules : Rules
        Coverage and confidence; the level of the tests is 1 - confidence.
    scale : {"difference", "percent", "ratio"}
        Scale of the differences.
    single : bool
        False if the values are means of ears or takes whose limits are those of single ones: there
        is no smallest allowable difference, then.
    """
    from soundcal.agreement import (
        detectable_delta,
        detectable_difference,
        standardized_difference,
    )

    alpha = 1.0 - rules.confidence
    size = standardized_difference(x, y, confidence=rules.confidence)
    if size.sd == 0.0 or alpha >= 0.5:
        return None
    bias = detectable_difference(size.n, size.sd, alpha=alpha, power=POWER)
    delta = math.nan
    if single:
        delta = detectable_delta(size.n, size.sd, alpha=alpha, power=POWER, coverage=rules.coverage)
    return Sensitivity(size=size, bias=back(bias, scale), delta=back(delta, scale))

"""Size of a difference in standard deviations, and the differences the study could have shown."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from soundcal.study.rules import Rules

if TYPE_CHECKING:
    from soundcal.agreement import Agreement, EffectSize

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
        Smallest true bias that the test of bias = 0 would have found, in the indicator's unit.
    delta : float
        Smallest allowable difference within which agreement would have been shown if there were no
        bias, in the indicator's unit.
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


def sensitivity_of(agreement: "Agreement", rules: Rules) -> Sensitivity | None:
    """Return what the pairs of an agreement could have shown; None if that cannot be said.

    The differences are equal, or the level of the tests is 0.5 or more.

    Parameters
    ----------
    agreement : Agreement
        The pairs.
    rules : Rules
        Coverage and confidence; the level of the tests is 1 - confidence.
    """
    from soundcal.agreement import (
        detectable_delta,
        detectable_difference,
        standardized_difference,
    )

    pairs, alpha = agreement.points, 1.0 - rules.confidence
    size = standardized_difference(pairs.x, pairs.y, confidence=rules.confidence)
    if size.sd == 0.0 or alpha >= 0.5:
        return None
    return Sensitivity(
        size=size,
        bias=detectable_difference(size.n, size.sd, alpha=alpha, power=POWER),
        delta=detectable_delta(size.n, size.sd, alpha=alpha, power=POWER, coverage=rules.coverage),
    )

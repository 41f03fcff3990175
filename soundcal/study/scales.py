"""The scale of each indicator's differences: in its unit, in percent, or as ratios."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.files.names import some, without_brackets
from soundcal.study.rules import Rules

if TYPE_CHECKING:
    from soundcal.agreement.limits_of_agreement import Scale

__all__ = ["back", "indicator_scales", "on_scale", "without_scale"]


def indicator_scales(
    rules: Rules, units: Mapping[str, str]
) -> "tuple[dict[str, Scale], tuple[str, ...]]":
    """Return the scale of each indicator, and a remark if levels stay differences.

    Parameters
    ----------
    rules : Rules
        The rules of the comparison.
    units : mapping of str to str
        Unit of each indicator.

    Raises
    ------
    ParameterError
        A scale for an indicator that is not compared or for a single statistic; a ratio or a
        percentage of levels.
    """
    from soundcal.agreement.limits_of_agreement import ARBITRARY_ZERO

    levels = [name for name, unit in units.items() if unit.startswith(ARBITRARY_ZERO)]
    given = dict(rules.scales)
    default = given.pop("", "difference")
    scales: dict[str, Scale] = {name: "difference" if name in levels else default for name in units}
    named = []
    for name, kind in given.items():
        symbols = [one for one in units if without_brackets(one) == without_brackets(name)]
        if not symbols:
            raise ParameterError(
                f"scale {kind} for {name!r}: a scale is that of an indicator with all its "
                f"statistics, and the indicators compared are {', '.join(units)}"
            )
        if kind != "difference" and symbols[0] in levels:
            raise ParameterError(
                f"scale {kind} for {name!r}: these are levels in {units[symbols[0]]}, whose 0 is "
                "arbitrary, so that their ratio has no meaning; a difference of levels is the "
                "level of a ratio already"
            )
        scales |= dict.fromkeys(symbols, kind)
        named += symbols
    if default == "difference":
        return scales, ()
    if not any(kind != "difference" for kind in scales.values()):
        raise ParameterError(
            f"scale {default}: only levels are compared ({', '.join(levels)}), and a ratio of "
            "levels has no meaning; a difference of levels is the level of a ratio already"
        )
    kept = [name for name in levels if name not in named]
    remark = (
        f"{', '.join(kept)}: differences of levels, as a ratio of them has no meaning; the scale "
        f"{default} is that of the other indicators"
    )
    return scales, (remark,) if kept else ()


def without_scale(x: Array, y: Array, labels: Sequence[str], scale: "Scale") -> str:
    """Return the reason why values cannot be compared on a scale; "" if they can."""
    if scale == "difference":
        return ""
    both = np.isfinite(x) & np.isfinite(y)
    bad = (x <= 0.0) | (y <= 0.0) if scale == "ratio" else x + y <= 0.0
    names = [label for label, on in zip(labels, bad & both, strict=True) if on]
    if not names:
        return ""
    what = (
        "values of 0 or less, which have no ratio"
        if scale == "ratio"
        else "means of 0 or less, of which percentages have no meaning"
    )
    return f"{what}, at {some(dict.fromkeys(names))}"


def on_scale(x: Array, y: Array, scale: "Scale", average: Array) -> tuple[Array, Array]:
    """Return values whose difference is the one on the scale (of ratios, its logarithm).

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Values of both methods.
    scale : {"difference", "percent", "ratio"}
        The scale.
    average : ndarray, shape (n,)
        The values that percentages are of.
    """
    match scale:
        case "ratio":
            return np.log(x), np.log(y)
        case "percent":
            return 100.0 * x / average, 100.0 * y / average
        case "difference":
            return x, y


def back(value: float, scale: "Scale") -> float:
    """Return a number on the scale as it is printed: a ratio instead of its logarithm."""
    return float(np.exp(value)) if scale == "ratio" else value

"""One indicator compared between two methods: from its values to an :class:`Entry`."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.study.comparison import Entry, LimitsAtQuartiles
from soundcal.study.equivalence import Allowed, equivalence_of
from soundcal.study.further import further_statistics
from soundcal.study.repeats import RepeatedValues
from soundcal.study.rules import Pair, Rules
from soundcal.study.scales import on_scale, without_scale
from soundcal.study.sensitivity import sensitivity_of
from soundcal.study.takes import Repeatability, error_variance_ratio, method_repeatability
from soundcal.study.two_ears import two_ears

if TYPE_CHECKING:
    import pandas as pd

    from soundcal.agreement import Agreement
    from soundcal.agreement.limits_of_agreement import Scale

__all__ = ["Values", "entry_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Values of one indicator and statistic by all methods.

    Parameters
    ----------
    indicator, statistic, unit : str
        The indicator.
    ears : str
        The ear rule that was applied.
    wide : DataFrame
        One value per stimulus (row) and method (column).
    parts : DataFrame or None
        One value per stimulus and ear, or stimulus and take (rows), and method; None if the table
        has no such values.
    takes : bool
        True if the parts are takes, False if they are ears.
    """

    indicator: str
    statistic: str
    unit: str
    ears: str
    wide: "pd.DataFrame"
    parts: "pd.DataFrame | None" = None
    takes: bool = False

    def has(self, pair: Pair) -> bool:
        """Return True if both methods have values."""
        return set(pair) <= set(self.wide.columns)

    def of(self, pair: Pair) -> tuple[Array, Array]:
        """Return the values of two methods per stimulus, NaN where there is none."""
        x, y = (self.wide[method].to_numpy(dtype=np.float64) for method in pair)
        return x, y

    def repeats(self, pair: Pair, rules: Rules, scale: "Scale") -> RepeatedValues | None:
        """Return the values of single ears or takes, if a stimulus has several."""
        if self.parts is None:
            return None
        kind = rules.takes if self.takes else "varying"
        found = RepeatedValues.of_rows(
            self.parts, pair, self.unit, scale, kind, complete=not self.takes
        )
        return found if found.several and len(set(found.stimulus)) > 1 else None

    def without(self, pair: Pair, rules: Rules, scale: "Scale") -> str:
        """Return the reason why two methods cannot be compared on a scale; "" if they can."""
        repeats = self.repeats(pair, rules, scale) if self.takes or rules.ears == "both" else None
        if repeats is not None:
            return repeats.without_scale(scale)
        return without_scale(*self.of(pair), [str(name) for name in self.wide.index], scale)


def entry_of(
    values: Values, pair: Pair, rules: Rules, scale: "Scale", allowed: Allowed | None
) -> Entry | None:
    """Return one agreement.

    Parameters
    ----------
    values : Values
        The indicator.
    pair : tuple of str
        The methods.
    rules : Rules
        The rules of the comparison.
    scale : {"difference", "percent", "ratio"}
        Scale of the differences, on which the values can be compared.
    allowed : Allowed or None
        Allowable difference.

    Returns
    -------
    Entry or None
        None if fewer than 2 stimuli have finite values in both methods.
    """
    from soundcal.agreement import bland_altman

    x, y = values.of(pair)
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 2:
        return None
    mean = bland_altman(
        x,
        y,
        coverage=rules.coverage,
        confidence=rules.confidence,
        interval=rules.interval,
        preset="paper" if rules.paper else None,
        scale=scale,
        labels=[str(stimulus) for stimulus in values.wide.index],
        names=pair,
        unit=values.unit,
        infinite="drop",
    )
    repeats = values.repeats(pair, rules, scale)
    found: dict[str, Any] = {}
    averaged = ""
    repeatability: tuple[Repeatability, ...] = ()
    variance_ratio: float | None = None
    if repeats is None or not (values.takes or rules.ears == "both"):
        found = _independent(mean, rules, scale, allowed)
    else:
        found = _modelled(repeats, rules, allowed)
        averaged = "the means of the takes" if values.takes else "the means of both ears"
    if repeats is not None and values.takes:
        repeatability = method_repeatability(repeats, rules, mean.z)
        variance_ratio = error_variance_ratio(repeats)
    elif repeats is not None and not repeats.without_scale(scale):
        found["two_ears"] = two_ears(repeats, mean, rules)
    return Entry(
        indicator=values.indicator,
        statistic=values.statistic,
        unit=values.unit,
        first=pair[0],
        second=pair[1],
        ears=values.ears,
        repeatability=repeatability,
        further=further_statistics(
            x[known],
            y[known],
            rules,
            scale,
            averaged=averaged,
            variance_ratio=variance_ratio,
        ),
        **found,
    )


def _independent(
    agreement: "Agreement", rules: Rules, scale: "Scale", allowed: Allowed | None
) -> dict[str, Any]:
    """Return what an entry holds of one value per stimulus."""
    from soundcal.agreement import diagnose, nonparametric_limits

    pairs = agreement.points
    x, y = on_scale(pairs.x, pairs.y, scale, pairs.average)
    within, untested = None, ""
    if allowed is not None:
        within, untested = equivalence_of(agreement, allowed, rules)
    diagnostics = diagnose(agreement)
    sloping = diagnostics.has_trend or diagnostics.has_unequal_spread
    return {
        "agreement": agreement,
        "diagnostics": diagnostics,
        "p_value": _bias_test(x, y),
        "equivalence": within,
        "sensitivity": sensitivity_of(x, y, rules, scale),
        "lines": _at_quartiles(agreement) if sloping else None,
        "quantiles": nonparametric_limits(agreement) if diagnostics.is_not_normal else None,
        "warnings": (*agreement.warnings, *filter(None, [untested])),
    }


def _modelled(repeats: RepeatedValues, rules: Rules, allowed: Allowed | None) -> dict[str, Any]:
    """Return what an entry holds of several values per stimulus.

    Neither lines nor quantiles: their intervals need independent values.
    """
    agreement = repeats.limits(rules)
    _, x, y = repeats.means()
    within, untested = None, ""
    if allowed is not None:
        within, untested = equivalence_of(agreement, allowed, rules, repeats)
    return {
        "agreement": agreement,
        "diagnostics": repeats.diagnose(rules, agreement),
        "p_value": _bias_test(x, y),
        "equivalence": within,
        "sensitivity": sensitivity_of(x, y, rules, repeats.scale, single=False),
        "parts": repeats.part if len(repeats.part) == agreement.points.x.size else (),
        "warnings": (*repeats.warnings, *agreement.warnings, *filter(None, [untested])),
    }


def _at_quartiles(agreement: "Agreement") -> LimitsAtQuartiles:
    """Return limits as lines (Bland & Altman 1999, 3.2) at the quartiles of the means."""
    from soundcal.agreement import regression_limits

    at = np.quantile(agreement.points.average, [0.25, 0.5, 0.75])
    try:
        found = regression_limits(agreement)
    except ParameterError as error:
        none, no_ci = np.empty(0), np.empty((0, 2))
        return LimitsAtQuartiles(none, none, none, none, no_ci, no_ci, str(error))
    bounds = found.bands(at)
    lower_ci, upper_ci = (
        np.column_stack([bounds[f"{side}_low"], bounds[f"{side}_high"]])
        for side in ("lower", "upper")
    )
    spread = "constant" if found.spread is None else "depends on the mean"
    return LimitsAtQuartiles(at, found.bias(at), *found.limits(at), lower_ci, upper_ci, spread)


def _bias_test(x: Array, y: Array) -> float | None:
    """Return the two-sided p of mean difference = 0; None if the differences do not vary."""
    from soundcal.agreement import mean_difference

    p = mean_difference(x, y, test="paired").p_value
    return None if math.isnan(p) else p

"""Agreement within an allowable difference: verdict, p values, and numbers in units of it.

An allowable difference is stated in the unit of the indicator, or in per cent. In per cent it is a
ratio, and the differences of the natural logarithms are tested: within 17 % means that the ratio of
the methods lies between 1/1.17 and 1.17. Only where differences are percentages of the mean of both
methods (scale ``percent``), the user's own per cent are those.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from soundcal.agreement.limits_of_agreement import ARBITRARY_ZERO
from soundcal.errors import ParameterError
from soundcal.files.names import without_brackets
from soundcal.study.jnd import Jnd, jnd_set
from soundcal.study.repeats import RepeatedValues
from soundcal.study.rules import Rules, parsed_delta
from soundcal.study.scales import back, on_scale, without_scale

if TYPE_CHECKING:
    from soundcal.agreement import Agreement, AgreementTest
    from soundcal.agreement.limits_of_agreement import Scale

__all__ = [
    "Allowed",
    "Equivalence",
    "EquivalenceFamily",
    "allowed_differences",
    "equivalence_columns",
    "equivalence_of",
    "family_of",
    "holm_adjusted",
]

Verdict = Literal["within", "undecided", "beyond"]
Label = tuple[str, str]

_COLUMNS: Final = (
    "delta",
    "delta_percent",
    "delta_source",
    "within_delta",
    "delta_verdict",
    "delta_low",
    "delta_high",
    "p_delta",
    "p_delta_holm",
    "bias_in_delta",
    "bias_low_in_delta",
    "bias_high_in_delta",
    "lower_in_delta",
    "upper_in_delta",
    "bounds_low_in_delta",
    "bounds_high_in_delta",
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """An allowable difference of one indicator.

    Parameters
    ----------
    value : float
        In the unit of the indicator, or in per cent.
    is_percent : bool
        True for a value in per cent.
    jnd : Jnd or None
        The published value behind it; None if the user stated it.
    of_mean : bool
        True for per cent of the mean of both methods; otherwise a percentage is a ratio.
    """

    value: float
    is_percent: bool = False
    jnd: Jnd | None = None
    of_mean: bool = False

    @property
    def scale(self) -> "Scale":
        """The scale on which it is tested."""
        if not self.is_percent:
            return "difference"
        return "percent" if self.of_mean else "ratio"

    @property
    def on_scale(self) -> float:
        """The value on that scale, of a ratio its logarithm."""
        return math.log1p(self.value / 100.0) if self.scale == "ratio" else self.value


@dataclass(frozen=True, slots=True, eq=False)
class Equivalence:
    """Agreement of two methods within an allowable difference.

    Parameters
    ----------
    allowed : Allowed
        The allowable difference.
    test : AgreementTest
        The claims and their tests, on the scale of the allowable difference.
    bias, lower, upper : float
        Bias and limits of agreement in units of the allowable difference.
    bias_ci : tuple of float
        Confidence interval of the bias, in the same units.
    bounds : tuple of float
        One-sided bounds of both limits that decide the test, in the same units.
    verdict : {"within", "undecided", "beyond"}
        ``within``: both limits of agreement are shown to lie within the allowable difference.
        ``beyond``: one of them is shown to lie outside (half the level for each).
    p_adjusted : float or None
        p of the test after Holm's adjustment over all such tests of the comparison; None where the
        differences do not vary.
    """

    allowed: Allowed
    test: "AgreementTest"
    bias: float
    lower: float
    upper: float
    bias_ci: tuple[float, float]
    bounds: tuple[float, float]
    verdict: Verdict
    p_adjusted: float | None = None

    @property
    def p_value(self) -> float | None:
        """p of the test that both limits lie within; None where the differences do not vary.

        The smallest level at which the exact one-sided bounds lie within the allowable difference.
        """
        p = self.test.limits.p_value
        return None if math.isnan(p) else p

    def as_stated(self, interval: tuple[float, float]) -> tuple[float, float]:
        """Return bounds of the test in the indicator's unit, in per cent, or as ratios."""
        return back(interval[0], self.allowed.scale), back(interval[1], self.allowed.scale)


@dataclass(frozen=True, slots=True)
class EquivalenceFamily:
    """All tests of agreement within an allowable difference of one comparison, together.

    Parameters
    ----------
    size : int
        Number of tests.
    level : float
        Level of each.
    within, within_holm, beyond : int
        Number of tests that show agreement; the same after Holm's adjustment; number of tests that
        show a limit to lie outside.
    """

    size: int
    level: float
    within: int
    within_holm: int
    beyond: int

    @property
    def chance(self) -> float:
        """Largest probability of at least one false ``within`` if none were true (Bonferroni)."""
        return min(1.0, self.size * self.level)

    @property
    def all_within(self) -> bool:
        """True if all agree; false with a probability of at most ``level`` (intersection-union)."""
        return self.within == self.size


def family_of(found: Sequence[Equivalence]) -> EquivalenceFamily:
    """Return the tests of one comparison as a family; at least one is expected."""
    level = found[0].test.alpha
    return EquivalenceFamily(
        size=len(found),
        level=level,
        within=sum(one.verdict == "within" for one in found),
        within_holm=sum(
            one.verdict == "within" and one.p_adjusted is not None and one.p_adjusted < level
            for one in found
        ),
        beyond=sum(one.verdict == "beyond" for one in found),
    )


def equivalence_columns(found: Equivalence | None) -> dict[str, Any]:
    """Return the columns of ``agreement.csv``, unrounded; None without an allowable difference."""
    if found is None:
        return dict.fromkeys(_COLUMNS)
    allowed, limits = found.allowed, found.test.limits
    values = (
        None if allowed.is_percent else allowed.value,
        allowed.value if allowed.is_percent else None,
        "user" if allowed.jnd is None else allowed.jnd.source,
        limits.concluded,
        found.verdict,
        *((None, None) if allowed.is_percent else limits.bounds),
        found.p_value,
        found.p_adjusted,
        found.bias,
        *found.bias_ci,
        found.lower,
        found.upper,
        *found.bounds,
    )
    return dict(zip(_COLUMNS, values, strict=True))


def allowed_differences(
    rules: Rules, units: Mapping[Label, str], scales: "Mapping[str, Scale]"
) -> dict[Label, Allowed]:
    """Return the allowable difference of each label that has one.

    A value for a label (``N5``) takes precedence over one for an indicator (``N``), and both over
    the published set.

    Parameters
    ----------
    rules : Rules
        With ``delta`` and ``jnd``.
    units : mapping of (str, str) to str
        The unit of each indicator and statistic that is compared.
    scales : mapping of str to str
        The scale of each indicator's differences.

    Raises
    ------
    ParameterError
        A value for something that is not compared; a percentage of levels; a value in the unit of
        an indicator whose differences are ratios or percentages.
    """
    published = jnd_set(rules.jnd) if rules.jnd else ()
    of_set = {
        label: Allowed(jnd.value, jnd.unit == "%", jnd)
        for label, unit in units.items()
        for jnd in published
        if label[0] in jnd.indicators and label[1] not in jnd.not_for
        if jnd.unit in ("%", unit.split("(")[0].strip())
    }
    of_indicator: dict[Label, Allowed] = {}
    of_label: dict[Label, Allowed] = {}
    for name, given in rules.delta.items():
        plain = without_brackets(name)
        single = [label for label in units if without_brackets("".join(label)) == plain]
        family = [label for label in units if without_brackets(label[0]) == plain]
        if not single and not family:
            known = ", ".join("".join(label) for label in units)
            raise ParameterError(
                f"allowable difference for {name!r}, which is not compared; compared are {known}"
            )
        if (family and not set(single) <= set(family)) or len(single) > 1:
            ways = ", ".join(f"{i} with the statistic {s}" if s else i for i, s in single)
            more = f", {name} with any" if family and not set(single) <= set(family) else ""
            raise ParameterError(
                f"allowable difference for {name!r}, which may be {ways}{more}; rename one of them "
                "in the table"
            )
        if family:  # a symbol stands for all of its statistics, and for none
            single = []
        number, is_percent = parsed_delta(given)
        unit, scale = units[(single or family)[0]], scales[(single or family)[0][0]]
        if is_percent and unit.startswith(ARBITRARY_ZERO):
            raise ParameterError(
                f"allowable difference {name}={given}: values in {unit} have no true zero and so "
                f"no percentages; state it in {unit}"
            )
        if scale != "difference" and not is_percent:
            raise ParameterError(
                f"allowable difference {name}={given}, but the scale of {name} is {scale}; state "
                f"it in per cent, e.g. {name}=10%"
            )
        value = Allowed(number, is_percent, of_mean=scale == "percent")
        if single:
            of_label |= dict.fromkeys(single, value)
        else:
            of_indicator |= dict.fromkeys(family, value)
    return of_set | of_indicator | of_label


def equivalence_of(
    agreement: "Agreement",
    allowed: Allowed,
    rules: Rules,
    repeats: RepeatedValues | None = None,
) -> tuple[Equivalence | None, str]:
    """Return the test of agreement within an allowable difference, or why there is none.

    Parameters
    ----------
    agreement : Agreement
        Bias and limits, with the pairs behind them.
    allowed : Allowed
        The allowable difference.
    rules : Rules
        Coverage, confidence and interval.
    repeats : RepeatedValues, optional
        The values of single ears or takes, if the agreement is theirs.

    Returns
    -------
    Equivalence or None
    str
        Empty, or the reason.
    """
    from soundcal.agreement import agreement_test, bland_altman

    pairs, scale, delta = agreement.points, allowed.scale, allowed.on_scale
    values = pairs if repeats is None else repeats
    if (
        without_scale(pairs.x, pairs.y, [""] * pairs.x.size, scale)
        if repeats is None
        else repeats.without_scale(scale)
    ):
        refused = int(((values.x <= 0.0) | (values.y <= 0.0)).sum())
        return None, (
            f"{refused} of {values.x.size} pairs have a value of 0 or less, which has no ratio: "
            f"the allowable difference of {allowed.value:g} % is not tested"
        )
    if repeats is not None:
        of_scale = replace(repeats, scale=scale)
        agreement = of_scale.limits(rules)
        test, is_beyond = of_scale.test(rules, delta)
    else:
        if agreement.scale != scale:
            agreement = bland_altman(
                pairs.x,
                pairs.y,
                scale=scale,
                coverage=rules.coverage,
                confidence=rules.confidence,
                interval=rules.interval,
                preset="paper" if rules.paper else None,
            )
        x, y = on_scale(pairs.x, pairs.y, scale, pairs.average)
        test = agreement_test(x, y, delta, coverage=rules.coverage, alpha=1.0 - rules.confidence)
        is_beyond = test.is_beyond

    def in_delta(value: float) -> float:
        return (math.log(value) if scale == "ratio" else value) / delta

    low, high = test.limits.bounds
    found = Equivalence(
        allowed=allowed,
        test=test,
        bias=in_delta(agreement.bias),
        lower=in_delta(agreement.lower),
        upper=in_delta(agreement.upper),
        bias_ci=(in_delta(agreement.bias_ci[0]), in_delta(agreement.bias_ci[1])),
        bounds=(low / delta, high / delta),
        verdict=_verdict(test, is_beyond),
    )
    return found, ""


def _verdict(test: "AgreementTest", is_beyond: bool) -> Verdict:
    if test.limits.concluded:
        return "within"
    return "beyond" if is_beyond else "undecided"


def holm_adjusted(found: Sequence[Equivalence | None]) -> list[Equivalence | None]:
    """Return the tests of one comparison with Holm's adjustment over all of them."""
    from soundcal.agreement import adjust

    tested = [one for one in found if one is not None]
    p_values = [np.nan if one.p_value is None else one.p_value for one in tested]
    adjusted = adjust(p_values, family=f"agreement of {len(tested)} within allowable differences")
    new = iter(
        replace(one, p_adjusted=None if one.p_value is None else float(p))
        for one, p in zip(tested, adjusted.adjusted, strict=True)
    )
    return [None if one is None else next(new) for one in found]

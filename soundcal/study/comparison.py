"""The result of a comparison: one agreement per indicator and pair of methods.

Differences are always *first − second*, and the order is printed with every number.
"""

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.study.ears import EAR_RULES
from soundcal.study.equivalence import (
    Equivalence,
    EquivalenceFamily,
    equivalence_columns,
    family_of,
)
from soundcal.study.further import FurtherStatistic
from soundcal.study.rules import Pair, Rules
from soundcal.study.sensitivity import Sensitivity, sensitivity_columns
from soundcal.study.takes import Repeatability
from soundcal.study.two_ears import TwoEars

if TYPE_CHECKING:
    import pandas as pd

    from soundcal.agreement import Agreement, Diagnostics, NonparametricLimits

__all__ = [
    "MAX_T_DRAWS",
    "MAX_T_SEED",
    "Compared",
    "Entry",
    "LimitsAtQuartiles",
    "MethodComparison",
]

MAX_T_DRAWS: Final = 10_000
MAX_T_SEED: Final = 1
"""Bootstrap samples of the adjustment by max-T, and their seed; both are printed."""

Compared = tuple[str, str, str, str]
"""Indicator, statistic, first and second method."""


@dataclass(frozen=True, slots=True, eq=False)
class LimitsAtQuartiles:
    """Limits of agreement as lines over the mean of both methods, at the quartiles of the means.

    Parameters
    ----------
    average, bias, lower, upper : ndarray, shape (3,)
        Quartiles of the means, and bias and limits there; shape (0,) where no lines can be fitted.
    lower_ci, upper_ci : ndarray, shape (3, 2)
        Confidence intervals of the limits; shape (0, 2) without lines.
    spread : str
        ``constant`` or ``depends on the mean``, or the reason why no lines can be fitted.
    """

    average: Array
    bias: Array
    lower: Array
    upper: Array
    lower_ci: Array
    upper_ci: Array
    spread: str


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One indicator compared between two methods.

    Parameters
    ----------
    indicator, statistic, unit : str
        The indicator compared, e.g. ``LA``, ``eq``, ``dB``.
    first, second : str
        The methods; every difference is ``first − second`` (on the scale ``ratio``:
        ``first / second``).
    ears : str
        The ear rule that was applied to this indicator.
    agreement : Agreement
        Bias, limits, their intervals, and the pairs behind them.
    diagnostics : Diagnostics
        Normality, trend, spread, outliers and ties of the differences.
    p_value, p_adjusted : float or None
        Test of bias = 0 (paired t) and the same after Holm's adjustment over all entries of the
        comparison; None where the differences do not vary.
    p_max_t : float or None
        The same test adjusted by step-down max-T, which allows for the correlation of the
        indicators; None also where the differences hang on one or two stimuli.
    equivalence : Equivalence or None
        Agreement within the allowable difference, if one was stated.
    sensitivity : Sensitivity or None
        Effect size and what the pairs could have shown; None where the differences do not vary.
    lines : LimitsAtQuartiles or None
        Limits as lines, where bias or spread depend on the size of the measured value.
    quantiles : NonparametricLimits or None
        Quantiles of the differences, where these are not normal.
    parts : tuple of str
        Ear or take of each difference, if the differences are those of single ears or takes.
    two_ears : TwoEars or None
        The model of both ears, where the values are of both.
    repeatability : tuple of Repeatability
        Of each method with repeated takes.
    further : tuple of FurtherStatistic
        Statistics that the rules ask for in addition.
    warnings : tuple of str
        Remarks that a reader of these numbers needs.
    """

    indicator: str
    statistic: str
    unit: str
    first: str
    second: str
    ears: str
    agreement: "Agreement"
    diagnostics: "Diagnostics"
    p_value: float | None = None
    p_adjusted: float | None = None
    p_max_t: float | None = None
    equivalence: Equivalence | None = None
    sensitivity: Sensitivity | None = None
    lines: LimitsAtQuartiles | None = None
    quantiles: "NonparametricLimits | None" = None
    parts: tuple[str, ...] = ()
    two_ears: TwoEars | None = None
    repeatability: tuple[Repeatability, ...] = ()
    further: tuple[FurtherStatistic, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def key(self) -> Compared:
        """Indicator, statistic and methods, which no other entry of the comparison has."""
        return self.indicator, self.statistic, self.first, self.second

    @property
    def n(self) -> int:
        """Number of stimuli."""
        return len(set(self.agreement.points.labels))

    @property
    def scale(self) -> str:
        """Scale of bias, limits and differences: ``difference``, ``percent`` or ``ratio``."""
        return self.agreement.scale

    @property
    def is_modelled(self) -> bool:
        """True if limits are those of single ears or takes, from a model of several values."""
        return bool(self.parts or self.repeatability)

    @property
    def difference_unit(self) -> str:
        """Unit of bias, limits and differences: that of the values, ``%`` or ``×``."""
        return {"percent": "%", "ratio": "×"}.get(self.scale, self.unit)

    @property
    def none(self) -> float:
        """The difference of equal values: 0, or 1 on the scale ``ratio``."""
        return 1.0 if self.scale == "ratio" else 0.0

    @property
    def further_one(self) -> str:
        """The thing that the prediction interval is of, in words."""
        if self.repeatability:
            return "a single take of a further stimulus"
        return "a single ear of a further stimulus" if self.parts else "a further stimulus"

    @property
    def label(self) -> str:
        """Printed label: symbol and statistic, e.g. ``LAeq``, ``N5``."""
        return f"{self.indicator}{self.statistic}"

    @property
    def direction(self) -> str:
        """Direction of the difference in words, e.g. ``in-situ − ocv``, ``in-situ / ocv``."""
        sign = "/" if self.scale == "ratio" else "−"
        return f"{self.first} {sign} {self.second}"

    @property
    def stimuli(self) -> tuple[str, ...]:
        """Ids of the pairs, in the order of ``x`` and ``y``."""
        return tuple(str(label) for label in self.agreement.points.labels)

    @property
    def x(self) -> Array:
        """Values of the first method, shape (n,)."""
        return self.agreement.points.x

    @property
    def y(self) -> Array:
        """Values of the second method, shape (n,)."""
        return self.agreement.points.y

    @property
    def differences(self) -> Array:
        """Differences on the scale, one per stimulus, ear or take, shape (n,)."""
        return self.agreement.points.difference

    def independent_differences(self) -> tuple[tuple[str, ...], Array]:
        """Return the stimuli and the differences that the test of the bias rests on.

        One per stimulus, the mean where it has several; of ratios, the logarithms.
        """
        d = np.log(self.differences) if self.scale == "ratio" else self.differences
        if not self.parts:
            return self.stimuli, d
        names, code = np.unique(np.array(self.stimuli), return_inverse=True)
        return tuple(names.tolist()), np.bincount(code, weights=d) / np.bincount(code)

    @property
    def averages(self) -> Array:
        """Mean of both methods per stimulus, shape (n,)."""
        return self.agreement.points.average

    def distance(self, difference: float) -> float:
        """Return the size of a difference on the scale; of a ratio, of its logarithm."""
        return abs(math.log(difference)) if self.scale == "ratio" else abs(difference)

    @property
    def worst(self) -> tuple[str, float]:
        """Id (with its ear or take) and difference of the stimulus with the largest difference."""
        d = np.log(self.differences) if self.scale == "ratio" else self.differences
        index = int(np.argmax(np.abs(d)))
        part = f" ({self.parts[index]})" if self.parts else ""
        return self.stimuli[index] + part, float(self.differences[index])

    @property
    def delta(self) -> float | None:
        """Allowable difference in the indicator's unit, if one was stated in it."""
        if self.equivalence is None or self.equivalence.allowed.is_percent:
            return None
        return self.equivalence.allowed.value

    @property
    def allowed(self) -> tuple[float, float] | None:
        """Smallest and largest allowable difference, if it was stated on the scale of the entry."""
        found = None if self.equivalence is None else self.equivalence.allowed
        if found is None or found.scale != self.scale:
            return None
        edge = found.on_scale
        return (math.exp(-edge), math.exp(edge)) if self.scale == "ratio" else (-edge, edge)

    @property
    def within_delta(self) -> bool | None:
        """True if both limits of agreement are shown to lie within ± delta; None without delta."""
        return None if self.equivalence is None else self.equivalence.test.limits.concluded

    def to_dict(self) -> dict[str, Any]:
        """Return one row of ``agreement.csv``; nothing is rounded."""
        a = self.agreement
        return {
            "indicator": self.indicator,
            "statistic": self.statistic,
            "unit": self.unit,
            "first": self.first,
            "second": self.second,
            "ears": self.ears,
            "scale": self.scale,
            "n": self.n,
            "bias": a.bias,
            "bias_low": a.bias_ci[0],
            "bias_high": a.bias_ci[1],
            "sd": a.sd,
            "prediction_low": a.prediction[0],
            "prediction_high": a.prediction[1],
            "lower": a.lower,
            "lower_low": a.lower_ci[0],
            "lower_high": a.lower_ci[1],
            "upper": a.upper,
            "upper_low": a.upper_ci[0],
            "upper_high": a.upper_ci[1],
            "p": self.p_value,
            "p_holm": self.p_adjusted,
            "p_max_t": self.p_max_t,
            **equivalence_columns(self.equivalence),
            **sensitivity_columns(self.sensitivity),
            "worst_stimulus": self.worst[0],
            "worst_difference": self.worst[1],
            "normality_p": self.diagnostics.normality_p,
            "skewness": self.diagnostics.skewness,
            "trend_size": self.diagnostics.trend_size,
            "spread_ratio": self.diagnostics.spread_ratio,
            "outliers": " ".join(map(str, self.diagnostics.outliers)),
            "warnings": "; ".join((*self.warnings, *self.diagnostics.doubts)),
        }


@dataclass(frozen=True, slots=True, eq=False)
class MethodComparison:
    """Agreements of all indicators and pairs of methods.

    Parameters
    ----------
    methods : tuple of str
        The methods, in order.
    pairs : tuple of (str, str)
        The differences that were formed, first − second.
    rules : Rules
        Rules of the comparison.
    values : DataFrame
        One value per condition, stimulus, indicator and statistic, after the ear rule: the mean
        of both ears where the rule is ``both``, and of the takes where they were repeated.
    entries : tuple of Entry
        Ordered by indicator and statistic as in the table, then by pair.
    warnings : tuple of str
        Warnings about the comparison as a whole.
    """

    methods: tuple[str, ...]
    pairs: tuple[Pair, ...]
    rules: Rules
    values: "pd.DataFrame" = field(repr=False)
    entries: tuple[Entry, ...] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def families(self) -> tuple[str, ...]:
        """Symbols of the indicators, in order: ``LA``, ``N``, …"""
        return tuple(dict.fromkeys(entry.indicator for entry in self.entries))

    def family(self, indicator: str) -> tuple[Entry, ...]:
        """Return the entries of one family."""
        return tuple(entry for entry in self.entries if entry.indicator == indicator)

    def by_method(self, indicator: str, statistic: str) -> "pd.DataFrame":
        """Return the values of one label: stimuli down, methods across in their order."""
        rows = self.values
        rows = rows[(rows["indicator"] == indicator) & (rows["statistic"] == statistic)]
        wide = rows.pivot(index="stimulus", columns="condition", values="value")
        return wide[[method for method in self.methods if method in wide.columns]]

    @property
    def tested(self) -> tuple[Entry, ...]:
        """Entries with a test of agreement within an allowable difference."""
        return tuple(entry for entry in self.entries if entry.equivalence is not None)

    @property
    def equivalences(self) -> EquivalenceFamily | None:
        """Their tests as a family; None without any."""
        found = [entry.equivalence for entry in self.entries if entry.equivalence is not None]
        return family_of(found) if found else None

    def entry(self, label: str, first: str, second: str) -> Entry:
        """Return the entry of a label (``LAeq``) and a pair of methods.

        Raises
        ------
        ParameterError
            There is no such entry.
        """
        for entry in self.entries:
            if (entry.label, entry.first, entry.second) == (label, first, second):
                return entry
        known = ", ".join(dict.fromkeys(entry.label for entry in self.entries))
        pairs = ", ".join(dict.fromkeys(f"{e.first} − {e.second}" for e in self.entries))
        raise ParameterError(
            f"no entry {label} for {first} − {second}; compared are {known} for {pairs}"
        )

    @property
    def ears_in_words(self) -> str:
        """The ear rules that were applied, in words."""
        used = dict.fromkeys(entry.ears for entry in self.entries)
        if len(used) == 1:
            return EAR_RULES[next(iter(used))]
        return "; ".join(
            f"{', '.join(dict.fromkeys(e.indicator for e in self.entries if e.ears == rule))}: "
            f"{EAR_RULES[rule]}"
            for rule in used
        )

    @property
    def values_in_words(self) -> str:
        """The meaning of :attr:`values` in words: ear rule, and mean of takes."""
        rule = EAR_RULES["mean"] if self.rules.ears == "both" else self.ears_in_words
        return rule + ("; mean of the takes" if any(e.repeatability for e in self.entries) else "")

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per entry, see :meth:`Entry.to_dict`."""
        import pandas as pd

        return pd.DataFrame([entry.to_dict() for entry in self.entries])

    def further(self) -> "pd.DataFrame":
        """Return one row per entry and number of the additional statistics; no rows without any."""
        import pandas as pd

        rows = [
            {
                "indicator": entry.indicator,
                "statistic": entry.statistic,
                "unit": entry.unit,
                "first": entry.first,
                "second": entry.second,
                "ears": entry.ears,
                **asdict(one),
            }
            for entry in self.entries
            for one in entry.further
        ]
        return pd.DataFrame(rows)

    def differences(self) -> "pd.DataFrame":
        """Return one row per entry and stimulus (ear, take): both values and their difference."""
        import pandas as pd

        parts = [
            pd.DataFrame(
                {
                    "indicator": entry.indicator,
                    "statistic": entry.statistic,
                    "unit": entry.unit,
                    "first": entry.first,
                    "second": entry.second,
                    "ears": entry.ears,
                    "stimulus": entry.stimuli,
                    **({"part": entry.parts} if entry.parts else {}),
                    "first_value": entry.x,
                    "second_value": entry.y,
                    "difference": entry.differences,
                }
            )
            for entry in self.entries
        ]
        return pd.concat(parts, ignore_index=True)

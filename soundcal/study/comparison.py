"""From a tidy table to agreements: per indicator and per pair of methods, joined by stimulus id.

The table has one row per recording, channel, indicator and statistic (see
:data:`soundcal.study.comparison.COLUMNS`). Differences are always *first − second*, and the order
is printed with every number.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.errors import ParameterError, RecordError
from soundcal.indicators.rows import EarRule, rule_for
from soundcal.study.ears import EAR_RULES, with_ears_combined

if TYPE_CHECKING:
    import pandas as pd

    from soundcal.agreement import Agreement, AgreementTest, Diagnostics
    from soundcal.agreement.intervals import Interval

__all__ = [
    "COLUMNS",
    "STUDY_PAIRS",
    "Comparison",
    "Entry",
    "Rules",
    "compare",
    "default_pairs",
    "in_order",
]

Array = NDArray[np.float64]
Pair = tuple[str, str]

COLUMNS: Final = ("condition", "stimulus", "channel", "indicator", "statistic", "value", "unit")
"""Columns that a table must have; ``combination`` and others may stand beside them."""

STUDY_METHODS: Final = ("in-situ", "ocv", "hats")
"""Methods of the study in the order in which they are printed."""

STUDY_PAIRS: Final[tuple[Pair, ...]] = (("in-situ", "ocv"), ("in-situ", "hats"), ("hats", "ocv"))
"""Differences of the study in its order and direction (Lam et al., arXiv 2207.12899)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a comparison is made; everything here is printed in the report.

    Parameters
    ----------
    ears : {"mean", "max", "energy", "left", "right"}
        The ear rule, see :mod:`soundcal.study.ears`.
    interval : {"exact", "1999", "1986", "pair", "mover"}
        Confidence intervals of the limits, see :func:`soundcal.agreement.limits_of_agreement`.
    coverage : float
        Part of the differences that the limits should enclose.
    confidence : float
        Level of the confidence intervals.
    paper : bool
        Reproduce the study's own arithmetic: z = 1.96 and the intervals of 1999.
    delta : mapping of str to float
        Allowable difference per label (``LAeq``, ``N5``) or for all statistics of an indicator
        (``LA``, also written ``L(A)``), stated before the data, in the indicator's unit.
    excluded : mapping of str to str
        Stimuli that are left out, and why.
    """

    ears: EarRule = "mean"
    interval: "Interval" = "exact"
    coverage: float = 0.95
    confidence: float = 0.95
    paper: bool = False
    delta: Mapping[str, float] = field(default_factory=dict)
    excluded: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rule_for(self.ears, "LA", "dB")  # refuses an unknown rule
        for label, value in self.delta.items():
            if not 0 < value < np.inf:
                raise ParameterError(
                    f"allowable difference {label}={value}; a positive number is expected"
                )
        for stimulus, reason in self.excluded.items():
            if not reason.strip():
                raise ParameterError(f"stimulus {stimulus!r} is excluded without a reason; say why")

    def to_dict(self) -> dict[str, Any]:
        """Return the rules, ready for JSON."""
        return {
            "ears": self.ears,
            "interval": "1999" if self.paper else self.interval,
            "coverage": self.coverage,
            "confidence": self.confidence,
            "paper": self.paper,
            "delta": dict(self.delta),
            "excluded": dict(self.excluded),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One indicator compared between two methods.

    Parameters
    ----------
    indicator, statistic, unit : str
        What is compared, e.g. ``LA``, ``eq``, ``dB``.
    first, second : str
        The methods; every difference is ``first − second``.
    ears : str
        The ear rule that was applied to this indicator.
    agreement : Agreement
        Bias, limits, their intervals, and the pairs behind them.
    diagnostics : Diagnostics
        Normality, trend, spread, outliers and ties of the differences.
    p_value, p_adjusted : float or None
        Test of bias = 0 (paired t) and the same after Holm's adjustment over all entries of the
        comparison; None where the differences do not vary.
    test : AgreementTest or None
        Test of agreement within the allowable difference, if one was stated.
    warnings : tuple of str
        What a reader of these numbers should know.
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
    test: "AgreementTest | None" = None
    warnings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Printed label: symbol and statistic, e.g. ``LAeq``, ``N5``."""
        return f"{self.indicator}{self.statistic}"

    @property
    def direction(self) -> str:
        """The difference in words, e.g. ``in-situ − ocv``."""
        return f"{self.first} − {self.second}"

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
        """``x − y`` per stimulus, shape (n,)."""
        return self.agreement.points.difference

    @property
    def averages(self) -> Array:
        """Mean of both methods per stimulus, shape (n,)."""
        return self.agreement.points.average

    @property
    def worst(self) -> tuple[str, float]:
        """Id and difference of the stimulus that differs most."""
        index = int(np.argmax(np.abs(self.differences)))
        return self.stimuli[index], float(self.differences[index])

    @property
    def delta(self) -> float | None:
        """Allowable difference, if one was stated."""
        return None if self.test is None else self.test.delta

    @property
    def within_delta(self) -> bool | None:
        """Whether both limits of agreement were shown to lie within ± delta; None without one."""
        return None if self.test is None else self.test.limits.concluded

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
            "n": a.n,
            "bias": a.bias,
            "bias_low": a.bias_ci[0],
            "bias_high": a.bias_ci[1],
            "sd": a.sd,
            "lower": a.lower,
            "lower_low": a.lower_ci[0],
            "lower_high": a.lower_ci[1],
            "upper": a.upper,
            "upper_low": a.upper_ci[0],
            "upper_high": a.upper_ci[1],
            "p": self.p_value,
            "p_holm": self.p_adjusted,
            "delta": self.delta,
            "within_delta": self.within_delta,
            "worst_stimulus": self.worst[0],
            "worst_difference": self.worst[1],
            "normality_p": self.diagnostics.normality_p,
            "skewness": self.diagnostics.skewness,
            "trend_size": self.diagnostics.trend_size,
            "spread_ratio": self.diagnostics.spread_ratio,
            "outliers": " ".join(map(str, self.diagnostics.outliers)),
            "warnings": "; ".join((*self.warnings, *self.diagnostics.flags)),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Agreements of all indicators and pairs of methods.

    Parameters
    ----------
    methods : tuple of str
        The methods, in order.
    pairs : tuple of (str, str)
        The differences that were formed, first − second.
    rules : Rules
        How it was done.
    values : DataFrame
        One value per condition, stimulus, indicator and statistic, after the ear rule.
    entries : tuple of Entry
        Ordered by indicator and statistic as in the table, then by pair.
    warnings : tuple of str
        What concerns the comparison as a whole.
    """

    methods: tuple[str, ...]
    pairs: tuple[Pair, ...]
    rules: Rules
    values: "pd.DataFrame"
    entries: tuple[Entry, ...]
    warnings: tuple[str, ...] = ()

    @property
    def families(self) -> tuple[str, ...]:
        """Symbols of the indicators, in order: ``LA``, ``N``, …"""
        return tuple(dict.fromkeys(entry.indicator for entry in self.entries))

    def family(self, indicator: str) -> tuple[Entry, ...]:
        """Return the entries of one family."""
        return tuple(entry for entry in self.entries if entry.indicator == indicator)

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
        raise ParameterError(f"no {label} for {first} − {second}; compared are {known}")

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

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per entry, see :meth:`Entry.to_dict`."""
        import pandas as pd

        return pd.DataFrame([entry.to_dict() for entry in self.entries])

    def differences(self) -> "pd.DataFrame":
        """Return one row per entry and stimulus: both values and their difference."""
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
                    "first_value": entry.x,
                    "second_value": entry.y,
                    "difference": entry.differences,
                }
            )
            for entry in self.entries
        ]
        return pd.concat(parts, ignore_index=True)


def in_order(methods: Iterable[str]) -> list[str]:
    """Return methods in the order in which they are printed: the study's first, in its order.

    >>> in_order(["hats", "other", "in-situ"])
    ['in-situ', 'hats', 'other']
    """
    distinct = list(dict.fromkeys(methods))
    known = [name for name in STUDY_METHODS if name in distinct]
    return [*known, *(name for name in distinct if name not in STUDY_METHODS)]


def default_pairs(methods: Sequence[str], reference: str | None = None) -> tuple[Pair, ...]:
    """Return the differences to form.

    Parameters
    ----------
    methods : sequence of str
        Names of the methods.
    reference : str, optional
        If given, only differences reference − other are formed.

    Returns
    -------
    tuple of (str, str)
        The study's three differences for its three methods; otherwise every earlier method minus
        every later one.

    Examples
    --------
    >>> default_pairs(["hats", "in-situ", "ocv"])
    (('in-situ', 'ocv'), ('in-situ', 'hats'), ('hats', 'ocv'))
    >>> default_pairs(["a", "b", "c"], reference="b")
    (('b', 'a'), ('b', 'c'))
    """
    if len(set(methods)) != len(methods) or len(methods) < 2:
        raise ParameterError(f"methods {', '.join(methods)}: at least 2 different ones expected")
    if reference is not None:
        if reference not in methods:
            raise ParameterError(f"reference {reference!r} is none of {', '.join(methods)}")
        return tuple((reference, other) for other in methods if other != reference)
    known = [pair for pair in STUDY_PAIRS if set(pair) <= set(methods)]
    if len(known) == len(methods) * (len(methods) - 1) // 2:
        return tuple(known)
    return tuple(combinations(methods, 2))


def compare(
    table: "pd.DataFrame",
    methods: Sequence[str] | None = None,
    *,
    reference: str | None = None,
    rules: Rules | None = None,
) -> Comparison:
    """Compare methods over all indicators of a tidy table.

    Parameters
    ----------
    table : DataFrame
        Has at least :data:`COLUMNS`; rows in any order, joined by the stimulus id.
    methods : sequence of str, optional
        Conditions to compare; all of the table if not given.
    reference : str, optional
        Form only differences reference − other.
    rules : Rules, optional
        Ear rule, intervals, allowable differences; the defaults if not given.

    Raises
    ------
    ParameterError
        Unknown method, or an allowable difference for an indicator that the table does not have.
    RecordError
        Columns missing, a stimulus twice, an ear missing, units that differ between methods,
        several combinations in one table, or nothing that two methods have in common.
    """
    rules = rules or Rules()
    checked = _checked(table)
    found = list(dict.fromkeys(checked["condition"]))
    methods = list(methods) if methods else in_order(found)
    unknown = [name for name in methods if name not in found]
    if unknown:
        raise ParameterError(f"no method {unknown[0]!r} in the table; it has {', '.join(found)}")
    pairs = default_pairs(methods, reference)
    checked = checked[checked["condition"].isin(methods)]
    checked = _without(checked, rules.excluded)
    values = with_ears_combined(checked, rules.ears)
    labels = list(dict.fromkeys(zip(checked["indicator"], checked["statistic"], strict=True)))
    deltas = _deltas(rules, labels)
    groups = dict(iter(values.groupby(["indicator", "statistic"], sort=False)))
    wide = {label: _by_method(groups[label], label) for label in labels}
    possible = [
        _entry(label, *wide[label], pair, rules, deltas.get(label))
        for label in labels
        for pair in pairs
        if set(pair) <= set(wide[label][0].columns)
    ]
    entries = [entry for entry in possible if entry is not None]
    if not entries:
        raise RecordError(
            "no indicator has 2 finite values with a common stimulus id in two of the methods; "
            "are the stimuli named alike, and were the same indicators computed?"
        )
    warnings = _left_out(wide, pairs, entries)
    return Comparison(tuple(methods), pairs, rules, values, _holm(entries), warnings)


def _without(table: "pd.DataFrame", excluded: Mapping[str, str]) -> "pd.DataFrame":
    unknown = sorted(set(excluded) - set(table["stimulus"]))
    if unknown:
        raise ParameterError(f"no stimulus {unknown[0]!r} to exclude; check the name")
    kept = table[~table["stimulus"].isin(list(excluded))]
    if kept.empty:
        raise ParameterError("every stimulus is excluded; nothing can be compared")
    return kept


def _deltas(rules: Rules, labels: Sequence[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Return the allowable difference of each label; one of a label beats one of its indicator."""
    of_indicator: dict[tuple[str, str], float] = {}
    of_label: dict[tuple[str, str], float] = {}
    for name, value in rules.delta.items():
        plain = name.replace("(", "").replace(")", "")
        single = [label for label in labels if "".join(label) == plain]
        family = [label for label in labels if label[0] == plain]
        if not single and not family:
            known = ", ".join("".join(label) for label in labels)
            raise ParameterError(f"allowable difference for {name!r}, but compared are {known}")
        if single:
            of_label |= dict.fromkeys(single, value)
        else:
            of_indicator |= dict.fromkeys(family, value)
    return of_indicator | of_label


def _checked(table: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise RecordError(
            f"the table has no column {', '.join(missing)}; a tidy table has {', '.join(COLUMNS)}"
        )
    if table.empty:
        raise RecordError("the table has no rows; nothing can be compared")
    if "combination" in table.columns and table["combination"].nunique(dropna=False) > 1:
        names = ", ".join(sorted(map(str, table["combination"].unique())))
        raise RecordError(
            f"the table holds several combinations of equipment ({names}); compare each by itself, "
            "the same stimuli over several combinations are not independent"
        )
    kept = [name for name in COLUMNS if name != "value"]
    result = table[kept].astype(str).reset_index(drop=True)
    try:
        result["value"] = pd.to_numeric(table["value"]).to_numpy(dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise RecordError(f"the column value holds something that is no number: {error}") from error
    for name in ("condition", "stimulus"):
        if table[name].isna().any():
            raise RecordError(f"the column {name} has empty cells; every row needs one")
    return result


def _by_method(rows: "pd.DataFrame", label: tuple[str, str]) -> "tuple[pd.DataFrame, str, str]":
    """Return the values with one column per method, their unit and the ear rule applied."""
    units = sorted(rows["unit"].unique())
    if len(units) > 1:
        raise RecordError(
            f"{''.join(label)} comes in several units ({', '.join(units)}); convert to one first"
        )
    wide = rows.pivot(index="stimulus", columns="condition", values="value")
    return wide, units[0], str(rows["ears"].iloc[0])


def _entry(
    label: tuple[str, str],
    wide: "pd.DataFrame",
    unit: str,
    ears: str,
    pair: Pair,
    rules: Rules,
    delta: float | None,
) -> Entry | None:
    """Return one agreement; None if fewer than 2 stimuli have finite values in both methods."""
    from soundcal.agreement import agreement_test, bland_altman, diagnose

    x, y = (wide[method].to_numpy(dtype=np.float64) for method in pair)
    if np.isfinite(x - y).sum() < 2:
        return None
    agreement = bland_altman(
        x,
        y,
        coverage=rules.coverage,
        confidence=rules.confidence,
        interval=rules.interval,
        preset="paper" if rules.paper else None,
        labels=[str(stimulus) for stimulus in wide.index],
        names=pair,
        unit=unit,
        infinite="drop",
    )
    pairs = agreement.points
    test = None
    if delta is not None:
        alpha = 1.0 - rules.confidence
        test = agreement_test(pairs.x, pairs.y, delta, coverage=rules.coverage, alpha=alpha)
    return Entry(
        *label,
        unit,
        *pair,
        ears,
        agreement,
        diagnose(agreement),
        _bias_test(pairs.x, pairs.y),
        test=test,
        warnings=agreement.warnings,
    )


def _bias_test(x: Array, y: Array) -> float | None:
    """Return the two-sided p of mean difference = 0; None if the differences do not vary."""
    from soundcal.agreement import paired_t

    p = paired_t(x, y).p_value
    return None if math.isnan(p) else p


def _holm(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries with Holm's adjustment over all bias tests of the comparison."""
    from soundcal.agreement import adjust

    tests = [np.nan if entry.p_value is None else entry.p_value for entry in entries]
    adjusted = adjust(tests, family=f"bias of {len(tests)} indicators and pairs of methods")
    return tuple(
        replace(entry, p_adjusted=None if entry.p_value is None else float(p))
        for entry, p in zip(entries, adjusted.adjusted, strict=True)
    )


def _left_out(
    wide: "Mapping[tuple[str, str], tuple[pd.DataFrame, str, str]]",
    pairs: Sequence[Pair],
    entries: Sequence[Entry],
) -> tuple[str, ...]:
    """Say which indicators and which stimuli could not be compared."""
    warnings = []
    compared = {(entry.indicator, entry.statistic, entry.first, entry.second) for entry in entries}
    for first, second in pairs:
        absent = ["".join(label) for label in wide if (*label, first, second) not in compared]
        if absent:
            warnings.append(
                f"{first} − {second}: fewer than 2 common values, not compared: {_some(absent)}"
            )
        alone: set[str] = set()
        for frame, _, _ in wide.values():
            if {first, second} <= set(frame.columns):
                one_only = frame[first].isna() != frame[second].isna()
                alone.update(str(stimulus) for stimulus in frame.index[one_only])
        if alone:
            warnings.append(
                f"{first} − {second}: stimuli with a value in one method only, left out: "
                f"{_some(sorted(alone))}"
            )
    return tuple(warnings)


def _some(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more

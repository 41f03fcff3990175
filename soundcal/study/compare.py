"""Comparison of methods: one agreement per indicator and pair of methods of a tidy table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError, RecordError
from soundcal.files.names import lookalikes, normal_name, some
from soundcal.study.comparison import (
    MAX_T_DRAWS,
    MAX_T_SEED,
    Entry,
    LimitsAtQuartiles,
    MethodComparison,
)
from soundcal.study.ears import swapped_ears, with_ears_combined
from soundcal.study.equivalence import (
    Allowed,
    allowed_differences,
    equivalence_of,
    holm_adjusted,
)
from soundcal.study.rules import Pair, Rules, default_pairs, in_order
from soundcal.study.sensitivity import sensitivity_of
from soundcal.study.table import checked_table

if TYPE_CHECKING:
    import pandas as pd

    from soundcal.agreement import Agreement

__all__ = ["compare_methods"]

_NOT_ALIKE: Final = "are the stimuli named alike, and were the same indicators computed?"


def compare_methods(
    table: "pd.DataFrame",
    methods: Sequence[str] | None = None,
    *,
    reference: str | None = None,
    rules: Rules | None = None,
) -> MethodComparison:
    """Compare methods over all indicators of a tidy table.

    Parameters
    ----------
    table : DataFrame
        Has at least :data:`soundcal.study.table.COLUMNS`; rows in any order, joined by the
        stimulus id.
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
        several combinations in one table, or no stimulus that two methods have in common.
    """
    rules = rules or Rules()
    checked = checked_table(table)
    found = list(dict.fromkeys(checked["condition"]))
    methods = [normal_name(name) for name in methods] if methods else in_order(found)
    reference = None if reference is None else normal_name(reference)
    unknown = [name for name in methods if name not in found]
    if unknown:
        raise ParameterError(f"no method {unknown[0]!r} in the table; it has {', '.join(found)}")
    pairs = default_pairs(methods, reference)
    checked = checked[checked["condition"].isin(methods)]
    checked = _without(checked, rules.excluded)
    values = with_ears_combined(checked, rules.ears)
    labels = list(dict.fromkeys(zip(checked["indicator"], checked["statistic"], strict=True)))
    groups = dict(iter(values.groupby(["indicator", "statistic"], sort=False)))
    wide = {label: _by_method(groups[label], label) for label in labels}
    allowed = allowed_differences(rules, {label: unit for label, (_, unit, _) in wide.items()})
    possible = [
        _entry(label, *wide[label], pair, rules, allowed.get(label))
        for label in labels
        for pair in pairs
        if set(pair) <= set(wide[label][0].columns)
    ]
    entries = [entry for entry in possible if entry is not None]
    if not entries:
        stimuli = {name: set(part["stimulus"]) for name, part in checked.groupby("condition")}
        hints = [
            hint for a, b in pairs for hint in lookalikes("stimuli", a, stimuli[a], b, stimuli[b])
        ]
        most = max((stimuli[a] & stimuli[b] for a, b in pairs), key=len)
        if len(most) == 1:
            hints.append(f"the only common stimulus is {next(iter(most))!r}")
        raise RecordError(
            "no indicator has 2 finite values with a common stimulus id in two of the methods; "
            + ("; ".join(hints) or _NOT_ALIKE)
        )
    exchanged = (swapped_ears(checked, *pair) for pair in pairs)
    warnings = (
        *_left_out(wide, pairs, entries),
        *filter(None, exchanged),
        *_untested(rules, labels, allowed, entries),
    )
    return MethodComparison(
        methods=tuple(methods),
        pairs=pairs,
        rules=rules,
        values=values,
        entries=_adjusted(entries),
        warnings=warnings,
    )


def _without(table: "pd.DataFrame", reasons: Mapping[str, str]) -> "pd.DataFrame":
    excluded = {normal_name(name) for name in reasons}
    unknown = sorted(excluded - set(table["stimulus"]))
    if unknown:
        raise ParameterError(f"no stimulus {unknown[0]!r} to exclude; check the name")
    kept = table[~table["stimulus"].isin(excluded)]
    if kept.empty:
        raise ParameterError("every stimulus is excluded; nothing can be compared")
    return kept


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
    allowed: Allowed | None,
) -> Entry | None:
    """Return one agreement; None if fewer than 2 stimuli have finite values in both methods."""
    from soundcal.agreement import bland_altman, diagnose, nonparametric_limits

    x, y = (wide[method].to_numpy(dtype=np.float64) for method in pair)
    if (np.isfinite(x) & np.isfinite(y)).sum() < 2:
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
    within, untested = None, ""
    if allowed is not None:
        within, untested = equivalence_of(agreement, allowed, rules)
    diagnostics = diagnose(agreement)
    sloping = diagnostics.has_trend or diagnostics.has_unequal_spread
    indicator, statistic = label
    first, second = pair
    return Entry(
        indicator=indicator,
        statistic=statistic,
        unit=unit,
        first=first,
        second=second,
        ears=ears,
        agreement=agreement,
        diagnostics=diagnostics,
        p_value=_bias_test(pairs.x, pairs.y),
        equivalence=within,
        sensitivity=sensitivity_of(agreement, rules),
        lines=_at_quartiles(agreement) if sloping else None,
        quantiles=nonparametric_limits(agreement) if diagnostics.is_not_normal else None,
        warnings=(*agreement.warnings, *filter(None, [untested])),
    )


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


def _adjusted(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries with both adjustments over all bias tests, and Holm's of the equivalence.

    Each family has all indicators and pairs of methods of the comparison.
    """
    from soundcal.agreement import adjust, max_t

    tests = [np.nan if entry.p_value is None else entry.p_value for entry in entries]
    family = f"bias of {len(tests)} indicators and pairs of methods"
    holm = adjust(tests, family=family).adjusted
    row = {name: i for i, name in enumerate(sorted({s for e in entries for s in e.stimuli}))}
    differences = np.full((len(row), len(entries)), np.nan)
    for i, entry in enumerate(entries):
        differences[[row[name] for name in entry.stimuli], i] = entry.differences
    largest = max_t(differences, family=family, draws=MAX_T_DRAWS, seed=MAX_T_SEED).adjusted
    within = holm_adjusted([entry.equivalence for entry in entries])
    return tuple(
        replace(
            entry,
            p_adjusted=None if entry.p_value is None else float(p),
            p_max_t=None if math.isnan(q) else float(q),
            equivalence=one,
        )
        for entry, p, q, one in zip(entries, holm, largest, within, strict=True)
    )


def _untested(
    rules: Rules,
    labels: Sequence[tuple[str, str]],
    allowed: Mapping[tuple[str, str], Allowed],
    entries: Sequence[Entry],
) -> tuple[str, ...]:
    """Return a text for the indicators that have no test of agreement although one was wanted."""
    warnings = []
    without = list(dict.fromkeys(label[0] for label in labels if label not in allowed))
    if rules.jnd and without:
        warnings.append(
            f"no published just noticeable difference for {', '.join(without)} in the set "
            f"{rules.jnd}: no allowable difference; state your own for them"
        )
    refused = dict.fromkeys(
        entry.label
        for entry in entries
        if (entry.indicator, entry.statistic) in allowed and entry.equivalence is None
    )
    if refused:
        warnings.append(
            f"allowable difference not tested for {some(refused)}: a value of 0 or less has no "
            "ratio, and so no difference in per cent"
        )
    return tuple(warnings)


def _left_out(
    wide: "Mapping[tuple[str, str], tuple[pd.DataFrame, str, str]]",
    pairs: Sequence[Pair],
    entries: Sequence[Entry],
) -> tuple[str, ...]:
    """Return a text for the indicators and for the stimuli that could not be compared."""
    warnings = []
    compared = {(entry.indicator, entry.statistic, entry.first, entry.second) for entry in entries}
    for first, second in pairs:
        absent = ["".join(label) for label in wide if (*label, first, second) not in compared]
        if absent:
            warnings.append(
                f"{first} − {second}: fewer than 2 common values, not compared: {some(absent)}"
            )
        sides: dict[str, set[str]] = {first: set(), second: set()}
        alone: set[str] = set()
        nowhere: set[str] = set()
        for frame, _, _ in wide.values():
            if {first, second} <= set(frame.columns):
                for name, there in sides.items():
                    there |= set(frame.index[frame[name].notna()])
                one, other = np.isfinite(frame[first]), np.isfinite(frame[second])
                alone.update(map(str, frame.index[one != other]))
                nowhere.update(map(str, frame.index[~one & ~other]))
        if alone:
            warnings.append(
                f"{first} − {second}: stimuli with a value in one method only, left out: "
                f"{some(sorted(alone))}"
            )
            warnings += lookalikes("stimuli", first, sides[first], second, sides[second])
        if nowhere:
            warnings.append(
                f"{first} − {second}: stimuli without a finite value in either method, left out: "
                f"{some(sorted(nowhere))}"
            )
    return tuple(warnings)

"""Comparison of methods: one agreement per indicator and pair of methods of a tidy table."""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.errors import ParameterError, RecordError
from soundcal.files.names import lookalikes, normal_name, some
from soundcal.indicators.rows import BINAURAL
from soundcal.recording import EARS
from soundcal.study.comparison import (
    MAX_T_DRAWS,
    MAX_T_SEED,
    Compared,
    Entry,
    MethodComparison,
)
from soundcal.study.ears import SINGLE, of_ears, swapped_ears, with_ears_combined
from soundcal.study.entries import Values, entry_of
from soundcal.study.equivalence import Allowed, allowed_differences, holm_adjusted
from soundcal.study.rules import Pair, Rules, default_pairs, in_order
from soundcal.study.scales import indicator_scales
from soundcal.study.table import checked_table, of_methods
from soundcal.study.takes import with_takes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare_methods"]

_NOT_ALIKE: Final = "are the stimuli named alike, and were the same indicators computed?"


def compare_methods(
    table: "pd.DataFrame | Mapping[str, pd.DataFrame]",
    methods: Sequence[str] | None = None,
    *,
    reference: str | None = None,
    rules: Rules | None = None,
) -> MethodComparison:
    """Compare methods over all indicators of tidy tables.

    Parameters
    ----------
    table : DataFrame, or mapping of str to DataFrame
        Has at least :data:`soundcal.study.table.COLUMNS`; rows in any order, joined by the
        stimulus id. Rows that differ in a column ``take`` only are repeated takes. In a table of
        :func:`soundcal.measure`, the name of the recording's file is the stimulus and that of its
        folder the method. Or one such table per method: ``{"A": …, "B": …}`` gives A − B.
    methods : sequence of str, optional
        Conditions to compare; all of the table if not given.
    reference : str, optional
        Form only differences reference − other.
    rules : Rules, optional
        Ear rule, scale, intervals, allowable differences; the defaults if not given.

    Raises
    ------
    ParameterError
        Unknown method; an allowable difference or a scale for an indicator that the table does not
        have; a ratio or percentage of levels; both ears in one model with repeated takes.
    RecordError
        Columns missing, a stimulus twice (without a column ``take``), an ear missing, units that
        differ between methods, several combinations in one table, or no stimulus that two methods
        have in common.
    """
    rules = rules or Rules()
    joined = of_methods(table)
    checked = checked_table(joined)
    found = list(dict.fromkeys(checked["condition"]))
    methods = [normal_name(name) for name in methods] if methods else in_order(found)
    reference = None if reference is None else normal_name(reference)
    unknown = [name for name in methods if name not in found]
    if unknown:
        raise ParameterError(f"no method {unknown[0]!r} in the table; it has {', '.join(found)}")
    pairs = default_pairs(methods, reference)
    checked = checked[checked["condition"].isin(methods)]
    given = _without(checked, rules.excluded)
    checked = of_ears(given, rules.ears)
    checked = with_takes(checked, rules)
    values, parts = _combined(checked, rules)
    labels = list(dict.fromkeys(zip(checked["indicator"], checked["statistic"], strict=True)))
    groups = dict(iter(values.groupby(["indicator", "statistic"], sort=False)))
    single = {} if parts is None else dict(iter(parts.groupby(["indicator", "statistic"])))
    wide = {label: _by_method(groups[label], single.get(label), label) for label in labels}
    scales, remarks = indicator_scales(rules, {label[0]: wide[label].unit for label in labels})
    allowed = allowed_differences(rules, {label: wide[label].unit for label in labels}, scales)
    refused: dict[Compared, str] = {}
    entries = []
    for label, pair in product(labels, pairs):
        if not wide[label].has(pair):
            continue
        scale = scales[label[0]]
        if reason := wide[label].without(pair, rules, scale):
            refused[*label, *pair] = f"not compared on the scale {scale}: {reason}"
            continue
        entry = entry_of(wide[label], pair, rules, scale, allowed.get(label))
        if entry is not None:
            entries.append(entry)
    if refused and not entries:
        (indicator, statistic, first, second), reason = next(iter(refused.items()))
        raise RecordError(f"{indicator}{statistic}, {first} − {second}: {reason}")
    if not entries:
        stimuli: dict[str, set[str]] = {name: set() for name in methods}
        for name, part in checked.groupby("condition"):
            stimuli[str(name)] = set(part["stimulus"])
        hints = [
            hint for a, b in pairs for hint in lookalikes("stimuli", a, stimuli[a], b, stimuli[b])
        ]
        if empty := [name for name in methods if not stimuli[name]]:
            what = (
                "binaural value (measure --ears each,binaural)"
                if rules.ears == BINAURAL
                else "value"
            )
            hints.append(f"{some(empty)} has no {what} left to compare")
        hints += _other_indicators(checked, pairs)
        most = max((stimuli[a] & stimuli[b] for a, b in pairs), key=len)
        if len(most) == 1:
            hints.append(f"the only common stimulus is {next(iter(most))!r}")
        raise RecordError(
            "no indicator has 2 finite values with a common stimulus id in two of the methods; "
            + ("; ".join(hints) or _NOT_ALIKE)
        )
    exchanged = (swapped_ears(checked, *pair) for pair in pairs)
    warnings = (
        *(() if joined is table else joined.attrs["notes"]),
        *remarks,
        *_not_binaural(given, checked),
        *_refusals(refused),
        *_left_out(wide, pairs, {*refused, *(entry.key for entry in entries)}),
        *filter(None, exchanged),
        *_mixed_ears(values),
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


def _other_indicators(table: "pd.DataFrame", pairs: Sequence[Pair]) -> list[str]:
    """Return hints on methods that have no indicator in common."""
    labels = table["indicator"] + table["statistic"]
    of = {name: list(dict.fromkeys(part)) for name, part in labels.groupby(table["condition"])}
    return [
        f"{first} has {some(of[first])}, {second} has {some(of[second])}"
        for first, second in pairs
        if {first, second} <= of.keys() and not set(of[first]) & set(of[second])
    ]


def _mixed_ears(values: "pd.DataFrame") -> tuple[str, ...]:
    """Return a remark on indicators that have an ear rule in one condition and none in another."""
    found: dict[str, list[str]] = {}
    for (indicator, statistic), part in values.groupby(["indicator", "statistic"], sort=False):
        if SINGLE in set(part["ears"]) and part["ears"].nunique() > 1:
            by = part.drop_duplicates(["condition", "ears"])
            words = ", ".join(
                f"{condition}: "
                + ("one value per recording" if ears == SINGLE else f"{ears} of both ears")
                for condition, ears in zip(by["condition"], by["ears"], strict=True)
            )
            found.setdefault(words, []).append(f"{indicator}{statistic}")
    return tuple(
        f"{some(labels)}: not alike at the ears ({words}); state how the one value was made"
        for words, labels in found.items()
    )


def _not_binaural(given: "pd.DataFrame", kept: "pd.DataFrame") -> tuple[str, ...]:
    """Return a remark on indicators that the rule ``binaural`` leaves out."""
    lost = dict.fromkeys(given["indicator"] + given["statistic"])
    for label in kept["indicator"] + kept["statistic"]:
        lost.pop(label, None)
    return (f"no binaural value, not compared: {some(lost)}",) if lost else ()


def _without(table: "pd.DataFrame", reasons: Mapping[str, str]) -> "pd.DataFrame":
    excluded = {normal_name(name) for name in reasons}
    unknown = sorted(excluded - set(table["stimulus"]))
    if unknown:
        raise ParameterError(f"no stimulus {unknown[0]!r} to exclude; check the name")
    kept = table[~table["stimulus"].isin(excluded)]
    if kept.empty:
        raise ParameterError("every stimulus is excluded; nothing can be compared")
    return kept


def _combined(table: "pd.DataFrame", rules: Rules) -> "tuple[pd.DataFrame, pd.DataFrame | None]":
    """Return one value per condition, stimulus and label, and those of single ears or takes."""
    values = with_ears_combined(table, "mean" if rules.ears == "both" else rules.ears)
    if "take" in values.columns:
        keys = [name for name in values.columns if name not in ("take", "value")]
        finite = values.assign(value=values["value"].where(np.isfinite(values["value"])))
        means = finite.groupby(keys, sort=False)["value"].mean().reset_index()
        return means, values.rename(columns={"take": "part"})
    of_ears_only = ~_has_other(table, set(EARS))
    if rules.ears in ("mean", "both") and of_ears_only.any():
        both = table[of_ears_only].rename(columns={"channel": "part"})
        ears = values["ears"].where(values["ears"] != "mean", rules.ears)
        if rules.ears == "mean" or of_ears_only.all():
            return values.assign(ears=ears), both
    if rules.ears == "both":
        raise RecordError(
            f"both ears in one model need the channels {' and '.join(EARS)}; the table has "
            f"{', '.join(sorted(set(table['channel'])))}"
        )
    return values, None


def _has_other(table: "pd.DataFrame", channels: Set[str]) -> "pd.Series[bool]":
    """Return for each row whether its indicator has other channels than these, in any condition."""
    label = [table[name] for name in ("indicator", "statistic")]
    return (~table["channel"].isin(channels)).groupby(label).transform("any")


def _by_method(
    rows: "pd.DataFrame", parts: "pd.DataFrame | None", label: tuple[str, str]
) -> Values:
    """Return the values with one column per method, their unit and the ear rule applied."""
    units = sorted(rows["unit"].unique())
    if len(units) > 1:
        raise RecordError(
            f"{''.join(label)} comes in several units ({', '.join(units)}); convert to one first"
        )
    takes = parts is not None and "ears" in parts.columns
    if parts is not None:
        parts = parts.pivot(index=["stimulus", "part"], columns="condition", values="value")
    return Values(
        *label,
        unit=units[0],
        ears=str(rows["ears"].iloc[0]),
        wide=rows.pivot(index="stimulus", columns="condition", values="value"),
        parts=parts,
        takes=takes,
    )


def _adjusted(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries with both adjustments over all bias tests, and Holm's of the equivalence.

    Each family has all indicators and pairs of methods of the comparison.
    """
    from soundcal.agreement import adjust, max_t

    tests = [np.nan if entry.p_value is None else entry.p_value for entry in entries]
    family = f"bias of {len(tests)} indicators and pairs of methods"
    holm = adjust(tests, family=family).adjusted
    tested = [entry.independent_differences() for entry in entries]
    row = {name: i for i, name in enumerate(sorted({s for names, _ in tested for s in names}))}
    differences = np.full((len(row), len(entries)), np.nan)
    for i, (names, values) in enumerate(tested):
        differences[[row[name] for name in names], i] = values
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
    some_allowed = {indicator for indicator, _ in allowed}
    without = dict.fromkeys(
        "".join(label) if label[0] in some_allowed else label[0]
        for label in labels
        if label not in allowed
    )
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


def _refusals(refused: "Mapping[Compared, str]") -> tuple[str, ...]:
    """Return a text for the indicators that cannot be compared on their scale."""
    labels: dict[tuple[str, str, str], list[str]] = {}
    for (indicator, statistic, first, second), reason in refused.items():
        labels.setdefault((first, second, reason), []).append(f"{indicator}{statistic}")
    return tuple(
        f"{first} − {second}: {some(names)} {reason}"
        for (first, second, reason), names in labels.items()
    )


def _left_out(
    wide: Mapping[tuple[str, str], Values], pairs: Sequence[Pair], treated: Set[Compared]
) -> tuple[str, ...]:
    """Return a text for the indicators and for the stimuli that could not be compared."""
    warnings = []
    for first, second in pairs:
        absent = ["".join(label) for label in wide if (*label, first, second) not in treated]
        if absent:
            warnings.append(
                f"{first} − {second}: fewer than 2 common values, not compared: {some(absent)}"
            )
        sides: dict[str, set[str]] = {first: set(), second: set()}
        alone: set[str] = set()
        nowhere: set[str] = set()
        for values in wide.values():
            if values.has((first, second)):
                frame = values.wide
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

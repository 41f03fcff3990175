"""Section of a report with the outcome: in words, as a figure and as a table."""

from collections.abc import Sequence
from functools import partial

from soundcal.report import figures
from soundcal.report.document import (
    Block,
    Bullets,
    Column,
    Picture,
    Section,
    Table,
)
from soundcal.report.sections.equivalence import (
    NOT_STATED,
    equivalence_blocks,
    equivalence_sentences,
)
from soundcal.report.sections.method_errors import errors_blocks
from soundcal.report.sections.values import values_summary, values_words
from soundcal.report.style import unit_label, value_text
from soundcal.study import Entry, MethodComparison, Study

__all__ = ["study_summary", "summary_blocks"]


def study_summary(study: Study) -> list[str]:
    """Return the outcome in plain words: agreement first, then one sentence per pair of methods.

    Without a comparison, these are the recordings and the range of their values.
    """
    if not study.comparisons:
        return values_words(study)
    leading = _leading(study)
    agreement = equivalence_sentences(study)
    stated = any(one.rules.delta_in_words for one in study.comparisons.values())
    hint = [] if stated or not leading else [NOT_STATED]
    if len(study.comparisons) > 1:
        pairs = dict.fromkeys(entry.direction for _, entry in leading)
        biases = [_range_in_words([e for e in leading if e[1].direction == p]) for p in pairs]
        return agreement + biases + hint
    confidence = f"{100 * study.comparison.rules.confidence:g} %" if leading else ""
    biases = [
        (f"{name}: " if name else "") + _in_words(entry, confidence) for name, entry in leading
    ]
    return agreement + biases + hint


def _range_in_words(entries: Sequence[tuple[str, Entry]]) -> str:
    """Return one sentence about one difference over several combinations of equipment."""
    first = entries[0][1]
    unit = unit_label(first.indicator, first.difference_unit)

    def number(value: float) -> str:
        return f"{value_text(value, first.difference_unit, signed=True)} {unit}"

    low, high = (pick(entries, key=lambda one: one[1].agreement.bias) for pick in (min, max))
    shown = sum(not e.agreement.bias_ci[0] <= e.none <= e.agreement.bias_ci[1] for _, e in entries)
    worst_name, worst = max(entries, key=lambda one: one[1].distance(one[1].worst[1]))
    return (
        f"{first.label}, {first.direction}, over {len(entries)} combinations of equipment: on "
        f"average from {number(low[1].agreement.bias)} ({low[0]}) to "
        f"{number(high[1].agreement.bias)} ({high[0]}); the confidence interval "
        f"excludes {first.none:g} in {shown} of {len(entries)}; the worst stimulus is "
        f"{worst.worst[0]} with {number(worst.worst[1])} ({worst_name})."
    )


def _in_words(entry: Entry, confidence: str) -> str:
    a, unit = entry.agreement, unit_label(entry.indicator, entry.difference_unit)

    def number(value: float) -> str:
        return value_text(value, entry.difference_unit, signed=True)

    low, high = a.bias_ci
    if low <= entry.none <= high:
        verdict = "on average no difference is shown"
    else:
        higher, lower = (
            (entry.first, entry.second) if a.bias > entry.none else (entry.second, entry.first)
        )
        verdict = f"{higher} gives higher values than {lower}"
    stimulus, difference = entry.worst
    return (
        f"{entry.label}, {entry.direction} = {number(a.bias)} {unit} on average over {entry.n} "
        f"stimuli ({confidence} confidence interval {_apart(low, entry)} to {_apart(high, entry)})"
        f": {verdict}; "
        f"{entry.further_one} is expected between {number(a.prediction[0])} and "
        f"{number(a.prediction[1])} ({100 * a.coverage:g} % prediction interval), the worst is "
        f"{stimulus} with {number(difference)} {unit}." + _few(entry.n)
    )


def _apart(value: float, entry: Entry) -> str:
    """Return an end of an interval, in enough digits to tell it from no difference."""
    unit, text = entry.difference_unit, ""
    for decimals in (None, 3, 4, 5, 6):
        text = value_text(value, unit, signed=True, decimals=decimals)
        if value == entry.none or text != value_text(
            entry.none, unit, signed=True, decimals=decimals
        ):
            return text
    return text


def _few(n: int) -> str:
    """Return the caution that an outcome of few pairs needs."""
    return "" if n >= 10 else f" {n} stimuli are few: the interval may change much with more."


def summary_blocks(study: Study) -> tuple[Block | Section, ...]:
    """Return the outcome in words, the verdicts on allowable differences, and an overview."""
    if not study.comparisons:
        return values_summary(study)
    blocks: list[Block | Section] = [Bullets(tuple(study_summary(study)))]
    if len(study.comparisons) == 1:
        blocks += equivalence_blocks(*next(iter(study.comparisons.items())))
    overview = (_overview_picture(study), _overview_table(study))
    return (*blocks, *overview, *errors_blocks(study))


def _leading(study: Study) -> list[tuple[str, Entry]]:
    """Return the leading entry of each combination and pair, pair by pair."""
    found = [
        (name, entry)
        for name, comparison in study.comparisons.items()
        for entry in (_leading_entry(comparison, *pair) for pair in comparison.pairs)
        if entry is not None
    ]
    pairs = list(dict.fromkeys(entry.direction for _, entry in found))
    return sorted(found, key=lambda one: pairs.index(one[1].direction))


def _leading_entry(comparison: MethodComparison, first: str, second: str) -> Entry | None:
    """Return the leading entry of a pair: LAeq if it was compared, else the first one."""
    own = [e for e in comparison.entries if (e.first, e.second) == (first, second)]
    return next((e for e in own if e.label == "LAeq"), own[0] if own else None)


def _overview_picture(study: Study) -> Picture:
    leading = _leading(study)
    entry = leading[0][1]
    unit = unit_label(entry.indicator, entry.difference_unit)
    confidence = next(iter(study.comparisons.values())).rules.confidence
    return Picture(
        "overview-figure",
        f"Bias and limits of agreement of {entry.label}",
        "One row per difference"
        + (" and combination of equipment" if len(study.comparisons) > 1 else "")
        + ". The numbers are in the table below.",
        f"{entry.label}: bias (diamond) with its {100 * confidence:g} % confidence interval "
        f"(thick) and limits of agreement (thin), in {unit}; dotted: no difference.",
        partial(figures.bias_forest, leading),
    )


def _overview_table(study: Study) -> Table:
    entries = _leading(study)
    unit = entries[0][1].difference_unit
    label, printed = entries[0][1].label, unit_label(entries[0][1].indicator, unit)
    columns = (
        Column("Difference"),
        Column("Equipment"),
        Column("n", "count"),
        Column("Bias", "signed", unit),
        Column("CI of the bias", "interval", unit),
        Column("Limits of agreement", "interval", unit),
        Column("Id", group="Worst stimulus"),
        Column("Difference", "signed", unit, "Worst stimulus"),
    )
    rows = tuple(
        (
            entry.direction,
            name or None,
            entry.n,
            entry.agreement.bias,
            entry.agreement.bias_ci,
            (entry.agreement.lower, entry.agreement.upper),
            *entry.worst,
        )
        for name, entry in entries
    )
    keep = [i for i, column in enumerate(columns) if column.title != "Equipment" or entries[0][0]]
    comparison = next(iter(study.comparisons.values()))
    return Table(
        "overview",
        f"{label} in {printed}; ears: {comparison.ears_in_words}",
        tuple(columns[i] for i in keep),
        tuple(tuple(row[i] for i in keep) for row in rows),
    )

"""What a report says: a study written as a document of text, tables and figures."""

from collections.abc import Sequence
from functools import partial

from soundcal.report import figures
from soundcal.report.document import (
    Block,
    Bullets,
    Column,
    Document,
    Notice,
    Paragraph,
    Picture,
    Section,
    Table,
    slug,
)
from soundcal.report.sections.checklist import checklist, interval_in_words
from soundcal.report.sections.comparison import comparison_section
from soundcal.report.sections.equipment import equipment_section, provenance_section
from soundcal.report.sections.takes import take_tables
from soundcal.report.style import count, family_name, unit_label, value_text
from soundcal.study.comparison import Comparison, Entry, Rules, in_order
from soundcal.study.model import Study

__all__ = ["build", "leading_entry", "summary"]


def build(study: Study) -> Document:
    """Return the whole report of a study."""
    sections = [
        Section("summary", "Summary", _summary_blocks(study)),
        Section("methods", "What was done", tuple(Paragraph(t) for t in methods_text(study))),
    ]
    if study.sessions or study.calibrations:
        sections.append(equipment_section(study))
    for name, comparison in study.comparisons.items():
        sections.append(comparison_section(study, name, comparison))
    sections.append(Section("warnings", "Warnings and validity flags", _warning_blocks(study)))
    if study.comparisons:
        sections.append(Section("checklist", "Reporting checklist", _checklist_blocks(study)))
    sections.append(provenance_section(study))
    return Document(study.title, _subtitle(study), tuple(sections))


def _subtitle(study: Study) -> str:
    stimuli = study.table["stimulus"].nunique()
    methods = " · ".join(in_order(map(str, study.table["condition"])))
    n = len(study.table[["indicator", "statistic"]].drop_duplicates())
    simulated = " · simulated lab" if any(source.simulated for source in study.sources) else ""
    counted = count(stimuli, "stimulus", "stimuli")
    return f"{counted} · {methods} · {count(n, 'indicator')}{simulated}"


# Summary ----------------------------------------------------------------------------------------


def leading_entry(comparison: Comparison, first: str, second: str) -> Entry | None:
    """Return the entry that speaks for a pair: LAeq if it was compared, else the first one."""
    own = [e for e in comparison.entries if (e.first, e.second) == (first, second)]
    return next((e for e in own if e.label == "LAeq"), own[0] if own else None)


def summary(study: Study) -> list[str]:
    """Return the outcome in plain words, one sentence per pair of methods."""
    leading = _leading(study)
    if len(study.comparisons) > 1:
        pairs = dict.fromkeys(entry.direction for _, entry in leading)
        return [_range_in_words([e for e in leading if e[1].direction == p]) for p in pairs]
    confidence = f"{100 * study.comparison.rules.confidence:g} %" if leading else ""
    return [(f"{name}: " if name else "") + _in_words(entry, confidence) for name, entry in leading]


def _range_in_words(entries: Sequence[tuple[str, Entry]]) -> str:
    """Return one sentence about one difference over several combinations of equipment."""
    first = entries[0][1]
    unit = unit_label(first.indicator, first.unit)

    def number(value: float) -> str:
        return f"{value_text(value, first.unit, signed=True)} {unit}"

    low, high = (pick(entries, key=lambda one: one[1].agreement.bias) for pick in (min, max))
    shown = sum(not e.agreement.bias_ci[0] <= 0 <= e.agreement.bias_ci[1] for _, e in entries)
    worst_name, worst = max(entries, key=lambda one: abs(one[1].worst[1]))
    return (
        f"{first.label}, {first.direction}, over {len(entries)} combinations of equipment: on "
        f"average from {number(low[1].agreement.bias)} ({low[0]}) to "
        f"{number(high[1].agreement.bias)} ({high[0]}); the confidence interval excludes 0 in "
        f"{shown} of {len(entries)}; the worst stimulus is {worst.worst[0]} with "
        f"{number(worst.worst[1])} ({worst_name})."
    )


def _in_words(entry: Entry, confidence: str) -> str:
    a, unit = entry.agreement, unit_label(entry.indicator, entry.unit)

    def number(value: float) -> str:
        return value_text(value, entry.unit, signed=True)

    low, high = a.bias_ci
    if low <= 0 <= high:
        verdict = "on average no difference is shown"
    else:
        higher, lower = (entry.first, entry.second) if a.bias > 0 else (entry.second, entry.first)
        verdict = f"{higher} gives higher values than {lower}"
    stimulus, difference = entry.worst
    return (
        f"{entry.label}, {entry.direction} = {number(a.bias)} {unit} on average over {a.n} stimuli "
        f"({confidence} confidence interval {number(low)} to {number(high)}): {verdict}; "
        f"single stimuli are expected between {number(a.lower)} and {number(a.upper)}, the "
        f"worst is {stimulus} with {number(difference)} {unit}."
    )


def _summary_blocks(study: Study) -> tuple[Block, ...]:
    if not study.comparisons:
        return (Paragraph("One method only: values per stimulus, nothing to compare."),)
    blocks: list[Block] = [
        Bullets(tuple(summary(study))),
        _overview_picture(study),
        _overview_table(study),
    ]
    for name, comparison in study.comparisons.items():
        stated = [entry for entry in comparison.entries if entry.delta is not None]
        if stated:
            blocks.append(_delta_table(name, stated, comparison.rules))
    return tuple(blocks)


def _leading(study: Study) -> list[tuple[str, Entry]]:
    """Return the entry that speaks for each combination and pair, pair by pair."""
    found = [
        (name, entry)
        for name, comparison in study.comparisons.items()
        for entry in (leading_entry(comparison, *pair) for pair in comparison.pairs)
        if entry is not None
    ]
    pairs = list(dict.fromkeys(entry.direction for _, entry in found))
    return sorted(found, key=lambda one: pairs.index(one[1].direction))


def _overview_picture(study: Study) -> Picture:
    leading = _leading(study)
    entry = leading[0][1]
    unit = unit_label(entry.indicator, entry.unit)
    confidence = next(iter(study.comparisons.values())).rules.confidence
    return Picture(
        "overview-figure",
        f"Bias and limits of agreement of {entry.label}",
        "One row per difference"
        + (" and combination of equipment" if len(study.comparisons) > 1 else "")
        + ". The numbers stand in the table below.",
        f"{entry.label}: bias (diamond) with its {100 * confidence:g} % confidence interval "
        f"(thick) and limits of agreement (thin), in {unit}; dotted: no difference.",
        partial(figures.bias_forest, leading),
    )


def _overview_table(study: Study) -> Table:
    entries = _leading(study)
    unit = entries[0][1].unit
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
            entry.agreement.n,
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


def _delta_table(name: str, entries: Sequence[Entry], rules: Rules) -> Table:
    """Return the verdicts against the allowable differences, each in its own unit."""
    part = f"{100 * rules.coverage:g} %"
    words = {
        "limits": f"both {part} limits of agreement lie within it",
        "content": f"the central {part} of the differences lie within it",
        "mean bias": "the mean difference lies within it (single ones may not)",
    }
    tests = [(entry, entry.test) for entry in entries if entry.test is not None]
    rows = tuple(
        (
            f"{entry.label}, {entry.direction}",
            f"±{value_text(test.delta, entry.unit)} {unit}",
            words[claim.name],
            Column("", "interval", entry.unit).text(claim.bounds) + f" {unit}",
            None if claim.p_value != claim.p_value else claim.p_value,
            "yes" if claim.concluded else "not shown",
        )
        for entry, test in tests
        for unit in (unit_label(entry.indicator, entry.unit),)
        for claim in (test.limits, test.content, test.mean_bias)
    )
    return Table(
        slug("delta", name),
        (f"{name}: " if name else "")
        + f"Agreement within the allowable difference; every claim by itself at level "
        f"{100 * (1 - rules.confidence):g} %",
        (
            Column("Indicator"),
            Column("Allowable difference"),
            Column("Claim"),
            Column("Bounds"),
            Column("p", "p"),
            Column("Shown"),
        ),
        rows,
    )


# Methods ----------------------------------------------------------------------------------------


def methods_text(study: Study) -> list[str]:
    """Return the methods paragraphs, written from what was done."""
    table = study.table
    channels = ", ".join(dict.fromkeys(map(str, table["channel"])))
    families = [
        f"{family_name(str(indicator))} {indicator} ({unit_label(str(indicator), str(unit))}: "
        f"{', '.join(dict.fromkeys(map(str, rows['statistic'])))})"
        for (indicator, unit), rows in table.groupby(["indicator", "unit"], sort=False)
    ]
    software = ", ".join(f"{name} {version}" for name, version in study.software.items())
    texts = [
        f"{campaign.title}, by {', '.join(campaign.people)}, {campaign.place}. "
        f"{campaign.description} Licence of the data: {campaign.licence}.".replace("  ", " ")
        for campaign in study.campaigns
    ]
    texts += [
        f"{count(table['stimulus'].nunique(), 'stimulus', 'stimuli')} under "
        f"{count(table['condition'].nunique(), 'condition')} "
        f"({', '.join(in_order(map(str, table['condition'])))}), channels {channels}. "
        "Indicators: " + "; ".join(families) + ". A number n stands for the value exceeded n % of "
        "the time.",
    ]
    if study.comparisons:
        texts.append(_statistics_text(next(iter(study.comparisons.values()))))
    if len(study.comparisons) > 1:
        texts.append(
            f"The {len(study.comparisons)} combinations of equipment are compared one by one: the "
            "same stimuli over several combinations are not independent observations."
        )
    texts += [
        f"Seed of session {session.folder}: {session.settings['seed']}."
        for session in study.sessions
        if "seed" in session.settings
    ]
    texts.append(f"Software: {software}.")
    return texts


def _statistics_text(comparison: Comparison) -> str:
    rules = comparison.rules
    differences = ", ".join(f"{first} − {second}" for first, second in comparison.pairs)
    z = "1.96" if rules.paper else f"the normal quantile for {100 * rules.coverage:g} %"
    chained = len(comparison.pairs) > len(comparison.methods) - 1
    text = (
        f"Methods were compared after Bland and Altman as differences {differences}, paired by "
        f"stimulus id. Ears: {comparison.ears_in_words}. Limits of agreement are bias ± {z} times "
        f"the standard deviation (divisor n − 1); {100 * rules.confidence:g} % confidence "
        f"intervals of the limits are {interval_in_words(comparison)}, that of the bias is "
        f"Student's t. p values test bias = 0 (paired t, two-sided), adjusted after Holm over "
        f"all {len(comparison.entries)} tests of the comparison; indicators of one recording are "
        "strongly correlated"
        + (", and differences of three methods depend on each other." if chained else ".")
    )
    if rules.delta:
        stated = ", ".join(f"{label} ±{value:g}" for label, value in rules.delta.items())
        text += (
            f" Allowable differences stated by the user: {stated}. Three claims are tested: both "
            "limits of agreement lie within (exact one-sided bounds), the central part of the "
            "differences does (Shieh 2019), the mean difference does (two one-sided t-tests)."
        )
    if rules.excluded:
        left_out = "; ".join(f"{name} ({reason})" for name, reason in rules.excluded.items())
        text += f" Stimuli left out: {left_out}."
    if rules.paper:
        text += " These are the choices of Lam et al. (arXiv 2207.12899)."
    return text


# Warnings, checklist ----------------------------------------------------------------------------


def _warning_blocks(study: Study) -> tuple[Block, ...]:
    blocks: list[Block] = [Notice(text) for text in study.warnings]
    blocks += [
        Notice((f"{name}: " if name else "") + text)
        for name, comparison in study.comparisons.items()
        for text in comparison.warnings
    ]
    blocks += take_tables(study.sources)
    warned = sum(
        bool(entry.warnings or entry.diagnostics.flags)
        for comparison in study.comparisons.values()
        for entry in comparison.entries
    )
    if warned:
        blocks.append(
            Paragraph(
                f"{count(warned, 'comparison')} with warnings or diagnostics to look at, "
                "printed with their tables."
            )
        )
    return tuple(blocks) or (Paragraph("None."),)


def _checklist_blocks(study: Study) -> tuple[Block, ...]:
    items = checklist(list(study.comparisons.values()), study.software, study.answers)
    return (
        Paragraph(
            "After Gerke (2020), Diagnostics 10(5), 334. Items marked as to be given are questions "
            "that no program can answer."
        ),
        Table(
            "checklist-table",
            "Reporting standards for an agreement analysis",
            (Column("Item"), Column("What is asked"), Column("Status"), Column("Answer")),
            tuple(
                (f"{item.number}", item.question, item.status, item.answer or None)
                for item in items
            ),
        ),
    )

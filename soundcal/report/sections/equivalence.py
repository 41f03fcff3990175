"""Section of a report about agreement within the allowable differences, which leads the summary."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from soundcal.files.names import some
from soundcal.report import figures
from soundcal.report.document import Block, Column, Paragraph, Picture, Section, Table, slug
from soundcal.report.style import allowed_text, count, unit_label, value_text
from soundcal.study import Entry, MethodComparison, Study
from soundcal.study.equivalence import Equivalence, EquivalenceFamily

__all__ = [
    "NOT_STATED",
    "equivalence_blocks",
    "equivalence_methods",
    "equivalence_sentences",
]

NOT_STATED: Final = (
    "No allowable difference was stated: agreement is described and not tested. State one before "
    "the data are seen, e.g. --delta LAeq=1, or --delta jnd for published just noticeable "
    "differences."
)

_NAMED: Final = 8
"""Indicators that a sentence names."""


def equivalence_sentences(study: Study) -> list[str]:
    """Return the outcome of the tests in words: one sentence per pair of methods, one for all.

    Empty without allowable differences.
    """
    comparisons = list(study.comparisons.values())
    families = [one.equivalences for one in comparisons if one.equivalences is not None]
    name = next(iter(study.comparisons)) if len(comparisons) == 1 else ""
    prefix = f"{name}: " if name else ""
    sentences = []
    for pair in dict.fromkeys(pair for one in comparisons for pair in one.pairs):
        own = [[e for e in one.tested if (e.first, e.second) == pair] for one in comparisons]
        if any(own):
            groups = _verdicts(own[0]) if len(own) == 1 else _verdicts_over(own)
            parts = [
                f"{text}: {len(labels)} ({some(labels, _NAMED)})"
                for text, labels in groups.items()
                if labels
            ]
            sentences.append(f"{prefix}{pair[0]} − {pair[1]}, indicators {'; '.join(parts)}.")
    return [*sentences, _families_in_words(families)] if families else sentences


def _verdicts(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """Return the indicators of one pair of methods by their verdict, in words."""
    words = {
        "within": "that agree within their allowable difference",
        "beyond": "with limits of agreement beyond their allowable difference",
        "undecided": "undecided",
    }
    return {
        text: [e.label for e in entries if e.equivalence and e.equivalence.verdict == verdict]
        for verdict, text in words.items()
    }


def _verdicts_over(combinations: Sequence[Sequence[Entry]]) -> dict[str, list[str]]:
    """Return the indicators of one pair by their verdicts over the combinations, in words."""
    verdicts: dict[str, set[str]] = {}
    for entries in combinations:
        for entry in entries:
            if entry.equivalence:
                verdicts.setdefault(entry.label, set()).add(entry.equivalence.verdict)
    agree, n = "that agree within their allowable difference in", len(combinations)
    beyond = "with limits of agreement beyond their allowable difference in"
    words = {
        ("within",): f"{agree} all of {count(n, 'combination')}",
        ("undecided", "within"): f"{agree} some, undecided in the others",
        ("beyond", "within"): f"{agree} some, with limits of agreement beyond it in the others",
        ("beyond", "undecided", "within"): f"{agree} some, with limits of agreement beyond it or "
        "undecided in the others",
        ("beyond",): f"{beyond} all of {count(n, 'combination')}",
        ("beyond", "undecided"): f"{beyond} some, undecided in the others",
        ("undecided",): f"undecided in all of {count(n, 'combination')}",
    }
    return {
        text: [label for label, found in verdicts.items() if tuple(sorted(found)) == key]
        for key, text in words.items()
    }


def _families_in_words(families: Sequence[EquivalenceFamily]) -> str:
    """Return the numbers of tests that show agreement, with the chance of a false one."""
    level = f"{100 * families[0].level:g} %"
    size, within = sum(one.size for one in families), sum(one.within for one in families)
    if not within:
        return f"None of {count(size, 'test')} at a level of {level} shows agreement."
    if len(families) == 1 and families[0].all_within:
        if size == 1:
            return (
                f"The test at a level of {level} shows agreement; if the indicator did not agree, "
                f"that would happen with a probability of at most {level}."
            )
        return (
            f"All {size} tests at a level of {level} show agreement; if one of the indicators did "
            f"not agree, that would happen with a probability of at most {level}."
        )
    each = "" if len(families) == 1 else " within each combination of equipment"
    holm = sum(one.within_holm for one in families)
    chance = max(one.chance for one in families)
    return (
        f"{within} of {size} tests at a level of {level} show agreement; {holm} after Holm's "
        f"adjustment{each}, which keeps the chance of any false one at {level} (without it: up to "
        f"{100 * chance:.3g} %)."
    )


def equivalence_blocks(name: str, comparison: MethodComparison) -> list[Block | Section]:
    """Return figures and tables of one comparison; none without allowable differences.

    Parameters
    ----------
    name : str
        Combination of equipment, "" for none.
    comparison : MethodComparison
        The comparison.
    """
    entries = sorted(
        comparison.tested, key=lambda entry: comparison.pairs.index((entry.first, entry.second))
    )
    family = comparison.equivalences
    if family is None:
        return []
    blocks: list[Block | Section] = [
        _picture(name, number, page, comparison) for number, page in enumerate(_pages(entries))
    ]
    numbers = (
        Paragraph(_false_yes(family)),
        _numbers(name, entries, comparison),
        _claims(name, entries, comparison),
    )
    heading = "Agreement within the allowable differences: numbers"
    blocks.append(
        Section(
            slug("equivalence", name),
            f"{name}: {heading}" if name else heading,
            numbers,
            folded=True,
        )
    )
    return blocks


def _pages(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Return the entries in pages of a figure; a pair of methods that fits is not divided."""
    most = figures.MAX_FOREST_ROWS
    pages: list[list[Entry]] = [[]]
    for direction in dict.fromkeys(entry.direction for entry in entries):
        own = [entry for entry in entries if entry.direction == direction]
        if pages[-1] and len(pages[-1]) + len(own) > most:
            pages.append([])
        for start in range(0, len(own), most):
            if start:
                pages.append([])
            pages[-1] += own[start : start + most]
    return pages


def _picture(
    name: str, number: int, entries: Sequence[Entry], comparison: MethodComparison
) -> Picture:
    rules = comparison.rules
    level = f"{100 * rules.confidence:g} %"
    shown = ", ".join(dict.fromkeys(entry.direction for entry in entries))
    caption = (
        f"Bias (diamond) with its {level} confidence interval (broad), {100 * rules.coverage:g} % "
        f"limits of agreement (ticks) and their one-sided {level} bounds (thin line), each "
        "in units of the allowable difference of its indicator. Agree: the bounds of both limits "
        "lie within ±1. Beyond: a limit is shown to lie outside. An arrow stands for what lies "
        "outside the axis."
        if number == 0
        else f"The same for {shown}."
    )
    return Picture(
        slug("equivalence-figure", name, str(number or "")),
        (f"{name}: " if name else "") + "Agreement in units of the allowable difference",
        " ".join(
            f"{entry.label}, {entry.direction}: {_word(entry.equivalence)}."
            for entry in entries
            if entry.equivalence
        ),
        (f"{name}: " if name else "") + caption,
        partial(figures.equivalence_forest, entries),
    )


def _allowed(entry: Entry, found: Equivalence) -> str:
    unit = unit_label(entry.indicator, entry.unit)
    return allowed_text(found.allowed.value, unit, found.allowed.scale)


def _word(found: Equivalence) -> str:
    return figures.VERDICT_WORDS[found.verdict]


def _false_yes(family: EquivalenceFamily) -> str:
    """Return the chance of a false yes over the tests of a comparison, in words."""
    level = f"{100 * family.level:g} %"
    return (
        f"{family.size} tests, each at a level of {level}. That all of them agree would be "
        f"concluded falsely with a probability of at most {level}, without any adjustment, because "
        "every test must succeed (intersection-union). A single one is another matter: an "
        f"indicator that in truth does not agree passes with a probability of up to {level}, and "
        f"of {family.size} such indicators at least one with up to {100 * family.chance:.3g} %. "
        f"Holm's adjustment over the {family.size} tests keeps this at {level}: of the "
        f"{family.within} that agree, {family.within_holm} remain."
    )


def _numbers(name: str, entries: Sequence[Entry], comparison: MethodComparison) -> Table:
    rules = comparison.rules
    level = f"{100 * rules.confidence:g} %"
    columns = (
        Column("Indicator"),
        Column("Difference"),
        Column("Allowable"),
        Column("Bias", "signed", group="In units of it", decimals=2),
        Column(f"{level} CI", "interval", group="In units of it", decimals=2),
        Column("Limits of agreement", "interval", group="In units of it", decimals=2),
        Column("Bounds of the limits", "interval", group="In units of it", decimals=2),
        Column("Verdict"),
        Column("p", "p"),
        Column("p (Holm)", "p"),
    )
    rows = tuple(
        (
            entry.label,
            entry.direction,
            _allowed(entry, found),
            found.bias,
            found.bias_ci,
            (found.lower, found.upper),
            found.bounds,
            _word(found),
            found.p_value,
            found.p_adjusted,
        )
        for entry in entries
        if (found := entry.equivalence)
    )
    caption = (
        f"Bias and limits in units of the allowable difference; bounds: {_bounds(comparison)}, "
        f"one-sided, {level} each; p: the smallest level at which the bounds of both limits lie "
        "within ±1"
    )
    return Table(slug("equivalence-table", name), caption, columns, rows)


def _claims(name: str, entries: Sequence[Entry], comparison: MethodComparison) -> Table:
    """Return the three claims about each allowable difference, each in its own unit."""
    rules = comparison.rules
    part = f"{100 * rules.coverage:g} %"
    words = {
        "limits": f"both {part} limits of agreement lie within it",
        "content": f"the central {part} of the differences lie within it",
        "mean bias": "the mean difference lies within it (single differences may not)",
    }
    rows = []
    for entry in entries:
        found = entry.equivalence
        if found is None:
            continue
        scale = found.allowed.scale
        own = unit_label(entry.indicator, entry.unit)
        unit = {"ratio": "as ratio", "percent": "%"}.get(scale, own)
        digits = {"ratio": "×", "percent": "%"}.get(scale, entry.unit)
        rows += [
            (
                f"{entry.label}, {entry.direction}",
                _allowed(entry, found),
                words[claim.name],
                " to ".join(
                    value_text(bound, digits, signed=True)
                    for bound in found.as_stated(claim.bounds)
                )
                + f" {unit}",
                None if claim.p_value != claim.p_value else claim.p_value,
                "yes" if claim.concluded else "not shown",
            )
            for claim in (found.test.limits, found.test.content, found.test.mean_bias)
            if claim.bounds[0] == claim.bounds[0]  # there is no test of the content of repeats
        ]
    return Table(
        slug("delta", name),
        (f"{name}: " if name else "")
        + f"Agreement within the allowable difference; each claim is tested separately at level "
        f"{100 * (1 - rules.confidence):g} %. The bounds are one-sided, "
        f"{100 * rules.confidence:g} % each; {_beside_intervals(comparison)}",
        (
            Column("Indicator"),
            Column("Allowable difference"),
            Column("Claim"),
            Column("One-sided bounds"),
            Column("p", "p"),
            Column("Shown"),
        ),
        tuple(rows),
    )


def _bounds(comparison: MethodComparison) -> str:
    """Return the kind of the bounds of the limits."""
    kinds = dict.fromkeys("MOVER" if entry.is_modelled else "exact" for entry in comparison.tested)
    return " or ".join(kinds) or "exact"


def _beside_intervals(comparison: MethodComparison) -> str:
    """Return the relation of the bounds to the two-sided intervals of the limits."""
    alike = all(
        entry.agreement.interval in (("mover",) if entry.is_modelled else ("exact", "pair"))
        for entry in comparison.tested
    )
    if not alike:
        return (
            f"they are {_bounds(comparison)}, and the two-sided intervals of the other tables, "
            "which are of another kind, may lie inside them"
        )
    return "they lie inside the two-sided intervals of the other tables"


def equivalence_methods(comparison: MethodComparison) -> list[str]:
    """Return the paragraphs about allowable differences, with the source of each published one."""
    rules = comparison.rules
    if not rules.delta_in_words:
        return [NOT_STATED]
    modelled = any(entry.is_modelled for entry in comparison.tested)
    texts = [
        f"Allowable differences stated by the user: {rules.delta_in_words}. Three claims are "
        f"tested: that both limits of agreement lie within them ({_bounds(comparison)} one-sided "
        "bounds), that the central part of the differences does (Shieh 2019"
        + ("; not tested for single ears or takes" if modelled else "")
        + "), and that the mean difference does (two one-sided t-tests). The verdict is that of "
        "the first claim; beyond means that "
        "a limit of agreement is shown to lie outside, which single differences may do although "
        "the mean one does not. A percentage is a ratio, whose logarithms are tested"
        + (
            ", or on the scale percent one of the mean of both methods."
            if any(entry.scale == "percent" for entry in comparison.entries)
            else "."
        )
    ]
    published = {
        jnd: None
        for entry in comparison.tested
        if entry.equivalence and (jnd := entry.equivalence.allowed.jnd)
    }
    for jnd in published:
        own = dict.fromkeys(
            entry.indicator
            for entry in comparison.tested
            if entry.equivalence and entry.equivalence.allowed.jnd == jnd
        )
        but = f" but {', '.join(jnd.not_for)}" if jnd.not_for else ""
        texts.append(
            f"Just noticeable difference of {', '.join(own)}: {jnd.value:g} {jnd.unit}, measured "
            f"for {jnd.measured}, applied to all statistics{but}. Source: {jnd.source} "
            f"({jnd.read})."
        )
    return texts

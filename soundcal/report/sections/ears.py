"""Section of a report on single ears: what the mean of both ears hides, and how much."""

from collections.abc import Sequence
from typing import Any

from soundcal.report.document import Block, Column, Paragraph, Section, Table, slug
from soundcal.report.style import family_name, known, unit_label, value_text
from soundcal.study import Entry, MethodComparison
from soundcal.study.two_ears import TwoEars

__all__ = ["ears_blocks", "ears_methods"]


def ears_blocks(name: str, entries: Sequence[Entry]) -> tuple[Block | Section, ...]:
    """Return sentences and a folded table about single ears of one family.

    Parameters
    ----------
    name : str
        Combination of equipment, "" for none.
    entries : sequence of Entry
        Entries of one indicator.

    Returns
    -------
    tuple
        Empty if there are no values of both ears.
    """
    found = [(entry, entry.two_ears) for entry in entries if entry.two_ears is not None]
    if not found:
        return ()
    first = {entry.direction: (entry, ears) for entry, ears in reversed(found)}
    sentences = [_sentence(*one) for one in reversed(first.values())]
    return (
        Paragraph(" ".join(sentences)),
        Section(
            slug("ears", name, entries[0].indicator),
            "Single ears, and what their mean hides",
            (_table(name, found),),
            folded=True,
        ),
    )


def _sentence(entry: Entry, ears: TwoEars) -> str:
    unit = entry.difference_unit

    def limits(lower: float, upper: float) -> str:
        low, high = (value_text(value, unit, signed=True) for value in (lower, upper))
        return f"{low} to {high} {unit_label(entry.indicator, unit)}"

    return (
        f"{entry.label}, {entry.direction}: limits of the mean of both ears "
        f"{limits(ears.mean.lower, ears.mean.upper)}; of a single ear "
        f"{limits(ears.single.lower, ears.single.upper)}"
        + (f", {ears.widening:.2f} times as wide." if known(ears.widening) is not None else ".")
    )


def _table(name: str, found: Sequence[tuple[Entry, TwoEars]]) -> Table:
    lead = found[0][0]
    unit, confidence = lead.difference_unit, f"{100 * lead.agreement.confidence:g} % CI"
    ratio = lead.scale == "ratio"
    columns = (
        Column("Indicator"),
        Column("Difference"),
        Column("n", "count"),
        Column("Limits", "interval", unit, "Mean of both ears"),
        Column("Limits", "interval", unit, "Single ear"),
        Column(f"{confidence} lower", "interval", unit, "Single ear"),
        Column(f"{confidence} upper", "interval", unit, "Single ear"),
        Column("Width ratio", "number", decimals=2),
        Column("SD of ln between ears", "number", decimals=3)
        if ratio
        else Column("SD between ears", "number", unit),
        Column("Left / right" if ratio else "Left − right", "signed", unit, "Fixed difference"),
        Column(confidence, "interval", unit, "Fixed difference"),
        Column("p", "p", group="Fixed difference"),
        Column("Left ear", "interval", unit, "Limits at one ear"),
        Column("Right ear", "interval", unit, "Limits at one ear"),
    )
    caption = (
        f"{family_name(lead.indicator)} at single ears, in {unit_label(lead.indicator, unit)}: "
        "limits for either ear of a further stimulus, from variances between stimuli and between "
        "the ears of a stimulus; width ratio: limits of a single ear over those of the mean; SD "
        "between ears: of a difference around its stimulus; fixed difference: of the bias at the "
        "left ear and at the right one (paired t over stimuli, p not adjusted)"
    )
    rows = tuple(_row(entry, ears) for entry, ears in found)
    return Table(slug("ears-table", name, lead.indicator), caption, columns, rows)


def _row(entry: Entry, ears: TwoEars) -> tuple[Any, ...]:
    single = ears.single
    return (
        entry.label,
        entry.direction,
        ears.stimuli,
        (ears.mean.lower, ears.mean.upper),
        (single.lower, single.upper),
        single.lower_ci,
        single.upper_ci,
        known(ears.widening),
        ears.sd_between,
        ears.between,
        None if ears.between_p is None else ears.between_ci,
        ears.between_p,
        ears.at_left[1:],
        ears.at_right[1:],
    )


def ears_methods(comparison: MethodComparison) -> str:
    """Return the sentences about both ears in one model; "" if there is none."""
    if not any(entry.two_ears for entry in comparison.entries):
        return ""
    delta_method = comparison.rules.repeated_interval == "1999"
    text = (
        "Limits of a single ear come from a model with random stimuli and ears within stimuli "
        "(Bland and Altman 2007, paired measurements with a varying true value; intervals: "
        f"{'delta method, 1999' if delta_method else 'MOVER, Zou 2013'}); the difference between "
        "the ears is estimated as a fixed one, and half of it is part of the width of the limits. "
        "The stimulus is the unit of all intervals and tests. "
    )
    if comparison.rules.ears == "both":
        return text + "All limits of the report are those of a single ear."
    return text + (
        "All other limits are those of the mean of both ears, in which differences between the "
        "ears cancel in part; they do not hold for a single ear."
    )

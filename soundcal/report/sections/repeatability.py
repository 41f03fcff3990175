"""Section of a report on repeated takes: the agreement of each method with itself."""

from collections.abc import Sequence

from soundcal.report.document import Column, Table, slug
from soundcal.report.style import family_name, unit_label
from soundcal.study import Entry, MethodComparison

__all__ = ["repeatability_methods", "repeatability_tables"]


def repeatability_tables(name: str, entries: Sequence[Entry]) -> tuple[Table, ...]:
    """Return the repeatability of the methods for one family; empty without repeated takes.

    Parameters
    ----------
    name : str
        Combination of equipment, "" for none.
    entries : sequence of Entry
        Entries of one indicator.
    """
    rows = [
        (
            entry.label,
            entry.direction,
            one.method,
            one.stimuli,
            one.takes,
            one.sd,
            one.sd_ci,
            one.coefficient,
            one.coefficient_ci,
        )
        for entry in entries
        for one in entry.repeatability
    ]
    if not rows:
        return ()
    # a method occurs in several pairs: with other numbers if percentages are of the mean of both
    # methods, or if values are missing
    by_method = list(dict.fromkeys((label, *rest) for label, _, *rest in rows))
    alike = len({row[:2] for row in by_method}) == len(by_method)
    lead = entries[0]
    unit, confidence = lead.difference_unit, f"{100 * lead.agreement.confidence:g} % CI"
    of_ln, sd_unit = (" of ln", "") if lead.scale == "ratio" else ("", unit)
    coefficient = "Repeatability coefficient"
    columns = (
        Column("Indicator"),
        *(() if alike else (Column("Difference"),)),
        Column("Method"),
        Column("Stimuli", "count"),
        Column("Takes", "count"),
        Column(f"SD{of_ln}", "number", sd_unit, "Within a stimulus"),
        Column(confidence, "interval", sd_unit, "Within a stimulus"),
        Column("Value", "number", unit, coefficient),
        Column(confidence, "interval", unit, coefficient),
    )
    caption = (
        f"Repeatability of {family_name(lead.indicator)} in {unit_label(lead.indicator, unit)}: "
        f"two takes of one stimulus by one method differ by less than the coefficient in "
        f"{100 * lead.agreement.coverage:g} % of cases"
        + (" (ratios between its inverse and it)" if lead.scale == "ratio" else "")
    )
    table = Table(
        slug("repeatability", name, lead.indicator),
        caption,
        columns,
        tuple(by_method if alike else rows),
    )
    return (table,)


def repeatability_methods(comparison: MethodComparison) -> str:
    """Return the sentences about repeated takes; "" if there are none."""
    if not any(entry.repeatability for entry in comparison.entries):
        return ""
    assumption = (
        "the true value of a stimulus is taken as the same in all takes, and takes of one method "
        "as independent of those of the other (Bland and Altman 1999, 5.2)"
        if comparison.rules.takes == "constant"
        else "takes of one name are pairs, and the true value may vary between the takes of a "
        "stimulus (Bland and Altman 2007)"
    )
    interval = (
        "the delta method (1999)"
        if comparison.rules.repeated_interval == "1999"
        else "MOVER (Zou 2013)"
    )
    return (
        f"Stimuli were recorded repeatedly: limits are those of single takes, {assumption}; their "
        f"intervals are by {interval}, and the stimulus is the unit of those of the bias and of "
        "all tests. Repeatability is the standard deviation within stimuli; the repeatability "
        "coefficient is √2 times the normal quantile times it, with chi-square intervals."
    )

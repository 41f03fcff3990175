"""Limits in addition to the plain ones, for comparisons whose diagnostics require them.

The report always states the plain limits. Where the bias or the spread depends on the size of the
measured value, it adds limits as lines; where the differences are not normal, it adds quantiles.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from soundcal.arrays import Array
from soundcal.report.document import Block, Column, Section, Table, slug
from soundcal.report.style import unit_label
from soundcal.study import Entry
from soundcal.study.comparison import LimitsAtQuartiles

if TYPE_CHECKING:
    from soundcal.agreement.nonparametric import NonparametricLimits

__all__ = ["other_limits_section"]


def other_limits_section(name: str, entries: Sequence[Entry]) -> tuple[Section, ...]:
    """Return limits as lines and quantiles of the entries of one family that need them.

    Parameters
    ----------
    name : str
        Combination of equipment, "" for none.
    entries : sequence of Entry
        Entries of one indicator.

    Returns
    -------
    tuple of Section
        Empty if no entry needs other limits.
    """
    sloping = [(entry, entry.lines) for entry in entries if entry.lines is not None]
    skewed = [(entry, entry.quantiles) for entry in entries if entry.quantiles is not None]
    blocks: list[Block] = []
    if sloping:
        blocks.append(_lines(name, sloping))
    if skewed:
        blocks.append(_quantiles(name, skewed))
    if not blocks:
        return ()
    heading = "Other limits of the comparisons with diagnostic flags"
    return (
        Section(slug("other", name, entries[0].indicator), heading, tuple(blocks), folded=True),
    )


def _lines(name: str, sloping: Sequence[tuple[Entry, LimitsAtQuartiles]]) -> Table:
    first = sloping[0][0]
    indicator, unit = first.indicator, first.difference_unit
    confidence = f"{100 * first.agreement.confidence:g} % CI"
    columns = (
        Column("Indicator"),
        Column("Difference"),
        Column("Mean of both", "number", first.unit, "At the quartile"),
        Column("Bias", "signed", unit, "At the quartile"),
        Column("Lower", "signed", unit, "Lower limit"),
        Column(confidence, "interval", unit, "Lower limit"),
        Column("Upper", "signed", unit, "Upper limit"),
        Column(confidence, "interval", unit, "Upper limit"),
        Column("Spread"),
    )
    rows = tuple(row for entry, lines in sloping for row in _at_quartiles(entry, lines))
    caption = (
        f"Limits of agreement as lines over the mean of both methods (Bland & Altman 1999, 3.2), "
        f"in {unit_label(indicator, unit)}, at the quartiles of the means; the intervals take the "
        "spread as given in the last column"
    )
    return Table(slug("lines", name, indicator), caption, columns, rows)


def _at_quartiles(entry: Entry, lines: LimitsAtQuartiles) -> list[tuple[Any, ...]]:
    if not lines.average.size:
        return [(entry.label, entry.direction, *(None,) * 6, lines.spread)]
    return [
        (
            entry.label,
            entry.direction,
            float(lines.average[i]),
            float(lines.bias[i]),
            float(lines.lower[i]),
            _interval(lines.lower_ci[i]),
            float(lines.upper[i]),
            _interval(lines.upper_ci[i]),
            lines.spread,
        )
        for i in range(lines.average.size)
    ]


def _interval(bounds: Array) -> tuple[float, float]:
    return float(bounds[0]), float(bounds[1])


def _quantiles(name: str, skewed: "Sequence[tuple[Entry, NonparametricLimits]]") -> Table:
    entry, first = skewed[0]
    unit, confidence = entry.difference_unit, f"{100 * entry.agreement.confidence:g} % CI"
    columns = (
        Column("Indicator"),
        Column("Difference"),
        Column("Median", "signed", unit),
        Column("Lower", "signed", unit, "Lower quantile"),
        Column(confidence, "interval", unit, "Lower quantile"),
        Column("Upper", "signed", unit, "Upper quantile"),
        Column(confidence, "interval", unit, "Upper quantile"),
    )
    rows = tuple(
        (
            entry.label,
            entry.direction,
            q.bias,
            q.lower,
            q.lower_ci,
            q.upper,
            q.upper_ci,
        )
        for entry, q in skewed
    )
    caption = (
        f"Quantiles that enclose {100 * first.coverage:g} % of the differences (type "
        f"{first.quantile_type} of Hyndman & Fan), with distribution-free intervals by order "
        "statistics; ∞ where too few pairs bound a quantile on that side"
    )
    return Table(slug("quantiles", name, entry.indicator), caption, columns, rows)

"""Section of a report about what the study could have shown."""

from soundcal.report.document import Column, Paragraph, Section, Table, slug
from soundcal.report.style import known, unit_label
from soundcal.study import MethodComparison
from soundcal.study.sensitivity import POWER

__all__ = ["sensitivity_section"]


def sensitivity_section(name: str, comparison: MethodComparison) -> tuple[Section, ...]:
    """Return the smallest differences that a comparison could have shown, and effect sizes.

    Parameters
    ----------
    name : str
        Combination of equipment, "" for none.
    comparison : MethodComparison
        The comparison.

    Returns
    -------
    tuple of Section
        Empty if no indicator has differences that vary.
    """
    found = [(entry, entry.sensitivity) for entry in comparison.entries]
    rows = tuple(
        (
            entry.label,
            entry.direction,
            shown.size.n,
            shown.size.sd,
            shown.bias,
            known(shown.delta),
            unit_label(entry.indicator, entry.difference_unit),
            None if shown.size.g != shown.size.g else shown.size.g,
            shown.size.ci,
        )
        for entry, shown in found
        if shown is not None
    )
    if not rows:
        return ()
    modelled = any(entry.is_modelled for entry, _ in found)
    ratios = any(entry.scale == "ratio" for entry, _ in found)
    confidence = 100 * comparison.rules.confidence
    level, power = f"{100 - confidence:g} %", f"{100 * POWER:g} %"
    text = (
        f"Computed from the number of stimuli and the standard deviation found, as if it were the "
        f"true one, at a level of {level} and a power of {power}. Smallest bias: the smallest true "
        "mean difference that the paired t-test would have found (exact, noncentral t); a smaller "
        "one may exist unseen. Smallest allowable difference: the smallest within which both "
        "limits of agreement would have been shown to lie if there were no bias (exact"
        + ("; not known for limits of single ears or takes" if modelled else "")
        + "). Effect size: mean difference in standard deviations of the differences, without "
        "bias (Hedges 1981), with its exact interval."
        + (" SD of ratios: of their natural logarithms." if ratios else "")
    )
    columns = (
        Column("Indicator"),
        Column("Difference"),
        Column("n", "count"),
        Column("SD", "significant"),
        Column("Smallest bias", "significant"),
        Column("Smallest allowable difference", "significant"),
        Column("Unit"),
        Column("Effect size", "signed", decimals=2),
        Column(f"{confidence:g} % CI", "interval", decimals=2),
    )
    table = Table(
        slug("sensitivity-table", name),
        f"Smallest differences that a power of {power} could have shown, and effect sizes",
        columns,
        rows,
    )
    heading = "What this study could have shown"
    return (Section(slug("sensitivity", name), heading, (Paragraph(text), table), folded=True),)

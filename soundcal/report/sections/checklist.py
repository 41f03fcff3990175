"""The reporting checklist for studies of agreement, filled in where the data have the answer.

Gerke, O. (2020): Reporting standards for a Bland-Altman agreement analysis, Diagnostics 10(5), 334,
Table 2, 16 items; the wording here is our own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from soundcal.errors import ParameterError
from soundcal.report.document import Block, Column, Paragraph, Table
from soundcal.study import Entry, MethodComparison, Study

__all__ = ["ITEMS", "ChecklistItem", "checklist", "checklist_blocks", "interval_in_words"]

Status = Literal["filled", "given by the user", "to be given by the user"]

ITEMS: Final[dict[int, str]] = {
    1: "Acceptable limits of agreement, stated in advance",
    2: "Structure of the data",
    3: "Repeatability of each method",
    4: "Plot of the data; normality, trend and constant variance examined",
    5: "Transformation of the data, if one was needed",
    6: "Bias drawn and printed",
    7: "Precision of the bias",
    8: "Limits of agreement drawn and printed",
    9: "Precision of the limits of agreement",
    10: "Range of the measured values wide enough",
    11: "Variance between and within, or intervals that respect the structure",
    12: "Software and version",
    13: "Assumptions about the distribution",
    14: "Sample size and why it suffices",
    15: "Horizontal axis of the plots",
    16: "Conflicts of interest",
}
"""Items by number."""

_FOR_THE_USER: Final = frozenset({1, 3, 10, 14, 16})


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One item of the checklist and its answer in the report."""

    number: int
    question: str
    status: Status
    answer: str


def checklist(
    comparisons: Sequence[MethodComparison], software: Mapping[str, str], answers: Mapping[int, str]
) -> tuple[ChecklistItem, ...]:
    """Return all 16 items.

    Parameters
    ----------
    comparisons : sequence of MethodComparison
        One or more, made by the same rules.
    software : mapping of str to str
        Versions of the software.
    answers : mapping of int to str
        Answers of the user, by item.

    Raises
    ------
    ParameterError
        An answer to an item that does not exist.
    """
    strangers = sorted(set(answers) - set(ITEMS))
    if strangers:
        raise ParameterError(f"checklist item {strangers[0]}; the items are 1 to {len(ITEMS)}")
    own = _from_the_data(comparisons, software)
    stated = comparisons[0].rules.delta_in_words
    answered = {3} if own[3] else set()
    items = []
    for number, question in ITEMS.items():
        if number in answers:
            items.append(ChecklistItem(number, question, "given by the user", answers[number]))
        elif number in _FOR_THE_USER and not (number == 1 and stated) and number not in answered:
            items.append(
                ChecklistItem(number, question, "to be given by the user", own.get(number, ""))
            )
        else:
            items.append(ChecklistItem(number, question, "filled", own[number]))
    return tuple(items)


def _from_the_data(
    comparisons: Sequence[MethodComparison], software: Mapping[str, str]
) -> dict[int, str]:
    comparison = comparisons[0]
    rules = comparison.rules
    entries = [entry for one in comparisons for entry in one.entries]
    counts = [entry.n for entry in entries]
    n = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    leading = {entry.indicator: entry for entry in reversed(entries)}
    ranges = []
    for first in reversed(leading.values()):
        own = [entry.averages for entry in entries if entry.label == first.label]
        low, high = min(a.min() for a in own), max(a.max() for a in own)
        ranges.append(f"{first.label} {low:.3g} to {high:.3g} {first.unit}")
    found = [entry.diagnostics for entry in entries]
    normality = sum(d.normality_p < 0.05 for d in found)
    trend, spread = sum(d.has_trend for d in found), sum(d.has_unequal_spread for d in found)
    repeated = any(entry.repeatability for entry in entries)
    level = f"{100 * rules.confidence:g} %"
    return {
        1: f"{rules.delta_in_words}, as given to the program" if rules.delta_in_words else "",
        2: f"{_structure(comparison, repeated)}; {n} stimuli; ears: {comparison.ears_in_words}",
        4: f"Differences drawn over means; of {len(entries)} comparisons {normality} have "
        f"differences that are not normal (p < 0.05), {trend} a trend, {spread} a spread that "
        "depends on the mean; see the tables of diagnostics",
        3: "See the tables of repeatability" if repeated else "",
        5: _transformation(entries),
        6: "In every figure and table",
        7: f"{level} confidence interval from Student's t",
        8: "In every figure and table",
        9: f"{level} confidence intervals, {interval_in_words(comparison)}",
        10: "Found: " + "; ".join(ranges),
        11: (
            "Limits from variances between and within stimuli; stimuli are the independent units"
            if repeated or rules.ears == "both"
            else "One value per stimulus and method after the ear rule; stimuli are the "
            "independent units"
        ),
        12: ", ".join(f"{name} {version}" for name, version in software.items()),
        13: "Differences normally distributed and of constant variance",
        14: f"{n} stimuli; what they could have shown is in the section of that name",
        15: "Mean of both methods",
    }


def _structure(comparison: MethodComparison, repeated: bool) -> str:
    """Return the structure of the data in words."""
    if repeated:
        return (
            f"Repeated takes of a stimulus, true value {comparison.rules.takes}, joined by its id"
        )
    if comparison.rules.ears == "both":
        return "Two pairs per stimulus, one of each ear, joined by its id"
    return "One pair per stimulus, joined by its id"


def _transformation(entries: Sequence[Entry]) -> str:
    """Return the scales in words."""
    by_scale: dict[str, list[str]] = {}
    for entry in entries:
        by_scale.setdefault(entry.scale, []).append(entry.indicator)
    words = {
        "difference": "differences in the unit of the indicator",
        "ratio": "natural logarithms, transformed back to ratios",
        "percent": "differences in percent of the mean of both methods",
    }
    if list(by_scale) == ["difference"]:
        return f"None; {words['difference']}"
    return "; ".join(
        f"{', '.join(dict.fromkeys(names))}: {words[scale]}" for scale, names in by_scale.items()
    )


def interval_in_words(comparison: MethodComparison) -> str:
    """Return the method of the limits' confidence intervals in words."""
    kinds = dict.fromkeys(entry.agreement.interval for entry in comparison.entries)
    words = {
        "exact": "exact for each limit (noncentral t; Carkeet 2015)",
        "pair": "exact for both limits as a pair (Carkeet 2015)",
        "1999": "approximate (Bland and Altman 1999)",
        "1986": "approximate (Bland and Altman 1986)",
        "mover": "by variance recovery (Zou 2013)",
    }
    return " or ".join(words[kind] for kind in kinds)


def checklist_blocks(study: Study) -> tuple[Block, ...]:
    """Return the checklist of a study as a table."""
    items = checklist(list(study.comparisons.values()), study.software, study.answers)
    return (
        Paragraph(
            "After Gerke (2020), Diagnostics 10(5), 334. Only the user can answer the items marked "
            "as to be given."
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

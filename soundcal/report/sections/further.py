"""Section of a report with the additional statistics: lines, correlations, TDI."""

from collections.abc import Sequence
from typing import Any, Final

from soundcal.report.document import Column, Section, Table, slug
from soundcal.report.style import family_name
from soundcal.study import Entry, MethodComparison
from soundcal.study.rules import FURTHER

__all__ = ["further_methods", "further_sections"]

_TITLES: Final[dict[str, str]] = {
    "deming": "Deming's line",
    "passing-bablok": "Line of Passing and Bablok",
    "ccc": "Concordance correlation coefficient",
    "icc": "Intraclass correlation ICC(A,1)",
    "tdi": "Total deviation index",
}

_WITH_INTERVAL: Final = ("slope", "intercept", "ccc", "icc(A,1)")

_METHODS: Final[dict[str, str]] = {
    "deming": "Deming's line, second = intercept + slope × first, allows for errors of both "
    "methods (Cornbleet and Gochman 1979; jackknife intervals, Linnet 1993); slope 1 and intercept "
    "0 mean no proportional and no constant difference. It needs the ratio of both error "
    "variances: 1 is assumed, or it is estimated from repeated takes where both methods have them. "
    "A wrong ratio tilts the line.",
    "passing-bablok": "The line of Passing and Bablok (1983), second = intercept + slope × first, "
    "is a shifted median of all pairwise slopes with intervals by ranks. It assumes a linear "
    "relation, and errors of both methods in proportion to the slope; it needs a wide range, and "
    "its test of linearity has little power at few stimuli (p not adjusted).",
    "ccc": "The concordance correlation coefficient (Lin 1989, 2000; interval by Fisher's z) is "
    "the product of Pearson's correlation (precision) and a bias correction (accuracy). Like every "
    "correlation it depends on the range of the stimuli: it is high over a wide range and low over "
    "a narrow one, whatever the differences are.",
    "icc": "The intraclass correlation is of the form ICC(A,1): two-way, absolute agreement, "
    "single measurement (McGraw and Wong 1996). It depends on the range of the stimuli as every "
    "correlation does; the standard error of measurement, in the unit of the values, does not.",
    "tdi": "The total deviation index is the value below which the stated part of all absolute "
    "differences lies (Lin 2000, solved without his approximation), with an upper confidence bound "
    "by generalised inference (Weerahandi 1993). It assumes normal differences, and joins bias and "
    "spread in one number.",
}


def further_sections(name: str, entries: Sequence[Entry]) -> tuple[Section, ...]:
    """Return the additional statistics of one family, a table of each kind; empty without any.

    Parameters
    ----------
    name : str
        Combination of equipment, "" for none.
    entries : sequence of Entry
        Entries of one indicator.
    """
    kinds = [kind for kind in FURTHER if any(one.kind == kind for one in entries[0].further)]
    if not kinds:
        return ()
    tables = tuple(_table(name, kind, entries) for kind in kinds)
    heading = "Further statistics"
    return (Section(slug("further", name, entries[0].indicator), heading, tables, folded=True),)


def _table(name: str, kind: str, entries: Sequence[Entry]) -> Table:
    lead = entries[0]
    confidence = f"{100 * lead.agreement.confidence:g} % CI"
    unit = lead.unit
    numbers: dict[str, tuple[Column, ...]] = {
        "slope": (
            Column("Slope", "number", decimals=4),
            Column(confidence, "interval", decimals=4, group="Slope"),
        ),
        "intercept": (
            Column("Intercept", "signed", unit),
            Column(confidence, "interval", unit, "Intercept"),
        ),
        "linearity p": (Column("Linearity p", "p"),),
        "ccc": (Column("CCC", "number", decimals=4), Column(confidence, "interval", decimals=4)),
        "precision": (Column("Precision r", "number", decimals=4),),
        "accuracy": (Column("Accuracy", "number", decimals=4),),
        "icc(A,1)": (
            Column("ICC(A,1)", "number", decimals=4),
            Column(confidence, "interval", decimals=4),
        ),
        "standard error of measurement": (Column("Standard error of measurement", "number", unit),),
        "tdi": (
            Column("TDI", "number", lead.difference_unit),
            Column("Upper bound", "number", lead.difference_unit),
        ),
    }
    names = dict.fromkeys(
        one.name for entry in entries for one in entry.further if one.kind == kind
    )
    line = kind in ("deming", "passing-bablok")
    columns = (
        Column("Indicator"),
        Column("Line" if line else "Difference"),
        *(column for name in names for column in numbers[name]),
        Column("Note"),
    )
    part = ""
    if kind == "tdi":
        part = f" for {100 * lead.agreement.coverage:g} % of the differences"
        if lead.scale == "ratio":
            part += " (ratios between its inverse and it)"
    rows = tuple(_row(entry, kind, list(names), line) for entry in entries)
    caption = f"{_TITLES[kind]}{part} of {family_name(lead.indicator)}"
    return Table(slug(kind, name, lead.indicator), caption, columns, rows)


def _row(entry: Entry, kind: str, names: Sequence[str], line: bool) -> tuple[Any, ...]:
    found = {one.name: one for one in entry.further if one.kind == kind}
    cells: list[Any] = []
    for name in names:
        one = found.get(name)
        cells.append(None if one is None else one.value)
        if name == "tdi":
            cells.append(None if one is None else one.high)
        elif name in _WITH_INTERVAL:
            cells.append(None if one is None or one.low is None else (one.low, one.high))
    note = "; ".join(one.note for one in found.values() if one.note)
    what = f"{entry.second} on {entry.first}" if line else entry.direction
    return (entry.label, what, *cells, note or None)


def further_methods(comparison: MethodComparison) -> tuple[str, ...]:
    """Return a paragraph about each of the additional statistics."""
    return tuple(_METHODS[kind] for kind in FURTHER if kind in comparison.rules.also)

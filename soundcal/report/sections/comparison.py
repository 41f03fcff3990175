"""Section of a report about one comparison: figures, agreement, diagnostics, values."""

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from soundcal.report import figures
from soundcal.report.document import Block, Bullets, Column, Notice, Picture, Section, Table, slug
from soundcal.report.sections.ears import ears_blocks
from soundcal.report.sections.equipment import gains_table
from soundcal.report.sections.equivalence import equivalence_blocks
from soundcal.report.sections.further import further_sections
from soundcal.report.sections.other_limits import other_limits_section
from soundcal.report.sections.repeatability import repeatability_tables
from soundcal.report.sections.sensitivity import sensitivity_section
from soundcal.report.style import family_name, known, unit_label, value_text
from soundcal.study import Entry, MethodComparison, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["agreement_table", "comparison_section", "diagnostics_table", "stimulus_table"]

_MEANING: Final[dict[str, str]] = {
    "normality": "normality: the differences are not normal; look at the quantile plot, and "
    "compare with the nonparametric limits.",
    "trend": "trend: the bias depends on the mean of both methods; see the regression limits or, "
    "for quantities with a true zero, the ratio scale.",
    "spread": "spread: the spread of the differences depends on the mean of both methods; see the "
    "regression limits or, for quantities with a true zero, the ratio scale.",
    "outliers": "outliers: they are kept in all numbers; find the reason, and compare the limits "
    "without them.",
}


def comparison_section(study: Study, name: str, comparison: MethodComparison) -> Section:
    """Return figures and tables of one comparison, family by family."""
    blocks: list[Block | Section] = [Notice(text) for text in comparison.warnings]
    if len(study.comparisons) > 1:  # those of a single one lead the summary
        blocks += equivalence_blocks(name, comparison)
    lead = comparison.entries[0]
    lead = next((entry for entry in comparison.entries if entry.label == "LAeq"), lead)
    blocks.append(_dots(name, comparison, lead))
    gains = gains_table(study, name)
    if gains is not None:
        blocks.append(Section(slug("gain", name), "Playback gains", (gains,), folded=True))
    for indicator in comparison.families:
        entries = comparison.family(indicator)
        heading = family_name(indicator)
        heading += f" {indicator}" if heading != indicator else ""
        blocks.append(
            Section(
                slug("family", name, indicator),
                f"{heading} in {unit_label(indicator, entries[0].unit)}",
                (
                    *_grids(name, entries, comparison),
                    agreement_table(name, entries, comparison),
                    *_entry_notices(entries),
                    *ears_blocks(name, entries),
                    *repeatability_tables(name, entries),
                    Section(
                        slug("diagnostics", name, indicator),
                        f"Diagnostics{_how_many_flagged(entries)}",
                        (diagnostics_table(name, entries), *_to_look_at(entries)),
                        folded=True,
                        on_paper="whole",
                    ),
                    *other_limits_section(name, entries),
                    *further_sections(name, entries),
                    Section(
                        slug("values", name, indicator),
                        "Values per stimulus",
                        (stimulus_table(name, indicator, comparison),),
                        folded=True,
                    ),
                ),
            )
        )
    blocks += sensitivity_section(name, comparison)
    title = f"Agreement: {name}" if name else "Agreement"
    return Section(slug("agreement", name), title, tuple(blocks))


def _dots(name: str, comparison: MethodComparison, entry: Entry) -> Picture:
    wide = comparison.by_method(entry.indicator, entry.statistic)
    unit = unit_label(entry.indicator, entry.unit)
    shown = min(len(wide), figures.MAX_DOT_ROWS)
    which = "" if shown == len(wide) else f", the {shown} of {len(wide)} that differ most"
    return Picture(
        slug("dots", name),
        f"{entry.label} per stimulus",
        f"One row per stimulus, one marker per method: {', '.join(map(str, wide.columns))}. "
        "The numbers are in the table of values per stimulus.",
        f"{entry.label} in {unit} per stimulus{which}; ears: {comparison.values_in_words}.",
        lambda: figures.stimulus_dots(wide, entry.label, unit),
    )


def _grids(name: str, entries: Sequence[Entry], comparison: MethodComparison) -> list[Picture]:
    statistics = list(dict.fromkeys(entry.statistic for entry in entries))
    most = figures.MAX_COLUMNS
    pictures = []
    for start in range(0, len(statistics), most):
        chunk = statistics[start : start + most]
        own = [entry for entry in entries if entry.statistic in chunk]
        pictures.append(
            Picture(
                slug("bland-altman", name, entries[0].indicator, str(start or "")),
                f"Bland-Altman plots of {', '.join(entry.label for entry in _first_pair(own))}",
                " ".join(_grid_sentence(entry) for entry in own),
                f"{_vertical(entries[0])} over the mean of both methods. Solid: bias; dashed: "
                f"limits of agreement; shaded: {100 * comparison.rules.confidence:g} % confidence "
                "intervals (cut off at the frame); dotted: no difference"
                + ("; dash-dotted: allowable difference" if any(e.allowed for e in own) else "")
                + f"{_limits_of_takes(own)}. Ears: {comparison.ears_in_words}.",
                partial(_one_grid, own),
            )
        )
    return pictures


def _one_grid(entries: Sequence[Entry]) -> "Figure":
    return figures.bland_altman_grid(entries)[0]


def _first_pair(entries: Sequence[Entry]) -> list[Entry]:
    pair = (entries[0].first, entries[0].second)
    return [entry for entry in entries if (entry.first, entry.second) == pair]


def _grid_sentence(entry: Entry) -> str:
    a = entry.agreement
    bias, lower, upper = (
        value_text(value, entry.difference_unit, signed=True)
        for value in (a.bias, a.lower, a.upper)
    )
    return f"{entry.label}, {entry.direction}: bias {bias}, limits {lower} and {upper}."


def agreement_table(name: str, entries: Sequence[Entry], comparison: MethodComparison) -> Table:
    """Return bias, limits and their intervals of one family."""
    unit = entries[0].difference_unit
    interval = f"{100 * comparison.rules.confidence:g} % CI"
    columns = (
        Column("Indicator"),
        Column("Difference"),
        Column("n", "count"),
        Column("Bias", "signed", unit, "Bias"),
        Column(interval, "interval", unit, "Bias"),
        Column("SD of ln", "number", decimals=3)
        if entries[0].scale == "ratio"
        else Column("SD", "number", unit),
        Column("Lower", "signed", unit, "Lower limit"),
        Column(interval, "interval", unit, "Lower limit"),
        Column("Upper", "signed", unit, "Upper limit"),
        Column(interval, "interval", unit, "Upper limit"),
        Column("p (Holm)", "p"),
        Column("p (max-T)", "p"),
        Column("Id", group="Worst stimulus"),
        Column("Difference", "signed", unit, "Worst stimulus"),
    )
    rows = tuple(_agreement_row(entry) for entry in entries)
    caption = (
        f"Agreement of {family_name(entries[0].indicator)} {_scale(entries[0])}; ears: "
        f"{comparison.ears_in_words}"
    )
    return Table(slug("agreement-table", name, entries[0].indicator), caption, columns, rows)


def _agreement_row(entry: Entry) -> tuple[Any, ...]:
    a = entry.agreement
    return (
        entry.label,
        entry.direction,
        entry.n,
        a.bias,
        a.bias_ci,
        a.sd,
        a.lower,
        a.lower_ci,
        a.upper,
        a.upper_ci,
        entry.p_adjusted,
        entry.p_max_t,
        *entry.worst,
    )


def _scale(entry: Entry) -> str:
    """Return the scale of bias and limits in words."""
    match entry.scale:
        case "ratio":
            return "as ratios"
        case "percent":
            return "in % of the mean of both methods"
        case _:
            return f"in {unit_label(entry.indicator, entry.unit)}"


def _limits_of_takes(entries: Sequence[Entry]) -> str:
    """Return what the limits of a plot are of, if they are not those of its points."""
    if any(entry.repeatability and not entry.parts for entry in entries):
        return "; the limits are those of single takes, which scatter more than the means"
    return ""


def _vertical(entry: Entry) -> str:
    """Return what the vertical axis of a plot shows."""
    what = {"ratio": "Ratios", "percent": "Differences in % of the mean"}
    parts = " of single ears" if entry.parts else ""
    if entry.repeatability:
        parts = " of single takes" if entry.parts else " of the means of the takes"
    return what.get(entry.scale, "Differences") + parts


def _how_many_flagged(entries: Sequence[Entry]) -> str:
    flagged = sum(bool(entry.diagnostics.doubts) for entry in entries)
    return f": {flagged} of {len(entries)} comparisons need attention" if flagged else ""


def diagnostics_table(name: str, entries: Sequence[Entry]) -> Table:
    """Return the diagnostics of one family: do its limits describe its data?"""
    unit = entries[0].difference_unit
    trend = "Trend with the mean"
    columns = (
        Column("Indicator"),
        Column("Difference"),
        Column("Normality p", "p"),
        Column("Skewness", "signed", decimals=2),
        Column("Slope", "signed", decimals=3, group=trend),
        Column("CI", "interval", decimals=3, group=trend),
        Column("p", "p", group=trend),
        Column("Size (SD)", "number", decimals=2, group=trend),
        Column("Spread ratio", "number", decimals=2),
        Column("Spread p", "p"),
        Column("Outliers"),
        Column("Limits without them", "interval", unit),
        Column("To look at"),
    )
    rows = tuple(_diagnostics_row(entry) for entry in entries)
    of_what = "the differences" if entries[0].scale != "ratio" else "the logarithms of the ratios"
    if any(entry.is_modelled for entry in entries):
        of_what += " (means of each stimulus)"
    test = next((e.diagnostics.normality_test for e in entries if e.diagnostics.normality_test), "")
    caption = (
        f"Diagnostics of {of_what} of {family_name(entries[0].indicator)}"
        + (f"; normality: {test}" if test else "")
        + "; size of the trend: over the middle half of the means; spread ratio: spread at the "
        "upper quartile of the means divided by that at the lower, "
        "or its inverse; outliers: more than 3.5 scaled MADs from the median, never left out"
    )
    return Table(slug("diagnostics-table", name, entries[0].indicator), caption, columns, rows)


def _diagnostics_row(entry: Entry) -> tuple[Any, ...]:
    d = entry.diagnostics
    return (
        entry.label,
        entry.direction,
        _finite(d.normality_p),
        _finite(d.skewness),
        *(
            (None,) * 4
            if d.trend is None
            else (d.trend.slope, d.trend.slope_ci, d.trend.p_value, known(d.trend_size))
        ),
        known(d.spread_ratio),
        None if d.spread is None else d.spread.p_value,
        ", ".join(map(str, d.outliers)) or None,
        None if d.without_outliers is None else d.without_outliers[1:],
        ", ".join(d.doubted) or None,
    )


def _to_look_at(entries: Sequence[Entry]) -> tuple[Bullets, ...]:
    """Return the meaning of the words in the column of that name; empty if it is empty."""
    items = [
        text
        for word, text in _MEANING.items()
        if any(word in entry.diagnostics.doubted for entry in entries)
    ]
    items += [
        f"{entry.label}, {entry.direction}, {word}: {text}."
        for entry in entries
        for word, text in zip(entry.diagnostics.doubted, entry.diagnostics.doubts, strict=True)
        if word not in _MEANING
    ]
    return (Bullets(tuple(items)),) if items else ()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def stimulus_table(name: str, indicator: str, comparison: MethodComparison) -> Table:
    """Return the values of all methods per stimulus, of one family."""
    rows = comparison.values[comparison.values["indicator"] == indicator]
    entries = comparison.family(indicator)
    statistics = list(dict.fromkeys(entry.statistic for entry in entries))
    wide = rows.pivot(index="stimulus", columns=["statistic", "condition"], values="value")
    keys = [(s, m) for s in statistics for m in comparison.methods if (s, m) in wide.columns]
    unit = entries[0].unit
    columns = (
        Column("Stimulus"),
        *(Column(method, "number", unit, f"{indicator}{stat}") for stat, method in keys),
    )
    values = wide[keys].astype(object).to_numpy()
    cells = tuple(
        (str(stimulus), *(None if value != value else float(value) for value in row))
        for stimulus, row in zip(wide.index, values, strict=True)
    )
    caption = (
        f"{family_name(indicator)} per stimulus in {unit_label(indicator, unit)}; "
        f"ears: {comparison.values_in_words}"
    )
    return Table(slug("stimuli", name, indicator), caption, columns, cells)


def _entry_notices(entries: Sequence[Entry]) -> list[Notice]:
    """Gather equal warnings of several comparisons into one notice each."""
    by_text: dict[str, list[Entry]] = {}
    for entry in entries:
        for text in entry.warnings:
            by_text.setdefault(text, []).append(entry)
    return [
        Notice(f"{'All' if len(own) == len(entries) else _named(own)}: {text}")
        for text, own in by_text.items()
    ]


def _named(entries: Sequence[Entry]) -> str:
    return "; ".join(f"{entry.label}, {entry.direction}" for entry in entries)

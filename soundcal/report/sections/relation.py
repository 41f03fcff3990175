"""Section of a report: what was measured against what was heard."""

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundcal.relation import Relation
from soundcal.report import figures
from soundcal.report.document import (
    Block,
    Bullets,
    Column,
    Notice,
    Paragraph,
    Picture,
    Section,
    Table,
)
from soundcal.report.figures import ScatterPanel
from soundcal.report.sections.ratings_plane import AXES
from soundcal.report.style import count, known, unit_label, value_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["relation_blocks", "relation_summary", "scatter_panel"]

Row = dict[str, Any]

_PANELS: Final = 6


def relation_summary(relation: Relation) -> list[str]:
    """Return the outcome in plain words: one sentence about the grid, one for each outcome."""
    outcomes = relation.outcomes
    p, q = len(relation.units), len(relation.heard.columns)
    found = {name: int((outcomes["finding"] == name).sum()) for name in ("clear", "none")}
    rest = f", {q - len(outcomes)} not related" if q > len(outcomes) else ""
    return [
        f"ratings against indicators, {relation.direction}: "
        f"{count(len(relation.measured), 'stimulus', 'stimuli')}, {count(p, 'indicator')}, "
        f"{count(q, 'outcome')} of the ratings; {found['clear']} with a clear correspondence, "
        f"{found['none']} without, {len(outcomes) - sum(found.values())} too small to see{rest}; "
        f"over the whole grid a correlation differs from 0 at {_percent(relation.level)} from "
        f"{relation.critical:.2f} on",
        *(_verdict(row, relation) for row in _records(outcomes)),
    ]


def _verdict(row: Row, relation: Relation) -> str:
    """Return the finding about one outcome, with the numbers that it rests on."""
    strongest = (
        f"r = {_r(row['pearson'])} ({_percent(relation.confidence)} interval of this pair alone "
        f"{_interval(row)}; p {_p(row['pearson_p'])} over the grid)"
    )
    allowed = f"the errors allow about {row['largest']:.2f}"
    power = _percent(relation.power)
    if row["finding"] == "clear":
        labels = row["shown"].split()
        others = f"; {len(labels)} indicators correlate after adjustment" if labels[1:] else ""
        return (
            f"{row['outcome']}: clear correspondence, most with {row['label']}, {strongest}; "
            f"{allowed}{others}"
        )
    most = f"{row['outcome']}: no correlation is shown, the largest is {row['label']}, {strongest}"
    if row["finding"] == "none":
        return (
            f"{most}; a true correlation of {row['detectable_true']:.2f} or more would have been "
            f"shown in {power} of such studies, a smaller one may have been missed ({allowed})"
        )
    return (
        f"{most}; too small to see: not even a perfect correspondence would have been shown in "
        f"{power} of such studies ({allowed}, {row['detectable']:.2f} is needed)"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _r(value: float) -> str:
    return value_text(value, "", decimals=2)


def _interval(row: Row) -> str:
    return f"{_r(row['pearson_low'])} to {_r(row['pearson_high'])}"


def _p(value: float) -> str:
    text = Column("p", "p").text(value)
    return text if text.startswith("<") else f"= {text}"


def _records(frame: "pd.DataFrame") -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def relation_blocks(relation: Relation) -> tuple[Block | Section, ...]:
    """Return verdicts, map, scatter and tables of a relation."""
    shown = relation.heatmap("pearson_p") <= relation.level
    starred = [
        f"{row['outcome']} and {row['label']} ({_r(row['pearson'])})"
        for row in _records(relation.pairs)
        if row["pearson_p"] <= relation.level
    ]
    strongest = _records(relation.strongest(_PANELS))
    level = f"{relation.level:.2g}"
    every = len(relation.outcomes)
    which = f"; the {len(strongest)} largest of {every} outcomes" if every > len(strongest) else ""
    return (
        Bullets(tuple(relation_summary(relation))),
        Picture(
            "correlation-map",
            f"Ratings against indicators, {relation.direction}",
            "Outcomes of the ratings down, indicators across; every cell prints its correlation. "
            f"Outlined: {'; '.join(starred) or 'none'}.",
            f"Pearson's correlation of the differences {relation.direction} over the stimuli. "
            f"Outlined: max-T p ≤ {level} over the whole grid. Purple: the rating is higher where "
            "the indicator is higher; orange: lower.",
            partial(figures.correlation_map, relation.heatmap(), shown),
        ),
        Picture(
            "difference-scatter",
            "Strongest correlation of each outcome",
            "One marker per stimulus, with its id. The numbers are in the tables of the pairs.",
            f"Differences {relation.direction} per stimulus: ratings with their standard errors "
            "against the indicator that each follows most; lines with errors in both variables; "
            f"p is adjusted over the whole grid{which}.",
            partial(
                figures.difference_scatter, [scatter_panel(relation, row) for row in strongest]
            ),
        ),
        *(Notice(text) for text in relation.warnings),
        Paragraph(f"Analysis: {relation.method}."),
        _verdict_table(relation),
        Section("pairs-folded", "Every outcome and indicator", (_pair_table(relation),), True),
        Section("answers-folded", "Single answers", (_model_table(relation),), True),
        Section("heard-folded", "Differences of the ratings", (_cell_table(relation),), True),
    )


def scatter_panel(relation: Relation, row: Row) -> ScatterPanel:
    """Return the panel of one outcome and indicator, a row of the pairs."""
    outcome, label = row["outcome"], row["label"]
    x, y = (frame.to_numpy() for frame in (relation.measured[label], relation.heard[outcome]))
    there = np.isfinite(x) & np.isfinite(y)
    low, high = (-1.0, 1.0) if outcome in AXES else relation.scale
    names = [str(name) for name, on in zip(relation.measured.index, there, strict=True) if on]
    return ScatterPanel(
        f"{outcome}, r = {_r(row['pearson'])}, p {_p(row['pearson_p'])}",
        f"Difference of {label} in {unit_label(row['indicator'], row['unit'])}",
        f"Difference of {outcome} ({low:g} to {high:g})",
        names,
        x[there],
        y[there],
        float(row["u"]),
        relation.errors[outcome].to_numpy()[there],
        float(row["slope"]),
    )


def _verdict_table(relation: Relation) -> Table:
    words = {"clear": "clear", "none": "none shown", "too small": "too small to see"}
    columns = (
        Column("Outcome"),
        Column("Finding"),
        Column("Indicator", group="Strongest"),
        Column("Pearson's r", "signed", group="Strongest", decimals=2),
        Column("CI", "interval", group="Strongest", decimals=2),
        Column("p max-T", "p", group="Strongest"),
        Column("Reliability", "number", decimals=2),
        Column("Allowed by the errors", "number", group="Largest correlation", decimals=2),
        Column("Needed", "number", group="Smallest shown", decimals=2),
        Column("Needed, true", "significant", group="Smallest shown"),
    )
    rows = tuple(
        (
            row["outcome"],
            words[row["finding"]],
            row["label"],
            row["pearson"],
            (row["pearson_low"], row["pearson_high"]),
            row["pearson_p"],
            row["reliability_heard"],
            row["largest"],
            row["detectable"],
            row["detectable_true"],
        )
        for row in _records(relation.outcomes)
    )
    caption = (
        f"Findings, {relation.direction}: strongest correlation of each outcome; reliability of "
        "the differences of the ratings; smallest correlation that would have been shown in "
        f"{_percent(relation.power)} of such studies, of the differences as they are and without "
        f"their errors; intervals of {_percent(relation.confidence)}"
    )
    return Table("relation", caption, columns, rows)


def _pair(row: Row, name: str) -> tuple[float, float] | None:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return None if low != low or high != high else (low, high)


def _pair_table(relation: Relation) -> Table:
    columns = (
        Column("Outcome"),
        Column("Indicator"),
        Column("n", "count"),
        Column("r", "signed", group="Pearson", decimals=2),
        Column("CI", "interval", group="Pearson", decimals=2),
        Column("p max-T", "p", group="Pearson"),
        Column("ρ", "signed", group="Spearman", decimals=2),
        Column("CI", "interval", group="Spearman", decimals=2),
        Column("p max-T", "p", group="Spearman"),
        Column("Largest", "number", group="Errors", decimals=2),
        Column("r without errors", "signed", group="Errors", decimals=2),
        Column("CI", "interval", group="Errors", decimals=2),
        Column("Slope", "significant", group="Line"),
        Column("Low", "significant", group="Line"),
        Column("High", "significant", group="Line"),
    )
    rows = tuple(
        (
            row["outcome"],
            row["label"],
            known(row["n"]),
            known(row["pearson"]),
            _pair(row, "pearson"),
            known(row["pearson_p"]),
            known(row["spearman"]),
            _pair(row, "spearman"),
            known(row["spearman_p"]),
            known(row["largest"]),
            known(row["disattenuated"]),
            _pair(row, "disattenuated"),
            *(known(row[name]) for name in ("slope", "slope_low", "slope_high")),
        )
        for row in _records(relation.pairs)
    )
    caption = (
        f"Correlations and lines, {relation.direction}: p by max-T over the whole grid; largest "
        "correlation that the errors allow; slopes in units of the scale per unit of the "
        f"indicator; intervals of {_percent(relation.confidence)}"
    )
    return Table("relation-pairs", caption, columns, rows)


def _model_table(relation: Relation) -> Table:
    columns = (
        Column("Outcome"),
        Column("Indicator"),
        Column("Slope", "significant"),
        Column("Low", "significant"),
        Column("High", "significant"),
        Column("p", "p"),
        Column("p Holm", "p"),
        Column("Unexplained SD", "number", decimals=2),
    )
    names = ("slope", "low", "high", "p", "p_adjusted", "excess")
    rows = tuple(
        (row["outcome"], row["label"], *(known(row[f"model_{name}"]) for name in names))
        for row in _records(relation.pairs)
    )
    caption = (
        "Slopes of single answers on the deviation of the indicator from its mean over both "
        "methods (mixed model): change of the rating per unit of the indicator; standard "
        "deviation of the differences between stimuli that the line leaves unexplained; intervals "
        f"of {_percent(relation.confidence)}"
    )
    return Table("relation-answers", caption, columns, rows)


def _cell_table(relation: Relation) -> Table:
    columns = (
        Column("Stimulus"),
        Column("Outcome"),
        Column("Difference", "significant"),
        Column("Standard error", "significant"),
        Column("Both", "count", group="Participants"),
        Column(f"Only {relation.conditions[0]}", "count", group="Participants"),
        Column(f"Only {relation.conditions[1]}", "count", group="Participants"),
    )
    rows = tuple(
        (
            row["stimulus"],
            row["outcome"],
            known(row["difference"]),
            known(row["standard_error"]),
            row["n_pairs"],
            row["n_first"],
            row["n_second"],
        )
        for row in _records(relation.cells)
    )
    return Table(
        "relation-ratings", f"Differences of the ratings, {relation.direction}", columns, rows
    )

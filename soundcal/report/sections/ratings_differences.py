"""Section of a listening test's report: differences by stimulus and attribute."""

from soundcal.ratings import MixedModel, RatingsAnalysis, RatingsComparison
from soundcal.report.document import Block, Column, Notice, Paragraph, Section, Table
from soundcal.report.style import known

__all__ = ["differences_blocks"]


def differences_blocks(analysis: RatingsAnalysis) -> tuple[Block | Section, ...]:
    """Return the cells that differ, the odds ratios and, folded, all cells and the mixed model."""
    comparison = analysis.comparison
    blocks: list[Block | Section] = [
        Section("cells-folded", "Every stimulus and attribute", (_cell_table(comparison),), True)
    ]
    unlike = comparison.cells[comparison.cells["p_adjusted"] < 0.05]
    if len(unlike):
        blocks.insert(0, _cell_table(comparison, significant=True))
    else:
        blocks.insert(0, Paragraph("No difference remains at 5 % after adjustment."))
    if analysis.ordinal is not None:
        blocks.append(Section("ordinal-model", "Ordinal model", _ordinal(analysis)))
    if analysis.model is not None:
        blocks.append(Section("mixed-folded", "Mixed model", tuple(_mixed(analysis.model)), True))
    return tuple(blocks)


def _cell_table(comparison: RatingsComparison, *, significant: bool = False) -> Table:
    cells = comparison.cells
    if significant:
        cells = cells[cells["p_adjusted"] < 0.05]
    second = next((name for name in cells["second_test"] if name), "")
    columns = (
        Column("Stimulus"),
        Column("Attribute"),
        Column("Both", "count", group="Participants"),
        Column(f"Only {comparison.first}", "count", group="Participants"),
        Column(f"Only {comparison.second}", "count", group="Participants"),
        Column("Difference", "signed", decimals=2),
        Column(f"{100 * comparison.confidence:g} % CI", "interval", decimals=2),
        Column("t", "signed", decimals=2),
        Column("df", "number", decimals=1),
        Column("p", "p"),
        Column("p adjusted", "p"),
        *((Column("p", "p", group="Second test"),) if second else ()),
        *((Column("p adjusted", "p", group="Second test"),) if second else ()),
    )
    names = ["p_value", "p_adjusted", *(["second_p", "second_p_adjusted"] if second else [])]
    rows = tuple(
        (
            row["stimulus"],
            row["attribute"],
            row["n_pairs"],
            row["n_first"],
            row["n_second"],
            known(row["estimate"]),
            None if row["ci_low"] != row["ci_low"] else (row["ci_low"], row["ci_high"]),
            known(row["statistic"]),
            known(row["df"]),
            *(known(row[name]) for name in names),
        )
        for row in cells.to_dict("records")
    )
    which = "that differ at 5 % after adjustment" if significant else "of every cell"
    caption = f"Differences {comparison.direction} {which} ({comparison.correction}"
    caption += f"{comparison.caution})"
    if second:
        caption += f"; second test: {second}"
    return Table("cells-significant" if significant else "cells", caption, columns, rows)


def _ordinal(analysis: RatingsAnalysis) -> tuple[Block, ...]:
    model, comparison = analysis.ordinal, analysis.comparison
    if model is None:
        return ()
    interval = f"{100 * model.confidence:g} % CI"
    columns = (
        Column("Attribute"),
        Column("Answers", "count"),
        Column("Participants", "count"),
        Column("Odds ratio", "number", decimals=2),
        Column(interval),
        Column("p", "p"),
        Column("p adjusted", "p"),
        Column("Probability", "number", decimals=2, group="Higher answer"),
        Column(interval, group="Higher answer"),
        Column("Remark"),
    )
    rows = tuple(
        (
            row["attribute"],
            row["n"],
            row["participants"],
            known(row["odds_ratio"]),
            _positive(row["ci_low"], row["ci_high"]),
            known(row["p_value"]),
            known(row["p_adjusted"]),
            known(row["superiority"]),
            _positive(row["superiority_low"], row["superiority_high"]),
            row["remark"],
        )
        for row in model.attributes.to_dict("records")
    )
    caption = (
        f"Odds of a higher answer under {comparison.first} over those under {comparison.second}, "
        f"all stimuli together ({model.correction}); probability that a participant's answer to a "
        f"stimulus is higher under {comparison.first}, equal answers counted half"
    )
    return (*(Notice(text) for text in model.warnings), Table("ordinal", caption, columns, rows))


def _positive(low: float, high: float) -> str | None:
    """Return an interval of positive numbers, which need no sign."""
    return None if low != low else f"{low:.2f} to {high:.2f}"


def _mixed(model: MixedModel) -> list[Block]:
    columns = (
        Column("Stimulus"),
        Column("Attribute"),
        Column("Difference", "signed", decimals=2),
        Column(f"{100 * model.confidence:g} % CI", "interval", decimals=2),
        Column("df", "number", decimals=1),
        Column("p", "p"),
    )
    rows = tuple(
        (
            row["stimulus"],
            row["attribute"],
            known(row["estimate"]),
            (row["ci_low"], row["ci_high"]),
            known(row["df"]),
            known(row["p_value"]),
        )
        for row in model.cells.to_dict("records")
    )
    caption = (
        f"Differences by the mixed model ({model.n} answers of {model.participants} participants; "
        + ", ".join(f"variance of {name} {value:.4g}" for name, value in model.variances.items())
        + "); p values not adjusted"
    )
    return [*(Notice(text) for text in model.warnings), Table("mixed", caption, columns, rows)]

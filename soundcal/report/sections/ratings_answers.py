"""Sections of a listening test's report: answers, data quality, participants."""

from functools import partial
from typing import TYPE_CHECKING

from soundcal.ratings import ATTRIBUTES, Quality, Ratings, RatingsDescription, stacked_answers
from soundcal.report import figures
from soundcal.report.document import Block, Column, Paragraph, Picture, Section, Table
from soundcal.report.sections.ratings_plane import AXES
from soundcal.report.style import known

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["answers_blocks", "participants_table", "quality_blocks"]


def answers_blocks(analysis: RatingsDescription) -> tuple[Block | Section, ...]:
    """Return the shares of the answers, and the medians of the attributes of the plane."""
    ratings, shares, plane = analysis.ratings, analysis.categories, analysis.plane
    wide = stacked_answers(ratings, shares=shares)
    names = [str(name) for name in wide.columns]
    low, high = ratings.scale
    blocks: list[Block | Section] = [
        Picture(
            "likert",
            "Shares of the answers per attribute and condition",
            "One stacked bar per attribute and condition. The counts are in the table of answers.",
            f"Answers on the scale from {low:g} to {high:g} over all stimuli, in "
            f"{len(names)} categories; half of the middle category is on either side of 0 %.",
            partial(figures.likert_bars, wide),
        ),
        Section("likert-folded", "Number of answers", (_likert_table(wide, names),), True),
    ]
    if plane is not None:
        table = _median_table(plane.medians)
        blocks.append(Section("medians-folded", "Medians and ranges", (table,), True))
    return tuple(blocks)


def _likert_table(wide: "pd.DataFrame", names: list[str]) -> Table:
    columns = (
        Column("Attribute"),
        Column("Condition"),
        *(Column(name, "count", group="Answers") for name in names),
    )
    rows = tuple(
        (*index, *map(int, row)) for index, row in zip(wide.index, wide.to_numpy(), strict=True)
    )
    return Table("likert-table", "Number of answers in each category", columns, rows)


def _median_table(table: "pd.DataFrame") -> Table:
    columns = (
        Column("Stimulus"),
        Column("Condition"),
        Column("n", "count"),
        *(Column(name) for name in ATTRIBUTES),
        *(Column(axis.capitalize(), "signed", group="Of the medians") for axis in AXES),
    )
    rows = tuple(
        (
            row["stimulus"],
            row["condition"],
            row["n"],
            *(
                f"{row[name]:.3g} ({row[f'{name}_min']:.3g}–{row[f'{name}_max']:.3g})"
                if row[name] == row[name]
                else None
                for name in ATTRIBUTES
            ),
            *(known(row[axis]) for axis in AXES),
        )
        for row in table.sort_values("stimulus", kind="stable").to_dict("records")
    )
    caption = (
        "Median (lowest–highest) answer per stimulus and condition, and the coordinates of the "
        "medians (ISO/TS 12913-3:2019, A.3, method A)"
    )
    return Table("medians", caption, columns, rows)


def quality_blocks(quality: Quality) -> tuple[Block | Section, ...]:
    """Return the number of findings of each kind, and all findings in a folded section."""
    if not len(quality.findings):
        return (Paragraph(f"No findings in {quality.trials} trials."),)
    titles = ("Participant", "Condition", "Stimulus", "Attribute", "Check", "Detail")
    rows = tuple(
        tuple(cell or None for cell in row) for row in quality.findings.to_numpy().tolist()
    )
    counts = Table(
        "quality-counts",
        f"Findings in {quality.trials} trials",
        (Column("Check"), Column("Findings", "count")),
        tuple(quality.counts().items()),
    )
    findings = Table("findings", "Every finding", tuple(Column(t) for t in titles), rows)
    return (counts, Section("findings-folded", "Every finding", (findings,), True))


def participants_table(ratings: Ratings) -> Table:
    """Return the participants, and the excluded answers with their reasons."""
    table = ratings.participants()
    columns = (
        Column("Participant"),
        *(Column(name, "count", group="Trials") for name in ratings.conditions),
        Column("Unanswered", "count"),
        Column("Median time (s)", "number", decimals=1),
        Column("Excluded"),
    )
    rows = tuple(
        (
            row["participant"],
            *(row[name] for name in ratings.conditions),
            known(row["unanswered"]),
            known(row["seconds"]),
            row["reason"] or None,
        )
        for row in table.to_dict("records")
    )
    return Table("participants-table", "Participants; exclusions with reasons", columns, rows)

"""The report of a listening test: ratings under two conditions as a document."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from soundcal.files.records import provenance
from soundcal.ratings import Ratings, RatingsAnalysis, RatingsComparison, RatingsDescription
from soundcal.ratings.comparison import POWER
from soundcal.report import figures
from soundcal.report.document import (
    Block,
    Bullets,
    Column,
    Document,
    Notice,
    Paragraph,
    Picture,
    Section,
    Table,
)
from soundcal.report.sections.ratings_answers import (
    answers_blocks,
    participants_table,
    quality_blocks,
)
from soundcal.report.sections.ratings_differences import differences_blocks
from soundcal.report.sections.ratings_plane import plane_blocks, unusable_trials
from soundcal.report.style import count

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ratings_document", "ratings_summary"]


def ratings_document(
    analysis: RatingsDescription,
    *,
    title: str = "Ratings of a listening test",
    further: Sequence[Section] = (),
) -> Document:
    """Return the report of a listening test.

    Parameters
    ----------
    analysis : RatingsAnalysis or RatingsDescription
        Its analysis, see :func:`soundcal.ratings.analyse_ratings`, or its description without a
        comparison, see :func:`soundcal.ratings.describe_ratings`.
    title : str
        Heading.
    further : sequence of Section
        Sections about the test itself, after that on what was done.
    """
    ratings, plane = analysis.ratings, analysis.plane
    compared = analysis if isinstance(analysis, RatingsAnalysis) else None
    comparison = compared.comparison if compared else None
    sections = [
        Section("summary", "Summary", _summary(analysis)),
        Section("methods", "What was done", _methods(analysis)),
        *further,
    ]
    if compared is not None:
        blocks = differences_blocks(compared)
        sections.append(Section("differences", "Differences by stimulus and attribute", blocks))
    if plane is not None:
        sections.append(
            Section("plane", "Pleasantness and eventfulness", plane_blocks(plane, comparison))
        )
    sections += [
        Section("answers", "Answers", answers_blocks(analysis)),
        Section("quality", "Data quality", quality_blocks(analysis.quality)),
        Section("participants", "Participants and exclusions", (participants_table(ratings),)),
        Section("provenance", "Provenance", _provenance(ratings)),
    ]
    what = comparison.direction if comparison else ", ".join(ratings.conditions)
    return Document(title, f"{what} · {_size(ratings)}", tuple(sections))


def _size(ratings: Ratings) -> str:
    return ", ".join(
        (
            count(ratings.table["participant"].nunique(), "participant"),
            count(len(ratings.stimuli), "stimulus", "stimuli"),
            count(len(ratings.attributes), "attribute"),
        )
    )


def _excluded(ratings: Ratings) -> str:
    return count(len(ratings.excluded), "exclusion")


def ratings_summary(analysis: RatingsDescription) -> list[str]:
    """Return the outcome in plain words, one sentence each."""
    ratings = analysis.ratings
    about = ratings.to_dict()
    lines = [
        f"{about['answers']} answers of {_size(ratings)}, {_excluded(ratings)}",
        *(f"data quality: {kind}: {count}" for kind, count in analysis.quality.counts().items()),
    ]
    if analysis.plane is not None and (text := unusable_trials(analysis.plane)):
        lines.append(text)
    if not isinstance(analysis, RatingsAnalysis):
        names = ", ".join(ratings.conditions)
        described = "described, and not compared: there is one condition only"
        return [*lines, f"the answers under {names} are {described}"]
    comparison = analysis.comparison
    cells = comparison.cells
    stars = cells[cells["p_adjusted"] < 0.05]
    lines.append(
        f"{comparison.direction}: {_tested(cells, len(stars))} differ at 5 % after "
        f"adjustment ({comparison.correction}{comparison.caution}), in "
        f"{stars['stimulus'].nunique()} of "
        f"{count(cells['stimulus'].nunique(), 'stimulus', 'stimuli')}"
    )
    found = cells["detectable"].dropna()
    if len(found):
        lines.append(_detectable(found, ratings.scale[1] - ratings.scale[0]) + comparison.caution)
    plane = comparison.plane
    if len(plane):
        row = plane[plane["stimulus"] == "all"].iloc[0]
        tested = f"Hotelling p = {row['p_value']:.2g}"
        if row["p_value"] != row["p_value"]:
            tested = f"not tested ({row['remark']})"
        lines.append(
            f"over all stimuli: pleasantness {row['pleasantness']:+.3f}, eventfulness "
            f"{row['eventfulness']:+.3f}, {tested}, n = {row['n']}"
        )
    return lines


def _detectable(found: "pd.Series[float]", span: float) -> str:
    """Return what the study could have found, as far as the scale has room for it."""
    typical, least, most = found.median(), found.min(), found.max()
    power = f"{100 * POWER:g} % of such studies, at Bonferroni's level over all cells"
    if typical > span:
        return (
            "in a typical cell not even a true difference of the whole scale would have been found "
            f"in {power}"
        )
    largest = f"{most:.3g}" if most <= span else f"more than {span:g}"
    return (
        f"a true difference of {typical:.3g} in a typical cell ({least:.3g} to {largest} in "
        f"others) would have been found in {power}"
    )


def _tested(cells: "pd.DataFrame", starred: int) -> str:
    """Return the numbers of cells that differ and that could be tested at all."""
    tested = int(cells["p_value"].notna().sum())
    if tested == len(cells):
        return f"{starred} of {tested} cells"
    return f"{starred} of {tested} cells that can be tested, of {len(cells)},"


def _summary(analysis: RatingsDescription) -> tuple[Block, ...]:
    bullets = Bullets(tuple(ratings_summary(analysis)))
    if not isinstance(analysis, RatingsAnalysis):
        return (bullets, *(Notice(text) for text in analysis.ratings.notes))
    comparison = analysis.comparison
    low, high = analysis.ratings.scale
    cells = comparison.cells
    starred = [
        f"{row['stimulus']} {row['attribute']}{row['stars']}"
        for row in cells[cells["stars"] != ""].to_dict("records")
    ]
    picture = Picture(
        "difference-map",
        f"Differences of the ratings, {comparison.direction}",
        "Attributes down, stimuli across; colours are differences. Marked as significant: "
        f"{', '.join(starred) or 'none'}. The numbers are in the table of differences.",
        f"Estimated difference {comparison.direction} of the ratings, scale {low:g} to {high:g}; "
        "* p < 0.05, ** p < 0.01, *** p < 0.001 after adjustment "
        f"({comparison.correction}{comparison.caution}). Purple: {comparison.first} is rated "
        f"higher; orange: {comparison.second}. Differences beyond the colour scale have the colour "
        "of its end.",
        lambda: figures.difference_map(
            comparison.heatmap(),
            comparison.heatmap("stars"),
            limit=figures.DIFFERENCE_LIMIT / 100.0 * (high - low),
            label=f"Difference {comparison.direction} of the ratings ({low:g} to {high:g})"
            + (", stars by the study's liberal test" if comparison.caution else ""),
        ),
    )
    notices = [Notice(text) for text in (*analysis.ratings.notes, *comparison.warnings)]
    return (bullets, picture, *notices)


def _methods(analysis: RatingsDescription) -> tuple[Block, ...]:
    ratings = analysis.ratings
    low, high = ratings.scale
    scale = f"Answers lie on a scale from {low:g} to {high:g}. {_excluded_in_words(ratings)}"
    if isinstance(analysis, RatingsAnalysis):
        comparison = analysis.comparison
        counts = _part_in(ratings, comparison)
        texts = [
            f"{count(counts['both'], 'participant')} rated under both conditions, "
            f"{counts['first']} only under {comparison.first}, {counts['second']} only under "
            f"{comparison.second}. {scale}",
            f"Analysis: {comparison.method}.",
        ]
        opinions = (analysis.model, analysis.ordinal)
        texts += [f"Second opinion: {model.method}." for model in opinions if model is not None]
    else:
        texts = [scale, "The answers are described; nothing is compared or tested."]
    software = provenance()
    texts.append("Computed with " + ", ".join(f"{n} {v}" for n, v in software.items()) + ".")
    return tuple(Paragraph(text) for text in texts)


def _part_in(ratings: Ratings, comparison: RatingsComparison) -> dict[str, int]:
    """Count the participants that rated under both conditions, only the first, only the second."""
    by = ratings.table.groupby("condition")["participant"]
    first, second = (set(by.get_group(name)) for name in (comparison.first, comparison.second))
    return {
        "both": len(first & second),
        "first": len(first - second),
        "second": len(second - first),
    }


def _excluded_in_words(ratings: Ratings) -> str:
    if not ratings.excluded:
        return "Nothing was excluded."
    return f"{_excluded(ratings)}, listed with the reasons below."


def _provenance(ratings: Ratings) -> tuple[Block, ...]:
    columns = (Column("Name"), Column("Version"))
    blocks: list[Block] = [Table("software", "Software", columns, tuple(provenance().items()))]
    if ratings.sources:
        blocks.append(Bullets(tuple(f"Answers from {source}" for source in ratings.sources)))
    return tuple(blocks)

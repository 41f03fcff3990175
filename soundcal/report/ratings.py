"""The report of a listening test: ratings under two conditions as a document."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.files.records import provenance
from soundcal.ratings import (
    ATTRIBUTES,
    MixedModel,
    Quality,
    Ratings,
    RatingsComparison,
    check_quality,
    likert_shares,
    method_a,
    quadrant_table,
)
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
from soundcal.report.style import count

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ratings_document", "ratings_summary", "write_ratings"]

Array = NDArray[np.float64]

_AXES: Final = ("pleasantness", "eventfulness")


def write_ratings(
    ratings: Ratings,
    comparison: RatingsComparison,
    page: Path,
    *,
    quality: Quality | None = None,
    model: MixedModel | None = None,
    title: str = "Ratings under two conditions",
    pdf: bool = False,
    figures: Sequence[str] = (),
    force: bool = False,
) -> list[Path]:
    """Write the report of a listening test and return the paths of its files.

    Parameters
    ----------
    ratings : Ratings
        The answers, less the excluded ones.
    comparison : RatingsComparison
        Their comparison, see :func:`soundcal.ratings.compare_ratings`.
    page : Path
        The page to write, HTML.
    quality : Quality, optional
        Findings about the answers; looked for if not given.
    model : MixedModel, optional
        A mixed model of the same answers.
    title : str
        Heading.
    pdf : bool
        Write the same content as PDF beside the page, with the ending ``.pdf``.
    figures : sequence of {"svg", "png", "pdf"}
        Write every figure in these formats into a folder beside the page, named like it.
    force : bool
        Replace existing files.

    Raises
    ------
    ParameterError
        Unknown format of figures.
    RecordError
        A file exists and ``force`` is not set, or it cannot be written.
    """
    from soundcal.files.atomic import check_output, partial_file
    from soundcal.report.figure_files import check_formats, write_figures
    from soundcal.report.html import render
    from soundcal.report.pdf import render_pdf

    check_formats(figures)
    paths = [page, page.with_suffix(".pdf")] if pdf else [page]
    for path in paths:
        check_output(path, force=force)  # both of them before anything is drawn
    document = ratings_document(ratings, comparison, quality=quality, model=model, title=title)
    with partial_file(page, force=force) as temporary:
        temporary.write_text(render(document), encoding="utf-8")
    if pdf:
        with partial_file(paths[1], force=force) as temporary:
            temporary.write_bytes(render_pdf(document))
    if figures:
        write_figures(document, page.with_name(f"{page.stem}_figures"), figures, force=force)
    return paths


def ratings_document(
    ratings: Ratings,
    comparison: RatingsComparison,
    *,
    quality: Quality | None = None,
    model: MixedModel | None = None,
    title: str = "Ratings under two conditions",
) -> Document:
    """Return the report of a listening test; parameters as for :func:`write_ratings`."""
    found = check_quality(ratings) if quality is None else quality
    in_plane = set(ATTRIBUTES) <= set(ratings.attributes)
    sections = [
        Section("summary", "Summary", _summary(ratings, found, comparison)),
        Section("methods", "What was done", _methods(ratings, comparison, model)),
        Section("differences", "Differences by stimulus and attribute", _cells(comparison, model)),
    ]
    if in_plane:
        sections.append(
            Section("plane", "Pleasantness and eventfulness", _plane(ratings, comparison))
        )
    sections += [
        Section("answers", "Answers", _answers(ratings, with_medians=in_plane)),
        Section("quality", "Data quality", _quality(found)),
        Section("participants", "Participants and exclusions", _participants(ratings)),
        Section("provenance", "Provenance", _provenance(ratings)),
    ]
    return Document(title, f"{comparison.direction} · {_size(ratings)}", tuple(sections))


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


# Summary and methods ----------------------------------------------------------------------------


def ratings_summary(ratings: Ratings, quality: Quality, comparison: RatingsComparison) -> list[str]:
    """Return the outcome in plain words, one sentence each."""
    about, cells = ratings.to_dict(), comparison.cells
    stars = cells[cells["p_adjusted"] < 0.05]
    lines = [
        f"{about['answers']} answers of {_size(ratings)}, {_excluded(ratings)}",
        *(f"data quality: {kind}: {count}" for kind, count in quality.counts().items()),
        f"{comparison.direction}: {len(stars)} of {len(cells)} cells differ at 5 % after "
        f"adjustment ({comparison.correction}), in {stars['stimulus'].nunique()} of "
        f"{count(cells['stimulus'].nunique(), 'stimulus', 'stimuli')}",
    ]
    plane = comparison.plane
    if len(plane):
        row = plane[plane["stimulus"] == "all"].iloc[0]
        lines.append(
            f"over all stimuli: pleasantness {row['pleasantness']:+.3f}, eventfulness "
            f"{row['eventfulness']:+.3f}, Hotelling p = {row['p_value']:.2g}, n = {row['n']}"
        )
    return lines


def _summary(
    ratings: Ratings, quality: Quality, comparison: RatingsComparison
) -> tuple[Block, ...]:
    low, high = ratings.scale
    cells = comparison.cells
    starred = [
        f"{row['stimulus']} {row['attribute']}{row['stars']}"
        for row in cells[cells["stars"] != ""].to_dict("records")
    ]
    picture = Picture(
        "difference-map",
        f"Differences of the ratings, {comparison.direction}",
        "Attributes down, stimuli across; colours are differences. Marked as significant: "
        f"{', '.join(starred) or 'none'}. The numbers stand in the table of differences.",
        f"Estimated difference {comparison.direction} of the ratings, scale {low:g} to {high:g}; "
        "* p < 0.05, ** p < 0.01, *** p < 0.001 after adjustment "
        f"({comparison.correction}). Purple: {comparison.first} is rated higher; orange: "
        f"{comparison.second}. Differences beyond the ends of the colours have the last one.",
        lambda: figures.difference_map(
            comparison.heatmap(),
            comparison.heatmap("stars"),
            limit=figures.DIFFERENCE_LIMIT / 100.0 * (high - low),
            label=f"Difference {comparison.direction} of the ratings ({low:g} to {high:g})",
        ),
    )
    notices = [Notice(text) for text in comparison.warnings]
    return (Bullets(tuple(ratings_summary(ratings, quality, comparison))), picture, *notices)


def _methods(
    ratings: Ratings, comparison: RatingsComparison, model: MixedModel | None
) -> tuple[Block, ...]:
    low, high = ratings.scale
    counts = _part_in(ratings, comparison)
    texts = [
        f"{count(counts['both'], 'participant')} rated under both conditions, {counts['first']} "
        f"only under {comparison.first}, {counts['second']} only under {comparison.second}. "
        f"Answers lie on a scale from {low:g} to {high:g}. {_excluded_in_words(ratings)}",
        f"Analysis: {comparison.method}.",
    ]
    if model is not None:
        texts.append(f"Second opinion: {model.method}.")
    software = provenance()
    texts.append("Computed with " + ", ".join(f"{n} {v}" for n, v in software.items()) + ".")
    return tuple(Paragraph(text) for text in texts)


def _part_in(ratings: Ratings, comparison: RatingsComparison) -> dict[str, int]:
    """Return how many participants rated under both, the first, the second condition only."""
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


# Differences ------------------------------------------------------------------------------------


def _cells(comparison: RatingsComparison, model: MixedModel | None) -> tuple[Block | Section, ...]:
    blocks: list[Block | Section] = [
        Section("cells-folded", "Every stimulus and attribute", (_cell_table(comparison),), True)
    ]
    unlike = comparison.cells[comparison.cells["p_adjusted"] < 0.05]
    if len(unlike):
        blocks.insert(0, _cell_table(comparison, significant=True))
    else:
        blocks.insert(0, Paragraph("No difference remains at 5 % after adjustment."))
    if model is not None:
        blocks.append(Section("mixed-folded", "Mixed model", tuple(_mixed(model)), True))
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
            _finite(row["estimate"]),
            None if row["ci_low"] != row["ci_low"] else (row["ci_low"], row["ci_high"]),
            _finite(row["statistic"]),
            _finite(row["df"]),
            *(_finite(row[name]) for name in names),
        )
        for row in cells.to_dict("records")
    )
    which = "that differ at 5 % after adjustment" if significant else "of every cell"
    caption = f"Differences {comparison.direction} {which} ({comparison.correction})"
    if second:
        caption += f"; second test: {second}"
    return Table("cells-significant" if significant else "cells", caption, columns, rows)


def _mixed(model: MixedModel) -> list[Block]:
    columns = (
        Column("Stimulus"),
        Column("Attribute"),
        Column("Difference", "signed", decimals=2),
        Column(f"{100 * model.confidence:g} % CI", "interval", decimals=2),
        Column("p", "p"),
    )
    rows = tuple(
        (
            row["stimulus"],
            row["attribute"],
            _finite(row["estimate"]),
            (row["ci_low"], row["ci_high"]),
            _finite(row["p_value"]),
        )
        for row in model.cells.to_dict("records")
    )
    caption = (
        f"Differences by the mixed model ({model.n} answers of {model.participants} participants, "
        f"{model.df:g} degrees of freedom); p values not adjusted"
    )
    return [*(Notice(text) for text in model.warnings), Table("mixed", caption, columns, rows)]


def _finite(value: float) -> float | None:
    return None if value != value else value


# The plane --------------------------------------------------------------------------------------


def _plane(ratings: Ratings, comparison: RatingsComparison) -> tuple[Block, ...]:
    first, second = comparison.first, comparison.second
    points = ratings.points()
    trials = {name: _xy(points[points["condition"] == name]) for name in (first, second)}
    means = comparison.pairs.drop(columns="participant").groupby("stimulus").mean()
    arrows = {first: _xy(means, "_first"), second: _xy(means, "_second")}
    blocks: list[Block] = [
        Picture(
            "circumplex",
            "Pleasantness and eventfulness of every trial",
            "One marker per trial, one contour per condition. The shares of the quadrants stand "
            "in the table below.",
            "Every trial in the plane of pleasantness and eventfulness; each contour holds 50 % of "
            "the estimated density of its condition.",
            partial(figures.circumplex, trials),
        ),
        _quadrants(ratings),
    ]
    if len(means):
        blocks.append(
            Picture(
                "circumplex-stimuli",
                f"Shift of every stimulus from {first} to {second}",
                "One arrow per stimulus between the mean points of its two conditions. The "
                "differences stand in the table below.",
                f"Mean of the participants who rated the stimulus under both conditions; arrows "
                f"point from {first} to {second}.",
                partial(figures.circumplex, arrows, share=None, arrows=True),
            )
        )
        blocks.append(_plane_table(comparison))
    else:
        blocks.append(Paragraph("Nobody rated under both conditions: there are no pairs."))
    return tuple(blocks)


def _xy(frame: "pd.DataFrame", ending: str = "") -> tuple[Array, Array]:
    p, e = (frame[f"{axis}{ending}"].to_numpy(dtype=np.float64) for axis in _AXES)
    return p, e


def _quadrants(ratings: Ratings) -> Table:
    table = quadrant_table(ratings)
    shares = [name for name in table.columns if name not in ("condition", "n", *_AXES)]
    columns = (
        Column("Condition"),
        Column("Trials", "count"),
        *(Column(axis.capitalize(), "signed", group="Mean") for axis in _AXES),
        *(Column(name, "number", decimals=1, group="Share of the trials (%)") for name in shares),
    )
    rows = tuple(
        (
            row["condition"],
            row["n"],
            *(_finite(row[axis]) for axis in _AXES),
            *(_finite(100.0 * row[name]) for name in shares),
        )
        for row in table.to_dict("records")
    )
    caption = "Quadrants of the plane; axis: trials on an axis between two quadrants"
    return Table("quadrants", caption, columns, rows)


def _plane_table(comparison: RatingsComparison) -> Table:
    columns = (
        Column("Stimulus"),
        Column("n", "count"),
        *(
            column
            for axis in _AXES
            for column in (
                Column("Difference", "signed", group=axis.capitalize()),
                Column(
                    f"{100 * comparison.confidence:g} % CI", "interval", group=axis.capitalize()
                ),
            )
        ),
        Column("T²", "number", decimals=2, group="Hotelling"),
        Column("F", "number", decimals=2, group="Hotelling"),
        Column("p", "p", group="Hotelling"),
        Column("p adjusted", "p", group="Hotelling"),
        Column("Remark"),
    )
    rows = tuple(
        (
            "all (participants' means)" if row["stimulus"] == "all" else row["stimulus"],
            row["n"],
            *(cell for axis in _AXES for cell in (_finite(row[axis]), _interval(row, axis))),
            *(_finite(row[name]) for name in ("t2", "f", "p_value", "p_adjusted")),
            row["remark"] or None,
        )
        for row in comparison.plane.to_dict("records")
    )
    caption = (
        f"Paired differences {comparison.direction} in the plane; simultaneous intervals, p of "
        f"single stimuli adjusted ({comparison.correction})"
    )
    return Table("plane-table", caption, columns, rows)


def _interval(row: "dict[Any, Any]", axis: str) -> tuple[float, float] | None:
    low, high = row[f"{axis}_low"], row[f"{axis}_high"]
    return None if low != low else (low, high)


# Answers, quality, participants -----------------------------------------------------------------


def _answers(ratings: Ratings, *, with_medians: bool) -> tuple[Block | Section, ...]:
    shares = likert_shares(ratings)
    wide = shares.pivot(index=["attribute", "condition"], columns="category", values="n")
    order = [(a, c) for a in ratings.attributes for c in ratings.conditions]
    wide = wide.reindex(order)
    wide = wide[wide.sum(axis=1) > 0]
    ends = shares.drop_duplicates("category")[["low", "high"]].to_numpy()
    low, high = ratings.scale
    names = [
        f"{(a + b) / 2:g}" if ends[0, 0] < low else f"{a:g} to {b:g}" for a, b in ends.tolist()
    ]
    blocks: list[Block | Section] = [
        Picture(
            "likert",
            "Shares of the answers per attribute and condition",
            "One stacked bar per attribute and condition. The counts stand in the table of "
            "answers.",
            f"Answers on the scale from {low:g} to {high:g} over all stimuli, in "
            f"{len(names)} categories; half of the middle one lies on either side of 0 %.",
            partial(figures.likert_bars, wide, names),
        ),
        Section("likert-folded", "Number of answers", (_likert_table(wide, names),), True),
    ]
    if with_medians:
        table = _median_table(ratings)
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


def _median_table(ratings: Ratings) -> Table:
    table = method_a(ratings.table, scale=ratings.scale, language=ratings.language)
    columns = (
        Column("Stimulus"),
        Column("Condition"),
        Column("n", "count"),
        *(Column(name) for name in ATTRIBUTES),
        *(Column(axis.capitalize(), "signed", group="Of the medians") for axis in _AXES),
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
            *(_finite(row[axis]) for axis in _AXES),
        )
        for row in table.sort_values("stimulus", kind="stable").to_dict("records")
    )
    caption = (
        "Median (lowest–highest) answer per stimulus and condition, and the coordinates of the "
        "medians (ISO/TS 12913-3:2019, A.3, method A)"
    )
    return Table("medians", caption, columns, rows)


def _quality(quality: Quality) -> tuple[Block | Section, ...]:
    if not len(quality.findings):
        return (Paragraph(f"Nothing was found in {quality.trials} trials."),)
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


def _participants(ratings: Ratings) -> tuple[Block, ...]:
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
            _finite(row["unanswered"]),
            _finite(row["seconds"]),
            row["reason"] or None,
        )
        for row in table.to_dict("records")
    )
    return (Table("participants-table", "Who took part; exclusions with reasons", columns, rows),)


def _provenance(ratings: Ratings) -> tuple[Block, ...]:
    columns = (Column("Name"), Column("Version"))
    blocks: list[Block] = [Table("software", "Software", columns, tuple(provenance().items()))]
    if ratings.sources:
        blocks.append(Bullets(tuple(f"Answers from {source}" for source in ratings.sources)))
    return tuple(blocks)

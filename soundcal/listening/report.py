"""The report of a listening test: the ratings as by ``soundcal ratings``, and the test itself."""

from pathlib import Path

from soundcal.errors import RecordError
from soundcal.files.atomic import check_output
from soundcal.listening.answers import Repeats, ratings_of
from soundcal.listening.report_section import listening_test
from soundcal.listening.results import Results
from soundcal.ratings import (
    Ratings,
    RatingsAnalysis,
    RatingsDescription,
    analyse_ratings,
    describe_ratings,
)
from soundcal.report import ratings_document, write_document
from soundcal.report.sections.listening_test import listening_section

__all__ = ["analyses_of", "write_test_report"]


def analyses_of(results: Results, repeats: Repeats = "mean") -> list[RatingsDescription]:
    """Return the analysis of the ratings on each scale of the study.

    The first two conditions of the study that were rated are compared: first − second. Ratings
    under a single condition are described.
    """
    conditions = results.study.sound.conditions
    return [_analysis(one, tuple(conditions)) for one in ratings_of(results, repeats)]


def _analysis(ratings: Ratings, conditions: tuple[str, ...]) -> RatingsDescription:
    rated = [name for name in conditions if name in ratings.conditions]
    if len(rated) < 2:
        return describe_ratings(ratings)
    return analyse_ratings(ratings, rated[0], rated[1])


def write_test_report(
    results: Results, out: Path, *, repeats: Repeats = "mean", force: bool = False
) -> list[tuple[Path, RatingsDescription]]:
    """Write ``report.html``, and a further page for every further scale of the study.

    Parameters
    ----------
    results : Results
        Content of the database.
    out : Path
        Folder of the pages.
    repeats : {"mean", "first", "separate"}
        Use of repeated trials.
    force : bool
        Replace earlier pages.

    Returns
    -------
    list of (Path, RatingsDescription)
        The pages, with the analyses that they show.

    Raises
    ------
    RecordError
        Nobody has rated a sound yet, or a page exists or cannot be written.
    """
    analyses = analyses_of(results, repeats)
    if not analyses:
        raise RecordError(f"{results.study.folder}: nobody has rated a sound yet; no report")
    paths = [
        out / ("report.html" if number == 1 else f"report_{number}.html")
        for number in range(1, len(analyses) + 1)
    ]
    for path in paths:
        check_output(path, force=force)
    section = listening_section(listening_test(results))
    for path, analysis in zip(paths, analyses, strict=True):
        title = results.study.title
        if isinstance(analysis, RatingsAnalysis):
            title = f"{title}, {analysis.comparison.direction}"
        document = ratings_document(analysis, title=title, further=(section,))
        write_document(document, path, force=force)
    return list(zip(paths, analyses, strict=True))

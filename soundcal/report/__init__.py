"""Figures, tables and pages made from results."""

from collections.abc import Sequence
from pathlib import Path

from soundcal.errors import RecordError
from soundcal.report.ratings import ratings_document, write_ratings
from soundcal.study.collect import collect
from soundcal.study.comparison import Comparison, Entry, Rules, compare
from soundcal.study.model import Study, study_of

__all__ = [
    "Comparison",
    "Entry",
    "Rules",
    "Study",
    "collect",
    "compare",
    "ratings_document",
    "study_of",
    "summary",
    "write",
    "write_ratings",
]


def summary(study: Study) -> list[str]:
    """Return the outcome in plain words, one sentence per combination and pair of methods."""
    from soundcal.report.sections.summary import summary

    return summary(study)


def write(
    study: Study,
    out: Path,
    *,
    pdf: bool = False,
    figures: Sequence[str] = (),
    force: bool = False,
) -> Path:
    """Write the report of a study into a folder and return the path of its HTML page.

    Parameters
    ----------
    study : Study
        What to report.
    out : Path
        Folder; made if it does not exist. ``report.html`` and the tables as CSV and JSON go there.
    pdf : bool
        Write ``report.pdf`` with the same content as well.
    figures : sequence of {"svg", "png", "pdf"}
        Write every figure in these formats into ``figures``.
    force : bool
        Replace existing files.

    Raises
    ------
    ParameterError
        Unknown format of figures.
    RecordError
        A file exists and ``force`` is not set, or the folder cannot be written.
    """
    from soundcal.report.figure_files import check_formats, write_figures
    from soundcal.report.html import write_html
    from soundcal.report.pdf import write_pdf
    from soundcal.report.sections.summary import build
    from soundcal.report.tables import write_tables

    check_formats(figures)
    page = out / "report.html"
    if page.exists() and not force:
        raise RecordError(f"{page} exists already; choose another folder or use --force")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(f"{out}: cannot be made ({error.strerror})") from error
    write_tables(study, out, force=force)
    if figures:
        write_figures(build(study), out / "figures", figures, force=force)
    if pdf:
        write_pdf(study, out / "report.pdf", force=force)
    return write_html(study, page, force=force)

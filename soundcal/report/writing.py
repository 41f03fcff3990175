"""Reports as files: the page, its PDF, its figures and its tables."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from soundcal.errors import ParameterError
from soundcal.files.atomic import check_output, make_folder, partial_file, refuse_existing
from soundcal.report.document import Document, Picture
from soundcal.report.figure_files import check_formats, write_figures
from soundcal.report.html import render_html
from soundcal.report.pdf import render_pdf
from soundcal.report.study import study_document
from soundcal.report.tables import write_tables
from soundcal.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["write_document", "write_report"]

Progress = Callable[[float, str, float], None]

_PAGES: Final = (".html", ".htm")


def write_document(
    document: Document,
    page: Path,
    *,
    pdf: bool = False,
    figures: Sequence[str] = (),
    figure_folder: Path | None = None,
    tables: str = "",
    force: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write a document as a page, and return the paths of the page and its PDF.

    Parameters
    ----------
    document : Document
        The report.
    page : Path
        The page to write, HTML. It is written last: if it exists, all the other files do.
    pdf : bool
        Write the same content as PDF beside the page, with the ending ``.pdf``.
    figures : sequence of {"svg", "png", "pdf"}
        Write every figure in these formats.
    figure_folder : Path, optional
        Folder of the figures; by default ``<page>_figures`` beside the page.
    tables : str
        Folder of the tables as CSV, relative to the page, if the caller has written them.
    force : bool
        Replace existing files.
    progress : callable, optional
        Called with the number of figures drawn, the title of the last, and the number of all; a
        figure is drawn again for each kind of file.

    Raises
    ------
    ParameterError
        Unknown format of figures, or a page with another ending than ``.html``.
    RecordError
        A file exists and ``force`` is not set, or it cannot be written.
    """
    check_formats(figures)
    if page.suffix.lower() not in _PAGES:
        raise ParameterError(f"{page}: a page ends in .html; --pdf writes a PDF beside it")
    paths = [page, page.with_suffix(".pdf")] if pdf else [page]
    for path in paths:
        check_output(path, force=force)  # both of them before anything is drawn
    if progress is not None:
        times = 1 + pdf + bool(figures)
        document = _reporting(document, progress, times * len(document.pictures()))
    if figures:
        folder = figure_folder or page.with_name(f"{page.stem}_figures")
        write_figures(document, folder, figures, force=force)
    if pdf:
        with partial_file(paths[1], force=force) as temporary:
            temporary.write_bytes(render_pdf(document))
    with partial_file(page, force=force) as temporary:
        temporary.write_text(render_html(document, tables), encoding="utf-8")
    return paths


def _reporting(document: Document, progress: Progress, total: int) -> Document:
    """Return a document that reports every figure when it is drawn."""
    drawn = count(1)

    def reporting(picture: Picture) -> Picture:
        def draw() -> "Figure":
            progress(next(drawn), picture.title, total)
            return picture.draw()

        return replace(picture, draw=draw)

    return document.with_pictures(reporting)


def write_report(
    study: Study,
    folder: str | os.PathLike[str],
    *,
    document: Document | None = None,
    pdf: bool = False,
    figures: Sequence[str] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write the report of a study into a folder and return the path of its HTML page.

    Parameters
    ----------
    study : Study
        The study to report.
    folder : path
        Made if it does not exist. ``report.html`` and the tables as CSV and JSON go there.
    document : Document, optional
        The study's document, if it exists already; built from the study by default.
    pdf : bool
        Write ``report.pdf`` with the same content as well.
    figures : sequence of {"svg", "png", "pdf"}
        Write every figure in these formats into ``figures``.
    force : bool
        Replace existing files.
    progress : callable, optional
        Called with the number of figures drawn, the title of the last, and the number of all; a
        figure is drawn again for each kind of file.

    Raises
    ------
    ParameterError
        Unknown format of figures.
    RecordError
        A file exists and ``force`` is not set, or the folder cannot be written.
    """
    if not isinstance(study, Study):
        raise TypeError(
            f"a Study is expected, not {type(study).__name__}; soundcal.study_of makes one of "
            "tables"
        )
    folder = Path(folder)
    page = folder / "report.html"
    check_formats(figures)
    refuse_existing(page, force=force)
    make_folder(folder)
    if document is None:
        document = study_document(study)
    write_tables(study, document.tables(), folder, force=force)
    write_document(
        document,
        page,
        pdf=pdf,
        figures=figures,
        figure_folder=folder / "figures",
        tables="tables",
        force=force,
        progress=progress,
    )
    return page

"""The figures of a report as files of their own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from soundcal.errors import ParameterError
from soundcal.files.atomic import make_folder, partial_file
from soundcal.report.document import Document
from soundcal.report.figures import save

__all__ = ["FORMATS", "check_formats", "write_figures"]

FORMATS: Final = ("svg", "png", "pdf")
"""File formats of figures."""


def check_formats(formats: Sequence[str]) -> None:
    """Refuse an unknown format before anything is drawn.

    Raises
    ------
    ParameterError
        Unknown format.
    """
    unknown = sorted(set(formats) - set(FORMATS))
    if unknown:
        raise ParameterError(f"figure format {unknown[0]!r}; one of {', '.join(FORMATS)} expected")


def write_figures(
    document: Document, folder: Path, formats: Sequence[str], *, force: bool = False
) -> None:
    """Write every figure of a document into a folder, which is made if it does not exist.

    Raises
    ------
    RecordError
        A file exists and ``force`` is not set, or cannot be written.
    """
    make_folder(folder)
    for picture in document.pictures():
        figure = picture.draw()
        for form in formats:
            with partial_file(folder / f"{picture.name}.{form}", force=force) as temporary:
                save(figure, temporary, form=form)

"""Pictures that commands write."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PICTURES", "write_picture"]

PICTURES: Final = (".png", ".svg", ".pdf")
"""Endings of pictures."""


def write_picture(figure: "Figure", path: Path, *, force: bool) -> None:
    """Write a figure in the format that the ending of the path names."""
    from soundcal.files.atomic import partial_file
    from soundcal.report.figures import save

    with partial_file(path, force=force) as temporary:
        save(figure, temporary, form=path.suffix.lower()[1:], dpi=150)

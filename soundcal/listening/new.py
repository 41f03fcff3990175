"""New studies from templates."""

from pathlib import Path
from typing import Final

from soundcal.errors import ParameterError, RecordError
from soundcal.files.atomic import make_folder, partial_file
from soundcal.listening.study import STUDY_FILE

__all__ = ["new_study", "template_names"]

_TEMPLATES: Final = Path(__file__).parent / "templates"


def template_names() -> dict[str, str]:
    """Return the templates, each with the first sentence of what it says about itself.

    >>> list(template_names())
    ['acr', 'method-a', 'paq', 'paq-two-calibrations', 'semantic-differential']
    """
    files = {file.stem: file for file in _TEMPLATES.glob("*.toml")}
    return {name: _first_sentence(files[name].read_text("utf-8")) for name in sorted(files)}


def new_study(folder: Path, template: str) -> Path:
    """Write the study file of a template into a folder, which is made if it is missing.

    Returns
    -------
    Path
        The file, with comments for whoever edits it.

    Raises
    ------
    ParameterError
        No such template.
    RecordError
        The folder has a study already, which stays as it is, or it cannot be written.
    """
    names = template_names()
    if template not in names:
        raise ParameterError(f"no template {template!r}; there are {', '.join(names)}")
    path = folder / STUDY_FILE
    if path.exists():
        raise RecordError(f"{path}: exists already and stays as it is; name another folder")
    make_folder(folder)
    with partial_file(path) as temporary:
        temporary.write_bytes((_TEMPLATES / f"{template}.toml").read_bytes())
    return path


def _first_sentence(text: str) -> str:
    words = " ".join(line.removeprefix("#").strip() for line in text.split("\n#\n")[0].splitlines())
    return words.removesuffix(".")

"""One way to a response by name: a table that comes with soundcal, a record, or a typed chart."""

import os
from pathlib import Path

from soundcal.errors import RecordError
from soundcal.files.text import TEXT_LIMIT, check_file, read_text
from soundcal.response.model import Response
from soundcal.response.own_csv import is_own_csv
from soundcal.response.records import load_response
from soundcal.response.tables import GENERIC_RESPONSES, generic_response
from soundcal.response.textfile import read_response

__all__ = ["open_response"]


def open_response(name: str | os.PathLike[str]) -> Response:
    """Return the response that an option such as ``--response`` names.

    Parameters
    ----------
    name : str or path
        A table of :data:`soundcal.response.tables.GENERIC_RESPONSES`, the file of a record (JSON),
        or a file of soundcal's own text form, which states its ends.

    Raises
    ------
    RecordError
        The file cannot be read, is not as its form requires, or states no ends: a text file of
        another program has to be imported first.
    """
    if str(name) in GENERIC_RESPONSES:
        return generic_response(str(name))
    path = Path(name)
    check_file(
        path,
        missing=f"no such file, and not one of the tables {', '.join(GENERIC_RESPONSES)}",
    )
    if path.suffix.lower() == ".json":
        return load_response(path)
    if path.suffix.lower() != ".sofa" and is_own_csv(read_text(path, limit=TEXT_LIMIT)):
        return read_response(path)
    raise RecordError(
        f"{path}: does not state from where to where it leads; import it first: soundcal response "
        "import"
    )

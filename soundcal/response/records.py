"""Responses on disk: one JSON file each, checked against its schema when it is read.

The schema is ``measurements/schema/response.schema.json``.
"""

import os
from pathlib import Path

from soundcal.errors import ParameterError, RecordError
from soundcal.files.records import parsed_json, write_json
from soundcal.files.text import TEXT_LIMIT, read_text
from soundcal.response.model import SCHEMA, Response, marked_if_changed

__all__ = ["load_response", "save_response"]


def save_response(path: str | os.PathLike[str], response: Response, *, force: bool = False) -> None:
    """Write a response.

    Parameters
    ----------
    path : path
        File to write.
    response : Response
        The response; reading the file gives an equal one.
    force : bool
        Replace an existing file.

    Raises
    ------
    RecordError
        The file exists and ``force`` is not set, or it cannot be written.
    """
    write_json(Path(path), SCHEMA, response.to_dict(), force=force, compact=True)


def load_response(path: str | os.PathLike[str]) -> Response:
    """Read a response; ``provenance["changed"]`` marks one that was changed after it was made.

    Raises
    ------
    RecordError
        Missing, not JSON, not a response, or not as the schema requires.
    ParameterError
        Not a path.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ParameterError(f"response {path!r:.80}: the path of its file is expected")
    path = Path(path)
    record = parsed_json(read_text(path, limit=TEXT_LIMIT), SCHEMA, path)
    try:
        return marked_if_changed(Response.from_dict(record))
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error

"""Copies of a study's answers that were made with soundcal: exports and backups, by their places.

Their list is kept beside the database, so that :mod:`soundcal.listening.forget` can name the copies
that it cannot reach.
"""

import json
import os
from pathlib import Path
from typing import Final, Literal

from soundcal.errors import RecordError
from soundcal.files.atomic import why_unwritable
from soundcal.files.text import read_text
from soundcal.recording import utc_now

__all__ = ["copies_of", "note_copy"]

_LIST: Final = "copies.jsonl"


def note_copy(folder: Path, kind: Literal["export", "backup"], place: Path) -> None:
    """Add a copy to the list of a study's folder.

    Raises
    ------
    RecordError
        The list cannot be written.
    """
    line = json.dumps({"time": utc_now(), "kind": kind, "path": str(place.resolve())}) + "\n"
    path = folder / _LIST
    try:
        with open(path, "ab", buffering=0) as file:
            file.write(line.encode())
            os.fsync(file.fileno())
    except OSError as error:
        raise RecordError(f"{path}: cannot be written ({why_unwritable(error, path)})") from error


def copies_of(folder: Path, database: Path) -> list[str]:
    """Return the copies of a database in words: those of the list, and those of older schemas.

    Raises
    ------
    RecordError
        The list cannot be read.
    """
    path = folder / _LIST
    lines = read_text(path).splitlines() if path.exists() else []
    found = {}
    for line in lines:
        try:
            entry = json.loads(line)
            found[f"{entry['kind']} {entry['path']}"] = str(entry["time"])[:10]
        except (ValueError, TypeError, KeyError) as error:
            raise RecordError(f"{path}: not a list of copies ({error})") from error
    older = sorted(folder.glob(f"{database.stem}-schema-*.sqlite"))
    kept = [f"copy {path} (before an update of soundcal)" for path in older]
    return [f"{what} (last made {day})" for what, day in found.items()] + kept

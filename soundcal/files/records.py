"""JSON records on disk: written atomically, checked against their schema, read in every version.

The schemas are in ``measurements/schema``. ``soundcal/NAME/VERSION`` is described by
``NAME.schema.json`` if it is the current version, and by ``NAME-VERSION.schema.json`` if it is an
older one; a record of an older version is upgraded when it is read (see
:mod:`soundcal.files.upgrades`).
"""

import json
import platform
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from soundcal.errors import RecordError
from soundcal.files.atomic import partial_file
from soundcal.files.shipped import shipped
from soundcal.files.text import read_text
from soundcal.files.upgrades import UPGRADES
from soundcal.version import __version__

__all__ = [
    "RECORDING_SCHEMA",
    "check_content",
    "check_schema",
    "parsed_json",
    "provenance",
    "read_json",
    "write_json",
]

RECORDING_SCHEMA: Final = "soundcal/recording/2"
"""Value of the key ``schema`` in the record beside a recording."""


@cache
def _versions() -> dict[str, str]:
    return {
        "soundcal": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: metadata.version(name) for name in ("numpy", "scipy", "numba", "soundfile")},
    }


def provenance() -> dict[str, str]:
    """Return the versions of soundcal and its libraries that are part of every record."""
    return dict(_versions())


def write_json(
    path: Path,
    schema: str,
    content: Mapping[str, Any],
    *,
    force: bool = False,
    compact: bool = False,
) -> None:
    """Write a JSON record atomically, with the name of its schema and the software's versions.

    The text is indented for people; ``compact`` is for large tables that only programs read.

    Raises
    ------
    RecordError
        The content is not as the schema requires, the file exists and ``force`` is not set, or it
        cannot be written.
    """
    record = {"schema": schema, "software": provenance(), **content}
    text = json.dumps(record, indent=None if compact else 2) + "\n"
    if _checks(schema) is not None:
        check_schema(json.loads(text), schema, path)
    with partial_file(path, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path, schema: str) -> dict[str, Any]:
    """Read a JSON record and check it against its schema.

    A record of an older version is checked against the schema of that version, and returned as the
    record of ``schema`` that soundcal would write today. If no description of a schema comes with
    soundcal, only its name is checked.

    Raises
    ------
    RecordError
        Missing, not JSON, of another schema, or not as its schema requires.
    """
    return parsed_json(read_text(path), schema, path)


def parsed_json(text: str, schema: str, path: Path) -> dict[str, Any]:
    """Return the record in a text; see :func:`read_json`, of whose file the text is."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:  # not JSON, too deep
        raise RecordError(f"{path}: cannot be read as a JSON record ({error})") from error
    found = record.get("schema") if isinstance(record, dict) else None
    while found != schema and found in _older(schema):
        check_schema(record, found, path)
        record = UPGRADES[found](record)
        found = record["schema"]
    check_schema(record, schema, path)
    return dict(record)


def _older(schema: str) -> list[str]:
    """Return the older versions of a schema that can be upgraded."""
    name, _, version = schema.rpartition("/")
    older = [f"{name}/{number}" for number in range(1, int(version))]
    return [known for known in older if known in UPGRADES]


def check_schema(record: Any, schema: str, where: Path | str) -> None:
    """Check a record, as JSON values, against its schema.

    Raises
    ------
    RecordError
        Of another schema, or not as the schema requires.
    """
    found = record.get("schema") if isinstance(record, dict) else None
    if found != schema:
        raise RecordError(f"{where}: record of schema {schema!r} expected, found {found!r:.80}")
    check_content(record, schema, where)


def check_content(record: Mapping[str, Any], schema: str, where: Path | str) -> None:
    """Check JSON values that do not name their schema themselves, such as one event of a log.

    Raises
    ------
    RecordError
        Not as the schema requires.
    """
    checks = _checks(schema)
    if checks is None:
        return
    from fastjsonschema import JsonSchemaException

    try:
        checks[1](record)
    except JsonSchemaException:
        _refuse(record, schema, checks[0], where)


def _refuse(record: Mapping[str, Any], schema: str, description: Any, where: Path | str) -> None:
    """Raise the error of a record; jsonschema, which is slow, has the last word and the place."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(description).iter_errors(record))
    if error is None:
        return
    place = "/".join(str(key) for key in error.absolute_path) or "record"
    raise RecordError(
        f"{where}: does not match schema {schema!r} at {place}: {error.message[:300]}"
    )


@lru_cache(maxsize=32)
def _checks(schema: str) -> tuple[Any, Callable[[Any], Any]] | None:
    """Return a schema and its compiled check; None if no description comes with soundcal."""
    _, name, version = schema.split("/")
    folder = shipped("schema")
    for file in (folder / f"{name}-{version}.schema.json", folder / f"{name}.schema.json"):
        if file.is_file():
            import fastjsonschema

            description = json.loads(file.read_text(encoding="utf-8"))
            return description, fastjsonschema.compile(description)
    return None

"""Mapping files: TOML in which people say what the columns and names of their tables stand for.

The commands that read tables of other programs have their own parts (``[columns]``, ``[wide]`` …);
this module reads the parts of names, which all of them treat alike, and knows which never occurred.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from soundcal.errors import RecordError
from soundcal.files.names import normal_name
from soundcal.files.text import read_toml

__all__ = ["is_number", "mapping_parts", "name_parts", "never_seen"]


def mapping_parts(
    path: Path, parts: Sequence[str], others: Collection[str] = ()
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return the tables of a mapping file, those that are absent empty, and its other entries.

    Parameters
    ----------
    path : Path
        The mapping file.
    parts : sequence of str
        Names of the tables that it may have.
    others : collection of str
        Names of its other entries.

    Raises
    ------
    RecordError
        The file cannot be read, has a part that is unknown, or a part that is not a table.
    """
    content = read_toml(path, "a mapping")
    unknown = set(content) - {*parts, *others}
    if unknown:
        known = ", ".join((*sorted(others), *parts))
        raise RecordError(f"{path}: unknown part {', '.join(sorted(unknown))}; known: {known}")
    tables = {part: content.get(part, {}) for part in parts}
    for part, table in tables.items():
        if not isinstance(table, dict):
            raise RecordError(f"{path}: {part} is expected to be a table, [{part}]")
    return tables, {name: content[name] for name in others if name in content}


def name_parts(path: Path, part: str, table: Mapping[str, Any]) -> dict[str, str]:
    """Return a part whose keys and values are names, in their normal form.

    Raises
    ------
    RecordError
        A value that is not a text, or a key that stands there twice.
    """
    names: dict[str, str] = {}
    for key, name in table.items():
        if isinstance(name, dict):
            raise RecordError(
                f"{path}: a point in the name {key}.{next(iter(name), '')} in [{part}] makes a "
                "table of it; put the name between quotation marks"
            )
        if not isinstance(name, str):
            raise RecordError(
                f'{path}: {key} = {name!r:.60} in [{part}]; a text is expected, e.g. {key} = "…"'
            )
        if normal_name(key) in names:
            raise RecordError(f"{path}: {key!r} stands in [{part}] twice")
        names[normal_name(key)] = normal_name(name)
    return names


def is_number(value: object) -> bool:
    """Return whether a value of a mapping file is a finite number."""
    try:
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        )
    except OverflowError:  # a whole number of hundreds of digits
        return False


def never_seen(
    path: Path, part: str, keys: Iterable[str], seen: Collection[str], *, of_columns: bool = False
) -> tuple[str, ...]:
    """Return a remark if names of a part occurred in none of the tables.

    Parameters
    ----------
    path : Path
        The mapping file.
    part : str
        Name of the part.
    keys : iterable of str
        Names in it.
    seen : collection of str
        Names that occurred.
    of_columns : bool
        True if the names stand for columns, which the errors list elsewhere.
    """
    absent = [key for key in keys if key not in seen]
    if not absent:
        return ()
    remark = f"{path}: {', '.join(map(repr, absent))} of [{part}] never occurs"
    if not of_columns:
        remark += f" in the tables; they have {', '.join(map(repr, [*seen][:12]))}"
        remark += " and others" if len(seen) > 12 else ""
    return (remark,)

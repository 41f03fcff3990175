"""Tables of known levels: how most published soundscape recordings are calibrated.

A CSV has the column ``recording``, one column per channel (``left``, ``right``; or ``level`` for
all channels alike) and, optionally, ``weighting``. A JSON file has one object per recording with
its level per channel, ``{"CT101": {"Left": 79.0, "Right": 79.72}}``, as Soundscapy reads it.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from soundcal.calibration.stated import StatedLevels
from soundcal.errors import RecordError
from soundcal.files.names import lookalikes, normal_name, some
from soundcal.files.tables import read_table_text
from soundcal.files.text import read_text

__all__ = ["levels_of_files", "read_levels"]

_RECORDING: Final = "recording"
_WEIGHTING: Final = "weighting"
_EVERY: Final = "level"


def read_levels(
    path: Path, *, weighting: str = ""
) -> tuple[dict[str, StatedLevels], tuple[str, ...]]:
    """Read the known equivalent levels of recordings.

    Parameters
    ----------
    path : path
        CSV or JSON file.
    weighting : {"", "A", "B", "C", "Z"}
        Frequency weighting of the levels, where the file does not state it.

    Returns
    -------
    levels : dict of str to StatedLevels
        By the name of the recording.
    notes : tuple of str
        Remarks about how the file was read.

    Raises
    ------
    RecordError
        The file cannot be read, names a recording twice, lacks a level or a frequency weighting, or
        states another one than ``weighting``.
    """
    path = Path(path)
    rows, notes = _from_json(path) if path.suffix.lower() == ".json" else _from_table(path)
    found: dict[str, StatedLevels] = {}
    for where, name, levels, own in rows:
        if name in found:
            raise RecordError(f"{where}: a second row for the recording {name!r}")
        if not levels:
            raise RecordError(f"{where}: no level of the recording {name!r}")
        if own and weighting and own != weighting:
            raise RecordError(
                f"{where}: the frequency weighting is {own!r}, but {weighting!r} was stated for "
                "the whole table; leave one of them out"
            )
        if not (own or weighting):
            raise RecordError(
                f"{where}: no frequency weighting; state that of all levels (--stated-weighting A, "
                "or Z for unweighted levels, as Soundscapy takes them), or add a column weighting"
            )
        every = set(levels) == {_EVERY}
        found[name] = StatedLevels(
            tuple(levels.values()),
            () if every else tuple(levels),
            own or weighting,
            source=f"{path.name}, {name}",
        )
    if not found:
        raise RecordError(f"{path}: no recordings in it")
    return found, notes


_Row = tuple[str, str, dict[str, float], str]
"""Place in the file, recording, level per channel, frequency weighting or ""."""


def _from_table(path: Path) -> tuple[list[_Row], tuple[str, ...]]:
    table = read_table_text(path)
    by_lower: dict[str, str] = {}
    for name in table.columns:
        if name and name.lower() in by_lower:
            raise RecordError(
                f"{path}: columns {by_lower[name.lower()]!r} and {name!r} are the same but for "
                f"capitals; leave one of them out; {table.found}"
            )
        by_lower[name.lower()] = name
    if _RECORDING not in by_lower:
        raise RecordError(f"{path}: no column {_RECORDING!r}; {table.found}")
    names = table.names(by_lower[_RECORDING])
    weightings = [""] * len(names)
    if _WEIGHTING in by_lower:
        weightings = [cell.upper() for cell in table.cells(by_lower[_WEIGHTING])]
    channels = [name for name in by_lower if name not in (_RECORDING, _WEIGHTING, "")]
    if not channels:
        raise RecordError(f"{path}: no column with levels, such as left and right; {table.found}")
    columns = {name: table.numbers(by_lower[name]) for name in channels}
    rows: list[_Row] = []
    for index, (line, name) in enumerate(zip(table.lines, names, strict=True)):
        levels = {channel: float(values[index]) for channel, values in columns.items()}
        known = {channel: level for channel, level in levels.items() if not math.isnan(level)}
        rows.append((f"{path}: line {line}", name, known, weightings[index]))
    return rows, table.notes


def _from_json(path: Path) -> tuple[list[_Row], tuple[str, ...]]:
    try:
        content = json.loads(read_text(path), object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: not valid JSON ({error})") from error
    return [_entry(path, name, entry) for name, entry in _pairs(path, content)], ()


def _pairs(where: str | Path, content: Any) -> list[tuple[str, Any]]:
    """Return the members of a JSON object; as pairs, they show names that occur twice."""
    if not isinstance(content, list) or not all(isinstance(pair, tuple) for pair in content):
        raise RecordError(
            f"{where}: expected is one object per recording with its level per channel, such as "
            '{"CT101": {"Left": 79.0, "Right": 79.7}}'
        )
    return content


def _entry(path: Path, name: str, entry: Any) -> _Row:
    where = f"{path}: {name}"
    own = ""
    levels: dict[str, float] = {}
    for key, value in _pairs(where, entry):
        if key.lower() in levels:
            raise RecordError(f"{where}: {key} occurs twice")
        if key.lower() == _WEIGHTING:
            own = str(value).upper()
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise RecordError(f"{where}: {key}: {value!r}; a level in dB is expected")
        else:
            levels[key.lower()] = float(value)
    return where, normal_name(name), levels, own


def levels_of_files(
    files: Iterable[str | os.PathLike[str]], table: Mapping[str, StatedLevels], *, source: Path
) -> tuple[dict[str, StatedLevels], tuple[str, ...]]:
    """Find the levels of each file: by its path as given, its name, or its name without the ending.

    Parameters
    ----------
    files : iterable of path
        The recordings.
    table : mapping of str to StatedLevels
        Levels by name, as :func:`read_levels` gives them.
    source : path
        The file of the table, for errors.

    Returns
    -------
    levels : dict of str to StatedLevels
        By absolute path.
    notes : tuple of str
        Remark on rows of no file.

    Raises
    ------
    RecordError
        Files without a row, or two files of one row.
    """
    found: dict[str, StatedLevels] = {}
    row_of: dict[str, str] = {}
    absent: list[str] = []
    for file in map(Path, files):
        names = [normal_name(text) for text in (file.as_posix(), file.name, file.stem)]
        name = next((name for name in names if name in table), None)
        if name is None:
            absent.append(names[-1])
            continue
        if name in row_of:
            raise RecordError(
                f"{source}: the row {name!r} would count for two files, {row_of[name]} and {file}; "
                "name the recordings by their paths"
            )
        row_of[name] = str(file)
        found[os.path.abspath(file)] = table[name]
    if absent:
        hints = lookalikes("recordings", "files", absent, "the table", table)
        raise RecordError(
            f"{source}: no level of {some(absent)}; every recording needs a row"
            + "".join(f"; {hint}" for hint in hints)
        )
    unused = [name for name in table if name not in row_of]
    notes = (f"{source}: levels of no file here: {some(unused)}",) if unused else ()
    return found, notes

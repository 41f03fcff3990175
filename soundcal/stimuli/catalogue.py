"""The catalogue: stimuli by id, read from a TOML file and checked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from soundcal.errors import ParameterError, RecordError
from soundcal.files.shipped import shipped
from soundcal.files.text import inside, read_toml
from soundcal.stimuli.parameters import check_parameters

__all__ = ["LONGEST_S", "Stimulus", "load_catalogue", "scenes", "select"]

LONGEST_S: Final = 3600.0
"""Longest duration of a stimulus in s."""

_SCHEMA: Final = "soundcal/catalogue/1"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One stimulus of a catalogue.

    Parameters
    ----------
    id : str
        Identity; becomes part of file names.
    kind : str
        ``scene``, ``file``, or a signal: ``tone``, ``am``, ``fm``, ``sweep``, ``burst``, ``white``,
        ``pink``, ``speech``.
    parameters : mapping
        Parameters of the kind: frequencies in Hz, times in s, the layers of a scene, the path of a
        file.
    seed : int
        Seed of the random numbers.
    duration : float
        Duration in s.
    level : float
        Level in dB re 20 µPa at which listeners should hear it, energetic mean of both ears.
    weighting : {"A", "C", "Z"}
        Frequency weighting of the level.
    licence : str
        SPDX identifier.
    sha256 : str
        SHA-256 of the rendering (see :func:`~soundcal.stimuli.rendering.digest`) or of the file.
    title : str
        Description in words.
    folder : Path
        Folder of the catalogue; paths of files start there.
    """

    id: str
    kind: str
    parameters: Mapping[str, Any]
    seed: int
    duration: float
    level: float
    weighting: str
    licence: str
    sha256: str
    title: str = ""
    folder: Path = field(default=Path(), compare=False)

    @property
    def n_channels(self) -> int | None:
        """Number of channels: 2 for scenes, 1 for signals, None (unknown) for files."""
        return {"scene": 2, "file": None}.get(self.kind, 1)


def load_catalogue(path: Path | None = None) -> dict[str, Stimulus]:
    """Return the stimuli of a catalogue by id, in its order.

    Parameters
    ----------
    path : Path, optional
        A TOML file; the catalogue that ships with soundcal if not given.

    Raises
    ------
    RecordError
        The catalogue is missing, not TOML or of another schema; an entry has a missing, unknown or
        wrong key, a duplicate id, or the path of a file outside the catalogue's folder.
    """
    path = shipped("stimuli") / "catalogue.toml" if path is None else Path(path)
    table = read_toml(path, "a catalogue", missing="no such catalogue")
    if table.get("schema") != _SCHEMA:
        raise RecordError(
            f"{path}: catalogue of schema {_SCHEMA!r} expected, found {table.get('schema')!r:.80}"
        )
    entries = table.get("stimulus", [])
    if not isinstance(entries, list) or not entries:
        raise RecordError(f"{path}: no [[stimulus]] in the catalogue")
    catalogue: dict[str, Stimulus] = {}
    for number, entry in enumerate(entries, start=1):
        stimulus = _entry(entry, f"{path}: stimulus {number}", path.parent)
        if stimulus.id in catalogue:
            raise RecordError(f"{path}: stimulus {number}: the id {stimulus.id!r} is used twice")
        catalogue[stimulus.id] = stimulus
    return catalogue


def scenes(catalogue: Mapping[str, Stimulus]) -> list[Stimulus]:
    """Return the binaural stimuli with a target level: the scenes and the lab's own files."""
    return [s for s in catalogue.values() if s.kind in ("scene", "file")]


def select(catalogue: Mapping[str, Stimulus], ids: Sequence[str] = ()) -> list[Stimulus]:
    """Return the stimuli with these ids; the whole catalogue if no ids are given.

    Raises
    ------
    ParameterError
        An id is not in the catalogue.
    """
    for name in ids:
        if name not in catalogue:
            raise ParameterError(f"no stimulus {name!r}; the catalogue has {', '.join(catalogue)}")
    return [catalogue[name] for name in dict.fromkeys(ids)] if ids else list(catalogue.values())


_KEYS: Final[dict[str, type | tuple[type, ...]]] = {
    "id": str,
    "kind": str,
    "title": str,
    "parameters": dict,
    "seed": int,
    "duration": (int, float),
    "level": (int, float),
    "weighting": str,
    "licence": str,
    "sha256": str,
}
_KINDS: Final = ("scene", "file", "tone", "am", "fm", "sweep", "burst", "white", "pink", "speech")


def _entry(entry: Any, where: str, folder: Path) -> Stimulus:
    if not isinstance(entry, dict):
        raise RecordError(f"{where}: a table is expected, found {entry!r}")
    where = f"{where} ({entry.get('id', 'without id')})"
    unknown, missing = set(entry) - set(_KEYS), set(_KEYS) - set(entry)
    if unknown or missing:
        problem = "unknown" if unknown else "missing"
        raise RecordError(f"{where}: {problem} key {sorted(unknown or missing)[0]!r}")
    for key, kind in _KEYS.items():
        if not isinstance(entry[key], kind) or isinstance(entry[key], bool):
            raise RecordError(f"{where}: {key} = {entry[key]!r} is of the wrong type")
    if not _ID.fullmatch(entry["id"]):
        raise RecordError(f"{where}: the id may hold letters, digits, '.', '_' and '-' only")
    if entry["kind"] not in _KINDS:
        raise RecordError(f"{where}: kind {entry['kind']!r}; one of {', '.join(_KINDS)} expected")
    if entry["weighting"] not in ("A", "C", "Z"):
        raise RecordError(f"{where}: weighting {entry['weighting']!r}; A, C or Z expected")
    if not 0.1 <= entry["duration"] <= LONGEST_S:
        raise RecordError(f"{where}: duration {entry['duration']} s; 0.1 to {LONGEST_S:g} expected")
    if not 0 <= entry["level"] <= 130:
        raise RecordError(f"{where}: level {entry['level']} dB; 0 to 130 dB expected")
    if entry["seed"] < 0:
        raise RecordError(f"{where}: seed {entry['seed']}; 0 or more is expected")
    if entry["sha256"] and not re.fullmatch(r"[0-9a-f]{64}", entry["sha256"]):
        raise RecordError(f"{where}: sha256 {entry['sha256']!r} is not a SHA-256")
    if entry["kind"] == "file":
        _check_file(entry["parameters"], where, folder)
    else:
        check_parameters(entry["kind"], entry["parameters"], where)
    numbers = {"duration": float(entry["duration"]), "level": float(entry["level"])}
    return Stimulus(**(entry | numbers), folder=folder)


def _check_file(parameters: Mapping[str, Any], where: str, folder: Path) -> None:
    name = parameters.get("path")
    if not isinstance(name, str) or not name or set(parameters) != {"path"}:
        raise RecordError(f"{where}: a file needs the parameter path, and no other")
    try:
        inside(folder, name)
    except RecordError as error:
        raise RecordError(f"{where}: {error}") from error

"""Stimuli: a catalogue of tones, noises, sweeps and binaural scenes, and a lab's own files.

::

    stimulus = load_catalogue()["CG01"]
    samples = render(stimulus, fs=48000)        # shape (n_channels, n_samples), peak <= 0.9

A catalogue is a TOML file with one table ``[[stimulus]]`` per stimulus. What a computer makes is
the same to the last bit everywhere (:mod:`soundcal.stimuli.exact`), and the SHA-256 in the
catalogue says so; a lab's own WAV or FLAC files (``kind = "file"``) stand in a catalogue beside
them and are checked in the same way. ``level`` is the sound pressure level at which a listener is
meant to hear the stimulus, the energetic mean of both ears. The samples do not depend on it.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.errors import ParameterError, RecordError
from soundcal.files import audio
from soundcal.files.atomic import file_digest
from soundcal.files.shipped import shipped
from soundcal.files.text import inside, read_text
from soundcal.stimuli.parameters import check_parameters

__all__ = ["Stimulus", "digest", "load_catalogue", "render", "scenes", "select"]

Array = NDArray[np.float64]

_SCHEMA: Final = "soundcal/catalogue/1"
_CATALOGUE_FS: Final = 48000
_RATES: Final = (8000, 192000)
_LONGEST_S: Final = 3600.0
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
        What the kind needs: frequencies in Hz, times in s, the layers of a scene, the path of a
        file.
    seed : int
        Of the random numbers.
    duration : float
        Duration in s.
    level : float
        Level in dB re 20 µPa at which it is meant to be heard, energetic mean of both ears.
    weighting : {"A", "C", "Z"}
        Frequency weighting of the level.
    licence : str
        SPDX identifier.
    sha256 : str
        SHA-256 of the rendering (see :func:`digest`) or of the file.
    title : str
        What it is, in words.
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
        """Number of channels: 2 for scenes, 1 for signals, None for a file that was not read."""
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
        Missing, not TOML, of another schema, an entry with a missing, unknown or wrong key, a
        duplicate id, or the path of a file that leaves the catalogue's folder.
    """
    path = shipped("stimuli") / "catalogue.toml" if path is None else Path(path)
    try:
        table = tomllib.loads(read_text(path, missing="no such catalogue"))
    except (ValueError, RecursionError) as error:  # not TOML, endless numbers, too deep
        raise RecordError(f"{path}: cannot be read as a catalogue ({error})") from error
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
    """Return the stimuli of these ids; all of the catalogue if none are given.

    Raises
    ------
    ParameterError
        An id is not in the catalogue.
    """
    for name in ids:
        if name not in catalogue:
            raise ParameterError(f"no stimulus {name!r}; the catalogue has {', '.join(catalogue)}")
    return [catalogue[name] for name in dict.fromkeys(ids)] if ids else list(catalogue.values())


def render(stimulus: Stimulus, *, fs: int = _CATALOGUE_FS, duration: float | None = None) -> Array:
    """Return the samples of a stimulus.

    Parameters
    ----------
    stimulus : Stimulus
        From :func:`load_catalogue`.
    fs : int
        Sampling rate in Hz, 8000 to 192000. A file has the rate it has.
    duration : float, optional
        Duration in s; that of the catalogue if not given. A scene of another duration is another
        rendering of it, not its beginning; a file is cut.

    Returns
    -------
    ndarray, shape (n_channels, n_samples)
        Multiples of 2^-23, at most 0.9 (a file: what it holds). A scene has two channels, left and
        right.

    Raises
    ------
    ParameterError
        Impossible rate or duration, a rate that is not that of the file, or one that cannot hold
        the tone.
    RecordError
        The parameters do not describe the kind, or the samples or the file do not match the
        checksum of the catalogue.
    """
    if not _RATES[0] <= fs <= _RATES[1]:
        raise ParameterError(f"sampling rate {fs} Hz: {_RATES[0]} to {_RATES[1]} Hz expected")
    seconds = stimulus.duration if duration is None else duration
    if not 0.1 <= seconds <= _LONGEST_S:
        raise ParameterError(f"duration {seconds} s: 0.1 to {_LONGEST_S:g} s expected")
    if stimulus.kind == "file":
        return _from_file(stimulus, fs, duration)
    samples = _generate(stimulus, fs, round(seconds * fs))
    as_in_catalogue = fs == _CATALOGUE_FS and seconds == stimulus.duration
    if as_in_catalogue and stimulus.sha256 and digest(samples) != stimulus.sha256:
        raise RecordError(
            f"{stimulus.id}: the rendering has SHA-256 {digest(samples)}, the catalogue says "
            f"{stimulus.sha256}; either the entry was changed (then refresh its checksum) or this "
            "machine computes differently (then please report it)"
        )
    return samples


def digest(samples: Array) -> str:
    """Return the SHA-256 of a rendering: 24-bit values as little-endian int32, by channel."""
    from soundcal.stimuli.exact import quantise

    return hashlib.sha256(np.ascontiguousarray(quantise(samples), dtype="<i4").data).hexdigest()


def _generate(stimulus: Stimulus, fs: int, n: int) -> Array:
    from soundcal.stimuli.exact import quantise
    from soundcal.stimuli.scenery import scene
    from soundcal.stimuli.signals import SIGNALS

    check_parameters(stimulus.kind, stimulus.parameters, stimulus.id)
    make = scene if stimulus.kind == "scene" else SIGNALS[stimulus.kind]
    samples = make(stimulus.parameters, stimulus.seed, fs, n)
    return np.atleast_2d(quantise(samples) * 2.0**-23)


def _from_file(stimulus: Stimulus, fs: int, duration: float | None) -> Array:
    path = stimulus.folder / stimulus.parameters["path"]
    found = file_digest(path)
    if found != stimulus.sha256:
        raise RecordError(
            f"{path}: SHA-256 {found} differs from that of the catalogue, "
            f"{stimulus.sha256 or 'none'}; it is not the file that was entered"
        )
    capture = audio.read(path)
    if capture.fs != fs:
        raise ParameterError(
            f"{path}: sampling rate {capture.fs} Hz, not {fs} Hz; soundcal does not resample "
            "silently: use the file's rate or convert the file"
        )
    n = capture.n_samples if duration is None else round(duration * fs)
    if n > capture.n_samples:
        raise ParameterError(f"{path}: holds {capture.duration:g} s, {duration:g} s were asked for")
    return np.array(capture.samples[:, :n])


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
        raise RecordError(f"{where}: a table expected, found {entry!r}")
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
    if not 0.1 <= entry["duration"] <= _LONGEST_S:
        raise RecordError(
            f"{where}: duration {entry['duration']} s; 0.1 to {_LONGEST_S:g} expected"
        )
    if not 0 <= entry["level"] <= 130:
        raise RecordError(f"{where}: level {entry['level']} dB; 0 to 130 dB expected")
    if entry["seed"] < 0:
        raise RecordError(f"{where}: seed {entry['seed']}; 0 or more expected")
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

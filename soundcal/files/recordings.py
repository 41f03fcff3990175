"""The record beside a recording: its origin, the doubts about it, and its calibration."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Self

from soundcal.calibration.model import Calibration
from soundcal.errors import RecordError, SignalError
from soundcal.files.atomic import file_digest
from soundcal.files.calibrations import load_calibration
from soundcal.files.full_scale import stated_full_scale
from soundcal.files.records import RECORDING_SCHEMA, read_json, write_json
from soundcal.files.text import read_text
from soundcal.recording import CHANGED, EQUALISED_BEFORE, NO_RECORD, Flag
from soundcal.takes.check import Check

__all__ = [
    "RECORDS",
    "RecordingRecord",
    "equalised_before",
    "named_calibration",
    "record_beside",
]

RECORDS: Final = "rec-*.json"
"""Pattern of the files that hold a session's records of recordings."""

_HEAD: Final = 4096
"""Bytes at the start of a record within which its schema is named."""

_SETTLED_S: Final = 10.0
"""Time in s after a change of a folder at which a further change must give it another time."""

_OF_THE_AUDIO: Final = ("audio", "sha256", "fs")
_OF_A_STIMULUS: Final = (
    "stimulus",
    "condition",
    "run",
    "combination",
    "target",
    "weighting",
    "gain_db",
    "search",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRecord:
    """The record beside a recording.

    Parameters
    ----------
    audio : str
        Name of the audio file beside the record; "" before it is written, as are ``sha256`` and
        ``fs``.
    sha256 : str
        SHA-256 of the audio file.
    fs : int
        Sampling rate in Hz.
    stimulus : str, optional
        Identity of the stimulus; None if none was played. The record then has neither this field
        nor those up to ``search``.
    condition : str, optional
        Method by which the playback gain was found: ``in-situ``, ``ocv``, ``hats`` or another.
    run : int
        Number of the repetition.
    combination : str
        Soundcard and headphones.
    target : float, optional
        Target level in dB re 20 µPa, energetic mean of both ears.
    weighting : str, optional
        Frequency weighting of the target.
    gain_db : float, optional
        Gain applied to the stimulus in dB.
    search : mapping, optional
        The search for the gain, and the level it gave.
    playback_equalisation : sequence of mapping
        Responses that were embedded in what was played, in order, each as
        :meth:`soundcal.recording.AppliedResponse.to_dict` gives it. The recording itself was not
        filtered. The record has the field only if there are any.
    calibration : str, optional
        Identity of the calibration.
    calibration_file : str, optional
        Its file, relative to the record.
    capture : mapping
        The take as its device described it: :meth:`soundcal.recording.Capture.to_dict`.
    flags : tuple of Flag
        Reasons to doubt the recording.
    checks : tuple of Check
        Checks of the take.
    """

    audio: str = ""
    sha256: str = ""
    fs: int = 0
    stimulus: str | None = None
    condition: str | None = None
    run: int = 1
    combination: str = ""
    target: float | None = None
    weighting: str | None = None
    gain_db: float | None = None
    search: Mapping[str, Any] | None = None
    playback_equalisation: Sequence[Mapping[str, Any]] = ()
    calibration: str | None = None
    calibration_file: str | None = None
    capture: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    checks: tuple[Check, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        left_out = {*_OF_A_STIMULUS} if self.stimulus is None else set[str]()
        if not self.playback_equalisation:
            left_out.add("playback_equalisation")
        content = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in left_out}
        return content | {
            "flags": [flag.to_dict() for flag in self.flags],
            "checks": [check.to_dict() for check in self.checks],
        }

    @property
    def name(self) -> str:
        """Name of the recording in its session, without the ending: see :data:`RECORDS`."""
        return f"rec-{self.stimulus}_{self.condition}_run-{self.run}"

    def about(self) -> dict[str, Any]:
        """Return the fields that do not follow from the audio file, ready for JSON."""
        content = self.to_dict()
        return {key: content[key] for key in content if key not in _OF_THE_AUDIO}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the record with the given JSON values; a missing field has its default."""
        known = {f.name: data[f.name] for f in fields(cls) if f.name in data}
        return cls(
            **known
            | {
                "flags": tuple(Flag(**flag) for flag in data.get("flags", ())),
                "checks": tuple(Check.from_dict(check) for check in data.get("checks", ())),
            }
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record of the current version or an older one; one that was changed gets a flag.

        Raises
        ------
        RecordError
            Missing, not JSON, or not such a record.
        """
        content = read_json(path, RECORDING_SCHEMA)
        record = cls.from_dict(content)
        if content.get("digest", _digest(content)) == _digest(content):
            return record
        flag = Flag(CHANGED, f"{path.name} was changed after the recording was made")
        return replace(record, flags=(*record.flags, flag))

    def write(self, path: Path, *, force: bool = False) -> None:
        """Write the record, with a digest of its own content.

        Raises
        ------
        RecordError
            It exists and ``force`` is not set, or cannot be written.
        """
        content = self.to_dict()
        content["digest"] = _digest(content)
        write_json(path, RECORDING_SCHEMA, content, force=force)

    @property
    def device(self) -> str:
        """Identity of the device that made the recording; "unknown" if it is not recorded."""
        return str(self.capture.get("device") or "unknown")

    @property
    def point(self) -> str:
        """Point to which its sound pressure refers, as it was stated; "" if unknown."""
        return str(self.capture.get("point") or "")

    @property
    def incidence(self) -> str:
        """Sound incidence for which the pressure at a microphone is defined; "" if unknown."""
        return str(self.capture.get("incidence") or "")

    @property
    def inputs(self) -> tuple[int, ...]:
        """Numbers of the device's inputs, in the order of the channels; empty if unknown."""
        known = self.capture.get("inputs")
        return tuple(known) if isinstance(known, list) else ()


def record_beside(path: Path, *, needed: bool = True) -> RecordingRecord:
    """Return the record beside an audio file after checking the audio against it.

    A JSON file of another program or of another kind is no record of the audio; nor is one that
    cannot be read, if no record is needed. The record is then empty, with a flag if the file seems
    to be a damaged record of soundcal.

    Parameters
    ----------
    path : Path
        The audio file.
    needed : bool
        Whether the record must tell the calibration; False if it is given.

    Raises
    ------
    RecordError
        The record is damaged and needed, or the audio was changed after it was recorded.
    """
    beside = path.with_suffix(".json")
    if not beside.is_file() or not _is_record(beside):
        return _record_of_another_name(path)
    try:
        record = RecordingRecord.read(beside)
    except RecordError as error:
        if needed:
            raise RecordError(f"{error}; state the calibration to do without the record") from error
        text = f"{beside.name} cannot be read as the record of the recording and is left out"
        return RecordingRecord(flags=(Flag(NO_RECORD, text),))
    found = file_digest(path)
    if record.sha256 != found:
        if record.audio != path.name and (path.parent / record.audio).exists():
            text = f"{beside.name} is the record of {record.audio} and not of {path.name}"
            return RecordingRecord(flags=(Flag(NO_RECORD, text),))
        raise RecordError(
            f"{path}: SHA-256 {found} differs from {record.sha256} in {beside.name}; "
            "the audio was changed after it was recorded, or the record belongs to another file: "
            f"move {beside.name} away to use the audio without its record"
        )
    return record


def equalised_before(path: Path) -> tuple[Flag, ...]:
    """Return the flag of an audio file that is to be equalised, and recorded equalised playback.

    Its record tells; one that does not belong to the audio is told, too.
    """
    try:
        steps = record_beside(path, needed=False).playback_equalisation
    except RecordError as error:
        return (Flag(NO_RECORD, str(error)),)
    if not steps:
        return ()
    filters = " and ".join(str(step.get("name") or step.get("id")) for step in steps)
    text = (
        f"{path.name} was recorded while {filters} equalised what was played: a recording at the "
        "output or through a loop contains that filter, which would act twice; in one at the ears "
        "the headphones have undone it"
    )
    return (Flag(EQUALISED_BEFORE, text),)


def named_calibration(path: Path, record: RecordingRecord) -> Calibration:
    """Return the calibration that the record of an audio file names.

    Raises
    ------
    RecordError
        It cannot be read, or it is not the one with which the audio was recorded.
    SignalError
        The record names none.
    """
    file = record.calibration_file
    if not file:
        found = stated_full_scale(path)
        stated = f"; its {found.place} states {found.level:g} dB at full scale" if found else ""
        raise SignalError(
            f"{path}: not calibrated, so the samples cannot be converted to pascal; give the "
            "calibration (--calibration FILE), or state the sensitivity or level (measure "
            "--sensitivity PA_PER_FS, --full-scale DB, --stated-level DB or --levels TABLE)"
            f"{stated}"
        )
    where = path.parent / file
    if not where.is_file():
        raise RecordError(
            f"{path}: its record names the calibration {file}, but there is no file {where}; put "
            "it there, or give it (--calibration FILE)"
        )
    calibration = load_calibration(where)
    if record.calibration not in (None, calibration.id):
        raise RecordError(
            f"{path}: recorded with calibration {record.calibration}, but {file} is now "
            f"{calibration.id}; restore the file, or give a calibration (--calibration FILE)"
        )
    return calibration


def _record_of_another_name(path: Path) -> RecordingRecord:
    """Return the record of the same audio beside it, if the audio was renamed without its record.

    Only records without audio of their own name are read.
    """
    records = _json_files(path.parent)
    if not records or not path.is_file():
        return RecordingRecord()
    taken = {other.stem for other in path.parent.iterdir() if other.suffix != ".json"}
    digest = ""
    for other in records:
        if other.stem in taken or not _is_record(other):
            continue
        try:
            record = RecordingRecord.read(other)
        except RecordError:
            continue
        digest = digest or file_digest(path)
        if record.sha256 == digest:
            text = f"{other.name} is the record of this audio, which was called {record.audio}"
            return replace(record, flags=(*record.flags, Flag(NO_RECORD, text)))
    return RecordingRecord()


def _json_files(folder: Path) -> tuple[Path, ...]:
    """Return the JSON files of a folder, which is not listed anew for each of its recordings."""
    try:
        changed = folder.stat().st_mtime
    except OSError:
        return ()
    settled = time.time() - changed > _SETTLED_S
    return _listed(folder, changed) if settled else _listed.__wrapped__(folder, changed)


@lru_cache(maxsize=64)
def _listed(folder: Path, changed: float) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("*.json")))


def _digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a record without its digest and heading."""
    left_out = ("digest", "schema", "software")
    values = {name: value for name, value in content.items() if name not in left_out}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _is_record(path: Path) -> bool:
    """Return whether a JSON file is, or was meant to be, the record of a recording."""
    try:
        content = json.loads(read_text(path))
    except (RecordError, ValueError, RecursionError):
        return _mentions_soundcal(path)
    return isinstance(content, dict) and str(content.get("schema")).startswith("soundcal/recording")


def _mentions_soundcal(path: Path) -> bool:
    """Return whether a file that is not JSON begins as soundcal's records of recordings do."""
    try:
        with open(path, "rb") as file:
            return b"soundcal/recording" in file.read(_HEAD)
    except OSError:
        return False

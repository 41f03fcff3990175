"""The record beside a recording: its origin, the doubts about it, and its calibration."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Self

from soundcal.files.records import RECORDING_SCHEMA, read_json
from soundcal.recording import Flag
from soundcal.takes.check import Check

__all__ = ["RECORDS", "RecordingRecord"]

RECORDS: Final = "rec-*.json"
"""Pattern of the files that hold a session's records of recordings."""

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
    calibration: str | None = None
    calibration_file: str | None = None
    capture: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    checks: tuple[Check, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        left_out = () if self.stimulus is not None else _OF_A_STIMULUS
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
        """Read a record of the current version or an older one.

        Raises
        ------
        RecordError
            Missing, not JSON, or not such a record.
        """
        return cls.from_dict(read_json(path, RECORDING_SCHEMA))

"""Plain folders of audio files: the folder's name is the method, the file's name the stimulus."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from soundcal.calibrated import calibrated_file
from soundcal.calibration.belonging import belonging
from soundcal.calibration.model import Calibration
from soundcal.calibration.stated import StatedLevels
from soundcal.errors import ParameterError, RecordError, SignalError
from soundcal.files.atomic import file_digest
from soundcal.files.audio import ENDINGS, in_folder
from soundcal.files.calibrations import load_calibration
from soundcal.files.names import normal_name
from soundcal.files.recordings import RecordingRecord, named_calibration, record_beside
from soundcal.recording import NOT_MEASURED, Flag
from soundcal.study.measuring import CalibratedRecording
from soundcal.study.model import Source

__all__ = ["Given", "Stated", "check_device", "plain_folder"]

Given = Calibration | Path | str
"""A calibration, or the path of its JSON record."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What the user stated about the files of plain folders.

    Parameters
    ----------
    sensitivities : tuple of float
        Sensitivity in Pa per full scale: one for all channels, or one each; empty if not stated.
    levels : mapping of str to StatedLevels
        Known level of each recording, by absolute path; empty if not stated.
    channels : tuple of str
        Names of the channels.
    """

    sensitivities: tuple[float, ...] = ()
    levels: Mapping[str, StatedLevels] = field(default_factory=dict)
    channels: tuple[str, ...] = ()

    @property
    def calibrates(self) -> bool:
        """True if it takes the place of a calibration."""
        return bool(self.sensitivities or self.levels)


def plain_folder(
    folder: Path,
    calibrations: Given | Mapping[str, Given] | None,
    other_device: bool,
    stated: Stated,
) -> tuple[list[CalibratedRecording], list[Source], list[str]]:
    """Return the recordings of one method, and those without a calibration with the reasons.

    Parameters
    ----------
    folder : path
        Holds audio files.
    calibrations : Calibration, path, or mapping of str to these, optional
        One for all folders, or one per folder name.
    other_device : bool
        Accept a calibration of another device.
    stated : Stated
        Names of the channels; and sensitivities or levels, which take the place of a calibration.

    Raises
    ------
    RecordError
        No such folder, no audio in it, or several files for one stimulus.
    SignalError
        No calibration.
    ParameterError
        A calibration of an output or of another device, or no level for a file.
    """
    if os.path.isfile(folder):
        raise RecordError(
            f"{folder}: a file; give the folder of the recordings of one method, or measure the "
            f"file: soundcal measure {folder}"
        )
    if not folder.is_dir():
        raise RecordError(f"{folder}: no such folder")
    files = in_folder(folder)
    if not files:
        raise RecordError(
            f"{folder}: contains neither a session (session.jsonl) nor audio files "
            f"({', '.join(ENDINGS)})"
        )
    stems = [normal_name(path.stem) for path in files]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise RecordError(f"{folder}: several files for the stimulus {twice[0]!r}; keep one")
    name = normal_name(folder.resolve().name)
    shared = None if stated.calibrates else _calibration_of(folder, name, calibrations)
    items: list[CalibratedRecording] = []
    lost: list[Source] = []
    reasons: list[str] = []
    made: dict[tuple[str, ...], Calibration] = {}
    for path in files:
        record = record_beside(path, needed=shared is None and not stated.calibrates)
        source = Source(
            path=str(path),
            sha256=file_digest(path),
            condition=name,
            stimulus=normal_name(path.stem),
            combination="",
            calibration="",
            flags=record.flags,
            simulated=bool(record.capture.get("simulated", False)),
            checks=record.checks,
            device=record.device,
        )
        if stated.calibrates:
            try:
                calibration = _stated_calibration(path, stated, made)
            except (RecordError, SignalError) as error:
                flag = Flag(NOT_MEASURED, "could not be measured")
                lost.append(replace(source, flags=(*source.flags, flag)))
                why = str(error).removeprefix(f"{path}: ")
                reasons.append(f"{folder.name}/{path.name} could not be measured: {why}")
                continue
        else:
            calibration = shared or _named_calibration(path, record, name)
            check_device(calibration, record, path, other_device)
        source = replace(source, calibration=calibration.id)
        items.append(CalibratedRecording(source, 1, record, calibration, stated.channels))
    return items, lost, reasons


def _stated_calibration(
    path: Path, stated: Stated, made: dict[tuple[str, ...], Calibration]
) -> Calibration:
    """Return the calibration that was stated; files with the same sensitivities share one."""
    found = calibrated_file(
        path, sensitivities=stated.sensitivities, levels=stated.levels, channels=stated.channels
    ).calibration
    return found if stated.levels else made.setdefault(tuple(found.channels), found)


def _named_calibration(path: Path, record: RecordingRecord, name: str) -> Calibration:
    """Return the calibration that the record beside a recording names."""
    if record.calibration_file:
        return named_calibration(path, record)
    raise SignalError(
        f"{path}: not calibrated, so its samples cannot be given in pascal; give a calibration "
        f"for the folder (--calibration {name}=FILE), or put it there as calibration.json"
    )


def check_device(
    calibration: Calibration, record: RecordingRecord, where: Path, accepted: bool
) -> None:
    """Refuse a calibration of an output or of another device, before anything is measured."""
    belonging(
        calibration,
        (),
        device="unknown" if accepted else record.device,
        name=f"{where}: its calibration {calibration.id}",
        instead="give --other-device to use its values, with a flag",
    )


def _calibration_of(
    folder: Path, name: str, calibrations: Given | Mapping[str, Given] | None
) -> Calibration | None:
    """Return the calibration of a whole folder; None if there is none."""
    given = calibrations
    if isinstance(calibrations, Mapping):
        given = {normal_name(key): one for key, one in calibrations.items()}.get(name)
    if isinstance(given, Calibration):
        return given
    if given is None and (folder / "calibration.json").is_file():
        given = folder / "calibration.json"
    if given is None:
        return None
    if isinstance(given, Mapping):  # for the type checker; a mapping was resolved above
        raise ParameterError(f"calibrations of {name}: a calibration or a path is expected")
    return load_calibration(Path(given))

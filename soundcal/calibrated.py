"""A recording on disk with its calibration: the one given, a stated one, or that of its record."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soundcal.calibration.belonging import belonging, mismatches
from soundcal.calibration.model import Calibration
from soundcal.calibration.reference_point import reference_point
from soundcal.calibration.stated import StatedLevels, from_level, from_sensitivity
from soundcal.errors import ParameterError
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration
from soundcal.files.full_scale import other_full_scale
from soundcal.files.recordings import RecordingRecord, named_calibration, record_beside
from soundcal.recording import STATED, Flag, Recording, channel_names
from soundcal.takes.check import Check
from soundcal.takes.file_checks import judge_file

__all__ = ["CalibratedFile", "as_sensitivities", "calibrated_file", "read_recording"]

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class CalibratedFile:
    """A recording on disk, and what converts its samples to pascal.

    Parameters
    ----------
    path : Path
        The audio file.
    about : AudioInfo
        Its format.
    record : RecordingRecord
        The record beside it; an empty one if there is none.
    channels : tuple of str
        Names of its channels.
    calibration : Calibration
        Calibration that has these channels.
    sensitivities : mapping of str to float
        Sensitivity of each channel in Pa per full scale, as it was stated or calibrated.
    flags : tuple of Flag
        Reasons to doubt the recording that do not need its samples.
    notes : tuple of str
        Assumptions that were made, which are no reason to doubt it.
    point, incidence : str
        Reference point and sound incidence of its pressure, as of a
        :class:`~soundcal.recording.Recording`: those of its record, or of its calibration.
    """

    path: Path
    about: audio.AudioInfo
    record: RecordingRecord
    channels: tuple[str, ...]
    calibration: Calibration
    sensitivities: Mapping[str, float]
    flags: tuple[Flag, ...]
    notes: tuple[str, ...]
    point: str
    incidence: str

    def doubts(self, checks: Iterable[Check]) -> tuple[Flag, ...]:
        """Return the flags of the checks of its samples that its record does not have."""
        known = {check.name for check in self.record.checks}
        doubtful = (c for c in checks if c.verdict != "pass" and c.name not in known)
        return tuple(check.flag for check in doubtful)


def calibrated_file(
    path: AnyPath,
    *,
    calibration: Calibration | None = None,
    sensitivities: tuple[float, ...] = (),
    levels: Mapping[str, StatedLevels] | None = None,
    channels: tuple[str, ...] = (),
    other_device: bool = False,
) -> CalibratedFile:
    """Find the calibration of a recording on disk.

    Parameters
    ----------
    path : path
        Audio file.
    calibration : Calibration, optional
        By default the one that the record beside the file names.
    sensitivities : tuple of float
        Stated sensitivity in Pa per full scale instead: one for all channels, or one each.
    levels : mapping of str to StatedLevels, optional
        Known level of the recording instead, by absolute path; the file is read into memory.
    channels : tuple of str
        Names of the channels; by default those of the record, or the usual ones.
    other_device : bool
        Accept a calibration of a device other than that of the record beside the file.

    Raises
    ------
    RecordError
        The file cannot be read, or does not match the record beside it.
    SignalError
        It is not calibrated; or its level is stated, but it is silent or invalid.
    ParameterError
        Channels that the calibration does not have, or a calibration of an output or of another
        device.
    """
    path = Path(path)
    about = audio.info(path)
    stated = calibration is not None or bool(sensitivities or levels)
    record = record_beside(path, needed=not stated)
    names = _channels_for(about, record, channels)
    given, name = calibration, ""
    typed = _stated_for(names, sensitivities) if sensitivities else {}
    if calibration is not None:
        found = calibration
    elif sensitivities:
        found = from_sensitivity(typed, source="stated for measuring")
    elif levels:
        found = _from_level(path, names, levels)
    else:
        found, name = named_calibration(path, record), str(record.calibration_file)
    found = belonging(
        found,
        names,
        device="unknown" if other_device else record.device,
        name=name,
        instead="give --other-device to use its values, with a flag",
    )
    known = {name: found.sensitivity(name) for name in names}
    flags = (
        *record.flags,
        *about.flags,
        *mismatches(
            found,
            device=record.device,
            fs=about.fs,
            point=record.point,
            inputs=dict(zip(names, record.inputs, strict=False)),
        ),
        *other_full_scale(path, known),
        *_exchanged(names, record),
    )
    notes = tuple(_notes(given, names, found, record))
    return CalibratedFile(
        path,
        about,
        record,
        names,
        found,
        typed or known,
        flags,
        notes,
        reference_point(record.point or found.point),
        record.incidence or found.incidence,
    )


def read_recording(
    path: AnyPath,
    *,
    calibration: Calibration | AnyPath | None = None,
    sensitivity: float | Sequence[float] | None = None,
    channels: Sequence[str] = (),
) -> Recording:
    """Read a recording in pascal.

    Parameters
    ----------
    path : path
        WAV, FLAC, … ; the whole file is read into memory.
    calibration : Calibration or path, optional
        The calibration, or the file that holds it; by default the one that the record beside the
        file names.
    sensitivity : float or sequence of float, optional
        Stated sensitivity in Pa per full scale instead: one for all channels, or one each.
    channels : sequence of str
        Names of the channels; by default those of the record, or the usual ones.

    Returns
    -------
    Recording
        With the flags of the file, of its record, and of the judgement of its samples.

    Raises
    ------
    RecordError, SignalError, ParameterError
        As for :func:`calibrated_file`.

    Examples
    --------
    ::

        ears = soundcal.read("take.wav", calibration="ears.json")
        soundcal.indicators.loudness_zwtv(ears).statistics["5"]
    """
    if calibration is not None and not isinstance(calibration, Calibration):
        calibration = load_calibration(calibration)
    file = calibrated_file(
        path,
        calibration=calibration,
        sensitivities=as_sensitivities(sensitivity),
        channels=tuple(channels),
    )
    capture = replace(audio.read(file.path), channels=file.channels)
    factors = [file.calibration.sensitivity(name) for name in file.channels]
    recording = file.calibration.apply(capture)
    flags = (*recording.flags, *file.flags, *file.doubts(judge_file(capture, factors)))
    return replace(
        recording,
        flags=tuple(dict.fromkeys(flags)),
        source=str(file.path),
        point=file.point,
        incidence=file.incidence,
    )


def as_sensitivities(sensitivity: float | Sequence[float] | None) -> tuple[float, ...]:
    """Return stated sensitivities in Pa per full scale; empty if none are stated.

    >>> as_sensitivities(2.0), as_sensitivities([2.0, 2.1]), as_sensitivities(None)
    ((2.0,), (2.0, 2.1), ())
    """
    if sensitivity is None:
        return ()
    return (float(sensitivity),) if isinstance(sensitivity, int | float) else tuple(sensitivity)


def _stated_for(channels: Sequence[str], values: tuple[float, ...]) -> dict[str, float]:
    """Return the sensitivity of each channel that was stated, one for all channels or one each.

    Raises
    ------
    ParameterError
        Neither one value nor one for each channel, or one that is not a positive number.
    """
    each = values * len(channels) if len(values) == 1 else values
    if len(each) != len(channels):
        raise ParameterError(
            f"{len(values)} sensitivities for {len(channels)} channels ({', '.join(channels)}); "
            "one for all or one for each is expected, decimals with a point"
        )
    return dict(zip(channels, each, strict=True))


def _from_level(
    path: Path, channels: Sequence[str], levels: Mapping[str, StatedLevels]
) -> Calibration:
    """Return the calibration that gives a recording its known level."""
    stated = levels.get(os.path.abspath(path))
    if stated is None:
        raise ParameterError(f"{path}: no level stated for this recording")
    capture = replace(audio.read(path), channels=tuple(channels))
    return from_level(
        capture, stated.of(channels), weighting=stated.weighting, source=stated.source
    )


def _notes(
    given: Calibration | None,
    channels: Sequence[str],
    calibration: Calibration,
    record: RecordingRecord,
) -> Iterator[str]:
    """Give a note on a calibrated channel of another name, and on another calibration."""
    known = channels if given is None else given.channels
    if not set(channels) <= set(known):
        yield f"{channels[0]} has the calibration of {known[0]}, the only calibrated channel"
    if record.calibration not in (None, calibration.id):
        yield f"recorded with calibration {record.calibration}, measured with {calibration.id}"


def _exchanged(channels: Sequence[str], record: RecordingRecord) -> Iterator[Flag]:
    """Give a flag if the channels have the names of the record in another order."""
    recorded = list(record.capture.get("channels", ()))
    if recorded != list(channels) and sorted(recorded) == sorted(channels):
        text = (
            f"the channels are named {', '.join(channels)}, but {', '.join(recorded)} in the record"
        )
        yield Flag(STATED, text)


def _channels_for(
    about: audio.AudioInfo, record: RecordingRecord, given: tuple[str, ...]
) -> tuple[str, ...]:
    names = given or tuple(record.capture.get("channels", ()))
    names = names or channel_names(about.n_channels)
    if len(names) != about.n_channels or len(set(names)) != len(names):
        raise ParameterError(
            f"{about.n_channels} channels in the file, names given: {', '.join(names)}; "
            "one distinct name per channel is expected (--channels)"
        )
    return names

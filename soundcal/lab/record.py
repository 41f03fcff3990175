"""Recording to a file that can be read at every moment, with its record (JSON) beside it."""

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal

from soundcal.calibration.belonging import mismatches
from soundcal.calibration.model import Calibration
from soundcal.devices.path import path_checks
from soundcal.devices.protocol import AudioDevice, Block, OnBlock
from soundcal.errors import DeviceError, ParameterError, RecordError
from soundcal.files import audio
from soundcal.files.atomic import Reserve, check_output, file_digest
from soundcal.files.calibrations import load_calibration
from soundcal.files.recordings import RecordingRecord
from soundcal.files.writer import RecordingSubtype, Writer
from soundcal.lab.calibrations import calibration_for
from soundcal.recording import LIMITED, AppliedResponse, Capture, Flag, channel_names
from soundcal.stopping import uninterrupted
from soundcal.takes.check import Check, flags_of
from soundcal.takes.judge import SignalChecks, stream_checks
from soundcal.takes.tally import StreamTally

__all__ = [
    "Ending",
    "Recorded",
    "check_target",
    "keep_capture",
    "record_to_file",
    "recorded_channels",
]

Ending = Literal["complete", "stopped", "failed"]

_RECORD_BYTES: Final = 16384  # upper limit for a record; added once more for each channel


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording that was written.

    Parameters
    ----------
    path : Path
        The audio file.
    record : RecordingRecord
        The record beside it, with flags and checks.
    n_samples : int
        Samples per channel.
    channels : tuple of str
        Channel names.
    ending : {"complete", "stopped", "failed"}
        ``complete`` if the recording has its full length, or had none and the operator stopped it;
        ``stopped`` if the operator stopped it early; ``failed`` if the device or the disk failed.
    """

    path: Path
    record: RecordingRecord
    n_samples: int
    channels: tuple[str, ...]
    ending: Ending


def record_to_file(
    device: AudioDevice,
    path: str | os.PathLike[str],
    *,
    duration: float | None = None,
    inputs: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    subtype: RecordingSubtype | None = None,
    calibration: str | os.PathLike[str] | None = None,
    point: str = "",
    incidence: str = "",
    on_block: OnBlock | None = None,
    force: bool = False,
) -> Recorded:
    """Record a device into a WAV or FLAC file and put its record beside it.

    The file's header is correct at every moment, so that a killed recording can be read. Ctrl-C, a
    full disk or a failure of the device ends the recording; the samples before it are kept and
    flagged. Nothing is written before the device has delivered its first samples.

    Parameters
    ----------
    device : AudioDevice
        The device.
    path : path
        File to write, .wav or .flac; the record gets its name with .json.
    duration : float, optional
        Length in s; without it the recording lasts until KeyboardInterrupt, which ``on_block`` may
        raise as well.
    inputs : sequence of int, optional
        Input channels; by default all.
    names : sequence of str, optional
        Channel names; by default ``left`` and ``right`` for two channels, ``mono`` for one.
    subtype : {"PCM_16", "PCM_24", "PCM_32", "FLOAT"}, optional
        Coding of the samples; by default FLOAT, in a FLAC file PCM_24.
    calibration : path, optional
        Calibration of the inputs; the record names it.
    point, incidence : str
        Reference point of the sound pressure, such as DRP, and sound incidence at a microphone
        (see :mod:`soundcal.calibration.reference_point`).
    on_block : callable, optional
        Called with every block after it has been written.
    force : bool
        Replace existing files.

    Returns
    -------
    Recorded
        The record and the ending.

    Raises
    ------
    ParameterError
        Impossible length, names or calibration.
    RecordError
        A file exists or cannot be written, or nothing was recorded.
    DeviceError
        The device failed before it delivered anything.

    Examples
    --------
    >>> import tempfile
    >>> from soundcal.devices import open_device
    >>> with tempfile.TemporaryDirectory() as folder, open_device("sim:lab") as lab:
    ...     found = record_to_file(lab, Path(folder) / "take.wav", duration=0.5, inputs=(1, 2))
    >>> found.ending, found.n_samples, found.channels
    ('complete', 24000, ('left', 'right'))
    """
    path, beside = Path(path), None if calibration is None else Path(calibration)
    check_target(path, duration, force=force)
    record = path.with_suffix(".json")
    numbers = tuple(inputs or range(1, device.info.inputs + 1))
    channels = recorded_channels(names, len(numbers))
    known = calibration_for(beside, device, "input", channels)
    total = None if duration is None else round(duration * device.fs)
    tally = StreamTally(device.fs, len(channels), device.info.host_api, total)
    signal = SignalChecks(channels, device.fs)
    with ExitStack() as stack:
        with device.stream(inputs=numbers) as blocks:
            # nothing on the disk is touched before the device has delivered its first samples
            first = next(blocks)
            room = stack.enter_context(Reserve(record.parent, _RECORD_BYTES * (1 + len(channels))))
            writer = _writer(path, device.fs, len(channels), subtype, known, force=force)
            record.unlink(missing_ok=True)  # with force: the old one is of another file
            ending = _write(chain([first], blocks), writer, tally, signal, on_block)
        if tally.n_samples == 0:
            path.unlink()
            raise RecordError(str(tally.noted[0]))
        with uninterrupted():  # by a second Ctrl-C, or by one just after the end
            checks = _checks(device, tally, signal, stopped=ending == "stopped")
            flags = (*tally.noted, *flags_of(checks), *_limited(writer))
            if known is not None:
                flags += mismatches(
                    known,
                    device=device.info.identity,
                    fs=device.fs,
                    point=point,
                    inputs=dict(zip(channels, numbers, strict=True)),
                )
            content = RecordingRecord(
                audio=path.name,
                sha256=file_digest(path),
                fs=device.fs,
                calibration=known.id if known else None,
                calibration_file=_beside(beside, path) if beside else None,
                capture=_capture(device, tally, channels, flags)
                | _at(point, incidence)
                | {"inputs": list(numbers)},
                flags=flags,
                checks=checks,
            )
            room.release()
            content.write(record, force=force)
    return Recorded(path, content, tally.n_samples, channels, ending)


def keep_capture(
    capture: Capture,
    path: str | os.PathLike[str],
    *,
    inputs: Sequence[int],
    checks: Sequence[Check] = (),
    calibration: str | os.PathLike[str] | None = None,
    playback_equalisation: Sequence[AppliedResponse] = (),
    force: bool = False,
) -> RecordingRecord:
    """Write a take into a WAV or FLAC file, and its record beside it.

    Parameters
    ----------
    capture : Capture
        The take.
    path : path
        File to write, .wav (32-bit floating point) or .flac (24 bit); the record gets its name
        with .json.
    inputs : sequence of int
        Inputs of the device that were recorded.
    checks : sequence of Check
        Judgement of the take.
    calibration : path, optional
        Calibration of the inputs; the record names it.
    playback_equalisation : sequence of AppliedResponse
        Responses that were embedded in what was played.
    force : bool
        Replace existing files.

    Raises
    ------
    RecordError
        A file exists or cannot be written, or the calibration cannot be read.
    """
    path = Path(path)
    known = None if calibration is None else load_calibration(calibration)
    with uninterrupted():  # so that a file is not left without its record
        digest = audio.write(
            path,
            capture.samples,
            capture.fs,
            subtype="PCM_24" if path.suffix.lower() == ".flac" else "FLOAT",
            comment=known.id if known else "",
            force=force,
        )
        record = RecordingRecord(
            audio=path.name,
            sha256=digest,
            fs=capture.fs,
            playback_equalisation=[step.to_dict() for step in playback_equalisation],
            calibration=known.id if known else None,
            calibration_file=None if calibration is None else _beside(Path(calibration), path),
            capture=capture.to_dict() | {"inputs": list(inputs)},
            flags=capture.flags,
            checks=tuple(checks),
        )
        record.write(path.with_suffix(".json"), force=force)
    return record


def check_target(path: Path, duration: float | None = None, *, force: bool = False) -> None:
    """Refuse a recording that could not be made, before a device is opened for it.

    Raises
    ------
    ParameterError
        Impossible length.
    RecordError
        The file or its record exists and ``force`` is not set, or cannot be written.
    """
    if duration is not None and not 0 < duration < 1e7:
        raise ParameterError(f"duration {duration:g}: a positive time in s is expected")
    for file in (path, path.with_suffix(".json")):
        check_output(file, force=force)


def recorded_channels(names: Sequence[str] | None, n_channels: int) -> tuple[str, ...]:
    """Return the names of the channels: those given, or the default ones.

    Raises
    ------
    ParameterError
        Not one name per channel, or a name occurs twice.
    """
    if names is None:
        return channel_names(n_channels)
    if len(names) != n_channels or len(set(names)) != n_channels:
        raise ParameterError(f"names {','.join(names)}: {n_channels} distinct names are expected")
    return tuple(names)


def _writer(
    path: Path,
    fs: int,
    n_channels: int,
    subtype: RecordingSubtype | None,
    calibration: Calibration | None,
    *,
    force: bool,
) -> Writer:
    usual: RecordingSubtype = "PCM_24" if path.suffix.lower() == ".flac" else "FLOAT"
    return Writer(
        path,
        fs,
        n_channels,
        subtype=subtype or usual,
        comment=calibration.id if calibration else "",
        force=force,
    )


def _write(
    blocks: Iterable[Block],
    writer: Writer,
    tally: StreamTally,
    signal: SignalChecks,
    on_block: OnBlock | None,
) -> Ending:
    """Write blocks until the end; a failure is noted in the tally, and written samples stay."""
    try:
        with writer:
            _write_blocks(blocks, writer, tally, signal, on_block)
    except KeyboardInterrupt:
        if tally.total is not None:
            tally.stop()
            return "stopped"
    except (DeviceError, RecordError) as error:
        tally.n_samples = writer.n_samples
        tally.fail(str(error))
        return "failed"
    finally:
        tally.n_samples = writer.n_samples  # also if the last block was interrupted
        tally.end()
    return "complete"


def _write_blocks(
    blocks: Iterable[Block],
    writer: Writer,
    tally: StreamTally,
    signal: SignalChecks,
    on_block: OnBlock | None,
) -> None:
    for block in blocks:
        samples = block.samples
        if tally.total is not None:
            samples = samples[:, : tally.total - writer.n_samples]
        writer.write(samples)
        signal.push(samples)
        for flag in block.flags:
            tally.report(flag, block.position)
        tally.add(samples, block.position + block.samples.shape[1], block.time)
        if on_block is not None:
            on_block(replace(block, samples=samples))
        if tally.total is not None and tally.n_samples >= tally.total:
            return


def _checks(
    device: AudioDevice, tally: StreamTally, signal: SignalChecks, *, stopped: bool
) -> tuple[Check, ...]:
    """Return the checks of the take; no length is expected of one that was stopped."""
    card = device.info.kind == "soundcard"
    stream = stream_checks(
        n_samples=tally.n_samples,
        fs=device.fs,
        expected=None if stopped else tally.total,
        xruns=tally.xruns,
        delivered_rate=tally.rate if card else None,
        missing=tally.missing if card else None,
    )
    return (*path_checks(device.info), *stream, *signal.checks())


def _limited(writer: Writer) -> tuple[Flag, ...]:
    text = f"{writer.limited} samples beyond full scale were limited to it"
    return (Flag(LIMITED, text),) if writer.limited else ()


def _capture(
    device: AudioDevice, tally: StreamTally, channels: Sequence[str], flags: Sequence[Flag]
) -> dict[str, Any]:
    """Return the fields that :meth:`soundcal.recording.Capture.to_dict` gives of a take."""
    card = device.info.kind == "soundcard"
    return {
        "fs": device.fs,
        "channels": list(channels),
        "n_samples": tally.n_samples,
        "device": device.info.identity,
        "simulated": not card,
        "xruns": tally.xruns,
        "clipped": tally.clipped.tolist(),
        "delivered_rate": tally.rate if card else None,
        "latency": None,
        "flags": [flag.to_dict() for flag in flags],
        "started": tally.started,
    }


def _at(point: str, incidence: str) -> dict[str, str]:
    both = {"point": point, "incidence": incidence}
    return {name: text for name, text in both.items() if text}


def _beside(calibration: Path, file: Path) -> str:
    """Return the path of the calibration as seen from the recording's folder."""
    try:
        return Path(os.path.relpath(calibration, file.parent)).as_posix()
    except ValueError:  # another drive of Windows
        return str(calibration.resolve())

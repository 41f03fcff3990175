"""Reading of calibration files that have to belong to a certain device."""

from collections.abc import Sequence
from pathlib import Path

from soundcal.calibration.belonging import belonging
from soundcal.calibration.model import Calibration, Direction
from soundcal.devices.protocol import AudioDevice
from soundcal.files.calibrations import load_calibration

__all__ = ["calibration_for"]


def calibration_for(
    path: Path | None,
    device: AudioDevice,
    direction: Direction,
    channels: Sequence[str] = (),
    *,
    naming: str = "--names",
) -> Calibration | None:
    """Read the calibration of a device's input or output; return None if no path is given.

    Parameters
    ----------
    path : Path or None
        The file.
    device : AudioDevice
        The device.
    direction : {"input", "output"}
        The side of the device.
    channels : sequence of str
        Channels that need a calibration.
    naming : str
        Option that names the channels.

    Raises
    ------
    ParameterError
        The calibration is for the other direction, for another device, or lacks a channel.
    RecordError
        The calibration cannot be read.
    """
    if path is None:
        return None
    return belonging(
        load_calibration(path),
        channels,
        device=device.info.identity,
        direction=direction,
        name=str(path),
        naming=naming,
        instead="record without --calibration" if direction == "input" else "",
    )

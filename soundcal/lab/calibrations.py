"""Reading of calibration files that have to belong to a certain device."""

from pathlib import Path

from soundcal.calibration.model import Calibration, Direction
from soundcal.devices.protocol import AudioDevice
from soundcal.errors import ParameterError
from soundcal.files.calibrations import load_calibration

__all__ = ["calibration_for"]


def calibration_for(
    path: Path | None, device: AudioDevice, direction: Direction
) -> Calibration | None:
    """Read the calibration of a device's input or output; return None if no path is given.

    Raises
    ------
    ParameterError
        The calibration is for the other direction or for another device.
    RecordError
        The calibration cannot be read.
    """
    if path is None:
        return None
    calibration = load_calibration(path)
    if calibration.direction != direction:
        raise ParameterError(
            f"{path}: calibrates the {calibration.direction}; an {direction} calibration is "
            "expected"
        )
    if calibration.device not in (device.info.identity, "unknown"):
        instead = (
            ", or record without a calibration (--calibration)" if direction == "input" else ""
        )
        raise ParameterError(
            f"{path}: belongs to {calibration.device}, not to {device.info.identity}; calibrate "
            f"this device{instead}"
        )
    return calibration

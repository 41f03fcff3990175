"""Open-circuit voltage of an output: read from a voltmeter, or recorded through line inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.calibration import ocv
from soundcal.calibration.model import Calibration
from soundcal.calibration.tone import sine
from soundcal.devices.protocol import AudioDevice
from soundcal.errors import ParameterError
from soundcal.headphone import Headphone
from soundcal.lab.operator import Operator
from soundcal.recording import EARS

if TYPE_CHECKING:
    from soundcal.devices.simulated.lab import SimulatedLab

__all__ = [
    "LineInputs",
    "calibrate_output",
    "read_voltages",
    "record_voltages",
    "simulated_data_sheet",
    "simulated_lab",
]

_LINE_S: Final = 2.0
"""Length of the recording of the test sine through line inputs, s."""


@dataclass(frozen=True, slots=True)
class LineInputs:
    """Line inputs that measure the voltages of the outputs.

    Parameters
    ----------
    inputs : tuple of int
        Input channel per output.
    volts_per_fs : tuple of float
        Rms voltage in V per digital full scale of each of them.
    """

    inputs: tuple[int, ...]
    volts_per_fs: tuple[float, ...]


def simulated_lab(device: AudioDevice | None) -> "SimulatedLab | None":
    """Return the device if it is the simulated lab, which has data sheets; None for any other."""
    if device is None or device.info.kind != "simulated":
        return None
    from soundcal.devices.simulated.lab import SimulatedLab

    return device if isinstance(device, SimulatedLab) else None


def simulated_data_sheet(device: AudioDevice | None) -> Headphone | None:
    """Return the data sheet of the simulated lab's headphones; None for any other device."""
    lab = simulated_lab(device)
    return None if lab is None else lab.data_sheet


def calibrate_output(
    device: AudioDevice,
    operator: Operator,
    headphone: Headphone,
    *,
    outputs: Sequence[int] = (1, 2),
    digital_level: float = ocv.DIGITAL_LEVEL,
    line: LineInputs | None = None,
    omissions: ocv.Omissions | None = None,
    knob: str = "",
) -> Calibration:
    """Measure the unloaded voltage of every output and return the output's calibration.

    Parameters
    ----------
    device : AudioDevice
        Plays the test sine.
    operator : Operator
        Unplugs the headphones and reads the voltmeter.
    headphone : Headphone
        Data sheet.
    outputs : sequence of int
        Output channels, left first.
    digital_level : float
        Rms of the test sine in dB re full scale.
    line : LineInputs, optional
        Line inputs to measure with instead of a voltmeter.
    omissions, knob
        As for :func:`soundcal.calibration.ocv.calibrate`.

    Raises
    ------
    SignalError, ToneNotFound
        The recording through the line inputs is invalid, or does not contain the test sine.
    ParameterError
        A voltage or setting is impossible.
    """
    operator.remove_headphones()
    voltages = (
        read_voltages(device, operator, outputs=outputs, digital_level=digital_level)
        if line is None
        else record_voltages(device, line, outputs=outputs, digital_level=digital_level)
    )
    return ocv.calibrate(
        voltages,
        headphone,
        digital_level=digital_level,
        omissions=omissions,
        knob=knob,
        device=device.info.identity,
        fs=device.fs,
        source="voltmeter" if line is None else "line input",
    )


def read_voltages(
    device: AudioDevice, operator: Operator, *, outputs: Sequence[int], digital_level: float
) -> dict[str, float]:
    """Return the rms voltage in V of every output, read while only that output plays.

    The other output is silent, so that its crosstalk does not affect the reading.
    """
    tone = sine(digital_level, fs=device.fs)[np.newaxis]
    voltages = {}
    for name, output in zip(EARS, outputs, strict=False):
        with device.playing(tone, outputs=(output,)):
            voltages[name] = operator.read_voltmeter(name)
    return voltages


def record_voltages(
    device: AudioDevice, line: LineInputs, *, outputs: Sequence[int], digital_level: float
) -> Mapping[str, float]:
    """Return the rms voltage in V of every output, recorded while all of them play."""
    names = EARS[: len(outputs)]
    if not len(line.inputs) == len(line.volts_per_fs) == len(names):
        raise ParameterError(
            f"{len(names)} outputs need as many line inputs and line sensitivities (volt per full "
            f"scale); {len(line.inputs)} and {len(line.volts_per_fs)} are given"
        )
    tone = np.tile(sine(digital_level, fs=device.fs), (len(names), 1))
    with device.playing(tone, outputs=outputs):
        take = replace(device.record(_LINE_S, inputs=line.inputs), channels=names)
    return ocv.line_voltages(take, dict(zip(names, line.volts_per_fs, strict=True)))

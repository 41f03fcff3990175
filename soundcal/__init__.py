"""Audio calibration and psychoacoustic measurement.

A device gives a :class:`Capture` (digital samples). A calibration turns it into a
:class:`Recording` in pascal. Indicators turn that into numbers. Agreement compares two sets of
numbers. A report prints them. A protocol calls the rest in order and leaves a session folder.

Public names are loaded on first use, so ``import soundcal`` stays cheap.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use
from soundcal.version import __version__

if TYPE_CHECKING:
    from soundcal.calibration.model import Calibration
    from soundcal.devices.opening import list_devices, open_device
    from soundcal.devices.simulated.lab import SimulatedLab
    from soundcal.errors import SoundcalError
    from soundcal.files.calibrations import load_calibration, save_calibration
    from soundcal.indicators.measurement import compute
    from soundcal.recording import Capture, Recording
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Calibration": "calibration.model",
            "Capture": "recording",
            "Recording": "recording",
            "SimulatedLab": "devices.simulated.lab",
            "SoundcalError": "errors",
            "compute": "indicators.measurement",
            "list_devices": "devices.opening",
            "load_calibration": "files.calibrations",
            "open_device": "devices.opening",
            "save_calibration": "files.calibrations",
        },
    )

__all__ = [
    "Calibration",
    "Capture",
    "Recording",
    "SimulatedLab",
    "SoundcalError",
    "__version__",
    "compute",
    "list_devices",
    "load_calibration",
    "open_device",
    "save_calibration",
]

"""Audio calibration and psychoacoustic measurement.

A device gives a :class:`Capture` (digital samples). A calibration turns it into a
:class:`Recording` in pascal. Indicators turn that into numbers. Agreement compares two sets of
numbers. A report prints them. A protocol calls the rest in order and leaves a session folder.

Public names are loaded on first use, so ``import soundcal`` stays cheap.
"""

from importlib import import_module
from typing import Any, Final

__version__ = "0.1.0"

_PUBLIC: Final[dict[str, str]] = {
    "Capture": "soundcal.recording",
    "Recording": "soundcal.recording",
    "SoundcalError": "soundcal.errors",
    "Calibration": "soundcal.calibration.model",
    "load_calibration": "soundcal.files.calibrations",
    "save_calibration": "soundcal.files.calibrations",
    "SimulatedLab": "soundcal.devices.simulated.lab",
    "compute": "soundcal.indicators.measurement",
    "open_device": "soundcal.devices",
    "list_devices": "soundcal.devices",
}

__all__ = ["__version__", *_PUBLIC]  # the names of _PUBLIC, resolved by __getattr__


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use (PEP 562)."""
    if name in _PUBLIC:
        value = getattr(import_module(_PUBLIC[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})

"""Audio calibration and psychoacoustic measurement.

A device gives a :class:`Capture` (digital samples). A calibration turns it into a
:class:`Recording` in pascal. Indicators turn that into numbers. Agreement compares two sets of
numbers. A report prints them. A protocol calls the rest in order and leaves a session folder.

What one needs first is here:

* :func:`open_device`, :func:`list_devices`, :class:`SimulatedLab` – play and record;
  :func:`record_to_file` – into a file with its record;
* :func:`calibrate_ears` – put the sound calibrator on, record and calibrate, in one call;
  :func:`calibrate_microphone` – the same from takes that exist; :func:`calibrate_headphones_ocv`
  with a :class:`Headphone`, :func:`calibrate_headphones_hats`; :func:`load_calibration`,
  :func:`save_calibration`; the laboratory's other procedures are in :mod:`soundcal.lab`;
* :func:`read` – a file into a :class:`Recording` in pascal; :func:`compute` – its indicators;
  :func:`measure` – files or a folder into a pandas table;
* :func:`bland_altman` – two sets of numbers; :func:`compare_methods` – tables of indicators;
* :func:`plot` – a recording or a result; :func:`plot_plane`, :func:`plot_likert`,
  :func:`plot_heat_map` – a table of ratings;
* :func:`collect`, :func:`study_of` with :class:`Rules`, :func:`write_report` – recordings or tables
  into a report.

Public names are loaded on first use, so ``import soundcal`` stays cheap.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use
from soundcal.version import __version__

if TYPE_CHECKING:
    from soundcal.agreement.limits_of_agreement import bland_altman
    from soundcal.calibrated import read_recording as read
    from soundcal.calibration.hats import calibrate as calibrate_headphones_hats
    from soundcal.calibration.microphone import calibrate as calibrate_microphone
    from soundcal.calibration.model import Calibration
    from soundcal.calibration.ocv import calibrate as calibrate_headphones_ocv
    from soundcal.devices.opening import list_devices, open_device
    from soundcal.devices.simulated.lab import SimulatedLab
    from soundcal.errors import SoundcalError
    from soundcal.files.calibrations import load_calibration, save_calibration
    from soundcal.headphone import Headphone
    from soundcal.indicators.measurement import compute
    from soundcal.lab.calibrator import calibrate_ears
    from soundcal.lab.record import record_to_file
    from soundcal.measuring import measure
    from soundcal.plotting.rated import plot_heat_map, plot_likert, plot_plane
    from soundcal.plotting.results import plot
    from soundcal.recording import Capture, Recording
    from soundcal.report.writing import write_report
    from soundcal.study.compare import compare_methods
    from soundcal.study.model import study_of
    from soundcal.study.recordings import collect
    from soundcal.study.rules import Rules
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Calibration": "calibration.model",
            "Capture": "recording",
            "Headphone": "headphone",
            "Recording": "recording",
            "Rules": "study.rules",
            "SimulatedLab": "devices.simulated.lab",
            "SoundcalError": "errors",
            "bland_altman": "agreement.limits_of_agreement",
            "calibrate_ears": "lab.calibrator",
            "calibrate_headphones_hats": "calibration.hats:calibrate",
            "calibrate_headphones_ocv": "calibration.ocv:calibrate",
            "calibrate_microphone": "calibration.microphone:calibrate",
            "collect": "study.recordings",
            "compare_methods": "study.compare",
            "compute": "indicators.measurement",
            "list_devices": "devices.opening",
            "load_calibration": "files.calibrations",
            "measure": "measuring",
            "open_device": "devices.opening",
            "plot": "plotting.results",
            "plot_heat_map": "plotting.rated",
            "plot_likert": "plotting.rated",
            "plot_plane": "plotting.rated",
            "read": "calibrated:read_recording",
            "record_to_file": "lab.record",
            "save_calibration": "files.calibrations",
            "study_of": "study.model",
            "write_report": "report.writing",
        },
    )

__all__ = [
    "Calibration",
    "Capture",
    "Headphone",
    "Recording",
    "Rules",
    "SimulatedLab",
    "SoundcalError",
    "__version__",
    "bland_altman",
    "calibrate_ears",
    "calibrate_headphones_hats",
    "calibrate_headphones_ocv",
    "calibrate_microphone",
    "collect",
    "compare_methods",
    "compute",
    "list_devices",
    "load_calibration",
    "measure",
    "open_device",
    "plot",
    "plot_heat_map",
    "plot_likert",
    "plot_plane",
    "read",
    "record_to_file",
    "save_calibration",
    "study_of",
    "write_report",
]

"""The laboratory: procedures with a device and an operator, and protocols made of them.

* :func:`calibrate_ears` – a sound calibrator on microphones or ears;
* :func:`calibrate_output` – the open-circuit voltage of a headphone output;
* :class:`Ears` – headphones on calibrated ears: noise floor, levels, gain search;
* :func:`play_at` – samples at a gain or at a calibrated level at the ears;
* :func:`measure_headphones`, :func:`measure_response` – the response of headphones over several
  seatings, of a soundcard through its loop, of a microphone;
* :func:`record_to_file` – a recording with its record beside it.

The :class:`Operator` does what a computer cannot. Procedures do not know the command line.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.lab.calibrator import calibrate_ears
    from soundcal.lab.operator import Operator, PreparedOperator, SimulatedOperator
    from soundcal.lab.play import LevelAtEars, play_at
    from soundcal.lab.record import Recorded, record_to_file
    from soundcal.lab.responses import SweepPath, measure_headphones, measure_response
    from soundcal.lab.search import Ears, SearchResult
    from soundcal.lab.voltage import LineInputs, calibrate_output
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Ears": "search",
            "LevelAtEars": "play",
            "LineInputs": "voltage",
            "Operator": "operator",
            "PreparedOperator": "operator",
            "Recorded": "record",
            "SearchResult": "search",
            "SimulatedOperator": "operator",
            "SweepPath": "responses",
            "calibrate_ears": "calibrator",
            "calibrate_output": "voltage",
            "measure_headphones": "responses",
            "measure_response": "responses",
            "play_at": "play",
            "record_to_file": "record",
        },
    )

__all__ = [
    "Ears",
    "LevelAtEars",
    "LineInputs",
    "Operator",
    "PreparedOperator",
    "Recorded",
    "SearchResult",
    "SimulatedOperator",
    "SweepPath",
    "calibrate_ears",
    "calibrate_output",
    "measure_headphones",
    "measure_response",
    "play_at",
    "record_to_file",
]

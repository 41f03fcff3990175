"""Calibrate both ears of a HATS (or two microphones) with a sound calibrator.

Needs
    soundcard with two inputs, HATS or two microphones, sound calibrator (IEC 60942 class 1 or
    better) that fits them.

Steps
    Sound calibrator on each ear, several times.

Accepted
    if every recording contains the tone at its frequency, steady and pure, and has no other fault
    (clipping, lost samples, silence). The record calibration_before.json then contains the
    sensitivities with their uncertainty budget; use it for measurements with these ears.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from soundcal.files.session import ExitStatus
from soundcal.lab import efforts, steps
from soundcal.lab.effort import Effort
from soundcal.lab.protocol import Bench, Value

SETTINGS = {
    "inputs": steps.DEVICE["inputs"],
    **steps.CALIBRATOR,
    "point": replace(steps.CALIBRATOR["point"], default=""),  # ears or microphones: not known
}

check = steps.check


def effort(settings: Mapping[str, Value]) -> Effort:
    """Return the time and the hands that a run takes."""
    return efforts.ears_effort(settings)


def run(bench: Bench) -> ExitStatus:
    """Carry out the steps."""
    bench.step("calibrator on the ears", partial(steps.calibrate_ears, bench, "calibration_before"))
    calibration = steps.calibration_of(bench, "calibration_before")
    for ear in calibration.channels:
        expanded, k = calibration.chain(ear).expanded()
        bench.operator.tell(
            f"  {ear}: {calibration.sensitivity(ear):.4g} Pa/FS, U = {expanded:.2f} dB "
            f"(95 %, k = {k:.2f})"
        )
    return "done"

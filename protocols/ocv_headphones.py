"""Calibrate headphones by the open-circuit voltage (OCV) of the soundcard.

Needs
    soundcard with two outputs, headphones and their data sheet (impedance, sensitivity), true-rms
    voltmeter that is accurate up to 1 kHz.

Steps
    1. Headphones unplugged: voltage of a 1 kHz tone at both outputs.
    2. From the data sheet: sensitivity of the whole output, and for every stimulus the gain that
       should bring it to its target level.

    With equalize=FILE the stimuli are equalised for the headphones, whose response is in the file
    (headphones.json of headphone_response); the level is then that behind filter and headphones.

Accepted
    if the voltages are plausible and no stimulus would clip. The effects that the method leaves out
    (load of the headphones on the output, spread of the unit, frequency response, seating, field)
    are in the uncertainty budget of calibration_ocv.json; the gains are in gains_ocv.json.
"""

from collections.abc import Mapping
from functools import partial
from math import isfinite

import numpy as np

from soundcal import stimuli
from soundcal.calibration import ocv
from soundcal.errors import TargetNotReached
from soundcal.files.session import Event, ExitStatus
from soundcal.lab import efforts, equalised_gains, steps
from soundcal.lab.effort import Effort
from soundcal.lab.gains import keep_gains
from soundcal.lab.levels import digital_levels
from soundcal.lab.protocol import Bench, Value
from soundcal.recording import EARS

SETTINGS = {
    "outputs": steps.DEVICE["outputs"],
    **steps.HEADPHONES,
    **steps.STIMULI,
    "weighting": steps.SEARCH["weighting"],
    **equalised_gains.EQUALIZE,
}

check = equalised_gains.check_with_equalisation


def effort(settings: Mapping[str, Value]) -> Effort:
    """Return the time and the hands that a run takes."""
    return efforts.OPEN_CIRCUIT


def run(bench: Bench) -> ExitStatus:
    """Carry out the steps."""
    if bench.settings.get("equalize"):
        bench.step("response", partial(equalised_gains.keep_equalisation, bench))
    bench.step("open-circuit voltage", partial(steps.calibrate_open_circuit, bench))
    bench.step("gains of the stimuli", partial(_gains, bench))
    missed = bench.session.events(Event.TARGET_NOT_REACHED)
    return "out of tolerance" if missed else "done"


def _gains(bench: Bench) -> None:
    """Compute the gain of every stimulus; one that would clip gets a reason instead of a gain."""
    calibration = steps.calibration_of(bench, "calibration_ocv")
    equalisation = equalised_gains.kept_equalisation(bench)
    weighting = str(bench.settings["weighting"])
    rows = []
    chosen = steps.selected_stimuli(bench.settings)
    for number, stimulus in enumerate(chosen, start=1):
        bench.operator.tell(f"  {stimulus.id}, {number} of {len(chosen)}")
        row = {"stimulus": stimulus.id, "target": stimulus.level, "gain_db": None}
        samples = steps.render_stimulus(bench, stimulus)
        if equalisation is None:
            played = samples
            weighted = digital_levels(samples, bench.device.fs, weighting)
        else:
            played, _ = equalisation.played(samples)
            weighted = equalisation.heard_levels(samples, played, weighting)
        try:
            peak = float(np.abs(played).max())
            gain = ocv.gain_for(calibration, stimulus.level, weighted, peak=peak)
        except TargetNotReached as error:
            row["reason"] = str(error)
            steps.missed(bench, stimulus, str(error))
        else:
            levels = ocv.predicted_levels(calibration, weighted)
            row |= {
                "gain_db": gain,
                # a silent channel has no level
                "levels": [levels[ear] + gain if isfinite(levels[ear]) else None for ear in EARS],
                "sha256": stimuli.digest(samples),
            }
        rows.append(row)
    about = None if equalisation is None else equalisation.record
    keep_gains(bench, "gains_ocv", rows, calibration, equalisation=about)

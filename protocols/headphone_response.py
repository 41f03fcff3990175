"""Measure the response of headphones on a HATS with several seatings.

Needs
    soundcard with two outputs and two inputs, headphones, HATS or ear simulators; a calibration of
    the ears (ears=FILE), or a sound calibrator that fits them.

Steps
    1. Sound calibrator on each ear, several times; not with ears=FILE.
    2. Headphones on the HATS, off and on again for each seating: noise, and an exponential sweep
       on both ears.

Accepted
    if in every third octave the sweep lies 20 dB or more above the noise and harmonic distortion is
    1 % or less, and the standard deviation between seatings is 3 dB or less from 100 Hz to 1 kHz.
    A seating that is more than 6 dB off the others there is replaced. The record headphones.json
    holds the response in Pa per full scale with its uncertainty and the spread between seatings;
    seating-N.json and seating-N.wav hold the single ones.
"""

from collections.abc import Mapping
from functools import partial

from soundcal.files.session import ExitStatus
from soundcal.lab import efforts, response_steps, steps
from soundcal.lab.effort import Effort
from soundcal.lab.protocol import Bench, Value

SETTINGS = {**steps.DEVICE, **steps.CALIBRATOR, **response_steps.RESPONSE}

check = response_steps.check_response


def effort(settings: Mapping[str, Value]) -> Effort:
    """Return the time and the hands that a run takes."""
    ears = Effort() if settings["ears"] else efforts.ears_effort(settings)
    return ears + response_steps.response_effort(settings)


def run(bench: Bench) -> ExitStatus:
    """Carry out the steps."""
    bench.step("calibration of the ears", partial(response_steps.prepare_response, bench))
    bench.step("seatings", partial(response_steps.headphone_seatings, bench))
    return response_steps.conclude_response(bench)

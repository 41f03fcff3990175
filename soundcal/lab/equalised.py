"""Gains of stimuli that are equalised for the headphones, at the ears of a HATS (method ``eq``).

The response of the headphones is measured over several seatings, its mean is inverted for each ear,
and both ears get the same level. The gain common to both ears is predicted from the response, then
searched for as without equalisation.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from soundcal import stimuli
from soundcal.arrays import Samples
from soundcal.devices import AudioDevice
from soundcal.files.session import Event
from soundcal.lab import response_steps, steps
from soundcal.lab.effort import Effort
from soundcal.lab.protocol import Bench, Value
from soundcal.lab.responses import measure_response
from soundcal.recording import EARS
from soundcal.response.calibrated_inputs import at_inputs
from soundcal.response.combining import combine_responses
from soundcal.response.equaliser import Equaliser
from soundcal.response.inversion import REFERENCE_HZ, inverse
from soundcal.response.levels import levels_behind
from soundcal.response.model import Response
from soundcal.stimuli import Stimulus
from soundcal.units import db, energetic_mean, from_db

__all__ = [
    "EQUALISATION",
    "check_equalisation",
    "equalisation_effort",
    "keep_equaliser",
    "keep_flatness",
    "record_equalised",
]

EQUALISATION: Final = {
    name: replace(setting, meaning=f"eq: {setting.meaning}")
    for name, setting in {
        **response_steps.SEATINGS,
        "max_level": response_steps.RESPONSE["max_level"],
    }.items()
    # in situ and over headphones, sounds pass the same ears: their response cancels
    if name != "ears_response"
}
"""Settings of the measured response; ``max_level`` acts where ``ocv`` predicts the level."""

_HEADPHONES: Final = "headphones"
_EQUALISER: Final = "equaliser"
_RESIDUAL: Final = "residual"

_MIDDLE: Final = (100.0, 10000.0)
_WIDE: Final = (50.0, 16000.0)
"""Ranges in Hz in which the flatness is stated."""


def check_equalisation(settings: Mapping[str, Value], device: AudioDevice) -> None:
    """Refuse a sweep and a range that do not fit the device, and ears that are not at DRP.

    Raises
    ------
    ParameterError
        With what is expected.
    """
    response_steps.check_at_drum(settings)
    response_steps.sweep_test(settings, device.fs)


def keep_equaliser(bench: Bench) -> None:
    """Measure the response of the headphones, and store it with its inverse.

    Raises
    ------
    SignalError
        A take or a seating was refused, and the operator does not try again.
    """
    headphones = response_steps.headphone_seatings(bench, _HEADPHONES)
    response_steps.keep_response(bench, _EQUALISER, inverse(headphones))


def keep_flatness(bench: Bench) -> None:
    """Measure how flat the equalised headphones are as they sit now; log it and keep the response.

    Raises
    ------
    SignalError
        A take was refused, and the operator does not try again.
    """
    path = replace(response_steps.sweep_path(bench), averages=1)
    measured = measure_response(bench.operator, path, name="headphones as they sit")
    now = at_inputs(measured.response, steps.calibration_of(bench, "calibration_before"))
    residual = combine_responses(
        response_steps.kept_response(bench, _EQUALISER),
        now.normalised(REFERENCE_HZ),
        name="equalised headphones",
    )
    response_steps.keep_response(bench, _RESIDUAL, residual)
    for ear in EARS:
        found = [_deviation(residual, ear, span) for span in (_MIDDLE, _WIDE)]
        bench.session.log(Event.FLATNESS, ear=ear, middle_db=found[0], wide_db=found[1])
        bench.operator.tell(
            f"  equalised, {ear}: flat within {found[0]:.2f} dB from 100 Hz to 10 kHz, "
            f"{found[1]:.2f} dB from 50 Hz to 16 kHz"
        )


def _deviation(residual: Response, ear: str, span: tuple[float, float]) -> float:
    """Return the largest deviation in dB from the level at 1 kHz in a range."""
    curve = residual.channel(ear)
    inside = (curve.frequency >= span[0]) & (curve.frequency <= span[1])
    return float(np.abs(curve.magnitude_db[inside]).max())


def record_equalised(bench: Bench, stimulus: Stimulus, samples: Samples) -> None:
    """Filter a stimulus for the headphones, search for its gain and store the accepted take."""
    headphones, fs = response_steps.kept_response(bench, _HEADPHONES), bench.device.fs
    equaliser = Equaliser(
        response_steps.kept_response(bench, _EQUALISER), direction="embed", fs=fs, channels=EARS
    )
    at_reference = [float(headphones.channel(ear).level(REFERENCE_HZ)) for ear in EARS]
    balance = from_db(np.mean(at_reference) - np.array(at_reference))
    filtered = equaliser.process(samples) * balance[:, np.newaxis]
    weighting = str(bench.settings["weighting"])
    levels = levels_behind(headphones, filtered, fs, channels=EARS, weighting=weighting)
    gain = stimulus.level - energetic_mean(list(levels.values()))
    about = {
        "sha256": stimuli.digest(samples),
        "predicted_gain_db": gain,
        "equaliser": equaliser.response.id,
        "balance_db": dict(zip(EARS, db(balance).tolist(), strict=True)),
    }
    steps.record_by_search(
        bench,
        stimulus,
        filtered,
        condition="eq",
        start_db=gain,
        about=about,
        equalisation=[equaliser.applied()],
    )


def equalisation_effort(settings: Mapping[str, Value]) -> Effort:
    """Return the effort of the response over all seatings, and of the sweep that shows flatness."""
    return response_steps.response_effort(settings) + response_steps.seating_effort(settings, 1)

"""Steps of protocols that find the gains of equalised stimuli, for people who listen to them.

The response comes from a file and is copied into the session. The table of gains names it, with the
settings of the filter: its gains hold for stimuli that are equalised in the same way.
"""

from collections.abc import Mapping
from typing import Final, cast, get_args

from soundcal import stimuli
from soundcal.arrays import Samples
from soundcal.devices import AudioDevice
from soundcal.lab import response_steps, steps
from soundcal.lab.equalisation import StimulusEqualisation
from soundcal.lab.protocol import Bench, Setting, Value
from soundcal.response.inversion import InversionRule
from soundcal.response.model import Response
from soundcal.response.opening import open_response
from soundcal.stimuli import Stimulus

__all__ = [
    "EQUALIZE",
    "check_with_equalisation",
    "keep_equalisation",
    "kept_equalisation",
    "record_by_equalised_search",
]

EQUALIZE: Final = {
    "equalize": Setting(
        "", "", "response of the headphones (JSON), which stimuli are equalised for; empty: none"
    ),
    "robust": Setting(
        "mean+2s",
        "",
        "equalize: rule of the inverse for notches, see soundcal response filter",
        choices=get_args(InversionRule),
    ),
}
"""Settings of the steps."""

_RESPONSE: Final = "equalisation"


def check_with_equalisation(settings: Mapping[str, Value], device: AudioDevice) -> None:
    """Refuse what :func:`soundcal.lab.steps.check` refuses, and a response that does not fit.

    Raises
    ------
    ParameterError, RecordError
        With what is expected.
    """
    steps.check(settings, device)
    if path := str(settings["equalize"]):
        _equalisation(open_response(path), settings, device)


def keep_equalisation(bench: Bench) -> None:
    """Copy the response into the session, which does not need the file again."""
    response = open_response(str(bench.settings["equalize"]))
    response_steps.keep_response(bench, _RESPONSE, response)
    made = _equalisation(response, bench.settings, bench.device)
    bench.operator.tell(f"  equalised for {made.record}")
    for flag in made.flags:
        bench.operator.tell(f"  {flag}")


def kept_equalisation(bench: Bench) -> StimulusEqualisation | None:
    """Return the equalisation of the session; None if its stimuli are not equalised."""
    if not bench.settings.get("equalize"):
        return None
    response = response_steps.kept_response(bench, _RESPONSE)
    return _equalisation(response, bench.settings, bench.device)


def record_by_equalised_search(
    equalisation: StimulusEqualisation, bench: Bench, stimulus: Stimulus, samples: Samples
) -> None:
    """Search for the gain of an equalised stimulus and store the take that was accepted.

    The level is that of the whole sound over the duration of the stimulus.
    """
    played, flags = equalisation.played(samples)
    for flag in flags:
        bench.operator.tell(f"  {stimulus.id}: {flag}")
    steps.record_by_search(
        bench,
        stimulus,
        played,
        n_samples=samples.shape[1],
        about={"sha256": stimuli.digest(samples)},
        equalisation=[equalisation.applied],
    )


def _equalisation(
    response: Response, settings: Mapping[str, Value], device: AudioDevice
) -> StimulusEqualisation:
    rule = cast(InversionRule, settings["robust"])  # one of the setting's choices
    identity = device.info.identity
    return StimulusEqualisation(response, fs=device.fs, rule=rule, device=identity)

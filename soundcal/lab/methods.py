"""Methods by which a protocol finds playback gains, to be compared with the level in situ.

``ocv``   open-circuit voltage, and the sensitivity of the headphones in their data sheet;
``ocv+``  the same with published curves over frequency: impedance of the headphones with the output
          impedance of the soundcard, and response of the headphones;
``hats``  gain search at the ears of a head and torso simulator;
``eq``    the same with stimuli equalised for the headphones, whose response is measured there.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from soundcal.devices import AudioDevice
from soundcal.errors import ParameterError
from soundcal.files.session import Event
from soundcal.lab import efforts, equalised, published, steps
from soundcal.lab.effort import Effort
from soundcal.lab.protocol import Bench, Setting, Value

__all__ = [
    "METHODS",
    "check_methods",
    "keep_efforts",
    "methods_effort",
    "prepare_methods",
    "record_with_methods",
]

METHODS: Final = {
    "methods": Setting(
        "ocv,hats", "", "methods to compare, separated by commas: ocv, ocv+, hats, eq"
    ),
    **published.PUBLISHED,
    **equalised.EQUALISATION,
}
"""Settings of the methods, beside those of the shared steps."""

_RECORDS: Final[Mapping[str, steps.Record]] = {
    "ocv": steps.record_by_ocv,
    "ocv+": published.record_by_published,
    "hats": steps.record_by_search,
    "eq": equalised.record_equalised,
}
_TAKES: Final = {"ocv": 1, "ocv+": 1, "hats": efforts.SEARCH_TAKES, "eq": efforts.SEARCH_TAKES}
"""Takes of each stimulus at the ears."""

_BY_VOLTAGE: Final = frozenset({"ocv", "ocv+"})


def _chosen(settings: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the methods of a run, in the order of this module.

    Raises
    ------
    ParameterError
        A method is unknown, or none is named.
    """
    named = steps.names_in(str(settings["methods"]))
    if not named or not set(named) <= set(_RECORDS):
        raise ParameterError(
            f"methods={settings['methods']}: one or more of {', '.join(_RECORDS)} are expected"
        )
    return tuple(name for name in _RECORDS if name in named)


def check_methods(settings: Mapping[str, Value], device: AudioDevice) -> None:
    """Refuse settings that would stop a method half-way.

    Raises
    ------
    ParameterError
        As for :func:`soundcal.lab.steps.check`; a method is unknown, or data that it needs are
        missing.
    RecordError
        A file cannot be read.
    """
    chosen = _chosen(settings)
    own = settings
    if not _BY_VOLTAGE & set(chosen):  # no data sheet is needed
        own = {name: value for name, value in settings.items() if name != "impedance"}
    steps.check(own, device)
    if "ocv+" in chosen:
        published.published_curves(settings, device)
    if "eq" in chosen:
        equalised.check_equalisation(settings, device)


def prepare_methods(bench: Bench) -> None:
    """Carry out the steps that the methods need before the stimuli."""
    chosen = _chosen(bench.settings)
    if _BY_VOLTAGE & set(chosen):
        bench.step("open-circuit voltage", partial(steps.calibrate_open_circuit, bench))
    if "ocv+" in chosen:
        bench.step("published curves", partial(published.keep_published_output, bench))
    if "eq" in chosen:
        bench.step("response of the headphones", partial(equalised.keep_equaliser, bench))


def record_with_methods(bench: Bench, *records: steps.Record) -> None:
    """Make ``records`` of every stimulus, then one recording with the gain of each method."""
    chosen = _chosen(bench.settings)
    steps.with_headphones_on(
        bench,
        *records,
        *(_RECORDS[name] for name in chosen),
        when_seated=[equalised.keep_flatness] if "eq" in chosen else [],
    )


def methods_effort(settings: Mapping[str, Value]) -> Effort:
    """Return the effort of all that is done once for the methods, and of the takes at the ears.

    The calibration of the ears is not included.
    """
    chosen = _chosen(settings)
    once = efforts.OPEN_CIRCUIT if _BY_VOLTAGE & set(chosen) else Effort()
    if "eq" in chosen:
        once += equalised.equalisation_effort(settings)
    takes = sum(_TAKES[name] for name in chosen)
    return once + efforts.stimuli_effort(settings, takes=takes)


def keep_efforts(bench: Bench) -> None:
    """Log what each method takes by itself, without recordings that only serve to compare."""
    if bench.session.events(Event.METHOD):
        return  # a session that was resumed has them
    for name in _chosen(bench.settings):
        effort = _alone(name, bench.settings)
        bench.session.log(
            Event.METHOD, method=name, seconds=round(effort.seconds, 1), hands=effort.hands
        )


def _alone(name: str, settings: Mapping[str, Value]) -> Effort:
    if name in _BY_VOLTAGE:
        return efforts.OPEN_CIRCUIT
    effort = efforts.ears_effort(settings) * 2
    if name == "eq":
        effort += equalised.equalisation_effort(settings)
    return effort + efforts.stimuli_effort(settings, takes=_TAKES[name])

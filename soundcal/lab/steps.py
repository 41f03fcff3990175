"""Steps that protocols share, from the calibration of the ears to recordings in the session.

Each step takes the :class:`~soundcal.lab.protocol.Bench`, stores its records in the session and
returns its result. The settings that the steps read are defined here for the ``SETTINGS`` of a
protocol.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from soundcal import stimuli
from soundcal.arrays import Samples
from soundcal.calibration import hats, ocv, stated
from soundcal.calibration import model as calibration_model
from soundcal.calibration.drift import check_drift
from soundcal.calibration.model import Calibration
from soundcal.calibration.reference_point import STATED_POINTS
from soundcal.devices import AudioDevice
from soundcal.devices.channels import parse_channels
from soundcal.errors import DriftExceeded, ParameterError, TargetNotReached
from soundcal.files.calibrations import load_calibration
from soundcal.files.recordings import RecordingRecord
from soundcal.files.session import Event, ExitStatus
from soundcal.headphone import Headphone, both_readings
from soundcal.lab import calibrator, voltage
from soundcal.lab.levels import digital_levels, on_channels
from soundcal.lab.protocol import Bench, Setting, Value
from soundcal.lab.search import Ears
from soundcal.recording import EARS, AppliedResponse, Capture
from soundcal.stimuli import Stimulus
from soundcal.takes.against_stimulus import judge_played
from soundcal.takes.check import Check, judged
from soundcal.units import energetic_mean, from_db

__all__ = [
    "CALIBRATOR",
    "DEVICE",
    "DRIFT",
    "HEADPHONES",
    "SEARCH",
    "STIMULI",
    "Found",
    "calibrate_ears",
    "calibrate_open_circuit",
    "calibration_of",
    "catalogue_of",
    "channel_numbers",
    "check",
    "conclude",
    "ears_of",
    "keep_calibration",
    "keep_take",
    "missed",
    "names_in",
    "ocv_gain_db",
    "record_at_gain",
    "record_by_ocv",
    "record_by_search",
    "record_in_situ",
    "render_stimulus",
    "selected_stimuli",
    "with_headphones_on",
]


DEVICE: Final = {
    "outputs": Setting("1,2", "", "output channels of the left and right headphone"),
    "inputs": Setting("1,2", "", "input channels of the left and right ear"),
}

CALIBRATOR: Final = {
    "calibrator_level": Setting(
        94.0, "dB", "certified level of the sound calibrator, re 20 µPa", 60.0, 160.0
    ),
    "calibrator_frequency": Setting(
        1000.0, "Hz", "frequency of the sound calibrator", 20.0, 20000.0
    ),
    "insertions": Setting(3, "", "number of times the calibrator is put on each ear", 1, 100),
    "tone_duration": Setting(10.0, "s", "length of each recording of the calibrator", 10.0, 600.0),
    "point": Setting(
        "DRP",
        "",
        "reference point of the ears; DRP if the calibrator fits on the ear simulator",
        choices=tuple(name for name, point in STATED_POINTS.items() if name == point),
    ),
}

DRIFT: Final = {
    "drift_limit": Setting(
        0.2, "dB", "largest accepted change of the ears' sensitivities", 0.001, 10.0
    ),
}

HEADPHONES: Final = {
    "headphone": Setting("", "", "name of the headphones"),
    "impedance": Setting(
        0.0, "ohm", "nominal impedance of the headphones (data sheet)", required=True
    ),
    "sensitivity": Setting(
        0.0, "dB", "sensitivity of the headphones (data sheet), re 20 µPa", required=True
    ),
    "sensitivity_per": Setting(
        "",
        "",
        "V: the sensitivity is given at 1 V rms; mW: at 1 mW (simulated lab: V if not given)",
        choices=("V", "mW"),
    ),
    "tone_level": Setting(
        -20.0,
        "dB",
        "rms of the 1 kHz tone, re full scale (a full-scale sine has -3.01)",
        -100.0,
        -3.01,
    ),
}

STIMULI: Final = {
    "catalogue": Setting("", "", "catalogue of stimuli; empty: the one that comes with soundcal"),
    "stimuli": Setting("", "", "ids, separated by commas; empty: the 27 scenes of the catalogue"),
    "duration": Setting(30.0, "s", "playing time of each stimulus", 0.1, 3600.0),
}

SEARCH: Final = {
    "tolerance": Setting(
        0.1, "dB", "accepted deviation from the target of a stimulus", 0.001, 10.0
    ),
    "weighting": Setting(
        "A", "", "frequency weighting of targets and levels: A, C or Z", choices=("A", "C", "Z")
    ),
}

Record = Callable[[Bench, Stimulus, Samples], None]
"""Makes one recording of a stimulus and stores it in the session."""

_IN_SITU_PA_PER_FS: Final = 20.0
"""Full scale of in-situ recordings, Pa: 120 dB re 20 µPa, which no scene approaches."""


def channel_numbers(settings: Mapping[str, Value], name: str) -> tuple[int, int]:
    """Return the channel numbers that the setting ``name`` gives for left and right."""
    text = str(settings[name])
    try:
        left, right = parse_channels(text)
    except (ParameterError, ValueError) as error:
        raise ParameterError(
            f"{name}={text!r}: two different channels are expected, left and right, such as 1,2"
        ) from error
    return left, right


def check(settings: Mapping[str, Value], device: AudioDevice) -> None:
    """Refuse channels, stimuli, indicators and headphones that would stop the protocol half-way.

    Raises
    ------
    ParameterError
        The device does not have the channels, the catalogue the stimuli or soundcal the indicators,
        or the data of the headphones are impossible.
    """
    for name, count in (("outputs", device.info.outputs), ("inputs", device.info.inputs)):
        if name in settings and not all(1 <= n <= count for n in channel_numbers(settings, name)):
            raise ParameterError(
                f"{name}={settings[name]}: {device.info.identity} has {name} 1 to {count}; give "
                f"others (--set {name}=…), or choose another device"
            )
    if "stimuli" in settings:
        selected_stimuli(settings)
    if "impedance" in settings:
        _headphone(settings, device)
    if settings.get("indicators"):
        from soundcal.indicators import resolve

        resolve(names_in(str(settings["indicators"])))


def names_in(text: str) -> tuple[str, ...]:
    """Return the names in a setting that lists them, separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _headphone(settings: Mapping[str, Value], device: AudioDevice) -> Headphone:
    impedance, sensitivity = float(settings["impedance"]), float(settings["sensitivity"])
    if not impedance and not sensitivity:  # protocols that can do without
        if (sheet := voltage.simulated_data_sheet(device)) is not None:
            return sheet
        raise ParameterError(
            "the headphones' data sheet is needed: impedance in ohm and sensitivity in dB; set "
            "them (--set impedance=… --set sensitivity=…)"
        )
    per: Any = settings["sensitivity_per"]  # one of the setting's choices
    if not per and device.info.kind != "simulated":
        raise ParameterError(
            f"{both_readings(impedance, sensitivity)}; state which the data sheet says: "
            "sensitivity_per=V or sensitivity_per=mW"
        )
    name = str(settings["headphone"]) or "headphones"
    return Headphone(name, impedance, sensitivity, per or "V")


def calibration_of(bench: Bench, name: str) -> Calibration:
    """Return a calibration of the session."""
    return load_calibration(bench.session.path(f"{name}.json"))


def _at_point(bench: Bench, calibration: Calibration) -> Calibration:
    """Return a calibration that states the reference point by the settings.

    A session that was begun without the setting, and is resumed, goes on without it.
    """
    point = str(bench.settings.get("point", ""))
    return calibration_model.with_details(calibration, point=point) if point else calibration


def keep_calibration(bench: Bench, name: str, calibration: Calibration) -> None:
    """Store a calibration as the record ``name`` of the session, in place of one of that name."""
    bench.session.add_record(name, calibration_model.SCHEMA, calibration.to_dict())


def calibrate_ears(bench: Bench, name: str) -> Calibration:
    """Calibrate both ears with the sound calibrator and store the record under ``name``."""
    calibration = calibrator.calibrate_ears(
        bench.device,
        bench.operator,
        inputs=channel_numbers(bench.settings, "inputs"),
        insertions=int(bench.number("insertions")),
        duration=bench.number("tone_duration"),
        level=bench.number("calibrator_level"),
        frequency=bench.number("calibrator_frequency"),
        watch=partial(_told, bench),
    )
    for warning in calibration.details["warnings"]:
        bench.operator.tell(f"  {warning}")
    calibration = _at_point(bench, calibration)
    keep_calibration(bench, name, calibration)
    return calibration


@contextmanager
def _told(bench: Bench, title: str, duration: float) -> Iterator[None]:
    """Tell the operator the title of the take that is being recorded."""
    bench.operator.tell(f"  {title}")
    yield None


def conclude(bench: Bench) -> ExitStatus:
    """Check the drift of the ears and the targets, and return the session's exit status.

    Both calibrations of the ears are kept in any case, and the reasons for the status are logged.
    """
    status: ExitStatus = "done"
    if bench.session.events(Event.TARGET_NOT_REACHED):
        status = "out of tolerance"
    limit = bench.number("drift_limit")
    try:
        drift = check_drift(
            calibration_of(bench, "calibration_before"),
            calibration_of(bench, "calibration_after"),
            limit_db=limit,
        )
    except DriftExceeded as error:
        bench.session.log(Event.DRIFT_EXCEEDED, reason=str(error))
        bench.operator.tell(str(error))
        return "out of tolerance"
    bench.session.log(Event.DRIFT, **drift.to_dict(), limit_db=limit)
    return status


def calibrate_open_circuit(bench: Bench) -> Calibration:
    """Read the unloaded output voltage of a tone and store the calibration ``calibration_ocv``."""
    calibration = voltage.calibrate_output(
        bench.device,
        bench.operator,
        _headphone(bench.settings, bench.device),
        outputs=channel_numbers(bench.settings, "outputs"),
        digital_level=bench.number("tone_level"),
    )
    for ear, volts in calibration.details["voltages"].items():
        bench.operator.tell(f"  {ear}: {volts:.4f} V")
    for warning in calibration.details["warnings"]:
        bench.operator.tell(f"  {warning}")
    keep_calibration(bench, "calibration_ocv", calibration)
    return calibration


def catalogue_of(settings: Mapping[str, Value]) -> dict[str, Stimulus]:
    """Return the catalogue that the settings name."""
    path = str(settings["catalogue"])
    return stimuli.load_catalogue(Path(path) if path else None)


def selected_stimuli(settings: Mapping[str, Value]) -> list[Stimulus]:
    """Return the stimuli of this run, in the order of the setting or else of the catalogue."""
    catalogue = catalogue_of(settings)
    wanted = names_in(str(settings["stimuli"]))
    return stimuli.select(catalogue, wanted) if wanted else stimuli.scenes(catalogue)


def render_stimulus(bench: Bench, stimulus: Stimulus) -> Samples:
    """Return the samples of a stimulus for two headphones, shape (2, n); doubts are told."""
    samples = bench.render(stimulus, fs=bench.device.fs, duration=bench.number("duration"))
    methods = names_in(str(bench.settings.get("methods", "")))
    equalised = "eq" in methods or bool(bench.settings.get("equalize"))
    for flag in stimuli.file_flags(stimulus, equalised=equalised):
        bench.operator.tell(f"  {stimulus.id}: {flag}")
    return on_channels(samples)


def ears_of(bench: Bench, name: str = "calibration_before") -> Ears:
    """Return the headphones and ears of this run, with a calibration of the session."""
    return Ears(
        bench.device,
        calibration_of(bench, name),
        channel_numbers(bench.settings, "outputs"),
        channel_numbers(bench.settings, "inputs"),
        str(bench.settings["weighting"]),
    )


def ocv_gain_db(bench: Bench, stimulus: Stimulus, samples: Samples) -> float:
    """Return the gain in dB that should bring the stimulus to its target by OCV.

    Raises
    ------
    TargetNotReached
        The samples would exceed full scale.
    """
    return ocv.gain_for(
        calibration_of(bench, "calibration_ocv"),
        stimulus.level,
        digital_levels(samples, bench.device.fs, str(bench.settings["weighting"])),
        peak=float(np.abs(samples).max()),
    )


def measure_noise_floor(bench: Bench) -> None:
    """Record silence with the headphones on and log the level per ear."""
    floor = ears_of(bench).noise_floor(bench.operator)
    # JSON has no -inf for the level of digital silence: it is logged as null
    known = [level if np.isfinite(level) else None for level in floor]
    bench.session.log(Event.NOISE_FLOOR, levels=known)
    bench.operator.tell(f"  left {floor[0]:.1f} dB, right {floor[1]:.1f} dB")


def record_in_situ(bench: Bench, stimulus: Stimulus, samples: Samples) -> None:
    """Store the stimulus as the in-situ recording, at its target level: stated, not measured.

    The target is the level at the ears, so the recording has their reference point.
    """
    name = "calibration_in-situ"
    if not bench.session.path(f"{name}.json").is_file():
        sensitivities = dict.fromkeys(EARS, _IN_SITU_PA_PER_FS)
        full_scale = stated.from_sensitivity(sensitivities, source="catalogue")
        keep_calibration(bench, name, _at_point(bench, full_scale))
    played = Capture(samples, bench.device.fs, device="stimulus at its stated level")
    gain = stimulus.level - energetic_mean(ears_of(bench, name).levels(played))
    keep_take(
        bench,
        stimulus,
        "in-situ",
        replace(played, samples=samples * from_db(gain)),
        Found(name, gain, {"level": stimulus.level}),
    )


def record_by_ocv(bench: Bench, stimulus: Stimulus, samples: Samples) -> None:
    """Play with the gain found by OCV, record at the ears and store the take."""
    record_at_gain(bench, stimulus, samples, "ocv", ocv_gain_db(bench, stimulus, samples))


def record_at_gain(
    bench: Bench,
    stimulus: Stimulus,
    samples: Samples,
    condition: str,
    gain_db: float,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Play with a gain, record at the ears and store the take; ``about`` is stored with it."""
    ears = ears_of(bench)
    capture = ears.take(samples * from_db(gain_db))
    found = {"level": energetic_mean(ears.levels(capture)), **(about or {})}
    how = Found("calibration_before", gain_db, found)
    keep_take(bench, stimulus, condition, capture, how, judge_played(capture, samples))


def record_by_search(
    bench: Bench,
    stimulus: Stimulus,
    samples: Samples,
    *,
    condition: str = "hats",
    start_db: float | None = None,
    n_samples: int | None = None,
    about: Mapping[str, Any] | None = None,
    equalisation: Sequence[AppliedResponse] = (),
) -> None:
    """Search for the gain at the ears and store the take that was accepted, or log the failure.

    The search begins quietly, or with the gain ``start_db`` where a level was predicted. Levels
    refer to ``n_samples`` if that is not all. ``about`` is stored with the search, and
    ``equalisation`` with the take: the responses that the samples have embedded.
    """
    newest = bench.session.events(Event.NOISE_FLOOR)[-1]["levels"]
    left, right = (-np.inf if level is None else float(level) for level in newest)
    start = 1.0 if start_db is None else from_db(start_db)
    track = hats.Track(stimulus.level, bench.number("tolerance"), start)
    ears = replace(ears_of(bench), n_samples=n_samples)
    found = ears.search(
        bench.operator, samples, track, floor=(left, right), quiet_start=start_db is None
    )
    search = found.search
    if found.take is None:
        missed(bench, stimulus, search.problem, search.to_dict())
        return
    searched = search.to_dict() | {"sha256": stimuli.digest(samples)} | dict(about or {})
    how = Found("calibration_before", search.gain_db[0], searched, equalisation)
    keep_take(bench, stimulus, condition, found.take, how, found.checks)


def with_headphones_on(
    bench: Bench, *records: Record, when_seated: Sequence[Callable[[Bench], object]] = ()
) -> None:
    """Make recordings of every stimulus, one step each, with the headphones on the HATS.

    ``when_seated`` is what has to be done first each time that they are put on. A target that
    cannot be met is logged and reported, and the next stimulus follows.
    """
    chosen = selected_stimuli(bench.settings)
    if all(bench.session.finished(f"stimulus {stimulus.id}") for stimulus in chosen):
        return
    bench.operator.seat_headphones()
    bench.operator.tell("noise floor")
    measure_noise_floor(bench)
    for act in when_seated:
        act(bench)
    for number, stimulus in enumerate(chosen, start=1):
        attempt = partial(_attempt, bench, stimulus, records)
        bench.step(f"stimulus {stimulus.id}", attempt, place=f"{number} of {len(chosen)}")


def _attempt(bench: Bench, stimulus: Stimulus, records: Sequence[Record]) -> None:
    samples = render_stimulus(bench, stimulus)
    for record in records:
        try:
            record(bench, stimulus, samples)
        except TargetNotReached as error:
            missed(bench, stimulus, str(error))


def missed(
    bench: Bench, stimulus: Stimulus, reason: str, search: Mapping[str, Any] | None = None
) -> None:
    """Log and report that the target of a stimulus cannot be met, with the search that failed."""
    bench.session.log(Event.TARGET_NOT_REACHED, stimulus=stimulus.id, reason=reason, search=search)
    bench.operator.tell(f"  {stimulus.id}: {reason}")


@dataclass(frozen=True, slots=True)
class Found:
    """Origin of a recording: its calibration, its gain, and the search for the gain.

    Parameters
    ----------
    calibration : str
        Name, in the session, of the calibration that converts the recording to pascal.
    gain_db : float
        Gain applied to the stimulus, dB.
    search : mapping
        The search for the gain, and the level at that gain.
    equalisation : sequence of AppliedResponse
        Responses that were embedded in what was played.
    """

    calibration: str
    gain_db: float
    search: Mapping[str, Any]
    equalisation: Sequence[AppliedResponse] = ()


def keep_take(
    bench: Bench,
    stimulus: Stimulus,
    condition: str,
    capture: Capture,
    found: Found,
    checks: Sequence[Check] = (),
) -> None:
    """Put a recording of a stimulus and its record into the session.

    Parameters
    ----------
    bench : Bench
        The session, the device and the setting ``weighting``.
    stimulus : Stimulus
        The stimulus that was played.
    condition : str
        Name of the method; the report compares methods by it.
    capture : Capture
        The take at the ears.
    found : Found
        Its calibration and gain.
    checks : sequence of Check
        Checks of the take (:func:`~soundcal.takes.against_stimulus.judge_played`), if the recording
        was really made.
    """
    capture = judged(capture, checks)
    for flag in capture.flags:
        bench.operator.tell(f"  {stimulus.id}: {flag}")
    record = RecordingRecord(
        stimulus=stimulus.id,
        condition=condition,
        combination=bench.device.info.identity,
        target=stimulus.level,
        weighting=str(bench.settings["weighting"]),
        gain_db=found.gain_db,
        search=found.search,
        playback_equalisation=[step.to_dict() for step in found.equalisation],
        calibration=calibration_of(bench, found.calibration).id,
        calibration_file=f"{found.calibration}.json",
        capture=capture.to_dict(),
        flags=capture.flags,
        checks=tuple(checks),
    )
    bench.session.add_audio(record.name, capture.samples, capture.fs, record.about())

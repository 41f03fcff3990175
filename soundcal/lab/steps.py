"""Steps that several protocols share: from putting the calibrator on to a recording in the session.

Each step takes the :class:`~soundcal.lab.protocol.Bench` it works at, leaves its records in the
session and returns what it found. The settings it reads stand beside it, for the protocol's
``SETTINGS``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from soundcal import stimuli
from soundcal.calibration import hats, microphone, ocv, stated
from soundcal.calibration import model as calibration_model
from soundcal.calibration.model import Calibration
from soundcal.calibration.published import output_table
from soundcal.calibration.tone import sine
from soundcal.devices import AudioDevice
from soundcal.errors import DriftExceeded, ParameterError, TargetNotReached
from soundcal.files.atomic import partial_file
from soundcal.files.calibrations import load_calibration
from soundcal.files.records import RECORDING_SCHEMA, read_json
from soundcal.files.session import Event, ExitStatus
from soundcal.lab.protocol import Bench, Setting, Value
from soundcal.recording import EARS, Capture
from soundcal.stimuli import Stimulus
from soundcal.takes.against_stimulus import judge_played
from soundcal.takes.judge import judged, refuse_invalid
from soundcal.units import db, energetic_mean, from_db

__all__ = [
    "CALIBRATOR",
    "DEVICE",
    "DRIFT",
    "GAINS_SCHEMA",
    "HEADPHONES",
    "SEARCH",
    "STIMULI",
    "calibrate_ears",
    "calibrate_open_circuit",
    "calibration_of",
    "catalogue_of",
    "channel_numbers",
    "check",
    "conclude",
    "keep_gains",
    "keep_hats_gains",
    "missed",
    "names_in",
    "ocv_gain_db",
    "record_by_ocv",
    "record_by_search",
    "record_in_situ",
    "render",
    "selected_stimuli",
    "with_headphones_on",
]

Samples = NDArray[np.float64]

DEVICE: Final = {
    "outputs": Setting("1,2", "", "output channels of the left and right headphone"),
    "inputs": Setting("1,2", "", "input channels of the left and right ear"),
}

CALIBRATOR: Final = {
    "calibrator_level": Setting(
        94.0, "dB", "certified level of the sound calibrator, re 20 µPa", 60.0, 160.0
    ),
    "calibrator_frequency": Setting(1000.0, "Hz", "its frequency", 20.0, 20000.0),
    "insertions": Setting(3, "", "times the calibrator is put on each ear", 1, 100),
    "tone_duration": Setting(10.0, "s", "length of each calibrator recording", 10.0, 600.0),
}

DRIFT: Final = {
    "drift_limit": Setting(
        0.2, "dB", "accepted change of the ears from before to after", 0.001, 10.0
    ),
}

HEADPHONES: Final = {
    "headphone": Setting("", "", "name of the headphones"),
    "impedance": Setting(
        0.0, "ohm", "nominal impedance of the headphones (data sheet)", required=True
    ),
    "sensitivity": Setting(0.0, "dB", "their sensitivity (data sheet), re 20 µPa", required=True),
    "sensitivity_per": Setting(
        "V", "", "V: sensitivity at 1 V rms; mW: at 1 mW", choices=("V", "mW")
    ),
    "tone_level": Setting(
        -20.0, "dB", "rms of the 1 kHz tone re full scale (-3.01: a full sine)", -100.0, -3.01
    ),
}

STIMULI: Final = {
    "catalogue": Setting("", "", "catalogue of stimuli; empty: the one that comes with soundcal"),
    "stimuli": Setting("", "", "ids, separated by commas; empty: the 27 scenes of the catalogue"),
    "duration": Setting(30.0, "s", "length played of each stimulus", 0.1, 3600.0),
}

SEARCH: Final = {
    "tolerance": Setting(
        0.1, "dB", "accepted deviation from the target of a stimulus", 0.001, 10.0
    ),
    "weighting": Setting(
        "A", "", "frequency weighting of targets and levels: A, C or Z", choices=("A", "C", "Z")
    ),
}

GAINS_SCHEMA: Final = "soundcal/gains/1"
"""Value of the key ``schema`` in a table of gains."""

Record = Callable[[Bench, Stimulus, Samples], None]
"""Makes one recording of a stimulus' samples and keeps it in the session."""

_IN_SITU_PA_PER_FS: Final = 20.0
"""Full scale of in-situ recordings: 120 dB re 20 µPa, so that no scene comes near it."""

_FLOOR_S: Final = 5.0
"""Length of the recording of silence."""

_START: Final = 0.1
"""Peak of the first search step re full scale: far from clipping, and from harm."""


def channel_numbers(settings: Mapping[str, Value], name: str) -> tuple[int, ...]:
    """Return the channel numbers that the setting ``name`` gives for left and right."""
    text = str(settings[name])
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ParameterError(f"{name}={text!r}: channel numbers such as 1,2 expected") from error
    if len(numbers) != len(EARS) or len(set(numbers)) < len(numbers):
        raise ParameterError(f"{name}={text!r}: two different channels expected, left and right")
    return numbers


def check(settings: Mapping[str, Value], device: AudioDevice) -> None:
    """Refuse settings that would stop the protocol half-way: channels, stimuli, headphones.

    Raises
    ------
    ParameterError
        The device has no such channel, the catalogue no such stimulus, soundcal no such indicator,
        or no headphones have such data.
    """
    for name, count in (("outputs", device.info.outputs), ("inputs", device.info.inputs)):
        if name in settings and not all(1 <= n <= count for n in channel_numbers(settings, name)):
            raise ParameterError(
                f"{name}={settings[name]}: {device.info.identity} has {name} 1 to {count}; give "
                f"others with --set {name}=…, or choose another device"
            )
    if "stimuli" in settings:
        selected_stimuli(settings)
    if "impedance" in settings:
        _headphone(settings)
    if settings.get("indicators"):
        from soundcal.indicators import resolve

        resolve(names_in(str(settings["indicators"])))


def names_in(text: str) -> tuple[str, ...]:
    """Return the names in a setting that lists them with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _headphone(settings: Mapping[str, Value]) -> ocv.Headphone:
    per: Any = settings["sensitivity_per"]  # one of the setting's choices
    return ocv.Headphone(
        str(settings["headphone"]) or "headphones",
        float(settings["impedance"]),
        float(settings["sensitivity"]),
        per,
    )


def calibration_of(bench: Bench, name: str) -> Calibration:
    """Return a calibration that the session holds."""
    return load_calibration(bench.session.path(f"{name}.json"))


def _keep_calibration(bench: Bench, name: str, calibration: Calibration) -> None:
    bench.session.add_record(name, calibration_model.SCHEMA, calibration.to_dict())


def calibrate_ears(bench: Bench, name: str) -> Calibration:
    """Calibrate both ears with the sound calibrator and keep the record under ``name``."""
    level, frequency = bench.number("calibrator_level"), bench.number("calibrator_frequency")
    takes: dict[str, list[Capture]] = {ear: [] for ear in EARS}
    for ear in EARS:
        for insertion in range(int(bench.number("insertions"))):
            bench.operator.attach_calibrator(ear, level, frequency)
            bench.operator.tell(f"  {ear} ear, insertion {insertion + 1}")
            takes[ear].append(
                bench.device.record(
                    bench.number("tone_duration"), inputs=channel_numbers(bench.settings, "inputs")
                )
            )
            bench.operator.remove_calibrator()
    for ear, recorded in takes.items():
        for one in recorded:
            refuse_invalid(replace(one, channels=EARS), ear)
    calibration = microphone.calibrate(takes, level=level, frequency=frequency)
    _keep_calibration(bench, name, calibration)
    return calibration


def conclude(bench: Bench) -> ExitStatus:
    """Return the session's exit status: did the ears stay, and was every target met?

    Both calibrations of the ears are kept whatever the verdict, and the reasons are logged.
    """
    status: ExitStatus = "done"
    if bench.session.events(Event.TARGET_NOT_REACHED):
        status = "out of tolerance"
    limit = bench.number("drift_limit")
    try:
        drift = microphone.check_drift(
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
    """Read the unloaded output voltage of a tone and keep the calibration ``calibration_ocv``."""
    bench.operator.remove_headphones()
    level = bench.number("tone_level")
    tone = sine(level, fs=bench.device.fs)[np.newaxis]
    voltages = {}
    for ear, output in zip(EARS, channel_numbers(bench.settings, "outputs"), strict=True):
        with bench.device.playing(tone, outputs=(output,)):
            voltages[ear] = bench.operator.read_voltmeter(ear)
        bench.operator.tell(f"  {ear}: {voltages[ear]:.4f} V")
    calibration = ocv.calibrate(
        voltages,
        _headphone(bench.settings),
        digital_level=level,
        device=bench.device.info.identity,
    )
    for warning in calibration.details["warnings"]:
        bench.operator.tell(f"  {warning}")
    _keep_calibration(bench, "calibration_ocv", calibration)
    return calibration


def catalogue_of(settings: Mapping[str, Value]) -> dict[str, Stimulus]:
    """Return the catalogue that the settings name."""
    path = str(settings["catalogue"])
    return stimuli.load_catalogue(Path(path) if path else None)


def selected_stimuli(settings: Mapping[str, Value]) -> list[Stimulus]:
    """Return the stimuli of this run, in the order of the catalogue or of the setting."""
    catalogue = catalogue_of(settings)
    wanted = names_in(str(settings["stimuli"]))
    return stimuli.select(catalogue, wanted) if wanted else stimuli.scenes(catalogue)


def render(bench: Bench, stimulus: Stimulus) -> Samples:
    """Return the samples of a stimulus for two headphones, shape (2, n)."""
    samples = stimuli.render(stimulus, fs=bench.device.fs, duration=bench.number("duration"))
    return np.ascontiguousarray(np.broadcast_to(samples, (len(EARS), samples.shape[1])))


def levels(bench: Bench, calibration: Calibration, capture: Capture) -> tuple[float, float]:
    """Return the equivalent levels of both ears in dB re 20 µPa."""
    from soundcal.indicators import leq

    recording = calibration.apply(capture)
    found = leq(recording.pressure, recording.fs, weighting=str(bench.settings["weighting"])).value
    return float(found[0]), float(found[1])


def take(bench: Bench, samples: Samples) -> Capture:
    """Play to the headphones and record at the ears, aligned."""
    return bench.device.play_and_record(
        samples,
        outputs=channel_numbers(bench.settings, "outputs"),
        inputs=channel_numbers(bench.settings, "inputs"),
    )


def digital_levels(bench: Bench, samples: Samples) -> dict[str, float]:
    """Return the weighted rms of the samples per ear in dB re full scale."""
    from soundcal.dsp.weighting import weight

    weighted = weight(samples, bench.device.fs, str(bench.settings["weighting"]))
    return dict(zip(EARS, db(np.sqrt((weighted**2).mean(axis=1))).tolist(), strict=True))


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
        digital_levels(bench, samples),
        peak=float(np.abs(samples).max()),
    )


def measure_noise_floor(bench: Bench) -> None:
    """Record silence with the headphones on and keep the level per ear."""
    ears = calibration_of(bench, "calibration_before")
    capture = take(bench, np.zeros((len(EARS), int(_FLOOR_S * bench.device.fs))))
    floor = levels(bench, ears, capture)
    # JSON has no -inf, the level of silence: null
    known = [level if np.isfinite(level) else None for level in floor]
    bench.session.log(Event.NOISE_FLOOR, levels=known)
    bench.operator.tell(f"  left {floor[0]:.1f} dB, right {floor[1]:.1f} dB")


def record_in_situ(bench: Bench, stimulus: Stimulus, samples: Samples) -> None:
    """Keep the stimulus as it was heard in situ: at its target level, stated, not measured."""
    name = "calibration_in-situ"
    if not bench.session.path(f"{name}.json").is_file():
        sensitivities = dict.fromkeys(EARS, _IN_SITU_PA_PER_FS)
        _keep_calibration(bench, name, stated.from_sensitivity(sensitivities, source="catalogue"))
    played = Capture(samples, bench.device.fs, device="stimulus at its stated level")
    found = energetic_mean(levels(bench, calibration_of(bench, name), played))
    gain = stimulus.level - found
    _keep(
        bench,
        stimulus,
        "in-situ",
        replace(played, samples=samples * from_db(gain)),
        Found(name, gain, {"level": stimulus.level}),
    )


def record_by_ocv(bench: Bench, stimulus: Stimulus, samples: Samples) -> None:
    """Play with the gain found by OCV, record at the ears and keep the take."""
    gain = ocv_gain_db(bench, stimulus, samples)
    capture = take(bench, samples * from_db(gain))
    level = energetic_mean(levels(bench, calibration_of(bench, "calibration_before"), capture))
    how = Found("calibration_before", gain, {"level": level})
    _keep(bench, stimulus, "ocv", capture, how, played=samples)


def record_by_search(bench: Bench, stimulus: Stimulus, samples: Samples) -> None:
    """Search the gain at the ears and keep the take that the search accepted, if it did."""
    ears = calibration_of(bench, "calibration_before")
    newest = bench.session.events(Event.NOISE_FLOOR)[-1]["levels"]
    left, right = (-np.inf if level is None else float(level) for level in newest)
    peak = float(np.abs(samples).max())
    takes: list[Capture] = []

    def measure(gain: float) -> tuple[float, float]:
        # 1/peak times peak may be 1 + 1 bit
        takes.append(take(bench, np.clip(samples * gain, -1.0, 1.0)))
        return levels(bench, ears, takes[-1])

    found = hats.search_gain(
        measure,
        stimulus.level,
        tolerance=bench.number("tolerance"),
        start=_START / peak,
        max_gain=1.0 / peak,
        floor=(left, right),
        strict=False,
    )
    if not found.reached:
        missed(bench, stimulus, found.problem, found.to_dict())
        return
    gain = found.gain_db[0]
    how = Found("calibration_before", gain, found.to_dict())
    _keep(bench, stimulus, "hats", takes[-1], how, played=samples)


def with_headphones_on(bench: Bench, *records: Record) -> None:
    """Make recordings of every stimulus, one step each, with the headphones on the HATS.

    A target that cannot be met is logged and told, and the next stimulus follows.
    """
    chosen = selected_stimuli(bench.settings)
    if all(bench.session.finished(f"stimulus {stimulus.id}") for stimulus in chosen):
        return
    bench.operator.seat_headphones()
    bench.operator.tell("noise floor")
    measure_noise_floor(bench)
    for stimulus in chosen:
        bench.step(f"stimulus {stimulus.id}", partial(_attempt, bench, stimulus, records))


def _attempt(bench: Bench, stimulus: Stimulus, records: Sequence[Record]) -> None:
    samples = render(bench, stimulus)
    for record in records:
        try:
            record(bench, stimulus, samples)
        except TargetNotReached as error:
            missed(bench, stimulus, str(error))


def missed(
    bench: Bench, stimulus: Stimulus, reason: str, search: Mapping[str, Any] | None = None
) -> None:
    """Log and tell that the target of a stimulus cannot be met, with the search that failed."""
    bench.session.log(Event.TARGET_NOT_REACHED, stimulus=stimulus.id, reason=reason, search=search)
    bench.operator.tell(f"  {stimulus.id}: {reason}")


@dataclass(frozen=True, slots=True)
class Found:
    """How a recording came about.

    Parameters
    ----------
    calibration : str
        Name in the session of the calibration that gives the recording in pascal.
    gain_db : float
        Gain applied to the stimulus, dB.
    search : mapping
        How the gain was found, and the level it gave.
    """

    calibration: str
    gain_db: float
    search: Mapping[str, Any]


def _keep(
    bench: Bench,
    stimulus: Stimulus,
    condition: str,
    capture: Capture,
    found: Found,
    *,
    played: Samples | None = None,
) -> None:
    """Put a recording and its record into the session; ``condition`` names the method.

    What was really recorded is judged against the samples that were ``played``.
    """
    checks = () if played is None else judge_played(capture, played)
    capture = judged(capture, checks)
    for flag in capture.flags:
        bench.operator.tell(f"  {stimulus.id}: {flag}")
    bench.session.add_audio(
        f"rec-{stimulus.id}_{condition}_run-1",
        capture.samples,
        capture.fs,
        {
            "stimulus": stimulus.id,
            "condition": condition,
            "run": 1,
            "combination": bench.device.info.identity,
            "target": stimulus.level,
            "weighting": str(bench.settings["weighting"]),
            "gain_db": found.gain_db,
            "search": dict(found.search),
            "calibration": calibration_of(bench, found.calibration).id,
            "calibration_file": f"{found.calibration}.json",
            "capture": capture.to_dict(),
            "flags": list(capture.flags),
            "checks": [check.to_dict() for check in checks],
        },
    )


def keep_gains(bench: Bench, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep a table of gains, one row per stimulus, as a record of the session."""
    bench.session.add_record(name, GAINS_SCHEMA, {"gains": [dict(row) for row in rows]})


def keep_hats_gains(bench: Bench) -> None:
    """Keep the gains found at the ears: a record, and the table of the published program."""
    rows: list[dict[str, Any]] = []
    searches: list[tuple[str, hats.GainSearch, datetime]] = []
    for event in bench.session.events(Event.AUDIO, Event.TARGET_NOT_REACHED):
        name = str(event.get("file", ""))
        if "_hats_run-" in name:
            record = read_json(bench.session.path(name).with_suffix(".json"), RECORDING_SCHEMA)
        elif event.get("search"):
            record = event | {"target": event["search"]["track"]["target"], "gain_db": None}
        else:
            continue
        keys = ("stimulus", "target", "gain_db", "search")
        rows.append({key: record[key] for key in keys})
        found = hats.GainSearch.from_dict(record["search"])
        searches.append((record["stimulus"], found, datetime.fromisoformat(event["time"])))
    keep_gains(bench, "gains_hats", rows)
    with partial_file(bench.session.path("gains_hats.csv"), force=True) as temporary:
        temporary.write_text(output_table(searches), encoding="utf-8")

"""What ``soundcal calibrate`` does with a device, a person and files, method by method."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.calibration import hats, microphone, ocv, stated
from soundcal.calibration.model import Calibration
from soundcal.calibration.published import PublishedTrack, output_table, read_tracks
from soundcal.calibration.tone import sine
from soundcal.cli.operators import TerminalOperator
from soundcal.cli.output import progress, say
from soundcal.dsp.weighting import weight
from soundcal.errors import ParameterError, SignalError, ToneNotFound
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration
from soundcal.files.text import read_text
from soundcal.recording import EARS, Capture, channel_names
from soundcal.takes.against_stimulus import judge_played
from soundcal.takes.check import refuse
from soundcal.takes.judge import refuse_invalid
from soundcal.units import db, pascal_to_level

if TYPE_CHECKING:
    from soundcal.devices import AudioDevice, Block
    from soundcal.lab.protocol import Operator

__all__ = ["Result", "by_calibrator", "by_hats", "by_ocv", "by_statement", "record_tones"]

Samples = NDArray[np.float64]

_LINE_S: Final = 2.0
"""Length of the recording of the test sine through a line input, s."""

_FLOOR_S: Final = 5.0
"""Length of the recording of the noise floor, s."""

_START_PEAK: Final = 0.1
"""Peak of the first step of a gain search re full scale: far from clipping, and from harm."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command found beside the calibration.

    Parameters
    ----------
    calibration : Calibration or None
        The calibration; None if no target was reached.
    notes : tuple of str
        What the person should read.
    found : mapping
        Gains, knob voltages, searches; ready for JSON.
    missed : tuple of str
        Targets that were not reached, with the reason.
    table : str
        Output table in the published layout, or "".
    """

    calibration: Calibration | None
    notes: tuple[str, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    table: str = ""


# sound calibrator


def by_calibrator(
    options: argparse.Namespace, device: "AudioDevice | None", operator: "Operator | None"
) -> Result:
    """Calibrate ears with a sound calibrator: recorded now, or from files."""
    influences = microphone.Influences(
        expanded=options.certificate_u,
        k=options.certificate_k,
        static_pressure=options.static_pressure,
    )
    expected = None
    if options.expected is not None:
        before = load_calibration(options.expected)
        expected = {name: before.sensitivity(name) for name in before.channels}
    files = {ear: getattr(options, ear) for ear in EARS if getattr(options, ear)}
    if files:
        takes = {ear: [_tone_file(path, ear) for path in paths] for ear, paths in files.items()}
    else:
        if device is None or operator is None:
            raise ParameterError(
                "no recordings of the calibrator: give --device NAME to record them now, or "
                "--left FILE… and --right FILE…"
            )
        takes = record_tones(
            device,
            operator,
            ears=options.ears,
            inputs=options.inputs,
            insertions=options.insertions,
            duration=options.duration,
            level=options.level,
            frequency=options.frequency,
            expected=expected,
        )
    calibration = microphone.calibrate(
        takes,
        level=options.level,
        frequency=options.frequency,
        pistonphone=options.pistonphone,
        influences=influences,
        expected=expected,
        device="" if device is None else device.info.identity,
    )
    return Result(calibration, tuple(_tone_notes(calibration)))


def _tone_notes(calibration: Calibration) -> list[str]:
    """Return what was found in every take."""
    return [
        f"{ear}, take {number}: {tone['frequency']:.2f} Hz, {tone['level']:.3f} dB rms re full "
        f"scale, fluctuation ±{tone['fluctuation']:.3f} dB, distortion and noise "
        f"{100 * tone['distortion']:.2f} %, {tone['dc']:.1e} of full scale DC"
        for ear, tones in calibration.details["tones"].items()
        for number, tone in enumerate(tones, start=1)
    ]


def _tone_file(path: Path, ear: str) -> Capture:
    capture = audio.read(path)
    if len(capture.channels) > 1 and ear not in capture.channels:
        raise ParameterError(
            f"{path}: {len(capture.channels)} channels, none of them named {ear}; give a mono "
            "file, or one with left and right"
        )
    refuse_invalid(capture, ear)
    return capture


def record_tones(
    device: "AudioDevice",
    operator: "Operator",
    *,
    ears: Sequence[str] = EARS,
    inputs: Sequence[int] = (1, 2),
    insertions: int = 3,
    duration: float = 10.0,
    level: float = 94.0,
    frequency: float = 1000.0,
    expected: Mapping[str, float] | None = None,
) -> dict[str, list[Capture]]:
    """Record the calibrator on every ear, several times, and check each take at once.

    A person is asked to try again when a take is refused; otherwise its error is raised.
    """
    if insertions < 1:
        raise ParameterError(f"{insertions} insertions; at least 1 is needed")
    names = EARS if len(inputs) == 2 else tuple(ears)
    if len(inputs) != len(names):
        raise ParameterError(
            f"{len(inputs)} input channels for {', '.join(ears)}; give one per ear (--inputs)"
        )
    takes: dict[str, list[Capture]] = {ear: [] for ear in ears}
    for ear in ears:
        wanted = None if expected is None else expected.get(ear)
        while len(takes[ear]) < insertions:
            operator.attach_calibrator(ear, level, frequency)
            text = f"{ear} ear, insertion {len(takes[ear]) + 1} of {insertions}"
            take = replace(_record(device, duration, inputs, text), channels=names)
            try:
                refuse_invalid(take, ear)
                microphone.check_take(take, ear, level=level, frequency=frequency, expected=wanted)
            except (ToneNotFound, SignalError) as error:
                if not isinstance(operator, TerminalOperator):
                    raise
                say(f"not accepted: {error}\nonce more:")
            else:
                takes[ear].append(take)
            operator.remove_calibrator()
    return takes


def _record(device: "AudioDevice", duration: float, inputs: Sequence[int], text: str) -> Capture:
    from soundcal.cli.levels import RunningLevel

    meter = RunningLevel(channel_names(len(inputs)), device.fs, None)
    with progress(text, duration, unit="s") as advance:

        def shown(block: "Block") -> None:
            meter.push(block.samples)
            advance((block.position + block.samples.shape[1]) / device.fs, meter.remark)

        return device.record(duration, inputs=inputs, on_block=shown)


# open-circuit voltage


def by_ocv(
    options: argparse.Namespace, device: "AudioDevice | None", operator: "Operator | None"
) -> Result:
    """Calibrate an output by its open-circuit voltage: typed in, or measured now."""
    headphone = _headphone(options, device)
    voltages, source = _voltages(options, device, operator)
    calibration = ocv.calibrate(
        voltages,
        headphone,
        digital_level=options.digital_level,
        omissions=ocv.Omissions(output_impedance=options.output_impedance),
        knob=options.knob,
        device="unknown" if device is None else device.info.identity,
        source=source,
    )
    notes = [
        f"{name}: {volts:.5g} V at {options.digital_level:g} dB rms re full scale, "
        f"{calibration.details['v_fs_sine'][name]:.4g} V for a full-scale sine"
        for name, volts in voltages.items()
    ]
    notes += [f"warning: {text}" for text in calibration.details["warnings"]]
    found: dict[str, Any] = {}
    if options.target is not None:
        found, lines = _for_target(options, calibration, headphone)
        notes += lines
    return Result(calibration, tuple(notes), found)


def _headphone(options: argparse.Namespace, device: "AudioDevice | None") -> ocv.Headphone:
    if options.impedance is not None and options.sensitivity is not None:
        name = options.headphone or "headphones"
        return ocv.Headphone(name, options.impedance, options.sensitivity, options.per)
    if device is not None and device.info.kind == "simulated":
        from soundcal.devices.simulated.lab import SimulatedLab

        if isinstance(device, SimulatedLab):
            return ocv.Headphone(**asdict(device.data_sheet))
    raise ParameterError(
        "the headphones' data sheet is needed: --impedance OHM and --sensitivity DB (with --per V "
        "or --per mW)"
    )


def _voltages(
    options: argparse.Namespace, device: "AudioDevice | None", operator: "Operator | None"
) -> tuple[dict[str, float], str]:
    names = EARS[: len(options.outputs)]
    typed = dict(zip(EARS, (options.voltage, options.voltage_right), strict=True))
    given = {name: typed[name] for name in names if typed[name] is not None}
    if given:
        if len(given) < len(names):
            raise ParameterError(
                "the voltages of both outputs are needed: --voltage for left and --voltage-right "
                "(or --outputs 1 for a single output)"
            )
        return given, "voltmeter, typed in"
    if device is None or operator is None:
        raise ParameterError(
            "no voltage: give --voltage V and --voltage-right V, or --device NAME to play the "
            "test sine now"
        )
    operator.remove_headphones()
    tone = np.tile(sine(options.digital_level, fs=device.fs), (len(names), 1))
    if options.line_inputs is not None:
        return _line_voltages(options, device, tone, names), "line input"
    voltages = {}
    with device.playing(tone, outputs=options.outputs):
        for name in names:
            voltages[name] = operator.read_voltmeter(name)
    return voltages, "voltmeter"


def _line_voltages(
    options: argparse.Namespace, device: "AudioDevice", tone: Samples, names: Sequence[str]
) -> dict[str, float]:
    scales = options.line_sensitivity or ()
    if len(options.line_inputs) != len(names) or len(scales) != len(names):
        raise ParameterError(
            f"{len(names)} outputs need as many --line-inputs N,N and --line-sensitivity V,V "
            "(volt per full scale of the line inputs)"
        )
    with device.playing(tone, outputs=options.outputs):
        take = device.record(_LINE_S, inputs=options.line_inputs)
    take = replace(take, channels=tuple(names))
    for name in names:
        refuse_invalid(take, name)
    return ocv.line_voltages(take, dict(zip(names, scales, strict=True)))


def _for_target(
    options: argparse.Namespace, calibration: Calibration, headphone: ocv.Headphone
) -> tuple[dict[str, Any], list[str]]:
    """Return gain and knob voltage for a target level, and what to tell about them."""
    from soundcal.units import energetic_mean

    if options.stimulus is None:
        raise ParameterError("--target needs --stimulus FILE: a level is that of some sound")
    samples, fs = _stimulus(options.stimulus, len(calibration.channels))
    levels = dict(zip(calibration.channels, _weighted(samples, fs, options), strict=True))
    volts = ocv.target_voltage(
        headphone,
        options.target,
        energetic_mean(list(levels.values())),
        digital_level=options.digital_level,
    )
    found: dict[str, Any] = {"target": options.target, "digital_levels": levels}
    found["knob_voltage"] = volts
    gain = ocv.gain_for(calibration, options.target, levels, peak=float(np.abs(samples).max()))
    found["gain_db"] = gain
    return found, [
        f"{options.stimulus}: {gain:+.2f} dB bring it to {options.target:g} dB"
        f"({options.weighting}) at the present volume",
        f"or, without gain: turn the volume until the test sine reads {volts:.5g} V",
    ]


def _stimulus(path: Path, n_channels: int) -> tuple[Samples, int]:
    capture = audio.read(path)
    if capture.samples.shape[0] not in (1, n_channels):
        raise ParameterError(
            f"{path}: {capture.samples.shape[0]} channels; 1 or {n_channels} are expected"
        )
    samples = np.broadcast_to(capture.samples, (n_channels, capture.n_samples))
    return np.ascontiguousarray(samples), capture.fs


def _weighted(samples: Samples, fs: int, options: argparse.Namespace) -> list[float]:
    weighted = weight(samples, fs, options.weighting)
    levels: list[float] = db(np.sqrt((weighted**2).mean(axis=-1))).tolist()
    return levels


# head and torso simulator


def by_hats(
    options: argparse.Namespace, device: "AudioDevice | None", operator: "Operator | None"
) -> Result:
    """Search the gain of every stimulus at the ears."""
    if device is None or operator is None:
        raise ParameterError("a gain search needs --device NAME")
    if options.ears_calibration is None:
        raise ParameterError(
            "a gain search needs calibrated ears: --ears-calibration JSON "
            "(soundcal calibrate --method calibrator)"
        )
    ears = load_calibration(options.ears_calibration)
    if ears.device != device.info.identity:
        raise ParameterError(
            f"{options.ears_calibration}: belongs to {ears.device}, not to {device.info.identity}; "
            "calibrate the ears of this device"
        )
    tracks = _tracks(options, device.fs)
    operator.seat_headphones()
    floor = _levels(options, ears, device.record(_FLOOR_S, inputs=options.inputs))
    say(f"noise floor: left {floor[0]:.1f}, right {floor[1]:.1f} dB({options.weighting})")
    searches: dict[str, hats.GainSearch] = {}
    digital: dict[str, tuple[float, float]] = {}
    done: list[tuple[str, hats.GainSearch, datetime]] = []
    for name, path, track in tracks:
        samples, fs = _stimulus(path, len(EARS))
        left, right = _weighted(samples, fs, options)
        digital[name] = (left, right)
        searches[name] = _search(options, device, ears, samples, track, floor)
        done.append((name, searches[name], datetime.now().astimezone()))
        _tell_search(name, searches[name], options)
    return _hats_result(options, device, ears, searches, digital, done)


def _tracks(options: argparse.Namespace, fs: int) -> list[tuple[str, Path, hats.Track]]:
    """Return name, file and settings of every stimulus, after a look at the files."""
    tracks = _named_tracks(options)
    for _, path, _ in tracks:
        if (found := audio.info(path).fs) != fs:
            raise ParameterError(
                f"{path}: {found} Hz, the device runs at {fs} Hz; give --fs {found} (soundcal "
                "never resamples)"
            )
    return tracks


def _named_tracks(options: argparse.Namespace) -> list[tuple[str, Path, hats.Track]]:
    if options.tracks is not None:
        tracks = read_tracks(read_text(options.tracks))
        return [_published(options.tracks.parent, line) for line in tracks]
    if not options.stimuli or options.target is None:
        raise ParameterError(
            "a gain search needs stimuli: --stimuli FILE… with --target DB, or --tracks CSV"
        )
    track = hats.Track(options.target, options.tolerance)
    return [(str(path), path, track) for path in options.stimuli]


def _published(folder: Path, line: PublishedTrack) -> tuple[str, Path, hats.Track]:
    return line.file, folder / line.file.replace("\\", "/"), line.track()


def _search(
    options: argparse.Namespace,
    device: "AudioDevice",
    ears: Calibration,
    samples: Samples,
    track: hats.Track,
    floor: tuple[float, float],
) -> hats.GainSearch:
    peak = float(np.abs(samples).max())
    if peak == 0.0:
        raise SignalError("a silent stimulus has no gain")
    if options.tracks is None:
        track = replace(track, start=_START_PEAK / peak)
    track = replace(track, max_gain=1.0 / peak)

    def play(gains: Samples) -> tuple[float, float]:
        take = device.play_and_record(
            samples * gains,
            outputs=options.outputs,
            inputs=options.inputs,
        )
        refuse(judge_played(replace(take, channels=EARS), samples * gains), "recording at the ears")
        return _levels(options, ears, take)

    if options.per_ear:
        return hats.search_gains(
            lambda left, right: play(np.array([[left], [right]])), track, floor=floor, strict=False
        )
    return hats.search_track(
        lambda gain: play(np.array([[gain]])), track, floor=floor, strict=False
    )


def _levels(options: argparse.Namespace, ears: Calibration, take: Capture) -> tuple[float, float]:
    """Return the levels of both ears in dB re 20 µPa."""
    if take.xruns or any(take.clipped):
        raise SignalError(
            f"{take.xruns} overflows or underflows and {sum(take.clipped)} clipped samples in the "
            "recording at the ears, 0 are allowed; lower the input gain or the computer's load"
        )
    pressure = ears.apply(replace(take, channels=EARS)).pressure
    weighted = weight(pressure, take.fs, options.weighting)
    left, right = pascal_to_level(np.sqrt((weighted**2).mean(axis=-1)))
    return float(left), float(right)


def _tell_search(name: str, search: hats.GainSearch, options: argparse.Namespace) -> None:
    if search.reached:
        left, right = search.gain_db
        gains = f"{left:+.2f} dB" if left == right else f"{left:+.2f} and {right:+.2f} dB"
        say(
            f"{name}: gain {gains}, {search.level:.2f} dB({options.weighting}) after "
            f"{len(search.steps)} measurements"
        )
    else:
        say(f"{name}: {search.problem}")


def _hats_result(
    options: argparse.Namespace,
    device: "AudioDevice",
    ears: Calibration,
    searches: Mapping[str, hats.GainSearch],
    digital: Mapping[str, tuple[float, float]],
    done: Sequence[tuple[str, hats.GainSearch, datetime]],
) -> Result:
    reached = {name: search for name, search in searches.items() if search.reached}
    identity = device.info.identity
    return Result(
        hats.calibrate(reached, digital, ears=ears, device=identity) if reached else None,
        found={"searches": {name: search.to_dict() for name, search in searches.items()}},
        missed=tuple(f"{n}: {search.problem}" for n, search in searches.items() if search.problem),
        table="" if options.per_ear else output_table(done),
    )


# stated


def by_statement(options: argparse.Namespace, device: "AudioDevice | None") -> Result:
    """Take the user's word for a sensitivity or for the level of a recording."""
    identity = "" if device is None else device.info.identity
    if options.recording is not None and options.levels is not None:
        capture = audio.read(options.recording)
        if len(options.levels) != len(capture.channels):
            raise ParameterError(
                f"--levels has {len(options.levels)} values, {options.recording} has "
                f"{len(capture.channels)} channels; give one value per channel"
            )
        levels = dict(zip(capture.channels, options.levels, strict=True))
        return Result(
            stated.from_level(
                capture, levels, weighting=options.weighting, u_db=options.u, device=identity
            )
        )
    if options.pa_per_fs is not None:
        names = channel_names(len(options.pa_per_fs))
        sensitivities = dict(zip(names, options.pa_per_fs, strict=True))
        return Result(
            stated.from_sensitivity(sensitivities, u_db=options.u, device=identity or "unknown")
        )
    raise ParameterError(
        "nothing stated: give --pa-per-fs PA[,PA], or --recording FILE with --levels DB[,DB]"
    )

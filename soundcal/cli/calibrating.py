"""Each method of ``soundcal calibrate``: its options become arguments of its procedure."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.calibration import hats, microphone, ocv, stated
from soundcal.calibration.belonging import belonging, mismatches
from soundcal.calibration.calibrator_take import CLASS_1
from soundcal.calibration.model import Calibration, with_details
from soundcal.cli.calibrator_files import BY_HAND, WHOLE, ToneFile, part_of, read_take, tone_files
from soundcal.cli.levels import watched
from soundcal.cli.options import Numbers, full_scale_doubts, full_scale_pascal, stated_doubts
from soundcal.cli.options import stated as repeated
from soundcal.cli.output import say
from soundcal.errors import ParameterError
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration
from soundcal.files.full_scale import other_full_scale
from soundcal.files.gain_tables import PublishedTrack, output_table, read_tracks
from soundcal.headphone import Headphone, both_readings
from soundcal.lab.calibrator import calibrate_ears
from soundcal.lab.levels import digital_levels, on_channels
from soundcal.lab.search import Ears
from soundcal.lab.voltage import LineInputs, calibrate_output, simulated_data_sheet
from soundcal.recording import EARS, channel_names
from soundcal.takes.check import flags_of, refuse
from soundcal.takes.file_checks import judge_file, stimulus_flags

if TYPE_CHECKING:
    from soundcal.devices import AudioDevice
    from soundcal.lab.operator import Operator

__all__ = ["BY_METHOD", "Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of the command: a calibration, and what else was found.

    Parameters
    ----------
    calibration : Calibration or None
        The calibration; None if no target was reached.
    notes : tuple of str
        Lines for the person at the terminal.
    found : mapping
        Gains, knob voltages, searches; ready for JSON.
    missed : tuple of str
        Targets that were not reached, with the reason.
    table : str
        Output table in the published layout, or "".
    details : tuple of str
        Lines for those who want to know more (``--verbose``).
    """

    calibration: Calibration | None
    notes: tuple[str, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    table: str = ""
    details: tuple[str, ...] = ()


# sound calibrator


def _by_calibrator(
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
    about: dict[str, Any] = {
        "level": options.level,
        "frequency": options.frequency,
        "pistonphone": options.pistonphone,
        "influences": influences,
        "expected": expected,
    }
    files = tone_files(options, expected)
    if files:
        by_hand = options.start is not None or options.end is not None
        calibration = microphone.calibrate(
            {name: [file.take for file in row] for name, row in files.items()},
            **about,
            limits=BY_HAND if by_hand else CLASS_1,
            device="" if device is None else device.info.identity,
            files={name: [file.to_dict() for file in row] for name, row in files.items()},
        )
    elif device is None or operator is None:
        raise ParameterError(
            "no recordings of the calibrator: give --device NAME to record them now, or "
            "--left FILE… and --right FILE… (--channel NAME FILE… for other channels)"
        )
    else:
        calibration = calibrate_ears(
            device,
            operator,
            **about,
            ears=options.ears,
            inputs=options.inputs,
            insertions=options.insertions,
            duration=options.duration,
            watch=partial(watched, channel_names(len(options.inputs)), device.fs),
        )
    notes = [*_part_notes(files), *_warnings(calibration)]
    for name, row in files.items():
        known = {name: calibration.sensitivity(name)}
        notes += [f"{f.path}: {flag}" for f in row for flag in other_full_scale(f.path, known)]
    return Result(calibration, tuple(notes), details=tuple(_tone_notes(calibration)))


def _part_notes(files: Mapping[str, Sequence[ToneFile]]) -> list[str]:
    """Return one line about every file of which a part is used."""
    return [
        f"{name}: used of {file.path}: from {file.start:g} s to {file.end:g} s ({file.chosen})"
        for name, row in files.items()
        for file in row
        if file.chosen != WHOLE
    ]


def _tone_notes(calibration: Calibration) -> list[str]:
    """Return one line about the calibrator's tone in every take."""
    return [
        f"{ear}, take {number}: {tone['frequency']:.2f} Hz, rms {tone['level']:.3f} dB re full "
        f"scale, fluctuation ±{tone['fluctuation']:.3f} dB, distortion and noise "
        f"{100 * tone['distortion']:.2f} %, DC {tone['dc']:.1e} of full scale"
        for ear, tones in calibration.details["tones"].items()
        for number, tone in enumerate(tones, start=1)
    ]


def _warnings(calibration: Calibration) -> list[str]:
    return [f"warning: {text}" for text in calibration.details["warnings"]]


# open-circuit voltage


def _by_ocv(
    options: argparse.Namespace, device: "AudioDevice | None", operator: "Operator | None"
) -> Result:
    """Calibrate an output by its open-circuit voltage: typed in, or measured now."""
    headphone = _headphone(options, device)
    about: dict[str, Any] = {
        "digital_level": options.digital_level,
        "omissions": ocv.Omissions(output_impedance=options.output_impedance),
        "knob": options.knob,
    }
    if typed := _typed_voltages(options):
        identity = "unknown" if device is None else device.info.identity
        source = "voltmeter, typed in"
        calibration = ocv.calibrate(typed, headphone, **about, device=identity, source=source)
    elif device is None or operator is None:
        raise ParameterError(
            "no voltage: give --voltage V and --voltage-right V, or --device NAME to play the "
            "test sine now"
        )
    else:
        line = _line_inputs(options)
        calibration = calibrate_output(
            device, operator, headphone, **about, outputs=options.outputs, line=line
        )
    notes = [
        f"{name}: {volts:.5g} V at an rms of {options.digital_level:g} dB re full scale, "
        f"{calibration.details['v_fs_sine'][name]:.4g} V for a full-scale sine"
        for name, volts in calibration.details["voltages"].items()
    ]
    notes += _warnings(calibration)
    found: dict[str, Any] = {}
    if options.target is not None:
        found, lines = _for_target(options, calibration, headphone)
        notes += lines
    return Result(calibration, tuple(notes), found)


def _line_inputs(options: argparse.Namespace) -> LineInputs | None:
    """Return the line inputs that measure the voltages, with their sensitivities repeated."""
    if options.line_inputs is None:
        return None
    option, typed = "--line-sensitivity", options.line_sensitivity or ()
    known = dict(zip(EARS, typed, strict=False))
    if known:
        say(repeated(option, known, "V per full scale"))
    for doubt in stated_doubts(option, typed, known):
        say(f"warning: {doubt}")
    return LineInputs(options.line_inputs, tuple(typed))


def _headphone(options: argparse.Namespace, device: "AudioDevice | None") -> Headphone:
    if options.impedance is not None and options.sensitivity is not None:
        simulated = device is not None and device.info.kind == "simulated"
        per: Any = options.per or ("V" if simulated else None)  # one of the choices
        if per is None:
            raise ParameterError(
                f"{both_readings(options.impedance, options.sensitivity)}; state which the data "
                "sheet says: --per V or --per mW"
            )
        if not options.per:
            say(f"--sensitivity {options.sensitivity:g} is read as dB at 1 V (--per V)")
        name = options.headphone or "headphones"
        return Headphone(name, options.impedance, options.sensitivity, per)
    if (sheet := simulated_data_sheet(device)) is not None:
        return sheet
    raise ParameterError(
        "the headphones' data sheet is needed: --impedance OHM and --sensitivity DB (with --per V "
        "or --per mW)"
    )


def _typed_voltages(options: argparse.Namespace) -> dict[str, float]:
    names = EARS[: len(options.outputs)]
    typed = dict(zip(EARS, (options.voltage, options.voltage_right), strict=True))
    given = {name: typed[name] for name in names if typed[name] is not None}
    if given and len(given) < len(names):
        raise ParameterError(
            "the voltages of both outputs are needed: --voltage for left and --voltage-right "
            "(or --outputs 1 for a single output)"
        )
    return given


def _for_target(
    options: argparse.Namespace, calibration: Calibration, headphone: Headphone
) -> tuple[dict[str, Any], list[str]]:
    """Return gain and knob voltage for a target level, and the lines that report them."""
    from soundcal.units import energetic_mean

    if options.stimulus is None:
        raise ParameterError("--target needs --stimulus FILE, the sound that has this level")
    samples, fs = _stimulus(options.stimulus, len(calibration.channels))
    levels = digital_levels(samples, fs, options.weighting, calibration.channels)
    volts = ocv.target_voltage(
        headphone,
        options.target,
        energetic_mean(list(levels.values())),
        digital_level=options.digital_level,
        output_impedance=options.output_impedance,
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
    for flag in stimulus_flags(capture):
        say(f"{path}: {flag}")
    if capture.samples.shape[0] not in (1, n_channels):
        raise ParameterError(
            f"{path}: {capture.samples.shape[0]} channels; 1 or {n_channels} are expected"
        )
    return on_channels(capture.samples, n_channels), capture.fs


# head and torso simulator


def _by_hats(
    options: argparse.Namespace, device: "AudioDevice | None", operator: "Operator | None"
) -> Result:
    """Search for the gain of every stimulus at the ears."""
    if device is None or operator is None:
        raise ParameterError("a gain search needs --device NAME")
    if options.ears_calibration is None:
        raise ParameterError(
            "a gain search needs calibrated ears: --ears-calibration JSON "
            "(soundcal calibrate --method calibrator)"
        )
    path, identity = options.ears_calibration, device.info.identity
    ears = belonging(load_calibration(path), EARS, device=identity, name=str(path))
    recorded = dict(zip(EARS, options.inputs, strict=True))
    for flag in mismatches(ears, device=identity, fs=device.fs, inputs=recorded):
        say(f"warning: {flag}")
    tracks = _tracks(options, device.fs)
    operator.seat_headphones()
    rig = Ears(device, ears, options.outputs, options.inputs, options.weighting)
    floor = rig.noise_floor(operator)
    say(f"noise floor: left {floor[0]:.1f}, right {floor[1]:.1f} dB({options.weighting})")
    searches: dict[str, hats.GainSearch] = {}
    digital: dict[str, tuple[float, float]] = {}
    done: list[tuple[str, hats.GainSearch, datetime]] = []
    for name, path, track in tracks:
        samples, fs = _stimulus(path, len(EARS))
        levels = digital_levels(samples, fs, options.weighting)
        digital[name] = (levels["left"], levels["right"])
        searches[name] = rig.search(
            operator,
            samples,
            track,
            floor=floor,
            quiet_start=options.tracks is None,
            per_ear=options.per_ear,
        ).search
        done.append((name, searches[name], datetime.now().astimezone()))
        _tell_search(name, searches[name], options)
    return _hats_result(options, device, ears, searches, digital, done)


def _tracks(options: argparse.Namespace, fs: int) -> list[tuple[str, Path, hats.Track]]:
    """Return name, file and settings of every stimulus; the rates of the files are checked."""
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
        tracks, notes = read_tracks(options.tracks)
        for note in notes:
            say(f"note: {note}")
        return [_published(options.tracks.parent, line) for line in tracks]
    if not options.stimuli or options.target is None:
        raise ParameterError(
            "a gain search needs stimuli: --stimuli FILE… with --target DB, or --tracks CSV"
        )
    track = hats.Track(options.target, options.tolerance)
    return [(str(path), path, track) for path in options.stimuli]


def _published(folder: Path, line: PublishedTrack) -> tuple[str, Path, hats.Track]:
    return line.file, folder / line.file.replace("\\", "/"), line.track()


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
    about: dict[str, Any] = {"ears": ears, "device": device.info.identity, "fs": device.fs}
    return Result(
        hats.calibrate(reached, digital, **about) if reached else None,
        found={"searches": {name: search.to_dict() for name, search in searches.items()}},
        missed=tuple(f"{n}: {search.problem}" for n, search in searches.items() if search.problem),
        table="" if options.per_ear else output_table(done),
    )


# stated


def _by_statement(
    options: argparse.Namespace, device: "AudioDevice | None", operator: "Operator | None"
) -> Result:
    """Use a sensitivity, or the level of a recording, that the user states."""
    identity = "" if device is None else device.info.identity
    if options.recording is not None and options.levels is not None:
        capture = part_of(
            read_take(options.recording), options.recording, options.start, options.end
        )
        if len(options.levels) != len(capture.channels):
            raise ParameterError(
                f"--levels has {len(options.levels)} values, {options.recording} has "
                f"{len(capture.channels)} channels; give one value per channel, decimals with a "
                "point"
            )
        levels = dict(zip(capture.channels, options.levels, strict=True))
        calibration = stated.from_level(
            capture, levels, weighting=options.weighting, u_db=options.u, device=identity
        )
        factors = [calibration.sensitivity(name) for name in capture.channels]
        checks = judge_file(capture, factors)
        refuse(checks, str(options.recording))
        result = _stated(
            "--levels", options.levels, levels, f"dB({options.weighting})", calibration
        )
        notes = (*result.notes, *(f"{options.recording}: {flag}" for flag in flags_of(checks)))
        return replace(result, notes=notes)
    option, typed = "--pa-per-fs", options.pa_per_fs
    if options.full_scale is not None:
        option, typed = "--full-scale", options.full_scale
    if typed is not None:
        values = typed if option == "--pa-per-fs" else full_scale_pascal(typed)
        sensitivities = dict(zip(channel_names(len(values)), values, strict=True))
        calibration = stated.from_sensitivity(
            sensitivities, u_db=options.u, device=identity or "unknown"
        )
        return _stated(option, typed, sensitivities, "Pa per full scale", calibration)
    raise ParameterError(
        "nothing stated: give --pa-per-fs PA[,PA] or --full-scale DB[,DB], or --recording FILE "
        "with --levels DB[,DB]"
    )


def _stated(
    option: str,
    typed: Numbers,
    values: Mapping[str, float],
    unit: str,
    calibration: Calibration,
) -> Result:
    """Return a stated calibration, with the values repeated as understood."""
    known = {name: calibration.sensitivity(name) for name in calibration.channels}
    doubts = stated_doubts(option, typed, known)
    if option != "--levels":
        doubts += full_scale_doubts(option, known)
    notes = (repeated(option, values, unit), *(f"warning: {text}" for text in doubts))
    if not doubts:
        return Result(calibration, notes)
    doubted = with_details(calibration, warnings=list(doubts))
    return Result(doubted, notes, {"warnings": list(doubts)})


BY_METHOD: Final[
    Mapping[str, Callable[[argparse.Namespace, "AudioDevice | None", "Operator | None"], Result]]
] = {
    "calibrator": _by_calibrator,
    "ocv": _by_ocv,
    "hats": _by_hats,
    "stated": _by_statement,
}
"""Function of each :data:`~soundcal.calibration.model.Method`."""

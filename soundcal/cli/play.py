"""``soundcal play``: play a file at a gain or at a calibrated level, and verify it at the ears."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.cli.device_options import add_device_options, channel_list, open_from
from soundcal.cli.file_options import Patterns
from soundcal.cli.output import print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soundcal.arrays import Array
    from soundcal.calibration.model import Calibration
    from soundcal.lab.play import LevelAtEars
    from soundcal.recording import Capture
    from soundcal.takes.check import Check

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "play",
        help="play a file at a gain or at a calibrated level",
        description="Play a file. The file itself is never changed; a gain that would clip is "
        "refused. --level needs an output calibration (soundcal calibrate --method ocv).",
    )
    parser.add_argument(
        "file", metavar="FILE", type=Path, action=Patterns, help="audio file to play"
    )
    parser.add_argument(
        "--outputs",
        type=channel_list,
        metavar="N,N",
        help="channels, e.g. 1,2 (default: the first ones; required for a mono file)",
    )
    gain = parser.add_mutually_exclusive_group()
    gain.add_argument("--gain-db", type=float, default=0.0, metavar="DB", help="gain (default 0)")
    gain.add_argument(
        "--level",
        type=float,
        metavar="DB",
        help="level at the ears, dB re 20 µPa, energetic mean of both ears",
    )
    parser.add_argument(
        "--calibration", type=Path, action=Patterns, metavar="JSON", help="output calibration"
    )
    parser.add_argument(
        "--weighting",
        choices=("A", "C", "Z"),
        default="A",
        help="frequency weighting of --level (default A)",
    )
    flat = parser.add_argument_group("equalisation")
    flat.add_argument(
        "--equalize",
        action=Patterns,
        metavar="FILE",
        help="response of the headphones (FS to DRP), which its inverse makes flat, or of a filter "
        "(FS to FS); --level is then that of the file as flat headphones would play it",
    )
    flat.add_argument(
        "--robust",
        choices=("mean", "mean+2s", "kirkeby"),
        default="mean",
        help="rule of the inverse for notches (default mean; for listening mean+2s), see soundcal "
        "response filter",
    )
    ears = parser.add_argument_group("ears")
    ears.add_argument(
        "--record",
        type=Path,
        metavar="OUT",
        help="also record the ears, aligned to the file, into this .wav or .flac file",
    )
    ears.add_argument(
        "--verify",
        type=Path,
        action=Patterns,
        metavar="JSON",
        help="calibration of the ears: measure what they get, and compare it with --level; exit "
        "code 4 if they differ by more than the expanded uncertainty (95 %%)",
    )
    ears.add_argument(
        "--inputs",
        type=channel_list,
        default=(1, 2),
        metavar="N,N",
        help="input channels of the ears (default 1,2)",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing recording")
    parser.add_argument("--json", action="store_true", help="the playback as JSON on stdout")
    add_device_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play the file once."""
    from dataclasses import replace

    from soundcal.calibration.belonging import mismatches
    from soundcal.cli.levels import watched
    from soundcal.errors import ParameterError, SignalError, TargetNotReached
    from soundcal.files import audio
    from soundcal.files.recordings import equalised_before
    from soundcal.lab.calibrations import calibration_for
    from soundcal.lab.play import (
        LevelAtEars,
        play_and_record_at,
        play_at,
        playback_equaliser,
        played_channels,
    )
    from soundcal.lab.record import check_target, keep_capture
    from soundcal.recording import channel_names, with_flags
    from soundcal.response.opening import open_response
    from soundcal.takes.file_checks import stimulus_flags
    from soundcal.units import db

    if (options.level is None) != (options.calibration is None):
        raise ParameterError("--level and --calibration belong together; give both or neither")
    if options.record is not None:
        check_target(options.record, force=options.force)
    capture = audio.read(options.file)
    samples, outputs = _routed(capture, options)
    response = open_response(options.equalize) if options.equalize else None
    take: Capture | None = None
    checks: tuple[Check, ...] = ()
    with open_from(options) as device:
        calibration = calibration_for(options.calibration, device, "output")
        names = channel_names(len(options.inputs))
        ears = calibration_for(options.verify, device, "input", names)
        at: float | LevelAtEars = float(options.gain_db)
        if calibration is not None:
            at = LevelAtEars(options.level, calibration, options.weighting)
        equaliser = None
        if response is not None:
            equaliser = playback_equaliser(
                response,
                fs=device.fs,
                channels=played_channels(calibration, outputs),
                rule=options.robust,
                device=device.info.identity,
            )
        recorded = options.record is not None or ears is not None
        channels = names if recorded else tuple(f"output {n}" for n in outputs)
        with watched(channels, device.fs, "playing", capture.duration) as on_block:
            about: dict[str, Any] = {
                "outputs": outputs,
                "equaliser": equaliser,
                "on_block": on_block,
            }
            try:
                if recorded:
                    about |= {"inputs": options.inputs, "channels": names}
                    take, checks, gain_db = play_and_record_at(at, device, samples, **about)
                    n_samples, xruns, noted = take.n_samples, take.xruns, take.flags
                else:
                    played, gain_db = play_at(at, device, samples, **about)
                    n_samples, xruns, noted = played.n_samples, played.xruns, played.flags
            except TargetNotReached as error:  # nothing was measured: the file does not fit
                raise SignalError(f"{options.file} would clip: {error}") from error
    peak = db(float(abs(samples).max())) + gain_db
    at_ears = ""
    if isinstance(at, LevelAtEars):
        expanded, k = at.expanded
        u = f"{expanded:.1f} dB at the ears (95 %, k = {k:.2f})"
        at_ears = f", {at.level:.1f} dB({at.weighting}) ± {u}"
    about_file = f"{capture.duration:.2f} s at {gain_db:+.2f} dB, peak {peak:.1f} dBFS{at_ears}"
    say(f"{options.file}: {about_file}")
    flags = (*stimulus_flags(capture), *noted)
    if equaliser is not None:
        say(f"equalised: {equaliser.applied()}")
        flags += (*equaliser.flags(), *equalised_before(options.file))
    identity, heard_by = device.info.identity, dict(zip(names, options.inputs, strict=True))
    for known, inputs in ((calibration, None), (ears, heard_by)):
        if known is not None:
            flags += mismatches(known, device=identity, fs=device.fs, inputs=inputs)
    flags = tuple(dict.fromkeys(flags))
    if calibration is not None and (knob := calibration.details.get("knob")):
        say(f"the calibration holds for this position of the volume control: {knob}")
    for flag in flags:
        say(f"flag: {flag}")
    content: dict[str, Any] = {
        "file": str(options.file),
        "device": device.info.identity,
        "fs": device.fs,
        "outputs": list(outputs),
        "gain_db": gain_db,
        "level": options.level,
        "weighting": None if calibration is None else options.weighting,
        "calibration": calibration.id if calibration else None,
        "equalisation": None if equaliser is None else equaliser.applied().to_dict(),
        "n_samples": n_samples,
        "xruns": xruns,
        "flags": [flag.to_dict() for flag in flags],
    }
    code = 0
    if take is not None and options.record is not None:
        if equaliser is not None:
            take = with_flags(take, equaliser.flags())
        keep_capture(
            take,
            options.record,
            inputs=options.inputs,
            checks=checks,
            calibration=options.verify,
            playback_equalisation=() if equaliser is None else (equaliser.applied(),),
            force=options.force,
        )
        say(f"recording: {options.record}")
        content["recording"] = str(options.record)
    if take is not None and ears is not None:
        # what the filters ring is no part of the file, whose level is compared
        take = replace(take, samples=take.samples[:, : samples.shape[1]])
        content["ears"], code = _heard(take, checks, ears, at, options.weighting)
    if options.json:
        print_json("soundcal/playback/2", content)
    return code


def _heard(
    take: "Capture",
    checks: "Sequence[Check]",
    ears: "Calibration",
    meant: "float | LevelAtEars",
    weighting: str,
) -> tuple[dict[str, Any], int]:
    """Say what the ears got; return it ready for JSON, and the exit code."""
    from soundcal.errors import TargetNotReached
    from soundcal.lab.play import LevelAtEars, heard_level

    heard = heard_level(take, ears, weighting)
    of_ears = heard.expanded
    each = ", ".join(
        f"{name} {level:.1f} ± {of_ears[name]:.1f}" for name, level in heard.levels.items()
    )
    say(
        f"the ears got: {each}; energetic mean {heard.mean:.1f} ± {heard.expanded_mean[0]:.1f} "
        f"dB({weighting}) (95 %)"
    )
    content = heard.to_dict()
    code = 0
    if any(check.verdict == "invalid" for check in checks):
        say("the recording at the ears is invalid, and so are these levels; see the flags")
        code = TargetNotReached.exit_code
    if isinstance(meant, LevelAtEars):
        deviation, u = heard.deviation(meant)
        expanded, k = heard.expanded_deviation(meant)
        within = abs(deviation) <= expanded
        said = "within" if within else "beyond"
        say(
            f"deviation from what was meant: {deviation:+.1f} dB, {said} the expanded uncertainty "
            f"of {expanded:.1f} dB (95 %, k = {k:.2f})"
        )
        content |= {
            "deviation_db": deviation,
            "u_deviation_db": u,
            "expanded_deviation_db": expanded,
            "within": within,
        }
        code = code if within else TargetNotReached.exit_code
    return content, code


def _routed(capture: "Capture", options: argparse.Namespace) -> tuple["Array", tuple[int, ...]]:
    """Return the samples and the outputs they go to; nothing is guessed."""
    from soundcal.errors import ParameterError
    from soundcal.lab.levels import on_channels

    if capture.fs != options.fs:
        raise ParameterError(
            f"{options.file} is at {capture.fs} Hz, the device would run at {options.fs} Hz: give "
            f"--fs {capture.fs} if the device offers it, or convert the file (soundcal never "
            "resamples)"
        )
    n_channels = capture.samples.shape[0]
    outputs = options.outputs or tuple(range(1, n_channels + 1))
    if n_channels == 1 and options.outputs is None:
        raise ParameterError(
            f"{options.file} is mono: choose its outputs with --outputs 1, or --outputs 1,2 (the "
            "same on both)"
        )
    if n_channels == 1:
        return on_channels(capture.samples, len(outputs)), outputs
    if len(outputs) != n_channels:
        raise ParameterError(
            f"{options.file} has {n_channels} channels, --outputs names {len(outputs)}"
        )
    return capture.samples, outputs

"""``soundcal play``: play a file at a gain or at a calibrated level."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.cli.device_options import add_device_options, channel_list, open_from
from soundcal.cli.file_options import Patterns
from soundcal.cli.output import print_json, say

if TYPE_CHECKING:
    from soundcal.arrays import Array
    from soundcal.recording import Capture

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
    parser.add_argument("--json", action="store_true", help="the playback as JSON on stdout")
    add_device_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Play the file once."""
    from soundcal.calibration.belonging import mismatches
    from soundcal.cli.levels import watched
    from soundcal.errors import ParameterError, SignalError, TargetNotReached
    from soundcal.files import audio
    from soundcal.lab.calibrations import calibration_for
    from soundcal.lab.play import LevelAtEars, play_at
    from soundcal.takes.check import flags_of
    from soundcal.takes.file_checks import judge_file
    from soundcal.units import db

    if (options.level is None) != (options.calibration is None):
        raise ParameterError("--level and --calibration belong together; give both or neither")
    capture = audio.read(options.file)
    samples, outputs = _routed(capture, options)
    with open_from(options) as device:
        calibration = calibration_for(options.calibration, device, "output")
        at: float | LevelAtEars = float(options.gain_db)
        if calibration is not None:
            at = LevelAtEars(options.level, calibration, options.weighting)
        channels = tuple(f"output {n}" for n in outputs)
        with watched(channels, device.fs, "playing", capture.duration) as on_block:
            try:
                played, gain_db = play_at(at, device, samples, outputs=outputs, on_block=on_block)
            except TargetNotReached as error:  # nothing was measured: the file does not fit
                raise SignalError(f"{options.file} would clip: {error}") from error
    at_ears = ""
    if calibration is not None:
        at_ears = f", {options.level:.1f} dB({options.weighting}) at the ears"
    peak = db(float(abs(samples).max())) + gain_db
    about = f"{capture.duration:.2f} s at {gain_db:+.2f} dB, peak {peak:.1f} dBFS{at_ears}"
    say(f"{options.file}: {about}")
    flags = (*capture.flags, *flags_of(judge_file(capture, stimulus=True)), *played.flags)
    if calibration is not None:
        flags += mismatches(calibration, device=device.info.identity, fs=device.fs)
    if calibration is not None and (knob := calibration.details.get("knob")):
        say(f"the calibration holds for this position of the volume control: {knob}")
    for flag in flags:
        say(f"flag: {flag}")
    if options.json:
        content = {
            "file": str(options.file),
            "device": device.info.identity,
            "fs": device.fs,
            "outputs": list(outputs),
            "gain_db": gain_db,
            "level": options.level,
            "weighting": None if calibration is None else options.weighting,
            "calibration": calibration.id if calibration else None,
            "n_samples": played.n_samples,
            "xruns": played.xruns,
            "flags": [flag.to_dict() for flag in flags],
        }
        print_json("soundcal/playback/2", content)
    return 0


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

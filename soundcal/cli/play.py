"""``soundcal play``: play a file at a gain or at a calibrated level."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.cli.device_options import add_device_options, channel_list, open_from
from soundcal.cli.file_options import Patterns
from soundcal.cli.output import print_json, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from soundcal.calibration.model import Calibration
    from soundcal.devices import AudioDevice, Playback
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
    parser.add_argument("--calibration", type=Path, metavar="JSON", help="output calibration")
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
    from soundcal.errors import ParameterError
    from soundcal.files import audio
    from soundcal.lab.calibrations import calibration_for
    from soundcal.takes.check import flags_of
    from soundcal.takes.file_checks import judge_file
    from soundcal.units import db, from_db

    if (options.level is None) != (options.calibration is None):
        raise ParameterError("--level and --calibration belong together; give both or neither")
    capture = audio.read(options.file)
    samples, outputs = _routed(capture, options)
    with open_from(options) as device:
        calibration = calibration_for(options.calibration, device, "output")
        predicted = _predicted(samples, outputs, calibration, options)
        gain_db = float(options.gain_db if predicted is None else options.level - predicted)
        _check_peak(samples, gain_db, predicted, options)
        played = _play(device, samples * from_db(gain_db), outputs)
    at = "" if predicted is None else f", {options.level:.1f} dB({options.weighting}) at the ears"
    peak = db(float(abs(samples).max())) + gain_db
    say(f"{options.file}: {capture.duration:.2f} s at {gain_db:+.2f} dB, peak {peak:.1f} dBFS{at}")
    flags = (*capture.flags, *flags_of(judge_file(capture, stimulus=True)), *played.flags)
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
            "weighting": None if predicted is None else options.weighting,
            "calibration": calibration.id if calibration else None,
            "n_samples": played.n_samples,
            "xruns": played.xruns,
            "flags": [flag.to_dict() for flag in flags],
        }
        print_json("soundcal/playback/2", content)
    return 0


def _check_peak(
    samples: "NDArray[np.float64]",
    gain_db: float,
    predicted: float | None,
    options: argparse.Namespace,
) -> None:
    from soundcal.errors import SignalError
    from soundcal.units import db, from_db

    peak = float(abs(samples).max()) * from_db(gain_db)
    if peak > 1.0:
        most = gain_db - db(peak)
        reach = "" if predicted is None else f" ({predicted + most:.1f} dB)"
        raise SignalError(
            f"{options.file}: a gain of {gain_db:.2f} dB gives a peak of {peak:.3f} times full "
            f"scale and would clip; at most {most:.2f} dB{reach} is possible: lower the level, "
            "or turn up the amplifier and calibrate again"
        )


def _play(
    device: "AudioDevice", samples: "NDArray[np.float64]", outputs: tuple[int, ...]
) -> "Playback":
    """Play with progress and a running level."""
    from soundcal.cli.levels import watched

    channels = tuple(f"output {n}" for n in outputs)
    with watched(channels, device.fs, "playing", samples.shape[1] / device.fs) as on_block:
        return device.play(samples, outputs=outputs, on_block=on_block)


def _routed(
    capture: "Capture", options: argparse.Namespace
) -> tuple["NDArray[np.float64]", tuple[int, ...]]:
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


def _predicted(
    samples: "NDArray[np.float64]",
    outputs: tuple[int, ...],
    calibration: "Calibration | None",
    options: argparse.Namespace,
) -> float | None:
    """Return the level at the ears without gain: the energetic mean of the ears that are played."""
    import numpy as np

    from soundcal.errors import ParameterError, SignalError
    from soundcal.lab.levels import weighted_rms
    from soundcal.units import energetic_mean, pascal_to_level

    if calibration is None:
        return None
    names = dict(zip((1, 2), calibration.channels, strict=False))
    unknown = [number for number in outputs if number not in names]
    if unknown:
        raise ParameterError(
            f"{options.calibration} calibrates outputs {', '.join(map(str, names))} "
            f"({', '.join(names.values())}), not {unknown[0]}"
        )
    rms = weighted_rms(samples, options.fs, options.weighting)
    sensitivities = np.array([calibration.sensitivity(names[number]) for number in outputs])
    level = energetic_mean(pascal_to_level(rms * sensitivities))
    if not np.isfinite(level):
        raise SignalError(f"{options.file} is silent: no gain brings it to {options.level} dB")
    return level

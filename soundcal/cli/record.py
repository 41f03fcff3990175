"""``soundcal record``: record a device into a file that is valid at every moment."""

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.device_options import add_device_options, channel_list, open_from, refuse_endless
from soundcal.cli.file_options import (
    Patterns,
    add_live_response,
    add_point,
    channel_names_of,
    live_response,
    refuse_own_inputs,
    stated_point,
)
from soundcal.cli.output import print_json, progress, say

if TYPE_CHECKING:
    from soundcal.cli.levels import RunningLevel
    from soundcal.devices import Block
    from soundcal.lab.record import Recorded

__all__ = ["add"]

_STOPPED: Final = 130  # exit code of programs ended by Ctrl-C
_SUBTYPES: Final = ("PCM_16", "PCM_24", "PCM_32", "FLOAT")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "record",
        help="record a device into a WAV or FLAC file",
        description="Record into a file that can be read at every moment, and write a record "
        "(JSON) beside it. Without --duration, the recording ends with Ctrl-C.",
    )
    parser.add_argument("file", metavar="OUT", type=Path, help="file to write, .wav or .flac")
    parser.add_argument("--duration", type=float, metavar="S", help="length, s")
    parser.add_argument(
        "--inputs", type=channel_list, metavar="N,N", help="channels, e.g. 1,2 (default: all)"
    )
    parser.add_argument(
        "--names",
        type=channel_names_of,
        metavar="A,B",
        help="channel names (default: left,right for two, mono for one)",
    )
    parser.add_argument(
        "--subtype", choices=_SUBTYPES, help="coding of the samples (default: FLOAT; .flac: PCM_24)"
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        action=Patterns,
        metavar="JSON",
        help="calibration of the inputs; shows the level in dB(A) re 20 µPa",
    )
    add_live_response(parser)
    add_point(parser)
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument("--json", action="store_true", help="the record as JSON on stdout")
    add_device_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Record until the duration is reached, the operator stops, or the device fails."""
    from soundcal.cli.levels import RunningLevel
    from soundcal.errors import DeviceError
    from soundcal.files.records import RECORDING_SCHEMA
    from soundcal.lab.calibrations import calibration_for
    from soundcal.lab.record import check_target, record_to_file, recorded_channels

    refuse_endless(options)
    refuse_own_inputs(options, ("file",), ".json")
    check_target(options.file, options.duration, force=options.force)
    with open_from(options) as device:
        inputs = options.inputs or tuple(range(1, device.info.inputs + 1))
        channels = recorded_channels(options.names, len(inputs))
        calibration = calibration_for(options.calibration, device, "input", channels)
        referred = live_response(options, calibration, channels, device)
        level = RunningLevel(channels, device.fs, calibration, referred)
        with progress("recording", options.duration, unit="s") as advance:

            def shown(block: "Block") -> None:
                level.push(block.samples)
                advance((block.position + block.samples.shape[1]) / device.fs, level.remark)

            found = record_to_file(
                device,
                options.file,
                duration=options.duration,
                inputs=inputs,
                names=channels,
                subtype=options.subtype,
                calibration=options.calibration,
                **stated_point(options),
                on_block=shown,
                force=options.force,
            )
    _tell(found, level)
    if options.json:
        print_json(RECORDING_SCHEMA, found.record.to_dict())
    return {"complete": 0, "stopped": _STOPPED, "failed": DeviceError.exit_code}[found.ending]


def _tell(found: "Recorded", level: "RunningLevel") -> None:
    seconds = found.n_samples / found.record.fs
    say(f"{found.path}: {seconds:.2f} s, {len(found.channels)} channels")
    overall = ", ".join(f"{name} {value:.1f}" for name, value in level.overall.items())
    say(f"overall level: {overall} {level.unit}")
    for flag in found.record.flags:
        say(f"flag: {flag}")
    counts = Counter(check.verdict for check in found.record.checks)
    verdict = next(word for word in ("invalid", "suspect", "pass") if counts[word])
    say(f"verdict: {verdict} ({counts['pass']} of {len(found.record.checks)} checks passed)")

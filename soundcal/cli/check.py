"""``soundcal check``: the drift of the ears between two calibrations."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.cli.device_options import add_device_options, channel_list, open_from
from soundcal.cli.file_options import Patterns
from soundcal.cli.output import print_json, say, show

if TYPE_CHECKING:
    from soundcal.calibration.drift import Drift
    from soundcal.calibration.model import Calibration

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "check",
        help="find the drift between two calibrations of the same ears",
        description="Compare two calibrations of the same ears. With --device instead of AFTER, "
        "the calibrator is recorded again, as it was for BEFORE. Exit code 4 if a channel changed "
        "by more than the limit.",
    )
    parser.add_argument(
        "before", type=Path, action=Patterns, metavar="BEFORE", help="earlier calibration (JSON)"
    )
    parser.add_argument(
        "after", type=Path, nargs="?", action=Patterns, metavar="AFTER", help="later one (JSON)"
    )
    parser.add_argument(
        "--limit", type=float, default=0.2, metavar="DB", help="largest accepted change (0.2 dB)"
    )
    parser.add_argument(
        "--out", "-o", type=Path, metavar="JSON", help="new calibration (calibration_after.json)"
    )
    parser.add_argument(
        "--insertions", type=int, metavar="N", help="recordings per ear (as before)"
    )
    parser.add_argument(
        "--duration", type=float, default=10.0, metavar="S", help="length of each, s (10)"
    )
    parser.add_argument(
        "--inputs", type=channel_list, default=(1, 2), metavar="N,N", help="input channels (1,2)"
    )
    parser.add_argument(
        "--ready", action="store_true", help="do not prompt: the calibrator is in place"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout")
    add_device_options(parser, required=False)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare; the new calibration is written and the numbers are printed before the verdict."""
    from soundcal.calibration.drift import check_drift, drift
    from soundcal.errors import ParameterError
    from soundcal.files.calibrations import load_calibration

    if (options.after is None) == (options.device is None):
        raise ParameterError("give either AFTER (a file) or --device NAME to record again")
    before = load_calibration(options.before)
    if options.after is not None:
        after = load_calibration(options.after)
    else:
        after = _recorded(options, before)
    found = drift(before, after)
    within = found.within(options.limit)
    warnings = _warnings(before, after)
    if options.json:
        content = found.to_dict() | {"limit_db": options.limit, "within": within}
        content |= {"calibrations": [before.id, after.id], "warnings": warnings}
        print_json("soundcal/drift/1", content)
    _tell(found, options)
    for text in warnings:
        say(f"warning: {text}")
    check_drift(before, after, limit_db=options.limit)
    return 0


def _recorded(options: argparse.Namespace, before: "Calibration") -> "Calibration":
    """Record the calibrator of ``before`` again and write the new calibration."""
    from soundcal.calibration.microphone import Influences
    from soundcal.cli.levels import watched
    from soundcal.cli.operators import operator_for
    from soundcal.errors import ParameterError
    from soundcal.files.atomic import check_output
    from soundcal.files.calibrations import save_calibration
    from soundcal.lab.calibrator import calibrate_ears
    from soundcal.recording import channel_names

    if before.method != "calibrator":
        raise ParameterError(
            f"{options.before}: made by method {before.method}; only a calibration with a sound "
            "calibrator can be repeated"
        )
    path = options.out or Path("calibration_after.json")
    check_output(path, force=options.force)
    source = before.details["calibrator"]
    ears = before.channels
    with open_from(options, calibrating=True) as device:
        after = calibrate_ears(
            device,
            operator_for(device, inputs=options.inputs, hint=_HINT, ready=options.ready),
            **source,
            ears=ears,
            inputs=options.inputs,
            insertions=options.insertions or len(before.residuals[ears[0]]),
            duration=options.duration,
            influences=Influences(**before.details["influences"]),
            watch=partial(watched, channel_names(len(options.inputs)), device.fs),
        )
    save_calibration(path, after, force=options.force)
    say(f"written: {path}")
    return after


def _warnings(before: "Calibration", after: "Calibration") -> list[str]:
    """Return the reasons to doubt that the change is one of the ears."""
    from soundcal.calibration.belonging import mismatches
    from soundcal.calibration.reference_point import points_differ
    from soundcal.recording import DOUBTFUL

    told = []
    for name, one in (("BEFORE", before), ("AFTER", after)):
        told += [f"{name}: {text}" for text in one.details.get("warnings", ())]
        told += [f"{name}: {flag}" for flag in mismatches(one) if flag.kind != DOUBTFUL]
        if one.details.get("simulated"):
            told.append(f"{name}: made by the simulated lab")
    if before.id == after.id:
        told.append("BEFORE and AFTER are the same calibration, so their change says nothing")
    elif _takes(before) & _takes(after) and not after.details["simulated"]:
        told.append("BEFORE and AFTER were made from the same take")
    if before.method != after.method:
        told.append(f"BEFORE is by the method {before.method}, AFTER by {after.method}")
    if before.rates and after.rates and before.rates != after.rates:
        rates = [" and ".join(map(str, one.rates)) for one in (before, after)]
        told.append(f"BEFORE was made at {rates[0]} Hz, AFTER at {rates[1]} Hz")
    if before.point and after.point and points_differ(before.point, after.point):
        told.append(f"BEFORE refers to the point {before.point!r}, AFTER to {after.point!r}")
    if before.inputs and after.inputs and before.inputs != after.inputs:
        told.append(f"BEFORE is of the inputs {before.inputs}, AFTER of {after.inputs}")
    if before.made > after.made:
        told.append(f"BEFORE was made at {before.made}, later than AFTER at {after.made}")
    return told


def _takes(calibration: "Calibration") -> set[str]:
    """Return the digests of the takes from which a calibration was made."""
    takes = calibration.details.get("takes_sha256", {})
    return {digest for digests in takes.values() for digest in digests}


_HINT = "record with 'soundcal calibrate' first and give the file as AFTER"


def _tell(found: "Drift", options: argparse.Namespace) -> None:
    write = say if options.json else show
    for name, change in found.change_db.items():
        write(
            f"{name}: {found.before[name]:.5g} Pa/FS before, {found.after[name]:.5g} Pa/FS after, "
            f"change {change:+.3f} dB (u = {found.u_db[name]:.3f} dB, limit {options.limit:g} dB)"
        )

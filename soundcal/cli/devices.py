"""``soundcal devices``: list the devices, or test how good one is."""

import argparse
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.device_options import add_device_options
from soundcal.cli.output import print_json, say, show
from soundcal.cli.qualify import add_test_options

if TYPE_CHECKING:
    from soundcal.devices import DeviceInfo

__all__ = ["add"]

_MANY: Final = 6


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "devices",
        help="list soundcards and simulated labs, or test one",
        description="List the soundcards and simulated labs. With --test, measure how good a "
        "device is, with its outputs cabled to its inputs: frequency response, noise, distortion, "
        "dynamic range, level linearity, crosstalk, delay, clocks, stability. Exit code 4 if a "
        "limit is not met.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    add_device_options(parser, required=False, name="--test", purpose="test this device: ")
    add_test_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List the devices; a missing PortAudio is reported, and the simulated labs are listed."""
    from soundcal.devices import list_devices
    from soundcal.errors import ParameterError

    if options.device is not None:
        from soundcal.cli.qualify import run_test

        return run_test(options)
    if options.out is not None:
        raise ParameterError("--out is for the page of a test: name the device with --test NAME")
    found, problem = list_devices()
    if options.json:
        devices = [info.to_dict() for info in found]
        print_json("soundcal/devices/1", {"devices": devices, "problem": problem})
        return 0
    if problem:
        cards = any(info.kind == "soundcard" for info in found)
        say(f"{'the list is incomplete' if cards else 'no soundcards'}: {problem}")
    for info in found:
        show(_line(info))
    for reason in dict.fromkeys(info.obstacle for info in found if info.obstacle):
        numbers = ", ".join(str(info.index) for info in found if info.obstacle == reason)
        say(f"not for calibration: {numbers}: {reason}")
    return 0


def _line(info: "DeviceInfo") -> str:
    index = "" if info.index is None else str(info.index)
    marks = "".join(
        mark for mark, on in (("<", info.default_input), (">", info.default_output)) if on
    )
    rates = ", ".join(f"{rate}" for rate in info.rates) or f"{info.default_rate:.0f}"
    if len(info.rates) > _MANY:  # --json has them all
        rates = f"{len(info.rates)} rates from {min(info.rates)} to {max(info.rates)}"
    unfit = ", not for calibration" if info.obstacle else ""
    about = f": {info.description}" if info.description else ""
    return (
        f"{index:>3} {marks:2} {info.identity} "
        f"({info.inputs} in, {info.outputs} out, {rates} Hz{unfit}){about}"
    )

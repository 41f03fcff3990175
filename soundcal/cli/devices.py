"""``soundcal devices``: what can be measured with."""

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.output import say, write_json

if TYPE_CHECKING:
    from soundcal.devices import DeviceInfo

__all__ = ["add"]

_MANY: Final = 6


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "devices", help="list soundcards and simulated labs"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List the devices; a missing PortAudio is said, not fatal: the simulated labs remain."""
    from soundcal.devices import list_devices

    found, problem = list_devices()
    if options.json:
        devices = [info.to_dict() for info in found]
        write_json("soundcal/devices/1", {"devices": devices, "problem": problem})
        return 0
    if problem:
        cards = any(info.kind == "soundcard" for info in found)
        say(f"{'not all is known' if cards else 'no soundcards'}: {problem}")
    for info in found:
        sys.stdout.write(_line(info) + "\n")
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

"""The options by which every command that touches a device names it."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soundcal.devices import AudioDevice

__all__ = ["add_device_options", "open_from"]


def add_device_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add ``--device`` and what belongs to it."""
    group = parser.add_argument_group("device")
    group.add_argument(
        "--device",
        required=required,
        metavar="NAME",
        help='index, parts of "name, host API", or sim:NAME (see: soundcal devices)',
    )
    group.add_argument(
        "--fs", type=int, default=48000, metavar="HZ", help="sampling rate, Hz (default 48000)"
    )
    group.add_argument(
        "--latency", type=float, default=0.2, metavar="S", help="driver buffer, s (default 0.2)"
    )
    group.add_argument(
        "--allow-os-mixer",
        action="store_true",
        help="accept a device behind the operating system's mixer for calibration",
    )
    group.add_argument(
        "--seed", type=int, default=0, metavar="N", help="simulated lab: its equipment and noise"
    )
    group.add_argument(
        "--realtime",
        action="store_true",
        help="simulated lab: take as long as a soundcard would (default: as fast as possible)",
    )


def open_from(options: argparse.Namespace, *, calibrating: bool = False) -> "AudioDevice":
    """Open the device that the options name."""
    from soundcal.devices import open_device

    return open_device(
        options.device,
        fs=options.fs,
        calibrating=calibrating,
        allow_os_mixer=options.allow_os_mixer,
        latency=options.latency,
        seed=options.seed,
        realtime=options.realtime,
    )

"""Options that name a device, for every command that uses one."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soundcal.devices import AudioDevice

__all__ = ["add_device_options", "channel_list", "open_from", "refuse_endless"]


def add_device_options(
    parser: argparse.ArgumentParser,
    *,
    required: bool = True,
    name: str = "--device",
    purpose: str = "",
    rate: bool = True,
) -> None:
    """Add ``--device``, or the option ``name`` instead, and the options that belong to it.

    Without ``rate`` the sampling rate is not an option, but that of a file.
    """
    group = parser.add_argument_group("device")
    group.add_argument(
        name,
        dest="device",
        required=required,
        metavar="NAME",
        help=f'{purpose}index, parts of "name, host API", or sim:NAME (see: soundcal devices)',
    )
    if rate:
        group.add_argument(
            "--fs", type=int, default=48000, metavar="HZ", help="sampling rate, Hz (default 48000)"
        )
    group.add_argument(
        "--latency", type=float, default=0.2, metavar="S", help="driver buffer, s (default 0.2)"
    )
    group.add_argument(
        "--allow-os-mixer",
        action="store_true",
        help="accept a device behind the operating system's mixer; every take is flagged",
    )
    group.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="simulated lab: seed of its equipment and noise (default 0)",
    )
    group.add_argument(
        "--realtime",
        action="store_true",
        help="simulated lab: run in real time, as a soundcard does (default: as fast as possible)",
    )


def channel_list(text: str) -> tuple[int, ...]:
    """Return the channels of an option such as ``1,2``, for ``type=``."""
    from soundcal.devices.channels import parse_channels
    from soundcal.errors import ParameterError

    try:
        return parse_channels(text)
    except ParameterError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


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


def refuse_endless(options: argparse.Namespace) -> None:
    """Refuse a simulated lab without ``--duration`` that would run as fast as it can for ever."""
    from soundcal.errors import ParameterError

    if options.duration is None and options.device.startswith("sim:") and not options.realtime:
        raise ParameterError(
            "a simulated lab that runs as fast as possible never ends: give --duration or "
            "--realtime"
        )

"""Software between soundcal and a device, as a flag and as a check of every take."""

from typing import Final

from soundcal.devices.protocol import DeviceInfo
from soundcal.recording import PATH, Flag
from soundcal.takes.check import Check, Limit

__all__ = ["path_checks", "path_flags"]

_DIRECT: Final = Limit(
    0.0, "≤", "software in between may resample, change the level and mix in other sounds"
)


def path_flags(info: DeviceInfo) -> tuple[Flag, ...]:
    """Return a flag for takes of a device that is not reached directly."""
    if not info.obstacle:
        return ()
    return (Flag(PATH, f"not directly from the device: {info.obstacle}"),)


def path_checks(info: DeviceInfo) -> tuple[Check, ...]:
    """Return a check that names the software between soundcal and the device, if there is any.

    Examples
    --------
    >>> path_checks(DeviceInfo("USB Audio (hw:1,0)", "ALSA", 2, 2))
    ()
    >>> path_checks(DeviceInfo("default", "ALSA", 2, 2, obstacle="a mixer"))[0].reason
    'not directly from the device: a mixer'
    """
    flags = path_flags(info)
    return tuple(Check(PATH, 1.0, "", _DIRECT, "suspect", flag.text) for flag in flags)

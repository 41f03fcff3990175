"""What stands between soundcal and a device, as a flag and as a check of every take."""

from soundcal.devices.protocol import DeviceInfo
from soundcal.takes.check import Check

__all__ = ["path_checks", "path_flags"]


def path_flags(info: DeviceInfo) -> tuple[str, ...]:
    """Return a flag for takes of a device that is not reached directly."""
    return (f"not directly from the device: {info.obstacle}",) if info.obstacle else ()


def path_checks(info: DeviceInfo) -> tuple[Check, ...]:
    """Return a check that says what stands between soundcal and the device; none, if nothing does.

    Examples
    --------
    >>> path_checks(DeviceInfo("USB Audio (hw:1,0)", "ALSA", 2, 2))
    ()
    >>> path_checks(DeviceInfo("default", "ALSA", 2, 2, obstacle="a mixer"))[0].reason
    'not directly from the device: a mixer'
    """
    reasons = path_flags(info)
    return tuple(Check("in between", 1.0, "", 0.0, "suspect", reason) for reason in reasons)

"""Remedies for failures of PortAudio: one sentence with the value, the reason and the way out.

PortAudio's messages name the symptom in its own terms ("Illegal combination of I/O devices" for a
card that the user has no permission to open). This module turns each failure of the worker into one
sentence with a remedy for the user's operating system.
"""

import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from soundcal.devices.portaudio.supervisor import Broken

__all__ = [
    "in_use",
    "install_hint",
    "list_problem",
    "no_device_hint",
    "open_problem",
    "stream_problem",
]

_BUSY: Final = (
    "another program uses the device: close it (browser, player, meeting), then try again"
)
_GONE: Final = (
    "check the plug and your permissions (Linux: membership in the group audio), then try again"
)

_CODES: Final[Mapping[int, str]] = {
    -9999: "the driver failed: unplug and replug the device, then try again",
    -9997: "the device refuses this sampling rate: choose a listed one (soundcal devices) with "
    "--fs, or set the rate in the audio server or driver panel; soundcal never resamples",
    -9998: "the device has fewer channels than requested: see soundcal devices",
    -9996: "the device cannot be opened this way: see soundcal devices for its channels and rates",
    -9993: _GONE,
    -9992: "the audio server is dead or out of memory: restart it (JACK, PulseAudio, PipeWire)",
    -9985: _BUSY,
    -9986: "PortAudio failed: unplug and replug the device, then try again",
}

_OS_RELEASE: Final = Path("/etc/os-release")


def install_hint(platform: str = sys.platform, os_release: Path = _OS_RELEASE) -> str:
    """Return the command that installs PortAudio on this system.

    >>> install_hint("darwin")
    'install it: brew install portaudio (or: pip install --force-reinstall sounddevice)'
    """
    wheel = "pip install --force-reinstall sounddevice"
    if platform == "darwin":
        return f"install it: brew install portaudio (or: {wheel})"
    if platform == "win32":
        return f"reinstall the wheel that contains it: {wheel}"
    families = _linux_families(os_release)
    if families & {"fedora", "rhel", "centos"}:
        command = "sudo dnf install portaudio"
    elif families & {"suse", "opensuse"}:
        command = "sudo zypper install libportaudio2"
    elif "arch" in families:
        command = "sudo pacman -S portaudio"
    elif "alpine" in families:
        command = "sudo apk add portaudio"
    else:
        command = "sudo apt install libportaudio2"
    return f"install it: {command}"


def no_device_hint(platform: str = sys.platform) -> str:
    """Return the remedy where PortAudio works but finds no device.

    >>> no_device_hint("win32")
    'PortAudio finds no sound device: plug one in and check its driver'
    """
    check = {
        "win32": "check its driver",
        "darwin": "check it in Audio MIDI Setup",
    }.get(platform, "check that /dev/snd exists and that you are in the group audio")
    return f"PortAudio finds no sound device: plug one in and {check}"


def in_use(listed: Collection[str], root: Path = Path("/proc/asound")) -> str:
    """Return the ALSA devices that are missing from a list because other programs hold them.

    PortAudio silently leaves out devices that it cannot open.

    Parameters
    ----------
    listed : collection of str
        Names of the listed devices.
    root : Path
        Folder in which ALSA shows its state.
    """
    held = {}
    for status in sorted(root.glob("card*/pcm*/sub*/status")):
        owner = re.search(r"^owner_pid\s*: (\d+)", _text(status), re.MULTILINE)
        place = re.search(r"card(\d+)/pcm(\d+)[cp]/", status.as_posix())
        if owner and place:
            program = _text(Path("/proc") / owner[1] / "comm").strip() or "unknown"
            held[f"hw:{place[1]},{place[2]}"] = f"{program}, process {owner[1]}"
    missing = [
        f"{name} ({who})"
        for name, who in held.items()
        if not any(f"({name})" in known for known in listed)
    ]
    return f"held by other programs and not listed: {'; '.join(missing)}" if missing else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _linux_families(os_release: Path) -> set[str]:
    try:
        lines = os_release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    values = [line.partition("=")[2] for line in lines if line.startswith(("ID=", "ID_LIKE="))]
    return {word.split("-")[0] for value in values for word in value.strip("\"'").split()}


def list_problem(broken: Broken) -> str:
    """Return the reason why there are no soundcards, and the remedy."""
    if broken.kind == "not installed":
        return (
            f"the Python package sounddevice cannot be imported ({broken.text}): "
            "pip install --force-reinstall sounddevice"
        )
    if broken.kind == "library":
        return f"PortAudio is missing or incomplete ({broken.text}); {install_hint()}"
    if broken.kind == "silent":
        return _silent(broken)
    if broken.kind == "crashed":
        return (
            f"PortAudio crashed while starting ({broken.text}{_printed(broken)}); its library may "
            f"be damaged or a driver faulty; {install_hint()}"
        )
    if broken.kind == "portaudio":
        return f"PortAudio failed: {broken.text}; {_CODES.get(broken.code, _CODES[-9986])}"
    return f"the audio process failed: {broken.text}{_printed(broken)}"


def open_problem(broken: Broken, device: str, wanted: str) -> str:
    """Return the reason why a device could not be opened as ``wanted``, and the remedy."""
    if broken.stage in ("start", "import") or broken.kind in ("silent", "crashed"):
        return f"{device}: {list_problem(broken)}"
    if broken.kind == "identity":
        return f"{device}: {broken.text}"
    remedy = _CODES.get(broken.code, "see soundcal devices for what it offers")
    return f"{device} cannot be opened with {wanted} ({broken.text}): {remedy}"


def stream_problem(broken: Broken, device: str) -> str:
    """Return the reason why a running stream broke; the caller adds the position."""
    if broken.kind == "silent":
        return (
            f"{device}: {broken.text} from the running stream; the device was unplugged or "
            "stalled, or the audio server froze"
        )
    if broken.kind == "stopped":
        return (
            f"{device}: the stream stopped by itself; the device was unplugged or the audio server "
            "died"
        )
    if broken.kind == "crashed":
        return f"{device}: PortAudio crashed ({broken.text}{_printed(broken)})"
    return f"{device}: {broken.text}{_printed(broken)}"


def _silent(broken: Broken) -> str:
    if broken.stage == "start":
        return f"the audio process did not start ({broken.text}); the machine may be overloaded"
    return (
        f"PortAudio does not respond ({broken.text}): the audio server is frozen; restart it "
        "(JACK, PulseAudio or PipeWire: systemctl --user restart pipewire pulseaudio), or unplug "
        "a faulty device"
    )


def _printed(broken: Broken) -> str:
    last = broken.stderr.splitlines()[-1:]
    return f"; it printed: {last[0].strip()}" if last else ""

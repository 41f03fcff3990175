"""What PortAudio's host APIs put between soundcal and the device, and which are fit to calibrate.

A calibration holds for a path: what changes the path unnoticed (a mixer that resamples, moves the
level, applies "enhancements" or adds the sounds of other programs) makes it worthless. So the paths
are sorted here, by the names that PortAudio gives, and everything that is not known to be direct
counts as not fit.

JACK and ALSA were tried, with virtual devices; the statements about the others follow the
documentation of PortAudio, Windows and macOS.
"""

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["ASIO", "CORE_AUDIO", "JACK", "WASAPI", "obstacle"]

ALSA: Final = "ALSA"
ASIO: Final = "ASIO"
CORE_AUDIO: Final = "Core Audio"
JACK: Final = "JACK Audio Connection Kit"
WASAPI: Final = "Windows WASAPI"

_DIRECT: Final = (ALSA, ASIO, CORE_AUDIO, JACK, WASAPI, "Windows WDM-KS")

_WINDOWS: Final = "choose the same device under ASIO or WASAPI"
_LINUX: Final = 'choose an ALSA device with "hw:" in its name, or JACK'

_MIXED: Final[Mapping[str, str]] = {
    "MME": f"the mixer of Windows resamples, enhances and cuts names at 31 letters; {_WINDOWS}",
    "Windows DirectSound": f"the mixer of Windows resamples and enhances; {_WINDOWS}",
    "OSS": f"OSS is emulated, or mixes by itself; {_LINUX}",
    "PulseAudio": f"the server resamples, mixes and changes levels; {_LINUX}",
    "sndio": f"the server resamples and mixes; {_LINUX}",
}

_SHARED: Final = (
    "in shared mode the mixer of Windows enhances, mixes and changes levels; leave out "
    "--allow-os-mixer to open it in exclusive mode"
)
_PLUGINS: Final = f"a chain of ALSA plug-ins or a sound server may resample and mix; {_LINUX}"
_PIPEWIRE: Final = (
    "this JACK is PipeWire, which resamples to devices with another clock, has volumes and loses "
    'blocks unnoticed; choose an ALSA device with "hw:" in its name, or run jackd'
)

_NAMES: Final = (
    (
        r"\bhands-?free\b|\bbluetooth\b|\bairpods\b",
        "Bluetooth codes with losses; use a cable",
    ),
    (
        r"\baggregate device\b|\bmulti-output device\b",
        "macOS resamples its parts to one clock; choose the device itself",
    ),
    (
        r"\b(blackhole|soundflower|loopback audio|voicemeeter|vb-audio|asio4all|fl studio asio)\b",
        "a program stands in for the device; choose the device itself, with the driver of its "
        "manufacturer",
    ),
)


def obstacle(
    name: str, host_api: str, *, exclusive: bool = True, jack_is_pipewire: bool = False
) -> str:
    """Return what makes a device unfit for calibration, with a remedy; "" if nothing is known to.

    Parameters
    ----------
    name, host_api : str
        As PortAudio gives them.
    exclusive : bool
        Whether WASAPI is opened in exclusive mode.
    jack_is_pipewire : bool
        Whether the JACK library in use is PipeWire's.

    Examples
    --------
    >>> obstacle("USB Audio (hw:1,0)", "ALSA")
    ''
    >>> obstacle("Speakers", "Windows DirectSound")
    'the mixer of Windows resamples and enhances; choose the same device under ASIO or WASAPI'
    """
    for pattern, reason in _NAMES:
        if re.search(pattern, name, re.IGNORECASE):
            return reason
    if host_api in _MIXED:
        return _MIXED[host_api]
    if host_api == ALSA and "(hw:" not in name:
        return _PLUGINS
    if host_api == WASAPI and not exclusive:
        return _SHARED
    if host_api == JACK and jack_is_pipewire:
        return _PIPEWIRE
    if host_api not in _DIRECT:
        return f"soundcal does not know what {host_api} does to the samples"
    return ""

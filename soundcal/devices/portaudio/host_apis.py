"""The software that PortAudio's host APIs put between soundcal and a device.

A calibration is valid for one signal path. Anything that changes the path unnoticed (a mixer that
resamples, shifts the level, applies "enhancements" or adds the sounds of other programs) makes the
calibration worthless. So this module sorts the paths, by the names that PortAudio gives, into those
fit for calibration and those unfit; any path not known to be direct counts as unfit.

JACK and ALSA were tested with virtual devices; the statements about the other host APIs follow the
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
    "MME": f"the Windows mixer resamples, enhances and cuts names at 31 letters; {_WINDOWS}",
    "Windows DirectSound": f"the Windows mixer resamples and enhances; {_WINDOWS}",
    "OSS": f"OSS is emulated, or mixes by itself; {_LINUX}",
    "PulseAudio": f"the server resamples, mixes and changes levels; {_LINUX}",
    "sndio": f"the server resamples and mixes; {_LINUX}",
}

_SHARED: Final = (
    "in shared mode the Windows mixer enhances, mixes and changes levels; leave out "
    "--allow-os-mixer to open it in exclusive mode"
)
_PLUGINS: Final = f"a chain of ALSA plug-ins or a sound server may resample and mix; {_LINUX}"
_PIPEWIRE: Final = (
    "this JACK is PipeWire, which resamples for devices with another clock, has volume controls "
    'and loses blocks unnoticed; choose an ALSA device with "hw:" in its name, or run jackd'
)

_NAMES: Final = (
    (
        r"\bhands-?free\b|\bbluetooth\b|\bairpods\b",
        "Bluetooth coding is lossy; use a cable",
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
    """Return the reason why a device is unfit for calibration, with a remedy; "" if none is known.

    Parameters
    ----------
    name, host_api : str
        As PortAudio gives them.
    exclusive : bool
        True if WASAPI is opened in exclusive mode.
    jack_is_pipewire : bool
        True if the JACK library in use is PipeWire's.

    Examples
    --------
    >>> obstacle("USB Audio (hw:1,0)", "ALSA")
    ''
    >>> obstacle("Speakers", "Windows DirectSound")
    'the Windows mixer resamples and enhances; choose the same device under ASIO or WASAPI'
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

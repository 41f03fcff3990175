"""Sound devices: one small protocol, two drivers, and the names of devices.

``sim:NAME`` names a simulated lab (:mod:`soundcal.devices.simulated.lab`); anything else is a
PortAudio device (:mod:`soundcal.devices.portaudio.soundcard`), given by its index in ``soundcal
devices`` or by case-insensitive parts of "name, host API". There is no default device and no
fallback from one driver to the other: every measurement names the device that made it.

Channels of a device are numbered from 1, as on the equipment.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.devices.opening import list_devices, open_device
    from soundcal.devices.protocol import AudioDevice, Block, DeviceInfo, OnBlock, Playback
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "AudioDevice": "protocol",
            "Block": "protocol",
            "DeviceInfo": "protocol",
            "OnBlock": "protocol",
            "Playback": "protocol",
            "list_devices": "opening",
            "open_device": "opening",
        },
    )

__all__ = [
    "AudioDevice",
    "Block",
    "DeviceInfo",
    "OnBlock",
    "Playback",
    "list_devices",
    "open_device",
]

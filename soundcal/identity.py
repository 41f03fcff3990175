"""The identity of a device by name, even after it has been unplugged and plugged in again."""

import re
from typing import Final, Literal

__all__ = ["devices_differ", "is_device", "same_device", "stable"]

_CARD_NUMBER: Final = re.compile(r"\(hw:\d+,")
_AUDIO_FILE: Final = re.compile(
    r"\.(wave?|bwf|rf64|bw64|w64|flac|aiff?|aifc|caf|ogg|oga|opus|mp3|au|snd|raw)$", re.IGNORECASE
)


def stable(name: str) -> str:
    """Return a name without the part that changes when the device is plugged in again.

    ALSA numbers its cards in the order in which they appear; the number within a card stays.

    >>> stable("Scarlett: USB Audio (hw:1,0)")
    'Scarlett: USB Audio (hw:*,0)'
    """
    return _CARD_NUMBER.sub("(hw:*,", name)


def same_device(name: str, other: str) -> bool:
    """Return whether two names mean the same device, possibly plugged in again."""
    return stable(name) == stable(other)


def is_device(name: str) -> bool:
    """Return whether a name means a device, not a file or an unknown origin of samples.

    >>> is_device("sim:lab"), is_device("takes/left 1.WAV"), is_device("unknown")
    (True, False, False)
    """
    return name not in ("", "unknown") and not _AUDIO_FILE.search(name)


def devices_differ(name: str, other: str, direction: Literal["input", "output"]) -> bool:
    """Return whether two names contradict each other.

    A file and an unknown origin contradict nothing. Of a pair ``INPUT | OUTPUT, host API``, only
    the side of the direction counts.

    >>> devices_differ("A | B, ALSA", "A | C, ALSA", "input")
    False
    >>> devices_differ("A | B, ALSA", "A | C, ALSA", "output")
    True
    """
    if not (is_device(name) and is_device(other)) or same_device(name, other):
        return False
    return not same_device(_side(name, direction), _side(other, direction))


def _side(device: str, direction: str) -> str:
    """Return the identity of the input or the output of ``INPUT | OUTPUT, host API``."""
    names, comma, host_api = device.rpartition(", ")
    return names.split(" | ")[0 if direction == "input" else -1] + comma + host_api

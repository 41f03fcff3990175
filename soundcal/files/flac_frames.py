"""The frames of a FLAC file: its rate, and the number of samples that it holds (RFC 9639)."""

from dataclasses import dataclass
from typing import BinaryIO, Final

__all__ = ["FlacFrames", "flac_frames"]

_RATES: Final = {
    1: 88200,
    2: 176400,
    3: 192000,
    4: 8000,
    5: 16000,
    6: 22050,
    7: 24000,
    8: 32000,
    9: 44100,
    10: 48000,
    11: 96000,
}
"""Sampling rates in Hz by their codes; other rates are not looked at."""

_WINDOW: Final = 1 << 20
"""Bytes at the end of the file in which the last frame begins."""


@dataclass(frozen=True, slots=True)
class FlacFrames:
    """The claims of the frames.

    Parameters
    ----------
    n_samples : int
        Samples per channel up to the last frame.
    fs : int
        Sampling rate in Hz; 0 if the frames do not state it by a code.
    block : int
        Samples in the first frame; 0 if it is also the last one.
    """

    n_samples: int
    fs: int
    block: int


def flac_frames(file: BinaryIO, length: int) -> FlacFrames | None:
    """Return the claims of the frames; None if no frame is found.

    Parameters
    ----------
    file : binary file
        A FLAC file.
    length : int
        Its length in bytes.
    """
    first = _first_frame(file, length)
    file.seek(first)
    head = file.read(32)
    start = max(first, length - _WINDOW)
    file.seek(start)
    tail = file.read(_WINDOW)
    if not _is_frame(head):
        return None
    size = _number_and_size(head)[1]
    place = len(tail)
    while (place := tail.rfind(head[:2], 0, place)) >= 0:
        frame = tail[place : place + 32]
        # the same rate, channels and bits as in the first frame
        same = len(frame) > 3 and frame[2] & 15 == head[2] & 15 and frame[3] & 14 == head[3] & 14
        if same and _is_frame(frame):
            number, last = _number_and_size(frame)
            before = number if head[1] & 1 else number * size
            block = size if before else 0
            return FlacFrames(before + last, _RATES.get(head[2] & 15, 0), block)
    return None


def _first_frame(file: BinaryIO, length: int) -> int:
    """Return the place behind the blocks of metadata."""
    place, last = 4, False
    while not last and place < length:
        file.seek(place)
        block = file.read(4).ljust(4, b"\x80")
        last = bool(block[0] & 0x80)
        place += 4 + int.from_bytes(block[1:], "big")
    return place


def _is_frame(header: bytes) -> bool:
    """Return whether bytes begin with the header of a frame, by its sync code and its CRC."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xFE != 0xF8:
        return False
    end = _end(header)
    return 0 < end < len(header) and _crc(header[:end]) == header[end]


def _end(header: bytes) -> int:
    """Return the place of the CRC; 0 if the header is not one."""
    size, rate = header[2] >> 4, header[2] & 15
    if size == 0 or rate == 15 or header[3] >> 4 > 10 or header[3] & 1:
        return 0
    end = 4 + _length_of_number(header)
    end += {6: 1, 7: 2}.get(size, 0)
    return end + {12: 1, 13: 2, 14: 2}.get(rate, 0)


def _length_of_number(header: bytes) -> int:
    ones = 8 - (header[4] ^ 0xFF).bit_length()
    return max(1, ones)


def _number_and_size(header: bytes) -> tuple[int, int]:
    """Return the number of a frame, or of its first sample, and the samples that it holds."""
    n = _length_of_number(header)
    number = header[4] if n == 1 else header[4] & ((1 << (7 - n)) - 1 if n < 7 else 0)
    for byte in header[5 : 4 + n]:
        number = number << 6 | byte & 0x3F
    code, rest = header[2] >> 4, header[4 + n : 6 + n]
    if code == 1:
        return number, 192
    if code < 6:
        return number, 576 << (code - 2)
    if code == 6:
        return number, rest[0] + 1
    if code == 7:
        return number, int.from_bytes(rest, "big") + 1
    return number, 256 << (code - 8)


def _crc(content: bytes) -> int:
    """Return the CRC-8 of the polynomial x^8 + x^2 + x + 1."""
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (7 if crc & 0x80 else 0)) & 0xFF
    return crc

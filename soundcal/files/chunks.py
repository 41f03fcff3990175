"""The chunks of an audio file, whatever they hold.

RIFF and RIFX (Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991),
RF64 (EBU Tech 3306), BW64 (ITU-R BS.2088), Wave64, AIFF and AIFF-C (Apple) and CAF (Apple).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

__all__ = ["UNKNOWN", "Chunk", "Chunks"]

UNKNOWN: Final = 0xFFFFFFFF
"""Size of 32 bits that says that the size is not stated here."""

_MOST: Final = 10_000
_W64: Final = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_RIFF_W64: Final = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk: four letters, first byte of its content, bytes of its content, place of the next."""

    name: bytes
    start: int
    size: int
    after: int


class Chunks:
    """The chunks of an audio file.

    Parameters
    ----------
    file : binary file
        At its start.
    length : int
        Its length in bytes.
    """

    def __init__(self, file: BinaryIO, length: int) -> None:
        self.file, self.length = file, length
        head = file.read(40)
        self.form = head[:4]
        self.order = ">" if self.form in (b"FORM", b"RIFX", b"caff", b".snd") else "<"
        self.first = 12
        if head[:16] == _RIFF_W64:
            self.form, self.first = b"W64", 40
        elif self.form == b"caff":
            self.first = 8
        elif self.form == b"FORM" and head[8:12] not in (b"AIFF", b"AIFC"):
            self.form = b""
        self._data_size = UNKNOWN

    def at(self, place: int, size: int) -> bytes:
        """Return the bytes from a place on, up to the end of the file."""
        if not 0 <= place <= self.length:
            return b""
        self.file.seek(place)
        return self.file.read(size)

    def chunk(self, place: int) -> Chunk | None:
        """Return the chunk at a place; None if there is none, by its name."""
        if self.form == b"W64":
            head = self.at(place, 24)
            if len(head) < 24 or (head[4:16] != _W64 and head[:4] != b"list"):
                return None
            size = int(struct.unpack("<Q", head[16:])[0]) - 24
            start, step = place + 24, 8
        else:
            wide = self.form == b"caff"
            head = self.at(place, 12 if wide else 8)
            if len(head) < (12 if wide else 8):
                return None
            size = int(struct.unpack(self.order + ("q" if wide else "I"), head[4:])[0])
            start, step = place + len(head), 1 if wide else 2
        name = head[:4]
        if not all(0x20 <= letter < 0x7F for letter in name):
            return None
        if self.form in (b"RF64", b"BW64"):
            if name == b"ds64":
                content = self.at(start + 8, 8).ljust(8, b"\0")
                self._data_size = int(struct.unpack("<Q", content)[0])
            elif name == b"data" and size == UNKNOWN:
                size = self._data_size
        return Chunk(name, start, size, start + size + -size % step)

    def chunks(self, place: int) -> Iterator[Chunk]:
        """Give the chunks from a place on, up to 10 000 of them."""
        for _ in range(_MOST):
            found = self.chunk(place)
            if found is None:
                return
            yield found
            if found.after <= place:
                return
            place = found.after

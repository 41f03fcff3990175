"""A WAV file whose header stays correct while it is written."""

import os
import struct
from contextlib import suppress
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["WAV_LIMIT", "WavFile"]

WAV_LIMIT: Final = 4_000_000_000
"""Largest WAV in bytes; a larger one is an RF64 (EBU Tech 3306)."""

_UNKNOWN: Final = 0xFFFFFFFF
_WIDTHS: Final = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4}  # bytes per sample


class WavFile:
    """A WAV file that grows, and becomes an RF64 when it is larger than 4 GB.

    The chunk ``JUNK`` reserves the space that ``ds64`` takes in an RF64. All methods raise OSError
    if the file cannot be written; it is then cut to the last whole block.

    Parameters
    ----------
    file : binary file
        Opened for reading and writing, without a buffer.
    fs, n_channels : int
        Sampling rate in Hz and number of channels.
    subtype : {"PCM_16", "PCM_24", "PCM_32", "FLOAT"}
        Coding of the samples.
    comment : str
        Goes into the file's comment; "" for none.
    """

    def __init__(
        self, file: BinaryIO, fs: int, n_channels: int, subtype: str, comment: str
    ) -> None:
        self.n_samples = 0
        self._file = file
        self._fs = fs
        self._n_channels = n_channels
        self._code = 3 if subtype == "FLOAT" else 1
        self._width = _WIDTHS[subtype]
        self._comment = comment.encode()
        self._put(self._header())

    def append(self, frames: NDArray[Any]) -> None:
        """Append frames, shape (n, n_channels): float32, or int32 left-justified."""
        whole = np.ascontiguousarray(frames).view(np.uint8).reshape(-1, 4)  # little-endian
        self._put(whole[:, 4 - self._width :].tobytes())
        self.n_samples += len(frames)

    def count(self) -> int:
        """Write the number of samples into the header, and return it."""
        self._file.seek(0)
        self._put(self._header())
        self._file.seek(0, os.SEEK_END)
        return self.n_samples

    def finish(self) -> None:
        """Complete the file."""
        self.count()
        self._cut()  # an interrupt may have left part of a block, which does not count
        if self._data_bytes % 2:
            self._put(b"\0")  # chunks have an even length

    @property
    def _data_bytes(self) -> int:
        return self.n_samples * self._n_channels * self._width

    def _put(self, content: bytes) -> None:
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            with suppress(OSError):  # the header does not count the rest anyway
                self._cut()
            raise

    def _cut(self) -> None:
        """Cut the file to the samples that its header counts."""
        self._file.truncate(len(self._header()) + self._data_bytes)
        self._file.seek(0, os.SEEK_END)

    def _header(self) -> bytes:
        frame = self._width * self._n_channels
        form = struct.pack(
            "<HHIIHH",
            self._code,
            self._n_channels,
            self._fs,
            self._fs * frame,
            frame,
            8 * self._width,
        )
        chunks = _chunk(b"fmt ", form)
        if self._code == 3:
            chunks += _chunk(b"fact", struct.pack("<I", min(self.n_samples, _UNKNOWN)))
        if self._comment:
            chunks += _chunk(b"LIST", b"INFO" + _chunk(b"ICMT", self._comment + b"\0"))
        size = 4 + 36 + len(chunks) + 8 + self._data_bytes  # ds64 has 8 + 28 bytes
        if size <= WAV_LIMIT:
            sizes, riff, data = _chunk(b"JUNK", bytes(28)), size, self._data_bytes
            name = b"RIFF"
        else:
            content = struct.pack("<QQQI", size, self._data_bytes, self.n_samples, 0)
            sizes, riff, data = _chunk(b"ds64", content), _UNKNOWN, _UNKNOWN
            name = b"RF64"
        head = name + struct.pack("<I", riff) + b"WAVE" + sizes + chunks
        return head + b"data" + struct.pack("<I", data)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)

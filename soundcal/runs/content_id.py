"""The identity of an audio file's content, by which a run knows what it has measured.

By default it is made of the file's size, the time of its last change and the SHA-256 of its first
64 KiB and of three blocks of 64 KiB: a recorder that writes into a file, or a file that is
replaced, changes at least one of them. With a full hash it is the SHA-256 of the whole content,
which does not change when a file is copied without its time.
"""

import hashlib
from typing import Final

from soundcal.runs.remote import Stamp, opened

__all__ = ["content_id"]

_BLOCK: Final = 1 << 16
"""Bytes of the header and of a block that are hashed."""

_LENGTH: Final = 32
"""Hexadecimal digits of an identity."""


def content_id(name: str, stamp: Stamp, record: bytes, *, full: bool = False) -> str:
    """Return the identity of a file's content and of what lies beside it, 32 hexadecimal digits.

    Parameters
    ----------
    name : str
        Path or address of the file.
    stamp : Stamp
        Its size and the time of its last change.
    record : bytes
        The record beside it and the calibration that it names; empty if there is none.
    full : bool
        Hash the whole content instead of its header and three blocks.
    """
    digest = hashlib.sha256()
    with opened(name) as file:
        if full:
            while block := file.read(1 << 20):
                digest.update(block)
        else:
            digest.update(f"{stamp.size} {stamp.changed}".encode())
            for place in _places(stamp.size):
                file.seek(place)
                digest.update(file.read(_BLOCK))
    digest.update(record)
    return digest.hexdigest()[:_LENGTH]


def _places(size: int) -> list[int]:
    """Return where the header and the three blocks begin: at 1/3, 2/3 and the end of the rest.

    >>> _places(1 << 20), _places(1000)
    ([0, 327680, 655360, 983040], [0])
    """
    last = size - _BLOCK
    return [0] if last <= 0 else [0, last // 3, 2 * last // 3, last]

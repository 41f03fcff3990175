"""Working memory that is reused.

A process that runs for hours should not allocate and free megabytes many times a second: pages are
mapped again and again, and memory that stays allocated between them leaves gaps that accumulate.
"""

import ctypes
import math
import sys
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array

__all__ = ["Workspace", "give_back"]


class Workspace:
    """Named working arrays, for one thread at a time.

    An array keeps its content until its name is used again, with any shape.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, Array] = {}

    def real(self, name: str, *shape: int) -> Array:
        """Return an array of real numbers with arbitrary content from earlier use."""
        size = math.prod(shape)
        room = self._rooms.get(name)
        if room is None or room.size < size:
            room = self._rooms[name] = np.empty(size)
        return room[:size].reshape(shape)

    def complex(self, name: str, *shape: int) -> NDArray[np.complex128]:
        """Return an array of complex numbers with arbitrary content from earlier use."""
        return self.real(name, *shape[:-1], 2 * shape[-1]).view(np.complex128)

    def single(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Return an array of real numbers in single precision, with arbitrary content."""
        size = math.prod(shape)
        return self.real(name, (size + 1) // 2).view(np.float32)[:size].reshape(shape)


def give_back() -> None:
    """Return free memory to the system, which the C library would otherwise keep (Linux).

    Compiling the kernels in this process leaves 47 MB of free memory.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library has no such function
            ctypes.CDLL("libc.so.6").malloc_trim(0)

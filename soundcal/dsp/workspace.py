"""Memory that is used again and again.

What goes on for hours should not ask for and give back megabytes many times a second: pages come
and go, and what stays in between leaves holes that add up.
"""

import ctypes
import math
import sys
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

__all__ = ["Workspace", "give_back"]


class Workspace:
    """Named arrays to work in, for one thread at a time.

    An array holds what was written to it until its name is used again, whatever the shape.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, NDArray[np.float64]] = {}

    def real(self, name: str, *shape: int) -> NDArray[np.float64]:
        """Return an array of real numbers; what it holds is left over from before."""
        size = math.prod(shape)
        room = self._rooms.get(name)
        if room is None or room.size < size:
            room = self._rooms[name] = np.empty(size)
        return room[:size].reshape(shape)

    def complex(self, name: str, *shape: int) -> NDArray[np.complex128]:
        """Return an array of complex numbers; what it holds is left over from before."""
        return self.real(name, *shape[:-1], 2 * shape[-1]).view(np.complex128)


def give_back() -> None:
    """Give memory that is free back to the system, where the C library would keep it (Linux).

    What kernels leave behind that were compiled by this process are 47 MB.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library keeps nothing, or as it likes
            ctypes.CDLL("libc.so.6").malloc_trim(0)

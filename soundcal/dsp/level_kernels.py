"""Compiled loops of the level meter. No checks here: the callers made them."""

import numpy as np
from numpy.typing import NDArray

from soundcal.dsp.kernel import kernel

__all__ = ["cascade"]

Array = NDArray[np.float64]


@kernel
def cascade(x: Array, sections: Array, state: Array, out: Array) -> None:
    """Filter ``x`` by four second-order sections (transposed direct form II) into ``out``."""
    b = sections
    s00, s01 = state[0, 0], state[0, 1]
    s10, s11 = state[1, 0], state[1, 1]
    s20, s21 = state[2, 0], state[2, 1]
    s30, s31 = state[3, 0], state[3, 1]
    for n in range(x.size):
        u = x[n]
        v = b[0, 0] * u + s00
        s00 = b[0, 1] * u - b[0, 3] * v + s01
        s01 = b[0, 2] * u - b[0, 4] * v
        u = b[1, 0] * v + s10
        s10 = b[1, 1] * v - b[1, 3] * u + s11
        s11 = b[1, 2] * v - b[1, 4] * u
        v = b[2, 0] * u + s20
        s20 = b[2, 1] * u - b[2, 3] * v + s21
        s21 = b[2, 2] * u - b[2, 4] * v
        u = b[3, 0] * v + s30
        s30 = b[3, 1] * v - b[3, 3] * u + s31
        s31 = b[3, 2] * v - b[3, 4] * u
        out[n] = u
    state[0, 0], state[0, 1] = s00, s01
    state[1, 0], state[1, 1] = s10, s11
    state[2, 0], state[2, 1] = s20, s21
    state[3, 0], state[3, 1] = s30, s31

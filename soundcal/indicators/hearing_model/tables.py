"""Constants of the hearing model, ECMA-418-2:2025.

Arrays with one value per band have shape (53,); they cannot be written to.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.units import level_to_pascal

__all__ = [
    "BANDWIDTHS",
    "BARK",
    "BLOCK",
    "CENTRES",
    "C_F",
    "C_N",
    "C_R",
    "C_T",
    "EAR_SECTIONS",
    "EPSILON",
    "EXPONENTS",
    "FIRST_SECTION",
    "LAG_END",
    "LAG_START",
    "LTQ",
    "N_BANDS",
    "RATE",
    "THRESHOLD_PRESSURES",
]

RATE: Final = 48000
"""Sampling rate of the model in Hz (5.1.1)."""

EPSILON: Final = 1e-12
"""Small number that keeps quotients finite."""

C_N: Final = 0.0211964
"""Factor of loudness in sone_HMS (formula 23)."""
C_T: Final = 2.8758615
"""Factor of tonality in tu_HMS (formula 51)."""
C_R: Final = 0.0180685
"""Factor of roughness in asper_HMS (formula 104)."""
C_F: Final = 0.003840572
"""Factor of fluctuation strength in vacil_HMS (formula 163)."""


def _fixed(values: object) -> Array:
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


EAR_SECTIONS: Final = _fixed(
    [
        [1.015896, -1.925299, 0.922118, -1.925299, 0.938014],
        [0.958943, -1.806088, 0.876439, -1.806088, 0.835382],
        [0.961372, -1.763632, 0.821788, -1.763632, 0.783160],
        [2.225804, -1.434650, -0.498204, -1.434650, 0.727599],
        [0.471735, -0.366092, 0.244145, -0.366092, -0.284120],
        [0.115267, 0.0, -0.115267, -1.796003, 0.805838],
        [0.988029, -1.912434, 0.926132, -1.912434, 0.914161],
        [1.952238, 0.162320, -0.667994, 0.162320, 0.284244],
    ]
)
"""Sections b0, b1, b2, a1, a2 of outer and middle ear at 48 kHz (table 1)."""

FIRST_SECTION: Final = {"free": 0, "diffuse": 2, "eardrum": 5}
"""First section that a sound field needs. Those before 5 are the outer ear, those before 2 its
directional part; pressure at the eardrum, which the standard does not treat, has passed both."""

N_BANDS: Final = 53
"""Number of critical bands, half overlapping."""

BARK: Final = _fixed(0.5 * np.arange(1, N_BANDS + 1))
"""Critical-band rates z in Bark_HMS."""

_WIDTH_AT_0: Final = 81.9289
_SLOPE: Final = 0.1618

CENTRES: Final = _fixed(_WIDTH_AT_0 / _SLOPE * np.sinh(_SLOPE * BARK))
"""Centre frequencies F(z) in Hz (5.1.4)."""

BANDWIDTHS: Final = _fixed(np.sqrt(_WIDTH_AT_0**2 + (_SLOPE * CENTRES) ** 2))
"""Bandwidths Δf(z) in Hz (5.1.4)."""

BLOCK: Final[NDArray[np.int64]] = np.repeat([8192, 4096, 2048, 1024], [3, 13, 9, 28])
"""Block lengths of loudness and tonality in samples (table 4)."""
BLOCK.flags.writeable = False

_LAG_START_S: Final = np.maximum(0.5 / BANDWIDTHS, 2e-3)
_LAG_END_S: Final = np.maximum(4.0 / BANDWIDTHS, _LAG_START_S + 1e-3)

LAG_START: Final = np.ceil(_LAG_START_S * RATE).astype(np.int64) - 1
"""First lag of the autocorrelation in which tones are looked for (formulas 31 to 35)."""
LAG_END: Final = np.floor(_LAG_END_S * RATE).astype(np.int64) - 1
"""Last such lag."""
LAG_START.flags.writeable = LAG_END.flags.writeable = False

THRESHOLD_PRESSURES: Final = _fixed(level_to_pascal(np.arange(15.0, 86.0, 10.0)))
"""Sound pressures in Pa at which the growth of loudness changes (table 2)."""

EXPONENTS: Final = _fixed([1.0, 0.6602, 0.0864, 0.6384, 0.0328, 0.4068, 0.2082, 0.3994, 0.6434])
"""Exponents of the growth of loudness below, between and above these pressures (table 2)."""

LTQ: Final = _fixed(
    [
        *(0.3310, 0.1625, 0.1051, 0.0757, 0.0576, 0.0453, 0.0365, 0.0298, 0.0247, 0.0207, 0.0176),
        *(0.0151, 0.0131, 0.0115, 0.0103, 0.0093, 0.0086, 0.0081, 0.0077, 0.0074, 0.0073, 0.0072),
        *(0.0071, 0.0072, 0.0073, 0.0074, 0.0076, 0.0079, 0.0082, 0.0086, 0.0092, 0.0100, 0.0109),
        *(0.0122, 0.0138, 0.0157, 0.0172, 0.0180, 0.0180, 0.0177, 0.0176, 0.0177, 0.0182, 0.0190),
        *(0.0202, 0.0217, 0.0237, 0.0263, 0.0296, 0.0339, 0.0398, 0.0485, 0.0622),
    ]
)
"""Basis loudness at the threshold in quiet, sone_HMS/Bark_HMS (table 3)."""

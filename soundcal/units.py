"""Reference values and conversions between linear quantities and levels.

Levels of sound pressure are in dB re 20 µPa. Digital levels are rms values in dB re full scale, so
a full-scale sine wave has -3.01 dB; AES17 would call the same wave 0 dBFS. :func:`aes17` converts,
and every printed digital level states which of the two it is.
Durations are in s, and printed in the unit that people use for their length.
"""

import math
from typing import Any, Final, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "AES17_OFFSET_DB",
    "PASCAL_DB",
    "P_REF",
    "STATIC_PRESSURE",
    "aes17",
    "db",
    "duration_text",
    "energetic_mean",
    "from_db",
    "level_to_pascal",
    "pascal_to_level",
    "phon_to_sone",
    "power_db",
    "sone_to_phon",
]

P_REF: Final = 20e-6
"""Reference sound pressure in pascal (ISO 1683:2015, airborne sound)."""

STATIC_PRESSURE: Final = 101325.0
"""Static pressure of the air in pascal (ISO 2533, at sea level). The peak of a sound cannot exceed
it, 194 dB, because there would be a vacuum between the peaks."""

AES17_OFFSET_DB: Final = 10.0 * math.log10(2.0)
"""In AES17-2020 a full-scale sine has 0 dBFS; its rms is -3.01 dB re full scale."""

Real = TypeVar("Real", float, NDArray[np.float64])


@overload
def db(ratio: float) -> float: ...
@overload
def db(ratio: NDArray[np.float64]) -> NDArray[np.float64]: ...
def db(ratio: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    """Return ``20 lg(ratio)`` in dB; 0 gives ``-inf``.

    >>> db(10.0)
    20.0
    """
    with np.errstate(divide="ignore"):
        level: Any = 20.0 * np.log10(ratio)
    return float(level) if np.ndim(ratio) == 0 else level


@overload
def power_db(ratio: float) -> float: ...
@overload
def power_db(ratio: NDArray[np.float64]) -> NDArray[np.float64]: ...
def power_db(ratio: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    """Return ``10 lg(ratio)`` in dB of a ratio of powers; 0 gives ``-inf``.

    >>> power_db(10.0)
    10.0
    """
    return 0.5 * db(ratio)


def from_db(level: Real) -> Real:
    """Return the linear ratio ``10^(level/20)`` of a level difference in dB.

    >>> from_db(20.0)
    10.0
    """
    ratio: Real = 10.0 ** (level / 20.0)
    return ratio


def pascal_to_level(pressure_rms: Real) -> Real:
    """Return the sound pressure level in dB re 20 µPa of an rms pressure in Pa.

    >>> round(pascal_to_level(1.0), 2)
    93.98
    """
    return db(pressure_rms / P_REF)


def level_to_pascal(level: Real) -> Real:
    """Return the rms pressure in Pa of a sound pressure level in dB re 20 µPa.

    >>> round(level_to_pascal(94.0), 4)
    1.0024
    """
    return P_REF * from_db(level)


PASCAL_DB: Final = db(1.0 / P_REF)
"""Level of 1 Pa in dB re 20 µPa."""


def energetic_mean(levels: ArrayLike) -> float:
    """Return the level in dB of the mean power: ``10 lg(mean(10^(L/10)))``.

    The study's gain search uses it as the level of both ears (Ooi et al., MethodsX 2021).

    >>> round(energetic_mean([60.0, 66.0]), 2)
    63.96
    """
    powers = 10.0 ** (np.asarray(levels, dtype=np.float64) / 10.0)
    with np.errstate(divide="ignore"):
        return float(10.0 * np.log10(powers.mean()))


def aes17(level_rms: float) -> float:
    """Return a digital rms level (dB re full scale) as dBFS of AES17 (full-scale sine: 0).

    >>> round(aes17(-23.0103), 3)
    -20.0
    """
    return level_rms + AES17_OFFSET_DB


def sone_to_phon(loudness: ArrayLike) -> Any:
    """Return the loudness level in phon of a loudness in sone (ISO 532-1:2017, 5.6).

    ``40 + 10 lg(N)/lg(2)`` from 1 sone, ``40 (N + 0.0005)^0.35`` below, never less than 3 phon.

    Parameters
    ----------
    loudness : array_like
        Loudness in sone, not negative.

    Returns
    -------
    float or ndarray
        As the input.

    Examples
    --------
    >>> sone_to_phon([1.0, 2.0, 4.0]).tolist()
    [40.0, 50.0, 60.0]
    >>> sone_to_phon(0.0)
    3.0
    """
    sone = np.asarray(loudness, dtype=np.float64)
    loud = 40.0 + 10.0 * np.log2(np.maximum(sone, 1.0))
    quiet = np.maximum(40.0 * (sone + 0.0005) ** 0.35, 3.0)
    level = np.where(sone >= 1.0, loud, quiet)
    return float(level) if level.ndim == 0 else level


def phon_to_sone(level: ArrayLike) -> Any:
    """Return the loudness in sone of a loudness level in phon, the inverse of :func:`sone_to_phon`.

    Levels up to 3 phon give 0 sone. No loudness has a level between 39.993 and 40 phon; such levels
    give 1 sone.

    Examples
    --------
    >>> phon_to_sone(60.0)
    4.0
    """
    phon = np.asarray(level, dtype=np.float64)
    quiet = np.clip((np.maximum(phon, 3.0) / 40.0) ** (1.0 / 0.35) - 0.0005, 0.0, 1.0)
    sone = np.where(phon >= 40.0, 2.0 ** ((phon - 40.0) / 10.0), np.where(phon > 3.0, quiet, 0.0))
    return float(sone) if sone.ndim == 0 else sone


def duration_text(seconds: float) -> str:
    """Return a duration for people, in s, or from 90 s on in the two largest of s, min, h and d.

    >>> [duration_text(seconds) for seconds in (0.25, 67.2, 100.0, 600.0, 9000.0, 399600.0)]
    ['0.25 s', '67 s', '1 min 40 s', '10 min', '2 h 30 min', '4 d 15 h']
    """
    if seconds < 89.5:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
    smallest = 1 if seconds < 3600 else 60 if seconds < 86400 else 3600
    rest, parts = round(seconds / smallest) * smallest, []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, rest = divmod(rest, length)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts)

"""Sharpness from loudness and specific loudness: the weightings of DIN 45692, Aures, von Bismarck.

``S = k ∫ N′(z) g(z) z dz / N``, where the integral is the sum over the 240 values of N′ in steps of
0.1 Bark and N is the loudness that belongs to the same N′. ``k``, given to four digits, makes the
reference sound of DIN 45692 (noise of one critical band, 920 Hz to 1080 Hz, 60 dB) have 1 acum;
``tests/indicators/test_sharpness.py`` derives it.
"""

from functools import lru_cache
from typing import Any, Final, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.indicators.zwicker.method import BARK

__all__ = [
    "AUDIBLE",
    "FACTORS",
    "STANDARDS",
    "SharpnessWeighting",
    "check_sharpness_weighting",
    "sharpness_of",
]


SharpnessWeighting = Literal["din", "aures", "bismarck"]

FACTORS: Final[dict[SharpnessWeighting, float]] = {
    "din": 0.1095,
    "aures": 0.1161,
    "bismarck": 0.1094,
}
"""``k`` of each weighting, in acum (DIN 45692:2009, 5.3: 0.105 ≤ k < 0.115 for the first one)."""

STANDARDS: Final[dict[SharpnessWeighting, str]] = {
    "din": "DIN 45692:2009",
    "aures": "Aures 1985 (DIN 45692:2009, Annex B)",
    "bismarck": "von Bismarck 1974 (DIN 45692:2009, Annex B)",
}

AUDIBLE: Final = 0.001
"""Loudness in sone below which a sound is inaudible and its sharpness is 0."""

_STEP: Final = 0.1


def check_sharpness_weighting(weighting: str) -> SharpnessWeighting:
    """Return the weighting's name, or refuse it."""
    known = get_args(SharpnessWeighting)
    if weighting in known:
        return cast(SharpnessWeighting, weighting)
    raise ParameterError(
        f"sharpness weighting {weighting!r}; one of {', '.join(known)} is expected"
    )


@lru_cache(maxsize=4)
def _weights(weighting: SharpnessWeighting) -> Array:
    """``g(z) z`` times the step; for Aures without the part that depends on N."""
    z = BARK
    if weighting == "din":
        g = np.where(z > 15.8, 0.15 * np.exp(0.42 * (z - 15.8)) + 0.85, 1.0)
    elif weighting == "bismarck":
        g = np.where(z > 15.0, 0.2 * np.exp(0.308 * (z - 15.0)) + 0.8, 1.0)
    else:
        g = 0.078 * np.exp(0.171 * z) / z
    return np.asarray(g * z * _STEP)


def sharpness_of(loudness: ArrayLike, specific: ArrayLike, weighting: str = "din") -> Any:
    """Return the sharpness in acum of a loudness and its pattern.

    Parameters
    ----------
    loudness : array_like, shape (...)
        N in sone, the integral of ``specific`` (over time: before the temporal weighting).
    specific : array_like, shape (..., 240)
        N′(z) in sone/Bark at 0.1 … 24 Bark.
    weighting : {"din", "aures", "bismarck"}
        Weighting function.

    Returns
    -------
    float or ndarray, shape (...)
        0 where the loudness is below 0.001 sone.

    Raises
    ------
    ParameterError
        Unknown weighting, or shapes that do not match.
    """
    name = check_sharpness_weighting(weighting)
    n = np.asarray(loudness, dtype=np.float64)
    pattern = np.asarray(specific, dtype=np.float64)
    if pattern.shape != (*n.shape, BARK.size):
        raise ParameterError(
            f"specific loudness of shape {pattern.shape} for loudness of shape {n.shape}; "
            f"{(*n.shape, BARK.size)} is expected"
        )
    audible = n >= AUDIBLE
    total = np.where(audible, n, 1.0)
    moment = np.sum(pattern * _weights(name), axis=-1)
    divisor = np.log1p(0.05 * total) if name == "aures" else total
    sharpness = np.where(audible, FACTORS[name] * moment / divisor, 0.0)
    return float(sharpness) if sharpness.ndim == 0 else sharpness

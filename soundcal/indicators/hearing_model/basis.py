"""Specific basis loudness: the growth of loudness with level (ECMA-418-2:2025, 5.1.8 and 5.1.9)."""

import math
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel
from soundcal.indicators.hearing_model.tables import C_N, EXPONENTS, THRESHOLD_PRESSURES
from soundcal.units import P_REF

__all__ = ["basis_loudness", "loudness_of_level"]

_POWER: Final = 1.5
_STEPS: Final = np.diff(EXPONENTS) / _POWER


@kernel
def basis_loudness(pressure: float) -> float:
    """Return Ñ in sone_HMS/Bark_HMS of the effective value in Pa of a rectified band signal."""
    growth = 0.0
    for i in range(_STEPS.size):
        ratio = pressure / THRESHOLD_PRESSURES[i]
        growth += _STEPS[i] * math.log1p(ratio * math.sqrt(ratio))
    return C_N * pressure / P_REF * math.exp(growth)


@kernel
def _of_all(pressures: Array, out: Array) -> None:
    for i in range(pressures.size):
        out[i] = basis_loudness(pressures[i])


def loudness_of_level(p: Array) -> Array:
    """Return Ñ(p̃), before the threshold in quiet is subtracted (formula 23).

    Parameters
    ----------
    p : ndarray, any shape
        Effective values p̃ in Pa, √(2/s_b · Σ p⁺²) of a rectified block.

    Returns
    -------
    ndarray
        Loudness in sone_HMS/Bark_HMS, of the same shape.

    Examples
    --------
    >>> loudness_of_level(2e-5 * 10 ** (np.array([0.0, 40.0, 100.0]) / 20)).round(7).tolist()
    [0.0207615, 0.3959266, 6.0346469]
    """
    pressures = np.asarray(p, dtype=np.float64, order="C")
    out = np.empty_like(pressures)
    _of_all(pressures.reshape(-1), out.reshape(-1))
    return out

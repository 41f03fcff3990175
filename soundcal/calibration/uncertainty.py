"""Standard uncertainties and coverage factors after JCGM 100:2008 (GUM).

All uncertainties are in dB. Calibrations deal with tenths of a dB, over which the level is very
nearly linear in the pressure, so standard uncertainties in dB may be added in squares.
"""

import math
from collections.abc import Sequence

import numpy as np

from soundcal.errors import ParameterError

__all__ = [
    "coverage_factor",
    "dof_from_doubt",
    "expanded_to_standard",
    "rectangular",
    "type_a",
]


def coverage_factor(dof: float, coverage: float = 0.95) -> float:
    """Return k such that ``±k u`` covers the given part of Student's t (GUM G.3.2).

    >>> round(coverage_factor(4), 2), round(coverage_factor(math.inf), 3)
    (2.78, 1.96)
    """
    if not 0 < coverage < 1:
        raise ParameterError(f"coverage {coverage}; a fraction between 0 and 1 is expected")
    if not dof > 0:
        raise ParameterError(f"{dof} degrees of freedom; more than 0 are expected")
    from scipy.special import ndtri, stdtrit

    quantile = 0.5 * (1.0 + coverage)
    return float(ndtri(quantile) if math.isinf(dof) else stdtrit(dof, quantile))


def type_a(values: Sequence[float]) -> tuple[float, float, float]:
    """Return mean, standard uncertainty of the mean and degrees of freedom (GUM 4.2).

    >>> mean, u, dof = type_a([1.0, 2.0, 3.0])
    >>> round(mean, 3), round(u, 3), dof
    (2.0, 0.577, 2.0)
    """
    n = len(values)
    if n < 2:
        raise ParameterError(f"{n} observations have no spread; at least 2 are needed")
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1)) / math.sqrt(n), float(n - 1)


def rectangular(half_width: float) -> float:
    """Return the standard uncertainty of a value known to lie within ± ``half_width`` (GUM 4.3.7).

    >>> round(rectangular(0.25), 3)
    0.144
    """
    if not 0 <= half_width < math.inf:
        raise ParameterError(f"half width {half_width} dB; 0 dB or more is expected")
    return half_width / math.sqrt(3.0)


def expanded_to_standard(expanded: float, k: float = 2.0) -> float:
    """Return the standard uncertainty behind a certificate's expanded one (GUM 4.3.3)."""
    if not (0 <= expanded < math.inf and k > 0):
        raise ParameterError(
            f"U = {expanded} dB with k = {k}; U of 0 or more and k above 0 are expected"
        )
    return expanded / k


def dof_from_doubt(relative: float) -> float:
    """Return the degrees of freedom of an uncertainty with a relative uncertainty (GUM G.4.2).

    >>> dof_from_doubt(0.25)
    8.0
    """
    if not 0 < relative < 1:
        raise ParameterError(f"relative doubt {relative}; a fraction between 0 and 1 is expected")
    return 1.0 / (2.0 * relative**2)

"""Arithmetic that gives the same bits on every machine.

A stimulus is identified by the checksum of its samples, so they must not depend on a processor, a
compiler, or a version of numpy, scipy or the C library. Four rules ensure this:

* Random numbers are raw 64-bit words of PCG64, whose stream numpy guarantees (NEP 19); the
  distributions on top of it, which numpy may change, are not used.
* Samples are made with ``+ - * /``, square root and rounding only, whose results IEEE 754 fixes,
  each in a numpy operation of its own or in a strictly compiled loop: there is no operation that a
  compiler may fuse or reorder, no FFT, no library filter, no library sine.
* Constants that need a library function (``tan``, ``log``, ``pow``) are rounded to 32 significant
  bits, so that a last bit that differs between libraries does not matter.
* The result is rounded to 24 bits, which a 24-bit file then holds without loss.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array

__all__ = ["Bits", "exact_sine", "exp2", "gain", "rounded", "smooth_curve", "to_24_bit"]

_WORD: Final = 2.0**-53
_FULL_SCALE: Final = 2.0**23


def _series(first: float, factors: list[float]) -> Array:
    """Return the coefficients of a power series from the ratios of its neighbours."""
    coefficients = [first]
    for factor in factors:
        coefficients.append(coefficients[-1] * factor)
    return np.array(coefficients)


_TURN: Final = 2.0 * math.pi
_SINE: Final = _series(_TURN, [-_TURN * _TURN / (2 * k * (2 * k + 1)) for k in range(1, 10)])
_EXP2: Final = _series(1.0, [0.6931471805599453 / k for k in range(1, 15)])


def rounded(value: float, bits: int = 32) -> float:
    """Return ``value`` rounded to ``bits`` significant bits.

    >>> rounded(1.0 / 3.0) == rounded(1.0 / 3.0 + 1e-16)
    True
    """
    mantissa, exponent = math.frexp(value)
    return math.ldexp(round(math.ldexp(mantissa, bits)), exponent - bits)


def gain(level_db: float) -> float:
    """Return ``10^(level_db/20)``, rounded."""
    return rounded(math.pow(10.0, level_db / 20.0))


def exact_sine(turns: Array) -> Array:
    """Return ``sin(2 pi turns)`` to within 1e-13.

    The angle is reduced to a quarter turn without error, then the power series is summed.

    >>> exact_sine(np.array([0.0, 0.25, 0.5, 0.75])).round(12).tolist()
    [0.0, 1.0, 0.0, -1.0]
    """
    from soundcal.stimuli.kernels import sine_of

    return sine_of(np.asarray(turns, dtype=np.float64), _SINE)


def exp2(exponent: Array) -> Array:
    """Return ``2^exponent`` to within a relative error of 1e-15.

    >>> exp2(np.array([-1.0, 0.0, 10.0])).tolist()
    [0.5, 1.0, 1024.0]
    """
    whole = np.rint(exponent)
    part = exponent - whole
    series = np.full_like(part, _EXP2[-1])
    for coefficient in _EXP2[-2::-1]:
        series *= part
        series += coefficient
    return np.ldexp(series, whole.astype(np.int32))


def to_24_bit(samples: Array) -> NDArray[np.int32]:
    """Return samples as integers of 24 bits."""
    return np.rint(samples * _FULL_SCALE).astype(np.int32)


def smooth_curve(values: Array, step: float, n: int) -> Array:
    """Return ``n`` samples of a curve that joins ``values``, ``step`` samples apart, smoothly.

    Cubic steps: the slope is zero at every value, nothing overshoots. The last value stays.
    """
    from soundcal.stimuli.kernels import joined

    return joined(values, float(step), n)


class Bits:
    """Random numbers of one stream.

    Parameters
    ----------
    seed : sequence of int
        Each sequence gives a stream of its own.
    """

    def __init__(self, seed: Sequence[int]) -> None:
        self._source = np.random.PCG64(np.random.SeedSequence(list(seed)))

    def words(self, n: int) -> NDArray[np.uint64]:
        """Return ``n`` raw 64-bit words."""
        return np.asarray(self._source.random_raw(n), dtype=np.uint64)

    def uniform(self, low: float, high: float, n: int) -> Array:
        """Return ``n`` numbers, evenly distributed from ``low`` to below ``high``."""
        unit = (self.words(n) >> np.uint64(11)).astype(np.float64) * _WORD
        return low + (high - low) * unit

    def between(self, low: float, high: float) -> float:
        """Return one number from ``low`` to below ``high``, as :meth:`uniform` does."""
        return low + (high - low) * ((self._source.random_raw() >> 11) * _WORD)

    def noise(self, n: int) -> Array:
        """Return ``n`` independent samples of white noise, mean 0, standard deviation 1.

        Each is the sum of the four 16-bit parts of a word: bell-shaped, limited to 3.46 standard
        deviations, and exact.
        """
        from soundcal.stimuli.kernels import sum_of_parts

        return sum_of_parts(self.words(n))

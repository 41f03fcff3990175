"""Frequency weightings A, B, C and Z of sound level meters.

IEC 61672-1:2013, Annex E gives the weightings as analogue poles and zeros. The filters here keep
the poles and zeros of the low frequencies (matched z). The part near half the sampling rate, where
a plain bilinear filter at 48 kHz is 6 dB off at 16 kHz, comes from a linear least-squares fit of
the exact curve's power: with ``x = cos(ω)``, the power of a filter's numerator is a polynomial in
``x``, whose roots inside the unit circle are the zeros of a stable minimum-phase filter.

Largest deviation from the exact curve in dB, which ``tests/dsp/test_weighting.py`` checks:

============== =========== =========== ================
fs / kHz       to 16 kHz   to 20 kHz   to half of fs
============== =========== =========== ================
8 … 16                                 0.10
22.05 … 32                             0.04
44.1, 48       0.004       0.02        0.09
64 … 384       0.001       0.01        0.06
============== =========== =========== ================

Below 44.1 kHz the weighting is correct within the range of the recording; frequencies above half
the sampling rate are missing from the recording, and no filter can restore them.

B was withdrawn with IEC 61672-1:2002; its curve is that of IEC 60651:1979. Z is the signal itself:
flat, offset included.
"""

import math
from functools import lru_cache
from typing import Final, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.arrays import Array
from soundcal.dsp.signal import pressure_array
from soundcal.errors import ParameterError
from soundcal.units import db

__all__ = [
    "MINIMUM_RATE",
    "Weighting",
    "WeightingFilter",
    "check_weighting",
    "exact_level",
    "section_response",
    "sections",
    "standard_of",
    "weight",
]


Weighting = Literal["A", "B", "C", "Z"]

F1: Final = 20.598997057618316
F2: Final = 107.65264864304629
F3: Final = 737.8622307362901
F4: Final = 12194.217147998012
"""Pole frequencies in Hz (IEC 61672-1:2013, Annex E.3, solutions of E.1 to E.4)."""

F5: Final = 10.0**2.2
"""Additional pole of B in Hz (IEC 60651:1979, Appendix C)."""

MINIMUM_RATE: Final = 8000.0
"""Lowest sampling rate in Hz of a weighting filter."""

_HIGH_POLES: Final = (-0.5, -0.9)
"""Extra poles of the fit on the negative axis: they let a rational function follow the slope of the
analogue curve at half the sampling rate, where the slope of every digital filter is zero."""

_FIT_ORDER: Final = 4
_SECTIONS: Final = 4


def check_weighting(weighting: str) -> Weighting:
    """Return the weighting's letter, or refuse it."""
    if weighting in get_args(Weighting):
        return cast(Weighting, weighting)
    raise ParameterError(f"frequency weighting {weighting!r}; A, B, C or Z is expected")


def standard_of(weighting: Weighting) -> str:
    """Return the standard that defines a weighting."""
    if weighting == "B":
        return "IEC 60651:1979 (B, withdrawn)"
    return "IEC 61672-1:2013"


def exact_level(frequency: ArrayLike, weighting: str = "A") -> Array:
    """Return the exact weighting in dB at frequencies in Hz (Annex E, 0 dB at 1 kHz).

    Parameters
    ----------
    frequency : array_like
        Frequencies in Hz, not negative.
    weighting : {"A", "B", "C", "Z"}
        The weighting.

    Examples
    --------
    >>> exact_level([31.5, 1000.0, 8000.0], "A").round(1).tolist()
    [-39.5, 0.0, -1.1]
    """
    letter = check_weighting(weighting)
    f = np.asarray(frequency, dtype=np.float64)
    return np.asarray(db(_magnitude(f, letter) / _magnitude(np.asarray(1000.0), letter)))


def _magnitude(f: Array, weighting: Weighting) -> Array:
    if weighting == "Z":
        return np.ones_like(f)
    squared = f**2
    c = F4**2 * squared / ((squared + F1**2) * (squared + F4**2))
    if weighting == "B":
        c = c * f / np.sqrt(squared + F5**2)
    elif weighting == "A":
        c = c * squared / np.sqrt((squared + F2**2) * (squared + F3**2))
    return np.asarray(c)


@lru_cache(maxsize=32)
def _high_frequency_zeros(fs: float) -> tuple[complex, ...]:
    """Zeros that make the C filter follow the exact curve up to half the sampling rate."""
    omega = np.linspace(0.0, np.pi, 2000)[1:]
    f = omega * fs / (2.0 * np.pi)
    z = np.exp(-1j * omega)
    poles = (*2 * (_pole(F1, fs),), *2 * (_pole(F4, fs),), *_HIGH_POLES)
    denominator = np.prod([np.abs(1.0 - p * z) ** 2 for p in poles], axis=0)
    needed = _magnitude(f, "C") ** 2 * denominator / np.abs(1.0 - z) ** 4
    importance = np.where(f <= 16000.0, 64.0, np.where(f <= 20000.0, 8.0, 1.0))
    basis = np.polynomial.chebyshev.chebvander(np.cos(omega), _FIT_ORDER)
    power, *_ = np.linalg.lstsq(basis * (importance / needed)[:, None], importance, rcond=None)
    # sum c_k cos(k ω) as a polynomial in z, whose roots come in pairs r, 1/r
    symmetric = np.concatenate([power[:0:-1] / 2.0, power[:1], power[1:] / 2.0])
    roots = np.roots(symmetric)
    inside = roots[np.abs(roots) < 1.0]
    return tuple(complex(r) for r in inside[np.lexsort((inside.imag, inside.real))])


def _pole(frequency: float, fs: float) -> float:
    return math.exp(-2.0 * math.pi * frequency / fs)


def _section(zeros: ArrayLike, poles: ArrayLike) -> list[float]:
    numerator, denominator = np.real(np.poly(zeros)), np.real(np.poly(poles))
    return [*np.atleast_1d(numerator), *np.atleast_1d(denominator)[1:]]


def _pairs(zeros: tuple[complex, ...]) -> tuple[list[complex], list[complex]]:
    """Split four roots of a real polynomial into two conjugate or real pairs."""
    first = zeros[0]
    if abs(first.imag) > 0:
        partner = min(range(1, 4), key=lambda i: abs(zeros[i] - first.conjugate()))
    else:
        real = [i for i in range(1, 4) if zeros[i].imag == 0]
        partner = real[0]
    rest = [zeros[i] for i in range(1, 4) if i != partner]
    return [first, zeros[partner]], rest


@lru_cache(maxsize=64)
def sections(weighting: Weighting, fs: float) -> Array:
    """Return the filter as four second-order sections, shape (4, 5): b0, b1, b2, a1, a2.

    The first three are those of C up to a factor, the last is the additional attenuation of A (or
    B) at low frequencies. Each filter has exactly 0 dB at 1 kHz.

    Parameters
    ----------
    weighting : {"A", "B", "C", "Z"}
        The weighting; the sections of Z do not change the signal.
    fs : float
        Sampling rate in Hz, at least 8 kHz.

    Raises
    ------
    ParameterError
        Unknown weighting, or a sampling rate below 8 kHz.
    """
    letter = check_weighting(weighting)
    identity = [1.0, 0.0, 0.0, 0.0, 0.0]
    if letter == "Z":
        return np.array([identity] * _SECTIONS)
    if fs < MINIMUM_RATE:
        raise ParameterError(
            f"sampling rate {fs:g} Hz: the {letter} weighting needs at least {MINIMUM_RATE:g} Hz"
        )
    p1, p4 = _pole(F1, fs), _pole(F4, fs)
    first, second = _pairs(_high_frequency_zeros(fs))
    extra = {
        "A": _section([1.0, 1.0], [_pole(F2, fs), _pole(F3, fs)]),
        "B": _section([1.0, 0.0], [_pole(F5, fs), 0.0]),
        "C": identity,
    }[letter]
    rows = [
        _section([1.0, 1.0], [p1, p1]),
        _section(first, [p4, p4]),
        _section(second, list(_HIGH_POLES)),
        extra,
    ]
    cascade = np.array(rows)
    # gains: sections 1 to 3 are C with 0 dB at 1 kHz, section 4 has 0 dB at 1 kHz by itself
    gains = np.abs(section_response(cascade, np.array([1000.0]), fs))[:, 0]
    cascade[0, :3] /= gains[0] * gains[1] * gains[2]
    cascade[3, :3] /= gains[3]
    cascade.flags.writeable = False
    return cascade


def section_response(cascade: Array, frequency: Array, fs: float) -> NDArray[np.complex128]:
    """Return the complex response of each section, shape (n_sections, n_frequencies)."""
    z = np.exp(-2j * np.pi * np.asarray(frequency) / fs)
    b0, b1, b2, a1, a2 = (cascade[:, i, None] for i in range(5))
    return np.asarray((b0 + b1 * z + b2 * z**2) / (1.0 + a1 * z + a2 * z**2))


class WeightingFilter:
    """A frequency weighting with its state, for signals that arrive in blocks.

    Parameters
    ----------
    weighting : {"A", "B", "C", "Z"}
        The weighting.
    fs : float
        Sampling rate in Hz.
    n_channels : int
        Number of signals filtered in parallel.

    Notes
    -----
    The filter starts at rest, as if the signal had been silent before. Block sizes do not matter:
    the samples are the same bit for bit.
    """

    def __init__(self, weighting: str, fs: float, n_channels: int = 1) -> None:
        self.weighting = check_weighting(weighting)
        self._sections = sections(self.weighting, float(fs))
        self._state = np.zeros((n_channels, _SECTIONS, 2))

    def push(self, block: Array) -> Array:
        """Return the weighted block, shape (n_channels, n)."""
        if self.weighting == "Z":
            return block.copy()
        from soundcal.dsp.level_kernels import cascade

        out = np.empty_like(block)
        for channel in range(block.shape[0]):
            cascade(block[channel], self._sections, self._state[channel], out[channel])
        return out


def weight(pressure: ArrayLike, fs: float, weighting: str = "A") -> Array:
    """Return the frequency-weighted sound pressure.

    Parameters
    ----------
    pressure : array_like, shape (..., n_samples)
        Sound pressure in Pa, time on the last axis.
    fs : float
        Sampling rate in Hz; A, B and C need at least 8 kHz.
    weighting : {"A", "B", "C", "Z"}
        IEC 61672-1:2013 weightings A, C, Z, and the withdrawn B of IEC 60651:1979.

    Returns
    -------
    ndarray, shape (..., n_samples)
        Weighted pressure in Pa. The filter starts at rest.

    Raises
    ------
    SignalError
        Samples that are not finite floating-point numbers, or none.
    ParameterError
        Unknown weighting or too low a sampling rate.

    Examples
    --------
    >>> t = np.arange(48000) / 48000
    >>> weighted = weight(np.sin(2 * np.pi * 100.0 * t), 48000, "A")
    >>> float(np.round(20 * np.log10(np.std(weighted[24000:]) * np.sqrt(2)), 1))
    -19.1
    """
    signal = pressure_array(pressure, fs)
    flat = signal.reshape(-1, signal.shape[-1])
    return WeightingFilter(weighting, fs, flat.shape[0]).push(flat).reshape(signal.shape)

"""Loudness from band energies by the method of ISO 532-1:2017, stationary and over time."""

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from soundcal.arrays import Array
from soundcal.indicators.zwicker.filter_bank import LEVELS_PER_S
from soundcal.indicators.zwicker.tables import A0, DCB, DDF, DLL, LTQ, RAP, RNS, USL, ZUP
from soundcal.units import P_REF

if TYPE_CHECKING:
    from soundcal.indicators.stream import Field
    from soundcal.indicators.zwicker.kernels import Constants

__all__ = [
    "BARK",
    "N_BARK",
    "LoudnessBlock",
    "LoudnessOverTime",
    "constants",
    "loudness_of",
    "to_energy",
]


N_BARK: Final = 240
"""Number of values of the specific loudness, at 0.1, 0.2, … 24 Bark."""

BARK: Final = np.arange(1, N_BARK + 1) / 10.0
"""Critical-band rates in Bark of the specific loudness."""
BARK.flags.writeable = False

FLOOR: Final = 1e-12
"""Mean square in Pa² added to every band (ISO 532-1:2017, Annex A program): -26 dB."""

_EDGE_MARGIN: Final = 1e-4
"""Bark added to the upper limits of the bands (Annex A program), so that a value at a limit belongs
to the band below."""

_LIMIT_MARGIN: Final = 1.0 + 1e-12
"""A level that equals a limit of the tables up to rounding is not above it."""

_INTERPOLATION: Final = 24
_T_SHORT: Final = 0.005
_T_LONG: Final = 0.015
_T_VAR: Final = 0.075
_WEIGHTING: Final = ((0.0035, 0.47), (0.070, 0.53))
"""Time constants in s and shares of the temporal weighting (ISO 532-1:2017, 6.3)."""


def to_energy(mean_square: Array) -> Array:
    """Convert mean squares in Pa² to energies relative to (20 µPa)², the input of the method."""
    return (mean_square + FLOOR) / P_REF**2


def _decay_coefficients() -> Array:
    """Coefficients of the nonlinear decay (ISO 532-1:2017, 6.3) at 24 × 2 kHz.

    The circuit is a capacitor that is charged at once and discharges through a resistor and into a
    second capacitor; both time constants of that linear network, λ1 and λ2, give the first four
    coefficients. The fifth is the discharge of both together, the sixth the charging of the second.
    """
    step = 1.0 / (LEVELS_PER_S * _INTERPOLATION)
    p = (_T_VAR + _T_LONG) / (_T_VAR * _T_SHORT)
    q = 1.0 / (_T_SHORT * _T_VAR)
    root = math.sqrt(p * p / 4.0 - q)
    first, second = -p / 2.0 + root, -p / 2.0 - root
    scale = _T_VAR * (first - second)
    e1, e2 = math.exp(first * step), math.exp(second * step)
    g1, g2 = _T_VAR * first + 1.0, _T_VAR * second + 1.0
    return np.array(
        [
            (e1 - e2) / scale,
            (g2 * e1 - g1 * e2) / scale,
            (g1 * e1 - g2 * e2) / scale,
            g1 * g2 * (e1 - e2) / scale,
            math.exp(-step / _T_LONG),
            math.exp(-step / _T_VAR),
        ]
    )


def _weighting_coefficients() -> Array:
    """Coefficients of the temporal weighting, the 24 interpolated steps in one.

    ``y = a y + b x`` with ``b = 1 − a``, 24 times on an input that goes linearly from the old to
    the new value, is ``y = a²⁴ y + o old + n new``. Rows: a²⁴, o, n, b, share.
    """
    rows = []
    for tau, share in _WEIGHTING:
        a = math.exp(-1.0 / (LEVELS_PER_S * _INTERPOLATION * tau))
        k = np.arange(1, _INTERPOLATION + 1)
        powers = (1.0 - a) * a ** (_INTERPOLATION - k)
        new = float(np.sum(powers * k)) / _INTERPOLATION
        rows.append([a**_INTERPOLATION, float(np.sum(powers)) - new, new, 1.0 - a, share])
    return np.array(rows)


@lru_cache(maxsize=2)
def constants(field: "Field") -> "Constants":
    """Return the tables of the method for a sound field, in the form that the kernels need."""
    from soundcal.indicators.zwicker.kernels import Constants

    a0, ltq, dcb = np.array(A0), np.array(LTQ), np.array(DCB)
    correction = -a0 + np.array(DDF) if field == "diffuse" else -a0
    reductions = np.array(DLL).T
    limits = np.array(RAP) - reductions
    limits[:, -1] = np.inf  # the last row applies to all higher levels
    column = np.clip(np.arange(len(ZUP)) - 1, 0, 7)
    return Constants(
        limits=10.0 ** (limits / 10.0) * _LIMIT_MARGIN,
        reductions=10.0 ** (reductions / 10.0),
        thresholds=10.0 ** ((ltq - correction) / 10.0) * _LIMIT_MARGIN,
        excitation=0.25 * 10.0 ** ((correction - dcb - ltq) / 10.0),
        gains=0.0635 * 10.0 ** (0.025 * ltq),
        edges=np.array(ZUP) + _EDGE_MARGIN,
        ranges=np.array(RNS),
        slopes=np.ascontiguousarray(np.array(USL)[:, column]),
        decay=_decay_coefficients(),
        weighting=_weighting_coefficients(),
    )


def loudness_of(energy: Array, field: "Field") -> tuple[float, Array]:
    """Return N in sone and N'(z) in sone/Bark, shape (240,), of stationary band energies.

    Parameters
    ----------
    energy : ndarray, shape (28,)
        Energies relative to (20 µPa)², 25 Hz to 12.5 kHz.
    field : {"free", "diffuse"}
        Sound field.
    """
    from soundcal.indicators.zwicker.kernels import core_loudness, pattern

    tables = constants(field)
    core, specific = np.zeros(len(A0)), np.zeros(N_BARK)
    core_loudness(energy, tables, core)
    return pattern(core, tables, specific), specific


class LoudnessBlock(NamedTuple):
    """Loudness in steps of 2 ms."""

    loudness: Array
    """N in sone, shape (n,)."""
    instant: Array
    """Loudness in sone before the temporal weighting, the integral of N'(z), shape (n,)."""
    specific: Array
    """N'(z) in sone/Bark, shape (n, 240), or (0, 240) if it was not requested."""


class LoudnessOverTime:
    """Loudness every 2 ms from band energies every 0.5 ms, with state kept between blocks.

    Parameters
    ----------
    field : {"free", "diffuse"}
        Sound field.
    specific : bool
        Also give the specific loudness.
    """

    def __init__(self, field: "Field", *, specific: bool) -> None:
        self._tables = constants(field)
        self._specific = specific
        self._decay = np.zeros(80)
        self._memory = np.zeros(4)

    def push(self, mean_square: Array) -> "LoudnessBlock":
        """Take mean squares in Pa², shape (4 n, 28), and return n steps of 2 ms."""
        from soundcal.indicators.zwicker.kernels import loudness_over_time

        n = mean_square.shape[0] // 4
        block = LoudnessBlock(
            np.empty(n), np.empty(n), np.empty((n if self._specific else 0, N_BARK))
        )
        if n:
            loudness_over_time(
                to_energy(mean_square),
                self._tables,
                self._decay,
                self._memory,
                block.loudness,
                block.instant,
                block.specific,
            )
        return block

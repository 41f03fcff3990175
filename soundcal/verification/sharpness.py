"""Sharpness: DIN 45692:2009, Tables A.2 and A.3.

The sounds are noises of 4 sone. They are made here: seeded noise limited to its band in the
frequency domain, with the level at which soundcal's own stationary loudness is 4 sone.

Every value is within 2 % of a number that rounds to the printed one. The tables have two decimals,
which matters for the lowest band, 200 Hz to 300 Hz: 0.38 acum stands for 0.375 to 0.385, and 0.369
is 2.8 % below 0.38 but 1.5 % below 0.375. The cause of this low value is neither the noise (other
seeds: 0.3692 to 0.3697; the standard's own recording: 0.3699) nor the sum over the critical-band
rate (with N summed on the grid of N′: 0.371).
"""

from functools import partial
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.indicators.zwicker.filter_bank import SummedBank
from soundcal.indicators.zwicker.loudness import loudness_zwst
from soundcal.indicators.zwicker.method import loudness_of, to_energy
from soundcal.indicators.zwicker.sharpness import sharpness_din_st
from soundcal.indicators.zwicker.sharpness_weights import FACTORS
from soundcal.indicators.zwicker.tables import BROAD_BANDS, NOISE_BANDS
from soundcal.units import level_to_pascal
from soundcal.verification.rows import Row

__all__ = ["rows"]

STANDARD: Final = "DIN 45692:2009"
FS: Final = 48000
REFERENCE_BAND: Final = (920.0, 1080.0)
REFERENCE_LEVEL: Final = 60.0
UPPER_EDGE: Final = 10000.0
SONE: Final = 4.0

_SECONDS: Final = 8
_SKIP: Final = 9600


def _noise(low: float, high: float) -> Array:
    """Seeded noise with a flat spectrum from ``low`` to ``high`` Hz, rms 1."""
    n = _SECONDS * FS
    f = np.fft.rfftfreq(n, 1.0 / FS)
    phases = np.random.default_rng(45692).uniform(0.0, 2.0 * np.pi, f.size)
    spectrum = np.where((low <= f) & (f <= high), np.exp(1j * phases), 0.0)
    noise = np.fft.irfft(spectrum, n)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def _as_loud_as(sone: float, noise: Array) -> Array:
    """Scale a noise to a loudness, by bisection in dB of its band energies."""
    bank = SummedBank(_SKIP)
    bank.push(noise)
    unit = bank.mean_squares()
    low, high = 0.0, 120.0
    while high - low > 1e-6:
        level = (low + high) / 2.0
        energy = to_energy(unit * level_to_pascal(level) ** 2)
        low, high = (low, level) if loudness_of(energy, "free")[0] > sone else (level, high)
    return noise * level_to_pascal(low)


def _sharpness(low: float, high: float) -> float:
    return float(sharpness_din_st(_as_loud_as(SONE, _noise(low, high)), FS).value)


def _reference(weighting: str) -> float:
    noise = _noise(*REFERENCE_BAND) * level_to_pascal(REFERENCE_LEVEL)
    return float(sharpness_din_st(noise, FS, weighting=weighting).value)


def _reference_loudness() -> float:
    return float(loudness_zwst(_as_loud_as(SONE, _noise(*REFERENCE_BAND)), FS).value)


def _sound(table: str, low: float, high: float, acum: float) -> Row:
    """A test sound; clause 6 allows 5 % or 0.05 acum, whichever is wider."""
    width = max(0.05 * acum, 0.05)
    name = f"noise of 4 sone, {low:g} Hz to {high:g} Hz"
    compute = partial(_sharpness, low, high)
    return Row(STANDARD, table, name, acum, acum - width, acum + width, "acum", compute)


def _definition(weighting: str) -> Row:
    clause = "5.3" if weighting == "din" else "Annex B"
    name = f"reference sound, weighting {weighting}"
    compute = partial(_reference, weighting)
    return Row(STANDARD, clause, name, 1.0, 0.99, 1.01, "acum", compute, "definition")


def rows() -> list[Row]:
    """Return the rows of this family."""
    narrow = [("Table A.2", *entry) for entry in NOISE_BANDS]
    broad = [("Table A.3", low, UPPER_EDGE, acum) for low, acum in BROAD_BANDS]
    loudness = Row(
        STANDARD,
        "Annex A",
        "loudness of the test sounds",
        SONE,
        SONE - 1e-4,
        SONE + 1e-4,
        "sone",
        _reference_loudness,
        "target",
    )
    return [
        *(_definition(weighting) for weighting in FACTORS),
        loudness,
        *(_sound(*entry) for entry in (*narrow, *broad)),
    ]

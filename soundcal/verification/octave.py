"""Octave and third-octave filters: IEC 61260-1:2014, class 1.

The limits are those of Table 1 (octaves) and Table F.1 (breakpoints of third octaves). For the rows
of the attenuation, a sine under a Hann window, so that its start masks nothing, passes through the
filters that users call; there is one row per breakpoint on both sides of the band. Rows about all
bands are computed from the filters' responses.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.octave import (
    Band,
    BandFilter,
    attenuation,
    bands_between,
    effective_bandwidth,
    filters,
)
from soundcal.indicators.levels.bands import band_levels
from soundcal.verification.rows import Row

__all__ = ["rows"]

STANDARD: Final = "IEC 61260-1:2014"
NAMES: Final = {1: "octave", 3: "third-octave"}

TABLE_1: Final = (
    # octave: normalised frequency above the mid-band; third octave: the same (Table F.1);
    # least and largest relative attenuation in dB, class 1
    (1.0, 1.0, -0.4, 0.4),
    (1.09018, 1.02667, -0.4, 0.5),
    (1.18850, 1.05575, -0.4, 0.7),
    (1.29569, 1.08746, -0.4, 1.4),
    (1.41254 * 0.9999, 1.12202 * 0.9999, -0.4, 5.3),
    (1.41254 * 1.0001, 1.12202 * 1.0001, 1.2, math.inf),
    (1.99526, 1.29437, 16.6, math.inf),
    (3.98107, 1.88173, 40.5, math.inf),
    (7.94328, 3.05365, 60.0, math.inf),
    (15.8489, 5.39195, 70.0, math.inf),
)

_TESTED: Final = {1: ("31.5", "1000", "16000"), 3: ("25", "1000", "12500", "16000", "20000")}
_RATES: Final = (44100, 48000)


def _row(
    clause: str,
    quantity: str,
    printed: float,
    limits: tuple[float, float],
    compute: Callable[[], float],
) -> Row:
    return Row(STANDARD, clause, quantity, printed, *limits, "dB", compute)


def _measured_attenuation(band: Band, f: float, fs: int) -> float:
    """Attenuation of a band for a Hann-windowed sine with a spectrum narrower than the band."""
    duration = max(0.1, 60.0 / (band.upper - band.lower))
    t = np.arange(round(duration * fs)) / fs
    sine = np.sin(2.0 * np.pi * f * t) * np.hanning(t.size)
    ringing = np.zeros(round(duration * fs))
    bank = BandFilter((band,), fs, t.size / fs)
    energy = bank.push(sine).sum() + bank.push(ringing).sum() + bank.rest().sum()
    return float(-10.0 * np.log10(energy / np.sum(sine**2)))


def _attenuation_rows(fraction: int, fs: int) -> list[Row]:
    found = []
    for nominal in _TESTED[fraction]:
        (band,) = bands_between(fraction, float(nominal), float(nominal))
        for entry in TABLE_1:
            ratio, least, most = entry[0 if fraction == 1 else 1], entry[2], entry[3]
            for factor in (1.0,) if ratio == 1.0 else (ratio, 1.0 / ratio):
                f = band.mid * factor
                if 5.0 <= f < 0.4999 * fs:
                    printed = 0.0 if most < math.inf else least
                    name = f"{nominal} Hz {NAMES[fraction]} at {factor:.5f} f_m, {fs / 1000:g} kHz"
                    compute = partial(_measured_attenuation, band, f, fs)
                    found.append(_row("Table 1", name, printed, (least, most), compute))
    return found


def _limits(ratio: Array, fraction: int) -> tuple[Array, Array]:
    """Limits between the breakpoints, linear in the logarithm of the frequency (5.10)."""
    column = 0 if fraction == 1 else 1
    x = np.abs(np.log(ratio))
    places = np.log([entry[column] for entry in TABLE_1])
    edge = np.log(1.41254 if fraction == 1 else 1.12202)
    least = np.interp(x, places[5:], [entry[2] for entry in TABLE_1[5:]])
    most = np.interp(x, places[:5], [entry[3] for entry in TABLE_1[:5]])
    return np.where(x > edge, least, -0.4), np.where(x > edge, np.inf, most)


def _worst_excess(fraction: int, fs: int) -> float:
    """Largest excess over class 1 of any band at any frequency below half the sampling rate."""
    worst = -math.inf
    for band, sections in filters(bands_between(fraction, 20.0, 20000.0), fs).items():
        f = np.geomspace(band.mid / 200.0, min(200.0 * band.mid, 0.4999 * fs), 4001)
        # the printed edge has six digits: leave out the frequencies close to it
        edge = np.abs(np.abs(np.log(f / band.mid)) - math.log(band.upper / band.mid)) < 1e-4
        least, most = _limits(f[~edge] / band.mid, fraction)
        found = attenuation(sections, f[~edge], fs)
        worst = max(worst, float(np.max(found - most)), float(np.max(least - found)))
    return worst


def _worst_bandwidth(fraction: int, fs: int) -> float:
    deviations = [
        effective_bandwidth(sections, band, fs)
        for band, sections in filters(bands_between(fraction, 20.0, 20000.0), fs).items()
    ]
    return max(deviations, key=abs)


def _summed(fraction: int, fs: int, pick: Callable[[Array], float]) -> float:
    """Extreme level of the summed outputs relative to the input, between mid-bands (5.16)."""
    designed = filters(bands_between(fraction, 20.0, 20000.0), fs)
    bands = list(designed)
    f = np.geomspace(bands[1].mid, bands[-2].mid, 5001)
    power = sum(10.0 ** (-attenuation(sections, f, fs) / 10.0) for sections in designed.values())
    return pick(10.0 * np.log10(np.asarray(power)))


def _exponential_sweep(low: float, high: float, duration: float, fs: int) -> Array:
    t = np.arange(round(duration * fs)) / fs
    rate = math.log(high / low) / duration
    phase = 2.0 * np.pi * low / rate * np.expm1(rate * t)
    return np.asarray(np.sin(phase))


def _swept_level() -> float:
    """Leq over 30 s of the 1 kHz third octave, sweep of 127 dB from 0.01 Hz to 1 MHz in 30 s.

    Only the part from 10 Hz to 20 kHz is played, at the same rate; the rest is far from the band.
    """
    low, high = 10.0, 20000.0
    duration = 30.0 * math.log(high / low) / math.log(1e6 / 0.01)
    sweep = _exponential_sweep(low, high, duration, 48000)
    pressure = math.sqrt(2.0) * 20e-6 * 10.0 ** (127.0 / 20.0) * sweep
    level = band_levels(pressure, 48000, limits=(1000.0, 1000.0)).value
    return float(level) + 10.0 * math.log10(duration / 30.0)


def _sweep(fraction: int, fs: int, seconds_per_decade: float) -> float:
    """Largest deviation of any band's Leq from that of an exponential sweep within the band."""
    low, high = 10.0, 0.499 * fs
    sweep = _exponential_sweep(low, high, math.log10(high / low) * seconds_per_decade, fs)
    result = band_levels(sweep, fs, fraction=fraction)
    total = 20.0 * math.log10(math.sqrt(0.5) / 20e-6)
    deviations: list[float] = []
    for band in bands_between(fraction, 20.0, 20000.0):
        inside = math.log(min(band.upper, high) / band.lower) / math.log(high / low)
        level = float(result.statistics[band.nominal])
        deviations.append(level - total - 10.0 * math.log10(inside))
    return max(deviations, key=abs)


def _linearity() -> float:
    """Largest deviation of a level step of 10 dB in the 1 kHz third-octave band, 30 to 130 dB."""
    tone = np.sin(2.0 * np.pi * 1000.0 * np.arange(24000) / 48000)
    found = [
        band_levels(tone * 20e-6 * 10.0 ** (level / 20.0), 48000, limits=(1000.0, 1000.0)).value
        for level in range(30, 140, 10)
    ]
    return float(np.abs(np.diff(found) - 10.0).max())


def _rows_for_all_bands(fraction: int, fs: int) -> list[Row]:
    name = f"{NAMES[fraction]}, all bands, {fs / 1000:g} kHz"
    return [
        _row(
            "5.10, Table 1",
            f"{name}: largest excess over class 1 at any frequency",
            0.0,
            (-math.inf, 0.0),
            partial(_worst_excess, fraction, fs),
        ),
        _row(
            "5.12",
            f"{name}: effective bandwidth, largest deviation",
            0.0,
            (-0.4, 0.4),
            partial(_worst_bandwidth, fraction, fs),
        ),
        _row(
            "5.14",
            f"{name}: time invariance, sweep of 2 s per decade, largest deviation",
            0.0,
            (-0.4, 0.4),
            partial(_sweep, fraction, fs, 2.0),
        ),
        _row(
            "5.16",
            f"{name}: sum of the outputs, highest",
            0.0,
            (-1.8, 0.8),
            partial(_summed, fraction, fs, lambda x: float(x.max())),
        ),
        _row(
            "5.16",
            f"{name}: sum of the outputs, lowest",
            0.0,
            (-1.8, 0.8),
            partial(_summed, fraction, fs, lambda x: float(x.min())),
        ),
    ]


def rows() -> list[Row]:
    """Return the rows of the octave and third-octave filters."""
    found = []
    for fraction in (1, 3):
        for fs in _RATES:
            found += _attenuation_rows(fraction, fs)
            found += _rows_for_all_bands(fraction, fs)
    linear = "level linearity, 10 dB steps from 30 dB to 130 dB, largest deviation"
    swept = "61260-2 Annex B: 127 dB swept from 0.01 Hz to 1 MHz in 30 s, 1 kHz third-octave"
    return [
        *found,
        _row("5.13", linear, 0.0, (-0.5, 0.5), _linearity),
        _row("5.14", swept, 107.97, (107.57, 108.37), _swept_level),
    ]

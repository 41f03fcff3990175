"""Roughness: Daniel & Weber 1997, checked by the paper's listening tests and original model.

There is no standard. The definition of the asper is the anchor; every point of a curve may deviate
by 0.1 asper, and at least the number of points that the original model has within the just
noticeable difference of 17 % must lie within it (Fastl & Zwicker 2007, 11.1).

The weight g(z) is estimated from Fig. 11.2 of Fastl & Zwicker: relative to that figure, the errors
show the shape of the curves, but hardly their height.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.indicators.modulation.roughness import roughness_dw
from soundcal.units import level_to_pascal
from soundcal.verification.rows import Row

__all__ = ["rows"]

STANDARD: Final = "Daniel & Weber 1997"
FASTL: Final = ("Fastl & Zwicker 2007", "Fig. 11.2")
FS: Final = 48000
DURATION: Final = 0.3
JND: Final = 0.17
GATE: Final = 0.1

JURY: Final = {
    # carrier in Hz: asper at modulation frequencies of 20, 30, … Hz (Fig. 3, listening tests)
    250: (
        *(0.2277, 0.3974, 0.4873, 0.4856, 0.3974, 0.3168),
        *(0.2478, 0.1981, 0.1676, 0.1477, 0.1278, 0.1088),
    ),
    1000: (
        *(0.2283, 0.4275, 0.6304, 0.8418, 0.9722, 1.0000, 0.9710, 0.8804),
        *(0.7826, 0.6486, 0.5676, 0.4952, 0.4408, 0.3865, 0.3345),
    ),
    4000: (
        *(0.1585, 0.2771, 0.4170, 0.5597, 0.6419, 0.6595, 0.6309, 0.5792),
        *(0.4881, 0.4162, 0.3655, 0.3167, 0.2853, 0.2471, 0.2291),
    ),
}

MEASURED: Final = {
    # carrier in Hz: asper at modulation frequencies of 20, 30, … Hz (Fastl & Zwicker, Fig. 11.2)
    125: (0.232, 0.334, 0.327, 0.253, 0.193, 0.151, 0.115, 0.093, 0.078),
    250: (
        *(0.246, 0.400, 0.481, 0.471, 0.394, 0.314),
        *(0.248, 0.199, 0.169, 0.144, 0.126, 0.108),
    ),
    500: (
        *(0.243, 0.408, 0.584, 0.672, 0.670, 0.609, 0.510, 0.420),
        *(0.356, 0.302, 0.264, 0.234, 0.205, 0.176, 0.164),
    ),
    2000: (
        *(0.219, 0.385, 0.550, 0.717, 0.810, 0.840, 0.809, 0.743),
        *(0.633, 0.545, 0.470, 0.414, 0.362, 0.327, 0.296),
    ),
    4000: (
        *(0.168, 0.300, 0.431, 0.553, 0.628, 0.652, 0.625, 0.563),
        *(0.487, 0.422, 0.359, 0.317, 0.281, 0.250, 0.227),
    ),
    8000: (
        *(0.108, 0.192, 0.275, 0.358, 0.421, 0.436, 0.415, 0.376),
        *(0.327, 0.280, 0.243, 0.214, 0.189, 0.169, 0.154),
    ),
}

ORIGINAL: Final = {
    # carrier in Hz: largest error in asper, r.m.s. error, points within 17 % (Fig. 3, model)
    125: (0.041, 0.024, 5),
    250: (0.070, 0.048, 5),
    500: (0.095, 0.049, 10),
    1000: (0.106, 0.067, 12),
    2000: (0.062, 0.028, 15),
    4000: (0.029, 0.015, 15),
    8000: (0.030, 0.016, 15),
}

PEAKS: Final = {
    # carrier in Hz: modulation frequency in Hz, asper
    125: (34, 0.347),
    500: (56, 0.684),
    2000: (70, 0.841),
    8000: (67, 0.436),
}

FM_FREQUENCIES: Final = (10, 20, 30, 40, 50, 60, 70, 80, 100, 120, 150, 200, 300, 500)


def _scaled(signal: Array, level: float) -> Array:
    return np.asarray(signal * level_to_pascal(level) / np.sqrt(np.mean(signal**2)))


def _time(duration: float = DURATION) -> Array:
    return np.arange(round(duration * FS)) / FS


@lru_cache(maxsize=128)
def _am(carrier: float, modulation: float, depth: float = 1.0) -> float:
    t = _time()
    tone = (1.0 + depth * np.sin(2 * np.pi * modulation * t)) * np.sin(2 * np.pi * carrier * t)
    return float(roughness_dw(_scaled(tone, 60.0), FS).value)


@lru_cache(maxsize=32)
def _fm(modulation: float, level: float = 60.0) -> float:
    """FM tone of 1.6 kHz with a deviation of 800 Hz."""
    t = _time()
    index = 800.0 / modulation
    tone = np.sin(2 * np.pi * 1600.0 * t + index * np.sin(2 * np.pi * modulation * t))
    return float(roughness_dw(_scaled(tone, level), FS).value)


def _noise(modulated: bool) -> float:
    t = _time(2.0)
    noise = np.random.default_rng(1997).standard_normal(t.size)
    envelope = 1.0 + np.sin(2 * np.pi * 70.0 * t) if modulated else 1.0
    return float(roughness_dw(_scaled(noise * envelope, 70.0), FS).value)


def _listened(carrier: int) -> Array:
    """Roughness at 20, 30, … Hz from the paper's listening tests, else from Fastl & Zwicker."""
    return np.array(JURY.get(carrier) or MEASURED[carrier])


def _errors(carrier: int) -> Array:
    heard = _listened(carrier)
    return np.array([_am(carrier, 20.0 + 10.0 * i) for i in range(heard.size)]) - heard


def _largest(carrier: int) -> float:
    return float(np.abs(_errors(carrier)).max())


def _rms(carrier: int) -> float:
    return float(np.sqrt(np.mean(_errors(carrier) ** 2)))


def _count(carrier: int) -> float:
    return float(np.sum(np.abs(_errors(carrier) / _listened(carrier)) <= JND))


def _roughest_fm() -> float:
    return float(max(FM_FREQUENCIES, key=_fm))


def _least_step_with_level() -> float:
    return float(np.diff([_fm(70, level) for level in (40.0, 50.0, 60.0, 70.0, 80.0)]).min())


def _curve_rows(carrier: int) -> list[Row]:
    name = f"{carrier} Hz, 60 dB, fully modulated"
    return [
        Row(
            STANDARD,
            "Fig. 3",
            f"{name} at {20 + 10 * i} Hz",
            value,
            value - GATE,
            value + GATE,
            "asper",
            partial(_am, carrier, 20.0 + 10.0 * i),
            "publication",
        )
        for i, value in enumerate(JURY[carrier])
    ]


def _error_rows(carrier: int) -> list[Row]:
    """Rows of the errors over a carrier's curve; those of the original model are the limits."""
    source = (STANDARD, "Fig. 3") if carrier in JURY else FASTL
    largest, rms, count = ORIGINAL[carrier]
    errors = (
        ("largest error", largest, _largest, (0.0, largest), "asper"),
        ("r.m.s. error", rms, _rms, (0.0, rms), "asper"),
        (f"points within {JND:.0%}", count, _count, (count, _listened(carrier).size), "points"),
    )
    return [
        _row(
            source,
            f"{carrier} Hz, 60 dB, fully modulated: {quantity} (the original model's is the limit)",
            limit,
            limits,
            partial(compute, carrier),
            unit=unit,
        )
        for quantity, limit, compute, limits, unit in errors
    ]


def _row(
    source: tuple[str, str],
    quantity: str,
    expected: float,
    limits: tuple[float, float],
    compute: Callable[[], float],
    *,
    unit: str = "asper",
    known: str = "",
) -> Row:
    standard, clause = source
    lower, upper = limits
    return Row(
        standard, clause, quantity, expected, lower, upper, unit, compute, "publication", known
    )


def _peak_rows() -> list[Row]:
    return [
        _row(
            FASTL,
            f"{carrier} Hz, 60 dB, fully modulated at {modulation} Hz, near its maximum",
            value,
            (value - GATE, value + GATE),
            partial(_am, carrier, modulation),
        )
        for carrier, (modulation, value) in PEAKS.items()
    ]


def _other_rows() -> list[Row]:
    half = 0.5**1.6
    text = (STANDARD, "text")
    kemp = ("Kemp 1982", "abstract")
    return [
        _row(
            ("Fastl & Zwicker 2007", "11.1"),
            "1 kHz, 60 dB, modulated by 50 % at 70 Hz, of fully modulated: m^1.6",
            half,
            (half * (1 - JND), half * (1 + JND)),
            lambda: _am(1000.0, 70.0, 0.5) / _am(1000.0, 70.0),
            unit="1",
        ),
        _row(
            text,
            "white noise of 70 dB: below the threshold of 0.07",
            0.02,
            (0.0, 0.07),
            partial(_noise, False),
        ),
        _row(
            text,
            "white noise of 70 dB, fully modulated at 70 Hz",
            3.0,
            (3.0 * (1 - JND), 3.0 * (1 + JND)),
            partial(_noise, True),
            known="below 15 Bark the noise's own fluctuation lowers the correlation of the "
            "channels, which counts with its fourth power; no g(z) with one maximum that keeps "
            "the carriers gives more than 2.38 asper",
        ),
        _row(
            kemp,
            "1.6 kHz ± 800 Hz, 60 dB: roughest modulation frequency, between 40 and 80 Hz",
            60.0,
            (40.0, 80.0),
            _roughest_fm,
            unit="Hz",
        ),
        _row(
            kemp,
            "1.6 kHz ± 800 Hz at 70 Hz, 40 to 80 dB: least increase per 10 dB",
            0.0,
            (0.0, np.inf),
            _least_step_with_level,
        ),
    ]


def rows() -> list[Row]:
    """Return the rows of the roughness."""
    anchor = Row(
        STANDARD,
        "1",
        "1 kHz, 60 dB, fully modulated at 70 Hz",
        1.0,
        0.999,
        1.001,
        "asper",
        partial(_am, 1000.0, 70.0),
        "definition",
    )
    curves = [row for carrier in JURY for row in _curve_rows(carrier)]
    errors = [row for carrier in ORIGINAL for row in _error_rows(carrier)]
    return [anchor, *curves, *errors, *_peak_rows(), *_other_rows()]

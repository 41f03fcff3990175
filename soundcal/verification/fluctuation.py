"""Fluctuation strength: Osses et al. 2016, checked by listening tests and the authors' model.

There is no standard. The limits around listening tests (Fastl & Zwicker 2007, as tabulated by Osses
2018, Table B.1) are 30 % or 0.1 vacil, whichever is wider; where the model itself is known to miss
them, the row is a known deviation. The implementation has a target of 0.5 % around the values that
the authors' model gives for signals that a formula defines.
"""

from functools import lru_cache, partial
from typing import Final, NamedTuple

import numpy as np

from soundcal.arrays import Array
from soundcal.indicators.modulation.fluctuation import fluctuation_strength
from soundcal.units import level_to_pascal
from soundcal.verification.rows import Row

__all__ = ["rows"]

STANDARD: Final = "Osses et al. 2016"
FS: Final = 44100
GATE: Final = 0.3
LEAST_GATE: Final = 0.1
TARGET: Final = 0.005


class PrintedCurve(NamedTuple):
    """Listening tests of one kind of sound."""

    kind: str
    name: str
    level: float
    vacil: tuple[float, ...]
    """At modulation frequencies of 1, 2, 4, 8, 16, 32 Hz."""
    missed: tuple[int, ...]
    """Modulation frequencies in Hz at which the model is known to be off."""


CURVES: Final = (
    PrintedCurve("tone", "AM tone, 1 kHz, 70 dB", 70.0, (0.39, 0.84, 1.25, 1.30, 0.36, 0.06), (2,)),
    PrintedCurve(
        "sweep",
        "FM tone, 1.5 kHz ± 700 Hz, 70 dB",
        70.0,
        (0.85, 1.17, 2.00, 0.70, 0.27, 0.02),
        (8, 16),
    ),
    PrintedCurve(
        "noise",
        "noise to 16 kHz, its power modulated, 60 dB",
        60.0,
        (1.12, 1.58, 1.80, 1.57, 0.48, 0.14),
        (1, 32),
    ),
)

REFERENCE: Final = (
    # modulation in Hz, level in dB, duration in s, vacil
    (4.0, 60.0, 4.0, 1.0053626),
    (8.0, 70.0, 4.0, 1.3112306),
    (4.0, 60.0, 1.5, 0.9957342),
)


def _time(duration: float) -> Array:
    return np.arange(round(duration * FS)) / FS


@lru_cache(maxsize=1)
def _noise() -> Array:
    n = 4 * FS
    spectrum = np.fft.rfft(np.random.default_rng(2016).standard_normal(n))
    frequency = np.fft.rfftfreq(n, 1.0 / FS)
    spectrum[(frequency < 20.0) | (frequency > 16000.0)] = 0.0
    return np.asarray(np.fft.irfft(spectrum, n))


def _signal(kind: str, modulation: float) -> Array:
    t = _time(4.0)
    if kind == "tone":
        return (1.0 + np.cos(2 * np.pi * modulation * t)) * np.cos(2 * np.pi * 1000.0 * t)
    if kind == "sweep":
        index = 700.0 / modulation
        return np.cos(2 * np.pi * 1500.0 * t + index * np.sin(2 * np.pi * modulation * t))
    return np.abs(np.sin(np.pi * modulation * t)) * _noise()


def _value(signal: Array, level: float, duration: float = 4.0) -> float:
    scaled = signal * level_to_pascal(level) / np.sqrt(np.mean(signal**2))
    return float(fluctuation_strength(scaled[: round(duration * FS)], FS).value)


def _of(kind: str, modulation: float, level: float, duration: float = 4.0) -> float:
    return _value(_signal(kind, modulation), level, duration)


def _inaudible() -> float:
    return _value(np.cos(2 * np.pi * 15800.0 * _time(4.0)), 70.0)


def _curve_rows(curve: PrintedCurve) -> list[Row]:
    found = []
    for i, expected in enumerate(curve.vacil):
        modulation = 2**i
        gate = max(GATE * expected, LEAST_GATE)
        missed = modulation in curve.missed
        found.append(
            Row(
                "Fastl & Zwicker 2007",
                "Fig. 10.1",
                f"{curve.name}, modulated at {modulation} Hz",
                expected,
                expected - gate,
                expected + gate,
                "vacil",
                partial(_of, curve.kind, float(modulation), curve.level),
                "publication",
                "the model itself misses the listening tests here" if missed else "",
            )
        )
    return found


def rows() -> list[Row]:
    """Return the rows of the fluctuation strength."""
    anchor = Row(
        STANDARD,
        "definition",
        "AM tone, 1 kHz, 60 dB, fully modulated at 4 Hz, 4 s",
        1.0,
        0.99,
        1.01,
        "vacil",
        partial(_of, "tone", 4.0, 60.0),
        "definition",
    )
    implementation = [
        Row(
            STANDARD,
            "authors' model",
            f"AM tone, 1 kHz, {level:g} dB, modulated at {modulation:g} Hz, {duration:g} s",
            expected,
            expected * (1 - TARGET),
            expected * (1 + TARGET),
            "vacil",
            partial(_of, "tone", modulation, level, duration),
            "target",
        )
        for modulation, level, duration, expected in REFERENCE
    ]
    silent = Row(
        STANDARD,
        "authors' model",
        "tone of 15.8 kHz, 70 dB",
        0.0,
        0.0,
        0.0,
        "vacil",
        _inaudible,
        "target",
    )
    curves = [row for curve in CURVES for row in _curve_rows(curve)]
    return [anchor, *implementation, silent, *curves]

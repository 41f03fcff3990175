"""Prominent and audible tones: ECMA-418-1:2024, ISO/PAS 20065:2016, IEC 61400-11:2012.

ECMA-418-1 prints few numbers. A tone of known level in white noise of known density has ratios that
follow from the widths of the bands; the limits of acceptance of these are soundcal's own, and leave
room for what the noise of 30 s differs by from its density. Annex E of ISO/PAS 20065 prints spectra
of a combustion engine with their tones.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final, Literal

import numpy as np

from soundcal.indicators.prominence import bands
from soundcal.indicators.prominence.audibility import tonal_audibility_from_lines
from soundcal.indicators.prominence.ratios import tone_to_noise
from soundcal.indicators.prominence.result import RatedTone
from soundcal.indicators.prominence.wind_turbines import tonality_iec61400_from_lines
from soundcal.units import level_to_pascal
from soundcal.verification.recipes import repeatable_noise
from soundcal.verification.rows import Row

__all__ = ["rows"]

ECMA: Final = "ECMA-418-1:2024"
ISO: Final = "ISO/PAS 20065:2016"
IEC: Final = "IEC 61400-11:2012+A1"
FS: Final = 48000
SECONDS: Final = 30

Tones = tuple[tuple[float, float], ...]

SOUNDS: Final[tuple[tuple[Tones, float, tuple[float, ...], tuple[float, ...]], ...]] = (
    # tones as frequencies in Hz and levels in dB, white noise in dB per Hz; for each tone TNR, PR
    (((1000.0, 62.0),), 30.0, (9.90,), (10.43,)),
    (((1000.0, 59.3),), 30.0, (7.20,), (8.06,)),
    (((250.0, 60.0),), 26.0, (13.81,), (13.92,)),
    (((3000.0, 65.0),), 25.0, (13.20,), (13.16,)),
    (((120.0, 60.0),), 22.0, (17.96,), (17.98,)),
    # heard as one, the sum in the band of the stronger
    (((1000.0, 61.0), (1030.0, 60.0)), 28.0, (13.44, 13.44), (13.73, 13.65)),
    # neither is noise for the other
    (((500.0, 60.0), (545.0, 57.0)), 25.0, (14.31, 11.20), (16.17, 16.07)),
)

ENGINE: Final = (
    # frequency in Hz and A-weighted level in dB of the lines of Table E.1
    (96.9, 49.40), (99.6, 50.68), (102.3, 50.09), (105.0, 53.37), (107.7, 44.47), (110.4, 50.91),
    (113.0, 51.41), (115.7, 59.40), (118.4, 64.54), (121.1, 57.57), (123.8, 51.02), (126.5, 50.76),
    (129.2, 59.93), (131.9, 62.94), (134.6, 58.49), (137.3, 65.87), (140.0, 62.66), (142.7, 50.25),
    (145.3, 51.32), (148.0, 52.30), (150.7, 52.58), (153.4, 53.15), (156.1, 67.04), (158.8, 67.27),
    (161.5, 57.40), (164.2, 57.17), (166.9, 52.56), (169.6, 51.39), (172.3, 52.49), (175.0, 47.68),
    (177.6, 51.26), (180.3, 49.03), (183.0, 61.42), (185.7, 59.52), (188.4, 48.43), (191.1, 50.84),
    (193.8, 48.20), (196.5, 55.95),
)  # fmt: skip

ENGINE_TONES: Final = (
    # printed for the tone at 137.3 Hz, and for the tones at 118.4, 137.3 and 158.8 Hz together
    ("mean narrow-band level", "noise_level", 1, 49.22, 0.03),
    ("tone level", "level", 1, 67.96, 0.03),
    ("critical band level", "masking_level", 1, 64.98, 0.03),
    ("masking index", "masking_index", 1, -2.02, 0.01),
    ("audibility", "audibility", 1, 4.99, 0.03),
    ("uncertainty", "uncertainty", 1, 2.79, 0.02),
    ("tone level", "level", 3, 72.15, 0.03),
    ("audibility", "audibility", 3, 9.18, 0.03),
    ("uncertainty", "uncertainty", 3, 3.21, 0.02),
)


@lru_cache(maxsize=16)
def _tones(components: Tones, density: float) -> tuple[RatedTone, ...]:
    t = np.arange(SECONDS * FS) / FS
    sound = level_to_pascal(density) * np.sqrt(FS / 2.0) * repeatable_noise(t.size, 418)
    for frequency, level in components:
        sound += np.sqrt(2.0) * level_to_pascal(level) * np.sin(2 * np.pi * frequency * t)
    found: tuple[RatedTone, ...] = tone_to_noise(sound, FS).tones
    return found


def _ratio(components: Tones, density: float, frequency: float, name: str) -> float:
    tones = _tones(components, density)
    nearest = min(tones, key=lambda tone: abs(tone.frequency - frequency))
    return float(getattr(nearest, name))


def _of_engine(n_tones: int, name: str) -> float:
    """Return a value of the tone at 137.3 Hz, or of the three that are rated together there."""
    frequency, level = zip(*ENGINE, strict=True)
    result = tonal_audibility_from_lines(frequency, level)
    (tone,) = (
        tone for tone in result.tones if tone.frequency == 137.3 and len(tone.members) == n_tones
    )
    return float(getattr(tone, name))


def _of_line_in_flat_noise(name: str) -> float:
    frequency = np.arange(1.0, 1001.0)
    level = np.where(frequency == 500.0, 50.0, 30.0)
    (tone,) = tonality_iec61400_from_lines(frequency, level).tones
    return float(getattr(tone, name))


def _row(
    standard: str,
    clause: str,
    quantity: str,
    expected: float,
    tolerance: float,
    unit: str,
    compute: Callable[[], float],
    grade: Literal["standard", "definition", "target"],
) -> Row:
    lower, upper = expected - tolerance, expected + tolerance
    return Row(standard, clause, quantity, expected, lower, upper, unit, compute, grade)


def _printed() -> list[Row]:
    """Numbers that ECMA-418-1 prints, to the last digit."""
    printed = (
        ("critical bandwidth at 1 kHz", 162.2, 0.05, lambda: bands.critical_bandwidth(1000.0)),
        ("lower edge of the critical band at 1 kHz", 922.2, 0.05,
         lambda: float(bands.critical_band(1000.0)[0])),
        ("upper edge of the critical band at 1 kHz", 1084.4, 0.05,
         lambda: float(bands.critical_band(1000.0)[1])),
        ("distance of tones heard as one at 150 Hz", 23.0, 0.5, lambda: bands.proximity(150.0)),
    )  # fmt: skip
    return [
        _row(ECMA, "critical bands", quantity, expected, tolerance, "Hz", compute, "standard")
        for quantity, expected, tolerance, compute in printed
    ]


def _in_noise() -> list[Row]:
    """Ratios of tones in white noise."""
    found = []
    for components, density, *ratios in SOUNDS:
        names = " + ".join(f"{f:g} Hz {level:g} dB" for f, level in components)
        for (name, symbol, tolerance), values in zip(
            (("tnr", "TNR", 0.45), ("pr", "PR", 0.3)), ratios, strict=True
        ):
            found += [
                _row(
                    ECMA,
                    "closed form",
                    f"{symbol} at {frequency:g} Hz of {names} in white noise of {density:g} dB/Hz",
                    expected,
                    tolerance,
                    "dB",
                    partial(_ratio, components, density, frequency, name),
                    "target",
                )
                for (frequency, _), expected in zip(components, values, strict=True)
            ]
    return found


def rows() -> list[Row]:
    """Return the rows of prominent and audible tones."""
    engine = [
        _row(
            ISO,
            "Annex E",
            f"combustion engine, {words} at 137.3 Hz" + (", three tones" if n > 1 else ""),
            expected,
            tolerance,
            "dB",
            partial(_of_engine, n, name),
            "target",
        )
        for words, name, n, expected, tolerance in ENGINE_TONES
    ]
    turbine = [
        _row(
            IEC,
            "closed form",
            f"line of 50 dB at 500 Hz in lines of 30 dB, 1 Hz apart: {words}",
            expected,
            0.02,
            "dB",
            partial(_of_line_in_flat_noise, name),
            "target",
        )
        for words, name, expected in (
            ("masking level", "masking_level", 48.93),
            ("audibility criterion", "masking_index", -2.299),
            ("tonal audibility", "audibility", 3.37),
        )
    ]
    return [*_printed(), *_in_noise(), *engine, *turbine]

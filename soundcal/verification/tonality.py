"""Tonality (Aures 1985) and psychoacoustic annoyance (Widmann 1992).

There are no standards. The definitions are the anchors; for a tone in noise, Hastings et al. (2003,
Fig. 1) give Aures' tonality as a function of the ratio of the tone to the noise in its critical
band.
"""

from functools import partial
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.indicators.annoyance import annoyance_of, psychoacoustic_annoyance
from soundcal.indicators.tonality.aures import tonality_aures
from soundcal.units import level_to_pascal
from soundcal.verification.rows import Row

__all__ = ["rows"]

STANDARD: Final = "Aures 1985"
FS: Final = 48000
CRITICAL_BAND: Final = 162.2

HASTINGS: Final = (
    # level of a 1 kHz tone of 85 dB over that of white noise in its critical band in dB, t.u.
    (0, 0.0158),
    (10, 0.0753),
    (20, 0.2091),
    (30, 0.4079),
    (40, 0.5923),
    (50, 0.7628),
    (60, 0.8820),
    (70, 0.9558),
    (80, 0.9825),
)


def _time(duration: float = 1.0) -> Array:
    return np.arange(round(duration * FS)) / FS


def _tone(frequency: float, level: float) -> Array:
    return np.asarray(
        np.sqrt(2.0) * level_to_pascal(level) * np.sin(2 * np.pi * frequency * _time())
    )


def _noise(level: float) -> Array:
    noise = np.random.default_rng(1985).standard_normal(_time().size)
    return np.asarray(noise * level_to_pascal(level) / np.sqrt(np.mean(noise**2)))


def _pure(frequency: float) -> float:
    return float(tonality_aures(_tone(frequency, 60.0), FS).value)


def _in_noise(ratio: float) -> float:
    level = 85.0 - ratio + 10.0 * np.log10(FS / 2.0 / CRITICAL_BAND)
    return float(tonality_aures(_tone(1000.0, 85.0) + _noise(level), FS).value)


def _white() -> float:
    return float(tonality_aures(_noise(60.0), FS).value)


def _annoyance_of_tone() -> float:
    return float(psychoacoustic_annoyance(_tone(1000.0, 40.0), FS).value)


def rows() -> list[Row]:
    """Return the rows of tonality and annoyance."""
    pure = [
        Row(
            STANDARD,
            "definition",
            f"tone of {frequency:g} Hz, 60 dB",
            1.0,
            0.98,
            1.02,
            "t.u.",
            partial(_pure, frequency),
            "definition",
        )
        for frequency in (1000.0, 1001.0, 1003.3)
    ]
    in_noise = [
        Row(
            "Hastings et al. 2003",
            "Fig. 1",
            f"1 kHz, 85 dB, {ratio} dB over white noise in its critical band",
            expected,
            expected - 0.05,
            expected + 0.05,
            "t.u.",
            partial(_in_noise, float(ratio)),
            "publication",
        )
        for ratio, expected in HASTINGS
    ]
    widmann = "Widmann 1992"
    return [
        *pure,
        Row(STANDARD, "text", "white noise, 60 dB", 0.0, 0.0, 0.02, "t.u.", _white, "publication"),
        *in_noise,
        Row(
            widmann,
            "Fastl & Zwicker 2007, 16.1.4",
            "N5 = 30 sone, S = 2 acum, F = 0.5 vacil, R = 0.3 asper",
            37.0478,
            37.047,
            37.049,
            "au",
            partial(annoyance_of, 30.0, 2.0, 0.5, 0.3),
            "publication",
        ),
        Row(
            widmann,
            "definition",
            "tone of 1 kHz, 40 dB",
            1.0,
            0.95,
            1.05,
            "au",
            _annoyance_of_tone,
            "definition",
        ),
    ]

"""Hearing model, ECMA-418-2:2025: the definitions, published values, and other implementations.

The standard prints no values but the four definitions, whose constants it lets an implementation
move by 0.25 %. Beyond them, soundcal is held to published values of HEAD acoustics ArtemiS SUITE,
the original of the model, and to what MetaSona 0.2.2 (loudness, tonality) and phonometry 3.3.0
(roughness, fluctuation strength) give for sounds that a formula defines. Others wrote both from the
standard. The limits around their values are 0.5 % of loudness and tonality (1 % at other sampling
rates and for sounds shorter than 0.6 s, where tonality has 2 %), 1 % of roughness (3 % of noise),
2 % of fluctuation strength, and at least 0.002 sone_HMS, 0.003 tu_HMS, 0.003 asper_HMS,
0.004 vacil_HMS. The quantile of roughness is of type 7 everywhere.

Fluctuation strength is uncertain: readers of clause 9 differ, and ArtemiS gives up to about 10 %
more or less for recordings. Its rows show that soundcal computes what it says, not that ArtemiS
would give the same.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from soundcal.indicators.analysis import open_stream
from soundcal.indicators.registry import REGISTRY
from soundcal.verification.recipes import Recipe, pressure
from soundcal.verification.rows import Row

__all__ = ["rows", "tolerance"]

STANDARD: Final = "ECMA-418-2:2025"
ARTEMIS: Final = "ArtemiS SUITE 17"
_METASONA, _PHONOMETRY = "MetaSona 0.2.2", "phonometry 3.3.0"
PEER: Final = {"NHM": _METASONA, "THM": _METASONA, "RHM": _PHONOMETRY, "FHM": _PHONOMETRY}
UNCERTAIN: Final = {"FHM": " (readings of clause 9 differ)"}
DEFINITION_GATE: Final = {"NHM": 0.0025, "THM": 0.0025, "RHM": 0.0025, "FHM": 0.006}
GATE: Final = {"NHM": 0.005, "THM": 0.005, "RHM": 0.01, "FHM": 0.02}
FLOOR: Final = {"NHM": 0.002, "THM": 0.003, "RHM": 0.003, "FHM": 0.004}
CLAUSE: Final = {"NHM": "clause 8", "THM": "clause 6", "RHM": "clause 7", "FHM": "clause 9"}
FS: Final = 48000
SHORT_S: Final = 0.6


class ReferenceSound(NamedTuple):
    """A sound, and what another implementation gives for it, by symbol."""

    words: str
    recipe: Recipe
    values: dict[str, float]
    field: str = "free"


DEFINITIONS: Final = (
    ReferenceSound(
        "1 kHz, 40 dB", {"kind": "tone", "f": 1000, "db": 40, "d": 1}, {"NHM": 1.0, "THM": 1.0}
    ),
    ReferenceSound(
        "1 kHz, 60 dB, fully modulated at 70 Hz",
        {"kind": "am", "fc": 1000, "fm": 70, "db": 60, "d": 2},
        {"RHM": 1.0},
    ),
    ReferenceSound(
        "1 kHz, 60 dB, fully modulated at 4 Hz, 10 s",
        {"kind": "am", "fc": 1000, "fm": 4, "db": 60, "d": 10},
        {"FHM": 1.0},
    ),
)

PUBLISHED: Final = (
    # symbol, quantity, of the definition's band of 9 Bark_HMS (1027 Hz), value, limits in per cent
    ("NHM", 0.3477, 1.5, "sone_HMS/Bark_HMS"),
    ("THM", 1.0, 1.5, "tu_HMS"),
    ("RHM", 0.374, 1.5, "asper_HMS/Bark_HMS"),
    ("FHM", 0.395, 3.0, "vacil_HMS/Bark_HMS"),
)

PUBLISHED_ROUGHNESS: Final = {
    # carrier in Hz: asper at the modulation frequencies, 60 dB, fully modulated (2nd edition)
    250: (0.211, 0.471, 0.384, 0.258, 0.172, 0.0802, 0.0365, 0.0527),
    1000: (0.234, 0.701, 0.977, 0.92, 0.685, 0.376, 0.196, 0.0419),
    4000: (0.184, 0.477, 0.675, 0.698, 0.551, 0.342, 0.207, 0.0648),
}
MODULATION_FREQUENCIES: Final = (20, 40, 60, 80, 100, 140, 200, 400)
OLD_EDITION_GATE: Final = 0.08
OLD_EDITION_FLOOR: Final = 0.025

SOUNDS: Final = (
    ReferenceSound(
        "50 Hz, 80 dB",
        {"kind": "tone", "f": 50, "db": 80, "d": 1},
        {"NHM": 1.679910, "THM": 1.679981},
    ),
    ReferenceSound(
        "440 Hz, 30 dB",
        {"kind": "tone", "f": 440, "db": 30, "d": 0.8},
        {"NHM": 0.375302, "THM": 0.403626},
    ),
    ReferenceSound(
        "2.5 kHz, 20 dB, diffuse",
        {"kind": "tone", "f": 2500, "db": 20, "d": 0.8},
        {"NHM": 0.342401, "THM": 0.511883},
        "diffuse",
    ),
    ReferenceSound(
        "12.5 kHz, 70 dB",
        {"kind": "tone", "f": 12500, "db": 70, "d": 0.8},
        {"NHM": 2.210587, "THM": 2.130494},
    ),
    ReferenceSound(
        "1 kHz, 60 dB, 0.35 s",
        {"kind": "tone", "f": 1000, "db": 60, "d": 0.35},
        {"NHM": 2.791402, "THM": 2.071760},
    ),
    ReferenceSound(
        "125 Hz, 75 dB, fully modulated at 25 Hz",
        {"kind": "am", "fc": 125, "fm": 25, "db": 75, "d": 1},
        {"NHM": 2.115426, "THM": 1.213199, "RHM": 0.544766},
    ),
    ReferenceSound(
        "4 kHz, 60 dB, fully modulated at 90 Hz, diffuse",
        {"kind": "am", "fc": 4000, "fm": 90, "db": 60, "d": 1},
        {"NHM": 3.227702, "THM": 1.478759, "RHM": 0.622559},
        "diffuse",
    ),
    ReferenceSound(
        "500 Hz, 65 dB, fully modulated at 40 Hz, 96 kHz",
        {"kind": "am", "fc": 500, "fm": 40, "db": 65, "d": 1, "fs": 96000},
        {"NHM": 2.658468, "THM": 1.236701, "RHM": 0.594613},
    ),
    ReferenceSound(
        "1.5 kHz ± 300 Hz at 70 Hz, 60 dB",
        {"kind": "fm", "fc": 1500, "fmod": 70, "dev": 300, "db": 60, "d": 1},
        {"NHM": 2.182765, "THM": 0.409942, "RHM": 1.157608},
    ),
    ReferenceSound(
        "white noise, 80 dB",
        {"kind": "white", "db": 80, "seed": 202, "d": 1},
        {"NHM": 11.648758, "THM": 0.038052, "RHM": 0.000338},
    ),
    ReferenceSound(
        "noise of 900 Hz to 1100 Hz, 60 dB",
        {"kind": "band", "lo": 900, "hi": 1100, "db": 60, "seed": 204, "d": 1},
        {"NHM": 2.156389, "THM": 0.752435, "RHM": 0.140206},
    ),
    ReferenceSound(
        "250 Hz, 55 dB, in white noise, 50 dB",
        {"kind": "tone_noise", "f": 250, "dbt": 55, "dbn": 50, "seed": 206, "d": 1},
        {"NHM": 4.088824, "THM": 0.782725},
    ),
    ReferenceSound(
        "500 Hz, 65 dB, fully modulated at 2 Hz, 3 s",
        {"kind": "am", "fc": 500, "fm": 2, "db": 65, "d": 3},
        {"FHM": 0.804091},
    ),
    ReferenceSound(
        "1.5 kHz ± 300 Hz at 4 Hz, 60 dB, 3 s",
        {"kind": "fm", "fc": 1500, "fmod": 4, "dev": 300, "db": 60, "d": 3},
        {"FHM": 1.104343},
    ),
    ReferenceSound(
        "white noise, 60 dB, fully modulated at 8 Hz, 3 s",
        {"kind": "amnoise", "fmod": 8, "db": 60, "seed": 211, "d": 3},
        {"FHM": 0.985301},
    ),
)

BINAURAL: Final = ReferenceSound(
    "left 1 kHz, 60 dB, fully modulated at 70 Hz, right pink noise, 55 dB: both ears",
    {
        "kind": "stereo",
        "left": {"kind": "am", "fc": 1000, "fm": 70, "db": 60, "d": 1},
        "right": {"kind": "pink", "db": 55, "seed": 209, "d": 1},
    },
    {"NHM": 4.099358, "RHM": 0.707797},
)

_MEASURED: Final = (*DEFINITIONS, *SOUNDS, BINAURAL)


@lru_cache(maxsize=len(_MEASURED))
def _results(number: int) -> Any:
    """Results of one of the sounds by symbol; what is asked for together is computed together."""
    sound = _MEASURED[number]
    signal = np.atleast_2d(pressure(sound.recipe))
    stream = open_stream(
        list(sound.values),
        fs=sound.recipe.get("fs", FS),
        n_channels=len(signal),
        field=sound.field,
        keep=True,
    )
    stream.push(signal)
    return stream.finish()


def _value(number: int, symbol: str) -> float:
    return float(_results(number)[symbol].value[0])


def _of_both_ears(number: int, symbol: str) -> float:
    return float(_results(number)[symbol].binaural.value)


def _specific(number: int, symbol: str) -> float:
    return float(_results(number)[symbol].specific[0, 17])


@lru_cache(maxsize=64)
def _roughness(carrier: float, modulation: float) -> float:
    recipe = {"kind": "am", "fc": carrier, "fm": modulation, "db": 60, "d": 0.6}
    stream = open_stream(["RHM"], fs=FS)
    stream.push(pressure(recipe)[np.newaxis])
    return float(stream.finish()["RHM"].value[0])


def _has_noise(recipe: Recipe) -> bool:
    parts = [recipe.get("left", {}), recipe.get("right", {})]
    return "seed" in recipe or any("seed" in part for part in parts)


def tolerance(symbol: str, recipe: Recipe, value: float) -> float:
    """Return how far another implementation's value may be away, in its unit."""
    share = GATE[symbol]
    if symbol in ("NHM", "THM") and (recipe.get("fs", FS) != FS or recipe.get("d", 2) < SHORT_S):
        share = 0.01 if symbol == "NHM" else 0.02
    if symbol == "RHM" and _has_noise(recipe):
        share = 0.03
    return max(share * value, FLOOR[symbol])


def _row(
    source: tuple[str, str],
    symbol: str,
    words: str,
    expected: float,
    within: float,
    compute: Callable[[], float],
    grade: Literal["definition", "publication", "target"],
    unit: str = "",
) -> Row:
    entry = REGISTRY[symbol]
    title = entry.title.removesuffix(", hearing model") + UNCERTAIN.get(symbol, "")
    lower, upper = expected - within, expected + within
    unit = unit or entry.unit
    return Row(*source, f"{title}: {words}", expected, lower, upper, unit, compute, grade)


def _definition_rows() -> list[Row]:
    return [
        _row(
            (STANDARD, CLAUSE[symbol]),
            symbol,
            sound.words,
            value,
            DEFINITION_GATE[symbol],
            partial(_value, number, symbol),
            "definition",
        )
        for number, sound in enumerate(DEFINITIONS)
        for symbol, value in sound.values.items()
    ]


def _published_rows() -> list[Row]:
    defined = {symbol: n for n, sound in enumerate(DEFINITIONS) for symbol in sound.values}
    of_band = [
        _row(
            (ARTEMIS, "mlotinga/sottek-hearing-model"),
            symbol,
            f"{DEFINITIONS[defined[symbol]].words}: value of the band of 9 Bark_HMS",
            value,
            percent / 100 * value,
            partial(_specific, defined[symbol], symbol),
            "publication",
            unit,
        )
        for symbol, value, percent, unit in PUBLISHED
    ]
    single = _row(
        (ARTEMIS, "mlotinga/sottek-hearing-model"),
        "FHM",
        DEFINITIONS[defined["FHM"]].words,
        1.003,
        GATE["FHM"] * 1.003,
        partial(_value, defined["FHM"], "FHM"),
        "publication",
    )
    roughness = [
        _row(
            ("ArtemiS SUITE, January 2024", "2nd edition, by MoSQITo"),
            "RHM",
            f"{carrier} Hz, 60 dB, fully modulated at {modulation} Hz",
            value,
            max(OLD_EDITION_GATE * value, OLD_EDITION_FLOOR),
            partial(_roughness, carrier, modulation),
            "publication",
        )
        for carrier, values in PUBLISHED_ROUGHNESS.items()
        for modulation, value in zip(MODULATION_FREQUENCIES, values, strict=True)
    ]
    return [*of_band, single, *roughness]


def _other_rows() -> list[Row]:
    first = len(DEFINITIONS)
    return [
        _row(
            (PEER[symbol], "sounds of formulae"),
            symbol,
            sound.words,
            value,
            tolerance(symbol, sound.recipe, value),
            partial(_of_both_ears if sound is BINAURAL else _value, number, symbol),
            "target",
        )
        for symbol in PEER
        for number, sound in enumerate(_MEASURED[first:], start=first)
        if (value := sound.values.get(symbol)) is not None
    ]


def rows() -> list[Row]:
    """Return the rows of the hearing model."""
    return [*_definition_rows(), *_published_rows(), *_other_rows()]

"""The hearing model against other implementations, sound by sound, value by value.

The reference (SOUNDCAL_REFERENCE) has sounds with the values of an implementation that was written
to be compared with; ``tests/data/hearing_model.json`` has other sounds with the values of MetaSona
and phonometry (``tests/hearing_model_bank.py``). Tolerances are those of ``soundcal verify``;
they are narrower for phonometry, which is made to choose as soundcal does.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.indicators import open_stream
from soundcal.verification.hearing_model import tolerance
from soundcal.verification.recipes import pressure

BANK = json.loads((Path(__file__).parents[2] / "data" / "hearing_model.json").read_text())["sounds"]
DETAIL = {"N": 0.015, "T": 0.015, "R": 0.015, "F": 0.03}
DETAIL_FLOOR = 0.003
SETTLED = {"N": 2e-4, "T": 2e-4, "R": 2e-4, "F": 1e-3}
"""What readers of the text agree within where their choices are the same: phonometry's values."""

OF_REFERENCE = (
    "twotone_1000_1180",
    "silence",
)
"""Sounds of the reference that are cheap; the others run with ``--long``."""

LONG_OF_REFERENCE = (
    "ref_loudness_tonality",
    "ref_roughness",
    "ref_fluctuation",
    "ref_fluctuation_5s",
    "tone_125_65",
    "tone_3150_45",
    "tone_3150_45_diffuse",
    "tone_8000_60",
    "am_500_50_65",
    "am_2000_30_70_m07",
    "fm_2000_40_400_65",
    "white_55",
    "pink_60",
    "tone_700_50_in_white_50",
    "steps_1000_40_70",
    "stereo_tone_pink",
    "am_1000_70_60_44k",
    "am_1000_8_70",
    "am_2000_2_60_m05",
    "amnoise_4_65",
    "gated_1000_60",
)

OF_BANK = (
    "tone_15000_80",
    "sweep_200_2000_60",
    "gated_1000_85",
    "short_am_1000_70_70",
    "both_ears",
    "pulses_1000_4_70",
)


def cheap_or_long(cheap: tuple[str, ...], names: tuple[str, ...]) -> list[Any]:
    return [*cheap, *(pytest.param(n, marks=pytest.mark.long) for n in names if n not in cheap)]


def measured(recipe: dict[str, Any], field: str, metrics: str) -> dict[str, Any]:
    """Return the results by N, T, R, F."""
    signal = np.atleast_2d(pressure(recipe))
    stream = open_stream(
        [f"{metric}HM" for metric in metrics],
        fs=recipe.get("fs", 48000),
        n_channels=len(signal),
        field=field,
        keep=True,
    )
    stream.push(signal)
    return {symbol[0]: result for symbol, result in stream.finish().items()}


@lru_cache(maxsize=1)
def reference_sounds(file: Path) -> dict[str, Any]:
    return {sound["name"]: sound for sound in json.loads(file.read_text())["signals"]}


def test_every_sound_of_the_reference_is_tried(reference: Path) -> None:
    known = reference_sounds(reference / "hearing_model" / "expected.json")
    assert set(known) == {*OF_REFERENCE, *LONG_OF_REFERENCE}


@pytest.mark.parametrize("name", cheap_or_long(OF_REFERENCE, LONG_OF_REFERENCE))
def test_reference(name: str, reference: Path) -> None:
    sound = reference_sounds(reference / "hearing_model" / "expected.json")[name]
    expected = dict(sound["expected"])
    details, of_both = expected.pop("detail", {}), expected.pop("binaural", {})
    results = measured(sound["recipe"] | {"fs": sound["fs"]}, sound["field"], "".join(expected))
    for metric, values in expected.items():
        share, least = sound["rtol"][metric], sound["atol"][metric]
        for found, value in zip(results[metric].value, np.atleast_1d(values), strict=True):
            assert found == pytest.approx(value, rel=share, abs=least), metric
    for metric, value in of_both.items():
        share, least = sound["rtol"][metric], sound["atol"][metric]
        assert results[metric].binaural.value == pytest.approx(value, rel=share, abs=least), metric
    for name, pairs in details.items():
        check_details(results[name[0]], name, pairs)


def check_details(result: Any, name: str, pairs: list[list[float]]) -> None:
    """Compare specific values by band, or the series by its index, of the only channel."""
    metric, _, what = name.partition("_")
    values = getattr(result, what)[0]
    for index, value in pairs:
        found = values[int(index)]
        assert found == pytest.approx(value, rel=DETAIL[metric], abs=DETAIL_FLOOR), (name, index)


@pytest.mark.parametrize("name", cheap_or_long(OF_BANK, tuple(s["name"] for s in BANK)))
def test_other_sounds(name: str) -> None:
    sound = next(sound for sound in BANK if sound["name"] == name)
    recipe = sound["recipe"]
    metrics = {m: None for ears in sound["values"].values() for ear in ears for m in ear}
    results = measured(recipe, sound["field"], "".join(metrics))
    n_channels = 2 if recipe["kind"] == "stereo" else 1
    for library, ears in sound["values"].items():
        for metric in metrics:
            for ear, values in enumerate(ears):
                if metric not in values:
                    continue
                result = results[metric]
                found = result.value[ear] if ear < n_channels else result.binaural.value
                expected = values[metric]
                if library == "phonometry":
                    settled = pytest.approx(expected, rel=SETTLED[metric], abs=1e-5)
                    assert found == settled, (metric, ear)
                within = tolerance(f"{metric}HM", recipe, expected)
                assert found == pytest.approx(expected, rel=0, abs=within), (library, metric, ear)
    for name, pairs in sound["detail"].items():
        check_details(results[name[0]], name, pairs)

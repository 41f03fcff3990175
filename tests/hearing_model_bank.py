"""Write ``tests/data/hearing_model.json``: what two other libraries give for many sounds.

Usage, in a Python 3.13 of its own, because phonometry 3 needs one (five minutes):

    python3.13 -m venv rivals && rivals/bin/pip install 'phonometry==3.3.0' 'metasona==0.2.2'
    PYTHONPATH=. rivals/bin/python tests/hearing_model_bank.py

MetaSona (C, GPL; used as a program, its source was not read) gives loudness, tonality and
roughness, phonometry (Python, MIT, written from the standard's text) all four. Three things are
changed so that they can be compared, because what they differ in is known:

* MetaSona takes the 90th percentile of the roughness by another rule of interpolation; it is taken
  from its series by that of the others (type 7) where there is one.
* phonometry 3.3.0 adds its 10⁻¹² inside the root of the autocorrelation's denominator, which costs
  1.5 % of the loudness at 40 dB; outside, it must not divide rounding noise by 10⁻¹² where a block
  holds only the beginning of a sound, which would put tonality up by 7 %: what is 0 there stays 0.
* Where the strongest modulation may be the second or third harmonic (9.1.8), soundcal asks for a
  component at the fundamental, as sottek-hearing-model does; phonometry does not, which gives
  steady noise 6 to 15 % more fluctuation strength, and other sounds up to 3 % more.
"""

import importlib
import inspect
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from soundcal.verification.recipes import pressure

FILE: Final = Path(__file__).parent / "data" / "hearing_model.json"
FS: Final = 48000
SKIPPED: Final = {"R": 16, "F": 36}
"""Values at 50 Hz that do not count for the percentile."""

SOUNDS: Final[list[dict[str, Any]]] = []


def sound(name: str, metrics: str, kind: str, field: str = "free", **recipe: Any) -> None:
    SOUNDS.append(
        {"name": name, "recipe": {"kind": kind} | recipe, "field": field, "metrics": metrics}
    )


sound("tone_50_80", "NTR", "tone", f=50, db=80, d=1.0)
sound("tone_80_70_diffuse", "NTR", "tone", field="diffuse", f=80, db=70, d=1.0)
sound("tone_250_60", "NTR", "tone", f=250, db=60, d=0.8)
sound("tone_440_30", "NTR", "tone", f=440, db=30, d=0.8)
sound("tone_1000_10", "NTR", "tone", f=1000, db=10, d=0.8)
sound("tone_1000_95", "NTR", "tone", f=1000, db=95, d=0.8)
sound("tone_2500_20_diffuse", "NTR", "tone", field="diffuse", f=2500, db=20, d=0.8)
sound("tone_5000_75", "NTR", "tone", f=5000, db=75, d=0.8)
sound("tone_12500_70", "NTR", "tone", f=12500, db=70, d=0.8)
sound("tone_15000_80", "NTR", "tone", f=15000, db=80, d=0.8)
sound("am_250_40_70", "NTR", "am", fc=250, fm=40, db=70, d=1.0)
sound("am_1000_120_65_m05", "NTR", "am", fc=1000, fm=120, db=65, m=0.5, d=1.0)
sound("am_4000_90_60_diffuse", "NTR", "am", field="diffuse", fc=4000, fm=90, db=60, d=1.0)
sound("am_8000_70_75", "NTR", "am", fc=8000, fm=70, db=75, d=1.0)
sound("am_125_25_75", "NTR", "am", fc=125, fm=25, db=75, d=1.0)
sound("fm_1500_70_300_60", "NTR", "fm", fc=1500, fmod=70, dev=300, db=60, d=1.0)
sound("fm_500_30_100_70", "NTR", "fm", fc=500, fmod=30, dev=100, db=70, d=1.0)
sound("white_30", "NTR", "white", db=30, seed=201, d=1.0)
sound("white_80", "NTR", "white", db=80, seed=202, d=1.0)
sound("pink_45_diffuse", "NTR", "pink", field="diffuse", db=45, seed=203, d=1.0)
sound("band_900_1100_60", "NTR", "band", lo=900, hi=1100, db=60, seed=204, d=1.0)
sound("band_4000_8000_70", "NTR", "band", lo=4000, hi=8000, db=70, seed=205, d=1.0)
sound("tone_250_55_in_white_50", "NTR", "tone_noise", f=250, dbt=55, dbn=50, seed=206, d=1.0)
sound("tone_3000_45_in_white_55", "NTR", "tone_noise", f=3000, dbt=45, dbn=55, seed=207, d=1.0)
sound("harmonics_of_220_65", "NTR", "complex_tone", f0=220, n=10, db=65, d=1.0)
sound("twotone_440_466_60", "NTR", "twotone", f1=440, f2=466, db1=60, db2=60, d=1.0)
sound("sweep_200_2000_60", "NTR", "sweep", f0=200, f1=2000, db=60, d=1.0)
sound("amnoise_70_65", "NTR", "amnoise", fmod=70, db=65, seed=208, d=1.0)
sound("steps_500_60_30", "NTR", "steps", f=500, db1=60, db2=30, d=1.0)
sound("gated_1000_85", "NTR", "gated", f=1000, db=85, on=0.25, off=0.3, d=1.2)
sound("gated_200_70", "NTR", "gated", f=200, db=70, on=0.1, off=0.25, d=1.2)
sound(
    "both_ears",
    "NTR",
    "stereo",
    left={"kind": "am", "fc": 1000, "fm": 70, "db": 60, "d": 1.0},
    right={"kind": "pink", "db": 55, "seed": 209, "d": 1.0},
)
sound("tone_1000_60_44100", "NTR", "tone", f=1000, db=60, d=0.8, fs=44100)
sound("pink_60_44100", "NTR", "pink", db=60, seed=210, d=1.0, fs=44100)
sound("am_500_40_65_96000", "NTR", "am", fc=500, fm=40, db=65, d=1.0, fs=96000)
sound("short_tone_1000_60", "NTR", "tone", f=1000, db=60, d=0.35)
sound("short_am_1000_70_70", "NTR", "am", fc=1000, fm=70, db=70, d=0.35)
sound("am_500_2_65", "F", "am", fc=500, fm=2, db=65, d=3.0)
sound("am_4000_8_55", "F", "am", fc=4000, fm=8, db=55, d=3.0)
sound("am_1000_16_70", "F", "am", fc=1000, fm=16, db=70, d=2.0)
sound("am_1000_05_60", "F", "am", fc=1000, fm=0.5, db=60, d=5.0)
sound("am_250_4_60_diffuse", "F", "am", field="diffuse", fc=250, fm=4, db=60, d=3.0)
sound("am_8000_4_75", "F", "am", fc=8000, fm=4, db=75, d=3.0)
sound("am_1000_4_90", "F", "am", fc=1000, fm=4, db=90, d=2.0)
sound("am_1000_4_30", "F", "am", fc=1000, fm=4, db=30, d=2.0)
sound("am_1000_59_60_m04", "F", "am", fc=1000, fm=5.9, db=60, m=0.4, d=3.0)
sound("two_rates_4_2", "F", "twomod", fc=1000, fa=4, fb=2, db=60, d=3.0)
sound("fm_1500_4_300_60", "F", "fm", fc=1500, fmod=4, dev=300, db=60, d=3.0)
sound("amnoise_8_60", "F", "amnoise", fmod=8, db=60, seed=211, d=3.0)
sound("pulses_1000_4_70", "F", "gated", f=1000, db=70, on=0.1, off=0.15, d=3.0)
sound("steady_pink_60", "F", "pink", db=60, seed=212, d=3.0)
sound(
    "both_ears_4_8",
    "F",
    "stereo",
    left={"kind": "am", "fc": 1000, "fm": 4, "db": 60, "d": 2.0},
    right={"kind": "am", "fc": 2000, "fm": 8, "db": 65, "d": 2.0},
)
sound("am_1000_4_60_44100", "F", "am", fc=1000, fm=4, db=60, d=3.0, fs=44100)
sound("silence_15", "NTRF", "silence", d=1.6)


def changed(module: Any, function: Callable[..., Any], old: str, new: str) -> None:
    """Replace a piece of a library's function."""
    source = inspect.getsource(function)
    if source.count(old) != 1:
        raise SystemExit(f"{function.__name__} is not that of phonometry 3.3.0")
    exec(source.replace(old, new), vars(module))


def phonometry_as_described() -> Any:
    loudness, fluctuation = (
        importlib.import_module(f"phonometry.psychoacoustics.{name}_ecma")
        for name in ("loudness", "fluctuation_strength")
    )
    changed(
        loudness,
        loudness._band_acf,
        "denom = np.sqrt(left * right + _EPS)\n    out[:, :m_max] = unscaled[:, :m_max] / denom",
        "product = np.maximum(left * right, 0.0)\n"
        "    there = np.where(product > 0.0, unscaled[:, :m_max], 0.0)\n"
        "    out[:, :m_max] = there / (np.sqrt(product) + _EPS)",
    )
    changed(
        fluctuation,
        fluctuation._harmonic_complex,
        "if energy > best_energy:",
        "if energy > best_energy and (order == 1 or np.any(members & (ratios == 1))):",
    )
    return importlib.import_module("phonometry")


def by_phonometry(library: Any, x: np.ndarray, entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return value, series and specific values by metric: of each ear, then of both."""
    fs, field = entry["recipe"].get("fs", FS), entry["field"]
    functions = {
        "N": (library.loudness_ecma, "loudness"),
        "T": (library.tonality_ecma, "tonality"),
        "R": (library.roughness_ecma, "roughness"),
        "F": (library.fluctuation_strength_ecma, "fluctuation_strength"),
    }
    ears: list[dict[str, Any]] = []
    for ear in np.atleast_2d(x):
        found = {}
        for metric in entry["metrics"]:
            function, name = functions[metric]
            result = function(ear, fs, field=field)
            found[metric] = {
                "value": getattr(result, name),
                "series": getattr(result, f"{name}_vs_time"),
                "specific": getattr(result, f"specific_{name}"),
                "over_time": getattr(result, f"specific_{name}_vs_time", None),
            }
        ears.append(found)
    if len(ears) == 2:
        both = {}
        for metric, skipped in SKIPPED.items():
            if metric in entry["metrics"]:
                left, right = (ear[metric]["over_time"] for ear in ears)
                series = 0.5 * np.sqrt((left**2 + right**2) / 2.0).sum(axis=1)
                both[metric] = {"value": np.percentile(series[skipped:], 90)}
        ears.append(both)
    return ears


def by_metasona(library: Any, x: np.ndarray, entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the value by metric: of each ear, then of both."""
    fs, field = entry["recipe"].get("fs", FS), entry["field"]
    both = {}
    ears: list[dict[str, Any]] = []
    for ear in np.atleast_2d(x):
        tonal = library.ecma_tonal_analysis(ear, fs, sound_field=field)
        rough = library.roughness_ecma(ear, fs, sound_field=field).roughness_asper
        ears.append(
            {
                "N": {"value": tonal.loudness.mean_loudness_sone},
                "T": {"value": tonal.tonality.mean_tonality_tu},
                "R": {"value": np.percentile(rough[SKIPPED["R"] :], 90)},
            }
        )
    if len(ears) == 2:
        pair = np.ascontiguousarray(x.T)
        tonal = library.ecma_tonal_analysis(pair, fs, sound_field=field)
        rough = library.roughness_ecma(pair, fs, sound_field=field).binaural_roughness_asper
        both["N"] = {"value": tonal.loudness.binaural_mean_loudness_sone}
        both["R"] = {"value": np.percentile(rough[SKIPPED["R"] :], 90)}
        ears.append(both)
    return ears


def details(ear: dict[str, Any], seconds: float) -> dict[str, list[list[float]]]:
    """Return some specific values and some of the series as pairs of index and value."""
    chosen = {}
    for metric, found in ear.items():
        specific, series = found["specific"], found["series"]
        bands = sorted({0, 10, 17, 26, 40, int(np.argmax(specific))})
        # phonometry's series of loudness and tonality go on behind the end of the sound
        rate, first = (50.0, SKIPPED[metric]) if metric in SKIPPED else (187.5, 57)
        indices = np.linspace(first, int(rate * seconds), 5).astype(int).tolist()
        for name, values, at in (("specific", specific, bands), ("series", series, indices)):
            chosen[f"{metric}_{name}"] = [[i, round(float(values[i]), 6)] for i in at]
    return chosen


def main() -> None:
    """Compute everything and write the file."""
    warnings.simplefilter("ignore")
    phonometry, metasona = phonometry_as_described(), importlib.import_module("metasona")
    entries = []
    for number, entry in enumerate(SOUNDS, start=1):
        print(f"{number} of {len(SOUNDS)}: {entry['name']}", flush=True)
        x, fs = pressure(entry["recipe"]), entry["recipe"].get("fs", FS)
        values = {"phonometry": by_phonometry(phonometry, x, entry)}
        if entry["metrics"] != "F":
            values["metasona"] = by_metasona(metasona, x, entry)
        one = len(values["phonometry"]) == 1
        entries.append(
            {key: entry[key] for key in ("name", "recipe", "field")}
            | {
                "values": {
                    library: [
                        {metric: round(float(found["value"]), 7) for metric, found in ear.items()}
                        for ear in ears
                    ]
                    for library, ears in values.items()
                },
                "detail": details(values["phonometry"][0], len(x) / fs) if one else {},
            }
        )
    made = "phonometry 3.3.0 and MetaSona 0.2.2, see tests/hearing_model_bank.py"
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    FILE.write_text(f'{{"made": {json.dumps(made)}, "sounds": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()

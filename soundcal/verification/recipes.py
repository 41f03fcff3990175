"""Test sounds as recipes: a few words and numbers that give the same samples everywhere.

Noise comes from a generator that any language can repeat to the last bit, so a value computed
elsewhere from the same recipe belongs to the same sound.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.units import level_to_pascal

__all__ = ["Recipe", "pressure", "repeatable_noise"]

Recipe = Mapping[str, Any]
"""``kind``, ``d`` (duration in s, default 2), ``fs`` (in Hz, default 48000) and the kind's keys."""

_MODULUS: Final = 2**31 - 1
_MULTIPLIER: Final = 48271


def repeatable_noise(n: int, seed: int) -> Array:
    """Return n samples of nearly Gaussian white noise with unit variance.

    Integers x follow each other as ``48271 x mod (2³¹ - 1)``, from the seed on, which is not used
    itself; a sample is the sum of twelve x / (2³¹ - 1), minus 6.

    >>> repeatable_noise(3, 12345).round(8).tolist()
    [0.28438674, -1.78595784, 1.98701077]
    """
    powers = np.array([_MULTIPLIER], dtype=np.int64)
    while powers.size < 12 * n:
        powers = np.concatenate([powers, powers * powers[-1] % _MODULUS])
    uniform = (powers[: 12 * n] * seed % _MODULUS) / _MODULUS
    return np.asarray(uniform.reshape(n, 12).sum(axis=1) - 6.0)


def pressure(recipe: Recipe) -> Array:
    """Return the sound of a recipe in Pa: ``(n,)``, or ``(2, n)`` of kind ``stereo``.

    ======================  =======================================================================
    kind                    sound; ``db`` is its level in dB, r.m.s. over its whole length
    ======================  =======================================================================
    ``tone``                sine of ``f`` Hz
    ``am``                  sine of ``fc``, modulated at ``fm`` Hz with index ``m`` (default 1)
    ``twomod``              the same at ``fa`` and ``fb`` Hz, each with index 0.5
    ``fm``                  sine of ``fc`` ± ``dev`` Hz at ``fmod`` Hz
    ``twotone``             sines of ``f1`` and ``f2`` Hz with ``db1`` and ``db2``
    ``complex_tone``        ``n`` harmonics of ``f0`` Hz, amplitudes 1/i
    ``steps``               sine of ``f`` Hz, ``db1`` in the first half, ``db2`` in the second
    ``gated``               sine of ``f`` Hz with ``db`` for ``on`` s, then ``off`` s of silence, …
    ``sweep``               exponential sweep from ``f0`` to ``f1`` Hz
    ``white``, ``pink``     noise of ``seed``; pink from 20 Hz on
    ``band``                noise of ``seed`` from ``lo`` to ``hi`` Hz
    ``amnoise``             noise of ``seed``, modulated at ``fmod`` Hz with index ``m``
    ``tone_noise``          sine of ``f`` Hz with ``dbt`` in white noise of ``seed`` with ``dbn``
    ``silence``             zeros
    ``stereo``              the recipes ``left`` and ``right``
    ======================  =======================================================================
    """
    if recipe["kind"] == "stereo":
        return np.stack([pressure(recipe[side]) for side in ("left", "right")])
    fs = recipe.get("fs", 48000)
    t = np.arange(round(recipe.get("d", 2.0) * fs)) / fs
    return _KINDS[recipe["kind"]](recipe, t, float(fs))


def _scaled(signal: Array, level: float) -> Array:
    return np.asarray(signal * level_to_pascal(level) / np.sqrt(np.mean(signal**2)))


def _sine(frequency: float, t: Array) -> Array:
    return np.asarray(np.sin(2 * np.pi * frequency * t))


def _modulation(frequency: float, t: Array) -> Array:
    """A sine that begins at its minimum."""
    return np.asarray(np.sin(2 * np.pi * frequency * t - np.pi / 2))


def _tone(r: Recipe, t: Array, fs: float) -> Array:
    return _scaled(_sine(r["f"], t), r["db"])


def _am(r: Recipe, t: Array, fs: float) -> Array:
    envelope = 1.0 + r.get("m", 1.0) * _modulation(r["fm"], t)
    return _scaled(envelope * _sine(r["fc"], t), r["db"])


def _twomod(r: Recipe, t: Array, fs: float) -> Array:
    a, b = r.get("ma", 0.5), r.get("mb", 0.5)
    envelope = 1.0 + a * _modulation(r["fa"], t) + b * _modulation(r["fb"], t)
    return _scaled(envelope * _sine(r["fc"], t), r["db"])


def _fm(r: Recipe, t: Array, fs: float) -> Array:
    phase = 2 * np.pi * r["fc"] * t + r["dev"] / r["fmod"] * _sine(r["fmod"], t)
    return _scaled(np.sin(phase), r["db"])


def _twotone(r: Recipe, t: Array, fs: float) -> Array:
    return _scaled(_sine(r["f1"], t), r["db1"]) + _scaled(_sine(r["f2"], t), r["db2"])


def _complex_tone(r: Recipe, t: Array, fs: float) -> Array:
    harmonics = [_sine(i * r["f0"], t) / i for i in range(1, r["n"] + 1)]
    return _scaled(np.sum(harmonics, axis=0), r["db"])


def _steps(r: Recipe, t: Array, fs: float) -> Array:
    first = t < r.get("d", 2.0) / 2
    amplitude = np.where(first, level_to_pascal(r["db1"]), level_to_pascal(r["db2"]))
    return np.asarray(np.sqrt(2.0) * amplitude * _sine(r["f"], t))


def _gated(r: Recipe, t: Array, fs: float) -> Array:
    on = t % (r["on"] + r["off"]) < r["on"]
    return np.asarray(np.sqrt(2.0) * level_to_pascal(r["db"]) * np.where(on, _sine(r["f"], t), 0.0))


def _sweep(r: Recipe, t: Array, fs: float) -> Array:
    growth = np.log(r["f1"] / r["f0"]) / r.get("d", 2.0)
    return _scaled(np.sin(2 * np.pi * r["f0"] * np.expm1(growth * t) / growth), r["db"])


def _white(r: Recipe, t: Array, fs: float) -> Array:
    return _scaled(repeatable_noise(t.size, r["seed"]), r["db"])


def _shaped(r: Recipe, t: Array, fs: float, gain: Callable[[Array], Array]) -> Array:
    spectrum = np.fft.rfft(repeatable_noise(t.size, r["seed"]))
    spectrum *= gain(np.fft.rfftfreq(t.size, 1.0 / fs).astype(np.float64))
    return _scaled(np.fft.irfft(spectrum, t.size), r["db"])


def _pink(r: Recipe, t: Array, fs: float) -> Array:
    return _shaped(r, t, fs, lambda f: np.where(f < 20.0, 0.0, 1.0 / np.sqrt(np.maximum(f, 20.0))))


def _band(r: Recipe, t: Array, fs: float) -> Array:
    return _shaped(r, t, fs, lambda f: ((f >= r["lo"]) & (f <= r["hi"])).astype(float))


def _amnoise(r: Recipe, t: Array, fs: float) -> Array:
    envelope = 1.0 + r.get("m", 1.0) * _modulation(r["fmod"], t)
    return _scaled(envelope * repeatable_noise(t.size, r["seed"]), r["db"])


def _tone_noise(r: Recipe, t: Array, fs: float) -> Array:
    return _scaled(_sine(r["f"], t), r["dbt"]) + _scaled(
        repeatable_noise(t.size, r["seed"]), r["dbn"]
    )


def _silence(r: Recipe, t: Array, fs: float) -> Array:
    return np.zeros(t.size)


_KINDS: Final[dict[str, Callable[[Recipe, Array, float], Array]]] = {
    "tone": _tone,
    "am": _am,
    "twomod": _twomod,
    "fm": _fm,
    "twotone": _twotone,
    "complex_tone": _complex_tone,
    "steps": _steps,
    "gated": _gated,
    "sweep": _sweep,
    "white": _white,
    "pink": _pink,
    "band": _band,
    "amnoise": _amnoise,
    "tone_noise": _tone_noise,
    "silence": _silence,
}

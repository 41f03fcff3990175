"""Tones, noises, sweeps and bursts: one channel, shape (1, n_samples)."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.stimuli import filters
from soundcal.stimuli.exact import Bits, exact_sine, exp2, gain, rounded
from soundcal.stimuli.kernels import filtered

__all__ = ["SIGNALS", "faded", "to_peak"]
Parameters = Mapping[str, Any]

PEAK: Final = 0.9
"""Largest sample of every stimulus as a fraction of full scale."""


def _turns(frequency: float, fs: int, n: int) -> Array:
    if frequency >= 0.5 * fs:
        raise ParameterError(
            f"a tone of {frequency:g} Hz at a sampling rate of {fs} Hz: less than half the rate is "
            "expected"
        )
    turns: Array = np.arange(n) * frequency / fs
    return turns


def tone(p: Parameters, seed: int, fs: int, n: int) -> Array:
    """Sine of ``frequency`` Hz."""
    return exact_sine(_turns(p["frequency"], fs, n)) * PEAK


def am_tone(p: Parameters, seed: int, fs: int, n: int) -> Array:
    """Sine of ``frequency`` Hz, its amplitude modulated ``modulation`` times per s by ``depth``."""
    envelope = 1.0 + p["depth"] * exact_sine(_turns(p["modulation"], fs, n) - 0.25)
    return np.asarray(
        exact_sine(_turns(p["frequency"], fs, n)) * envelope * (PEAK / (1.0 + p["depth"]))
    )


def fm_tone(p: Parameters, seed: int, fs: int, n: int) -> Array:
    """Sine whose frequency swings by ``deviation`` Hz, ``modulation`` times per s."""
    index = rounded(p["deviation"] / (2.0 * math.pi * p["modulation"]))
    swing = index * exact_sine(_turns(p["modulation"], fs, n) - 0.25)
    return exact_sine(_turns(p["frequency"], fs, n) + swing) * PEAK


def sweep(p: Parameters, seed: int, fs: int, n: int) -> Array:
    """Exponential sine sweep from ``start`` to ``stop`` Hz (Farina, AES 108th Convention, 2000)."""
    stop = min(p["stop"], 0.45 * fs)
    octaves = rounded(math.log2(stop / p["start"]))
    scale = rounded(p["start"] * (n / fs) / math.log(stop / p["start"]))
    turns = scale * (exp2(np.arange(n) * octaves / n) - 1.0)
    return exact_sine(turns) * faded(n, round(0.02 * fs)) * PEAK


def burst(p: Parameters, seed: int, fs: int, n: int) -> Array:
    """Bursts of ``length`` s of a sine of ``frequency`` Hz, one every ``every`` s.

    Bursts start and end at zero crossings, as the test bursts of IEC 61672-1:2013, 5.9 do.
    """
    period = round(p["every"] * fs)
    at = np.arange(n) % period
    cycles = max(1, round(p["length"] * p["frequency"]))
    turns = _turns(p["frequency"], fs, period)[at]
    return np.where(turns < cycles, exact_sine(turns), 0.0) * PEAK


def white(p: Parameters, seed: int, fs: int, n: int) -> Array:
    """White noise."""
    return to_peak(Bits([seed]).noise(n))


def pink(p: Parameters, seed: int, fs: int, n: int) -> Array:
    """Pink noise: equal power per octave from 20 Hz up."""
    sections = filters.pink_slope(fs) + filters.highpass(15.0, fs)
    return to_peak(filtered(Bits([seed]).noise(n), filters.stacked(sections)))


def speech(p: Parameters, seed: int, fs: int, n: int) -> Array:
    """Noise with the long-term average spectrum of speech.

    Power density in dB: ``-376.44 + 465.439 x - 157.745 x^2 + 16.7124 x^3`` with ``x = lg(f/Hz)``,
    100 Hz to 8 kHz (ITU-T P.50, 09/99, equation 1). Third-octave bands of independent noise, each
    of two band-pass sections, are added with that power.
    """
    total = np.zeros(n)
    for band in range(-10, 10):
        centre = rounded(1000.0 * 10.0 ** (band / 10.0))
        if centre > 0.4 * fs:
            break
        x = math.log10(centre)
        density = -376.44 + 465.439 * x - 157.745 * x * x + 16.7124 * x * x * x
        sections = filters.stacked(filters.bandpass(centre, fs, _BAND_Q) * 2)
        noise = filtered(Bits([seed, band + 10]).noise(n), sections)
        total += noise * gain(density)
    return to_peak(total)


_BAND_Q: Final = rounded(1.0 / (10.0**0.05 - 10.0**-0.05))


def to_peak(x: Array) -> Array:
    """Return ``x`` scaled to a peak of 0.9; silence stays silence."""
    largest = float(np.abs(x).max(initial=0.0))
    return x * (PEAK / largest) if largest > 0 else x


def faded(n: int, ramp: int) -> Array:
    """Return a gain of 1, shape (n,), with raised-cosine ramps of ``ramp`` samples at both ends."""
    at = np.minimum(np.arange(n), np.arange(n)[::-1])
    return 0.5 - 0.5 * exact_sine(np.minimum(at / (2.0 * ramp), 0.5) + 0.25)


SIGNALS: Final[dict[str, Callable[[Parameters, int, int, int], Array]]] = {
    "tone": tone,
    "am": am_tone,
    "fm": fm_tone,
    "sweep": sweep,
    "burst": burst,
    "white": white,
    "pink": pink,
    "speech": speech,
}
"""Generator of each kind: parameters, seed, sampling rate in Hz, number of samples."""

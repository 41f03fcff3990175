"""Sound sources of a scene: one mono signal per source, at any scale."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.stimuli import filters
from soundcal.stimuli.exact import Bits, exact_sine, exp2, gain, rounded, smooth_curve
from soundcal.stimuli.kernels import filtered, rung, vocal

__all__ = ["SOURCES"]
Layer = Mapping[str, Any]


def _shape(layer: Layer, fs: int) -> list[filters.Section]:
    """Return the filter sections of the keys that any source may have for its spectrum."""
    colours = {"pink": filters.pink_slope(fs, 4.0), "brown": filters.brown_slope(fs), "white": []}
    sections = colours[layer.get("colour", "white")]
    if "above" in layer:
        sections += filters.highpass(layer["above"], fs)
    if "below" in layer:
        sections += filters.lowpass(layer["below"], fs)
    for frequency, level, q in layer.get("peaks", ()):
        sections += filters.peak(frequency, fs, level, q)
    return sections


def _coloured(x: Array, layer: Layer, fs: int) -> Array:
    sections = _shape(layer, fs)
    return filtered(x, filters.stacked(sections)) if sections else x


def _swell(layer: Layer, bits: Bits, fs: int, n: int) -> Array | float:
    """Return a slow random gain of ``depth`` dB with a new value every ``period`` s."""
    if "depth" not in layer:
        return 1.0
    step = layer["period"] * fs
    levels = bits.uniform(-0.5, 0.5, math.ceil(n / step) + 2) * layer["depth"]
    return smooth_curve(exp2(levels * _OCTAVES_PER_DB), step, n)


_OCTAVES_PER_DB: Final = rounded(math.log2(10.0) / 20.0)


def noise(layer: Layer, bits: Bits, fs: int, n: int) -> Array:
    """Noise with a colour, edges and bells, swelling slowly: wind, water, ventilation, tyres."""
    return _coloured(bits.noise(n), layer, fs) * _swell(layer, bits, fs, n)


def hum(layer: Layer, bits: Bits, fs: int, n: int) -> Array:
    """Harmonics of ``frequency``, falling by ``fall`` dB per octave: motors, fans, transformers.

    The frequency wanders by the fraction ``wander``, like that of a machine under load.
    """
    wander = bits.uniform(-1.0, 1.0, math.ceil(n / fs) + 2) * layer.get("wander", 0.0)
    speed = layer["frequency"] * (1.0 + smooth_curve(wander, float(fs), n)) / fs
    turns = np.cumsum(speed)
    total = np.zeros(n)
    for order in range(1, layer.get("harmonics", 8) + 1):
        if layer["frequency"] * order > 0.4 * fs:
            break
        total += gain(-layer["fall"] * math.log2(order)) * exact_sine(
            turns * order + bits.between(0.0, 1.0)
        )
    return _coloured(total, layer, fs) * _swell(layer, bits, fs, n)


def _times(layer: Layer, bits: Bits, seconds: float) -> list[float]:
    """Return the times of events, every ``every`` s on average, made irregular by ``jitter``."""
    times: list[float] = []
    jitter = layer.get("jitter", 1.0)
    at = layer["every"] * bits.between(0.0, 0.5)
    while at < seconds:
        times.append(at)
        at += layer["every"] * (1.0 + jitter * bits.between(-0.9, 0.9))
    return times


def impacts(layer: Layer, bits: Bits, fs: int, n: int) -> Array:
    """Strokes that make modes ring: hammers, steps, dishes, drops, bells.

    ``modes`` are frequencies in Hz; each stroke shifts them by up to the fraction ``spread``.
    ``decay`` is the time in s in which a mode of 1 kHz falls by 60 dB; the decay time of other
    modes is proportional to the square root of their period.
    """
    start: list[int] = []
    size: list[float] = []
    pitch: list[float] = []
    decay: list[float] = []
    for time in _times(layer, bits, n / fs):
        shift = 1.0 + layer.get("spread", 0.0) * bits.between(-1.0, 1.0)
        force = bits.between(0.3, 1.0)
        for mode in layer["modes"]:
            frequency = mode * shift
            if frequency < 0.4 * fs:
                start.append(int(time * fs))
                size.append(force * bits.between(0.4, 1.0))
                pitch.append(frequency)
                decay.append(layer["decay"] * math.sqrt(1000.0 / frequency))
    if not start:
        return np.zeros(n)
    turns = np.array(pitch) / fs
    # 60 dB are 9.966 octaves of amplitude
    radius = exp2(-_SIXTY_DB / (np.array(decay) * fs))
    cosine, sinus = radius * exact_sine(turns + 0.25), radius * exact_sine(turns)
    rings = rung(np.array(start, dtype=np.int64), np.array(size), cosine, sinus, n)
    return _coloured(rings, layer, fs)


_SIXTY_DB: Final = rounded(3.0 * math.log2(10.0))


def bursts(layer: Layer, bits: Bits, fs: int, n: int) -> Array:
    """Noise in strokes of ``length`` s with a sharp start: drills, saws, waves, applause."""
    out = np.zeros(n)
    attack = layer.get("attack", 0.05)
    for time in _times(layer, bits, n / fs):
        length = layer["length"] * bits.between(0.7, 1.3)
        first = int(time * fs)
        m = min(n - first, int(length * fs))
        if m > 1:
            position = np.arange(m) / m
            rise = np.minimum(1.0, position / attack)
            fall = np.minimum(1.0, (1.0 - position) / (1.0 - attack))
            out[first : first + m] += bits.noise(m) * rise * fall * bits.between(0.5, 1.0)
    return _coloured(out, layer, fs)


def birds(layer: Layer, bits: Bits, fs: int, n: int) -> Array:
    """Song: phrases of syllables that glide and trill around ``frequency`` Hz."""
    out = np.zeros(n)
    for time in _times(layer, bits, n / fs):
        pitch = layer["frequency"] * bits.between(0.8, 1.3)
        glide, trill = bits.between(-0.35, 0.35), bits.between(15.0, 45.0)
        swing, length = bits.between(0.0, 0.08), bits.between(0.05, 0.22)
        force = bits.between(0.3, 1.0)
        at = time
        for _ in range(int(bits.between(2.0, 9.0))):
            first = int(at * fs)
            m = min(n - first, int(length * fs))
            if m > 1:
                out[first : first + m] += force * _syllable(pitch, glide, trill, swing, fs, m)
            at += length * bits.between(1.2, 1.9)
    return _coloured(out, layer, fs)


def _syllable(pitch: float, glide: float, trill: float, swing: float, fs: int, m: int) -> Array:
    position = np.arange(m) / m
    speed = pitch * (1.0 + glide * (position - 0.5))
    speed = speed * (1.0 + swing * exact_sine(np.arange(m) * trill / fs))
    turns = np.cumsum(speed / fs)
    envelope = 0.5 - 0.5 * exact_sine(position + 0.25)
    return (exact_sine(turns) + 0.15 * exact_sine(2.0 * turns)) * envelope


def voices(layer: Layer, bits: Bits, fs: int, n: int) -> Array:
    """A babbling talker: a glottal pulse train through vowels, with consonants and pauses.

    ``frequency`` is the mean pitch in Hz. There are five syllables per second, in phrases of one to
    three seconds. The speech has no meaning: the vowels follow each other at random.
    """
    rate = layer.get("rate", 5.0)
    count = math.ceil(n / fs * rate) + 2
    step = fs / rate
    pitch = layer["frequency"] * (1.0 + 0.15 * bits.uniform(-1.0, 1.0, count))
    phase = np.cumsum(smooth_curve(pitch, step, n) / fs)
    part = phase - np.floor(phase)
    opening = np.minimum(part / 0.6, 1.0)
    pulse = opening * opening * (1.0 - opening)  # Rosenberg (1971), opening phase
    excitation = pulse + 0.01 * bits.noise(n)
    spoken = _phrases(bits, count)
    choice = bits.uniform(0.0, len(_VOWELS), count).astype(np.intp)
    vowels = np.array([_resonances(v, layer.get("tract", 1.0), fs) for v in _VOWELS])[choice]
    vowels[:, :, 0] *= spoken[:, np.newaxis]
    out = vocal(excitation, vowels, step)
    hiss = filtered(bits.noise(n), filters.stacked(filters.bandpass(5500.0, fs, 1.2)))
    sharp = np.where(bits.uniform(0.0, 1.0, 3 * count) < 0.25, 0.006, 0.0) * np.repeat(spoken, 3)
    out += hiss * smooth_curve(sharp, step / 3.0, n)
    return _coloured(out, layer, fs)


def _resonances(
    formants: tuple[tuple[float, float, float], ...], tract: float, fs: int
) -> list[list[float]]:
    """Return gain, b0, a1 and a2 of the band-passes of a vowel."""
    rows = []
    for frequency, level, q in formants:
        ((b0, _, _, a1, a2),) = filters.bandpass(frequency * tract, fs, q)
        rows.append([gain(level), b0, a1, a2])
    return rows


def _phrases(bits: Bits, count: int) -> Array:
    """Return the loudness of each syllable, with pauses between phrases."""
    loudness = bits.uniform(0.35, 1.0, count)
    at = 0
    while at < count:
        at += int(bits.between(5.0, 15.0))
        pause = int(bits.between(2.0, 7.0))
        loudness[at : at + pause] = 0.0
        at += pause
    return loudness


_VOWELS: Final = (
    ((730.0, 0.0, 9.0), (1090.0, -4.0, 11.0), (2440.0, -18.0, 20.0)),
    ((270.0, 0.0, 5.0), (2290.0, -14.0, 20.0), (3010.0, -18.0, 25.0)),
    ((300.0, 0.0, 5.0), (870.0, -10.0, 10.0), (2240.0, -28.0, 20.0)),
    ((530.0, 0.0, 8.0), (1840.0, -10.0, 16.0), (2480.0, -16.0, 20.0)),
    ((570.0, 0.0, 8.0), (840.0, -4.0, 10.0), (2410.0, -26.0, 20.0)),
)
"""Formants in Hz, level in dB, quality: i, u, a, e, o of Peterson and Barney (1952), men."""


def notes(layer: Layer, bits: Bits, fs: int, n: int) -> Array:
    """A tune: notes of the scale ``scale`` (semitones) above ``frequency`` Hz, plucked or held."""
    out = np.zeros(n)
    scale = layer["scale"]
    for time in _times(layer, bits, n / fs):
        semitone = scale[int(bits.between(0.0, len(scale)))]
        pitch = layer["frequency"] * rounded(2.0 ** (semitone / 12.0))
        first = int(time * fs)
        m = min(n - first, int(layer["length"] * fs))
        if m <= 1:
            continue
        turns = np.arange(m) * pitch / fs
        position = np.arange(m) / m
        envelope = np.minimum(1.0, position * 40.0) * (1.0 - position) * (1.0 - position)
        total = np.zeros(m)
        for order in range(1, layer.get("harmonics", 6) + 1):
            if pitch * order < 0.4 * fs:
                total += exact_sine(turns * order) / (order * math.sqrt(order))
        out[first : first + m] += total * envelope * bits.between(0.5, 1.0)
    return _coloured(out, layer, fs)


def vehicle(layer: Layer, bits: Bits, fs: int, n: int) -> Array:
    """A car, lorry, tram or aeroplane: rolling noise and the orders of an engine.

    ``engine`` is the firing frequency in Hz, ``rolling`` the centre of the rolling noise in Hz and
    ``share`` the amplitude of the engine relative to that of the rolling noise.
    """
    rolling = filtered(
        bits.noise(n),
        filters.stacked(
            filters.bandpass(layer.get("rolling", 900.0), fs, 0.6)
            + filters.lowpass(4.0 * layer.get("rolling", 900.0), fs)
        ),
    )
    firing = layer["engine"] * bits.between(0.75, 1.35)
    turns = np.arange(n) * firing / fs
    engine = np.zeros(n)
    for order in range(1, 9):
        level = bits.between(0.4, 1.0) / math.sqrt(order)
        engine += level * exact_sine(0.5 * order * turns + bits.between(0.0, 1.0))
    rough = filtered(bits.noise(n), filters.stacked(filters.lowpass(layer["engine"] * 2.0, fs)))
    engine = engine * (1.0 + rough) + rough * 2.0
    return _coloured(rolling + layer.get("share", 0.5) * engine, layer, fs)


def siren(layer: Layer, bits: Bits, fs: int, n: int) -> Array:
    """Two alternating tones of a horn, ``frequency`` and ``second`` Hz, each ``length`` s."""
    count = math.ceil(n / (layer["length"] * fs)) + 2
    tones = np.where(np.arange(count) % 2 == 0, layer["frequency"], layer["second"])
    index = (np.arange(n) / (layer["length"] * fs)).astype(np.intp)
    turns = np.cumsum(tones[index] / fs)
    total = exact_sine(turns) + 0.5 * exact_sine(2.0 * turns) + 0.35 * exact_sine(3.0 * turns)
    return _coloured(total, layer, fs)


SOURCES: Final[dict[str, Callable[[Layer, Bits, int, int], Array]]] = {
    "noise": noise,
    "hum": hum,
    "impacts": impacts,
    "bursts": bursts,
    "birds": birds,
    "voices": voices,
    "notes": notes,
    "vehicle": vehicle,
    "siren": siren,
}
"""Generator of each kind of source: layer, random numbers, sampling rate in Hz, samples."""

"""Binaural scenes: sources of sound placed around a head.

A scene is a list of layers. A layer has sources of one kind (:mod:`soundcal.stimuli.sources`), each
at an azimuth or moving past. The listener's head is a rigid sphere with two ears (Brown and Duda,
IEEE Trans. Speech Audio Process. 6(5), 1998): the sound arrives at each ear with Woodworth's delay,
and one pole and one zero model the shadow of the head, which grows with frequency. So sound from
the left arrives earlier and, at high frequencies, louder at the left ear; with many sources around
the head, the ear signals agree at low frequencies and differ at high ones.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.stimuli import filters
from soundcal.stimuli.exact import Bits, exact_sine, gain
from soundcal.stimuli.kernels import filtered, mean_square, moved, placed
from soundcal.stimuli.signals import faded, to_peak
from soundcal.stimuli.sources import SOURCES

__all__ = ["scene"]

_HEAD_RADIUS: Final = 0.0875
_SPEED_OF_SOUND: Final = 343.0
_EAR_TURNS: Final = 100.0 / 360.0
_HOP_S: Final = 0.01
_MARGIN: Final = 4  # samples, so that the four neighbours of a delayed sample exist
_ARCTAN: Final = (0.9998660, -0.3302995, 0.1801410, -0.0851330, 0.0208351)


def scene(p: Mapping[str, Any], seed: int, fs: int, n: int) -> Array:
    """Return a scene, shape (2, n)."""
    out = np.zeros((2, n))
    for number, layer in enumerate(p["layers"]):
        ears = _layer(layer, (seed, number), fs, n)
        power = 0.5 * (mean_square(ears[0]) + mean_square(ears[1]))
        if power > 0.0:
            out += ears * (gain(layer["level"]) / math.sqrt(power))
    sections = filters.stacked(filters.highpass(20.0, fs))
    ears = np.stack([filtered(out[0], sections), filtered(out[1], sections)])
    return to_peak(ears * faded(n, round(0.05 * fs)))


def _layer(layer: Mapping[str, Any], seed: tuple[int, int], fs: int, n: int) -> Array:
    out = np.zeros((2, n))
    make = SOURCES[layer["source"]]
    if "passing" in layer:
        _passes(layer, seed, fs, out)
        return out
    lead = math.ceil(0.002 * fs) + 2 * _MARGIN
    for number, azimuth in enumerate(layer["azimuth"]):
        x = make(layer, Bits([*seed, number]), fs, n + lead)
        turns = np.array([azimuth / 360.0])
        frames = _frames(turns, np.ones(1), 0.0, fs)
        for ear in range(2):
            placed(x, lead, frames[ear, 0], _pole(fs), out[ear])
    return out


def _passes(layer: Mapping[str, Any], seed: tuple[int, int], fs: int, out: Array) -> None:
    """Add sources passing on a straight line, with changing level and azimuth and Doppler shift."""
    way = layer["passing"]
    bits = Bits([*seed, 1000])
    n = out.shape[1]
    reach = 2.0 * way["distance"] + 3.0 * way["speed"]
    start = bits.between(-0.4, 0.1) * way["every"]
    number = 0
    while start < n / fs:
        direction = 1.0 if bits.between(0.0, 1.0) < 0.5 else -1.0
        speed = way["speed"] * bits.between(0.8, 1.25)
        loudness = bits.between(0.5, 1.0)
        first, last = max(0, round(start * fs)), min(n, round((start + 2.0 * reach / speed) * fs))
        if last > first:
            x0 = direction * (speed * (first / fs - start) - reach)
            part = out[:, first:last]
            ears = np.zeros(part.shape)
            source = SOURCES[layer["source"]]
            _pass(source, layer, Bits([*seed, number]), fs, x0, direction * speed, ears)
            part += ears * loudness
        start += way["every"] * bits.between(0.6, 1.4)
        number += 1


def _pass(
    source: Any,
    layer: Mapping[str, Any],
    bits: Bits,
    fs: int,
    x0: float,
    velocity: float,
    ears: Array,
) -> None:
    distance = layer["passing"]["distance"]
    n = ears.shape[1]
    hop = max(1, round(_HOP_S * fs))
    x = x0 + velocity * (np.arange(n // hop + 2) * hop / fs)
    range_m = np.sqrt(x * x + distance * distance)
    lead = math.ceil((float(range_m.max()) / _SPEED_OF_SOUND + 0.002) * fs) + 2 * _MARGIN
    mono = source(layer, bits, fs, n + lead)
    turns = _bearing(x, distance, layer["passing"].get("side", "front"))
    fade = np.minimum(1.0, np.minimum(np.arange(len(x)), np.arange(len(x))[::-1]) / 50.0)
    frames = _frames(turns, fade * distance / range_m, range_m, fs)
    for ear in range(2):
        moved(mono, lead, frames[ear], _pole(fs), hop, ears[ear])


def _bearing(x: Array, distance: float, side: str) -> Array:
    """Return the azimuth in turns (positive to the right) of a point on the line of passing."""
    size = np.abs(x)
    # arctan of the smaller over the larger (Abramowitz and Stegun 4.4.49, within 1e-5 rad)
    t = np.minimum(size, distance) / np.maximum(size, distance)
    square = t * t
    arc = np.full_like(t, _ARCTAN[-1])
    for coefficient in reversed(_ARCTAN[:-1]):
        arc = arc * square + coefficient
    arc = arc * t / (2.0 * math.pi)
    turns = np.copysign(np.where(size <= distance, arc, 0.25 - arc), x)
    return turns if side == "front" else 0.5 - turns


def _pole(fs: int) -> float:
    beta, k = 2.0 * _SPEED_OF_SOUND / _HEAD_RADIUS, 2.0 * fs
    return (beta - k) / (beta + k)


def _frames(turns: Array, level: Array, range_m: Array | float, fs: int) -> Array:
    """Return delay and head-shadow coefficients of both ears, shape (2, n_frames, 3)."""
    beta, k = 2.0 * _SPEED_OF_SOUND / _HEAD_RADIUS, 2.0 * fs
    frames = np.empty((2, len(turns), 3))
    for ear, side in enumerate((-1.0, 1.0)):
        off = turns - side * _EAR_TURNS
        incidence = np.abs(off - np.rint(off))  # 0 … 0.5 turns between source and ear
        cosine = exact_sine(incidence + 0.25)
        around = (incidence - 0.25) * (2.0 * math.pi)
        path = np.where(incidence < 0.25, -cosine, around) + 1.0
        # Brown and Duda (1998), equation 5: least gain at 150 degrees of incidence
        alpha = 1.05 + 0.95 * exact_sine(incidence * 1.2 + 0.25)
        frames[ear, :, 0] = (range_m + _HEAD_RADIUS * path) / _SPEED_OF_SOUND * fs + _MARGIN
        frames[ear, :, 1] = level * (alpha * k + beta) / (beta + k)
        frames[ear, :, 2] = level * (beta - alpha * k) / (beta + k)
    return frames

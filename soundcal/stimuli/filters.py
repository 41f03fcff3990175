"""Filters as second-order sections ``(b0, b1, b2, a1, a2)``, designed exactly.

Bilinear transforms of the analogue prototypes. The only library function is ``tan(pi f/fs)``, and
it is rounded (see :mod:`soundcal.stimuli.exact`).
"""

import math
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.stimuli.exact import gain, rounded

__all__ = ["bandpass", "brown_slope", "highpass", "lowpass", "peak", "pink_slope", "stacked"]

Section = tuple[float, float, float, float, float]

_BUTTERWORTH: Final = rounded(math.sqrt(0.5))
_TOP: Final = 0.45
_TOPMOST_POLE: Final = 0.245
_TOPMOST_ZERO: Final = 1.2


def _warped(frequency: float, fs: int) -> float:
    """Return ``tan(pi f/fs)``, at most that of 0.45 fs."""
    return rounded(math.tan(math.pi * min(frequency / fs, _TOP)))


def _section(numerator: tuple[float, float, float], g: float, damping: float) -> Section:
    b0, b1, b2 = numerator
    norm = 1.0 + damping * g + g * g
    return (
        b0 / norm,
        b1 / norm,
        b2 / norm,
        2.0 * (g * g - 1.0) / norm,
        (1.0 - damping * g + g * g) / norm,
    )


def lowpass(frequency: float, fs: int, q: float = _BUTTERWORTH) -> list[Section]:
    """Second-order low-pass; no section if the frequency is too high for the sampling rate."""
    if frequency >= _TOP * fs:
        return []
    g = _warped(frequency, fs)
    return [_section((g * g, 2.0 * g * g, g * g), g, 1.0 / q)]


def highpass(frequency: float, fs: int, q: float = _BUTTERWORTH) -> list[Section]:
    """Second-order high-pass."""
    return [_section((1.0, -2.0, 1.0), _warped(frequency, fs), 1.0 / q)]


def bandpass(frequency: float, fs: int, q: float) -> list[Section]:
    """Second-order band-pass, gain 1 at its centre."""
    g = _warped(frequency, fs)
    return [_section((g / q, 0.0, -g / q), g, 1.0 / q)]


def peak(frequency: float, fs: int, level_db: float, q: float) -> list[Section]:
    """Bell of ``level_db`` at its centre, 0 dB far from it."""
    g = _warped(frequency, fs)
    top = gain(level_db)
    norm = 1.0 + g / q + g * g
    return [
        (
            (1.0 + top * g / q + g * g) / norm,
            2.0 * (g * g - 1.0) / norm,
            (1.0 - top * g / q + g * g) / norm,
            2.0 * (g * g - 1.0) / norm,
            (1.0 - g / q + g * g) / norm,
        )
    ]


def pink_slope(fs: int, spacing: float = 2.0) -> list[Section]:
    """Fall of 3 dB per octave from 10 Hz to 0.42 fs: a pole and a zero every ``spacing``.

    With 2, an octave, the slope is straight within 0.1 dB from 20 Hz up. The topmost pole and zero
    are placed to compensate for the bilinear transform's own fall towards half the sampling rate.
    """
    pole = _TOPMOST_POLE * fs
    sections = [_first_order(pole, _TOPMOST_ZERO * pole, fs)]
    while pole > 10.0:
        pole /= spacing
        sections.append(_first_order(pole, pole * math.sqrt(spacing), fs))
    return sections


def brown_slope(fs: int) -> list[Section]:
    """Fall of 6 dB per octave from 40 Hz up."""
    g = _warped(40.0, fs)
    return [(g / (1.0 + g), g / (1.0 + g), 0.0, (g - 1.0) / (1.0 + g), 0.0)]


def _first_order(pole: float, zero: float, fs: int) -> Section:
    p, z = _warped(pole, fs), _warped(zero, fs)
    return (1.0 + z) / (1.0 + p), (z - 1.0) / (1.0 + p), 0.0, (p - 1.0) / (1.0 + p), 0.0


def stacked(sections: list[Section]) -> Array:
    """Return sections as an array of shape (n, 5)."""
    return np.array(sections, dtype=np.float64).reshape(-1, 5)

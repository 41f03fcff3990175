"""Loudness of the tonal and the noise component (ECMA-418-2:2025, 6.2.2 to 6.2.7)."""

import math
from typing import Final, NamedTuple

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.workspace import Workspace
from soundcal.indicators.hearing_model.autocorrelation import BlockTones
from soundcal.indicators.hearing_model.blocks import FRAME, GRID, LENGTHS, BlockLength
from soundcal.indicators.hearing_model.tables import BLOCK, C_T, CENTRES, EPSILON, N_BANDS, RATE
from soundcal.indicators.hearing_model.tonal_loudness_kernels import split_loudness

__all__ = [
    "VALUE_RATE",
    "LoudnessComponents",
    "TonalLoudness",
    "ringing_of",
    "specific_loudness_of",
    "specific_tonality_of",
]

VALUE_RATE: Final = RATE / GRID
"""Values per second, 187.5."""

_DECAY: Final = math.exp(-1.0 / (VALUE_RATE * 6.0 / 7.0 / 32.0))
"""Pole of the low-pass (formula 42)."""

_LIMIT: Final = {
    8192: (18.21, 0.36),
    4096: (12.14, 0.36),
    2048: (417.54, 0.71),
    1024: (962.68, 0.69),
}
"""Constants c and δ of g(z) by length of block (table 7)."""

_LIMITS: Final = np.array(
    [_LIMIT[int(s)][0] / f ** _LIMIT[int(s)][1] for s, f in zip(BLOCK, CENTRES, strict=True)]
)


class LoudnessComponents(NamedTuple):
    """Tonal and noise loudness in sone_HMS/Bark_HMS, frequency in Hz, shape (n, 53) each."""

    tonal: Array
    noise: Array
    frequency: Array


def ringing_of(n: int) -> int:
    """Return the number of samples after a signal of ``n`` that its last values need.

    These are the blocks up to the one after its end, which the last is averaged with.
    """
    longest = LENGTHS[0].hop
    return (-(-n // longest) + 1) * longest - n


def specific_loudness_of(components: LoudnessComponents) -> Array:
    """Return the specific loudness in sone_HMS/Bark_HMS, shape (n, 53) (clause 8)."""
    tonal, noise = components.tonal, 0.5331 * components.noise
    most = np.max(tonal + components.noise, axis=1, keepdims=True)
    exponent = 0.2918 / (most + EPSILON) + 0.5459
    # the exponent of quiet sounds is large: without the larger term as a factor they underflow
    larger = np.maximum(tonal, noise)
    ratio = np.minimum(tonal, noise) / np.where(larger > 0.0, larger, 1.0)
    return np.asarray(larger * (1.0 + ratio**exponent) ** (1.0 / exponent), dtype=np.float64)


def specific_tonality_of(components: LoudnessComponents) -> Array:
    """Return the specific tonality in tu_HMS, shape (n, 53) (6.2.8)."""
    tonal = components.tonal
    ratio = tonal.max(axis=1) / (components.noise.sum(axis=1) + EPSILON)
    audible = np.maximum(1.0 - np.exp(-35.0 * (ratio - 0.003)), 0.0)
    return np.asarray(C_T * audible[:, np.newaxis] * tonal, dtype=np.float64)


class _Grid:
    """Values of the blocks of one length, interpolated to the common time base."""

    def __init__(self, length: BlockLength, room: Workspace) -> None:
        self.bands = length.own
        self.tones = BlockTones(length, room)
        self._weights = np.arange(1, length.hop // GRID + 1) / (length.hop // GRID)
        self._last = np.zeros((3, 1, self.bands.size))
        self._waiting = self._last.copy()

    @property
    def ready(self) -> int:
        """Number of values that are ready."""
        return self._waiting.shape[1]

    def analyse(self) -> None:
        """Interpolate what the full frame completes."""
        values = np.array(self.tones.analyse())
        before = np.concatenate([self._last, values[:, :-1]], axis=1)
        self._last = values[:, -1:].copy()
        steps = (
            before[:, :, np.newaxis]
            + self._weights[:, np.newaxis] * ((values - before)[:, :, np.newaxis])
        )
        found = steps.reshape(3, -1, self.bands.size)
        self._waiting = np.concatenate([self._waiting, found], axis=1)

    def take(self, n: int) -> Array:
        """Return the next ``n`` values, shape (3, n, bands)."""
        taken, self._waiting = self._waiting[:, :n], self._waiting[:, n:].copy()
        return taken


class TonalLoudness:
    """Tonal and noise loudness of one ear from its band signals.

    The signal is followed by :func:`ringing_of` samples of ringing, and then by :meth:`finish`.
    """

    def __init__(self) -> None:
        room = Workspace()
        self._grids = [_Grid(length, room) for length in LENGTHS]
        self._filled = 0
        self._state = np.zeros((N_BANDS, 3, 5))
        self._n = 0
        self._ready: list[Array] = []

    def push(self, bands: Array) -> None:
        """Take the next band signals, shape (53, m), in Pa."""
        start = 0
        while start < bands.shape[1]:
            part = bands[:, start : start + FRAME - self._filled]
            for grid in self._grids:
                grid.tones.fill(part, self._filled)
            self._filled += part.shape[1]
            start += part.shape[1]
            if self._filled == FRAME:
                self._analyse()

    def finish(self, n: int) -> None:
        """Take note that the signal has had ``n`` samples."""
        if self._filled:
            self.push(np.zeros((N_BANDS, FRAME - self._filled)))
        surplus = self._n - (-(-n // GRID) + 1)
        if surplus > 0:
            self._ready = [np.concatenate(self._ready, axis=1)[:, :-surplus]]

    def take(self) -> LoudnessComponents:
        """Return the new values, at 187.5 Hz from time 0 on; there may be none."""
        ready, self._ready = self._ready, []
        return LoudnessComponents(*np.concatenate([np.zeros((3, 0, N_BANDS)), *ready], axis=1))

    def _analyse(self) -> None:
        self._filled = 0
        for grid in self._grids:
            grid.analyse()
        n = min(grid.ready for grid in self._grids)
        found = np.empty((3, n, N_BANDS))
        for grid in self._grids:
            found[:, :, grid.bands] = grid.take(n)
        split_loudness(found[0], found[1], _LIMITS, _DECAY, self._state)
        self._n += n
        self._ready.append(found)

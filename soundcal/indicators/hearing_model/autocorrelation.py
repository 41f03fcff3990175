"""Autocorrelation of the band signals and the tones in it (ECMA-418-2:2025, 6.2.2 to 6.2.5).

The autocorrelations are those of the rectified blocks, scaled to the basis loudness at lag 0. Few
lags of short blocks are products of samples, which the four blocks that overlap share; longer
blocks are transformed. Of the spectrum of the lag window, whose transform the standard gives 16384
lines, only the lines near the maxima of a shorter transform are computed.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft

from soundcal.arrays import Array
from soundcal.dsp.workspace import Workspace
from soundcal.indicators.hearing_model.autocorrelation_kernels import (
    correlate,
    scale_and_share,
    square_magnitudes,
    strongest_line,
    window_lags,
)
from soundcal.indicators.hearing_model.blocks import BlockLength, RectifiedBands
from soundcal.indicators.hearing_model.tables import LAG_END, LAG_START, RATE

__all__ = ["BlockTones", "Tones"]

_BINS: Final = 16384
_SIZES: Final = LAG_END - LAG_START + 1
_AVERAGED: Final = 4096
"""Shortest blocks that are averaged over time (6.2.3)."""


class Tones(NamedTuple):
    """Tonal component, loudness of the signal and frequency, shape (n, bands) each."""

    tonal: Array
    signal: Array
    frequency: Array


class _Direct:
    """Scaled autocorrelations of bands that are averaged with no other, by products."""

    def __init__(self, length: BlockLength) -> None:
        self._hop = length.hop
        self._first = [int(LAG_START[band]) for band in length.own]
        self._sums = [np.empty((4, 2, _SIZES[band])) for band in length.own]
        self._ready = [-4] * length.own.size

    def add(self, bands: RectifiedBands, out: Array) -> None:
        """Write those of the latest frame, lag 0 and the lag window, to ``out``."""
        for b, sums in enumerate(self._sums):
            self._ready[b] = correlate(
                bands.samples[b],
                bands.origin,
                self._hop,
                bands.basis[b],
                self._first[b],
                sums,
                self._ready[b],
                out[b],
            )


class _Plan(NamedTuple):
    """What one band is transformed for: the bands that are averaged with it."""

    size: int
    """Length of the transform: no lag that is used wraps round."""
    lags: slice
    users: NDArray[np.int64]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    weights: Array


class _Transformed:
    """Scaled autocorrelations, averaged over neighbouring bands, by transforms."""

    def __init__(self, length: BlockLength, room: Workspace) -> None:
        self._length, self._hop, self._room = length.length, length.hop, room
        self._plans = [self._plan(length, band) for band in length.needed]

    @staticmethod
    def _plan(length: BlockLength, band: int) -> _Plan:
        users = np.array([own for own in length.own if band in length.neighbours(own)])
        first, last = int(LAG_START[users].min()), int(LAG_END[users].max())
        return _Plan(
            size=next_fast_len(length.length + last, real=True),
            lags=slice(first, last + 1),
            users=users - length.own[0],
            starts=LAG_START[users],
            sizes=_SIZES[users],
            weights=np.array([1.0 / len(length.neighbours(own)) for own in users]),
        )

    def add(self, bands: RectifiedBands, out: Array) -> None:
        """Write those of the latest frame, lag 0 and the lag window, to ``out``."""
        for b, plan in enumerate(self._plans):
            blocks = np.flatnonzero(bands.basis[b])
            if not blocks.size:
                continue
            x = bands.samples[b]
            ends = bands.origin + (blocks + 1) * self._hop
            rows = self._room.real("blocks", blocks.size, plan.size)
            for row, end in zip(rows, ends, strict=True):
                row[: self._length] = x[end - self._length : end]
            rows[:, self._length :] = 0.0
            lines = self._room.complex("lines", blocks.size, plan.size // 2 + 1)
            np.fft.rfft(rows, axis=1, out=lines)
            square_magnitudes(lines)
            np.fft.irfft(lines, plan.size, axis=1, out=rows)
            scale_and_share(
                x,
                ends,
                self._length,
                bands.basis[b, blocks],
                rows,
                plan.lags.start,
                plan.lags.stop,
                blocks,
                plan.users,
                plan.starts,
                plan.sizes,
                plan.weights,
                out,
            )


class BlockTones:
    """Tonal component of the bands with one length of blocks, frame by frame.

    Parameters
    ----------
    length : BlockLength
        Length of the blocks.
    room : Workspace
        Working memory.
    """

    def __init__(self, length: BlockLength, room: Workspace) -> None:
        self._room = room
        self._own = length.own
        self._bands = RectifiedBands(length)
        self._method = _Transformed(length, room) if length.reach else _Direct(length)
        self._past = 2 if length.length >= _AVERAGED else 0
        self._first = True
        widest = 1 + int(_SIZES[self._own].max())
        self._found = np.zeros((self._own.size, self._past + length.per_frame, widest))

    def fill(self, bands: Array, at: int) -> None:
        """Take samples of all bands, shape (53, n), into the frame, from its sample ``at`` on."""
        self._bands.fill(bands, at)

    def analyse(self) -> Tones:
        """Return what the full frame completes, and begin the next frame.

        The blocks follow each other from block 1 on (block 0 holds the zeros before the signal).
        Where blocks are averaged over time (6.2.3), the last one waits for the next frame.
        """
        found, past = self._found, self._past
        found[:, :past] = found[:, found.shape[1] - past :].copy()
        found[:, past:] = 0.0
        self._bands.weigh()
        self._method.add(self._bands, found[:, past:])
        self._bands.advance()
        start = 1 if past and self._first else 0
        self._first = False
        signal = sliding_window_view(found[:, start:, 0], 1 + past, axis=1).mean(axis=2).T
        tones = Tones(*np.zeros((3, *signal.shape)))
        tones.signal[:] = signal
        for b, band in enumerate(self._own):
            self._find(found[b, start:], int(_SIZES[band]), tones, b)
        return tones

    def _find(self, rows: Array, n: int, tones: Tones, b: int) -> None:
        """Find the tones of one band in its blocks, each lag 0 and then ``n`` lags."""
        blocks = np.flatnonzero(tones.signal[:, b])
        if not blocks.size:
            return
        size = next_fast_len(4 * n, real=True)
        x = self._room.real("lags", blocks.size, size)
        window_lags(rows, blocks, 1 + self._past, n, x)
        lines = np.asarray(rfft(x.astype(np.float32), axis=1), dtype=np.complex64)
        magnitude, number = np.empty(blocks.size), np.empty(blocks.size, dtype=np.int64)
        strongest_line(x, n, lines, magnitude, number)
        tones.tonal[blocks, b] = np.minimum(4.0 * magnitude / n, tones.signal[blocks, b])
        tones.frequency[blocks, b] = number * (RATE / _BINS)

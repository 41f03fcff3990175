"""Autocorrelation of the band signals and the tones in it (ECMA-418-2:2025, 6.2.2 to 6.2.5).

The autocorrelations are those of the rectified blocks, scaled to the basis loudness at lag 0. Few
lags of short blocks are products of samples, which the four blocks that overlap share; longer
blocks are transformed. Of the spectrum of the lag window, whose transform the standard gives 16384
lines, only the lines near the maxima of a shorter transform are computed.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft

from soundcal.arrays import Array
from soundcal.dsp.workspace import Workspace
from soundcal.indicators.hearing_model.autocorrelation_kernels import (
    collect_blocks,
    correlate,
    find_tones,
    scale_and_share,
    square_magnitudes,
    window_lags,
)
from soundcal.indicators.hearing_model.blocks import BlockLength, RectifiedBands
from soundcal.indicators.hearing_model.tables import LAG_END, LAG_START

__all__ = ["BlockTones", "Tones"]

_SIZES: Final = LAG_END - LAG_START + 1
_AVERAGED: Final = 4096
"""Shortest blocks that are averaged over time (6.2.3)."""

_AT_ONCE: Final = 1 << 17
"""Most samples that are transformed together, so that they stay in the processor's cache."""


class Tones(NamedTuple):
    """Tonal component, loudness of the signal and frequency, shape (n, bands) each."""

    tonal: Array
    signal: Array
    frequency: Array


class _Direct:
    """Scaled autocorrelations of bands that are averaged with no other, by products."""

    def __init__(self, length: BlockLength) -> None:
        own = length.own
        self._hop = length.hop
        self._starts, self._sizes = LAG_START[own], _SIZES[own]
        self._sums = np.empty((own.size, 4, 2, int(self._sizes.max())))
        self._ready = np.full(own.size, -4)

    def add(self, bands: RectifiedBands, out: Array) -> None:
        """Write those of the latest frame, lag 0 and the lag window, to ``out``."""
        correlate(
            bands.samples,
            bands.origin,
            self._hop,
            bands.basis,
            self._starts,
            self._sizes,
            self._sums,
            self._ready,
            out,
        )


class _Group(NamedTuple):
    """Adjacent bands whose rows are transformed together."""

    begin: int
    stop: int
    size: int
    """Length of the transforms."""


def _groups(needed: NDArray[np.int64], n_blocks: int) -> list[_Group]:
    """Group bands whose blocks need transforms of at least ``needed`` samples, ever fewer."""
    groups = []
    begin = 0
    while begin < needed.size:
        size = next_fast_len(int(needed[begin]), real=True)
        similar = np.count_nonzero(needed[begin:] > 0.8 * size)
        stop = begin + max(min(int(similar), _AT_ONCE // (n_blocks * size)), 1)
        groups.append(_Group(begin, stop, size))
        begin = stop
    return groups


class _Transformed:
    """Scaled autocorrelations, averaged over neighbouring bands, by transforms."""

    def __init__(self, length: BlockLength, room: Workspace) -> None:
        own = length.own
        self._length, self._room = length.length, room
        self._starts, self._sizes = LAG_START[own], _SIZES[own]
        used = [[band in length.neighbours(user) for user in own] for band in length.needed]
        users = [np.flatnonzero(row) for row in used]
        self._users = np.array([(found[0], found[-1] + 1) for found in users])
        self._weights = np.array([1.0 / len(length.neighbours(user)) for user in own])
        self._lags = np.array([(LAG_START[own][u].min(), LAG_END[own][u].max() + 1) for u in users])
        # no lag that is used wraps round
        self._groups = _groups(self._length + self._lags[:, 1] - 1, length.per_frame)

    def add(self, bands: RectifiedBands, out: Array) -> None:
        """Write those of the latest frame, lag 0 and the lag window, to ``out``."""
        for begin, stop, size in self._groups:
            n = int(np.count_nonzero(bands.basis[begin:stop]))
            if n == 0:
                continue
            rows = self._room.real("blocks", n, size)
            blocks = bands.samples, bands.origin, self._length, bands.basis, begin, stop
            collect_blocks(*blocks, rows)
            lines = self._room.complex("lines", n, size // 2 + 1)
            np.fft.rfft(rows, axis=1, out=lines)
            square_magnitudes(lines)
            np.fft.irfft(lines, size, axis=1, out=rows)
            scale_and_share(
                *blocks,
                rows,
                self._lags,
                self._users,
                self._starts,
                self._sizes,
                self._weights,
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
        self._sizes = _SIZES[length.own]
        self._bands = RectifiedBands(length)
        self._method = _Transformed(length, room) if length.reach else _Direct(length)
        self._past = 2 if length.length >= _AVERAGED else 0
        self._first = True
        n, widest = self._past + length.per_frame, 1 + int(self._sizes.max())
        self._found = np.zeros((self._sizes.size, n, widest))
        self._groups = _groups(4 * self._sizes, n)

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
        return self._tones(found[:, start:])

    def _tones(self, found: Array) -> Tones:
        """Find the tones in rows of lag 0 and the lag window of consecutive blocks."""
        n_blocks = found.shape[1] - self._past
        tones = Tones(*np.zeros((3, n_blocks, self._sizes.size)))
        for begin, stop, size in self._groups:
            x = self._room.real("lags", (stop - begin) * n_blocks, size)
            single = np.empty(x.shape, dtype=np.float32)
            n = window_lags(
                found, 1 + self._past, begin, stop, self._sizes, tones.signal, x, single
            )
            lines = np.asarray(rfft(single[:n], axis=1), dtype=np.complex64)
            find_tones(
                x, lines, begin, stop, self._sizes, tones.signal, tones.tonal, tones.frequency
            )
        return tones

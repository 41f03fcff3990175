"""Blocks of the band signals with their envelopes (ECMA-418-2:2025, 5.1.5; formulas 65 and 119).

The envelope of a block is the magnitude of its analytic signal, of which every 32nd sample is kept.
Its real part are these samples themselves. Its imaginary part, the Hilbert transform that is
periodic with the block, is a sum over the odd samples only, because every second coefficient of
that transform is zero. So a block is taken apart into 32 sequences of every 32nd sample; the 16 odd
ones are transformed, multiplied by their factors and added up, and one short inverse transform
remains.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.workspace import Workspace
from soundcal.indicators.hearing_model.envelope_kernels import add_weighted, magnitude, store
from soundcal.indicators.hearing_model.tables import N_BANDS, RATE

__all__ = ["DECIMATION", "BandBlock", "EnvelopeBlocks"]

DECIMATION: Final = 32
"""Samples of the band signals per sample of the envelope, whose rate is 1500 Hz."""

_GROUP: Final = 8
"""Bands that are transformed together, so that their spectra stay in the processor's cache."""
_PADDING: Final = 8
"""Unused samples after each sequence, so that not all start in the same place of the cache."""


class BandBlock:
    """A block of the band signals, valid until the next one is asked for.

    Attributes
    ----------
    start : int
        First sample, in the signal preceded by zeros of the length of a block.
    time : float
        The same in s.
    rms : ndarray, shape (53,)
        Root of the mean square of the half-wave rectified block times 2, in Pa (formula 22).
    """

    def __init__(self, start: int, rms: Array, history: Array, shift: int, room: Workspace) -> None:
        self.start = start
        self.time = start / RATE
        self.rms = rms
        self._history = history
        self._shift = shift
        self._room = room

    def envelopes(self, bands: NDArray[np.int64] | None = None) -> Array:
        """Return the envelopes of some bands, or of all.

        Parameters
        ----------
        bands : ndarray of int, optional
            Indices of the bands, from 0.

        Returns
        -------
        ndarray, shape (n, length / 32)
            Envelopes in Pa at 1500 Hz, from the first sample of the block on.
        """
        chosen = np.arange(N_BANDS) if bands is None else bands
        size = self._history.shape[2]
        factors = _factors(size)
        found = np.empty((chosen.size, size))
        for first in range(0, chosen.size, _GROUP):
            group = chosen[first : first + _GROUP]
            adjacent = np.all(np.diff(group) == 1)  # as usual: then nothing is copied
            span = slice(group[0], group[-1] + 1) if adjacent else group
            odd = self._history[span][:, 1::2]
            lines = self._room.complex("lines", *odd.shape[:2], size // 2 + 1)
            np.fft.rfft(odd, axis=2, out=lines)
            total = self._room.complex("total", group.size, size // 2 + 1)
            add_weighted(lines, factors, total)
            imaginary = self._room.real("imaginary", group.size, size)
            np.fft.irfft(total, size, axis=1, out=imaginary)
            out = found[first : first + _GROUP]
            magnitude(self._history, group, imaginary, self._shift, out)
        return found


@lru_cache(maxsize=2)
def _factors(size: int) -> Spectrum:
    """Return the factors of the odd sequences' spectra, shape (16, size // 2 + 1).

    Their sum is the spectrum of every 32nd sample of the Hilbert transform: the lines of the block
    whose numbers differ by multiples of ``size`` fall together, the lower half of them with −j, the
    upper half with j, those at 0 and half the rate not at all.
    """
    number = np.arange(size // 2 + 1)
    offset = np.arange(1, DECIMATION, 2)[:, np.newaxis]
    half = np.arange(DECIMATION // 2)
    turns = np.exp(-2j * np.pi * offset * half / DECIMATION).sum(axis=1, keepdims=True)
    sums = np.where(number > 0, -2j * turns, -2j * (turns - 1.0))
    delays = np.exp(-2j * np.pi * offset * number / (DECIMATION * size))
    return np.asarray(sums * delays / DECIMATION, dtype=np.complex128)


class EnvelopeBlocks:
    """Cuts the signals of 53 bands into blocks with an overlap of 75 %.

    The first block holds the zeros before the signal. The last one ends with the signal, wherever
    that is.

    Parameters
    ----------
    length : int
        Samples per block, a multiple of 128.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._hop = length // 4
        self._n = 0
        size = length // DECIMATION
        # a ring; where in it a block starts only turns the envelope, which is periodic with it
        self._ring = np.zeros((N_BANDS, DECIMATION, size + _PADDING))[:, :, :size]
        self._squares = np.zeros((4, N_BANDS))
        self._room = Workspace()

    def push(self, bands: Array) -> Iterator[BandBlock]:
        """Take the next samples and give the blocks that they complete.

        Parameters
        ----------
        bands : ndarray, shape (53, m)
            Band signals in Pa at 48 kHz.

        Yields
        ------
        BandBlock
            To be used before the next one is asked for.
        """
        done = 0
        if self._n == 0 and bands.shape[1]:
            yield self._block()
        while done < bands.shape[1]:
            filled = self._n % self._hop
            part = bands[:, done : done + self._hop - filled]
            place = self._n % self._length
            squares = self._squares[place // self._hop]
            if filled == 0:
                squares[:] = 0.0
            store(part, place, self._ring, squares)
            done += part.shape[1]
            self._n += part.shape[1]
            if self._n % self._hop == 0:
                yield self._block()

    def finish(self) -> Iterator[BandBlock]:
        """Give the last block, if the signal did not end with one already."""
        if self._n % self._hop == 0:
            return
        turn = self._n % self._length
        positive = np.zeros(N_BANDS)
        for band, sequences in enumerate(self._ring):
            samples = np.roll(sequences.T.reshape(-1), -turn)
            sequences[:] = samples.reshape(sequences.T.shape).T
            positive[band] = np.square(np.maximum(samples, 0.0)).sum()
        yield self._made(positive, 0)

    def _block(self) -> BandBlock:
        turn = self._n % self._length // DECIMATION
        return self._made(self._squares.sum(axis=0), turn)

    def _made(self, squares: Array, shift: int) -> BandBlock:
        rms = np.sqrt(2.0 / self._length * squares)
        return BandBlock(self._n, rms, self._ring, shift, self._room)

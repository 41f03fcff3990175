"""Blocks of the band signals with their envelopes (ECMA-418-2:2025, 5.1.5; formulas 65 and 119).

The envelope of a block is the magnitude of its analytic signal, of which every 32nd sample is kept.
Its real part are these samples themselves. Its imaginary part, the Hilbert transform that is
periodic with the block, is a sum over the odd samples only, because every second coefficient of
that transform is zero. So a block is taken apart into 32 sequences of every 32nd sample; the 16 odd
ones are transformed, multiplied by their factors and added up, and one short inverse transform
remains.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.workspace import Workspace
from soundcal.indicators.hearing_model.envelope_kernels import (
    add_weighted,
    energies,
    magnitude,
    sequences,
    store,
)
from soundcal.indicators.hearing_model.tables import N_BANDS, RATE

__all__ = ["DECIMATION", "BandBlock", "EnvelopeBlocks"]

DECIMATION: Final = 32
"""Samples of the band signals per sample of the envelope, whose rate is 1500 Hz."""

_AT_ONCE: Final = 8192
"""Samples of the envelopes that are computed together, so that they stay in the cache."""
_PADDING: Final = 8
"""Unused samples after each sequence, so that not all start in the same place of the cache."""


def _place(ring: Array, sample: int) -> int:
    """Return the place in a ring, shape (53, 32, size), of a sample of the signal."""
    place: int = sample % (ring.shape[1] * ring.shape[2])
    return place


class BandBlock:
    """A block of the band signals, valid until the next one is asked for.

    Attributes
    ----------
    start : int
        First sample, in the signal preceded by zeros of the length of a block.
    length : int
        Number of samples.
    time : float
        Time of the first sample in s.
    rms : ndarray, shape (53,)
        Root of the mean square of the half-wave rectified block times 2, in Pa (formula 22).
    """

    def __init__(self, start: int, length: int, rms: Array, ring: Array, room: Workspace) -> None:
        self.start = start
        self.length = length
        self.time = start / RATE
        self.rms = rms
        self._ring = ring
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
        size = self.length // DECIMATION
        factors = _factors(size)
        n_lines = size // 2 + 1
        found = np.empty((chosen.size, size))
        for first in range(0, chosen.size, _AT_ONCE // size):
            group = chosen[first : first + _AT_ONCE // size]
            samples = self._room.real("samples", group.size, 1 + DECIMATION // 2, size)
            sequences(self._ring, group, _place(self._ring, self.start - self.length), samples)
            lines = self._room.complex("lines", group.size, DECIMATION // 2, n_lines)
            np.fft.rfft(samples[:, 1:], axis=2, out=lines)
            total = self._room.complex("total", group.size, n_lines)
            add_weighted(lines, factors, total)
            imaginary = self._room.real("imaginary", group.size, size)
            np.fft.irfft(total, size, axis=1, out=imaginary)
            magnitude(samples[:, 0], imaginary, found[first : first + group.size])
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
    """Cuts the signals of 53 bands into blocks of one or several lengths, with 75 % overlap.

    The first block of each length holds the zeros before the signal. The last one ends with the
    signal, wherever that is.

    Parameters
    ----------
    lengths : iterable of int
        Samples per block, multiples of 128 and of each other.
    """

    def __init__(self, lengths: Iterable[int]) -> None:
        self._lengths = sorted(lengths)
        longest = self._lengths[-1]
        self._hop = self._lengths[0] // 4
        self._n = 0
        size = longest // DECIMATION
        self._ring = np.zeros((N_BANDS, DECIMATION, size + _PADDING))[:, :, :size]
        self._squares = np.zeros((longest // self._hop, N_BANDS))  # per hop, the latest last
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
            yield from self._blocks()
        while done < bands.shape[1]:
            filled = self._n % self._hop
            part = bands[:, done : done + self._hop - filled]
            if filled == 0:
                self._squares[:-1] = self._squares[1:]
                self._squares[-1] = 0.0
            store(part, _place(self._ring, self._n), self._ring, self._squares[-1])
            done += part.shape[1]
            self._n += part.shape[1]
            yield from self._blocks()

    def finish(self) -> Iterator[BandBlock]:
        """Give the last blocks, of the lengths whose last one did not end with the signal."""
        for length in self._lengths:
            if self._n % (length // 4):
                squares = np.empty(N_BANDS)
                energies(self._ring, _place(self._ring, self._n - length), length, squares)
                yield self._block(length, squares)

    def _blocks(self) -> Iterator[BandBlock]:
        """Give the blocks that end here."""
        for length in self._lengths:
            if self._n % (length // 4) == 0:
                yield self._block(length, self._squares[-length // self._hop :].sum(axis=0))

    def _block(self, length: int, squares: Array) -> BandBlock:
        rms = np.sqrt(2.0 / length * squares)
        return BandBlock(self._n, length, rms, self._ring, self._room)

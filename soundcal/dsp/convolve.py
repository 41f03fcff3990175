"""FIR filters: convolution of a signal that arrives in blocks, and gain over frequency."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike

from soundcal.arrays import Array, Spectrum

__all__ = ["Convolver", "fir_gain"]

_CHUNK: Final = 16384
"""Smallest limit of the length of transforms, in samples."""

_SPECTRA: Final = 8
"""Lengths of transforms whose spectra of the filters are kept."""

_TAPS_AT_ONCE: Final = 64
"""Taps that are summed by one product of matrices."""


class Convolver:
    """FIR filters that carry their state from block to block (overlap-save).

    Parameters
    ----------
    kernels : ndarray, shape (n_in, n_taps)
        One filter per result.
    sources : sequence of int
        The row of the blocks that each filter processes.
    n_sources : int
        Rows of the blocks.

    Notes
    -----
    The result does not depend on how the signal is cut into blocks, except for the rounding of the
    transforms (about 1e-16 of the largest value). Filters of a single tap are plain products.
    """

    def __init__(self, kernels: Array, sources: Sequence[int], n_sources: int) -> None:
        self._history = np.zeros((n_sources, kernels.shape[1] - 1))
        self.change(kernels, sources)

    def change(self, kernels: Array, sources: Sequence[int]) -> None:
        """Exchange the filters; samples played before keep ringing through the new ones."""
        previous, m = self._history, kernels.shape[1] - 1
        self._longest: int = max(_CHUNK, 1 << (8 * m).bit_length())
        self._history = np.zeros((previous.shape[0], m))
        kept = min(m, previous.shape[1])
        self._history[:, m - kept :] = previous[:, previous.shape[1] - kept :]
        self._kernels = np.asarray(kernels, dtype=np.float64)
        self._sources = tuple(sources)
        self._single = ~np.any(self._kernels[:, 1:], axis=1)
        self._spectra: dict[int, Spectrum] = {}

    def reset(self) -> None:
        """Forget the samples played before."""
        self._history[:] = 0.0

    @property
    def step(self) -> int:
        """Length of a block that takes one transform."""
        return self._longest - int(self._history.shape[1])

    def process(self, block: Array, rows: Sequence[int], result: Array) -> None:
        """Filter a block.

        Parameters
        ----------
        block : ndarray, shape (n_sources, n)
            Next samples.
        rows : sequence of int
            Filters whose results are wanted.
        result : ndarray, shape (len(rows), n)
            Receives the results.
        """
        m = self._history.shape[1]
        signal = np.concatenate([self._history, block], axis=1)
        self._history = signal[:, signal.shape[1] - m :].copy()
        filtered = [i for i, row in enumerate(rows) if not self._single[row]]
        for i, row in enumerate(rows):
            if self._single[row]:
                np.multiply(block[self._sources[row]], self._kernels[row, 0], out=result[i])
        if filtered:
            self._overlap_save(signal, rows, filtered, result)

    def _overlap_save(
        self, signal: Array, rows: Sequence[int], filtered: list[int], result: Array
    ) -> None:
        from scipy.fft import irfft, next_fast_len, rfft

        m, n = self._history.shape[1], result.shape[1]
        length = min(self._longest, next_fast_len(n + m, real=True))
        if length not in self._spectra:
            if len(self._spectra) == _SPECTRA:
                self._spectra.clear()
            self._spectra[length] = rfft(self._kernels, length, axis=1)
        kernels, step = self._spectra[length], length - m
        for first in range(0, n, step):
            piece = signal[:, first : first + length]
            count = piece.shape[1] - m
            spectrum = rfft(piece, length, axis=1)
            for i in filtered:
                row = rows[i]
                product = irfft(spectrum[self._sources[row]] * kernels[row], length)
                result[i, first : first + count] = product[m : m + count]


def fir_gain(taps: Array, frequency: ArrayLike, fs: float) -> Spectrum:
    """Return the complex gain of a FIR filter or an impulse response at any frequencies.

    Parameters
    ----------
    taps : ndarray, shape (n_taps,)
        Filter, or impulse response.
    frequency : array_like of float, of any shape
        Frequencies in Hz.
    fs : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray, of the shape of ``frequency``

    Examples
    --------
    >>> np.abs(fir_gain(np.array([0.5, 0.5]), [0.0, 12000.0, 24000.0], 48000)).round(4).tolist()
    [1.0, 0.7071, 0.0]
    """
    f = np.asarray(frequency, dtype=np.float64)
    turn = 2.0 * np.pi * f.ravel() / fs
    pieces = np.pad(taps, (0, -taps.size % _TAPS_AT_ONCE)).reshape(-1, _TAPS_AT_ONCE)
    sums = pieces @ np.exp(-1j * np.outer(np.arange(_TAPS_AT_ONCE), turn))
    # Horner's rule over the pieces
    delay = np.exp(-1j * _TAPS_AT_ONCE * turn)
    return np.asarray(polyval(delay, sums, tensor=False)).reshape(f.shape)

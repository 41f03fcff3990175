"""Power spectra of overlapping segments of a signal that arrives in blocks.

A segment of ``length`` samples is multiplied by a periodic Hann window ``w`` and transformed. The
power of line ``k``, at ``k·fs/length`` Hz, is

    ``P_k = 2·|X_k|² / (length·Σw²)``,

once instead of twice at 0 Hz and, for an even length, at half the sampling rate. By Parseval's
theorem the lines sum to the mean square of the segment, weighted with ``w²``. The lines of a tone
therefore sum to its power, and noise of density ``D`` has ``D·Δf`` per line, with the line spacing
``Δf = fs/length``: power density is line power divided by ``Δf``. The highest single line of a tone
is lower than the tone: by 1.76 dB if the tone lies on it, by 3.18 dB half-way between two lines.
The effective noise bandwidth of the Hann window is 1.5 line spacings (F. J. Harris, Proc. IEEE 66
(1978) 51-83, Table 1).

An offset stays in the lines at 0 Hz and next to it; the Hann window keeps it out of all others.
"""

from typing import Final

import numpy as np
from scipy.fft import rfft

from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = ["NOISE_BANDWIDTH", "SpectrumStream"]

NOISE_BANDWIDTH: Final = 1.5
"""Effective noise bandwidth of the Hann window in line spacings."""

_BATCH_SAMPLES: Final = 1 << 17
"""Samples that are transformed at once, so that the working memory stays in the cache."""


class SpectrumStream:
    """The spectra of one signal that arrives in blocks.

    Parameters
    ----------
    fs : float
        Sampling rate in Hz.
    length : int
        Samples per segment, at least 4.
    hop : int, optional
        Samples from one segment to the next, at most ``length``; half of it by default.

    Attributes
    ----------
    frequency : ndarray, shape (n_lines,)
        Frequencies of the lines in Hz.
    spacing : float
        Distance of the lines in Hz.
    n : int
        Number of spectra given out so far.

    Raises
    ------
    ParameterError
        Length or hop outside their limits.

    Notes
    -----
    Samples after the last complete segment are not analysed. The cutting into blocks does not
    matter: the segments are the same. All spectra of a block are in memory at once, so a long
    signal is given in blocks.
    """

    def __init__(self, fs: float, *, length: int, hop: int | None = None) -> None:
        if length < 4:
            raise ParameterError(f"segments of {length} samples; at least 4 are needed")
        self.length = length
        self.hop = length // 2 if hop is None else hop
        if not 1 <= self.hop <= length:
            raise ParameterError(
                f"{self.hop} samples from one segment to the next; 1 to {length} are possible"
            )
        self.fs = float(fs)
        self.spacing = self.fs / length
        self.frequency: Array = np.arange(length // 2 + 1, dtype=np.float64) * self.spacing
        self.n = 0
        window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)
        # the factor of the power goes into the window
        factor = float(np.sqrt(2.0 / (length * np.square(window).sum())))
        self._window: Array = window * factor
        self._pending = np.empty(0)

    @property
    def times(self) -> Array:
        """Middles of the segments given out so far in s, shape (n,)."""
        return np.asarray((np.arange(self.n) * self.hop + self.length / 2.0) / self.fs)

    def push(self, block: Array) -> Array:
        """Take the next samples in Pa, shape (n,), and return the spectra that are complete.

        Returns
        -------
        ndarray, shape (k, n_lines)
            Power of each line in Pa², in the order of the segments; ``k`` may be 0.
        """
        waiting = np.concatenate([self._pending, block])
        k = max(0, (waiting.size - self.length) // self.hop + 1)
        self._pending = waiting[k * self.hop :].copy()
        self.n += k
        power = np.empty((k, self.frequency.size))
        if k == 0:
            return power
        segments = np.lib.stride_tricks.sliding_window_view(waiting, self.length)[:: self.hop]
        batch = max(1, _BATCH_SAMPLES // self.length)
        for first in range(0, k, batch):
            found = rfft(segments[first : min(first + batch, k)] * self._window, axis=1)
            np.square(found.real, out=power[first : first + batch])
            power[first : first + batch] += np.square(found.imag)
        power[:, 0] /= 2.0
        if self.length % 2 == 0:
            power[:, -1] /= 2.0
        return power

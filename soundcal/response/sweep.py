"""Exponential sweep, the signal with which responses are measured.

``x(t) = A sin(2 pi f_1 L (exp(t / L) - 1))`` with ``L = T / ln(f_2 / f_1)`` (Farina, Simultaneous
measurement of impulse response and distortion with a swept-sine technique, 108th AES Convention,
Paris 2000, preprint 5093). The k-th harmonic of a distorting system passes each frequency by
``L ln k`` earlier than the sweep itself, so its response stands apart from the linear one.

Several outputs play the same sweep one after the other, each :attr:`Sweep.stagger` after the one
before: what an input hears of another output then lies outside the window of its own response and
of its harmonics (overlapped sweeps: Majdak, Balazs and Laback, J. Audio Eng. Soc. 55 (2007) 623).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.units import from_db

__all__ = ["HIGHEST_HARMONIC", "Sweep"]

HIGHEST_HARMONIC: Final = 5
"""Harmonics of the 2nd to this order make up the distortion."""

_FADE_IN_S: Final = 0.02
_FADE_OUT_S: Final = 0.005
_TOP: Final = 0.46
"""Upper end of the sweep as a part of the sampling rate, where it is not given."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """An exponential sweep.

    Parameters
    ----------
    fs : int
        Sampling rate in Hz.
    duration : float
        Length in s, from 0.2 s to 60 s.
    low : float
        Frequency at the start, Hz.
    high : float
        Frequency at the end, Hz; 0.46 times the sampling rate if not given (0).
    level_dbfs : float
        Level in dB; a full-scale sine has 0 (AES17).

    Raises
    ------
    ParameterError
        Length, frequencies or level out of range.

    Examples
    --------
    >>> sweep = Sweep(48000, duration=6.0)
    >>> sweep.high, round(sweep.lead(2), 3), sweep.samples().shape
    (22080.0, 0.54, (288000,))
    """

    fs: int
    duration: float = 6.0
    low: float = 10.0
    high: float = 0.0
    level_dbfs: float = -20.0

    def __post_init__(self) -> None:
        if not self.high:
            object.__setattr__(self, "high", _TOP * self.fs)
        if not 0.2 <= self.duration <= 60.0:
            raise ParameterError(f"sweep of {self.duration} s; 0.2 s to 60 s are expected")
        if not 1.0 <= self.low < self.high / 2 <= self.fs / 4:
            raise ParameterError(
                f"sweep from {self.low:g} Hz to {self.high:g} Hz at {self.fs} Hz; at least an "
                "octave between 1 Hz and half the sampling rate is expected"
            )
        if not -100.0 <= self.level_dbfs <= 0.0:
            raise ParameterError(f"sweep of {self.level_dbfs} dBFS; -100 to 0 dBFS are expected")

    @property
    def n_samples(self) -> int:
        """Length in samples."""
        return round(self.duration * self.fs)

    @property
    def rate(self) -> float:
        """L: time in s in which the frequency grows by a factor of e."""
        return self.duration / math.log(self.high / self.low)

    def lead(self, order: float) -> float:
        """Return the time in s by which the response of a harmonic comes before the linear one."""
        return self.rate * math.log(order)

    @property
    def stagger(self) -> float:
        """Time in s from one output to the next: beyond the highest harmonic with its window."""
        return self.lead(HIGHEST_HARMONIC + 2)

    def samples(self) -> Array:
        """Return the sweep, shape (n_samples,); 1.0 is full scale."""
        time = np.arange(self.n_samples) / self.fs
        x = np.sin(2.0 * np.pi * self.low * self.rate * np.expm1(time / self.rate))
        begin, end = round(_FADE_IN_S * self.fs), round(_FADE_OUT_S * self.fs)
        x[:begin] *= np.sin(0.5 * np.pi * np.arange(begin) / begin) ** 2
        x[x.size - end :] *= np.cos(0.5 * np.pi * np.arange(1, end + 1) / end) ** 2
        return np.asarray(from_db(self.level_dbfs) * x)

    def staggered(self, n_outputs: int) -> Array:
        """Return the samples of several outputs, shape (n_outputs, n)."""
        x, step = self.samples(), round(self.stagger * self.fs)
        rows = np.zeros((n_outputs, x.size + (n_outputs - 1) * step))
        for number, row in enumerate(rows):
            row[number * step : number * step + x.size] = x
        return rows

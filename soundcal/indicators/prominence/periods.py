"""A-weighted spectra of consecutive periods of a signal that arrives in blocks.

The spectrum of a period is the mean over the segments that lie within it, half overlapped, under
the Hann window. The weighting is the exact curve of IEC 61672-1:2013 at the frequency of each line.
"""

from typing import NamedTuple

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.spectrum import SpectrumStream
from soundcal.dsp.weighting import exact_level
from soundcal.indicators.prominence.tones import without_rounding_errors
from soundcal.units import from_db

__all__ = ["PeriodSpectra", "PeriodSpectrum"]


class PeriodSpectrum(NamedTuple):
    """The spectrum of a period."""

    time: float
    """Middle of the period in s."""
    power: Array
    """A-weighted power of each line in Pa², shape (n_lines,)."""


class PeriodSpectra:
    """The spectra of the periods of one signal.

    Parameters
    ----------
    fs : float
        Sampling rate in Hz.
    resolution : float
        Distance of the lines in Hz.
    period : float
        Duration of a period in s.

    Attributes
    ----------
    frequency : ndarray, shape (n_lines,)
        Frequencies of the lines in Hz.
    n : int
        Number of complete periods so far.
    """

    def __init__(self, fs: float, *, resolution: float, period: float) -> None:
        self._spectra = SpectrumStream(fs, length=round(fs / resolution))
        self.frequency = self._spectra.frequency
        self.n = 0
        self._weights: Array = from_db(exact_level(self.frequency, "A")) ** 2
        self._samples = round(period * fs)
        self._sum = np.zeros(self.frequency.size)
        self._averages = 0
        self._next = 0

    def push(self, block: Array) -> list[PeriodSpectrum]:
        """Take the next samples in Pa, shape (n,), and return the spectra that are complete."""
        found = []
        for power in self._spectra.push(block):
            start = self._next * self._spectra.hop
            self._next += 1
            if start < self.n * self._samples:
                continue  # it begins in the period before
            self._sum += power
            self._averages += 1
            if start + self._spectra.hop + self._spectra.length > (self.n + 1) * self._samples:
                found.append(self._mean((self.n + 0.5) * self._samples))
                self.n += 1
                self._sum = np.zeros(self._sum.size)
                self._averages = 0
        return found

    def rest(self) -> PeriodSpectrum | None:
        """Return the spectrum of the segments after the last complete period, if there are any."""
        if self._averages == 0:
            return None
        first = self.n * self._samples
        end = (self._next - 1) * self._spectra.hop + self._spectra.length
        return self._mean((first + end) / 2.0)

    def _mean(self, middle: float) -> PeriodSpectrum:
        # what an offset or infrasound leaves in the other lines would outlive its own weighting
        power = without_rounding_errors(self._sum / self._averages) * self._weights
        return PeriodSpectrum(middle / self._spectra.fs, power)

"""Specific fluctuation strength of one ear over time (ECMA-418-2:2025, clause 9).

Envelopes of blocks of 1.37 s are described by their strongest complex of modulation lines, which is
weighted by rate and by the loudness of the modelled band; the readings of what the text leaves open
stand in :mod:`soundcal.indicators.hearing_model.fluctuation_kernels`.
"""

from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.indicators.hearing_model.basis import loudness_of_level
from soundcal.indicators.hearing_model.envelope import DECIMATION, BandBlock
from soundcal.indicators.hearing_model.fluctuation_kernels import EPSILON, complexes, cut_out
from soundcal.indicators.hearing_model.modulation_tail import ModulationTail
from soundcal.indicators.hearing_model.spectral_analysis_kernels import LENGTH
from soundcal.indicators.hearing_model.tables import C_F, CENTRES, LTQ, N_BANDS

__all__ = ["FluctuationAnalysis"]

_CARRIERS: Final = 1.0 / (1.0 + 0.092623 * np.abs(np.log2(CENTRES / 1000.0)) ** 1.24)
"""Factor of the modulation rates above 4.8659 Hz per band (148)."""
_WEAKEST: Final = 5.2519
_TIME_CONSTANT: Final = 0.75
_MEDIAN: Final = 71


class FluctuationAnalysis:
    """Specific fluctuation strength in vacil_HMS of one ear's band signals, 50 patterns per s."""

    length: Final = LENGTH * DECIMATION
    """Samples per block."""

    def __init__(self) -> None:
        self._tail = ModulationTail(C_F, _TIME_CONSTANT, _TIME_CONSTANT, _MEDIAN)

    def push(self, block: BandBlock) -> None:
        """Take the next block of the band signals, of :attr:`length` samples."""
        self._tail.push(block.time, _amplitudes(block.envelopes()))

    def finish(self, duration_s: float) -> None:
        """Take note that the signal has ended."""
        self._tail.finish(duration_s)

    def take(self) -> Array:
        """Return the patterns that have become final since the last call, shape (n, 53)."""
        return self._tail.take()


def _amplitudes(envelopes: Array) -> Array:
    """Return the amplitudes A per band (159) from the envelopes, which are overwritten."""
    windows = np.empty((N_BANDS, 2), dtype=np.int64)
    cut_out(envelopes, windows)
    found = np.empty((N_BANDS, 2))
    complexes(np.fft.rfft(envelopes, axis=1), windows, _CARRIERS, found)
    weighted, power = found.T
    loudness = np.maximum(loudness_of_level(np.sqrt(0.5 * power)) - LTQ, 0.0)
    amplitudes = weighted * loudness**2 / (loudness.max() + EPSILON) / (power + EPSILON) * LENGTH
    return np.asarray(np.where(amplitudes < _WEAKEST, 0.0, amplitudes), dtype=np.float64)

"""Specific roughness of one ear's band signals, ECMA-418-2:2025, clause 7."""

from typing import Final, NamedTuple

import numpy as np

from soundcal.arrays import Array
from soundcal.indicators.hearing_model.basis import loudness_of_level
from soundcal.indicators.hearing_model.envelope import DECIMATION, BandBlock
from soundcal.indicators.hearing_model.modulation_tail import ModulationTail
from soundcal.indicators.hearing_model.roughness_kernels import (
    block_amplitudes,
    loudness_spectra,
    reduce_noise,
    windowed,
)
from soundcal.indicators.hearing_model.tables import C_R, CENTRES, LTQ, N_BANDS

__all__ = ["RATE_WEIGHTS", "RateWeights", "RoughnessAnalysis"]

_LENGTH: Final = 16384
_SIZE: Final = _LENGTH // DECIMATION
_WINDOW: Final = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(_SIZE) / _SIZE)) / np.sqrt(0.375)


class RateWeights(NamedTuple):
    """Constants of the weighting of modulation rates, one per band (formulas 83 to 87 and 96)."""

    best_rate: Array
    """Rate f_max in Hz of the greatest roughness."""
    scale: Array
    """Factor r_max at that rate."""
    q2_high: Array
    """Exponent q2 above it."""
    q2_low: Array
    """Exponent q2 below it."""


def _rate_weights() -> RateWeights:
    octaves = np.log2(CENTRES / 1000.0)
    low = CENTRES < 1000.0
    r1, r2 = np.where(low, 0.3560, 0.8024), np.where(low, 0.8049, 0.9333)
    return RateWeights(
        best_rate=72.6937 * (1.0 - 1.1739 * np.exp(-5.4583 * CENTRES / 1000.0)),
        scale=1.0 / (1.0 + r1 * np.abs(octaves) ** r2),
        q2_high=0.2471 + 0.0129 * np.maximum(octaves + 3.4253, 0.0) ** 2,
        q2_low=1.0967 - 0.0640 * octaves,
    )


RATE_WEIGHTS: Final = _rate_weights()


class RoughnessAnalysis:
    """Specific roughness in asper_HMS of the band signals of one ear, 50 patterns per second."""

    length: Final = _LENGTH
    """Samples per block."""

    def __init__(self) -> None:
        self._tail = ModulationTail(C_R, attack_s=0.0625, release_s=0.5)
        self._spectra = np.zeros((N_BANDS, _SIZE // 2 + 1))
        self._reduced = np.zeros_like(self._spectra)

    def push(self, block: BandBlock) -> None:
        """Take the next block of the band signals, of :attr:`length` samples."""
        self._tail.push(block.time, self._amplitudes(block))

    def finish(self, duration_s: float) -> None:
        """Take note that the signal has ended."""
        self._tail.finish(duration_s)

    def take(self) -> Array:
        """Return the patterns that have become final since the last call, shape (n, 53)."""
        return self._tail.take()

    def _amplitudes(self, block: BandBlock) -> Array:
        amplitudes = np.zeros(N_BANDS)
        loudness = np.maximum(loudness_of_level(block.rms) - LTQ, 0.0)
        audible = np.flatnonzero(loudness)
        if audible.size == 0:
            return amplitudes
        envelopes = block.envelopes(audible)
        squares = np.empty(audible.size)
        windowed(envelopes, _WINDOW, squares)
        lines = np.fft.rfft(envelopes, axis=1)
        loudness_spectra(lines, squares, loudness, audible, self._spectra)
        if reduce_noise(self._spectra, self._reduced):
            block_amplitudes(self._reduced, *RATE_WEIGHTS, amplitudes)
        return amplitudes

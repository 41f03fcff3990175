"""Convolution in blocks equals the sum over the filter, and minimum phase keeps a magnitude."""

from itertools import pairwise

import numpy as np
import pytest

from soundcal.dsp.convolve import Convolver
from soundcal.dsp.minimum_phase import minimum_phase_fir
from soundcal.units import db

N = 40_000  # more than two transforms of long blocks
SIGNAL = 0.2 * np.random.default_rng(8).standard_normal((2, N))


@pytest.mark.parametrize("taps", [1, 2, 700, 5000])
def test_convolver_is_the_convolution(taps: int) -> None:
    kernels = np.random.default_rng(taps).standard_normal((2, taps))
    result = np.empty((2, N))
    Convolver(kernels, (1, 0), 2).process(SIGNAL, (0, 1), result)
    for i, source in enumerate((1, 0)):
        expected = np.convolve(SIGNAL[source], kernels[i])[:N]
        np.testing.assert_allclose(result[i], expected, rtol=0, atol=1e-12 * abs(expected).max())


def test_more_lengths_of_blocks_than_spectra_are_kept_change_nothing() -> None:
    kernels = np.random.default_rng(1).standard_normal((2, 300))
    whole, parts = np.empty((2, N)), np.empty((2, N))
    Convolver(kernels, (0, 1), 2).process(SIGNAL, (0, 1), whole)
    convolver = Convolver(kernels, (0, 1), 2)
    edges = [0, 1, 8, 1031, *range(2000, 30_000, 700), N]
    for first, end in pairwise(edges):
        convolver.process(SIGNAL[:, first:end], (0, 1), parts[:, first:end])
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-12 * abs(whole).max())


def test_minimum_phase_filter_has_the_magnitude_and_arrives_first() -> None:
    f = np.linspace(0, 24000, 16385)
    level = 6.0 * np.exp(-0.5 * (np.log2(np.maximum(f, 1.0) / 2000) / 0.5) ** 2) - 3.0
    taps = minimum_phase_fir(level, 1536)
    response = np.fft.rfft(taps, 32768)
    np.testing.assert_allclose(db(np.abs(response)), level, atol=0.001)
    assert np.argmax(np.abs(taps)) == 0
    assert np.abs(np.roots(taps[:200])).max() < 1.0

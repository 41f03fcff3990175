"""Spectra of long frames in two stages."""

import numpy as np
import pytest

from soundcal.dsp.long_spectrum import LongSpectrum

RNG = np.random.default_rng(11)


@pytest.mark.parametrize("length", [96000, 88200, 22100, 4 * 7 * 97, 400])
def test_two_stages_are_the_transform(length: int) -> None:
    window = RNG.random(length)
    frame = 0.5 + RNG.standard_normal(length)
    found = np.empty(length // 2 + 1, dtype=complex)
    spectrum = LongSpectrum(window)
    spectrum.write(RNG.standard_normal(length), found)  # leaves nothing behind
    spectrum.write(frame, found)
    expected = np.fft.rfft((frame - frame.mean()) * window)
    scale = np.abs(expected).max()
    assert np.abs(found - expected).max() < 1e-12 * scale
    fewer = np.empty(length // 3, dtype=complex)
    spectrum.write(frame, fewer)
    assert fewer.tolist() == found[: fewer.size].tolist()

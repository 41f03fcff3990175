"""Power of spectral lines: Parseval's theorem, tones, noise, and the cutting into blocks."""

import numpy as np
import pytest

from soundcal.dsp.spectrum import NOISE_BANDWIDTH, SpectrumStream
from soundcal.errors import ParameterError

FS = 48000.0


def noise(n, seed=1):
    return np.random.default_rng(seed).standard_normal(n)


@pytest.mark.parametrize("length", [4, 5, 1000, 1001])
def test_lines_sum_to_the_mean_square_of_the_windowed_segment(length):
    x = noise(length, length) + 0.7
    window = np.sin(np.pi * np.arange(length) / length) ** 2
    lines = SpectrumStream(FS, length=length).push(x)
    assert lines.shape == (1, length // 2 + 1)
    assert lines.sum() == pytest.approx(
        np.square(x * window).sum() / np.square(window).sum(), rel=1e-13
    )


@pytest.mark.parametrize("frequency", [50.0, 1000.0, 1000.37, 12345.5])
def test_lines_of_a_tone_sum_to_its_power(frequency):
    x = 0.3 * np.sin(2 * np.pi * frequency * np.arange(2 * FS) / FS + 0.4)
    stream = SpectrumStream(FS, length=int(FS))
    lines = stream.push(x)
    near = np.abs(stream.frequency - frequency) < 20.0
    assert lines[:, near].sum(axis=1) == pytest.approx([0.045] * 3, rel=1e-7)


def test_highest_line_of_a_tone_is_as_the_module_says():
    t = np.arange(FS) / FS
    on = SpectrumStream(FS, length=int(FS)).push(np.sqrt(2.0) * np.sin(2 * np.pi * 1000 * t))
    between = SpectrumStream(FS, length=int(FS)).push(np.sqrt(2.0) * np.sin(2 * np.pi * 1000.5 * t))
    assert 10 * np.log10(on.max()) == pytest.approx(-10 * np.log10(NOISE_BANDWIDTH), abs=1e-9)
    assert 10 * np.log10(between.max()) == pytest.approx(-3.18, abs=0.01)


def test_density_of_white_noise_is_its_variance_over_half_the_rate():
    x = noise(int(60 * FS))
    stream = SpectrumStream(FS, length=4800)
    mean = stream.push(x).mean(axis=0)[2:-2] / stream.spacing
    # neighbours at half overlap correlate by 1/6 with a Hann window, their powers by its square
    n_averages = stream.n / (1.0 + 2.0 * (1.0 / 6.0) ** 2)
    assert mean.mean() == pytest.approx(2.0 / FS, rel=4.0 / np.sqrt(60 * FS / 2))
    assert mean.std() / mean.mean() == pytest.approx(1.0 / np.sqrt(n_averages), rel=0.06)


def test_an_offset_stays_in_its_two_lines():
    lines = SpectrumStream(FS, length=480).push(np.full(480, 3.0))[0]
    assert lines[:2].sum() == pytest.approx(9.0, rel=1e-13)
    assert lines[2:].max() < 1e-25


@pytest.mark.parametrize("hop", [None, 100, 333, 1000])
def test_cutting_into_blocks_does_not_matter(hop):
    x = noise(5000)
    whole = SpectrumStream(FS, length=1000, hop=hop)
    expected = whole.push(x)
    for sizes in ([1] * 700 + [4300], [999, 1, 1, 2999, 1000], [0, 5000]):
        stream = SpectrumStream(FS, length=1000, hop=hop)
        parts = np.split(x, np.cumsum(sizes)[:-1])
        found = np.concatenate([stream.push(part) for part in parts])
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-20)
        np.testing.assert_array_equal(stream.times, whole.times)
    assert whole.times[0] == 500 / FS
    assert np.diff(whole.times) == pytest.approx((hop or 500) / FS)


def test_impossible_segments_are_refused():
    with pytest.raises(ParameterError, match="3 samples; at least 4"):
        SpectrumStream(FS, length=3)
    for hop in (0, 11):
        with pytest.raises(ParameterError, match="1 to 10 are possible"):
            SpectrumStream(FS, length=10, hop=hop)

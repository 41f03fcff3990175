"""Octave and fractional-octave bands against IEC 61260-1:2014."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.dsp.octave import (
    Band,
    BandFilter,
    G,
    attenuation,
    bands_between,
    class_1_limits,
    effective_bandwidth,
    filters,
)
from soundcal.errors import ParameterError
from soundcal.indicators import band_levels, compute, leq, open_stream
from soundcal.recording import Recording

FS = 48000


def noise(seconds: float, n_channels: int = 1, fs: int = FS) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal((n_channels, round(seconds * fs)))


def test_nominal_frequencies_are_the_preferred_numbers() -> None:
    thirds = [b.nominal for b in bands_between(3, 12.5, 20000)]
    expected = (
        "12.5 16 20 25 31.5 40 50 63 80 100 125 160 200 250 315 400 500 630 800 1000 1250 1600 "
        "2000 2500 3150 4000 5000 6300 8000 10000 12500 16000 20000"
    )
    assert thirds == expected.split()


def test_even_fractions_have_1_khz_at_a_band_edge() -> None:
    band = Band(2, 0)
    assert band.lower == pytest.approx(1000.0)
    assert Band(3, 0).mid == 1000.0
    assert Band(1, 1).mid == pytest.approx(1000 * G)


@pytest.mark.parametrize("fraction", [1, 3, 6, 24])
@pytest.mark.parametrize("fs", [8000, 16000, 32000, 44100, 48000, 96000, 192000])
def test_every_filter_is_within_class_1_wherever_the_rate_reaches(fraction: int, fs: int) -> None:
    designed = filters(bands_between(fraction, 20, 20000), fs)
    for band, sections in designed.items():
        f = np.geomspace(band.mid / 300, 0.4998 * fs, 3001)
        least, most = class_1_limits(f / band.mid, fraction)
        found = attenuation(sections, f, fs)
        assert np.all(found >= least)
        assert np.all(found <= most)
        assert abs(effective_bandwidth(sections, band, fs)) <= 0.4
        for _, a1, a2 in sections:
            assert np.all(np.abs(np.roots([1, a1, a2])) < 1)


@pytest.mark.parametrize("fs", [44100, 48000])
def test_all_bands_to_20_khz_at_the_usual_rates(fs: int) -> None:
    assert len(filters(bands_between(3, 20, 20000), fs)) == 31
    assert len(filters(bands_between(1, 31.5, 16000), fs)) == 10


def test_limits_at_the_breakpoints_follow_formula_9() -> None:
    # Table F.1: breakpoints of third octaves above and below the mid-band frequency
    ratios = [1.02667, 1.05575, 1.08746, 1.29437, 1.88173, 3.05365, 5.39195]
    least, most = class_1_limits(ratios, 3)
    assert most[:3] == pytest.approx([0.5, 0.7, 1.4], abs=2e-3)
    assert least[3:] == pytest.approx([16.6, 40.5, 60.0, 70.0], abs=2e-3)
    below, _ = class_1_limits(1 / np.array(ratios), 3)
    assert below == pytest.approx(least, abs=1e-9)
    assert math.isinf(most[3])
    assert class_1_limits([100.0], 3)[0][0] == 70.0


@pytest.mark.parametrize("nominal", ["25", "1000", "16000", "20000"])
def test_a_tone_at_mid_band_has_its_level_there_and_little_elsewhere(nominal: str) -> None:
    (band,) = bands_between(3, float(nominal), float(nominal))
    t = np.arange(FS * 4) / FS
    x = np.sin(2 * np.pi * band.mid * t) * np.hanning(t.size)
    levels = band_levels(x, FS).statistics
    assert levels[nominal] == pytest.approx(leq(x, FS, weighting="Z").value, abs=0.05)
    far = [v for key, v in levels.items() if not 0.5 < float(key) / float(nominal) < 2]
    assert max(far) < levels[nominal] - 40.5


def test_sum_of_the_bands_is_the_level_of_noise() -> None:
    x = noise(5.0)[0]
    result = band_levels(x, FS, fraction=1, limits=(16, 16000))
    total = 10 * np.log10(np.sum(10 ** (np.array(list(result.statistics.values())) / 10)))
    assert result.value == pytest.approx(total, abs=1e-9)
    assert result.value == pytest.approx(leq(x, FS, weighting="Z").value, abs=0.4)


def test_steps_and_axes() -> None:
    result = band_levels(noise(1.3, 2), FS, step=0.25, limits=(100, 1000))
    assert result.specific.shape == (2, 5, 11)
    assert result.times.tolist() == [0.25, 0.5, 0.75, 1.0, 1.25]
    assert result.axis[-1] == 1000.0
    assert band_levels(noise(1.0)[0], FS).specific.shape == (31,)


def test_weighting_in_front() -> None:
    x = np.sin(2 * np.pi * 100 * np.arange(4 * FS) / FS)
    plain, weighted = (band_levels(x, FS, weighting=w).statistics["100"] for w in "ZA")
    assert weighted - plain == pytest.approx(-19.145, abs=0.01)


def test_low_rates_leave_bands_out_and_say_so() -> None:
    x = noise(1.0, fs=16000)
    result = band_levels(x[0], 16000)
    assert "8000" not in result.statistics
    assert "no band levels at 8000, 10000" in result.warnings[0]
    rows = compute(Recording(x, 16000, "c"), ["Lthird"])
    assert rows[-1].statistic == "6300"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 7000), min_size=1, max_size=8).filter(lambda s: sum(s) > 0))
def test_block_sizes_do_not_matter(sizes: list[int]) -> None:
    x = noise(sum(sizes) / FS)
    whole = open_stream(["Loct", "Lthird"], fs=FS, keep=True)
    whole.push(x)
    parts = open_stream(["Loct", "Lthird"], fs=FS, keep=True)
    for block in np.split(x, np.cumsum(sizes)[:-1], axis=1):
        parts.push(block)
    one, many = whole.finish(), parts.finish()
    for symbol, result in one.items():
        assert np.array_equal(result.specific, many[symbol].specific)
        for key, value in result.statistics.items():
            assert np.array_equal(value, many[symbol].statistics[key])


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="1 to 48"):
        bands_between(0, 20, 20000)
    with pytest.raises(ParameterError, match="two rising"):
        bands_between(3, 200, 100)
    with pytest.raises(ParameterError, match="no 1/1-octave band"):
        bands_between(1, 80, 90)
    with pytest.raises(ParameterError, match="can be measured at 8000 Hz"):
        filters(bands_between(3, 16000, 20000), 8000)
    with pytest.raises(ParameterError, match="positive duration"):
        band_levels(noise(0.1), FS, step=0)
    with pytest.raises(ParameterError, match="at least one sample"):
        BandFilter(bands_between(1, 1000, 1000), FS, 1e-6)


@pytest.mark.parametrize("fs", [11025, 22050, 44100])
def test_a_band_that_half_the_rate_cuts_off_does_not_depend_on_the_start(fs: int) -> None:
    """Its poles are close to -1; once they have settled, only rounding is left of the start."""
    cut = tuple(b for b in bands_between(3, 20.0, 20000.0) if b.lower < fs / 2 < b.upper)
    assert cut
    x = np.random.default_rng(5).normal(0.0, 0.05, 12 * 44100)
    early, late = (BandFilter(cut, fs, 22050 / fs) for _ in range(2))
    whole, part = early.push(x), late.push(x[44100:])
    np.testing.assert_allclose(part[14:], whole[16:], rtol=2.3e-7)

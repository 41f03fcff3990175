"""Power spectral density and spectrogram: scipy's Welch, levels of tones and noise, blocks."""

import json
import math

import numpy as np
import pytest
from scipy import signal

from soundcal.errors import ParameterError, SignalError
from soundcal.indicators import leq, power_spectral_density, spectrogram
from soundcal.indicators.spectra import DensityStream
from soundcal.recording import CLIPPING, Capture, Flag, Recording

FS = 48000


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Two channels of 3 s: noise, and a tone at 1 kHz in it, louder in the second half."""
    x = np.random.default_rng(5).normal(0.0, 0.01, (2, 3 * FS))
    t = np.arange(x.shape[1]) / FS
    x[1] += np.where(t < 1.5, 0.02, 0.2) * np.sin(2 * np.pi * 1000.0 * t)
    return x


@pytest.mark.parametrize(("fs", "resolution"), [(48000, 1.0), (44100, 2.5), (96000, 11.0)])
def test_density_is_that_of_welch(sound: np.ndarray, fs: int, resolution: float) -> None:
    found = power_spectral_density(sound, fs, resolution=resolution)
    length = round(fs / resolution)
    frequency, density = signal.welch(
        sound, fs, "hann", length, noverlap=length - length // 2, detrend=False
    )
    np.testing.assert_allclose(found.frequency, frequency, rtol=1e-13)
    np.testing.assert_allclose(found.density, density, rtol=1e-10, atol=1e-25)
    assert found.averages == (sound.shape[1] - length) // (length // 2) + 1
    assert found.resolution == pytest.approx(fs / length)
    assert found.noise_bandwidth == pytest.approx(1.5 * fs / length)
    np.testing.assert_allclose(found.level, 10 * np.log10(density / 4e-10), atol=1e-9)


@pytest.mark.parametrize("hop", [None, 0.02])
def test_columns_of_a_spectrogram_are_those_of_scipy(sound: np.ndarray, hop: float | None) -> None:
    found = spectrogram(sound, FS, hop=hop)
    step = 1200 if hop is None else 960
    frequency, times, density = signal.spectrogram(
        sound, FS, "hann", 2400, noverlap=2400 - step, detrend=False
    )
    np.testing.assert_allclose(found.frequency, frequency)
    np.testing.assert_allclose(found.times, times)
    np.testing.assert_allclose(found.density, density.swapaxes(1, 2), rtol=1e-9, atol=1e-25)
    assert (found.averages, found.hop) == (1, step)


@pytest.mark.parametrize("columns", [2, 3, 50, 119])
def test_a_long_spectrogram_is_averaged_in_time(sound: np.ndarray, columns: int) -> None:
    each = spectrogram(sound, FS)
    few = spectrogram(sound, FS, columns=columns)
    n, size = each.times.size, few.averages
    assert n == 119
    assert columns / 2 - 1 <= few.times.size <= columns
    assert size in (2, 4, 64)
    groups = [range(i, min(i + size, n)) for i in range(0, n, size)]
    for column, group in enumerate(groups):
        own = list(group)
        assert few.times[column] == pytest.approx(each.times[own].mean())
        np.testing.assert_allclose(
            few.density[:, column], each.density[:, own].mean(axis=1), rtol=1e-10, atol=1e-30
        )
    assert few.times.size == len(groups)


@pytest.mark.parametrize("letter", ["Z", "A", "C"])
def test_total_level_is_the_equivalent_level(sound: np.ndarray, letter: str) -> None:
    found = power_spectral_density(sound[0], FS, resolution=20.0, weighting=letter)
    assert found.total_level == pytest.approx(leq(sound[0], FS, weighting=letter).value, abs=0.05)


def test_peak_of_a_tone_on_a_line_is_its_power_over_the_noise_bandwidth() -> None:
    t = np.arange(4 * FS) / FS
    tone = 0.02 * math.sqrt(2.0) * np.sin(2 * np.pi * 400.0 * t)  # 60 dB
    for resolution in (1.0, 4.0):
        found = power_spectral_density(tone, FS, resolution=resolution)
        assert found.frequency[np.argmax(found.density)] == 400.0
        expected = 60.0 - 10 * math.log10(found.noise_bandwidth)
        assert found.level.max() == pytest.approx(expected, abs=1e-6)
    weighted = power_spectral_density(tone, FS, weighting="A")
    assert weighted.level.max() - power_spectral_density(tone, FS).level.max() == pytest.approx(
        -4.77, abs=0.005
    )  # IEC 61672-1, A at 398 Hz: -4.8 dB


@pytest.mark.parametrize("columns", [None, 20])
def test_cutting_into_blocks_does_not_matter(sound: np.ndarray, columns: int | None) -> None:
    found = []
    for sizes in ([3 * FS], [1, 2399, 7, 50000, 3 * FS - 52407], [4096] * 35 + [640]):
        stream = DensityStream(FS, 2, resolution=20.0, columns=columns)
        for part in np.split(sound, np.cumsum(sizes)[:-1], axis=1):
            stream.push(part)
        found.append(stream.finish())
    for other in found[1:]:
        np.testing.assert_allclose(other.density, found[0].density, rtol=1e-12, atol=1e-30)
        assert other.averages == found[0].averages
        if columns:
            np.testing.assert_array_equal(other.times, found[0].times)


def test_a_recording_gives_its_channels_and_flags(sound: np.ndarray) -> None:
    flag = Flag(CLIPPING, "left: 3 samples")
    recording = Recording(sound, FS, "cal", channels=("front", "back"), flags=(flag,))
    for function in (power_spectral_density, spectrogram):
        found = function(recording, resolution=100.0)
        assert found.channels == ("front", "back")
        assert found.warnings == ("left: 3 samples",)
        np.testing.assert_array_equal(found.density, function(sound, FS, resolution=100.0).density)
        one = function(sound[1], FS, resolution=100.0)
        assert one.channels == ("mono",)
        np.testing.assert_array_equal(found.density[1], one.density)


def test_tables_and_json_hold_every_line(sound: np.ndarray) -> None:
    density = power_spectral_density(sound, FS, resolution=1000.0)
    frame = density.to_frame()
    assert list(frame.columns) == ["channel", "frequency", "density", "level"]
    right = frame[frame.channel == "right"]
    np.testing.assert_array_equal(right.density, density.density[1])
    np.testing.assert_array_equal(right.frequency, density.frequency)
    over_time = spectrogram(sound, FS, resolution=1000.0)
    frame = over_time.to_frame()
    one = frame[(frame.channel == "right") & (frame.time == over_time.times[7])]
    np.testing.assert_array_equal(one.level, over_time.level[1, 7])
    content = json.loads(json.dumps(over_time.to_dict(), allow_nan=False))
    assert np.shape(content["density"]) == over_time.density.shape
    assert (content["unit"], content["window"], content["noise_bandwidth"]) == (
        "Pa²/Hz", "Hann", 1500.0,
    )  # fmt: skip


def test_silence_has_no_level() -> None:
    silent = power_spectral_density(np.zeros(FS), FS)
    assert np.all(silent.density == 0.0)
    assert np.all(np.isneginf(silent.level))
    assert silent.to_dict()["level"][0] is None


def test_what_is_impossible_is_refused(sound: np.ndarray) -> None:
    with pytest.raises(SignalError, match=r"lines 0\.2 Hz apart: at least 5 s"):
        power_spectral_density(sound, FS, resolution=0.2)
    for resolution in (0.0, -1.0, math.nan, 12001.0):
        with pytest.raises(ParameterError, match="at most 12000 Hz"):
            power_spectral_density(sound, FS, resolution=resolution)
    for hop in (0.0, -0.1, 0.051, math.nan):
        with pytest.raises(ParameterError, match=r"to 0\.05 s"):
            spectrogram(sound, FS, hop=hop)
    with pytest.raises(ParameterError, match="at least 2"):
        spectrogram(sound, FS, columns=1)
    with pytest.raises(ParameterError, match="more than 0 dB"):
        spectrogram(sound, FS, range_db=0.0)
    with pytest.raises(ParameterError, match="weighting 'D'"):
        spectrogram(sound, FS, weighting="D")
    with pytest.raises(ParameterError, match="no sampling rate"):
        spectrogram(sound)
    with pytest.raises(ParameterError, match="calibrate it first"):
        power_spectral_density(Capture(sound, FS))

"""``soundcal.plot`` of power spectral densities and spectrograms."""

from dataclasses import replace

import numpy as np
import pytest

import soundcal
from soundcal.errors import ParameterError
from soundcal.indicators import power_spectral_density, spectrogram
from soundcal.recording import Recording
from soundcal.report.figures import density_figure

FS = 48000


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Noise, and in the right channel a tone at 1 kHz that begins after 1 s."""
    x = np.random.default_rng(1).normal(0.0, 0.002, (2, 2 * FS))
    t = np.arange(2 * FS) / FS
    x[1] += np.where(t > 1.0, 0.02, 0.0) * np.sin(2 * np.pi * 1000.0 * t)
    return Recording(x, FS, "cal", source="takes/fan.wav")


def test_a_density_is_drawn_with_its_peaks(recording: Recording) -> None:
    found = power_spectral_density(recording)
    axes = soundcal.plot(found)
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == (10.0, 24000.0)
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "Frequency (Hz)",
        "Level (dB re (20 µPa)²/Hz)",
    )
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["left", "right"]
    right = axes.get_lines()[1]
    level = dict(zip(right.get_xdata(), right.get_ydata(), strict=True))
    peak = np.argmax(found.density[1])
    assert level[found.frequency[peak]] == found.level[1, peak] == max(level.values())
    assert set(level.items()) <= set(zip(found.frequency, found.level[1], strict=True))
    assert min(level) == 2.0  # 0 and 1 Hz hold the offset
    assert axes.get_ylim()[1] > found.level[1, peak]


def test_a_recording_has_both_plots(recording: Recording) -> None:
    axes = recording.plot("density")
    expected = soundcal.plot(power_spectral_density(recording))
    for line, other in zip(axes.get_lines(), expected.get_lines(), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), other.get_xydata())
    with pytest.raises(ParameterError, match="of is one of left, right"):
        recording.plot("spectrogram")
    assert recording.plot("spectrogram", of="right").get_title(loc="left") == "Spectrogram, right"


def test_a_spectrogram_shows_when_and_where(recording: Recording) -> None:
    found = spectrogram(recording, range_db=50.0)
    axes = soundcal.plot(found, of="right")
    (image,) = axes.collections
    assert axes.get_yscale() == "log"
    assert axes.get_ylim() == (40.0, 24000.0)
    assert axes.figure.axes[1].get_ylabel() == "Level (dB re (20 µPa)²/Hz)"
    shown = image.get_array()
    assert np.subtract(*image.get_clim()[::-1]) == pytest.approx(50.0)
    assert image.get_clim()[1] == pytest.approx(found.level.max())
    corners = image.get_coordinates()
    times, frequencies = corners[0, :, 0], corners[:, 0, 1]
    assert (times[0], times[-1]) == pytest.approx((0.0, 1.9875))
    row, column = np.unravel_index(np.argmax(shown), shown.shape)
    assert frequencies[row] < 1000.0 < frequencies[row + 1]
    assert times[column] > 1.0
    early = shown[row, times[:-1] < 0.9]
    assert early.max() < shown[row].max() - 10.0


def test_lines_that_share_a_row_are_averaged_in_power(recording: Recording) -> None:
    found = spectrogram(recording)
    (image,) = soundcal.plot(found, of="left").collections
    edges = image.get_coordinates()[:, 0, 1]
    for row, n in ((0, 1), (len(edges) - 2, 20)):
        inside = (edges[row] < found.frequency) & (found.frequency < edges[row + 1])
        assert inside.sum() >= n
        mean = found.density[0][:, inside].mean(axis=1)
        np.testing.assert_allclose(image.get_array()[row], 10 * np.log10(mean / 4e-10))


def test_a_spectrogram_has_its_average_too(recording: Recording) -> None:
    found = spectrogram(recording)
    axes = soundcal.plot(found, "density", of="right")
    (line,) = axes.get_lines()
    mean = 10 * np.log10(found.density[1].mean(axis=0) / 4e-10)
    assert dict(line.get_xydata())[1000.0] == pytest.approx(mean[50])
    with pytest.raises(ParameterError, match="'map'"):
        soundcal.plot(found, "map")
    with pytest.raises(ParameterError, match="no plot 'spectrogram'"):
        soundcal.plot(power_spectral_density(recording), "spectrogram")
    with pytest.raises(ParameterError, match="no channel 'front'"):
        soundcal.plot(found, of="front")


def test_silence_says_so() -> None:
    silent = Recording(np.zeros((1, FS)), FS, "cal")
    axes = silent.plot("density")
    assert "no finite value" in [text.get_text() for text in axes.texts]
    assert silent.plot("spectrogram").collections


def test_the_figure_states_how_it_was_made(recording: Recording) -> None:
    density = power_spectral_density(recording, weighting="A", resolution=2.0)
    figure = density_figure(density)
    assert len(figure.axes) == 1
    assert figure.axes[0].get_ylabel() == "A-weighted level (dB re (20 µPa)²/Hz)"
    assert figure.texts[0].get_text() == (
        "7 segments of 0.5 s, Hann window, 50 % overlap; lines 2 Hz apart, noise bandwidth 3 Hz; "
        "weighting A"
    )
    panels = density_figure(spectrogram(recording))
    assert [axes.get_title(loc="left") for axes in panels.axes[::2]] == [
        "Spectrogram, left",
        "Spectrogram, right",
    ]
    limits = [axes.collections[0].get_clim() for axes in panels.axes[::2]]
    assert limits[0] == limits[1]
    several = replace(density, density=density.density[None])
    with pytest.raises(ParameterError, match="one recording at a time"):
        density_figure(several)

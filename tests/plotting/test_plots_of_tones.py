"""``soundcal.plot`` of prominent tones: spectrum, ratios with their criterion, tones over time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

import soundcal
from soundcal.cli import main
from soundcal.errors import ParameterError
from soundcal.files import audio
from soundcal.indicators import (
    prominence_ratio,
    tonal_audibility,
    tonality_iec61400,
    tone_to_noise,
)
from soundcal.indicators.prominence.result import AudibilityResult, AudibleTone, ProminenceResult
from soundcal.report.figures import tones_figure

FS = 44100


@pytest.fixture(scope="module")
def fan() -> np.ndarray:
    """Noise; on the left with a prominent tone at 250 Hz and one at 3 kHz that is not."""
    x = np.random.default_rng(1).normal(0.0, 0.02, (2, 4 * FS))
    t = np.arange(4 * FS) / FS
    x[0] += 0.02 * np.sin(2 * np.pi * 250.0 * t) + 0.005 * np.sin(2 * np.pi * 3000.0 * t)
    return x


@pytest.fixture(scope="module")
def ears(fan: np.ndarray) -> ProminenceResult:
    result = tone_to_noise(fan, FS)
    assert isinstance(result, ProminenceResult)
    return result


@pytest.fixture(scope="module")
def left(fan: np.ndarray) -> ProminenceResult:
    result = prominence_ratio(fan[0], FS)
    assert isinstance(result, ProminenceResult)
    return result


def marks(axes: Axes) -> dict[str, dict[float, float]]:
    """The points of single marks, filled and hollow, by frequency rounded to 1 Hz."""
    found: dict[str, dict[float, float]] = {"filled": {}, "hollow": {}}
    for line in axes.get_lines():
        if line.get_linestyle() == "None":
            kind = "hollow" if line.get_markerfacecolor() == "none" else "filled"
            for f, y in line.get_xydata():
                found[kind][round(float(f))] = float(y)
    return found


def test_tones_stand_in_the_spectrum(left: ProminenceResult) -> None:
    axes = soundcal.plot(left)
    by_frequency = {round(tone.frequency): tone for tone in left.tones}
    assert set(by_frequency) >= {250, 3000}
    found = marks(axes)
    assert set(found["filled"]) == {250}
    assert set(found["hollow"]) == set(by_frequency) - {250}
    assert found["filled"][250] == by_frequency[250].level
    assert axes.get_ylabel() == "Level of a line or tone (dB)"
    texts = [text.get_text() for text in axes.texts]
    assert texts == [f"{by_frequency[250].pr:.1f} dB"]
    (band,) = axes.patches
    assert band.get_x() < 250.0 < band.get_x() + band.get_width()
    assert band.get_width() == pytest.approx(104.47, abs=0.01)  # 25 + 75 (1 + 1.4 · 0.25²)^0.69 Hz
    line = axes.get_lines()[0]
    peak = np.argmax(left.spectrum)
    assert dict(line.get_xydata())[left.frequency[peak]] == left.spectrum[peak]


def test_ratios_stand_against_their_criterion(ears: ProminenceResult) -> None:
    axes = soundcal.plot(ears, "ratios")
    assert axes.get_ylabel() == "Tone-to-noise ratio (dB)"
    criterion = axes.get_lines()[0].get_xydata()
    assert np.interp([100.0, 5000.0], *criterion.T) == pytest.approx([16.33, 8.0], abs=0.01)
    found = marks(axes)
    tone = next(tone for tone in ears.tones[0] if round(tone.frequency) == 250)
    assert found["filled"] == {250: tone.tnr}
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["criterion", "left", "right"]
    right = soundcal.plot(ears, "ratios", of="right")
    assert marks(right)["filled"] == {}


def test_the_prominence_ratio_has_a_criterion_of_its_own(left: ProminenceResult) -> None:
    axes = soundcal.plot(left, "ratios")
    criterion = axes.get_lines()[0].get_xydata()
    assert np.interp([100.0, 5000.0], *criterion.T) == pytest.approx([19.0, 9.0], abs=0.01)


def test_tones_over_time(ears: ProminenceResult) -> None:
    axes = soundcal.plot(ears, "tracks", of="left")
    *_, prominent = axes.get_lines()
    tracks = [track for track in ears.tracks[0] if track.tnr_prominent.any()]
    expected = np.concatenate([track.frequency[track.tnr_prominent] for track in tracks])
    np.testing.assert_allclose(np.sort(prominent.get_ydata()), np.sort(expected))
    assert np.sum(np.abs(expected - 250.0) < 1.0) == len(ears.times)
    assert axes.get_xlim() == pytest.approx((0.0, 4.0))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Time (s)", "Frequency (Hz)")
    assert axes.get_yscale() == "log"


def test_the_other_plots_are_those_of_any_indicator(left: ProminenceResult) -> None:
    series = soundcal.plot(left, "series")
    np.testing.assert_array_equal(series.get_lines()[0].get_ydata(), left.series)
    assert soundcal.plot(left, "values").get_ylabel() == "PR (dB)"
    with pytest.raises(ParameterError, match="one of tones, ratios, tracks, series, values"):
        soundcal.plot(left, "map")


def test_without_noise_the_ratio_is_infinite_and_drawn() -> None:
    tone = tone_to_noise(0.02 * np.sin(2 * np.pi * 1000.0 * np.arange(FS) / FS), FS)
    assert np.isposinf(tone.value)
    assert "∞ dB" in [text.get_text() for text in soundcal.plot(tone).texts]
    assert " ∞" in [text.get_text() for text in soundcal.plot(tone, "ratios").texts]


def test_silence_has_no_tones() -> None:
    silent = tone_to_noise(np.zeros(FS), FS)
    assert "no finite value" in [text.get_text() for text in soundcal.plot(silent).texts]
    assert "no tones" in [text.get_text() for text in soundcal.plot(silent, "tracks").texts]
    assert marks(soundcal.plot(silent, "ratios")) == {"filled": {}, "hollow": {}}


def test_a_single_segment_is_a_point() -> None:
    noise = np.random.default_rng(2).normal(0.0, 0.01, FS)
    axes = soundcal.plot(tone_to_noise(noise, FS), "series")
    assert axes.get_xlim() == pytest.approx((0.0, 1.0))
    assert axes.get_lines()[0].get_marker() == "o"


@pytest.mark.parametrize("function", [tonal_audibility, tonality_iec61400])
def test_audibility_of_a_signal_has_all_plots(
    fan: np.ndarray, function: Callable[..., AudibilityResult]
) -> None:
    result = function(fan[0], FS)
    assert 250 in marks(soundcal.plot(result))["filled"]
    for kind in ("ratios", "tracks", "series", "values"):
        soundcal.plot(result, kind)
    assert len(tones_figure(result).axes) == 3


def test_audibility_is_drawn_against_0_db(left: ProminenceResult) -> None:
    tones = (
        AudibleTone(1.5, 200.0, 50.0, 30.0, 45.0, -2.0, 7.0),
        AudibleTone(1.5, 900.0, 40.0, 30.0, 45.0, -2.5, -2.5),
        AudibleTone(4.5, 201.0, 49.0, 30.0, 45.0, -2.0, 6.0),
    )
    result = AudibilityResult(
        "tonal_audibility", "dB", "ISO/PAS 20065:2016", 6.5, {},
        times=np.array([1.5, 4.5]), series=np.array([7.0, 6.0]), tones=tones,
        frequency=left.frequency, spectrum=left.spectrum,
    )  # fmt: skip
    axes = soundcal.plot(result, "ratios")
    assert axes.get_ylabel() == "Audibility (dB)"
    assert set(axes.get_lines()[0].get_ydata()) == {0.0}
    assert marks(axes) == {"filled": {200: 7.0, 201: 6.0}, "hollow": {900: -2.5}}
    spectrum = soundcal.plot(result)
    assert spectrum.get_ylabel() == "Level of a line or tone (dB(A))"
    # of the two in one critical band, the higher
    assert [text.get_text() for text in spectrum.texts] == ["7.0 dB"]
    assert len(spectrum.patches) == 1
    over_time = soundcal.plot(result, "tracks")
    assert over_time.get_xlim() == (0.0, 6.0)
    *_, audible = over_time.get_lines()
    assert audible.get_xydata().tolist() == [[1.5, 200.0], [4.5, 201.0]]


def test_the_figure_of_all_three(ears: ProminenceResult) -> None:
    figure = tones_figure(ears, ("front", "back"), "fan: tone-to-noise ratio TNR")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [
        "fan: tone-to-noise ratio TNR",
        "Tone-to-noise ratio",
        "Tone-to-noise ratio, tones over time",
    ]
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["front", "back"]
    with pytest.raises(ParameterError, match="no spectrum"):
        tones_figure(replace(ears, spectrum=None))
    with pytest.raises(ParameterError, match="one recording at a time"):
        soundcal.plot(replace(ears, value=ears.value[None]))


def test_measure_draws_the_tones(
    fan: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    audio.write("fan.wav", fan, FS, subtype="FLOAT")
    command = "measure fan.wav --sensitivity 1 --indicators TNRmax --plots figures"
    assert main(command.split()) == 0
    assert Path("figures/fan_TNR.png").stat().st_size > 20_000

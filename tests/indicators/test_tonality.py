"""Tonality by Aures and annoyance by Widmann, beside the rows of ``soundcal verify``."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.errors import ParameterError, SignalError
from soundcal.indicators import (
    fluctuation_strength,
    loudness_zwst,
    loudness_zwtv,
    open_stream,
    psychoacoustic_annoyance,
    roughness_dw,
    sharpness_din_tv,
    tonality_aures,
)
from soundcal.indicators.annoyance import annoyance_of
from soundcal.indicators.tonality.aures import LENGTH, TonalityMethod, find_components

FS = 48000
NOISE = 0.02 * np.random.default_rng(3).standard_normal(FS)


def tone(frequency: float, level: float = 60.0, fs: int = FS, duration: float = 1.0) -> np.ndarray:
    t = np.arange(round(duration * fs)) / fs
    return np.sqrt(2) * 2e-5 * 10 ** (level / 20) * np.sin(2 * np.pi * frequency * t)


def test_shapes_and_axes() -> None:
    result = tonality_aures(np.stack([tone(1000), 0 * NOISE, NOISE]), FS)
    assert result.series.shape == (3, 7)
    assert result.times.tolist() == pytest.approx(0.125 * np.arange(1, 8))
    assert result.specific is None
    assert result.value[0] == pytest.approx(1.0, abs=1e-3)
    assert result.value[1] == 0.0
    assert result.value[2] < 0.05


@pytest.mark.parametrize("frequency", [102.3, 517.7, 1001.9, 3000.1])
def test_a_pure_tone_is_one_component_without_width(frequency: float) -> None:
    """Level and frequency come back wherever the tone lies between two lines."""
    method = TonalityMethod()
    found = find_components(method.spectrum(tone(frequency)[:LENGTH] + 0.1))
    assert found.frequency == pytest.approx([frequency], abs=0.01)
    assert 10 * np.log10(found.power / 4e-10) == pytest.approx([60.0], abs=0.001)
    assert found.width == pytest.approx([0.0], abs=0.1)


def test_width_is_that_of_the_band() -> None:
    """Two tones 12 Hz apart have the second moment of a rectangle of 12 √3 Hz."""
    method = TonalityMethod()
    signal = tone(1000) + tone(1012)
    found = [
        find_components(method.spectrum(signal[start : start + LENGTH]))
        for start in range(0, 4000, 500)
    ]
    assert np.mean([c.width[0] ** 2 for c in found]) == pytest.approx(3 * 12**2, rel=0.05)
    assert np.mean([c.frequency[0] for c in found]) == pytest.approx(1006, abs=0.1)


def test_less_tonal_with_noise_width_and_distance_from_700_hz() -> None:
    value = {f: tonality_aures(tone(f), FS).value for f in (120, 700, 4000)}
    assert value[700] > value[4000]
    assert value[700] > value[120]
    noisy = [tonality_aures(tone(1000) + g * NOISE, FS).value for g in (0, 0.01, 0.1, 1)]
    assert np.all(np.diff(noisy) < 0)
    swept = np.sin(2 * np.pi * 1000 * np.arange(FS) / FS + 5 * np.sin(8 * np.arange(FS) / FS))
    assert tonality_aures(0.03 * swept, FS).value < 0.95


def test_tones_beyond_5_khz_do_not_count() -> None:
    assert tonality_aures(tone(5500), FS).value == 0.0
    assert tonality_aures(tone(4900), FS).value > 0.5


def test_inaudible_tones_do_not_count() -> None:
    assert tonality_aures(tone(1000, 2.0), FS).value == 0.0
    assert tonality_aures(tone(100, 20.0), FS).value == 0.0


@pytest.mark.parametrize(("masked", "level"), [(1100.0, 68.0), (1300.0, 63.0), (1500.0, 58.0)])
def test_tones_that_others_mask_are_no_noise(masked: float, level: float) -> None:
    """A weak tone on the slope of a strong one takes little from its tonality."""
    alone = tonality_aures(tone(1000, 80.0), FS).value
    both = tonality_aures(tone(1000, 80.0) + tone(masked, level), FS).value
    assert both == pytest.approx(alone, abs=0.05)


def test_a_sound_of_harmonics_is_tonal() -> None:
    """Most of them are masked."""
    sawtooth = sum(tone(100.0 * k, 70.0 - 20.0 * np.log10(k)) for k in range(1, 40))
    assert tonality_aures(sawtooth, FS).value > 0.9


def test_loudness_of_a_frame_is_that_of_the_stationary_method() -> None:
    method = TonalityMethod()
    for signal in (tone(1000, 70), NOISE):
        frames = [signal[i : i + LENGTH] for i in range(0, FS - LENGTH, LENGTH // 2)]
        found = np.mean(method._loudness([method.spectrum(frame) for frame in frames]))
        assert found == pytest.approx(loudness_zwst(signal, FS).value, rel=0.02)


@pytest.mark.parametrize("fs", [16000, 44100])
def test_other_rates(fs: int) -> None:
    assert tonality_aures(tone(1000, fs=fs), fs).value == pytest.approx(1.0, abs=0.005)


def test_refused_input() -> None:
    with pytest.raises(SignalError, match=r"at least 0\.25 s"):
        tonality_aures(NOISE[: LENGTH - 1], FS)
    with pytest.raises(ParameterError, match="sound field"):
        tonality_aures(NOISE, FS, field="near")
    with pytest.raises(SignalError, match="NaN"):
        psychoacoustic_annoyance(np.full(FS, np.nan), FS)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 20000), max_size=6), st.sampled_from([FS, 44100]))
def test_block_sizes_do_not_matter(sizes: list[int], fs: int) -> None:
    signal = NOISE + tone(440, fs=fs, duration=FS / fs)[: NOISE.size]
    whole = tonality_aures(signal, fs)
    stream = open_stream(["T"], fs=fs, keep=True)
    edges = np.minimum(np.cumsum([0, *sizes]), signal.size)
    for start, stop in zip(edges, [*edges[1:], signal.size], strict=True):
        stream.push(signal[np.newaxis, start:stop])
    assert stream.finish()["T"].series.tolist() == [whole.series.tolist()]


def test_annoyance_from_the_four() -> None:
    t = np.arange(2 * FS) / FS
    rough = 10 * np.tile(NOISE, 2) * (1 + np.sin(2 * np.pi * 70 * t))
    result = psychoacoustic_annoyance(np.stack([rough, 0 * rough]), FS, field="diffuse")
    expected = annoyance_of(
        loudness_zwtv(rough, FS, field="diffuse").statistics["5"],
        sharpness_din_tv(rough, FS, field="diffuse").value,
        fluctuation_strength(rough, FS, field="diffuse").value,
        roughness_dw(rough, FS, field="diffuse").value,
    )
    assert result.value.tolist() == [expected, 0.0]
    assert result.statistics["eq"].shape == (2,)
    assert expected > 1.2 * loudness_zwtv(rough, FS, field="diffuse").statistics["5"]


def test_annoyance_of_numbers() -> None:
    assert annoyance_of(0.0, 3.0, 1.0, 1.0) == 0.0
    assert annoyance_of(4.0, 1.75, 0.0, 0.0) == 4.0
    assert annoyance_of(30.0, [2.0, 1.0], 0.5, 0.3).shape == (2,)
    with pytest.raises(SignalError, match="N5 = -1"):
        annoyance_of(-1.0, 1.0, 0.0, 0.0)
    with pytest.raises(SignalError, match="R = nan"):
        annoyance_of(1.0, 1.0, 0.0, float("nan"))

"""Tonal audibility: the printed example, closed forms, groups, means, and both kinds of input."""

import math

import numpy as np
import pytest
from indicators.prominence.tonal_sounds import FS, tones, white

from soundcal.errors import ParameterError, SignalError
from soundcal.indicators import (
    tonal_audibility,
    tonal_audibility_from_lines,
    tonality_iec61400,
    tonality_iec61400_from_lines,
)
from soundcal.indicators.prominence import bands
from soundcal.indicators.prominence.result import AudibilityResult, AudibleTone

FREQUENCY = np.arange(2.5, 3000.0, 2.5)


def spectrum(*peaks: tuple[float, float], noise: float = 30.0) -> np.ndarray:
    """Return levels of flat noise with single lines above it."""
    level = np.full(FREQUENCY.size, noise)
    for frequency, height in peaks:
        level[round(frequency / 2.5) - 1] = height
    return level


def rated_alone(frequency: float, level: float, noise: float = 30.0) -> float:
    """Return the audibility of a single line in flat noise."""
    masking = noise - 10 * math.log10(1.5) + 10 * math.log10(width(frequency) / 2.5)
    return level - masking + 2 + math.log10(1 + (frequency / 502) ** 2.5)


def width(frequency: float) -> float:
    return 25 + 75 * (1 + 1.4 * (frequency / 1000) ** 2) ** 0.69


def groups(result: AudibilityResult) -> list[AudibleTone]:
    return [tone for tone in result.tones if len(tone.members) > 1]


def test_a_single_line_is_not_corrected_for_the_window() -> None:
    result = tonal_audibility_from_lines(FREQUENCY, spectrum((500.0, 60.0)))
    (tone,) = result.tones
    assert tone.level == pytest.approx(60.0)
    assert tone.noise_level == pytest.approx(30.0 - 1.761, abs=0.001)
    assert result.value == tone.audibility == pytest.approx(rated_alone(500.0, 60.0))
    n = round(width(500.0) / 2.5)
    expected = 1.645 * math.sqrt(9 * (1 + 1 / n) + (4.34 * 2.5 / width(500.0)) ** 2)
    assert result.uncertainty == pytest.approx(expected, abs=0.01)


def test_several_lines_are_summed_and_corrected() -> None:
    """The lines of a tone half-way between two lines."""
    level = spectrum((500.0, 60.0), (502.5, 60.0))
    (tone,) = tonal_audibility_from_lines(FREQUENCY, level).tones
    assert tone.level == pytest.approx(60.0 + 10 * math.log10(2 / 1.5))
    wide = spectrum(*((500.0 + 2.5 * i, 60.0 - 0.01 * i) for i in range(16)))
    assert tonal_audibility_from_lines(FREQUENCY, wide).tones == ()  # 40 Hz: no distinct tone


@pytest.mark.parametrize(("slope", "distinct"), [(0.4, False), (0.7, True)])
def test_flat_flanks_are_no_tone(slope: float, distinct: bool) -> None:
    """24 dB per octave are 0.57 dB/Hz at 60 Hz."""
    level = np.maximum(30.0, 39.0 - slope * np.abs(FREQUENCY - 60.0))
    assert bool(tonal_audibility_from_lines(FREQUENCY, level).tones) == distinct


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (600.0, 615.0, True),
        (600.0, 645.0, False),  # further apart than f_D, both below 1 kHz
        (960.0, 1030.0, True),  # one above 1 kHz
        (1500.0, 1600.0, True),
        (600.0, 680.0, False),  # in different critical bands
    ],
)
def test_two_tones(first: float, second: float, together: bool) -> None:
    result = tonal_audibility_from_lines(FREQUENCY, spectrum((first, 60.0), (second, 58.0)))
    alone = [tone.frequency for tone in result.tones if len(tone.members) == 1]
    assert alone == [first, second]
    assert bool(groups(result)) == together
    if together:
        (group,) = groups(result)
        assert group.frequency == first
        assert group.members == (first, second)
        assert group.level == pytest.approx(10 * math.log10((10**6.0 + 10**5.8) / 1.5))
        assert result.value == group.audibility


def test_chains_are_one_group_and_inaudible_tones_belong_to_none() -> None:
    chain = spectrum((500.0, 60.0), (545.0, 58.0), (590.0, 57.0), (612.5, 40.0))
    result = tonal_audibility_from_lines(FREQUENCY, chain)
    (group,) = groups(result)
    assert group.members == (500.0, 545.0, 590.0)
    assert [tone.audible for tone in result.tones] == [True, True, True, False, True]


@pytest.mark.parametrize(
    ("audibility", "adjustment"),
    [(-1.0, 0), (0.1, 1), (1.9, 1), (2.1, 2), (5.9, 3), (8.9, 4), (11.9, 5), (12.1, 6), (30.0, 6)],
)
def test_adjustment(audibility: float, adjustment: int) -> None:
    level = 60.0 + audibility - rated_alone(500.0, 60.0)
    result = tonal_audibility_from_lines(FREQUENCY, spectrum((500.0, level)))
    assert result.value == pytest.approx(audibility, abs=1e-6)
    assert result.adjustment == adjustment


def test_mean_over_spectra() -> None:
    """A spectrum without a tone counts with −10 dB, and its uncertainty with 0."""
    levels = np.stack([spectrum((500.0, 60.0)), spectrum(), spectrum((500.0, 55.0))])
    result = tonal_audibility_from_lines(FREQUENCY, levels)
    single = [tonal_audibility_from_lines(FREQUENCY, level) for level in levels]
    assert result.series.tolist() == pytest.approx([one.value for one in single])
    assert result.series[1] == -10.0
    weights = 10 ** (result.series / 10)
    assert result.value == pytest.approx(10 * math.log10(weights.mean()))
    parts = weights * [single[0].uncertainty, 0.0, single[2].uncertainty]
    assert result.uncertainty == pytest.approx(np.sqrt(np.sum(parts**2)) / weights.sum())
    assert result.statistics["max"] == result.series[0]
    assert "3 of the 12 spectra" in result.warnings[0]
    assert single[1].warnings == ()
    assert math.isnan(single[1].uncertainty)


@pytest.mark.parametrize(
    ("frequency", "level"),
    [
        (FREQUENCY, np.full(7, 30.0)),
        (FREQUENCY[:2], np.full(2, 30.0)),
        (FREQUENCY, np.full((1, 1, FREQUENCY.size), 30.0)),
        (FREQUENCY, np.full(FREQUENCY.size, np.nan)),
        (FREQUENCY, np.full(FREQUENCY.size, np.inf)),
        (FREQUENCY, np.full(FREQUENCY.size, 3100.0)),
        (FREQUENCY, np.full(FREQUENCY.size, 30.0j)),
        (FREQUENCY, np.full(FREQUENCY.size, "30")),
    ],
)
def test_impossible_levels_are_refused(frequency: np.ndarray, level: np.ndarray) -> None:
    for function in (tonal_audibility_from_lines, tonality_iec61400_from_lines):
        with pytest.raises(SignalError, match=r"lines|real numbers"):
            function(frequency, level)


def test_lines_at_unequal_distances_are_refused_and_unusual_ones_told() -> None:
    for frequency in (np.geomspace(50.0, 1000.0, 100), np.arange(100.0, 0.0, -1.0)):
        with pytest.raises(ParameterError, match="equal distances"):
            tonal_audibility_from_lines(frequency, np.full(100, 30.0))
    with pytest.raises(ParameterError, match="from -100 Hz on; they cannot be negative"):
        tonal_audibility_from_lines(np.arange(-100.0, 100.0, 2.0), np.full(100, 30.0))
    fine = np.arange(400.0, 601.0)
    result = tonal_audibility_from_lines(fine, np.where(fine == 500.0, 60.0, 30.0))
    assert any("lines 1 Hz apart; the standard expects 1.9 to 4 Hz" in w for w in result.warnings)
    cut = fine[:130]
    result = tonal_audibility_from_lines(cut, np.where(cut == 500.0, 60.0, 30.0))
    assert any("ends within the critical band of the tone at 500 Hz" in w for w in result.warnings)


@pytest.mark.parametrize(
    ("frequency", "fs"), [(62.5, 8000), (440.0, 8000), (1001.25, 44100), (9000.0, 48000)]
)
def test_signals_by_the_closed_form(frequency: float, fs: int) -> None:
    """Tone and noise are weighted alike within a critical band, hardly at 62.5 Hz.

    Lines 10 dB below the peak do not belong to the tone: of a tone half-way between lines, 0.2 dB.
    """
    level, density = 60.0, 20.0
    sound = tones((frequency, level), seconds=12.2, fs=fs) + white(density, seconds=12.2, fs=fs)
    masking = density + 10 * math.log10(width(frequency))
    expected = level - masking + 2 + math.log10(1 + (frequency / 502) ** 2.5)
    tolerance = 1.5 if frequency < 100 else 0.5
    by_iso = tonal_audibility(sound, fs)
    assert by_iso.value == pytest.approx(expected, abs=tolerance)
    assert by_iso.times.tolist() == pytest.approx([1.5, 4.5, 7.5, 10.5])
    assert by_iso.tones[0].frequency == pytest.approx(frequency, abs=1.3)
    by_iec = tonality_iec61400(sound, fs)
    assert by_iec.value == pytest.approx(expected, abs=tolerance)
    assert by_iec.times.tolist() == [5.0]
    for result in (by_iso, by_iec):
        assert result.spectrum.max() == pytest.approx(result.tones[0].level, abs=1.6)


def test_white_noise_has_no_audible_tone() -> None:
    noise = white(40.0, seconds=12.0, fs=16000)
    assert tonal_audibility(noise, 16000).value == -10.0
    assert tonality_iec61400(noise, 16000).value < 0.0
    assert tonality_iec61400(noise[: 2 * 16000], 16000).value < 0.0


def test_a_tone_without_noise_is_infinitely_audible() -> None:
    sound = tones((1000.0, 60.0), seconds=3.0, fs=8000)
    for function in (tonal_audibility, tonality_iec61400):
        result = function(sound, 8000)
        assert result.value == np.inf
        assert any(w.startswith("no noise in the band") for w in result.warnings)


def test_an_offset_is_no_tone() -> None:
    """What it leaves in the other lines is not audible, however little else there is."""
    for sound in (np.full(2 * FS, 1.0), 1e5 * np.sin(2 * np.pi * np.arange(4 * FS) / FS)):
        assert tonal_audibility(sound, FS).value == -10.0
        assert tonality_iec61400(sound, FS).value == -np.inf


def test_short_signals_have_one_spectrum_or_none() -> None:
    sound = tones((1000.0, 60.0), seconds=2.0) + white(20.0, seconds=2.0)
    for function, period in ((tonal_audibility, 3), (tonality_iec61400, 10)):
        result = function(sound, FS)
        assert result.series.shape == (1,)
        assert f"one spectrum of 2 s; the standard averages over {period} s" in result.warnings[0]
        assert result.value == pytest.approx(20.7, abs=1.0)
        with pytest.raises(SignalError, match="too short: at least 1 s"):
            function(sound[: FS - 1], FS)
        with pytest.raises(ParameterError, match="5 Hz apart"):
            function(sound, FS, resolution=5.0)


def test_iec_by_the_closed_form() -> None:
    """Flat noise of 30 dB per line of 1 Hz, a line of 50 dB; low tones have 20 to 120 Hz."""
    frequency = np.arange(1.0, 1001.0)
    level = np.where(frequency == 500.0, 50.0, 30.0)
    (tone,) = tonality_iec61400_from_lines(frequency, level).tones
    assert tone.masking_level == pytest.approx(48.93, abs=0.005)
    assert tone.masking_index == pytest.approx(-2.299, abs=0.0005)
    assert tone.audibility == pytest.approx(3.37, abs=0.005)
    level = np.where(frequency == 50.0, 50.0, 30.0)
    (tone,) = tonality_iec61400_from_lines(frequency, level).tones
    assert tone.masking_level == pytest.approx(30.0 + 10 * math.log10(100.0 / 1.5))


def test_iec_divides_runs_but_not_single_lines() -> None:
    frequency = np.arange(400.0, 601.0)
    level = np.full(frequency.size, 30.0)
    level[100], level[101], level[110] = 50.0, 49.0, 48.0
    result = tonality_iec61400_from_lines(frequency, level)
    (tone,) = result.tones  # the line at 510 Hz belongs to the tone at 500 Hz
    expected = 10 * math.log10((10**5.0 + 10**4.9) / 1.5 + 10**4.8)
    assert tone.level == pytest.approx(expected)
    assert result.uncertainty is result.adjustment is None


def test_channels_are_rated_by_themselves() -> None:
    pair = np.stack([tones((f, 60.0), seconds=6.0, fs=8000) for f in (400.0, 1000.0)])
    pair += white(20.0, seconds=6.0, fs=8000)
    result = tonal_audibility(pair, 8000)
    assert [{tone.frequency for tone in own} for own in result.tones] == [{400.0}, {1000.0}]
    assert result.adjustment.tolist() == [6.0, 6.0]
    assert result.uncertainty.shape == (2,)
    assert bands.masking_index(400.0) > bands.masking_index(1000.0)

"""Tone-to-noise and prominence ratios by closed forms, verdicts, over time, and their limits."""

import math

import numpy as np
import pytest
from indicators.prominence.tonal_sounds import (
    FS,
    expected_pr,
    expected_tnr,
    pink,
    tones,
    white,
)

from soundcal.errors import ParameterError, SignalError
from soundcal.indicators import mosqito, open_stream, prominence_ratio, tone_to_noise
from soundcal.indicators.prominence.result import ProminenceResult, RatedTone


def near(result: ProminenceResult, frequency: float) -> RatedTone:
    (tone,) = [t for t in result.tones if abs(t.frequency - frequency) < 1.0]
    return tone


@pytest.mark.parametrize(
    ("frequency", "level", "density", "fs"),
    [
        (1000.0, 62.0, 30.0, 48000),
        (1000.0, 59.3, 30.0, 48000),
        (250.0, 60.0, 26.0, 48000),
        (120.0, 60.0, 22.0, 44100),
        (171.0, 30.0, -5.0, 48000),
        (601.7, 80.0, 40.0, 44100),
        (3000.4, 65.0, 25.0, 96000),
        (11150.0, 50.0, 5.0, 48000),
    ],
)
def test_single_tones_by_the_closed_form(
    frequency: float, level: float, density: float, fs: int
) -> None:
    seconds = 15.0
    sound = tones((frequency, level), seconds=seconds, fs=fs)
    result = tone_to_noise(sound + white(density, seconds=seconds, fs=fs), fs)
    tone = near(result, frequency)
    assert tone.frequency == pytest.approx(frequency, abs=0.05)
    assert tone.level == pytest.approx(level, abs=0.15)
    assert tone.tnr == pytest.approx(expected_tnr(frequency, level, density), abs=0.45)
    assert tone.pr == pytest.approx(expected_pr(frequency, [(frequency, level)], density), abs=0.3)
    assert tone.tnr_prominent == (tone.tnr >= tone.tnr_limit)
    assert result.value == (tone.tnr if tone.tnr_prominent else -np.inf)
    assert all(not t.tnr_prominent and not t.pr_prominent for t in result.tones if t is not tone)


def test_close_tones_are_rated_once() -> None:
    """From 1 kHz on all tones of a critical band are heard as one."""
    pair = [(1000.0, 61.0), (1030.0, 60.0)]
    sound = tones(*pair, seconds=15.0) + white(28.0, seconds=15.0)
    result = tone_to_noise(sound, FS)
    both = 10 * math.log10(10**6.1 + 10**6.0)
    for frequency, level in pair:
        tone = near(result, frequency)
        assert tone.level == pytest.approx(level, abs=0.1)
        assert tone.rated_at == near(result, 1000.0).frequency
        assert tone.tnr == pytest.approx(expected_tnr(1000.0, both, 28.0), abs=0.45)
        assert tone.pr == pytest.approx(expected_pr(frequency, pair, 28.0), abs=0.3)
    assert result.statistics["total"] == pytest.approx(result.value)
    ratio = prominence_ratio(sound, FS)
    assert ratio.statistics["total"] == pytest.approx(ratio.value)
    weaker = tones((1000.0, 60.0), (1040.0, 60.2), seconds=4.0) + white(20.0, seconds=4.0, seed=9)
    ratio = prominence_ratio(weaker, FS)
    assert near(ratio, 1000.0).pr > near(ratio, 1040.0).pr
    assert ratio.statistics["total"] == pytest.approx(ratio.value, abs=1e-9)


def test_tones_that_are_not_close_are_rated_by_themselves() -> None:
    """Neither is noise for the other; MoSQITo loses one of them."""
    pair = [(500.0, 60.0), (545.0, 57.0)]
    sound = tones(*pair, seconds=15.0) + white(25.0, seconds=15.0)
    result = tone_to_noise(sound, FS)
    ratios = [near(result, frequency).tnr for frequency, _ in pair]
    for (frequency, level), ratio in zip(pair, ratios, strict=True):
        assert ratio == pytest.approx(expected_tnr(frequency, level, 25.0), abs=0.45)
        assert near(result, frequency).rated_at == near(result, frequency).frequency
    assert result.value == max(ratios)
    summed = 10 * math.log10(sum(10 ** (ratio / 10) for ratio in ratios))
    assert result.statistics["total"] == pytest.approx(summed)


def test_no_tone_of_a_pair_is_lost() -> None:
    """Pairs all over the range, 0.15 to 0.45 critical bandwidths apart, up to 6 dB different."""
    random = np.random.default_rng(17)
    noise = white(20.0, seconds=3.0)
    for centre in np.geomspace(110.0, 8000.0, 12):
        width = 25.0 + 75.0 * (1.0 + 1.4 * (centre / 1000.0) ** 2) ** 0.69
        other = centre + width * random.uniform(0.15, 0.45)
        level = 20.0 + 10 * math.log10(width) + random.uniform(12.0, 25.0)
        pair = [(centre, level), (other, level - random.uniform(0.0, 6.0))]
        result = tone_to_noise(tones(*pair, seconds=3.0) + noise, FS)
        found = [tone.frequency for tone in result.tones if tone.tnr > 5.0]
        assert found == pytest.approx([centre, other], abs=1.0)


def test_hum_below_the_range_is_no_noise_of_the_tone_above() -> None:
    """A tone at 60 Hz lies in the critical band of 105 Hz, but is not rated; nor is an offset."""
    sound = tones((60.0, 80.0), (105.0, 60.0), seconds=15.0) + white(20.0, seconds=15.0)
    (tone,) = tone_to_noise(sound + 10.0, FS).tones
    assert tone.frequency == pytest.approx(105.0, abs=0.1)
    assert tone.tnr == pytest.approx(expected_tnr(105.0, 60.0, 20.0), abs=0.45)


def test_sidebands_within_the_tone_band_belong_to_the_tone() -> None:
    """Modulated at 4 Hz, or in frequency by 4 Hz at 5 Hz: 12 Hz belong to the tone at 1 kHz."""
    t = np.arange(10 * FS) / FS
    carrier = 2 * np.pi * 1000.0 * t
    noise = white(25.0, seconds=10.0)
    for sound in (
        (1.0 + 0.8 * np.sin(2 * np.pi * 4.0 * t)) * np.sin(carrier),
        np.sin(carrier + 0.8 * np.sin(2 * np.pi * 5.0 * t)),
    ):
        scaled = sound * 0.02 / np.sqrt(np.mean(sound**2))
        tone = near(tone_to_noise(scaled + noise, FS), 1000.0)
        assert tone.level == pytest.approx(60.0, abs=0.2)
        assert tone.tnr == pytest.approx(expected_tnr(1000.0, 60.0, 25.0), abs=0.45)


@pytest.mark.parametrize(
    ("frequency", "rated"),
    [(88.8, False), (89.3, True), (11199.0, True), (11201.0, False)],
)
def test_the_range_of_tones(frequency: float, rated: bool) -> None:
    sound = tones((frequency, 80.0), seconds=3.0) + white(20.0, seconds=3.0)
    assert np.isfinite(tone_to_noise(sound, FS).value) == rated
    assert np.isfinite(prominence_ratio(sound, FS).value) == rated


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_prominent_in_noise(seed: int) -> None:
    for noise in (white(40.0, seconds=5.0, seed=seed), pink(seconds=5.0, seed=seed)):
        for function in (tone_to_noise, prominence_ratio):
            result = function(noise, FS)
            assert result.value == -np.inf
            assert result.prominent_share == 0.0


@pytest.mark.long
def test_nothing_is_prominent_in_50_noises() -> None:
    for seed in range(50):
        test_nothing_is_prominent_in_noise(seed)


def test_an_inaudible_tone_is_not_prominent() -> None:
    """The threshold is −7.26 dB at 1 kHz; the noise is below it, too."""
    noise = white(-60.0, seconds=3.0)
    for level, audible in ((-12.0, False), (-5.0, True)):
        result = tone_to_noise(tones((1000.0, level), seconds=3.0) + noise, FS)
        tone = near(result, 1000.0)
        assert tone.tnr == pytest.approx(expected_tnr(1000.0, level, -60.0), abs=0.45)
        assert tone.audible == tone.tnr_prominent == tone.pr_prominent == audible
        assert (result.value > 0.0) == audible
        assert (result.series > 0.0).all() == audible


def test_a_tone_without_noise_has_an_infinite_ratio_and_a_warning() -> None:
    """Modulated at 4 Hz: its sidebands are within the tone band."""
    t = np.arange(2 * FS) / FS
    sound = 0.05 * (1.0 + 0.5 * np.sin(8 * np.pi * t)) * np.sin(2000 * np.pi * t)
    for function in (tone_to_noise, prominence_ratio):
        result = function(sound + 0.1, FS)
        assert result.value == result.statistics["total"] == result.statistics["50"] == np.inf
        assert [w.split(":")[0] for w in result.warnings] == ["no noise in the band"]
        assert len(result.tones) == 1
    assert tone_to_noise(np.zeros(FS), FS).warnings == ()


def test_over_time() -> None:
    """A tone in the first half only: half of the time, and one track."""
    sound = white(28.0, seconds=20.0)
    sound[: 10 * FS] += tones((1500.0, 62.0), seconds=10.0)
    result = tone_to_noise(sound, FS)
    assert result.times.tolist() == pytest.approx(np.arange(0.5, 19.6, 0.5))
    during = result.series[result.times < 10.0]
    assert np.median(during) == pytest.approx(expected_tnr(1500.0, 62.0, 28.0), abs=0.3)
    assert result.prominent_share == pytest.approx(0.5, abs=0.06)
    (track,) = [track for track in result.tracks if track.times.size > 3]
    assert track.frequency == pytest.approx(np.full(track.times.size, 1500.0), abs=1.0)
    assert track.times[0] == 0.5
    assert track.times[-1] == pytest.approx(10.0, abs=0.1)
    assert (track.tnr > 8.0)[:-1].all()
    assert result.statistics["5"] > result.statistics["50"] > result.statistics["95"]


def test_longer_segments_and_other_lines() -> None:
    sound = tones((1500.0, 62.0), seconds=10.0) + white(28.0, seconds=10.0)
    result = tone_to_noise(sound, FS, resolution=2.0, segment=2.0)
    assert result.times.tolist() == pytest.approx(np.arange(1.0, 9.1))
    assert result.frequency[1] == 2.0
    assert result.value == pytest.approx(expected_tnr(1500.0, 62.0, 28.0), abs=0.45)
    assert result.series.std() < 0.3
    with pytest.raises(ParameterError, match=r"lines 3 Hz apart; .* at most 2.5 Hz"):
        tone_to_noise(sound, FS, resolution=3.0)
    with pytest.raises(ParameterError, match="whole multiple of 1 s"):
        tone_to_noise(sound, FS, segment=1.5)
    with pytest.raises(SignalError, match=r"too short: at least 2 s"):
        tone_to_noise(sound[:FS], FS, segment=2.0)


def test_half_the_sampling_rate_limits_the_tones() -> None:
    fs, seconds = 8000, 5.0
    sound = tones((1000.0, 62.0), (3500.0, 62.0), seconds=seconds, fs=fs)
    sound += white(20.0, seconds=seconds, fs=fs)
    ratio, prominence = tone_to_noise(sound, fs), prominence_ratio(sound, fs)
    assert near(ratio, 3500.0).tnr == pytest.approx(expected_tnr(3500.0, 62.0, 20.0), abs=0.45)
    assert math.isnan(near(prominence, 3500.0).pr)
    assert prominence.value == near(prominence, 1000.0).pr
    assert [w.split(";")[0] for w in (*ratio.warnings, *prominence.warnings)] == [
        "TNR: tones are rated up to 3678 Hz only",
        "PR: tones are rated up to 3116 Hz only",
    ]
    assert tone_to_noise(white(20.0, seconds=1.0, fs=400), 400).tones == ()


def test_both_channels_have_their_tones_and_one_stage_gives_both_ratios() -> None:
    pair = np.stack(
        [
            tones((440.0, 60.0), seconds=2.0),
            tones((440.0, 60.0), (2000.0, 60.0), seconds=2.0),
        ]
    ) + white(10.0, seconds=2.0)
    together = tone_to_noise(pair, FS)
    assert [[round(t.frequency) for t in own if t.tnr > 0.0] for own in together.tones] == [
        [440],
        [440, 2000],
    ]
    assert together.to_dict()["tones"][1][0]["frequency"] == together.tones[1][0].frequency
    stream = open_stream(["TNR", "PR"], fs=FS, n_channels=2)
    for block in np.split(pair, [1, 300, 48001, 70000], axis=1):
        stream.push(block)
    found = stream.finish()
    assert found["TNR"].statistics["total"].tolist() == together.statistics["total"].tolist()
    assert found["PR"].value.tolist() == prominence_ratio(pair, FS).value.tolist()
    assert found["TNR"].tracks is found["TNR"].spectrum is found["TNR"].series is None
    assert found["TNR"].prominent_share.tolist() == [1.0, 1.0]


def test_mosqito_agrees_where_it_is_right_and_not_where_it_is_wrong() -> None:
    right = tones((1000.0, 62.0), (3000.0, 65.0), seconds=8.0) + white(27.0, seconds=8.0)
    for own, theirs in ((tone_to_noise, mosqito.tnr_ecma), (prominence_ratio, mosqito.pr_ecma)):
        assert own(right, FS).value == pytest.approx(theirs(right, FS).value, abs=0.7)
    low = tones((120.0, 62.0), seconds=8.0) + white(22.0, seconds=8.0)
    expected = expected_pr(120.0, [(120.0, 62.0)], 22.0)
    assert prominence_ratio(low, FS).value == pytest.approx(expected, abs=0.3)
    assert mosqito.pr_ecma(low, FS).value > expected + 2.0

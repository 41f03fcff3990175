"""MoSQITo behind soundcal's names, and how close the two are on the same signals."""

import numpy as np
import pytest

from soundcal.errors import ParameterError, SignalError
from soundcal.indicators import compute, mosqito
from soundcal.indicators.zwicker import loudness, sharpness
from soundcal.recording import Recording

FS = 48000
T = np.arange(FS) / FS


def tone_in_noise(seconds: float = 8.0, amplitude: float = 0.02) -> np.ndarray:
    n = round(seconds * FS)
    noise = 0.005 * np.random.default_rng(4).standard_normal(n)
    return amplitude * np.sin(2 * np.pi * 1000 * np.arange(n) / FS) + noise


def modulated() -> np.ndarray:
    noise = 0.02 * np.random.default_rng(9).standard_normal(FS)
    return noise * (1.0 + 0.8 * np.sin(2 * np.pi * 8 * T))


def test_loudness_over_time_agrees_to_the_oracles_rounding() -> None:
    x = modulated()[: FS // 2]
    ours, theirs = loudness.loudness_zwtv(x, FS), mosqito.loudness_zwtv(x, FS)
    assert np.abs(ours.series - theirs.series)[30:].max() < 0.003
    difference = np.abs(ours.specific - theirs.specific)[30:]
    assert np.mean(difference < 0.002) > 0.99
    assert difference.max() < 0.05  # where slopes end, a known error
    assert 0.01 < np.abs(ours.series - theirs.series)[:10].max() < 0.03  # a known error
    assert theirs.warnings[0] == mosqito.ENGINE
    assert any("time axis" in w for w in theirs.warnings)


def test_stationary_loudness_shows_the_known_error() -> None:
    tone = np.sqrt(2.0) * 0.02 * np.sin(2 * np.pi * 1000 * T[: FS // 2])
    assert mosqito.loudness_zwst(tone, FS).value == pytest.approx(4.14, abs=0.01)
    assert loudness.loudness_zwst(tone, FS).value == pytest.approx(4.02, abs=0.01)


def test_sharpness_agrees_where_the_oracle_is_right() -> None:
    x = 0.02 * np.random.default_rng(9).standard_normal(FS)
    for weighting in ("din", "bismarck"):
        ours = sharpness.sharpness_din_st(x, FS, weighting=weighting).value
        theirs = mosqito.sharpness_din_st(x, FS, weighting=weighting).value
        assert ours == pytest.approx(theirs, rel=0.02)
    x = x[: FS // 2]
    theirs, ours = mosqito.sharpness_din_tv(x, FS), sharpness.sharpness_din_tv(x, FS)
    assert theirs.series[:10].max() > 2.0 * ours.series[:10].max()  # the known error
    later = [np.median(result.series[-80:]) for result in (ours, theirs)]
    assert later[0] == pytest.approx(later[1], rel=0.02)


def test_roughness_of_its_unit() -> None:
    x = (1.0 + np.sin(2 * np.pi * 70 * T)) * np.sin(2 * np.pi * 1000 * T)
    result = mosqito.roughness_dw(x / np.sqrt(np.mean(x**2)) * 0.02, FS)
    assert result.value == pytest.approx(1.0, abs=0.1)
    assert result.specific.shape == (result.times.size, 47)
    with pytest.raises(ParameterError, match="no diffuse field"):
        mosqito.roughness_dw(x, FS, field="diffuse")


def test_ratios_of_a_tone_in_white_noise() -> None:
    """Closed form: tone power over the noise in the critical band, 162.2 Hz at 1 kHz."""
    expected = 10 * np.log10(0.02**2 / 2 / (0.005**2 / 24000 * 162.2))
    x = tone_in_noise()
    result = mosqito.tnr_ecma(x, FS)
    assert result.value == pytest.approx(expected, abs=0.7)
    assert result.axis == pytest.approx([1000.0], abs=0.5)
    assert result.specific.tolist() == [result.value]
    assert mosqito.pr_ecma(x, FS).value == pytest.approx(expected, abs=1.0)
    assert "MoSQITo" in result.standard
    assert "ECMA-418-1" in result.standard


def test_ratios_of_several_signals_share_one_axis() -> None:
    pair = np.stack([tone_in_noise(2.0), tone_in_noise(2.0, amplitude=0.0)])
    result = mosqito.tnr_ecma(pair, FS)
    assert result.specific.shape == (2, 1)
    assert result.value[1] == -np.inf
    assert result.statistics["total"][0] == pytest.approx(result.value[0])
    assert mosqito.pr_ecma(np.zeros(2 * FS), FS).value == -np.inf


def test_ratios_of_mosqito_are_those_of_its_engine_only() -> None:
    pair = np.stack([tone_in_noise(2.0), tone_in_noise(2.0, amplitude=0.04)])
    theirs = compute(Recording(pair, FS, "two tones"), ["TNRmax"], engine="mosqito")
    assert [row.value for row in theirs] == mosqito.tnr_ecma(pair, FS).value.tolist()
    with pytest.raises(SignalError, match="at most 600 s"):
        mosqito.tnr_ecma(np.zeros(8000 * 601), 8000)


@pytest.mark.parametrize("name", sorted(mosqito.KNOWN_ERRORS))
def test_input_is_checked_before_mosqito_sees_it(name: str) -> None:
    function = getattr(mosqito, name)
    with pytest.raises(SignalError, match="NaN"):
        function(np.full(2 * FS, np.nan), FS)
    with pytest.raises(SignalError, match="integer"):
        function(np.ones(2 * FS, dtype=np.int16), FS)
    with pytest.raises(SignalError, match="too short"):
        function(np.ones(90), FS)
    with pytest.raises(ParameterError, match="free, diffuse or eardrum"):
        function(np.ones(2 * FS), FS, field="near")


def test_nothing_is_printed_and_no_silent_nan(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SignalError, match="not a number"):
        mosqito.sharpness_din_st(np.zeros(FS), FS)
    mosqito.sharpness_din_tv(modulated()[:9600], FS)
    assert capfd.readouterr() == ("", "")


def test_other_rates_are_converted_by_soundcal() -> None:
    t = np.arange(44100 // 2) / 44100
    x = np.sqrt(2.0) * 0.02 * np.sin(2 * np.pi * 1000 * t)
    assert mosqito.loudness_zwtv(x, 44100).series[-1] == pytest.approx(4.01, abs=0.02)

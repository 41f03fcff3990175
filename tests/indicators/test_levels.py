"""Sound levels: detectors, percentiles, peak, and block by block."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.dsp.detectors import LevelMeter, Peak, interpolator, tick_ends
from soundcal.dsp.signal import exceedance
from soundcal.dsp.weighting import weight
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators import (
    leq,
    open_stream,
    peak_level,
    percentile_levels,
    sel,
    sound_level,
    time_weighted_level,
)
from soundcal.units import P_REF

FS = 48000


def tone(level: float, frequency: float, duration: float, fs: int = FS) -> np.ndarray:
    t = np.arange(round(duration * fs)) / fs
    return math.sqrt(2) * P_REF * 10 ** (level / 20) * np.sin(2 * np.pi * frequency * t)


def noise(duration: float, seed: int = 0, fs: int = FS) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(duration * fs))


def slow_reference(x: np.ndarray, tau: float, fs: int) -> np.ndarray:
    """The exponential average as its definition sums it, sample by sample."""
    keep = math.exp(-1 / (fs * tau))
    y, out = 0.0, np.empty(x.size)
    for n, square in enumerate(x**2):
        y = keep * y + (1 - keep) * square
        out[n] = y
    return out


@pytest.mark.parametrize("fs", [44100, 48000])
@pytest.mark.parametrize(("time", "tau"), [("F", 0.125), ("S", 1.0)])
def test_time_weighting_is_the_exact_exponential_average(time: str, tau: float, fs: int) -> None:
    x = noise(1.0, fs=fs)
    result = time_weighted_level(x, fs, weighting="Z", time=time)
    average = slow_reference(x, tau, fs)
    ends = tick_ends(result.series.size, fs)
    assert result.series == pytest.approx(10 * np.log10(average[ends - 1] / P_REF**2), abs=1e-9)
    assert result.value == pytest.approx(10 * np.log10(average.max() / P_REF**2), abs=1e-9)
    assert result.times == pytest.approx(ends / fs)


def test_ticks_are_5_ms_apart_on_average_whatever_the_rate() -> None:
    for fs in (8000, 11025, 22050, 44100, 48000, 192000):
        ends = tick_ends(400, fs)
        assert ends[-1] == 2 * fs
        assert np.abs(ends / fs - np.arange(1, 401) * 0.005).max() < 1 / fs


def test_impulse_detector_rises_fast_and_falls_slowly() -> None:
    x = np.concatenate([tone(90, 1000, 1.0), np.zeros(2 * FS)])
    result = time_weighted_level(x, FS, weighting="Z", time="I")
    assert result.series[199] == pytest.approx(90.0, abs=0.05)
    fall = result.series[250] - result.series[450]  # one second later
    assert fall == pytest.approx(10 * math.log10(math.e) / 1.5, abs=0.01)
    assert "withdrawn" in result.standard


def test_leq_in_steps_adds_up_to_leq() -> None:
    x = noise(3.0, fs=44100)
    for step, n in ((0.125, 24), (1.0, 3)):
        result = leq(x, 44100, weighting="A", step=step)
        assert result.series.shape == (n,)
        assert result.times == pytest.approx(np.arange(1, n + 1) * step, abs=1 / 44100)
        counts = np.diff(result.times * 44100, prepend=0)
        energy = (10 ** (result.series / 10) * counts).sum() / x.size
        assert 10 * np.log10(energy) == pytest.approx(result.value, abs=1e-9)


def test_leq_equals_the_mean_square_of_the_weighted_pressure() -> None:
    x = noise(0.777)
    for w in "ABCZ":
        expected = 10 * np.log10(np.mean(weight(x, FS, w) ** 2) / P_REF**2)
        assert leq(x, FS, weighting=w).value == pytest.approx(expected, abs=1e-9)
    assert sel(x, FS).value == pytest.approx(leq(x, FS).value + 10 * math.log10(0.777), abs=1e-9)


def test_percentiles_are_of_the_settled_detector() -> None:
    x = noise(4.0)
    series = time_weighted_level(x, FS).series
    result = percentile_levels(x, FS, percents=(1, 5, 50, 99.9))
    assert list(result.statistics) == ["1", "5", "50", "99.9"]
    expected = exceedance(series[100:], (1, 5, 50, 99.9))
    assert list(result.statistics.values()) == pytest.approx(expected.tolist(), abs=1e-12)
    assert result.value == result.statistics["1"]


def test_minimum_ignores_the_rise_from_zero() -> None:
    steady = tone(80, 1000, 6.0)
    result = sound_level(steady, FS, weighting="Z").statistics
    assert result["min"] == pytest.approx(80.0, abs=0.1)
    assert result["max"] == pytest.approx(80.0, abs=0.01)
    assert 79.0 < result["Smin"] < 80.0  # half of 6 s is shorter than 4 s


@pytest.mark.parametrize("n", [1, 100, 239, 240, 241, 24000])
def test_short_signals_have_all_statistics(n: int) -> None:
    found = sound_level(tone(80, 1000, 1.0)[1 : n + 1], FS, weighting="Z").statistics
    assert all(math.isfinite(v) for v in found.values())
    assert found["min"] <= found["95"] <= found["5"] <= found["max"]


def test_silence_is_minus_infinity_without_a_warning() -> None:
    result = sound_level(np.zeros(FS), FS)
    assert all(v == -math.inf for v in result.statistics.values())
    assert peak_level(np.zeros(FS), FS).value == -math.inf


def test_offset_counts_in_z_alone() -> None:
    x = tone(80, 1000, 2.0)
    rms = P_REF * 10 ** (80 / 20)
    assert leq(x + rms, FS, weighting="Z").value == pytest.approx(83.01, abs=0.01)
    assert leq(x + rms, FS, weighting="C").series[-1] == pytest.approx(80.0, abs=0.01)


@pytest.mark.parametrize(("frequency", "within"), [(7999.0, 0.02), (12001.0, 0.05), (20011.0, 0.2)])
def test_peak_between_the_samples(frequency: float, within: float) -> None:
    x = tone(80, frequency, 0.1) * np.hanning(4800) ** 0.2
    true_peak = 80 + 20 * math.log10(math.sqrt(2))
    assert peak_level(x, FS, weighting="Z").value == pytest.approx(true_peak, abs=within)


def test_peak_of_samples_is_kept_by_phase_0() -> None:
    assert interpolator()[0] == pytest.approx(np.eye(32)[15], abs=1e-12)
    x = noise(0.1)
    peak = Peak()
    peak.push(x)
    assert peak.finish() >= np.abs(x).max()


def test_skipping_quiet_stretches_changes_no_peak() -> None:
    x = noise(1.0) * np.geomspace(1, 1e-3, FS)
    x[30000] = 0.4
    taps = interpolator()
    padded = np.concatenate([np.zeros(31), x, np.zeros(31)])
    brute = max(np.abs(np.convolve(padded, row[::-1], "valid")).max() for row in taps)
    peak = Peak()
    peak.push(x)
    assert peak.finish() == pytest.approx(brute, rel=1e-12)


def test_any_leading_shape_and_channels_are_independent() -> None:
    x = np.stack([noise(1.0, seed) for seed in range(6)]).reshape(2, 3, -1)
    result = sound_level(x, FS)
    assert result.value.shape == (2, 3)
    assert result.series.shape == (2, 3, 200)
    assert result.value[1, 2] == sound_level(x[1, 2], FS).value


def test_rare_statistics_are_those_of_the_functions() -> None:
    x = noise(3.0)
    stream = open_stream(["LAS5", "LAImax", "LCpeak", "LA5"], fs=FS)
    stream.push(x[np.newaxis])
    found = stream.finish()
    slow = percentile_levels(x, FS, time="S").statistics
    assert found["LA"].statistics["S5"][0] == slow["5"]
    assert found["LA"].statistics["5"][0] == percentile_levels(x, FS).statistics["5"]
    impulse = time_weighted_level(x, FS, time="I").value
    assert found["LA"].statistics["Imax"][0] == impulse
    assert found["LC"].statistics["peak"][0] == peak_level(x, FS, weighting="C").value


NAMES = ["LA", "LC", "LZ", "LB", "LCpeak", "LZpeak", "LZImax", "LBS95"]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 9000), min_size=1, max_size=10).filter(lambda s: sum(s) > 0),
    st.sampled_from([44100, 48000]),
)
def test_block_sizes_do_not_matter(sizes: list[int], fs: int) -> None:
    x = np.random.default_rng(3).standard_normal((2, sum(sizes)))

    def measured(blocks: list[np.ndarray]) -> dict:
        stream = open_stream(NAMES, fs=fs, n_channels=2, keep=True)
        for block in blocks:
            stream.push(block)
        return stream.finish()

    whole, parts = measured([x]), measured(np.split(x, np.cumsum(sizes)[:-1], axis=1))
    for symbol, result in whole.items():
        assert np.array_equal(result.series, parts[symbol].series)
        for key, value in result.statistics.items():
            assert np.array_equal(value, parts[symbol].statistics[key])


def test_one_call_equals_the_stream() -> None:
    x = noise(1.5)
    stream = open_stream(["LA"], fs=FS)
    for block in np.split(x, [1000, 1001, 40000]):
        stream.push(block[np.newaxis])
    streamed = stream.finish()["LA"].statistics
    one = sound_level(x, FS).statistics
    assert {k: float(v[0]) for k, v in streamed.items()} == one


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="a multiple of"):
        leq(np.ones(10), FS, step=0.003)
    with pytest.raises(ParameterError, match="free, diffuse or eardrum"):
        leq(np.ones(10), FS, field="open")
    with pytest.raises(ParameterError, match="F, S or I"):
        time_weighted_level(np.ones(10), FS, time="fast")
    with pytest.raises(ParameterError, match="0 to 100"):
        percentile_levels(np.ones(10), FS, percents=(101,))
    with pytest.raises(ParameterError, match="at least 1000 Hz"):
        LevelMeter(("Z",), 500, impulse=False)
    with pytest.raises(SignalError, match="no samples"):
        leq(np.empty(0), FS)
    with pytest.raises(SignalError, match="integer"):
        leq(np.ones(10, dtype=int), FS)


@pytest.mark.parametrize(
    ("duration", "told"), [(0.01, "FS"), (0.5, "FS"), (1.0, "S"), (4.0, "S"), (8.0, "")]
)
def test_values_of_an_average_that_has_not_settled_are_told_with_their_error(
    duration: float, told: str
) -> None:
    """The error is that of a steady tone, to which ripple and the 5 ms grid of readings add."""
    tone = 0.1 * np.sin(2.0 * np.pi * 1000.0 * np.arange(round(duration * 8000)) / 8000)
    result = sound_level(tone, 8000)
    assert len(result.warnings) == len(told)
    for time, text in zip(told, result.warnings, strict=True):
        assert f"time weighting {time}" in text
        low = re.search("up to ([0-9.]+) dB too low", text)
        assert low is not None
        names = {"F": ("min", "95", "5"), "S": ("Smin",)}[time]
        assert all(f"LA{name}" in text for name in names)
        errors = [result.value - result.statistics[name] for name in names]
        assert all(-0.02 < error < float(low[1]) + 0.12 for error in errors)
        assert errors[0] == pytest.approx(float(low[1]), abs=0.12)

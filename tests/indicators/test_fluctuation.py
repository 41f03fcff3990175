"""Fluctuation strength by Osses et al., beside the rows of ``soundcal verify``."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, freqs_zpk

from soundcal.errors import SignalError
from soundcal.indicators import fluctuation_strength, open_stream
from soundcal.indicators.modulation.envelope_kernels import slow_rectified
from soundcal.indicators.modulation.envelopes import (
    _Conversion,
    _conversion,
    precise_lines,
    slow_lines,
)
from soundcal.indicators.modulation.excitation import CHANNEL_BARK, N_CHANNELS
from soundcal.indicators.modulation.fluctuation import FluctuationMethod, _band_pass, _constants

FS = 44100
SINGLE = float(np.finfo(np.float32).eps)
"""Bound of errors of single precision, relative to the mean."""
NOISE = 0.02 * np.random.default_rng(8).standard_normal(3 * FS)


def am(fs: int = FS, duration: float = 3.0, level: float = 60.0) -> np.ndarray:
    t = np.arange(round(duration * fs)) / fs
    tone = (1 + np.cos(2 * np.pi * 4 * t)) * np.cos(2 * np.pi * 1000 * t)
    return 2e-5 * 10 ** (level / 20) * tone / np.sqrt(np.mean(tone**2))


def test_shapes_axes_and_the_last_frame() -> None:
    result = fluctuation_strength(np.stack([am(), 0 * am()]), FS)
    assert result.series.shape == (2, 7), "six complete frames and one filled up"
    assert result.times.tolist() == pytest.approx(1.0 + 0.2 * np.arange(7))
    assert result.specific.shape == (2, 7, 47)
    assert result.axis.tolist() == CHANNEL_BARK.tolist()
    assert np.allclose(0.5 * result.specific.sum(axis=-1), result.series, rtol=1e-12)
    assert result.value[1] == 0.0
    assert result.value[0] == fluctuation_strength(am(), FS).value
    assert result.warnings == ()


@pytest.mark.parametrize("fs", [16000, 48000])
def test_other_rates(fs: int) -> None:
    expected = fluctuation_strength(am(), FS).value
    assert fluctuation_strength(am(fs), fs).value == pytest.approx(expected, rel=0.002)


def test_short_signals_have_frames_of_their_own() -> None:
    result = fluctuation_strength(am(duration=1.2), FS)
    assert result.value == pytest.approx(1.0, abs=0.1)
    assert result.series.shape == (2,)
    assert "shorter than the usual frames of 2 s" in result.warnings[0]
    assert fluctuation_strength(am(duration=1.99871), FS).value == pytest.approx(1.0, abs=0.05)
    with pytest.raises(SignalError, match=r"at least 0\.5 s"):
        fluctuation_strength(am(duration=0.4), FS)
    stream = open_stream(["F"], fs=FS)
    stream.push(am(duration=0.4)[np.newaxis])
    with pytest.raises(SignalError, match=r"at least 0\.5 s"):
        stream.finish()


def test_steady_sounds_hardly_fluctuate() -> None:
    t = np.arange(3 * FS) / FS
    faint = fluctuation_strength(0.0028 * np.sin(2 * np.pi * 1000 * t[: FS // 2]), FS)
    assert faint.statistics["95"] >= 0.0
    assert fluctuation_strength(0.02 * np.sin(2 * np.pi * 1000 * t), FS).value < 0.01
    assert fluctuation_strength(NOISE, FS).value < 0.05


def test_a_constant_offset_does_not_count() -> None:
    assert fluctuation_strength(np.ones(3 * FS), FS).statistics["max"] < 1e-9
    shifted = fluctuation_strength(am() + 1.0, FS)
    assert np.allclose(shifted.series, fluctuation_strength(am(), FS).series, atol=1e-4)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(0, 50000), max_size=5), st.sampled_from([FS, 32000]))
def test_block_sizes_do_not_matter(sizes: list[int], fs: int) -> None:
    signal = NOISE[: round(2.3 * fs)]
    whole = fluctuation_strength(signal, fs)
    stream = open_stream(["F"], fs=fs, keep=True)
    edges = np.minimum(np.cumsum([0, *sizes]), signal.size)
    for start, stop in zip(edges, [*edges[1:], signal.size], strict=True):
        stream.push(signal[np.newaxis, start:stop])
    found = stream.finish()["F"]
    assert found.series.tolist() == [whole.series.tolist()]
    assert found.statistics["95"].tolist() == [whole.statistics["95"]]


def test_band_pass_is_that_of_butterworth() -> None:
    """The attenuations at the stop frequencies are those of the publication."""
    f = np.array([0.5, 4.0, 20.0])
    gains = 20 * np.log10(np.abs(_band_pass(f)))
    assert gains[0] == pytest.approx(-17.5, abs=0.01)
    assert gains[2] == pytest.approx(-14.0, abs=0.01)
    high = 0.5 * (10**1.75 - 1) ** 0.25
    low = 20.0 / (10**1.4 - 1) ** 0.125
    expected = np.ones(3, dtype=complex)
    for order, cutoff, kind in ((2, high, "high"), (4, low, "low")):
        expected *= freqs_zpk(*butter(order, cutoff, kind, analog=True, output="zpk"), f)[1]
    assert np.allclose(_band_pass(f), expected, rtol=1e-9)


def lowest_lines(signals: np.ndarray, conversion: _Conversion) -> np.ndarray:
    """Lowest lines of the absolute values of real signals, given as they are transformed."""
    size, single = conversion.size, np.float32
    low = np.empty((len(signals), conversion.transformed), dtype=single)
    rooms = np.empty(2 * size + 512, dtype=single), np.empty(2 * size, dtype=single)
    stages, taps, repeated = conversion.stages, conversion.taps, conversion.repeated
    dense = np.empty(size + 192, dtype=single)
    halves = (signals / 2.0).astype(np.complex64).view(single)[:, np.newaxis]
    slow_rectified(halves, False, *conversion.weights, dense, stages, taps, repeated, *rooms, low)
    return np.fft.rfft(low, axis=1)[:, : conversion.factors.size] * conversion.factors


@pytest.mark.parametrize("size", [1024, 4096, 65536, 96000, 88200, 30800, 11025])
def test_lowest_lines_are_those_of_the_whole_transform(size: int) -> None:
    """What the filters in front of the low rate do to the lines is divided out.

    That also raises the rounding, which is that of single precision.
    """
    rng = np.random.default_rng(size)
    signals = rng.normal(size=(2, size))
    k = size // 400 if size % 1024 else 257
    expected = np.fft.rfft(np.abs(signals), 2 * size, axis=1)[:, :k] / size
    for repeated, step in ((False, 1), (True, 2)):
        conversion = _conversion(1, size, k, repeated)
        raised = np.abs(conversion.factors / conversion.factors[0])
        error = np.abs(lowest_lines(signals, conversion) - expected[:, ::step])
        assert (error < SINGLE * raised * expected[:, :1].real).all()


@pytest.mark.parametrize(("kind", "size", "every"), [(32, 8192, 4), (16, 9600, 2), (32, 1024, 2)])
def test_interpolated_samples_are_those_of_the_transform(kind: int, size: int, every: int) -> None:
    rng = np.random.default_rng(size)
    spectra = rng.normal(size=(2, size // kind)) + 1j * rng.normal(size=(2, size // kind))
    found, expected = (
        lowest_lines(np.fft.irfft(spectra, size // n, axis=1, norm="forward"), conversion)
        for n, conversion in (
            (every, _conversion(kind, size, 259, True)),
            (1, _conversion(1, size, 259, True)),
        )
    )
    assert np.abs(found - expected).max() < SINGLE * np.abs(expected).max()


@pytest.mark.parametrize(("level", "n"), [(50.0, 2 * FS), (90.0, 2 * FS), (110.0, 26500)])
def test_slow_lines_are_those_of_the_rectified_signals(level: float, n: int) -> None:
    """Against transforms of all samples; their own rectification aliases a little."""
    method = FluctuationMethod(n, FS)
    method.analyse(NOISE[np.newaxis, :n] * 10 ** ((level - 60) / 20))
    excitation = method._excitation
    k = _constants(n, FS).filter.size
    found = slow_lines(excitation, n, k)
    rectified = np.zeros((N_CHANNELS, n))
    for channel, row in enumerate(rectified):
        low, lines = excitation.lines_in(channel)
        row[:] = np.abs(np.fft.irfft(np.pad(lines, (low, 1)), n, norm="forward"))
    expected = np.fft.rfft(rectified, 2 * n, axis=1)[:, :k] / n
    assert np.allclose(found[:, 0], expected[:, 0], rtol=2e-3)
    error = np.abs(found - expected).max(axis=1)
    assert (error <= 0.01 * expected[:, 0].real).all()
    assert np.count_nonzero(found[:, 0]) > 35


@pytest.mark.parametrize(("level", "n"), [(50.0, 2 * FS), (100.0, 22000), (70.0, 26500)])
def test_lines_in_single_precision_deviate_by_no_more_than_1e_7(level: float, n: int) -> None:
    """Relative to the mean, behind the band-pass; 26500 / 4 samples are not dealt out to rows."""
    method = FluctuationMethod(n, FS)
    method.analyse(NOISE[np.newaxis, :n] * 10 ** ((level - 60) / 20))
    excitation, passed = method._excitation, np.abs(_constants(n, FS).filter)
    passed[0] = 1.0
    for repeated, step in ((False, 1), (True, 2)):
        found = slow_lines(excitation, n, passed.size, repeated=repeated)
        every = np.arange(N_CHANNELS)
        expected = precise_lines(excitation, every, n, passed.size, repeated=repeated)
        heard = expected[:, 0] > 0.0
        found, expected = (x[heard] / x[heard, :1].real for x in (found, expected))
        assert (passed[::step] * np.abs(found - expected) <= 1e-7).all()


def test_correlations_of_channels_that_hardly_fluctuate_are_not_those_of_rounding() -> None:
    """Beside a tone modulated at 8 Hz, channels with one of its lines only have what ramps give."""
    t = np.arange(2 * FS) / FS
    tone = 0.002 * (1 + np.cos(2 * np.pi * 8 * t)) * np.cos(2 * np.pi * 125 * t)
    method = FluctuationMethod(2 * FS, FS)
    values = [method.analyse(factor * tone[np.newaxis])[0][0] for factor in (1.0, 1.0 + 1e-7)]
    assert values[0] > 0.1
    assert values[1] == pytest.approx(values[0], rel=1e-6)


def test_a_frame_gives_the_same_whichever_are_analysed_with_it() -> None:
    t = np.arange(22000) / FS
    frames = np.stack(
        [NOISE[: t.size], 0.1 * np.sin(2 * np.pi * 440 * t), 0 * t, 30 * NOISE[: t.size]]
    )
    together = FluctuationMethod(t.size, FS).analyse(frames)[1]
    method = FluctuationMethod(t.size, FS)
    for i in (3, 1, 0, 2):
        assert method.analyse(frames[i : i + 1])[1][0].tolist() == together[i].tolist()

"""Loudness and tonality of the hearing model against the formulas, written down one after another.

The reference below has none of the shortcuts: every block of every band, transforms of the lengths
in the text, the whole signal at once.
"""

import json
import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from soundcal.errors import SignalError
from soundcal.indicators import loudness_ecma, open_stream, tonality_ecma
from soundcal.indicators.hearing_model.autocorrelation_kernels import strongest_line
from soundcal.indicators.hearing_model.basis import loudness_of_level
from soundcal.indicators.hearing_model.front_end import FrontEnd
from soundcal.indicators.hearing_model.tables import (
    BARK,
    BLOCK,
    C_T,
    CENTRES,
    LAG_END,
    LAG_START,
    LTQ,
    N_BANDS,
)
from soundcal.indicators.result import IndicatorResult

FS = 48000
N = 15700
ROUNDING = 5e-8
"""Of the transforms of blocks that are silent in part, whose products are divided by next to 0."""
RNG = np.random.default_rng(418)


def tone(frequency: float, level: float, n: int = N, fs: int = FS) -> np.ndarray:
    amplitude = math.sqrt(2) * 2e-5 * 10 ** (level / 20)
    return amplitude * np.sin(2 * math.pi * frequency * np.arange(n) / fs)


TONES = tone(1050, 50) + tone(160, 55) + tone(6100, 45) + 5e-4 * RNG.standard_normal(N)
"""Three tones in noise."""
SOUND = TONES * (np.arange(N) < 15000)
"""The same with digital silence at the end."""


def smoothed(x: np.ndarray) -> np.ndarray:
    """Low-pass of formulas 42 to 44 over the first axis."""
    d = math.exp(-1 / (187.5 * (6 / 7) / 32))
    padded = np.concatenate([np.zeros((2, x.shape[1])), x])
    y = (1 - d) ** 3 / (d + d * d) * (d * padded[1:-1] + d * d * padded[:-2])
    for _ in range(3):
        for i in range(1, len(y)):
            y[i] += d * y[i - 1]
    return y


def component_of_band(bands: np.ndarray, band: int, n: int) -> np.ndarray:
    """Tonal component, loudness and frequency of a band at 187.5 Hz (6.2.2 to 6.2.6)."""
    size = int(BLOCK[band])
    hop, reach = size // 4, {8192: 2, 4096: 2, 2048: 1, 1024: 0}[size]
    reach = min(reach, band)
    near = [0, 1] if band == 0 else list(range(band - reach, band + reach + 1))
    n_blocks = math.ceil(math.ceil(n / 256) * 256 / hop) + 2
    first, last = int(LAG_START[band]), int(LAG_END[band])
    lags = np.arange(0, last + 1)
    scaled = np.zeros((n_blocks, last + 1))
    for other in near:
        for block in range(n_blocks):
            p = np.maximum(bands[other, 8192 + block * hop - size : 8192 + block * hop], 0)
            basis = loudness_of_level(np.array(math.sqrt(2 / size * np.sum(p**2)))) - LTQ[other]
            spectrum = np.fft.rfft(p, 2 * size)
            products = np.fft.irfft(np.abs(spectrum) ** 2, 2 * size)[lags]
            below = np.cumsum(np.concatenate([[0], p**2]))
            above = np.cumsum(np.concatenate([[0], p[::-1] ** 2]))
            root = np.sqrt(below[size - lags] * above[size - lags])
            scaled[block] += max(float(basis), 0) * products / (root + 1e-12) / len(near)
    if size >= 4096:
        inner = (scaled[:-2] + scaled[1:-1] + scaled[2:]) / 3
        scaled = np.concatenate([scaled[:1], inner])
    window = scaled[:, first:]
    m = window.shape[1]
    magnitude = np.abs(np.fft.rfft(window - window.mean(axis=1, keepdims=True), 16384))
    tonal = np.minimum(2 * magnitude.max(axis=1) / (m / 2), scaled[:, 0])
    frequency = np.argmax(magnitude.round(8), axis=1) * FS / 16384
    values = np.array([tonal, scaled[:, 0], frequency])
    at = np.arange(math.ceil(n / 256) + 1) * 256 / hop
    return np.array([np.interp(at, np.arange(values.shape[1]), row) for row in values])


@cache
def reference() -> tuple[np.ndarray, ...]:
    """Specific loudness, specific tonality and frequency over time by clauses 6 and 8."""
    x = SOUND
    front_end = FrontEnd(FS, "free")
    pieces = []
    for source in (front_end.push(x), front_end.finish(), front_end.ringing(12288)):
        pieces += [bands.copy() for bands in source]
    bands = np.concatenate([np.zeros((N_BANDS, 8192)), *pieces], axis=1)
    found = [component_of_band(bands, band, x.size) for band in range(N_BANDS)]
    tonal, signal, frequency = np.moveaxis(np.array(found), 0, 2)
    ratio = smoothed(tonal / (signal - tonal + 1e-12))
    tonal, signal = smoothed(tonal), smoothed(signal)
    constants = {
        8192: (18.21, 0.36),
        4096: (12.14, 0.36),
        2048: (417.54, 0.71),
        1024: (962.68, 0.69),
    }
    c, delta = np.array([constants[int(size)] for size in BLOCK]).T
    kept = 1 - np.exp(-20 * (ratio / (c / CENTRES**delta) - 0.07))
    tonal *= np.maximum(kept, 0)
    noise = np.maximum(signal - tonal, 0)
    e = 0.2918 / (np.max(tonal + noise, axis=1, keepdims=True) + 1e-12) + 0.5459
    larger = np.maximum(np.maximum(tonal, 0.5331 * noise), 1e-300)
    loudness = larger * ((tonal / larger) ** e + (0.5331 * noise / larger) ** e) ** (1 / e)
    q = 1 - np.exp(-35 * (tonal.max(axis=1) / (noise.sum(axis=1) + 1e-12) - 0.003))
    return loudness, C_T * np.maximum(q, 0)[:, np.newaxis] * tonal, frequency


def test_loudness_is_that_of_the_formulas() -> None:
    specific, _, _ = reference()
    found = loudness_ecma(SOUND, FS, specific=True)
    assert found.specific_series.shape == specific.shape
    assert np.max(np.abs(found.specific_series - specific)) < ROUNDING
    series = 0.5 * specific.sum(axis=1)
    power = 1 / math.log10(2)
    assert found.series == pytest.approx(series, abs=ROUNDING)
    assert found.value == pytest.approx(np.mean(series[57:] ** power) ** (1 / power), rel=1e-9)
    mean = np.mean(specific[57:] ** power, axis=0) ** (1 / power)
    assert found.specific == pytest.approx(mean, abs=ROUNDING)
    assert found.times == pytest.approx(np.arange(len(series)) / 187.5)
    assert found.statistics["max"] == pytest.approx(series[57:].max(), rel=1e-9)


def test_tonality_is_that_of_the_formulas() -> None:
    _, specific, frequency = reference()
    found = tonality_ecma(SOUND, FS, specific=True)
    assert np.max(np.abs(found.specific_series - specific)) < ROUNDING
    series = specific.max(axis=1)
    assert found.series == pytest.approx(series, abs=ROUNDING)
    loud = series[57:][series[57:] > 0.02]
    assert found.value == pytest.approx(loud.mean() if loud.size else 0.0, rel=1e-9)
    strongest = frequency[np.arange(len(series)), specific.argmax(axis=1)]
    assert np.isnan(found.frequency[series == 0.0]).all()
    assert found.frequency[series > 0.0] == pytest.approx(strongest[series > 0.0], rel=1e-12)
    for band in range(N_BANDS):
        tonal = specific[57:, band] > 0.02
        if tonal.any():
            assert found.specific[band] == pytest.approx(specific[57:, band][tonal].mean())
            mean = frequency[57:, band][tonal].mean()
            assert found.specific_frequency[band] == pytest.approx(mean)
        else:
            assert found.specific[band] == 0.0
            assert np.isnan(found.specific_frequency[band])


def test_tones_in_noise_are_found_at_their_frequencies() -> None:
    found = tonality_ecma(TONES, FS)
    for frequency in (1050, 160, 6100):
        band = int(np.argmin(np.abs(CENTRES - frequency)))
        assert found.specific_frequency[band] == pytest.approx(frequency, abs=FS / 16384)
    assert found.axis.tolist() == BARK.tolist()
    assert found.centre_frequencies.tolist() == CENTRES.tolist()
    assert found.binaural is None


def test_definition() -> None:
    """1 kHz at 40 dB has 1 sone_HMS and 1 tu_HMS."""
    sound = tone(1000, 40, FS)
    assert loudness_ecma(sound, FS).value == pytest.approx(1, abs=2e-4)
    assert tonality_ecma(sound, FS).value == pytest.approx(1, abs=2e-4)


def test_cutting_changes_nothing() -> None:
    """Blocks of any size, both ears, at another rate: the same to the bit."""
    fs = 44100
    ears = np.stack([tone(440, 60, 15000, fs), 0.01 * RNG.standard_normal(15000)])
    results = []
    for cuts in ([], [1, 2, 4000, 4097, 14999]):
        stream = open_stream(["NHM", "THM"], fs=fs, n_channels=2, keep=True)
        for block in np.split(ears, cuts, axis=1):
            stream.push(block)
        results.append(stream.finish())
    for symbol, whole in results[0].items():
        cut = results[1][symbol]
        assert np.array_equal(whole.series, cut.series)
        assert whole.value == pytest.approx(cut.value, rel=1e-13)
        assert whole.specific == pytest.approx(cut.specific, rel=1e-13)
    left = loudness_ecma(ears[0], fs)
    assert results[0]["NHM"].value[0] == pytest.approx(left.value, rel=1e-13)


def test_both_ears_have_the_root_mean_square_of_their_specific_loudness() -> None:
    ears = np.stack([SOUND, 0.02 * RNG.standard_normal(N)])
    found = loudness_ecma(ears, FS, specific=True)
    both = np.sqrt(np.mean(found.specific_series**2, axis=0))
    assert found.binaural.specific_series == pytest.approx(both, abs=1e-12)
    series = 0.5 * both.sum(axis=1)[57:]
    power = 1 / math.log10(2)
    assert found.binaural.value == pytest.approx(np.mean(series**power) ** (1 / power))
    alike = loudness_ecma(np.stack([ears[0], ears[0]]), FS)
    assert alike.binaural.value == pytest.approx(alike.value[0], rel=1e-13)


def test_silence_has_none() -> None:
    loudness = loudness_ecma(np.zeros(N), FS, specific=True)
    assert loudness.value == 0.0
    assert not loudness.series.any()
    assert not loudness.specific.any()
    tonality = tonality_ecma(np.zeros(N), FS)
    assert tonality.value == 0.0
    assert np.isnan(tonality.frequency).all()
    assert np.isnan(tonality.specific_frequency).all()


def test_a_result_with_undefined_frequencies_can_be_json() -> None:
    silent = tonality_ecma(np.zeros(N), FS).to_dict()
    assert json.loads(json.dumps(silent, allow_nan=False))["frequency"][-1] is None


@pytest.mark.parametrize("function", [loudness_ecma, tonality_ecma])
def test_the_shortest_signal(function: Callable[..., IndicatorResult]) -> None:
    assert function(tone(1000, 60, 14593), FS).value > 1.0
    with pytest.raises(SignalError, match=r"0\.304 s is too short: .* needs more than 0\.304 s"):
        function(tone(1000, 60, 14592), FS)
    with pytest.raises(SignalError, match=r"of 0\.303979 s is too short"):
        function(tone(1000, 60, 14591), FS)
    with pytest.raises(SignalError, match="too short"):
        function(tone(1000, 60, 1), FS)


@pytest.mark.parametrize("n", [49, 349, 1947])
def test_the_strongest_line_is_that_of_the_long_transform(n: int) -> None:
    """Of noise, of its running sum and of tones of almost equal strength, at all levels."""
    t, rng = np.arange(n), np.random.default_rng(n)
    noise = rng.standard_normal((40, n))
    turns = rng.uniform(0, 0.5, (3, 40, 1)) * t + rng.uniform(0, 1, (3, 40, 1))
    sounds = [noise, noise.cumsum(axis=1), np.cos(2 * np.pi * turns).sum(axis=0)]
    rows = np.concatenate(sounds) * 10 ** rng.uniform(-7, 0, (120, 1))
    x = np.zeros((120, 4 * n))
    x[:, :n] = rows - rows.mean(axis=1, keepdims=True)
    lines, squares = np.fft.rfft(x, axis=1).astype(np.complex64), np.empty(2 * n + 1)
    found = [strongest_line(*row, squares) for row in zip(x, [n] * 120, lines, strict=True)]
    number, magnitude = np.transpose(found)
    exact = np.abs(np.fft.rfft(x[:, :n], 16384, axis=1))
    assert magnitude == pytest.approx(exact.max(axis=1), rel=1e-12)
    assert np.array_equal(number, np.argmax(exact.round(8), axis=1))

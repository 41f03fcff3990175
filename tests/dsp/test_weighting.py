"""Frequency weightings against IEC 61672-1:2013, Annex E and Table 3."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.dsp.weighting import (
    WeightingFilter,
    exact_level,
    section_response,
    sections,
    standard_of,
    weight,
)
from soundcal.errors import ParameterError, SignalError

LETTERS = ("A", "B", "C")


def deviation(letter: str, fs: float, f: np.ndarray) -> np.ndarray:
    response = np.prod(section_response(sections(letter, fs), f, fs), axis=0)
    return 20 * np.log10(np.abs(response)) - exact_level(f, letter)


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize(
    ("rates", "to_16k", "to_20k", "everywhere"),
    [
        ((8000, 11025, 12000, 16000), 0.10, 0.10, 0.10),
        ((22050, 24000, 25600, 32000), 0.04, 0.04, 0.04),
        ((44100, 48000), 0.004, 0.02, 0.09),
        ((64000, 88200, 96000, 176400, 192000, 384000), 0.001, 0.01, 0.06),
    ],
)
def test_deviation_from_the_exact_curve_is_as_documented(
    letter: str, rates: tuple[int, ...], to_16k: float, to_20k: float, everywhere: float
) -> None:
    for fs in rates:
        f = np.geomspace(5.0, 0.4999 * fs, 5000)
        error = np.abs(deviation(letter, fs, f))
        assert error[f <= 16000].max() <= to_16k
        assert error[f <= 20000].max() <= to_20k
        assert error.max() <= everywhere


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("fs", [8000, 44100, 192000])
def test_exactly_0_db_at_1_khz(letter: str, fs: int) -> None:
    assert deviation(letter, fs, np.array([1000.0]))[0] == pytest.approx(0.0, abs=1e-10)


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("fs", [8000, 44100, 384000])
def test_filters_are_stable_and_minimum_phase(letter: str, fs: int) -> None:
    for b0, b1, b2, a1, a2 in sections(letter, fs):
        assert np.all(np.abs(np.roots([1.0, a1, a2])) < 1.0)
        assert np.all(np.abs(np.roots([b0, b1, b2])) <= 1.0 + 1e-7)  # double zero at 1


def test_samples_follow_the_response() -> None:
    """An impulse through ``weight`` has the spectrum the sections promise."""
    fs, n = 48000, 1 << 17
    impulse = np.zeros(n)
    impulse[0] = 1.0
    spectrum = np.fft.rfft(weight(impulse, fs, "A"))
    f = np.fft.rfftfreq(n, 1 / fs)
    expected = np.prod(section_response(sections("A", fs), f, fs), axis=0)
    assert np.abs(spectrum - expected).max() < 1e-9


def test_z_changes_nothing_and_is_a_copy() -> None:
    x = np.array([1.0, -2.0, 3.0])
    y = weight(x, 100, "Z")
    assert y.tolist() == x.tolist()
    assert not np.shares_memory(x, y)


def test_any_leading_shape() -> None:
    x = np.random.default_rng(1).standard_normal((2, 3, 500))
    y = weight(x, 48000, "C")
    assert y.shape == x.shape
    assert np.array_equal(y[1, 2], weight(x[1, 2], 48000, "C"))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=12))
def test_block_sizes_do_not_matter(sizes: list[int]) -> None:
    x = np.random.default_rng(7).standard_normal((2, sum(sizes)))
    whole = weight(x, 44100, "A")
    stream = WeightingFilter("A", 44100, 2)
    parts = [stream.push(b) for b in np.split(x, np.cumsum(sizes)[:-1], axis=1)]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="A, B, C or Z"):
        weight(np.ones(10), 48000, "D")
    with pytest.raises(ParameterError, match="at least 8000 Hz"):
        weight(np.ones(10), 4000, "A")
    with pytest.raises(SignalError, match="NaN"):
        weight(np.array([0.0, np.nan]), 48000, "A")
    with pytest.raises(SignalError, match="integer"):
        weight(np.array([1, 2]), 48000, "A")


def test_b_is_marked_withdrawn() -> None:
    assert "withdrawn" in standard_of("B")

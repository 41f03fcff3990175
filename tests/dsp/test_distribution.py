"""Percentiles in constant memory."""

import tracemalloc

import numpy as np
import pytest

from soundcal.dsp.distribution import Distribution
from soundcal.dsp.signal import exceedance
from soundcal.errors import ParameterError, SignalError

PERCENTS = (0, 1, 5, 50, 95, 100)


def filled(values: np.ndarray, capacity: int, pieces: int = 7) -> Distribution:
    distribution = Distribution(capacity)
    for piece in np.array_split(values, pieces):
        distribution.push(piece)
    return distribution


def test_exact_up_to_its_capacity() -> None:
    x = np.random.default_rng(0).normal(60, 10, 1000)
    d = filled(x, 1000)
    assert d.exact
    assert d.n == 1000
    assert np.array_equal(d.exceedance(PERCENTS), exceedance(x, PERCENTS))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_beyond_it_within_the_stated_rounding(scale: float) -> None:
    x = np.random.default_rng(1).normal(2, 5, 200_000) * scale
    d = filled(x, 1000, pieces=50)
    assert not d.exact
    assert d.n == x.size
    exact = exceedance(x, PERCENTS)
    assert np.abs(d.exceedance(PERCENTS) - exact).max() <= np.abs(exact).max() * 2.0**-16


def test_pieces_do_not_matter_and_memory_is_bounded() -> None:
    x = np.random.default_rng(2).normal(60, 10, 500_000).round(6)
    one, many = filled(x, 1000, 3), filled(x, 1000, 1000)
    assert np.array_equal(one.exceedance(PERCENTS), many.exceedance(PERCENTS))
    assert one._keys.size < 100_000


def test_counting_takes_little_memory_besides_the_counts() -> None:
    """A day of loudness: the peak stays within three times what has to be kept."""
    rng = np.random.default_rng(3)
    distribution = Distribution(1000)
    tracemalloc.start()
    for _ in range(40):
        distribution.push(np.exp(rng.normal(2.0, 0.5, 50_000)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = distribution._keys.nbytes + distribution._counts.nbytes
    assert peak < 3 * kept


def test_silence() -> None:
    x = np.concatenate([np.full(600, -np.inf), np.linspace(1, 2, 400)])
    for capacity in (10, 2000):
        d = filled(x, capacity)
        assert d.exceedance([5, 90])[1] == -np.inf
        assert d.exceedance([5, 90])[0] == pytest.approx(exceedance(x, [5])[0], rel=1e-5)


def test_refusals() -> None:
    with pytest.raises(SignalError, match="at least one value"):
        Distribution().exceedance()
    with pytest.raises(SignalError, match="NaN"):
        Distribution().push(np.array([np.nan]))
    with pytest.raises(ParameterError, match="0 to 100"):
        filled(np.arange(1.0, 100.0), 5).exceedance([101])

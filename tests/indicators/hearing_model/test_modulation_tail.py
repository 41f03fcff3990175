"""The last steps of roughness and fluctuation strength against SciPy and their plain formulas."""

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from soundcal.indicators.hearing_model.modulation_tail import ModulationTail

HOP = 4096 / 48000


def of_stream(times, amplitudes, duration, take_every=1, **options):
    tail = ModulationTail(0.0180685, 0.0625, 0.5, **options)
    found = []
    for i, (time, pattern) in enumerate(zip(times, amplitudes, strict=True)):
        tail.push(time, pattern)
        if i % take_every == 0:
            found.append(tail.take())
    tail.finish(duration)
    return np.concatenate([*found, tail.take()])


def by_formulas(times, amplitudes, duration, median=1):
    grid = np.arange(int(duration * 50 + 1e-6) + 1) / 50
    if len(times) > 1:
        estimates = np.maximum(PchipInterpolator(times, amplitudes, axis=0)(grid), 0.0)
    else:
        estimates = np.repeat(amplitudes, grid.size, axis=0)
    mean = estimates.mean(axis=1)
    r_m_s = np.sqrt(np.mean(estimates**2, axis=1))
    ratio = np.divide(r_m_s, mean, out=np.zeros_like(mean), where=mean > 0)
    half = median // 2
    ratio = [np.median(ratio[max(i - half, 0) : i + half + 1]) for i in range(grid.size)]
    exponent = 0.58449 + 0.37106 * 0.5 * (np.tanh(1.6407 * (np.array(ratio) - 2.5804)) + 1)
    targets = 0.0180685 * estimates ** exponent[:, np.newaxis]
    found = [targets[0]]
    for target in targets[1:]:
        constant = np.where(target >= found[-1], 0.0625, 0.5)
        keep = np.exp(-1 / (50 * constant))
        found.append((1 - keep) * target + keep * found[-1])
    return np.array(found)


def amplitudes_of(n):
    """Amplitudes that rise, fall, stay, vanish and return, in all or in few bands."""
    random = np.random.default_rng(7)
    amplitudes = random.gamma(1.0, 1.0, (n, 53))
    amplitudes[:, 20:] *= random.random((n, 33)) < 0.6
    amplitudes[n // 2 : n // 2 + 3] = 0.0
    amplitudes[n // 3, 5:] = 0.0
    amplitudes[:, 3] = 2.0
    return amplitudes


@pytest.mark.parametrize("median", [1, 71])
@pytest.mark.parametrize(
    ("n", "last"),
    [
        (1, 0.0),
        (2, 0.31),
        (2, 1.0),
        (3, 0.5),
        (3, 1e-3),
        (4, 1.0),
        (30, 1.0),
        (30, 2e-5),
        (31, 0.7),
    ],
)
def test_values_follow_the_formulas_with_any_last_distance(n, last, median):
    times = np.arange(n) * HOP
    times[-1] += (last - 1.0) * HOP if n > 1 else 0.0
    amplitudes = amplitudes_of(n)
    expected = by_formulas(times, amplitudes, times[-1], median)
    found = of_stream(times, amplitudes, times[-1], median=median)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


def test_when_values_are_taken_does_not_matter():
    times = np.arange(40) * HOP
    amplitudes = amplitudes_of(40)
    whole = of_stream(times, amplitudes, times[-1], take_every=100, median=71)
    parts = of_stream(times, amplitudes, times[-1], take_every=3, median=71)
    np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize("duration", [0.58, 0.6, 1.14, 2.0, 2.019999])
def test_the_grid_ends_with_the_signal(duration):
    # 0.58 * 50 is 28.999… in floating point
    times = np.append(np.arange(0.0, duration - 1e-9, HOP), duration)
    found = of_stream(times, np.ones((times.size, 53)), duration)
    assert len(found) == round(duration * 100) // 2 + 1 - (duration == 2.019999)


def test_values_are_given_as_soon_as_they_are_final():
    tail = ModulationTail(1.0, 0.75, 0.75)
    given = []
    for i in range(50):
        tail.push(i * HOP, np.ones(53))
        given.append(len(tail.take()))
    assert given[:2] == [0, 0]
    assert sum(given) == np.ceil(48 * HOP * 50)


def test_no_blocks_have_no_values():
    tail = ModulationTail(1.0, 0.75, 0.75)
    tail.finish(0.0)
    assert tail.take().shape == (0, 53)

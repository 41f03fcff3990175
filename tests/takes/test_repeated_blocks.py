"""Blocks delivered twice: every one is found, and what repeats by itself is left in peace."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.takes.judge import SignalChecks
from soundcal.takes.repeated_blocks import Repeats

FS = 48000


def quantised(random: np.random.Generator, n: int, lsb: float, n_channels: int = 2) -> np.ndarray:
    """Noise of so many steps of a 24-bit converter, rms."""
    return np.round(lsb * random.standard_normal((n_channels, n))) / 2**23


def found(samples: np.ndarray, cuts: list[int] | None = None) -> tuple[int, str, bool]:
    repeats = Repeats()
    for part in np.split(samples, sorted(cuts or []), axis=1):
        repeats.push(part)
    return repeats.found(FS)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    size=st.integers(64, 8192) | st.sampled_from([64, 128, 256, 512, 1024, 2048, 4096, 8192]),
    place=st.floats(0, 1),
    lsb=st.sampled_from([1.0, 5.0, 1e5]),
    cuts=st.lists(st.integers(1, 89_999), max_size=6),
)
def test_a_block_delivered_twice_is_found(
    seed: int, size: int, place: float, lsb: float, cuts: list[int]
) -> None:
    random = np.random.default_rng(seed)
    samples = quantised(random, 90_000, lsb)
    assert found(samples, cuts) == (0, "", True)
    at = size + round(place * (samples.shape[1] - 2 * size))
    samples[:, at : at + size] = samples[:, at - size : at]
    n, reason, certain = found(samples, cuts)
    # neighbours may agree by chance, more often the fewer values there are
    assert size <= n <= size + 16
    assert certain
    assert f"1 block of samples delivered twice, {n} samples" in reason


@pytest.mark.parametrize("after", [0, 1, 90_000])
@pytest.mark.parametrize("size", [64, 512, 8192])
def test_a_block_that_ends_where_samples_were_counted_is_found_once(size: int, after: int) -> None:
    """So many samples are counted as soon as they are there; what comes after is another part."""
    counted = 90_000
    samples = quantised(np.random.default_rng(1), counted + after, 1e5)
    samples[:, counted - size : counted] = samples[:, counted - 2 * size : counted - size]
    n, reason, certain = found(samples, [counted])
    assert (n, certain) == (size, True)
    assert "1 block of" in reason


def test_a_device_that_is_stuck_is_doubted_and_a_periodic_signal_is_not() -> None:
    tone = np.round(0.3 * np.sin(2 * np.pi * 375 * np.arange(FS) / FS) * 2**23) / 2**23
    noise = quantised(np.random.default_rng(1), FS, 1e5, 1)
    assert found(tone[np.newaxis]) == (0, "", True)
    stuck = noise.copy()
    stuck[:, 30_000:] = np.tile(noise[:, 29_744:30_000], (1, 71))[:, :18_000]
    n, reason, certain = found(stuck)
    assert n == pytest.approx(18_000, abs=300)
    assert not certain
    assert "over and over" in reason


def test_what_was_played_twice_may_be_heard_twice() -> None:
    played = quantised(np.random.default_rng(1), FS, 1e5, 1)
    played[:, 20_000:20_512] = played[:, 19_488:20_000]
    verdicts = []
    for known in (None, played):
        checks = SignalChecks(("mono",), FS)
        checks.push(0.5 * played, known)
        verdicts.append([c.verdict for c in checks.checks() if c.name == "repeated blocks"])
    assert verdicts == [["invalid"], []]


def test_silence_does_not_repeat() -> None:
    samples = np.zeros((2, FS))
    samples[:, ::997] = 2.0**-23
    assert found(samples) == (0, "", True)


def test_samples_that_are_no_numbers_are_counted() -> None:
    samples = quantised(np.random.default_rng(1), 9600, 1e5)
    samples[0, 100:103] = (np.nan, np.inf, -np.inf)
    checks = SignalChecks(("left", "right"), FS)
    checks.push(samples)
    (found_,) = [check for check in checks.checks() if check.name == "not finite"]
    assert (found_.value, found_.verdict) == (3, "invalid")
    assert all(np.isfinite(check.value) for check in checks.checks())


def test_zeros_to_the_end_are_a_fault() -> None:
    samples = quantised(np.random.default_rng(1), FS, 1e5)
    samples[:, 40_000:] = 0.0
    checks = SignalChecks(("left", "right"), FS)
    checks.push(samples)
    (gaps,) = [check for check in checks.checks() if check.name == "gaps"]
    assert (gaps.value, gaps.verdict) == (8000, "invalid")
    assert "from 0.833 s to the end" in gaps.reason

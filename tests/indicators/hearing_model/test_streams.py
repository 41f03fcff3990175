"""The hearing model as a stream: cutting, both ears, steady sounds, memory."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.indicators import IndicatorResult, open_stream
from soundcal.verification.recipes import pressure

FS = 48000
SYMBOLS = ("NHM", "THM", "RHM", "FHM")
TOGETHER = ("NHM", "THM", "RHM")
"""What a short sound has."""


def sound(seconds: float, fs: int = FS) -> np.ndarray:
    """Return a modulated tone in noise that pauses, in Pa."""
    tone = pressure({"kind": "am", "fc": 700, "fm": 40, "db": 65, "d": seconds, "fs": fs})
    noise = pressure({"kind": "amnoise", "fmod": 5, "db": 55, "seed": 7, "d": seconds, "fs": fs})
    x = tone + noise
    x[x.size // 2 : x.size // 2 + x.size // 10] = 0.0
    return x


def measured(
    x: np.ndarray, symbols: tuple[str, ...], ends: list[int] | None = None, fs: int = FS
) -> dict[str, IndicatorResult]:
    """Return the results of (n_channels, n) samples, pushed in blocks that end at ``ends``."""
    stream = open_stream(symbols, fs=fs, n_channels=len(x), keep=True, threads=1)
    for block in np.split(x, sorted(ends or []), axis=1):
        stream.push(block)
    return stream.finish()


def check_equal(one: IndicatorResult, other: IndicatorResult) -> None:
    """Value, statistics, series and specific values agree to 1e-12 of the largest."""
    pairs = [(one.value, other.value), (one.series, other.series), (one.specific, other.specific)]
    pairs += [(one.statistics[key], other.statistics[key]) for key in one.statistics]
    for a, b in pairs:
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-12 * max(1.0, float(np.max(a))))


SHORT = {fs: sound(0.42, fs)[np.newaxis] for fs in (FS, 44100)}
LONG = sound(1.7)[np.newaxis]


@cache
def short_whole(fs: int) -> dict[str, IndicatorResult]:
    return measured(SHORT[fs], TOGETHER, fs=fs)


@cache
def long_whole(symbols: tuple[str, ...]) -> dict[str, IndicatorResult]:
    return measured(LONG, symbols)


@settings(max_examples=4)
@given(st.lists(st.integers(0, 20000), max_size=8), st.sampled_from([FS, 44100]))
def test_cutting_changes_nothing(ends: list[int], fs: int) -> None:
    pieces = measured(SHORT[fs], TOGETHER, ends, fs)
    for symbol in TOGETHER:
        check_equal(short_whole(fs)[symbol], pieces[symbol])


@settings(max_examples=3)
@given(st.lists(st.integers(0, LONG.size), max_size=8))
def test_cutting_does_not_change_fluctuation(ends: list[int]) -> None:
    check_equal(long_whole(("FHM",))["FHM"], measured(LONG, ("FHM",), ends)["FHM"])


@pytest.mark.long
@settings(max_examples=30)
@given(st.lists(st.integers(0, LONG.size), max_size=60))
def test_cutting_changes_none_of_the_four(ends: list[int]) -> None:
    pieces = measured(LONG, SYMBOLS, ends)
    for symbol in SYMBOLS:
        check_equal(long_whole(SYMBOLS)[symbol], pieces[symbol])


def test_tiny_blocks_change_nothing() -> None:
    """Blocks of 1 to 7 samples at the beginning, of odd sizes later."""
    ends = np.cumsum([1, 0, 2, 1, 7, 100, 239, 1, 4096, 1023, 3, 8191]).tolist()
    pieces = measured(SHORT[FS], TOGETHER, ends)
    for symbol in TOGETHER:
        check_equal(short_whole(FS)[symbol], pieces[symbol])


def test_an_ear_has_the_value_that_it_has_alone() -> None:
    right = pressure({"kind": "tone", "f": 3000, "db": 50, "d": 0.42})
    both = measured(np.stack([right, SHORT[FS][0]]), TOGETHER)
    alone = measured(right[np.newaxis], TOGETHER)
    assert both["THM"].binaural is None
    for symbol in TOGETHER:
        for index, ear in enumerate((alone, short_whole(FS))):
            np.testing.assert_allclose(both[symbol].value[index], ear[symbol].value[0], rtol=1e-12)
            np.testing.assert_allclose(both[symbol].series[index], ear[symbol].series[0])


def test_equal_ears_and_a_deaf_one() -> None:
    x = SHORT[FS][0]
    same = measured(np.stack([x, x]), TOGETHER)
    deaf = measured(np.stack([x, 0 * x]), TOGETHER)
    for symbol in ("NHM", "RHM"):
        both, half = same[symbol].binaural, deaf[symbol].binaural
        assert both is not None
        assert half is not None
        np.testing.assert_allclose(both.series, same[symbol].series[0], atol=1e-12)
        np.testing.assert_allclose(half.series, same[symbol].series[0] / np.sqrt(2), atol=1e-12)
        assert deaf[symbol].value[1] == 0.0


def test_a_steady_sound_has_the_same_value_whatever_its_duration() -> None:
    recipe = {"kind": "am", "fc": 1000, "fm": 50, "db": 60}
    short, long = (measured(pressure(recipe | {"d": d})[np.newaxis], TOGETHER) for d in (0.5, 0.9))
    for symbol in TOGETHER:
        assert short[symbol].value[0] == pytest.approx(long[symbol].value[0], rel=0.01), symbol


def test_louder_is_more() -> None:
    levels = (20, 40, 60, 80)
    tones = np.stack([pressure({"kind": "tone", "f": 500, "db": L, "d": 0.4}) for L in levels])
    results = measured(tones, ("NHM", "THM"))
    assert np.all(np.diff(results["NHM"].value) > 0.0)
    assert np.all(np.diff(results["THM"].value) > 0.0)


@pytest.mark.long
def test_memory_does_not_grow_with_the_duration() -> None:
    """Two ears take less than 300 MB beside the imports, and an hour adds less than 60 MB."""
    code = (
        "import tracemalloc\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from soundcal.indicators import open_stream\n"
        "rng = np.random.default_rng(1)\n"
        "def pushed(stream, seconds):\n"
        "    for _ in range(seconds):\n"
        "        stream.push(0.02 * rng.standard_normal((2, 48000)))\n"
        "    return stream\n"
        "def opened():\n"
        "    return open_stream(['NHM', 'THM', 'RHM', 'FHM'], fs=48000, n_channels=2)\n"
        "def peak():\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return 1024 * int(next(x.split()[1] for x in lines if x.startswith('VmHWM')))\n"
        "stream, imports = opened(), peak()\n"
        "pushed(stream, 3).finish()\n"
        "taken = peak() - imports\n"
        "tracemalloc.start()\n"
        "stream = pushed(opened(), 6)\n"
        "before, _ = tracemalloc.get_traced_memory()\n"
        "pushed(stream, 12)\n"
        "print(taken, tracemalloc.get_traced_memory()[0] - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    taken, growth = map(int, done.stdout.split())
    assert taken < 300e6
    assert growth < 60e6 * 12 / 3600

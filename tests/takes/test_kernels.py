"""Compiled loops over samples count what plain numpy counts, and a stimulus is known by content."""

from collections import Counter

import numpy as np
import pytest

from soundcal.recording import Capture
from soundcal.takes.against_stimulus import judge_played
from soundcal.takes.kernels import (
    bits_in,
    changes_in,
    counts_from,
    distances_of,
    fingerprints,
    range_of,
    runs_in,
)
from soundcal.takes.played import Played, remembered

RNG = np.random.default_rng(5)
COARSE = RNG.integers(-3, 4, 5000) / 8.0
ROWS = {
    "steps": COARSE,
    "noise": RNG.standard_normal(5000),
    "silence": np.zeros(5000),
    "constant": np.full(5000, -0.25),
    "one sample": np.array([0.5]),
}


@pytest.mark.parametrize("name", ROWS)
def test_ranges_and_counts_are_those_of_numpy(name: str) -> None:
    x = ROWS[name]
    assert range_of(x) == (x.min(), x.max(), np.count_nonzero(x))
    for sign in (1.0, -1.0):
        signed = sign * x
        top, bottom = signed.max(), signed.max() - 0.2
        found = counts_from(x, sign, top, bottom)
        assert found == (np.count_nonzero(signed == top), np.count_nonzero(signed >= bottom))


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("from_end", [1, 64])
def test_runs_are_those_of_numpy(name: str, from_end: int) -> None:
    x = ROWS[name]
    ends = np.flatnonzero(x[1:] != x[:-1]) + 1
    starts = np.concatenate([[0], ends])[: ends.size]
    chosen = (ends >= from_end) & (ends - starts >= 3)
    found = runs_in(x, 3, from_end)
    assert np.array_equal(found[0], starts[chosen])
    assert np.array_equal(found[1], ends[chosen])


def test_the_bits_of_samples_are_those_in_use() -> None:
    assert bits_in(COARSE) == np.bitwise_or.reduce(np.abs(COARSE * 2**23).astype(np.int64))
    assert bits_in(np.array([0.5, 2.0**-24])) == -1
    assert bits_in(np.zeros(3)) == 0


def test_fingerprints_are_those_of_numpy() -> None:
    x = np.stack([COARSE, np.repeat(COARSE[:2500], 2)])
    x[:, 100:140], x[:, 110:120] = 0.0, -0.0
    changes = np.concatenate([[False], (x[:, 1:] != x[:, :-1]).any(axis=0)])
    assert np.array_equal(changes_in(x), changes)
    mix, weights = np.uint64(0x9E3779B97F4A7C15), np.array([3, 5], dtype=np.uint64)
    row = (weights[:, np.newaxis] * (x + 0.0).view(np.uint64)).sum(axis=0, dtype=np.uint64)
    row ^= row >> np.uint64(31)
    places = np.flatnonzero(((row[:-3] * mix) >> np.uint64(62) == 0) & changes[1:-2])
    prints = row[places]
    for i in range(1, 4):
        prints = prints * mix + row[places + i]
    prints ^= prints >> np.uint64(32)
    found = fingerprints(x.view(np.uint64), weights, changes, 4, np.uint64(2))
    assert np.array_equal(found[0], prints * mix)
    assert np.array_equal(found[1], places)
    assert places.size > 500


def test_distances_are_those_of_sorted_fingerprints() -> None:
    prints = RNG.integers(0, 400, 3000).astype(np.uint64)
    places = np.sort(RNG.choice(20000, 3000, replace=False))
    order = np.lexsort((places, prints))
    apart = np.diff(places[order])[np.diff(prints[order]) == 0]
    expected = Counter(int(d) for d in apart if d <= 500)
    found = distances_of(prints, places, 500)
    assert {d: int(found[d]) for d in np.flatnonzero(found)} == expected


def test_a_stimulus_is_remembered_by_its_content() -> None:
    calls = []

    @remembered
    def loudest(played: Played, factor: float) -> float:
        calls.append(factor)
        return factor * float(np.abs(played.samples).max())

    x = np.array([[0.1, -0.3], [0.2, 0.1]])
    assert loudest(Played(x), 2.0) == loudest(Played(x.copy()), 2.0) == 0.6
    assert calls == [2.0]
    assert loudest(Played(x), 3.0) == pytest.approx(0.9)
    assert loudest(Played(x).channel(1), 2.0) == 0.4
    x[0, 0] = 0.5  # the same array, another stimulus
    assert loudest(Played(x), 2.0) == 1.0
    assert loudest(Played(x).beginning(1), 2.0) == 1.0
    assert loudest(Played(x.reshape(1, 4)), 2.0) == 1.0
    assert len(calls) == 6


def test_a_second_take_of_a_stimulus_is_judged_like_the_first() -> None:
    scene = 0.1 * RNG.standard_normal((2, 48000))
    other = 0.1 * RNG.standard_normal((2, 48000))
    take = Capture(0.5 * scene + 1e-4 * RNG.standard_normal(scene.shape), 48000)
    first = judge_played(take, scene)
    assert {check.verdict for check in first} == {"pass"}
    judge_played(take, other)
    assert judge_played(take, scene) == first
    scene[:, 20000:] = np.roll(scene[:, 20000:], 7, axis=1)
    assert "invalid" in {check.verdict for check in judge_played(take, scene)}

"""Laws of the orders of presentation."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundcal.errors import ParameterError
from soundcal.listening.orders import (
    constrained,
    permutation,
    shares,
    williams_row,
    williams_rows,
)


@given(st.integers(2, 30))
def test_a_williams_design_is_balanced_in_places_and_neighbours(n: int) -> None:
    rows = [williams_row(n, row) for row in range(williams_rows(n))]
    times = 1 if n % 2 == 0 else 2
    assert len(rows) == times * n
    places = Counter((place, item) for row in rows for place, item in enumerate(row))
    assert {places[place, item] for place in range(n) for item in range(n)} == {times}
    pairs = Counter(pair for row in rows for pair in pairwise(row))
    assert {pairs[a, b] for a in range(n) for b in range(n) if a != b} == {times}
    assert williams_row(n, len(rows)) == rows[0]


def test_the_paper_s_27_sounds_need_54_people() -> None:
    assert williams_rows(27) == 54
    assert williams_row(5, 0) == (0, 1, 4, 2, 3)
    assert williams_row(5, 5) == (3, 2, 4, 1, 0)


@given(st.integers(0, 2**32), st.lists(st.integers(), max_size=20))
def test_a_permutation_holds_every_item_and_follows_from_its_seed(
    seed: int, items: list[int]
) -> None:
    one, other = (permutation(items, np.random.default_rng(seed)) for _ in range(2))
    assert one == other
    assert sorted(one) == sorted(items)


def test_all_permutations_are_equally_likely() -> None:
    rng = np.random.default_rng(1)
    counts = Counter(permutation("abc", rng) for _ in range(6000))
    assert len(counts) == 6
    # chi-square of 5 degrees of freedom: 20.5 is exceeded in 0.1 %
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 20.5


@given(st.integers(0, 2**32), st.integers(2, 5), st.integers(2, 6))
def test_constrained_orders_keep_groups_apart(seed: int, groups: int, each: int) -> None:
    items = [(group, i) for group in range(groups) for i in range(each)]
    after = (0, 99)
    order = constrained(items, lambda a, b: a[0] == b[0], np.random.default_rng(seed), after)
    assert sorted(order) == items
    assert all(a[0] != b[0] for a, b in pairwise((after, *order)))


def test_an_impossible_order_is_an_error() -> None:
    with pytest.raises(ParameterError, match="no order of 3 sounds"):
        constrained("aab", lambda a, b: True, np.random.default_rng(0))


@given(st.integers(1, 60), st.data())
def test_shares_are_exact_and_spread(n: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, n))
    found = [shares(n, part, number) for number in range(2 * n)]
    inside = [number for belongs, number in found if belongs]
    outside = [number for belongs, number in found if not belongs]
    assert inside == list(range(2 * part))
    assert outside == list(range(2 * (n - part)))
    for k in range(1, n + 1):
        assert abs(sum(belongs for belongs, _ in found[:k]) - k * part / n) <= 1

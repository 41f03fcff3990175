"""Correlated tests adjusted together, against a plain loop and by the laws of max-T."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from soundcal.agreement import adjust, max_t
from soundcal.errors import ParameterError


def family(n: int = 27, m: int = 6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 1))
    return 0.8 * shared + 0.6 * rng.normal(size=(n, m)) + np.linspace(0.0, 0.8, m)


def by_loop(d: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Step-down max-T, one draw at a time, with a seed of its own."""
    rng = np.random.default_rng(seed)
    found = np.abs(stats.ttest_1samp(d, 0.0, nan_policy="omit").statistic)
    order = np.argsort(-found)
    reached = np.zeros(found.size)
    for _ in range(draws):
        sample = d[rng.choice(len(d), len(d))]
        null = stats.ttest_1samp(sample, np.nanmean(d, axis=0), nan_policy="omit")
        t = np.abs(null.statistic)
        for step, test in enumerate(order):
            reached[test] += t[order[step:]].max() >= found[test]
    p = (1.0 + reached) / (draws + 1.0)
    p[order] = np.maximum.accumulate(p[order])
    return p


@pytest.mark.parametrize("missing", [False, pytest.param(True, marks=pytest.mark.long)])
def test_as_by_a_plain_loop(missing: bool) -> None:
    d = family()
    if missing:
        d[2, 1] = d[5, 1] = d[5, 4] = math.nan
    found = max_t(d, family="six made-up tests", draws=20_000)
    t = stats.ttest_1samp(d, 0.0, nan_policy="omit").statistic
    assert found.statistic == pytest.approx(t, rel=1e-10)
    loop = by_loop(d, 2000, 1)
    assert loop.min() < 0.05 < 0.1 < np.median(loop) < loop.max()
    assert found.adjusted == pytest.approx(loop, abs=0.045)  # four standard errors of the loop


def test_tests_that_say_the_same_count_once() -> None:
    d = family(m=1)[:, 0] + 0.45
    one = max_t(d[:, np.newaxis], family="one").adjusted[0]
    many = max_t(np.outer(d, np.arange(1.0, 40.0)), family="39 times the same").adjusted
    assert many == pytest.approx(np.full(39, one))
    p = stats.ttest_1samp(d, 0.0).pvalue
    assert one == pytest.approx(p, abs=0.02)
    assert adjust([p] * 39, family="39 times the same").adjusted.min() > 10 * one


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 30), st.integers(1, 8))
def test_laws(seed: int, n: int, m: int) -> None:
    d = family(n, m, seed)
    found = max_t(d, family="f", draws=200)
    known = ~np.isnan(found.adjusted)
    assert (found.adjusted[known] <= found.single_step[known]).all()
    by_size = np.argsort(-np.abs(found.statistic[known]))
    for p in (found.adjusted[known], found.single_step[known]):
        assert (np.diff(p[by_size]) >= 0.0).all()
        assert ((p >= 1 / 201) & (p <= 1.0)).all()
    # neither scale, sign nor order of the tests matters, nor a stimulus without values
    turned = d[:, ::-1] * np.where(np.arange(m) % 2, -4.0, 2.0)
    empty = np.full((1, m), np.nan)
    again = max_t(np.vstack([turned, empty]), family="f", draws=200)
    assert again.n == n
    assert np.array_equal(again.adjusted[::-1], found.adjusted, equal_nan=True)


def test_a_test_that_hangs_on_one_stimulus_spoils_no_other() -> None:
    d = family()
    alone = max_t(d, family="f")
    outlier, zeros = np.full(27, 0.1) + 0.01 * d[:, 0], np.zeros(27)
    outlier[3], zeros[4] = 8.0, 1.0
    found = max_t(
        np.column_stack([d, outlier, zeros, np.ones(27)]),
        family="f",
        labels=["a", "b", "c", "d", "e", "f", "outlier", "zeros", "equal"],
    )
    assert found.left_out == ("outlier", "zeros", "equal")
    assert found.adjusted[:6] == pytest.approx(alone.adjusted)
    assert np.isnan(found.adjusted[6:]).all()
    assert np.isnan(found.statistic).tolist() == [False] * 8 + [True]
    assert "3 of 9 tests have no p value" in found.warnings[0]
    assert found.to_frame()["label"].tolist()[6] == "outlier"
    assert not alone.warnings


def test_nothing_to_test() -> None:
    found = max_t(np.ones((5, 2)), family="equal differences")
    assert found.left_out == (0, 1)
    assert np.isnan(found.single_step).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: max_t([1.0, 2.0], family="f"), "a matrix of finite differences"),
        (lambda: max_t([[1.0], [math.inf]], family="f"), "a matrix of finite differences"),
        (lambda: max_t([[1.0], [math.nan]], family="f"), "1 complete pair"),
        (lambda: max_t([[1.0], [2.0]], family=""), "which tests belong together"),
        (lambda: max_t([[1.0], [2.0]], family="f", draws=10), "at least 100"),
        (lambda: max_t([[1.0], [2.0]], family="f", labels="ab"), "2 labels for 1 tests"),
    ],
)
def test_errors(call, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        call()

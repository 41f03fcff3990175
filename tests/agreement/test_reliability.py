"""Single numbers for agreement, and limits without a distribution."""

import math

import numpy as np
import pytest
from published_data import MINI_1, WRIGHT_1, pressures
from scipy import stats

from soundcal.agreement import (
    bland_altman,
    concordance,
    coverage_probability,
    icc,
    nonparametric_limits,
    total_deviation_index,
)
from soundcal.errors import ParameterError

# Ratings of 6 targets by 4 judges: Shrout & Fleiss, Psychol Bull 86:420 (1979), tables 2 and 4
TARGETS = [
    [9, 2, 5, 8],
    [6, 1, 3, 2],
    [8, 4, 6, 8],
    [7, 1, 2, 6],
    [10, 5, 6, 9],
    [6, 2, 4, 7],
]


@pytest.mark.parametrize(
    ("form", "value"),
    [("1", 0.17), ("A,1", 0.29), ("C,1", 0.71), ("k", 0.44), ("A,k", 0.62), ("C,k", 0.91)],
)
def test_icc_of_shrout_and_fleiss_1979(form, value: float) -> None:
    result = icc(TARGETS, form)
    assert result.icc == pytest.approx(value, abs=0.005)
    assert result.ci[0] < value < result.ci[1]
    assert (result.n, result.k) == (6, 4)


@pytest.mark.parametrize("form", ["1", "A,1", "C,1"])
def test_icc_intervals_cover_the_truth(form) -> None:
    rng = np.random.default_rng(1)
    runs, inside = 500, 0
    for _ in range(runs):
        table = rng.normal(0, 1, (20, 1)) + rng.normal(0, 0.7, (20, 3))
        low, high = icc(table, form).ci
        inside += low < 1 / 1.49 < high
    assert inside / runs == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / runs))


def test_icc_refusals_and_missing_rows() -> None:
    more = icc([*TARGETS, [1, 2, math.nan, 4]], "A,1")
    assert more.icc == icc(TARGETS, "A,1").icc
    assert more.warnings == ("1 incomplete row(s) dropped",)
    assert icc([[1, 1], [2, 2], [3, 3]], "A,1").icc == 1.0
    assert icc([[1, 2], [2, 3], [3, 4]], "C,1").icc == 1.0
    with pytest.raises(ParameterError, match="undefined"):
        icc([[1, 1], [1, 1]], "1")
    with pytest.raises(ParameterError, match="'A,1'"):
        icc(TARGETS, "2,1")
    with pytest.raises(ParameterError, match="at least 2 of each"):
        icc([[1, 2]], "1")
    with pytest.raises(ParameterError, match="rows of k"):
        icc([1, 2, 3], "1")


def test_concordance_of_the_flow_meters() -> None:
    # Bland & Altman 1986: r = .94; CCC and interval by an independent implementation
    result = concordance(WRIGHT_1, MINI_1)
    assert result.precision == pytest.approx(0.94, abs=0.005)
    assert result.ccc == pytest.approx(0.9427424314274846, rel=1e-12)
    assert result.ci == pytest.approx((0.8504918731685608, 0.9787262791701224), rel=1e-12)
    assert result.ccc == pytest.approx(result.precision * result.accuracy)
    assert concordance(MINI_1, WRIGHT_1).ccc == pytest.approx(result.ccc)
    same = concordance([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert same.ccc == pytest.approx(1.0)
    with pytest.raises(ParameterError, match="undefined"):
        concordance([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
    two = concordance([1.0, 2.0], [1.5, 1.7])
    assert math.isnan(two.ci[0])
    assert "no interval" in two.warnings[-1]


def test_narrow_ranges_are_said() -> None:
    rng = np.random.default_rng(9)
    x, y = 60 + rng.normal(size=(2, 40))
    assert any("narrow range" in warning for warning in concordance(x, y).warnings)
    assert not concordance(WRIGHT_1, MINI_1).warnings
    frame = concordance(x, y).to_frame()
    assert {"ccc", "ci_low", "ci_high", "n"} <= set(frame.columns)


def test_concordance_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(2)
    runs, inside = 600, 0
    for _ in range(runs):
        a = rng.normal(0, 1, 60)
        low, high = concordance(a + rng.normal(0, 0.4, 60), a + rng.normal(0.2, 0.4, 60)).ci
        inside += low < 2 / (2 * 1.16 + 0.04) < high
    # asymptotic: within 2 % at n = 60
    assert inside / runs == pytest.approx(0.95, abs=0.02 + 3 * math.sqrt(0.95 * 0.05 / runs))


def test_total_deviation_and_coverage_are_each_other_backwards() -> None:
    # 90 % of the flow meters' differences: 63.858 (independent implementation)
    index = total_deviation_index(WRIGHT_1, MINI_1)
    assert index.delta == pytest.approx(63.85804729884594, rel=1e-9)
    back = coverage_probability(WRIGHT_1, MINI_1, index.delta)
    assert back.coverage == pytest.approx(0.9)
    bound = coverage_probability(WRIGHT_1, MINI_1, index.bound)
    assert bound.bound == pytest.approx(0.9, abs=1e-6)


@pytest.mark.parametrize("bias", [0.0, 0.5, 2.0])
def test_their_bounds_cover_the_truth(bias: float) -> None:
    rng = np.random.default_rng(3)
    truth = float(stats.foldnorm.ppf(0.9, bias))
    d = rng.normal(bias, 1, (90, 15))
    below = [coverage_probability(row, np.zeros(15), truth).bound < 0.9 for row in d]
    above = [total_deviation_index(row, np.zeros(15)).bound > truth for row in d[:6]]
    assert above == below[:6]  # the same question
    error = 3 * math.sqrt(0.95 * 0.05 / 90)
    # conservative near a bias of 0
    assert 0.95 - error < np.mean(below) <= 1.0
    assert bias < 1 or np.mean(below) < 0.95 + error


def test_equal_differences_have_no_bound() -> None:
    index = total_deviation_index([1.0, 2.0], [0.5, 1.5])
    assert index.delta == 0.5
    assert math.isnan(index.bound)
    assert "no confidence bound" in index.warnings[0]
    assert coverage_probability([1.0, 2.0], [0.5, 1.5], 0.4).coverage == 0.0
    with pytest.raises(ParameterError, match="above 0"):
        coverage_probability(WRIGHT_1, MINI_1, -1.0)


@pytest.mark.parametrize(
    ("kind", "limits"), [(6, (-86.1, 17.4)), (7, (-63.4, 13.5)), (8, (-77.9, 16.1))]
)
def test_quantiles_of_blood_pressures_by_type(kind, limits) -> None:
    # J1 - S1 of Bland & Altman 1999
    table = pressures()
    found = nonparametric_limits(bland_altman(table["J1"], table["S1"]), quantile_type=kind)
    assert (found.lower, found.upper) == pytest.approx(limits, abs=0.05)
    assert found.lower_ci[0] <= found.lower <= found.lower_ci[1]
    assert f"type {kind}" in found.method


def test_quantiles_against_numpy() -> None:
    d = np.random.default_rng(4).normal(size=31)
    result = bland_altman(d, np.zeros(31), coverage=0.9)
    for kind, name in ((6, "weibull"), (7, "linear"), (8, "median_unbiased")):
        found = nonparametric_limits(result, quantile_type=kind)
        expected = [np.quantile(d, p, method=name) for p in (0.05, 0.5, 0.95)]
        assert [found.lower, found.bias, found.upper] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("n", "low", "high"),
    [
        (40, 37, None),
        (60, 56, None),
        (100, 94, None),
        (145, 137, None),
        (146, 138, 146),
        (200, 190, 200),
        (300, 287, 298),
    ],
)
def test_intervals_of_quantiles_are_order_statistics(n: int, low: int, high: int | None) -> None:
    # ranks of the distribution-free 95 % interval of the 97.5 % quantile, from binomial tables
    d = np.random.default_rng(n).permutation(np.arange(1.0, n + 1.0))
    found = nonparametric_limits(bland_altman(d, np.zeros(n)))
    assert found.upper_ci == (low, math.inf if high is None else high)
    mirrored = (-math.inf if high is None else n + 1 - high, n + 1 - low)
    assert found.lower_ci == mirrored
    assert ("need 146" in " ".join(found.warnings)) == (high is None)


@pytest.mark.parametrize("n", [20, 39, 50, 100, 200])
def test_intervals_of_quantiles_cover_any_distribution(n: int) -> None:
    rng = np.random.default_rng(n)
    # exponential: skewed; quantiles are -log(1 - p)
    true = -np.log1p(-np.array([0.025, 0.5, 0.975]))
    inside = []
    for _ in range(500):
        found = nonparametric_limits(bland_altman(rng.exponential(size=n), np.zeros(n)))
        bounds = np.array([found.lower_ci, found.bias_ci, found.upper_ci])
        inside.append((bounds[:, 0] <= true) & (true <= bounds[:, 1]))
    assert (np.mean(inside, axis=0) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 500)).all()


def test_few_pairs_have_one_sided_intervals_of_quantiles() -> None:
    x, y = np.random.default_rng(6).normal(size=(2, 27))
    few = nonparametric_limits(bland_altman(x, y))
    assert few.upper_ci[0] <= few.upper
    assert few.upper_ci[1] == math.inf
    assert "are the extreme differences" in few.warnings[0]
    assert few.bias_ci[0] <= few.bias <= few.bias_ci[1]
    assert few.to_dict()["upper_ci"] == [few.upper_ci[0], None]
    five = nonparametric_limits(bland_altman(x[:5], y[:5]))
    assert five.bias_ci == (-math.inf, math.inf)


@pytest.mark.parametrize("form", ["1", "A,1", "C,1", "k", "A,k", "C,k"])
@pytest.mark.parametrize("offset", [1.0, 0.1])
def test_rows_without_variance_have_no_icc(form, offset: float) -> None:
    table = np.array([[60.3, 60.3 + offset]] * 3) + np.array([[0.1], [0.2 - 0.1], [0.1]])
    with pytest.raises(ParameterError, match="no variance"):
        icc(table, form)

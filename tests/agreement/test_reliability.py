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


def test_quantiles_and_jackknife_against_numpy() -> None:
    from soundcal.agreement.nonparametric import _jackknife, _quantile

    d = np.sort(np.random.default_rng(4).normal(size=31))
    for position, name in ((0.0, "weibull"), (1.0, "linear"), (1 / 3, "median_unbiased")):
        for p in (0.01, 0.025, 0.4, 0.5, 0.975):
            assert _quantile(d, p, position) == pytest.approx(np.quantile(d, p, method=name))
            left = [np.quantile(np.delete(d, i), p, method=name) for i in range(31)]
            assert _jackknife(d, p, position) == pytest.approx(left)


def test_bootstrap_is_seeded_and_like_scipys() -> None:
    d = np.random.default_rng(5).normal(size=200) ** 3
    result = bland_altman(d, np.zeros(200))
    one, two = nonparametric_limits(result, seed=7), nonparametric_limits(result, seed=7)
    assert one.upper_ci == two.upper_ci
    assert "seed 7" in one.method
    scipys = stats.bootstrap(
        (d,),
        lambda v, axis: np.quantile(v, 0.975, method="median_unbiased", axis=axis),
        rng=np.random.default_rng(8),
        n_resamples=4000,
    ).confidence_interval
    many = nonparametric_limits(result, resamples=4000)
    assert many.upper_ci == pytest.approx(scipys, rel=0.1)


def test_few_pairs_have_no_intervals_of_quantiles() -> None:
    x, y = np.random.default_rng(6).normal(size=(2, 27))
    few = nonparametric_limits(bland_altman(x, y))
    assert math.isnan(few.upper_ci[0])
    assert "at least 39 pairs" in few.warnings[0]
    assert few.bias_ci[0] <= few.bias <= few.bias_ci[1]
    assert few.to_dict()["upper_ci"] == [None, None]
    with pytest.raises(ParameterError, match="at least 200"):
        nonparametric_limits(bland_altman(x, y), resamples=10)

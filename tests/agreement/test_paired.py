"""Tests of mean differences with absent participants, against R and by simulation."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from soundcal.agreement import (
    hotelling,
    mean_difference,
)
from soundcal.errors import ParameterError

NAN = math.nan

# The example that comes with the original t.test.partial (Guo & Yuan 2017); t, df, p and interval
# by that function under R 4.2.2.
PAIRED_X = [52.87, 52.37, 47.39, 52.56, 54.43, 50.79]
PAIRED_Y = [52.51, 57.87, 51.41, 57.37, 56.84, 52.47]
ONLY_X = [52.32, 53.26, 53.16, 50.23, 52.34]
ONLY_Y = [47.21, 46.38, 54.34, 60.15, 55.08, 55.4, 58.05, 55.88]


def columns(paired_x, paired_y, only_x=(), only_y=()) -> tuple[list[float], list[float]]:
    x = [*paired_x, *only_x, *[NAN] * len(only_y)]
    y = [*paired_y, *[NAN] * len(only_x), *only_y]
    return x, y


def test_example_of_guo_and_yuan() -> None:
    result = mean_difference(*columns(PAIRED_X, PAIRED_Y, ONLY_X, ONLY_Y), test="partially-paired")
    assert result.statistic == pytest.approx(-3.1567244841444, rel=1e-10)
    assert result.df == pytest.approx(7.48965663264379, rel=1e-10)
    assert result.p_value == pytest.approx(0.0146509178567501, rel=1e-10)
    assert result.estimate == pytest.approx(-2.7710336569478, rel=1e-10)
    assert result.ci == pytest.approx((-4.81955076529798, -0.722516548597613), rel=1e-10)
    assert result.weight == pytest.approx(0.8026294915942979, rel=1e-10)
    assert result.standard_error == pytest.approx(0.8778192936590274, rel=1e-10)
    assert (result.n_pairs, result.n_x, result.n_y, result.warnings) == (6, 5, 8, ())
    assert result.second is not None
    assert "Derrick" in result.second.method


def _given(case: dict[str, Any]) -> tuple[list[float], list[float]]:
    data = {
        key: [NAN if v is None else float(v) for v in values]
        for key, values in case["input"].items()
    }
    if case["input_form"] == "table":
        return data["x"], data["y"]
    d = data.get("paired_diff", [])
    first, second = data.get("paired_x", d), data.get("paired_y", [0.0] * len(d))
    return columns(first, second, data["unpaired_x"], data["unpaired_y"])


def test_vectors_computed_by_r(reference: Path) -> None:
    vectors = json.loads((reference / "agreement" / "optt_vectors.json").read_text())
    compared = 0
    for case in vectors["cases"]:
        expected = case["expected"]
        if expected.get("t") is None:
            continue  # where R stops or gives NaN: see the tests of the edges
        result = mean_difference(
            *_given(case),
            test="partially-paired",
            alternative=case["alternative"].replace(".", "-"),
            confidence=case["conf_level"],
        )
        assert result.method.startswith("optimal pooled")
        found = (result.statistic, result.df, result.p_value, result.estimate, *result.ci)
        names = ("t", "df", "p_value", "estimate", "conf_low", "conf_high")
        assert found == pytest.approx([float(expected[n]) for n in names], rel=1e-10), case["name"]
        compared += 1
    assert compared >= 6


def test_without_unpaired_values_it_is_the_paired_test() -> None:
    # the original stops: "missing unpaired samples"
    result = mean_difference([1, 2, 3, 4], [2, 2, 4, 5])
    expected = stats.ttest_rel([1, 2, 3, 4], [2, 2, 4, 5])
    assert result.method == "paired t-test"
    assert (result.statistic, result.p_value) == pytest.approx(
        (expected.statistic, expected.pvalue)
    )
    assert result.ci == pytest.approx(expected.confidence_interval())
    assert result.warnings == ()


def test_one_unpaired_value_falls_back_and_is_said() -> None:
    # the original lets a value hidden behind NA pass and returns NaN
    x, y = columns([1, 2, 3, 4], [0, 1.5, 2, 3.2], [5], [4, 4.5, 6])
    result = mean_difference(x, y, test="partially-paired")
    assert result.method == "paired t-test"
    assert "1 value(s) of x and 3 of y without a partner left out" in result.warnings[0]
    assert result.second is not None
    assert result.second.method.startswith("partially overlapping")


def test_without_pairs_it_is_welchs_test() -> None:
    x, y = columns([], [], ONLY_X, ONLY_Y)
    result = mean_difference(x, y, alternative="less")
    expected = stats.ttest_ind(ONLY_X, ONLY_Y, equal_var=False, alternative="less")
    assert result.method == "Welch's t-test"
    assert (result.statistic, result.df, result.p_value) == pytest.approx(
        (expected.statistic, expected.df, expected.pvalue)
    )
    assert result.ci[0] == -math.inf
    one = mean_difference(*columns([1.0], [9.0], ONLY_X, ONLY_Y))
    assert one.estimate == pytest.approx(result.estimate)
    assert one.warnings == ("1 pair left out",)


@pytest.mark.parametrize(
    ("paired", "unpaired", "reason"),
    [
        (([1, 2, 3], [0, 1, 2]), ([5, 6, 7], [4, 4.5, 6]), "paired differences have no spread"),
        (([1, 2, 3], [0, 2, 2]), ([5, 5], [4, 4]), "unpaired values have no spread"),
        (([1, 2, 3], [0, 1, 2]), ([5, 5], [4, 4]), "differences and unpaired values have no"),
    ],
)
def test_values_without_spread_have_no_p_value(paired, unpaired, reason: str) -> None:
    result = mean_difference(*columns(*paired, *unpaired), test="partially-paired")
    assert math.isnan(result.p_value)
    assert math.isnan(result.statistic)
    assert reason in result.warnings[-1]
    assert result.to_dict()["p_value"] is None


def test_equal_columns_have_no_p_value_either() -> None:
    result = mean_difference([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert result.estimate == 0.0
    assert math.isnan(result.p_value)
    assert "no spread" in result.warnings[0]


def test_few_unpaired_values_are_warned_of() -> None:
    x, y = columns(PAIRED_X, PAIRED_Y, ONLY_X[:4], ONLY_Y)
    assert mean_difference(x, y).warnings == ()
    few = mean_difference(x, y, test="partially-paired")
    assert "only 4 unpaired values on a side: below 5" in few.warnings[0]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.0], [2.0], "at least 2 pairs"),
        ([1.0, NAN], [NAN, 2.0], "at least 2 pairs"),
        ([1.0, 2.0], [1.0], "NaN where the participant is absent"),
        ([1.0, math.inf], [1.0, 2.0], "infinite"),
    ],
)
def test_too_few_or_unusable(x: list[float], y: list[float], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        mean_difference(x, y)


def test_options_are_checked() -> None:
    x, y = columns(PAIRED_X, PAIRED_Y)
    with pytest.raises(ParameterError, match="'optimal'"):
        mean_difference(x, y, test="optimal")
    with pytest.raises(ParameterError, match="paired t-test needs 2"):
        mean_difference([1.0, NAN], [1.0, 2.0], test="paired")
    with pytest.raises(ParameterError, match="at least 2 pairs"):
        mean_difference([1.0, NAN], [1.0, 2.0], test="overlapping")
    with pytest.raises(ParameterError, match="'both'"):
        mean_difference(x, y, alternative="both")
    with pytest.raises(ParameterError, match="confidence 95"):
        mean_difference(x, y, confidence=95)


def test_derricks_test_lies_between_paired_and_welch() -> None:
    whole = mean_difference(PAIRED_X, PAIRED_Y, test="overlapping")
    expected = stats.ttest_rel(PAIRED_X, PAIRED_Y)
    assert (whole.statistic, whole.df) == pytest.approx((expected.statistic, expected.df))
    result = mean_difference(*columns(PAIRED_X, PAIRED_Y, ONLY_X, ONLY_Y), test="overlapping")
    x, y = np.array(PAIRED_X + ONLY_X), np.array(PAIRED_Y + ONLY_Y)
    # the covariance of the two means is r s1 s2 nc/(n1 n2)
    r = stats.pearsonr(PAIRED_X, PAIRED_Y).statistic
    v1, v2 = x.var(ddof=1), y.var(ddof=1)
    variance = v1 / 11 + v2 / 14 - 2 * r * math.sqrt(v1 * v2) * 6 / (11 * 14)
    assert result.estimate == pytest.approx(x.mean() - y.mean())
    assert result.standard_error == pytest.approx(math.sqrt(variance))
    assert 5 < result.df < stats.ttest_ind(x, y, equal_var=False).df


def test_type_one_error_at_the_sizes_of_the_study() -> None:
    """19 pairs, 2 and 13 unpaired: the pooled test rejects 9 %, Derrick's 5 % (level 5 %)."""
    rng = np.random.default_rng(20221104)
    runs = 1500
    pooled = derrick = paired = 0
    for _ in range(runs):
        z = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 34)
        z[19:21, 1] = z[21:, 0] = NAN
        result = mean_difference(z[:, 0], z[:, 1], test="partially-paired")
        assert result.second is not None
        pooled += result.p_value < 0.05
        derrick += result.second.p_value < 0.05
        paired += mean_difference(z[:, 0], z[:, 1], test="paired").p_value < 0.05
    error = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert pooled / runs == pytest.approx(0.091, abs=3 * math.sqrt(0.091 * 0.909 / runs))
    assert derrick / runs == pytest.approx(0.046, abs=error)
    assert paired / runs == pytest.approx(0.05, abs=error)


def test_default_holds_its_level_where_the_pooled_test_does_not() -> None:
    # a cell without a true difference, 19 pairs, 13 and 2 unpaired, which the pooled test stars
    x = [43, 69, 22, 81, 57, 59, 48, 28, 56, 73, 68, 60, 27, 83, 37, 8, 30, 4, 52]
    only_x = [61, 59, 43, 45, 68, 57, 61, 50, 35, 52, 77, 50, 34]
    y = [19, 42, 45, 59, 82, 76, 69, 43, 52, 46, 93, 31, 51, 31, 34, 26, 38, 22, 73]
    both = columns(x, y, only_x, [22, 22])
    # T_new2 and the pooled test computed independently
    assert mean_difference(*both).p_value == pytest.approx(0.4947885939530673)
    pooled = mean_difference(*both, test="partially-paired")
    assert pooled.p_value == pytest.approx(4.4795791374463947e-07)


def test_few_values_of_one_condition_take_the_pairs() -> None:
    rng = np.random.default_rng(3)
    x = np.append(rng.normal(size=4), np.full(20, NAN))
    result = mean_difference(x, rng.normal(size=24))
    assert result.method == "paired t-test"
    assert "20 value(s) without a partner left out" in result.warnings[0]
    x[4] = 0.5
    y = rng.normal(size=24)
    y[4] = NAN
    result = mean_difference(x, y)
    assert "overlapping" in result.method
    assert "only 5 values in one condition and 23 in the other" in result.warnings[0]


values = st.lists(st.floats(0, 100, width=32), min_size=20, max_size=20)


@given(values, values, st.floats(-50, 50), st.floats(0.1, 10))
def test_swapping_shifting_and_scaling(x, y, offset, factor) -> None:
    x, y = np.array(x), np.array(y)
    x[:5], y[15:] = NAN, NAN
    one, two = mean_difference(x, y), mean_difference(y, x)
    if math.isnan(one.p_value):
        return
    assert two.p_value == pytest.approx(one.p_value, rel=1e-6, abs=1e-9)
    assert two.ci == pytest.approx((-one.ci[1], -one.ci[0]), rel=1e-6, abs=1e-6)
    moved = mean_difference(factor * x + offset, factor * y + offset)
    assert moved.estimate == pytest.approx(factor * one.estimate, rel=1e-5, abs=1e-5)


def test_hotelling_of_one_variable_is_the_paired_test_squared() -> None:
    x, y = np.array([PAIRED_X]).T, np.array([PAIRED_Y]).T
    result = hotelling(x, y)
    expected = stats.ttest_rel(PAIRED_X, PAIRED_Y)
    assert result.statistic == pytest.approx(expected.statistic**2)
    assert result.p_value == pytest.approx(expected.pvalue)
    low, high = expected.confidence_interval()
    assert result.region[0] == pytest.approx((high - low) / 2)


def test_hotelling_rejects_at_its_level() -> None:
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(2, 2000, 12, 2))
    x[..., 1] += x[..., 0]
    rejected = np.mean([hotelling(a, b).p_value < 0.05 for a, b in zip(x, y, strict=True)])
    assert rejected == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 2000))


def test_hotelling_drops_incomplete_rows_and_refuses_dependent_variables() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(2, 10, 2))
    whole = hotelling(x, y)
    x_more, y_more = np.vstack([x, [NAN, 1.0]]), np.vstack([y, [1.0, 1.0]])
    more = hotelling(x_more, y_more)
    assert more.statistic == whole.statistic
    assert more.warnings == ("1 incomplete row(s) dropped",)
    with pytest.raises(ParameterError, match="leave out the superfluous"):
        hotelling(np.hstack([x, x[:, :1] * 2]), np.hstack([y, y[:, :1] * 2]))
    with pytest.raises(ParameterError, match="more than 2 are needed"):
        hotelling(x[:2], y[:2])

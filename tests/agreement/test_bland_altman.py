"""Limits of agreement against published numbers, and their properties."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from published_data import MINI_1, MINI_2, WRIGHT_1, WRIGHT_2, plasma_volumes, pressures
from scipy import special

from soundcal.agreement import (
    agreement_test,
    bland_altman,
    bland_altman_repeated,
    diagnose,
    join,
    mean_difference,
    total_deviation_index,
)
from soundcal.agreement.intervals import limit_factor, limit_factors, pair_factor, two_tail_factor
from soundcal.errors import ParameterError


def test_pefr_of_1986() -> None:
    result = bland_altman(WRIGHT_1, MINI_1)
    assert result.n == 17
    assert result.bias == pytest.approx(-2.1, abs=0.05)
    assert result.sd == pytest.approx(38.8, abs=0.05)
    # 1986 prints -22.0: rounded standard error; unrounded -22.049
    assert result.bias_ci == pytest.approx((-22.0, 17.8), abs=0.06)
    assert result.sd / math.sqrt(17) == pytest.approx(9.4, abs=0.05)
    # the article doubles and multiplies rounded numbers: limits -79.7 and 75.5, their intervals
    # with t = 2.12 and the standard error 16.3
    lower, upper = -2.1 - 2 * 38.8, -2.1 + 2 * 38.8
    assert (round(result.bias, 1), round(result.sd, 1)) == (-2.1, 38.8)
    assert (lower, upper) == pytest.approx((-79.7, 75.5))
    half = 2.12 * round(38.8 * math.sqrt(3 / 17), 1)
    assert (lower - half, lower + half, upper - half, upper + half) == pytest.approx(
        (-114.3, -45.1, 40.9, 110.1), abs=0.05
    )
    # Carkeet, Optom Vis Sci 92:e71 (2015), prints -78.1 and 73.9
    assert (result.lower, result.upper) == pytest.approx((-78.1, 73.9), abs=0.05)


def test_exact_intervals_of_carkeet_2015() -> None:
    # printed from d = -2.1, s = 38.8 with factors cut to four digits
    inner, outer = limit_factors(17, 0.95, 0.95, "exact")
    bounds = (-2.1 - 38.8 * outer, -2.1 - 38.8 * inner, -2.1 + 38.8 * inner, -2.1 + 38.8 * outer)
    assert bounds == pytest.approx((-124.2, -53.1, 48.9, 120.0), abs=0.06)
    pair = limit_factors(17, 0.95, 0.95, "pair")
    assert [38.8 * k for k in pair] == pytest.approx([57.8, 119.6], abs=0.05)


def test_published_outer_bounds_of_simplyagree() -> None:
    # SimplyAgree 0.3.0, tests of agreement_limit(): 109 by the 1999 formula, 122 by MOVER
    assert bland_altman(WRIGHT_1, MINI_1, interval="1999").upper_ci[1] == pytest.approx(
        109, abs=0.5
    )
    assert bland_altman(MINI_1, WRIGHT_1, interval="mover").upper_ci[1] == pytest.approx(
        122, abs=0.5
    )


def test_1986_interval() -> None:
    # 1986: s √(3/n) = 16.3; limits there are bias ± 2 s of rounded values, so only the width
    result = bland_altman(WRIGHT_1, MINI_1, interval="1986")
    assert (result.upper_ci[1] - result.upper_ci[0]) / 2 == pytest.approx(2.12 * 16.3, abs=0.05)


def test_repeatability_of_the_meters() -> None:
    # 1986: within-subject SDs doubled, 43.2 and 56.4 (of rounded SDs 21.6, 28.2); the SD of the
    # differences of the means of two readings is 33.2, corrected for single readings 37.7
    for one, two, printed in ((WRIGHT_1, WRIGHT_2, 43.2), (MINI_1, MINI_2, 56.4)):
        d = np.subtract(one, two)
        assert 2 * math.sqrt(np.mean(d**2)) == pytest.approx(printed, abs=0.1)
    wright, mini = np.add(WRIGHT_1, WRIGHT_2) / 2, np.add(MINI_1, MINI_2) / 2
    assert bland_altman(wright, mini).sd == pytest.approx(33.2, abs=0.05)
    subject = np.tile(np.arange(17), 2)
    single = bland_altman_repeated(
        [*WRIGHT_1, *WRIGHT_2], [*MINI_1, *MINI_2], subject, true_value="constant"
    )
    assert single.sd == pytest.approx(37.7, abs=0.05)


def test_blood_pressures_of_1999() -> None:
    # J1 against S1, pp. 136-142; five digits as printed by blandr (SimplyAgree issue 55)
    table = pressures()
    r = bland_altman(table["J1"], table["S1"], preset="paper")
    assert (r.bias, r.sd, r.sd / math.sqrt(85)) == pytest.approx(
        (-16.29412, 19.61099, 2.127111), abs=1e-5
    )
    assert (r.lower, r.upper) == pytest.approx((-54.73166, 22.14343), abs=1e-5)
    assert r.bias_ci == pytest.approx((-20.5, -12.1), abs=0.05)
    # the article takes 1.96 for t and rounds
    assert (*r.lower_ci, *r.upper_ci) == pytest.approx((-61.9, -47.5, 14.9, 29.3), abs=0.11)
    # blandr: z to all digits within the standard error
    assert (*r.lower_ci, *r.upper_ci) == pytest.approx(
        (-61.98902, -47.4743, 14.88607, 29.40079), abs=1e-4
    )


def test_plasma_volumes_of_1999() -> None:
    table = plasma_volumes()
    columns = table["Nadler"], table["Hurley"]
    r = bland_altman(*columns, scale="ratio", preset="paper")
    assert (math.log(r.bias), math.log(r.lower), math.log(r.upper)) == pytest.approx(
        (0.099, 0.056, 0.141), abs=5e-4
    )
    assert (r.lower, r.upper) == pytest.approx((1.06, 1.15), abs=0.005)
    assert [math.log(c) for c in r.lower_ci] == pytest.approx([0.049, 0.064], abs=6e-4)
    # the article prints a mean ratio of 1.11; exp(0.0989) is 1.104: a slip in rounding
    assert r.bias == pytest.approx(1.104, abs=5e-4)


def test_paper_preset() -> None:
    result = bland_altman(WRIGHT_1, MINI_1, preset="paper")
    assert (result.z, result.interval) == (1.96, "1999")
    assert (result.lower, result.upper) == (
        result.bias - 1.96 * result.sd,
        result.bias + 1.96 * result.sd,
    )
    half = 2.1199052992210112 * result.sd * math.sqrt(1 / 17 + 1.96**2 / 32)  # t(16)
    assert result.upper_ci == pytest.approx((result.upper - half, result.upper + half), rel=1e-12)
    with pytest.raises(ParameterError, match="contradicts"):
        bland_altman(WRIGHT_1, MINI_1, preset="paper", interval="pair")


@pytest.mark.parametrize(
    ("n", "inner", "outer"), [(3, 0.7126, 12.8162), (5, 0.94, 5.97), (27, 1.4272, 2.8148)]
)
def test_exact_factors_at_small_n(n: int, inner: float, outer: float) -> None:
    assert limit_factor(n, 1.959963984540054, 0.025) == pytest.approx(inner, abs=0.05)
    assert limit_factor(n, 1.959963984540054, 0.975) == pytest.approx(outer, abs=0.005)


def test_exact_factor_beyond_the_reach_of_r() -> None:
    # R's qt(ncp > 37.62) gives 2.147088 here; direct integration 2.146006
    assert limit_factor(369, 1.959963984540054, 0.975) == pytest.approx(2.146006, abs=1e-6)
    assert limit_factor(100_000, 1.959963984540054, 0.975) == pytest.approx(1.9706, abs=1e-4)


def test_pair_factor_of_the_nist_handbook() -> None:
    assert pair_factor(43, 0.9, 0.99) == pytest.approx(2.22, abs=0.005)


@pytest.mark.parametrize("option", ["interval", "scale", "x_axis", "infinite", "preset"])
def test_unknown_options_are_refused(option: str) -> None:
    with pytest.raises(ParameterError, match=r"'nothing'.*expected"):
        bland_altman(WRIGHT_1, MINI_1, **{option: "nothing"})


RUNS = 40_000


def means_and_sds(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of many samples of n standard normal differences."""
    rng = np.random.default_rng(n)
    return rng.normal(0, 1 / math.sqrt(n), RUNS), np.sqrt(rng.chisquare(n - 1, RUNS) / (n - 1))


def near(p: float) -> object:
    return pytest.approx(p, abs=3 * math.sqrt(p * (1 - p) / RUNS))


@pytest.mark.parametrize("n", [3, 10, 27, 200])
def test_exact_intervals_cover_as_often_as_they_say(n: int) -> None:
    b, s = means_and_sds(n)
    z = 1.959963984540054
    inner, outer = limit_factors(n, 0.95, 0.95, "exact")
    assert np.mean(b + inner * s > z) == near(0.025)
    assert np.mean(b + outer * s < z) == near(0.025)
    # both together: the content between the bounds
    content = [special.ndtr(b + k * s) - special.ndtr(b - k * s) for k in
               limit_factors(n, 0.95, 0.95, "pair")]  # fmt: skip
    assert np.mean(content[0] >= 0.95) == near(0.025)
    assert np.mean(content[1] >= 0.95) == near(0.975)
    g = two_tail_factor(n, z, 0.95)
    assert np.mean((b + g * s > z) & (b - g * s < -z)) == near(0.95)


@pytest.mark.parametrize(("n", "outside"), [(10, 0.067), (27, 0.052)])
def test_approximations_of_1999_are_too_narrow_outside(n: int, outside: float) -> None:
    """Nominally 2.5 % of the true limits lie beyond the outer bound; 5.2 % do at n = 27."""
    b, s = means_and_sds(n)
    z = 1.959963984540054
    _, outer = limit_factors(n, 0.95, 0.95, "1999")
    assert np.mean(b + outer * s < z) == near(outside)
    _, outer = limit_factors(n, 0.95, 0.95, "1986")
    assert np.mean(b + outer * s < z) > 0.045


def test_mover_covers_about_as_often_as_it_says() -> None:
    b, s = means_and_sds(27)
    inner, outer = limit_factors(27, 0.95, 0.95, "mover")
    z = 1.959963984540054
    assert np.mean((b + inner * s < z) & (z < b + outer * s)) == pytest.approx(0.95, abs=0.005)


def test_missing_pairs_drop_and_are_said() -> None:
    x = [*map(float, WRIGHT_1), math.nan, 1.0]
    y = [*map(float, MINI_1), 2.0, math.nan]
    result = bland_altman(x, y)
    assert result.n == 17
    assert result.upper == bland_altman(WRIGHT_1, MINI_1).upper
    assert any("2 of 19 pairs dropped" in warning for warning in result.warnings)


def test_silence_is_an_error_or_drops_its_pair() -> None:
    x, y = [*map(float, WRIGHT_1), -math.inf], [*map(float, MINI_1), 3.0]
    with pytest.raises(ParameterError, match=r"infinite.*17.*drop"):
        bland_altman(x, y)
    result = bland_altman(x, y, infinite="drop")
    assert result.n == 17
    assert any("infinite value dropped: 17" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.0], [2.0], "at least 2"),
        ([], [], "at least 2"),
        ([1.0, 2.0], [1.0], "agreement.join"),
        (["a", "b"], [1.0, 2.0], "real numbers"),
        ([1j, 2j], [1.0, 2.0], "real numbers"),
        ([[1.0, 2.0]], [[1.0, 2.0]], "average or choose channels"),
    ],
)
def test_unusable_columns(x: list[float], y: list[float], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        bland_altman(x, y)


def test_identical_methods_have_limits_without_width() -> None:
    result = bland_altman([0.1, 0.2, 0.3], [0.0, 0.1, 0.2])
    assert result.sd < 1e-15
    same = bland_altman([1.0, 2.0, 5.0], [1.0, 2.0, 5.0])
    assert (same.sd, same.lower, same.upper, same.bias_ci) == (0.0, 0.0, 0.0, (0.0, 0.0))
    assert any("differences are equal" in warning for warning in same.warnings)


def test_small_samples_are_said_to_be_uninformative() -> None:
    x, y = np.arange(5.0), np.array([0.1, 1.3, 1.9, 3.2, 3.7])
    warnings = " ".join(bland_altman(x, y).warnings)
    assert "only 5 pairs: limits and their intervals rest on little" in warnings
    assert any("use the exact" in w for w in bland_altman(x, y, interval="1999").warnings)
    assert not any("use the exact" in w for w in bland_altman(x, y).warnings)
    assert "not informative" in warnings
    assert not any("informative" in warning for warning in bland_altman(WRIGHT_1, MINI_1).warnings)


def test_ties_are_said() -> None:
    x = np.arange(20.0)
    y = x + np.repeat([0.0, 1.0], 10)
    assert any("tied" in warning for warning in bland_altman(x, y).warnings)


def test_series_of_different_order_are_refused() -> None:
    x = pd.Series([1.0, 2.0, 3.0], index=["a", "b", "c"])
    y = pd.Series([3.0, 2.0, 1.5], index=["c", "b", "a"])
    with pytest.raises(ParameterError, match="never by row order"):
        bland_altman(x, y)
    pairs = join(x, y)
    assert bland_altman(pairs.x, pairs.y, labels=pairs.labels).points.difference.tolist() == [
        -0.5,
        0.0,
        0.0,
    ]
    with pytest.raises(ParameterError, match="more than one value for a"):
        join(pd.Series([1.0, 2.0], index=["a", "a"]), y)
    with pytest.raises(ParameterError, match="more than one row"):
        bland_altman([1.0, 2.0], [2.0, 3.0], labels=["a", "a"])
    with pytest.raises(ParameterError, match="no name in common"):
        join({"a": 1.0}, {"b": 1.0})


def test_ratio_and_percent() -> None:
    x, y = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.1, 1.9, 4.4, 7.0])
    ratio = bland_altman(x, y, scale="ratio", names=("A", "B"))
    assert ratio.direction == "A/B"
    assert ratio.bias == pytest.approx(math.exp(np.log(x / y).mean()))
    assert ratio.points.difference == pytest.approx(x / y)
    assert ratio.proportional["upper"] == pytest.approx(2 * (ratio.upper - 1) / (ratio.upper + 1))
    percent = bland_altman(x, y, scale="percent")
    assert percent.points.difference == pytest.approx(200 * (x - y) / (x + y))
    with pytest.raises(ParameterError, match="no ratio: 1"):
        bland_altman([1.0, 0.0, 2.0], [1.0, 1.0, 1.0], scale="ratio")
    with pytest.raises(ParameterError, match="0 or less"):
        bland_altman([1.0, -3.0, 2.0], [1.0, 1.0, 1.0], scale="percent")
    with pytest.raises(ParameterError, match="exist for scale='ratio' only"):
        _ = percent.proportional


@pytest.mark.parametrize("unit", ["dB", "dB(A)", "phon", "°C"])
def test_units_with_an_arbitrary_zero_have_no_ratios(unit: str) -> None:
    x, y = [60.0, 70.0, 80.0], [61.0, 70.0, 79.0]
    for scale in ("ratio", "percent"):
        with pytest.raises(ParameterError, match="0 is arbitrary"):
            bland_altman(x, y, scale=scale, unit=unit)
    assert bland_altman(x, y, unit=unit).unit == unit
    assert bland_altman(x, y, scale="ratio", unit="sone").unit == "sone"


def test_mappings_are_joined_by_name() -> None:
    x, y = {"a": 1.0, "b": 2.0, "c": 4.0}, {"c": 3.0, "b": 2.5, "d": 1.0, "a": 1.0}
    result = bland_altman(x, y)
    assert result.points.labels == ("a", "b", "c")
    assert result.points.difference.tolist() == [0.0, -0.5, 1.0]
    assert "left out: d" in result.warnings[0]
    with pytest.raises(ParameterError, match="both or none"):
        bland_altman(x, [1.0, 2.0, 3.0])
    with pytest.raises(ParameterError, match="bring their own labels"):
        bland_altman(x, y, labels=["a", "b", "c"])


def test_result_is_plain_data() -> None:
    result = bland_altman(WRIGHT_1, MINI_1, labels=[f"s{i}" for i in range(17)])
    again = json.loads(json.dumps(result.to_dict()))
    assert again["upper_ci"] == list(result.upper_ci)
    assert again["points"]["labels"][0] == "s0"
    assert result.to_frame().set_index("quantity").loc["upper", "ci_high"] == result.upper_ci[1]
    assert list(result.points.to_frame().columns) == ["label", "x", "y", "average", "difference"]


numbers = st.floats(-100, 100, allow_nan=False, width=32)
columns = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=30).map(np.array)


@given(columns, st.sampled_from(["exact", "pair", "1999", "1986", "mover"]))
def test_swapping_the_methods_flips_the_signs(table, interval) -> None:
    x, y = table.T
    one, two = (bland_altman(*c, interval=interval) for c in ((x, y), (y, x)))
    assert two.bias == pytest.approx(-one.bias, abs=1e-9)
    assert two.upper == pytest.approx(-one.lower, abs=1e-9)
    assert two.upper_ci == pytest.approx([-c for c in reversed(one.lower_ci)], abs=1e-9)


@given(columns, numbers, st.floats(0.01, 100))
def test_adding_moves_and_scaling_scales(table, offset, factor) -> None:
    x, y = table.T
    one, moved = bland_altman(x, y), bland_altman(x + offset, y)
    assert moved.sd == pytest.approx(one.sd, abs=1e-9)
    assert moved.bias - one.bias == pytest.approx(offset, abs=1e-9)
    assert moved.lower_ci == pytest.approx([c + offset for c in one.lower_ci], abs=1e-8)
    scaled = bland_altman(factor * x, factor * y)
    assert scaled.upper_ci == pytest.approx(
        [factor * c for c in one.upper_ci], rel=1e-9, abs=1e-8 * factor
    )


@given(columns, st.randoms(use_true_random=False))
def test_row_order_does_not_matter(table, random) -> None:
    order = list(range(len(table)))
    random.shuffle(order)
    one, two = bland_altman(*table.T), bland_altman(*table[order].T)
    assert two.upper_ci == pytest.approx(one.upper_ci, rel=1e-9, abs=1e-9)


# dB
LEVELS = """
62.88 61.075 66.483 62.734 58.25 64.531 71.128 68.63 57.074 53.142 57.637 62.289 45.725 60.468
53.279 56.874 58.19 59.786 64.881 69.298 61.1 71.565 57.344 64.461 68.324 62.658 56.796
"""


@pytest.mark.parametrize("offset", [0.1, 0.3, 1e-3])
@pytest.mark.parametrize("scale", ["difference", "ratio", "percent"])
def test_rounding_errors_are_no_spread(offset: float, scale) -> None:
    x = np.array(LEVELS.split(), dtype=float)
    y = x * (1 + offset) if scale != "difference" else x + offset
    result = bland_altman(y, x, scale=scale)
    assert result.sd == 0.0
    assert result.upper == result.bias == result.lower
    found = diagnose(result)
    assert math.isnan(found.normality_p)
    assert found.trend is None
    assert not found.outliers
    assert all("tied" in doubt for doubt in found.doubts)
    if scale == "difference":
        assert math.isnan(mean_difference(y, x, test="paired").p_value)
        assert math.isnan(agreement_test(y, x, 1.0).limits.p_value)
        assert math.isnan(total_deviation_index(y, x).bound)
        repeated = bland_altman_repeated(y, x, [*range(13), *range(13), 0])
        assert repeated.sd == 0.0


def test_ties_are_found_below_rounding_errors() -> None:
    # steps of 0.1 dB: the differences take three values, in floats more
    rng = np.random.default_rng(1)
    x = rng.integers(500, 700, 60) / 10
    y = x + rng.integers(-1, 2, 60) / 10
    assert np.unique(x - y).size > 3
    assert diagnose(bland_altman(x, y)).distinct == 3


@pytest.mark.parametrize(
    ("n", "content"), [(2, 0.644), (3, 0.768), (5, 0.852), (10, 0.906), (27, 0.935), (60, 0.943)]
)
def test_prediction_interval_is_wider_than_the_limits(n: int, content: float) -> None:
    # limits hold this part of further differences on average (Student's t); the prediction 95 %
    x = np.random.default_rng(n).normal(size=n)
    result = bland_altman(x, np.zeros(n))
    per_sd = math.sqrt(1 + 1 / n)
    ratio = (result.upper - result.bias) / result.sd / per_sd
    assert 2 * special.stdtr(n - 1, ratio) - 1 == pytest.approx(content, abs=1e-3)
    wide = (result.prediction[1] - result.bias) / result.sd / per_sd
    assert 2 * special.stdtr(n - 1, wide) - 1 == pytest.approx(0.95)


def test_pairs_without_a_name_are_left_out_or_refused() -> None:
    nan = float("nan")
    joined = join({"a": 1.0, "b": 2.0, nan: 9.0}, {"a": 1.5, "b": 2.5, None: 7.0})
    assert joined.n == 2
    assert "1 value(s) of x and 1 of y without a name" in joined.warnings[0]
    with pytest.raises(ParameterError, match="1 of 3 pairs have no label"):
        bland_altman([1.0, 2.0, 3.0], [1.0, 2.5, 3.0], labels=["a", None, "c"])

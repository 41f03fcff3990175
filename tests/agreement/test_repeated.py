"""Repeated measurements: published numbers, and coverage by simulation."""

import json
import math

import numpy as np
import pandas as pd
import published_data
import pytest

from soundcal.agreement import bland_altman, bland_altman_repeated
from soundcal.errors import ParameterError


@pytest.fixture
def cardiac() -> pd.DataFrame:
    """Cardiac output in l/min, 12 subjects, 60 pairs: Bland & Altman 1999, table 4."""
    return published_data.cardiac()


@pytest.fixture
def pressures() -> pd.DataFrame:
    """Three blood pressures by each of two observers (J, S), 85 subjects, one row per reading."""
    wide = published_data.pressures()
    rows = [
        pd.DataFrame({"subject": wide["subject"], "J": wide[f"J{i}"], "S": wide[f"S{i}"]})
        for i in (1, 2, 3)
    ]
    return pd.concat(rows)


def test_constant_true_value_as_in_1999(cardiac: pd.DataFrame) -> None:
    r = bland_altman_repeated(
        cardiac["RV"], cardiac["IC"], cardiac["subject"], true_value="constant", preset="paper"
    )
    # the article: within variances 0.1072 and 0.1379, bias 0.7092, SD 1.0517 (of rounded terms)
    assert (r.bias, r.sd) == pytest.approx((0.7092, 1.0517), abs=2e-4)
    assert (r.lower, r.upper) == pytest.approx((-1.3521, 2.7705), abs=6e-4)
    k = 0.7902778  # 1 - mean(1/m), Bland & Altman 2007
    parts = {part.name: part.variance for part in r.components}
    assert parts["subject means"] == pytest.approx(0.91269114, abs=2e-7)
    assert parts["repeats of x"] / k == pytest.approx(0.1072, abs=5e-5)
    assert parts["repeats of y"] / k == pytest.approx(0.1379, abs=5e-5)


def test_constant_and_varying_true_value_as_in_2007(cardiac: pd.DataFrame) -> None:
    # Bland & Altman, J Biopharm Stat 17:571-582 (2007)
    columns = (cardiac["RV"], cardiac["IC"], cardiac["subject"])
    constant = bland_altman_repeated(
        *columns, true_value="constant", bias="measurements", preset="paper"
    )
    assert (constant.bias, constant.sd) == pytest.approx((0.6021667, 1.0518506), abs=2e-7)
    assert (constant.lower, constant.upper) == pytest.approx((-1.4594605, 2.6637939), abs=1e-6)
    varying = bland_altman_repeated(
        *columns, bias="measurements", estimator="anova", preset="paper"
    )
    assert varying.bias == pytest.approx(0.6021667, abs=1e-7)
    assert varying.sd == pytest.approx(0.99062408, abs=1e-6)
    assert (varying.lower, varying.upper) == pytest.approx((-1.3394565, 2.5437899), abs=1e-6)
    between, within = varying.components
    assert between.variance * 4.9818182 == pytest.approx(4.2090856, abs=1e-5)
    assert within.variance / (1 - 1 / 4.9818182) == pytest.approx(0.170714026, abs=1e-6)
    # the wrong analysis, which takes all rows for independent: 0.9610571
    wrong = bland_altman(cardiac["RV"].to_numpy(), cardiac["IC"].to_numpy())
    assert wrong.sd == pytest.approx(0.9610571, abs=1e-6)


def test_mover_of_zou_with_unequal_numbers_of_repeats(cardiac: pd.DataFrame) -> None:
    # computed by an independent implementation of Zou 2013
    columns = (cardiac["RV"], cardiac["IC"], cardiac["subject"])
    r = bland_altman_repeated(*columns, estimator="means", preset="paper")
    assert (r.bias, r.lower, r.upper) == pytest.approx((0.70923611, -1.29687213, 2.71534435))
    assert r.lower_ci == pytest.approx((-2.662969247, -0.561063951))
    assert r.upper_ci == pytest.approx((1.979536174, 4.081441470))


def test_three_readings_of_1999(pressures: pd.DataFrame) -> None:
    r = bland_altman_repeated(
        pressures["J"],
        pressures["S"],
        pressures["subject"],
        true_value="constant",
        interval="1999",
        preset="paper",
    )
    assert (r.bias, r.sd) == pytest.approx((-15.62, 20.95), abs=0.005)
    assert (r.lower, r.upper) == pytest.approx((-56.68, 25.44), abs=0.011)
    means, x_part, y_part = r.components
    assert (x_part.variance * 1.5, y_part.variance * 1.5) == pytest.approx(
        (37.408, 83.141), abs=5e-4
    )
    assert means.variance == pytest.approx(358.493, abs=1.1e-3)
    assert r.sd**2 == pytest.approx(438.859, abs=1.1e-3)
    assert (*r.lower_ci, *r.upper_ci) == pytest.approx(
        (-63.18279852, -50.17629883, 18.93708315, 31.94358283), abs=2e-4
    )
    # The article prints -63.5, -49.9, 18.7, 32.2, because it takes the variance of a single
    # difference over n for that of the bias, instead of the variance of the means over n.
    spread = sum(2 * c.variance**2 / c.df for c in r.components) / (4 * r.sd**2)
    half = 1.96 * math.sqrt(r.sd**2 / 85 + 1.96**2 * spread)
    assert (r.lower - half, r.lower + half, r.upper - half, r.upper + half) == pytest.approx(
        (-63.5, -49.9, 18.7, 32.2), abs=0.06
    )


def two_ears(rng: np.random.Generator, correlation: float, ear: float = 0.0) -> np.ndarray:
    """Differences of 27 stimuli at two ears, shape (27, 2), of bias 0 and SD 1."""
    common = rng.normal(0, math.sqrt(correlation), (27, 1))
    return common + rng.normal(0, math.sqrt(1 - correlation), (27, 2)) + [ear, -ear]


def test_intervals_cover_the_truth_with_two_ears() -> None:
    rng = np.random.default_rng(6)
    subject = np.repeat(np.arange(27), 2)
    runs = 600
    bias = upper = rows = 0
    for _ in range(runs):
        d = two_ears(rng, 0.6).ravel()
        r = bland_altman_repeated(d, np.zeros(54), subject)
        bias += r.bias_ci[0] < 0 < r.bias_ci[1]
        upper += r.upper_ci[0] < 1.959964 < r.upper_ci[1]
        naive = bland_altman(d, np.zeros(54)).bias_ci
        rows += naive[0] < 0 < naive[1]
    error = 3 * math.sqrt(0.95 * 0.05 / runs)
    assert bias / runs == pytest.approx(0.95, abs=error)
    assert upper / runs == pytest.approx(0.95, abs=error)
    # 54 rows taken for independent: 88 %
    assert rows / runs == pytest.approx(0.88, abs=3 * math.sqrt(0.88 * 0.12 / runs))


def test_fixed_effect_of_the_ear_is_taken_out() -> None:
    rng = np.random.default_rng(1)
    d = two_ears(rng, 0.9, ear=0.5)
    subject, ear = np.repeat(np.arange(27), 2), np.tile(["left", "right"], 27)
    plain = bland_altman_repeated(d.ravel(), np.zeros(54), subject)
    r = bland_altman_repeated(d.ravel(), np.zeros(54), subject, replicate=ear)
    assert r.by_replicate == pytest.approx(dict(zip(("left", "right"), d.mean(0), strict=True)))
    assert r.bias == pytest.approx(plain.bias)
    centred = d - d.mean(0)
    residual = centred - centred.mean(1, keepdims=True)
    within = float((residual**2).sum()) / 26
    between = 2 * d.mean(1).var(ddof=1)
    assert r.sd**2 == pytest.approx((between - within) / 2 + within)
    assert r.sd < plain.sd
    with pytest.raises(ParameterError, match="exactly once"):
        bland_altman_repeated(d.ravel(), np.zeros(54), subject, replicate=["left"] * 54)


def test_missing_rows_and_refusals() -> None:
    x = [1.0, 2.0, math.nan, 3.0, 4.0, 9.0]
    y = [1.5, 2.0, 3.0, 3.5, 4.2, math.nan]
    subject = ["a", "a", "a", "b", "b", "c"]
    varying = bland_altman_repeated(x, y, subject)
    assert (varying.n, varying.subjects) == (4, 2)
    assert "2 of 6 rows dropped" in varying.warnings[0]
    constant = bland_altman_repeated(x, y, subject, true_value="constant")
    assert (constant.n, constant.subjects) == (5, 2)
    assert constant.points.labels == ("a", "b")
    with pytest.raises(ParameterError, match="equally often"):
        bland_altman_repeated(x, y, subject, true_value="constant", bias="measurements")
    with pytest.raises(ParameterError, match="use bland_altman"):
        bland_altman_repeated([1.0, 2.0, 4.0], [1.0, 3.0, 3.0], ["a", "b", "c"])
    with pytest.raises(ParameterError, match="at least 2"):
        bland_altman_repeated([1.0, 2.0], [1.0, 3.0], ["a", "a"])
    with pytest.raises(ParameterError, match="infinite"):
        bland_altman_repeated([1.0, math.inf], [1.0, 3.0], ["a", "b"])
    with pytest.raises(ParameterError, match="'nothing'"):
        bland_altman_repeated(x, y, subject, true_value="nothing")


def test_equal_numbers_of_repeats_make_both_estimators_equal_and_results_are_data() -> None:
    d = two_ears(np.random.default_rng(2), 0.5).ravel()
    subject = np.repeat(np.arange(27), 2)
    anova = bland_altman_repeated(d, np.zeros(54), subject)
    means = bland_altman_repeated(d, np.zeros(54), subject, estimator="means")
    assert anova.sd == pytest.approx(means.sd)
    assert anova.upper_ci == pytest.approx(means.upper_ci)
    swapped = bland_altman_repeated(np.zeros(54), d, subject)
    assert swapped.lower_ci == pytest.approx((-anova.upper_ci[1], -anova.upper_ci[0]))
    assert json.loads(json.dumps(anova.to_dict()))["components"][0]["df"] == 26


def test_less_spread_between_than_within_is_said() -> None:
    d = np.tile([1.0, -1.0], 10) + np.linspace(0, 0.01, 20)
    r = bland_altman_repeated(d, np.zeros(20), np.repeat(np.arange(10), 2), estimator="anova")
    assert len(r.components) == 1
    assert "set to 0" in r.warnings[0]


ROWS = {
    "two with 20": [1] * 10 + [20] * 2,
    "seven with 10": [1] * 20 + [10] * 7,
    "three with 10": [2] * 9 + [10] * 3,
}


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS.keys())
@pytest.mark.parametrize("within", [0.3, 1.0])
def test_intervals_cover_with_very_unequal_numbers_of_rows(rows: list[int], within: float) -> None:
    rng = np.random.default_rng(9)
    subject = np.repeat(np.arange(len(rows)), rows)
    limit = 1.959964 * math.hypot(1.0, within)
    upper, bias, all_rows = [], [], []
    for _ in range(600):
        d = rng.normal(0, 1, len(rows))[subject] + rng.normal(0, within, subject.size)
        r = bland_altman_repeated(d, np.zeros(d.size), subject)
        upper.append(r.upper_ci[0] < limit < r.upper_ci[1])
        bias.append(r.bias_ci[0] < 0 < r.bias_ci[1])
        other = bland_altman_repeated(d, np.zeros(d.size), subject, bias="measurements")
        all_rows.append(other.bias_ci[0] < 0 < other.bias_ci[1])
    error = 3 * math.sqrt(0.95 * 0.05 / 600)
    assert np.mean(upper) == pytest.approx(0.95, abs=error)
    assert np.mean(bias) == pytest.approx(0.95, abs=error)
    assert np.mean(all_rows) > 0.95 - error  # 0.70 with the degrees of freedom of the subjects


def test_unsuitable_estimators_of_unequal_numbers_are_named() -> None:
    subject = np.repeat(np.arange(12), ROWS["two with 20"])
    d = np.random.default_rng(2).normal(size=50)
    quiet = bland_altman_repeated(d, np.zeros(50), subject)
    assert not quiet.warnings
    loud = bland_altman_repeated(
        d, np.zeros(50), subject, estimator="anova", bias="measurements"
    ).warnings
    assert any("take estimator='means'" in text for text in loud)
    assert any("take bias='subjects'" in text for text in loud)


@pytest.mark.parametrize("nobody", [None, math.nan, pd.NA, pd.NaT])
def test_rows_without_a_subject_are_dropped_and_counted(nobody) -> None:
    subject = ["a", "a", nobody, nobody, "b", "b"]
    r = bland_altman_repeated([1, 2, 4, 4, 5, 6], [1, 1, 2, 3, 3, 4], subject)
    assert r.subjects == 2
    assert r.n == 4
    assert "2 of 6 rows dropped, which name no subject" in r.warnings[0]


def test_limits_that_hold_hardly_a_single_difference_say_so() -> None:
    rng = np.random.default_rng(3)
    d = np.array([1.0, -1.0]) + rng.normal(0, 0.2, (27, 2))
    ears = np.tile(["left", "right"], 27)
    subject = np.repeat(np.arange(27), 2)
    r = bland_altman_repeated(d.ravel(), np.zeros(54), subject, replicate=ears)
    (text,) = r.warnings
    assert "hold 2 % of the 54 single differences" in text
    assert "left 0." in text
    alike = bland_altman_repeated((d - [1.0, -1.0]).ravel(), np.zeros(54), subject, replicate=ears)
    assert not alike.warnings


def test_prediction_holds_the_next_difference() -> None:
    rng = np.random.default_rng(4)
    subject = np.repeat(np.arange(8), 3)
    hit = []
    for _ in range(800):
        d = rng.normal(0, 1, 8)[subject] + rng.normal(0, 0.5, 24)
        low, high = bland_altman_repeated(d, np.zeros(24), subject).prediction
        hit.append(low < rng.normal(0, math.hypot(1, 0.5)) < high)
    assert np.mean(hit) == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 800))

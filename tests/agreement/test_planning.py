"""Tests against an allowable difference, power and sample sizes."""

import math

import numpy as np
import pytest

from soundcal.agreement import (
    agreement_test,
    bland_altman,
    power,
    sample_size,
    sample_size_for_width,
)
from soundcal.errors import ParameterError

LU = (0.001167, 0.001129, 0.004)
"""Bias, SD and delta of the example of Lu et al., Int J Biostat 12(2) (2016)."""


def test_sample_size_of_lu_2016() -> None:
    assert sample_size(*LU, interval="1999") == 83
    assert sample_size(*LU) == 97
    assert sample_size(*LU, sides=1) == 76
    # other tools: 79, by a noncentral t approximation that overstates the power
    assert power(79, *LU, interval="1999") == pytest.approx(0.786, abs=5e-4)
    assert power(83, *LU, interval="1999") >= 0.8 > power(82, *LU, interval="1999")


@pytest.mark.parametrize("interval", ["exact", "pair", "1999", "1986", "mover"])
def test_power_by_simulation(interval) -> None:
    rng = np.random.default_rng(1)
    n, runs = 60, 800
    d = rng.normal(LU[0], LU[1], (runs, n))
    results = [bland_altman(row, np.zeros(n), interval=interval) for row in d]
    found = np.mean([-LU[2] < r.lower_ci[0] and r.upper_ci[1] < LU[2] for r in results])
    p = power(n, *LU, interval=interval)
    assert found == pytest.approx(p, abs=3 * math.sqrt(p * (1 - p) / runs))


def test_claims_reject_at_their_level_at_the_edge() -> None:
    """At the edge of each claim it is concluded falsely with probability alpha."""
    rng = np.random.default_rng(2)
    n, runs, z = 12, 2000, 1.959963984540054
    d = rng.normal(0, 1, (runs, n))
    error = 3 * math.sqrt(0.05 * 0.95 / runs)
    # far from 0, one limit only can fail: its edge lies at bias + z
    shifted = [agreement_test(row + 20, np.zeros(n), 20 + z) for row in d]
    assert np.mean([t.limits.concluded for t in shifted]) == pytest.approx(0.05, abs=error)
    centred = [agreement_test(row, np.zeros(n), z) for row in d]
    assert np.mean([t.content.concluded for t in centred]) == pytest.approx(0.05, abs=error)
    mean = [agreement_test(row + 20, np.zeros(n), 20.0) for row in d]
    assert np.mean([t.mean_bias.concluded for t in mean]) == pytest.approx(0.05, abs=error)
    for test in shifted[:50] + centred[:50] + mean[:50]:
        for claim in (test.limits, test.content, test.mean_bias):
            assert (claim.p_value < 0.05) == claim.concluded


def test_a_limit_is_shown_to_lie_outside_at_its_level_and_never_with_both_within() -> None:
    rng = np.random.default_rng(7)
    n, runs, z = 12, 2000, 1.959963984540054
    # far from 0, only the upper limit can be shown to lie outside: half the level
    at_edge = [agreement_test(row + 20, np.zeros(n), 20 + z) for row in rng.normal(size=(runs, n))]
    found = np.mean([test.is_beyond for test in at_edge])
    assert found == pytest.approx(0.025, abs=3.5 * math.sqrt(0.025 * 0.975 / runs))
    assert not any(test.is_beyond and test.limits.concluded for test in at_edge)
    assert agreement_test(np.arange(9.0) + 3.0, np.arange(9.0), 2.0).is_beyond
    assert not agreement_test(np.arange(9.0) + 1.0, np.arange(9.0), 2.0).is_beyond


def test_limits_are_the_one_sided_bounds() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 27))
    test = agreement_test(x, y, 10.0, alpha=0.025)
    result = bland_altman(x, y)
    assert test.limits.bounds == pytest.approx((result.lower_ci[0], result.upper_ci[1]))
    frame = test.to_frame()
    assert frame["name"].tolist() == ["limits", "content", "mean bias"]
    assert frame["delta"].eq(10.0).all()


def test_no_spread_has_no_p_value() -> None:
    test = agreement_test([1.0, 2.0, 3.0], [0.5, 1.5, 2.5], 1.0)
    assert test.limits.concluded
    assert math.isnan(test.limits.p_value)
    assert "no p values" in test.warnings[0]


def test_width_by_simulation() -> None:
    n = sample_size_for_width(2.5, 1.0, assurance=0.9)
    from soundcal.agreement.intervals import normal_quantile, two_tail_factor

    rng = np.random.default_rng(4)
    g = two_tail_factor(n, normal_quantile(0.95), 0.95)
    s = rng.normal(size=(4000, n)).std(axis=1, ddof=1)
    assert np.mean(g * s <= 2.5) == pytest.approx(0.9, abs=0.015)
    few = sample_size_for_width(2.5, 1.0)
    g = two_tail_factor(few, normal_quantile(0.95), 0.95)
    assert g * rng.normal(size=(4000, few)).std(axis=1, ddof=1).mean() < 2.5
    # both limits inside with confidence 95 %
    d = rng.normal(size=(4000, few))
    b, s = d.mean(axis=1), d.std(axis=1, ddof=1)
    z = normal_quantile(0.95)
    covered = np.mean((b - g * s < -z) & (b + g * s > z))
    assert covered == pytest.approx(0.95, abs=0.0104)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: agreement_test([1, 2], [1, 3], 0.0), "above 0"),
        (lambda: agreement_test([1, 2], [1, 3], 1.0, alpha=1.0), "alpha 1.0"),
        (lambda: sample_size(0.0, 1.0, 1.5), "no number of pairs"),
        (lambda: sample_size(0.0, 1.0, 1.9599640), "more than 1000000 pairs"),
        (lambda: sample_size(0.0, 0.0, 1.5), "standard deviation above 0"),
        (lambda: sample_size(0.0, 1.0, 5.0, sides=3), "1 or 2 sides"),
        (lambda: sample_size(0.0, 1.0, 5.0, power=1.0), "power 1.0"),
        (lambda: sample_size(0.0, 1.0, 5.0, interval="z"), "interval 'z'"),
        (lambda: sample_size_for_width(1.9, 1.0), "half width"),
    ],
)
def test_refusals(call, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        call()

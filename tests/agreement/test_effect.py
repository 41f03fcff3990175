"""Standardized differences, and the differences that a study could have shown."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import chi2, norm
from statsmodels.stats.power import TTestPower

from soundcal.agreement import (
    agreement_test,
    detectable_delta,
    detectable_difference,
    mean_difference,
    power,
    standardized_difference,
)
from soundcal.errors import ParameterError


def pairs_of(mean: float, sd: float, n: int) -> np.ndarray:
    """Return n differences with exactly this mean and standard deviation."""
    d = np.random.default_rng(n).normal(size=n)
    return mean + sd * (d - d.mean()) / d.std(ddof=1)


def below(t: float, nu: int, nc: float) -> float:
    """Return the noncentral t distribution by direct integration over the spread."""

    def part(q: float) -> float:
        return float(norm.cdf(t * math.sqrt(chi2.ppf(q, nu) / nu) - nc))

    return float(quad(part, 0.0, 1.0, epsabs=1e-10, limit=200)[0])


@pytest.mark.parametrize(("n", "d"), [(4, 1.9), (10, -0.4), (27, 0.0), (27, 3.0), (200, 0.2)])
def test_interval_solves_the_noncentral_t_distribution(n: int, d: float) -> None:
    found = standardized_difference(pairs_of(d, 1.0, n), np.zeros(n))
    assert found.d == pytest.approx(d, abs=1e-12)
    root = math.sqrt(n)
    low, high = found.ci
    assert below(d * root, n - 1, low * root) == pytest.approx(0.975, abs=1e-7)
    assert below(d * root, n - 1, high * root) == pytest.approx(0.025, abs=1e-7)


def test_correction_of_hedges() -> None:
    """The factor is 1 - 3/(4 ν - 1) in Hedges' own approximation, good to 0.0004 at ν = 10."""
    for n in (11, 28, 101):
        found = standardized_difference(pairs_of(0.5, 1.0, n), np.zeros(n))
        assert found.g / found.d == pytest.approx(1.0 - 3.0 / (4.0 * (n - 1) - 1.0), abs=4e-4)
    assert math.isnan(standardized_difference([1.0, 2.1], [0.8, 2.0]).g)


@pytest.mark.parametrize("runs", [800, pytest.param(4000, marks=pytest.mark.long)])
def test_corrected_estimate_has_no_bias_and_the_interval_its_coverage(runs: int) -> None:
    rng = np.random.default_rng(3)
    n, true = 8, 0.7
    d = rng.normal(true, 1.0, (runs, n))
    found = [standardized_difference(row, np.zeros(n)) for row in d]
    g = np.array([one.g for one in found])
    assert g.mean() == pytest.approx(true, abs=3.5 * g.std() / math.sqrt(runs))
    covered = np.mean([one.ci[0] <= true <= one.ci[1] for one in found])
    assert covered == pytest.approx(0.95, abs=3.5 * math.sqrt(0.95 * 0.05 / runs))


def test_difference_without_spread_has_no_size() -> None:
    found = standardized_difference([1.0, 2.0, 3.0], [0.5, 1.5, 2.5])
    assert math.isnan(found.d)
    assert math.isnan(found.ci[0])
    assert "all differences are equal" in found.warnings[0]


@pytest.mark.parametrize("n", [10, 27, 400])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("wanted", [0.8, 0.9])
def test_detectable_difference_has_the_power_by_statsmodels(n, alpha, wanted) -> None:
    found = detectable_difference(n, 2.0, alpha=alpha, power=wanted)
    assert TTestPower().power(found / 2.0, n, alpha) == pytest.approx(wanted, abs=1e-9)


def test_detectable_difference_of_two_pairs() -> None:
    """The far tail of the noncentral t distribution, where scipy has no value, is left out."""
    found = detectable_difference(2, 1.0)
    edge = 12.706204736432095
    nc = found * math.sqrt(2)
    assert below(-edge, 1, nc) + 1 - below(edge, 1, nc) == pytest.approx(0.8, abs=1e-6)


def test_paired_test_finds_the_detectable_difference_as_often_as_stated() -> None:
    rng = np.random.default_rng(4)
    runs, n = 3000, 12
    d = rng.normal(detectable_difference(n, 1.0), 1.0, (runs, n))
    found = np.mean([mean_difference(row, np.zeros(n), test="paired").p_value < 0.05 for row in d])
    assert found == pytest.approx(0.8, abs=3.5 * math.sqrt(0.16 / runs))


def test_agreement_is_shown_within_the_detectable_delta_as_often_as_stated() -> None:
    rng = np.random.default_rng(5)
    runs, n = 2000, 12
    delta = detectable_delta(n, 1.0, bias=0.5)
    d = rng.normal(0.5, 1.0, (runs, n))
    found = np.mean([agreement_test(row, np.zeros(n), delta).limits.concluded for row in d])
    assert found == pytest.approx(0.8, abs=3.5 * math.sqrt(0.16 / runs))


@given(
    n=st.integers(2, 300),
    bias=st.floats(-3.0, 3.0),
    sd=st.floats(0.01, 100.0),
    wanted=st.floats(0.1, 0.99),
)
def test_detectable_delta_has_the_power_that_planning_states(n, bias, sd, wanted) -> None:
    delta = detectable_delta(n, sd, bias=bias, power=wanted)
    assert power(n, bias, sd, delta, sides=1) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: detectable_difference(1, 1.0), "at least 2"),
        (lambda: detectable_difference(9, 0.0), "above 0"),
        (lambda: detectable_difference(9, 1.0, power=0.05), "power above alpha"),
        (lambda: detectable_delta(9, 1.0, alpha=0.5, power=0.8), "alpha below 0.5"),
        (lambda: detectable_delta(9, 1.0, bias=math.nan), "finite bias"),
        (lambda: standardized_difference([1.0], [2.0]), "at least 2"),
        (lambda: standardized_difference([1.0, 2.0], [2.0, 1.0], confidence=95), "fraction"),
    ],
)
def test_unusable_arguments_are_refused(call, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        call()


def test_constant_difference_with_rounding_has_a_size_at_once() -> None:
    """t in the millions, where scipy's noncentral t takes minutes."""
    x = np.array([1.0, 2.0, 3.0]) + 1e-8 * np.array([1.0, 2.0, -1.0])
    found = standardized_difference(x, [0.0, 1.0, 2.0])
    # without the error of the mean, the interval is that of the standard deviation
    low, high = (found.d * math.sqrt(chi2.ppf(p, 2) / 2) for p in (0.025, 0.975))
    assert found.ci == pytest.approx((low, high), rel=1e-6)

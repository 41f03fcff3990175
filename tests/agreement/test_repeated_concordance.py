"""Concordance of single measurements from repeated ones: special cases, a model, coverage."""

import math

import numpy as np
import pandas as pd
import published_data
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from soundcal.agreement import bland_altman_repeated, concordance_repeated, icc
from soundcal.errors import ParameterError

NAN = math.nan


def ears(k: int, m: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Two methods with a difference of 0.3, m rows of k subjects whose true values differ."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(k, 1)) + 0.5 * rng.normal(size=(k, m))
    x = true + 0.2 * rng.normal(size=(k, 1)) + 0.3 * rng.normal(size=(k, m)) + 0.3
    y = true + 0.2 * rng.normal(size=(k, 1)) + 0.3 * rng.normal(size=(k, m))
    return x.ravel(), y.ravel(), np.repeat(np.arange(k), m).tolist()


def test_one_row_per_subject_is_the_icc_of_absolute_agreement() -> None:
    x, y = np.array(published_data.WRIGHT_1), np.array(published_data.MINI_1)
    for true_value in ("constant", "varying"):
        found = concordance_repeated(x, y, range(17), true_value=true_value)
        assert found.ccc == pytest.approx(icc(np.column_stack([x, y]), "A,1").icc)
        assert found.precision == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_components_of_the_peak_flows() -> None:
    """17 people, twice by two meters: Bland & Altman 1986. Mean squares by hand."""
    x = np.array([published_data.WRIGHT_1, published_data.WRIGHT_2])
    y = np.array([published_data.MINI_1, published_data.MINI_2])
    found = concordance_repeated(x.ravel(), y.ravel(), [*range(17)] * 2, true_value="constant")
    within = [float(np.mean((side[0] - side[1]) ** 2)) / 2 for side in (x, y)]
    means = np.cov(x.mean(axis=0), y.mean(axis=0))
    v_x, v_y = means[0, 0] + within[0] / 2, means[1, 1] + within[1] / 2
    shift = float(x.mean() - y.mean())
    of_shift = (means[0, 0] + means[1, 1] - 2 * means[0, 1]) / 17
    expected = 2 * means[0, 1] / (v_x + v_y + shift**2 - of_shift)
    assert found.ccc == pytest.approx(expected)
    assert (found.n, found.subjects, found.true_value) == (34, 17, "constant")
    assert found.precision == pytest.approx(means[0, 1] / math.sqrt(v_x * v_y))


@given(st.integers(0, 10_000), st.integers(4, 12), st.integers(1, 4), st.booleans())
def test_what_does_not_agree_is_the_variance_of_the_differences(
    seed: int, k: int, m: int, constant: bool
) -> None:
    x, y, subject = ears(k, m, seed)
    true_value = "constant" if constant else "varying"
    found = concordance_repeated(x, y, subject, true_value=true_value)
    if m > 1:
        limits = bland_altman_repeated(x, y, subject, true_value=true_value)
        sd, bias = limits.sd, limits.bias
    else:
        sd, bias = float((x - y).std(ddof=1)), float((x - y).mean())
    means = (x - y).reshape(k, m).mean(axis=1)
    # 1 - CCC = (sd² + δ²)/(v_x + v_y + δ²), CCC = 2 c/(v_x + v_y + δ²), v_x + v_y = sd² + 2 c
    apart = sd**2 + bias**2 - means.var(ddof=1) / k
    whole = apart / (1 - found.ccc)
    within = {"constant": 0.0, "varying": 1.0}[true_value]
    cells = [side.reshape(k, m) for side in (x, y)]
    centred = [cell - cell.mean(axis=1, keepdims=True) for cell in cells]
    inside = float((centred[0] * centred[1]).sum()) / max(k * (m - 1), 1) * (1 - 1 / m)
    shared = float(np.cov(*(cell.mean(axis=1) for cell in cells))[0, 1]) + within * inside
    assert found.ccc * whole == pytest.approx(2 * shared)
    # neither unit nor offset matters
    again = concordance_repeated(-3 * x + 7, -3 * y + 7, subject, true_value=true_value)
    assert again.ccc == pytest.approx(found.ccc)
    assert again.ci == pytest.approx(found.ci, nan_ok=True)


def test_the_jackknife_leaves_subjects_out_of_very_unequal_rows() -> None:
    data = published_data.cardiac()
    columns = [data[name].to_numpy() for name in ("RV", "IC", "subject")]
    for true_value in ("constant", "varying"):
        found = concordance_repeated(*columns, true_value=true_value)
        left = []
        for name in np.unique(columns[2]):
            rest = [column[columns[2] != name] for column in columns]
            left.append(concordance_repeated(*rest, true_value=true_value).ccc)
        pseudo = 12 * math.atanh(found.ccc) - 11 * np.arctanh(left)
        half = stats.t.ppf(0.975, 11) * pseudo.std(ddof=1) / math.sqrt(12)
        z = math.atanh(found.ccc)
        assert found.ci == pytest.approx((math.tanh(z - half), math.tanh(z + half)))


def test_missing_repeats() -> None:
    x, y = [1.0, 2.0, 4.0, 4.1, 6.0, 7.0], [1.0, NAN, 3.0, 5.0, 6.0, NAN]
    constant = concordance_repeated(x, y, list("aabbcc"), true_value="constant")
    assert (constant.n, constant.subjects) == (6, 3)
    varying = concordance_repeated(x, y, list("aabbcc"))
    assert (varying.n, varying.subjects) == (4, 3)
    assert "2 of 6 rows dropped" in varying.warnings[0]
    assert isinstance(varying.to_frame(), pd.DataFrame)


def test_refusals_and_what_has_no_interval() -> None:
    same = concordance_repeated([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], range(4))
    assert same.ccc == pytest.approx(1.0)
    assert math.isnan(same.ci[0])
    assert "no interval" in same.warnings[-1]
    with pytest.raises(ParameterError, match="at least 3"):
        concordance_repeated([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.5], [1, 1, 2, 2])
    with pytest.raises(ParameterError, match="all measurements of one method are equal"):
        concordance_repeated([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], range(3))
    with pytest.raises(ParameterError, match="true_value"):
        concordance_repeated([1.0, 1.5, 1.0], [1.0, 2.0, 3.0], range(3), true_value="linked")

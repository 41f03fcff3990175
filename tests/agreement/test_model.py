"""The model of single differences: closed forms as special cases, brute force, coverage."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from soundcal.agreement import (
    bland_altman,
    bland_altman_repeated,
    difference_model,
    sample_size,
)
from soundcal.errors import ParameterError

Z = 1.959963984540054


def nested(
    seed: int,
    shape: tuple[int, int, int] = (27, 2, 2),
    power: float = 1.0,
    sds: tuple[float, float, float] = (1.0, 0.5, 0.3),
    slope: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, list[int], list[int]]:
    """Stimuli, ears and takes; the bias is 0.3 + slope A, the spread follows A^power."""
    rng = np.random.default_rng(seed)
    k, parts, repeats = shape
    size = np.exp(rng.normal(0, 0.6, (k, 1, 1)))
    effects = (
        sds[0] * rng.normal(size=(k, 1, 1))
        + sds[1] * rng.normal(size=(k, parts, 1))
        + sds[2] * rng.normal(size=shape)
    )
    d = 0.3 + slope * size + size**power * effects
    subject = np.repeat(np.arange(k), parts * repeats).tolist()
    part = np.tile(np.repeat(np.arange(parts), repeats), k).tolist()
    return (size + d / 2).ravel(), (size - d / 2).ravel(), subject, part


def test_single_rows_are_the_plain_limits_with_their_exact_intervals() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(60, 5, 27)
    y = x + rng.normal(0.2, 1, 27)
    plain = bland_altman(x, y)
    model = difference_model(x, y, range(27), spread="constant", at=[60.0], draws=200_000)
    assert model.bias[0] == pytest.approx(plain.bias)
    assert (model.lower[0], model.upper[0]) == pytest.approx((plain.lower, plain.upper))
    assert model.levels[0].sd == pytest.approx(plain.sd)
    assert model.bias_ci[0] == pytest.approx(plain.bias_ci, abs=0.01)
    assert model.upper_ci[0] == pytest.approx(plain.upper_ci, abs=0.02)
    assert model.lower_ci[0] == pytest.approx(plain.lower_ci, abs=0.02)
    assert math.isnan(model.power_ci[0])
    assert model.power == 0.0


@pytest.mark.parametrize("ears", [False, True])
def test_one_level_within_is_the_closed_form_of_repeated_measurements(ears: bool) -> None:
    x, y, subject, part = nested(2, (27, 2, 1) if ears else (27, 1, 2), power=0.0)
    plain = bland_altman_repeated(x, y, subject)
    model = difference_model(x, y, subject, part, spread="constant")
    assert model.bias == pytest.approx([plain.bias] * 3)
    assert model.upper == pytest.approx([plain.upper] * 3)
    between, within = plain.components
    assert model.levels[1].sd == pytest.approx(math.sqrt(within.variance * 2))
    assert model.levels[0].sd ** 2 + model.levels[1].sd ** 2 == pytest.approx(plain.sd**2)
    assert [level.df for level in model.levels] == [between.df, within.df]
    # MOVER and generalized pivots are different approximations
    assert model.upper_ci[0] == pytest.approx(plain.upper_ci, abs=0.1)


def test_components_are_those_of_a_mixed_model() -> None:
    import pandas as pd
    from statsmodels.regression.mixed_linear_model import MixedLM

    x, y, subject, part = nested(3, power=0.0)
    model = difference_model(x, y, subject, part, spread="constant")
    table = pd.DataFrame({"d": x - y, "subject": subject, "part": part})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = MixedLM.from_formula(
            "d ~ 1", table, groups="subject", vc_formula={"part": "0 + C(part)"}, re_formula="1"
        ).fit(reml=True)
    found = [fit.cov_re.iloc[0, 0], fit.vcomp[0], fit.scale]
    assert [level.sd for level in model.levels] == pytest.approx(np.sqrt(found), rel=2e-3)
    assert model.coefficients[0] == pytest.approx(fit.fe_params.iloc[0], abs=1e-6)


def test_the_power_is_that_of_the_restricted_likelihood() -> None:
    x, y, subject, part = nested(4, (15, 2, 2), power=0.7, slope=0.2)
    model = difference_model(x, y, subject, part, bias="linear")
    d = x - y
    size = ((x + y) / 2).reshape(15, 4).mean(axis=1)[subject]
    same = np.equal.outer(subject, subject).astype(float)
    ear = same * np.equal.outer(part, part)
    columns = np.column_stack([np.ones(60), size])

    def minus(theta: np.ndarray) -> float:
        scale = size ** theta[0]
        s, e, t = np.exp(2 * theta[1:])
        covariance = np.outer(scale, scale) * (s * same + e * ear + t * np.eye(60))
        inverse = np.linalg.inv(covariance)
        gram = columns.T @ inverse @ columns
        residual = d - columns @ np.linalg.solve(gram, columns.T @ inverse @ d)
        logs = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(gram)[1]
        return 0.5 * float(logs + residual @ inverse @ residual)

    best = optimize.minimize(
        minus,
        [0.5, 0.0, -0.7, -1.0],
        method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-9, "maxiter": 4000},
    )
    assert model.power == pytest.approx(best.x[0], abs=1e-3)
    sds = np.exp(best.x[1:]) * model.reference**model.power
    assert [level.sd for level in model.levels] == pytest.approx(sds, rel=2e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100.0), st.sampled_from(["constant", "linear"]))
def test_units_and_order_do_not_matter(seed: int, unit: float, bias: str) -> None:
    x, y, subject, part = nested(seed, (8, 2, 2))
    one = difference_model(x, y, subject, part, bias=bias, draws=1000)
    two = difference_model(unit * y, unit * x, subject, part, bias=bias, draws=1000)
    assert two.power == pytest.approx(one.power, abs=1e-4)
    assert two.size == pytest.approx(unit * one.size)
    assert two.lower == pytest.approx(-unit * one.upper, rel=1e-3, abs=1e-3 * unit)
    assert ((one.lower_ci[:, 0] <= one.lower) & (one.upper <= one.upper_ci[:, 1])).all()
    shuffled = np.random.default_rng(seed).permutation(len(x))
    again = difference_model(
        x[shuffled],
        y[shuffled],
        [subject[i] for i in shuffled],
        [part[i] for i in shuffled],
        bias=bias,
        at=one.size,
        draws=1000,
    )
    assert again.bias == pytest.approx(one.bias, rel=1e-6, abs=1e-9)
    assert again.upper == pytest.approx(one.upper, rel=1e-4)


def test_intervals_cover() -> None:
    runs, inside = 250, []
    for seed in range(runs):
        x, y, subject, part = nested(seed, slope=0.2)
        at = np.array([0.6, 1.0, 1.8])
        model = difference_model(x, y, subject, part, bias="linear", at=at, draws=1000)
        bias, half = 0.3 + 0.2 * at, Z * math.sqrt(1.34) * at
        pairs = (
            (model.bias_ci, bias),
            (model.upper_ci, bias + half),
            (model.lower_ci, bias - half),
        )
        held = [(ci[:, 0] <= true) & (true <= ci[:, 1]) for ci, true in pairs]
        one = [model.power_ci[0] <= 1.0 <= model.power_ci[1]]
        levels = [
            level.sd_ci[0] <= true * model.reference <= level.sd_ci[1]
            for level, true in zip(model.levels, (1.0, 0.5, 0.3), strict=True)
        ]
        inside.append(np.concatenate([*held, one, levels]))
    error = 3.5 * math.sqrt(0.95 * 0.05 / runs)
    assert np.mean(inside, axis=0) == pytest.approx(np.full(13, 0.95), abs=error)


def test_agreement_within_delta_by_size() -> None:
    x, y, subject, part = nested(5)
    model = difference_model(x, y, subject, part, at=[0.2, 1.0, 3.0], delta=2.0)
    assert model.within_delta == (True, False, False)
    # one-sided bounds at 95 % are the ends of a 90 % interval
    ninety = difference_model(x, y, subject, part, at=[0.2, 1.0, 3.0], confidence=0.9)
    edge = max(-float(ninety.lower_ci[0, 0]), float(ninety.upper_ci[0, 1]))
    for delta, shown in ((0.99 * edge, False), (1.01 * edge, True)):
        found = difference_model(x, y, subject, part, at=[0.2], delta=delta)
        assert found.within_delta == (shown,)
    assert model.to_dict()["within_delta"] == [True, False, False]


def test_a_study_planned_from_the_fit_shows_agreement_as_often_as_planned() -> None:
    x, y, subject, part = nested(8)
    model = difference_model(x, y, subject, part, at=[1.0])
    bias, sd = float(model.bias[0]), float(model.sd[0])
    delta = abs(bias) + 3.0 * sd
    n = sample_size(bias, sd, delta, sides=1)
    rng = np.random.default_rng(9)
    shown = []
    for _ in range(300):
        d = rng.normal(bias, sd, n)
        found = difference_model(1 + d / 2, 1 - d / 2, range(n), spread="constant", delta=delta)
        shown.append(found.within_delta[0])
    assert np.mean(shown) == pytest.approx(0.8, abs=3.5 * math.sqrt(0.8 * 0.2 / 300))


def test_incomplete_subjects_are_left_out_and_named() -> None:
    x, y, subject, part = nested(6)
    x[5] = math.nan  # subject 1
    found = difference_model(x, y, [f"s{i}" for i in subject], part)
    assert (found.subjects, found.parts, found.repeats) == (26, 2, 2)
    assert "1 of 27 subjects left out" in found.warnings[-1]
    assert "s1" in found.warnings[-1]
    kept = np.array(subject) != 1
    rest = [i for i, name in enumerate(subject) if name != 1]
    same = difference_model(
        x[kept], y[kept], [subject[i] for i in rest], [part[i] for i in rest], at=found.size
    )
    assert same.upper == pytest.approx(found.upper)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, y, s, p: difference_model(x - 100, y - 100, s, p), "no true zero"),
        (lambda x, y, s, p: difference_model(x, y, s, p, at=[0.0]), "sizes of 0 or below"),
        (lambda x, y, s, p: difference_model(x, y, s, p[1:]), "one per row"),
        (lambda x, y, s, p: difference_model(x, y, s, [None, *p[1:]]), "names no part"),
        (lambda x, y, s, p: difference_model(x[:12], y[:12], s[:12], p[:12]), "at least 4"),
        (lambda x, y, s, p: difference_model(x, x, s, p), "do not vary"),
        (lambda x, y, s, p: difference_model(x, y, s, p, delta=0.0), "positive number"),
        (lambda x, y, s, p: difference_model(x, y, s, p, draws=10), "at least 1000"),
        (lambda x, y, s, p: difference_model(x, y, s, p, spread="linear"), "'power', 'constant'"),
        (lambda x, y, s, p: difference_model(1 + x - y, 1 + y - x, s, p), "same size"),
    ],
)
def test_errors(call, message: str) -> None:
    x, y, subject, part = nested(7)
    with pytest.raises(ParameterError, match=message):
        call(x, y, subject, part)

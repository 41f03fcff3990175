"""The mixed model of all cells: against analysis of variance, lmerTest and statsmodels."""

import math

import numpy as np
import pandas as pd
import pytest
from ratings_data import study

from soundcal.errors import ParameterError
from soundcal.ratings import compare_ratings, make_ratings, mixed_model

# participant, condition; two stimuli, each rated pleasant and vibrant
NOBODY_IN_BOTH = """
p0 ocv 44.3 37.8 39.7 55
p1 ocv 69.9 39.2 52.8 54.2
p2 ocv 37.6 44.9 45.2 41.9
p3 ocv 31.2 26.5 27.8 25.8
p4 ocv 72.7 66.8 59.6 69.5
p5 ocv 58.6 56.7 77 73.6
p6 hats 62.1 55.5 67.5 60.8
p7 hats 40.8 33.3 42.5 45.8
p8 hats 27 36.3 37.9 32.9
p9 hats 39.1 43.6 56.3 46.4
p10 hats 36.1 50.4 31.6 43
p11 hats 31 23.9 49.4 40.2
"""


def test_mixed_model_on_complete_data_is_analysis_of_variance() -> None:
    ratings = study(both=30, only_ocv=0, only_hats=0, stimuli=2)
    result = mixed_model(ratings, "ocv", "hats", effects=["participant"])
    assert (result.n, result.participants) == (30 * 2 * 16, 30)
    exact = compare_ratings(ratings, "ocv", "hats").cells
    assert result.cells["estimate"].to_numpy() == pytest.approx(exact["estimate"].to_numpy())
    # two-way table: participants × 32 cells
    wide = ratings.table.pivot(
        index="participant", columns=["stimulus", "attribute", "condition"], values="value"
    ).to_numpy()
    rest = wide - wide.mean(axis=0) - wide.mean(axis=1, keepdims=True) + wide.mean()
    error = (rest**2).sum() / (29 * 31)
    assert result.cells["df"].to_numpy() == pytest.approx(29 * 31, rel=1e-4)
    assert result.variances["residual"] == pytest.approx(error)
    between = (32 * wide.mean(axis=1).var(ddof=1) - error) / 32
    assert result.variances["participant"] == pytest.approx(between, rel=1e-4)
    assert result.cells["standard_error"].to_numpy() == pytest.approx(math.sqrt(2 * error / 30))


def test_mixed_model_on_incomplete_data_is_that_of_statsmodels() -> None:
    module = pytest.importorskip(
        "statsmodels.regression.mixed_linear_model", reason="the oracle is not installed"
    )
    ratings = study(both=8, only_ocv=5, only_hats=2, stimuli=1)
    result = mixed_model(ratings, "ocv", "hats", effects=["participant"])
    table = ratings.table
    cells = [f"{s}{a}{c}" for s, a, c in table[["stimulus", "attribute", "condition"]].to_numpy()]
    exog = pd.get_dummies(pd.Series(cells), dtype=float)
    fit = module.MixedLM(
        table["value"].to_numpy(), exog.to_numpy(), groups=table["participant"].to_numpy()
    ).fit(reml=True)
    assert result.variances["residual"] == pytest.approx(fit.scale, rel=1e-4)
    assert result.variances["participant"] == pytest.approx(float(fit.cov_re[0, 0]), rel=1e-3)
    means = dict(zip(exog.columns, fit.fe_params, strict=True))
    row = result.cells.set_index("attribute").loc["calm"]
    assert row["estimate"] == pytest.approx(means["S0calmocv"] - means["S0calmhats"], abs=1e-4)


def test_mixed_model_at_the_edge_and_beyond() -> None:
    ratings = study(both=6, only_ocv=0, only_hats=0, stimuli=1)
    table = ratings.table.copy()
    table["value"] -= table.groupby("participant")["value"].transform("mean") - 50
    alike = mixed_model(make_ratings(table, scale=(0, 100)), "ocv", "hats")
    assert alike.variances["participant"] == 0.0
    assert "estimated as 0" in alike.warnings[0]
    with pytest.raises(ParameterError, match="was rated under both"):
        mixed_model(ratings, "ocv", "nothing")
    with pytest.raises(ParameterError, match="no spread"):
        mixed_model(make_ratings(table.assign(value=1.0), scale=(0, 100)), "ocv", "hats")
    one = make_ratings(table.query("participant == 'p00'"), scale=(0, 100))
    with pytest.raises(ParameterError, match="too few for the model"):
        mixed_model(one, "ocv", "hats")


def test_degrees_of_freedom_where_nobody_is_in_both_conditions() -> None:
    rows = [
        (person, condition, stimulus, attribute, float(value))
        for line in NOBODY_IN_BOTH.split("\n")
        if line
        for person, condition, *values in [line.split()]
        for (stimulus, attribute), value in zip(
            [(s, a) for s in ("s0", "s1") for a in ("pleasant", "vibrant")], values, strict=True
        )
    ]
    columns = ["participant", "condition", "stimulus", "attribute", "value"]
    ratings = make_ratings(pd.DataFrame(rows, columns=columns), scale=(-1000, 1000))
    result = mixed_model(ratings, "ocv", "hats")
    # lmerTest 3.1.3 (Satterthwaite); pbkrtest 0.5.2 (Kenward-Roger) gives the same 15.0325
    assert list(result.variances) == ["participant", "residual"]
    assert result.cells["estimate"].to_numpy() == pytest.approx(
        [13.0333333, 4.8166667, 2.8166667, 8.4833333]
    )
    assert result.cells["standard_error"].to_numpy() == pytest.approx(8.29235024, rel=1e-6)
    assert result.cells["df"].to_numpy() == pytest.approx(15.03253, abs=2e-3)
    assert result.cells["p_value"].to_numpy() == pytest.approx(
        [0.13682014, 0.56994371, 0.73880395, 0.32247535], abs=1e-5
    )


def _ratings(rng: np.random.Generator, sds: dict[str, float], both: int, alone: tuple[int, int]):
    """Answers of 6 stimuli and 4 attributes without a difference, residual SD 15."""
    people, shape = both + sum(alone), (both + sum(alone), 6, 4, 2)

    def effect(name: str, *axes: int) -> np.ndarray:
        sizes = [n if i in axes else 1 for i, n in enumerate(shape)]
        return rng.normal(0, sds.get(name, 0.0), sizes)

    values = rng.normal(50, 15, shape) + effect("person", 0) + effect("attribute", 0, 2)
    values += effect("attribute and condition", 0, 2, 3) + effect("condition", 0, 3)
    values += effect("pair", 0, 1, 2)
    values[both : both + alone[0], :, :, 1] = np.nan
    values[both + alone[0] :, :, :, 0] = np.nan
    index = pd.MultiIndex.from_product(
        [[f"p{i:02}" for i in range(people)], range(6), range(4), ["ocv", "hats"]],
        names=["participant", "stimulus", "attribute", "condition"],
    )
    table = pd.DataFrame({"value": values.ravel()}, index=index).dropna().reset_index()
    table = table.astype({"stimulus": str, "attribute": str})
    return make_ratings(table, scale=(-1e4, 1e4))


@pytest.mark.parametrize(
    ("sds", "both", "alone"),
    [
        ({}, 10, (0, 0)),
        pytest.param({"attribute": 20.0}, 8, (4, 2), marks=pytest.mark.long),
        pytest.param({"attribute and condition": 25.0}, 10, (0, 0), marks=pytest.mark.long),
        ({"pair": 20.0, "condition": 10.0}, 8, (4, 2)),
    ],
)
def test_standard_errors_are_those_of_the_estimates(sds, both: int, alone) -> None:
    rng = np.random.default_rng(12)
    found = [
        mixed_model(_ratings(rng, {"person": 10.0} | sds, both, alone), "ocv", "hats").cells
        for _ in range(12)
    ]
    true = math.sqrt(np.mean([cells["estimate"] ** 2 for cells in found]))
    if alone == (0, 0):  # all answers in pairs: the true error has a closed form
        variance = 15.0**2 + sds.get("attribute and condition", 0.0) ** 2
        true = math.sqrt(2.0 * variance / both)
    stated = np.mean([cells["standard_error"] for cells in found])
    assert stated / true == pytest.approx(1.0, abs=0.1)
    rejected = np.mean([cells["p_value"] < 0.05 for cells in found])
    assert rejected == pytest.approx(0.05, abs=0.03)


def test_effects_can_be_asked_for() -> None:
    ratings = study(both=8, only_ocv=5, only_hats=2, stimuli=2)
    names = ["participant", "participant × condition"]
    result = mixed_model(ratings, "ocv", "hats", effects=names)
    assert list(result.variances) == [*names, "residual"]
    assert "as requested" in result.method
    with pytest.raises(ParameterError, match="which these data tell apart"):
        mixed_model(ratings, "ocv", "hats", effects=["participant", "weather"])
    with pytest.raises(ParameterError, match="which these data tell apart"):
        mixed_model(ratings, "ocv", "hats", effects=["participant × condition"])

"""Odds ratios of two conditions: closed forms, maximum likelihood, and what has no odds ratio."""

import math
import sys

import numpy as np
import pandas as pd
import pytest

from soundcal.cli import main
from soundcal.errors import ParameterError
from soundcal.ratings import make_ratings, ordinal_model

pytest.importorskip("statsmodels", reason="the extra 'ordinal' is not installed")


def rows(first: list[float], second: list[float], **keys: str) -> pd.DataFrame:
    """Return answers of participants 0, 1, … under two conditions, NaN where there is none."""
    one, two = (
        pd.DataFrame({"value": values, "participant": map(str, range(len(values)))}).assign(
            condition=condition
        )
        for values, condition in ((first, "ocv"), (second, "hats"))
    )
    table = pd.concat([one, two], ignore_index=True)
    return table.assign(**{"stimulus": "s1", "attribute": "calm", **keys})


def five_points(rng: np.random.Generator, effect: float) -> pd.DataFrame:
    """Return answers from 1 to 5 of 34 participants to 4 stimuli, some under one condition only."""
    latent = rng.normal(0.0, 1.0, (34, 1, 1)) + rng.normal(0.0, 1.0, (1, 4, 1))
    latent = latent + rng.logistic(size=(34, 4, 2))
    latent[..., 0] += effect
    values = np.digitize(latent, [-2.0, -0.7, 0.7, 2.0]) + 1.0
    values[19:32, :, 1] = values[32:, :, 0] = np.nan
    return pd.concat(
        [rows(list(values[:, k, 0]), list(values[:, k, 1]), stimulus=f"s{k}") for k in range(4)],
        ignore_index=True,
    )


def only(table: pd.DataFrame, *conditions: str, scale: tuple[float, float] = (1, 5)) -> pd.Series:
    names = conditions or ("ocv", "hats")
    return ordinal_model(make_ratings(table, scale=scale), *names).attributes.iloc[0]


def test_two_categories_have_the_odds_ratio_of_the_fourfold_table() -> None:
    # every participant answers once: 12 of 16 "2" under ocv, 5 of 20 under hats
    missing = math.nan
    first = [2.0] * 12 + [1.0] * 4 + [missing] * 20
    second = [missing] * 16 + [2.0] * 5 + [1.0] * 15
    found = only(rows(first, second).dropna())
    assert found["log_odds"] == pytest.approx(math.log(12 * 15 / (4 * 5)), rel=1e-6)
    # 1/a + 1/b + 1/c + 1/d, each sample with Mancl & DeRouen's factor of n answers
    variance = (16 / 15) ** 2 * (1 / 12 + 1 / 4) + (20 / 19) ** 2 * (1 / 5 + 1 / 15)
    assert found["standard_error"] == pytest.approx(math.sqrt(variance), rel=1e-5)
    assert found["df"] == 15
    assert math.isnan(found["superiority"])


def test_many_independent_answers_have_the_odds_ratio_of_maximum_likelihood() -> None:
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    rng = np.random.default_rng(11)
    condition = rng.integers(0, 2, 1200)
    category = np.digitize(0.6 * condition + rng.logistic(size=1200), [-2.0, -0.7, 0.7, 2.0])
    table = pd.DataFrame(
        {
            "value": category + 1.0,
            "participant": [str(i) for i in range(1200)],
            "condition": np.where(condition == 1, "ocv", "hats"),
            "stimulus": "s1",
            "attribute": "calm",
        }
    )
    found = only(table)
    likely = OrderedModel(category, condition[:, np.newaxis].astype(float), distr="logit").fit(
        method="bfgs", disp=0
    )
    # another weighting of the thresholds, hence not the same number
    assert found["log_odds"] == pytest.approx(likely.params[0], abs=0.3 * likely.bse[0])
    assert found["standard_error"] == pytest.approx(likely.bse[0], rel=0.05)


def test_conditions_exchanged_and_categories_renamed() -> None:
    table = five_points(np.random.default_rng(3), 1.0)
    found, turned = only(table), only(table, "hats", "ocv")
    assert found["odds_ratio"] > 1.0
    assert found["odds_ratio"] * turned["odds_ratio"] == pytest.approx(1.0)
    assert found["ci_low"] * turned["ci_high"] == pytest.approx(1.0)
    assert found["p_value"] == pytest.approx(turned["p_value"])
    assert found["superiority"] + turned["superiority"] == pytest.approx(1.0)
    steps = table.assign(value=table["value"].map({1: 0, 2: 7, 3: 8, 4: 50, 5: 100}))
    renamed = only(steps, scale=(0, 100))
    numbers = ["log_odds", "standard_error", "superiority_low", "p_adjusted"]
    assert list(renamed[numbers]) == pytest.approx(list(found[numbers]))


def test_superiority_counts_equal_answers_half_and_takes_participants_as_the_unit() -> None:
    table = pd.concat(
        [rows([5, 3, 2], [4, 3, 2]), rows([4, 1, 3], [2, 3, 1], stimulus="s2")], ignore_index=True
    )
    found = only(table)
    shares = np.array([1.0, 0.25, 0.75])
    assert found["superiority"] == pytest.approx(shares.mean())
    half = 4.302652729911275 * shares.std(ddof=1) / math.sqrt(3)
    assert found["superiority_low"] == pytest.approx(max(shares.mean() - half, 0.0))
    assert found["superiority_high"] == 1.0


def test_what_has_no_odds_ratio_says_why() -> None:
    people = range(12)
    table = pd.concat(
        [
            rows([4.0 + i % 2 for i in people], [1.0 + i % 2 for i in people], attribute="apart"),
            rows([1.0 + i % 3 for i in people], [1.0 + i % 3 for i in people], attribute="alike"),
            rows([5.0] * 12, [5.0] * 12, attribute="top"),
            rows([1.0 + i % 4 for i in people], [1.0 + i % 5 for i in people], attribute="usual"),
            rows([5.0] * 12, [5.0] * 12, attribute="usual", stimulus="s2"),
        ],
        ignore_index=True,
    )
    found = ordinal_model(make_ratings(table, scale=(1, 5)), "ocv", "hats")
    remarks = found.attributes.set_index("attribute")["remark"]
    assert "hardly overlap" in remarks["apart"]
    assert "alike" in remarks["alike"]
    assert "no stimulus was rated differently" in remarks["top"]
    assert remarks["usual"] == "all answers at one end of the scale, so left out: s2"
    usual = found.attributes.set_index("attribute").loc["usual"]
    # the family counts the tests without a p value, too
    assert usual["p_adjusted"] == pytest.approx(min(4 * usual["p_value"], 1.0))
    without = only(table[(table["attribute"] == "usual") & (table["stimulus"] == "s1")])
    assert usual["log_odds"] == pytest.approx(without["log_odds"])
    assert found.to_dict()["attributes"][0]["odds_ratio"] is None


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    table = five_points(np.random.default_rng(4), 0.0)
    with pytest.raises(ParameterError, match="two of ocv, hats"):
        only(table, "ocv", "ocv")
    sliders = table.assign(value=np.arange(len(table), dtype=float))
    with pytest.raises(ParameterError, match="at most 11 categories"):
        only(sliders, scale=(0, 1000))
    monkeypatch.setitem(sys.modules, "statsmodels.genmod.generalized_estimating_equations", None)
    with pytest.raises(ParameterError, match=r"pip install 'soundcal\[ordinal\]'"):
        only(table)


def test_command_and_report(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    file, page = tmp_path / "answers.csv", tmp_path / "page.html"
    five_points(np.random.default_rng(5), 1.5).dropna().to_csv(file, index=False)
    command = ["ratings", str(file), "--scale", "1", "5"]
    assert main(command) == 0
    assert "the answers take 5 values only" in capsys.readouterr().err
    more = ["--ordinal", "--report", str(page), "--out", str(tmp_path / "out")]
    assert main([*command, *more]) == 0
    assert "values only" not in capsys.readouterr().err
    found = pd.read_csv(tmp_path / "out" / "ratings_ordinal.csv").iloc[0]
    text = page.read_text(encoding="utf-8")
    assert f"{found['ci_low']:.2f} to {found['ci_high']:.2f}" in text
    assert "cumulative logit model" in text

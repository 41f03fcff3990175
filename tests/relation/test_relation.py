"""What was measured against what was heard: laws, oracles, and studies with a known relation."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relation_data import make_study
from scipy import stats

from soundcal.agreement.intervals import t_quantile
from soundcal.errors import ParameterError, RecordError
from soundcal.ratings import ATTRIBUTES, Ratings, compare_ratings, make_ratings
from soundcal.relation import Relation, relate
from soundcal.report import relation_summary
from soundcal.report.document import Picture
from soundcal.report.sections.relation import relation_blocks

METHODS = ("ocv", "hats")
FEW = {"permutations": 199, "resamples": 199}


def row(relation: Relation, outcome: str = "pleasant", label: str = "I0") -> "pd.Series":
    pairs = relation.pairs
    return pairs[(pairs["outcome"] == outcome) & (pairs["label"] == label)].iloc[0]


def without_some(ratings: Ratings, share: float = 0.1) -> Ratings:
    """The ratings without some of the answers."""
    keep = np.random.default_rng(5).random(len(ratings.table)) >= share
    return replace(ratings, table=ratings.table[keep].reset_index(drop=True))


# --- the numbers against other computations ---------------------------------------------------


def test_cells_are_those_of_the_ratings_test() -> None:
    made = make_study(attributes=ATTRIBUTES, clipped=True)
    ratings = without_some(made.ratings)
    relation = relate(made.differences, ratings, METHODS, **FEW)
    told = [text for text in relation.warnings if text.endswith(("differences)", "the first)"))]
    kinds = [re.sub(r"[0-9.]+", "", text) for text in told]
    assert told
    assert len(set(kinds)) == len(kinds), told  # sentences that differ in numbers only are one
    found = relation.cells
    expected = compare_ratings(ratings, *METHODS).cells
    both = found.merge(
        expected, left_on=["stimulus", "outcome"], right_on=["stimulus", "attribute"]
    )
    assert len(both) == 27 * 8
    np.testing.assert_allclose(both["difference"], both["estimate"])
    half = [t_quantile(0.95, df) for df in both["df"]] * both["standard_error"]
    np.testing.assert_allclose(both["difference"] + half, both["ci_high"])
    assert (both["n_pairs_x"] == both["n_pairs_y"]).all()
    assert (both["n_first_x"] == both["n_first_y"]).all()
    axes = found[found["outcome"] == "pleasantness"]
    assert np.isfinite(axes["difference"]).all()
    assert axes["difference"].abs().max() < 2.0


def test_correlations_are_those_of_scipy_also_with_ties_and_missing_values() -> None:
    made = make_study()
    differences = made.differences.copy()
    coarse = differences["indicator"] == "I1"
    differences.loc[coarse, "first_value"] = differences.loc[coarse, "second_value"] + np.resize(
        [0.0, 1.0, 1.0, 2.0], coarse.sum()
    )
    differences.loc[differences.index[:3], "first_value"] = [np.nan, -np.inf, np.inf]  # of I0
    found = relate(differences, made.ratings, METHODS, **FEW)
    for label, n in (("I0", 24), ("I1", 27), ("I2", 27)):
        x = found.measured[label]
        y = found.heard["calm"][x.notna()]
        one = row(found, "calm", label)
        assert one["n"] == n
        assert one["pearson"] == pytest.approx(stats.pearsonr(x.dropna(), y).statistic)
        assert one["spearman"] == pytest.approx(stats.spearmanr(x.dropna(), y).statistic)
    assert any("fewer stimuli" in text and "I0" in text for text in found.warnings)


def test_p_values_are_those_of_all_permutations() -> None:
    made = make_study(2, stimuli=6, indicators=2, attributes=("calm", "eventful"))
    found = relate(made.differences, made.ratings, METHODS, permutations=20_000, resamples=99)
    x, y = found.measured.to_numpy(), found.heard.to_numpy()
    x, y = ((a - a.mean(0)) / np.sqrt(((a - a.mean(0)) ** 2).sum(0)) for a in (x, y))
    every = np.array([np.abs(x.T @ y[list(order)]) for order in permutations(range(6))])
    observed = np.abs(x.T @ y)
    order = np.argsort(-observed.ravel())
    falling = every.reshape(len(every), -1)[:, order]
    maxima = np.maximum.accumulate(falling[:, ::-1], axis=1)[:, ::-1]
    p = np.maximum.accumulate((maxima >= observed.ravel()[order] - 1e-12).mean(axis=0))
    shown = [
        row(found, outcome, label)["pearson_p"]
        for label in ("I0", "I1")
        for outcome in ("calm", "eventful")
    ]
    np.testing.assert_allclose(np.array(shown)[order], p, atol=0.015)


def test_what_a_participant_adds_to_all_stimuli_is_no_error_of_a_correlation() -> None:
    made = make_study()
    table = made.ratings.table.copy()
    moved = table["participant"].map(lambda name: 30.0 * (int(name[1:]) % 7))
    other = replace(made.ratings, table=table.assign(value=table["value"] + moved))
    plain, shifted = (relate(made.differences, r, METHODS, **FEW) for r in (made.ratings, other))
    assert shifted.cells["standard_error"].mean() > 2.0 * plain.cells["standard_error"].mean()
    for column in ("pearson", "reliability_heard", "largest", "disattenuated"):
        np.testing.assert_allclose(shifted.pairs[column], plain.pairs[column], rtol=1e-9)


def test_reliability_of_complete_pairs_is_that_of_the_centred_differences() -> None:
    made = make_study(both=20, only_ocv=0, only_hats=0)
    found = relate(made.differences, made.ratings, METHODS, **FEW)
    wide = made.ratings.wide()["calm"].unstack("condition")
    d = (wide["ocv"] - wide["hats"]).unstack("stimulus").to_numpy()
    apart = d - d.mean(axis=1, keepdims=True)
    error = apart.var(axis=0, ddof=1).mean() / 20 * 27 / 26
    expected = 1.0 - error / d.mean(axis=0).var(ddof=1)
    assert row(found, "calm")["reliability_heard"] == pytest.approx(expected)
    assert row(found, "calm")["largest"] == pytest.approx(np.sqrt(expected))


def test_single_answers_of_complete_pairs_give_the_line_of_the_differences() -> None:
    """Without absences, the mixed model is the regression of the differences on the differences."""
    made = make_study(both=24, only_ocv=0, only_hats=0, planted={"calm": 0.5})
    relation = relate(made.differences, made.ratings, METHODS, **FEW)
    found = row(relation, "calm")
    line = stats.linregress(relation.measured["I0"], relation.heard["calm"])
    assert found["model_excess"] > 1.0
    assert found["model_slope"] == pytest.approx(line.slope, rel=1e-5)
    assert found["model_p"] == pytest.approx(line.pvalue, rel=1e-4)
    half = t_quantile(0.95, 25) * line.stderr
    assert found["model_high"] - found["model_slope"] == pytest.approx(half, rel=1e-4)


def test_single_answers_agree_with_statsmodels() -> None:
    mixedlm = pytest.importorskip("statsmodels.formula.api").mixedlm
    made = make_study(
        3, stimuli=10, both=8, only_ocv=4, only_hats=2, indicators=1, attributes=("calm",)
    )
    found = row(relate(made.differences, made.ratings, METHODS, **FEW), "calm")
    table = made.ratings.table.assign(
        g=1, c=np.where(made.ratings.table["condition"] == "ocv", 0.5, -0.5)
    )
    values = made.differences.set_index("stimulus")
    first, second = (
        table["stimulus"].map(values[name]) for name in ("first_value", "second_value")
    )
    table = table.assign(
        deviation=(first - second) * table["c"],
        middle=0.5 * (first + second) - 60.0,
        pair=table["participant"] + table["stimulus"],
    )
    effects = {
        "a": "0 + C(participant)",
        "b": "0 + C(participant):c",
        "d": "0 + C(stimulus)",
        "e": "0 + C(stimulus):c",
        "f": "0 + C(pair)",
    }
    fit = mixedlm(
        "value ~ c + middle + deviation", table, groups="g", vc_formula=effects, re_formula="0"
    ).fit(reml=True, method="lbfgs")
    assert fit.converged
    error = (found["model_high"] - found["model_slope"]) / t_quantile(0.95, 8)
    assert found["model_slope"] == pytest.approx(fit.params["deviation"], abs=0.01 * error)
    assert error == pytest.approx(fit.bse["deviation"], rel=0.01)


def test_errors_of_the_indicator_steepen_the_line_and_lower_the_largest_correlation() -> None:
    made = make_study(planted={"calm": 0.8})
    plain = relate(made.differences, made.ratings, METHODS, **FEW)
    other = relate(made.differences, made.ratings, METHODS, u={"I0": 0.5}, **FEW)
    variance = plain.measured["I0"].var()
    of_x = 1.0 - 0.25 / variance
    one, two = row(plain, "calm"), row(other, "calm")
    line = stats.linregress(plain.measured["I0"], plain.heard["calm"])
    assert one["slope"] == pytest.approx(line.slope)
    assert two["slope"] == pytest.approx(line.slope / of_x)
    assert two["reliability_measured"] == pytest.approx(of_x)
    assert two["largest"] == pytest.approx(one["largest"] * np.sqrt(of_x))
    assert two["disattenuated"] == pytest.approx(two["pearson"] / two["largest"])
    assert any("uncertainty" in text for text in plain.warnings)
    assert not any("uncertainty" in text for text in other.warnings)
    all_error = relate(made.differences, made.ratings, METHODS, u={"I0": 9.0}, **FEW)
    assert np.isnan(row(all_error, "calm")[["slope", "disattenuated"]].astype(float)).all()
    assert any("I0" in text and "stated uncertainty" in text for text in all_error.warnings)


# --- what a study finds ------------------------------------------------------------------------


TRUE_SD, TRUE_R = 4.0, 0.9


@pytest.fixture(scope="module", params=[12, pytest.param(40, marks=pytest.mark.long)])
def studies(request: pytest.FixtureRequest) -> list[Relation]:
    """Studies of the paper's size; ``pleasant`` follows I0, ``calm`` follows nothing."""
    found = []
    for seed in range(request.param):
        made = make_study(
            100 + seed,
            planted={"pleasant": TRUE_R},
            true_sd=TRUE_SD,
            indicators=3,
            attributes=("pleasant", "calm"),
        )
        found.append(relate(made.differences, made.ratings, METHODS, seed=seed, **FEW))
    return found


def test_a_planted_relation_is_recovered(studies: list[Relation]) -> None:
    rows = pd.DataFrame([row(one) for one in studies])
    slope = TRUE_R * TRUE_SD
    for name, value in {"slope": slope, "model": slope, "disattenuated": TRUE_R}.items():
        held = (rows[f"{name}_low"] <= value) & (value <= rows[f"{name}_high"])
        assert held.mean() >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / len(rows)), name
    fewer = np.sqrt(40 / len(rows))
    assert rows["slope"].mean() == pytest.approx(slope, abs=0.35 * fewer)
    assert rows["disattenuated"].mean() == pytest.approx(TRUE_R, abs=0.05 * fewer)
    # variances of the answers beside the stimuli: 10² + 5², the 5² common to a pair
    error = 125.0 / 32 + 125.0 / 23 - 2.0 * 25.0 * 19 / (32 * 23)
    expected = TRUE_SD**2 / (TRUE_SD**2 + error)
    assert rows["reliability_heard"].mean() == pytest.approx(expected, abs=0.05 * fewer)
    assert rows["pearson"].mean() == pytest.approx(TRUE_R * np.sqrt(expected), abs=0.04 * fewer)
    assert (rows["detectable_true"] < TRUE_R).mean() > 0.5
    assert (rows["pearson_p"] <= 0.05).mean() >= 0.8


def test_without_a_relation_false_alarms_stay_at_the_stated_rate(studies: list[Relation]) -> None:
    others = [one.pairs[one.pairs["outcome"] == "calm"] for one in studies]
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(studies))
    for p in ("pearson_p", "spearman_p", "model_p_adjusted"):
        assert np.mean([(part[p] <= 0.05).any() for part in others]) <= most
    for name in ("pearson", "spearman", "model"):
        held = [(part[f"{name}_low"] <= 0) & (part[f"{name}_high"] >= 0) for part in others]
        assert np.mean(np.concatenate(held)) >= 0.89


def test_no_correspondence_is_told_from_too_small_to_see() -> None:
    clear = make_study(planted={"calm": 0.95})
    found = relate(clear.differences, clear.ratings, METHODS).outcomes.set_index("outcome")
    assert found.loc["calm", "finding"] == "clear"
    assert "I0" in found.loc["calm", "shown"].split()
    assert found.loc["eventful", "finding"] == "none"
    assert found.loc["eventful", "detectable_true"] < 1.0
    blurred = make_study(true_sd=2.0, noise=25.0)
    found = relate(blurred.differences, blurred.ratings, METHODS).outcomes
    assert set(found["finding"]) == {"too small"}
    assert (found["detectable_true"] >= 1.0).all()


def test_the_smallest_correlation_that_would_have_been_shown_is_shown_in_80_of_100() -> None:
    made = make_study()
    found = relate(made.differences, made.ratings, METHODS, **FEW)
    rho = row(found)["detectable"]
    assert found.critical < rho < 1.0
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4000, 27))
    y = rho * x + np.sqrt(1.0 - rho**2) * rng.normal(size=x.shape)
    r = [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)]
    assert np.mean(np.abs(r) > found.critical) == pytest.approx(0.8, abs=0.02)


# --- laws --------------------------------------------------------------------------------------


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.01, 100.0))
def test_units_and_order_do_not_matter(seed: int, scale: float) -> None:
    made = make_study(seed, stimuli=8, indicators=2, attributes=("calm",))
    values = ["first_value", "second_value"]
    scaled = made.differences.assign(**{v: scale * made.differences[v] for v in values})
    shuffled = scaled.sample(frac=1.0, random_state=seed % 1000)
    one = relate(made.differences, made.ratings, METHODS, permutations=99, resamples=99)
    two = relate(shuffled, made.ratings, METHODS, permutations=99, resamples=99)
    rows = [row(found, "calm") for found in (one, two)]
    for column in ("pearson", "spearman", "largest", "disattenuated"):
        assert rows[1][column] == pytest.approx(rows[0][column], rel=1e-9, nan_ok=True)
    for column in ("slope", "model_slope"):
        assert rows[1][column] * scale == pytest.approx(
            rows[0][column], rel=1e-4, abs=1e-6, nan_ok=True
        )


def test_the_direction_of_the_table_does_not_matter() -> None:
    made = make_study()
    swapped = made.differences.rename(
        columns={
            "first": "second",
            "second": "first",
            "first_value": "second_value",
            "second_value": "first_value",
        }
    )
    one, two = (
        relate(table, made.ratings, METHODS, **FEW) for table in (made.differences, swapped)
    )
    pd.testing.assert_frame_equal(one.pairs, two.pairs)
    back = relate(made.differences, made.ratings, ("hats", "ocv"), **FEW)
    np.testing.assert_allclose(back.pairs["pearson"], one.pairs["pearson"])
    np.testing.assert_allclose(back.measured, -one.measured)
    assert one.direction == "ocv − hats"


def test_the_seed_decides_and_the_result_is_plain() -> None:
    import json

    made = make_study()
    one, two = (relate(made.differences, made.ratings, METHODS, seed=4, **FEW) for _ in range(2))
    pd.testing.assert_frame_equal(one.pairs, two.pairs)
    other = relate(made.differences, made.ratings, METHODS, seed=5, **FEW)
    assert not one.pairs["pearson_low"].equals(other.pairs["pearson_low"])
    content = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert len(content["pairs"]) == 12
    assert content["seed"] == 4
    assert one.heatmap().shape == (3, 4)
    assert len(one.strongest(2)) == 2


# --- joining and refusing ----------------------------------------------------------------------


def test_names_are_joined_and_what_is_left_out_is_said() -> None:
    made = make_study()
    table = made.ratings.table.copy()
    table["condition"] = table["condition"].map({"ocv": "o", "hats": "h"})
    table["stimulus"] = table["stimulus"].replace({"S01": " S01 ", "S02": "s02", "S03": "extra"})
    ratings = make_ratings(table, scale=made.ratings.scale)
    found = relate(made.differences, ratings, METHODS, conditions=("o", "h"), **FEW)
    assert "S01" in found.measured.index
    assert len(found.measured) == 25
    text = "\n".join(found.warnings)
    assert "extra" in text
    assert "S03" in text
    assert "'S02' (measured) and 's02' (rated)" in text
    assert "ratings: o − h" in found.direction


def test_attributes_can_be_chosen() -> None:
    made = make_study(attributes=ATTRIBUTES, clipped=True)
    few = relate(made.differences, made.ratings, METHODS, attributes=["pleasantness"], **FEW)
    every = relate(made.differences, made.ratings, METHODS, **FEW)
    assert list(few.outcomes["outcome"]) == ["pleasantness"]
    assert list(every.outcomes["outcome"]) == [*ATTRIBUTES, "pleasantness", "eventfulness"]
    assert few.critical < every.critical  # fewer questions need smaller correlations


def test_an_attribute_without_answers_is_named_and_counted() -> None:
    made = make_study(attributes=ATTRIBUTES, stimuli=6, clipped=True)
    table = made.ratings.table.copy()
    nobody = table["attribute"] == "calm"
    table.loc[nobody, "value"] = np.nan
    ratings = make_ratings(table, scale=(0.0, 100.0))
    found = relate(made.differences, ratings, METHODS, **FEW)
    assert set(found.outcomes["outcome"]) == {*ATTRIBUTES} - {"calm"}
    text = "outcomes without answers, not related: calm, pleasantness, eventfulness"
    assert text in found.warnings
    # the same under one condition only: the outcome is there, and has no difference
    table = made.ratings.table
    table = table[(table["attribute"] != "calm") | (table["condition"] == "ocv")]
    found = relate(made.differences, make_ratings(table, scale=(0.0, 100.0)), METHODS, **FEW)
    said = relation_summary(found)[0]
    assert "10 outcomes" in said
    captions = [block.caption for block in relation_blocks(found) if isinstance(block, Picture)]
    assert "the 6 largest of 7 outcomes" in captions[1]
    assert "too small to see, 3 not related" in said


def test_what_cannot_be_related_is_refused_or_said() -> None:
    made = make_study()
    table, ratings = made.differences, made.ratings
    with pytest.raises(ParameterError, match=r"conditions 'a' and 'hats'.*ocv, hats"):
        relate(table, ratings, METHODS, conditions=("a", "hats"))
    with pytest.raises(ParameterError, match="not compared in the study; it compares ocv and hats"):
        relate(table, ratings, ("in-situ", "hats"), conditions=METHODS)
    spoilt = replace(ratings, table=ratings.table.replace(ratings.table["value"].iloc[3], 9999.0))
    with pytest.raises(ParameterError, match="1 answer lies outside the scale from -1000 to 1000"):
        relate(table, spoilt, METHODS)
    with pytest.raises(ParameterError, match="no outcome 'loud'"):
        relate(table, ratings, METHODS, attributes=["loud"])
    with pytest.raises(ParameterError, match="uncertainty of 'N5'"):
        relate(table, ratings, METHODS, u={"N5": 1.0})
    with pytest.raises(ParameterError, match="uncertainty I0=-1"):
        relate(table, ratings, METHODS, u={"I0": -1.0})
    with pytest.raises(ParameterError, match="5 permutations"):
        relate(table, ratings, METHODS, permutations=5)
    with pytest.raises(RecordError, match="several combinations"):
        relate(table.assign(combination=np.resize(["a", "b"], len(table))), ratings, METHODS)
    with pytest.raises(RecordError, match="more than one difference of I0"):
        relate(pd.concat([table, table]), ratings, METHODS)
    with pytest.raises(RecordError, match="no column second_value"):
        relate(table.drop(columns="second_value"), ratings, METHODS)
    few = table[table["stimulus"].isin(["S01", "S02", "S03", "S04"])]
    with pytest.raises(RecordError, match="4 stimuli were both measured and rated"):
        relate(few, ratings, METHODS)
    equal = table.assign(first_value=table["second_value"] + 1.0)
    with pytest.raises(RecordError, match="vary"):
        relate(equal, ratings, METHODS)
    one_equal = table.assign(
        first_value=table["first_value"].where(table["indicator"] != "I2", table["second_value"])
    )
    found = relate(one_equal, ratings, METHODS, **FEW)
    assert any("not related: I2" in text for text in found.warnings)
    assert "19 participants rated under both conditions, 13 only under ocv" in found.method
    few_people = replace(
        ratings,
        table=ratings.table[ratings.table["participant"].isin(["p00", "p01", "p20", "p21", "p22"])],
    )
    small = relate(table, few_people, METHODS, **FEW)
    assert any("without a partner left out" in t and "81 of 81" in t for t in small.warnings)
    assert np.isnan(row(found, "calm", "I2")["pearson"])


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[t["participant"].isin(["p00", "p01"])],
        lambda t: t[t["participant"].isin(["p20", "p21", "p22", "p33", "p34", "p35"])],
        lambda t: t.assign(value=t["value"].where(t["attribute"] != "calm", 50.0)),
        lambda t: t[np.random.default_rng(1).random(len(t)) < 0.3],
        lambda t: t.assign(value=50.0 + t["value"].round(-1) / 100.0),
        lambda t: t.assign(  # nothing but a line
            value=50.0
            + np.where(t["condition"] == "ocv", 1.0, -1.0) * t["stimulus"].str[1:].astype(int)
        ),
    ],
    ids=["two people", "nobody twice", "constant", "few answers", "coarse", "no errors"],
)
def test_odd_ratings_give_numbers_or_none(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    made = make_study(stimuli=8)
    ratings = make_ratings(change(made.ratings.table), scale=made.ratings.scale)
    found = relate(made.differences, ratings, METHODS, permutations=99, resamples=99)
    there = found.pairs.dropna(subset="pearson")
    assert len(there) >= 4
    assert there["pearson"].abs().max() <= 1.0
    assert there["pearson_p"].between(0.0, 1.0).all()
    assert there["largest"].between(0.0, 1.0).all()
    assert (there["pearson_low"] <= there["pearson"] + 1e-9).all()
    assert found.to_dict()["pairs"]


def test_an_uncertainty_finds_its_indicator_with_or_without_brackets() -> None:
    made = make_study()
    for label in ("LA", "L(A)"):
        table = made.differences.assign(
            indicator=made.differences["indicator"].replace("I0", label)
        )
        for name in ("LA", "L(A)"):
            found = relate(table, made.ratings, METHODS, u={name: 0.5}, **FEW)
            assert row(found, label=label)["u"] == 0.5

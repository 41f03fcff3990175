"""Ratings: coordinates, data quality, import, and comparison of conditions."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ratings_data import GUI, MAPPING, WEBMUSHRA, study
from scipy import stats

from soundcal.agreement import detectable_difference, mean_difference
from soundcal.errors import ParameterError, RecordError
from soundcal.ratings import (
    ANGLES,
    ATTRIBUTES,
    Exclusion,
    check_quality,
    combine,
    compare_ratings,
    coordinates,
    density,
    likert_shares,
    make_ratings,
    method_a,
    quadrant_shares,
    quadrant_table,
    read_exclusions,
    read_gui,
    read_mapped,
    read_ratings,
)


def test_coordinates_of_the_vectors(reference: Path) -> None:
    cases = json.loads((reference / "agreement" / "iso_vectors.json").read_text())["cases"]
    assert len(cases) > 20
    for case in cases:
        p, e = coordinates(
            case["values"],
            scale=tuple(case["scale"]),
            language=case["language"],
            attributes=case["order"],
        )
        assert float(p) == pytest.approx(case["P_norm"], abs=1e-12), case["name"]
        assert float(e) == pytest.approx(case["E_norm"], abs=1e-12), case["name"]
        assert list(ANGLES[case["language"]]) == case["angles"]


def test_coordinates_are_the_formula_of_2019() -> None:
    rng = np.random.default_rng(1)
    x = dict(zip(ATTRIBUTES, rng.uniform(1, 5, (8, 100)), strict=True))
    c = math.cos(math.pi / 4)
    slant = c * (x["calm"] - x["chaotic"]), c * (x["vibrant"] - x["monotonous"])
    pleasant = (x["pleasant"] - x["annoying"] + slant[0] + slant[1]) / (4 + math.sqrt(32))
    eventful = (x["eventful"] - x["uneventful"] - slant[0] + slant[1]) / (4 + math.sqrt(32))
    p, e = coordinates(np.stack(list(x.values()), axis=-1))
    assert p == pytest.approx(pleasant)
    assert e == pytest.approx(eventful)
    # Soundscapy's tests print P 0.53, E 0.03 for this respondent
    p, e = coordinates([4, 4, 4, 2, 1, 3, 3, 4])
    assert (float(p), float(e)) == pytest.approx((0.53, 0.03), abs=0.005)


def test_language_angles_refer_to_the_middle_of_the_scale() -> None:
    # all eight answers 5 of 5: .21 by the Dutch angles, 0 if the respondent's own middle is taken
    p, _ = coordinates([5.0] * 8, language="nld")
    assert float(p) == pytest.approx(0.20759636145737165)
    assert math.isnan(float(coordinates([5.0] * 7 + [math.nan])[0]))


def test_the_smallest_detectable_difference_is_that_of_the_test_and_of_the_family() -> None:
    rng = np.random.default_rng(12)
    answers = rng.normal(50.0, 10.0, (19, 2, 3))
    keys = [[f"p{i}" for i in range(19)], ["ocv", "hats"], ["calm", "dull", "loud"]]
    table = pd.MultiIndex.from_product(keys, names=["participant", "condition", "attribute"])
    table = table.to_frame(index=False).assign(stimulus="s1", value=answers.ravel())
    ratings = make_ratings(table, scale=(0, 100))
    cells = compare_ratings(ratings, "ocv", "hats").cells.set_index("attribute")
    for k, name in enumerate(["calm", "dull", "loud"]):
        sd = float((answers[:, 0, k] - answers[:, 1, k]).std(ddof=1))
        smallest = detectable_difference(19, sd, alpha=0.05 / 3)
        assert cells.loc[name, "detectable"] == pytest.approx(smallest)
    # by simulation with the true standard deviation: found in 80 % of studies
    true = detectable_difference(19, math.sqrt(2.0), alpha=0.05 / 3)
    edge = stats.t.ppf(1.0 - 0.05 / 6, 18)
    d = rng.normal(true, math.sqrt(2.0), (20_000, 19))
    t = d.mean(axis=1) / d.std(axis=1, ddof=1) * math.sqrt(19)
    assert float((np.abs(t) > edge).mean()) == pytest.approx(0.8, abs=0.012)
    one_sided = compare_ratings(ratings, "ocv", "hats", alternative="less").cells
    assert (one_sided["detectable"].to_numpy() < cells["detectable"].to_numpy()).all()


@pytest.mark.parametrize("language", ["equal", "nld", "tur"])
def test_a_remark_says_how_far_another_centring_moves_the_coordinates(language: str) -> None:
    rng = np.random.default_rng(8)
    answers = rng.integers(1, 6, (12, 2, 8)).astype(float)
    answers[3, 0] = 5.0  # the same answer to everything
    keys = [[f"p{i}" for i in range(12)], ["ocv", "hats"], ATTRIBUTES]
    table = pd.MultiIndex.from_product(keys, names=["participant", "condition", "attribute"])
    table = table.to_frame(index=False).assign(stimulus="s1", value=answers.ravel())
    ratings = make_ratings(table, scale=(1, 5), language=language)
    ours = coordinates(answers, language=language)
    # Soundscapy 0.8.5: about the middle between a person's largest and smallest answer
    own = 0.5 * (answers.max(axis=-1) + answers.min(axis=-1))
    theirs = coordinates(np.clip(answers - own[..., np.newaxis] + 3.0, 1, 5), language=language)
    apart = [np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True)]
    remarks = [text for text in compare_ratings(ratings, "ocv", "hats").warnings if "Sound" in text]
    if language == "equal":
        assert remarks == []
        assert apart == pytest.approx([0.0, 0.0], abs=1e-12)
    else:
        assert f"up to {apart[0]:.3f} (pleasantness) and {apart[1]:.3f} (ev" in remarks[0]


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.0] * 7, {}, "8 attributes"),
        ([0.0] * 8, {}, "state the scale"),
        ([1.0] * 8, {"language": "fra"}, "angles are known for"),
        ([1.0] * 8, {"scale": (5.0, 1.0)}, "lowest and highest"),
        ([1.0] * 8, {"attributes": ("loud", *ATTRIBUTES[1:])}, "exactly pleasant"),
    ],
)
def test_coordinates_refuse(values: list[float], options: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        coordinates(values, **options)


def test_half_of_the_probability_lies_inside_the_contour() -> None:
    rng = np.random.default_rng(2)
    p, e = rng.normal(0.1, 0.2, 4000), rng.normal(0.0, 0.1, 4000)
    found = density(p, e)
    assert found is not None
    cell = (found.pleasantness[1] - found.pleasantness[0]) ** 2
    assert found.density.sum() * cell == pytest.approx(1.0, abs=0.01)
    inside = found.density[found.density >= found.level].sum() * cell
    assert inside == pytest.approx(0.5, abs=0.01)
    assert density([0.1, 0.2], [0.0, 0.1]) is None
    with pytest.raises(ParameterError, match="a fraction between 0 and 1"):
        density(p, e, share=1.5)
    assert density([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]) is None


def test_quadrants_medians_and_shares() -> None:
    ratings = study()
    table = quadrant_table(ratings)
    shares = table[["vibrant", "chaotic", "monotonous", "calm", "axis"]].sum(axis=1)
    assert shares.tolist() == pytest.approx([1.0, 1.0])
    assert table.set_index("condition")["n"].to_dict() == {"ocv": 32 * 4, "hats": 21 * 4}
    assert all(math.isnan(v) for v in quadrant_shares([], []).values())
    medians = method_a(ratings.table, scale=ratings.scale).set_index(["condition", "stimulus"])
    here = ratings.table.query("condition == 'ocv' and stimulus == 'S1' and attribute == 'calm'")
    row = medians.loc[("ocv", "S1")]
    assert row["calm"] == here["value"].median()
    assert (row["calm_min"], row["calm_max"]) == (here["value"].min(), here["value"].max())
    assert row["n"] == 32
    p, _ = coordinates(row[list(ATTRIBUTES)].to_numpy(dtype=float), scale=(0, 100))
    assert row["pleasantness"] == pytest.approx(float(p))
    bars = likert_shares(ratings)
    assert bars.groupby(["condition", "attribute"])["share"].sum().to_numpy() == pytest.approx(1)
    assert bars["category"].max() == 5
    with pytest.raises(ParameterError, match="at least 2"):
        likert_shares(ratings, categories=1)


def test_whole_number_scales_have_a_category_per_answer() -> None:
    rows = [("p", "a", "s", "pleasant", 2.0), ("q", "a", "s", "pleasant", 3.0)]
    columns = ["participant", "condition", "stimulus", "attribute", "value"]
    bars = likert_shares(make_ratings(pd.DataFrame(rows, columns=columns), scale=(1, 5)))
    assert bars["share"].tolist() == [0.0, 0.5, 0.5, 0.0, 0.0]


def test_comparison_finds_what_is_there() -> None:
    ratings = study()
    result = compare_ratings(ratings, "ocv", "hats")
    assert len(result.cells) == 4 * 8
    cells = result.cells.set_index(["stimulus", "attribute"])
    row = cells.loc[("S0", "pleasant")]
    wide = ratings.table.query("stimulus == 'S0' and attribute == 'pleasant'").pivot(
        index="participant", columns="condition", values="value"
    )
    expected = mean_difference(wide["ocv"], wide["hats"])
    assert row["p_value"] == pytest.approx(expected.p_value)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected.ci)
    assert (row["n_pairs"], row["n_first"], row["n_second"]) == (19, 13, 2)
    assert row["stars"] != ""
    assert (cells.loc[(slice(None), "calm"), "stars"] == "").all()
    heat = result.heatmap()
    assert heat.index.tolist() == list(ATTRIBUTES)
    assert heat.loc["annoying"].mean() == pytest.approx(-12, abs=4)
    assert result.heatmap("stars").shape == heat.shape
    assert not any("rejects too often" in text for text in result.warnings)
    assert result.caution == ""
    assert "Holm" in result.method
    assert json.loads(json.dumps(result.to_dict()))["direction"] == "ocv - hats"


def test_plane_is_tested_as_a_whole() -> None:
    result = compare_ratings(study(), "ocv", "hats")
    plane = result.plane.set_index("stimulus")
    assert plane.loc["all", "p_value"] < 1e-3
    low, high = plane.loc["all", ["pleasantness_low", "pleasantness_high"]]
    # 24 of 241.42, the range of the formula on a scale of 100
    assert low < 24 / 241.42 < high
    assert plane.loc["all", "n"] == 19
    assert len(result.pairs) == 19 * 4
    back = compare_ratings(study(), "hats", "ocv").plane.set_index("stimulus")
    assert back["pleasantness"].to_numpy() == pytest.approx(-plane["pleasantness"].to_numpy())


def test_paper_preset_is_bonferroni_over_all_cells() -> None:
    result = compare_ratings(study(), "ocv", "hats", preset="paper")
    p = result.cells["p_value"]
    assert result.cells["p_adjusted"].to_numpy() == pytest.approx(np.minimum(32 * p, 1))
    assert result.test == "partially-paired"
    assert "rejects too often" in result.caution
    assert "74 % of studies" in result.warnings[0]
    assert any("32 of 32" in text for text in result.warnings)
    with pytest.raises(ParameterError, match="leave the others out"):
        compare_ratings(study(), "ocv", "hats", preset="paper", test="paired")


@pytest.mark.parametrize(
    ("studies", "most"), [(20, 4), pytest.param(60, 8, marks=pytest.mark.long)]
)
def test_null_studies_are_starred_at_most_at_the_stated_rate(studies: int, most: int) -> None:
    rng = np.random.default_rng(5)
    starred = 0
    for _ in range(studies):
        ratings = study(stimuli=3, effect=0.0, seed=int(rng.integers(2**31)))
        starred += (compare_ratings(ratings, "ocv", "hats").cells["stars"] != "").any()
    # Holm over 24 cells: 5 % of the studies at most; the test of the study stars 27 %
    assert starred <= most


def test_cells_without_a_test_say_why() -> None:
    ratings = study(both=1, only_ocv=3, only_hats=1, stimuli=1)
    result = compare_ratings(ratings, "ocv", "hats")
    assert result.cells["p_value"].isna().all()
    assert result.cells["remark"].str.contains("at least 2 pairs").all()
    assert "more than 2 are needed" in result.plane["remark"].iloc[0]
    assert result.to_dict()["cells"][0]["p_value"] is None


def test_comparison_refuses() -> None:
    ratings = study()
    with pytest.raises(ParameterError, match="two of ocv, hats"):
        compare_ratings(ratings, "ocv", "in-situ")
    with pytest.raises(ParameterError, match="two of ocv, hats"):
        compare_ratings(ratings, "ocv", "ocv")
    with pytest.raises(ParameterError, match="'t'"):
        compare_ratings(ratings, "ocv", "hats", test="t")
    narrow = make_ratings(ratings.table, scale=(0, 10))
    with pytest.raises(ParameterError, match="outside the scale"):
        compare_ratings(narrow, "ocv", "hats")
    with pytest.raises(ParameterError, match="'colour'"):
        compare_ratings(ratings, "ocv", "hats").heatmap("colour")


def test_single_attributes_need_no_plane() -> None:
    ratings = study()
    some = make_ratings(ratings.table.query("attribute == 'pleasant'"), scale=(0, 100))
    result = compare_ratings(some, "ocv", "hats", test="paired")
    assert result.plane.empty
    expected = stats.ttest_rel(
        *(
            some.table.query("stimulus == 'S0' and condition == @c")
            .set_index("participant")["value"]
            .loc[[f"p{i:02}" for i in range(19)]]
            for c in ("ocv", "hats")
        )
    )
    assert result.cells["p_value"].iloc[0] == pytest.approx(expected.pvalue)
    with pytest.raises(ParameterError, match="need all eight"):
        some.points()


def test_quality_finds_each_kind() -> None:
    ratings = study(both=2, only_ocv=1, only_hats=0)
    assert check_quality(ratings, shortest=20).findings.empty
    table = ratings.table.copy()
    key = (table["participant"] == "p00") & (table["condition"] == "ocv")
    table.loc[key & (table["stimulus"] == "S0"), "value"] = 50.0
    table.loc[key & (table["stimulus"] == "S1") & (table["attribute"] == "calm"), "value"] = 101.0
    table.loc[key & (table["stimulus"] == "S2") & (table["attribute"] == "calm"), "value"] = (
        math.nan
    )
    table.loc[key & (table["stimulus"] == "S2"), ["seconds", "played"]] = [3.0, 0]
    table = table[~(key & (table["stimulus"] == "S3"))]
    found = check_quality(make_ratings(table, scale=(0, 100)), shortest=20)
    assert found.counts() == dict.fromkeys(
        ["missing", "out of range", "straight-lining", "not played", "too fast", "incomplete"], 1
    )
    kinds = found.findings.set_index("check")
    assert kinds.loc["straight-lining", "stimulus"] == "S0"
    assert kinds.loc["straight-lining", "detail"] == "50 in all 8 attributes that were answered"
    assert kinds.loc["out of range", "attribute"] == "calm"
    assert kinds.loc["incomplete", "stimulus"] == "S3"
    assert json.loads(json.dumps(found.to_dict()))["trials"] == 4 * 5 - 1
    with pytest.raises(ParameterError, match="no column seconds"):
        check_quality(make_ratings(table.drop(columns="seconds"), scale=(0, 100)), shortest=20)


def test_an_answer_without_a_row_is_missing_like_an_empty_one() -> None:
    table = study(both=2, only_ocv=1, only_hats=0).table
    trial = (table["participant"] == "p00") & (table["condition"] == "ocv")
    calm = trial & (table["attribute"] == "calm") & (table["stimulus"] == "S1")
    kept, empty = table[~calm], table.assign(value=table["value"].mask(calm))
    first, second = (make_ratings(each, scale=(0, 100)) for each in (kept, empty))
    pd.testing.assert_frame_equal(check_quality(first).findings, check_quality(second).findings)
    found = check_quality(first).findings
    columns = ["participant", "condition", "stimulus", "attribute", "check"]
    assert found[columns].to_numpy().tolist() == [["p00", "ocv", "S1", "calm", "missing"]]
    people = first.participants().set_index("participant")["unanswered"]
    assert people.to_dict() == {"o00": 0, "p00": 1, "p01": 0}
    # an attribute that nobody was asked in a trial is not missing
    unasked = table[~((table["attribute"] == "calm") & (table["condition"] == "hats"))]
    assert check_quality(make_ratings(unasked, scale=(0, 100))).findings.empty


def test_straight_lining_counts_the_answers_that_were_given() -> None:
    table = study(both=2, only_ocv=0, only_hats=0).table
    trial = (table["participant"] == "p00") & (table["condition"] == "ocv")
    trial &= table["stimulus"] == "S0"
    table.loc[trial, "value"] = [30.0] * 5 + [math.nan] * 3
    found = check_quality(make_ratings(table, scale=(0, 100))).findings.set_index("check")
    assert found.loc["straight-lining", "detail"] == "30 in all 5 attributes that were answered"


@pytest.mark.parametrize(
    ("wrong", "text"),
    [({"confidence": 99.0}, "confidence 99"), ({"alternative": "more"}, "alternative 'more'")],
)
def test_options_that_no_cell_can_be_tested_with_are_refused(
    wrong: dict[str, Any], text: str
) -> None:
    with pytest.raises(ParameterError, match=text):
        compare_ratings(study(both=3, only_ocv=0, only_hats=0), "ocv", "hats", **wrong)


def test_the_method_names_the_tests_that_the_answers_permit() -> None:
    apart = study(both=0, only_ocv=6, only_hats=5)
    for preset in (None, "paper"):
        found = compare_ratings(apart, "ocv", "hats", preset=preset)
        n = len(found.cells)
        assert set(found.cells["test"]) == {"Welch's t-test"}
        assert f"two-sided; Welch's t-test in {n} of {n} cells" in found.method
        assert found.caution == ""
        assert not any("rejects too often" in text for text in found.warnings)
    mixed = compare_ratings(study(), "ocv", "hats", preset="paper")
    assert "cells)" not in mixed.method
    assert mixed.caution


def test_exclusions_state_their_reason_and_stay_on_record(tmp_path: Path) -> None:
    ratings = study(both=3, only_ocv=0, only_hats=0)
    path = tmp_path / "exclusions.csv"
    path.write_text("participant,reason,condition\np00,fell asleep,\np01,headphones off,hats\n")
    less = ratings.exclude(read_exclusions(path))
    assert set(less.table["participant"]) == {"p01", "p02"}
    people = less.participants().set_index("participant")
    assert people.loc["p00", "reason"] == "all: fell asleep"
    assert people.loc["p01", ["ocv", "hats"]].tolist() == [4, 0]
    assert people["excluded"].tolist() == [True, True, False]
    assert less.to_dict()["excluded"][0]["reason"] == "fell asleep"
    with pytest.raises(ParameterError, match="participant 'p99': no such ratings"):
        ratings.exclude([Exclusion("p99", "typing error")])
    path.write_text("participant,reason\np00,\n")
    with pytest.raises(RecordError, match="without a reason"):
        read_exclusions(path)
    path.write_text("who,why\np00,x\n")
    with pytest.raises(RecordError, match="columns participant, reason"):
        read_exclusions(path)


def test_the_published_listening_test_is_read(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text(GUI)
    ids = [f"X{i}" for i in range(1, 28)]
    ratings = read_gui(path, participant="p1", condition="hats", stimuli=ids)
    wide = ratings.wide()
    assert wide.loc[("p1", "hats", "X20")].to_dict() == {
        "pleasant": 71, "chaotic": 33, "vibrant": 52, "uneventful": 44,
        "calm": 60, "annoying": 18, "eventful": 47, "monotonous": 39,
    }  # fmt: skip
    assert wide.loc[("p1", "hats", "X8")].isna().all()
    assert len(wide) == 3
    assert ratings.table["order"].unique().tolist() == [1, 2, 4]
    assert ratings.table["seconds"].iloc[0] == 41.7
    assert read_gui(path, participant="p", condition="c").stimuli[:2] == ("track_8", "track_15")
    with pytest.raises(RecordError, match="from 1 to 3"):
        read_gui(path, participant="p", condition="c", stimuli=["a", "b", "c"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3\n", "line 1: 3 columns .* 11 are expected"),
        (
            "track,a,b,c,d,e,f,g,h,i,j\n1,2,3,4,5,6,7,8,9,1,1\n",
            "line 1, column track: 'track' is not a number",
        ),
        ("1.5,2,3,4,5,6,7,8,9,1,1\n", "whole number"),
        ("", "the table is empty"),
        ("NaN,2,3,4,5,6,7,8,9,1,1\n", "no trial was stored"),
    ],
)
def test_broken_files_of_the_listening_test(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "results.csv"
    path.write_text(text)
    with pytest.raises(RecordError, match=message):
        read_gui(path, participant="p", condition="c")
    with pytest.raises(RecordError, match="no such file"):
        read_gui(tmp_path / "absent.csv", participant="p", condition="c")


def test_long_tables_by_a_mapping(tmp_path: Path) -> None:
    table, mapping = tmp_path / "mushra.csv", tmp_path / "mushra.toml"
    table.write_text(WEBMUSHRA)
    mapping.write_text(MAPPING)
    ratings = read_mapped(table, mapping)
    pd.testing.assert_frame_equal(read_mapped(str(table), str(mapping)).table, ratings.table)
    assert ratings.stimuli == ("CG01",)
    assert ratings.conditions == ("hats",)
    assert ratings.wide().loc[("u1", "hats", "CG01")].tolist() == [80, 20]
    assert ratings.table["seconds"].tolist() == [30, 31, 28, 28]
    other = tmp_path / "ocv.toml"
    other.write_text(MAPPING.replace('"hats"', '"ocv"'))
    both = combine([ratings, read_mapped(table, other)])
    assert both.conditions == ("hats", "ocv")
    assert len(both.sources) == 2
    with pytest.raises(RecordError, match="given twice"):
        combine([ratings, ratings])


def test_wide_tables_by_a_mapping(tmp_path: Path) -> None:
    # PsychoPy writes rows of routines without answers in between
    table, mapping = tmp_path / "psychopy.csv", tmp_path / "psychopy.toml"
    table.write_text(
        "participant,sound,group,slider_p.response,slider_a.response\n"
        "7,instructions,A,,\n7,street.wav,A,4,2\n7,park.wav,A,5,1\n"
    )
    mapping.write_text(
        '[scale]\nlow = 1\nhigh = 5\n[columns]\nparticipant = "participant"\nstimulus = "sound"\n'
        'condition = "group"\n[wide]\npleasant = "slider_p.response"\n'
        'annoying = "slider_a.response"\n[conditions]\nA = "ocv"\n'
    )
    ratings = read_mapped(table, mapping)
    assert ratings.conditions == ("ocv",)
    assert ratings.wide().loc[("7", "ocv", "park.wav")].tolist() == [5, 1]
    assert len(ratings.table) == 4


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("low = 0", "lowest = 0", "numbers low and high"),
        ('value = "rating_score"\n', "", "no source for value"),
        ('"rating_score"', '"score"', "no column 'score'"),
        ("[keep]", "[drop]", "unknown part drop"),
        ("seconds = 0.001", "stimulus = 2", "columns of numbers"),
        (
            'seconds = "rating_time"',
            'seconds = "trial_id"',
            "line 2, column trial_id: 'street.wav' is not a number",
        ),
        ('["street.wav"]', '["park.wav"]', "leaves no row"),
        ("[scale]", "[scale", "cannot be read as a mapping"),
        ('condition = "hats"', 'condition = "hats"\nheadphone = "x"', "headphone is not a column"),
    ],
)
def test_mappings_that_do_not_fit(tmp_path: Path, before: str, after: str, message: str) -> None:
    table, mapping = tmp_path / "mushra.csv", tmp_path / "mushra.toml"
    table.write_text(WEBMUSHRA)
    mapping.write_text(MAPPING.replace(before, after))
    with pytest.raises(RecordError, match=message):
        read_mapped(table, mapping)


@pytest.mark.parametrize("headings", [ATTRIBUTES, [f"PAQ{n}" for n in range(1, 9)]])
def test_a_column_per_attribute_needs_no_mapping(tmp_path: Path, headings: Sequence[str]) -> None:
    path = tmp_path / "across.csv"
    rows = ["01;hats;park;1;2,5;3;4;5;4;3;2", "01;ocv;park;5;4;3;2;1;;3;4"]
    path.write_text(
        "\n".join([";".join(["participant", "condition", "stimulus", *headings]), *rows])
    )
    ratings = read_ratings(path, scale=(1, 5))
    found = ratings.wide()[list(ATTRIBUTES)]
    assert found.loc[("01", "hats", "park")].tolist() == [1, 2.5, 3, 4, 5, 4, 3, 2]
    assert found.loc[("01", "ocv", "park")].fillna(0).tolist() == [5, 4, 3, 2, 1, 0, 3, 4]
    said = "PAQ1 to PAQ8 are read as pleasant, vibrant, eventful, chaotic, annoying, monotonous"
    assert any(said in note for note in ratings.notes) == (headings is not ATTRIBUTES)
    path.write_text(path.read_text().replace(headings[7], headings[6]))
    with pytest.raises(RecordError, match=r"columns attribute, value are missing.*column per attr"):
        read_ratings(path, scale=(1, 5))


def test_tidy_tables_round_trip_and_refuse(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    ratings = study(both=2, only_ocv=0, only_hats=0)
    ratings.table.to_csv(path, index=False)
    again = read_ratings(str(path), scale=(0, 100))
    pd.testing.assert_frame_equal(again.table, ratings.table)
    ratings.table.drop(columns="stimulus").to_csv(path, index=False)
    with pytest.raises(RecordError, match="columns stimulus are missing"):
        read_ratings(path, scale=(0, 100))
    ratings.table.assign(value="very").to_csv(path, index=False)
    with pytest.raises(RecordError, match="line 2, column value: 'very' is not a number"):
        read_ratings(path, scale=(0, 100))
    ratings.table.assign(stimulus="").to_csv(path, index=False)
    with pytest.raises(RecordError, match="line 2: the column stimulus is empty"):
        read_ratings(path, scale=(0, 100))
    pd.concat([ratings.table, ratings.table]).to_csv(path, index=False)
    with pytest.raises(RecordError, match="given twice"):
        read_ratings(path, scale=(0, 100))


@pytest.mark.parametrize(
    ("spoken", "asked", "said"),
    [("eng", "equal", True), ("eng", "eng", False), ("xyz", "equal", False)],
)
def test_answers_in_a_language_whose_angles_are_not_taken_are_said(
    tmp_path: Path, spoken: str, asked: str, said: bool
) -> None:
    """The table of ``listen export`` has the language; its report takes the angles of it."""
    rows = study().table.assign(language=spoken)
    rows.to_csv(tmp_path / "ratings.csv", index=False)
    ratings = read_ratings(tmp_path / "ratings.csv", scale=(0, 100), language=asked)
    assert any("state the language eng" in note for note in ratings.notes) == said

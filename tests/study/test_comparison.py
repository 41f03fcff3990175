"""From the tidy table to agreements: joined by id, ears by a stated rule, guards as errors."""

import math

import numpy as np
import pandas as pd
import pytest
from report_tables import OFFSETS, tidy

from soundcal.agreement import bland_altman
from soundcal.errors import ParameterError, RecordError
from soundcal.indicators import COLUMNS as INDICATOR_COLUMNS
from soundcal.study import Rules, compare_methods, study_of
from soundcal.study.ears import with_ears_combined
from soundcal.study.table import COLUMNS
from soundcal.units import energetic_mean


def by_hand(table: pd.DataFrame, condition: str, indicator: str, statistic: str) -> pd.Series:
    rows = table[
        (table["condition"] == condition)
        & (table["indicator"] == indicator)
        & (table["statistic"] == statistic)
    ]
    return rows.groupby("stimulus")["value"].mean().sort_index()


@pytest.mark.parametrize("exchanged", [False, True])
def test_ears_that_are_exchanged_in_one_method_are_said(exchanged: bool) -> None:
    rng = np.random.default_rng(3)
    rows = []
    for stimulus in range(6):
        level, ild = rng.uniform(50.0, 80.0), rng.uniform(1.0, 8.0)
        for condition in ("a", "b"):
            sign = -1.0 if exchanged and condition == "b" else 1.0
            for channel, side in (("left", 0.5), ("right", -0.5)):
                value = level + sign * side * ild + rng.normal(0.0, 0.1)
                rows.append((condition, f"S{stimulus}", channel, "LA", "eq", value, "dB"))
    found = compare_methods(pd.DataFrame(rows, columns=list(COLUMNS)))
    assert any("seem to be exchanged" in text for text in found.warnings) == exchanged
    for condition in ("a", "b"):  # one ear is silent
        for channel, value in (("left", -math.inf), ("right", 50.0)):
            rows.append((condition, "S9", channel, "LA", "eq", value, "dB"))
    found = compare_methods(pd.DataFrame(rows, columns=list(COLUMNS)))
    assert any("seem to be exchanged" in text for text in found.warnings) == exchanged


def test_every_entry_is_the_agreement_of_the_ear_means() -> None:
    table = tidy()
    comparison = compare_methods(table)
    assert comparison.pairs == (("in-situ", "ocv"), ("in-situ", "hats"), ("hats", "ocv"))
    assert len(comparison.entries) == 11 * 3
    for entry in comparison.entries:
        x = by_hand(table, entry.first, entry.indicator, entry.statistic)
        y = by_hand(table, entry.second, entry.indicator, entry.statistic)
        expected = bland_altman(x.to_numpy(), y.to_numpy())
        got = entry.agreement
        for name in ("bias", "sd", "lower", "upper", "bias_ci", "lower_ci", "upper_ci"):
            assert getattr(got, name) == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-12)
    lead = comparison.entry("LAeq", "in-situ", "ocv")
    low, high = lead.agreement.bias_ci
    assert low < OFFSETS["in-situ"] - OFFSETS["ocv"] < high


def test_the_order_of_rows_does_not_matter() -> None:
    table = tidy()
    shuffled = table.sample(frac=1.0, random_state=3)
    first, second = compare_methods(table), compare_methods(shuffled)
    for entry in first.entries:
        other = second.entry(entry.label, entry.first, entry.second)
        assert other.agreement.bias == entry.agreement.bias
        assert other.stimuli == entry.stimuli


@pytest.mark.parametrize(
    ("rule", "combine"),
    [
        ("mean", lambda left, right: (left + right) / 2),
        ("max", max),
        ("energy", lambda left, right: energetic_mean([left, right])),
        ("left", lambda left, right: left),
        ("right", lambda left, right: right),
    ],
)
def test_ear_rules(rule, combine) -> None:
    table = tidy(3, ("LA",))
    combined = with_ears_combined(table, rule).set_index(["condition", "stimulus", "statistic"])
    for (condition, stimulus, statistic), rows in table.groupby(
        ["condition", "stimulus", "statistic"]
    ):
        left, right = (rows[rows["channel"] == ear]["value"].item() for ear in ("left", "right"))
        row = combined.loc[(condition, stimulus, statistic)]
        assert row["value"] == pytest.approx(combine(left, right), rel=1e-12)
        assert row["ears"] == rule


def test_the_energetic_mean_is_for_levels_and_the_record_says_so() -> None:
    comparison = compare_methods(tidy(), rules=Rules(ears="energy"))
    assert {e.ears for e in comparison.family("LA")} == {"energy"}
    assert {e.ears for e in comparison.family("N")} == {"mean"}
    assert "LA: energetic mean" in comparison.ears_in_words


def test_one_channel_needs_no_rule() -> None:
    table = tidy()
    mono = table[table["channel"] == "left"].assign(channel="mono")
    assert {entry.ears for entry in compare_methods(mono).entries} == {"single"}


def test_reference_and_methods_choose_the_differences() -> None:
    comparison = compare_methods(tidy(), ["hats", "ocv", "in-situ"], reference="ocv")
    assert comparison.pairs == (("ocv", "hats"), ("ocv", "in-situ"))
    assert compare_methods(tidy(), ["ocv", "hats"]).pairs == (("hats", "ocv"),)


def test_swapping_methods_flips_signs() -> None:
    table = tidy().assign(condition=lambda t: "m-" + t["condition"])
    one = compare_methods(table, ["m-ocv", "m-hats"]).entry("LAeq", "m-ocv", "m-hats").agreement
    two = compare_methods(table, ["m-hats", "m-ocv"]).entry("LAeq", "m-hats", "m-ocv").agreement
    assert (two.bias, two.lower, two.upper) == pytest.approx((-one.bias, -one.upper, -one.lower))


def test_missing_stimuli_are_left_out_by_id_and_said() -> None:
    table = tidy()
    without = table[~((table["condition"] == "hats") & (table["stimulus"] == "S003"))]
    comparison = compare_methods(without)
    assert comparison.entry("LAeq", "in-situ", "hats").agreement.n == 26
    assert comparison.entry("LAeq", "in-situ", "ocv").agreement.n == 27
    assert any("S003" in text for text in comparison.warnings)


def test_silence_drops_its_pair_and_says_so() -> None:
    table = tidy()
    silent = (table["condition"] == "ocv") & (table["stimulus"] == "S005")
    table.loc[silent & (table["indicator"] == "LA"), "value"] = -np.inf
    entry = compare_methods(table).entry("LAeq", "in-situ", "ocv")
    assert entry.agreement.n == 26
    assert any("infinite" in text for text in entry.warnings)


def test_an_indicator_without_values_is_left_out_of_the_comparison_not_of_the_record() -> None:
    table = tidy()
    table.loc[table["indicator"] == "N", "value"] = np.nan
    comparison = compare_methods(table)
    assert comparison.families == ("LA",)
    assert any("N5" in text for text in comparison.warnings)


def test_holm_adjusts_over_all_tests() -> None:
    comparison = compare_methods(tidy())
    ordered = sorted(comparison.entries, key=lambda entry: entry.p_value)
    n = len(ordered)
    assert ordered[0].p_adjusted == pytest.approx(min(1.0, n * ordered[0].p_value))
    adjusted = [entry.p_adjusted for entry in ordered]
    assert adjusted == sorted(adjusted)
    assert all(e.p_value <= e.p_adjusted <= 1.0 for e in ordered)


def test_max_t_counts_correlated_indicators_once() -> None:
    table = tidy()
    table.loc[(table["stimulus"] == "S003") & (table["indicator"] == "N"), "value"] = np.nan
    copies = [table.assign(statistic=table["statistic"] + suffix) for suffix in ("", "a", "b")]
    one, three = compare_methods(table), compare_methods(pd.concat(copies))
    for entry in one.entries:
        same = three.entry(entry.label, entry.first, entry.second)
        assert same.p_max_t == pytest.approx(entry.p_max_t, abs=1e-3)
        assert same.p_adjusted >= entry.p_adjusted
        assert entry.to_dict()["p_max_t"] == entry.p_max_t
    assert one.entry("N5", "in-situ", "ocv").agreement.n == 26


def test_equal_methods_have_no_test() -> None:
    table = tidy()
    twin = table[table["condition"] == "ocv"].assign(condition="hats")
    table = pd.concat([table[table["condition"] != "hats"], twin])
    entry = compare_methods(table).entry("LAeq", "hats", "ocv")
    assert (entry.agreement.bias, entry.agreement.sd) == (0.0, 0.0)
    assert entry.p_value is None
    assert entry.p_adjusted is None
    assert entry.p_max_t is None


def test_allowable_difference() -> None:
    comparison = compare_methods(tidy(), rules=Rules(delta={"LAeq": 1.5}))
    assert comparison.entry("LAeq", "in-situ", "hats").within_delta is True
    assert comparison.entry("LAeq", "in-situ", "ocv").within_delta is False
    assert comparison.entry("LA5", "in-situ", "ocv").within_delta is None
    # of all statistics of an indicator, and of one of them
    comparison = compare_methods(tidy(), rules=Rules(delta={"LA5": 0.25, "L(A)": 1.5}))
    assert comparison.entry("LAeq", "in-situ", "ocv").delta == 1.5
    assert comparison.entry("LA5", "in-situ", "ocv").delta == 0.25
    assert comparison.entry("N5", "in-situ", "ocv").delta is None


def test_zeros_of_an_indicator_are_said() -> None:
    table = tidy()
    table.loc[(table["indicator"] == "N") & (table["condition"] == "ocv"), "value"] = 0.0
    entry = compare_methods(table).entry("N5", "in-situ", "ocv")
    assert any("27 of 54 measurements are exactly 0" in text for text in entry.diagnostics.doubts)


def test_paper_rules_use_196_and_1999() -> None:
    entry = compare_methods(tidy(), rules=Rules(paper=True)).entry("LAeq", "in-situ", "ocv")
    a = entry.agreement
    assert (a.upper - a.bias) / a.sd == pytest.approx(1.96, rel=1e-12)
    assert a.upper_ci[1] - a.upper == pytest.approx(a.upper - a.upper_ci[0])


def test_combinations_are_compared_one_by_one() -> None:
    one, two = tidy(seed=1), tidy(seed=2)
    table = pd.concat([one.assign(combination="a"), two.assign(combination="b")])
    study = study_of(table)
    assert list(study.comparisons) == ["a", "b"]
    alone = compare_methods(two).entry("LAeq", "in-situ", "ocv").agreement
    assert study.comparisons["b"].entry("LAeq", "in-situ", "ocv").agreement.bias == alone.bias
    with pytest.raises(RecordError, match="several combinations"):
        compare_methods(table)
    with pytest.raises(ParameterError, match="choose one"):
        _ = study.comparison


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="unit"), "no column unit"),
        (lambda t: t.iloc[:0], "no rows"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "occurs more than once"),
        (lambda t: t.assign(value="loud"), "not a number"),
        (lambda t: t.iloc[1:], "one ear only"),
        (lambda t: t[t["channel"] == "left"], "no channel 'right'"),
        (lambda t: t.assign(channel=t["channel"].replace("left", "front")), "ear rule"),
        (
            lambda t: t.assign(unit=t["unit"].mask(t["condition"] == "ocv", "phon")),
            "several units",
        ),
        (
            lambda t: t.assign(stimulus=t["condition"] + t["stimulus"]),
            "common stimulus id",
        ),
        (lambda t: t.assign(stimulus=None), "empty cells"),
    ],
)
def test_guards(change, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        compare_methods(change(tidy(4)))


def test_wrong_arguments() -> None:
    table = tidy(4)
    with pytest.raises(ParameterError, match="no method 'HATS'"):
        compare_methods(table, ["in-situ", "HATS"])
    with pytest.raises(ParameterError, match="at least 2"):
        compare_methods(table, ["ocv"])
    with pytest.raises(ParameterError, match="reference 'x'"):
        compare_methods(table, reference="x")
    with pytest.raises(ParameterError, match="LAmax"):
        compare_methods(table, rules=Rules(delta={"LAmax": 1.0}))
    with pytest.raises(ParameterError, match="positive"):
        Rules(delta={"LAeq": 0.0})
    with pytest.raises(ParameterError, match="ear rule"):
        Rules(ears="one")  # type: ignore[arg-type]


def measured(folder: str, offset: float) -> pd.DataFrame:
    """Return a table as ``soundcal.measure`` gives it."""
    rows = [
        (f"{folder}/S{n}.wav", channel, "LA", "eq", 60.0 + n + ear + offset, "dB", None, "c", "s")
        for n in range(4)
        for ear, channel in enumerate(("left", "right"))
    ]
    rows.append((f"{folder}/S9.wav", "", "failed", "not calibrated", math.nan, "", None, "", "s"))
    table = pd.DataFrame(rows, columns=list(INDICATOR_COLUMNS))
    table.attrs["notes"] = []
    return table


def test_tables_of_measure_are_compared_by_their_names_or_folders() -> None:
    hats, ocv = measured("a", 0.0), measured("b", 1.5)
    named = compare_methods({"hats": hats, "ocv": ocv})
    assert named.pairs == (("hats", "ocv"),)
    assert named.entry("LAeq", "hats", "ocv").agreement.bias == pytest.approx(-1.5)
    assert any("a/S9.wav: not measured in full" in text for text in named.warnings)
    assert compare_methods({"B": ocv, "A": hats}).pairs == (("B", "A"),)
    of_folders = compare_methods(pd.concat([hats, ocv], ignore_index=True))
    assert of_folders.entry("LAeq", "a", "b").agreement.bias == pytest.approx(-1.5)
    study = study_of({"hats": hats, "ocv": ocv})
    assert study.comparison.entry("LAeq", "hats", "ocv").agreement.bias == pytest.approx(-1.5)
    assert sum("a/S9.wav" in text for text in study.warnings) == 1
    assert not any("a/S9.wav" in text for text in study.comparison.warnings)


def test_what_is_no_pair_of_tidy_tables_is_refused_with_the_way() -> None:
    with pytest.raises(RecordError, match="its recordings are in a;"):
        compare_methods(measured("a", 0.0))
    wide = measured("a", 0.0).set_index(["recording", "channel"])
    with pytest.raises(RecordError, match="measure without wide=True"):
        compare_methods({"hats": wide, "ocv": wide})
    with pytest.raises(RecordError, match="no table"):
        compare_methods({})
    with pytest.raises(ParameterError, match="compared are LAeq for hats − ocv"):
        compare_methods({"hats": measured("a", 0.0), "ocv": measured("b", 1.0)}).entry(
            "LAeq", "ocv", "hats"
        )


def test_what_python_prints_of_a_comparison_is_short() -> None:
    comparison = compare_methods(tidy())
    shown = repr(comparison)
    assert len(shown) < 3000
    assert "points" not in repr(comparison.entries[0].agreement)
    study = study_of(tidy())
    assert repr(comparison.warnings) in repr(study)
    assert len(repr(study)) < 6000

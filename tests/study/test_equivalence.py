"""Agreement within allowable differences: own, in per cent, and published ones."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_tables import tidy
from scipy.stats import nct

from soundcal.agreement import (
    agreement_test,
    bland_altman,
    detectable_delta,
    detectable_difference,
    standardized_difference,
)
from soundcal.errors import ParameterError
from soundcal.study import Entry, Rules, compare_methods
from soundcal.study.equivalence import (
    Allowed,
    equivalence_columns,
    equivalence_of,
    family_of,
    holm_adjusted,
)
from soundcal.study.jnd import JND_SETS

PAIR = ("in-situ", "hats")
Z = 1.959963984540054


def entry_of(label: str, rules: Rules, families: tuple[str, ...] = ("LA", "R")) -> Entry:
    return compare_methods(tidy(27, families), rules=rules).entry(label, *PAIR)


def test_numbers_are_in_units_of_the_allowable_difference() -> None:
    entry = entry_of("LAeq", Rules(delta={"LAeq": 0.8}))
    a, found = entry.agreement, entry.equivalence
    assert found is not None
    assert found.bias == pytest.approx(a.bias / 0.8)
    assert found.bias_ci == pytest.approx((a.bias_ci[0] / 0.8, a.bias_ci[1] / 0.8))
    assert (found.lower, found.upper) == pytest.approx((a.lower / 0.8, a.upper / 0.8))
    k = nct.ppf(0.95, 26, Z * math.sqrt(27)) / math.sqrt(27)
    bounds = ((a.bias - k * a.sd) / 0.8, (a.bias + k * a.sd) / 0.8)
    assert found.bounds == pytest.approx(bounds)
    row = entry.to_dict()
    assert (row["delta"], row["delta_percent"], row["delta_source"]) == (0.8, None, "user")
    assert row["upper_in_delta"] == found.upper
    assert row["bounds_high_in_delta"] == pytest.approx(row["delta_high"] / 0.8)


def test_p_is_the_smallest_level_at_which_the_bounds_lie_within() -> None:
    entry = entry_of("LAeq", Rules(delta={"LAeq": 0.8}))
    assert entry.equivalence is not None
    p = entry.equivalence.p_value
    assert p is not None
    for alpha, concluded in ((p * 1.001, True), (p * 0.999, False)):
        test = agreement_test(entry.x, entry.y, 0.8, alpha=alpha)
        assert test.limits.concluded is concluded


def test_a_percentage_is_a_ratio() -> None:
    entry = entry_of("R5", Rules(delta={"R": "17 %"}))
    found, logs = entry.equivalence, np.log(entry.x / entry.y)
    assert found is not None
    unit = math.log(1.17)
    assert found.bias == pytest.approx(logs.mean() / unit)
    half = Z * logs.std(ddof=1)
    limits = ((logs.mean() - half) / unit, (logs.mean() + half) / unit)
    assert (found.lower, found.upper) == pytest.approx(limits)
    low, high = found.as_stated(found.test.limits.bounds)
    assert math.log(high) / unit == pytest.approx(found.bounds[1])
    assert math.log(low) / unit == pytest.approx(found.bounds[0])
    row = entry.to_dict()
    assert (row["delta"], row["delta_percent"], row["delta_low"]) == (None, 17.0, None)
    assert row["within_delta"] is found.test.limits.concluded
    assert entry.delta is None


@pytest.mark.parametrize("allowed", [Allowed(0.3), Allowed(20.0, is_percent=True)])
def test_the_scale_of_the_limits_is_not_that_of_the_test(allowed: Allowed) -> None:
    rng = np.random.default_rng(8)
    x = np.exp(rng.normal(size=20))
    y = x * np.exp(rng.normal(0.0, 0.05, 20))
    of_difference, _ = equivalence_of(bland_altman(x, y), allowed, Rules())
    of_ratio, _ = equivalence_of(bland_altman(x, y, scale="ratio"), allowed, Rules())
    assert of_difference is not None
    assert of_ratio is not None
    assert equivalence_columns(of_difference) == equivalence_columns(of_ratio)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 40),
    factor=st.floats(0.01, 100.0),
    percent=st.floats(1.0, 100.0),
)
def test_a_percentage_knows_no_unit_and_no_first_method(seed, n, factor, percent) -> None:
    rng = np.random.default_rng(seed)
    x, y = np.exp(rng.normal(size=n)), np.exp(rng.normal(size=n))
    allowed, rules = Allowed(percent, is_percent=True), Rules()
    found, _ = equivalence_of(bland_altman(x, y), allowed, rules)
    scaled, _ = equivalence_of(bland_altman(factor * x, factor * y), allowed, rules)
    turned, _ = equivalence_of(bland_altman(y, x), allowed, rules)
    assert found is not None and scaled is not None and turned is not None  # noqa: PT018
    assert scaled.bounds == pytest.approx(found.bounds)
    assert turned.bounds == pytest.approx((-found.bounds[1], -found.bounds[0]))
    assert turned.test.limits.p_value == pytest.approx(found.test.limits.p_value)


def test_zeros_have_no_percentage_which_is_said() -> None:
    table = tidy(9, ("R",))
    table.loc[(table["statistic"] == "95") & (table["stimulus"] == "S003"), "value"] = 0.0
    comparison = compare_methods(table, rules=Rules(delta={"R": "17%"}))
    entry = comparison.entry("R95", *PAIR)
    assert entry.equivalence is None
    assert any("1 of 9 pairs have a value of 0 or less" in text for text in entry.warnings)
    assert any("not tested for R95" in text for text in comparison.warnings)
    assert comparison.entry("R5", *PAIR).equivalence is not None


def spread(mean: float, sd: float, n: int = 27) -> np.ndarray:
    d = np.random.default_rng(n).normal(size=n)
    return mean + sd * (d - d.mean()) / d.std(ddof=1)


@pytest.mark.parametrize(
    ("mean", "sd", "verdict"),
    [
        (0.0, 0.3, "within"),
        (0.0, 0.45, "undecided"),
        (-0.4, 0.3, "undecided"),
        (0.0, 0.8, "beyond"),
        (-3.0, 0.3, "beyond"),
        (0.5, 0.0, "within"),
        (1.5, 0.0, "beyond"),
    ],
)
def test_verdicts(mean: float, sd: float, verdict: str) -> None:
    d = spread(mean, sd)
    found, _ = equivalence_of(bland_altman(d, np.zeros(27)), Allowed(1.0), Rules())
    assert found is not None
    assert found.verdict == verdict
    assert (found.p_value is None) == (sd == 0.0)


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 40),
    bias=st.floats(-3.0, 3.0),
    sd=st.floats(0.001, 3.0),
    delta=st.floats(0.01, 10.0),
    wider=st.floats(1.0, 10.0),
)
def test_a_wider_delta_never_takes_agreement_back(seed, n, bias, sd, delta, wider) -> None:
    d = bias + sd * np.random.default_rng(seed).normal(size=n)
    agreement = bland_altman(d, np.zeros(n))
    rank = {"beyond": 0, "undecided": 1, "within": 2}
    narrow, wide = (
        equivalence_of(agreement, Allowed(value), Rules())[0] for value in (delta, wider * delta)
    )
    assert narrow is not None
    assert wide is not None
    assert rank[narrow.verdict] <= rank[wide.verdict]
    assert wide.test.limits.p_value <= narrow.test.limits.p_value + 1e-12
    assert narrow.bounds[0] <= narrow.lower <= narrow.bias <= narrow.upper <= narrow.bounds[1]


@pytest.mark.long
def test_verdicts_are_false_no_more_often_than_the_level() -> None:
    """At the edge, both limits lie at ±1 or one of them does."""
    rng = np.random.default_rng(5)
    runs, error = 1500, 3.5 * math.sqrt(0.05 * 0.95 / 1500)
    for mean in (0.0, 0.9):
        sd = (1.0 - mean) / Z
        within = beyond = 0
        for _ in range(runs):
            d = rng.normal(mean, sd, 12)
            found, _ = equivalence_of(bland_altman(d, np.zeros(12)), Allowed(1.0), Rules())
            assert found is not None
            within += found.verdict == "within"
            beyond += found.verdict == "beyond"
        assert within / runs < 0.05 + error
        assert beyond / runs < 0.05 + error


def test_holm_keeps_the_chance_of_any_false_yes_over_a_family() -> None:
    """Ten indicators whose upper limit lies at the edge: none of them agrees."""
    rng = np.random.default_rng(6)
    runs, size, n = 400, 10, 12
    any_plain = any_holm = 0
    for _ in range(runs):
        one_by_one = [
            equivalence_of(
                bland_altman(rng.normal(0.9, 0.1 / Z, n), np.zeros(n)), Allowed(1.0), Rules()
            )[0]
            for _ in range(size)
        ]
        found = [one for one in holm_adjusted(one_by_one) if one is not None]
        family = family_of(found)
        any_plain += family.within > 0
        any_holm += family.within_holm > 0
    assert any_holm / runs <= 0.05 + 3.5 * math.sqrt(0.05 * 0.95 / runs)
    expected = 1.0 - 0.95**size
    assert any_plain / runs == pytest.approx(expected, abs=3.5 * math.sqrt(0.24 / runs))
    assert expected <= family.chance == pytest.approx(0.5)


def test_families_and_their_adjustment() -> None:
    comparison = compare_methods(tidy(27), rules=Rules(delta={"LA": 1.2, "N5": 1.0}))
    tested = comparison.tested
    assert len(tested) == 7 * 3
    p = np.array([entry.equivalence.p_value for entry in tested])
    order = np.argsort(p)
    expected = np.empty(p.size)
    expected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)), 1.0)
    adjusted = [entry.equivalence.p_adjusted for entry in tested]
    assert adjusted == pytest.approx(expected.tolist())
    family = comparison.equivalences
    assert family is not None
    assert (family.size, family.level) == (21, pytest.approx(0.05))
    assert family.within == sum(bool(entry.within_delta) for entry in tested)
    assert family.within_holm == int((expected < 0.05).sum())
    assert compare_methods(tidy(27)).equivalences is None


def test_published_differences_and_own_ones_before_them() -> None:
    table = tidy(27, ("LA", "N", "R", "F"))
    comparison = compare_methods(table, rules=Rules(delta={"LA5": 2.0, "F": 0.01}, jnd="jnd"))
    allowed = {
        label: None if found is None else (found.allowed.value, found.allowed.is_percent)
        for label in ("LAeq", "LA5", "N5", "R5", "F5")
        for found in [comparison.entry(label, *PAIR).equivalence]
    }
    assert allowed == {
        "LAeq": (1.0, False),
        "LA5": (2.0, False),
        "N5": None,
        "R5": (17.0, True),
        "F5": (0.01, False),
    }
    assert any("no published just noticeable difference for N " in t for t in comparison.warnings)
    row = comparison.entry("LAeq", *PAIR).to_dict()
    assert row["delta_source"] == "ISO 3382-1:2009, Annex A (informative), Table A.1"
    noise = compare_methods(table, rules=Rules(jnd="jnd:noise"))
    assert noise.entry("LAeq", *PAIR).delta == 0.4
    assert noise.entry("R5", *PAIR).equivalence is None


def test_published_differences_need_their_unit_and_statistic() -> None:
    table = tidy(5, ("LA",), 2)
    peak = table.assign(statistic=table["statistic"].replace("5", "peak"))
    comparison = compare_methods(peak, rules=Rules(jnd="jnd"))
    assert comparison.entry("LAeq", *PAIR).delta == 1.0
    assert comparison.entry("LApeak", *PAIR).delta is None
    (remark,) = [text for text in comparison.warnings if "no published" in text]
    assert "difference for LApeak in the set jnd" in remark
    other = compare_methods(table.assign(unit="Pa"), rules=Rules(jnd="jnd"))
    assert not other.tested


def test_brackets_in_the_names_of_a_table_are_those_of_the_user() -> None:
    table = tidy(5, ("LA", "N"), 1)
    table["indicator"] = table["indicator"].replace("LA", "L(A)")
    for name in ("L(A)", "LA", "L(A)eq", "LAeq"):
        comparison = compare_methods(table, rules=Rules(delta={name: 1.0}))
        assert comparison.entry("L(A)eq", *PAIR).delta == 1.0
    with pytest.raises(ParameterError, match="these are levels"):
        compare_methods(table, rules=Rules(scale={"L(A)": "ratio"}))
    named = compare_methods(table, rules=Rules(scale={"L(A)": "difference", "N": "ratio"}))
    assert [entry.scale for entry in named.entries] == ["difference"] * 3 + ["ratio"] * 3


def test_every_published_difference_says_where_it_was_read() -> None:
    for published in JND_SETS.values():
        for jnd in published:
            assert jnd.value > 0
            for text in (jnd.unit, jnd.measured, jnd.source, jnd.read):
                assert text.strip()


def test_rules_refuse_what_is_no_difference() -> None:
    with pytest.raises(ParameterError, match="no set of just noticeable differences 'jnd:x'"):
        Rules(jnd="jnd:x")
    for value in ("17", "0 %", "x %", "-1%", "inf %", math.nan):
        with pytest.raises(ParameterError, match="allowable difference"):
            Rules(delta={"R": value})
    rules = Rules(delta={"N": 0.5, "R": "7 %"}, jnd="jnd")
    assert rules.delta_in_words.startswith("N ±0.5, R ±7 %, published just noticeable")
    assert rules.to_dict()["jnd"] == "jnd"
    assert replace(rules, jnd="").to_dict()["jnd"] is None


def test_levels_have_no_percentages() -> None:
    for name in ("LA", "LAeq"):
        with pytest.raises(ParameterError, match="no percentages; state it in dB"):
            compare_methods(tidy(5), rules=Rules(delta={name: "5 %"}))


def test_what_the_study_could_have_shown() -> None:
    entry = entry_of("LAeq", Rules(confidence=0.9))
    shown = entry.sensitivity
    assert shown is not None
    sd = float(entry.differences.std(ddof=1))
    assert shown.bias == pytest.approx(detectable_difference(27, sd, alpha=0.1))
    assert shown.delta == pytest.approx(detectable_delta(27, sd, alpha=0.1))
    size = standardized_difference(entry.x, entry.y, confidence=0.9)
    row = entry.to_dict()
    assert (row["effect_size"], row["effect_size_low"]) == pytest.approx((size.g, size.ci[0]))
    assert (row["detectable_bias"], row["detectable_delta"]) == (shown.bias, shown.delta)


def test_equal_methods_and_low_confidence_have_no_sensitivity() -> None:
    table = tidy(9)
    twin = table[table["condition"] == "ocv"].assign(condition="hats")
    table = pd.concat([table[table["condition"] != "hats"], twin])
    entry = compare_methods(table, rules=Rules(delta={"LAeq": 1.0})).entry("LAeq", "hats", "ocv")
    assert entry.sensitivity is None
    assert entry.within_delta is True
    assert entry.to_dict()["p_delta"] is None
    assert entry_of("LAeq", Rules(confidence=0.4)).sensitivity is None


def test_a_name_of_two_labels_is_refused() -> None:
    table = tidy(9, ("LA", "R"))
    first = table[table["statistic"] == table["statistic"].iloc[0]]
    same = first.assign(indicator="I1", statistic="5")
    other = first.assign(indicator="I15", statistic="")
    for parts, words in (
        ([same, other], "may be I1 with the statistic 5, I15"),
        ([same, other.assign(statistic="max")], "I1 with the statistic 5, I15 with any"),
    ):
        with pytest.raises(ParameterError, match=words):
            compare_methods(pd.concat(parts), rules=Rules(delta={"I15": 1.0}))


def test_a_symbol_stands_for_all_its_statistics_and_for_none() -> None:
    table = tidy(9, ("R",))
    bare = table[table["statistic"] == table["statistic"].iloc[0]].assign(statistic="")
    found = compare_methods(pd.concat([table, bare]), rules=Rules(delta={"R": "17 %"}))
    assert all(entry.equivalence is not None for entry in found.entries)
    assert {entry.statistic for entry in found.entries} > {""}

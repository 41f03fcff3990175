"""Ratios and percentages: the numbers of the library, one scale in all of them, clear refusals."""

import math

import numpy as np
import pandas as pd
import pytest
from published_data import plasma_volumes
from report_tables import of_columns, tidy
from scipy import stats

from soundcal.agreement import (
    agreement_test,
    bland_altman,
    detectable_delta,
    detectable_difference,
    standardized_difference,
)
from soundcal.errors import ParameterError, RecordError
from soundcal.report import study_document, study_summary
from soundcal.report.html import render_html
from soundcal.study import Entry, Rules, compare_methods, study_of


def plasma(scale: str, **rules) -> Entry:
    table = of_columns(plasma_volumes()[["Nadler", "Hurley"]], unit="%vol")
    (entry,) = compare_methods(table, rules=Rules(scale=scale, **rules)).entries
    return entry


def test_plasma_volumes_of_1999_as_ratios() -> None:
    entry = plasma("ratio", paper=True)
    a = entry.agreement
    logs = [math.log(value) for value in (a.bias, a.lower, a.upper)]
    assert logs == pytest.approx((0.099, 0.056, 0.141), abs=5e-4)
    assert (a.lower, a.upper) == pytest.approx((1.06, 1.15), abs=0.005)
    assert (entry.direction, entry.difference_unit, entry.none) == ("Nadler / Hurley", "×", 1.0)
    values = plasma_volumes()
    log_ratio = np.log(values["Nadler"] / values["Hurley"])
    assert entry.p_value == pytest.approx(stats.ttest_1samp(log_ratio, 0.0).pvalue, rel=1e-9)
    assert entry.diagnostics.normality_p == pytest.approx(stats.shapiro(log_ratio).pvalue, rel=1e-6)
    name, worst = entry.worst
    assert math.log(worst) == pytest.approx(log_ratio.abs().max())
    assert name == str(log_ratio.abs().idxmax())


def test_percentages_are_those_of_the_mean_of_both() -> None:
    entry = plasma("percent")
    values = plasma_volumes()
    percent = 200 * (values["Nadler"] - values["Hurley"]) / (values["Nadler"] + values["Hurley"])
    assert entry.agreement.bias == pytest.approx(percent.mean())
    assert entry.agreement.sd == pytest.approx(percent.std())
    assert entry.differences == pytest.approx(percent[list(map(int, entry.stimuli))].to_numpy())
    assert entry.p_value == pytest.approx(stats.ttest_1samp(percent, 0.0).pvalue, rel=1e-9)
    assert (entry.direction, entry.difference_unit, entry.unit) == ("Nadler − Hurley", "%", "%vol")


@pytest.mark.parametrize(
    ("scale", "delta", "moved"),
    [("ratio", "20%", math.log(1.2)), ("percent", "15 %", 15.0)],
)
def test_the_allowable_difference_is_on_the_scale(scale, delta: str, moved: float) -> None:
    entry = plasma(scale, delta={"X": delta})
    values = plasma_volumes()
    x, y = values["Nadler"].to_numpy(), values["Hurley"].to_numpy()
    d = np.log(x / y) if scale == "ratio" else 200 * (x - y) / (x + y)
    expected = agreement_test(d, np.zeros(d.size), moved)
    found = entry.equivalence
    assert found is not None
    for claim in ("limits", "content", "mean_bias"):
        one, other = getattr(found.test, claim), getattr(expected, claim)
        assert one.concluded == other.concluded
        assert one.p_value == pytest.approx(other.p_value, rel=1e-6)
        assert one.bounds == pytest.approx(other.bounds)
    back = np.exp if scale == "ratio" else np.asarray
    assert entry.allowed == pytest.approx(tuple(back([-moved, moved])))
    assert found.upper == pytest.approx((d.mean() + 1.959963985 * d.std(ddof=1)) / moved)
    words = render_html(
        study_document(study_of(tidy(9, ("N",)), rules=Rules(scale=scale, delta={"N": delta})))
    )
    assert "within them (exact one-sided bounds)" in words
    assert ("as ratio" in words) == (scale == "ratio")
    assert ("of the mean of both methods" in words) == (scale == "percent")


def test_an_allowable_difference_in_a_unit_does_not_fit_a_ratio() -> None:
    for scale in ("ratio", "percent"):
        with pytest.raises(ParameterError, match="state it in per cent"):
            plasma(scale, delta={"X": 3.0})
    # published ones are tested on their own scale
    table = tidy(9, ("R", "LA"))
    comparison = compare_methods(table, rules=Rules(scale={"R": "percent"}, jnd="jnd"))
    plain = compare_methods(table, rules=Rules(jnd="jnd"))
    for one, other in zip(comparison.entries, plain.entries, strict=True):
        if other.equivalence is not None and one.equivalence is not None:
            assert one.equivalence.bounds == pytest.approx(other.equivalence.bounds)
    assert any(entry.equivalence for entry in comparison.family("R"))


def test_what_could_have_been_shown_is_on_the_scale() -> None:
    entry = plasma("ratio")
    values = plasma_volumes()
    log_ratio = np.log(values["Nadler"] / values["Hurley"]).to_numpy()
    shown = entry.sensitivity
    assert shown is not None
    n, sd = log_ratio.size, log_ratio.std(ddof=1)
    assert shown.size.g == pytest.approx(
        standardized_difference(log_ratio, np.zeros(n)).g, rel=1e-9
    )
    assert shown.bias == pytest.approx(math.exp(detectable_difference(n, sd, power=0.8)))
    assert shown.delta == pytest.approx(math.exp(detectable_delta(n, sd, power=0.8)))


def test_correlated_tests_are_adjusted_on_the_scale() -> None:
    """A ratio and its logarithm are the same test: values whose logarithms are levels."""
    levels = tidy(12, ("LA",), 3).query("channel == 'left'").assign(channel="mono")
    powers = levels.assign(value=10 ** (levels["value"] / 20), unit="Pa", indicator="P")
    one = compare_methods(levels).to_frame()
    other = compare_methods(powers, rules=Rules(scale="ratio")).to_frame()
    for column in ("p", "p_holm", "p_max_t"):
        assert other[column].to_numpy() == pytest.approx(one[column].to_numpy(), rel=1e-6)
    assert 20 * np.log10(other["upper_high"]).to_numpy() == pytest.approx(
        one["upper_high"].to_numpy()
    )


def test_levels_stay_differences_and_the_output_says_so() -> None:
    comparison = compare_methods(tidy(), rules=Rules(scale="ratio"))
    plain = compare_methods(tidy())
    for entry in comparison.entries:
        other = plain.entry(entry.label, entry.first, entry.second)
        if entry.indicator == "LA":
            assert entry.agreement.bias == other.agreement.bias
        else:
            x, y = other.x, other.y
            assert entry.agreement.upper == bland_altman(x, y, scale="ratio").upper
    assert any("LA: differences of levels" in text for text in comparison.warnings)
    assert not plain.warnings


def test_ratios_of_levels_are_refused_by_name() -> None:
    for name in ("LA", "L(A)"):
        with pytest.raises(ParameterError, match="ratio has no meaning"):
            compare_methods(tidy(4), rules=Rules(scale={name: "percent"}))
    with pytest.raises(ParameterError, match="only levels are compared"):
        compare_methods(tidy(4, ("LA",)), rules=Rules(scale="ratio"))
    with pytest.raises(ParameterError, match="with all its statistics"):
        compare_methods(tidy(4), rules=Rules(scale={"N5": "ratio"}))
    with pytest.raises(ParameterError, match="scale 'log'"):
        Rules(scale="log")  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", ["ratio", "percent"])
def test_zeros_leave_out_the_indicator_and_not_the_run(scale) -> None:
    table = tidy(6)
    zero = (table["indicator"] == "N") & (table["statistic"] == "50")
    of_ocv = table["condition"] == "ocv" if scale == "ratio" else table["condition"] != "hats"
    table.loc[zero & of_ocv & table["stimulus"].isin(["S002", "S004"]), "value"] = 0.0
    comparison = compare_methods(table, rules=Rules(scale={"N": scale}))
    labels = {(entry.label, entry.direction.replace("/", "−")) for entry in comparison.entries}
    assert ("N50", "in-situ − ocv") not in labels
    assert ("N5", "in-situ − ocv") in labels
    if scale == "ratio":
        assert ("N50", "in-situ − hats") in labels
    (told,) = [text for text in comparison.warnings if text.startswith("in-situ − ocv")]
    assert "N50" in told
    assert "S002, S004" in told
    only = table[(table["indicator"] == "N") & (table["statistic"] == "50")]
    only = only[only["condition"] != "hats"]
    with pytest.raises(RecordError, match=f"not compared on the scale {scale}"):
        compare_methods(only, rules=Rules(scale=scale))


def test_the_report_prints_the_scale_everywhere() -> None:
    rules = Rules(scale={"N": "ratio"}, delta={"N": "50%"})
    study = study_of(tidy(12, ("N",)), rules=rules)
    entry = study.comparison.entry("N5", "in-situ", "ocv")
    bias = f"{entry.agreement.bias:.3f}"
    (told,) = [text for text in study_summary(study) if "in-situ / ocv = " in text]
    assert f"N5, in-situ / ocv = {bias} × on average" in told
    assert "ocv gives higher values than in-situ" in told
    text = render_html(study_document(study))
    for words in ("as ratios", "as ratio", "geometric mean", "Ratios over the mean"):
        assert words in text


def test_scales_do_not_change_what_they_do_not_concern() -> None:
    one, other = (
        compare_methods(tidy(), rules=Rules(scale=scale))  # type: ignore[arg-type]
        for scale in ("difference", {"N": "difference"})
    )
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_take_without_a_partner_counts_too(value: float) -> None:
    rng, true = np.random.default_rng(1), np.linspace(10.0, 30.0, 8)
    columns = {f"{m}:{t}": true + rng.normal(0.0, 0.5, 8) for m in "ab" for t in (1, 2, 3)}
    table = pd.DataFrame(columns, index=[f"s{i}" for i in range(8)])
    table.loc["s3", ["a:3", "b:3"]] = [value, np.nan]
    tidied = of_columns(table)
    with pytest.raises(RecordError, match=r"not compared on the scale ratio: .* at s3"):
        compare_methods(tidied, rules=Rules(scale="ratio"))
    (entry,) = compare_methods(tidied, rules=Rules(delta={"X": "20 %"})).entries
    assert entry.equivalence is None
    assert any("which has no ratio" in text for text in entry.warnings)
    (entry,) = compare_methods(tidied, rules=Rules(scale="percent")).entries
    assert np.isfinite([entry.agreement.lower, entry.agreement.upper]).all()

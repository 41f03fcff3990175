"""Repeated takes: published numbers, the library's own, and refusals."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from published_data import MINI_1, MINI_2, WRIGHT_1, WRIGHT_2, cardiac, pressures
from report_tables import of_columns, tidy

from soundcal.agreement import bland_altman, bland_altman_repeated
from soundcal.errors import ParameterError, RecordError
from soundcal.report import study_document
from soundcal.report.html import render_html
from soundcal.study import Rules, compare_methods, read_table, study_of


def readings() -> pd.DataFrame:
    """Return the blood pressures of 1999: three takes by J and by S."""
    table = pressures().set_index("subject")[["J1", "J2", "J3", "S1", "S2", "S3"]]
    return of_columns(table.rename(columns=lambda name: f"{name[0]}:{name[1]}"), unit="mmHg")


def test_three_readings_of_1999() -> None:
    (entry,) = compare_methods(readings(), rules=Rules(paper=True)).entries
    a = entry.agreement
    assert (a.bias, a.sd) == pytest.approx((-15.62, 20.95), abs=0.005)
    assert (a.lower, a.upper) == pytest.approx((-56.68, 25.44), abs=0.011)
    assert entry.n == 85
    assert a.interval == "1999"
    j, s = entry.repeatability
    assert (j.method, s.method) == ("J", "S")
    assert (j.sd**2, s.sd**2) == pytest.approx((37.408, 83.141), abs=5e-4)
    assert j.coefficient == pytest.approx(1.96 * math.sqrt(2 * 37.408), abs=1e-3)
    assert (j.stimuli, j.takes) == (85, 255)


def test_repeatability_of_the_flow_meters_of_1986() -> None:
    table = pd.DataFrame({"w:1": WRIGHT_1, "w:2": WRIGHT_2, "m:1": MINI_1, "m:2": MINI_2})
    (entry,) = compare_methods(of_columns(table, unit="l/min"), ["w", "m"]).entries
    for one, first, second in zip(
        entry.repeatability, (WRIGHT_1, MINI_1), (WRIGHT_2, MINI_2), strict=True
    ):
        squares = (np.array(first) - np.array(second)) ** 2
        assert one.sd == pytest.approx(math.sqrt(squares.mean() / 2))
        # chi square with 17 degrees of freedom: quantiles 30.1910 and 7.5642
        assert one.sd_ci == pytest.approx(
            (one.sd * math.sqrt(17 / 30.19101), one.sd * math.sqrt(17 / 7.564186)), rel=1e-6
        )
        # the paper prints twice the SD of the differences around 0: 43.2 and 56.4
        assert 2.0 * math.sqrt(squares.mean()) == pytest.approx(
            one.coefficient * 2.0 / 1.959963985, rel=1e-6
        )
    wright, mini = (one.coefficient * 2.0 / 1.959963985 for one in entry.repeatability)
    assert (wright, mini) == pytest.approx((43.2, 56.4), abs=0.1)


@pytest.mark.parametrize("runs", [60, pytest.param(300, marks=pytest.mark.long)])
def test_intervals_of_the_repeatability_cover_it(runs: int) -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(runs):
        values = 60 + rng.normal(0, 5, (8, 1)) + rng.normal(0, 0.5, (8, 4))
        table = pd.DataFrame(values, columns=["a:1", "a:2", "b:1", "b:2"])
        (entry,) = compare_methods(of_columns(table)).entries
        hits += entry.repeatability[0].sd_ci[0] < 0.5 < entry.repeatability[0].sd_ci[1]
    assert hits / runs == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / runs))


def test_paired_takes_of_1999() -> None:
    table = cardiac()
    take = table.groupby("subject").cumcount().astype(str)
    rows = [
        (method, str(subject), name, "mono", "X", "", value, "l/min")
        for method in ("RV", "IC")
        for subject, name, value in zip(table["subject"], take, table[method], strict=True)
    ]
    names = ["condition", "stimulus", "take", "channel", "indicator", "statistic", "value", "unit"]
    tidied = pd.DataFrame(rows, columns=names).sample(frac=1.0, random_state=2)
    rules = Rules(takes="varying", interval="mover")
    (entry,) = compare_methods(tidied, ["RV", "IC"], rules=rules).entries
    expected = bland_altman_repeated(table["RV"], table["IC"], table["subject"])
    for name in ("bias", "lower", "upper", "lower_ci", "upper_ci"):
        assert getattr(entry.agreement, name) == pytest.approx(getattr(expected, name))
    assert (entry.n, len(entry.differences)) == (12, 60)
    # Olofsen's and Zou's numbers for these data
    assert (entry.agreement.bias, entry.agreement.upper) == pytest.approx(
        (0.7092, 2.7153), abs=2e-3
    )


@pytest.mark.parametrize("takes", ["constant", "varying"])
@pytest.mark.parametrize("scale", ["ratio", "percent"])
def test_takes_on_other_scales(takes, scale) -> None:
    rng = np.random.default_rng(9)
    size = rng.uniform(5, 40, (12, 1))
    values = size * np.exp(rng.normal([0.1, 0.1, 0.0, 0.0], 0.05, (12, 4)))
    table = of_columns(pd.DataFrame(values, columns=["a:1", "a:2", "b:1", "b:2"]))
    (entry,) = compare_methods(table, rules=Rules(scale=scale, takes=takes)).entries
    x, y = values[:, :2], values[:, 2:]
    if scale == "ratio":
        x, y = np.log(x), np.log(y)
    else:
        middle = (x + y) / 2 if takes == "varying" else values.mean(axis=1, keepdims=True)
        x, y = 100 * x / middle, 100 * y / middle
    subjects = np.repeat(np.arange(12), 2)
    expected = bland_altman_repeated(x.ravel(), y.ravel(), subjects, true_value=takes)
    back = np.exp if scale == "ratio" else np.asarray
    for name in ("bias", "lower", "upper", "upper_ci"):
        got = np.asarray(getattr(entry.agreement, name))
        assert got == pytest.approx(back(np.asarray(getattr(expected, name))))
    if takes == "constant":
        order = list(map(int, entry.stimuli))
        assert entry.differences == pytest.approx(back((x - y).mean(axis=1))[order])
    a, _ = entry.repeatability
    assert a.sd == pytest.approx(math.sqrt(((x[:, 0] - x[:, 1]) ** 2).mean() / 2))
    assert a.coefficient == pytest.approx(float(back(1.959963985 * math.sqrt(2) * a.sd)))


def test_single_takes_are_compared_as_ever() -> None:
    plain = compare_methods(tidy(6)).to_frame()
    for take in ("1", ""):
        pd.testing.assert_frame_equal(compare_methods(tidy(6).assign(take=take)).to_frame(), plain)


def test_one_method_may_have_all_the_takes() -> None:
    rng = np.random.default_rng(1)
    values = pd.DataFrame(rng.normal(60, 5, (9, 1)) + rng.normal(0, 1, (9, 3)))
    table = of_columns(values.set_axis(["a:1", "a:2", "b:1"], axis=1))
    (entry,) = compare_methods(table).entries
    (only,) = entry.repeatability
    assert only.method == "a"
    a, b = values[[0, 1]], values[2]
    part = (a[0] - a[1]).pow(2).mean() / 4
    assert entry.agreement.sd**2 == pytest.approx((a.mean(axis=1) - b).var() + part)


def test_ears_are_combined_take_by_take() -> None:
    rng = np.random.default_rng(2)
    parts = [tidy(6, ("LA",), 1).assign(take=name) for name in "12"]
    for part in parts:
        part["value"] += rng.normal(0, 1, len(part))
    (entry, *_) = compare_methods(pd.concat(parts), rules=Rules(ears="max")).entries
    best = [
        part.groupby(["condition", "stimulus"])["value"].max().unstack("condition")
        for part in parts
    ]
    stacked = pd.concat(best)
    expected = bland_altman_repeated(
        stacked["in-situ"], stacked["ocv"], list(stacked.index), true_value="constant"
    )
    assert entry.agreement.upper == pytest.approx(expected.upper)
    assert entry.ears == "max"
    assert entry.two_ears is None


def test_guards(tmp_path) -> None:
    twice = pd.concat([tidy(4), tidy(4)])
    with pytest.raises(RecordError, match="name repeated takes in a column take"):
        compare_methods(twice)
    with pytest.raises(RecordError, match="every take of a stimulus needs a name"):
        compare_methods(pd.concat([tidy(4).assign(take="1"), tidy(4).assign(take=None)]))
    with pytest.raises(RecordError, match="take 1\\) occurs more than once"):
        compare_methods(twice.assign(take="1"))
    two = pd.concat([tidy(4).assign(take=name) for name in "12"])
    with pytest.raises(ParameterError, match="'1986' do not exist for repeated takes"):
        compare_methods(two, rules=Rules(interval="1986"))
    two.to_csv(tmp_path / "t.csv", index=False)
    assert set(read_table(tmp_path / "t.csv")["take"]) == {"1", "2"}


def test_the_report_has_the_repeatability_of_each_method() -> None:
    study = study_of(readings())
    document = study_document(study)
    (table,) = [t for t in document.tables() if t.name == "repeatability-x"]
    entry = study.comparison.entries[0]
    assert [row[1] for row in table.rows] == ["J", "S"]
    assert [row[4] for row in table.rows] == [one.sd for one in entry.repeatability]
    text = render_html(document)
    for words in (
        "single take of a further stimulus",
        "Bland and Altman 1999, 5.2",
        "MOVER",
        "Differences of the means of the takes over the mean of both methods",
        "the limits are those of single takes",
    ):
        assert words in text
    (items,) = [t for t in document.tables() if t.name == "checklist-table"]
    assert items.rows[2][2] == "filled"
    varying = render_html(study_document(study_of(readings(), rules=Rules(takes="varying"))))
    assert "takes of one name are pairs" in varying
    assert "Differences of single takes over the mean of both methods" in varying


def test_a_huge_bias_of_one_take_is_not_lost() -> None:
    """The limits are those of single takes: wider than those of the means."""
    (entry,) = compare_methods(readings()).entries
    table = pressures()
    means = [table[[f"{who}{i}" for i in (1, 2, 3)]].mean(axis=1) for who in "JS"]
    assert entry.agreement.sd > bland_altman(*means).sd


def test_a_method_has_one_repeatability_or_says_in_which_difference() -> None:
    rng, true = np.random.default_rng(1), np.linspace(10.0, 30.0, 12)
    columns = {f"{m}:{t}": true + rng.normal(0.0, 0.5, 12) for m in "abc" for t in (1, 2)}
    table = of_columns(pd.DataFrame(columns, index=[f"s{i:02d}" for i in range(12)]))
    gone = (table["condition"] == "c") & (table["stimulus"] == "s03")
    for rows, scale, alike in (
        (table, "difference", True),
        (table, "percent", False),
        (table[~gone], "difference", False),
    ):
        made = study_of(rows, rules=Rules(scale=scale))
        tables = study_document(made).tables()
        (found,) = [one for one in tables if one.name.startswith("repeatability")]
        titles = [column.title for column in found.columns]
        assert ("Difference" in titles) == (not alike)
        assert len(found.rows) == (3 if alike else 6)
        assert len({row[: titles.index("Stimuli")] for row in found.rows}) == len(found.rows)


def test_the_test_within_a_delta_does_not_depend_on_the_intervals() -> None:
    with pytest.raises(ParameterError, match=r"needs one above 0\.5"):
        compare_methods(readings(), rules=Rules(delta={"X": 50.0}, confidence=0.45))
    table = readings()  # at a level of 5 %, one-sided bounds of 1999 say yes too often
    tested = {}
    for delta in (100.0, 85.0, 70.0, 20.0):
        rules = Rules(delta={"X": delta}, interval="1999", takes="varying")
        for name, one in (
            ("1999", rules),
            ("mover", replace(rules, interval="mover")),
            ("paper", replace(rules, interval="exact", paper=True)),
        ):
            (entry,) = compare_methods(table, rules=one).entries
            found = entry.equivalence
            assert entry.agreement.interval == ("mover" if name == "mover" else "1999")
            tested[name] = (found.p_value, found.verdict, found.test.limits.bounds)
        assert tested["1999"] == tested["mover"] == tested["paper"]

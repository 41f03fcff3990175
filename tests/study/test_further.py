"""Further statistics: the library's numbers, with a reason where there are none."""

import math

import numpy as np
import pandas as pd
import pytest
from published_data import pressures
from report_tables import of_columns, tidy

from soundcal.agreement import (
    concordance,
    deming,
    icc,
    passing_bablok,
    total_deviation_index,
)
from soundcal.errors import ParameterError
from soundcal.report import study_document, write_report
from soundcal.report.html import render_html
from soundcal.study import Entry, Rules, compare_methods, study_of
from soundcal.study.further import FurtherStatistic
from soundcal.study.rules import FURTHER

ALL = Rules(also=FURTHER)


def numbers(entry: Entry, kind: str) -> dict[str, FurtherStatistic]:
    return {one.name: one for one in entry.further if one.kind == kind}


def test_each_number_is_that_of_the_library() -> None:
    comparison = compare_methods(tidy(27), rules=ALL)
    assert len(comparison.entries) == 33
    for entry in comparison.entries[::7]:
        x, y = entry.x, entry.y
        for kind, line in (("deming", deming(x, y)), ("passing-bablok", passing_bablok(x, y))):
            found = numbers(entry, kind)
            slope, intercept = found["slope"], found["intercept"]
            assert (slope.value, slope.low, slope.high) == (line.slope, *line.slope_ci)
            assert (intercept.value, intercept.low, intercept.high) == (
                line.intercept,
                *line.intercept_ci,
            )
        assert numbers(entry, "passing-bablok")["linearity p"].value == line.linearity_p
        lin = concordance(x, y)
        ccc = numbers(entry, "ccc")
        assert (ccc["ccc"].value, ccc["ccc"].low, ccc["ccc"].high) == (lin.ccc, *lin.ci)
        assert ccc["precision"].value == pytest.approx(np.corrcoef(x, y)[0, 1])
        form = icc(np.column_stack([x, y]), "A,1")
        found = numbers(entry, "icc")
        assert (found["icc(A,1)"].value, found["icc(A,1)"].low) == (form.icc, form.ci[0])
        error = found["standard error of measurement"].value
        assert error == form.standard_error_of_measurement
        tdi = numbers(entry, "tdi")["tdi"]
        expected = total_deviation_index(x, y, coverage=0.95)
        assert (tdi.value, tdi.low, tdi.high) == (expected.delta, None, expected.bound)


def test_nothing_is_computed_that_nobody_asked_for() -> None:
    study = study_of(tidy(5))
    assert all(entry.further == () for entry in study.comparison.entries)
    assert len(study.further()) == 0
    assert "Further statistics" not in render_html(study_document(study))


def test_the_index_is_on_the_scale() -> None:
    entry = compare_methods(tidy(20, ("N",)), rules=Rules(also=("tdi",), scale="ratio")).entries[0]
    (tdi,) = entry.further
    logs = total_deviation_index(np.log(entry.x), np.log(entry.y), coverage=0.95)
    assert tdi.value == pytest.approx(math.exp(logs.delta))
    assert tdi.high == pytest.approx(math.exp(logs.bound))


def test_undefined_statistics_say_why() -> None:
    table = tidy(6, ("LA",), 1)
    table.loc[table["condition"] == "ocv", "value"] = 60.0
    comparison = compare_methods(table, rules=ALL)
    entry = comparison.entry("LAeq", "in-situ", "ocv")
    for kind in ("deming", "passing-bablok", "ccc"):
        (one,) = numbers(entry, kind).values()
        assert one.value is None
        assert one.note.startswith("undefined: ")
        assert "equal" in one.note
    assert numbers(entry, "tdi")["tdi"].value is not None
    assert numbers(comparison.entry("LAeq", "in-situ", "hats"), "deming")["slope"].value is not None
    document = study_document(study_of(table, rules=ALL))
    (lines,) = [t for t in document.tables() if t.name == "deming-la"]
    assert [row[2] is None for row in lines.rows] == [True, False, True]
    two = compare_methods(tidy(2, ("LA",), 1), rules=ALL)
    assert "a line needs at least 3" in two.entries[0].further[0].note


def test_the_ratio_of_error_variances_comes_from_the_takes() -> None:
    table = pressures().set_index("subject")[["J1", "J2", "J3", "S1", "S2", "S3"]]
    table = table.rename(columns=lambda name: f"{name[0]}:{name[1]}")
    (entry,) = compare_methods(of_columns(table), rules=Rules(also=("deming", "ccc"))).entries
    means = [table.filter(like=who).mean(axis=1) for who in "JS"]
    line = deming(*means, variance_ratio=83.1412 / 37.4078)
    slope = numbers(entry, "deming")["slope"]
    assert slope.value == pytest.approx(line.slope, rel=1e-5)
    assert "error variance ratio 2.22 from the takes" in slope.note
    assert "of the means of the takes" in slope.note
    ratios = compare_methods(of_columns(3.0 * table), rules=Rules(also=("deming",), scale="ratio"))
    on_ratios = numbers(ratios.entries[0], "deming")["slope"]
    assert on_ratios.value == pytest.approx(slope.value)  # the line is one of the values
    lone = of_columns(table[["J:1", "S:1"]].rename(columns=lambda name: name[0]))
    (entry,) = compare_methods(lone, rules=Rules(also=("deming",))).entries
    assert "error variance ratio 1 assumed" in numbers(entry, "deming")["slope"].note


def test_a_mean_of_one_take_errs_more_than_one_of_three() -> None:
    true, rng = np.linspace(10.0, 30.0, 12), np.random.default_rng(1)
    columns = {f"{m}:{t}": true + rng.normal(0.0, 0.5, 12) for m in "ab" for t in (1, 2, 3)}
    table = pd.DataFrame(columns, index=[f"s{i:02d}" for i in range(12)])
    table.loc["s04":, ["b:2", "b:3"]] = np.nan
    (entry,) = compare_methods(of_columns(table), rules=Rules(also=("deming",))).entries
    of_a, of_b = table.filter(like="a"), table.filter(like="b")
    ratio = of_b.iloc[:4].var(axis=1).mean() * (4 / 3 + 8) / 12 / (of_a.var(axis=1).mean() / 3)
    line = deming(of_a.mean(axis=1), of_b.mean(axis=1), variance_ratio=ratio)
    assert numbers(entry, "deming")["slope"].value == pytest.approx(line.slope)


def test_tables_and_methods(tmp_path) -> None:
    study = study_of(tidy(7, ("LA", "N"), 2), rules=ALL)
    document = study_document(study)
    names = {table.name for table in document.tables()}
    assert {f"{kind}-{family}" for kind in FURTHER for family in ("la", "n")} <= names
    text = render_html(document)
    for words in ("Linnet 1993", "Passing and Bablok (1983)", "Lin 1989", "McGraw", "Weerahandi"):
        assert words in text
    assert "for 95 % of the differences" in text
    write_report(study, tmp_path)
    rows = pd.read_csv(tmp_path / "further.csv", keep_default_na=False)
    expected = study.further()
    assert len(rows) == len(expected) == 4 * 3 * 11
    columns = ["indicator", "statistic", "first", "second", "kind", "name", "value", "low", "high"]
    assert [*columns, "note"] == [c for c in rows.columns if c in [*columns, "note"]]
    of_lead = rows[(rows["indicator"] == "LA") & (rows["name"] == "ccc")].iloc[0]
    ccc = numbers(study.comparison.entries[0], "ccc")["ccc"]
    assert float(of_lead["value"]) == ccc.value


def test_an_unknown_statistic_is_refused() -> None:
    with pytest.raises(ParameterError, match="further statistic 'r'"):
        Rules(also=("r",))  # type: ignore[arg-type]

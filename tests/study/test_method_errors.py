"""Errors of the study's methods: the numbers, and the sentences and the table made of them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report_tables import of_columns
from scipy.stats import pearsonr, t

from soundcal.agreement import spread_ratio
from soundcal.cli import demo
from soundcal.errors import ParameterError
from soundcal.report import errors_table, errors_words, study_document
from soundcal.study import SessionInfo, Source, Study, study_of
from soundcal.study.method_errors import method_errors, spread_change

N = 12
SPREADS = {"ocv": (2.0, 9.0), "ocv+": (0.3, 7.0), "hats": (0.1, 8.0), "eq": (0.1, 0.4)}
"""Standard deviation of the errors of LAeq in dB and of N5 in %; their mean is 1."""


def made(*methods: str, equipment: tuple[str, ...] = ("a",), seed: int = 1) -> Study:
    """Return a study of methods with known errors."""
    rng = np.random.default_rng(seed)
    names = [f"S{i:02d}" for i in range(N)]
    tables = []
    for name in equipment:
        level, loudness = rng.normal(65.0, 5.0, N), rng.uniform(5.0, 30.0, N)
        values = {"LA": {"in-situ": level}, "N": {"in-situ": loudness}}
        for method in methods:
            d = rng.normal(0.0, 1.0, (2, N))
            d = (d - d.mean(axis=1, keepdims=True)) / d.std(axis=1, ddof=1, keepdims=True)
            dl, dn = SPREADS[method]
            values["LA"][method] = level + 1.0 + dl * d[0]
            values["N"][method] = loudness * (1.0 + (1.0 + dn * d[1]) / 100.0)
        for indicator, statistic, unit in (("LA", "eq", "dB"), ("N", "5", "sone")):
            wide = pd.DataFrame(values[indicator], index=names)
            table = of_columns(wide, unit, indicator)
            tables.append(table.assign(statistic=statistic, combination=name))
    return study_of(pd.concat(tables, ignore_index=True))


def with_session(study: Study, *folders: str) -> Study:
    """Return a study whose methods took what sessions logged; eq took another time in each."""
    efforts = [
        {"ocv": (0.0, 3), "ocv+": (0.0, 3), "hats": (120.0, 25), "eq": (180.0 + i, 30)}
        for i in range(len(folders))
    ]
    return replace(
        study,
        sessions=tuple(
            SessionInfo(folder, "compare_methods", "sim:lab", "2026", "done", efforts=one)
            for folder, one in zip(folders, efforts, strict=True)
        ),
        sources=tuple(
            Source(f"/x/{folder}/rec.wav", "ab" * 32, "ocv", "S00", "a", "cal")
            for folder in folders
        ),
    )


@pytest.fixture(scope="module")
def four() -> Study:
    return with_session(made(*SPREADS), "one")


def test_mean_and_spread_are_those_of_method_minus_in_situ(four: Study) -> None:
    found = {one.method: one for one in method_errors(four)}
    assert list(found) == list(SPREADS)
    for method, spreads in SPREADS.items():
        for label, sd in zip(("LAeq", "N5"), spreads, strict=True):
            error = found[method].errors[label]
            half = t.ppf(0.975, N - 1) * sd / N**0.5
            assert (error.mean, error.sd) == pytest.approx((1.0, sd))
            assert error.ci == pytest.approx((1.0 - half, 1.0 + half))
        entry = four.comparison.entry("LAeq", "in-situ", method)
        assert found[method].errors["LAeq"].mean == pytest.approx(-entry.agreement.bias)
    assert found["hats"].effort == (120.0, 25)


def test_the_report_and_the_demo_answer_from_the_numbers(four: Study) -> None:
    level, loudness = errors_words(four)
    assert level.startswith("With published curves (ocv+), s of LAeq falls from 2.00 dB(A) to 0.30")
    assert "Most of the spread with ocv is thus the headphones' frequency response" in level
    assert level.endswith("ocv+ needs no HATS and takes 3 actions by hand, ocv the same.")
    assert " s of N5 goes from 9.00 % to 7.00 % (times 0.78, " in level
    assert "s of N5 falls from 8.00 % to 0.40 %" in loudness
    assert "N5 is on average 1.00 % too high" in loudness
    assert "shows no mean error (+1.00 %" in loudness
    assert "eq takes 30 actions by hand and 3.0 min of recording, hats 25 actions" in loudness
    table = errors_table(four)
    assert table is not None
    assert [table.name] == [x.name for x in study_document(four).tables() if "error" in x.name]
    row = table.rows[1]
    assert row[0] == "ocv+"
    assert row[1:5] == pytest.approx((1.0, 0.3, 1.0, 7.0))
    assert row[6:] == (3, 0.0)
    said = demo._errors(four)
    heading, _, plus = (" ".join(line.split()) for line in said[1:4])
    assert heading == "Method LAeq (dB(A)) N5 (%) Actions min"
    assert plus == "ocv+ +1.00 ± 0.30 +1.00 ± 7.00 3 0.0"
    assert said[-2:] == [level, loudness]


def test_what_is_not_shown_is_said_to_be_undecided() -> None:
    level, loudness = errors_words(made("hats", "eq"))
    assert "goes from 0.10 dB(A) to 0.10 dB(A)" in level
    assert "does not decide if it changes" in level
    assert "frequency response" not in level
    assert "falls" in loudness


def test_several_combinations_are_counted_and_efforts_that_differ_left_out() -> None:
    study = with_session(made("ocv", "ocv+", "hats", "eq", equipment=("a", "b")), "one", "two")
    level, loudness = errors_words(study)
    assert "s of LAeq goes from 2.00 dB(A) to 0.30 dB(A), and" in level
    assert "is shown to fall in 2 of 2 combinations of equipment" in level
    assert "LAeq errs on average by +1.00 dB(A) (shown in 2 of 2) with ocv+, and errs" in level
    assert level.count("(shown in 0 of 2) with ocv.") == 1
    assert "takes" not in loudness
    table = errors_table(study)
    assert table is not None
    assert [row[:2] for row in table.rows[3:5]] == [("eq", "a"), ("ocv", "b")]
    by_method = {(one.combination, one.method): one.effort for one in method_errors(study)}
    assert by_method["a", "ocv"] == (0.0, 3)
    assert by_method["a", "eq"] is None
    assert by_method["b", "ocv"] is None


def test_sharpness_alone_has_a_table_and_no_words() -> None:
    table = made("ocv", "hats").table
    levels = table[table["indicator"] == "LA"].assign(indicator="S", statistic="mean", unit="acum")
    study = study_of(levels)
    assert errors_words(study) == []
    assert "method-errors-table" in [one.name for one in study_document(study).tables()]


@pytest.mark.parametrize("methods", [("ocv",), ()])
def test_one_method_and_none(methods: tuple[str, ...]) -> None:
    study = made("ocv", "hats")
    table = study.table
    kept = table[table["condition"].isin(["in-situ", *methods])]
    if not methods:
        kept = table[table["condition"].isin(["ocv", "hats"])]  # nothing to refer them to
    study = study_of(kept)
    assert len(errors_words(study)) == 2 * len(methods)
    assert (errors_table(study) is None) == (not methods)
    if methods:
        assert errors_words(study)[0].startswith("ocv: LAeq ")


def test_spreads_are_compared_on_common_stimuli(four: Study) -> None:
    ocv, plus, *_ = (one.errors["LAeq"] for one in method_errors(four))
    few = replace(plus, by_stimulus=dict(list(plus.by_stimulus.items())[:2]))
    assert spread_change(ocv, few) is None
    found = spread_change(ocv, plus)
    assert found is not None
    assert found.ratio == pytest.approx(0.15)


def test_the_interval_of_a_ratio_is_that_of_pitmans_test() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=15)
    y = 0.5 * x + rng.normal(size=15)
    found = spread_ratio(x, y, confidence=0.9)
    assert found.ratio == pytest.approx(np.std(y) / np.std(x))
    for edge in found.ci:  # at the edge, scaled sums and differences correlate just so much
        assert pearsonr(edge * x + y, edge * x - y).pvalue == pytest.approx(0.1)
    assert np.isnan(spread_ratio(x, np.ones(15)).ratio)
    assert spread_ratio(x, np.ones(15)).direction == 0
    with pytest.raises(ParameterError, match="at least 3"):
        spread_ratio([1.0, 2.0], [3.0, 5.0])

"""Simulated coverage and error rates: ``soundcal verify --statistics``."""

import inspect
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal import agreement, ratings, relation
from soundcal.cli import main
from soundcal.report.certificate import certificate_document
from soundcal.verification.statistics import (
    ALARM,
    StatedRate,
    all_rates,
    families,
    limits,
    simulate,
)

RATES = all_rates()
EACH = ALARM / len(RATES)


DEAR = ("intervals of 48 cells by the mixed model", "default test, any of 216 cells")
"""Rates of which the same stands in the list with fewer cells."""


def rate(stated: StatedRate) -> Any:
    marks = [pytest.mark.long] if stated.quantity.startswith(DEAR) else []
    return pytest.param(stated, marks=marks, id=stated.quantity)


@pytest.mark.parametrize("stated", [rate(stated) for stated in RATES])
def test_rates_are_those_that_are_stated(stated: StatedRate) -> None:
    found = simulate(stated, 100, EACH)
    row = found.row
    assert found.verdict != "fail", f"{found.value:g} %, {row.lower:g} to {row.upper:g} %"
    assert found.interval[0] <= found.value <= found.interval[1]


def test_a_rate_is_the_same_whatever_else_is_computed() -> None:
    assert simulate(RATES[1], 200, EACH).value == simulate(RATES[1], 200, EACH).value


@pytest.mark.long
def test_a_wrong_interval_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(families, "FAMILIES", ("limits", "reliability"))
    # intervals of 80 % that claim to be of 95 %
    right = limits.bland_altman
    monkeypatch.setattr(
        limits, "bland_altman", lambda x, y, **o: right(x, y, **{"confidence": 0.8, **o})
    )
    assert main(["verify", "--statistics", "--draws", "200", "--json"]) == 4
    rows = json.loads(capsys.readouterr().out)["rows"]
    failed = {row["quantity"] for row in rows if row["verdict"] == "fail"}
    assert "interval of the bias, n = 27" in failed
    assert "interval of the upper limit, exact, n = 27" in failed
    assert "ICC(C,1), n = 27" not in failed


@pytest.mark.parametrize("nominal", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("answers", [1, 8])
def test_false_alarms_are_as_rare_as_asked_for(nominal: float, answers: int) -> None:
    def trial(rng: np.random.Generator) -> float:
        return float((rng.random(answers) < nominal).mean())

    alarms = 0
    for number in range(1000):
        stated = StatedRate("x", "a coin", f"throw {number}", nominal, trial, answers=answers)
        alarms += simulate(stated, 100, 0.02).verdict == "fail"
    # no more than 20 are expected, and 40 by chance
    assert alarms <= 40


@pytest.mark.long
def test_certificate_is_a_page_for_a_supplement(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(families, "FAMILIES", ("repeated", "reliability"))
    page = tmp_path / "certificate.html"
    command = ["verify", "--statistics", "--draws", "100", "--json", "--report", str(page), "--pdf"]
    assert main(command) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert page.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    text = page.read_text(encoding="utf-8")
    for row in rows:
        low, high = row["interval"]
        assert row["method"] in text
        assert f"{low:.1f} to {high:.1f}" in text
    assert "Known deviations" in text
    assert "0.1 % of such certificates" in text
    assert main(command) == 5  # and nothing is computed before that is said

    found = [simulate(stated, 100, EACH) for stated in families.all_rates()[:3]]
    wrong = replace(found[1], value=12.0)
    document = certificate_document([found[0], wrong, found[2]])
    assert f"Outside the limits: repeated measurements: {wrong.row.quantity}" in str(document)
    assert len(document.pictures()) == 1
    assert document.pictures()[0].draw().get_axes()[0].get_xlim()[0] < -80.0


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--statistics", "--draws", "50"]) == 2
    assert "at least 100" in capsys.readouterr().err
    assert main(["verify", "--draws", "500"]) == 2
    assert "--draws belongs to --statistics" in capsys.readouterr().err
    assert main(["verify", "--statistics", "--family", "levels"]) == 2
    assert main(["verify", "--pdf"]) == 2


WITHOUT_A_RATE = {
    "join": "joins tables by their labels",
    "make_ratings": "checks a table",
    "combine": "joins tables",
    "read_exclusions": "reads a file",
    "read_gui": "reads files",
    "read_mapped": "reads files",
    "read_ratings": "reads a file",
    "check_quality": "finds peculiar answers and states no rate",
    "describe_ratings": "medians and shares without an interval",
    "central_answers": "medians and means without an interval",
    "densities": "a kernel density without an interval",
    "stacked_answers": "shares without an interval",
    "analyse_ratings": "calls compare_ratings and mixed_model, which have rates",
    "coordinates": "a formula of ISO/TS 12913-3",
    "density": "a kernel density without an interval",
    "likert_shares": "shares without an interval",
    "method_a": "medians without an interval",
    "quadrant_shares": "shares without an interval",
    "quadrant_table": "shares without an interval",
}
"""Public functions of agreement, ratings and relation that state no probability, and the reason."""


def test_every_public_interval_and_test_has_a_rate() -> None:
    public = {
        name
        for room in (agreement, ratings, relation)
        for name in room.__all__
        if inspect.isfunction(getattr(room, name))
    }
    with_rate = {stated.method for stated in RATES}
    assert with_rate <= public
    assert public - with_rate == set(WITHOUT_A_RATE)
    assert len({(stated.clause, stated.quantity) for stated in RATES}) == len(RATES)

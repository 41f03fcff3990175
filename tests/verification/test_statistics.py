"""Simulated coverage and error rates: ``soundcal verify --statistics``."""

import json

import numpy as np
import pytest

from soundcal.cli import main
from soundcal.verification.statistics import ALARM, StatedRate, all_rates, limits, simulate

RATES = all_rates()
EACH = ALARM / len(RATES)


@pytest.mark.parametrize("stated", RATES, ids=[stated.quantity for stated in RATES])
def test_rates_are_those_that_are_stated(stated: StatedRate) -> None:
    found = simulate(stated, 100, EACH)
    row = found.row
    assert found.verdict != "fail", f"{found.value:g} %, {row.lower:g} to {row.upper:g} %"
    assert found.interval[0] <= found.value <= found.interval[1]
    # a rate is the same whatever else is computed
    assert simulate(stated, 100, EACH).value == found.value


def test_a_wrong_interval_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
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


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--statistics", "--draws", "50"]) == 2
    assert "at least 100" in capsys.readouterr().err
    assert main(["verify", "--draws", "500"]) == 2
    assert "--draws belongs to --statistics" in capsys.readouterr().err
    assert main(["verify", "--statistics", "--family", "levels"]) == 2

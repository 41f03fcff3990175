"""Simulated coverage and error rates: ``soundcal verify --statistics``."""

import json

import pytest

from soundcal.cli import main
from soundcal.errors import ParameterError
from soundcal.verification import evaluate
from soundcal.verification import statistics as simulated

ROWS = simulated.statistics_rows(100)


@pytest.mark.parametrize("row", ROWS, ids=[row.quantity for row in ROWS])
def test_rates_are_those_that_are_stated(row) -> None:
    outcome = evaluate(row)
    assert outcome.verdict != "fail", f"{outcome.value:g} %, {row.lower:g} to {row.upper:g} %"
    # the rate of a row is the same whatever else is computed
    assert evaluate(row).value == outcome.value


def test_a_wrong_interval_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # intervals of 80 % that claim to be of 95 %
    right = simulated.bland_altman
    monkeypatch.setattr(
        simulated, "bland_altman", lambda x, y, **o: right(x, y, **{"confidence": 0.8, **o})
    )
    assert main(["verify", "--statistics", "--draws", "200", "--json"]) == 4
    rows = json.loads(capsys.readouterr().out)["rows"]
    failed = {row["quantity"] for row in rows if row["verdict"] == "fail"}
    assert "interval of the bias, n = 27" in failed
    assert "interval of the upper limit, exact, n = 27" in failed
    assert "ICC(C,1), n = 27" not in failed


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ParameterError, match="at least 100"):
        simulated.statistics_rows(50)
    assert main(["verify", "--draws", "500"]) == 2
    assert "--draws belongs to --statistics" in capsys.readouterr().err
    assert main(["verify", "--statistics", "--family", "levels"]) == 2

"""``soundcal verify``."""

import json
import math

import pytest

from soundcal import verification
from soundcal.cli import main
from soundcal.errors import ParameterError
from soundcal.verification import Outcome, Row, all_rows


def row(value: float, known: str = "") -> Row:
    return Row("STD", "1", "a quantity", 1.0, 0.9, 1.1, "dB", lambda: value, known_deviation=known)


def rows_are(monkeypatch: pytest.MonkeyPatch, *rows: Row) -> None:
    monkeypatch.setattr(verification, "all_rows", lambda families: list(rows))


def test_all_within_is_exit_code_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows_are(monkeypatch, row(1.05), row(2.0, known="printed with a misprint"))
    assert main(["verify"]) == 0
    out, err = capsys.readouterr()
    assert "STD, 1" in out
    assert "0.9 … 1.1" in out
    assert "printed with a misprint" in out
    assert "2 values: 1 within their limits, 1 known deviations, 0 failed" in err


def test_a_failure_is_exit_code_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows_are(monkeypatch, row(1.05), row(1.2))
    assert main(["verify", "--json"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "soundcal/verify/1"
    assert [r["verdict"] for r in found["rows"]] == ["pass", "fail"]
    assert found["failed"] == 1


def test_a_value_that_is_no_number_fails() -> None:
    assert Outcome(row(0.0), math.nan).verdict == "fail"
    assert Outcome(row(0.0, known="why"), 1.0).verdict == "pass"


def test_one_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--family", "octave", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {r["standard"] for r in found["rows"]} == {"IEC 61260-1:2014"}
    with pytest.raises(ParameterError, match="no family 'smell'"):
        all_rows(["smell"])
    assert main(["verify", "--family", "smell"]) == 2

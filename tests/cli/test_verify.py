"""``soundcal verify``."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from soundcal import verification
from soundcal.agreement import bland_altman
from soundcal.cli import main
from soundcal.errors import ParameterError
from soundcal.report.standards import verification_document
from soundcal.verification import Outcome, Row, against_mosqito, all_rows


def row(value: float, known: str = "") -> Row:
    return Row("STD", "1", "a quantity", 1.0, 0.9, 1.1, "dB", lambda: value, known_deviation=known)


def rows_are(monkeypatch: pytest.MonkeyPatch, *rows: Row) -> None:
    monkeypatch.setattr(verification, "all_rows", lambda families: list(rows))
    monkeypatch.setattr(against_mosqito, "compare_with_mosqito", lambda families, advance: [])


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


def test_agreement_with_mosqito(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Loudness over time agrees to 0.1 %; MoSQITo's stationary one is known to be too high."""
    monkeypatch.setattr(verification, "all_rows", lambda families: [row(1.0)])
    few = dict(list(against_mosqito.signals().items())[1:3])
    monkeypatch.setattr(against_mosqito, "signals", lambda: few)
    assert main(["verify", "--family", "loudness", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["mosqito"]
    by_label = {(c["function"], c["statistic"]): c for c in found}
    assert set(by_label) == {
        ("loudness_zwst", "eq"),
        ("loudness_zwtv", "5"),
        ("loudness_zwtv", "max"),
    }
    over_time = by_label["loudness_zwtv", "5"]["agreement"]
    assert over_time["n"] == 2
    assert abs(over_time["bias"]) < 0.1
    assert by_label["loudness_zwst", "eq"]["agreement"]["bias"] < -1.0
    assert any("transient" in error for error in by_label["loudness_zwst", "eq"]["known_errors"])


def test_agreement_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows_are(monkeypatch, row(1.0))
    quantity = against_mosqito.Quantity("loudness", "loudness_zwtv", "5", "sone")
    agreement = bland_altman(
        [1.0, 2.0, 4.04], [1.0, 2.0, 4.0], scale="percent", labels=["a", "b", "c"]
    )
    comparison = against_mosqito.MosqitoAgreement(quantity, agreement, ("it is rounded",))
    monkeypatch.setattr(
        against_mosqito, "compare_with_mosqito", lambda families, advance: [comparison]
    )
    assert main(["verify"]) == 0
    out = capsys.readouterr().out
    assert "soundcal − MoSQITo in % of the mean, 3 signals" in out
    assert "loudness_zwtv, 5       bias +0.332" in out
    assert "largest +0.995, c" in out
    assert "it is rounded" in out
    page = tmp_path / "verification.html"
    assert main(["verify", "--report", str(page)]) == 0
    assert "Agreement with MoSQITo" in page.read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["verify", "--no-mosqito"]) == 0
    assert "MoSQITo" not in capsys.readouterr().out


def test_report_has_every_row_by_standard_and_clause() -> None:
    """Rows of one standard stand together, also if they were computed apart."""
    other = replace(row(1.2), standard="OTHER", upper=math.inf)
    outcomes = [
        Outcome(row(1.05), 1.05),
        Outcome(other, -1.2),
        Outcome(row(2.0, known="a misprint"), 2.0),
    ]
    document = verification_document(outcomes)
    assert [s.heading for s in document.sections[1:-1]] == ["STD", "OTHER"]
    own, others, _ = document.tables()
    assert [line[-1] for line in own.texts()] == ["pass", "known deviation"]
    quantity = ["a quantity", "1", "0.9", "∞", "−1.2", "dB", "standard", "fail"]
    assert others.texts() == [quantity]
    assert "a misprint" in str(document.sections[1])
    assert "OTHER, 1: a quantity" in str(document.sections[0])


def test_report_is_a_page_and_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows_are(monkeypatch, row(1.05), row(1.3))
    page = tmp_path / "verification.html"
    assert main(["verify", "--report", str(page)]) == 4
    before = page.read_text(encoding="utf-8")
    assert "2 values: 1 within their limits, 0 known deviations, 1 failed" in before
    rows_are(monkeypatch, row(1.05))
    assert main(["verify", "--report", str(page)]) == 5
    assert page.read_text(encoding="utf-8") == before
    assert main(["verify", "--report", str(page), "--force"]) == 0

"""``soundcal demo``, on one combination and with short scenes."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from soundcal.cli import demo, main
from soundcal.files.session import Session

COMBINATION = "onboard+closed-16"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "COMBINATIONS", (COMBINATION,))
    monkeypatch.setattr(demo, "_QUICK_S", 0.5)


@pytest.mark.usefixtures("short")
def test_the_demo_says_in_five_lines_what_the_tables_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["demo", "--out", str(out), "--seed", "3", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "soundcal/demo/1"
    assert len(said["summary"]) == 5
    assert Path(said["report"]).stat().st_size > 0
    assert Session(out / COMBINATION).exit_status in ("done", "out of tolerance")
    table = pd.read_csv(out / "agreement.csv")
    for line, method in ((said["summary"][1], "ocv"), (said["summary"][2], "hats")):
        row = table[
            (table["indicator"] == "LA")
            & (table["statistic"] == "eq")
            & (table["first"] == "in-situ")
            & (table["second"] == method)
        ]
        (bias,) = row["bias"]
        # the report's direction is in-situ minus method; the demo says how far the method was off
        found = re.search(rf"{re.escape(COMBINATION)} ([+-][0-9.]+)", line)
        assert found, line
        assert float(found[1]) == pytest.approx(-bias, abs=0.0051)


@pytest.mark.usefixtures("short")
def test_an_earlier_demo_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.html").write_text("of an earlier demo")
    assert main(["demo", "--out", str(tmp_path)]) == 5
    assert "choose another folder with --out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]

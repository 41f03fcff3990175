"""``soundcal compare`` with scales, both ears, takes and further statistics, as typed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_tables import tidy

from soundcal.cli import main
from soundcal.study import Rules, compare_methods


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tidy(8).to_csv(tmp_path / "t.csv", index=False)
    rng = np.random.default_rng(3)
    takes = pd.concat([tidy(8).assign(take=name) for name in ("1", "2", "3")])
    takes["value"] *= np.exp(rng.normal(0, 0.01, len(takes)))
    takes.to_csv(tmp_path / "takes.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[dict, str]:
    assert main(["compare", *arguments, "--json"]) == 0
    said = capsys.readouterr()
    return json.loads(said.out), said.err


def test_all_options_reach_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["t.csv", "--scale", "N=ratio", "--also", "ccc", "tdi", "--delta", "N=20%"]
    result, _ = told(capsys, *arguments)
    assert result["rules"]["scale"] == {"N": "ratio"}
    assert result["rules"]["also"] == ["ccc", "tdi"]
    rules = Rules(scale={"N": "ratio"}, also=("ccc", "tdi"), delta={"N": "20 %"})
    comparison = compare_methods(tidy(8), rules=rules)
    for row, entry in zip(result["agreement"], comparison.entries, strict=True):
        assert row["scale"] == entry.scale
        assert row["upper"] == pytest.approx(entry.agreement.upper, rel=1e-12)
        assert row["delta_percent"] == (20.0 if entry.indicator == "N" else None)
    assert len(result["further"]) == 4 * len(comparison.entries)
    ears = result["ears"][0]
    model = comparison.entries[0].two_ears
    assert model is not None
    assert ears["upper"] == pytest.approx(model.single.upper)
    assert ears["left_right_p"] == pytest.approx(model.between_p)
    assert "repeatability" not in result


def test_a_plain_scale_spares_the_levels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result, words = told(capsys, "t.csv", "--scale", "percent")
    scales = {row["indicator"]: row["scale"] for row in result["agreement"]}
    assert scales == {"LA": "difference", "N": "percent"}
    assert "note: LA: differences of levels" in words


def test_both_ears(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result, words = told(capsys, "t.csv", "--ears", "both", "--out", "out")
    assert {row["n"] for row in result["agreement"]} == {8}
    assert {row["ears"] for row in result["agreement"]} == {"both"}
    assert "a single ear of a further stimulus is expected between" in words
    frame = pd.read_csv(folder / "out" / "differences.csv")
    assert len(frame) == 2 * 8 * len(result["agreement"])
    assert set(frame["part"]) == {"left", "right"}


@pytest.mark.parametrize("page", ["r.docx", "r.pdf", "r"])
def test_a_page_with_the_ending_of_something_else_is_refused(
    page: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "t.csv", "--report", page]) == 2
    assert f"{page}: a page ends in .html" in capsys.readouterr().err
    assert not (folder / page).exists()


@pytest.mark.parametrize("takes", ["constant", "varying"])
def test_takes(takes: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result, words = told(capsys, "takes.csv", "--takes", takes, "--report", "r.html")
    assert {row["method"] for row in result["repeatability"]} == {"in-situ", "ocv", "hats"}
    assert {row["takes"] for row in result["repeatability"]} == {24}
    assert "a single take of a further stimulus" in words
    assert "ears" not in result


def test_the_defaults_are_the_same_as_typed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, words = told(capsys, "t.csv")
    typed = ["--scale", "difference", "--ears", "mean", "--takes", "constant"]
    assert told(capsys, "t.csv", *typed) == (plain, words)
    assert "further" not in plain
    assert "prediction interval" in words


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["t.csv", "--scale", "log"], 2, "difference, ratio, percent"),
        (["t.csv", "--scale", "N=ratio", "N=percent"], 2, "once for each"),
        (["t.csv", "--scale", "LA=ratio"], 2, "ratio has no meaning"),
        (["t.csv", "--scale", "N5=ratio"], 2, "with all its statistics"),
        (["t.csv", "--ears", "both", "--interval", "1986"], 2, "mover or 1999"),
        (["t.csv", "--ears", "both", "--paper"], 2, "--paper means --ears mean"),
        (["takes.csv", "--ears", "both"], 2, "both ears and repeated takes"),
        (["takes.csv", "--interval", "pair"], 2, "mover or 1999"),
        (["t.csv", "--also", "r"], 2, "invalid choice"),
        (["t.csv", "--scale", "ratio", "--delta", "N=0.5"], 2, "state it in per cent"),
    ],
)
def test_refusals(
    arguments: list[str],
    code: int,
    words: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        found = main(["compare", *arguments])
    except SystemExit as error:
        found = int(str(error.code))
    assert found == code
    assert words in capsys.readouterr().err

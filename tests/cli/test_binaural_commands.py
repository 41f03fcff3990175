"""Commands with the hearing model: both ears by the standard, from files to tables and reports."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from soundcal.cli import main
from soundcal.files import audio
from soundcal.indicators import loudness_ecma

FS = 48000
NAMES = ("NHM", "THM", "LA")
Capsys = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two recordings by each of two methods, 1 dB apart."""
    folder = tmp_path_factory.mktemp("recordings")
    noise = np.random.default_rng(4).normal(0.0, [[0.02], [0.05]], (2, round(0.4 * FS)))
    for method, factor in (("A", 1.0), ("B", 1.12)):
        (folder / method).mkdir()
        for n in (1, 2):
            audio.write(folder / method / f"s{n}.wav", factor * n * noise, FS)
    return folder


@pytest.fixture
def here(recordings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(recordings)
    return recordings


def measured(capsys: Capsys, *options: str) -> list[dict[str, object]]:
    assert main(["measure", *options, "--sensitivity", "1", "--json"]) == 0
    rows: list[dict[str, object]] = json.loads(capsys.readouterr().out)["rows"]
    return rows


def test_measured_tables_are_compared_by_the_binaural_value(here: Path, capsys: Capsys) -> None:
    names = ["--indicators", "NHMeq,THMeq,LAeq", "--ears", "each,binaural", "--wide", "--force"]
    rows = measured(capsys, "A/s1.wav", "A/s2.wav", *names, "--out", "A.csv")
    measured(capsys, "B/s1.wav", "B/s2.wav", *names, "--out", "B.csv")
    channels = {name: [r["channel"] for r in rows[:7] if r["indicator"] == name] for name in NAMES}
    assert channels["NHM"] == ["left", "right", "binaural"]
    assert channels["LA"] == channels["THM"] == ["left", "right"]
    wide = pd.read_csv("A.csv")
    assert "NHMeq_binaural [sone_HMS]" in wide.columns
    assert "THMeq_binaural [tu_HMS]" not in wide.columns
    sound = audio.read("A/s1.wav").samples
    expected = loudness_ecma(sound, FS).binaural
    assert expected is not None
    assert wide["NHMeq_binaural [sone_HMS]"][0] == pytest.approx(expected.value, rel=1e-9)

    assert main(["compare", "A.csv", "B.csv", "--ears", "binaural", "--json"]) == 0
    said = capsys.readouterr()
    (entry,) = json.loads(said.out)["agreement"]
    assert (entry["indicator"], entry["unit"], entry["ears"]) == ("NHM", "sone_HMS", "binaural")
    assert "no binaural value, not compared: LAeq, THMeq" in said.err
    column = "NHMeq_binaural [sone_HMS]"
    bias = (wide[column] - pd.read_csv("B.csv")[column]).mean()
    assert entry["bias"] == pytest.approx(bias, rel=1e-9)
    assert main(["compare", "A.csv", "B.csv", "--json"]) == 0
    by_mean = json.loads(capsys.readouterr().out)["agreement"]
    assert {(one["indicator"], one["ears"]) for one in by_mean} == {
        ("LA", "mean"),
        ("NHM", "mean"),
        ("THM", "mean"),
    }


def test_report_compares_and_prints_the_binaural_value(here: Path, capsys: Capsys) -> None:
    options = ["--sensitivity", "1", "--indicators", "NHMeq", "--ears", "binaural", "--force"]
    assert main(["report", "A", "B", *options, "--out", "page", "--json"]) == 0
    capsys.readouterr()
    page = (here / "page" / "report.html").read_text(encoding="utf-8")
    assert "binaural value by the standard itself (ECMA-418-2" in page
    assert "Values of the channel binaural combine both ears as the standard itself does" in page
    table = pd.read_csv(here / "page" / "indicators.csv")
    assert set(table["channel"]) == {"left", "right", "binaural"}


def test_what_cannot_be_asked_for_is_refused_before_measuring(here: Path, capsys: Capsys) -> None:
    files = ["A/s1.wav", "--sensitivity", "1"]
    for command, reason in (
        (
            ["measure", *files, "--ears", "binaural", "--indicators", "NHM,THM,N"],
            "of N, THM define",
        ),
        (["report", "A", "B", "--sensitivity", "1", "--ears", "binaural"], "of LA, LC, N, S, F"),
        (["measure", *files, "--field", "eardrum", "--indicators", "NHM,N,S"], "N, S cannot be"),
        (["measure", *files, "--field", "reverberant"], "invalid choice"),
    ):
        try:
            code = main(command)
        except SystemExit as error:
            code = error.code
        assert code == 2
        assert reason in capsys.readouterr().err


def test_field_of_the_eardrum(here: Path, capsys: Capsys) -> None:
    """Pressure at the eardrum is not filtered by the outer ear; a level does not change."""
    found = {
        field: measured(capsys, "A/s1.wav", "--indicators", "NHMeq,LAeq", "--field", field)
        for field in ("free", "eardrum")
    }
    free, drum = ({row["indicator"]: row["value"] for row in rows} for rows in found.values())
    assert drum["LA"] == free["LA"]
    assert drum["NHM"] != free["NHM"]
    assert str(found["eardrum"][0]["software"]).endswith(", pressure at the eardrum")

"""A study that simulated participants carry out through the real server."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from listening_answers import make_study

from soundcal.cli import main
from soundcal.listening.rehearsal.listeners import Listeners
from soundcal.listening.rehearsal.visitors import truths
from soundcal.listening.results import read_results
from soundcal.listening.store import Store
from soundcal.listening.study import Study

PEOPLE = 6


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("study")
    made = make_study(folder, planned=PEOPLE)
    # both conditions with gains by the open-circuit voltage, which are found at once
    text = made.toml.replace("hats/gains_hats.json", "other/gains.json")
    text = text.replace("repeats = 1", "repeats = 1\npause = { after = 1, at_least_s = 600 }")
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return made


@pytest.mark.long
def test_a_rehearsal_from_the_study_to_the_report(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study.folder
    before = {path.name for path in folder.iterdir()}
    out = tmp_path / "elsewhere"
    asked = ["listen", "rehearse", str(folder), "--effects", "40", "--json", "--out", str(out)]
    assert main(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "soundcal/listen-rehearsal/1"
    assert found["problems"] == []
    # 2 visits with 2 sounds, and training, a score and questions once each
    assert found["answers"] == PEOPLE * 7
    assert found["verdict"]["planted"] == round(0.2 * 2 * 8)
    assert len(found["verdict"]["found"]) >= found["verdict"]["planted"] - 1
    assert len(found["verdict"]["false"]) <= 1
    text = " ".join(found["sentences"])
    assert "Visit 1: 4 pages, 3 s of sound, at least 10 min of breaks" in text
    assert "Conditions of 6 people: HATS then OCV 3, OCV then HATS 3." in text
    # nothing of the study itself was touched
    assert {path.name for path in folder.iterdir()} - before <= {".levels.json"}

    ratings = pd.read_csv(out / "export" / "ratings.csv")
    assert len(ratings) == PEOPLE * 2 * 2 * 8
    assert ratings["value"].notna().all()
    assert (ratings["played"] == 1).all()
    assert Path(found["reports"][0]) == out / "export" / "report.html"
    check_answers(study, out / "rehearsal.sqlite", ratings)

    assert main(asked) == 5
    assert "exists already" in capsys.readouterr().err
    other = tmp_path / "notes"
    other.mkdir()
    (other / "mine.txt").write_text("mine", encoding="utf-8")
    assert main([*asked, "--out", str(other), "--force"]) == 5
    assert (other / "mine.txt").exists()


def check_answers(study: Study, database: Path, ratings: pd.DataFrame) -> None:
    """Every answer that was sent is stored once, as it was sent."""
    results = read_results(study.folder, database)
    assert {person["state"] for person in results.participants} == {"finished"}
    assert {record.state for record in results.trials} == {"answered"}
    assert all(row["state"] == "done" for row in results.tables["presentation"])
    truth = truths(study, effect=0.4, seed=0)[0.0, 100.0]
    assert isinstance(truth, Listeners)
    with Store(database, read_only=True) as store, store.read() as connection:
        codes = "SELECT code FROM participant ORDER BY rowid"
        sent_once = "SELECT count(*), count(DISTINCT trial) FROM submit"
        assert tuple(connection.execute(sent_once).fetchone()) == (PEOPLE * 7, PEOPLE * 7)
        order = [row["code"] for row in connection.execute(codes)]
    for key, rows in ratings.groupby(["participant", "condition", "stimulus"]):
        person, condition, stimulus = key
        names = list(rows["attribute"])
        sent = truth.answers(order.index(person) + 1, condition, stimulus, names)
        assert dict(zip(names, rows["value"], strict=True)) == sent


def test_a_study_beyond_its_limits_is_not_rehearsed(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    text = (study.folder / "study.toml").read_text(encoding="utf-8")
    (folder / "study.toml").write_text(text.replace("laeq_db = 90", "laeq_db = 60"))
    assert main(["listen", "rehearse", str(folder), "--participants", "2"]) == 4
    assert re.search(r"wrong: CG04 \(OCV\): LAeq .* limit of 60 dB", capsys.readouterr().out)
    assert not (folder / "rehearsal" / "rehearsal.sqlite").exists()
    shutil.rmtree(folder / "rehearsal")
    assert main(["listen", "rehearse", str(folder), "--participants", "0"]) == 2
    assert main(["listen", "rehearse", str(folder), "--effects", "70"]) == 2


def test_missing_libraries_are_named(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("soundcal.cli.listen.find_spec", lambda name: None)
    assert main(["listen", "rehearse", str(study.folder)]) == 2
    said = capsys.readouterr().err
    assert "needs the libraries starlette, uvicorn, segno; pip install 'soundcal[listen]'" in said

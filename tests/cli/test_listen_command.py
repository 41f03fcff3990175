"""``soundcal listen``: actions that need no open room."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from listening_answers import fill, listeners_of, make_study

from soundcal.cli import main
from soundcal.listening.report_section import listening_test
from soundcal.listening.results import database_of, read_results
from soundcal.listening.store import Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    study = make_study(tmp_path / "study", planned=6)
    fill(database_of(study.folder), study, 6, listeners_of(study))
    return study.folder


def test_status(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", "status", str(folder), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["schema"] == "soundcal/listen-status/1"
    assert content["planned"] == 6
    assert content["states"] == {"finished": 6}
    assert [person["answered"] for person in content["participants"]] == [7] * 6
    assert content["last_level_check"]["kind"] == "coupler"
    assert main(["listen", "status", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "6 participants planned: 6 finished; 0 withdrew" in said
    assert "last level check 2026-03-02T10:00 UTC by coupler: passed" in said
    assert "the room is closed" in said
    assert len(re.findall("^QX00", said, re.MULTILINE)) == 6


def test_status_before_anybody_came(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = make_study(tmp_path)
    assert main(["listen", "status", str(study.folder)]) == 5
    assert "nobody has taken part yet" in capsys.readouterr().err


def test_an_export_with_its_report(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    asked = ["listen", "export", str(folder), "--out", str(out), "--report", "--json"]
    assert main(asked) == 0
    said = capsys.readouterr()
    content = json.loads(said.out)
    assert [Path(name).name for name in content["reports"]] == ["report.html", "report_2.html"]
    assert all(Path(name).is_file() for name in content["files"])
    assert "OCV - HATS:" in said.err
    page = (out / "report.html").read_text(encoding="utf-8")
    for text in (
        "Set-up of the listening test",
        "6 participants of 6 planned: 6 finished",
        "version 1 from 2026-03-02",
        "Presentations were not monitored",
        "Conditions of 6 people: HATS then OCV 3, OCV then HATS 3.",
        "main: every sound stands",
        "largest 6e-05 Pa²h, limit 0.16 Pa²h",
    ):
        assert text in page, text
    checks = re.search(r'id="room-level-checks".*?</table>', page, re.DOTALL)
    assert checks is not None
    cells = re.findall(r"<td[^>]*>(.*?)</td>", checks[0])
    assert cells[-5:-2] == ["coupler", "passed", "−0.20"]
    assert cells[-1] == "Ada"
    # the same analysis as by the command that knows nothing of the room
    asked = ["ratings", str(out / "ratings.csv"), "--scale", "0", "100", "--language", "eng"]
    assert main([*asked, "--conditions", "OCV", "HATS", "--out", str(tmp_path / "tables")]) == 0
    cells = pd.read_csv(tmp_path / "tables" / "ratings_cells.csv")
    assert len(cells) == 2 * 8
    said = capsys.readouterr()
    assert main(["listen", "export", str(folder), "--out", str(out)]) == 5
    assert "already exists" in capsys.readouterr().err


def test_skips_stops_and_missing_level_checks_are_told(folder: Path) -> None:
    with Store(database_of(folder)) as store:
        for text in (
            "DELETE FROM level_check",
            "UPDATE session SET state = 'stopped', reason = 'felt unwell' WHERE id = 1",
            "UPDATE trial SET state = 'planned' WHERE session = 1 AND position > 2",
            "UPDATE trial SET state = 'skipped' WHERE session = 2 AND position = 1",
            "INSERT INTO event (at, mono_ms, participant, session, kind, body) SELECT '', 0, "
            "'QX001', 2, 'skipped', json_object('trial', id, 'reason', 'it hums') FROM trial "
            "WHERE session = 2 AND position = 1",
        ):
            store.write(lambda connection, text=text: connection.execute(text).rowcount).result()
    told = listening_test(read_results(folder, database_of(folder)))
    skipped, stopped = told.exclusions
    assert re.fullmatch(r"QX001: CG0[14] was skipped by the assistant \(it hums\)\.", skipped)
    assert stopped == "QX001: stopped in visit 1 after 2 of 4 trials (felt unwell)."
    assert any("level was not checked" in warning for warning in told.warnings)


def test_a_backup_can_be_read(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    assert main(["listen", "backup", str(folder), str(copy)]) == 0
    with Store(copy, read_only=True) as store, store.read() as connection:
        assert connection.execute("SELECT count(*) FROM answer").fetchone()[0] > 100
    assert main(["listen", "backup", str(folder), str(copy)]) == 5


def test_new_studies_from_templates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", "new", "--template", "list"]) == 0
    assert "paq-two-calibrations  Perceived affective quality of 27 scenes" in re.sub(
        " {3,}", "  ", capsys.readouterr().out
    )
    assert main(["listen", "new", "--template", "list", "--json"]) == 0
    names = json.loads(capsys.readouterr().out)["templates"]
    for name in names:
        assert main(["listen", "new", str(tmp_path / name), "--template", name, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["file"] == str(tmp_path / name / "study.toml")
    assert main(["listen", "new", str(tmp_path / "paq"), "--template", "paq"]) == 5
    assert "exists already" in capsys.readouterr().err
    assert main(["listen", "new", "--template", "paq"]) == 2
    assert main(["listen", "new", str(tmp_path / "x"), "--template", "pap"]) == 2
    assert not (tmp_path / "x").exists()


def test_a_check_of_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = make_study(tmp_path / "study", planned=4)
    assert main(["listen", "check", str(study.folder)]) == 5
    said = capsys.readouterr().out
    assert "out of order: ocv/gains_ocv.json: no such file" in said
    stimuli = ["stimuli=CG01,CG04,W01", "duration=1"]
    sheet = ["impedance=320", "sensitivity=104", "headphone=example"]
    settings = [word for one in (*stimuli, *sheet) for word in ("--set", one)]
    run = ["protocol", "run", "ocv_headphones", "--device", "sim:lab", *settings]
    assert main([*run, "--out", str(study.folder / "ocv")]) == 0
    hats = study.folder / "hats" / "gains_hats.json"
    hats.parent.mkdir()
    hats.write_bytes((study.folder / "ocv" / "gains_ocv.json").read_bytes())
    capsys.readouterr()
    assert main(["listen", "check", str(study.folder), "--device", "sim:lab", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["schema"] == "soundcal/listen-check/1"
    assert content["verdict"] == "in order"
    assert len(content["presentations"]) == 2 * 3
    assert main(["listen", "check", str(study.folder)]) == 0
    said = capsys.readouterr().out
    assert "Visit 1: 4 pages, 3 s of sound; answering comes on top." in said
    assert "compared with a device, as none was named" in said
    assert said.endswith("in order\n")
    # a limit below what is played
    text = (study.folder / "study.toml").read_text(encoding="utf-8")
    (study.folder / "study.toml").write_text(text.replace("laeq_db = 90", "laeq_db = 60"))
    assert main(["listen", "check", str(study.folder)]) == 4
    assert re.search(
        r"exceeds a limit: .*LAeq [\d.]+ dB .* exceeds the limit of 60 dB", capsys.readouterr().out
    )
    (study.folder / "study.toml").write_text(text.replace("seed = 7", "sead = 7"))
    assert main(["listen", "check", str(study.folder)]) == 5
    assert re.search(r"study\.toml.*line 4.*did you mean seed", capsys.readouterr().err)

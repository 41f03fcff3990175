"""``soundcal listen``: invitations, amendments, and the room that opens."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from listening_answers import fill, listeners_of, make_study

from soundcal.cli import main
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.listening.reading import read_study
from soundcal.listening.rehearsal.gains import find_gains
from soundcal.listening.results import database_of
from soundcal.listening.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path / "study", planned=3)


def test_invitations_are_sheets_with_links(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["listen", "invite", str(study.folder), "--json"]
    sheets = tmp_path / "sheets.html"
    lan = ["--lan", "192.168.1.20", "--out", str(sheets)]
    assert main([*asked, *lan]) == 0
    said = capsys.readouterr()
    assert "earlier" not in said.err
    made = json.loads(said.out)["invitations"]
    assert len(made) == 3
    page = sheets.read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    for one in made:
        assert re.fullmatch(r"http://192\.168\.1\.20:8000/j/[\w-]{22}", one["link"])
        assert f'<p class="code">{one["code"]}</p>' in page
        assert f'<p class="link">{one["link"]}</p>' in page
    assert "http" not in re.sub(r"http://(192\.168\.1\.20:8000|www\.w3\.org/2000/svg)", "", page)
    # the database does not know the links, and a second sheet replaces the first
    stored = database_of(study.folder).read_bytes()
    assert made[0]["code"].encode() in stored
    assert made[0]["link"][-22:].encode() not in stored
    assert main(asked) == 0
    said = capsys.readouterr()
    again = json.loads(said.out)["invitations"]
    assert "lead to this machine only" in said.err
    assert "3 earlier links work no longer" in said.err
    assert [one["code"] for one in again] == [one["code"] for one in made]
    assert {one["link"][-22:] for one in again}.isdisjoint(one["link"][-22:] for one in made)
    assert main([*asked, "--number", "2"]) == 0
    assert len(json.loads(capsys.readouterr().out)["invitations"]) == 2
    assert main([*asked, *lan]) == 5
    assert "already exists" in capsys.readouterr().err
    assert main([*asked, "--number", "0"]) == 2


def test_people_of_a_pilot_have_a_status_of_their_own(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["listen", "invite", str(study.folder), "--pilot", "--number", "2"]) == 0
    capsys.readouterr()
    assert main(["listen", "status", str(study.folder), "--pilot", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["states"] == {"invited": 2}


def test_an_amendment_is_a_version_with_a_reason(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["listen", "amend", str(study.folder), "--reason", "typing error", "--json"]
    assert main(asked) == 5
    assert "can simply be changed" in capsys.readouterr().err
    fill(database_of(study.folder), study, 1, listeners_of(study))
    text = (study.folder / "study.toml").read_text(encoding="utf-8")
    (study.folder / "study.toml").write_text(text.replace("You will hear", "You hear"))
    for gains in study.sound.conditions.values():
        gains.parent.mkdir()
        gains.write_text("{}", encoding="utf-8")
    assert main(asked) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["version"] == 2
    assert "study.toml" in said.err
    assert main(["listen", "status", str(study.folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == 2
    assert main(asked) == 5


@pytest.fixture(scope="module")
def sounding(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study with gains by the open-circuit voltage of the simulated laboratory."""
    made = make_study(tmp_path_factory.mktemp("room"), planned=3)
    text = made.toml.replace("hats/gains_hats.json", "ocv/gains_ocv.json")
    (made.folder / "study.toml").write_text(text, encoding="utf-8")
    with SimulatedLab("lab", seed=0) as lab:
        find_gains(made, lab, "ocv", made.folder / "ocv", lambda text: None)
    return read_study(made.folder)


def test_a_level_check_alone(
    sounding: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["listen", "levels", str(sounding.folder), "--device", "sim:lab", "--json"]
    assert main([*asked, "--level-check", "voltage", "--operator", "Ada"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"]
    assert all(abs(deviation) < 0.2 for deviation in found["deviations"].values())
    assert main(["listen", "status", str(sounding.folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["last_level_check"]["kind"] == "voltage"
    assert found["version"] is None
    assert found["states"] == {"invited": 3}
    assert main(asked) == 2
    other = ["listen", "levels", str(sounding.folder), "--device", "sim:onboard+closed-16"]
    assert main([*other, "--level-check", "voltage"]) == 5
    capsys.readouterr()
    # somebody has turned the volume control by 3 dB
    told = SimulatedLab.read_voltmeter
    monkeypatch.setattr(SimulatedLab, "read_voltmeter", lambda lab, name: 1.41 * told(lab, name))
    assert main([*asked, "--level-check", "voltage"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert not found["passed"]
    assert found["deviations"]["left"] == pytest.approx(3.0, abs=0.1)


def test_the_room_is_served_until_it_is_closed(
    sounding: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["listen", "serve", str(sounding.folder)]
    more = ["--device", "sim:lab", "--level-check", "ears-only", "--port", "0", "--json", "--pilot"]
    server = subprocess.Popen(
        [sys.executable, "-m", "soundcal", *command, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        text = ""
        while not text.endswith("\n}\n"):
            line = server.stdout.readline()
            assert line, server.communicate()[1]
            text += line
        links = json.loads(text)["links"]
        for link, words in ((links["participants"], "code"), (links["experimenter"], "/dash")):
            with urllib.request.urlopen(link, timeout=60) as reply:
                assert words in reply.read().decode()
        # the folder is taken
        assert main([*command, *more]) == 5
        assert f"process {server.pid}" in capsys.readouterr().err
    finally:
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=60)
    assert server.returncode == 0
    assert "the room is closed; every answer is stored" in said
    assert "Traceback" not in said
    assert database_of(sounding.folder, pilot=True).is_file()

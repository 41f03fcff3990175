"""A study that is opened: lock, frozen files, level check, player and room together."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from listening_room import Person
from listening_sounds import opened_lab
from listening_study import write_study

from soundcal.errors import CalibrationError, ParameterError, RecordError
from soundcal.lab.operator import SimulatedOperator
from soundcal.listening import serving
from soundcal.listening.level_check import LevelCheck, run_level_check
from soundcal.listening.serving import OpenRoom, amend, open_room, served

QUIET = (
    ('"sessions/ocv/gains_ocv.json"', '"ocv/gains_ocv.json"'),
    ('"sessions/hats/gains_hats.json"', '"hats/gains_hats.json"'),
    ("planned = 8", "planned = 2"),
)
CHANGES = (
    *QUIET,
    ("duration = 2", 'duration = 2\nmonitor = "loopback"\nmonitor_inputs = [3, 4]'),
    ('stimuli = ["W01"]', 'stimuli = ["N1"]'),
    ('["CG01", "CT301", "E02", "N1"]', '["CG01", "N1"]'),
    ("pause = { after = 2, at_least_s = 1 }", ""),
)
QUESTIONS = """
[[block]]
id = "about-you"
design = "questions"

[[block.question]]
id = "age"
kind = "number"
text = { eng = "How old are you?" }
"""


@pytest.fixture
def folder(tmp_path: Path, sounds: Path) -> Path:
    """A study with the gains of both methods."""
    made = tmp_path / "study"
    shutil.copytree(sounds, made)
    return write_study(made, *CHANGES)


@pytest.fixture
def quiet(tmp_path: Path, sounds: Path) -> Path:
    """A study that asks and plays nothing, and so opens quickly."""
    made = tmp_path / "study"
    shutil.copytree(sounds, made)
    return write_study(made, *QUIET, blocks=QUESTIONS)


def level_check(passed: bool = True, hours: float = 12.0) -> LevelCheck:
    """Return a level check by hand, as many hours before its end."""
    now = datetime.now(UTC)
    until = now + timedelta(hours=hours)
    deviations = {"left": 0.01, "right": -0.02}
    return LevelCheck("voltage", passed, deviations, (), now.isoformat(), until.isoformat())


@contextmanager
def opened(folder: Path, **options: Any) -> Iterator[OpenRoom]:
    with opened_lab() as device, open_room(folder, device, **options) as made:
        made.note_level_check(level_check(), operator="me")
        yield made


def enter(room: OpenRoom) -> Person:
    return Person(room.room, room.room.join(token=room.room.invite(1)[0].token))


def to_the_end(person: Person) -> None:
    until = time.monotonic() + 60
    while person.screen != "end":
        assert time.monotonic() < until, person.view
        if person.screen in ("playing", "technical") or person.view.data.get("playing"):
            time.sleep(0.01)
        else:
            person.go_on()


def rows(room: OpenRoom, sql: str) -> list[dict[str, Any]]:
    with room.store.read() as connection:
        return [dict(row) for row in connection.execute(sql)]


def test_a_visit_with_the_player_of_a_device(folder: Path) -> None:
    with opened(folder) as room:
        assert rows(room, "SELECT count(*) AS n FROM participant")[0]["n"] == 2  # planned
        to_the_end(enter(room))
        played = rows(room, "SELECT * FROM presentation")
        assert [row["kind"] for row in played] == ["headphones"] * 2 + ["comfort"] + ["trial"] * 3
        assert {row["state"] for row in played} == {"done"}
        assert {row["verdict"] for row in played} == {"pass"}
        assert all(row["n_samples"] > 0 and row["started"] < row["ended"] for row in played)
        assert all(abs(row["predicted_laeq"]) < 85 for row in played)
        assert len(rows(room, "SELECT * FROM answer")) == 2 * 8 + 8
        run = rows(room, "SELECT * FROM server_run")[0]
        assert run["ended"] is None
        assert run["device"] == played[-1]["device"]


def test_a_second_server_is_refused_with_process_and_time(quiet: Path) -> None:
    with opened(quiet) as room:
        started = rows(room, "SELECT started FROM server_run")[0]["started"]
        with (
            opened_lab() as device,
            pytest.raises(RecordError, match=r"in use by .*process \d+") as refused,
            open_room(quiet, device),
        ):
            pass
        assert f"open since {started[:19].replace('T', ' ')} UTC" in str(refused.value)


def test_a_frozen_study_that_has_changed_is_not_opened_before_it_is_amended(quiet: Path) -> None:
    with pytest.raises(RecordError, match="can simply be changed"):
        amend(quiet, "typo")
    with opened(quiet) as room:
        enter(room).go_on()
        order = rows(room, "SELECT * FROM plan WHERE sequence = 1")
    text = (quiet / "study.toml").read_text()
    (quiet / "study.toml").write_text(text.replace("seed = 20260301", "seed = 7"))
    gains = quiet / "ocv" / "gains_ocv.json"
    gains.write_bytes(gains.read_bytes() + b"\n")
    with (
        pytest.raises(RecordError, match=r"study.toml has changed since") as refused,
        opened(quiet),
    ):
        pass
    assert "soundcal listen amend" in str(refused.value)
    with pytest.raises(ParameterError, match="reason"):
        amend(quiet, " ")
    version, changed = amend(quiet, "another seed for those who come")
    assert version == 2
    assert changed == ("study.toml has changed", "ocv/gains_ocv.json has changed")
    with pytest.raises(RecordError, match="nothing has changed"):
        amend(quiet, "again")
    with opened(quiet) as room:
        kept = rows(room, "SELECT * FROM plan WHERE version = 2 AND sequence = 1")
        assert [one["trials_json"] for one in kept] == [one["trials_json"] for one in order]
        enter(room).go_on()
        versions = rows(room, "SELECT study_version FROM session ORDER BY id")
        assert [row["study_version"] for row in versions] == [1, 2]
        reasons = [row["reason"] for row in rows(room, "SELECT reason FROM study")]
        assert reasons == ["first participant", "another seed for those who come"]


def test_an_amendment_takes_nothing_away_that_somebody_has_begun(quiet: Path) -> None:
    with opened(quiet) as room:
        enter(room).go_on()
    text = (quiet / "study.toml").read_text()
    (quiet / "study.toml").write_text(text.replace('"about-you"', '"about-me"'))
    with pytest.raises(RecordError, match=r"block about-you, .*part of an order"):
        amend(quiet, "another name")


def test_a_study_beyond_its_limits_is_not_opened(folder: Path) -> None:
    text = (folder / "study.toml").read_text()
    (folder / "study.toml").write_text(text + "\n[limits]\nlaeq_db = 40.0\n")
    with pytest.raises(CalibrationError, match="exceeds the limit of 40 dB"), opened(folder):
        pass


def test_the_doors_are_closed_without_a_valid_level_check(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_WATCH_S", 0.02)
    with opened_lab() as device, open_room(folder, device) as room:
        person = enter(room)
        assert (person.screen, room.levels_to_check()) == ("closed", True)
        with pytest.raises(ParameterError, match="the levels have not been checked"):
            room.room.reopen()
        room.note_level_check(level_check(passed=False))
        assert room.room.closed == "the level check failed"
        room.note_level_check(level_check(hours=1.0 / 3600.0))
        assert person.screen == "information"
        while not room.room.closed:
            time.sleep(0.01)
        assert room.room.closed == "the level check has expired"
        room.note_level_check(level_check(), operator="me", note="repeated")
        assert person.screen == "information"
        noted = rows(room, "SELECT * FROM level_check ORDER BY id DESC")[0]
        assert json.loads(noted["deviations_json"]) == {"left": 0.01, "right": -0.02}
        assert (noted["operator"], noted["note"], noted["passed"]) == ("me", "repeated", 1)
    with opened_lab() as device, open_room(folder, device) as room:
        assert not room.levels_to_check()  # it holds beyond the end of the server
        assert room.room.closed == ""


def test_a_pilot_has_a_database_of_its_own_and_freezes_nothing(quiet: Path) -> None:
    with opened(quiet, pilot=True) as room:
        enter(room).go_on()
        assert {row["pilot"] for row in rows(room, "SELECT pilot FROM participant")} == {1}
    assert not (quiet / "answers.sqlite").exists()
    text = (quiet / "study.toml").read_text()
    (quiet / "study.toml").write_text(text.replace("seed = 20260301", "seed = 7"))
    with opened(quiet, pilot=True) as room:
        enter(room).go_on()
        versions = rows(room, "SELECT study_version FROM session ORDER BY id")
        assert [row["study_version"] for row in versions] == [1, 2]
        states = rows(room, "SELECT state FROM session ORDER BY id")
        assert [row["state"] for row in states] == ["stopped", "running"]


def test_an_open_room_is_served(quiet: Path) -> None:
    with opened(quiet) as room, served(room) as server:
        server.running.start()
        with urlopen(f"{server.bound.local}/t") as page:
            assert page.status == 200
        token = room.room.invite(1)[0].token
        with urlopen(server.invitation(token)) as page:
            assert page.status == 200
        with urlopen(server.desk("assistant")) as page:
            assert page.status == 200


def test_presentations_are_compared_with_the_level_check_also_after_a_restart(folder: Path) -> None:
    with opened_lab() as device, open_room(folder, device) as room:
        found = run_level_check("voltage", device, room.study, SimulatedOperator(device))
        room.note_level_check(found, operator="me")
    ended = "SELECT * FROM presentation WHERE ended IS NOT NULL"
    with opened_lab() as device, open_room(folder, device) as room:
        assert not room.levels_to_check()
        device.turn_knob(-0.6)
        person = enter(room)
        while not rows(room, ended):
            if person.screen == "playing" or person.view.data.get("playing"):
                time.sleep(0.01)
            else:
                person.go_on()
        (row,) = rows(room, ended)
    predicted = json.loads(row["predicted_json"])["level"]
    assert row["measured_db"] == pytest.approx(predicted - 0.6, abs=0.05)
    assert row["verdict"] == "suspect"

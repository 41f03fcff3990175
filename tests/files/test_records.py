"""Session folders: append-only, checked, resumable, and nothing leaves them."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.errors import RecordError
from soundcal.files.records import read_json, write_json
from soundcal.files.session import Event, Session
from soundcal.files.upgrades import UPGRADES


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session.create(tmp_path / "s1", "microphone_check", {"level": 94.0})


def test_a_session_tells_how_it_ended(session: Session) -> None:
    assert session.exit_status == "interrupted"
    session.log("step", step="left ear")
    assert session.finished("left ear")
    assert not session.finished("right ear")
    session.stop("done")
    assert session.exit_status == "done"
    with pytest.raises(RecordError, match="nothing to resume"):
        Session.resume(session.folder, "microphone_check")


def test_an_interrupted_session_is_resumed_after_its_files_were_checked(session: Session) -> None:
    path = session.add_audio("rec-N1_run-1", np.full((2, 480), 0.25), 48000, {"stimulus": "N1"})
    record = read_json(path.with_suffix(".json"), "soundcal/recording/2")
    assert record["stimulus"] == "N1"
    assert record["software"]["soundcal"]
    with pytest.raises(RecordError, match="not 'ocv_headphones'"):
        Session.resume(session.folder, "ocv_headphones")
    resumed = Session.resume(session.folder, "microphone_check")
    assert [event["event"] for event in resumed.events()] == ["start", "audio", "resume"]
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(RecordError, match="changed after"):
        Session.resume(session.folder, "microphone_check")


def test_a_torn_last_line_is_left_out_and_a_damaged_one_refused(session: Session) -> None:
    log = session.folder / "session.jsonl"
    log.write_text(log.read_text() + '{"time": "2022')
    assert len(session.events()) == 1
    assert len(Session.resume(session.folder, "microphone_check").events()) == 2
    log.write_text(log.read_text() + '{"time": "2022' + "\n" + json.dumps({"event": "x"}) + "\n")
    with pytest.raises(RecordError, match="line 3 is damaged"):
        session.events()


def test_what_was_half_written_is_named_and_does_not_count(session: Session) -> None:
    session.add_audio("rec-N1_run-1", np.full((2, 480), 0.25), 48000, {})
    (session.folder / ".rec-N2_run-1.77.part.wav").write_bytes(b"half")
    (session.folder / "rec-N3_run-1.wav").write_bytes(b"not logged")
    (session.folder / "notes.txt").write_text("of the operator")
    unfinished = ["rec-N2_run-1.wav", "rec-N3_run-1.wav"]
    assert session.unfinished() == unfinished
    resumed = Session.resume(session.folder, "microphone_check")
    assert resumed.events()[-1]["unfinished"] == unfinished
    assert not list(session.folder.glob(".*"))
    assert resumed.unfinished() == ["rec-N3_run-1.wav"]


def test_a_session_killed_while_a_step_was_repeated_can_be_resumed(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has the checksums of the first attempt, the folder a file of the second."""
    session.add_audio("rec-N1_run-1", np.full((2, 480), 0.25), 48000, {})
    session.add_record("notes", "soundcal/notes/1", {"notes": []})
    log = Session.log

    def killed(self: Session, event: str, **fields: object) -> None:
        if event in ("audio", "record"):
            raise KeyboardInterrupt
        log(self, event, **fields)

    monkeypatch.setattr(Session, "log", killed)
    with pytest.raises(KeyboardInterrupt):
        session.add_audio("rec-N1_run-1", np.full((2, 480), 0.5), 48000, {})
    with pytest.raises(KeyboardInterrupt):
        session.add_record("notes", "soundcal/notes/1", {"notes": ["N1"]})
    monkeypatch.undo()
    unfinished = ["notes.json", "rec-N1_run-1.json", "rec-N1_run-1.wav"]
    resumed = Session.resume(session.folder, "microphone_check")
    assert resumed.events()[-1]["unfinished"] == unfinished
    resumed.add_audio("rec-N1_run-1", np.full((2, 480), 0.5), 48000, {})
    resumed.verify()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_full_disk_leaves_whole_lines_in_the_log(session: Session) -> None:
    """The line that did not fit must not spoil those that come when there is room again."""
    import resource

    session.log("step", step="first")
    before = session.events()
    size = (session.folder / "session.jsonl").stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, limits[1]))
    try:
        with pytest.raises(RecordError, match="cannot be written"):
            session.log("step", step="second")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert session.events() == before
    session.stop("failed", "disk full")
    assert session.exit_status == "failed"
    assert Session.resume(session.folder, "microphone_check").finished("first")


@pytest.mark.parametrize("torn", ["", '{"time": "2026'])
def test_a_session_killed_in_its_first_line_has_not_begun(tmp_path: Path, torn: str) -> None:
    (tmp_path / "session.jsonl").write_text(torn)
    with pytest.raises(RecordError, match="before it began: start it again"):
        Session.resume(tmp_path, "microphone_check")
    assert len(Session.create(tmp_path, "microphone_check", {}).events()) == 1


def test_sessions_are_not_overwritten_and_not_left(session: Session, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="already holds a session"):
        Session.create(session.folder, "microphone_check", {})
    for name in ("../x.json", "/x.json"):
        with pytest.raises(RecordError, match="leaves the folder"):
            session.path(name)
    with pytest.raises(RecordError, match="no session"):
        Session(tmp_path).events()


def test_what_another_object_logs_is_seen_and_what_was_read_is_not_read_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Session(session.folder)
    session.log(Event.STEP, step="first")
    assert other.finished("first")
    other.log(Event.STEP, step="second")
    session.log(Event.STEP, step="third")
    steps = ["first", "second", "third"]
    assert [event["step"] for event in session.events(Event.STEP)] == steps
    assert [event["step"] for event in other.events(Event.STEP)] == steps
    log = session.folder / "session.jsonl"
    monkeypatch.setattr("json.loads", lambda *_: pytest.fail("the log was parsed again"))
    assert session.exit_status == "interrupted"
    assert len(session.events()) == 4
    monkeypatch.undo()
    log.write_text(log.read_text().replace("third", "fourth"))
    assert session.finished("fourth")


def test_a_record_of_an_older_version_is_read_as_one_of_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def doubled(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "schema": "soundcal/a/2", "x": 2 * record["x"]}

    def renamed(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "schema": "soundcal/a/3", "y": record["x"]}

    monkeypatch.setitem(UPGRADES, "soundcal/a/1", doubled)
    monkeypatch.setitem(UPGRADES, "soundcal/a/2", renamed)
    path = tmp_path / "record.json"
    write_json(path, "soundcal/a/1", {"x": 21})
    record = read_json(path, "soundcal/a/3")
    assert record["y"] == 42
    assert record["schema"] == "soundcal/a/3"
    with pytest.raises(RecordError, match="'soundcal/b/3' expected, found 'soundcal/a/1'"):
        read_json(path, "soundcal/b/3")
    write_json(path, "soundcal/a/3", {"y": 1}, force=True)
    with pytest.raises(RecordError, match="'soundcal/a/2' expected, found 'soundcal/a/3'"):
        read_json(path, "soundcal/a/2")


def test_records_are_checked_against_their_schema(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_json(path, "soundcal/a/1", {"x": 0.1})
    assert read_json(path, "soundcal/a/1")["x"] == 0.1
    with pytest.raises(RecordError, match="expected"):
        read_json(path, "soundcal/b/1")
    with pytest.raises(RecordError, match="exists"):
        write_json(path, "soundcal/a/1", {})
    path.write_text("[1, 2")
    with pytest.raises(RecordError, match="JSON"):
        read_json(path, "soundcal/a/1")
    with pytest.raises(RecordError, match="no such file"):
        read_json(tmp_path / "none.json", "soundcal/a/1")

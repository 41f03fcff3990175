"""A participant who is forgotten leaves no byte in the study's folder."""

import hashlib
import json
from pathlib import Path

import pytest
from listening_answers import fill, listeners_of, make_study

from soundcal.cli import main
from soundcal.errors import ParameterError, RecordError
from soundcal.files.lock import held
from soundcal.listening.forget import forget
from soundcal.listening.results import database_of, read_results
from soundcal.listening.store import Store

TRACES = (b"QX002", b"key 8\0", b"remark of QX002", b"hearing of QX002", b"token of QX002")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    study = make_study(tmp_path / "study")
    fill(database_of(study.folder), study, 3, listeners_of(study))
    files = study.folder / "sessions" / "QX002"
    files.mkdir(parents=True)
    (files / "session.jsonl").write_text("QX002\n", encoding="utf-8")
    return study.folder


def found_in(folder: Path, text: bytes) -> list[str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in paths if text in path.read_bytes()]


def test_no_byte_of_a_forgotten_participant_remains(folder: Path) -> None:
    assert found_in(folder, b"QX002")
    assert found_in(folder, b"remark of QX002") == ["answers.sqlite"]
    found = forget(folder, database_of(folder), "QX002")
    assert [found_in(folder, trace) for trace in TRACES] == [[]] * len(TRACES)
    assert not (folder / "sessions" / "QX002").exists()
    assert found.files == 1
    # the others are as they were
    results = read_results(folder, database_of(folder))
    assert [person["code"] for person in results.participants] == ["QX001", "QX003"]
    assert len(results.trials) == 2 * 7
    assert all(record.answers or record.personal for record in results.trials)
    # that somebody was deleted is known, and how much
    (left,) = results.tables["withdrawal"]
    assert left["code_hash"] == hashlib.sha256(b"QX002").hexdigest()
    assert left["rows"] == found.rows


def test_all_rows_are_counted(folder: Path) -> None:
    tables = ("participant", "session", "trial", "presentation", "answer", "personal", "submit")

    def count() -> int:
        with Store(database_of(folder), read_only=True) as store, store.read() as connection:
            return sum(
                connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in (*tables, "event")
            )

    before = count()
    deleted = forget(folder, database_of(folder), "QX001").rows
    assert deleted == before - count() > 60


def test_an_unknown_code_deletes_nothing(folder: Path) -> None:
    before = read_results(folder, database_of(folder)).tables
    with pytest.raises(ParameterError, match="no participant 'QX009'"):
        forget(folder, database_of(folder), "QX009")
    with pytest.raises(ParameterError, match="no participant"):
        forget(folder, database_of(folder), "../study")
    assert read_results(folder, database_of(folder)).tables == before


def test_nobody_is_forgotten_while_the_room_is_open(folder: Path) -> None:
    with held(folder), pytest.raises(RecordError, match="in use by process"):
        forget(folder, database_of(folder), "QX002")


def test_copies_that_cannot_be_reached_are_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy, out = tmp_path / "copy.sqlite", tmp_path / "out"
    older = folder / "answers-schema-1.sqlite"
    older.write_bytes(b"")
    assert main(["listen", "backup", str(folder), str(copy)]) == 0
    assert main(["listen", "export", str(folder), "--out", str(out)]) == 0
    assert b"remark of QX002" in copy.read_bytes()
    capsys.readouterr()
    assert main(["listen", "forget", str(folder), "QX002", "--json"]) == 0
    said = capsys.readouterr()
    content = json.loads(said.out)
    assert content["schema"] == "soundcal/listen-forget/1"
    assert len(content["copies"]) == 3
    for place in (copy, out, older):
        assert f"not reached: {content['copies'][0].split()[0]}" in said.err
        assert any(str(place) in line for line in said.err.splitlines() if "not reached" in line)

"""The database of a study: what is acknowledged is stored, and only that."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from soundcal.errors import RecordError
from soundcal.files.atomic import Reserve
from soundcal.listening.store import Connection, Store, StoreFailed, disks
from soundcal.listening.store.tables import MIGRATIONS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "answers.sqlite") as store:
        yield store


def add(kind: str, body: str = "{}") -> "Job":
    return Job(kind, body)


class Job:
    """Adds one event."""

    def __init__(self, kind: str, body: str) -> None:
        self.row = (kind, body)

    def __call__(self, connection: Connection) -> int:
        done = connection.execute(
            "INSERT INTO event (at, mono_ms, kind, body) VALUES ('', 0, ?, ?)", self.row
        )
        return int(done.lastrowid or 0)


def kinds(store: Store) -> list[str]:
    with store.read() as connection:
        return [row["kind"] for row in connection.execute("SELECT kind FROM event ORDER BY id")]


def pragma(store: Store, name: str) -> object:
    return store.write(lambda c: c.execute(f"PRAGMA {name}").fetchone()[0]).result()


def test_the_connection_that_writes_syncs_every_commit(store: Store) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "fullfsync")
    assert [pragma(store, name) for name in names] == ["wal", 2, 1, 1, 1]


def test_every_table_is_strict(store: Store) -> None:
    with store.read() as connection:
        strict = {
            row["name"]: row["strict"]
            for row in connection.execute("PRAGMA table_list")
            if not row["name"].startswith("sqlite_")
        }
    assert set(strict.values()) == {1}
    assert {"study", "trial", "presentation", "answer", "submit", "draft", "event"} <= set(strict)


def test_a_job_that_raises_is_undone_alone(store: Store) -> None:
    def half(connection: Connection) -> None:
        add("half")(connection)
        raise ValueError("no")

    gate = threading.Event()
    first = store.write(lambda _: gate.wait())  # the others wait, and share one transaction
    futures = [store.write(add("a")), store.write(half), store.write(add("b"))]
    gate.set()
    first.result()
    with pytest.raises(ValueError, match="no"):
        futures[1].result()
    assert futures[0].result() < futures[2].result()
    assert kinds(store) == ["a", "b"]


def test_a_broken_rule_of_the_tables_is_undone_alone(store: Store) -> None:
    first = store.write(add("a"))
    wrong = store.write(lambda c: c.execute("INSERT INTO draft VALUES (7, '{}')"))
    store.write(add("b")).result()
    first.result()
    with pytest.raises(sqlite3.IntegrityError):
        wrong.result()
    assert kinds(store) == ["a", "b"]


def test_jobs_that_wait_share_one_sync(store: Store) -> None:
    """Two hundred waiting jobs are one transaction: the log grows by one commit."""
    gate = threading.Event()
    store.write(lambda _: gate.wait())
    seen = [store.write(lambda c: c.total_changes) for _ in range(100)]
    after = [store.write(add("a")) for _ in range(100)]
    with store.read() as connection:
        before = connection.execute("PRAGMA data_version").fetchone()[0]
    gate.set()
    for future in (*seen, *after):
        future.result()
    with store.read() as connection:
        connection.execute("SELECT count(*) FROM event").fetchone()
        assert connection.execute("PRAGMA data_version").fetchone()[0] == before + 1


@pytest.mark.parametrize("table", ["event", "study"])
def test_what_was_seen_is_never_updated(store: Store, table: str) -> None:
    def fill(connection: Connection) -> None:
        add("a")(connection)
        connection.execute("INSERT INTO study VALUES (1, '', '', '{}', '', '')")

    store.write(fill).result()
    column = {"event": "body", "study": "toml"}[table]
    with pytest.raises(sqlite3.IntegrityError, match="never updated"):
        store.write(lambda c: c.execute(f"UPDATE {table} SET {column} = 'b'")).result()


def test_a_reader_sees_one_state_while_the_writer_goes_on(store: Store) -> None:
    store.write(add("a")).result()
    with store.read() as connection:
        before = connection.execute("SELECT count(*) FROM event").fetchone()[0]
        store.write(add("b")).result()
        assert connection.execute("SELECT count(*) FROM event").fetchone()[0] == before == 1
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("DELETE FROM event")
    assert kinds(store) == ["a", "b"]


def test_a_backup_is_whole_and_in_one_file(store: Store, tmp_path: Path) -> None:
    store.write(add("a")).result()
    target = tmp_path / "copy.sqlite"
    store.backup(target)
    assert {path.name for path in tmp_path.glob("copy*")} == {"copy.sqlite"}
    with Store(target, read_only=True) as copy:
        assert kinds(copy) == ["a"]
    with pytest.raises(RecordError, match="exists"):
        store.backup(target)


def test_what_was_deleted_is_in_no_file_after_compacting(store: Store, tmp_path: Path) -> None:
    store.write(add("secret", "a most particular text")).result()
    store.write(lambda c: c.execute("DELETE FROM event")).result()
    store.compact()
    files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert not any(b"a most particular text" in content for content in files)


def test_reading_only_changes_nothing_and_needs_a_database(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    with pytest.raises(RecordError, match="nobody has taken part"):
        Store(path, read_only=True)
    with Store(path) as store:
        store.write(add("a")).result()
        with Store(path, read_only=True) as reader:
            assert kinds(reader) == ["a"]
            with pytest.raises(StoreFailed):
                reader.write(add("b")).result()
    with pytest.raises(StoreFailed):
        store.write(add("c")).result()


def test_other_files_and_newer_databases_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    with pytest.raises(RecordError, match="not a database of a listening test"):
        Store(other)
    noise = tmp_path / "noise.sqlite"
    noise.write_bytes(b"no database at all " * 300)
    with pytest.raises(RecordError, match="cannot be opened"):
        Store(noise)
    newer = tmp_path / "newer.sqlite"
    Store(newer).close()
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(RecordError, match="newer soundcal"):
        Store(newer)


def test_an_older_database_is_updated_and_a_copy_of_it_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "answers.sqlite"
    with Store(path) as store:
        store.write(add("a")).result()
    step = "CREATE TABLE seat (id INTEGER PRIMARY KEY) STRICT; INSERT INTO seat VALUES (4);"
    monkeypatch.setattr("soundcal.listening.store.database.MIGRATIONS", [*MIGRATIONS, step])
    with pytest.raises(RecordError, match="older soundcal"):
        Store(path, read_only=True)
    with Store(path) as store:
        assert kinds(store) == ["a"]
        assert pragma(store, "user_version") == 2
    with Store(path) as store, store.read() as connection:
        assert [row[0] for row in connection.execute("SELECT id FROM seat")] == [4]
    monkeypatch.undo()
    with Store(tmp_path / "answers-schema-1.sqlite", read_only=True) as old:
        assert kinds(old) == ["a"]


def test_a_step_that_fails_leaves_the_older_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "answers.sqlite"
    with Store(path) as store:
        store.write(add("a")).result()
    step = "CREATE TABLE seat (id INTEGER); INSERT INTO nowhere VALUES (4);"
    monkeypatch.setattr("soundcal.listening.store.database.MIGRATIONS", [*MIGRATIONS, step])
    with pytest.raises(RecordError, match="nowhere"):
        Store(path)
    monkeypatch.undo()
    with Store(path) as store:
        assert kinds(store) == ["a"]


def test_a_full_disk_loses_nothing_acknowledged_and_says_so(store: Store) -> None:
    store.write(add("a")).result()
    pages = store.write(lambda c: c.execute("PRAGMA page_count").fetchone()[0]).result()
    store.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages}")).result()
    told: list[str] = []
    store.on_failure = told.append
    with pytest.raises(StoreFailed, match="no space left on the disk"):
        store.write(add("b", "x" * 100_000)).result()
    assert told == [store.failure]
    assert kinds(store) == ["a"]
    store.write(lambda c: c.execute("PRAGMA max_page_count = 1000000")).result()
    store.recover()
    assert store.failure == ""
    store.write(add("c", "x" * 100_000)).result()
    assert kinds(store) == ["a", "c"]


def test_the_reserve_takes_the_last_writes_to_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path / "answers.sqlite", reserve_bytes=50_000) as store:
        pages = store.write(lambda c: c.execute("PRAGMA page_count").fetchone()[0]).result()
        store.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages}")).result()
        release = Reserve.release

        def freed(reserve: Reserve) -> None:
            release(reserve)
            store._connection.execute("PRAGMA max_page_count = 1000000")

        monkeypatch.setattr(Reserve, "release", freed)
        told: list[str] = []
        store.on_failure = told.append
        assert store.write(add("b", "x" * 100_000)).result() == 1
        assert "no space left on the disk" in store.failure
        assert told == [store.failure]
        monkeypatch.undo()
        store.recover()
        assert store.failure == ""


def test_no_room_for_the_reserve_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise RecordError("no room for a record of 50 bytes")

    monkeypatch.setattr("soundcal.listening.store.database.Reserve", full)
    with pytest.raises(RecordError, match="no room"):
        Store(tmp_path / "answers.sqlite", reserve_bytes=50)


@pytest.mark.skipif(disks.sys.platform != "linux", reason="reads Linux's table of mounts")
@pytest.mark.parametrize(("kind", "refused"), [("nfs4", True), ("cifs", True), ("ext4", False)])
def test_a_network_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, refused: bool
) -> None:
    place = str(tmp_path).replace(" ", "\\040")
    table = tmp_path / "mountinfo"
    table.write_text(f"22 27 0:21 / / rw - tmpfs a rw\n23 27 0:22 / {place} rw - {kind} b rw\n")
    monkeypatch.setattr(disks, "MOUNTS", table)
    if refused:
        with pytest.raises(RecordError, match="network disk"):
            Store(tmp_path / "answers.sqlite")
    else:
        Store(tmp_path / "answers.sqlite").close()


def test_threads_that_come_and_go_share_connections(store: Store) -> None:
    for _ in range(5):
        reading = threading.Thread(target=kinds, args=(store,))
        reading.start()
        reading.join()
    assert len(store._readers) == 1
    with store.read() as outer, store.read() as inner:
        assert inner is outer
    assert kinds(store) == []

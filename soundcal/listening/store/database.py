"""The database of a study: SQLite, one writer, and nothing acknowledged before it is synced.

All changes are jobs of one thread. The jobs that wait are written in one transaction, each in a
savepoint of its own, and their futures resolve after the transaction has been synced to the disk:
so an acknowledged answer survives ``kill -9`` and a power cut, and a job that raises is undone
alone. Readers have connections of their own and never wait for the writer.

This is the only module that imports sqlite3. Its tables are in ``tables``.
"""

import errno
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from soundcal.errors import RecordError
from soundcal.files.atomic import Reserve, partial_file, why_unwritable
from soundcal.listening.store.disks import refuse_network
from soundcal.listening.store.tables import MIGRATIONS

__all__ = ["Connection", "Row", "Store", "StoreFailed"]

Connection = sqlite3.Connection
Row = sqlite3.Row
T = TypeVar("T")

_APPLICATION: Final = 0x53434C52  # "SCLR": SQLite's field for the kind of file
_GROUP: Final = 200  # jobs of one transaction at most
_READER_KIB: Final = 256  # of pages that a reader keeps in memory
_BUSY_S: Final = 10.0  # another command may hold the file for a moment
_CHECKPOINTS: Final = 20  # attempts to empty the log while somebody reads
_CHECKPOINT_WAIT_S: Final = 0.25


class StoreFailed(RecordError):
    """The database cannot be written: the disk is full, read-only or broken."""


class Store:
    """The database of a study.

    Parameters
    ----------
    path : Path
        The database, made if it does not exist.
    read_only : bool
        Only read: for exports and the status, also while a server writes.
    reserve_bytes : int
        Disk space kept free for the last writes to a full disk.
    durable : bool
        Sync every change to the disk before it is acknowledged; not needed by a rehearsal.

    Raises
    ------
    RecordError
        It cannot be opened, belongs to something else or to a newer soundcal, lies on a network
        disk, or the reserve finds no room.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        reserve_bytes: int = 0,
        durable: bool = True,
    ) -> None:
        self.path = path
        self.failure = ""
        """Reason for which nothing can be written at present, or empty."""
        self.on_failure: Callable[[str], None] = lambda reason: None
        """Called by the writer when it finds that it cannot write, with the reason."""
        self._read_only = read_only
        self._durable = durable
        self._reserve_bytes = reserve_bytes
        self._reserve: Reserve | None = None
        self._readers: list[Connection] = []
        self._free: list[Connection] = []
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        if read_only and not path.is_file():
            raise RecordError(f"{path}: no such database; nobody has taken part yet")
        if not read_only:
            refuse_network(path.resolve().parent)
        self._connection = self._connect()
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise
        self._writer = threading.Thread(target=self._run, name="writer", daemon=True)
        if not read_only:
            self._writer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, job: Callable[[Connection], T]) -> Future[T]:
        """Queue a change; the future resolves when it is synced to the disk.

        Parameters
        ----------
        job : callable
            Gets the connection, inside a transaction. It must do nothing but read and write the
            database, because it is run again if the disk was full at first. What it returns is the
            result of the future; if it raises, only its own changes are undone.

        Raises
        ------
        StoreFailed
            From the future: the change could not be stored.
        """
        return self._queue(job, alone=False)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database until the end of the context."""
        outer: Connection | None = getattr(self._mine, "connection", None)
        if outer is not None:  # inside another read of the same thread
            yield outer
            return
        connection = self._reader()
        self._mine.connection = connection
        try:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:
            if not _is_of_disk(error):
                raise
            raise StoreFailed(f"{self.path}: cannot be read ({error})") from error
        finally:
            self._mine.connection = None
            with self._lock:
                self._free.append(connection)

    def _reader(self) -> Connection:
        """Return a connection that nobody uses; a server's threads come and go."""
        with self._lock:
            if self._free:
                return self._free.pop()
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA cache_size = -{_READER_KIB}")
        with self._lock:
            self._readers.append(connection)
        return connection

    def backup(self, target: Path) -> None:
        """Copy the database as it is at this moment, also while it is written.

        Raises
        ------
        RecordError
            ``target`` exists or cannot be written.
        """
        with partial_file(target) as temporary:
            _copy(self.path, temporary)

    def compact(self) -> None:
        """Rewrite the database and empty its log, so that no deleted row remains in either.

        Raises
        ------
        RecordError
            Somebody reads the database all the time, or it cannot be written.
        """

        def rewrite(connection: Connection) -> None:
            connection.execute("VACUUM")
            for _ in range(_CHECKPOINTS):
                if not _pragma(connection, "wal_checkpoint(TRUNCATE)"):
                    return
                time.sleep(_CHECKPOINT_WAIT_S)
            raise RecordError(
                f"{self.path}: read by another command, so that deleted rows remain in its log; "
                f"repeat when that command has ended"
            )

        self._queue(rewrite, alone=True).result()

    def recover(self) -> None:
        """Try to write again after a failure; the assistant has made room, for example.

        Raises
        ------
        RecordError
            There is still no room for the reserve, or the database still cannot be written.
        """
        self._take_reserve()
        self.failure = ""
        self.write(lambda connection: connection.execute("SELECT 1").fetchone()).result()

    def close(self) -> None:
        """Write what waits, and close all connections."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if not self._read_only:
            self._jobs.put(None)
            self._writer.join()
        for connection in (*self._readers, self._connection):
            connection.close()
        if self._reserve is not None:
            self._reserve.release()

    def _queue(self, job: Callable[[Connection], T], *, alone: bool) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            if self._closed or self._read_only:
                future.set_exception(StoreFailed(f"{self.path}: closed, or opened for reading"))
            else:
                self._jobs.put(_Job(job, future, alone))
        return future

    def _connect(self) -> Connection:
        mode = "ro" if self._read_only else "rwc"
        try:
            connection = sqlite3.connect(
                f"{self.path.resolve().as_uri()}?mode={mode}",
                uri=True,
                timeout=_BUSY_S,
                isolation_level=None,
                check_same_thread=False,  # used by one thread, closed by another
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            if not self._read_only:
                connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'OFF'}")
                connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone stops at the drive
                connection.execute("PRAGMA checkpoint_fullfsync = ON")
        except sqlite3.Error as error:
            raise RecordError(f"{self.path}: cannot be opened ({error})") from error
        return connection

    def _prepare(self) -> None:
        """Bring the tables to today's version; a copy of the older database is kept."""
        try:
            version = int(_pragma(self._connection, "user_version"))
            application = int(_pragma(self._connection, "application_id"))
            tables = self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            if tables and application != _APPLICATION:
                raise RecordError(f"{self.path}: not a database of a listening test")
            if version > len(MIGRATIONS):
                raise RecordError(
                    f"{self.path}: written by a newer soundcal (schema {version}; this one knows "
                    f"schema {len(MIGRATIONS)}); update soundcal"
                )
            if self._read_only:
                if version < len(MIGRATIONS):
                    raise RecordError(
                        f"{self.path}: schema {version} of an older soundcal; open the room once "
                        f"(soundcal listen serve), which updates it and keeps a copy"
                    )
                return
            self._take_reserve()
            mode = _pragma(self._connection, "journal_mode = WAL")
            if mode != "wal":
                raise RecordError(
                    f"{self.path}: this disk does not allow a write-ahead log (journal mode "
                    f"{mode!r}); use a folder on a local disk"
                )
            if 0 < version < len(MIGRATIONS):
                self.backup(self.path.with_name(f"{self.path.stem}-schema-{version}.sqlite"))
            for number in range(version, len(MIGRATIONS)):
                self._connection.executescript(
                    f"BEGIN IMMEDIATE; {MIGRATIONS[number]} PRAGMA user_version = {number + 1}; "
                    f"PRAGMA application_id = {_APPLICATION}; COMMIT;"
                )
        except sqlite3.DatabaseError as error:
            raise RecordError(f"{self.path}: cannot be opened ({error})") from error

    def _take_reserve(self) -> None:
        if self._reserve_bytes and self._reserve is None:
            self._reserve = Reserve(self.path.resolve().parent, self._reserve_bytes)

    def _run(self) -> None:
        """Write the jobs, group by group, until the store is closed."""
        job = self._jobs.get()
        while job is not None:
            group = [job]
            after: _Job | None = None
            last = False
            while not group[-1].alone and len(group) < _GROUP and not last:
                try:
                    more = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                elif more.alone:
                    after = more
                    break
                else:
                    group.append(more)
            self._write_group(group)
            if last:
                return
            job = after if after is not None else self._jobs.get()

    def _write_group(self, group: "list[_Job]") -> None:
        outcomes: Sequence[object]
        try:
            try:
                outcomes = self._commit(group)
            except sqlite3.DatabaseError as error:
                if not (self._reserve and _is_of_disk(error)):
                    raise
                self._reserve.release()  # for the last writes: these, and what is under way
                self._reserve = None
                outcomes = self._commit(group)
                self._fail(f"{_why(error, self.path)}; the reserve took the last answers")
        except sqlite3.DatabaseError as error:
            self._fail(_why(error, self.path))
            message = f"{self.path}: cannot be written ({self.failure})"
            outcomes = [StoreFailed(message) for _ in group]
        for job, outcome in zip(group, outcomes, strict=True):
            job.resolve(outcome)

    def _commit(self, group: "list[_Job]") -> "list[_Result | Exception]":
        """Run the jobs in one transaction; return for each what it returned or raised."""
        connection = self._connection
        if group[0].alone:
            return [group[0].outcome(connection)]
        outcomes = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in group:
                connection.execute("SAVEPOINT job")
                outcomes.append(job.outcome(connection))
                if isinstance(outcomes[-1], Exception):
                    connection.execute("ROLLBACK TO job")  # raises if SQLite has undone the group
                connection.execute("RELEASE job")
            connection.execute("COMMIT")  # returns when the log is synced
        except BaseException:
            if connection.in_transaction:
                with suppress(sqlite3.DatabaseError):
                    connection.execute("ROLLBACK")
            raise
        return outcomes

    def _fail(self, reason: str) -> None:
        if not self.failure:
            self.failure = reason
            self.on_failure(reason)


class _Result:
    """Result of a job, told apart from what it raised."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class _Job:
    """A job with its future; ``alone``: outside any transaction."""

    __slots__ = ("_future", "_run", "alone")

    def __init__(self, run: Callable[[Connection], Any], future: Future[Any], alone: bool) -> None:
        self._run = run
        self._future = future
        self.alone = alone

    def outcome(self, connection: Connection) -> _Result | Exception:
        """Run the job; an error of the disk is raised, since it concerns the whole group."""
        try:
            return _Result(self._run(connection))
        except Exception as error:
            if isinstance(error, sqlite3.DatabaseError) and (self.alone or _is_of_disk(error)):
                raise
            return error

    def resolve(self, outcome: object) -> None:
        if isinstance(outcome, _Result):
            self._future.set_result(outcome.value)
        elif isinstance(outcome, Exception):
            self._future.set_exception(outcome)


def _copy(source: Path, target: Path) -> None:
    """Copy a database with SQLite's online backup."""
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    except sqlite3.Error as error:
        raise RecordError(f"{source}: cannot be copied to {target} ({error})") from error


def _pragma(connection: Connection, text: str) -> Any:
    return connection.execute(f"PRAGMA {text}").fetchone()[0]


_OF_DISK: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
    | {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_NOLFS}
)


def _is_of_disk(error: sqlite3.DatabaseError) -> bool:
    """Return whether an error is the disk's and not the job's."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _OF_DISK


def _why(error: sqlite3.DatabaseError, path: Path) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return why_unwritable(OSError(errno.ENOSPC, ""), path.resolve().parent)
    if code == sqlite3.SQLITE_READONLY:
        return "the disk or the file is read-only"
    return str(error)

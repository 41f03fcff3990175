"""Deletion of a participant's data, so that no byte of it remains in the study's folder."""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from soundcal.errors import ParameterError, RecordError
from soundcal.files.atomic import text_digest, why_unwritable
from soundcal.files.lock import held
from soundcal.listening.copies import copies_of
from soundcal.listening.store import Connection, Store
from soundcal.recording import utc_now

__all__ = ["Forgotten", "forget"]

_OF_SESSION: Final = ("step", "trial", "presentation")
_OF_TRIAL: Final = ("answer", "personal", "submit", "draft")
_OF_PERSON: Final = ("secret", "request", "session")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Extent of a deletion.

    Parameters
    ----------
    rows : int
        Rows of the database.
    files : int
        Files of the participant in the study's folder.
    copies : list of str
        Copies of the answers that may still hold the participant's data.
    """

    rows: int
    files: int
    copies: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


def forget(folder: Path, database: Path, code: str) -> Forgotten:
    """Delete everything about a participant, and keep that somebody was deleted.

    The rows are deleted and overwritten, the database is rewritten, its log is emptied. One row
    remains: the SHA-256 of the code, the time, and the number of rows.

    Parameters
    ----------
    folder : Path
        Folder of the study, which no other command may be using.
    database : Path
        The database.
    code : str
        Code of the participant.

    Raises
    ------
    ParameterError
        Nobody has the code.
    RecordError
        The room is open, or the database or a file cannot be written.
    """
    if not database.is_file():
        raise RecordError(f"{database}: no such database; nobody has taken part yet")
    with held(folder), Store(database) as store:
        rows = store.write(lambda connection: _delete(connection, code, utc_now())).result()
        store.compact()
        files = _delete_files(folder / "sessions" / code)
    return Forgotten(rows, files, copies_of(folder, database))


def _delete(connection: Connection, code: str, now: str) -> int:
    """Delete a participant's rows and return their number."""

    def count(table: str, where: str) -> int:
        text = f"SELECT count(*) FROM {table} WHERE {where}"
        return int(connection.execute(text, (code,)).fetchone()[0])

    if not count("participant", "code = ?"):
        raise ParameterError(f"no participant {code!r}; soundcal listen status lists the codes")
    sessions = "session IN (SELECT id FROM session WHERE participant = ?)"
    trials = f"trial IN (SELECT id FROM trial WHERE {sessions})"
    events = f"participant = ?1 OR {sessions.replace('?', '?1')}"
    rows = 1 + count("event", events)
    rows += sum(count(table, "participant = ?") for table in _OF_PERSON)
    rows += sum(count(table, sessions) for table in _OF_SESSION)
    rows += sum(count(table, trials) for table in _OF_TRIAL)
    connection.execute(f"DELETE FROM event WHERE {events}", (code,))
    connection.execute(
        "DELETE FROM participant WHERE code = ?", (code,)
    )  # and all that hangs on it
    withdrawal = (text_digest(code), now, rows)
    connection.execute("INSERT INTO withdrawal (code_hash, at, rows) VALUES (?, ?, ?)", withdrawal)
    return rows


def _delete_files(sessions: Path) -> int:
    if not sessions.is_dir():
        return 0
    n = sum(path.is_file() for path in sessions.rglob("*"))
    try:
        shutil.rmtree(sessions)
    except OSError as error:
        raise RecordError(
            f"{sessions}: cannot be deleted ({why_unwritable(error, sessions)})"
        ) from error
    return n

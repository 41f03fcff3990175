"""A job of the writer: the connection, the time, and the events that it leaves."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from soundcal.listening.store import Connection, Row

__all__ = ["EVERYBODY", "Clock", "Moment", "Work", "as_text"]

EVERYBODY: Final = "*"
"""The participant of events that concern everybody in the room."""


class Clock:
    """The computer's clocks."""

    def epoch(self) -> float:
        """Return the time in s since 1970, as the computer's date says; it may jump."""
        return time.time()

    def monotonic(self) -> float:
        """Return a time in s that never jumps, from an arbitrary start."""
        return time.monotonic()


def as_text(epoch: float) -> str:
    """Return seconds since 1970 as UTC with milliseconds.

    >>> as_text(0.5)
    '1970-01-01T00:00:00.500+00:00'
    """
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time: of the date in s since 1970, in ms of the server's run, and the number of the run."""

    epoch: float
    mono_ms: int
    run: int

    @property
    def at(self) -> str:
        """The date as UTC text."""
        return as_text(self.epoch)

    def seconds_since(self, row: Mapping[str, Any] | Row) -> float:
        """Return the time in s since a row with ``at``, ``run`` and ``mono_ms``; at least 0.

        Within a run of the server it is that of the clock that does not jump.
        """
        if row["run"] == self.run:
            return float(max(0.0, (self.mono_ms - row["mono_ms"]) / 1000.0))
        return max(0.0, self.epoch - datetime.fromisoformat(row["at"]).timestamp())


@dataclass(frozen=True, slots=True)
class Work:
    """Connection and time of a job."""

    connection: Connection
    now: Moment

    def run(self, sql: str, *values: object) -> int:
        """Carry out a statement and return the id of the row that it added, if it added one."""
        return int(self.connection.execute(sql, values).lastrowid or 0)

    def one(self, sql: str, *values: object) -> Row | None:
        """Return the first row of a query."""
        row: Row | None = self.connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: object) -> list[Row]:
        """Return the rows of a query."""
        return self.connection.execute(sql, values).fetchall()

    def event(
        self, kind: str, participant: str | None, session: int | None = None, **body: object
    ) -> int:
        """Add an event and return its number, which is that of the state from now on."""
        return self.run(
            "INSERT INTO event (at, run, mono_ms, participant, session, kind, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(self.now.at, self.now.run, self.now.mono_ms, participant, session, kind),
            json.dumps(body, ensure_ascii=False),
        )

    def step(self, session: int, name: str) -> None:
        """Note that something lies behind a session."""
        self.run(
            "INSERT OR IGNORE INTO step (session, name, at, run, mono_ms) VALUES (?, ?, ?, ?, ?)",
            *(session, name, self.now.at, self.now.run, self.now.mono_ms),
        )

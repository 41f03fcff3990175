"""Data and actions of the dashboard, for experimenter and assistant; no HTTP.

The assistant sees people, device and levels, never an answer nor what follows from answers.
"""

import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from soundcal.errors import ParameterError
from soundcal.listening.designs import Trial
from soundcal.listening.monitor import LEVEL_DEVIATION
from soundcal.listening.plan import Visit, balance
from soundcal.listening.room import Clock
from soundcal.listening.store import Connection, Row, Store

if TYPE_CHECKING:
    from soundcal.listening.room import Room

__all__ = ["Dashboard"]

_LAST_PLAYS: Final = 12
_QUALITY_EVERY_S: Final = 20.0
_NEWS_EVERY_S: Final = 1.0
_HERE_S: Final = 15.0  # without contact for longer, a page is said to be away

_ORDER: Final = ("running", "waits", "joined", "finished", "stopped", "declined", "invited")

_CALLS: Final = {
    "help": "asks for help",
    "headphones": "the headphones are wrong or swapped",
    "technical": "a sound failed twice",
    "resume": "wants to go on after a break",
    "too loud": "the sound was too loud, and the test has ended",
}
"""Reasons why a session waits for the assistant, in words."""

_PEOPLE: Final = """
SELECT participant.*, session.id AS session, session.visit, session.condition, session.held,
       session.state AS session_state, session.reason, session.started AS session_started
FROM participant LEFT JOIN session ON session.id =
     (SELECT max(id) FROM session WHERE session.participant = participant.code)
ORDER BY participant.sequence IS NULL, participant.sequence, participant.code
"""

_AT_SOUND: Final = """
SELECT trial.session FROM trial JOIN step ON step.session = trial.session AND name = 'comfort'
WHERE state = 'current' AND json_extract(spec_json, '$.stimulus') IS NOT NULL
"""
"""Visits that have come to a sound, which the assistant may skip."""


class Dashboard:
    """Data and actions of the dashboard.

    Parameters
    ----------
    room : Room
        The room.
    store : Store
        Its database.
    clock : Clock, optional
        The clock by which days and ages count.

    Attributes
    ----------
    keys : mapping of str to str
        A key for each role, ``experimenter`` and ``assistant``; new with every server.
    """

    def __init__(self, room: "Room", store: Store, clock: Clock | None = None) -> None:
        self._room = room
        self._store = store
        self._clock = clock or Clock()
        self.keys = {role: secrets.token_urlsafe(16) for role in ("experimenter", "assistant")}
        self._quality: tuple[float, int, list[dict[str, Any]]] = (-_QUALITY_EVERY_S, 0, [])
        self._lock = threading.Lock()

    def role(self, key: str) -> str:
        """Return the role of whoever holds a key, or nothing."""
        found = (
            role
            for role, right in self.keys.items()
            if hmac.compare_digest(right.encode(), key.encode("utf-8", "replace"))
        )
        return next(found, "")

    def state(self, role: str) -> dict[str, Any]:
        """Return everything that a role sees, ready for JSON."""
        now = datetime.fromtimestamp(self._clock.epoch(), UTC)
        with self._store.read() as connection:
            people = self._people(connection)
            state = {
                "role": role,
                "study": self._room.study.id,
                "pilot": self._room.pilot,
                "closed": self._room.closed,
                "failure": self._store.failure,
                "counts": self._counts(people),
                "people": people,
                "device": self._device(connection, now),
                "plays": _plays(connection),
                "balance": self._balance(connection),
            }
            answers = connection.execute("SELECT count(*) FROM submit").fetchone()[0]
        if role == "experimenter":
            state["quality"] = self._quality_now(answers)
        return state

    def act(self, action: str, body: Mapping[str, Any]) -> None:
        """Do what the experimenter or the assistant asks for.

        Parameters
        ----------
        action : str
            ``pause``, ``reopen``, ``release``, ``skip``, ``end`` or ``answered`` (a call for help).
        body : mapping of str to Any
            ``code`` of the participant, ``reason``.

        Raises
        ------
        ParameterError
            No reason is given, or there is nothing of that kind to do.
        SoundcalError
            Nobody has the code, or the database cannot be written.
        """
        reason = str(body.get("reason", "")).strip()
        if action in ("pause", "skip") and not reason:
            raise ParameterError("state the reason; it is kept with the data")
        code = str(body.get("code", ""))
        match action:
            case "pause":
                self._room.pause(reason)
            case "reopen":
                self._room.reopen()
            case "release":
                self._room.release(code)
            case "skip":
                self._room.skip(code, reason)
            case "end":
                self._room.end_session(code)
            case "answered":
                self._room.answer_help(code)
            case _:
                raise ParameterError(f"{action!r:.40} is not an action of the dashboard")

    def subscribe(self, tell: Callable[[int, str, Mapping[str, Any]], None]) -> Callable[[], None]:
        """Let ``tell`` know when something has changed, at most once a second.

        What follows sooner is seen with the next sign of life of the connection, within 5 s.
        """
        last = time.monotonic() - _NEWS_EVERY_S

        def news(number: int, kind: str, data: Mapping[str, Any]) -> None:
            nonlocal last
            if kind == "state" and time.monotonic() - last >= _NEWS_EVERY_S:
                last = time.monotonic()
                tell(number, "changed", {})

        return self._room.subscribe("*", news)

    def _people(self, connection: Connection) -> list[dict[str, Any]]:
        """Return everybody who was invited, those who need the assistant first."""
        trials: dict[int, dict[str, int]] = {}
        for session, state, n in connection.execute(
            "SELECT session, state, count(*) FROM trial GROUP BY session, state"
        ):
            trials.setdefault(session, {})[state] = n
        exposure = self._room.exposures(connection)
        blocks = dict(
            connection.execute(
                "SELECT session, block FROM trial WHERE state = 'current'"
            ).fetchall()
        )
        at_sound = {row[0] for row in connection.execute(_AT_SOUND)}
        queue = self._room.queue()
        limit = self._room.study.limits.exposure_pa2h
        found = []
        for row in connection.execute(_PEOPLE):
            counted = trials.get(row["session"], {})
            contact = self._room.contact(row["code"])
            held = row["held"] or ""
            found.append(
                {
                    "code": row["code"],
                    "sequence": row["sequence"],
                    "state": _state_of(row),
                    "language": row["language"],
                    "visit": row["visit"],
                    "condition": row["condition"],
                    "block": blocks.get(row["session"]),
                    "at_sound": row["session"] in at_sound,
                    "done": counted.get("answered", 0) + counted.get("skipped", 0),
                    "n": sum(counted.values()),
                    "contact_s": None if contact is None else round(contact),
                    "away": contact is None or contact > _HERE_S,
                    "queue": queue.index(row["code"]) + 1 if row["code"] in queue else None,
                    "call": _CALLS.get(held, held),
                    "reason": row["reason"] or "",
                    "exposure_pa2h": exposure.get(row["code"], 0.0),
                    "exposure_share": exposure.get(row["code"], 0.0) / limit,
                }
            )
        return sorted(found, key=lambda one: (not one["call"], _ORDER.index(one["state"])))

    def _counts(self, people: list[dict[str, Any]]) -> dict[str, int]:
        states = [one["state"] for one in people]
        return {
            "planned": self._room.study.participants.planned,
            "running": sum(state in ("running", "joined", "waits") for state in states),
            "done": states.count("finished"),
            "dropped": states.count("stopped") + states.count("declined"),
        }

    def _device(self, connection: Connection, now: datetime) -> dict[str, Any]:
        run = connection.execute(
            "SELECT device, started FROM server_run ORDER BY id DESC LIMIT 1"
        ).fetchone()
        check = connection.execute("SELECT * FROM level_check ORDER BY id DESC LIMIT 1").fetchone()
        xruns, faults = connection.execute(
            "SELECT coalesce(sum(xruns), 0), coalesce(sum(state IN ('failed', 'invalid')), 0) "
            "FROM presentation WHERE run = (SELECT max(id) FROM server_run)"
        ).fetchone()
        return {
            "name": run["device"] if run else "",
            "xruns": xruns,
            "faults": faults,
            "limits": {
                "laeq_db": self._room.study.limits.laeq_db,
                "exposure_pa2h": self._room.study.limits.exposure_pa2h,
            },
            "check": _check(check, now),
        }

    def _balance(self, connection: Connection) -> list[str]:
        """Return the balance of the orders of those who have begun and not dropped out."""
        plans: dict[int, list[Visit]] = {}
        for row in connection.execute(
            "SELECT sequence, visit, condition, trials_json FROM plan "
            "WHERE version = (SELECT max(version) FROM plan) AND sequence IN "
            "(SELECT sequence FROM participant WHERE state IN ('consented', 'finished')) "
            "ORDER BY sequence, visit"
        ):
            trials = tuple(Trial.from_dict(one) for one in json.loads(row["trials_json"]))
            visit = Visit(row["visit"], row["condition"], trials)
            plans.setdefault(row["sequence"], []).append(visit)
        return list(balance(list(plans.values())).sentences()) if plans else []

    def _quality_now(self, answers: int) -> list[dict[str, Any]]:
        """Return the quality of the data, computed at most every 20 s and when there are more."""
        from soundcal.listening.quality import quality_of

        with self._lock:
            at, known, found = self._quality
            due = answers != known and not self._room.pilot  # a pilot's answers do not count
            if due and time.monotonic() - at >= _QUALITY_EVERY_S:
                found = quality_of(self._room.study.folder, self._store.path)
                self._quality = (time.monotonic(), answers, found)
            return found


def _state_of(row: Row) -> str:
    """Return the state of a person in one word."""
    if row["state"] == "withdrawn":
        return "stopped"
    if row["state"] != "consented":
        return str(row["state"])
    if row["session_state"] == "finished":
        return "waits"  # for the next visit
    return "running"


def _check(row: Row | None, now: datetime) -> dict[str, Any] | None:
    """Return a level check with its age in h."""
    if row is None:
        return None
    age = now - datetime.fromisoformat(row["at"])
    until = row["valid_until"]
    return {
        "kind": row["kind"].replace("_", " "),
        "passed": bool(row["passed"]),
        "age_h": age.total_seconds() / 3600.0,
        "valid": until is None or datetime.fromisoformat(until) > now,
        "operator": row["operator"],
        "deviations": [
            f"{name}: {value:+.1f} dB" for name, value in json.loads(row["deviations_json"]).items()
        ],
        "reasons": [
            check["reason"]
            for check in json.loads(row["checks_json"])
            if check["verdict"] != "pass" and check["reason"]
        ],
        "note": row["note"],
    }


def _deviation(checks_json: str) -> float | None:
    """Return by how many dB a presentation differed from the reference of the monitor."""
    found = (c["value"] for c in json.loads(checks_json) if c["name"] == LEVEL_DEVIATION)
    return next(found, None)


def _plays(connection: Connection) -> list[dict[str, Any]]:
    """Return the last presentations, the latest first."""
    rows = connection.execute(
        "SELECT presentation.*, participant FROM presentation "
        "JOIN session ON session.id = session ORDER BY presentation.id DESC LIMIT ?",
        (_LAST_PLAYS,),
    )
    return [
        {
            "at": row["requested"],
            "code": row["participant"],
            "kind": row["kind"],
            "stimulus": row["stimulus"],
            "condition": row["condition"],
            "state": row["state"],
            "verdict": row["verdict"] or "",
            "xruns": row["xruns"],
            "predicted_db": row["predicted_laeq"],
            "measured_db": row["measured_db"],
            "deviation_db": _deviation(row["checks_json"]),
            "flags": json.loads(row["flags"]),
        }
        for row in rows
    ]

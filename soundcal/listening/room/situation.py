"""The situation of a participant by the database, and the screen that follows from it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from soundcal.listening.designs import Trial
from soundcal.listening.room.work import EVERYBODY
from soundcal.listening.store import Connection, Row
from soundcal.listening.study import Block, Study

__all__ = [
    "SOUNDING",
    "Hearings",
    "Situation",
    "at_sound",
    "consent_version",
    "current_number",
    "find_participant",
    "instructions",
    "needs_sound",
    "pause_name",
    "screen_before_trials",
    "screen_of_trial",
    "situation_of",
    "trial_of",
]

SOUNDING = ("starting", "playing")
"""States of a presentation that holds the device."""


@dataclass(frozen=True, slots=True)
class Hearings:
    """The presentations of one trial, or of one sound of the headphone check, in their order."""

    rows: tuple[Row, ...] = ()

    @property
    def complete(self) -> int:
        """Number of presentations that were complete and valid."""
        return sum(row["state"] == "done" for row in self.rows)

    @property
    def counted(self) -> int:
        """Number of presentations that count against the number allowed."""
        return sum(row["state"] in ("done", "stopped", *SOUNDING) for row in self.rows)

    def left(self, most: int, needed: int) -> int | None:
        """Return how many more presentations are allowed; None if there is no limit.

        Parameters
        ----------
        most : int
            Most presentations; 0: no limit.
        needed : int
            Complete ones before answers count. They are allowed in any case: a presentation that
            was faded out by a call for help or by a break of the room is no fault of the listener.
        """
        return max(0, most - self.counted, needed - self.complete) if most else None

    @property
    def sounding(self) -> Row | None:
        """The presentation that is under way."""
        if self.rows and self.rows[-1]["state"] in SOUNDING:
            return self.rows[-1]
        return None

    @property
    def last(self) -> Row | None:
        """The last presentation."""
        return self.rows[-1] if self.rows else None


@dataclass(frozen=True, slots=True)
class Situation:
    """The situation of a participant.

    ``session`` is the last visit, ``row`` and ``trial`` the trial to answer or to revise, ``done``
    and ``n`` the answered and all trials of its block, ``progress`` those of the visit.
    """

    participant: Row
    number: int
    session: Row | None = None
    steps: Mapping[str, Row] = field(default_factory=dict)
    row: Row | None = None
    trial: Trial | None = None
    plays: Hearings = Hearings()
    done: int = 0
    n: int = 0
    progress: tuple[int, int] = (0, 0)

    @property
    def code(self) -> str:
        """Code of the participant."""
        return str(self.participant["code"])

    @property
    def revising(self) -> bool:
        """True while the previous answer is being revised."""
        return self.session is not None and self.session["revising"] is not None

    def pause(self, block: Block) -> Row | None:
        """Return the step with which the break began that is not over, if there is one."""
        if not block.pause.after:
            return None
        number = self.done // block.pause.after
        begun = self.steps.get(pause_name(block.id, number, "begins"))
        return begun if pause_name(block.id, number) not in self.steps else None


def pause_name(block: str, number: int, word: str = "over") -> str:
    """Return the name of the step that begins or ends a break of a block."""
    return f"pause {word}:{block}:{number}"


def find_participant(connection: Connection, secret_hash: str) -> Row | None:
    """Return the participant to whom a cookie belongs."""
    row: Row | None = connection.execute(
        "SELECT participant.* FROM secret JOIN participant ON code = participant WHERE hash = ?",
        (secret_hash,),
    ).fetchone()
    return row


def current_number(connection: Connection, code: str) -> int:
    """Return the number of a participant's state: that of the last event that concerns them."""
    numbers = [
        connection.execute("SELECT max(id) FROM event WHERE participant = ?", (who,)).fetchone()[0]
        for who in (code, EVERYBODY)
    ]
    return max(number or 0 for number in numbers)


def situation_of(connection: Connection, participant: Row) -> Situation:
    """Read the situation of a participant."""
    code = participant["code"]
    number = current_number(connection, code)
    session = connection.execute(
        "SELECT * FROM session WHERE participant = ? ORDER BY visit DESC LIMIT 1", (code,)
    ).fetchone()
    if session is None:
        return Situation(participant, number)
    steps = {
        row["name"]: row
        for row in connection.execute("SELECT * FROM step WHERE session = ?", (session["id"],))
    }
    trials = connection.execute(
        "SELECT id, block, position, state FROM trial WHERE session = ? ORDER BY position",
        (session["id"],),
    ).fetchall()
    wanted = session["revising"]
    current = next(
        (row for row in trials if (row["id"] == wanted if wanted else row["state"] == "current")),
        None,
    )
    passed = [row for row in trials if row["state"] in ("answered", "skipped")]
    progress = (len(passed), len(trials))
    if current is None:
        return Situation(participant, number, session, steps, progress=progress)
    row = connection.execute("SELECT * FROM trial WHERE id = ?", (current["id"],)).fetchone()
    plays = connection.execute(
        "SELECT * FROM presentation WHERE session = ? AND trial = ? ORDER BY id",
        (session["id"], row["id"]),
    ).fetchall()
    return Situation(
        participant,
        number,
        session,
        steps,
        row,
        trial_of(row["spec_json"]),
        Hearings(tuple(plays)),
        sum(one["block"] == row["block"] for one in passed),
        sum(one["block"] == row["block"] for one in trials),
        progress,
    )


@lru_cache(maxsize=4096)
def trial_of(spec_json: str) -> Trial:
    """Return the trial that a row holds."""
    return Trial.from_dict(json.loads(spec_json))


def screen_before_trials(study: Study, now: Situation) -> str:
    """Return the screen that comes before a visit's trials or after them, or ""."""
    participant, session = now.participant, now.session
    if participant["state"] in ("withdrawn", "declined", "stopped"):
        return str(participant["state"])
    if session is None or session["state"] == "withdrawn":
        return "withdrawn"
    if session["state"] == "finished":
        return "end"
    if not participant["language"]:
        return "language"
    if participant["consent_version"] != consent_version(study, participant["language"]):
        return "information"
    return ""


def consent_version(study: Study, language: str) -> str:
    """Return the version of the text to which people consent."""
    return study.texts[language]["consent_version"]


def needs_sound(now: Situation) -> bool:
    """Return whether the participant is among the sounds, and so needs the device."""
    return now.trial is not None and now.trial.stimulus is not None and not now.revising


def at_sound(now: Situation) -> bool:
    """Return whether the participant has come to a sound, and is not before the checks."""
    return needs_sound(now) and all(check in now.steps for check in checks(now))


def screen_of_trial(study: Study, now: Situation, position: int) -> str:
    """Return the screen of the current trial.

    Parameters
    ----------
    study : Study
        The study.
    now : Situation
        With a trial.
    position : int
        Place in the queue for the device, 0 if it is the participant's turn.
    """
    if now.trial is None or now.session is None:
        return "stopped"
    if now.session["held"]:
        return "technical" if now.session["held"] == "technical" else "waiting"
    block = study.block(now.trial.block)
    if now.pause(block) is not None and not now.revising:
        return "pause"
    sounding = now.plays.sounding
    if sounding is not None:
        repeated = sounding["repeat_of"] is not None and sounding["state"] == "starting"
        return "technical" if repeated else "playing"
    waits = needs_sound(now) and position > 0
    for check in checks(now):
        if check not in now.steps:
            return "waiting" if waits else check
    if f"instructions:{block.id}" not in now.steps and has_instructions(study, now):
        return "instructions"
    if now.plays.complete >= now.trial.complete:
        return "answer"
    return "waiting" if waits else "ready"


def checks(now: Situation) -> Sequence[str]:
    """Return the checks of a visit that come before its first sound."""
    return ("headphones", "comfort") if needs_sound(now) else ()


def has_instructions(study: Study, now: Situation) -> bool:
    """Return whether a page of instructions comes before the block of the current trial."""
    return bool(instructions(study, now, study.languages[0]))


def instructions(study: Study, now: Situation, language: str) -> str:
    """Return the instructions of the current block; the study's own before the first sounds."""
    if now.trial is None:
        return ""
    block = study.block(now.trial.block)
    own = block.instructions.get(language, "")
    sounds = [f"instructions:{one.id}" for one in study.blocks if one.stimuli]
    first = f"instructions:{block.id}" in sounds and not any(name in now.steps for name in sounds)
    general = study.texts[language].get("instructions", "") if first else ""
    return "\n\n".join(text for text in (general, own) if text)

"""The frozen study, the stored orders, and the start of a visit."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from soundcal.errors import ParameterError, RecordError
from soundcal.files.atomic import text_digest
from soundcal.listening.designs import DESIGNS, Trial
from soundcal.listening.plan import Visit, plan
from soundcal.listening.reading import read_study
from soundcal.listening.room.inviting import new_secret, plain_code
from soundcal.listening.room.replies import Locked, UnknownCode
from soundcal.listening.room.situation import consent_version
from soundcal.listening.room.work import Clock, Moment, Work
from soundcal.listening.store import Row, Store
from soundcal.listening.study import Block, Study, changes

__all__ = [
    "Arrivals",
    "resume_limit_s",
    "store_amendment",
    "visits_of",
]

_GONE: Final = ("declined", "stopped", "withdrawn")
"""States of those whose order may go to a newcomer."""

_BEGUN: Final = f"sequence IN (SELECT sequence FROM participant WHERE state NOT IN {_GONE})"
"""Orders that somebody has begun and may go on with."""


class Arrivals:
    """Lets people in.

    Parameters
    ----------
    study : Study
        The study.
    digests : mapping of str to str
        Checksums of what it consists of, as they are frozen with the first participant.
    pilot : bool
        Whether this is a pilot, whose study is not frozen.
    """

    def __init__(self, study: Study, digests: Mapping[str, str], *, pilot: bool) -> None:
        self._study = study
        self._digests = dict(digests)
        self._pilot = pilot
        planned = range(1, study.participants.planned + 1)
        self._plans = {sequence: plan(study, sequence) for sequence in planned}

    def join(self, w: Work, *, token: str, code: str) -> tuple[str, Row | None]:
        """Let a person in, by the token of a link or by a code.

        Returns
        -------
        secret : str
            A new cookie.
        session : Row or None
            The visit, if its trials were stored just now.

        Raises
        ------
        UnknownCode
            Nobody has this token or code.
        Locked
            The code is in use on another device, and the assistant did not release it.
        """
        person = self._person(w, token, code)
        session = w.one(
            "SELECT * FROM session WHERE participant = ? ORDER BY visit DESC LIMIT 1",
            person["code"],
        )
        running = session is not None and session["state"] == "running"
        if running and not token and not person["released"]:
            raise Locked(f"{person['code']}: in use on another device; the assistant releases it")
        if person["released"]:
            w.run("DELETE FROM secret WHERE participant = ?", person["code"])
            w.run("UPDATE participant SET released = 0 WHERE code = ?", person["code"])
        opened = None
        if session is None:
            opened = self._begin(w, person, 1)
        elif session["state"] == "finished" and person["state"] == "consented":
            opened = self._begin(w, person, session["visit"] + 1)
        elif session["state"] == "running":
            self._resume(w, person, session)
        secret = new_secret()
        w.run(
            "INSERT INTO secret (hash, participant, at) VALUES (?, ?, ?)",
            *(text_digest(secret), person["code"], w.now.at),
        )
        return secret, opened

    def consent(self, w: Work, person: Row, session: Row, language: str) -> None:
        """Note the consent, take a sequence number, and store the trials of the visit.

        A visit that has begun keeps its trials: an amendment has changed the text meanwhile.
        """
        information = self._study.texts[language]["information"]
        w.run(
            "UPDATE participant SET state = 'consented', consent_version = ?, "
            "consent_sha256 = ?, consent_at = ? WHERE code = ?",
            *(consent_version(self._study, language), text_digest(information)),
            *(w.now.at, person["code"]),
        )
        if w.one("SELECT 1 FROM trial WHERE session = ? LIMIT 1", session["id"]) is None:
            w.run(  # whoever came before an amendment, and consents after it, follows it
                "UPDATE session SET study_version = (SELECT max(version) FROM study) WHERE id = ?",
                session["id"],
            )
            row = w.one("SELECT * FROM session WHERE id = ?", session["id"])
            self._store_trials(w, person["code"], row or session)

    def _person(self, w: Work, token: str, code: str) -> Row:
        if token:
            row = w.one("SELECT * FROM participant WHERE token_hash = ?", text_digest(token))
        else:
            row = w.one("SELECT * FROM participant WHERE code = ?", plain_code(code))
        if row is None or row["state"] == "withdrawn":
            raise UnknownCode("this code is not known")
        return row

    def _begin(self, w: Work, person: Row, visit: int) -> Row | None:
        """Open a visit; the first one freezes the study. Return it if its trials were stored."""
        code, version = person["code"], self.freeze(w)
        session = w.run(
            "INSERT INTO session (participant, study_version, visit, started, state) "
            "VALUES (?, ?, ?, ?, 'running')",
            *(code, version, visit, w.now.at),
        )
        w.event("joined", code, session, visit=visit)
        if person["state"] == "invited":
            language = self._study.languages[0] if len(self._study.languages) == 1 else ""
            w.run(
                "UPDATE participant SET state = 'joined', language = ? WHERE code = ?",
                *(language, code),
            )
        elif person["consent_version"] == consent_version(self._study, person["language"]):
            row = w.one("SELECT * FROM session WHERE id = ?", session)
            if row is not None:
                self._store_trials(w, code, row)
            return row
        return None

    def _resume(self, w: Work, person: Row, session: Row) -> None:
        """Hold a visit that is resumed, where the study wants the assistant to be asked."""
        code = person["code"]
        last = w.one("SELECT * FROM event WHERE participant = ? ORDER BY id DESC LIMIT 1", code)
        seconds = w.now.seconds_since(last) if last is not None else 0.0
        started = w.one("SELECT 1 FROM presentation WHERE session = ? LIMIT 1", session["id"])
        if started and seconds > resume_limit_s(self._study):
            w.run("UPDATE session SET held = 'resume' WHERE id = ?", session["id"])
        w.event("resumed", code, session["id"], after_s=round(seconds, 1))

    def freeze(self, w: Work) -> int:
        """Return the version of the study, which is stored with all orders the first time.

        A pilot stores the study anew when it has changed.
        """
        last = w.one("SELECT version, files_json FROM study ORDER BY version DESC LIMIT 1")
        if last is not None and not (
            self._pilot and json.loads(last["files_json"]) != self._digests
        ):
            return int(last["version"])
        version = int(last["version"]) + 1 if last is not None else 1
        if version > 1:
            self._end_pilots(w)
        self.store_version(w, version, "pilot" if self._pilot else "first participant")
        return version

    def _end_pilots(self, w: Work) -> None:
        """End what pilots have begun, which may ask for blocks that the study has no longer."""
        w.run(
            "UPDATE session SET state = 'stopped', reason = 'the study has changed', ended = ? "
            "WHERE state = 'running'",
            w.now.at,
        )
        w.run("UPDATE participant SET state = 'stopped' WHERE state IN ('joined', 'consented')")

    def store_version(self, w: Work, version: int, reason: str) -> None:
        """Store the study and the orders of all planned people as a version.

        Orders that somebody has begun by an earlier version stay as they are.
        """
        w.run(
            "INSERT INTO study (version, toml, sha256, files_json, frozen_at, reason) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            *(version, self._study.toml, self._study.sha256, json.dumps(self._digests)),
            *(w.now.at, reason),
        )
        if not self._pilot:
            w.run(
                "INSERT INTO plan SELECT ?, sequence, visit, condition, trials_json, generator "
                f"FROM plan WHERE version = ? AND {_BEGUN}",
                *(version, version - 1),
            )
        for sequence, visits in self._plans.items():
            _store_plan(w, version, sequence, visits)
        w.event("study frozen", None, version=version, reason=reason)

    def amend(self, w: Work, reason: str) -> tuple[int, tuple[str, ...]]:
        """Store the study as a new version; see :func:`store_amendment`."""
        last = w.one("SELECT version, files_json FROM study ORDER BY version DESC LIMIT 1")
        if last is None:
            raise RecordError("the study is not frozen yet, so it can simply be changed")
        changed = changes(json.loads(last["files_json"]), self._digests)
        if not changed:
            raise RecordError("nothing has changed since the study was frozen")
        for row in w.all(
            f"SELECT trials_json FROM plan WHERE version = ? AND {_BEGUN}", last["version"]
        ):
            for spec in json.loads(row["trials_json"]):
                self._refuse_loss(Trial.from_dict(spec))
        self._refuse_another_scale(w)
        version = int(last["version"]) + 1
        self.store_version(w, version, reason)
        return version, changed

    def _refuse_loss(self, trial: Trial) -> None:
        """Refuse a study that has no longer what a trial of a begun order presents or asks."""
        block = next((one for one in self._study.blocks if one.id == trial.block), None)
        if (
            block is None
            or block.design != trial.design
            or (
                trial.stimulus is not None
                and not (
                    trial.stimulus in block.stimuli
                    and trial.condition in self._study.sound.conditions
                )
            )
        ):
            raise RecordError(
                f"block {trial.block}, stimulus {trial.stimulus}, condition {trial.condition}: "
                f"part of an order that somebody has begun, and no longer of the study; begin a "
                f"new study for that"
            )
        asked = {str(item[0]) for item in _asked(self._study, block)}
        if asked != set(trial.attributes):
            names = ", ".join(sorted(asked ^ set(trial.attributes)))
            raise RecordError(
                f"block {trial.block}: {names} added or left out, but somebody has begun the "
                f"block's order; begin a new study for that"
            )

    def _refuse_another_scale(self, w: Work) -> None:
        """Refuse other scales or choices in mid-visit: both kinds of answers would be mixed up."""
        asked = {
            row["version"]: self._asked_then(row["version"], row["toml"])
            for row in w.all("SELECT version, toml FROM study")
        }
        now = {block.id: _asked(self._study, block) for block in self._study.blocks}
        for row in w.all(
            "SELECT participant, study_version FROM session "
            "WHERE state = 'running' AND id IN (SELECT session FROM trial)"
        ):
            for name, then in asked[row["study_version"]].items():
                if then != now[name]:
                    raise RecordError(
                        f"block {name}: its scale or its choices have changed in the middle of "
                        f"a visit of {row['participant']}; let the visit be finished, or end it"
                    )

    def _asked_then(self, version: int, toml: str) -> dict[str, list[tuple[object, ...]]]:
        """Return what the blocks of a stored version ask, which an export must be able to read."""
        try:
            then = read_study(self._study.folder, text=toml)
            return {block.id: _asked(then, block) for block in then.blocks}
        except RecordError as error:
            raise RecordError(
                f"answers by version {version} of the study could not be exported any more "
                f"({error}); leave in the catalogue and the languages what it needs"
            ) from error

    def _store_trials(self, w: Work, code: str, session: Row) -> None:
        version, visit = session["study_version"], session["visit"]
        sequence = self._sequence(w, code)
        stored = self._stored_plan(w, version, sequence, visit)
        w.run("UPDATE session SET condition = ? WHERE id = ?", stored["condition"], session["id"])
        for spec in json.loads(stored["trials_json"]):
            trial = Trial.from_dict(spec)
            w.run(
                "INSERT INTO trial (session, block, position, design, spec_json, state) "
                "VALUES (?, ?, ?, ?, ?, 'planned')",
                *(session["id"], trial.block, trial.position, trial.design),
                json.dumps(trial.to_dict()),
            )

    def _sequence(self, w: Work, code: str) -> int:
        """Return the participant's sequence number: a drop-out's, or the next free one."""
        own = w.one("SELECT sequence FROM participant WHERE code = ?", code)
        if own is not None and own["sequence"] is not None:
            return int(own["sequence"])
        rows = w.all("SELECT sequence, state FROM participant WHERE sequence IS NOT NULL")
        replace = self._study.participants.replace_dropouts
        taken = {row["sequence"] for row in rows if not (replace and row["state"] in _GONE)}
        number = next(n for n in range(1, len(taken) + 2) if n not in taken)
        w.run("UPDATE participant SET sequence = ? WHERE code = ?", number, code)
        return number

    def _stored_plan(self, w: Work, version: int, sequence: int, visit: int) -> Row:
        sql = "SELECT * FROM plan WHERE version = ? AND sequence = ? AND visit = ?"
        row = w.one(sql, version, sequence, visit)
        if row is None:  # one more than planned
            _store_plan(w, version, sequence, plan(self._study, sequence))
            row = w.one(sql, version, sequence, visit)
        if row is None:
            raise ParameterError(f"sequence {sequence} has no visit {visit}")
        return row


def store_amendment(store: Store, study: Study, reason: str) -> tuple[int, tuple[str, ...]]:
    """Store a study as a new version of the one that is frozen.

    Returns
    -------
    version : int
        Its number.
    changed : tuple of str
        What has changed, in words.

    Raises
    ------
    RecordError
        No study is frozen, nothing has changed, or what somebody has begun is no longer part of it.
    """
    arrivals = Arrivals(study, study.digests(), pilot=False)
    clock = Clock()
    moment = Moment(clock.epoch(), 0, 0)
    return store.write(lambda c: arrivals.amend(Work(c, moment), reason)).result()


def visits_of(w: Work, version: int, sequence: int) -> int:
    """Return how many visits the stored order of a sequence number has."""
    row = w.one(
        "SELECT count(*) AS n FROM plan WHERE version = ? AND sequence = ?", version, sequence
    )
    return int(row["n"]) if row is not None else 0


def _asked(study: Study, block: Block) -> list[tuple[object, ...]]:
    """Return what a block asks, without its words."""
    language = study.languages[0]
    items = DESIGNS[block.design].items(block, language, study.words(language))
    return [
        (item.id, item.kind, item.low, item.high, item.step, [value for value, _ in item.choices])
        for item in items
    ]


def resume_limit_s(study: Study) -> float:
    """Return the time in s after which the assistant is asked before a visit is resumed."""
    resume = study.participants.resume
    if resume == "always":
        return float("inf")
    within = re.fullmatch(r"within ([0-9.]+) min", resume)
    return 60.0 * float(within[1]) if within else 0.0


def _store_plan(w: Work, version: int, sequence: int, visits: tuple[Visit, ...]) -> None:
    generator = f"PCG64, numpy {np.__version__}"
    for visit in visits:
        trials: list[dict[str, Any]] = [trial.to_dict() for trial in visit.trials]
        w.run(
            "INSERT OR IGNORE INTO plan "
            "(version, sequence, visit, condition, trials_json, generator) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            *(version, sequence, visit.number, visit.condition, json.dumps(trials), generator),
        )

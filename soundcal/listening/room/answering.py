"""Answers, drafts and revisions, and what comes after an answer, in the same transaction."""

import json
from collections.abc import Mapping
from typing import Any

from soundcal.errors import ParameterError
from soundcal.listening.designs import DESIGNS, Answered, Done, Event, Listened, Trial
from soundcal.listening.room.arriving import visits_of
from soundcal.listening.room.keys import body_hash
from soundcal.listening.room.replies import Refused
from soundcal.listening.room.situation import Situation, pause_name, trial_of
from soundcal.listening.room.views import Pages, next_revision, previous_trial, value_of
from soundcal.listening.room.work import Work
from soundcal.listening.store import Row
from soundcal.listening.study import Study

__all__ = ["Answers"]


class Answers:
    """Takes answers of a study."""

    def __init__(self, study: Study, pages: Pages) -> None:
        self._study = study
        self._pages = pages

    def answer(self, w: Work, now: Situation, body: Mapping[str, Any]) -> None:
        """Store the answers to the current trial, and with them what comes next.

        Raises
        ------
        Refused
            Another trial or revision is current, the sound was not heard completely, or the
            answers are not complete or not possible.
        """
        row, trial = self._current(now, body)
        revision = next_revision(w, row["id"])
        if body["revision"] != revision:
            raise Refused(409, f"revision {body['revision']} of the answers; {revision} is next")
        if not now.revising and now.plays.complete < trial.complete:
            raise Refused(409, "the sound was not heard completely")
        if now.plays.sounding is not None:
            raise Refused(409, "the sound is being played")
        items = self._pages.items(trial, now.participant["language"])
        sent = {name: one["value"] for name, one in body["answers"].items()}
        try:
            values, missing = DESIGNS[trial.design].accept(items, sent)
        except ParameterError as error:
            raise Refused(422, str(error)) from error
        if missing:
            raise Refused(422, f"missing: {', '.join(missing)}", {"missing": list(missing)})
        w.run(
            "INSERT INTO submit (key, trial, revision, body_sha256, at) VALUES (?, ?, ?, ?, ?)",
            *(body["key"], row["id"], revision, body_hash(now.code, "answer", body), w.now.at),
        )
        for item in items:
            value = values.get(item.id)
            number = value if isinstance(value, float) else None
            text = json.dumps(value, ensure_ascii=False) if isinstance(value, list) else None
            text = value if isinstance(value, str) else text
            if item.personal:
                told = f"{number:g}" if number is not None else text
                w.run(
                    "INSERT INTO personal (trial, item, revision, text, at) VALUES (?, ?, ?, ?, ?)",
                    *(row["id"], item.id, revision, told, w.now.at),
                )
                continue
            w.run(
                "INSERT INTO answer (trial, attribute, revision, value, text, touched, input, "
                "seconds, submit_key, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(row["id"], item.id, revision, number, text, int(item.id in values)),
                body["answers"].get(item.id, {}).get("input", ""),
                *(body["seconds"], body["key"], w.now.at),
            )
        w.run("DELETE FROM draft WHERE trial = ?", row["id"])
        self._go_on(w, now, row, trial, revision)

    def draft(self, w: Work, now: Situation, body: Mapping[str, Any]) -> None:
        """Keep what was typed, so that a reload loses nothing.

        Raises
        ------
        Refused
            Another trial is current.
        """
        row, _ = self._current(now, body)
        w.run(
            "INSERT INTO draft (trial, body) VALUES (?, ?) "
            "ON CONFLICT (trial) DO UPDATE SET body = excluded.body",
            *(row["id"], json.dumps(body["answers"], ensure_ascii=False)),
        )

    def previous(self, w: Work, now: Situation) -> None:
        """Open the answers to the previous trial for a revision.

        Raises
        ------
        Refused
            The study does not allow it, there is no previous trial, or the sound is being played.
        """
        trial = previous_trial(self._study, w, now)
        if trial is None or now.session is None or now.plays.sounding is not None:
            raise Refused(409, "there are no answers that can be revised")
        w.run("UPDATE session SET revising = ? WHERE id = ?", trial, now.session["id"])
        w.event("revising", now.code, now.session["id"], trial=trial)

    def _current(self, now: Situation, body: Mapping[str, Any]) -> tuple[Row, Trial]:
        if now.row is None or now.trial is None or now.row["id"] != body["trial"]:
            raise Refused(409, f"trial {body['trial']} is not the current one")
        return now.row, now.trial

    def _go_on(self, w: Work, now: Situation, row: Row, trial: Trial, revision: int) -> None:
        if now.session is None:
            return
        session = now.session["id"]
        w.event("answered", now.code, session, trial=row["id"], revision=revision)
        if now.revising:
            w.run("UPDATE session SET revising = NULL WHERE id = ?", session)
            return
        w.run("UPDATE trial SET state = 'answered' WHERE id = ?", row["id"])
        self.advance(w, now.code, now.session)
        block = self._study.block(trial.block)
        answered = now.done + 1
        if block.pause.due(answered, now.n):
            w.step(session, pause_name(block.id, answered // block.pause.after, "begins"))

    def advance(self, w: Work, code: str, session: Row) -> None:
        """Make the next trial of a visit the current one; after the last one, finish the visit."""
        following = self.next_trial(w, session["id"])
        if following is not None:
            w.run("UPDATE trial SET state = 'current' WHERE id = ?", following)
            return
        w.run(
            "UPDATE session SET state = 'finished', ended = ? WHERE id = ?", w.now.at, session["id"]
        )
        person = w.one("SELECT sequence FROM participant WHERE code = ?", code)
        visits = visits_of(w, session["study_version"], person["sequence"] if person else 0)
        if session["visit"] >= visits:
            w.run("UPDATE participant SET state = 'finished' WHERE code = ?", code)
        w.event("visit finished", code, session["id"], visit=session["visit"])

    def next_trial(self, w: Work, session: int) -> int | None:
        """Return the trial that comes next in a visit, by the designs of its blocks, or None.

        It follows from the stored answers alone, so that it is the same after a crash.
        """
        rows = w.all("SELECT * FROM trial WHERE session = ? ORDER BY position", session)
        ids = {row["position"]: int(row["id"]) for row in rows}
        history = self._history(w, session, rows)
        for block in dict.fromkeys(row["block"] for row in rows):
            trials = [
                trial_of(row["spec_json"])
                for row in rows
                if row["block"] == block and row["state"] != "skipped"
            ]
            step = DESIGNS[trials[0].design].next(trials, history) if trials else Done()
            if not isinstance(step, Done):
                return ids[step.trial.position]
        return None

    def _history(self, w: Work, session: int, rows: list[Row]) -> list[Event]:
        """Return what happened in a visit, as the designs see it."""
        position = {row["id"]: row["position"] for row in rows}
        blocks = {row["id"]: row["block"] for row in rows}
        plays = w.all(
            "SELECT id, trial, state FROM presentation WHERE session = ? AND trial IS NOT NULL "
            "ORDER BY id",
            session,
        )
        history: list[Event] = [
            Listened(position[row["trial"]], row["state"] == "done") for row in plays
        ]
        answers: dict[int, dict[str, Any]] = {
            row["position"]: {} for row in rows if row["state"] == "answered"
        }
        for row in w.all(
            "SELECT answer.* FROM answer JOIN trial ON trial.id = answer.trial "
            "WHERE session = ? AND touched ORDER BY trial.position, revision",
            session,
        ):
            many = self._pages.many(blocks[row["trial"]])
            answers[position[row["trial"]]][row["attribute"]] = value_of(row, many)
        return history + [Answered(at, values) for at, values in answers.items()]

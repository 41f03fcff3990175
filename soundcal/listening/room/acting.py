"""Actions of a participant, a method each, which run inside a job of the writer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from soundcal.files.atomic import text_digest
from soundcal.listening.presentable import Presentable
from soundcal.listening.room.answering import Answers
from soundcal.listening.room.arriving import Arrivals
from soundcal.listening.room.playing import Sounds
from soundcal.listening.room.replies import Refused
from soundcal.listening.room.situation import Situation, consent_version, pause_name
from soundcal.listening.room.views import asked_side, may_stop
from soundcal.listening.room.work import Work
from soundcal.listening.store import Row
from soundcal.listening.study import Study

__all__ = ["Actions", "Start"]

_WRONG_EARS: Final = 3  # wrong answers about the headphones before the assistant is called

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Start:
    """A presentation that begins once its row is stored."""

    presentation: int
    sound: Presentable


class Actions:
    """The actions of participants in a study."""

    def __init__(self, study: Study, sounds: Sounds, answers: Answers, arrivals: Arrivals) -> None:
        self._study = study
        self._sounds = sounds
        self._answers = answers
        self._arrivals = arrivals
        self._by_name: dict[str, Callable[[Work, Situation, str, Body], Start | None]] = {
            "language": self._language,
            "consent": self._consent,
            "headphones": self._headphones,
            "comfort": self._comfort,
            "continue": self._continue,
            "play": self._play,
            "stop": self._stop,
            "answer": self._answer,
            "draft": self._draft,
            "previous": self._previous,
            "help": self._help,
            "withdraw": self._withdraw,
        }

    def carry_out(
        self, name: str, w: Work, now: Situation, screen: str, body: Body
    ) -> Start | None:
        """Carry out an action; return the presentation that begins with it.

        Raises
        ------
        Refused
            It is not possible in this situation.
        """
        return self._by_name[name](w, now, screen, body)

    def _language(self, w: Work, now: Situation, screen: str, body: Body) -> None:
        _only(screen, "language", "information")
        if body["language"] not in self._study.languages:
            raise Refused(422, f"language {body['language']!r} is not one of the study")
        w.run("UPDATE participant SET language = ? WHERE code = ?", body["language"], now.code)
        w.event("language", now.code, _session(now)["id"], language=body["language"])

    def _consent(self, w: Work, now: Situation, screen: str, body: Body) -> None:
        _only(screen, "information")
        session, language = _session(now), now.participant["language"]
        if body["version"] != consent_version(self._study, language):
            raise Refused(409, "the information has changed")
        if not body["agree"]:
            w.run("UPDATE participant SET state = 'declined' WHERE code = ?", now.code)
            w.event("declined", now.code, session["id"], version=body["version"])
            return
        self._arrivals.consent(w, now.participant, session, language)
        self._answers.advance(w, now.code, session)
        text = self._study.texts[language]["information"]
        w.event(
            "consented",
            *(now.code, session["id"]),
            version=body["version"],
            sha256=text_digest(text),
        )

    def _headphones(self, w: Work, now: Situation, screen: str, body: Body) -> Start | None:
        _only(screen, "headphones")
        session = _session(now)["id"]
        plays = self._sounds.cues(w, session, "headphones")
        if not body["heard"]:
            return self._cue(w, now, "headphones", body["side"])
        side = asked_side(w, session, plays)
        if side is None or side != body["side"] or plays.last is None:
            raise Refused(409, f"the noise on the {body['side']} was not heard just now")
        told = {"side": side, "heard": body["heard"], "presentation": plays.last["id"]}
        w.event("headphones", now.code, session, **told)
        if side != body["heard"]:
            wrong = w.one(
                "SELECT count(*) AS n FROM event WHERE session = ? AND kind = 'headphones' "
                "AND json_extract(body, '$.side') <> json_extract(body, '$.heard')",
                session,
            )
            if wrong is not None and wrong["n"] % _WRONG_EARS == 0:
                hold(w, now.code, session, "headphones")
            return None
        w.step(session, f"headphones:{side}")
        done = {f"headphones:{side}", *now.steps}
        if {"headphones:left", "headphones:right"} <= done:
            w.step(session, "headphones")
        return None

    def _comfort(self, w: Work, now: Situation, screen: str, body: Body) -> Start | None:
        session = _session(now)["id"]
        if body["ok"] is False:
            end_visit(w, now.code, session, "too loud")
            hold(w, now.code, session, "too loud")  # the assistant sees to them
            return None
        _only(screen, "comfort")
        if body["ok"] is None:
            return self._cue(w, now, "comfort", "comfort")
        if not self._sounds.cues(w, session, "comfort").complete:
            raise Refused(409, "the sound was not heard completely")
        w.step(session, "comfort")
        w.event("comfortable", now.code, session)
        return None

    def _cue(self, w: Work, now: Situation, kind: str, name: str) -> Start:
        sound = self._sounds.cue(name)
        session = _session(now)["id"]
        number = self._sounds.request(w, now.code, session, sound, kind=kind)
        w.event("play", now.code, session, presentation=number, sound=kind)
        return Start(number, sound)

    def _continue(self, w: Work, now: Situation, screen: str, body: Body) -> None:
        session = _session(now)
        if screen == "waiting" and session["held"] == "help":
            w.run("UPDATE session SET held = '' WHERE id = ?", session["id"])
            w.event("help not needed", now.code, session["id"])
            return
        _only(screen, "instructions", "pause")
        if now.trial is None:
            raise Refused(409, "there is no trial")
        block = self._study.block(now.trial.block)
        if screen == "instructions":
            w.step(session["id"], f"instructions:{block.id}")
            w.event("instructions read", now.code, session["id"], block=block.id)
            return
        begun = now.pause(block)
        spent = w.now.seconds_since(begun) if begun is not None else 0.0
        if spent < block.pause.at_least_s:
            raise Refused(409, f"the break takes {block.pause.at_least_s:g} s at least")
        w.step(session["id"], pause_name(block.id, now.done // block.pause.after))
        w.event("break over", now.code, session["id"], seconds=round(spent, 1))

    def _play(self, w: Work, now: Situation, screen: str, body: Body) -> Start:
        _only(screen, "ready", "answer")
        if now.trial is None or now.row is None or now.row["id"] != body["trial"]:
            raise Refused(409, f"trial {body['trial']} is not the current one")
        if now.trial.stimulus is None or now.revising:
            raise Refused(409, "there is nothing to play")
        limit = self._study.block(now.trial.block).plays.max
        if now.plays.left(limit, now.trial.complete) == 0:
            raise Refused(409, f"the sound can be played {limit} times at most")
        session, sound = _session(now)["id"], self._sounds.of(now.trial)
        number = self._sounds.request(w, now.code, session, sound, trial=now.row["id"])
        w.event("play", now.code, session, presentation=number, trial=now.row["id"])
        return Start(number, sound)

    def _stop(self, w: Work, now: Situation, screen: str, body: Body) -> None:
        if now.plays.sounding is None:
            return  # it has ended meanwhile
        if not may_stop(self._study, now):
            raise Refused(409, "the sound cannot be stopped")
        session = _session(now)["id"]
        w.event("stop", now.code, session, presentation=now.plays.sounding["id"])

    def _answer(self, w: Work, now: Situation, screen: str, body: Body) -> None:
        self._answers.answer(w, now, body)

    def _draft(self, w: Work, now: Situation, screen: str, body: Body) -> None:
        self._answers.draft(w, now, body)

    def _previous(self, w: Work, now: Situation, screen: str, body: Body) -> None:
        _only(screen, "ready", "answer")
        self._answers.previous(w, now)

    def _help(self, w: Work, now: Situation, screen: str, body: Body) -> None:
        session = _session(now)
        if session["state"] != "running":
            w.event("help", now.code, session["id"], screen=screen)
        elif not session["held"]:
            hold(w, now.code, session["id"], "help")

    def _withdraw(self, w: Work, now: Situation, screen: str, body: Body) -> None:
        if not self._study.participants.withdraw_here:
            raise Refused(409, "the assistant withdraws the data")
        rows = delete_answers(w, now.code)
        w.run("UPDATE participant SET state = 'withdrawn' WHERE code = ?", now.code)
        w.run(
            "UPDATE session SET state = 'withdrawn', ended = ? WHERE participant = ?",
            *(w.now.at, now.code),
        )
        w.run(
            "INSERT INTO withdrawal (code_hash, at, rows) VALUES (?, ?, ?)",
            *(text_digest(now.code), w.now.at, rows),
        )
        w.event("withdrawn", now.code, _session(now)["id"], rows=rows)


def hold(w: Work, code: str, session: int, reason: str) -> None:
    """Let a visit wait for the assistant."""
    w.run("UPDATE session SET held = ? WHERE id = ?", reason, session)
    w.event("help", code, session, reason=reason)


def end_visit(w: Work, code: str, session: int, reason: str) -> None:
    """End a person's part before its time: what was stored is kept, a finished visit stays so."""
    w.run(
        "UPDATE session SET state = 'stopped', reason = ?, held = '', ended = ? "
        "WHERE id = ? AND state = 'running'",
        *(reason, w.now.at, session),
    )
    w.run("UPDATE participant SET state = 'stopped' WHERE code = ?", code)
    w.event("stopped", code, session, reason=reason)


def delete_answers(w: Work, code: str) -> int:
    """Delete everything that a person has answered; return the number of rows."""
    trials = "SELECT trial.id FROM trial JOIN session ON session.id = session WHERE participant = ?"
    rows = 0
    for table in ("answer", "personal", "draft", "submit"):
        sql = f"DELETE FROM {table} WHERE trial IN ({trials})"
        rows += max(0, w.connection.execute(sql, (code,)).rowcount)
    return rows


def _only(screen: str, *screens: str) -> None:
    if screen not in screens:
        raise Refused(409, f"the page shows {screen}")


def _session(now: Situation) -> Row:
    if now.session is None:
        raise Refused(409, "there is no visit")
    return now.session

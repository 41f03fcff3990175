"""Data of the screens, ready for JSON: never a file, a stimulus, a condition or a level."""

import json
import secrets
from collections.abc import Container, Sequence
from functools import lru_cache
from typing import Any, Final

from soundcal.listening.designs import DESIGNS, Item, Trial, shown_items
from soundcal.listening.room.playing import Sounds
from soundcal.listening.room.situation import (
    Hearings,
    Situation,
    consent_version,
    instructions,
)
from soundcal.listening.room.work import Moment, Work
from soundcal.listening.store import Row
from soundcal.listening.study import Study
from soundcal.plain import plain

__all__ = ["Pages", "asked_side", "may_stop", "next_revision", "previous_trial", "value_of"]

_OF_TRIAL: Final = ("ready", "playing", "answer", "technical")


class Pages:
    """Makes the data of the screens of a study.

    Parameters
    ----------
    study : Study
        The study.
    sounds : Sounds
        Its sounds.
    """

    def __init__(self, study: Study, sounds: Sounds) -> None:
        self.study = study
        self.sounds = sounds
        self._texts = {language: study.words(language) for language in study.languages}
        self._asked = lru_cache(maxsize=256)(self._ask)

    def items(self, trial: Trial, language: str) -> tuple[Item, ...]:
        """Return what a trial asks, in its order."""
        return self._asked(trial, language)[0]

    def _ask(self, trial: Trial, language: str) -> tuple[tuple[Item, ...], list[Any]]:
        """Return what a trial asks, as items and ready for JSON."""
        block, texts = self.study.block(trial.block), self._texts[language]
        items = shown_items(DESIGNS[trial.design].items(block, language, texts), trial)
        return items, [plain(item) for item in items]

    def many(self, name: str) -> list[str]:
        """Return the ids of a block's questions whose answer is a list."""
        return [one.id for one in self.study.block(name).questions if one.kind == "many"]

    def data(
        self, w: Work, now: Situation, screen: str, *, place: int, position: float | None
    ) -> dict[str, Any]:
        """Return the data of a screen.

        Parameters
        ----------
        w : Work
            Connection and time.
        now : Situation
            Where the participant stands.
        screen : str
            The screen.
        place : int
            Place in the queue for the device.
        position : float or None
            Seconds that have been played of the participant's sound.
        """
        data: dict[str, Any] = {"key": secrets.token_urlsafe(12), "help": self._called(now)}
        if now.session is not None:
            data["progress"] = {"i": now.progress[0], "n": now.progress[1]}
            if _restarted(w, now):
                data["notice"] = "restarted"
        if screen in _OF_TRIAL:
            data |= self._trial(w, now, screen, place, position)
        elif screen in ("headphones", "comfort"):
            data |= self._check(w, now, screen)
        elif screen == "pause":
            data |= self._pause(w.now, now)
        elif screen == "waiting":
            held = now.session["held"] if now.session is not None else ""
            data |= {"reason": held or "turn", "can_continue": held == "help"}
            data |= {} if held else {"position": place}
        elif screen == "instructions":
            data |= self._instructions(now)
        else:
            data |= self._words(w, now, screen)
        return data

    def _words(self, w: Work, now: Situation, screen: str) -> dict[str, Any]:
        language = now.participant["language"]
        if screen == "language":
            return {"languages": list(self.study.languages)}
        if screen == "information":
            text = self.study.texts[language]["information"]
            return {"text": text, "consent_version": consent_version(self.study, language)}
        if screen == "stopped":
            return {"reason": now.session["reason"] if now.session is not None else ""}
        if screen == "end":
            more = now.participant["state"] != "finished"
            withdraw = self.study.participants.withdraw_here
            return {"code": now.code, "next_visit": more, "can_withdraw": withdraw}
        return {}

    def _instructions(self, now: Situation) -> dict[str, Any]:
        if now.trial is None:
            return {}
        block = self.study.block(now.trial.block)
        return {
            "text": instructions(self.study, now, now.participant["language"]),
            "design": block.design,
            "sounds": bool(block.stimuli),
            "practice": not block.scored,
        }

    def _trial(
        self, w: Work, now: Situation, screen: str, place: int, position: float | None
    ) -> dict[str, Any]:
        if now.trial is None or now.row is None or now.session is None:
            return {}
        trial, language = now.trial, now.participant["language"]
        block, design = self.study.block(trial.block), DESIGNS[trial.design]
        items, shown = self._asked(trial, language)
        draft = w.one("SELECT body FROM draft WHERE trial = ?", now.row["id"])
        i = now.done if now.revising else now.done + 1
        data: dict[str, Any] = {
            "trial": now.row["id"],
            "count": {"i": i, "n": now.n},
            "practice": not trial.scored,
            "template": design.template,
            "question": design.prompt(block, language, self._texts[language]),
            "items": shown,
            "draft": json.loads(draft["body"]) if draft else _stored(w, now, items),
            "revision": next_revision(w, now.row["id"]),
            "can_previous": screen in ("ready", "answer")
            and previous_trial(self.study, w, now) is not None,
            "assistant": now.session["held"] == "technical",
        }
        if trial.stimulus is None:
            return data
        presentable = self.sounds.of(trial)
        sounding = now.plays.sounding
        left = now.plays.left(block.plays.max, trial.complete)
        heard = now.plays.complete
        may = (
            screen in ("ready", "answer")
            and not now.revising
            and place == 0
            and left != 0
            and self.sounds.allowed(w, now.code, presentable)
        )
        return data | {
            "duration_s": presentable.duration_s,
            "position_s": position or 0.0,
            "starting": sounding is not None and sounding["state"] == "starting",
            "played": heard,
            "plays_left": left,
            "can_play": may,
            "can_stop": sounding is not None and may_stop(self.study, now),
            "again": sounding is not None and sounding["repeat_of"] is not None,
        }

    def _check(self, w: Work, now: Situation, screen: str) -> dict[str, Any]:
        if now.session is None:
            return {}
        session = now.session["id"]
        if screen == "comfort":
            plays = self.sounds.cues(w, session, "comfort")
            return {"playing": plays.sounding is not None, "played": plays.complete}
        heard = [side for side in ("left", "right") if f"headphones:{side}" in now.steps]
        plays = self.sounds.cues(w, session, "headphones")
        told = _last_heard(w, session)
        problem = None
        if told and told["side"] != told["heard"]:
            turned = told["heard"] in ("left", "right")
            problem = "turn" if turned else "wrong"
        return {
            "heard": {side: side for side in heard},
            "next": "right" if "left" in heard else "left",
            "playing": plays.sounding is not None,
            "ask": asked_side(w, session, plays),
            "problem": problem,
        }

    def _pause(self, moment: Moment, now: Situation) -> dict[str, Any]:
        if now.trial is None:
            return {}
        block = self.study.block(now.trial.block)
        begun = now.pause(block)
        spent = moment.seconds_since(begun) if begun is not None else 0.0
        latest = block.pause.at_most_s
        return {
            "done": now.done,
            "n": now.n,
            "seconds_left": max(0.0, block.pause.at_least_s - spent),
            "at_most_s": max(0.0, latest - spent) if latest else None,
        }

    def _called(self, now: Situation) -> bool:
        return now.session is not None and now.session["held"] != ""


def _restarted(w: Work, now: Situation) -> bool:
    """Return whether the server has come back after a crash and the participant did nothing yet."""
    last = w.one(
        "SELECT kind, run FROM event WHERE participant = ? ORDER BY id DESC LIMIT 1", now.code
    )
    return last is not None and last["kind"] == "restarted" and last["run"] == w.now.run


def asked_side(w: Work, session: int, plays: Hearings) -> str | None:
    """Return the ear whose noise was heard and not answered yet."""
    last = plays.last
    if last is None or last["state"] != "done":
        return None
    answered = _last_heard(w, session).get("presentation") == last["id"]
    return None if answered else str(last["stimulus"])


def _last_heard(w: Work, session: int) -> dict[str, Any]:
    """Return the last answer about the headphones: ``side, heard, presentation``, or nothing."""
    told = w.one(
        "SELECT body FROM event WHERE session = ? AND kind = 'headphones' ORDER BY id DESC LIMIT 1",
        session,
    )
    return dict(json.loads(told["body"])) if told else {}


def may_stop(study: Study, now: Situation) -> bool:
    """Return whether a participant may end the presentation that is under way."""
    if now.trial is None:
        return False
    plays = study.block(now.trial.block).plays
    return plays.stop_after_first and now.plays.complete >= max(1, plays.min_complete)


def previous_trial(study: Study, w: Work, now: Situation) -> int | None:
    """Return the trial before the current one, if its answers may be revised."""
    if now.trial is None or now.session is None or now.revising:
        return None
    if study.block(now.trial.block).revise != "previous":
        return None
    row = w.one(
        "SELECT id FROM trial WHERE session = ? AND block = ? AND state = 'answered' "
        "AND position < ? ORDER BY position DESC LIMIT 1",
        *(now.session["id"], now.trial.block, now.trial.position),
    )
    return None if row is None else int(row["id"])


def next_revision(w: Work, trial: int) -> int:
    """Return the number of the next revision of a trial's answers; the first one is 0."""
    row = w.one("SELECT max(revision) AS last FROM submit WHERE trial = ?", trial)
    return 0 if row is None or row["last"] is None else int(row["last"]) + 1


def _stored(w: Work, now: Situation, items: Sequence[Item]) -> dict[str, Any] | None:
    """Return the stored answers of a trial that is revised, as a draft."""
    if now.row is None or not now.revising:
        return None
    rows = w.all(
        "SELECT * FROM answer WHERE trial = ? AND revision = "
        "(SELECT max(revision) FROM submit WHERE trial = ?)",
        *(now.row["id"], now.row["id"]),
    )
    many = [item.id for item in items if item.kind == "many"]
    return {row["attribute"]: {"value": value_of(row, many), "input": row["input"]} for row in rows}


def value_of(row: Row, many: Container[str]) -> Any:
    """Return the value of a stored answer: a number, a text, a list of texts, or None."""
    if row["text"] is None:
        return row["value"]
    return json.loads(row["text"]) if row["attribute"] in many else row["text"]

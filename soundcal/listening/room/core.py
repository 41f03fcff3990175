"""Jobs, screens and sounds: what all parts of the room share.

Every change is a job of the store's writer. It reads the state, decides, writes, and what follows
from it (a reply, news, a sound) happens when it is synced.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from soundcal.errors import SoundcalError
from soundcal.listening.player import PlayerEvent
from soundcal.listening.room.acting import Actions, Start, hold
from soundcal.listening.room.answering import Answers
from soundcal.listening.room.arriving import Arrivals
from soundcal.listening.room.places import Leases, News, Turns
from soundcal.listening.room.playing import Device, Sounds
from soundcal.listening.room.replies import Refused, View
from soundcal.listening.room.situation import (
    SOUNDING,
    Situation,
    needs_sound,
    screen_before_trials,
    screen_of_trial,
    situation_of,
    trial_of,
)
from soundcal.listening.room.views import Pages, may_stop
from soundcal.listening.room.work import EVERYBODY, Clock, Moment, Work
from soundcal.listening.store import Row, Store
from soundcal.listening.study import Study
from soundcal.plain import plain
from soundcal.version import __version__

__all__ = ["Core", "Stand"]

T = TypeVar("T")

_JUMP_S: Final = 1.0
"""Difference of both clocks beyond which the date is said to have jumped."""

_POSITION_EVERY_S: Final = 0.5
_AHEAD: Final = 2  # trials whose sounds are rendered ahead


class Core:
    """The room without its doors: see :class:`soundcal.listening.room.machine.Room`."""

    def __init__(
        self,
        study: Study,
        store: Store,
        player: Device,
        *,
        digests: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        pilot: bool = False,
        places: int = 1,
        device: str = "",
    ) -> None:
        self.study = study
        self.pilot = pilot
        self.obstacle: Callable[[], str] = lambda: ""
        """Tells why the room must not be opened at present, if so."""
        self._store = store
        self._player = player
        self._clock = clock or Clock()
        self._sounds = Sounds(study, player.book)
        self._pages = Pages(study, self._sounds)
        self._answers = Answers(study, self._pages)
        digests = study.digests() if digests is None else digests
        self._arrivals = Arrivals(study, digests, pilot=pilot)
        self._actions = Actions(study, self._sounds, self._answers, self._arrivals)
        self._leases = Leases()
        self._turns = Turns(places)
        self._news = News()
        self._closed = ""
        self._began = self._clock.monotonic()
        self._offset = self._clock.epoch() - self._began
        self._offset_lock = threading.Lock()
        self._follower: threading.Thread | None = None
        self._run = 0
        begin = store.write(lambda c: self._recover(Work(c, self._moment()), device))
        self._run = begin.result()
        store.on_failure = self._store_failed

    def played(self, news: PlayerEvent) -> None:
        """Take the player's news about a presentation; may be called from any thread."""
        if news.kind == "started":
            done = self._write(lambda w: self._begun(w, news))
        else:
            done = self._write(lambda w: self._ended(w, news))
        done.add_done_callback(self._after_sound)

    def close(self) -> None:
        """Note that the server ends in good order; the store and the player stay open."""

        def job(w: Work) -> None:
            w.run("UPDATE server_run SET ended = ? WHERE id = ?", w.now.at, self._run)

        self._write(job).result()

    def _write(self, job: Callable[[Work], T]) -> "Future[T]":
        self._watch_clock()
        return self._store.write(lambda connection: job(Work(connection, self._moment())))

    def _moment(self) -> Moment:
        since = self._clock.monotonic() - self._began
        return Moment(self._clock.epoch(), round(1000.0 * since), self._run)

    def _watch_clock(self) -> None:
        """Note as an event that the date has jumped against the clock that does not."""
        with self._offset_lock:
            offset = self._clock.epoch() - self._clock.monotonic()
            jump, before = offset - self._offset, self._offset
            self._offset = offset if abs(jump) > _JUMP_S else before
        if abs(jump) > _JUMP_S:
            seconds = round(jump, 3)
            self._store.write(
                lambda c: Work(c, self._moment()).event("clock jump", None, seconds=seconds)
            )

    def _recover(self, w: Work, device: str) -> int:
        """Begin a run of the server; what the last one left playing was interrupted."""
        last = w.one("SELECT ended FROM server_run ORDER BY id DESC LIMIT 1")
        offset = w.now.epoch - self._began
        run = w.run(
            "INSERT INTO server_run (started, version, host_clock_offset, pid, device) "
            "VALUES (?, ?, ?, ?, ?)",
            *(w.now.at, __version__, offset, os.getpid(), device),
        )
        w = Work(w.connection, replace(w.now, run=run))
        self._interrupt(w)
        if last is not None and last["ended"] is None:
            for row in w.all("SELECT id, participant FROM session WHERE state = 'running'"):
                w.event("restarted", row["participant"], row["id"])
        return run

    def _interrupt(self, w: Work) -> None:
        """Mark as interrupted what is said to be playing, though nothing plays any more."""
        for row in w.all(
            f"SELECT presentation.id, session, participant FROM presentation "
            f"JOIN session ON session.id = session WHERE presentation.state IN {SOUNDING}"
        ):
            w.run(
                "UPDATE presentation SET state = 'interrupted', ended = ? WHERE id = ?",
                *(w.now.at, row["id"]),
            )
            w.event("interrupted", row["participant"], row["session"], presentation=row["id"])

    def _store_failed(self, reason: str) -> None:
        """Let nothing play any more when nothing can be stored."""
        self._closed = reason
        self._player.stop()
        self._news.tell(EVERYBODY, 0, "state", {"number": 0, "screen": "closed"})

    def _tell_everybody(self, screen: str) -> None:
        with self._store.read() as connection:
            number = connection.execute("SELECT max(id) FROM event").fetchone()[0] or 0
        self._news.tell(EVERYBODY, number, "state", {"number": number, "screen": screen})

    # ------------------------------------------------------------------ screens

    def _screen(self, w: Work, now: Situation) -> tuple[str, int]:
        """Return the screen of a situation, and the place in the queue for the device."""
        before = screen_before_trials(self.study, now)
        if before in ("withdrawn", "declined", "stopped", "end"):
            return before, 0
        if self._closed:
            return "closed", 0
        if before:
            return before, 0
        place = self._place(now)
        screen = screen_of_trial(self.study, now, place)
        if screen in ("ready", "headphones", "comfort") and not self._may_hear(w, now, screen):
            return "limit", place
        return screen, place

    def _place(self, now: Situation) -> int:
        if not needs_sound(now) or now.trial is None or now.session is None:
            return 0
        if now.pause(self.study.block(now.trial.block)) is not None:
            return 0
        return self._turns.ask(now.code, self._clock.monotonic(), self._news.listens)

    def _may_hear(self, w: Work, now: Situation, screen: str) -> bool:
        if now.trial is None:
            return False
        sound = self._sounds.of(now.trial)
        if screen == "headphones":
            sound = self._sounds.cue("left")
        elif screen == "comfort":
            sound = self._sounds.cue("comfort")
        return self._sounds.allowed(w, now.code, sound)

    def _state_view(self, w: Work, participant: Row) -> tuple[View, Situation]:
        """Return what a participant's leading window shows."""
        now = situation_of(w.connection, participant)
        screen, place = self._screen(w, now)
        position = self._player.position() if now.plays.sounding is not None else None
        data = self._pages.data(
            w, now, screen, place=place, position=position[0] if position else None
        )
        return View(now.number, screen, participant["language"], data), now

    def _stand(self, w: Work, code: str) -> "Stand":
        """Return the state of a participant after a change, inside its job."""
        row = w.one("SELECT * FROM participant WHERE code = ?", code)
        if row is None:
            raise Refused(409, f"{code}: no such participant")
        view, now = self._state_view(w, row)
        running = now.session is not None and now.session["state"] == "running"
        among = needs_sound(now) or now.revising
        keeps = running and among and view.screen not in ("pause", "limit")
        return Stand(code, view, keeps)

    def _settle(self, stand: "Stand") -> None:
        """Give news of a stored change; who has left the sounds passes the turn on."""
        number, screen = stand.view.number, stand.view.screen
        self._news.tell(stand.code, number, "state", {"number": number, "screen": screen})
        if not stand.keeps:
            self._leave(stand.code)

    def pass_turns(self) -> None:
        """Let a turn pass on whose holder is gone; to be called every few seconds."""
        before = self._turns.holders()
        for code in self._turns.in_order()[len(before) :][:1]:
            self._turns.ask(code, self._clock.monotonic(), self._news.listens)
        for code in set(before) ^ set(self._turns.holders()):
            self._note(code, "turn")

    def _leave(self, code: str) -> None:
        for other in self._turns.leave(code):
            self._note(other, "turn")

    def _note(self, code: str, kind: str) -> None:
        """Add an event that changes what the windows of a participant show, and tell them."""

        def job(w: Work) -> Stand:
            w.event(kind, code)
            return self._stand(w, code)

        done = self._write(job)
        done.add_done_callback(lambda f: None if f.exception() else self._settle(f.result()))

    # ------------------------------------------------------------------ sounds

    def _start(self, start: Start) -> None:
        """Begin a presentation whose row is stored."""
        try:
            if self._closed:
                raise SoundcalError(f"the room is closed: {self._closed}")
            sound = start.sound
            self._player.start(start.presentation, sound.condition, sound.stimulus)
        except Exception as error:  # noqa: BLE001  a row that stays "starting" would block everybody
            known = isinstance(error, SoundcalError)
            reasons = (str(error) if known else f"{type(error).__name__}: {error}",)
            self.played(PlayerEvent("ended", start.presentation, "failed", flags=reasons))
        else:
            self._prepare(start.presentation)

    def _prepare(self, presentation: int) -> None:
        """Let the sounds that follow in the same visit be rendered in the background."""
        with self._store.read() as connection:
            rows = connection.execute(
                "SELECT spec_json FROM trial WHERE state IN ('current', 'planned') "
                "AND session = (SELECT session FROM presentation WHERE id = ?) "
                "ORDER BY position LIMIT ?",
                (presentation, 1 + _AHEAD),
            ).fetchall()
        trials = [trial_of(row["spec_json"]) for row in rows]
        self._player.book.prepare(
            (trial.condition or "", trial.stimulus) for trial in trials if trial.stimulus
        )

    def _silence(self, session: int | None = None) -> None:
        """Fade out what plays, in one session or in any."""
        with self._store.read() as connection:
            playing = connection.execute(
                f"SELECT session FROM presentation WHERE state IN {SOUNDING}"
            ).fetchall()
        if any(session in (None, row["session"]) for row in playing):
            self._player.stop()

    def _silence_at_once(self, now: Situation, action: str, body: Mapping[str, Any]) -> None:
        """End the participant's sound before anything is stored, if the action ends it."""
        if action == "stop" and not may_stop(self.study, now):
            return
        if now.session is not None and not (action == "comfort" and body["ok"] is not False):
            self._silence(now.session["id"])

    def _begun(self, w: Work, news: PlayerEvent) -> "tuple[Stand, Start | None] | None":
        row = self._presentation(w, news.presentation)
        if row is None or row["state"] != "starting":
            return None
        w.run(
            "UPDATE presentation SET state = 'playing', started = ? WHERE id = ?",
            *(w.now.at, row["id"]),
        )
        w.event("playing", row["participant"], row["session"], presentation=row["id"])
        return self._stand(w, row["participant"]), None

    def _ended(self, w: Work, news: PlayerEvent) -> "tuple[Stand, Start | None] | None":
        row = self._presentation(w, news.presentation)
        if row is None or row["state"] not in SOUNDING:
            return None
        state = "invalid" if news.verdict == "invalid" and news.outcome == "done" else news.outcome
        w.run(
            "UPDATE presentation SET state = ?, ended = ?, n_samples = ?, xruns = ?, flags = ?, "
            "measured_db = ?, verdict = ?, checks_json = ? WHERE id = ?",
            *(state, w.now.at, int(news.n_samples), int(news.xruns), _json(news.flags)),
            *(plain(news.measured_db), news.verdict, _json(news.checks), row["id"]),
        )
        code, session = row["participant"], row["session"]
        w.event(f"sound {state}", code, session, presentation=row["id"])
        start = self._again(w, row) if state in ("failed", "invalid") else None
        return self._stand(w, code), start

    def _again(self, w: Work, row: Row) -> Start | None:
        """Repeat a faulty presentation once; after the second fault call the assistant."""
        session = w.one("SELECT * FROM session WHERE id = ?", row["session"])
        if session is None or session["state"] != "running" or session["held"] or self._closed:
            return None
        code = row["participant"]
        if row["repeat_of"] is not None:
            hold(w, code, session["id"], "technical")
            return None
        sound = self._sounds.named(row["condition"], row["stimulus"])
        try:
            number = self._sounds.request(
                *(w, code, session["id"], sound),
                kind=row["kind"],
                trial=row["trial"],
                repeat_of=row["id"],
            )
        except Refused:  # the exposure of the day is used up, and the page says so
            return None
        w.event("repeat", code, session["id"], presentation=number)
        return Start(number, sound)

    def _after_sound(self, done: "Future[tuple[Stand, Start | None] | None]") -> None:
        if done.exception() is not None or done.result() is None:
            return  # the store has told that it failed
        stand, start = done.result() or (None, None)
        if start is not None:
            self._start(start)
        if stand is not None:
            self._settle(stand)
            if stand.view.screen == "playing":
                self._follow(stand)

    def _follow(self, stand: "Stand") -> None:
        """Tell the windows of a participant how far the sound is, until it is over."""

        def follow() -> None:
            while (position := self._player.position()) is not None:
                seconds, total = position
                trial = stand.view.data.get("trial")
                data = {"trial": trial, "position_s": seconds, "duration_s": total}
                self._news.tell(stand.code, stand.view.number, "position", data)
                time.sleep(_POSITION_EVERY_S)

        if self._follower is None or not self._follower.is_alive():
            self._follower = threading.Thread(target=follow, name="position", daemon=True)
            self._follower.start()

    def _presentation(self, w: Work, number: int) -> Row | None:
        return w.one(
            "SELECT presentation.*, participant FROM presentation "
            "JOIN session ON session.id = session WHERE presentation.id = ?",
            number,
        )


@dataclass(frozen=True, slots=True)
class Stand:
    """A participant's state after a change; ``keeps`` if the turn at the device is kept."""

    code: str
    view: View
    keeps: bool


def _json(value: object) -> str:
    return json.dumps(plain(value), ensure_ascii=False)

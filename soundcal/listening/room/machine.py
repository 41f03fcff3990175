"""The room as its doors show it: what participants, assistants and the player can do in it.

What need not survive a restart is in memory (:mod:`soundcal.listening.room.places`), all else in
the store.
"""

import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from soundcal.errors import ParameterError, RecordError, SoundcalError
from soundcal.files.atomic import text_digest
from soundcal.listening.room.acting import Start, end_visit, hold
from soundcal.listening.room.arriving import resume_limit_s
from soundcal.listening.room.bodies import check_body
from soundcal.listening.room.core import Core, Stand
from soundcal.listening.room.inviting import Invitation, invite, plain_code
from soundcal.listening.room.keys import body_hash, keep_key, use_of_key
from soundcal.listening.room.places import Call
from soundcal.listening.room.playing import exposures
from soundcal.listening.room.replies import Refused, Reply, UnknownCode, View
from soundcal.listening.room.situation import Situation, at_sound, find_participant, situation_of
from soundcal.listening.room.work import EVERYBODY, Work
from soundcal.listening.store import Connection, Row, StoreFailed

__all__ = ["Room"]

_WHEN_CLOSED: Final = ("answer", "draft", "help", "stop", "withdraw")
"""Actions that are accepted while the room is closed: nothing that was heard or typed is lost."""

_REPEATABLE: Final = ("draft", "answer", "stop", "help", "withdraw")
"""Actions that do not ask which number of the state the page shows."""


_SILENCING: Final = ("stop", "help", "withdraw", "comfort")
"""Actions that may end the participant's sound."""


@dataclass(frozen=True, slots=True)
class _Done:
    """Consequences of an action that is stored, or refused."""

    reply: Reply
    stand: Stand | None = None
    start: Start | None = None
    session: int | None = None


class Room(Core):
    """The room of a listening test.

    Parameters
    ----------
    study : Study
        The study.
    store : Store
        Its database, not used by another room.
    player : Device
        Plays; its news go to :meth:`played`.
    digests : mapping of str to str, optional
        Checksums of what the study consists of; computed if not given.
    clock : Clock, optional
        The clocks.
    pilot : bool
        Answers of this room do not count.
    places : int
        People who can be among the sounds at the same time.
    device : str
        Identity of the device.

    Raises
    ------
    StoreFailed
        The database cannot be written.
    """

    # ------------------------------------------------------------------ assistants

    @property
    def closed(self) -> str:
        """Reason for which the room is closed; empty while it is open."""
        return self._closed

    def invite(self, n: int, *, with_link: bool = True) -> list[Invitation]:
        """Make the access of ``n`` more people; see :func:`.inviting.invite`."""
        return invite(self._store, n, pilot=self.pilot, clock=self._clock, with_link=with_link)

    def queue(self) -> tuple[str, ...]:
        """Return the codes of those whose turn it is and who wait for it, in order."""
        return self._turns.in_order()

    def contact(self, code: str) -> float | None:
        """Return the seconds since the last contact with a participant; 0 while connected."""
        if self._news.listens(code):
            return 0.0
        last = self._turns.last_contact(code)
        return None if last is None else self._clock.monotonic() - last

    def exposures(self, connection: Connection) -> dict[str, float]:
        """Return the exposure of everybody in the last 24 hours in Pa²h, by code."""
        return exposures(Work(connection, self._moment()))

    def pause(self, reason: str) -> None:
        """Close the room for a while; what plays is faded out and offered again later."""
        self._closed = reason or "paused"  # first of all, so that nothing begins any more
        self._silence()
        self._write(lambda w: w.event("room closed", EVERYBODY, reason=reason)).result()
        self._silence()
        self._tell_everybody("closed")

    def reopen(self) -> None:
        """Open the room again.

        Raises
        ------
        ParameterError
            It must not be opened yet: the levels must be checked, for example.
        RecordError
            The database still cannot be written.
        """
        if reason := self.obstacle():
            raise ParameterError(f"the room stays closed: {reason}")
        if self._store.failure:
            self._store.recover()
            if self._player.position() is None:  # its end could not be stored
                self._write(self._interrupt).result()
        self._write(lambda w: w.event("room opened", EVERYBODY)).result()
        self._closed = ""
        self._tell_everybody("")

    def release(self, code: str) -> None:
        """Let a participant go on: after a fault, on another device, or after a refusal."""

        def job(w: Work, now: Situation) -> None:
            if now.participant["state"] == "declined":
                w.run("UPDATE participant SET state = 'joined' WHERE code = ?", now.code)
            w.run("UPDATE participant SET released = 1 WHERE code = ?", now.code)
            if now.session is not None:
                w.run("UPDATE session SET held = '' WHERE id = ?", now.session["id"])
            w.event("released", now.code, now.session["id"] if now.session else None)

        self._assist(code, job)
        self._leases.forget(plain_code(code))
        self._leave(plain_code(code))

    def answer_help(self, code: str) -> None:
        """Note that the assistant has answered a call, and let the participant go on."""

        def job(w: Work, now: Situation) -> None:
            session = now.session
            if session is None or not session["held"]:  # a call may outlast the visit
                session = _running(now)
            w.run("UPDATE session SET held = '' WHERE id = ?", session["id"])
            w.event("help answered", now.code, session["id"], reason=session["held"])

        self._assist(code, job)

    def skip(self, code: str, reason: str) -> None:
        """Leave out the current trial of a participant, because its stimulus is broken."""

        def job(w: Work, now: Situation) -> None:
            session = _running(now)
            if now.row is None or not at_sound(now):
                raise ParameterError(f"{now.code}: not at a sound that could be left out")
            w.run("UPDATE trial SET state = 'skipped' WHERE id = ?", now.row["id"])
            w.run("UPDATE session SET held = '' WHERE id = ?", session["id"])
            w.run("DELETE FROM draft WHERE trial = ?", now.row["id"])
            w.event("skipped", now.code, session["id"], trial=now.row["id"], reason=reason)
            self._answers.advance(w, now.code, session)

        self._assist(code, job, silence=True)

    def end_session(self, code: str, reason: str = "ended by the assistant") -> None:
        """End the visit of a participant, who counts as a drop-out; the data are kept."""

        def job(w: Work, now: Situation) -> None:
            if now.session is None or now.participant["state"] in ("finished", "withdrawn"):
                raise ParameterError(f"{now.code}: no visit that could be ended")
            end_visit(w, now.code, now.session["id"], reason)

        self._assist(code, job, silence=True)

    # ------------------------------------------------------------------ participants

    def join(self, *, token: str = "", code: str = "") -> str:
        """Let a participant in, by the token of the link or by the code, and return a secret.

        Raises
        ------
        UnknownCode
            Nobody has this token or code.
        Locked
            The code is in use on another device, and the assistant did not release it.
        StoreFailed
            The database cannot be written.
        """

        def job(w: Work) -> tuple[str, Stand]:
            secret, opened = self._arrivals.join(w, token=token, code=code)
            person = self._person(w, secret)
            if opened is not None:
                self._answers.advance(w, person["code"], opened)
            return secret, self._stand(w, person["code"])

        secret, stand = self._write(job).result()
        self._settle(stand)
        return secret

    def view(self, who: str, tab: str) -> View:
        """Return what a window of a participant shows; a window that is new takes the lead.

        Parameters
        ----------
        who : str
            Secret of the cookie.
        tab : str
            Name of the window; "" for none, which neither leads nor yields.

        Raises
        ------
        UnknownCode
            The secret is not known, or no longer.
        """
        with self._store.read() as connection:
            w = Work(connection, self._moment())
            person = self._person(w, who)
            code = person["code"]
            self._turns.contact(code, self._clock.monotonic())
            if self._leases.see(code, tab):
                self._note(code, "other window")
            if not self._leases.leads(code, tab):
                return self._other_window(w, person)
            return self._state_view(w, person)[0]

    def subscribe(self, who: str, call: Call) -> Callable[[], None]:
        """Let news reach ``call``, from any thread; return how to end it.

        Kinds are ``state`` with ``number`` and ``screen``, after which the view is another one, and
        ``position`` with ``trial``, ``position_s`` and ``duration_s``.

        Parameters
        ----------
        who : str
            Secret of a cookie, or ``*`` for news of everybody.
        call : callable
            Gets number, kind and data.

        Raises
        ------
        UnknownCode
            The secret is not known.
        """
        if who == EVERYBODY:
            return self._news.subscribe(EVERYBODY, call)
        with self._store.read() as connection:
            code = self._person(Work(connection, self._moment()), who)["code"]
        self._turns.contact(code, self._clock.monotonic())
        return self._news.subscribe(code, call)

    def act(self, who: str, action: str, body: Mapping[str, Any]) -> "Future[Reply]":
        """Do what a page asks for; the reply comes when it is stored.

        Parameters
        ----------
        who : str
            Secret of the cookie.
        action : str
            ``language``, ``consent``, ``headphones``, ``comfort``, ``continue``, ``play``,
            ``stop``, ``draft``, ``answer``, ``previous``, ``help``, ``take_over``, ``withdraw``.
        body : mapping of str to Any
            ``number`` of the state that the page shows, ``key`` of the view, ``tab``, and the
            fields of the action (:data:`.bodies.ACTIONS`). The same key with the same body is
            carried out once.

        Raises
        ------
        UnknownCode
            The secret is not known.
        """
        tab = str(body.get("tab", ""))
        with self._store.read() as connection:
            w = Work(connection, self._moment())
            person = self._person(w, who)
            code = person["code"]
            self._turns.contact(code, self._clock.monotonic())
            try:
                check_body(action, body)
            except Refused as refused:
                return _resolved(_refusal(refused, self._state_view(w, person)[0]))
            if action == "take_over":
                self._leases.take(code, tab)
                self._note(code, "other window")
                return _resolved(Reply(200, self._state_view(w, person)[0]))
            if self._leases.see(code, tab):
                self._note(code, "other window")
            if not self._leases.leads(code, tab):
                view = self._other_window(w, person)
                return _resolved(Reply(409, view, "the test is open in another window"))
            if action in _SILENCING:
                self._silence_at_once(situation_of(connection, person), action, body)
        reply: Future[Reply] = Future()
        done = self._write(lambda w: self._carry_out(w, code, action, body))
        done.add_done_callback(lambda f: self._conclude(f, reply, code, action))
        return reply

    def _carry_out(self, w: Work, code: str, action: str, body: Mapping[str, Any]) -> _Done:
        """Carry out an action inside a job."""
        person = w.one("SELECT * FROM participant WHERE code = ?", code)
        if person is None:
            raise UnknownCode("this participant is not known any more")
        if (known := use_of_key(w, body["key"])) is not None:
            view = self._state_view(w, person)[0]
            if known == body_hash(code, action, body):
                return _Done(Reply(200, view))
            return _Done(Reply(409, view, "this key was used for something else"))
        now = situation_of(w.connection, person)
        screen, place = self._screen(w, now)
        if now.session is not None and self._overdue(w, now, action):
            if action == "answer":
                self._answers.draft(w, now, body)
            hold(w, code, now.session["id"], "resume")
            stand = self._stand(w, code)
            return _Done(Reply(409, stand.view, "the assistant lets you go on"), stand)
        self._check(now, action, body)
        if action == "play" and place:  # the page may not know yet that the turn has passed on
            raise Refused(409, "it is the turn of somebody else")
        start = self._actions.carry_out(action, w, now, screen, body)
        if action not in ("draft", "answer"):
            keep_key(w, code, action, body)
        stand = self._stand(w, code)
        session = now.session["id"] if now.session is not None else None
        return _Done(Reply(200, stand.view), stand, start, session)

    def _check(self, now: Situation, action: str, body: Mapping[str, Any]) -> None:
        if self._closed and action not in _WHEN_CLOSED:
            raise Refused(423, f"the room is closed: {self._closed}")
        too_loud = action == "comfort" and body["ok"] is False
        if not too_loud and action not in _REPEATABLE and body["number"] != now.number:
            raise Refused(409, f"state {body['number']} is out of date; it is {now.number}")
        running = now.session is not None and now.session["state"] == "running"
        takes_part = now.participant["state"] in ("joined", "consented")
        if not (running and takes_part) and action not in ("help", "withdraw"):
            raise Refused(409, "the visit is over")

    def _overdue(self, w: Work, now: Situation, action: str) -> bool:
        """Return whether a visit lay still for longer than the study lets it be resumed."""
        limit = resume_limit_s(self.study)
        if limit == 0.0 or now.trial is None or action in ("draft", "help", "withdraw"):
            return False
        last = w.one("SELECT * FROM event WHERE participant = ? ORDER BY id DESC LIMIT 1", now.code)
        held = now.session is not None and now.session["held"]
        return last is not None and not held and w.now.seconds_since(last) > limit

    def _conclude(
        self, done: "Future[_Done]", reply: "Future[Reply]", code: str, action: str
    ) -> None:
        """Reply to an action that was stored or refused."""
        error = done.exception()
        if error is not None:
            self._refuse(error, reply, code)
            return
        result = done.result()
        try:
            if result.stand is not None:
                self._follow_up(result, result.stand, action)
        finally:
            reply.set_result(result.reply)

    def _follow_up(self, result: _Done, stand: Stand, action: str) -> None:
        """Start or stop the sound and give news, once an action is stored."""
        if result.start is not None:
            self._start(result.start)
        if action == "help" or stand.view.screen in ("stopped", "withdrawn"):
            self._silence(result.session)
        if action != "draft":
            self._settle(stand)
        if action == "withdraw":
            threading.Thread(target=self._erase, name="erasing", daemon=True).start()

    def _erase(self) -> None:
        """Rewrite the database, so that deleted answers are in no file."""
        with suppress(RecordError):  # closed meanwhile, or read all the time: "forget" repeats it
            self._store.compact()

    def _refuse(self, error: BaseException, reply: "Future[Reply]", code: str) -> None:
        """Reply to an action that changed nothing."""
        if isinstance(error, StoreFailed):
            error = Refused(423, str(error))
        if not isinstance(error, Refused):
            reply.set_exception(error)
            return
        try:
            with self._store.read() as connection:
                view = self._stand(Work(connection, self._moment()), code).view
        except SoundcalError as failure:
            reply.set_exception(failure)
        else:
            reply.set_result(_refusal(error, view))

    # ------------------------------------------------------------------ both

    def _assist(
        self, code: str, job: Callable[[Work, Situation], None], *, silence: bool = False
    ) -> None:
        """Carry out what an assistant asks for, and wait until it is stored."""
        session: list[int] = []

        def carry_out(w: Work) -> Stand:
            person = w.one("SELECT * FROM participant WHERE code = ?", plain_code(code))
            if person is None:
                raise UnknownCode(f"{code}: no such participant")
            now = situation_of(w.connection, person)
            job(w, now)
            session[:] = [now.session["id"]] if now.session is not None else []
            return self._stand(w, person["code"])

        stand = self._write(carry_out).result()
        if silence and session:
            self._silence(session[0])
        self._settle(stand)

    def _person(self, w: Work, who: str) -> Row:
        person = find_participant(w.connection, text_digest(who))
        if person is None:
            raise UnknownCode("this link is not known any more; please ask the assistant")
        return person

    def _other_window(self, w: Work, person: Row) -> View:
        number = situation_of(w.connection, person).number
        data = {"key": secrets.token_urlsafe(12)}
        return View(number, "other_window", person["language"], data)


def _refusal(refused: Refused, view: View) -> Reply:
    data = {**view.data, **refused.data}
    return Reply(refused.status, replace(view, data=data), str(refused))


def _running(now: Situation) -> Row:
    if now.session is None or now.session["state"] != "running":
        raise ParameterError(f"{now.code}: no visit is running")
    return now.session


def _resolved(reply: Reply) -> "Future[Reply]":
    future: Future[Reply] = Future()
    future.set_result(reply)
    return future

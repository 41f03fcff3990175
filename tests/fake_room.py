"""A room without store and device, for tests of what stands before it: pages, guards, events."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from room_screens import SCREENS

from soundcal.listening.room import Locked, Reply, UnknownCode, View
from soundcal.listening.texts import Direction, Texts, load_texts

DIRECTIONS: Mapping[str, Direction] = {"deu": "ltr", "arb": "rtl"}
"""Languages that a study may have here, besides English."""

Call = Callable[[int, str, Mapping[str, Any]], None]


class FakeStudy:
    """What pages need of a study."""

    folder = None

    def __init__(self, name: str = "OCV and HATS calibration, 27 scenes", **own: str) -> None:
        self.title = name
        self.languages: tuple[str, ...] = ("eng",)
        self._own = own

    def words(self, language: str):
        """Return the texts of a language; all but English are English with another name."""
        texts = load_texts("eng").with_own(self._own)
        if language == "eng":
            return texts
        return Texts(language, f"name of {language}", DIRECTIONS[language], texts.words)


class FakeRoom:
    """One participant, whose states are set by the test; every action is recorded.

    ``path`` maps an action to the state that follows it; without it the state stays.
    """

    closed = ""

    def __init__(self, study: FakeStudy | None = None) -> None:
        self.study = study or FakeStudy()
        self.path: dict[tuple[str, str], str] = {}
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.stored: dict[str, tuple[str, Mapping[str, Any], Reply]] = {}
        self.failing: Exception | None = None
        self.draft: Mapping[str, Any] | None = None
        self.changes: dict[str, Any] = {}
        self.language = "eng"
        self.slow_s = 0.0
        self._state = "ready"
        self._number = 1
        self._tabs: list[str] = []
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def show(self, state: str, **changes: Any) -> None:
        """Set the state that the participant's page shows, and tell it."""
        with self._lock:
            self._state = state
            self.changes = changes
            self._number += 1
            number, calls = self._number, list(self._calls)
        for call in calls:
            call(number, "state", {"number": number, "screen": SCREENS[state][0]})

    def position(self, seconds: float) -> None:
        """Tell how far the sound is."""
        for call in list(self._calls):
            call(self._number, "position", {"position_s": seconds, "duration_s": 30.0, "trial": 7})

    def join(self, *, token: str = "", code: str = "") -> str:
        """Let in ABCD and the token good."""
        if code.upper() == "LOCKED":
            raise Locked("in use")
        if code.upper() != "ABCD" and token != "good":
            raise UnknownCode("unknown")
        return "secret-of-the-cookie"

    def view(self, who: str, tab: str) -> View:
        """Return the state; a new tab takes the lead."""
        time.sleep(self.slow_s)
        if who != "secret-of-the-cookie":
            raise UnknownCode("unknown")
        with self._lock:
            if tab and tab not in self._tabs:
                self._tabs.append(tab)
            if tab and tab != self._tabs[-1]:
                return View(self._number, "other_window", self.language, {"key": "k"})
            screen, data = SCREENS[self._state]
            given = {"key": secrets.token_urlsafe(6), **data, **self.changes}
            if self.draft is not None:
                given["draft"] = self.draft
            return View(self._number, screen, self.language, given)

    def act(self, who: str, action: str, body: Mapping[str, Any]) -> "Future[Reply]":
        """Record an action and go on along the path."""
        if who != "secret-of-the-cookie":
            raise UnknownCode("unknown")
        if self.failing is not None:
            raise self.failing
        reply: Future[Reply] = Future()
        reply.set_result(self._reply(who, action, body))
        return reply

    def _reply(self, who: str, action: str, body: Mapping[str, Any]) -> Reply:
        if action == "take_over":
            self._tabs.remove(body["tab"])
            self._tabs.append(body["tab"])
            return Reply(200, self.view(who, body["tab"]))
        if body["tab"] != self._tabs[-1]:
            return Reply(409, self.view(who, body["tab"]), "other window")
        if (known := self.stored.get(body["key"])) and known[:2] == (action, body):
            return replace(known[2], view=self.view(who, body["tab"]))
        if action == "draft":
            self.draft = body["answers"]
            self.log.append((action, dict(body)))
            return Reply(200, self.view(who, body["tab"]))
        if body["number"] != self._number:
            return Reply(409, self.view(who, body["tab"]), "out of date")
        self.log.append((action, dict(body)))
        following = self.path.get((self._state, action)) or self.path.get(("", action))
        if following:
            self.draft = None if action == "answer" else self.draft
            self.show(following)
        reply = Reply(200, self.view(who, body["tab"]))
        self.stored[body["key"]] = (action, dict(body), reply)
        return reply

    @property
    def subscribed(self) -> int:
        """Number of open streams of events."""
        return len(self._calls)

    def subscribe(self, who: str, call: Call) -> Callable[[], None]:
        """Let news reach ``call``."""
        self._calls.append(call)
        return lambda: self._calls.remove(call)

    def wait_for(self, action: str, seconds: float = 5.0) -> dict[str, Any]:
        """Return the body of the last such action, once there is one."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = [body for name, body in self.log if name == action]
            if found:
                return found[-1]
            time.sleep(0.02)
        raise AssertionError(f"no {action}: {[name for name, _ in self.log]}")

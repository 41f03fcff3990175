"""A simulated participant: a browser without a browser, on the real server."""

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from soundcal.errors import RecordError

__all__ = ["Person", "RoomStuck", "Visitor"]

_POLL_S: Final = 0.005
_IN_QUEUE_S: Final = 0.3
"""Times after which a page is asked again, in s: while a sound plays, and in the queue for it."""

_PATIENCE_S: Final = 60.0  # without any change of the page
_TRIES: Final = 5

_ENDS: Final = ("declined", "stopped", "withdrawn", "limit", "closed")
"""Screens at which a visit is over before its end."""


class RoomStuck(RecordError):
    """A page did not change, or the server refused what the page offered."""


class Visitor(Protocol):
    """Behaviour of a simulated participant."""

    def rate(self, trial: int, item: Mapping[str, Any]) -> float | None:
        """Return the answer to a scale of a trial with sound; None if it is not one to be rated."""

    def think(self) -> float:
        """Return the time in s spent on a page of answers."""


@dataclass(slots=True)
class Person:
    """A participant with a link.

    Parameters
    ----------
    server : str
        Address of the server.
    token : str
        Token of the invitation.
    visitor : Visitor
        Answers the scales.
    wait : callable
        Waits for a break of some seconds.
    answered : callable
        Called after each answer that the server has stored.
    """

    server: str
    token: str
    visitor: Visitor
    wait: Callable[[float], None]
    answered: Callable[[], None] = lambda: None
    ended: str = field(default="", init=False)
    """Screen at which the last visit ended; ``end`` if it was carried out to its end."""

    def visit(self) -> bool:
        """Carry out one visit; return whether another one follows.

        Raises
        ------
        RoomStuck
            A page did not change any more, or an offered action was refused.
        """
        page = _Page(self.server, self.token)
        try:
            return self._visit(page)
        finally:
            page.close()

    def _visit(self, page: "_Page") -> bool:
        view = page.state()
        changed, shown = time.monotonic(), -1
        while True:
            if view["number"] != shown:
                changed, shown = time.monotonic(), view["number"]
            elif time.monotonic() - changed > _PATIENCE_S:
                raise RoomStuck(f"the page {view['screen']!r} has not changed for 60 s")
            screen, data = view["screen"], view["data"]
            if screen == "end":
                self.ended = screen
                return bool(data["next_visit"])
            if screen in _ENDS:
                self.ended = screen
                return False
            said = self._reaction(screen, data)
            if said is None:
                time.sleep(_IN_QUEUE_S if screen == "waiting" else _POLL_S)
                view = page.state()
            else:
                action, fields = said
                view = page.send(view, action, fields)
                if action == "answer":
                    self.answered()

    def _reaction(
        self, screen: str, data: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any]] | None:
        """Return the action on a screen with its fields; None to wait."""
        match screen:
            case "language":
                return "language", {"language": data["languages"][0]}
            case "information":
                return "consent", {"version": data["consent_version"], "agree": True}
            case "headphones" if not data["playing"]:
                ear = data["ask"]
                return "headphones", {"side": ear or data["next"], "heard": ear or ""}
            case "comfort" if not data["playing"]:
                return "comfort", {"ok": True if data["played"] else None}
            case "instructions":
                return "continue", {}
            case "pause":
                self.wait(data["seconds_left"])
                return "continue", {}
            case "ready" if data["can_play"]:
                return "play", {"trial": data["trial"]}
            case "answer":
                return "answer", self._answer(data)
            case "technical" | "waiting" if data.get("assistant") or data.get("reason") not in (
                None,
                "turn",
            ):
                raise RoomStuck(
                    f"the room waits for the assistant: {data.get('reason', 'a technical fault')}"
                )
        return None

    def _answer(self, data: Mapping[str, Any]) -> dict[str, Any]:
        values = {item["id"]: self._value(data, item) for item in data["items"]}
        return {
            "trial": data["trial"],
            "revision": data["revision"],
            "answers": {name: {"value": v, "input": "pointer"} for name, v in values.items()},
            "seconds": self.visitor.think(),
        }

    def _value(self, data: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
        rated = self.visitor.rate(data["trial"], item)
        if rated is not None:
            return rated
        choices: Sequence[Sequence[str]] = item["choices"]
        match item["kind"]:
            case "choice":
                return choices[0][0]
            case "many":
                return [choices[0][0]]
            case "text":
                return "an answer in words"
        return item["low"] if item["low"] is not None else 0.0


class _Page:
    """State of a browser: a connection, the cookie, and the name of the window."""

    def __init__(self, server: str, token: str) -> None:
        self._host = urlsplit(server).netloc
        self._connection = http.client.HTTPConnection(self._host, timeout=_PATIENCE_S)
        self._cookie = ""
        reply = self._request("GET", f"/j/{token}")
        jar = SimpleCookie(reply.getheader("set-cookie", ""))
        reply.read()
        self._cookie = "; ".join(f"{name}={one.value}" for name, one in jar.items())
        self._tab = f"rehearsal-{token[:8]}"

    def close(self) -> None:
        self._connection.close()

    def state(self) -> dict[str, Any]:
        """Return what the window shows."""
        return self._json(self._request("GET", "/state", tab=True))

    def send(
        self, view: Mapping[str, Any], action: str, fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Do what the page offers, and return what it shows then."""
        body = {"number": view["number"], "key": view["data"]["key"], "tab": self._tab, **fields}
        return self._json(self._request("POST", f"/{action}", json.dumps(body)))

    def _json(self, reply: http.client.HTTPResponse) -> dict[str, Any]:
        content = json.loads(reply.read())
        if reply.status not in (200, 409):  # 409: something has changed, and here is what
            raise RoomStuck(f"the server replied {reply.status}: {content.get('message', '')}")
        shown: dict[str, Any] = content
        return shown

    def _request(
        self, method: str, path: str, body: str | None = None, *, tab: bool = False
    ) -> http.client.HTTPResponse:
        headers = {"Cookie": self._cookie} if self._cookie else {}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Origin": f"http://{self._host}"}
        if tab:
            headers["X-Tab"] = self._tab
        for attempt in range(_TRIES):
            try:
                self._connection.request(method, path, body, headers)
                return self._connection.getresponse()
            except (http.client.HTTPException, ConnectionError):
                self._connection.close()  # the same request again, with the same key
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError

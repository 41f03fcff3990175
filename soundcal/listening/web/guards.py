"""Checks that every request passes first: hosts and origins; and headers of every reply."""

import time
from collections import deque
from collections.abc import Callable, Collection
from ipaddress import ip_address
from math import ceil
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HEADERS", "Attempts", "Guard"]

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every reply."""


class Guard:
    """Refuse requests from elsewhere, and give every reply its headers.

    An allow-list of hosts stops names that point to this computer (DNS rebinding); one of origins
    stops forms and scripts of other sites. The dashboard answers only connections that arrive on
    the loopback interface, unless it is opened to the network.

    Parameters
    ----------
    app : ASGI application
        Gets what passes.
    hosts : collection of str
        Allowed values of the header Host, ``name:port`` in small letters.
    dashboard_lan : bool
        The dashboard is for the network as well.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], dashboard_lan: bool = False) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._dashboard_lan = dashboard_lan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def reply(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        if refusal:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, reply)
        else:
            await self._app(scope, receive, reply)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return 421, "this server has another name"
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "GET and POST are allowed"
        if scope["method"] == "POST" and not self._from_here(headers):
            return 403, "requests from other sites are refused"
        at_desk = scope["path"] == "/dash" or scope["path"].startswith("/dash/")
        if at_desk and not (self._dashboard_lan or _on_loopback(scope)):
            return 404, "not found"
        return None

    def _from_here(self, headers: Headers) -> bool:
        """Return whether a page of this server sends the request, or no browser at all."""
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "same-origin") == "same-origin"
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc.lower() in self._hosts


def _on_loopback(scope: Scope) -> bool:
    """Return whether the connection arrived on the loopback interface."""
    try:
        return ip_address(scope["server"][0]).is_loopback
    except (TypeError, ValueError):
        return False


class Attempts:
    """Wrong codes per address: ten in a minute, then a wait.

    Parameters
    ----------
    most : int
        Wrong codes that an address may send within the period.
    period_s : float
        Length of the period.
    clock : callable
        Monotonic time in s.
    """

    _ADDRESSES: Final = 4096  # remembered at most

    def __init__(
        self, most: int = 10, period_s: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._period = period_s
        self._clock = clock
        self._wrong: dict[str, deque[float]] = {}

    def wait(self, address: str) -> int:
        """Return how many seconds an address has to wait, 0 if it may try."""
        times = self._wrong.get(address)
        now = self._clock()
        while times and now - times[0] >= self._period:
            times.popleft()
        if times is None or len(times) < self._most:
            return 0
        return ceil(times[-self._most] + self._period - now)

    def failed(self, address: str) -> None:
        """Count a wrong code."""
        times = self._wrong.pop(address, None) or deque(maxlen=self._most)
        times.append(self._clock())
        self._wrong[address] = times
        while len(self._wrong) > self._ADDRESSES:
            self._wrong.pop(next(iter(self._wrong)))  # the one without a wrong code for longest

"""Server-sent events: what changes reaches every open page at once."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

__all__ = ["BEAT_S", "Event", "Streams"]

BEAT_S: Final = 5.0
"""Seconds between signs of life while nothing happens."""

_RETRY_MS: Final = 2000  # a browser connects again after this time
_WAITING: Final = 64  # events that a slow page may be behind; then it connects again

Event = tuple[int, str, Mapping[str, Any]]
"""Number of the state, kind and data."""

Tell = Callable[[int, str, Mapping[str, Any]], None]
Subscribe = Callable[[Tell], Callable[[], None]]
First = Callable[[], Awaitable[Event | None]]


async def _nothing() -> None:
    return None


class Streams:
    """All open event streams of a server."""

    def __init__(self) -> None:
        self._open: set[_Waiting] = set()
        self._closing = False

    def respond(self, subscribe: Subscribe, first: First = _nothing) -> Response:
        """Return the reply that carries the events of a subscription until the page goes.

        Parameters
        ----------
        subscribe : callable
            Gets a function that takes number, kind and data of an event in any thread; returns a
            function that ends the subscription.
        first : callable
            Returns the event that is sent at once. It is asked after the subscription, so that
            nothing that happens meanwhile is missed.
        """
        return _EventStream(lambda left: self._events(subscribe, first, left))

    def close(self) -> None:
        """End all streams; the server stops."""
        self._closing = True
        for waiting in self._open:
            waiting.put(None)

    async def _events(
        self, subscribe: Subscribe, first: First, left: "asyncio.Task[None]"
    ) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        waiting = _Waiting()

        def tell(number: int, kind: str, data: Mapping[str, Any]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(waiting.put, (number, kind, data))

        self._open.add(waiting)
        unsubscribe = subscribe(tell)
        try:
            yield f"retry: {_RETRY_MS}\n\n"
            event = await first()
            if event is not None:
                yield _text(*event)
            while not self._closing and not left.done():
                if not await waiting.news(left):
                    yield "event: beat\ndata: {}\n\n"
                    continue
                event = waiting.get()
                if event is None:
                    return
                yield _text(*event)
        finally:
            unsubscribe()
            self._open.discard(waiting)


class _EventStream(Response):
    """A reply without an end, for hundreds of pages at the same time.

    A stream of starlette keeps a group of tasks for each page.
    """

    media_type = "text/event-stream"

    def __init__(self, texts: "Callable[[asyncio.Task[None]], AsyncIterator[str]]") -> None:
        super().__init__()
        del self.headers["content-length"]
        self._texts = texts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        left = asyncio.create_task(_left(receive))
        try:
            async for text in self._texts(left):
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            left.cancel()


async def _left(receive: Receive) -> None:
    """Wait until a page has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _Waiting:
    """Events that a page has not got yet; used in the server's thread only."""

    def __init__(self) -> None:
        self._events: deque[Event | None] = deque()
        self._wake: asyncio.Future[None] | None = None

    def put(self, event: Event | None) -> None:
        """Append an event; a page that is too far behind is cut off and connects again."""
        if len(self._events) >= _WAITING:
            self._events.clear()
            event = None
        self._events.append(event)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def get(self) -> Event | None:
        """Return the next event, which there must be; None ends the stream."""
        return self._events.popleft()

    async def news(self, left: "asyncio.Task[None]") -> bool:
        """Wait until there is an event, the page has gone, or the next sign of life is due."""
        if not self._events:
            self._wake = asyncio.get_running_loop().create_future()
            both: set[asyncio.Future[None]] = {self._wake, left}
            await asyncio.wait(both, timeout=BEAT_S, return_when=asyncio.FIRST_COMPLETED)
        return bool(self._events)


def _text(number: int, kind: str, data: Mapping[str, Any]) -> str:
    """Return an event in the format of the HTML standard, section 9.2.

    >>> _text(7, "state", {"number": 7})
    'id: 7\\nevent: state\\ndata: {"number": 7}\\n\\n'
    """
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"

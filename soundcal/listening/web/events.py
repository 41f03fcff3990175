"""Server-sent events: what changes reaches every open page at once."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.responses import StreamingResponse

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
        self._open: set[asyncio.Queue[Event | None]] = set()
        self._closing = False

    def respond(self, subscribe: Subscribe, first: First = _nothing) -> StreamingResponse:
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
        return StreamingResponse(self._events(subscribe, first), media_type="text/event-stream")

    def close(self) -> None:
        """End all streams; the server stops."""
        self._closing = True
        for waiting in self._open:
            _put(waiting, None)

    async def _events(self, subscribe: Subscribe, first: First) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[Event | None] = asyncio.Queue(_WAITING)

        def tell(number: int, kind: str, data: Mapping[str, Any]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_put, waiting, (number, kind, data))

        self._open.add(waiting)
        unsubscribe = subscribe(tell)
        try:
            yield f"retry: {_RETRY_MS}\n\n"
            event = await first()
            if event is not None:
                yield _text(*event)
            while not self._closing:
                try:
                    event = await asyncio.wait_for(waiting.get(), BEAT_S)
                except TimeoutError:
                    yield "event: beat\ndata: {}\n\n"
                    continue
                if event is None:
                    return
                yield _text(*event)
        finally:
            unsubscribe()
            self._open.discard(waiting)


def _put(waiting: "asyncio.Queue[Event | None]", event: Event | None) -> None:
    """Append an event; a page that is too far behind is cut off and connects again."""
    if waiting.full():
        while not waiting.empty():
            waiting.get_nowait()
        event = None
    waiting.put_nowait(event)


def _text(number: int, kind: str, data: Mapping[str, Any]) -> str:
    """Return an event in the format of the HTML standard, section 9.2.

    >>> _text(7, "state", {"number": 7})
    'id: 7\\nevent: state\\ndata: {"number": 7}\\n\\n'
    """
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"

"""Routes of participants: one page, one request per action, one stream of events."""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from soundcal.errors import ParameterError
from soundcal.listening.room import ACTIONS, Locked, Refused, UnknownCode, View, check_body
from soundcal.listening.store import StoreFailed
from soundcal.listening.web.events import Event, Streams
from soundcal.listening.web.guards import Attempts
from soundcal.listening.web.rendering import HtmlPages
from soundcal.listening.web.requests import BadRequest, body_of, texts_of

if TYPE_CHECKING:
    from soundcal.listening.room import Room

__all__ = ["ParticipantRoutes"]

_LOG: Final = logging.getLogger(__name__)
_COOKIE: Final = "soundcal_listening"
_KEEP_S: Final = 400 * 24 * 3600  # browsers keep no cookie for longer


class ParticipantRoutes:
    """Replies to participants' browsers.

    Parameters
    ----------
    room : Room
        The room.
    pages : HtmlPages
        Its pages.
    streams : Streams
        Keeps the event streams.
    """

    def __init__(self, room: "Room", pages: HtmlPages, streams: Streams) -> None:
        self._room = room
        self._pages = pages
        self._streams = streams
        self._attempts = Attempts()

    def routes(self) -> list[Route]:
        """Return all routes."""
        return [
            Route("/", self.start),
            Route("/j/{token}", self.by_link),
            Route("/code", self.by_code, methods=["POST"]),
            Route("/t", self.page),
            Route("/state", self.state),
            Route("/events", self.events),
            *(Route(f"/{action}", self.act, methods=["POST"]) for action in ACTIONS),
        ]

    async def start(self, request: Request) -> Response:
        """Lead to the only address that a participant sees."""
        return RedirectResponse("/t", 303)

    async def by_link(self, request: Request) -> Response:
        """Let in whoever has the link of an invitation."""
        if request.method == "HEAD":
            return Response()
        try:
            who = await self._join(request, token=request.path_params["token"])
        except BadRequest as bad:
            return HTMLResponse(self._pages.join(str(bad)), bad.status, bad.headers)
        reply = HTMLResponse(self._pages.arrived("/t"))
        self._give_cookie(request, reply, who)
        return reply

    async def by_code(self, request: Request) -> Response:
        """Let in whoever has a code."""
        try:
            code = texts_of(await body_of(request), ("code",))["code"]
            who = await self._join(request, code=code.strip())
        except BadRequest as bad:
            return JSONResponse({"message": str(bad)}, bad.status, bad.headers)
        reply = JSONResponse({})
        self._give_cookie(request, reply, who)
        return reply

    async def page(self, request: Request) -> Response:
        """Return the page of the current state."""
        tab = _tab_of(request.headers.get("x-tab", "")) or secrets.token_urlsafe(9)
        try:
            view = await self._view(request, tab)
        except UnknownCode:
            return HTMLResponse(self._pages.join())
        return HTMLResponse(self._pages.of_view(view, tab))

    async def state(self, request: Request) -> Response:
        """Return the current state as JSON."""
        tab = _tab_of(request.headers.get("x-tab", request.query_params.get("tab", "")))
        try:
            return JSONResponse(_dict(await self._view(request, tab)))
        except UnknownCode:
            return _plain(401, "no session")

    async def events(self, request: Request) -> Response:
        """Return the stream of events."""
        who = request.cookies.get(_COOKIE, "")
        tab = _tab_of(request.query_params.get("tab", ""))
        known = request.headers.get("last-event-id", "")
        try:
            await self._view(request, tab)
        except UnknownCode:
            return _plain(401, "no session")

        async def current() -> Event | None:
            try:
                view = await self._view(request, tab)
            except UnknownCode:  # withdrawn in the meantime; the page finds out with its next step
                return None
            data = {"number": view.number, "screen": view.screen}
            return None if known == str(view.number) else (view.number, "state", data)

        return self._streams.respond(lambda tell: self._room.subscribe(who, tell), current)

    async def act(self, request: Request) -> Response:
        """Do what a participant asks for; the reply goes out when it is stored."""
        action = request.url.path[1:]
        try:
            body = await body_of(request)
            check_body(action, body)
            if not _tab_of(body["tab"]):
                raise BadRequest(400, "the field tab is not one that this server has given")
        except BadRequest as bad:
            return _plain(bad.status, str(bad))
        except Refused as refused:  # no page sends this
            return _plain(400, str(refused))
        who = request.cookies.get(_COOKIE, "")
        try:
            reply = await asyncio.wrap_future(self._room.act(who, action, body))
        except UnknownCode:
            return _plain(401, "no session")
        except ParameterError as error:
            return _plain(422, str(error))
        except StoreFailed:
            _LOG.exception("an action could not be stored")
            return _plain(503, "nothing can be stored at present")
        return JSONResponse({**_dict(reply.view), "message": reply.message}, reply.status)

    async def _join(self, request: Request, *, token: str = "", code: str = "") -> str:
        """Return the secret for the cookie, or raise the refusal in words for the page."""
        address = request.client.host if request.client else ""
        texts = self._pages.texts[self._pages.first_language]
        if seconds := self._attempts.wait(address):
            words = texts.fill("join_wait", seconds=seconds)
            raise BadRequest(429, words, {"Retry-After": str(seconds)})
        try:
            return await run_in_threadpool(self._room.join, token=token, code=code)
        except UnknownCode:
            self._attempts.failed(address)
            raise BadRequest(404, texts["join_unknown" if code else "join_old_link"]) from None
        except Locked:
            raise BadRequest(423, texts["join_locked"]) from None

    async def _view(self, request: Request, tab: str) -> View:
        who = request.cookies.get(_COOKIE)
        if not who:
            raise UnknownCode
        return await run_in_threadpool(self._room.view, who, tab)

    def _give_cookie(self, request: Request, reply: Response, who: str) -> None:
        reply.set_cookie(
            _COOKIE, who, max_age=_KEEP_S, path="/", httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip


def _dict(view: View) -> Mapping[str, Any]:
    return {
        "number": view.number,
        "screen": view.screen,
        "language": view.language,
        "data": view.data,
    }


def _plain(status: int, message: str) -> JSONResponse:
    return JSONResponse({"message": message}, status)


def _tab_of(text: str) -> str:
    """Return the id of a tab if it can be one, else nothing."""
    return text if 1 <= len(text) <= 40 and text.isascii() and text.isprintable() else ""

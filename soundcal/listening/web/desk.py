"""Routes of the dashboard, for experimenter and assistant."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from soundcal.errors import SoundcalError
from soundcal.listening.web.events import Streams
from soundcal.listening.web.rendering import HtmlPages
from soundcal.listening.web.requests import BadRequest, body_of, texts_of

if TYPE_CHECKING:
    from soundcal.listening.dashboard import Dashboard

__all__ = ["DESK_ACTIONS", "DeskRoutes"]

_COOKIE: Final = "soundcal_desk"

DESK_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "pause": ("reason",),
    "reopen": (),
    "release": ("code",),
    "skip": ("code", "reason"),
    "end": ("code",),
    "answered": ("code",),
}
"""Texts that come with every action at the dashboard."""


class DeskRoutes:
    """Replies to the dashboard's browser.

    The link ``/dash/k/KEY``, printed by the server, gives a cookie of its own.

    Parameters
    ----------
    dashboard : Dashboard
        Data and actions.
    pages : HtmlPages
        Pages of the study.
    streams : Streams
        Keeps the event streams.
    """

    def __init__(self, dashboard: "Dashboard", pages: HtmlPages, streams: Streams) -> None:
        self._dashboard = dashboard
        self._pages = pages
        self._streams = streams

    def routes(self) -> list[Route]:
        """Return all routes."""
        return [
            Route("/dash", self.page),
            Route("/dash/k/{key}", self.by_link),
            Route("/dash/state", self.state),
            Route("/dash/events", self.events),
            *(Route(f"/dash/{action}", self.act, methods=["POST"]) for action in DESK_ACTIONS),
        ]

    async def by_link(self, request: Request) -> Response:
        """Let in whoever has the key that the server printed."""
        key = request.path_params["key"]
        if not self._dashboard.role(key):
            return _no_key()
        reply = HTMLResponse(self._pages.arrived("/dash"))
        reply.set_cookie(
            _COOKIE, key, path="/dash", httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return reply

    async def page(self, request: Request) -> Response:
        """Return the dashboard."""
        role = self._role(request)
        if not role:
            return _no_key()
        state = await run_in_threadpool(self._dashboard.state, role)
        return HTMLResponse(self._pages.desk(state))

    async def state(self, request: Request) -> Response:
        """Return the data of the dashboard as JSON."""
        role = self._role(request)
        if not role:
            return _no_key()
        return JSONResponse(await run_in_threadpool(self._dashboard.state, role))

    async def events(self, request: Request) -> Response:
        """Tell when something has changed."""
        if not self._role(request):
            return _no_key()
        return self._streams.respond(self._dashboard.subscribe)

    async def act(self, request: Request) -> Response:
        """Do what the experimenter or the assistant asks for."""
        if not self._role(request):
            return _no_key()
        action = request.url.path.removeprefix("/dash/")
        try:
            body = texts_of(await body_of(request), DESK_ACTIONS[action])
        except BadRequest as bad:
            return JSONResponse({"message": str(bad)}, bad.status)
        try:
            await run_in_threadpool(self._dashboard.act, action, body)
        except SoundcalError as error:
            return JSONResponse({"message": str(error)}, 422)
        return JSONResponse({"message": "Done."})

    def _role(self, request: Request) -> str:
        return self._dashboard.role(request.cookies.get(_COOKIE, ""))


def _no_key() -> Response:
    return PlainTextResponse(
        "Open the dashboard with the link that soundcal listen serve has printed.", 401
    )

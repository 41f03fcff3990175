"""The application: all routes, behind the guard."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from soundcal.listening.web.desk import DeskRoutes
from soundcal.listening.web.events import Streams
from soundcal.listening.web.guards import Guard
from soundcal.listening.web.participant import ParticipantRoutes
from soundcal.listening.web.rendering import ASSETS, HtmlPages

if TYPE_CHECKING:
    from soundcal.listening.dashboard import Dashboard
    from soundcal.listening.room import Room

__all__ = ["Application", "make_app"]


class Application(Guard):
    """The application of a room.

    Parameters
    ----------
    room : Room
        The room.
    dashboard : Dashboard
        What experimenter and assistant see and do.
    hosts : collection of str
        Names under which the server is reached, ``name:port``.
    dashboard_lan : bool
        The dashboard is for the network as well, not for this computer only.

    Attributes
    ----------
    streams : Streams
        The open streams of events.
    """

    def __init__(
        self, room: "Room", dashboard: "Dashboard", hosts: Collection[str], dashboard_lan: bool
    ) -> None:
        pages = HtmlPages(room.study)
        self.streams = Streams()
        routes = [
            Route("/assets/{name}", _asset),
            *ParticipantRoutes(room, pages, self.streams).routes(),
            *DeskRoutes(dashboard, pages, self.streams).routes(),
        ]
        handlers = {404: _unknown, 500: _failed}
        super().__init__(
            Starlette(routes=routes, exception_handlers=handlers), hosts, dashboard_lan
        )


def make_app(
    room: "Room", dashboard: "Dashboard", *, hosts: Collection[str], dashboard_lan: bool = False
) -> Application:
    """Return the application of a room; see :class:`Application`."""
    return Application(room, dashboard, hosts, dashboard_lan)


async def _asset(request: Request) -> Response:
    kind, content = ASSETS.get(request.path_params["name"], ("", b""))
    if not kind:
        return await _unknown(request, LookupError())
    return Response(content, media_type=kind)


async def _unknown(request: Request, error: Exception) -> Response:
    return PlainTextResponse("not found", 404)


async def _failed(request: Request, error: Exception) -> Response:
    """Hide an error from the page; the server logs it, without the address of the request."""
    return JSONResponse({"message": "internal error"}, 500)

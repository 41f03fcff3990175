"""The server: sockets, and an end that cuts nobody off in mid-answer."""

import errno
import logging
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import uvicorn

from soundcal.errors import ParameterError
from soundcal.listening.web.application import Application
from soundcal.listening.web.events import Streams

__all__ = ["Bound", "Running", "bind"]

_LOOPBACK: Final = "127.0.0.1"
_GRACE_S: Final = 10  # for answers that are being stored when the server ends
_BACKLOG: Final = 2048
_OPEN_FILES: Final = 8192
"""Connections and files at the same time: two for each of thousands of pages. Systems allow 1024
or fewer unless a program asks for more."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Sockets on which a server will listen, and the names under which it is reached.

    Parameters
    ----------
    sockets : tuple of socket
        Loopback first, then the address in the network if there is one.
    hosts : frozenset of str
        Values of the header Host that lead here.
    local, link : str
        Address of the server for a browser on this computer, and on another one; the same without a
        network.
    """

    sockets: tuple[socket.socket, ...]
    hosts: frozenset[str]
    local: str
    link: str


def bind(port: int = 0, lan: str = "") -> Bound:
    """Take a port of this computer's loopback interface and, if asked to, of one address.

    Parameters
    ----------
    port : int
        The port; 0: a free one.
    lan : str
        Address of this computer in the local network, for example ``192.168.1.20``; empty: only
        browsers on this computer reach the server.

    Raises
    ------
    ParameterError
        The port is taken, or the address is not one of this computer.
    """
    first = _listen(_LOOPBACK, port)
    port = first.getsockname()[1]
    sockets = [first]
    names = [_LOOPBACK, "localhost"]
    if lan:
        try:
            address = ip_address(lan)
            if address.is_unspecified or address.is_multicast or address.is_loopback:
                raise ValueError(lan)
            sockets.append(_listen(lan, port))
        except ValueError:
            first.close()
            raise ParameterError(
                f"{lan!r:.60} is not an address of this computer in a network; give one, such as "
                f"192.168.1.20"
            ) from None
        except ParameterError:
            first.close()
            raise
        names.append(f"[{lan}]" if address.version == 6 else lan)
    # a browser leaves port 80 out of the header
    hosts = {f"{name}:{port}" for name in names} | ({*names} if port == 80 else set())
    return Bound(
        sockets=tuple(sockets),
        hosts=frozenset(hosts),
        local=f"http://{_LOOPBACK}:{port}",
        link=f"http://{names[-1] if lan else _LOOPBACK}:{port}",
    )


class Running:
    """A server that runs in a thread of its own, or in the main thread until a signal ends it.

    Parameters
    ----------
    app : Application
        The application (:func:`soundcal.listening.web.make_app`).
    bound : Bound
        Its sockets.
    """

    def __init__(self, app: Application, bound: Bound) -> None:
        logging.getLogger("uvicorn.access").disabled = True  # links hold tokens
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # an address is counted as it is, not as a header claims
            server_header=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = _Server(config, app.streams)
        self._sockets = list(bound.sockets)
        self._thread = threading.Thread(target=self.run, name="web", daemon=True)

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM, or until :meth:`stop` is called in another thread."""
        _allow_open_files()
        self._server.run(sockets=self._sockets)

    def start(self) -> None:
        """Serve in a thread; connections are accepted from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Accept nothing more, finish what is under way, and wait for it."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()


class _Server(uvicorn.Server):
    """The server of uvicorn, whose end does not wait for event streams."""

    def __init__(self, config: uvicorn.Config, streams: Streams) -> None:
        super().__init__(config)
        self._streams = streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._streams.close()
        await super().shutdown(sockets)


def _allow_open_files() -> None:
    """Raise this process's limit of open files as far as it may, up to what the server wants."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio sends at once only through sockets that name TCP; others wait 40 ms for the other side
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise ParameterError(f"port {port} of {address} is taken; choose another one") from None
        raise ParameterError(f"{address}, port {port}: {error.strerror}") from None
    return listening

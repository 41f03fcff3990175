"""A study that is open: its lock, database, device, player and room, put together and taken apart.

::

    with open_room(folder, device) as opened:
        opened.note_level_check(check)          # opens the doors
        with served(opened, port=8000) as server:
            server.run()                        # until Ctrl-C
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from soundcal.devices.protocol import AudioDevice
from soundcal.dsp.workspace import give_back
from soundcal.errors import CalibrationError, ParameterError, RecordError
from soundcal.files.lock import held
from soundcal.identity import same_device
from soundcal.listening.checking import check_study
from soundcal.listening.designs import check_designs
from soundcal.listening.level_check import LevelCheck, reference_of
from soundcal.listening.player import Player, PlayerEvent
from soundcal.listening.reading import read_study
from soundcal.listening.results import database_of
from soundcal.listening.room import Clock, Room, store_amendment
from soundcal.listening.sound import SoundBook
from soundcal.listening.store import Row, Store, StoreFailed
from soundcal.listening.study import Study
from soundcal.plain import plain
from soundcal.takes.check import Check

if TYPE_CHECKING:
    from soundcal.listening.dashboard import Dashboard
    from soundcal.listening.web import Bound, Running

__all__ = ["OpenRoom", "Served", "amend", "open_room", "served"]

_RESERVE_BYTES: Final = 50_000_000
"""Disk space kept for the last answers to a full disk."""

_WATCH_S: Final = 5.0
_UNCHECKED: Final = "the levels have not been checked"
_EXPIRED: Final = "the level check has expired"
_FAILED: Final = "the level check failed"


class OpenRoom:
    """An open study.

    Attributes
    ----------
    study : Study
        The study.
    store : Store
        Its database.
    player : Player
        The device's player.
    room : Room
        The room.
    """

    def __init__(
        self, study: Study, store: Store, player: Player, room: Room, device: AudioDevice
    ) -> None:
        self.study = study
        self.store = store
        self.player = player
        self.room = room
        self._device = device
        self._ended = threading.Event()
        room.obstacle = lambda: _UNCHECKED if self.levels_to_check() else ""
        if self.levels_to_check():
            room.pause(_UNCHECKED)
        elif (row := self._last_check()) is not None:
            checks = [Check.from_dict(found) for found in json.loads(row["checks_json"])]
            self._refer_to(checks)
        self._watcher = threading.Thread(target=self._watch, name="level check", daemon=True)
        self._watcher.start()

    def levels_to_check(self) -> bool:
        """Return whether a level check is needed: there is none with this device that is valid."""
        return bool(self.study.stimuli()) and not self._valid()

    def note_level_check(self, check: LevelCheck, *, operator: str = "", note: str = "") -> None:
        """Store a level check; one that passed opens the room, one that failed closes it."""
        found = plain(check)
        values = (
            *(check.made, check.kind, int(check.passed), operator, self._device.info.identity),
            *(json.dumps(found["deviations"]), json.dumps(found["checks"])),
            *(check.valid_until, note),
        )
        self.store.write(
            lambda c: (
                c.execute(
                    "INSERT INTO level_check (at, kind, passed, operator, device, deviations_json, "
                    "checks_json, valid_until, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    values,
                ).rowcount
            )
        ).result()
        if not check.passed:
            self.room.pause(_FAILED)
            return
        self._refer_to(check.checks)
        if self.room.closed in (_UNCHECKED, _EXPIRED, _FAILED):
            self.room.reopen()

    def close(self) -> None:
        """End the watch over the level check; the parts are closed by :func:`open_room`."""
        self._ended.set()
        self._watcher.join()

    def _refer_to(self, checks: Sequence[Check]) -> None:
        """Compare the levels of presentations with those of a level check."""
        if gains := reference_of(checks):
            self.player.refer_to(gains)

    def _last_check(self) -> Row | None:
        with self.store.read() as connection:
            row: Row | None = connection.execute(
                "SELECT * FROM level_check ORDER BY id DESC LIMIT 1"
            ).fetchone()
        return row

    def _valid(self) -> bool:
        row = self._last_check()
        return (
            row is not None
            and bool(row["passed"])
            and same_device(row["device"], self._device.info.identity)
            and (row["valid_until"] is None or row["valid_until"] > _now())
        )

    def _watch(self) -> None:
        """Close the room when the level check expires, and let turns pass on."""
        while not self._ended.wait(_WATCH_S):
            with suppress(StoreFailed):
                self.room.pass_turns()
                if self.levels_to_check() and not self.room.closed:
                    self.room.pause(_EXPIRED)


@contextmanager
def open_room(
    folder: Path,
    device: AudioDevice,
    *,
    pilot: bool = False,
    database: Path | None = None,
    accept_device: str = "",
    places: int = 1,
    clock: Clock | None = None,
) -> Iterator[OpenRoom]:
    """Open a study: its folder is locked, what it consists of is checked, the device is taken.

    The room's doors stay closed until a level check is valid. The first time, there is an
    invitation for every planned person.

    Parameters
    ----------
    folder : Path
        Folder of the study.
    device : AudioDevice
        The opened device, which nothing else uses; it is not closed.
    pilot : bool
        A trial run: with a database of its own, and the study is not frozen.
    database : Path, optional
        Database in place of that of the folder.
    accept_device : str
        Reason for which a device is accepted for which the gains were not found.
    places : int
        People who can be among the sounds at the same time.
    clock : Clock, optional
        The clocks.

    Raises
    ------
    RecordError
        Another server has opened the study; the study is out of order, or differs from the one that
        the first participant met; the database cannot be used.
    CalibrationError
        A limit of level or exposure would be exceeded.
    DeviceUnavailable
        The gains do not hold for the device.
    """
    study = read_study(folder)
    path = database or database_of(folder, pilot=pilot)
    with ExitStack() as stack:
        _lock(stack, folder, path)
        _refuse(study, device if not accept_device else None)
        store = stack.enter_context(Store(path, reserve_bytes=_RESERVE_BYTES))
        book = stack.enter_context(closing(SoundBook(study)))
        news = _News()
        player = Player(device, book, study, news.tell, accept_device=accept_device)
        stack.callback(player.close)
        room = Room(
            study,
            store,
            player,
            digests=study.digests(),
            clock=clock,
            pilot=pilot,
            places=places,
            device=device.info.identity,
        )
        news.room = room
        stack.callback(room.close)
        with store.read() as connection:
            known = connection.execute("SELECT count(*) FROM participant").fetchone()[0]
        if not known:
            room.invite(study.participants.planned, with_link=False)
        give_back()  # what the check of the sounds took
        yield stack.enter_context(closing(OpenRoom(study, store, player, room, device)))


class _News:
    """Hands the player's news to the room, which is made after the player."""

    room: Room | None = None

    def tell(self, event: PlayerEvent) -> None:
        if self.room is not None:
            self.room.played(event)


@dataclass(frozen=True, slots=True)
class Served:
    """A room on the network.

    Parameters
    ----------
    bound : Bound
        Its addresses.
    dashboard : Dashboard
        Its dashboard, with the keys.
    running : Running
        The server.
    """

    bound: "Bound"
    dashboard: "Dashboard"
    running: "Running"

    def desk(self, role: str) -> str:
        """Return the link of the dashboard for ``experimenter`` or ``assistant``."""
        return f"{self.bound.local}/dash/k/{self.dashboard.keys[role]}"

    def invitation(self, token: str) -> str:
        """Return the link of an invitation."""
        return f"{self.bound.link}/j/{token}"


@contextmanager
def served(
    opened: OpenRoom, *, port: int = 0, lan: str = "", dashboard_lan: bool = False
) -> Iterator[Served]:
    """Put an open room on the loopback interface and, if asked to, on one address of a network.

    The server does not run yet: call ``running.run()`` (until a signal ends it) or
    ``running.start()``.

    Parameters
    ----------
    opened : OpenRoom
        The room.
    port : int
        The port; 0: a free one.
    lan : str
        Address of this computer in the network; empty: none.
    dashboard_lan : bool
        The dashboard is for the network as well.

    Raises
    ------
    ParameterError
        The port is taken, or the address is not one of this computer.
    """
    from soundcal.listening.dashboard import Dashboard
    from soundcal.listening.web import Running, bind, make_app

    dashboard = Dashboard(opened.room, opened.store)
    bound = bind(port, lan)
    app = make_app(opened.room, dashboard, hosts=bound.hosts, dashboard_lan=dashboard_lan)
    running = Running(app, bound)
    try:
        yield Served(bound, dashboard, running)
    finally:
        running.stop()
        for one in bound.sockets:
            one.close()


def amend(folder: Path, reason: str) -> tuple[int, tuple[str, ...]]:
    """Store the study as it is now as a new version; every session keeps the version that it began.

    Orders that were begun stay as they are.

    Parameters
    ----------
    folder : Path
        Folder of the study, which is not open.
    reason : str
        The reason, which is kept.

    Returns
    -------
    version : int
        Number of the new version.
    changed : tuple of str
        What has changed, in words.

    Raises
    ------
    ParameterError
        No reason is given.
    RecordError
        The study is not frozen yet, nothing has changed, or what somebody has begun is no longer
        part of it.
    """
    if not reason.strip():
        raise ParameterError("state the reason for the amendment; it is kept with the data")
    study, path = read_study(folder), database_of(folder)
    if not path.is_file():
        raise RecordError(f"{path}: nobody has taken part yet, so the study can simply be changed")
    with ExitStack() as stack:
        _lock(stack, folder, path)
        check_designs(study)
        return store_amendment(stack.enter_context(Store(path)), study, reason.strip())


def _lock(stack: ExitStack, folder: Path, path: Path) -> None:
    """Lock the folder; the refusal names the process that holds it and since when."""
    try:
        stack.enter_context(held(folder))
    except RecordError as error:
        since = ""
        with suppress(RecordError), Store(path, read_only=True) as store, store.read() as found:
            row = found.execute(
                "SELECT started FROM server_run WHERE ended IS NULL ORDER BY id DESC LIMIT 1"
            ).fetchone()
            since = f" (open since {row[0][:19].replace('T', ' ')} UTC)" if row else ""
        raise RecordError(f"{error}{since}") from error


def _refuse(study: Study, device: AudioDevice | None) -> None:
    found = check_study(study, device)
    if found.problems:
        raise RecordError(f"{study.folder}: {found.problems[0]}{_more(found.problems)}")
    if found.excesses:
        raise CalibrationError(f"{study.folder}: {found.excesses[0]}{_more(found.excesses)}")


def _more(found: tuple[str, ...]) -> str:
    return f"; and {len(found) - 1} more (soundcal listen check)" if len(found) > 1 else ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

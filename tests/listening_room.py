"""A room for tests: sounds with stated levels, a player without a device, clocks set by hand."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soundcal.listening.cues import CUE
from soundcal.listening.player import PlayerEvent
from soundcal.listening.presentable import Presentable
from soundcal.listening.room import Clock, Reply, Room, View
from soundcal.listening.store import Store, StoreFailed
from soundcal.listening.study import Study

LAEQ = 70.0
SECONDS = 2.0
EXPOSURE = (2e-5) ** 2 * 10 ** (LAEQ / 10) * SECONDS / 3600


class Book:
    """Sounds that all have the same levels, which are stated and not computed."""

    def __init__(self, study: Study, *, laeq: float = LAEQ, exposure: float = EXPOSURE) -> None:
        self._study = study
        self._laeq = laeq
        self._exposure = exposure
        self.prepared: list[tuple[str, str]] = []

    def presentables(self) -> list[Presentable]:
        conditions = self._study.sound.conditions
        return [self.presentable(c, s) for c in conditions for s in self._study.stimuli()]

    def prepare(self, next_ones: Iterable[tuple[str, str]]) -> None:
        self.prepared = list(next_ones)

    def presentable(self, condition: str, stimulus: str) -> Presentable:
        pair = (self._laeq, self._laeq)
        return Presentable(
            condition,
            stimulus,
            *(-12.0, f"sha256 of {stimulus}", f"calibration of {condition}", "device"),
            *(LAEQ, 0.2, 0.2, pair, (self._laeq + 3,) * 2, (self._laeq + 15,) * 2, self._laeq),
            exposure_pa2h=self._exposure,
            duration_s=SECONDS,
            peak=0.5,
        )


class FakePlayer:
    """Plays nothing; a test says when a presentation begins and ends, unless it is ``ready``.

    ``ready`` lets every presentation be over as soon as it has begun.
    """

    def __init__(self, book: Book, *, ready: bool = False) -> None:
        self.book: Any = book
        self.ready = ready
        self.room: Room | None = None
        self.started: list[tuple[int, str, str]] = []
        self.now: int | None = None
        self.refuses: Exception | None = None

    def start(self, presentation: int, condition: str, stimulus: str) -> None:
        if self.refuses is not None:
            raise self.refuses
        assert self.now is None, "two sounds at once"
        self.started.append((presentation, condition, stimulus))
        self.now = presentation
        if self.ready:
            self.begin()
            self.end()

    def begin(self) -> None:
        assert self.now is not None
        self._tell(PlayerEvent("started", self.now))

    def end(self, outcome: Any = "done", **found: Any) -> None:
        assert self.now is not None
        presentation, self.now = self.now, None
        self._tell(PlayerEvent("ended", presentation, outcome, round(48000 * SECONDS), **found))

    def stop(self) -> None:
        if self.now is not None:
            self.end("stopped")

    def position(self) -> tuple[float, float] | None:
        return None if self.now is None else (0.5, SECONDS)

    def _tell(self, news: PlayerEvent) -> None:
        if self.room is not None:
            self.room.played(news)
            if not self.ready:
                settle(self.room)

    @property
    def sounds(self) -> list[str]:
        """The stimuli that were begun, without those of the headphone check."""
        return [stimulus for _, condition, stimulus in self.started if condition != CUE]


class FakeClock(Clock):
    """Clocks that stand still until they are moved."""

    def __init__(self) -> None:
        self.date = 1_790_000_000.0
        self.time = 1000.0

    def epoch(self) -> float:
        return self.date

    def monotonic(self) -> float:
        return self.time

    def go_on(self, seconds: float) -> None:
        self.date += seconds
        self.time += seconds


def settle(room: Room) -> None:
    """Wait until what was begun is stored and told."""
    if threading.current_thread().name == "writer":
        return  # it would wait for itself
    quiet, seen = 0, -1
    while quiet < 3:  # what is stored may begin more, such as a sound that has its own rows
        changes = seen
        with suppress(StoreFailed):
            changes = room._store.write(lambda connection: connection.total_changes).result(10)
        quiet = quiet + 1 if changes == seen else 0
        seen = changes


@dataclass
class Person:
    """A participant at a window."""

    room: Room
    secret: str
    tab: str = "window"
    tone: float = 50.0
    seen: list[int] = field(default_factory=list)

    @property
    def view(self) -> View:
        view = self.room.view(self.secret, self.tab)
        self.seen.append(view.number)
        return view

    @property
    def screen(self) -> str:
        return self.view.screen

    def body(self, view: View | None = None, **fields: Any) -> dict[str, Any]:
        view = view or self.view
        key = view.data["key"]
        return {"number": view.number, "key": key, "tab": self.tab, **fields}

    def act(self, action: str, view: View | None = None, **fields: Any) -> Reply:
        return self.send(action, self.body(view, **fields))

    def send(self, action: str, body: dict[str, Any]) -> Reply:
        reply = self.room.act(self.secret, action, body).result(10)
        self.seen.append(reply.view.number)
        settle(self.room)
        return reply

    def fields(self, action: str, view: View) -> dict[str, Any]:
        """The fields of an action of somebody who answers everything."""
        data = view.data
        if action in ("play", "stop"):
            return {"trial": data["trial"]}
        if action == "answer":
            answers = {
                item["id"]: {"value": self.value(item), "input": "touch"} for item in data["items"]
            }
            both = {"trial": data["trial"], "revision": data["revision"]}
            return {**both, "answers": answers, "seconds": 12.5}
        return {}

    def value(self, item: dict[str, Any]) -> Any:
        if item["kind"] in ("choice", "many"):
            first = item["choices"][0][0]
            return [first] if item["kind"] == "many" else first
        return self.tone if item["kind"] != "text" else "words"

    def go_on(self, view: View | None = None) -> str:
        """Do what the screen asks for; return what it was."""
        view = view or self.view
        screen, data = view.screen, view.data
        match screen:
            case "language":
                fields = {"language": data["languages"][0]}
                self.act("language", view, **fields)
            case "information":
                self.act("consent", view, version=data["consent_version"], agree=True)
            case "headphones":
                side = data["ask"] or data["next"]
                self.act("headphones", view, side=side, heard=side if data["ask"] else "")
            case "comfort":
                self.act("comfort", view, ok=True if data["played"] else None)
            case "instructions" | "pause":
                self.act("continue", view)
            case "ready":
                self.act("play", view, **self.fields("play", view))
            case "answer":
                self.act("answer", view, **self.fields("answer", view))
        return screen

    def until(self, screen: str, *, steps: int = 200) -> View:
        """Go on until a screen is shown."""
        for _ in range(steps):
            view = self.view
            if view.screen == screen:
                return view
            self.go_on(view)
        raise AssertionError(f"{screen} did not come; the page shows {self.screen}")


@dataclass
class House:
    """A study, its database, and a room that can be closed and opened again."""

    study: Study
    path: Path
    clock: FakeClock = field(default_factory=FakeClock)
    ready: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    book: Book | None = None
    guest: Person | None = None

    def __post_init__(self) -> None:
        self.player = FakePlayer(self.book or Book(self.study), ready=self.ready)
        self.open()

    def open(self) -> None:
        self.store = Store(self.path)
        self.player.now, self.player.room = None, None
        self.room = Room(
            self.study,
            self.store,
            self.player,
            digests={"study.toml": self.study.sha256},
            clock=self.clock,
            **self.options,
        )
        self.player.room = self.room

    def crash(self) -> None:
        """End without any good-bye, and start again."""
        self.store.close()
        self.open()

    def end(self) -> None:
        self.room.close()
        self.store.close()

    def enter(self, **options: Any) -> Person:
        """A newcomer with a link."""
        token = self.room.invite(1)[0].token
        return Person(self.room, self.room.join(token=token), **options)

    @property
    def code(self) -> str:
        """The code of the only participant, or of the newest one."""
        sql = "SELECT code FROM participant ORDER BY rowid DESC LIMIT 1"
        return str(self.rows(sql)[0]["code"])

    def through_headphones(self, person: Person) -> None:
        """Play what the page plays until the headphones are checked."""
        self.player.ready = True
        person.until("comfort")
        self.player.ready = False

    def among_sounds(self) -> Person:
        """A newcomer before the first sound, whose player waits from now on."""
        self.player.ready = True
        person = self.enter()
        person.until("ready")
        self.player.ready = False
        return person

    def patient(self, person: Person) -> None:
        """Go on to the end of the visit, through the breaks."""
        while person.screen != "end":
            if person.screen == "pause":
                self.clock.go_on(1.0)
            person.go_on()

    def fill_the_disk(self) -> None:
        """Let the database grow no more."""
        self.store.write(lambda c: c.execute("PRAGMA max_page_count = 1").fetchone()).result()

    def empty_the_disk(self) -> None:
        """Let it grow again."""
        self.store.write(lambda c: c.execute("PRAGMA max_page_count = 1000000")).result()

    def lock_the_disk(self, lock: str) -> None:
        """Let nothing be written any more (ON), or again (OFF)."""
        text = f"PRAGMA query_only = {lock}"
        self.store._queue(lambda c: c.execute(text).fetchone(), alone=True).result()

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        with self.store.read() as connection:
            return [dict(row) for row in connection.execute(sql, values)]


@contextmanager
def house(study: Study, folder: Path, **options: Any) -> Iterator[House]:
    """A house that is closed at the end."""
    made = House(study, folder / "answers.sqlite", **options)
    try:
        yield made
    finally:
        made.store.close()

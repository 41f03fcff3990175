"""Let 500 participants take part in a listening test at the same time, and look at every answer.

::

    python tests/loaded_listening.py --people 500 --seconds 150 FOLDER

The real server runs in a process of its own, with the real room and database. The player is
simulated: its sounds are over at once, and several may be played at the same time, because a room
has one device and 500 people would wait for it for days. Of the 27 trials of a person three have a
sound; the others are pages of eight scales. This process is the browsers: each participant has a
connection for requests, a stream of events, and the reactions of the page. They come within the
first third of the time, think before they answer, save drafts, send every tenth answer twice, and
cut the connection of every fiftieth after it was sent, before the reply; then they send it again,
as the page does. Prints the results as JSON.
"""

import argparse
import asyncio
import json
import os
import queue
import random
import resource
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRIALS = 27
SOUNDS = 3
TWICE, CUT, DRAFTS = 0.10, 0.02, 0.3
PATIENCE_S = 30.0
HEAVY = ("scipy", "numba", "pandas", "matplotlib", "numpy", "jinja2", "starlette", "uvicorn")


# ---- the server's process


class QuickPlayer:
    """A player whose sounds are over at once, in a thread of its own."""

    def __init__(self, book: Any) -> None:
        self.book = book
        self.room: Any = None
        self._begun: queue.SimpleQueue[int] = queue.SimpleQueue()
        threading.Thread(target=self._play, daemon=True).start()

    def start(self, presentation: int, condition: str, stimulus: str) -> None:
        self._begun.put(presentation)

    def stop(self) -> None:
        """Nothing plays."""

    def position(self) -> None:
        """Nothing plays."""

    def _play(self) -> None:
        from soundcal.listening.player import PlayerEvent

        while True:
            presentation = self._begun.get()
            self.room.played(PlayerEvent("started", presentation))
            self.room.played(PlayerEvent("ended", presentation, "done", 48000))


def memory_mb(name: str) -> float:
    """Return a number of this process from /proc, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024.0


def serve(folder: Path, people: int) -> None:
    """Open the room, tell address and tokens, and serve until standard input ends."""
    outgoing: list[str] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
            outgoing.append(f"{event} {arguments[1:]}")

    sys.addaudithook(watch)
    from listening_room import Book
    from listening_study import small_study

    from soundcal.dsp.workspace import give_back
    from soundcal.listening.dashboard import Dashboard
    from soundcal.listening.room import Room, playing
    from soundcal.listening.store import Store
    from soundcal.listening.web import Running, bind, make_app

    playing.SOUNDING = ()  # no sound keeps another one waiting
    study = small_study(folder, *CHANGES, blocks=BLOCKS)
    with Store(folder / "answers.sqlite") as store:
        player = QuickPlayer(Book(study))
        digests = {"study.toml": study.sha256}
        player.room = room = Room(study, store, player, digests=digests, places=people)  # type: ignore[arg-type]
        tokens = [invitation.token for invitation in room.invite(people)]
        bound = bind()
        server = Running(make_app(room, Dashboard(room, store), hosts=bound.hosts), bound)
        server.start()
        give_back()  # as soundcal.listening.serving does
        before = memory_mb("VmRSS")
        print(json.dumps({"address": bound.local, "tokens": tokens}), flush=True)
        sys.stdin.read()
        used = resource.getrusage(resource.RUSAGE_SELF)
        found = {
            "memory before anybody came, MB": round(before, 1),
            "largest memory, MB": round(memory_mb("VmHWM"), 1),
            "processor time of the server, s": round(used.ru_utime + used.ru_stime, 1),
            "connections that it opened": outgoing,
            "loaded": [name for name in HEAVY if name in sys.modules],
        }
        server.stop()
        room.close()
    print(json.dumps(found), flush=True)


_SOUNDS_BLOCK = f"""
[[block]]
id = "main"
design = "paq"
stimuli = {json.dumps(["CG01", "W01", "N1"][:SOUNDS])}
"""
_PAGE = """
[[block]]
id = "page-{page}"
design = "questions"
"""
_SCALE = """
[[block.question]]
id = "scale-{number}"
kind = "scale"
text = {{ eng = "Scale {number}" }}
low = 0
high = 100
step = 1
"""
BLOCKS = _SOUNDS_BLOCK + "".join(
    _PAGE.format(page=page) + "".join(_SCALE.format(number=number) for number in range(8))
    for page in range(TRIALS - SOUNDS)
)
CHANGES = (
    ('OCV = "sessions/ocv/gains_ocv.json"\n', ""),
    ('conditions = "sessions"', 'conditions = "one"'),
)


# ---- the browsers


@dataclass
class Seen:
    """What all browsers together have seen."""

    sent: dict[int, dict[str, float]] = field(default_factory=dict)  # by trial
    times: dict[str, list[float]] = field(default_factory=dict)  # by action
    statuses: Counter[str] = field(default_factory=Counter)
    repeated: Counter[int] = field(default_factory=Counter)
    cut: Counter[int] = field(default_factory=Counter)
    finished: int = 0
    silent: int = 0  # news that did not come
    errors: list[str] = field(default_factory=list)


class Browser:
    """One participant: cookie, window, connections, reactions."""

    def __init__(self, address: str, token: str, number: int, pause: float, seen: Seen) -> None:
        self.host = address.removeprefix("http://")
        self.token, self.tab = token, f"window-{number}"
        self.chance = random.Random(number)
        self.pause, self.seen = pause, seen
        self.cookie = ""
        self.link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.newest = 0
        self.news = asyncio.Event()

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name, port = self.host.split(":")
        return await asyncio.open_connection(name, int(port))

    def head(self, method: str, path: str, body: bytes | None) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", f"X-Tab: {self.tab}"]
        if self.cookie:
            lines.append(f"Cookie: {self.cookie}")
        if body is not None:
            lines += [f"Origin: http://{self.host}", "Content-Type: application/json"]
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")

    async def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        began = time.monotonic()
        try:
            head = await self.begin(method, path, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.hang_up()  # an idle connection that the server has closed meanwhile
            head = await self.begin(method, path, body)
        assert self.link is not None
        reader, _ = self.link
        status = int(head.split(" ", 2)[1])
        size = 0
        for line in head.split("\r\n"):
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                size = int(value)
            elif name.lower() == "set-cookie":
                self.cookie = value.strip().partition(";")[0]
        content = await reader.readexactly(size)
        action = path.partition("?")[0].split("/")[1]
        self.seen.times.setdefault(action, []).append(time.monotonic() - began)
        self.seen.statuses[f"{action} {status}"] += 1
        return status, content

    async def begin(self, method: str, path: str, body: bytes | None) -> str:
        """Send a request and return the head of the reply."""
        if self.link is None:
            self.link = await self.open()
        reader, writer = self.link
        writer.write(self.head(method, path, body))
        return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")

    def hang_up(self) -> None:
        if self.link is not None:
            self.link[1].close()
        self.link = None

    async def listen(self) -> None:
        """Follow the stream of events."""
        reader, writer = await self.open()
        try:
            writer.write(self.head("GET", f"/events?tab={self.tab}", None))
            while line := await reader.readline():
                if line.startswith(b"id: "):
                    self.newest = max(self.newest, int(line[4:]))
                    self.news.set()
        finally:
            writer.close()

    async def state(self) -> dict[str, Any]:
        status, content = await self.ask("GET", "/state")
        if status != 200:
            raise RuntimeError(f"state: {status} {content!r:.200}")
        return dict(json.loads(content))

    async def act(self, view: dict[str, Any], action: str, **fields: Any) -> dict[str, Any]:
        body = {"number": view["number"], "key": view["data"]["key"], "tab": self.tab, **fields}
        content = json.dumps(body).encode()
        if action == "answer":
            sent = {name: one["value"] for name, one in fields["answers"].items()}
            self.seen.sent[fields["trial"]] = sent
            if self.chance.random() < CUT:
                await self.cut(content)
                status, reply = await self.ask("POST", "/answer", content)
                self.seen.cut[status] += 1
            else:
                status, reply = await self.ask("POST", "/answer", content)
            if self.chance.random() < TWICE:
                again, _ = await self.ask("POST", "/answer", content)
                self.seen.repeated[again] += 1
        else:
            status, reply = await self.ask("POST", f"/{action}", content)
        if status not in (200, 409):  # 409: something has changed, and here is what
            raise RuntimeError(f"{action}: {status} {reply!r:.200}")
        return dict(json.loads(reply))

    async def cut(self, content: bytes) -> None:
        """Send an answer and break the connection before the reply."""
        _, writer = self.link or await self.open()
        writer.write(self.head("POST", "/answer", content))
        with suppress(ConnectionError):
            await writer.drain()
        if self.chance.random() < 0.5:
            await asyncio.sleep(0.01)
        writer.transport.abort()
        self.link = None

    async def wait(self, number: int) -> None:
        """Wait for news of a state after ``number``."""
        began = time.monotonic()
        while self.newest <= number:
            self.news.clear()
            left = began + PATIENCE_S - time.monotonic()
            try:
                await asyncio.wait_for(self.news.wait(), max(0.01, left))
            except TimeoutError:
                self.seen.silent += 1
                return

    async def take_part(self) -> None:
        status, _ = await self.ask("GET", f"/j/{self.token}")
        assert status == 200, status
        await self.ask("GET", "/t")
        view = await self.state()
        listening = asyncio.create_task(self.listen())
        try:
            while view["screen"] != "end":
                view = await self.react(view)
            self.seen.finished += 1
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await listening
            self.hang_up()

    async def react(self, view: dict[str, Any]) -> dict[str, Any]:
        """Do what a screen asks for, or wait for news; return the next screen."""
        screen, data = view["screen"], view["data"]
        match screen:
            case "information":
                version = data["consent_version"]
                return await self.act(view, "consent", version=version, agree=True)
            case "headphones" if not data["playing"]:
                side = data["ask"] or data["next"]
                heard = side if data["ask"] else ""
                return await self.act(view, "headphones", side=side, heard=heard)
            case "comfort" if not data["playing"]:
                return await self.act(view, "comfort", ok=True if data["played"] else None)
            case "instructions":
                return await self.act(view, "continue")
            case "ready" if data["can_play"]:
                return await self.act(view, "play", trial=data["trial"])
            case "answer":
                return await self.answer(view)
        await self.wait(view["number"])
        return await self.state()

    async def answer(self, view: dict[str, Any]) -> dict[str, Any]:
        data = view["data"]
        trial = data["trial"]
        answers = {
            item["id"]: {"value": float(self.chance.randint(0, 100)), "input": "pointer"}
            for item in data["items"]
        }
        await asyncio.sleep(self.pause * self.chance.uniform(0.5, 1.5))
        if self.chance.random() < DRAFTS:
            view = await self.act(view, "draft", trial=trial, answers=answers)
        revision, seconds = data["revision"], round(self.pause, 1)
        fields = {"trial": trial, "revision": revision, "answers": answers, "seconds": seconds}
        return await self.act(view, "answer", **fields)


async def everybody(about: dict[str, Any], seconds: float, seen: Seen) -> None:
    """Let all take part, and come within the first third of the time."""
    pause = 0.6 * seconds / TRIALS

    async def one(number: int, token: str) -> None:
        await asyncio.sleep(0.33 * seconds * number / len(about["tokens"]))
        browser = Browser(about["address"], token, number, pause, seen)
        try:
            await browser.take_part()
        except Exception as error:
            seen.errors.append(f"{number}: {type(error).__name__}: {error}")

    await asyncio.gather(*(one(i, token) for i, token in enumerate(about["tokens"])))


def stored(folder: Path, seen: Seen) -> dict[str, Any]:
    """Compare the database with what was sent."""
    from soundcal.listening.store import Store

    with Store(folder / "answers.sqlite", read_only=True) as store, store.read() as connection:
        rows: dict[int, dict[str, float]] = {}
        n_rows = 0
        for row in connection.execute("SELECT trial, attribute, value FROM answer"):
            rows.setdefault(row["trial"], {})[row["attribute"]] = row["value"]
            n_rows += 1
        submits = connection.execute("SELECT count(*) FROM submit").fetchone()[0]
        whole = connection.execute("PRAGMA integrity_check").fetchone()[0]
    return {
        "answers sent": len(seen.sent),
        "lost": sum(trial not in rows for trial in seen.sent),
        "stored otherwise": sum(rows.get(trial, sent) != sent for trial, sent in seen.sent.items()),
        "doubled": n_rows - sum(map(len, rows.values())) + submits - len(rows),
        "integrity": whole,
    }


def quantile(times: list[float], part: float) -> float:
    """Return the value below which a part of the times lies, in s."""
    return round(sorted(times)[min(len(times) - 1, int(part * len(times)))], 3)


def main() -> int:
    """Serve, take part, compare, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=500, metavar="N")
    parser.add_argument("--seconds", type=float, default=150.0, metavar="S")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    if options.serve:
        serve(options.folder, options.people)
        return 0
    seen = Seen()
    here = Path(__file__)
    command = [sys.executable, str(here), "--serve", "--people", str(options.people)]
    with subprocess.Popen(
        [*command, str(options.folder / "study")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        about = json.loads(server.stdout.readline())
        began = time.monotonic()
        asyncio.run(everybody(about, options.seconds, seen))
        took = time.monotonic() - began
        server.stdin.close()
        of_server = json.loads(server.stdout.readline())
    submits = seen.times.get("answer", [0.0])
    found = {
        "people": options.people,
        "finished": seen.finished,
        "seconds": round(took, 1),
        **stored(options.folder / "study", seen),
        "sent twice": dict(seen.repeated),
        "cut and sent again": dict(seen.cut),
        "submit, s": {name: quantile(submits, p) for name, p in QUANTILES.items()},
        "requests": sum(seen.statuses.values()),
        "replies": dict(sorted(seen.statuses.items())),
        "news that did not come": seen.silent,
        **of_server,
        "errors": seen.errors[:10],
    }
    print(json.dumps(found, indent=2))
    return 0


QUANTILES = {"median": 0.5, "p99": 0.99, "most": 1.0}


if __name__ == "__main__":
    sys.exit(main())

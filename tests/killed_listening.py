"""Kill the room of a listening test at random moments, or cut its power, and look what is left.

::

    python tests/killed_listening.py --kills 50 FOLDER
    python tests/killed_listening.py --kills 50 --power FOLDER

The room runs in a process forked for each kill, with a player that is ready at once and several
participants, each in a thread, who answer as fast as they are let. Each answer is told to the
parent before it is sent and after it is acknowledged; what the parent reads outlives the child.
The child writes its log back into the database after every few pages, exports the answers all the
time, and in every fifth round does nothing but forget participants. The parent waits for a random
number of acknowledgements and some milliseconds more, and kills.

After each kill the database must be whole; every acknowledged answer must be there, exactly once
and complete; nothing may be there in part; what was sent without an acknowledgement is sent again
by the next child, with the same key, and must be accepted; the next trial of every visit must be
the one that follows from the stored answers; whoever was forgotten must be gone.

With ``--power``, writes that were not synced are taken back after the kill, all of them or random
sectors (``unsynced_writes.c``). ``--unsafe`` switches SQLite's syncs off, which must be noticed.
What this shows: soundcal and SQLite sync what they acknowledge, in an order that survives. What it
cannot show: that a disk keeps what it says it has synced. Prints the results as JSON.
"""

import argparse
import ctypes
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from listening_room import Book, FakePlayer, Person
from listening_study import small_study

from soundcal.errors import SoundcalError
from soundcal.listening.export import write_export
from soundcal.listening.forget import forget
from soundcal.listening.results import read_results
from soundcal.listening.room import Room
from soundcal.listening.room.work import Work
from soundcal.listening.store import Store

PEOPLE = 6
ITEMS = {"paq": 8, "questions": 1}
CHANGES = (("at_least_s = 1", "at_least_s = 0"), ("planned = 8", "planned = 6"))
SHIM = "unsynced_writes.so"


@dataclass
class Known:
    """What the parent has been told."""

    sent: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)  # by key
    acknowledged: set[str] = field(default_factory=set)
    secrets: list[str] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)  # by secret
    resent: Counter[int] = field(default_factory=Counter)
    unheard: int = 0  # stored, though the acknowledgement was not heard
    forgotten: set[str] = field(default_factory=set)
    forgetting: set[str] = field(default_factory=set)
    exports: int = 0
    again: Counter[int] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    def hear(self, line: str) -> None:
        kind, *rest = json.loads(line)
        match kind:
            case "joined":
                secret, code = rest
                self.secrets.append(secret)
                self.codes[secret] = code
            case "left":
                self.secrets.remove(rest[0])
            case "sent":
                secret, body = rest
                self.sent[body["key"]] = (secret, body)
            case "acknowledged":
                self.acknowledged.add(rest[0])
            case "again" | "resent":
                key, status = rest
                (self.again if kind == "again" else self.resent)[status] += 1
                if status == 200:
                    self.acknowledged.add(key)
            case "forgetting":
                self.forgetting.add(rest[0])
            case "forgotten":
                self.forgotten.add(rest[0])
            case "exported":
                self.exports += 1
            case "error":
                self.errors.append(rest[0])

    @property
    def pending(self) -> list[tuple[str, dict[str, Any]]]:
        return [one for key, one in self.sent.items() if key not in self.acknowledged]


class Child:
    """The process that is killed."""

    def __init__(self, folder: Path, known: Known, pipe: int, options: argparse.Namespace) -> None:
        self.folder = folder
        self.known = known
        self.pipe = pipe
        self.options = options

    def tell(self, *line: object) -> None:
        os.write(self.pipe, (json.dumps(line) + "\n").encode())

    def run(self, forgets: bool) -> None:
        if self.options.power:
            ctypes.CDLL(None).unsynced_begin(str(self.folder.resolve()).encode())
        if forgets:
            self.forget_all()
            return
        study = small_study(self.folder, *CHANGES)
        store = Store(self.folder / "answers.sqlite")
        store.write(lambda c: c.execute("PRAGMA wal_autocheckpoint = 20").fetchone()).result()
        if self.options.unsafe:
            store._connection.execute("PRAGMA synchronous = OFF")
        player = FakePlayer(Book(study), ready=True)
        room = Room(study, store, player, digests={"study.toml": study.sha256}, places=PEOPLE)
        player.room = room
        for secret, body in self.known.pending:
            self.tell("resent", body["key"], self.send(room, secret, body))
        people = [Person(room, secret) for secret in self.known.secrets]
        threads = [
            threading.Thread(
                target=self.guarded, args=(lambda i=i: self.take_part(room, people, i),)
            )
            for i in range(PEOPLE)
        ]
        threads.append(threading.Thread(target=self.guarded, args=(self.export,)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def guarded(self, work: Any) -> None:
        try:
            work()
        except BaseException as error:
            self.tell("error", f"{type(error).__name__}: {error}")

    def send(self, room: Room, secret: str, body: dict[str, Any]) -> int:
        return room.act(secret, "answer", body).result(30).status

    def take_part(self, room: Room, people: list[Person], i: int) -> None:
        person = people[i] if i < len(people) else None
        chance = random.Random(i)
        while True:
            if person is None or person.screen == "end":
                if person is not None:
                    self.tell("left", person.secret)
                invitation = room.invite(1)[0]
                secret = room.join(token=invitation.token)
                self.tell("joined", secret, invitation.code)
                person = Person(room, secret)
            view = person.view
            if view.screen != "answer":
                person.go_on(view)
                continue
            person.tone = float(chance.randint(0, 100))
            body = person.body(view, **person.fields("answer", view))
            self.tell("sent", person.secret, body)
            if self.send(room, person.secret, body) == 200:
                self.tell("acknowledged", body["key"])
            if chance.random() < 0.1:  # the page did not hear the reply
                self.tell("again", body["key"], self.send(room, person.secret, body))

    def export(self) -> None:
        out = self.folder.parent / f"export-{os.getpid()}"
        while True:
            time.sleep(0.05)
            with suppress(SoundcalError):  # nobody has answered yet
                results = read_results(self.folder, self.folder / "answers.sqlite")
                write_export(results, out, force=True)
                self.tell("exported")

    def forget_all(self) -> None:
        path = self.folder / "answers.sqlite"
        with Store(path, read_only=True) as store, store.read() as connection:
            codes = [
                row[0]
                for row in connection.execute(
                    "SELECT participant FROM session GROUP BY participant "
                    "HAVING max(visit) = 1 AND min(state) = 'finished'"
                )
            ]
        for code in codes:
            self.tell("forgetting", code)
            forget(self.folder, path, code)
            self.tell("forgotten", code)
        time.sleep(600)


def round_of(
    folder: Path, known: Known, options: argparse.Namespace, chance: random.Random
) -> bool:
    """Let a child run for a random time, kill it, and hear what it told; return if it forgot."""
    forgets = not options.power and bool(known.acknowledged) and chance.random() < 0.2
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            Child(folder, known, writing, options).run(forgets)
        finally:
            os._exit(1)
    os.close(writing)
    wanted = chance.randint(0, 3) if forgets else chance.randint(1, 30)
    heard, text = 0, b""
    deadline = time.monotonic() + 60.0
    while heard < wanted and time.monotonic() < deadline:
        if not select.select([reading], [], [], 1.0)[0]:
            if forgets:
                break  # there was nobody left
            continue
        part = os.read(reading, 65536)
        if not part:
            break
        text += part
        heard = text.count(b'["forgotten"') if forgets else text.count(b'["acknowledged"')
    time.sleep(chance.uniform(0.0, 0.02))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while part := os.read(reading, 65536):
        text += part
    os.close(reading)
    for line in text.decode().splitlines():
        known.hear(line)
    if heard < wanted and not forgets:
        known.errors.append(f"{heard} of {wanted} acknowledgements within a minute")
    return forgets


def cut_power(folder: Path, chance: random.Random) -> int:
    """Take back what was not synced: everything, or random sectors; return the number of writes."""
    everything = chance.random() < 0.5
    taken = 0
    for undo in folder.glob("*.undo"):
        content = undo.read_bytes()
        undo.unlink()
        target = undo.with_suffix("")
        entries, at = [], 0
        while at + 24 <= len(content):
            offset, length, size = (
                int.from_bytes(content[at + 8 * k : at + 8 * k + 8], "little", signed=True)
                for k in range(3)
            )
            if at + 24 + length > len(content):
                break  # killed while this was noted, before the write itself
            entries.append((offset, content[at + 24 : at + 24 + length], size))
            at += 24 + length
        if not target.exists():
            continue
        with target.open("r+b") as file:
            for offset, old, size in reversed(entries):
                taken += 1
                for sector in range(0, len(old), 512):
                    if everything or chance.random() < 0.5:
                        file.seek(offset + sector)
                        file.write(old[sector : sector + 512])
                if everything:
                    file.truncate(size)
    return taken


def faults(folder: Path, known: Known) -> list[str]:
    """Return what is wrong with the database after a kill."""
    wrong: list[str] = []
    with Store(folder / "answers.sqlite") as store, store.read() as connection:
        w = Work(connection, None)  # type: ignore[arg-type]
        for check in ("integrity_check", "foreign_key_check"):
            found = [tuple(row) for row in w.all(f"PRAGMA {check}")]
            if found not in ([("ok",)], []):
                wrong.append(f"{check}: {found}")
        trials = {row["id"]: row for row in w.all("SELECT * FROM trial")}
        rows: dict[tuple[int, int], dict[str, float]] = {}
        for row in w.all("SELECT * FROM answer"):
            rows.setdefault((row["trial"], row["revision"]), {})[row["attribute"]] = row["value"]
        for row in w.all("SELECT * FROM personal"):
            rows.setdefault((row["trial"], row["revision"]), {})[row["item"]] = row["text"]
        submits = {row["key"]: row for row in w.all("SELECT * FROM submit")}
        for key, row in submits.items():
            if row["trial"] not in trials:
                wrong.append(f"submit {key} has no trial")
            elif (
                len(rows.get((row["trial"], row["revision"]), {}))
                != ITEMS[trials[row["trial"]]["design"]]
            ):
                wrong.append(f"submit {key} is stored in part")
        if len(rows) != len(submits):
            wrong.append(f"{len(rows)} sets of answers for {len(submits)} submits")
        answered = {row["trial"] for row in submits.values()}
        states = {number for number, row in trials.items() if row["state"] == "answered"}
        if answered != states:
            wrong.append(f"trials answered {answered ^ states} without a submit, or the reverse")
        codes = {row["code"] for row in w.all("SELECT code FROM participant")}
        known.unheard += sum(body["key"] in submits for _, body in known.pending)
        gone = known.forgetting - codes
        for key in known.acknowledged - set(submits):
            secret, body = known.sent[key]
            if known.codes[secret] not in gone:
                wrong.append(f"acknowledged and lost: {key}")
            elif body["trial"] in trials:
                wrong.append(f"forgotten in part: {known.codes[secret]}")
        for key in known.acknowledged & set(submits):
            body = known.sent[key][1]
            values = {name: one["value"] for name, one in body["answers"].items()}
            if rows.get((body["trial"], body["revision"])) != values:
                wrong.append(f"acknowledged and stored otherwise: {key}")
        wrong += [f"forgotten and still there: {code}" for code in known.forgotten & codes]
        if stuck := w.all("SELECT 1 FROM presentation WHERE state = 'starting' LIMIT 2 OFFSET 1"):
            wrong.append(f"{len(stuck)} presentations at once")
    bytes_left = [
        (folder / name).read_bytes()
        for name in ("answers.sqlite", "answers.sqlite-wal")
        if (folder / name).exists()
    ]
    wrong += [
        f"forgotten and still in a file: {code}"
        for code in known.forgotten
        if any(code.encode() in content for content in bytes_left)
    ]
    return wrong


def replay_faults(folder: Path) -> list[str]:
    """Open the room once more; return visits whose next trial does not follow from the answers."""
    wrong = []
    study = small_study(folder, *CHANGES)
    with Store(folder / "answers.sqlite") as store:
        room = Room(study, store, FakePlayer(Book(study)), digests={"study.toml": study.sha256})
        with store.read() as connection:
            w = Work(connection, room._moment())
            for row in w.all("SELECT id FROM session WHERE state = 'running'"):
                stored = w.all(
                    "SELECT id FROM trial WHERE session = ? AND state = 'current'", row["id"]
                )
                planned = w.all("SELECT 1 FROM trial WHERE session = ?", row["id"])
                following = room._answers.next_trial(w, row["id"])
                if planned and [one["id"] for one in stored] != [following]:
                    wrong.append(f"visit {row['id']}: trial {following} follows")
            if w.all("SELECT 1 FROM presentation WHERE state IN ('starting', 'playing')"):
                wrong.append("a presentation plays on after the restart")
    return wrong


def preloaded(folder: Path) -> None:
    """Start this program again with the shim in place."""
    library = folder / SHIM
    source = Path(__file__).with_name("unsynced_writes.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library.resolve())}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def main() -> int:
    """Kill, look, go on, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=50, metavar="N")
    parser.add_argument("--power", action="store_true", help="take back what was not synced")
    parser.add_argument("--unsafe", action="store_true", help="without syncs; must be noticed")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.power and SHIM not in os.environ.get("LD_PRELOAD", ""):
        preloaded(options.folder)
    folder = options.folder / "study"
    small_study(folder, *CHANGES)
    chance = random.Random(options.seed)
    known = Known()
    wrong: dict[int, list[str]] = {}
    forgets = taken = kills = 0
    while kills < options.kills and not wrong:
        forgets += round_of(folder, known, options, chance)
        kills += 1
        if options.power:
            taken += cut_power(folder, chance)
        if (folder / "answers.sqlite").exists():
            try:
                found = faults(folder, known) + known.errors + replay_faults(folder)
            except Exception as error:  # a torn database fails anywhere, and is the finding
                found = [f"the database cannot be used: {type(error).__name__}: {error}"]
            if found:
                wrong[kills] = found
        for out in options.folder.glob("export-*"):
            shutil.rmtree(out)
    content = {
        "kills": kills,
        "while forgetting": forgets,
        "acknowledged": len(known.acknowledged),
        "repeated": dict(known.again),
        "sent again after a kill": dict(known.resent),
        "of these stored before": known.unheard,
        "forgotten": len(known.forgotten),
        "exports": known.exports,
        "writes taken back": taken,
        "wrong": wrong,
    }
    print(json.dumps(content))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

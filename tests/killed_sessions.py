"""Kill protocols at random points and resume their sessions until they are complete.

::

    python tests/killed_sessions.py --kills 50 FOLDER

``soundcal protocol run`` runs in a process forked for each kill, in the simulated lab, with a
protocol that makes many short takes. Two kinds of kill take turns, and neither depends on how fast
the machine is. In one the process kills itself at a random file, before or after the file gets its
name, so that it cannot be in the log yet. In the other the parent waits until a random number of
files and lines have been written, and kills the process wherever it is by then. After each kill the
session must be readable, every file listed in its log must be there and unchanged, and the session
must be resumable; in the end it must hold every take once. Prints the results as JSON.
"""

import argparse
import contextlib
import json
import mmap
import os
import random
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

from soundcal.cli import main as soundcal
from soundcal.errors import RecordError
from soundcal.files.session import Session

TAKES = 30
PROTOCOL = f'''
"""Many short takes."""

def run(bench):
    for number in range({TAKES}):
        bench.step(f"take {{number}}", lambda: take(bench, number))
    return "done"

def take(bench, number):
    capture = bench.device.record(0.5, inputs=(1, 2))
    bench.session.add_audio(f"rec-{{number}}", capture.samples, capture.fs, {{"run": number + 1}})
    bench.session.add_record(f"note-{{number}}", "soundcal/note/1", {{"number": number}})
'''
FILES = 40  # of the 90 that a session writes: an aimed kill comes at one of these
WRITES = 60  # of the 150 files and lines: the other kills come after one of these


def run(protocol: Path, session: Path, options: list[str]) -> int:
    """Run the protocol in this process and return its exit code."""
    words = ["protocol", "run", str(protocol), "--device", "sim:lab", "--out", str(session)]
    with (
        session.with_suffix(".txt").open("a") as text,
        contextlib.redirect_stderr(text),
        contextlib.redirect_stdout(text),
    ):
        return soundcal([*words, *options])


def watch(session: Path, written: mmap.mmap, aim: float | None) -> None:
    """Count in ``written`` what this process flushes, and kill it at a file if ``aim`` is given.

    A file gets its name by ``os.replace``: 3.0 aims at the moment before the third file of this
    process has got it, 3.5 at the one after.
    """
    fsync, replace, files = os.fsync, os.replace, 0

    def counting(file: int) -> None:
        fsync(file)
        written[:8] = struct.pack("<q", count(written) + 1)

    def killing(source: Any, target: Any) -> None:
        nonlocal files
        files += Path(target).parent == session
        if aim == files:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)
        if aim == files + 0.5:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync, os.replace = counting, killing


def count(written: mmap.mmap) -> int:
    """Return how many files and lines the process has written so far."""
    return int(struct.unpack("<q", written[:8])[0])


def go(
    protocol: Path,
    session: Path,
    options: list[str],
    aim: float | None = None,
    after: int | None = None,
) -> int | None:
    """Run the protocol in a process; return its exit code, None if it was killed.

    It is killed at the file ``aim``, or once ``after`` files and lines were written, or not at all.
    """
    written = mmap.mmap(-1, 8)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            watch(session, written, aim)
            code = run(protocol, session, options)
        finally:
            os._exit(code)
    ended = 0
    while after is not None and count(written) < after and not ended:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.0005)
    if not ended:
        if after is not None:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def begun(folder: Path) -> bool:
    """Return whether a kill left a session that can be resumed."""
    log = folder / "session.jsonl"
    return log.exists() and b"\n" in log.read_bytes()


def complete(folder: Path, killed: bool) -> list[str]:
    """Return what is wrong with a session that has come to its end.

    A process that was killed after that end can leave its lock file, which is no obstacle.
    """
    session = Session(folder)
    session.verify()
    steps = [event["step"] for event in session.events("step")]
    wrong = [] if steps == [f"take {n}" for n in range(TAKES)] else [f"steps {steps}"]
    if session.exit_status != "done" or session.unfinished():
        wrong.append(f"{folder}: {session.exit_status}, {session.unfinished()}")
    hidden = {path.name for path in folder.glob(".*")} - ({".session.lock"} if killed else set())
    if hidden:
        wrong.append(f"{folder}: left behind {sorted(hidden)}")
    return wrong


def main() -> int:
    """Kill, go on, compare, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=50, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    protocol = options.folder / "takes.py"
    protocol.write_text(PROTOCOL)
    run(protocol, options.folder / "first", [])  # imports everything, so that processes fork warm
    chance = random.Random(options.seed)
    kills = aimed = named = sessions = 0
    wrong: list[str] = []
    while kills < options.kills and not wrong:
        folder = options.folder / f"session-{sessions}"
        sessions += 1
        code: int | None = None
        killed = False
        while code is None:
            again = ["--resume"] if begun(folder) else []
            if kills >= options.kills:
                code = go(protocol, folder, again)
            elif kills % 2 == 0:
                code = go(protocol, folder, again, aim=chance.randint(2, 2 * FILES) / 2)
                aimed += code is None
            else:
                code = go(protocol, folder, again, after=chance.randint(0, WRITES))
            kills += code is None
            if begun(folder):
                session = Session(folder)
                try:
                    session.verify()
                except RecordError as error:
                    wrong.append(str(error))
                    break
                named += bool(session.unfinished())
                if code is None and session.exit_status == "done":
                    killed, code = True, 0  # between its end and that of the process
        if code:
            wrong.append(f"exit code {code}: {folder.with_suffix('.txt').read_text()[-500:]}")
        elif code == 0:
            wrong += complete(folder, killed)
    found = {"kills": kills, "at a file": aimed, "unfinished files named": named, "wrong": wrong}
    print(json.dumps(found | {"sessions": sessions}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Kill protocols at random moments and go on with their sessions until they are complete.

::

    python tests/killed_sessions.py --kills 50 FOLDER

``soundcal protocol run`` runs in a process forked for each kill, in the simulated lab, with a
protocol that makes many short takes. After each kill the session must be readable, every file that
its log vouches for must be there and unchanged, and the session must go on; at last it must hold
every take once. Prints what was found as JSON.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from soundcal.cli import main as soundcal
from soundcal.errors import RecordError
from soundcal.files.records import Session

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
LATEST_S = 0.25


def run(protocol: Path, session: Path, options: list[str]) -> int:
    """Run the protocol in this process and return its exit code."""
    words = ["protocol", "run", str(protocol), "--device", "sim:lab", "--out", str(session)]
    with (
        session.with_suffix(".txt").open("a") as text,
        contextlib.redirect_stderr(text),
        contextlib.redirect_stdout(text),
    ):
        return soundcal([*words, *options])


def go(protocol: Path, session: Path, options: list[str], wait: float | None) -> int | None:
    """Run it in a process and kill that after ``wait`` s; return None, or the exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = run(protocol, session, options)
        finally:
            os._exit(code)
    if wait is not None:
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def begun(folder: Path) -> bool:
    """Return whether a kill left a session that can be resumed."""
    log = folder / "session.jsonl"
    return log.exists() and b"\n" in log.read_bytes()


def complete(folder: Path) -> list[str]:
    """Return what is wrong with a session that has come to its end."""
    session = Session(folder)
    session.verify()
    steps = [event["step"] for event in session.events() if event["event"] == "step"]
    wrong = [] if steps == [f"take {n}" for n in range(TAKES)] else [f"steps {steps}"]
    if session.exit_status != "done" or session.unfinished():
        wrong.append(f"{folder}: {session.exit_status}, {session.unfinished()}")
    if hidden := [path.name for path in folder.glob(".*")]:
        wrong.append(f"{folder}: left behind {hidden}")
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
    kills = named = sessions = 0
    wrong: list[str] = []
    while kills < options.kills and not wrong:
        folder = options.folder / f"session-{sessions}"
        sessions += 1
        code: int | None = None
        while code is None:
            last = kills >= options.kills
            wait = None if last else chance.uniform(0.0, LATEST_S)
            code = go(protocol, folder, ["--resume"] if begun(folder) else [], wait)
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
                    code = 0  # killed between its end and that of the process
        if code:
            wrong.append(f"exit code {code}: {folder.with_suffix('.txt').read_text()[-500:]}")
        elif code == 0:
            wrong += complete(folder)
    found = {"kills": kills, "sessions": sessions, "unfinished files named": named, "wrong": wrong}
    print(json.dumps(found))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

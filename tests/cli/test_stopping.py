"""Ctrl-C and the signals that end programs: sessions are closed, numba is not interrupted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.files.session import Session
from soundcal.stopping import interrupts_not_inherited, stoppable, uninterrupted

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")

COMPILER = """
def compile(number):
    signal.raise_signal(number)
    return "compiled"
"""

COMMAND = "protocol run microphone_check --device sim:lab --realtime --out"


def compile_with(number: signal.Signals) -> Any:
    """Send a signal in a frame that belongs to numba, as the handler sees it."""
    numba: dict[str, Any] = {"__name__": "numba.core.codegen", "signal": signal}
    exec(COMPILER, numba)
    return numba["compile"](number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_numba_compiles_stops_afterwards(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    done = []

    def work() -> None:
        with stoppable():
            done.append(compile_with(number))
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["compiled"]
    assert signal.getsignal(number) is before


def test_a_signal_that_python_cannot_raise_comes_again() -> None:
    class Finalised:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)  # raised here, KeyboardInterrupt is lost
            time.sleep(0.01)

    def work() -> None:
        with stoppable():
            Finalised()
            time.sleep(5)

    before, hook = time.monotonic(), sys.unraisablehook
    with pytest.raises(KeyboardInterrupt):
        work()
    assert time.monotonic() - before < 4
    assert sys.unraisablehook is hook


def test_a_second_signal_right_after_the_first_breaks_off_nothing() -> None:
    tidied = []

    def work() -> None:
        with stoppable():
            try:
                signal.raise_signal(signal.SIGINT)
                time.sleep(5)
            finally:
                signal.raise_signal(signal.SIGINT)
                tidied.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert tidied


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_what_must_not_be_interrupted(number: signal.Signals) -> None:
    """Also one that numba's compiler had put off, and also when the work fails."""
    done = []

    def work() -> None:
        with stoppable():
            compile_with(number)
            with uninterrupted():
                time.sleep(0.3)
                done.append("whole")
                raise OSError("disk full")

    with pytest.raises(KeyboardInterrupt) as stopped:
        work()
    assert done == ["whole"]
    assert isinstance(stopped.value.__context__, OSError)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_protocol_is_closed_as_aborted(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "soundcal", *COMMAND.split(), str(tmp_path / "s")],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "insertion 1" in line:
                break
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "can be resumed" in err
    assert Session(tmp_path / "s").exit_status == "aborted"


def test_a_stop_within_text_that_is_executed_ends_with_130(tmp_path: Path) -> None:
    protocol = tmp_path / "stopped.py"
    protocol.write_text('"""Stop."""\ndef run(bench):\n    exec("raise KeyboardInterrupt")\n')
    words = f"protocol run {protocol} --device sim:lab --out {tmp_path / 's'}"
    ended = subprocess.run(
        [sys.executable, "-m", "soundcal", *words.split()], capture_output=True, text=True
    )
    assert ended.returncode == 130, ended.stderr
    assert "can be resumed" in ended.stderr


@pytest.mark.parametrize("kind", ["audio", "record"])
def test_what_belongs_together_is_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Ctrl-C at any moment of writing leaves audio, record and log line."""
    calls = {"left": 0}

    def counted(name: str) -> None:
        real = getattr(os, name)

        def call(*values: Any) -> Any:
            result = real(*values)
            calls["left"] -= 1
            if calls["left"] == 0:
                signal.raise_signal(signal.SIGINT)
            return result

        monkeypatch.setattr(os, name, call)

    def add(session: Session) -> None:
        if kind == "audio":
            session.add_audio("take", np.full((1, 480), 0.1), 48000, {})
        else:
            session.add_record("note", "soundcal/note/1", {"number": 1})

    counted("fsync")
    counted("replace")
    moments = 0
    while True:
        session = Session.create(tmp_path / f"s{moments}", "takes", {})
        calls["left"] = moments + 1
        try:
            add(session)
        except KeyboardInterrupt:
            moments += 1
        else:
            break
        session.stop("aborted")
        session.verify()
        assert session.unfinished() == []
        assert [e["event"] for e in session.events()] == ["start", kind, "stop"]
    assert moments >= (5 if kind == "audio" else 3)  # every file and the log are flushed


def test_ctrl_c_does_not_reach_processes_that_were_started_without_it() -> None:
    show = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    child = [sys.executable, "-c", show]
    with interrupts_not_inherited():
        assert subprocess.check_output(child, text=True) == "True\n"
    assert subprocess.check_output(child, text=True) == "False\n"


WORKER = """
import os, sys, time
from soundcal.stopping import end_with_parent
end_with_parent(int(sys.argv[1]))
print("works", flush=True)
time.sleep(600)
"""

PARENT = f"""
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {WORKER!r}, str(os.getpid())])
time.sleep(600)
"""


def test_a_worker_ends_when_the_process_that_started_it_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"works\n"
        parent.kill()
        assert parent.stdout.read() == b""  # returns when the worker has ended

"""Ctrl-C and the signals that end programs: sessions are closed, numba is not interrupted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from soundcal.cli.stopping import stoppable
from soundcal.records import Session

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")

COMPILER = """
def compile(number):
    signal.raise_signal(number)
    return "compiled"
"""


COMMAND = "protocol run microphone_check --device sim:lab --realtime --out"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_numba_compiles_stops_afterwards(number: signal.Signals) -> None:
    compiler: dict[str, Any] = {"__name__": "numba.core.codegen", "signal": signal}
    exec(COMPILER, compiler)  # a frame that belongs to numba, as the handler sees it
    before = signal.getsignal(number)
    done = []

    def work() -> None:
        with stoppable():
            done.append(compiler["compile"](number))
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

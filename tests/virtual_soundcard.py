"""The virtual soundcard of tests/rig for tests: started once, broken and repaired, its faults.

``conftest.py`` makes the fixtures known to all tests. Without jackd the tests that use them are
skipped; with the environment variable SOUNDCAL_REQUIRE_RIG=1 they fail instead.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

__all__ = [
    "CARD",
    "FS",
    "LAB",
    "PERIOD",
    "SCRIPT",
    "Rig",
    "RigOperator",
    "noise",
    "plain_card",
    "tone",
]

SCRIPT = Path(__file__).parent / "rig" / "audio-rig.sh"
FS = 48000
PERIOD = 1024
CARD = "SimHATS"
LAB = {"name": "onboard+closed-16", "seed": 3}


class Rig:
    """The virtual card from outside: its server, its control socket, its faults.

    Parameters
    ----------
    folder : Path
        Where its control socket and the numbers of its processes are.
    environment : dict, optional
        What names its server for audio-rig.sh and for PortAudio, if it is not the usual one.
    """

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.environment = environment or {}

    def script(self, command: str) -> None:
        """Run a command of audio-rig.sh."""
        done = subprocess.run(
            [str(SCRIPT), command],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **self.environment},
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def do(self, what: str, **arguments: Any) -> Any:
        """Have the hands in the lab do something and return what they found."""
        with (
            tempfile.TemporaryDirectory() as folder,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door,
        ):
            door.bind(f"{folder}/answer")
            door.settimeout(10)
            message = json.dumps({"do": what, **arguments}).encode()
            door.sendto(message, str(self.folder / "simcard.sock"))
            answer = json.loads(door.recv(1 << 20))
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def arm(self, *faults: dict[str, Any], silent: bool = False) -> None:
        """Let faults happen, at samples counted from the first one played that is not zero.

        With ``silent``, which is for takes that play nothing, from the first one recorded.
        """
        self.do("arm", faults=list(faults), silent=silent)

    def kill(self, process: str, number: signal.Signals) -> None:
        """Send a signal to ``jackd`` or ``simcard``."""
        os.kill(int((self.folder / f"{process}.pid").read_text()), number)

    @contextlib.contextmanager
    def broken(self) -> Iterator[None]:
        """Set everything up again after a test that breaks it."""
        try:
            yield
        finally:
            self.script("restart")


@contextlib.contextmanager
def plain_card(name: str, folder: Path, fs: int = 48000) -> Iterator[Rig]:
    """Start a card without physics (``tests/rig/plain.py``) on a server of its own.

    It is there for processes that are started with its :attr:`Rig.environment`.
    """
    environment = {
        "SOUNDCAL_RIG": str(folder),
        "JACK_DEFAULT_SERVER": f"plain-{os.getpid()}",
        "LAB": name,
        "RATE": str(fs),
    }
    rig = Rig(folder, environment)
    rig.script("start")
    try:
        yield rig
    finally:
        rig.script("stop")


def _unavailable(reason: str) -> None:
    if os.environ.get("SOUNDCAL_REQUIRE_RIG") == "1":
        pytest.fail(f"SOUNDCAL_REQUIRE_RIG=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def virtual(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The virtual card, started once; None on real hardware."""
    if request.config.getoption("--device"):
        yield None
        return
    if not shutil.which("jackd"):
        _unavailable("jackd is missing (tests/rig/audio-rig.sh install)")
    with contextlib.suppress(ImportError):
        import jack
    if "jack" not in sys.modules:
        _unavailable("JACK-Client is missing (pip install -e '.[rig]')")
    del jack
    started_outside = "SOUNDCAL_RIG" in os.environ
    folder = os.environ.setdefault("SOUNDCAL_RIG", str(tmp_path_factory.mktemp("rig")))
    os.environ.setdefault("PY", sys.executable)
    os.environ.setdefault("JACK_DEFAULT_SERVER", "soundcal-rig")
    os.environ["JACK_NO_START_SERVER"] = "1"
    rig = Rig(Path(folder))
    if not started_outside:
        rig.script("start")
    yield rig
    if not started_outside:
        rig.script("stop")


@pytest.fixture
def rig(virtual: Rig | None) -> Iterator[Rig]:
    """The virtual card with a fresh lab, running as fast as it can."""
    if virtual is None:
        pytest.skip("needs the virtual card: it breaks the device or looks up the truth")
    virtual.do("new_lab", **LAB)
    virtual.script("fast")
    yield virtual
    virtual.script("real")


@pytest.fixture
def real_time(rig: Rig) -> Rig:
    """The virtual card with a fresh lab, on the clock of the computer."""
    rig.script("real")
    return rig


def tone(frequency: float = 1000.0, seconds: float = 1.0, amplitude: float = 0.1) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * FS)) / FS)


def noise(seconds: float, n_channels: int = 2) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.1, 0.1, (n_channels, round(seconds * FS)))


class RigOperator:
    """The hands in the lab of the virtual card (a :class:`soundcal.lab.operator.Operator`)."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def tell(self, text: str) -> None:
        """Nobody listens."""

    def again(self, reason: str) -> bool:
        return False

    def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
        self._rig.do("attach_calibrator", ear=ear, level=level, frequency=frequency)

    def remove_calibrator(self) -> None:
        self._rig.do("remove_calibrator")

    def seat_headphones(self) -> None:
        self._rig.do("seat_headphones")

    def remove_headphones(self) -> None:
        self._rig.do("remove_headphones")

    def plug_headphones(self) -> None:
        self._rig.do("seat_headphones")

    def hear(self, ear: str) -> str:
        raise NotImplementedError

    def read_voltmeter(self, channel: str) -> float:
        # the meter needs a moment, as any does: at least its averaging time of played samples
        before = self._rig.do("state")["cycles"]
        while self._rig.do("state")["cycles"] < before + 2 * FS // PERIOD:
            time.sleep(0.01)
        return float(self._rig.do("read_voltmeter", channel=channel))

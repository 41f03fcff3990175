"""What happens to a recording when its program, its worker or the machine stops for a while.

The device is the stand-in of ``fake_portaudio``: a ramp, so that every sample is known. The same on
a real audio server is in ``recordings_with_device.py``.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.cli import main
from soundcal.devices.portaudio import supervisor
from soundcal.devices.portaudio.soundcard import Soundcard
from soundcal.errors import StreamError
from soundcal.files import audio
from soundcal.recording import INCOMPLETE, MISSING

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")

FAKE = Path(__file__).parents[1] / "fake_portaudio"
PATH = Path("take.wav")
SCRIPT = """
import sys
from soundcal.cli import main
from soundcal.devices.portaudio import soundcard
soundcard.QUEUE_BYTES = int(sys.argv[1])
sys.exit(main(["record", "take.wav", "--device", "fake", "--inputs", "1", *sys.argv[2:]]))
"""


@pytest.fixture(autouse=True)
def card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAKE), os.getcwd()]))
    monkeypatch.setenv("FAKE_PORTAUDIO", json.dumps({"speed": 1}))
    monkeypatch.chdir(tmp_path)


def recording(*options: str, queue_bytes: int = 1 << 28) -> "subprocess.Popen[str]":
    """Start a recording and wait until it is under way."""
    words = [sys.executable, "-c", SCRIPT, str(queue_bytes), *options]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 20
    while time.monotonic() < end and not (PATH.exists() and PATH.stat().st_size > 50_000):
        time.sleep(0.02)
    return process


def kept() -> tuple[dict[str, Any], int]:
    """Return the record, after comparing the file with what was delivered."""
    capture = audio.read(PATH)
    n = capture.n_samples
    np.testing.assert_array_equal(capture.samples[0], np.arange(24000, 24000 + n) % 4096 / 8192)
    record = json.loads(PATH.with_suffix(".json").read_text())
    assert record["capture"]["n_samples"] == n
    return record, n


def invalid(record: dict[str, Any]) -> dict[str, float]:
    return {c["name"]: c["value"] for c in record["checks"] if c["verdict"] == "invalid"}


@pytest.mark.long
def test_a_recording_that_was_stopped_for_a_while_goes_on_complete() -> None:
    """Ctrl-Z and fg: the worker records on, and the watchdog does not take it for a stall."""
    process = recording("--duration", "4")
    process.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    process.send_signal(signal.SIGCONT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    record, n = kept()
    assert n == 4 * 48000
    assert not {MISSING, INCOMPLETE} & {flag["kind"] for flag in record["flags"]}


@pytest.mark.long
def test_a_full_queue_ends_the_recording_and_says_what_is_missing() -> None:
    process = recording(queue_bytes=200_000)
    process.send_signal(signal.SIGSTOP)
    time.sleep(3.0)
    process.send_signal(signal.SIGCONT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 3, printed
    record, n = kept()
    (flag,) = (flag["text"] for flag in record["flags"] if flag["kind"] == INCOMPLETE)
    assert "more than 200000 bytes of input were waiting to be stored" in flag
    assert f"{n} frames" in flag
    (told,) = re.findall(r"; ([\d.]+) s \((\d+) samples\) before it stopped are missing", flag)
    missing, samples = map(float, told)
    assert 0.5 < missing < 20.0  # about 1 s of 3 was in the queue
    assert samples == pytest.approx(missing * 48000, abs=0.006 * 48000)


def test_a_killed_worker_ends_the_recording_and_keeps_the_file() -> None:
    process = recording("--duration", "60")
    workers = ["ps", "--ppid", str(process.pid), "-o", "pid="]
    (worker,) = subprocess.run(workers, capture_output=True, text=True).stdout.split()
    os.kill(int(worker), signal.SIGKILL)
    started = time.monotonic()
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 3, printed
    assert time.monotonic() - started < 5.0
    record, n = kept()
    assert "PortAudio crashed (its process was ended by signal 9" in printed
    assert f"{60 * 48000 - n} ({60 - n / 48000:.2f} s) are missing" in printed
    assert invalid(record)["samples"] == n - 60 * 48000


@pytest.mark.long
def test_samples_lost_while_the_machine_slept_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The driver goes on afterwards as if nothing had happened."""
    fault = {"speed": 1, "do": "pause", "s": 0.6, "at": 96_000}
    monkeypatch.setenv("FAKE_PORTAUDIO", json.dumps(fault))
    assert main(["record", str(PATH), "--device", "fake", "--inputs", "1", "--duration", "5"]) == 0
    record, n = kept()
    assert n == 5 * 48000
    found = invalid(record)
    assert found["missing by the clock"] == pytest.approx(0.6 * 48000, abs=0.1 * 48000)
    printed = capsys.readouterr().err
    assert "verdict: invalid" in printed
    (flag,) = (
        flag["text"]
        for flag in record["flags"]
        if flag["kind"] == MISSING and flag["text"].startswith("about")
    )
    assert float(flag.partition("missing at ")[2].partition(" s ")[0]) == pytest.approx(
        1.5, abs=0.1
    )


def test_a_stall_while_playing_is_found_however_soon_the_context_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "LIMITS", supervisor.SilenceLimits(running=0.7))
    card = Soundcard("fake")
    monkeypatch.setenv("FAKE_PORTAUDIO", json.dumps({"do": "stall", "at": 96_000}))
    with (
        pytest.raises(StreamError, match=r"no response for 0\.7 s"),
        card.playing(np.ones((1, 480))),
    ):
        time.sleep(0.1)  # of 0.7 after which silence is a stall

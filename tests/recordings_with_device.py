"""Recordings on the virtual soundcard that delivers a count: no sample is lost without a report.

Each sample of the card gives its own place (``tests/rig/plain.py``), so a file is compared with the
samples delivered, one by one, whatever happened to the program, the server or the machine.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rig.plain import Account, account
from virtual_soundcard import CARD, Rig, plain_card

from soundcal.files import audio
from soundcal.files.session import Session


def command(path: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "soundcal", "record", str(path), "--device", CARD, *options]


Start = Callable[[Rig, list[str]], "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a command that uses a card; it is killed if it still runs after the test."""
    processes = []

    def run(rig: Rig, words: list[str]) -> "subprocess.Popen[str]":
        environment = {**os.environ, **rig.environment}
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment)
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def kept(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.with_suffix(".json").read_text()))


def counted(path: Path) -> Account:
    channels = range(audio.info(path).n_channels)
    return account(audio.blocks(path), channels)


@pytest.mark.usefixtures("virtual")
def test_eight_channels_at_96_khz_lose_nothing(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "take.wav"
    with plain_card("count-8", tmp_path, fs=96000) as rig:
        rig.script("fast")
        process = start(rig, command(path, "--duration", "20", "--fs", "96000"))
        _, printed = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    found = counted(path)
    assert (found.n_samples, found.exact) == (20 * 96000, True), found
    assert kept(path)["flags"] == []


def wait_for(path: Path, size: int, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + 60
    while not (path.exists() and path.stat().st_size > size):
        assert time.monotonic() < end, "the recording does not begin"
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.05)


def processes(process: "subprocess.Popen[str]") -> list[int]:
    """Return the command's process and its worker's."""
    listed = ["ps", "--ppid", str(process.pid), "-o", "pid="]
    found = subprocess.run(listed, capture_output=True, text=True).stdout
    return [process.pid, *map(int, found.split())]


@pytest.mark.usefixtures("virtual")
def test_killed_recordings_hold_all_but_the_last_second(tmp_path: Path, start: Start) -> None:
    """Side by side on one card; the last one loses the process that owns PortAudio instead.

    A client of the server that is killed holds the others up for five seconds.
    """
    chance = random.Random(1)
    forms = [("a.wav", "FLOAT"), ("b.wav", "PCM_24"), ("c.flac", "PCM_24")] * 2
    with plain_card("count-2", tmp_path) as rig:
        rig.script("real")
        running = []
        for number, (name, subtype) in enumerate(forms):
            path = tmp_path / f"{number}{name}"
            running.append((path, start(rig, command(path, "--subtype", subtype))))
        for path, process in running:
            wait_for(path, 50_000, process)
        ends = []
        for number, (_, process) in enumerate(running):
            time.sleep(chance.uniform(0.0, 0.6))
            victim = processes(process)[number == len(forms) - 1]
            ends.append(rig.do("state")["position"])
            os.kill(victim, signal.SIGKILL)
            _, printed = process.communicate(timeout=30)
            assert process.returncode == (3 if victim != process.pid else -signal.SIGKILL), printed
    for (path, _), end in zip(running, ends, strict=True):
        found = counted(path)
        assert found.exact, found
        assert found.last >= end - 48000, (found, end)


LEAVING = 1024  # samples, one period of the server: a card's ports are closed one by one

PROTOCOL = '''
"""One long take."""

def run(bench):
    bench.device.record(60.0)
    return "done"
'''


@pytest.mark.usefixtures("virtual")
@pytest.mark.parametrize("fault", ["server killed", "server frozen", "card crashed", "card gone"])
def test_every_command_ends_soon_after_the_device(tmp_path: Path, start: Start, fault: str) -> None:
    (tmp_path / "long.py").write_text(PROTOCOL)
    audio.write(tmp_path / "in.wav", np.zeros((2, 60 * 48000)), 48000)
    device = ["--device", CARD]
    commands = {
        "record": ["record", str(tmp_path / "take.wav"), *device],
        "monitor": ["monitor", *device],
        "play": ["play", str(tmp_path / "in.wav"), *device],
        "protocol": ["protocol", "run", str(tmp_path / "long.py"), *device],
    }
    commands["protocol"] += ["--out", str(tmp_path / "session")]
    with plain_card("count-2", tmp_path) as rig:
        rig.script("real")
        running = {
            name: start(rig, [sys.executable, "-m", "soundcal", *words])
            for name, words in commands.items()
        }
        until(lambda: rig.do("state")["connections"] == 10)  # two each, and what play listens to
        time.sleep(2.5)  # a stream drops its first half second, the meter sums up whole ones
        number = signal.SIGSTOP if fault == "server frozen" else signal.SIGKILL
        if fault == "card gone":
            number = signal.SIGTERM
        rig.kill("simcard" if "card" in fault else "jackd", number)
        began = time.monotonic()
        took: dict[str, float] = {}
        while len(took) < len(running) and time.monotonic() - began < 20.0:
            for name, process in running.items():
                if process.poll() is not None:
                    took.setdefault(name, time.monotonic() - began)
            time.sleep(0.02)
        said = {name: process.communicate(timeout=1)[1] for name, process in running.items()}
    print(fault, took)  # seen with -s, and where it fails
    assert {name: process.returncode for name, process in running.items()} == dict.fromkeys(took, 3)
    assert len(took) == len(commands)
    for name, text in said.items():
        assert "arrived before" in text, (name, text)
    late = re.findall(r"; ([\d.]+) s \(\d+ samples\) before it stopped", said["record"])
    # a server's end is seen at once, perhaps before the next samples were due; other faults are
    # seen by the watchdog after 1.5 s, the rest is for a busy machine
    assert len(late) == 1 or fault == "server killed", said["record"]
    assert all(float(seconds) < 2.5 for seconds in late), said["record"]
    assert max(took.values()) < 8.0, took
    samples = audio.read(tmp_path / "take.wav").samples
    # a server that lives puts zeros in the place of a card that is gone; its ports close one by one
    ends = [int(np.flatnonzero(channel)[-1]) + 1 for channel in samples]
    assert min(ends) == samples.shape[1] or "card" in fault
    assert max(ends) - min(ends) <= LEAVING, ends
    for number, end in enumerate(ends):
        found = account([samples[number : number + 1, :end]], [number])
        assert found.exact, found
    assert Session(tmp_path / "session").exit_status == "failed"
    assert re.search(r"LAeq .* in \d+ s\n", said["monitor"]), said["monitor"]


@pytest.mark.usefixtures("virtual")
def test_a_suspended_machine_is_told_with_the_samples_it_cost(tmp_path: Path, start: Start) -> None:
    """Everything stops for 10 s, card and server too, and continues as if nothing had happened."""
    path = tmp_path / "take.wav"
    with plain_card("count-2", tmp_path) as rig:
        rig.script("real")
        process = start(rig, command(path, "--duration", "6"))
        wait_for(path, 400_000, process)
        everything = processes(process)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in everything:
                os.kill(pid, number)
            rig.kill("jackd", number)
            rig.kill("simcard", number)
            time.sleep(10.0 if number == signal.SIGSTOP else 0.0)
        _, printed = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    found = counted(path)
    assert (found.n_samples, found.exact) == (6 * 48000, True), found
    record = kept(path)
    (missing,) = (c["value"] for c in record["checks"] if c["name"] == "missing by the clock")
    assert missing == pytest.approx(10.0 * 48000, abs=0.5 * 48000)
    assert "verdict: invalid" in printed
    assert "the machine slept" in printed

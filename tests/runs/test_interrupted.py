"""Commands that are stopped, and schedulers that die, lose nothing that is finished."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_data import InProcess, files_of, measured, write_recordings

from soundcal.errors import RecordError
from soundcal.periods import summarise
from soundcal.runs.cluster import scheduler_at
from soundcal.runs.running import RunTotals

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

PATTERN = "*.wav"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    write_recordings(folder, [f"{n}_20260331_{n:02d}0000.wav" for n in range(12)], 10.5)
    return folder


@pytest.fixture(scope="module")
def expected(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "results"
    measured(out, [str(recordings / PATTERN)], InProcess())
    return files_of(out)


AFTER_FIRST_PIECE = """
import os, signal, sys
from soundcal.cli import main
from soundcal.runs import running

write = running.write_piece

def stopping(*about):
    write(*about)
    running.write_piece = write
    {stop}

running.write_piece = stopping
sys.exit(main())
"""
"""The command, which is stopped after its first piece.

A test that watches the folder from outside can be too late on a busy machine.
"""

INTERRUPTED = AFTER_FIRST_PIECE.format(stop="os.killpg(0, signal.SIGINT)")
"""With a Ctrl-C to all its processes, as from a terminal."""

KILLED = AFTER_FIRST_PIECE.format(stop="os.kill(os.getpid(), signal.SIGKILL)")


def command_for(recordings: Path, out: Path, *program: str) -> list[str]:
    """Return the command that measures the recordings into a dataset."""
    command = [sys.executable, *(program or ("-m", "soundcal")), "measure"]
    command += [str(recordings / PATTERN), "--sensitivity", "1", "--out", f"{out}/"]
    command += ["--piece", "1s", "--indicators", "LAeq,LAmax,LA50"]
    return [*command, "--start-from", "%Y%m%d_%H%M%S", "--time-zone", "UTC"]


@pytest.mark.parametrize("engine", [["--jobs", "2"], ["--cluster", "local:2"]])
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_continues(
    engine: list[str], recordings: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "r"
    stopped = subprocess.run(
        [*command_for(recordings, out, "-c", INTERRUPTED), *engine],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert stopped.returncode == 130
    assert "and the same command continues" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert not list(out.rglob("*.part*"))
    assert 1 <= len(files_of(out)) < len(expected)
    subprocess.run(command_for(recordings, out), check=True, capture_output=True)
    assert files_of(out) == expected


@pytest.mark.parametrize("engine", [["--jobs", "2"], ["--cluster", "local:2"]])
def test_a_recorder_is_followed_while_it_writes(
    engine: list[str], recordings: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    """The dataset can be read at any moment; a file grows until all others are measured."""
    station, out = tmp_path / recordings.name, tmp_path / "r"
    station.mkdir()
    *complete, last = sorted(recordings.iterdir())
    command = [word.replace(str(recordings), str(station)) for word in command_for(recordings, out)]
    follow = subprocess.Popen(
        [*command, "--follow", "5s", *engine], stderr=subprocess.PIPE, text=True
    )
    content, written = last.read_bytes(), 0
    try:
        for path in complete:
            shutil.copy2(path, station / path.name)
        pieces = len(expected) // len([*complete, last])
        while len(files_of(out)) < len(complete) * pieces:
            written = min(written + 1000, len(content) - 1)
            (station / last.name).write_bytes(content[:written])
            assert follow.poll() is None
            if files_of(out):
                assert summarise(out, {"files": "recording"}, labels="LAeq")
            time.sleep(0.3)
        shutil.copy2(last, station / last.name)
        while len(files_of(out)) < len(expected):
            assert follow.poll() is None
            time.sleep(0.3)
    finally:
        follow.send_signal(signal.SIGINT)
        told = follow.communicate()[1]
    assert follow.returncode == 0
    assert "stopped; " in told
    assert "Traceback" not in told
    assert files_of(out) == expected
    assert not list(out.rglob("*.part*"))


@pytest.mark.parametrize("engine", [["--jobs", "2"], ["--cluster", "local:2"]])
def test_workers_end_when_their_command_was_killed(
    engine: list[str], recordings: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "r"
    command = [*command_for(recordings, out, "-c", KILLED), *engine]
    # returns when the last process has closed its end of the pipe
    killed = subprocess.run(command, stderr=subprocess.PIPE)
    assert killed.returncode == -signal.SIGKILL
    there = len(files_of(out))
    subprocess.run(command_for(recordings, out), check=True, capture_output=True)
    assert 1 <= there < len(expected)
    assert files_of(out) == expected


def test_two_commands_at_the_same_time_write_one_dataset(
    recordings: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "r"
    both = [subprocess.Popen(command_for(recordings, out)) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    assert files_of(out) == expected
    assert not list(out.rglob("*.part*"))
    assert len(list((out / "runs").iterdir())) == 2


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A scheduler of Dask with one worker, each in a process of its own, and its address."""
    known = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m"]
    one = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    one += ["--no-dashboard", "--scheduler-file", str(known)]
    main = subprocess.Popen([*dask, *one], stderr=subprocess.DEVNULL)
    address = ""
    while not address:
        time.sleep(0.1)
        try:
            address = json.loads(known.read_text())["address"]
        except (OSError, ValueError):
            continue
    two = ["distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    worker = subprocess.Popen([*dask, *two], stderr=subprocess.DEVNULL)
    yield main, address
    for process in (main, worker):
        process.terminate()
        process.wait()


def test_a_scheduler_that_dies_ends_the_run_and_another_one_continues(
    scheduler: tuple[subprocess.Popen[bytes], str],
    recordings: Path,
    expected: dict[str, bytes],
    tmp_path: Path,
) -> None:
    process, address = scheduler
    out = tmp_path / "r"
    engine = scheduler_at(address)

    def kill(totals: RunTotals) -> None:
        if totals.pieces:  # and further ones have just been submitted
            process.kill()

    try:
        with pytest.raises(RecordError, match="the scheduler is no longer there"):
            measured(out, [str(recordings / PATTERN)], engine, report=kill)
    finally:
        engine.close()
    there = len(files_of(out))
    assert 0 < there < len(expected)
    totals = measured(out, [str(recordings / PATTERN)], InProcess())
    assert totals.there == there
    assert files_of(out) == expected

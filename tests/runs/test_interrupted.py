"""Commands that are stopped, and schedulers that die, lose nothing that is finished."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_data import InProcess, files_of, measured, write_recordings

from soundcal.errors import RecordError
from soundcal.runs.cluster import scheduler_at

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


def wait_for_pieces(out: Path, number: int) -> None:
    while len(files_of(out)) < number:
        time.sleep(0.02)


def command_for(recordings: Path, out: Path) -> list[str]:
    """Return the command that measures the recordings into a dataset."""
    command = [sys.executable, "-m", "soundcal", "measure", str(recordings / PATTERN)]
    command += ["--out", f"{out}/", "--piece", "1s", "--indicators", "LAeq,LAmax,LA50"]
    return [
        *command,
        *("--start-from", "%Y%m%d_%H%M%S", "--time-zone", "UTC", "--sensitivity", "1"),
    ]


@pytest.mark.parametrize("engine", [["--jobs", "2"], ["--cluster", "local:2"]])
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_continues(
    engine: list[str], recordings: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "r"
    command = command_for(recordings, out)
    running = subprocess.Popen(
        [*command, *engine], start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    wait_for_pieces(out, 1)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    said = running.communicate()[1]
    assert running.returncode == 130
    assert "and the same command continues" in said
    assert "Traceback" not in said
    assert not list(out.rglob("*.part"))
    assert 1 <= len(files_of(out)) <= len(expected)
    subprocess.run(command, check=True, capture_output=True)
    assert files_of(out) == expected


def test_two_commands_at_the_same_time_write_one_dataset(
    recordings: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "r"
    both = [subprocess.Popen(command_for(recordings, out)) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    assert files_of(out) == expected
    assert not list(out.rglob("*.part"))
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

    def kill() -> None:
        wait_for_pieces(out, 1)
        process.kill()

    killing = threading.Thread(target=kill)
    killing.start()
    try:
        with pytest.raises(RecordError, match="the scheduler is no longer there"):
            measured(out, [str(recordings / PATTERN)], engine)
    finally:
        killing.join()
        engine.close()
    there = len(files_of(out))
    totals = measured(out, [str(recordings / PATTERN)], InProcess())
    assert totals.there == there
    assert files_of(out) == expected

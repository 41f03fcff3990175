"""Processes of this machine and workers of Dask give the bytes that one process gives."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_data import (
    InProcess,
    files_of,
    measured,
    poisoned,
    second_time_waits,
    settings,
    write_recordings,
)

from soundcal.errors import ParameterError
from soundcal.runs import read_failures
from soundcal.runs.cluster import DaskWorkers, local_cluster
from soundcal.runs.engine import BundleEnd
from soundcal.runs.local import LocalProcesses
from soundcal.runs.running import RunTotals

NAMES = tuple(f"{'ab'[n % 2]}/{n}_20260331_{n:02d}0000.wav" for n in range(6))
PATTERN = "**/*.wav"
KEEPING = settings(keep=(("LA", "F"),))

# Dask says on the standard library's channels what it closes late
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def expected(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "results"
    measured(out, [str(recordings / PATTERN)], InProcess(), KEEPING)
    found = files_of(out)
    assert len(found) == 2 * 24
    return found


def test_two_processes_give_the_same(
    recordings: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    engine = LocalProcesses(2)
    try:
        totals = measured(tmp_path / "r", [str(recordings / PATTERN)], engine, KEEPING)
    finally:
        engine.close()
    assert (totals.pieces, totals.failures) == (24, 0)
    assert files_of(tmp_path / "r") == expected


@pytest.mark.long
@pytest.mark.timeout(600)
def test_two_workers_of_dask_give_the_same(
    recordings: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    engine = local_cluster(2)
    try:
        assert engine.workers == 2
        assert engine.dashboard.startswith("http://127.0.0.1:")
        totals = measured(tmp_path / "r", [str(recordings / PATTERN)], engine, KEEPING)
    finally:
        engine.close()
    assert (totals.pieces, totals.failures) == (24, 0)
    assert files_of(tmp_path / "r") == expected


class Killing:
    """Kill one worker while files are looked at, and one while pieces are measured.

    The run waits meanwhile, so neither comes too late; how far the workers are is left to chance.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        self.pids = list(pids)

    def __call__(self, totals: RunTotals) -> None:
        if len(self.pids) == 2 or (self.pids and totals.to_do_s):
            time.sleep(float(np.random.default_rng().uniform(0.0, 0.5)))
            os.kill(self.pids.pop(), signal.SIGKILL)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_four_workers_two_of_which_are_killed_give_the_same(
    recordings: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    engine = local_cluster(4)
    try:
        killing = Killing(list(engine._client.run(os.getpid).values())[:2])
        sources = [str(recordings / PATTERN)]
        totals = measured(tmp_path / "r", sources, engine, KEEPING, report=killing)
    finally:
        engine.close()
    assert not killing.pids
    assert (totals.pieces, totals.failures) == (24, 0)
    assert files_of(tmp_path / "r") == expected


@pytest.fixture
def tests_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers import the modules of the tests."""
    tests = str(Path(__file__).resolve().parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")]))


def with_poison(engine: Any) -> Any:
    """Let pieces of a file called poison kill the worker."""
    submit = engine.submit
    engine.submit = lambda token, function, *args: submit(token, poisoned, function, *args)
    return engine


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("tests_importable")
@pytest.mark.parametrize("start", [LocalProcesses, local_cluster])
def test_a_file_that_kills_workers_is_a_failure_and_the_others_are_measured(
    start: Any, tmp_path: Path
) -> None:
    names = [f"{name}_20260331_{n:02d}0000.wav" for n, name in enumerate(["a", "poison", "b"])]
    write_recordings(tmp_path / "audio", names, 1.5)
    out = tmp_path / "r"
    measured(tmp_path / "safe", [str(tmp_path / "audio")], InProcess())
    engine = with_poison(start(2))
    try:
        totals = measured(out, [str(tmp_path / "audio")], engine)
    finally:
        engine.close()
    assert (totals.pieces, totals.failures) == (4, 2)
    failures = read_failures(out)
    assert {Path(row["path"]).name for row in failures} == {names[1]}
    assert max(row["tries"] for row in failures) == 3
    assert "workers died" in failures[0]["reason"]
    safe = files_of(tmp_path / "safe")
    assert files_of(out).items() <= safe.items()


def test_workers_do_without_pandas_which_pyarrow_would_load() -> None:
    engine = LocalProcesses(1)
    try:
        engine.submit(0, import_module, "pandas")
        ended = engine.finished(None)
    finally:
        engine.close()
    assert isinstance(ended[0].error, ModuleNotFoundError)


def test_processes_can_be_stopped_while_bundles_wait(tmp_path: Path) -> None:
    engine = LocalProcesses(1)
    begun = tmp_path / "begun"
    engine.submit(0, subprocess.call, ["sh", "-c", f"touch '{begun}'; sleep 600"])
    for token in range(1, 20):
        engine.submit(token, time.sleep, 600)
    while not begun.exists():
        time.sleep(0.01)
    engine.close()  # an exception in loky's own thread would be an error of this test


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("tests_importable")
def test_a_result_that_dies_with_its_worker_is_computed_again(tmp_path: Path) -> None:
    engine = local_cluster(2)
    try:
        engine.submit(7, second_time_waits, tmp_path)
        (future,) = engine._under_way.values()
        one = future.result()
        os.kill(one, signal.SIGKILL)
        while future.status == "finished":
            time.sleep(0.01)
        assert engine.finished(0.1) == []
        (tmp_path / "go").touch()
        ended: list[BundleEnd] = []
        while not ended:
            ended = engine.finished(1.0)
    finally:
        engine.close()
    (end,) = ended
    assert (end.token, end.error) == (7, None)
    assert end.value != one


class OtherVersions:
    """A client of workers of which one has another numpy, and one has no soundcal."""

    status = "closed"

    def __init__(self, answer: Any) -> None:
        self.answer, self.closed = answer, False

    def run(self, function: Any, on_error: str) -> dict[str, Any]:
        here = function()
        there = self.answer if isinstance(self.answer, Exception) else here | self.answer
        return {"tcp://one:1": here, "tcp://two:2": there}

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"numpy": "1.0"}, r"tcp://two:2 has numpy 1\.0 instead of"),
        (ModuleNotFoundError("No module named 'soundcal'"), "tcp://two:2 cannot run soundcal"),
    ],
)
def test_workers_with_other_versions_are_refused_by_name(answer: Any, reason: str) -> None:
    client = OtherVersions(answer)
    with pytest.raises(ParameterError, match=reason):
        DaskWorkers(client)
    assert client.closed

"""Recordings, settings and engines for the tests of runs."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from soundcal.indicators.names import resolve
from soundcal.prepared import Task
from soundcal.runs.dataset import read_summaries
from soundcal.runs.engine import BundleEnd, Engine
from soundcal.runs.listing import common_root, names_of
from soundcal.runs.running import RunTotals, run_pieces, spooled
from soundcal.runs.settings import RunSettings, begin
from soundcal.runs.starts import RecorderClock
from soundcal.runs.versions import installed
from soundcal.runs.work import Job

FS = 8000
TIMED = RecorderClock("%Y%m%d_%H%M%S", "UTC")


class InProcess:
    """An engine that computes in this process, one bundle after the other, in any order."""

    workers = 2

    def __init__(self, seed: int | None = None, stop_after: int | None = None) -> None:
        self._bundles: list[tuple[int, Callable[..., Any], tuple[Any, ...]]] = []
        self._random = np.random.default_rng(seed) if seed is not None else None
        self._left = stop_after
        self.sizes: list[int] = []

    def submit(self, token: int, function: Callable[..., Any], *args: Any) -> None:
        self.sizes.append(len(args[1]))
        self._bundles.append((token, function, args))

    def finished(self, timeout: float | None) -> list[BundleEnd]:
        if not self._bundles:
            time.sleep(min(timeout or 0.0, 0.05))
            return []
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
        place = int(self._random.integers(len(self._bundles))) if self._random else 0
        token, function, args = self._bundles.pop(place)
        try:
            return [BundleEnd(token, function(*args))]
        except Exception as error:
            return [BundleEnd(token, error=error)]

    def close(self) -> None:
        self._bundles.clear()


def poisoned(function: Callable[..., Any], packed: bytes, items: Sequence[Any]) -> Any:
    """Call the function of a bundle, but kill the process at a piece of a file called poison."""
    if any("poison" in item.file.name for item in items if hasattr(item, "file")):
        os.kill(os.getpid(), signal.SIGKILL)
    return function(packed, items)


def second_time_waits(folder: Path) -> int:
    """Return the number of this process; in a second process, when there is a file ``go``."""
    (folder / f"{os.getpid()}.pid").touch()
    while len(list(folder.glob("*.pid"))) > 1 and not (folder / "go").exists():
        time.sleep(0.01)
    return os.getpid()


def write_recordings(folder: Path, names: Sequence[str], seconds: float = 3.5) -> None:
    """Write noise of 8 kHz whose seed is in the order of the names."""
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * FS))
        soundfile.write(path, samples, FS, subtype="PCM_24")


def settings(piece_s: int = 1, clock: RecorderClock = TIMED, **given: Any) -> RunSettings:
    """Return settings for the level of files with a stated sensitivity."""
    task = Task(wanted=resolve(["LAeq,LAmax,LA50"]), sensitivities=(1.0,))
    return RunSettings(task, piece_s=piece_s, clock=clock, **given)


def measured(
    out: Path, sources: Sequence[str], engine: Engine, of: RunSettings | None = None, **given: Any
) -> RunTotals:
    """Measure files into a dataset."""
    of = of or settings()
    root, _ = begin(out, of, given.pop("root", common_root(sources)))
    versions = given.pop("versions", installed())
    with spooled(names_of(sources)) as (listed, names):
        return run_pieces(names, listed, Job(of, root, versions), out, engine, **given)


def rows(out: Path, **given: Any) -> list[dict[str, Any]]:
    """Return the rows of a dataset as they are read."""
    return [row for batch in read_summaries(out, **given) for row in batch.to_pylist()]


def files_of(out: Path) -> dict[str, bytes]:
    """Return the bytes of the dataset's files of summaries and series, by name."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for kind in ("summaries", "series")
        for path in sorted((out / kind).rglob("*.parquet"))
    }

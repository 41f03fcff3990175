"""Memory of the command that begins a run of a million files, without the files.

``python tests/benchmarks/client_memory.py [--files 1000000] [--workers 200]`` makes up the names of
recordings of 5 min, of which every second one was measured before, and workers that answer at once;
nothing is written. It prints the largest memory of the process and the processor time per file.
"""

import argparse
import hashlib
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from soundcal.indicators.names import resolve
from soundcal.prepared import Task
from soundcal.runs import dataset, running
from soundcal.runs.engine import BundleEnd
from soundcal.runs.plan import AudioFile
from soundcal.runs.remote import Stamp
from soundcal.runs.settings import RunSettings, begin
from soundcal.runs.versions import installed
from soundcal.runs.work import Job, PieceDone

ROOT = "/sound"
SECONDS = 300


def recording(number: int) -> str:
    return f"station-{number % 10:02d}/2026/{number // 10_000:04d}/rec_{number:07d}.flac"


def content(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


class Answering:
    """An engine whose workers answer at once."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._ended: list[BundleEnd] = []

    def submit(self, token: int, function: Callable[..., Any], packed: bytes, items: Any) -> None:
        value: list[Any] = [PieceDone(bytes(30_000), None, 40.0, 40.0) for _ in items]
        if function is running.look_at_files:
            value = [
                AudioFile(n, Stamp(10**7, ""), content(n), 48000, 48000 * SECONDS, 2, None, "")
                for n in items
            ]
        self._ended.append(BundleEnd(token, value))

    def finished(self, timeout: float | None) -> list[BundleEnd]:
        ended, self._ended = self._ended[:16], self._ended[16:]
        return ended

    def close(self) -> None:
        self._ended.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=200)
    options = parser.parse_args()
    settings = RunSettings(Task(wanted=resolve(["LAeq"]), sensitivities=(1.0,)))
    task_hash = settings.task_hash

    def there(folder: Path, days: object = None) -> Iterator[tuple[str, str]]:
        for number in range(0, options.files, 2):
            name = recording(number)
            found = dataset.piece_name(name, content(f"{ROOT}/{name}"), 0, task_hash)
            yield "", f"{found}.parquet"

    dataset._files = there  # type: ignore[assignment]
    running.write_piece = lambda *written: None  # type: ignore[assignment]
    names = (f"{ROOT}/{recording(number)}" for number in range(options.files))
    started = time.process_time()
    with tempfile.TemporaryDirectory() as place, running.spooled(names) as (listed, spool):
        begin(Path(place) / "results", settings, ROOT)
        job = Job(settings, ROOT, installed())
        engine = Answering(options.workers)
        totals = running.run_pieces(spool, listed, job, Path(place) / "results", engine)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent = (time.process_time() - started) / options.files
    print(f"{totals.pieces} pieces measured, {totals.there} were there: {used:.0f} MB in all")
    print(f"{1e6 * spent:.0f} µs of processor time for each of {options.files} files")


if __name__ == "__main__":
    main()

"""Processor time that a run adds to that of the indicators, per file of 1 s.

``python tests/benchmarks/run_overhead.py [--files 10000] [--engine local:2 | jobs:2]`` writes that
many short files, measures their A-weighted level into a dataset, and compares the processor time of
all processes with that of summarising the same files one after the other in one process. The time
in which processes start and load libraries is left out: it is that of a run of 20 files.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from soundcal.indicators.names import resolve
from soundcal.prepared import Task
from soundcal.runs.listing import common_root, names_of
from soundcal.runs.opening import engine_for
from soundcal.runs.running import run_pieces, spooled
from soundcal.runs.settings import RunSettings, begin
from soundcal.runs.versions import installed
from soundcal.runs.work import Job
from soundcal.summaries import summarise_piece

FS = 48000


def used() -> float:
    """Return the processor time of this process and of its children that have ended, s."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    times = [resource.getrusage(kind) for kind in kinds]
    return sum(one.ru_utime + one.ru_stime for one in times)


def run(folder: Path, out: Path, engine: str, settings: RunSettings) -> tuple[float, float, int]:
    """Measure a folder into a dataset; return processor time in s, time in s and pieces."""
    before, clock = used(), time.monotonic()
    kind, _, number = engine.partition(":")
    workers = engine_for("" if kind == "jobs" else engine, int(number) if kind == "jobs" else 1)
    sources = [str(folder)]
    root, _ = begin(out, settings, common_root(sources))
    try:
        with spooled(names_of(sources)) as (listed, names):
            job = Job(settings, root, installed())
            totals = run_pieces(names, listed, job, out, workers)
    finally:
        workers.close()
    if totals.failures:
        raise SystemExit(f"{totals.failures} failures: {totals.reasons[0]}")
    return used() - before, time.monotonic() - clock, totals.pieces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--engine", default="local:2")
    options = parser.parse_args()
    settings = RunSettings(Task(wanted=resolve(["LAeq"]), sensitivities=(1.0,)))
    with tempfile.TemporaryDirectory() as place:
        few, many = Path(place) / "few", Path(place) / "many"
        samples = 0.1 * np.random.default_rng(0).standard_normal(FS)
        for folder, n in ((few, 20), (many, options.files)):
            folder.mkdir()
            for number in range(n):
                soundfile.write(folder / f"{number:06d}.wav", samples, FS, subtype="PCM_24")
        path = few / "000000.wav"
        summarise_piece(path, settings.task, threads=1)  # loads the kernels
        started = time.process_time()
        for _ in range(100):
            summarise_piece(path, settings.task, threads=1)
        own = (time.process_time() - started) / 100
        base, _, _ = run(few, Path(place) / "results-few", options.engine, settings)
        total, wall, pieces = run(many, Path(place) / "results-many", options.engine, settings)
        per_file = (total - base) / (options.files - 20)
        print(f"{pieces} files with {options.engine}: {wall:.0f} s")
        print(f"processor time per file: {1000 * per_file:.2f} ms in all")
        print(f"of it the indicators' own: {1000 * own:.2f} ms")
        print(f"added by the run: {1000 * (per_file - own):.2f} ms")


if __name__ == "__main__":
    sys.exit(main())

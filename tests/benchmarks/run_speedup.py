"""Time of a run with one process over that with several, with the study's indicators.

``python tests/benchmarks/run_speedup.py [--jobs 2] [--minutes 12] [--rounds 2]`` measures so many
minutes of stereo noise, in files of 1 min, into a dataset with one process and with several, in
turns, and prints the ratio of the shortest times. The machine must be idle, and have as many
cores as processes. The time in which processes start is left out: it is that of a run of one second
per process.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from run_overhead import FS, run

from soundcal.indicators.names import resolve
from soundcal.prepared import Task
from soundcal.runs.settings import RunSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    settings = RunSettings(Task(wanted=resolve(["study"]), sensitivities=(1.0,)))
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as place:
        short, long, out = (Path(place) / name for name in ("short", "long", "results"))
        for folder, n, seconds in ((short, options.jobs, 1), (long, options.minutes, 60)):
            folder.mkdir()
            for number in range(n):
                samples = 0.05 * random.standard_normal((seconds * FS, 2))
                soundfile.write(folder / f"{number:04d}.wav", samples, FS, subtype="PCM_24")
        shortest = dict.fromkeys((1, options.jobs), float("inf"))
        for _ in range(options.rounds):
            for jobs in shortest:
                times = []
                for folder in (short, long):
                    _, seconds_taken, _ = run(folder, out, f"jobs:{jobs}", settings)
                    times.append(seconds_taken)
                    shutil.rmtree(out)
                print(f"{jobs} processes: {times[1]:.1f} s, {times[0]:.1f} s of it to start")
                shortest[jobs] = min(shortest[jobs], times[1] - times[0])
        ratio = shortest[1] / shortest[options.jobs]
        print(f"{options.jobs} processes are {ratio:.2f} times as fast as one")


if __name__ == "__main__":
    sys.exit(main())

"""Number of cores at which Dask's scheduler, or the command that began the run, is the limit.

``python tests/benchmarks/scheduler_load.py [--workers 100] [--tasks 5000] [--sleep 0.5]`` starts a
scheduler in a process of its own and simulated workers, each with one thread, in two more. Their
tasks do what those of a run do for the scheduler: they are submitted one by one, as many as keep
the workers busy, take as long as stated (they sleep), and return the bytes of ``--pieces`` pieces.
From the processor time that the scheduler and the client need for a task follows how many tasks a
second each of them, which is one thread, can serve; with the 15 s of computing that a run puts into
a task, this is the number of cores.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

TASK_S = 15.0
PIECE_BYTES = 30_000


def simulated(packed: bytes, items: list[float]) -> list[bytes]:
    """Sleep as long as a task would compute, and return as much as it would."""
    time.sleep(items[0])
    return [os.urandom(PIECE_BYTES) for _ in range(int(items[1]))]


def simulate(address: str, number: int) -> None:
    """Run workers of one thread in this process, until the scheduler ends."""
    import logging

    from distributed import Worker

    logging.disable()

    async def work() -> None:
        workers = [Worker(address, nthreads=1, dashboard=False) for _ in range(number)]
        await asyncio.gather(*workers)
        await asyncio.gather(*(worker.finished() for worker in workers))

    asyncio.run(work())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=5000)
    parser.add_argument("--sleep", type=float, default=0.5, help="s per task")
    parser.add_argument("--pieces", type=int, default=1, help="pieces in a task")
    options = parser.parse_args()
    from soundcal.runs.cluster import scheduler_at

    with TemporaryDirectory() as place:
        known = Path(place) / "scheduler.json"
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
        command += ["--port", "0", "--no-dashboard", "--scheduler-file", str(known)]
        scheduler = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        context = multiprocessing.get_context("spawn")
        sharing = [options.workers // 2, options.workers - options.workers // 2]
        processes = []
        engine = None
        try:
            while not known.exists():
                time.sleep(0.1)
            time.sleep(0.5)
            address = json.loads(known.read_text())["address"]
            processes = [
                context.Process(target=simulate, args=(address, number)) for number in sharing
            ]
            for process in processes:
                process.start()
            engine = scheduler_at(address)
            client = engine._client
            client.wait_for_workers(options.workers)
            measure(engine, client, options)
        finally:
            if engine is not None:
                engine.close()
            scheduler.terminate()
            scheduler.wait()
            for process in processes:
                process.terminate()
                process.join()


def measure(engine, client, options: argparse.Namespace) -> None:  # type: ignore[no-untyped-def]
    """Keep the workers busy with tasks, and print what they cost."""

    def spent() -> float:
        return float(client.run_on_scheduler(time.process_time))

    item = [options.sleep, float(options.pieces)]
    before, own, clock = spent(), time.process_time(), time.monotonic()
    submitted = under_way = done = 0
    while done < options.tasks:
        while submitted < options.tasks and under_way < 2 * options.workers + 2:
            engine.submit(submitted, simulated, b"", item)
            submitted, under_way = submitted + 1, under_way + 1
        ended = engine.finished(1.0)
        if errors := [one.error for one in ended if one.error is not None]:
            raise errors[0]
        done, under_way = done + len(ended), under_way - len(ended)
    seconds = time.monotonic() - clock
    of_scheduler = (spent() - before) / options.tasks
    of_client = (time.process_time() - own) / options.tasks
    print(
        f"{options.workers} workers, {options.tasks} tasks of {options.sleep:g} s: {seconds:.0f} s"
    )
    print(f"{options.tasks / seconds:.0f} tasks a second were served on this machine")
    for who, cost in (("scheduler", of_scheduler), ("client", of_client)):
        print(
            f"{who}: {1000 * cost:.2f} ms of processor time for a task: at most {1 / cost:.0f} "
            f"tasks a second, or {TASK_S / cost:.0f} cores with tasks of {TASK_S:g} s"
        )


if __name__ == "__main__":
    main()

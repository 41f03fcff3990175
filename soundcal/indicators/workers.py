"""Threads that process channels and indicators at the same time."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from soundcal.errors import ParameterError

__all__ = ["Workers", "threads_for"]

_WORTH_THREADS: Final = 1 << 14
"""Number of samples from which starting threads is worthwhile."""


def threads_for(asked: int | None, n_tasks: int) -> int:
    """Return the number of threads for a number of tasks.

    Parameters
    ----------
    asked : int, optional
        Maximum number; by default the number of cores.
    n_tasks : int
        Number of tasks that can run at the same time.

    Raises
    ------
    ParameterError
        Less than one thread.
    """
    if asked is not None and asked < 1:
        raise ParameterError(f"{asked} threads; at least 1 is expected")
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(available or 1 if asked is None else asked, n_tasks)


class Workers:
    """Threads that run tasks; the kernels release the interpreter lock, so they use the cores.

    They start with the first sufficiently large work and end with this object or with
    :meth:`close`.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._seconds: list[float] = []

    def run(self, tasks: Sequence[Callable[[], None]], n_samples: int) -> None:
        """Run the tasks, each of which works on ``n_samples`` samples.

        The task that took longest in the last call begins first, so that no thread has to wait for
        a long one at the end.
        """
        if self._threads == 1 or n_samples < _WORTH_THREADS:
            for task in tasks:
                task()
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads)
        if len(self._seconds) != len(tasks):
            self._seconds = [0.0] * len(tasks)
        order = sorted(range(len(tasks)), key=self._seconds.__getitem__, reverse=True)
        for future in [self._pool.submit(self._timed, tasks, number) for number in order]:
            future.result()

    def _timed(self, tasks: Sequence[Callable[[], None]], number: int) -> None:
        start = time.thread_time()
        tasks[number]()
        self._seconds[number] = time.thread_time() - start

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

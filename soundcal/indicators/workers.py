"""Threads that process channels and indicators at the same time."""

import os
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

    def run(self, tasks: Sequence[Callable[[], None]], n_samples: int) -> None:
        """Run the tasks, each of which works on ``n_samples`` samples."""
        if self._threads == 1 or n_samples < _WORTH_THREADS:
            for task in tasks:
                task()
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads)
        for future in [self._pool.submit(task) for task in tasks]:
            future.result()

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

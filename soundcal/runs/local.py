"""Worker processes of this machine."""

import os
import signal
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from importlib.abc import MetaPathFinder
from queue import Empty, SimpleQueue
from typing import Any

from soundcal.errors import ParameterError
from soundcal.runs.engine import BundleEnd, taken
from soundcal.stopping import end_with_parent, interrupts_not_inherited

__all__ = ["LocalProcesses", "prepare_worker"]


class LocalProcesses:
    """Processes that joblib's library loky starts; they are replaced if one of them dies.

    If a process dies, all bundles under way end with it, because nobody knows which one it was.

    Parameters
    ----------
    jobs : int
        Number of processes.

    Raises
    ------
    ParameterError
        Less than one process.
    """

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise ParameterError(f"{jobs} jobs; at least 1 is expected")
        self._jobs = jobs
        self._ended: SimpleQueue[tuple[int, Future[Any]]] = SimpleQueue()
        self._pool: Any = None

    @property
    def workers(self) -> int:
        """Number of processes."""
        return self._jobs

    def submit(self, token: int, function: Callable[..., Any], *args: Any) -> None:
        """Have a function called in one of the processes."""
        with interrupts_not_inherited():
            if self._pool is None:
                self._pool = self._started()
            try:
                future = self._pool.submit(function, *args)
            except BrokenExecutor:
                self.close()
                self._pool = self._started()
                future = self._pool.submit(function, *args)
        future.add_done_callback(lambda done: self._ended.put((token, done)))

    def _started(self) -> Any:
        from joblib.externals.loky import ProcessPoolExecutor

        # loky replaces a process that has grown by 300 MB, which many channels need
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        return ProcessPoolExecutor(
            max_workers=self._jobs, initializer=prepare_worker, initargs=(os.getpid(),)
        )

    def finished(self, timeout: float | None) -> list[BundleEnd]:
        """Return the bundles that have ended, after waiting up to so many seconds for the first."""
        return [_outcome(token, future) for token, future in taken(self._ended, timeout)]

    def close(self) -> None:
        """Stop the processes at once."""
        if self._pool is None:
            return
        # loky forgets all bundles, and its thread would fail at those that it has not taken yet
        waiting = getattr(self._pool, "_work_ids", None)
        with suppress(Empty):
            while waiting is not None:
                waiting.get_nowait()
        self._pool.shutdown(wait=True, kill_workers=True)
        self._pool = None


def prepare_worker(parent: int) -> None:
    """Make this process a worker of a command.

    It ignores Ctrl-C, which a terminal sends to all processes, and ends with the command. It does
    without pandas, which pyarrow loads if it is there: it takes a second, and 40 MB of memory.

    Parameters
    ----------
    parent : int
        Number of the command's process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)
    sys.meta_path.insert(0, _WithoutPandas())


class _WithoutPandas(MetaPathFinder):
    """Refuses to import pandas."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("a worker does without pandas", name=fullname)


def _outcome(token: int, future: "Future[Any]") -> BundleEnd:
    error = future.exception()
    if error is None:
        return BundleEnd(token, future.result())
    return BundleEnd(token, error=error, deaths=1 if isinstance(error, BrokenExecutor) else 0)

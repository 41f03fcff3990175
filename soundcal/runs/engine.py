"""The interface of what computes a run: processes of this machine, or a cluster.

A worker gets a bundle at a time: a function, and the pieces or files for which it is called.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Protocol

__all__ = ["BundleEnd", "Engine", "taken"]


@dataclass(frozen=True, slots=True)
class BundleEnd:
    """The end of a bundle.

    Parameters
    ----------
    token : int
        The bundle, as it was submitted.
    value : object
        What its function returned.
    error : Exception, optional
        What it raised; also if the worker died.
    deaths : int
        Number of workers that died while they worked on this bundle, or on others beside it.
    """

    token: int
    value: Any = None
    error: BaseException | None = None
    deaths: int = 0


class Engine(Protocol):
    """Workers that compute bundles in any order."""

    @property
    def workers(self) -> int:
        """Number of bundles that are computed at the same time."""

    def submit(self, token: int, function: Callable[..., Any], *args: Any) -> None:
        """Have a function of a module called by a worker."""

    def finished(self, timeout: float | None) -> list[BundleEnd]:
        """Return the bundles that have ended, after waiting up to so many seconds for the first.

        Raises
        ------
        RecordError
            The cluster can no longer be reached.
        """

    def close(self) -> None:
        """Stop all workers that were started for the run, and forget all bundles."""


def taken(
    ended: "SimpleQueue[tuple[int, Any]]", timeout: float | None, most: float = math.inf
) -> list[tuple[int, Any]]:
    """Take what is in a queue of ended bundles, after waiting up to so many seconds for the first.

    Parameters
    ----------
    ended : queue of (int, future)
        Filled by other threads.
    timeout : float, optional
        Waiting time in s; without end by default.
    most : float
        Largest number that is taken.
    """
    found: list[tuple[int, Any]] = []
    with suppress(Empty):
        found.append(ended.get(timeout=timeout))
        while len(found) < most:
            found.append(ended.get_nowait())
    return found

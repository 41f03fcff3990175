"""A run that follows recorders: it waits for files to appear, and for growing ones to be complete.

Nothing in a file says that its recorder has finished: the header of one that is being written may
state another length, or none. So a file is measured when its size and the time of its last change,
and those of the record beside it, have been the same for a stated time. Only what this program sees
counts, because the clocks of recorders and servers may be wrong. A file that changes after it was
measured is measured again when it has come to rest, and its new pieces replace the old ones.
"""

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NoReturn

from soundcal.errors import ParameterError
from soundcal.runs.engine import Engine
from soundcal.runs.listing import relative_name, states_of
from soundcal.runs.running import RunTotals, run_pieces, spooled
from soundcal.runs.work import Job

__all__ = ["Following", "follow_pieces"]

_LISTING: Final = 0.05
"""Largest share of the time that is spent on listing."""


class Following:
    """The files of sources that have come to rest.

    One number is kept in memory for every state of a file that was measured, and more only for
    files that change.

    Parameters
    ----------
    sources : sequence of str
        Files, folders, patterns, lists and addresses.
    root : str
        Folder or address below which all files must be.
    quiet_s : float
        Time in s for which a file must not change.
    now : callable
        Clock in s.
    """

    def __init__(
        self,
        sources: Sequence[str],
        root: str,
        quiet_s: float,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources, self._root, self._quiet_s = sources, root, quiet_s
        self._now = now
        self._since: dict[int, float] = {}
        self._given: set[int] = set()
        self._again: set[str] = set()
        self._took_s = 0.0
        self.troubles: list[str] = []

    @property
    def waiting(self) -> int:
        """Number of files that have not been unchanged for long enough yet."""
        return len(self._since)

    @property
    def interval_s(self) -> float:
        """Time in s until the next look: half of that for which a file must not change.

        It is longer if listing takes long, which would otherwise keep a server busy.
        """
        return max(self._quiet_s / 2, self._took_s / _LISTING)

    def at_rest(self) -> Iterator[str]:
        """Look at all sources once; give the files that have come to rest, each state once.

        What cannot be listed is in ``troubles`` afterwards, and is tried again the next time.
        """
        began = self._now()
        since: dict[int, float] = {}
        self.troubles = []
        for source in self._sources:
            try:
                for name, state in states_of(source, self.troubles.append):
                    key = _key(name, state)
                    if key in self._given and name not in self._again:
                        continue
                    first_seen = self._since.get(key, began)
                    if key not in self._given and began - first_seen < self._quiet_s:
                        since[key] = first_seen
                        continue
                    self._given.add(key)
                    self._again.discard(name)
                    if trouble := self._refused(name):
                        self.troubles.append(trouble)
                    else:
                        yield name
            except Exception as error:  # noqa: BLE001  those of servers are of many kinds
                self.troubles.append(f"{source}: cannot be listed now ({error})")
        self._since = since
        self._took_s = self._now() - began

    def _refused(self, name: str) -> str:
        """Return why a file cannot be a recording of the dataset; "" if it can."""
        try:
            relative_name(name, self._root)
        except ParameterError as error:
            return str(error)
        return ""

    def give_again(self, names: Iterable[str]) -> None:
        """Give files again as soon as they are there, even if they have not changed."""
        self._again.update(names)


def _key(name: str, state: str) -> int:
    text = f"{name}\0{state}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=12).digest())


def follow_pieces(
    following: Following,
    job: Job,
    folder: Path,
    engine: Engine,
    *,
    report: Callable[[RunTotals], None] = lambda totals: None,
    idle: Callable[[RunTotals], None] = lambda totals: None,
    totals: RunTotals,
    wait: Callable[[float], None] = time.sleep,
) -> NoReturn:
    """Measure files when they have come to rest, until ``KeyboardInterrupt``.

    A failure is not tried again before its file changes, unless its disk or server was away: then
    it is tried at every look, so that the others do not wait for it.

    Parameters
    ----------
    following : Following
        The files.
    job, folder, engine, report, totals
        As for :func:`soundcal.runs.running.run_pieces`.
    idle : callable
        Called with the totals when nothing is left to do.
    wait : callable
        Waits for so many seconds.

    Raises
    ------
    ParameterError, RecordError
        As for :func:`soundcal.runs.running.run_pieces`.
    """
    while True:
        with spooled(following.at_rest()) as (n, names):
            if n:
                run_pieces(
                    names,
                    totals.listed + n,
                    job,
                    folder,
                    engine,
                    report=report,
                    totals=totals,
                    retry_after=(),
                    give_up_after=math.inf,
                )
        following.give_again(totals.unreached)
        totals.unreached.clear()
        idle(totals)
        wait(following.interval_s)

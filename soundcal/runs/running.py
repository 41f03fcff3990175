"""A run: files are looked at, missing pieces computed by an engine, and written into the dataset.

Little is kept in memory: the names of files are read from a spooled list, and only as many files
are looked at beforehand as keep the workers busy.
"""

import heapq
import json
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, Any, Final

from soundcal.errors import ParameterError, RecordError
from soundcal.runs.dataset import (
    SERIES,
    SUMMARIES,
    Finished,
    piece_name,
    recording_key,
    write_piece,
)
from soundcal.runs.engine import BundleEnd, Engine
from soundcal.runs.failures import Failures
from soundcal.runs.listing import relative_name
from soundcal.runs.plan import AudioFile, FilePiece, pieces_of
from soundcal.runs.remote import is_address
from soundcal.runs.work import Job, PieceDone, Problem, look_at_files, measure_pieces

__all__ = ["RETRY_AFTER_S", "RunTotals", "run_pieces", "spooled"]

RETRY_AFTER_S: Final = (5.0, 15.0, 60.0, 180.0, 300.0)
"""Waiting times in s before a file whose disk or server is away is tried again."""

_DEATHS: Final = 3
"""Workers that may die of a piece before it is a failure."""

_ALL_FAILED: Final = 100
"""Failures without any success after which a run ends: its settings must be wrong."""

_BUNDLE_S: Final = 15.0
"""Computing time of a bundle in s, so that the scheduler's time for it is of no account."""

_FIRST_S: Final = 60.0
"""Seconds of sound in a bundle as long as the speed is unknown."""

_MOST: Final = 256
"""Largest number of pieces in a bundle."""

_LOOKED_AT: Final = 16
"""Files to look at in a bundle."""

_WAIT_S: Final = 2.0


@dataclass(slots=True)
class RunTotals:
    """What a run has done so far.

    Parameters
    ----------
    listed, looked_at : int
        Files that were named, and those whose headers were read.
    pieces, there : int
        Pieces that were measured, and those that were in the dataset already.
    failed : set of str
        Names of the failures that the run has left in the dataset.
    sound_s, to_do_s : float
        Seconds of sound that were measured, and seconds of sound of all pieces that were missing in
        the files looked at.
    processor_s : float
        Processor time of the workers in s.
    bytes_read, bytes_written : int
        Bytes of audio of the measured pieces, and of the dataset's files.
    reasons : list of str
        The first reasons of failures.
    waiting_for : str
        Reason of the latest piece that is tried again later; "" if none is.
    unreached : list of str
        Files that failed because their disk or server seems to be away.
    """

    listed: int = 0
    looked_at: int = 0
    pieces: int = 0
    there: int = 0
    failed: set[str] = field(default_factory=set)
    sound_s: float = 0.0
    to_do_s: float = 0.0
    processor_s: float = 0.0
    bytes_read: int = 0
    bytes_written: int = 0
    reasons: list[str] = field(default_factory=list)
    waiting_for: str = ""
    unreached: list[str] = field(default_factory=list)

    @property
    def failures(self) -> int:
        """Number of failures; one whose file was measured later no longer counts."""
        return len(self.failed)

    @property
    def expected_s(self) -> float | None:
        """Seconds of sound to measure in all, estimated from the files looked at; None: unknown."""
        return self.to_do_s * self.listed / self.looked_at if self.looked_at else None


@contextmanager
def spooled(names: Iterable[str]) -> Iterator[tuple[int, Iterator[str]]]:
    """List all names in a temporary file; give their number and an iterator over them."""
    with tempfile.TemporaryFile("w+", encoding="ascii") as file:
        number = 0
        for name in names:
            file.write(f"{json.dumps(name)}\n")  # a name may have a line end in it
            number += 1
        file.seek(0)
        yield number, _read(file)


def _read(file: IO[str]) -> Iterator[str]:
    while line := file.readline():
        yield json.loads(line)


@dataclass(slots=True)
class _Item:
    """A file to look at, or a piece to measure, with what has happened to it."""

    name: str
    recording: str
    piece: FilePiece | None = None
    tries: int = 0
    deaths: int = 0
    apart: bool = False

    @property
    def sound(self) -> float:
        """Seconds of sound times channels."""
        return self.piece.seconds * self.piece.file.n_channels if self.piece else 0.0


def run_pieces(
    names: Iterable[str],
    listed: int,
    job: Job,
    folder: Path,
    engine: Engine,
    *,
    report: Callable[[RunTotals], None] = lambda totals: None,
    totals: RunTotals | None = None,
    retry_after: Sequence[float] = RETRY_AFTER_S,
    give_up_after: float = _ALL_FAILED,
) -> RunTotals:
    """Compute what is missing in a dataset.

    Parameters
    ----------
    names : iterable of str
        Absolute names, or addresses, of the files.
    listed : int
        Their number.
    job : Job
        Settings, root and versions.
    folder : Path
        Folder of the dataset.
    engine : Engine
        Its workers.
    report : callable
        Called with the totals now and then.
    totals : RunTotals, optional
        Object that is kept up to date, for a caller that may be interrupted.
    retry_after : sequence of float
        Waiting times in s for files that cannot be reached.
    give_up_after : float
        Failures without any success after which the run ends.

    Raises
    ------
    ParameterError
        A file outside the root, or a worker with other versions.
    RecordError
        The dataset cannot be written, the cluster is no longer there, or nothing but failures.
    """
    totals = totals if totals is not None else RunTotals()
    totals.listed = listed
    run = _Run(names, job, folder, engine, totals, retry_after, give_up_after)
    return run.carried_out(report)


class _Run:
    def __init__(
        self,
        names: Iterable[str],
        job: Job,
        folder: Path,
        engine: Engine,
        totals: RunTotals,
        retry_after: Sequence[float],
        give_up_after: float,
    ) -> None:
        self._names: Iterator[str] | None = iter(names)
        self._job, self._packed, self._hash = job, job.packed(), job.settings.task_hash
        self._folder, self._engine, self._totals = folder, engine, totals
        self._retry_after, self._give_up_after = retry_after, give_up_after
        kinds = (SUMMARIES, SERIES) if job.settings.keep else (SUMMARIES,)
        self._finished = Finished(folder, self._hash, kinds)
        self._failures = Failures(folder, totals.failed)
        self._seen: set[int] = set()
        self._numbers = count()
        self._under_way: dict[int, list[_Item]] = {}
        self._looks = 0
        self._alone = False
        self._waiting: deque[_Item] = deque()
        self._sound_waiting = 0.0  # seconds times channels
        self._suspects: deque[_Item] = deque()
        self._guilty: set[str] = set()  # files of which a piece has killed workers
        self._away: list[tuple[float, int, _Item]] = []
        self._sound = self._wall = 0.0  # seconds times channels, and seconds that they took

    def carried_out(self, report: Callable[[RunTotals], None]) -> RunTotals:
        while True:
            self._fill()
            report(self._totals)
            if not self._under_way and not self._away:
                return self._totals
            timeout = _WAIT_S
            if self._away:
                timeout = min(timeout, max(0.0, self._away[0][0] - time.monotonic()))
            for outcome in self._engine.finished(timeout):
                self._take(outcome)

    def _fill(self) -> None:
        """Submit as many bundles as keep the workers busy."""
        if self._alone and self._under_way:
            return
        self._alone = False
        workers = self._engine.workers
        most = 2 * workers + 2
        while self._away and self._away[0][0] <= time.monotonic() and len(self._under_way) < most:
            self._submit([heapq.heappop(self._away)[2]])
        if len(self._away) > 2 * workers:
            return  # a share is away: what is tried next would have to wait, too
        while len(self._under_way) < most:
            ahead = self._sound_waiting > 2 * most * self._budget()
            enough = ahead or len(self._waiting) >= _MOST * workers
            items = [] if enough or self._looks >= workers else self._more_files()
            items = items or self._group()
            if not items:
                break
            self._submit(items)
        if not self._under_way and self._suspects:
            self._alone = True
            self._submit([self._suspects.popleft()])

    def _more_files(self) -> list[_Item]:
        """Return the next files to look at; none at the end of the list."""
        items: list[_Item] = []
        while self._names is not None and len(items) < _LOOKED_AT:
            name = next(self._names, None)
            if name is None:
                self._names = None
                break
            recording = relative_name(name, self._job.root)
            key = int(recording_key(recording), 16)
            if key in self._seen:
                self._totals.listed -= 1  # named twice
                continue
            self._seen.add(key)
            items.append(_Item(name, recording))
        return items

    def _budget(self) -> float:
        """Return the seconds of sound times channels that a bundle should have."""
        return _BUNDLE_S * self._sound / self._wall if self._wall else _FIRST_S

    def _group(self) -> list[_Item]:
        """Return the pieces of the next bundle; none if none wait."""
        budget = self._budget()
        if self._names is None and not self._looks:  # so that all workers end together
            budget = min(budget, self._sound_waiting / (2 * self._engine.workers))
        items: list[_Item] = []
        sound = 0.0
        while self._waiting and len(items) < _MOST:
            item = self._waiting[0]
            if items and (item.apart or items[0].apart or sound + item.sound > budget):
                break
            items.append(self._waiting.popleft())
            sound += item.sound
            self._sound_waiting -= item.sound
            if item.piece is None:
                break
        return items

    def _wait(self, item: _Item) -> None:
        """Let an item wait for its turn; one that must be alone in its bundle comes first."""
        self._sound_waiting += item.sound
        if item.apart:
            self._waiting.appendleft(item)
        else:
            self._waiting.append(item)

    def _submit(self, items: list[_Item]) -> None:
        token = next(self._numbers)
        self._under_way[token] = items
        pieces = [item.piece for item in items if item.piece is not None]
        if pieces:
            self._engine.submit(token, measure_pieces, self._packed, pieces)
        else:
            self._looks += 1
            self._engine.submit(token, look_at_files, self._packed, [item.name for item in items])

    def _take(self, outcome: BundleEnd) -> None:
        items = self._under_way.pop(outcome.token)
        if items[0].piece is None:
            self._looks -= 1
        error = outcome.error
        if error is None:
            for item, result in zip(items, outcome.value, strict=True):
                self._ended(item, result)
        elif outcome.deaths:
            for item in items:
                self._killed(item, outcome.deaths)
        elif isinstance(error, ParameterError):
            raise error  # a worker with other versions
        elif isinstance(error, ImportError):
            raise ParameterError(f"a worker cannot run soundcal ({error}); install it there")
        elif len(items) > 1:
            for item in items:
                item.apart = True
                self._wait(item)
        else:
            away = is_address(items[0].name)  # errors of its server are of many kinds
            self._not_done(items[0], Problem(f"{type(error).__name__}: {error}", away))

    def _ended(self, item: _Item, result: Any) -> None:
        if isinstance(result, Problem):
            if result.content:
                self._finished.firsts(item.recording, result.content)  # forgets an earlier content
            self._not_done(item, result)
        elif isinstance(result, AudioFile):
            self._looked_at(item, result)
        elif isinstance(result, PieceDone):
            self._sound += item.sound
            self._wall += result.wall_s
            self._totals.processor_s += result.processor_s
            if result.problem is not None:
                self._not_done(item, result.problem)
            else:
                self._keep(item, result)

    def _looked_at(self, item: _Item, file: AudioFile) -> None:
        self._totals.looked_at += 1
        self._failures.forget(item.recording)
        there = self._finished.firsts(item.recording, file.content)
        firsts = set()
        for piece in pieces_of(file, self._job.settings.piece_s):
            firsts.add(piece.first)
            if piece.first in there:
                self._totals.there += 1
            else:
                self._totals.to_do_s += piece.seconds
                self._wait(_Item(item.name, item.recording, piece))
        self._failures.keep_only(item.recording, firsts)

    def _keep(self, item: _Item, result: PieceDone) -> None:
        piece = item.piece
        if piece is None:
            return
        file = piece.file
        name = piece_name(item.recording, file.content, piece.first, self._hash)
        if result.series:
            write_piece(self._folder, piece.day, name, result.series, SERIES)
        write_piece(self._folder, piece.day, name, result.content)
        self._failures.forget(item.recording, piece.first)
        self._totals.waiting_for = ""
        self._totals.pieces += 1
        self._totals.sound_s += piece.seconds
        ends = [file.stamp.size * at // file.n_samples for at in (piece.first, piece.last)]
        self._totals.bytes_read += ends[1] - ends[0]
        self._totals.bytes_written += result.n_bytes

    def _killed(self, item: _Item, deaths: int) -> None:
        """Have an item tried in a bundle of its own, later with nothing beside it."""
        item.deaths += deaths
        item.apart = True
        if self._alone and (item.deaths >= _DEATHS or item.name in self._guilty):
            self._guilty.add(item.name)
            self._fail(
                item,
                f"{item.name}: {item.deaths} workers died while they worked on it, at last while "
                "nothing else ran; it needs too much memory, or a library fails on its content",
            )
        elif item.deaths > 1:
            self._suspects.append(item)
        else:
            self._wait(item)

    def _not_done(self, item: _Item, problem: Problem) -> None:
        item.tries += 1
        if problem.unreachable and item.tries <= len(self._retry_after):
            due = time.monotonic() + self._retry_after[item.tries - 1]
            heapq.heappush(self._away, (due, next(self._numbers), item))
            self._totals.waiting_for = problem.reason
        else:
            if problem.unreachable:
                self._totals.unreached.append(item.name)
            self._fail(item, problem.reason)

    def _fail(self, item: _Item, reason: str) -> None:
        piece = item.piece
        self._failures.add(
            item.name,
            item.recording,
            reason,
            content=piece.file.content if piece else "",
            first=piece.first if piece else None,
            tries=max(item.tries, item.deaths, 1),
        )
        if piece is None:
            self._totals.looked_at += 1
        else:
            self._totals.to_do_s -= piece.seconds
        none = not self._totals.pieces and not self._totals.there
        if none and self._totals.failures >= self._give_up_after:
            raise RecordError(
                f"the first {self._totals.failures} files or pieces have all failed, such as "
                f"{reason}; mend the cause, or leave out these files"
            )
        if len(self._totals.reasons) < 10 and reason not in self._totals.reasons:
            self._totals.reasons.append(reason)

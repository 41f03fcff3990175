"""A rehearsal: gains, server, participants, export, report, and what it found out."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError, RecordError
from soundcal.files.atomic import make_folder
from soundcal.listening.checking import StudyCheck, check_study
from soundcal.listening.dashboard import Dashboard
from soundcal.listening.export import write_export
from soundcal.listening.player import Player
from soundcal.listening.rehearsal.gains import with_simulated_gains
from soundcal.listening.rehearsal.listeners import Verdict, verdict_on
from soundcal.listening.rehearsal.person import Person, RoomStuck
from soundcal.listening.rehearsal.visitors import Answering, truths
from soundcal.listening.report import write_test_report
from soundcal.listening.results import read_results
from soundcal.listening.room import Clock, Room
from soundcal.listening.sound import SoundBook
from soundcal.listening.store import Store
from soundcal.listening.study import Study
from soundcal.listening.web import Running, bind, make_app
from soundcal.ratings import RatingsAnalysis, RatingsDescription
from soundcal.recording import counted

__all__ = ["Rehearsal", "rehearse"]

_AT_ONCE: Final = 3
"""Participants who are in the room at the same time."""

_DATABASE: Final = "rehearsal.sqlite"
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Outcome of a rehearsal.

    Parameters
    ----------
    check : StudyCheck
        Check of the study with the gains of the rehearsal.
    full_s, played_s : float
        Length of a sound in the study and in the rehearsal, s; 0 in the study if its sounds have
        no common one.
    seconds : float
        Time that it took, s.
    participants : int
        Number of simulated participants; 0 if the study is out of order or exceeds a limit.
    answers : int
        Pages of answers that were stored.
    problems : tuple of str
        What went wrong.
    verdict : Verdict or None
        Planted differences that were found; None if nothing was compared.
    analysis : RatingsDescription or None
        Analysis of the ratings on the first scale; None if no sound was rated.
    export : Path or None
        Folder of the export.
    pages : tuple of Path
        The reports.
    """

    check: StudyCheck
    full_s: float
    played_s: float
    seconds: float = 0.0
    participants: int = 0
    answers: int = 0
    problems: tuple[str, ...] = ()
    verdict: Verdict | None = None
    analysis: RatingsDescription | None = None
    export: Path | None = None
    pages: tuple[Path, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """Return the outcome in words."""
        lines = []
        if self.participants:
            lines.append(
                f"{counted(self.participants, 'simulated participant')} sent "
                f"{counted(self.answers, 'page')} of answers in {self.seconds:.0f} s."
            )
        factor = self.full_s / self.played_s if self.full_s else 1.0
        if factor > 1.0:
            lines.append(
                f"Sounds were shortened from {self.full_s:g} s to {self.played_s:g} s and played "
                f"by the simulated laboratory, at gains found there. Times are those of "
                f"{self.full_s:g} s; the exposure is estimated from the short sounds (soundcal "
                "listen check computes it with the study's own gains)."
            )
        visits = tuple(
            replace(one, sound_s=one.sound_s * factor, exposure_pa2h=one.exposure_pa2h * factor)
            for one in self.check.visits
        )
        lines += replace(self.check, visits=visits).sentences()
        if self.verdict is not None:
            lines.append(f"{self.verdict.sentence()[0].upper()}{self.verdict.sentence()[1:]}.")
        return tuple(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "participants": self.participants,
            "answers": self.answers,
            "seconds": round(self.seconds, 1),
            "full_s": self.full_s,
            "played_s": self.played_s,
            "sentences": list(self.sentences()),
            "problems": list(self.problems),
            "remarks": list(self.check.remarks),
            "verdict": self.verdict.to_dict() if self.verdict else None,
            "export": str(self.export) if self.export else None,
            "reports": list(map(str, self.pages)),
        }


class _FastClock(Clock):
    """The computer's clocks, and the breaks that were skipped."""

    def __init__(self) -> None:
        self._skipped = 0.0
        self._lock = threading.Lock()

    def epoch(self) -> float:
        return super().epoch() + self._skipped

    def monotonic(self) -> float:
        return super().monotonic() + self._skipped

    def skip(self, seconds: float) -> None:
        """Let a break be over."""
        with self._lock:
            self._skipped += seconds


@dataclass(slots=True)
class _Count:
    """Counts answers, and tells the progress."""

    advance: Callable[[float], None]
    n: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def one_more(self) -> None:
        with self._lock:
            self.n += 1
            self.advance(self.n)


def rehearse(
    study: Study,
    *,
    out: Path,
    participants: int | None = None,
    effect: float = 0.15,
    seed: int = 0,
    force: bool = False,
    tell: Callable[[str], None] = lambda text: None,
    advance: Callable[[float], None] = lambda done: None,
) -> Rehearsal:
    """Carry out a study with simulated participants, and analyse their answers.

    Parameters
    ----------
    study : Study
        The study; its own database and gains are not touched.
    out : Path
        New folder for gains, database, export and report.
    participants : int, optional
        Number of participants; as many as are planned by default.
    effect : float
        Difference between the first two conditions that is planted in 20 % of the cells of stimulus
        and attribute, as a part of the scale.
    seed : int
        Seed of the participants and of the simulated laboratory.
    force : bool
        Replace an earlier rehearsal in ``out``.
    tell : callable
        Told the steps before the participants come.
    advance : callable
        Told the number of pages of answers that are stored.

    Raises
    ------
    ParameterError
        An impossible number of participants or effect.
    RecordError
        ``out`` holds something already, or cannot be written.
    """
    began = time.monotonic()
    n = study.participants.planned if participants is None else participants
    if not 1 <= n <= _MOST:
        raise ParameterError(f"{n} participants; 1 to {_MOST} are expected")
    listeners = truths(study, effect=effect, seed=seed)
    _make_empty(out, force=force)
    with SimulatedLab("lab", seed=seed, fs=study.sound.fs) as lab:
        short = with_simulated_gains(study, lab, out, tell)
        check = check_study(short, lab)
        found = Rehearsal(check, study.sound.duration, short.sound.duration)
        problems = (*check.problems, *check.excesses)
        if problems:  # the room would not open
            return replace(found, problems=problems, seconds=time.monotonic() - began)
        count = _Count(advance)
        visitors = [partial(Answering, listeners=listeners, person=i) for i in range(1, n + 1)]
        problems = tuple(_in_the_room(short, lab, out / _DATABASE, visitors, count.one_more))
    results = read_results(study.folder, out / _DATABASE)
    write_export(results, out / "export")
    reports = write_test_report(results, out / "export") if listeners else []
    analysis = reports[0][1] if reports else None
    verdict = None
    if isinstance(analysis, RatingsAnalysis):
        planted = listeners[analysis.ratings.scale].planted
        verdict = verdict_on(planted, analysis.comparison.cells)
    return replace(
        found,
        participants=n,
        answers=count.n,
        seconds=time.monotonic() - began,
        problems=problems,
        verdict=verdict,
        analysis=analysis,
        export=out / "export",
        pages=tuple(path for path, _ in reports),
    )


def _in_the_room(
    study: Study,
    lab: SimulatedLab,
    database: Path,
    visitors: Sequence[Callable[[Store], Answering]],
    answered: Callable[[], None],
) -> list[str]:
    """Open the room and let the participants come; return what went wrong."""
    clock = _FastClock()
    with ExitStack() as stack:
        store = stack.enter_context(Store(database, durable=False))
        book = stack.enter_context(closing(SoundBook(study)))
        player = stack.enter_context(
            closing(Player(lab, book, study, lambda news: room.played(news)))
        )
        room = Room(study, store, player, digests={}, clock=clock, device=lab.info.identity)
        stack.callback(room.close)
        bound = bind()
        server = Running(make_app(room, Dashboard(room, store), hosts=bound.hosts), bound)
        server.start()
        stack.callback(server.stop)
        invitations = room.invite(len(visitors))
        return _carry_out(
            {
                invitation.code: Person(
                    bound.local, invitation.token, visitor(store), clock.skip, answered
                )
                for invitation, visitor in zip(invitations, visitors, strict=True)
            },
            room,
        )


def _make_empty(out: Path, *, force: bool) -> None:
    """Make the folder; what an earlier rehearsal left is removed only if it is one, and asked."""
    if out.exists() and any(out.iterdir()):
        if not (force and (out / _DATABASE).is_file()):
            raise RecordError(
                f"{out}: exists already; choose another folder, or replace an earlier rehearsal "
                "with --force"
            )
        shutil.rmtree(out)
    make_folder(out)


def _carry_out(people: Mapping[str, Person], room: Room) -> list[str]:
    """Let the participants come, some at a time; return what went wrong."""

    def take_part(code: str, person: Person) -> list[str]:
        try:
            while person.visit():
                pass
        except RoomStuck as error:
            room.end_session(code)  # as an assistant would: others wait for their turn
            return [f"participant {code}: {error}"]
        if person.ended != "end":
            return [f"participant {code}: the visit ended at the page {person.ended!r}"]
        return []

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="participant") as pool:
        coming = [pool.submit(take_part, code, person) for code, person in people.items()]
        try:
            return [problem for done in coming for problem in done.result()]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise

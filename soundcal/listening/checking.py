"""Check of a listening test before anybody comes.

Files, designs, texts, gains, levels at the ears, clipping, limits, time, exposure, balance.
"""

import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, Literal

from soundcal.devices import AudioDevice
from soundcal.errors import ParameterError, RecordError, SoundcalError
from soundcal.lab.equalisation import EqualisationRecord
from soundcal.listening.cues import CUE, CUES
from soundcal.listening.designs import Trial, check_designs
from soundcal.listening.equalising import missing_response
from soundcal.listening.exposure import Budget, beyond_ceilings, beyond_limits
from soundcal.listening.plan import (
    Balance,
    Visit,
    balance,
    incomplete_orders,
    pause_before,
    plan,
)
from soundcal.listening.presentable import Presentable
from soundcal.listening.results import database_of
from soundcal.listening.sound import FULL_SCALE, SoundBook
from soundcal.listening.store import Store
from soundcal.listening.study import Study, changes
from soundcal.plain import plain
from soundcal.recording import counted
from soundcal.stimuli import file_flags, scenes
from soundcal.units import db, duration_text

__all__ = ["StudyCheck", "VisitLoad", "check_study"]

_MOST_PLANS: Final = 500
"""Participants whose orders are looked at, at most."""

_PROTOCOLS: Final = {"gains_ocv": "ocv_headphones", "gains_hats": "hats_headphones"}

Verdict = Literal["in order", "exceeds a limit", "out of order"]

_EXIT_CODES: Final[dict[Verdict, int]] = {"in order": 0, "exceeds a limit": 4, "out of order": 5}


@dataclass(frozen=True, slots=True)
class VisitLoad:
    """Load of one visit: the most that any participant has.

    Parameters
    ----------
    number : int
        Number of the visit, from 1.
    pages : int
        Trials and pages of questions.
    sound_s : float
        Time of all sounds in s, each as often as it must be heard; answering comes on top.
    breaks_s : float
        Shortest time of all breaks in s.
    exposure_pa2h : float
        Sound exposure of these presentations and of the headphone check, Pa²h.
    """

    number: int
    pages: int
    sound_s: float
    breaks_s: float
    exposure_pa2h: float

    def sentence(self) -> str:
        """Return the load in words."""
        breaks = f", at least {duration_text(self.breaks_s)} of breaks" if self.breaks_s else ""
        return (
            f"Visit {self.number}: {counted(self.pages, 'page')}, "
            f"{duration_text(self.sound_s)} of sound{breaks}; answering comes on top."
        )


@dataclass(frozen=True, slots=True)
class StudyCheck:
    """Result of the check of a study.

    Parameters
    ----------
    problems : tuple of str
        What is out of order: the study cannot be carried out so.
    excesses : tuple of str
        Presentations and visits that would exceed a limit.
    remarks : tuple of str
        What a person should know.
    presentations : tuple of Presentable
        Everything that is played, as it will be heard.
    visits : tuple of VisitLoad
        The load of each visit.
    allowed_pa2h : float
        Predicted exposure that is allowed in a day, Pa²h: the limit, less the uncertainty.
    balance : Balance or None
        Balance of the orders of the planned people.
    equalisation : EqualisationRecord, optional
        How the sounds are equalised.
    """

    problems: tuple[str, ...]
    excesses: tuple[str, ...]
    remarks: tuple[str, ...]
    presentations: tuple[Presentable, ...]
    visits: tuple[VisitLoad, ...]
    allowed_pa2h: float
    balance: Balance | None
    equalisation: EqualisationRecord | None = None

    @property
    def verdict(self) -> Verdict:
        """Return the verdict; a study out of order is not judged by its levels."""
        if self.problems:
            return "out of order"
        return "exceeds a limit" if self.excesses else "in order"

    @property
    def exit_code(self) -> int:
        """Return the exit code of a command: 0, 4 (would exceed a limit) or 5 (out of order)."""
        return _EXIT_CODES[self.verdict]

    def table(self) -> list[tuple[str, ...]]:
        """Return the presentations as rows of text below their headings; none if nothing is played.

        Gains and levels are in dB, LAFmax and LCpeak those of the louder ear; the last column is
        the exposure in (mPa)²h, a millionth of 1 Pa²h.
        """
        head = ("condition", "stimulus", "gain", "target", "LAeq left", "LAeq right", "LAFmax")
        rows = [
            (
                *(one.condition, one.stimulus, f"{one.gain_db:.2f}", f"{one.target_db:.1f}"),
                *(f"{level:.1f}" for level in one.laeq),
                *(f"{max(levels):.1f}" for levels in (one.lafmax, one.lcpeak)),
                f"{1e6 * one.exposure_pa2h:.3g}",  # (mPa)²h
            )
            for one in self.presentations
        ]
        return [(*head, "LCpeak", "(mPa)²h"), *rows] if rows else []

    def sentences(self) -> tuple[str, ...]:
        """Return equalisation, time, exposure and balance in words."""
        loads = tuple(visit.sentence() for visit in self.visits)
        if self.equalisation is not None:
            loads = (f"Sounds are equalised for {self.equalisation}.", *loads)
        if self.visits and self.presentations:
            most = max(visit.exposure_pa2h for visit in self.visits)
            share = 100 * most / self.allowed_pa2h
            loads += (
                f"Exposure of a visit: {most:.2g} Pa²h, {share:.2g} % of the "
                f"{self.allowed_pa2h:.2g} Pa²h that a day allows.",
            )
        return (*loads, *(self.balance.sentences() if self.balance else ()))

    def to_dict(self) -> dict[str, Any]:
        """Return the result, ready for JSON."""
        return {
            "verdict": self.verdict,
            "problems": list(self.problems),
            "excesses": list(self.excesses),
            "remarks": list(self.remarks),
            "presentations": plain(self.presentations),
            "visits": plain(self.visits),
            "allowed_pa2h": plain(self.allowed_pa2h),
            "balance": self.balance.to_dict() if self.balance else None,
            "equalisation": self.equalisation.to_dict() if self.equalisation else None,
        }


@dataclass(slots=True)
class _Found:
    problems: list[str] = field(default_factory=list)
    excesses: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note an error as a problem."""
        try:
            yield
        except SoundcalError as error:
            self.problems.append(str(error))


def check_study(study: Study, device: AudioDevice | None = None) -> StudyCheck:
    """Return whether a study can be carried out, and what participants will hear.

    Parameters
    ----------
    study : Study
        The study.
    device : AudioDevice, optional
        The device that will play; without it, the gains are not compared with one.
    """
    found = _Found()
    found.problems += beyond_ceilings(study.limits)
    plans = _plans(study, found)
    heard: list[Presentable] = []
    cues: list[Presentable] = []
    allowed = study.limits.exposure_pa2h
    equalisation: EqualisationRecord | None = None
    missing = _missing_files(study)
    found.problems += missing
    if not missing:
        with found.noted():
            found.problems += _since_frozen(study)
        with found.noted(), closing(SoundBook(study)) as book:
            equalisation = book.equalisation
            found.remarks += book.remarks()
            if device is None:
                found.remarks.append("gains were not compared with a device, as none was named")
            else:
                found.problems += book.disagreements(device)
            allowed = Budget(study.limits.exposure_pa2h, book.u_above_db).allowed_pa2h
            heard = list(_presentable(study, book, found))
            found.remarks += _doubts(study, book, heard)
            if heard and not found.problems:
                cues = [book.presentable(CUE, name) for name in CUES]
                found.problems += [text for cue in cues for text in _clipping(cue)]
    for one in (*heard, *cues):
        found.excesses += beyond_limits(study.limits, one)
    visits = _loads(study, plans, heard, sum(cue.exposure_pa2h for cue in cues))
    found.excesses += [
        f"visit {visit.number}: an exposure of {visit.exposure_pa2h:.3g} Pa²h exceeds the "
        f"{allowed:.3g} Pa²h that a day allows; lower levels, or fewer or shorter sounds are needed"
        for visit in visits
        if visit.exposure_pa2h > allowed
    ]
    if sum(visit.exposure_pa2h for visit in visits) > allowed and not found.excesses:
        found.remarks.append("the visits of a person must be on different days, by their exposure")
    return StudyCheck(
        tuple(found.problems),
        tuple(found.excesses),
        tuple(found.remarks),
        tuple(heard),
        visits,
        allowed,
        balance(plans) if plans else None,
        equalisation,
    )


def _plans(study: Study, found: _Found) -> list[tuple[Visit, ...]]:
    """Return the orders of the planned people; none if there are errors, which are noted."""
    before = len(found.problems)
    for language in study.languages:
        with found.noted():
            study.words(language)
    if len(found.problems) > before:
        return []
    plans: list[tuple[Visit, ...]] = []
    with found.noted():
        check_designs(study)
        people = min(study.participants.planned, _MOST_PLANS)
        plans += [plan(study, number) for number in range(1, people + 1)]
        found.remarks += incomplete_orders(study)
    return plans


def _missing_files(study: Study) -> list[str]:
    """Return which files of the study are missing, each with the command that makes it."""
    found = []
    for name, path in study.files().items():
        if not path.is_file():
            if path == study.sound.equalize:
                found.append(missing_response(study.sound))
                continue
            protocol = _PROTOCOLS.get(path.stem)
            remedy = f"; {_protocol_run(study, protocol, path.parent)}" if protocol else ""
            found.append(f"{name}: no such file{remedy}")
    return found


def _protocol_run(study: Study, protocol: str, folder: Path) -> str:
    """Return the command that finds the gains of a study."""
    settings = {}
    if study.sound.duration:
        settings["duration"] = f"{study.sound.duration:g}"
    if study.sound.catalogue:
        settings["catalogue"] = str(study.sound.catalogue)
    if {*study.stimuli()} != {stimulus.id for stimulus in scenes(study.catalogue)}:
        settings["stimuli"] = ",".join(study.stimuli())
    if study.sound.equalize:
        settings["equalize"] = str(study.sound.equalize)
        settings["robust"] = study.sound.robust
    command = ["soundcal", "protocol", "run", protocol, "--device", "DEVICE", "--out", str(folder)]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    return shlex.join(command)


def _since_frozen(study: Study) -> list[str]:
    """Return what has changed since the first participant, in words."""
    path = database_of(study.folder)
    if not path.exists():
        return []
    with Store(path, read_only=True) as store, store.read() as connection:
        query = "SELECT files_json FROM study ORDER BY version DESC LIMIT 1"
        row = connection.execute(query).fetchone()
    return [
        f"{change} since the study was frozen; soundcal listen amend makes a new version of it"
        for change in changes(json.loads(row[0]) if row else {}, study.digests() if row else {})
    ]


def _presentable(study: Study, book: SoundBook, found: _Found) -> Iterator[Presentable]:
    """Yield what can be played; what cannot is noted."""
    for condition in study.sound.conditions:
        for stimulus in study.stimuli():
            try:
                one = book.presentable(condition, stimulus)
            except (ParameterError, RecordError) as error:
                found.problems.append(str(error))
                continue
            found.problems += _clipping(one)
            yield one


def _doubts(study: Study, book: SoundBook, heard: Sequence[Presentable]) -> list[str]:
    """Return the reasons to doubt sound files, and what equalisation makes of sounds, in words."""
    found = []
    for one in {one.stimulus: one for one in heard}.values():
        equalised = one.equalisation is not None
        doubts = map(str, file_flags(study.catalogue[one.stimulus], equalised=equalised))
        found += [f"{one.stimulus}: {text}" for text in (*doubts, *book.doubts(one))]
    return found


def _clipping(one: Presentable) -> list[str]:
    """Return in words that a sound would clip, if it would."""
    if one.peak <= FULL_SCALE:
        return []
    missing = ""
    if one.equalisation is not None:
        missing = f" (equalised, {db(one.peak):.2f} dB of headroom are missing)"
    return [
        f"{one.name}: with a gain of {one.gain_db:.2f} dB the peak is {one.peak:.4g} times full "
        f"scale, which clips{missing}; turn the amplifier up and find the gains again"
    ]


def _loads(
    study: Study,
    plans: Sequence[Sequence[Visit]],
    heard: Sequence[Presentable],
    cues_pa2h: float,
) -> tuple[VisitLoad, ...]:
    sounds = {(one.condition, one.stimulus): one for one in heard}

    def load(visit: Visit) -> VisitLoad:
        known = [
            (sounds[str(trial.condition), trial.stimulus], trial.complete)
            for trial in visit.trials
            if trial.stimulus and (str(trial.condition), trial.stimulus) in sounds
        ]
        breaks = [pause_before(study, visit, trial.position) for trial in visit.trials]
        return VisitLoad(
            visit.number,
            len(visit.trials),
            sum(_duration(study, trial) * trial.complete for trial in visit.trials),
            sum(pause.at_least_s for pause in breaks if pause),
            sum(one.exposure_pa2h * times for one, times in known) + cues_pa2h,
        )

    nth = zip_longest(*([load(visit) for visit in visits] for visits in plans))
    return tuple(
        max((one for one in loads if one), key=lambda one: one.exposure_pa2h) for loads in nth
    )


def _duration(study: Study, trial: Trial) -> float:
    """Return the duration of a trial's sound in s."""
    if trial.stimulus is None:
        return 0.0
    return study.sound.duration or study.catalogue[trial.stimulus].duration

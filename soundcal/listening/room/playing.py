"""Presentations in the database: what may be played, what was, and the exposure of a person."""

import json
from typing import Any, Final, Protocol

from soundcal.errors import ParameterError
from soundcal.listening.cues import CUE, CUES
from soundcal.listening.designs import Trial
from soundcal.listening.exposure import Budget, beyond_limits
from soundcal.listening.presentable import Presentable
from soundcal.listening.room.replies import Refused
from soundcal.listening.room.situation import SOUNDING, Hearings
from soundcal.listening.room.work import Work, as_text
from soundcal.listening.sound import SoundBook
from soundcal.listening.study import Study
from soundcal.plain import plain

__all__ = ["Device", "Sounds", "exposure_of", "exposures"]

_DAY_S: Final = 24 * 3600.0

_LATELY: Final = (
    "FROM presentation JOIN session ON session.id = presentation.session "
    "WHERE (requested > ? OR (run = ? AND mono_ms > ?))"
)
"""Presentations since a time, see :func:`_since`."""


class Device(Protocol):
    """The player, as far as the room needs it."""

    @property
    def book(self) -> SoundBook:
        """The sounds of the study."""
        ...

    def start(self, presentation: int, condition: str, stimulus: str) -> None:
        """Begin to play; return at once."""
        ...

    def stop(self) -> None:
        """Fade out what plays, if anything does."""
        ...

    def position(self) -> tuple[float, float] | None:
        """Return the seconds played and the duration of what plays."""
        ...


class Sounds:
    """The sounds of a study, and the rules by which a person may hear one.

    Parameters
    ----------
    study : Study
        The study.
    book : SoundBook
        Its sounds, with their levels.
    """

    def __init__(self, study: Study, book: SoundBook) -> None:
        self._limits = study.limits
        self._known: dict[tuple[str, str], Presentable] = {}
        if study.stimuli():
            for one in book.presentables():
                self._known[one.condition, one.stimulus] = one
            for cue in CUES:
                self._known[CUE, cue] = book.presentable(CUE, cue)
        self._budget = Budget(
            study.limits.exposure_pa2h,
            u_db=max((one.u_above_db for one in self._known.values()), default=0.0),
        )

    def of(self, trial: Trial) -> Presentable:
        """Return the sound of a trial."""
        return self.named(trial.condition or "", trial.stimulus or "")

    def named(self, condition: str, stimulus: str) -> Presentable:
        """Return a sound by its condition and id.

        Raises
        ------
        ParameterError
            The study does not have it.
        """
        try:
            return self._known[condition, stimulus]
        except KeyError:
            raise ParameterError(
                f"{stimulus} ({condition}): no sound of the study; an amendment has removed it"
            ) from None

    def cue(self, name: str) -> Presentable:
        """Return a sound of the headphone check: ``left``, ``right`` or ``comfort``."""
        return self.named(CUE, name)

    def allowed(self, w: Work, code: str, sound: Presentable) -> bool:
        """Return whether a sound is within the limits, and the exposure so far leaves room for it.

        The exposure is that of the last 24 hours and of the last 7 days.
        """
        if beyond_limits(self._limits, sound):
            return False
        day, week = (exposure_of(w, code, days * _DAY_S) for days in (1, 7))
        return self._budget.allows(sound, day, week)

    def cues(self, w: Work, session: int, kind: str) -> Hearings:
        """Return the sounds of the headphone check or of the comfort page in a session."""
        rows = w.all(
            "SELECT * FROM presentation WHERE session = ? AND trial IS NULL AND kind = ? "
            "ORDER BY id",
            *(session, kind),
        )
        return Hearings(tuple(rows))

    def request(
        self,
        w: Work,
        code: str,
        session: int,
        sound: Presentable,
        *,
        kind: str = "trial",
        trial: int | None = None,
        repeat_of: int | None = None,
    ) -> int:
        """Add the row of a presentation, which must be stored before its first sample.

        Its exposure counts in full from now on, whatever becomes of it.

        Raises
        ------
        Refused
            Something else is playing, or the sound is beyond a limit.
        """
        if w.one(f"SELECT 1 FROM presentation WHERE state IN {SOUNDING} LIMIT 1"):
            raise Refused(409, "another sound is being played")
        beyond = beyond_limits(self._limits, sound)
        if beyond:
            raise Refused(423, "; ".join(beyond))
        if not self.allowed(w, code, sound):
            raise Refused(423, "the exposure limit of the day is reached")
        before = w.one(
            "SELECT count(*) AS n FROM presentation WHERE session = ? AND trial IS ? AND kind = ?",
            *(session, trial, kind),
        )
        levels = {name: getattr(sound, name) for name in ("laeq", "lafmax", "lcpeak")}
        predicted: dict[str, Any] = {**levels, "level": sound.predicted_db}
        if sound.equalisation is not None:
            predicted["equalisation"] = sound.equalisation
            predicted["played_sha256"] = sound.played_sha256
        columns: dict[str, Any] = {
            "session": session,
            "trial": trial,
            "kind": kind,
            "seat": 1,
            "play_no": (before["n"] if before else 0) + 1,
            "repeat_of": repeat_of,
            "stimulus": sound.stimulus,
            "sha256": sound.sha256,
            "condition": sound.condition,
            "gain_db": sound.gain_db,
            "calibration_id": sound.calibration_id,
            "device": sound.device,
            "target_db": sound.target_db,
            "u_db": sound.u_db,
            **{f"predicted_{name}": plain(max(pair)) for name, pair in levels.items()},
            "predicted_json": json.dumps(plain(predicted)),
            "exposure_pa2h": sound.exposure_pa2h,
            "duration_s": sound.duration_s,
            "state": "starting",
            "requested": w.now.at,
            "run": w.now.run,
            "mono_ms": w.now.mono_ms,
        }
        marks = ", ".join("?" * len(columns))
        return w.run(
            f"INSERT INTO presentation ({', '.join(columns)}) VALUES ({marks})", *columns.values()
        )


def exposure_of(w: Work, code: str, seconds: float) -> float:
    """Return the exposure of a person in Pa²h in the seconds before now.

    Every presentation counts in full: repeated, stopped and interrupted ones, too. A presentation
    of this run of the server counts by the clock that does not jump as well as by the date, so
    that a wrong date lets nobody hear more.
    """
    row = w.one(
        f"SELECT total(exposure_pa2h) AS sum {_LATELY} AND participant = ?",
        *(*_since(w, seconds), code),
    )
    return float(row["sum"]) if row else 0.0


def exposures(w: Work) -> dict[str, float]:
    """Return the exposure of everybody in the last 24 hours in Pa²h, see :func:`exposure_of`."""
    rows = w.all(
        f"SELECT participant, total(exposure_pa2h) AS sum {_LATELY} GROUP BY participant",
        *_since(w, _DAY_S),
    )
    return {row["participant"]: float(row["sum"]) for row in rows}


def _since(w: Work, seconds: float) -> tuple[object, ...]:
    return as_text(w.now.epoch - seconds), w.now.run, w.now.mono_ms - 1000.0 * seconds

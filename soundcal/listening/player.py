"""The player: one presentation at a time, in a thread of its own, each with an outcome.

A presentation that has begun always ends with an event that says how: ``done``, ``stopped`` (by
:meth:`Player.stop`, with a fade of 20 ms), ``invalid`` (the monitor, or the driver, says that
something else was played) or ``failed`` (nothing, or not all of it, was played).
"""

import queue
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from soundcal.arrays import Samples
from soundcal.devices.protocol import AudioDevice, Block
from soundcal.errors import DeviceUnavailable, ParameterError, SoundcalError
from soundcal.listening.cues import CUE
from soundcal.listening.exposure import beyond_ceilings, beyond_limits
from soundcal.listening.monitor import Judgement, judge_presentation
from soundcal.listening.presentable import Presentable
from soundcal.listening.sound import SoundBook
from soundcal.listening.study import Study

__all__ = ["Busy", "OnPlayerEvent", "Outcome", "Player", "PlayerEvent"]

Outcome = Literal["", "done", "stopped", "failed", "invalid"]

_CLOSING_S: Final = 10.0
"""Time in s that a presentation may take to fade out when the player is closed."""


class Busy(DeviceUnavailable):
    """Something is being played, and the device plays one presentation at a time."""


@dataclass(frozen=True, slots=True)
class PlayerEvent:
    """News of a presentation.

    Parameters
    ----------
    kind : {"started", "ended"}
        The first sample is about to be heard, or the presentation is over.
    presentation : int
        Its id.
    outcome : {"", "done", "stopped", "failed", "invalid"}
        How it ended.
    n_samples : int
        Samples per channel that were played.
    xruns : int
        Overflows and underflows that the driver reported.
    flags : tuple of str
        Reasons to doubt it, or for its failure.
    measured_db : float, optional
        Level at the ears by the monitor: the predicted level plus the deviation of the path's gain
        from the reference. None if it was not monitored, or there was no reference.
    verdict : {"pass", "suspect", "invalid"}, optional
        Verdict of the monitor; None if it was not monitored.
    checks : tuple of dict
        The checks behind the verdict, ready for JSON.
    """

    kind: Literal["started", "ended"]
    presentation: int
    outcome: Outcome = ""
    n_samples: int = 0
    xruns: int = 0
    flags: tuple[str, ...] = ()
    measured_db: float | None = None
    verdict: str | None = None
    checks: tuple[dict[str, Any], ...] = ()


OnPlayerEvent = Callable[[PlayerEvent], None]
"""Called in the player's thread."""


@dataclass(slots=True, eq=False)
class _Job:
    """A presentation in progress: samples so far, and whether it is to stop."""

    presentation: int
    one: Presentable
    played: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)


class Player:
    """Plays the sounds of a study on its device. Close it to end its thread.

    Parameters
    ----------
    device : AudioDevice
        The opened device; the player does not close it.
    book : SoundBook
        The sounds of the study.
    study : Study
        The study, with its limits.
    on_event : callable
        Called in the player's thread with every :class:`PlayerEvent`.
    accept_device : str
        Reason for which a device is accepted for which the gains were not found; "" to refuse it.
        A sampling rate or channels that differ are refused in any case.

    Raises
    ------
    ParameterError
        The limits of the study lie above the ceilings.
    DeviceUnavailable
        The gains do not hold for the device.
    """

    def __init__(
        self,
        device: AudioDevice,
        book: SoundBook,
        study: Study,
        on_event: OnPlayerEvent,
        *,
        accept_device: str = "",
    ) -> None:
        if problems := beyond_ceilings(study.limits):
            raise ParameterError("; ".join(problems))
        self.book = book
        self._device = device
        self._limits = study.limits
        self._on_event = on_event
        self._accepted = bool(accept_device)
        self._refuse_disagreement()
        self._reference: tuple[float, ...] | None = None
        self._lock = threading.Lock()
        self._job: _Job | None = None
        self._closed = False
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)
        self._thread.start()

    def refer_to(self, gains: tuple[float, ...]) -> None:
        """Compare the levels of presentations with the gains of a level check, in dB per channel.

        Without it, the first presentation of both ears that passes is the reference.
        """
        self._reference = gains

    def start(self, presentation: int, condition: str, stimulus: str) -> None:
        """Begin a presentation, and return at once.

        Raises
        ------
        Busy
            Another one is in progress.
        DeviceUnavailable
            The player is closed.
        ParameterError, RecordError
            There is no such sound: see :meth:`SoundBook.presentable`.
        """
        one = self.book.presentable(condition, stimulus)
        with self._lock:
            if self._closed:
                raise DeviceUnavailable("the player is closed: nothing is played any more")
            if self._job is not None:
                raise Busy(f"presentation {self._job.presentation} is in progress; wait or stop it")
            self._job = _Job(presentation, one)
            self._jobs.put(self._job)

    def cue(self, presentation: int, kind: str) -> None:
        """Begin the cue ``left``, ``right`` or ``comfort``, which is a presentation, too."""
        self.start(presentation, CUE, kind)

    def stop(self) -> None:
        """Fade out what is played; a presentation that has not begun does not begin."""
        with self._lock:
            if self._job is not None:
                self._job.stopped.set()

    def position(self) -> tuple[float, float] | None:
        """Return the seconds played and the duration of what is played; None if nothing is."""
        with self._lock:
            job = self._job
        if job is None:
            return None
        return min(job.played / self.book.fs, job.one.duration_s), job.one.duration_s

    def close(self) -> None:
        """Fade out what is played, and play nothing any more; safe to call twice."""
        with self._lock:
            self._closed = True
        self.stop()
        self._jobs.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join(_CLOSING_S)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                ended = self._present(job)
            except SoundcalError as error:
                ended = _failed(job, str(error))
            except Exception as error:  # noqa: BLE001  a thread that dies would leave the room waiting
                ended = _failed(job, f"{type(error).__name__}: {error}")
            with self._lock:
                self._job = None
            try:
                self._on_event(ended)
            except Exception:  # noqa: BLE001  what cannot be stored must not silence the next sound
                traceback.print_exc()

    def _refuse_disagreement(self) -> None:
        found = self.book.disagreements(self._device, accept_device=self._accepted)
        if found:
            raise DeviceUnavailable("; ".join(found))

    def _present(self, job: _Job) -> PlayerEvent:
        """Play, record and judge one presentation."""
        if problems := beyond_limits(self._limits, job.one):
            return _failed(job, *problems)
        self._refuse_disagreement()
        samples = self.book.samples(job.one.condition, job.one.stimulus)
        if job.stopped.is_set():
            return PlayerEvent("ended", job.presentation, "stopped")

        def follow(block: Block) -> None:
            if not job.played:
                self._on_event(PlayerEvent("started", job.presentation))
            job.played = block.position + block.samples.shape[1]

        if self.book.monitor_inputs:
            return self._monitored(job, samples, follow)
        played = self._device.play(
            samples, outputs=self.book.outputs, on_block=follow, stop=job.stopped.is_set
        )
        flags = tuple(str(flag) for flag in played.flags)
        outcome = _outcome(job, played.n_samples, samples)
        # nothing was recorded that could show that no sample was lost
        if outcome == "done" and played.xruns:
            outcome = "invalid"
        return PlayerEvent(
            "ended", job.presentation, outcome, played.n_samples, played.xruns, flags
        )

    def _monitored(
        self, job: _Job, samples: Samples, follow: Callable[[Block], None]
    ) -> PlayerEvent:
        take = self._device.play_and_record(
            samples,
            outputs=self.book.outputs,
            inputs=self.book.monitor_inputs,
            on_block=follow,
            stop=job.stopped.is_set,
            marker=False,
        )
        judged = judge_presentation(take, samples, self._reference)
        outcome = _outcome(job, take.n_samples, samples)
        flags = [str(flag) for flag in take.flags]
        if judged is None:
            return PlayerEvent(
                "ended", job.presentation, outcome, take.n_samples, take.xruns, tuple(flags)
            )
        flags += [check.reason for check in judged.checks if check.verdict != "pass"]
        if outcome == "done" and judged.verdict == "invalid":
            outcome = "invalid"
        measured = None
        if judged.deviation_db is not None:
            measured = job.one.predicted_db + judged.deviation_db
        self._learn(judged)
        return PlayerEvent(
            "ended",
            job.presentation,
            outcome,
            take.n_samples,
            take.xruns,
            tuple(dict.fromkeys(flags)),
            measured,
            judged.verdict,
            tuple(check.to_dict() for check in judged.checks),
        )

    def _learn(self, judged: Judgement) -> None:
        """Take a good presentation of both ears as the reference, if there is none."""
        complete = judged.gains and all(gain == gain for gain in judged.gains)
        if self._reference is None and complete and judged.verdict == "pass":
            self._reference = judged.gains


def _outcome(job: _Job, n_samples: int, samples: Samples) -> Outcome:
    if n_samples >= samples.shape[1]:
        return "done"
    return "stopped" if job.stopped.is_set() else "failed"


def _failed(job: _Job, *reasons: str) -> PlayerEvent:
    return PlayerEvent("ended", job.presentation, "failed", job.played, flags=reasons)

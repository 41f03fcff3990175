"""The judgement of a presentation that was recorded while it was played.

Inputs that hear the outputs by a cable show what the soundcard and its mixer did. They do not show
the headphones. The take is judged against the samples that were played
(:func:`soundcal.takes.against_stimulus.judge_played`), and the gain between output and input is
compared with that of a reference: the take of the level check, or else the first good one.

A cable changes nothing but the level, so two more checks are possible that a microphone would not
allow: every input carries what its output played, and at no moment is its sound missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.devices.fade import FADE_S
from soundcal.recording import Capture
from soundcal.takes.against_stimulus import judge_played
from soundcal.takes.check import SEVERITY, Check, Limit, Verdict, fault
from soundcal.units import db

__all__ = [
    "LEVEL_DEVIATION",
    "LIKENESS",
    "MISSING_SOUND",
    "Judgement",
    "judge_presentation",
    "path_gains",
]

LEVEL_DEVIATION: Final = "level deviation"
"""Name of the check of the gain against that of the reference."""

LIKENESS: Final = "correlation with what was played"
"""Name of the check that every input carries what its output played."""

MISSING_SOUND: Final = "missing sound"
"""Name of the check of moments in which nothing arrived although something was played."""

_ALIKE: Final = Limit(
    0.5,
    "≥",
    "a cable changes the level only",
    "check which output each input hears, and whether left and right are swapped",
)

_MISSING: Final = Limit(
    0.0, "≤", "whatever is played arrives", "use a larger buffer of the driver (--latency)"
)
_WINDOW_S: Final = 0.005
_GONE_DB: Final = -10.0
"""A window of 5 ms is missing if it arrives so much weaker than it should, …"""

_HEARD_DB: Final = -20.0
"""… and should not be weaker than this re the whole sound."""

_OK: Final = Limit(
    0.3,
    "±",
    "proposal: level of the reference take",
    "look for a volume control that was moved, on the soundcard or in its mixer",
)
_SUSPECT_DB: Final = 1.0
"""Deviation in dB up to which a presentation is doubted; beyond it does not count. A proposal."""

_SMALL_SLIP: Final = 8.0
"""Samples by which noise and the response of the path may move the delay of a quiet sound; what
drivers lose or insert are buffers of many more."""

_SHORTEST_S: Final = 0.5
"""Length of a presentation in s from which it is judged; a shorter one was stopped."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Judgement of the monitor on a presentation.

    Parameters
    ----------
    verdict : {"pass", "suspect", "invalid"}
        The worst verdict of the checks.
    checks : tuple of Check
        Checks of the take, and of its level.
    gains : tuple of float
        Gain from output to input in dB per channel; NaN where nothing was played.
    deviation_db : float, optional
        Mean deviation of the gains from the reference; None without a reference.
    """

    verdict: Verdict
    checks: tuple[Check, ...]
    gains: tuple[float, ...]
    deviation_db: float | None = None


def path_gains(take: Capture, played: Samples) -> tuple[float, ...]:
    """Return the gain in dB between each row that was played and the input that heard it.

    Parameters
    ----------
    take : Capture
        Aligned take, as many inputs as rows were played.
    played : ndarray, shape (n_channels, n)
        The samples.
    """
    n = min(take.n_samples, played.shape[1])
    heard, sent = (np.sqrt((x[:, :n] ** 2).mean(axis=1)) for x in (take.samples, played))
    with np.errstate(divide="ignore", invalid="ignore"):
        gains = np.where(sent > 0, db(heard / sent), np.nan)
    return tuple(gains.tolist())


def judge_presentation(
    take: Capture, played: Samples, reference: Sequence[float] | None
) -> Judgement | None:
    """Judge a presentation by its take.

    Parameters
    ----------
    take : Capture
        Aligned take, an input for each row of samples, or for all of them.
    played : ndarray, shape (n_channels, n)
        The whole samples; of a presentation that was stopped, the part before the fade is judged.
    reference : sequence of float or None
        Gains of the reference, see :func:`path_gains`.

    Returns
    -------
    Judgement or None
        None if the presentation was stopped too early to be judged.
    """
    n = played.shape[1]
    if take.n_samples < n:
        n = max(0, take.n_samples - round(FADE_S * take.fs))
        take = _beginning(take, n)
    if n < min(_SHORTEST_S * take.fs, played.shape[1]):
        return None
    played = played[:, :n]
    checks = [_milder(check) for check in judge_played(take, played, expected=n)]
    gains: tuple[float, ...] = ()
    deviation = None
    if take.latency is not None:
        gains = path_gains(take, played)
        for channel, x, s in zip(take.channels, take.samples, played, strict=True):
            if s.any():
                checks += [_likeness(channel, x, s), _missing(channel, x, s, take.fs)]
        if reference is not None:
            level = _level_check(gains, reference)
            checks.append(level)
            deviation = level.value
    verdicts: list[Verdict] = ["pass", *(check.verdict for check in checks)]
    if take.latency is None and played.any():
        verdicts.append("suspect")  # its flag says why nothing could be compared
    verdict = max(verdicts, key=lambda v: SEVERITY[v])
    return Judgement(verdict, tuple(checks), gains, deviation)


def _milder(check: Check) -> Check:
    """Return a check; a slip of a few samples is doubted only."""
    small = check.name == "slips" and check.value <= _SMALL_SLIP
    return replace(check, verdict="suspect") if small and check.verdict == "invalid" else check


def _likeness(channel: str, x: Samples, s: Samples) -> Check:
    """Return the check of what an input carries against what its output played."""
    power = float(np.sqrt((x @ x) * (s @ s)))
    value = float(x @ s) / power if power > 0 else 0.0
    reason = ""
    if not _ALIKE.keeps(abs(value)):
        reason = (
            f"{channel}: correlation of {value:.2f} with what was played, at least "
            f"{_ALIKE.value:g} is expected; {_ALIKE.remedy}"
        )
    return Check(LIKENESS, abs(value), "", _ALIKE, fault(reason), reason, channel)


def _missing(channel: str, x: Samples, s: Samples, fs: int) -> Check:
    """Return the check of moments in which a sound is missing."""
    size = round(_WINDOW_S * fs)
    n = s.size // size * size
    heard, sent = ((y[:n].reshape(-1, size) ** 2).mean(axis=1) for y in (x, s))
    gain = float(x @ x) / float(s @ s)
    gone = (heard < 10 ** (_GONE_DB / 10) * gain * sent) & (
        sent > 10 ** (_HEARD_DB / 10) * sent.mean()
    )
    value = 1000.0 * _WINDOW_S * float(gone.sum())
    reason = ""
    if value > 0:
        first = int(np.argmax(gone)) * size / fs
        reason = (
            f"{channel}: {value:g} ms of the sound are missing, first at {first:.3f} s; "
            f"{_MISSING.remedy}"
        )
    return Check(MISSING_SOUND, value, "ms", _MISSING, fault(reason), reason, channel)


def _level_check(gains: Sequence[float], reference: Sequence[float]) -> Check:
    """Return the check of the gains; the channel that deviates most counts."""
    known = [now - then for now, then in zip(gains, reference, strict=True) if np.isfinite(then)]
    deviations = [value for value in known if not np.isnan(value)]
    worst = max(deviations, key=abs, default=0.0)
    verdict: Verdict = "pass"
    if not _OK.keeps(worst):
        verdict = "suspect" if abs(worst) <= _SUSPECT_DB else "invalid"
    reason = ""
    if verdict != "pass":
        reason = (
            f"level {worst:+.2f} dB relative to the reference, the limit is {_OK.text} dB; "
            f"{_OK.remedy}"
        )
    return Check(LEVEL_DEVIATION, worst, "dB", _OK, verdict, reason)


def _beginning(take: Capture, n: int) -> Capture:
    """Return the first samples of a take."""
    return replace(take, samples=take.samples[:, :n], clipped=())

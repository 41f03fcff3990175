"""Exact zeros on one input in place of its sound.

The noise of an analogue input is never exactly zero for long. Zeros stand for lost samples where
the sound stops or begins beside them at once: the nearest millisecond is about as strong as the
quietest moment of the take, and that moment is well above the steps of the converter. A digital
signal that fades out into silence passes, and so does one that is a few steps large.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.recording import counted
from soundcal.takes.check import Check, Limit, Verdict

__all__ = ["DROPOUTS", "LONG_S", "QUIET_STEPS", "SHORTEST", "Zeros"]


DROPOUTS: Final = "dropouts"
"""Name of the check of one channel."""

SHORTEST: Final = 32
"""Fewest exact zeros in a row that are reported: audio servers lose whole blocks, which are no
shorter."""

_WINDOW_S: Final = 0.05
_EDGE_S: Final = 0.001

_ABRUPT: Final = 1.0 / 16.0
"""Least power of the sound beside the zeros, relative to the quietest 50 ms: a fade of 3 ms or more
stays below it, and noise that was cut off is above it."""

QUIET_STEPS: Final = 8.0
"""A sound below this many quantisation steps (rms) may be zero for a while by itself: a slow wave
of this size passes through zero in fewer than 32 samples."""

LONG_S: Final = 0.1
"""Zeros for this long at the start or at the end are doubted even if the sound fades."""

_MOST: Final = 1000
_TOLD: Final = 3
"""Number of runs that are kept, and that are described."""

_WAITING: Final = 8
"""Runs of which the sound after them may be incomplete: shorter ones follow within 1 ms at any rate
up to 192 kHz."""

_LIMIT: Final = Limit(
    0.0, "≤", "an input with noise is never exactly zero", "restart the device and record again"
)


@dataclass(slots=True)
class _Run:
    """Zeros from ``start`` to ``end`` (None: to the end of the take), and the sound beside them."""

    start: int
    before: Samples
    end: int | None = None
    after: Samples = field(default_factory=lambda: np.zeros(0))


class Zeros:
    """A search for zeros in place of sound in one channel, in blocks of any length.

    Parameters
    ----------
    fs : int
        Sampling rate in Hz.

    Examples
    --------
    >>> noise = 0.01 * np.random.default_rng(1).standard_normal(48000)
    >>> noise[:480] = 0.0
    >>> zeros = Zeros(48000)
    >>> zeros.push(noise)
    >>> check = zeros.check("left", 2**-23)
    >>> check.value, check.verdict, check.reason[:64]
    (480, 'invalid', 'left: exact zeros in place of sound, 480 samples: from the start')
    """

    def __init__(self, fs: int) -> None:
        self._fs = fs
        self._edge = max(8, round(_EDGE_S * fs))
        self._blocks = max(1, round(_WINDOW_S * fs) // SHORTEST)
        self._runs: list[_Run] = []
        self._position = self._run = 0
        self._last = self._rest = np.zeros(0)
        self._quietest = np.full(2, np.inf)

    def push(self, x: Samples) -> None:
        """Take the next samples, shape (n,)."""
        for run in self._runs[-_WAITING:]:
            if run.end is not None and run.after.size < self._edge:
                run.after = np.concatenate([run.after, x[: self._edge - run.after.size]])
        self._look_for_runs(x)
        self._note_power(x)
        self._position += x.size
        self._last = np.concatenate([self._last, x])[-self._edge - SHORTEST :]

    def _look_for_runs(self, x: Samples) -> None:
        zeros = np.flatnonzero(x == 0.0)
        breaks = np.flatnonzero(np.diff(zeros) > 1)
        starts = np.concatenate([zeros[:1], zeros[breaks + 1]])
        ends = np.concatenate([zeros[breaks], zeros[-1:]]) + 1
        if zeros.size and zeros[0] == 0:
            starts[0] = -self._run
        elif self._run:
            starts, ends = np.insert(starts, 0, -self._run), np.insert(ends, 0, 0)
        for i in np.flatnonzero(ends - starts >= SHORTEST).tolist():
            start, end = int(starts[i]), int(ends[i])
            if start >= 0 or self._run < SHORTEST:  # else it was noted with an earlier block
                if len(self._runs) == _MOST:
                    break
                before = np.concatenate([self._last, x])[: self._last.size + start]
                self._runs.append(_Run(self._position + start, before[-self._edge :]))
            if end < x.size and self._runs[-1].end is None:
                self._runs[-1].end = self._position + end
                self._runs[-1].after = x[end : end + self._edge].copy()
        self._run = x.size - int(starts[-1]) if starts.size and ends[-1] == x.size else 0

    def _note_power(self, x: Samples) -> None:
        """Note the powers of samples and of slopes in the quietest window with sound."""
        y = np.concatenate([self._rest, x])
        size = self._blocks * SHORTEST
        n = y.size // size
        self._rest = y[n * size :]
        windows = y[: n * size].reshape(n, size)
        sounding = (windows != 0.0).reshape(n, self._blocks, SHORTEST)
        live = np.all(sounding.any(axis=2), axis=1)
        if live.any():
            quietest = _powers(windows if live.all() else windows[live]).min(axis=1)
            self._quietest = np.minimum(self._quietest, quietest)

    def check(self, name: str, step: float, elsewhere: float = 0.0) -> Check:
        """Return the check of the samples so far.

        Parameters
        ----------
        name : str
            The channel.
        step : float
            Its quantisation step.
        elsewhere : float
            Zeros that another check reports; exactly these are not reported again.
        """
        verdict: Verdict = "invalid"
        runs = [run for run in self._runs if self._is_cut(run, step)]
        if not runs:
            verdict = "suspect"
            runs = [run for run in self._runs if self._is_long_end(run, step)]
        lost = sum(self._length(run) for run in runs)
        if lost in (0, elsewhere):
            return Check(DROPOUTS, 0.0, "samples", _LIMIT, channel=name)
        places = "; ".join(self._place(run) for run in runs[:_TOLD])
        more = f" and {len(runs) - _TOLD} more" if len(runs) > _TOLD else ""
        reason = (
            f"{name}: exact zeros in place of sound, {counted(lost, 'sample')}: {places}{more}; "
            f"{_LIMIT.remedy}"
        )
        return Check(DROPOUTS, lost, "samples", _LIMIT, verdict, reason, name)

    def _length(self, run: _Run) -> int:
        return (self._position if run.end is None else run.end) - run.start

    def _place(self, run: _Run) -> str:
        start = "the start" if run.start == 0 else f"{run.start / self._fs:.3f} s"
        end = "the end" if run.end is None else f"{run.end / self._fs:.3f} s"
        return f"from {start} to {end}"

    def _is_cut(self, run: _Run, step: float) -> bool:
        """Return whether the sound stops and begins beside zeros at once."""
        # in the order away from the zeros
        sides = [side for side in (run.before[::-1], run.after) if side.size]
        powers = [_powers(np.pad(side, (1, 0))[np.newaxis])[:, 0] for side in sides]
        return bool(powers) and all(
            self._is_loud(around, step) and bool((power >= _ABRUPT * around).any())
            for power in powers
            for around in [self._floor(power)]
        )

    def _is_long_end(self, run: _Run, step: float) -> bool:
        """Return whether zeros are long and at an end of a take with sound."""
        at_an_end = (run.start == 0) != (run.end is None)
        long = self._length(run) >= LONG_S * self._fs
        return at_an_end and long and self._is_loud(self._quietest, step)

    def _floor(self, beside: Samples) -> Samples:
        """Return the powers in the quietest window; beside the zeros if there was none."""
        return self._quietest if np.isfinite(self._quietest).all() else beside

    def _is_loud(self, powers: Samples, step: float) -> bool:
        return bool(powers[0] >= np.square(QUIET_STEPS * step))


def _powers(windows: Samples) -> Samples:
    """Return the mean squares of samples and of their differences, shape (2, n_windows)."""
    slopes = np.diff(windows, axis=1)
    sums = [np.einsum("ij,ij->i", rows, rows) for rows in (windows, slopes)]
    return np.stack([sums[0] / windows.shape[1], sums[1] / max(1, slopes.shape[1])])

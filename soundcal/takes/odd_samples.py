"""Samples that no sound gives: a value that stands still, counts, and bytes that were misread."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.recording import counted
from soundcal.takes.channel_statistics import ChannelStatistics
from soundcal.takes.check import Check, Limit, doubt
from soundcal.takes.kernels import runs_in

__all__ = ["OddSamples"]

_SHORTEST: Final = 32
"""Shortest run of one value that is looked at, as with zeros."""

_STEPS: Final = 16.0
_SHARE: Final = 0.05
"""A held value is left with a jump of this many quantisation steps, and of this share of the rms; a
quiet passage of few bits begins and ends with a step or two."""

_WAVEFORM: Final = 0.2
"""A signal that stands still for more than this share of the time does so by itself: a square wave,
pulses."""

_WINDOW: Final = 4096
_LOUD: Final = 0.3
_FLAT: Final = 2.0
_WHITE: Final = 0.2
_WINDOWS: Final = 4
"""Misread bytes fill the whole range: rms above 0.3 of full scale, kurtosis below 2 (1.8 if all
values are equally likely; sound has 3 or more, a sine 1.5), and no correlation with either of the
next two samples, which excludes sines. Four windows of 4096 samples are enough."""

_HELD: Final = Limit(0.0, "≤", "sound does not stand still", "repeat the take")
_COUNTS: Final = Limit(1.0, "≤", "samples are fractions of full scale, or pascal")
_MISREAD: Final = Limit(
    _WINDOWS - 1.0, "≤", "sound is neither as loud nor as even", "write the file again"
)


class OddSamples:
    """A search for such samples in one channel, block by block.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(0.0, 0.1, 9600)
    >>> noise[4800:5280] = noise[4799]
    >>> odd, row = OddSamples(), ChannelStatistics(2400)
    >>> for search in (odd, row):
    ...     search.push(noise)
    >>> next(odd.checks("left", row, 48000)).reason
    'left: one value stands still in 1 place, 481 samples in all, first at 0.100 s; repeat the take'
    """

    def __init__(self) -> None:
        self._held: list[tuple[int, int, float]] = []  # place, length, jump at its end
        self._last = np.zeros(0)
        self._position = self._misread = 0
        self._whole = True
        self._energy = 0.0

    def push(self, x: Samples) -> None:
        """Take the next samples, shape (n,), n > 0."""
        self._note_held(np.concatenate([self._last, x]))
        self._position += x.size
        self._energy += float(x @ x)
        self._whole = self._whole and bool(np.all(x == np.rint(x)))
        self._note_misread(x)

    def _note_held(self, y: Samples) -> None:
        first = self._position - self._last.size
        starts, ends = runs_in(y, _SHORTEST, 1)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            if y[start] != 0.0:
                self._held.append((first + start, end - start, float(abs(y[end] - y[start]))))
        # the last run may go on
        tail = y[-_WINDOW:]
        changes = np.flatnonzero(tail[1:] != tail[:-1]) + 1
        self._last = tail[changes[-1] if changes.size else 0 :]

    def _note_misread(self, x: Samples) -> None:
        n = x.size // _WINDOW
        windows = x[: n * _WINDOW].reshape(n, _WINDOW)
        power = np.square(windows).mean(axis=1)
        loud = windows[power > _LOUD**2]
        if not loud.size:
            return
        power = np.square(loud).mean(axis=1)
        flat = np.square(np.square(loud)).mean(axis=1) < _FLAT * power**2
        for lag in (1, 2):
            flat &= np.abs((loud[:, lag:] * loud[:, :-lag]).mean(axis=1)) < _WHITE * power
        self._misread += int(flat.sum())

    def checks(self, name: str, row: ChannelStatistics, fs: int) -> Iterator[Check]:
        """Give the checks of the samples so far, with the statistics of the channel."""
        rms = float(np.sqrt(self._energy / max(self._position, 1)))
        least = max(_STEPS * row.step, _SHARE * rms)
        held = [run for run in self._held if run[2] > least]
        lost = sum(length for _, length, _ in held)
        reason = ""
        if 0 < lost <= _WAVEFORM * self._position:
            reason = (
                f"{name}: one value stands still in {counted(len(held), 'place')}, {lost} samples "
                f"in all, first at {held[0][0] / fs:.3f} s; {_HELD.remedy}"
            )
        yield Check("held values", lost, "samples", _HELD, doubt(reason), reason)
        top = max(row.highest, -row.lowest)
        reason = (
            f"{name}: all samples are whole numbers up to {top:.0f}: counts of a converter, and "
            "neither fractions of full scale nor pascal; divide them by the full scale (32768 for "
            "16 bits), or state the sensitivity in pascal per count"
        )
        reason = reason if self._whole and top > 1.0 else ""
        yield Check("counts", top, "", _COUNTS, doubt(reason), reason)
        reason = (
            f"{name}: for {self._misread * _WINDOW / fs:.1f} s the samples are spread over the "
            "whole range like bytes that were misread, not like sound: wrong byte order, bytes "
            f"lost, or another coding than the header states; {_MISREAD.remedy} with a true header"
        )
        # a float file beyond 1.0 has no range that could be filled
        found = self._misread >= _WINDOWS and not row.unlimited
        reason = reason if found else ""
        yield Check("misread", self._misread, "windows", _MISREAD, doubt(reason), reason)

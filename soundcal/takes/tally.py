"""Counts of a running stream: samples, the driver's reports, time, clipped samples, silence.

Drivers, recordings and the live meter all count their streams here, in the same way. The computer's
clock serves to check the delivered rate and to find missing samples. A JACK server in freewheel
mode has no clock, so its speed proves nothing; only this module decides on that case.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.recording import (
    INCOMPLETE,
    MISSING,
    OVERFLOWS,
    STOPPED,
    Flag,
    clipped_samples,
    counted,
    utc_now,
)
from soundcal.takes.judge import RATE_FROM_S, rate_check
from soundcal.takes.missing_time import Timeline, clock

__all__ = ["StreamTally"]


_MOST_REPORTS: Final = 20
"""Number of the driver's reports whose positions are kept; all reports are counted."""

_JACK: Final = "JACK Audio Connection Kit"
_FREEWHEEL: Final = 1.5
"""A JACK server whose rate is this many times the nominal one is in freewheel mode: its
clock then proves nothing. The back-pressure on fast servers, in
:mod:`soundcal.devices.portaudio.worker`, is a decision of its own."""


class StreamTally:
    """Counts of a stream, kept block by block with constant memory.

    Parameters
    ----------
    fs : int
        Nominal sampling rate in Hz.
    n_channels : int
        Number of input channels; 0 while only playing.
    host_api : str
        Host API of the device.
    total : int, optional
        Samples that should arrive; None for a stream without an end.

    Examples
    --------
    >>> tally = StreamTally(48000, 1)
    >>> tally.add(np.full((1, 4800), 0.1), 4800, 0.1)
    >>> tally.report(Flag(OVERFLOWS, "input overflow"), 4800)
    >>> tally.add(np.full((1, 4800), 0.1), 9600, 0.2)
    >>> tally.n_samples, tally.xruns, round(tally.rate)
    (9600, 1, 48000)
    >>> print(*tally.flags())
    driver reported input overflow 1 time, first at 0.100 s
    """

    def __init__(
        self, fs: int, n_channels: int, host_api: str = "", total: int | None = None
    ) -> None:
        self.fs, self.total = fs, total
        self.started = utc_now()
        """Time at which the tally was made, ISO 8601, UTC."""
        self.n_samples = 0
        """Samples so far."""
        self.zeros = 0
        """Exact zeros on all inputs at the end so far."""
        self.clipped = np.zeros(n_channels, dtype=np.int64)
        """Samples at or beyond full scale, per channel."""
        self.counts: Counter[Flag] = Counter()
        """The driver's reports and losses of time, with the number of occurrences."""
        self.noted: list[Flag] = []
        """The same in order, with their positions, and the event that ended the stream."""
        self._host_api = host_api
        self._first_reports: dict[Flag, int] = {}
        self._lost: list[Flag] = []
        self._timeline = Timeline(fs)
        self._begun: float | None = None
        self._first: tuple[float, int] | None = None
        self._last: tuple[float, int] | None = None

    def add(self, samples: Samples, end: int, moment: float | None = None) -> None:
        """Count a block.

        Parameters
        ----------
        samples : ndarray, shape (n_channels, n)
            Its input samples.
        end : int
            Samples of the stream up to the end of the block.
        moment : float, optional
            Time of arrival in s, by :func:`~soundcal.takes.missing_time.clock`; None where the lab
            is simulated.
        """
        self._begun = self._begun or (clock() if moment is None else moment)
        self.n_samples = max(self.n_samples, end if self.total is None else min(end, self.total))
        self.clipped += clipped_samples(samples)
        live = np.flatnonzero(samples.any(axis=0))
        n = samples.shape[1]
        self.zeros = n - 1 - int(live[-1]) if live.size else self.zeros + n
        if moment is not None:
            self._last = (moment, end)
            self._first = self._first or self._last
            self._miss(self._timeline.add(moment, end))

    def report(self, flag: Flag, place: int) -> None:
        """Count a report of the driver, made ``place`` samples after the start."""
        self.counts[flag] += 1
        self._first_reports.setdefault(flag, place)
        if len(self.noted) < _MOST_REPORTS:
            self.noted.append(Flag(flag.kind, f"{flag} at {place / self.fs:.3f} s"))

    def _miss(self, text: str) -> None:
        if text and not self.freewheels:
            flag = Flag(MISSING, text)
            self.counts[flag] += 1
            self._lost.append(flag)
            self.noted.append(flag)

    def end(self) -> None:
        """Look for samples missing at the end, when the stream is over."""
        self._miss(self._timeline.end())

    def stop(self) -> None:
        """Note that the operator ended the stream before its end."""
        self.noted.append(Flag(STOPPED, "stopped by the operator before its end"))

    def fail(self, error: str) -> None:
        """Note the error that broke the stream and, if it was endless, the time since its last
        sample.
        """
        late = 0.0 if self._begun is None else clock() - self._begun - self.n_samples / self.fs
        about = ""
        if self.total is None and late > 0:
            lost = round(late * self.fs)
            about = f"; {late:.2f} s ({lost} samples) before it stopped are missing"
        self.noted.append(Flag(INCOMPLETE, f"incomplete: {error}{about}"))

    @property
    def missing(self) -> int:
        """Number of samples missing by the clock."""
        return 0 if self.freewheels else self._timeline.missing

    @property
    def moment(self) -> float | None:
        """Time in s at which the last block came; None if none came or the lab is simulated."""
        return None if self._last is None else self._last[0]

    @property
    def xruns(self) -> int:
        """Overflows and underflows that the driver reported."""
        return sum(n for flag, n in self.counts.items() if flag.kind == OVERFLOWS)

    @property
    def rate(self) -> float | None:
        """Samples per second of wall-clock time; None if unknown, as in freewheel mode."""
        return None if self.freewheels else self._speed

    @property
    def freewheels(self) -> bool:
        """True if a JACK server runs in freewheel mode, as fast as it can."""
        speed = self._speed
        jack = self._host_api == _JACK
        return jack and speed is not None and speed > _FREEWHEEL * self.fs

    @property
    def _speed(self) -> float | None:
        if self._first is None or self._last is None or self._last[0] <= self._first[0]:
            return None
        return (self._last[1] - self._first[1]) / (self._last[0] - self._first[0])

    def rate_flag(self) -> Flag | None:
        """Return a flag if the sampling rate disagrees with the computer's clock."""
        rate = self.rate
        if not rate or self._first is None or self._last is None:
            return None
        elapsed, n = self._last[0] - self._first[0], self._last[1] - self._first[1]
        if max(elapsed, n / self.fs) < RATE_FROM_S:
            return None
        check = rate_check(n, self.fs, rate)
        return None if check.verdict == "pass" else check.flag

    def flags(self) -> tuple[Flag, ...]:
        """Return the reasons to doubt the stream, with each report of the driver once."""
        return tuple(self._doubts())

    def _doubts(self) -> Iterator[Flag]:
        for flag, place in self._first_reports.items():
            text = (
                f"driver reported {flag} {counted(self.counts[flag], 'time')}, first at "
                f"{place / self.fs:.3f} s"
            )
            yield Flag(flag.kind, text)
        if (doubt := self.rate_flag()) is not None:
            yield doubt
        yield from self._lost

"""Samples missing by the clock: the machine slept, or the audio server stalled.

After a machine was suspended, or an audio server stalled, many drivers continue as if nothing had
happened: the samples before and after follow each other without a gap and without a report. Only
the computer's clock shows the loss. Blocks often arrive late, but then the next ones follow
quickly; if the stream never catches up, samples were lost.
"""

import time
from typing import Any, Final

__all__ = ["LIMIT_S", "Timeline", "clock"]

LIMIT_S: Final = 0.25
"""Shortest loss in s that is reported: on a busy computer, blocks may arrive late by as much."""

_WINDOW_S: Final = 2.0
"""Time in s within which late blocks catch up."""

_LEAST_S: Final = 0.5
"""The same at the end of a stream."""

# on Linux the monotonic clock stops while the machine sleeps; CLOCK_MONOTONIC of macOS does not
_CLOCK: Final[Any] = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def clock() -> float:
    """Return a time in s from a clock that also runs while the machine sleeps and is never set."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


class Timeline:
    """A comparison of the times at which blocks arrive with the samples they contain.

    Each block has a delay: its time minus the time of its last sample by the sampling rate. The
    smallest delay in a window of two seconds is compared with that of the window before.

    Parameters
    ----------
    fs : int
        Sampling rate in Hz.

    Examples
    --------
    >>> timeline = Timeline(48000)
    >>> found = [timeline.add(0.1 * n + 3.0 * (n > 50), 4800 * n) for n in range(100)]
    >>> [text for text in found if text]
    ['about 144000 samples (3.00 s) are missing at 5.000 s by the clock: the machine slept, ...']
    >>> timeline.missing
    144000
    """

    def __init__(self, fs: int) -> None:
        self.missing = 0
        """Samples found missing so far."""
        self._fs = fs
        self._begin: tuple[float, int] | None = None
        self._last: tuple[float, int] | None = None  # time and position
        self._before: float | None = None
        self._smallest = float("inf")
        self._jumps = [(0.0, 0), (0.0, 0)]  # the largest of this window and the one before

    def add(self, moment: float, position: int) -> str:
        """Take the time of a block (:func:`clock`) and the position of its end.

        Returns
        -------
        str
            The missing samples in words; "" if none were found. The text comes with the block
            that completes a window, two to four seconds after a loss.
        """
        found = ""
        if self._begin is not None and moment - self._begin[0] >= _WINDOW_S:
            found = self._close()
        if self._last is not None:
            jump = self._delay(moment, position) - self._delay(*self._last)
            self._jumps[0] = max(self._jumps[0], (jump, self._last[1]))
        self._last = (moment, position)
        self._begin = self._begin or self._last
        self._smallest = min(self._smallest, self._delay(moment, position))
        return found

    def end(self) -> str:
        """Return the missing samples of the last window in words, if it is long enough to judge."""
        if self._begin is None or self._last is None:
            return ""
        return self._close() if self._last[0] - self._begin[0] >= _LEAST_S else ""

    def _delay(self, moment: float, position: int) -> float:
        return moment - position / self._fs

    def _close(self) -> str:
        later = 0.0 if self._before is None else self._smallest - self._before
        self._before, self._smallest, self._begin = self._smallest, float("inf"), None
        _, at = max(self._jumps)
        self._jumps = [(0.0, 0), self._jumps[0]]
        if later <= LIMIT_S:
            return ""
        missing = round(later * self._fs)
        self.missing += missing
        return (
            f"about {missing} samples ({later:.2f} s) are missing at {max(0, at) / self._fs:.3f} s "
            "by the clock: the machine slept, or the audio server stalled"
        )

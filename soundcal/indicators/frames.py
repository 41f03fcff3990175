"""Indicators that analyse a signal frame by frame: the stream behind R, F and T.

A method states length, hop and sampling rate of its frames and analyses one of them. The stream
converts the signal to that rate, cuts the frames and keeps the statistics; name and unit of the
result are those of the registry. So a frame-by-frame method is a separate module with a class like
:class:`FrameMethod`, a function that opens its stream, and the public function.

Values belong to the middle of their frames. Samples after the last complete frame are ignored,
unless the method fills up one more frame with silence (at the constant offset of the samples, if
they have one).
"""

from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from soundcal.arrays import Array
from soundcal.dsp.resample import Resampler
from soundcal.errors import SignalError
from soundcal.indicators.registry import find
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.series import Series
from soundcal.indicators.stream import StreamRequest

__all__ = ["FrameMethod", "FrameStream"]


class FrameMethod(Protocol):
    """The analysis of frames; an object may have its own working memory."""

    @property
    def rate(self) -> int:
        """Sampling rate of the frames in Hz."""
        ...

    @property
    def length(self) -> int:
        """Samples per frame."""
        ...

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        ...

    @property
    def axis(self) -> Array | None:
        """Critical-band rates in Bark of the specific values; None without specific values."""
        ...

    @property
    def fills_up(self) -> bool:
        """True if one more frame, filled up with silence, includes the end of the signal."""
        ...

    def analyse(self, frames: Array) -> tuple[Array, Array]:
        """Return the values of frames in Pa, shape (n, length), and their specific values.

        A frame gives the same, to the bit, whichever are analysed with it.
        """
        ...


class FrameStream:
    """A frame method applied to one signal.

    Parameters
    ----------
    request : StreamRequest
        With ``keep``, series and specific values are kept.
    method : FrameMethod
        Analysis of a frame.
    symbol : str
        Symbol in the registry, which gives the result its name and unit.
    standard : str
        Publication and variant.
    """

    def __init__(
        self, request: StreamRequest, method: FrameMethod, symbol: str, standard: str
    ) -> None:
        self._request = request
        self._method = method
        self._symbol = symbol
        self._standard = standard
        fs = request.fs
        self._resampler = Resampler(fs, method.rate) if fs != method.rate else None
        self._pending = np.empty(0)
        self._series = Series(keep=request.keep)
        self._specific: list[Array] = []

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        self._take(block if self._resampler is None else self._resampler.push(block))

    def _take(self, samples: Array) -> None:
        method = self._method
        waiting = np.concatenate([self._pending, samples])
        n = max(0, (waiting.size - method.length) // method.hop + 1)
        if n:
            frames = sliding_window_view(waiting, method.length)[:: method.hop]
            values, specific = method.analyse(frames)
            self._series.push(values)
            if self._request.keep and method.axis is not None:
                self._specific += list(specific)
        self._pending = waiting[n * method.hop :].copy()

    def finish(self) -> dict[str, IndicatorResult]:
        """Return the result by its symbol.

        Raises
        ------
        SignalError
            Less than one frame of signal.
        """
        if self._resampler is not None:
            self._take(self._resampler.finish())
        method, about = self._method, find(self._symbol)
        if self._series.n == 0:
            raise SignalError(
                f"signal too short for {about.name}: at least "
                f"{method.length / method.rate:g} s are needed"
            )
        if method.fills_up:
            offset = self._pending.mean() if self._pending.size else 0.0
            self._take(np.full(method.length - self._pending.size, offset))
        n = self._series.n
        found = self._series.statistics()
        middles = (np.arange(n) * method.hop + method.length / 2.0) / method.rate
        result = IndicatorResult(
            about.name,
            about.unit,
            self._standard,
            found["mean"],
            found,
            times=middles if self._request.keep else None,
            series=self._series.series(),
            specific=np.array(self._specific) if self._specific else None,
            axis=method.axis if self._specific else None,
            field=self._request.field,
        )
        return {self._symbol: result}

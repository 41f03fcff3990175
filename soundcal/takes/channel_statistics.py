"""Statistics of one channel of a take, counted block by block with constant memory."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Samples
from soundcal.recording import FULL_SCALE
from soundcal.takes.kernels import bits_in, counts_from, range_of, runs_in

__all__ = ["PLATEAUS", "ChannelStatistics"]


PLATEAU_SAMPLES: Final = 3
PLATEAUS: Final = 3
"""Three or more equal samples in a row at the channel's own extreme, on three or more occasions,
show a clipped signal that was attenuated afterwards. With the noise of an analogue input, no signal
repeats its extreme. A sine wave of f Hz clipped by c dB has such plateaus if
``fs/(pi f) acos(10^(-c/20))`` is 3 or more."""

_PLATEAU_EDGE: Final = 1e-3
_PLATEAU_STEPS: Final = 3.3
"""A plateau has an edge of 0.1 % of its height or more, and of more than 3 quantisation steps:
quantisation also gives a slow sine wave flat tops, but their edges are one step."""

_EQUAL_EXTREMES: Final = 10
_NEAR: Final = 1.0 / 64.0
_EXCESS: Final = 3.0
"""Ten or more samples at the extreme, and three times as many as within 1/64 below it, show a
limited signal even without samples in a row, as in noise: Gaussian noise limited to two or three
times its rms has seven to ten times as many. Of a sine, nearly all are below the extreme."""

_COARSE_BELOW: Final = 0.1
_COARSE_STEP: Final = 0.05
"""Samples finer than 24 bits may be 16-bit ones times a gain. Below -20 dB re full scale their step
is a visible part of the extreme: the distance to the next lower value is then taken for a step, up
to this share."""


class _Plateaus:
    """Counts runs of equal samples at the extreme of a signal, on one side of zero."""

    def __init__(self, sign: float) -> None:
        self._sign = sign
        self.extreme = 0.0
        self.count = 0

    def push(
        self,
        y: Samples,
        highest: float,
        starts: NDArray[np.intp],
        ends: NDArray[np.intp],
        step: float | None,
    ) -> None:
        """Take runs ``[start, end)`` of ``y`` that have ended; ``step`` is None if unknown.

        ``highest`` is the extreme of the new samples on this side.
        """
        if highest > self.extreme:
            self.extreme, self.count = highest, 0
        chosen = self._sign * y[starts] == self.extreme
        starts, ends = starts[chosen], ends[chosen]
        if starts.size == 0 or self.extreme <= 0.0:
            return
        if step is None:
            signed = self._sign * y
            step = self.extreme - float(signed[signed < self.extreme].max(initial=0.0))
            coarse = self.extreme < _COARSE_BELOW and step <= _COARSE_STEP * self.extreme
            step = step if coarse else 0.0
        edges = np.maximum(
            np.abs(y[ends] - y[starts]), np.abs(y[np.maximum(starts - 1, 0)] - y[starts])
        )
        sharp = edges >= max(_PLATEAU_EDGE * self.extreme, _PLATEAU_STEPS * step)
        self.count += int(sharp.sum())


class _Extreme:
    """Counts samples at the extreme of a signal, on one side of zero, and just below it."""

    def __init__(self, sign: float) -> None:
        self._sign = sign
        self.top = -np.inf
        self.at_top = 0
        self._near = 0

    def push(self, x: Samples, highest: float) -> None:
        """Take the next samples, whose extreme on this side is ``highest``."""
        if highest > self.top:
            close = highest - self.top <= _NEAR * abs(highest)
            self._near = self._near + self.at_top if close else 0
            self.top, self.at_top = highest, 0
        bottom = self.top - _NEAR * abs(self.top)
        if highest >= bottom:
            at_top, near = counts_from(x, self._sign, self.top, bottom)
            self.at_top += at_top
            self._near += near - at_top

    @property
    def limited(self) -> bool:
        """True if many samples share the extreme, and far fewer are just below it."""
        return self.at_top >= max(_EQUAL_EXTREMES, _EXCESS * self._near) and self._near > 0


class ChannelStatistics:
    """Counts, extremes and powers of one channel so far.

    Parameters
    ----------
    window : int
        Length in samples of the windows in which powers and means are taken.
    """

    def __init__(self, window: int) -> None:
        self.lowest, self.highest = np.inf, -np.inf
        self.full = self.in_a_row = self.live = self.used = 0
        self.finer = False
        self.plateaus = (_Plateaus(1.0), _Plateaus(-1.0))
        self.extremes = (_Extreme(1.0), _Extreme(-1.0))
        self.means = np.zeros(3)  # number, sum and sum of squares of the means of the windows
        self.power = 0.0
        self.quietest = np.inf
        self._window = window
        self._rest = np.zeros(0)
        self._last = np.zeros(0)

    def push(self, x: Samples) -> None:
        """Take the next samples, shape (n,), n > 0."""
        x = np.ascontiguousarray(x)
        lowest, highest, live = range_of(x)
        self.lowest, self.highest = min(self.lowest, lowest), max(self.highest, highest)
        self.live += live
        heights = (highest, -lowest)
        for side, height in zip(self.extremes, heights, strict=True):
            side.push(x, height)
        y = np.concatenate([self._last, x])
        if max(heights) >= FULL_SCALE:
            self._note_full(y)
        self._note_bits(x)
        self._look_for_plateaus(y, heights)
        self._last = y[-64:]
        self._note_windows(x)

    def _note_full(self, y: Samples) -> None:
        full = np.abs(y) >= FULL_SCALE
        self.full += int(full[self._last.size :].sum())
        pairs = full[1:] & full[:-1] & (y[1:] * y[:-1] > 0)
        self.in_a_row += int(pairs[max(0, self._last.size - 1) :].sum())

    def _look_for_plateaus(self, y: Samples, heights: tuple[float, float]) -> None:
        starts, ends = runs_in(y, PLATEAU_SAMPLES, max(1, self._last.size))
        step = None if self.finer else 2.0 ** (1 - self.bits)
        for side, height in zip(self.plateaus, heights, strict=True):
            side.push(y, height, starts, ends, step)

    def _note_bits(self, x: Samples) -> None:
        if self.finer:
            return
        used = bits_in(x)
        if used < 0:
            self.finer = True
        else:
            self.used |= used

    def _note_windows(self, x: Samples) -> None:
        y = np.concatenate([self._rest, x])
        n = y.size // self._window
        self._rest = y[n * self._window :]
        if n == 0:
            return
        windows = y[: n * self._window].reshape(n, self._window)
        means, power = windows.mean(axis=1), windows.var(axis=1)
        self.means += (n, means.sum(), np.square(means).sum())
        self.power += float(power.sum())
        self.quietest = min(self.quietest, float(power.min()))

    @property
    def unlimited(self) -> bool:
        """True if samples exceed 1.0, which is then not the full scale of the channel."""
        return self.highest > 1.0 or self.lowest < -1.0

    @property
    def bits(self) -> int:
        """Number of bits used; 25 if the samples are finer than 24 bits."""
        return 25 if self.finer else 24 - ((self.used & -self.used).bit_length() - 1)

    @property
    def step(self) -> float:
        """Quantisation step, at least that of 24 bits."""
        return float(2.0 ** (1 - min(self.bits, 24)))

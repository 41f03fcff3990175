"""The level meter: weightings, F, S and I averages, energy per tick, oversampled peak.

One pass over the samples computes all of these (IEC 61672-1:2013):

* exponential averages of the squared pressure with time constants of 125 ms (F) and 1 s (S),
  computed exactly, ``y += (1 − e^(−1/(fs τ))) (p² − y)``; I, no longer in the standard, averages
  over 35 ms and falls with 1.5 s (IEC 60651:1979);
* the averages start at zero, as if the signal had been silent before;
* maxima and minima are those of the continuous average, at every sample;
* 200 times a second (a *tick* of 5 ms) the averages are read for series and percentiles, and the
  energy since the last tick is kept, from which Leq in longer steps follows.

Minima and percentiles would include the rise from zero, so they begin once the average has settled:
after four time constants (0.5 s for F, 4 s for S, where the rest of the rise is 0.08 dB), or after
half the signal if that is shorter.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.distribution import CountedValues, Distribution
from soundcal.dsp.weighting import Weighting, sections
from soundcal.errors import ParameterError
from soundcal.units import pascal_to_level

__all__ = [
    "MINIMUM_RATE",
    "SETTLING",
    "TICKS_PER_S",
    "LevelMeter",
    "Peak",
    "Readings",
    "SettledStatistics",
    "tick_ends",
    "tick_times",
    "ticks_in",
    "unsettled_db",
]


TICKS_PER_S: Final = 200
"""Readings per second; a tick ends with the last sample that is complete by its end time."""

MINIMUM_RATE: Final = 1000.0
"""Lowest sampling rate in Hz of the level meter."""

TIME_CONSTANTS: Final = {"F": 0.125, "S": 1.0, "I": 0.035}
"""Time constants in s (IEC 61672-1:2013, 5.8.1; I of IEC 60651:1979, Table VI)."""

IMPULSE_FALL: Final = 1.5
"""Time constant in s with which the impulse detector falls."""

SETTLING: Final = {"F": 0.5, "S": 4.0, "I": 0.5}
"""Time in s after which minima and percentiles begin."""

_KERNEL_ROW: Final = {"A": 0, "B": 1, "C": 2, "Z": 3}
_COLUMN: Final = {"F": 1, "S": 4, "I": 7}


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of the meter in a block, one value per tick.

    Parameters
    ----------
    energy : ndarray, shape (n_ticks,)
        Sum of the squared weighted pressure in Pa² over the samples of each tick.
    average, high, low : mapping of str to ndarray, shape (n_ticks,)
        Per time weighting, in Pa²: average at the tick's end, its maximum and minimum during it.
    """

    energy: Array
    average: dict[str, Array]
    high: dict[str, Array]
    low: dict[str, Array]


def tick_ends(n_ticks: int, fs: float) -> NDArray[np.int64]:
    """Return the number of samples up to the end of each tick, shape (n_ticks,)."""
    return np.floor(np.arange(1, n_ticks + 1) * fs / TICKS_PER_S).astype(np.int64)


def samples_to(n_ticks: int, fs: float) -> int:
    """Return the number of samples in the first ``n_ticks`` ticks."""
    return int(tick_ends(n_ticks, fs)[-1]) if n_ticks else 0


def ticks_in(n_samples: int, fs: int) -> int:
    """Return the number of ticks that are complete after a number of samples.

    >>> ticks_in(220, 44100), ticks_in(440, 44100), ticks_in(441, 44100)
    (1, 1, 2)
    """
    return ((n_samples + 1) * TICKS_PER_S - 1) // fs


def tick_times(n_ticks: int, fs: float) -> Array:
    """Return the times in s at which the ticks end, shape (n_ticks,)."""
    return tick_ends(n_ticks, fs) / fs


class LevelMeter:
    """All weightings and detectors of one signal, block by block.

    Parameters
    ----------
    weightings : tuple of {"A", "B", "C", "Z"}
        Frequency weightings.
    fs : float
        Sampling rate in Hz.
    impulse : bool
        Also run the I detector.

    Raises
    ------
    ParameterError
        Sampling rate too low.
    """

    def __init__(self, weightings: tuple[Weighting, ...], fs: float, *, impulse: bool) -> None:
        if fs < MINIMUM_RATE:
            raise ParameterError(
                f"sampling rate {fs:g} Hz: the level meter needs at least {MINIMUM_RATE:g} Hz"
            )
        self.fs = float(fs)
        self.times = ("F", "S", "I") if impulse else ("F", "S")
        self.weightings = weightings
        filtered = set(weightings) != {"Z"}
        a, b = (sections(w if filtered else "Z", self.fs) for w in ("A", "B"))
        self._rows = np.concatenate([a, b[3:]])
        self._uses = np.array([*(w in weightings for w in ("A", "B", "C", "Z")), impulse])
        taus = np.array([TIME_CONSTANTS["F"], TIME_CONSTANTS["S"], TIME_CONSTANTS["I"]])
        self._decay = np.exp(-1.0 / (self.fs * np.array([*taus, IMPULSE_FALL])))
        take = np.repeat(1.0 - self._decay[:3], 3)
        self._scale = np.concatenate([[1.0], take])
        self._count = np.zeros(2, dtype=np.int64)
        self._filters = np.zeros((5, 2))
        self._states = np.zeros((4, 11))
        self.restart()

    @property
    def n_samples(self) -> int:
        """Samples taken so far."""
        return int(self._count[0])

    @property
    def n_ticks(self) -> int:
        """Ticks completed so far."""
        return int(self._count[1])

    def push(self, block: Array) -> dict[str, Readings]:
        """Take the next samples, shape (n,), and return the readings of the ticks that ended."""
        from soundcal.dsp.level_kernels import meter

        most = int(block.size * TICKS_PER_S / self.fs) + 2
        out = np.empty((4, most, 10))
        n = meter(
            block,
            self.fs,
            TICKS_PER_S,
            self._rows,
            self._uses,
            self._decay,
            self._scale,
            self._count,
            self._filters,
            self._states,
            out,
        )
        return {w: self._readings(out[_KERNEL_ROW[w], :n]) for w in self.weightings}

    def restart(self) -> None:
        """Forget the tick that has begun, but not the averages: the next sample is the first."""
        self._states[:, 0] = 0.0
        for column in _COLUMN.values():
            self._states[:, column + 1] = -np.inf
            self._states[:, column + 2] = np.inf

    def rest(self) -> dict[str, Readings]:
        """Return the reading of the tick that has begun and not ended, if there is one.

        Arrays of one value.
        """
        if self.n_samples == samples_to(self.n_ticks, self.fs):
            return {}
        return {
            w: self._readings(self._states[_KERNEL_ROW[w], None, :10] * self._scale)
            for w in self.weightings
        }

    def _readings(self, table: Array) -> Readings:
        def columns(offset: int) -> dict[str, Array]:
            return {t: table[:, _COLUMN[t] + offset].copy() for t in self.times}

        return Readings(table[:, 0].copy(), columns(0), columns(1), columns(2))


def unsettled_db(time: str, duration: float) -> float:
    """Return by how many dB the minimum of a steady sound is too low; a percentile, at most.

    That is the rest of the average's rise when they begin.

    >>> round(unsettled_db("F", 0.5), 2), round(unsettled_db("S", 8.0), 2)
    (0.63, 0.08)
    """
    start = min(SETTLING[time], duration / 2.0)
    return -10.0 * math.log10(-math.expm1(-start / TIME_CONSTANTS[time]))


class SettledStatistics:
    """Maximum, minimum and distribution of one detector's level, without the rise from zero.

    Parameters
    ----------
    time : {"F", "S", "I"}
        Time weighting.
    percentiles : bool
        Keep the distribution, for :meth:`levels`.
    left_out : int, optional
        Number of readings at the beginning that are part of the rise. By default those of a signal
        that starts here: the settling time, or the first half of a shorter signal.
    """

    def __init__(self, time: str, *, percentiles: bool = True, left_out: int | None = None) -> None:
        self._percentiles = percentiles
        self._left_out = left_out
        self.maximum = 0.0
        self._minimum = np.inf
        self._distribution = Distribution()
        self._skip = round(SETTLING[time] * TICKS_PER_S)
        self._head: list[tuple[Array, Array]] = []
        self._n_head = 0
        self._settled = False

    def push(self, average: Array, high: Array, low: Array) -> None:
        """Take the readings of the next ticks, in Pa²."""
        self.maximum = max(self.maximum, float(high.max(initial=0.0)))
        if self._left_out is not None:
            first = min(self._left_out, average.size)
            self._left_out -= first
            self._take(average[first:], low[first:])
            return
        if self._settled:
            self._take(average, low)
            return
        self._head.append((average, low))
        self._n_head += average.size
        if self._n_head >= 2 * self._skip:
            self._leave_head()

    def _take(self, average: Array, low: Array) -> None:
        self._minimum = min(self._minimum, float(low.min(initial=np.inf)))
        if self._percentiles:
            self._distribution.push(pascal_to_level(np.sqrt(average)))

    def _leave_head(self) -> None:
        average, low = (np.concatenate(parts) for parts in zip(*self._head, strict=True))
        start = min(self._skip, average.size // 2)
        self._head, self._settled = [], True
        self._take(average[start:], low[start:])

    def finish(self, rest: tuple[Array, Array, Array] | None) -> None:
        """Take the unfinished last tick, if there is one; only the extremes include it.

        In a signal shorter than a tick it is the only reading there is.
        """
        if not self._settled and self._left_out is None:
            if self._n_head == 0 and rest is not None:
                self._head.append((rest[0], rest[2]))
            self._leave_head()
        if rest is not None:
            self.maximum = max(self.maximum, float(rest[1][0]))
            if not self._left_out:
                self._minimum = min(self._minimum, float(rest[2][0]))

    @property
    def minimum(self) -> float:
        """Minimum in Pa²."""
        return self._minimum

    def levels(self, percents: tuple[float, ...]) -> Array:
        """Return the levels in dB exceeded in the given percentages of the time."""
        return self._distribution.exceedance(percents)

    def counted(self) -> CountedValues:
        """Return the levels in dB, rounded and counted."""
        return self._distribution.counted()


_PEAK_FACTOR: Final = 8
_PEAK_TAPS: Final = 32


def interpolator() -> Array:
    """Return the polyphase interpolation filter of the peak detector, shape (factor, taps).

    A Kaiser-windowed (β = 8) sinc of 32 samples; phase 0 is the samples themselves.
    """
    centre = _PEAK_TAPS // 2 - 1
    offset = np.arange(_PEAK_FACTOR)[:, None] / _PEAK_FACTOR
    distance = np.arange(_PEAK_TAPS)[None, :] - centre - offset
    inside = np.clip(1.0 - (distance / (_PEAK_TAPS / 2)) ** 2, 0.0, None)
    taps = np.sinc(distance) * np.i0(8.0 * np.sqrt(inside)) / np.i0(8.0)
    return np.asarray(taps / taps.sum(axis=1, keepdims=True))


class Peak:
    """The largest absolute pressure between the samples, by eightfold oversampling.

    For a tone at one sixth of the sampling rate, the largest sample is up to 1.2 dB below the peak.
    After eightfold interpolation this error is 0.02 dB, and at most 0.2 dB for a tone at 0.45 of
    the rate. The signal is assumed to be silent before its start and after its end.
    """

    def __init__(self) -> None:
        self._taps = interpolator()
        self._tail = np.zeros(_PEAK_TAPS - 1)
        self._peak = np.zeros(1)

    def push(self, block: Array) -> None:
        """Take the next samples, shape (n,)."""
        from soundcal.dsp.level_kernels import oversampled_peak

        samples = np.concatenate([self._tail, block])
        oversampled_peak(samples, self._taps, self._peak)
        self._tail = samples[samples.size - (_PEAK_TAPS - 1) :].copy()

    @property
    def so_far(self) -> float:
        """Peak in Pa of all but the last 31 samples, which are still in the filter."""
        return float(self._peak[0])

    def restart(self) -> None:
        """Reset the peak, but not the filter: for the peak of the next period."""
        self._peak[0] = 0.0

    def finish(self) -> float:
        """Return the peak in Pa."""
        self.push(np.zeros(_PEAK_TAPS - 1))
        return float(self._peak[0])

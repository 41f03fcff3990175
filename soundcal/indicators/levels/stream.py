"""Levels of one signal, block by block: the readings of the level meter, and their results."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.detectors import (
    SETTLING,
    TICKS_PER_S,
    LevelMeter,
    Peak,
    Readings,
    SettledStatistics,
    tick_ends,
    tick_times,
    unsettled_db,
)
from soundcal.dsp.signal import PERCENTS
from soundcal.dsp.weighting import Weighting, WeightingFilter, check_weighting, standard_of
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import StreamRequest
from soundcal.units import pascal_to_level

__all__ = ["LevelRecord", "LevelStream", "unsettled_warning"]

_NOTICED_DB: Final = 0.1
"""Error of minima and percentiles of a steady sound that is told."""


def _level_of(mean_square: Any) -> Any:
    return pascal_to_level(np.sqrt(mean_square))


class LevelRecord:
    """The record of all readings of the level meter for one signal.

    Parameters
    ----------
    weightings : sequence of {"A", "B", "C", "Z"}
        Frequency weightings.
    fs : float
        Sampling rate in Hz.
    detectors : sequence of {"F", "S", "I"}
        Time weightings whose percentiles are wanted; F and S always run.
    peaks : sequence of {"A", "B", "C", "Z"}
        Weightings whose peak is wanted.
    keep : bool
        Keep the readings of every tick.
    left_out : mapping of str to int, optional
        Readings at the beginning that belong to the rise of each detector, as for
        :class:`~soundcal.dsp.detectors.SettledStatistics`.
    """

    def __init__(
        self,
        weightings: Sequence[Weighting],
        fs: float,
        *,
        detectors: Sequence[str] = ("F",),
        peaks: Sequence[Weighting] = (),
        keep: bool = False,
        left_out: Mapping[str, int] | None = None,
    ) -> None:
        self._detectors = tuple(detectors)
        self._left_out = left_out or {}
        self.meter = LevelMeter(tuple(weightings), fs, impulse="I" in detectors)
        self.statistics = self._fresh()
        self.energy: dict[str, float] = dict.fromkeys(weightings, 0.0)
        self._peaks: dict[str, tuple[WeightingFilter, Peak]] = {
            w: (WeightingFilter(w, fs), Peak()) for w in peaks
        }
        self._kept: dict[str, list[Readings]] | None = {w: [] for w in weightings} if keep else None

    def _fresh(self) -> dict[str, dict[str, SettledStatistics]]:
        """Return the statistics of each weighting and detector, without a reading."""

        def fresh(time: str) -> SettledStatistics:
            wanted, left_out = time in self._detectors, self._left_out.get(time)
            return SettledStatistics(time, percentiles=wanted, left_out=left_out)

        return {w: {t: fresh(t) for t in self.meter.times} for w in self.meter.weightings}

    def restart(self) -> None:
        """Begin with the next sample, in the state that filters and detectors have reached.

        Peaks begin 16 samples earlier: so long is the delay of their interpolation.
        """
        self.meter.restart()
        self.statistics = self._fresh()
        self.energy = dict.fromkeys(self.energy, 0.0)
        for _, peak in self._peaks.values():
            peak.restart()
        if self._kept is not None:
            self._kept = {w: [] for w in self._kept}

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        for w, readings in self.meter.push(block).items():
            for energy in readings.energy.tolist():
                self.energy[w] += energy
            for t, statistics in self.statistics[w].items():
                statistics.push(readings.average[t], readings.high[t], readings.low[t])
            if self._kept is not None:
                self._kept[w].append(readings)
        for weighting, peak in self._peaks.values():
            peak.push(weighting.push(block[np.newaxis])[0])

    def close(self) -> None:
        """Add the unfinished tick at the end."""
        rest = self.meter.rest()
        for w, readings in rest.items():
            self.energy[w] += float(readings.energy[0])
        for w, detectors in self.statistics.items():
            for t, statistics in detectors.items():
                last = rest.get(w)
                statistics.finish(
                    (last.average[t], last.high[t], last.low[t]) if last is not None else None
                )

    def equivalent(self, weighting: str) -> float:
        """Return Leq in dB."""
        return float(_level_of(self.energy[weighting] / self.meter.n_samples))

    def exposure(self, weighting: str) -> float:
        """Return the sound exposure level in dB re (20 µPa)² · 1 s."""
        return float(_level_of(self.energy[weighting] / self.meter.fs))

    def peak(self, weighting: str, *, ended: bool = True) -> float:
        """Return the peak level in dB; of a signal that has not ended, without the last samples."""
        peak = self._peaks[weighting][1]
        return float(pascal_to_level(peak.finish() if ended else peak.so_far))

    def extremes(self, weighting: str, time: str) -> tuple[float, float]:
        """Return the largest and the smallest time-weighted level in dB."""
        statistics = self.statistics[weighting][time]
        return float(_level_of(statistics.maximum)), float(_level_of(statistics.minimum))

    def percentiles(self, weighting: str, time: str, percents: Sequence[float]) -> dict[str, float]:
        """Return the levels in dB exceeded in the given percentages of the time, by percentage."""
        levels = self.statistics[weighting][time].levels(tuple(percents))
        return {f"{p:g}": float(level) for p, level in zip(percents, levels, strict=True)}

    def series(self, weighting: str, time: str) -> tuple[Array, Array]:
        """Return times in s and the time-weighted levels at them in dB (kept records only)."""
        kept = (self._kept or {})[weighting]
        average = np.concatenate([readings.average[time] for readings in kept])
        return tick_times(average.size, self.meter.fs), _level_of(average)

    def equivalent_series(self, weighting: str, step: float) -> tuple[Array, Array]:
        """Return the end times of complete steps in s, and Leq in dB over these steps."""
        kept = (self._kept or {})[weighting]
        energy = np.concatenate([readings.energy for readings in kept])
        ticks = round(step * TICKS_PER_S)
        n_steps = energy.size // ticks
        ends = tick_ends(energy.size, self.meter.fs)[ticks - 1 :: ticks][:n_steps]
        sums = energy[: n_steps * ticks].reshape(n_steps, ticks).sum(axis=1)
        return ends / self.meter.fs, _level_of(sums / np.diff(ends, prepend=0))


class LevelStream:
    """Results of the registry's level symbols (``LA``, ``LC``, …) for one signal."""

    def __init__(self, request: StreamRequest) -> None:
        self._request = request
        weightings = {
            symbol: check_weighting(symbol.removeprefix("L")) for symbol in request.wanted
        }
        peaks = [w for symbol, w in weightings.items() if "peak" in request.wanted[symbol]]
        self._weightings = weightings
        asked = {statistic for statistics in request.wanted.values() for statistic in statistics}
        self._slow = any(f"S{p:g}" in asked for p in PERCENTS)
        self._impulse = bool({"Imax", "Imin"} & asked)
        extra = (("S", self._slow), ("I", self._impulse))
        detectors = ("F", *(time for time, wanted in extra if wanted))
        self._record = LevelRecord(
            tuple(weightings.values()),
            request.fs,
            detectors=detectors,
            peaks=peaks,
            keep=request.keep,
        )
        self._n = 0

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        self._record.push(block)
        self._n += block.size

    def finish(self) -> dict[str, IndicatorResult]:
        """Return one result per symbol."""
        self._record.close()
        return {symbol: self._result(symbol, w) for symbol, w in self._weightings.items()}

    def _result(self, symbol: str, w: Weighting) -> IndicatorResult:
        record = self._record
        found = {"eq": record.equivalent(w), "E": record.exposure(w)}
        found["max"], found["min"] = record.extremes(w, "F")
        found |= record.percentiles(w, "F", PERCENTS)
        found["Smax"], found["Smin"] = record.extremes(w, "S")
        if self._slow:
            slow = record.percentiles(w, "S", PERCENTS)
            found |= {f"S{p}": level for p, level in slow.items()}
        if self._impulse:
            found["Imax"], found["Imin"] = record.extremes(w, "I")
        if "peak" in self._request.wanted[symbol]:
            found["peak"] = record.peak(w)
        times, series = record.series(w, "F") if self._request.keep else (None, None)
        wanted, duration = self._request.wanted[symbol] or found, self._n / self._request.fs
        warnings = [
            text for time in "FSI" if (text := unsettled_warning(symbol, wanted, time, duration))
        ]
        return IndicatorResult(
            "sound_level", "dB", standard_of(w), found["eq"], found, times, series
        ).with_warnings(*warnings)


def unsettled_warning(symbol: str, wanted: Collection[str], time: str, duration: float) -> str:
    """Return a warning if a signal is too short for the minima and percentiles that are wanted.

    These begin after half of a short signal (:mod:`soundcal.dsp.detectors`), when the average of a
    steady sound is still on its way up.
    """
    prefix = "" if time == "F" else time
    affected = [f"{prefix}{statistic}" for statistic in ("min", *(f"{p:g}" for p in PERCENTS))]
    names = [f"{symbol}{statistic}" for statistic in affected if statistic in wanted]
    low = unsettled_db(time, duration)
    if not names or low < _NOTICED_DB:
        return ""
    return (
        f"signal of {duration:.4g} s: {', '.join(names)} of a steady sound come out up to "
        f"{low:.2g} dB too low, because the average with time weighting {time} has not settled; "
        f"{2.0 * SETTLING[time]:g} s are needed"
    )

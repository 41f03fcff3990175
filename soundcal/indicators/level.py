"""Sound levels by IEC 61672-1:2013: Leq, exposure, time-weighted, peak, percentile and band levels.

All levels are in dB re 20 µPa; silence has -inf dB. Statistics have the same keys everywhere:

======== =========================================================================================
``eq``   equivalent continuous level over the whole signal
``E``    sound exposure level, re 1 s
``max``  largest time-weighted level, F unless stated otherwise (read at every sample)
``min``  smallest time-weighted level, once the average has settled
``5`` …  level exceeded 5 % … of the time by the time-weighted level, read every 5 ms
``Smax`` the same with S: ``Smin``, ``S5`` … (and ``Imax``, ``Imin`` with I)
``peak`` peak of the weighted pressure, eightfold oversampled
======== =========================================================================================

How the detectors start, settle and are read: :mod:`soundcal.dsp.detectors`. An offset of the
samples counts in Z and is removed by A, B and C.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.dsp.detectors import (
    TICKS_PER_S,
    LevelMeter,
    Peak,
    Readings,
    SettledStatistics,
    tick_ends,
    tick_times,
)
from soundcal.dsp.signal import PERCENTS
from soundcal.dsp.weighting import Weighting, WeightingFilter, check_weighting, standard_of
from soundcal.errors import ParameterError
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import Plan, run_stream
from soundcal.units import pascal_to_level

__all__ = [
    "leq",
    "open_level_stream",
    "peak_level",
    "percentile_levels",
    "sel",
    "sound_level",
    "time_weighted_level",
]

Array = NDArray[np.float64]


def _level_of(mean_square: Any) -> Any:
    return pascal_to_level(np.sqrt(mean_square))


class LevelRecord:
    """Everything the level meter found out about one signal.

    Parameters
    ----------
    weightings : sequence of {"A", "B", "C", "Z"}
        Frequency weightings.
    fs : float
        Sampling rate in Hz.
    detectors : sequence of {"F", "S", "I"}
        Time weightings whose percentiles are wanted; F and S run in any case.
    peaks : sequence of {"A", "B", "C", "Z"}
        Weightings whose peak is wanted.
    keep : bool
        Keep the readings of every tick.
    """

    def __init__(
        self,
        weightings: Sequence[Weighting],
        fs: float,
        *,
        detectors: Sequence[str] = ("F",),
        peaks: Sequence[Weighting] = (),
        keep: bool = False,
    ) -> None:
        self.meter = LevelMeter(tuple(weightings), fs, impulse="I" in detectors)
        self.statistics: dict[str, dict[str, SettledStatistics]] = {
            w: {t: SettledStatistics(t, percentiles=t in detectors) for t in self.meter.times}
            for w in weightings
        }
        self._energy: dict[str, float] = dict.fromkeys(weightings, 0.0)
        self._peaks: dict[str, tuple[WeightingFilter, Peak]] = {
            w: (WeightingFilter(w, fs), Peak()) for w in peaks
        }
        self._kept: dict[str, list[Readings]] | None = {w: [] for w in weightings} if keep else None

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        for w, readings in self.meter.push(block).items():
            for energy in readings.energy.tolist():
                self._energy[w] += energy
            for t, statistics in self.statistics[w].items():
                statistics.push(readings.average[t], readings.high[t], readings.low[t])
            if self._kept is not None:
                self._kept[w].append(readings)
        for weighting, peak in self._peaks.values():
            peak.push(weighting.push(block[np.newaxis])[0])

    def close(self) -> None:
        """Take in the unfinished tick at the end."""
        rest = self.meter.rest()
        for w, readings in rest.items():
            self._energy[w] += float(readings.energy[0])
        for w, detectors in self.statistics.items():
            for t, statistics in detectors.items():
                last = rest.get(w)
                statistics.finish(
                    (last.average[t], last.high[t], last.low[t]) if last is not None else None
                )

    def equivalent(self, weighting: str) -> float:
        """Return Leq in dB."""
        return float(_level_of(self._energy[weighting] / self.meter.n_samples))

    def exposure(self, weighting: str) -> float:
        """Return the sound exposure level in dB re (20 µPa)² · 1 s."""
        return float(_level_of(self._energy[weighting] / self.meter.fs))

    def peak(self, weighting: str) -> float:
        """Return the peak level in dB."""
        return float(pascal_to_level(self._peaks[weighting][1].finish()))

    def extremes(self, weighting: str, time: str) -> tuple[float, float]:
        """Return the largest and the smallest time-weighted level in dB."""
        statistics = self.statistics[weighting][time]
        return float(_level_of(statistics.maximum)), float(_level_of(statistics.minimum))

    def percentiles(self, weighting: str, time: str, percents: Sequence[float]) -> dict[str, float]:
        """Return the levels in dB exceeded in the given percentages of the time, by percentage."""
        levels = self.statistics[weighting][time].levels(tuple(percents))
        return {f"{p:g}": float(level) for p, level in zip(percents, levels, strict=True)}

    def series(self, weighting: str, time: str) -> tuple[Array, Array]:
        """Return times in s and the time-weighted level in dB at them (kept records only)."""
        kept = (self._kept or {})[weighting]
        average = np.concatenate([readings.average[time] for readings in kept])
        return tick_times(average.size, self.meter.fs), _level_of(average)

    def equivalent_series(self, weighting: str, step: float) -> tuple[Array, Array]:
        """Return times in s at which complete steps end, and Leq in dB over them."""
        kept = (self._kept or {})[weighting]
        energy = np.concatenate([readings.energy for readings in kept])
        ticks = round(step * TICKS_PER_S)
        n_steps = energy.size // ticks
        ends = tick_ends(energy.size, self.meter.fs)[ticks - 1 :: ticks][:n_steps]
        sums = energy[: n_steps * ticks].reshape(n_steps, ticks).sum(axis=1)
        return ends / self.meter.fs, _level_of(sums / np.diff(ends, prepend=0))


class LevelStream:
    """Results of the registry's level symbols (``LA``, ``LC``, …) for one signal."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        weightings = {symbol: check_weighting(symbol.removeprefix("L")) for symbol in plan.wanted}
        peaks = [w for symbol, w in weightings.items() if "peak" in plan.wanted[symbol]]
        self._weightings = weightings
        asked = {statistic for statistics in plan.wanted.values() for statistic in statistics}
        self._slow = any(f"S{p:g}" in asked for p in PERCENTS)
        self._impulse = bool({"Imax", "Imin"} & asked)
        extra = (("S", self._slow), ("I", self._impulse))
        detectors = ("F", *(time for time, wanted in extra if wanted))
        self._record = LevelRecord(
            tuple(weightings.values()), plan.fs, detectors=detectors, peaks=peaks, keep=plan.keep
        )

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        self._record.push(block)

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
        if "peak" in self._plan.wanted[symbol]:
            found["peak"] = record.peak(w)
        times, series = record.series(w, "F") if self._plan.keep else (None, None)
        return IndicatorResult(
            "sound_level", "dB", standard_of(w), found["eq"], found, times, series
        )


def open_level_stream(plan: Plan) -> LevelStream:
    """Open the stream of the registry's levels."""
    return LevelStream(plan)


class _RecordStream:
    """A record that ends in one result, for the functions below."""

    def __init__(
        self, record: LevelRecord, build: Callable[[LevelRecord], IndicatorResult]
    ) -> None:
        self._record = record
        self._build = build

    def push(self, block: Array) -> None:
        self._record.push(block)

    def finish(self) -> dict[str, IndicatorResult]:
        self._record.close()
        return {"": self._build(self._record)}


def _measure(
    pressure: ArrayLike,
    fs: float,
    weighting: Weighting,
    build: Callable[[LevelRecord], IndicatorResult],
    *,
    detector: str = "F",
    peak: bool = False,
    keep: bool = False,
) -> IndicatorResult:
    def opener() -> _RecordStream:
        peaks = (weighting,) if peak else ()
        record = LevelRecord((weighting,), fs, detectors=(detector,), peaks=peaks, keep=keep)
        return _RecordStream(record, build)

    return run_stream(opener, pressure, fs)[""]


def _check_time(time: str) -> str:
    if time not in ("F", "S", "I"):
        raise ParameterError(f"time weighting {time!r}; F, S or I is expected")
    return time


def sound_level(pressure: ArrayLike, fs: float, *, weighting: str = "A") -> IndicatorResult:
    """All levels of one frequency weighting: Leq, exposure, F and S extremes, F percentiles.

    Parameters
    ----------
    pressure : array_like, shape (..., n_samples)
        Sound pressure in Pa.
    fs : float
        Sampling rate in Hz, at least 8 kHz (1 kHz for Z).
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting.

    Returns
    -------
    IndicatorResult
        ``value`` is Leq; ``statistics`` eq, E, max, min, 5, 10, 50, 90, 95, Smax, Smin;
        ``series`` the F-weighted level every 5 ms.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.dsp.weighting.weight`.
    """
    letter = check_weighting(weighting)
    symbol = f"L{letter}"

    def opener() -> LevelStream:
        return LevelStream(Plan(fs, {symbol: ()}))

    return run_stream(opener, pressure, fs)[symbol]


def leq(
    pressure: ArrayLike, fs: float, *, weighting: str = "A", step: float = 0.125
) -> IndicatorResult:
    """Equivalent continuous sound level (IEC 61672-1:2013, 3.9).

    Parameters
    ----------
    pressure : array_like, shape (..., n_samples)
        Sound pressure in Pa.
    fs : float
        Sampling rate in Hz, at least 8 kHz (1 kHz for Z).
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting.
    step : float
        Step of the series in s, a multiple of 5 ms; usual are 0.125 and 1.

    Returns
    -------
    IndicatorResult
        ``value`` and statistic ``eq``: Leq over the whole signal in dB re 20 µPa; silence gives
        -inf. ``series``: Leq over every complete step, ``times`` the ends of the steps.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.dsp.weighting.weight`; or a step that is no multiple of 5 ms.

    Examples
    --------
    >>> t = np.arange(48000) / 48000
    >>> round(leq(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 48000).value, 1)
    94.0
    """
    letter = check_weighting(weighting)
    ticks = step * TICKS_PER_S
    if not ticks >= 1 or abs(ticks - round(ticks)) > 1e-9:
        raise ParameterError(f"step {step} s; a multiple of {1 / TICKS_PER_S:g} s is expected")

    def build(record: LevelRecord) -> IndicatorResult:
        value = record.equivalent(letter)
        times, series = record.equivalent_series(letter, step)
        standard = f"{standard_of(letter)}, 3.9"
        return IndicatorResult("leq", "dB", standard, value, {"eq": value}, times, series)

    return _measure(pressure, fs, letter, build, keep=True)


def sel(pressure: ArrayLike, fs: float, *, weighting: str = "A") -> IndicatorResult:
    """Sound exposure level LE in dB re (20 µPa)² · 1 s (IEC 61672-1:2013, 3.12).

    Parameters
    ----------
    pressure, fs, weighting
        As for :func:`leq`.

    Returns
    -------
    IndicatorResult
        ``value`` and statistic ``E``.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.dsp.weighting.weight`.

    Examples
    --------
    >>> t = np.arange(48000 * 10) / 48000
    >>> round(sel(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 48000).value, 1)
    104.0
    """
    letter = check_weighting(weighting)

    def build(record: LevelRecord) -> IndicatorResult:
        value = record.exposure(letter)
        return IndicatorResult("sel", "dB", f"{standard_of(letter)}, 3.12", value, {"E": value})

    return _measure(pressure, fs, letter, build)


def time_weighted_level(
    pressure: ArrayLike, fs: float, *, weighting: str = "A", time: str = "F"
) -> IndicatorResult:
    """Exponentially time-weighted sound level (IEC 61672-1:2013, 3.8).

    Parameters
    ----------
    pressure, fs, weighting
        As for :func:`leq`.
    time : {"F", "S", "I"}
        Time constant 125 ms, 1 s, or the impulse detector of IEC 60651:1979 (withdrawn).

    Returns
    -------
    IndicatorResult
        ``value`` is the maximum; ``statistics`` max, min, 5, 10, 50, 90, 95; ``series`` the level
        every 5 ms.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.dsp.weighting.weight`; or an unknown time weighting.

    Examples
    --------
    >>> t = np.arange(48000 * 2) / 48000
    >>> result = time_weighted_level(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 48000)
    >>> round(result.value, 1), round(result.statistics["min"], 1)
    (94.0, 93.9)
    """
    letter, detector = check_weighting(weighting), _check_time(time)

    def build(record: LevelRecord) -> IndicatorResult:
        high, low = record.extremes(letter, detector)
        found = {"max": high, "min": low, **record.percentiles(letter, detector, PERCENTS)}
        times, series = record.series(letter, detector)
        standard = standard_of(letter)
        if detector == "I":
            standard += "; time weighting I of IEC 60651:1979 (withdrawn)"
        return IndicatorResult("time_weighted_level", "dB", standard, high, found, times, series)

    return _measure(pressure, fs, letter, build, detector=detector, keep=True)


def percentile_levels(
    pressure: ArrayLike,
    fs: float,
    *,
    weighting: str = "A",
    time: str = "F",
    percents: Sequence[float] = PERCENTS,
) -> IndicatorResult:
    """Levels exceeded in given percentages of the time, from the continuous detector.

    Parameters
    ----------
    pressure, fs, weighting, time
        As for :func:`time_weighted_level`.
    percents : sequence of float
        Percentages of the time, 0 to 100.

    Returns
    -------
    IndicatorResult
        ``statistics`` one level per percentage, keys ``5``, ``10``, …; ``value`` the level of the
        first percentage. The estimator is that of :func:`soundcal.dsp.signal.exceedance` over the
        readings every 5 ms; beyond 43 minutes that of :mod:`soundcal.dsp.distribution`.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`time_weighted_level`; or a percentage out of range.
    """
    letter, detector = check_weighting(weighting), _check_time(time)
    wanted = tuple(float(p) for p in percents)
    if not wanted or any(not 0 <= p <= 100 for p in wanted):
        raise ParameterError(f"percentages {list(wanted)}: at least one of 0 to 100 expected")

    def build(record: LevelRecord) -> IndicatorResult:
        found = record.percentiles(letter, detector, wanted)
        value = found[f"{wanted[0]:g}"]
        return IndicatorResult("percentile_levels", "dB", standard_of(letter), value, found)

    return _measure(pressure, fs, letter, build, detector=detector)


def peak_level(pressure: ArrayLike, fs: float, *, weighting: str = "C") -> IndicatorResult:
    """Peak sound level, between the samples too (IEC 61672-1:2013, 3.10 and 5.13).

    Parameters
    ----------
    pressure, fs
        As for :func:`leq`.
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting; C is the standard's.

    Returns
    -------
    IndicatorResult
        ``value`` and statistic ``peak``, from eightfold oversampling
        (:class:`soundcal.dsp.detectors.Peak`).

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.dsp.weighting.weight`.

    Examples
    --------
    >>> t = np.arange(4800) / 48000
    >>> round(peak_level(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 48000, weighting="Z").value, 1)
    97.0
    """
    letter = check_weighting(weighting)

    def build(record: LevelRecord) -> IndicatorResult:
        value = record.peak(letter)
        standard = f"{standard_of(letter)}, 3.10"
        return IndicatorResult("peak_level", "dB", standard, value, {"peak": value})

    return _measure(pressure, fs, letter, build, peak=True)

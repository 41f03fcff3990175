"""Sound levels by IEC 61672-1:2013: Leq, exposure, time-weighted, peak and percentile levels.

All levels are in dB re 20 µPa; silence has -inf dB. Statistics have the same keys everywhere:

======== =========================================================================================
``eq``   equivalent continuous level over the whole signal
``E``    sound exposure level, relative to 1 s
``max``  largest time-weighted level, F unless stated otherwise (read at every sample)
``min``  smallest time-weighted level, once the average has settled
``5`` …  level exceeded 5 % … of the time by the time-weighted level, read every 5 ms
``Smax`` and ``Smin``, ``S5`` …: the same with S (and ``Imax``, ``Imin`` with I)
``peak`` peak of the weighted pressure, eightfold oversampled
======== =========================================================================================

:mod:`soundcal.dsp.detectors` describes how the detectors start, settle and are read. An offset of
the samples contributes to Z levels; A, B and C remove it.
"""

from collections.abc import Callable, Sequence

from numpy.typing import ArrayLike

from soundcal.dsp.detectors import TICKS_PER_S
from soundcal.dsp.signal import PERCENTS
from soundcal.dsp.weighting import Weighting, check_weighting, standard_of
from soundcal.errors import ParameterError
from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.levels.stream import LevelRecord, LevelStream
from soundcal.indicators.result import IndicatorResult, stack
from soundcal.indicators.stream import check_field, feed_each, run_stream

__all__ = [
    "leq",
    "peak_level",
    "percentile_levels",
    "sel",
    "sound_level",
    "time_weighted_level",
]


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
    """Return the results that ``build`` makes from the level meter's record of each signal."""

    def opener() -> LevelRecord:
        peaks = (weighting,) if peak else ()
        return LevelRecord((weighting,), fs, detectors=(detector,), peaks=peaks, keep=keep)

    records, leading = feed_each(opener, pressure, fs)
    for record in records:
        record.close()
    return stack([build(record) for record in records], leading)


def _check_time(time: str) -> str:
    if time not in ("F", "S", "I"):
        raise ParameterError(f"time weighting {time!r}; F, S or I is expected")
    return time


@accepts_recording
def sound_level(
    pressure: ArrayLike, fs: float, *, weighting: str = "A", field: str = "free"
) -> IndicatorResult:
    """All levels of one frequency weighting: Leq, exposure, F and S extremes, F percentiles.

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz (1 kHz for Z).
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting.
    field : {"free", "diffuse", "eardrum"}
        Checked, as for all indicators, but without effect: the level is that of the given pressure.

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
    check_field(field)
    return run_stream(LevelStream, f"L{check_weighting(weighting)}", pressure, fs)


@accepts_recording
def leq(
    pressure: ArrayLike,
    fs: float,
    *,
    weighting: str = "A",
    step: float = 0.125,
    field: str = "free",
) -> IndicatorResult:
    """Equivalent continuous sound level (IEC 61672-1:2013, clause 3).

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz (1 kHz for Z).
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting.
    step : float
        Step of the series in s, a multiple of 5 ms; 0.125 and 1 are usual.
    field : {"free", "diffuse", "eardrum"}
        Checked, as for all indicators, but without effect: the level is that of the given pressure.

    Returns
    -------
    IndicatorResult
        ``value`` and statistic ``eq``: Leq over the whole signal in dB re 20 µPa; silence gives
        -inf. ``series``: Leq over every complete step, ``times`` the ends of the steps.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.dsp.weighting.weight`; or a step that is not a multiple of 5 ms.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(48000) / 48000
    >>> round(leq(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 48000).value, 1)
    94.0
    """
    check_field(field)
    letter = check_weighting(weighting)
    ticks = step * TICKS_PER_S
    if not ticks >= 1 or abs(ticks - round(ticks)) > 1e-9:
        raise ParameterError(f"step {step} s; a multiple of {1 / TICKS_PER_S:g} s is expected")

    def build(record: LevelRecord) -> IndicatorResult:
        value = record.equivalent(letter)
        times, series = record.equivalent_series(letter, step)
        standard = f"{standard_of(letter)}, clause 3"
        return IndicatorResult("leq", "dB", standard, value, {"eq": value}, times, series)

    return _measure(pressure, fs, letter, build, keep=True)


@accepts_recording
def sel(
    pressure: ArrayLike, fs: float, *, weighting: str = "A", field: str = "free"
) -> IndicatorResult:
    """Sound exposure level LE in dB re (20 µPa)² · 1 s (IEC 61672-1:2013, clause 3).

    Parameters
    ----------
    pressure, fs, weighting, field
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
    >>> import numpy as np
    >>> t = np.arange(48000 * 10) / 48000
    >>> round(sel(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 48000).value, 1)
    104.0
    """
    check_field(field)
    letter = check_weighting(weighting)

    def build(record: LevelRecord) -> IndicatorResult:
        value = record.exposure(letter)
        return IndicatorResult("sel", "dB", f"{standard_of(letter)}, clause 3", value, {"E": value})

    return _measure(pressure, fs, letter, build)


@accepts_recording
def time_weighted_level(
    pressure: ArrayLike,
    fs: float,
    *,
    weighting: str = "A",
    time: str = "F",
    field: str = "free",
) -> IndicatorResult:
    """Exponentially time-weighted sound level (IEC 61672-1:2013, 5.8).

    Parameters
    ----------
    pressure, fs, weighting, field
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
    >>> import numpy as np
    >>> t = np.arange(48000 * 2) / 48000
    >>> result = time_weighted_level(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 48000)
    >>> round(result.value, 1), round(result.statistics["min"], 1)
    (94.0, 93.9)
    """
    check_field(field)
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


@accepts_recording
def percentile_levels(
    pressure: ArrayLike,
    fs: float,
    *,
    weighting: str = "A",
    time: str = "F",
    percents: Sequence[float] = PERCENTS,
    field: str = "free",
) -> IndicatorResult:
    """Levels exceeded in given percentages of the time, from the continuous detector.

    Parameters
    ----------
    pressure, fs, weighting, time, field
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
    check_field(field)
    letter, detector = check_weighting(weighting), _check_time(time)
    wanted = tuple(float(p) for p in percents)
    if not wanted or any(not 0 <= p <= 100 for p in wanted):
        raise ParameterError(f"percentages {list(wanted)}: at least one of 0 to 100 expected")

    def build(record: LevelRecord) -> IndicatorResult:
        found = record.percentiles(letter, detector, wanted)
        value = found[f"{wanted[0]:g}"]
        return IndicatorResult("percentile_levels", "dB", standard_of(letter), value, found)

    return _measure(pressure, fs, letter, build, detector=detector)


@accepts_recording
def peak_level(
    pressure: ArrayLike, fs: float, *, weighting: str = "A", field: str = "free"
) -> IndicatorResult:
    """Peak sound level, including peaks between the samples (IEC 61672-1:2013, 5.13).

    Parameters
    ----------
    pressure, fs, field
        As for :func:`leq`.
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting; the standard's peak level is the C-weighted one.

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
    >>> import numpy as np
    >>> t = np.arange(4800) / 48000
    >>> round(peak_level(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 48000, weighting="Z").value, 1)
    97.0
    """
    check_field(field)
    letter = check_weighting(weighting)

    def build(record: LevelRecord) -> IndicatorResult:
        value = record.peak(letter)
        standard = f"{standard_of(letter)}, 5.13"
        return IndicatorResult("peak_level", "dB", standard, value, {"peak": value})

    return _measure(pressure, fs, letter, build, peak=True)

"""Loudness by Zwicker's method, ISO 532-1:2017: stationary, over time, and from band levels.

Signals of any sampling rate from 8 kHz are converted exactly to the 48 kHz of the standard's filter
bank (:mod:`soundcal.dsp.resample`). Intermediate values are not rounded; the program in Annex A
rounds N to 0.001 sone (0.01 above 16 sone), so its numbers can differ by half of that. Silence has
0 sone. A constant offset has no effect. The filters start at rest, as after silence.

Known deviation from the printed tables: none. Percentiles printed in Annex B of the standard were
taken from a part of the series (without its first 100 ms and last 500 ms for most signals) and are
reproduced only from that part of ``series``.
"""

import math
from dataclasses import replace
from functools import partial
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.dsp.signal import PERCENTS
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import check_field, run_stream
from soundcal.indicators.zwicker.filter_bank import BANDS
from soundcal.indicators.zwicker.method import BARK, N_BARK, loudness_of
from soundcal.indicators.zwicker.stream import (
    MINIMUM_DURATION,
    SETTLING,
    STANDARD,
    LoudnessStream,
    StationaryStream,
    band_warnings,
)
from soundcal.units import P_REF

__all__ = [
    "annex_percentile",
    "loudness_from_bands",
    "loudness_level_zwtv",
    "loudness_zwst",
    "loudness_zwtv",
]

Estimator = Literal["linear", "annex"]

_LOW: Final = 11


@accepts_recording
def loudness_zwst(
    pressure: ArrayLike, fs: float, *, field: str = "free", skip: float = SETTLING
) -> IndicatorResult:
    """Loudness of a stationary sound (ISO 532-1:2017, clause 5).

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz.
    field : {"free", "diffuse"}
        Sound field.
    skip : float
        Time in s left out at the beginning, while the filters settle (``TimeSkip`` of Annex A).

    Returns
    -------
    IndicatorResult
        ``value`` and statistic ``eq`` are N in sone, ``specific`` N′(z) in sone/Bark at ``axis``,
        0.1 to 24 Bark. :func:`soundcal.units.sone_to_phon` gives the loudness level in phon.

    Raises
    ------
    SignalError
        As for :func:`soundcal.dsp.signal.pressure_array`; or shorter than ``skip`` and 0.1 s.
    ParameterError
        Unknown field, negative ``skip`` or a sampling rate that cannot be converted.

    Examples
    --------
    >>> t = np.arange(48000) / 48000
    >>> tone = np.sqrt(2) * 20e-6 * 10 ** (40 / 20) * np.sin(2 * np.pi * 1000 * t)
    >>> round(loudness_zwst(tone, 48000).value, 3)
    1.0
    """
    return run_stream(partial(StationaryStream, skip=skip), "Nst", pressure, fs, field=field)


@accepts_recording
def loudness_zwtv(
    pressure: ArrayLike, fs: float, *, field: str = "free", estimator: str = "linear"
) -> IndicatorResult:
    """Loudness of any sound over time (ISO 532-1:2017, clause 6).

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, at least 2 ms.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz.
    field : {"free", "diffuse"}
        Sound field.
    estimator : {"linear", "annex"}
        Estimator of the percentiles: linear interpolation between order statistics
        (:func:`soundcal.dsp.signal.exceedance`), or the rule of the program in Annex A
        (:func:`annex_percentile`).

    Returns
    -------
    IndicatorResult
        ``value`` is N5 in sone; ``statistics`` max, mean, 5, 10, 50, 90, 95 (N5 is exceeded 5 % of
        the time) over the whole series; ``times`` exact steps of 2 ms from 0; ``series`` N(t);
        ``specific`` N′(z, t) in sone/Bark, shape (..., n_times, 240), at ``axis``. There is one
        value for every complete step of 2 ms.

    Raises
    ------
    SignalError
        As for :func:`soundcal.dsp.signal.pressure_array`; or shorter than 2 ms.
    ParameterError
        Unknown field or estimator, or a sampling rate that cannot be converted.

    Examples
    --------
    >>> t = np.arange(48000) / 48000
    >>> tone = np.sqrt(2) * 20e-6 * 10 ** (60 / 20) * np.sin(2 * np.pi * 1000 * t)
    >>> result = loudness_zwtv(tone, 48000)
    >>> round(float(result.series[-1]), 2), round(float(result.times[-1]), 3)
    (4.02, 0.998)
    """
    if estimator not in get_args(Estimator):
        raise ParameterError(f"estimator {estimator!r}; linear or annex is expected")
    result = run_stream(LoudnessStream, "N", pressure, fs, field=field, minimum=MINIMUM_DURATION)
    if estimator == "linear" or result.series is None:
        return result
    found = {f"{p:g}": annex_percentile(result.series, p) for p in PERCENTS}
    return replace(result, value=found["5"], statistics={**result.statistics, **found})


@accepts_recording
def loudness_level_zwtv(pressure: ArrayLike, fs: float, *, field: str = "free") -> IndicatorResult:
    """Loudness level of any sound over time (ISO 532-1:2017, clauses 6 and 5.6).

    Parameters
    ----------
    pressure, fs, field
        As for :func:`loudness_zwtv`.

    Returns
    -------
    IndicatorResult
        As for :func:`loudness_zwtv` in phon, without a mean: every value is the level of the
        loudness with the same statistic. Silence has 3 phon, the smallest value of the standard.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`loudness_zwtv`.

    Examples
    --------
    >>> t = np.arange(48000) / 48000
    >>> tone = np.sqrt(2) * 20e-6 * 10 ** (60 / 20) * np.sin(2 * np.pi * 1000 * t)
    >>> round(loudness_level_zwtv(tone, 48000).value, 1)
    60.1
    """
    return run_stream(LoudnessStream, "LN", pressure, fs, field=field, minimum=MINIMUM_DURATION)


def loudness_from_bands(levels: ArrayLike, *, field: str = "free") -> IndicatorResult:
    """Loudness of a stationary sound from its one-third-octave levels (ISO 532-1:2017, 5.3).

    Parameters
    ----------
    levels : array_like, shape (..., 28)
        Unweighted levels in dB re 20 µPa of the bands 25 Hz to 12.5 kHz; ``-inf`` is silence.
    field : {"free", "diffuse"}
        Sound field.

    Returns
    -------
    IndicatorResult
        As for :func:`loudness_zwst`.

    Raises
    ------
    SignalError
        Not 28 levels on the last axis, or a level that is NaN or ``+inf``.
    ParameterError
        Unknown field.

    Examples
    --------
    >>> levels = np.full(28, -np.inf)
    >>> levels[16] = 40.0
    >>> round(loudness_from_bands(levels).value, 2)
    0.93
    """
    which = check_field(field, ["Nst"])
    array = np.asarray(levels)
    if array.dtype.kind not in "fiu" or array.ndim == 0 or array.shape[-1] != BANDS:
        raise SignalError(
            f"band levels of shape {array.shape}, type {array.dtype}; {BANDS} real numbers on the "
            "last axis are expected (one-third-octave bands 25 Hz to 12.5 kHz)"
        )
    array = array.astype(np.float64)
    if np.isnan(array).any() or np.isposinf(array).any():
        raise SignalError("band levels contain NaN or +inf; finite levels or -inf are expected")
    energies = 10.0 ** (array.reshape(-1, BANDS) / 10.0)
    pairs = [loudness_of(energy, which) for energy in energies]
    value = np.array([n for n, _ in pairs]).reshape(array.shape[:-1])
    specific = np.array([pattern for _, pattern in pairs]).reshape(*array.shape[:-1], N_BARK)
    loudest = float(energies[:, :_LOW].max(initial=0.0)) * P_REF**2
    total = float(value) if value.ndim == 0 else value
    return IndicatorResult(
        "loudness_from_bands",
        "sone",
        f"{STANDARD}, 5.3",
        total,
        {"eq": total},
        specific=specific,
        axis=BARK,
        field=which,
        warnings=band_warnings(math.inf, loudest),
    )


def annex_percentile(series: ArrayLike, percent: float) -> float | Array:
    """Return the value exceeded ``percent`` % of the time by the rule of ISO 532-1's program.

    With the n values sorted and ``k = ⌊(1 − percent/100) n⌋``, it is the mean of the values number
    k and k + 1 (counted from 1).

    Parameters
    ----------
    series : array_like, shape (..., n_times)
        Values at equal steps of time.
    percent : float
        Percentage of the time, 0 to 100.

    Returns
    -------
    float or ndarray, shape (...)

    Raises
    ------
    ParameterError
        Percentage out of range.
    SignalError
        No values.

    Examples
    --------
    >>> annex_percentile(np.arange(1.0, 101.0), 5.0)
    95.5
    """
    if not 0.0 <= percent <= 100.0:
        raise ParameterError(f"percentage {percent}; 0 to 100 is expected")
    ordered = np.sort(np.asarray(series, dtype=np.float64), axis=-1)
    if ordered.ndim == 0 or ordered.shape[-1] == 0:
        raise SignalError("a percentile needs a series of at least one value")
    n = ordered.shape[-1]
    k = math.floor((1.0 - percent / 100.0) * n + 1e-9)
    lower, upper = min(max(k - 1, 0), n - 1), min(k, n - 1)
    value = (ordered[..., lower] + ordered[..., upper]) / 2.0
    return float(value) if value.ndim == 0 else value

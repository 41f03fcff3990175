"""The checks of every indicator's input, and the percentiles of every series.

The same rules apply to all indicators: pressure is real floating-point numbers in pascals with time
on the last axis. NaN and infinite samples, integers (unknown full scale), complex numbers, empty
and too short signals are refused, and so are pressures that only damaged samples can have. Silence
is a signal: its level is ``-inf`` dB, its loudness 0 sone.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.errors import ParameterError, SignalError

__all__ = ["PERCENTS", "between", "exceedance", "pressure_array"]


PERCENTS: Final = (5.0, 10.0, 50.0, 90.0, 95.0)
"""Percentages of the study's exceedance values (X5 … X95)."""

_LARGEST: Final = 1e15
"""Sound pressure in Pa (394 dB) above which samples are damaged: no sound comes near it, and powers
of larger numbers cannot be represented."""


def pressure_array(pressure: ArrayLike, fs: float, *, minimum: float = 0.0) -> Array:
    """Return ``pressure`` as a contiguous float64 array after the common checks of all indicators.

    Parameters
    ----------
    pressure : array_like of float, shape (..., n_samples)
        Sound pressure in Pa.
    fs : float
        Sampling rate in Hz.
    minimum : float
        Shortest duration in s that the indicator is defined for.

    Raises
    ------
    SignalError
        Not real floating-point numbers, not finite, beyond 1e15 Pa, empty, or shorter than
        ``minimum``.
    ParameterError
        Impossible sampling rate.
    """
    array = np.asarray(pressure)
    if array.dtype.kind != "f":
        raise SignalError(
            f"sound pressure must be floating-point numbers in Pa, got {array.dtype}; "
            "integer samples are not in pascal: apply a calibration first"
        )
    if not np.isfinite(fs) or fs <= 0:
        raise ParameterError(f"sampling rate {fs} Hz: a positive rate is expected")
    if array.ndim == 0 or array.size == 0:
        raise SignalError(f"sound pressure of shape {array.shape}: no samples")
    duration = array.shape[-1] / fs
    if duration < minimum:
        raise SignalError(
            f"signal of {duration:.4g} s ({array.shape[-1]} samples at {fs:g} Hz) is too short: "
            f"at least {minimum:g} s are needed (time is the last axis)"
        )
    array = np.ascontiguousarray(array, dtype=np.float64)
    if not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise SignalError(f"{bad} of {array.size} samples are NaN or infinite")
    largest = float(np.abs(array).max())
    if largest > _LARGEST:
        raise SignalError(
            f"samples of up to {largest:.3g} Pa are no sound pressure: damaged samples?"
        )
    return array


def exceedance(series: ArrayLike, percents: Iterable[float] = PERCENTS) -> Array:
    """Return the values exceeded in given percentages of the time, shape (n_percents, ...).

    ``X5``, exceeded 5 % of the time, is the 95th percentile of the series, by linear interpolation
    between order statistics (Hyndman & Fan type 7, numpy's and Excel's PERCENTILE default). No
    interpolation is possible between ``-inf`` (silence) or ``inf`` and another value: the lower is
    returned.

    Parameters
    ----------
    series : array_like, shape (..., n_times)
        Values at equal steps of time.
    percents : iterable of float
        Percentages of the time, 0 to 100.

    Examples
    --------
    >>> float(exceedance([0.0, 1.0, 2.0, 3.0, 4.0], [50])[0])
    2.0
    """
    values = np.asarray(series, dtype=np.float64)
    wanted: Sequence[float] = list(percents)
    if any(not 0 <= p <= 100 for p in wanted):
        raise ParameterError(f"percentages {wanted}: 0 to 100 expected")
    if values.ndim == 0 or values.shape[-1] == 0:
        raise SignalError("a percentile needs a series of at least one value")
    quantiles = 1.0 - np.asarray(wanted, dtype=np.float64) / 100.0
    if np.isinf(values).any():
        ordered = np.sort(values, axis=-1)
        position = quantiles * (values.shape[-1] - 1)
        low = np.floor(position).astype(np.intp)
        above = ordered[..., np.minimum(low + 1, values.shape[-1] - 1)]
        result = between(ordered[..., low], above, position - low)
        return np.moveaxis(result, -1, 0)
    return np.asarray(np.quantile(values, quantiles, axis=-1), dtype=np.float64)


def between(below: Array, above: Array, share: Array) -> Array:
    """Return what lies the given share of the way from ``below`` to ``above``.

    Between an infinite value and another one it is ``below``.
    """
    finite = np.isfinite(below) & np.isfinite(above)
    step = np.where(finite, above, 0.0) - np.where(finite, below, 0.0)
    return np.asarray(below + share * step)

"""Psychoacoustic annoyance by Widmann (Fastl & Zwicker 2007, 16.1.4).

``PA = N5 (1 + √(wS² + wFR²))`` with N5, the loudness exceeded 5 % of the time, and the means over
time of sharpness, fluctuation strength and roughness in

* ``wS = 0.25 (S − 1.75) lg(N5 + 10)`` for S above 1.75 acum, else 0;
* ``wFR = 2.18 N5^−0.4 (0.4 F + 0.6 R)``.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.dsp.signal import pressure_array
from soundcal.errors import SignalError
from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.analysis import open_stream
from soundcal.indicators.modulation.fluctuation import MINIMUM_DURATION
from soundcal.indicators.result import IndicatorResult

__all__ = ["annoyance_from_results", "annoyance_of", "psychoacoustic_annoyance"]


STANDARD: Final = "Widmann 1992 (Fastl & Zwicker 2007, 16.1.4)"
NEEDED: Final = ("N", "S", "F", "R")


def annoyance_of(
    loudness: ArrayLike, sharpness: ArrayLike, fluctuation: ArrayLike, roughness: ArrayLike
) -> Any:
    """Return the annoyance of given hearing sensations.

    Parameters
    ----------
    loudness : array_like
        N5 in sone.
    sharpness : array_like
        S in acum.
    fluctuation : array_like
        F in vacil.
    roughness : array_like
        R in asper.

    Returns
    -------
    float or ndarray
        PA; 0 without loudness.

    Raises
    ------
    SignalError
        A value that is negative, NaN or infinite.

    Examples
    --------
    >>> round(annoyance_of(30.0, 2.0, 0.5, 0.3), 2)
    37.05
    """
    given = [np.asarray(x, dtype=np.float64) for x in (loudness, sharpness, fluctuation, roughness)]
    for name, values in zip(("N5", "S", "F", "R"), given, strict=True):
        if not (np.isfinite(values) & (values >= 0.0)).all():
            raise SignalError(f"{name} = {values}: finite values of 0 or more are expected")
    n5, s, f, r = given
    by_sharpness = 0.25 * np.maximum(s - 1.75, 0.0) * np.log10(n5 + 10.0)
    heard = np.where(n5 > 0.0, n5, 1.0)
    by_modulation = 2.18 * heard**-0.4 * (0.4 * f + 0.6 * r)
    value = n5 * (1.0 + np.hypot(by_sharpness, by_modulation))
    return float(value) if value.ndim == 0 else value


def annoyance_from_results(results: Mapping[str, IndicatorResult]) -> IndicatorResult:
    """Return the annoyance from the results of N, S, F and R (by these symbols)."""
    value = annoyance_of(
        results["N"].statistics["5"], *(results[symbol].statistics["mean"] for symbol in NEEDED[1:])
    )
    warnings = dict.fromkeys(w for symbol in NEEDED for w in results[symbol].warnings)
    return IndicatorResult(
        "psychoacoustic_annoyance",
        "au",
        STANDARD,
        value,
        {"eq": value},
        field=results["N"].field,
        warnings=tuple(warnings),
    )


@accepts_recording
def psychoacoustic_annoyance(
    pressure: ArrayLike, fs: float, *, field: str = "free"
) -> IndicatorResult:
    """Psychoacoustic annoyance by Widmann, from N5, S, F and R of the signal.

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, at least 0.5 s; shorter than 2 s gives a warning.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz.
    field : {"free", "diffuse"}
        Sound field.

    Returns
    -------
    IndicatorResult
        ``value`` and statistic ``eq`` are PA in au; a 1 kHz tone of 40 dB has 1, silence 0.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.indicators.modulation.fluctuation.fluctuation_strength`.

    Examples
    --------
    >>> t = np.arange(24000) / 48000
    >>> tone = np.sqrt(2) * 20e-6 * 10 ** (40 / 20) * np.sin(2 * np.pi * 1000 * t)
    >>> round(psychoacoustic_annoyance(tone, 48000).value, 1)
    1.0
    """
    signal = pressure_array(pressure, fs, minimum=MINIMUM_DURATION)
    flat = signal.reshape(-1, signal.shape[-1])
    stream = open_stream(["PA"], fs=fs, n_channels=flat.shape[0], field=field)
    stream.push(flat)
    result = stream.finish()["PA"]
    if signal.ndim == 1:
        value: Any = float(result.value[0])
    else:
        value = np.reshape(result.value, signal.shape[:-1])
    return replace(result, value=value, statistics={"eq": value})

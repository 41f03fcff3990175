"""Sharpness by DIN 45692:2009, stationary and over time, based on the loudness of ISO 532-1:2017.

:mod:`soundcal.indicators.zwicker.sharpness_weights` describes the weightings and the scaling to
1 acum. Over time, pattern and loudness are those of the same instant, before the temporal weighting
of the loudness; so the sharpness does not overshoot when a sound begins. Below 0.001 sone it is 0.
"""

from functools import partial

from numpy.typing import ArrayLike

from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import run_stream
from soundcal.indicators.zwicker.sharpness_weights import check_sharpness_weighting, sharpness_of
from soundcal.indicators.zwicker.stream import (
    MINIMUM_DURATION,
    SETTLING,
    LoudnessStream,
    StationaryStream,
)

__all__ = ["sharpness_din_st", "sharpness_din_tv", "sharpness_of"]


@accepts_recording
def sharpness_din_st(
    pressure: ArrayLike,
    fs: float,
    *,
    weighting: str = "din",
    field: str = "free",
    skip: float = SETTLING,
) -> IndicatorResult:
    """Sharpness of a stationary sound (DIN 45692:2009).

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz.
    weighting : {"din", "aures", "bismarck"}
        Weighting function.
    field : {"free", "diffuse"}
        Sound field of the loudness.
    skip : float
        Time in s left out at the beginning, while the filters settle.

    Returns
    -------
    IndicatorResult
        ``value`` and statistic ``eq`` are S in acum; silence has 0.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.indicators.zwicker.loudness.loudness_zwst`; or an unknown weighting.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(48000) / 48000
    >>> round(sharpness_din_st(0.03 * np.sin(2 * np.pi * 1000 * t), 48000).value, 1)
    1.0
    """
    name = check_sharpness_weighting(weighting)
    opener = partial(StationaryStream, weighting=name, skip=skip)
    return run_stream(opener, "Sst", pressure, fs, field=field)


@accepts_recording
def sharpness_din_tv(
    pressure: ArrayLike, fs: float, *, weighting: str = "din", field: str = "free"
) -> IndicatorResult:
    """Sharpness of any sound over time (DIN 45692:2009 on the time-varying loudness).

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, at least 2 ms.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz.
    weighting : {"din", "aures", "bismarck"}
        Weighting function.
    field : {"free", "diffuse"}
        Sound field of the loudness.

    Returns
    -------
    IndicatorResult
        ``value`` is the mean over time in acum; ``statistics`` max, mean, 5, 10, 50, 90, 95 over
        the whole series, silent parts (0 acum) included; ``times`` exact steps of 2 ms from 0;
        ``series`` S(t).

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.indicators.zwicker.loudness.loudness_zwtv`; or an unknown weighting.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(48000) / 48000
    >>> result = sharpness_din_tv(0.03 * np.sin(2 * np.pi * 1000 * t), 48000)
    >>> round(float(result.series[-1]), 1)
    1.0
    """
    opener = partial(LoudnessStream, weighting=check_sharpness_weighting(weighting))
    return run_stream(opener, "S", pressure, fs, field=field, minimum=MINIMUM_DURATION)

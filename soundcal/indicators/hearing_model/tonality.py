"""Tonality by the hearing model, ECMA-418-2:2025, clause 6."""

from numpy.typing import ArrayLike

from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.hearing_model.stage import HearingModelStage
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import run_together

__all__ = ["tonality_ecma"]


@accepts_recording
def tonality_ecma(
    pressure: ArrayLike, fs: float, *, field: str = "free", specific: bool = False
) -> IndicatorResult:
    """Tonality over time by the hearing model of ECMA-418-2:2025 (4th edition).

    The tonality of a time is that of its most tonal band, T(t) = max T′(z, t). The single value is
    the standard's mean over the times with more than 0.02 tu_HMS. A tonality above 0.4 tu_HMS is
    called prominent (6.3). The first 0.304 s are left out of value, statistics and averages. The
    standard has no tonality of both ears.

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, more than 0.304 s.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz; other rates than 48 kHz are converted.
    field : {"free", "diffuse", "eardrum"}
        Sound field. ``eardrum`` leaves out the outer ear, for the pressure at the eardrum, which
        the standard does not treat.
    specific : bool
        Also return the specific tonality over time.

    Returns
    -------
    HearingModelResult
        ``value`` in tu_HMS; ``statistics``: the same as ``eq``, and max, mean, 5, 10, 50, 90, 95 of
        all T(t), which are additions to the standard; ``series`` T(t) at 187.5 Hz; ``frequency`` of
        the most tonal band in Hz, NaN where nothing is tonal; ``specific`` the mean of T′(z) above
        0.02 tu_HMS, shape (..., 53), in tu_HMS, at ``axis``; ``specific_frequency`` the mean
        frequency over the same times, NaN where there are none. With ``specific`` also
        ``specific_series``, shape (..., n_times, 53). Silence has 0.

    Raises
    ------
    SignalError
        As for :func:`soundcal.dsp.signal.pressure_array`; or not longer than 0.304 s.
    ParameterError
        Unknown field or a sampling rate that cannot be converted.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sqrt(2) * 0.002 * np.sin(2 * np.pi * 1000 * np.arange(24000) / 48000)
    >>> round(tonality_ecma(tone, 48000).value, 3)
    1.0
    """
    return run_together(HearingModelStage, "THM", pressure, fs, field=field, specific=specific)

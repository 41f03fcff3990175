"""Loudness by the hearing model, ECMA-418-2:2025, clause 8."""

from numpy.typing import ArrayLike

from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.hearing_model.stage import HearingModelStage
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import run_together

__all__ = ["loudness_ecma"]


@accepts_recording
def loudness_ecma(
    pressure: ArrayLike, fs: float, *, field: str = "free", specific: bool = False
) -> IndicatorResult:
    """Loudness over time by the hearing model of ECMA-418-2:2025 (4th edition).

    The tonal and the noise component of the sound are weighted differently. The single value is the
    standard's power mean over time, with the exponent 1/lg 2 = 3.32: a sound that is there for a
    tenth of the time, and silence otherwise, has half its loudness. The first 0.304 s are left out
    of value, statistics and ``specific``.

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, more than 0.304 s. A last leading axis of 2 is a pair of ears.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz; other rates than 48 kHz are converted.
    field : {"free", "diffuse", "eardrum"}
        Sound field. ``eardrum`` leaves out the outer ear, for the pressure at the eardrum, which
        the standard does not treat.
    specific : bool
        Also return the specific loudness over time and its two components.

    Returns
    -------
    HearingModelResult
        ``value`` in sone_HMS; ``statistics``: the same as ``eq``, and max, mean, 5, 10, 50, 90, 95
        over time, which are additions to the standard; ``series`` N(t) at 187.5 Hz; ``specific``
        the power mean of N′(z), shape (..., 53), in sone_HMS/Bark_HMS, at ``axis``. For a pair of
        ears ``binaural`` is the loudness of both (root mean square of N′(z, t)). With ``specific``
        also ``specific_series``, ``tonal_loudness`` and ``noise_loudness``, shape
        (..., n_times, 53). Silence has 0.

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
    >>> round(loudness_ecma(tone, 48000).value, 3)
    1.0
    """
    return run_together(HearingModelStage, "NHM", pressure, fs, field=field, specific=specific)

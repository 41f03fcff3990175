"""Roughness of the hearing model, ECMA-418-2:2025, clause 7."""

from numpy.typing import ArrayLike

from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.hearing_model.stage import HearingModelStage
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import run_together

__all__ = ["roughness_ecma"]


@accepts_recording
def roughness_ecma(
    pressure: ArrayLike, fs: float, *, field: str = "free", specific: bool = False
) -> IndicatorResult:
    """Roughness over time by the hearing model of ECMA-418-2:2025 (4th edition).

    A 1 kHz tone of 60 dB, fully modulated at 70 Hz, has 1 asper_HMS; 60 dB is the level of the
    modulated tone. Above 0.2 asper_HMS the standard calls roughness prominent.

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, longer than 0.32 s. A last leading axis of 2 is a pair of ears.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz; the model works at 48 kHz.
    field : {"free", "diffuse", "eardrum"}
        Sound field. ``eardrum`` leaves out the outer ear, for the pressure at the eardrum, which
        the standard does not treat.
    specific : bool
        Also return the specific values over time, ``specific_series``.

    Returns
    -------
    HearingModelResult
        ``value`` is the 90th percentile of R(t) in asper_HMS, exceeded in 10 % of the time;
        ``statistics``: the same as ``eq``, and max, mean, 5, 10, 50, 90, 95 of R(t), which are
        additions to the standard; ``series`` R(t) every 0.02 s; ``specific`` the mean of R′(z) over
        time in asper_HMS/Bark_HMS, shape (..., 53), at ``axis``. The first 16 values, up to 0.3 s,
        are left out of value, statistics and mean. ``binaural``: the same of both ears, from the
        root mean square of their R′(z, t). With ``specific`` also ``specific_series``, shape
        (..., n_times, 53). Silence has 0.

    Raises
    ------
    SignalError
        As for :func:`soundcal.dsp.signal.pressure_array`; or not longer than 0.32 s.
    ParameterError
        Unknown field or a sampling rate that cannot be converted.

    Notes
    -----
    What the standard leaves open: percentiles are interpolated linearly between order statistics
    (type 7); another type reads up to 1.6 % more in 2 s of noise, and the same in steady sounds.
    The mean of R′(z) begins with value 16; beginning with 15 differs by 5e-6 asper_HMS. The
    weighting by entropy (7.1.6) is optional, needs the rotational speed and is not computed.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(48000) / 48000
    >>> tone = (1 + np.sin(2 * np.pi * 70 * t)) * np.sin(2 * np.pi * 1000 * t)
    >>> round(roughness_ecma(0.02 * tone / np.sqrt(np.mean(tone**2)), 48000).value, 2)
    1.0
    """
    return run_together(HearingModelStage, "RHM", pressure, fs, field=field, specific=specific)

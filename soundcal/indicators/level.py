"""Sound levels by IEC 61672-1:2013."""

import numpy as np
from numpy.typing import ArrayLike

from soundcal.dsp.signal import pressure_array
from soundcal.dsp.weighting import check_weighting, standard_of, weight
from soundcal.indicators.result import IndicatorResult
from soundcal.units import pascal_to_level

__all__ = ["leq"]


def leq(pressure: ArrayLike, fs: float, *, weighting: str = "A") -> IndicatorResult:
    """Equivalent continuous sound level over the whole signal (IEC 61672-1:2013, 3.9).

    Parameters
    ----------
    pressure : array_like, shape (..., n_samples)
        Sound pressure in Pa.
    fs : float
        Sampling rate in Hz.
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting.

    Returns
    -------
    IndicatorResult
        ``value`` is the level in dB re 20 µPa; silence gives -inf.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.dsp.weighting.weight`.

    Examples
    --------
    >>> t = np.arange(48000) / 48000
    >>> round(leq(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 48000).value, 1)
    94.0
    """
    signal = pressure_array(pressure, fs)
    letter = check_weighting(weighting)
    weighted = weight(signal, fs, letter)
    value = pascal_to_level(np.sqrt(np.mean(weighted**2, axis=-1)))
    return IndicatorResult("leq", "dB", f"{standard_of(letter)}, 3.9", value, {"eq": value})

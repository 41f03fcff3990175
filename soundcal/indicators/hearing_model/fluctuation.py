"""Fluctuation strength of the hearing model, ECMA-418-2:2025, clause 9.

Known deviations
----------------
The definition, a 1 kHz tone of 60 dB fully modulated at 4 Hz, reads 0.9958 vacil_HMS after 10 s
with the printed factor c_F, which was kept, and 0.9932 after 5 s, because the smoothing (0.75 s)
settles slowly. HEAD ArtemiS 17 is published with 1.003 for it, 2 % more in the main bands. Other
implementations of the text agree with each other to 0.2 % on modulated tones, and with ArtemiS to
about 10 % on recordings; the reason is not known. On noise without modulation they differ by up to
20 %.

Two formulas are misprinted: the phase of the window's spectrum (127) has π, not 2π, and the centre
of gravity (144) subtracts no bin. As printed the analysis would not find its own lines.

Variant
-------
Where the text leaves open what is meant, soundcal reads it as follows; the constants stand at the
top of :mod:`soundcal.indicators.hearing_model.fluctuation_kernels`.

* The constants of the fine tuning (9.1.7) have no unit. They are fractions of 1500 Hz; in Hz the
  tuning would move by 0.002 Hz at most. That would change modulated tones by up to 3 %, the
  definition by nothing, noise of 10 s by up to 25 %.
* Half and a third of the strongest rate are fundamentals (9.1.8) only if there is a line at that
  rate. Without this condition pink noise would read 10 to 30 % more, modulated tones at most 0.1 %.
* Lines of a complex that share an order (9.1.8) are one line. None were met in noise or tones.
* The single value is the 90th percentile by linear interpolation (type 7).
"""

from numpy.typing import ArrayLike

from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.hearing_model.stage import HearingModelStage
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import run_together

__all__ = ["fluctuation_ecma"]


@accepts_recording
def fluctuation_ecma(
    pressure: ArrayLike, fs: float, *, field: str = "free", specific: bool = False
) -> IndicatorResult:
    """Fluctuation strength over time by the hearing model of ECMA-418-2:2025 (Sottek).

    A 1 kHz tone of 60 dB, fully modulated at 4 Hz, has 1 vacil_HMS; 60 dB is the level of the
    modulated tone. Above 0.2 vacil_HMS the standard calls fluctuation strength prominent. Clause 9
    is new in this edition and leaves some steps open: the module's documentation names the
    deviations and how soundcal reads the text.

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, at least 1.5 s; shorter than 5 s gives a warning, because the values
        still settle. A last leading axis of 2 is a pair of ears.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz; the model works at 48 kHz.
    field : {"free", "diffuse", "eardrum"}
        Sound field. ``eardrum`` is for the pressure at the eardrum, which has passed the outer ear;
        the standard does not treat it.
    specific : bool
        Also return the specific values over time, ``specific_series``.

    Returns
    -------
    HearingModelResult
        ``value`` is the 90th percentile of F(t) in vacil_HMS (the value not exceeded in 90 % of the
        time), ``series`` F(t) at ``times``, every 0.02 s; ``specific`` the mean of F'(z, t) over
        time in vacil_HMS/Bark_HMS, shape (..., 53), at ``axis``. The first 36 values, up to 0.7 s,
        belong to the start and are left out of all but the series. ``statistics`` max, mean, 5, 10,
        50, 90, 95 (exceeded in so many per cent of the time) of F(t) are additions of soundcal.
        ``binaural`` is the same of both ears, from the root mean square of their F'(z, t). Silence
        has 0.

    Raises
    ------
    SignalError
        As for :func:`soundcal.dsp.signal.pressure_array`; or shorter than 1.5 s.
    ParameterError
        Unknown field or a sampling rate that cannot be converted.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(5 * 48000) / 48000
    >>> tone = (1 + np.sin(2 * np.pi * 4 * t)) * np.sin(2 * np.pi * 1000 * t)
    >>> round(fluctuation_ecma(0.02 * tone / np.sqrt(np.mean(tone**2)), 48000).value, 2)
    0.99
    """
    return run_together(HearingModelStage, "FHM", pressure, fs, field=field, specific=specific)

"""Tonality of wind turbines (IEC 61400-11:2012 with amendment 1): its tonality only.

Of a spectrum of A-weighted lines 1 to 2 Hz apart under the Hann window, averaged over 10 s:

1. A possible tone is a local maximum more than 6 dB above the mean of the critical band around it
   without the line and its two neighbours. The band is as wide as the critical bandwidth; for 20 to
   70 Hz it is 20 to 120 Hz.
2. Lines up to 6 dB above the mean of the 70 % lowest lines of the band are masking lines. Lines
   more than 6 dB above the mean of the masking lines and less than 10 dB below the highest line are
   lines of the tone.
3. The level of the tone is that of the sum of its lines, runs of two or more divided by 1.5 for the
   window. Its audibility is this level over that of the masking in the critical band, over L_a.

The value of a spectrum is the largest audibility, that of several spectra the energetic mean; a
spectrum without a tone adds nothing. The standard goes on to sort spectra by wind speed and tones
by origin, which is left to the user.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.dsp.spectrum import NOISE_BANDWIDTH
from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.prominence import bands
from soundcal.indicators.prominence.kernels import means_around
from soundcal.indicators.prominence.lines import (
    AudibilityMethod,
    AudibilityStream,
    LineSpectrum,
    audibility_from_lines,
    measured_audibility,
)
from soundcal.indicators.prominence.result import AudibilityResult, AudibleTone
from soundcal.indicators.stream import StreamRequest
from soundcal.units import power_db

__all__ = ["open_wind_turbine_stream", "tonality_iec61400", "tonality_iec61400_from_lines"]

LOWEST: Final = 20.0
"""Frequency in Hz from which on tones are rated."""

_EXCESS: Final = 10.0**0.6
_BELOW_PEAK: Final = 10.0**-1.0
_LOWEST_LINES: Final = 0.7


def _tones(spectrum: LineSpectrum) -> list[AudibleTone]:
    """Return the tones of a spectrum in the order of their frequencies."""
    power = spectrum.power
    peaks = spectrum.maxima(LOWEST)
    first, last = spectrum.inside(*bands.wind_turbine_band(spectrum.frequency[peaks]))
    means = means_around(power, peaks, first, last)
    possible = np.flatnonzero(power[peaks] > means * _EXCESS)
    taken = np.zeros(power.size, dtype=np.bool_)
    tones = []
    for j in possible[np.argsort(-power[peaks[possible]], kind="stable")]:
        peak, band = int(peaks[j]), power[first[j] : last[j] + 1]
        lowest = np.sort(band)[: max(1, int(_LOWEST_LINES * band.size))]
        masking = float(band[band <= lowest.mean() * _EXCESS].mean())
        above = band > masking * _EXCESS
        tonal = above & (band > band[above].max(initial=0.0) * _BELOW_PEAK)
        if taken[peak] or not tonal[peak - first[j]]:
            continue  # it belongs to a higher one
        taken[first[j] : last[j] + 1] |= tonal
        tones.append(_rated(spectrum, peak, _power(band, tonal), masking))
    return sorted(tones, key=lambda tone: tone.frequency)


def _power(band: Array, tonal: Array) -> float:
    """Return the power of the marked lines, runs of two or more divided by the window's width."""
    padded = np.concatenate([[False], tonal, [False]])
    beside = padded[:-2] | padded[2:]
    return float(np.where(beside, band / NOISE_BANDWIDTH, band)[tonal].sum())


def _rated(spectrum: LineSpectrum, peak: int, power: float, noise: float) -> AudibleTone:
    frequency = float(spectrum.frequency[peak])
    lower, upper = bands.wind_turbine_band(spectrum.frequency[peak])
    masking = power_db(noise * float(upper - lower) / (NOISE_BANDWIDTH * spectrum.spacing))
    index = float(bands.masking_index(frequency))
    return AudibleTone(
        time=spectrum.time,
        frequency=frequency,
        level=power_db(power),
        noise_level=power_db(noise),
        masking_level=masking,
        masking_index=index,
        audibility=power_db(power) - masking - index,
        members=(frequency,),
    )


METHOD: Final = AudibilityMethod(
    symbol="dLa",
    standard="IEC 61400-11:2012+A1, tonality",
    resolution=1.0,
    allowed=(1.0, 2.0),
    period=10.0,
    expected=1,
    without_tone=-np.inf,
    adjusts=False,
    band=bands.wind_turbine_band,
    tones=_tones,
)


def open_wind_turbine_stream(request: StreamRequest) -> AudibilityStream:
    """Open the stage of the tonality of wind turbines."""
    return AudibilityStream(request, METHOD, METHOD.resolution)


@accepts_recording
def tonality_iec61400(
    pressure: ArrayLike, fs: float, *, field: str = "free", resolution: float = METHOD.resolution
) -> AudibilityResult:
    """Tonality of wind turbines (IEC 61400-11): audibility of the most audible tone.

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, at least 1 s; the standard averages spectra over 10 s.
    fs : float, needed for an array
        Sampling rate in Hz. Tones are rated whose critical band lies below half of it.
    field : {"free", "diffuse", "eardrum"}
        Has no effect; present so that all indicators have the same arguments.
    resolution : float
        Distance of the lines in Hz, 1 to 2.

    Returns
    -------
    AudibilityResult
        ``value`` and statistic ``eq``: energetic mean in dB over the largest tonal audibility ΔL_a
        of each spectrum of 10 s, of which ``series`` has all and ``max`` is the largest; ``-inf``
        where there is no tone. ``tones`` as described there. Samples after the last 10 s are not
        used, unless the signal is shorter than that.

    Raises
    ------
    SignalError
        As for :func:`soundcal.dsp.signal.pressure_array`; or shorter than 1 s.
    ParameterError
        Unknown field, impossible rate or resolution.
    """
    return measured_audibility(METHOD, pressure, fs, field=field, resolution=resolution)


def tonality_iec61400_from_lines(frequency: ArrayLike, level: ArrayLike) -> AudibilityResult:
    """Tonality of wind turbines of given spectra (IEC 61400-11).

    Parameters
    ----------
    frequency, level
        As for :func:`~soundcal.indicators.tonal_audibility_from_lines`.

    Returns
    -------
    AudibilityResult
        As of :func:`tonality_iec61400`, without times.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`~soundcal.indicators.tonal_audibility_from_lines`.

    Examples
    --------
    >>> frequency = np.arange(400.0, 601.0)
    >>> level = np.where(frequency == 500.0, 50.0, 30.0)
    >>> round(tonality_iec61400_from_lines(frequency, level).value, 2)
    3.37
    """
    return audibility_from_lines(METHOD, frequency, level)

"""Tonal audibility of tones in noise (ISO/PAS 20065:2016, DIN 45681:2005).

Of a narrow-band spectrum of A-weighted line levels under the Hann window, as an analyser shows
them (a tone on a line has its own level there, and more in the sum of its lines):

1. The mean narrow-band level L_S of a line is that of the noise lines in its critical band, whose
   edges have the line as geometric mean. Lines more than 6 dB above it are left out again and
   again, until it moves by 0.005 dB at most or five lines on each side would not be left.
2. A line more than 6 dB above its L_S and higher than its neighbours is the peak of a tone. The
   tone is the run of lines around it that are more than 6 dB above L_S and less than 10 dB below
   the peak. A peak among the lines of a higher one is part of that tone.
3. The tone is distinct if it is not wider than ``26·(1 + 0.001·f/Hz)`` Hz and both flanks fall by
   24 dB per octave or more. Their slopes are taken at ``f/√2`` as in DIN 45681 and its program; the
   text of ISO/PAS 20065 has ``f/2`` below and ``f`` above. Other tones are not rated.
4. The audibility is ``L_T − L_G − a_v``: the level of the tone over that of the noise in its
   critical band, over the masking index. Sums of several lines are lowered by 1.76 dB for the
   window; a single line is not.
5. Audible tones in one critical band are rated together, at the most audible one, and so are chains
   of such tones. Just two tones below 1 kHz that are further apart than the standard's distance f_D
   are rated separately. In a given spectrum, a tone whose critical band the spectrum does not cover
   gives way to the others of its group.

The decisive audibility of a spectrum is the largest, −10 dB if there is no tone; the audibility is
the energetic mean over the spectra. In the uncertainty of the mean, spectra without a tone count
with an uncertainty of 0 dB.
"""

import math
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.dsp.spectrum import NOISE_BANDWIDTH
from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.prominence import bands
from soundcal.indicators.prominence.kernels import noise_means
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

__all__ = ["open_audibility_stream", "tonal_audibility", "tonal_audibility_from_lines"]

LOWEST: Final = 50.0
"""Frequency in Hz from which on tones are rated."""

_EXCESS: Final = 10.0**0.6
_BELOW_PEAK: Final = 10.0**-1.0
_LEAST_LINES: Final = 5
_STEEPEST: Final = 24.0


class _Noise(NamedTuple):
    """The noise lines around a tone."""

    mean: float
    """Their mean power, lowered by 1.76 dB."""
    spread: float
    """The sum of their squared powers over their squared sum."""


class _Distinct(NamedTuple):
    """A distinct tone and what it takes to rate it together with others."""

    tone: AudibleTone
    first: int
    last: int
    """First and last line of the tone."""
    noise: _Noise
    whole: bool
    """The spectrum covers the critical band."""


def _tones(spectrum: LineSpectrum) -> list[AudibleTone]:
    """Return the distinct tones of a spectrum, and after them those that are rated together."""
    peaks = spectrum.maxima(LOWEST)
    first, last = spectrum.inside(*bands.geometric_band(spectrum.frequency[peaks]))
    rated = (peaks - first >= _LEAST_LINES) & (last - peaks >= _LEAST_LINES)
    peaks, first, last = peaks[rated], first[rated], last[rated]
    means, spreads = noise_means(spectrum.power, peaks, first, last)
    distinct: list[_Distinct] = []
    taken = np.zeros(spectrum.power.size, dtype=np.bool_)
    for j in np.argsort(-spectrum.power[peaks], kind="stable"):
        peak, noise = int(peaks[j]), _Noise(float(means[j]) / NOISE_BANDWIDTH, float(spreads[j]))
        if taken[peak] or spectrum.power[peak] <= noise.mean * _EXCESS:
            continue
        low, high = _run(spectrum, peak, noise.mean)
        taken[low : high + 1] = True
        if _is_distinct(spectrum, peak, low, high):
            lines = spectrum.power[low : high + 1]
            frequency = float(spectrum.frequency[peak])
            tone = _rated(spectrum, frequency, _sum_of_lines(lines), lines, noise)
            whole = spectrum.reaches(*bands.geometric_band(frequency))
            distinct.append(_Distinct(tone, low, high, noise, whole))
    distinct.sort(key=lambda one: one.tone.frequency)
    together = [
        _rated_together(spectrum, group)
        for group in _groups([one for one in distinct if one.tone.audible])
    ]
    return [one.tone for one in distinct] + together


def _run(spectrum: LineSpectrum, peak: int, noise: float) -> tuple[int, int]:
    """Return the first and last line of the tone around a peak."""
    limit = max(noise * _EXCESS, spectrum.power[peak] * _BELOW_PEAK)
    low = high = peak
    while low > 0 and spectrum.power[low - 1] > limit:
        low -= 1
    while high < spectrum.power.size - 1 and spectrum.power[high + 1] > limit:
        high += 1
    return low, high


def _is_distinct(spectrum: LineSpectrum, peak: int, low: int, high: int) -> bool:
    """Return whether a tone is narrow and its flanks are steep."""
    frequency = spectrum.frequency[peak]
    if (high - low + 1) * spectrum.spacing > 26.0 * (1.0 + 0.001 * frequency):
        return False
    if low == 0 or high == spectrum.power.size - 1:
        return False  # the flank is not known
    return all(
        frequency
        / np.sqrt(2.0)
        * power_db(spectrum.power[peak] / spectrum.power[outside])
        / abs(frequency - spectrum.frequency[outside])
        >= _STEEPEST
        for outside in (low - 1, high + 1)
        if spectrum.power[outside] > 0.0
    )


def _sum_of_lines(powers: Array) -> float:
    """Return the power of lines, of several without what the window adds."""
    return float(powers.sum()) / (NOISE_BANDWIDTH if powers.size > 1 else 1.0)


def _rated(
    spectrum: LineSpectrum, frequency: float, power: float, summands: Array, noise: _Noise
) -> AudibleTone:
    """Return a tone of a total power with its audibility.

    ``summands`` are the powers of its lines, or of the tones that are rated together.
    """
    width = bands.critical_bandwidth(frequency)
    masking = power_db(noise.mean * width / spectrum.spacing)
    index = float(bands.masking_index(frequency))
    spread = float(np.sum(summands**2) / np.sum(summands) ** 2) + noise.spread
    return AudibleTone(
        time=spectrum.time,
        frequency=frequency,
        level=power_db(power),
        noise_level=power_db(noise.mean),
        masking_level=masking,
        masking_index=index,
        audibility=power_db(power) - masking - index,
        uncertainty=1.645 * math.sqrt(9.0 * spread + (4.34 * spectrum.spacing / width) ** 2),
        members=(frequency,),
    )


def _rated_together(spectrum: LineSpectrum, group: list[_Distinct]) -> AudibleTone:
    """Return the tones of a group as one, rated at the most audible of them."""
    lines = {line for one in group for line in range(one.first, one.last + 1)}
    leader = max(group, key=lambda one: (one.whole, one.tone.audibility))
    summands = 10.0 ** (np.array([one.tone.level for one in group]) / 10.0)
    power = _sum_of_lines(spectrum.power[sorted(lines)])
    tone = _rated(spectrum, leader.tone.frequency, power, summands, leader.noise)
    return replace(tone, members=tuple(one.tone.frequency for one in group))


def _groups(audible: list[_Distinct]) -> list[list[_Distinct]]:
    """Return the audible tones that are rated together, in groups of two or more."""
    groups: list[list[_Distinct]] = []
    for one in audible:  # in the order of their frequencies
        if groups and _share_a_band(groups[-1][-1].tone.frequency, one.tone.frequency):
            groups[-1].append(one)
        else:
            groups.append([one])
    return [group for group in groups if len(group) > 1 and not _apart(group)]


def _share_a_band(below: float, above: float) -> bool:
    """Return whether one of two tones lies in the critical band of the other."""
    return above <= bands.geometric_band(below)[1] or below >= bands.geometric_band(above)[0]


def _apart(group: list[_Distinct]) -> bool:
    """Return whether a group is two tones that are rated separately."""
    below, above = group[0].tone, group[-1].tone
    leader = max(below, above, key=lambda tone: tone.audibility)
    distance = above.frequency - below.frequency
    low = above.frequency < 1000.0
    return len(group) == 2 and low and distance > bands.proximity(leader.frequency)


METHOD: Final = AudibilityMethod(
    symbol="dL",
    standard="ISO/PAS 20065:2016",
    resolution=2.5,
    allowed=(1.9, 4.0),
    period=3.0,
    expected=12,
    without_tone=-10.0,
    adjusts=True,
    band=bands.geometric_band,
    tones=_tones,
)


def open_audibility_stream(request: StreamRequest) -> AudibilityStream:
    """Open the stage of the tonal audibility."""
    return AudibilityStream(request, METHOD, METHOD.resolution)


@accepts_recording
def tonal_audibility(
    pressure: ArrayLike, fs: float, *, field: str = "free", resolution: float = METHOD.resolution
) -> AudibilityResult:
    """Tonal audibility of a sound (ISO/PAS 20065:2016), and the adjustment K_T of ISO 1996-2:2017.

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, at least 1 s. The standard expects at least 12 spectra of 3 s.
    fs : float, needed for an array
        Sampling rate in Hz. Tones are rated whose critical band lies below half of it.
    field : {"free", "diffuse", "eardrum"}
        Has no effect; present so that all indicators have the same arguments.
    resolution : float
        Distance of the lines in Hz, 1.9 to 4.

    Returns
    -------
    AudibilityResult
        ``value`` and statistic ``eq``: audibility in dB, the energetic mean of the decisive
        audibilities of spectra over 3 s each, of which ``series`` has all and ``max`` is the
        largest. A spectrum without a tone has −10 dB. ``uncertainty`` (90 %), ``adjustment`` K_T
        and ``tones`` as described there. Samples after the last 3 s are not used, unless the signal
        is shorter than that.

    Raises
    ------
    SignalError
        As for :func:`soundcal.dsp.signal.pressure_array`; or shorter than 1 s.
    ParameterError
        Unknown field, impossible rate or resolution.

    Examples
    --------
    >>> t = np.arange(6 * 48000) / 48000
    >>> noise = np.random.default_rng(1).normal(0.0, 0.02, t.size)
    >>> result = tonal_audibility(0.01 * np.sin(2 * np.pi * 1000 * t) + noise, 48000)
    >>> round(result.value), result.adjustment, {round(tone.frequency) for tone in result.tones}
    (15, 6.0, {1000})
    """
    return measured_audibility(METHOD, pressure, fs, field=field, resolution=resolution)


def tonal_audibility_from_lines(frequency: ArrayLike, level: ArrayLike) -> AudibilityResult:
    """Tonal audibility of given spectra (ISO/PAS 20065:2016).

    Parameters
    ----------
    frequency : array_like, shape (n_lines,)
        Frequencies of the lines in Hz, at equal distances; a tenth of a distance may be lost by
        rounding.
    level : array_like, shape (n_lines,) or (n_spectra, n_lines)
        A-weighted levels of the lines in dB re 20 µPa under the Hann window, as an analyser shows
        them. A spectrum must reach a whole critical band beyond every tone; of other tones the
        result warns.

    Returns
    -------
    AudibilityResult
        As of :func:`tonal_audibility`, without times.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.indicators.prominence.lines.audibility_from_lines`.
    """
    return audibility_from_lines(METHOD, frequency, level)

"""Tone-to-noise ratio and prominence ratio (ECMA-418-1:2024, 3rd edition).

The spectrum has lines 1 Hz apart: segments of 1 s with a Hann window, overlapping by half, whose
power is averaged. It is computed at the signal's own sampling rate. If that is not a whole number
of Hz, a segment has the nearest whole number of samples, and the distance of the lines differs from
1 Hz by less than 0.01 % at 8 kHz and above. How tones are found is described in
:mod:`soundcal.indicators.prominence.tones`.

The verdicts over the whole signal are those of the averaged spectrum. Over time, each segment of
1 s is rated by itself, every 0.5 s: the noise of a single segment is uncertain (its standard
deviation at 250 Hz is about 0.5 dB), so a segment's verdict says less. These ratios over time,
their percentiles and the share of time with a prominent tone are additions of soundcal.

Tones whose frequency varies are spread over the spectrum; what leaves the tone band is noise.
"""

from bisect import bisect_right
from collections import deque
from functools import partial
from typing import Final, cast

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.dsp.distribution import Distribution
from soundcal.dsp.signal import PERCENTS
from soundcal.dsp.spectrum import SpectrumStream
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.prominence import bands
from soundcal.indicators.prominence.result import ProminenceResult, RatedTone
from soundcal.indicators.prominence.tones import COARSEST, ToneSearch
from soundcal.indicators.prominence.tracks import Tracking
from soundcal.indicators.registry import find
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import StreamRequest, run_stream
from soundcal.units import P_REF, power_db

__all__ = ["RatioStream", "prominence_ratio", "tone_to_noise"]

STANDARD: Final = {
    "TNR": "ECMA-418-1:2024 (3rd edition), tone-to-noise ratio",
    "PR": "ECMA-418-1:2024 (3rd edition), prominence ratio",
}

RESOLUTION: Final = 1.0
"""Default distance of the lines in Hz."""

SEGMENT: Final = 1.0
"""Default duration in s of the segments over time."""


class RatioStream:
    """Both ratios of a signal that arrives in blocks.

    Parameters
    ----------
    request : StreamRequest
        With ``keep``, the ratios over time, the tracks and the spectrum are kept.
    resolution : float
        Distance of the lines in Hz.
    segment : float
        Duration in s of the segments over time.

    Raises
    ------
    ParameterError
        Lines too far apart, or a segment that is not a whole number of spectra.
    """

    def __init__(
        self, request: StreamRequest, resolution: float = RESOLUTION, segment: float = SEGMENT
    ) -> None:
        if not 0.0 < resolution <= COARSEST:
            raise ParameterError(
                f"lines {resolution:g} Hz apart; more than 0 and at most {COARSEST:g} Hz are "
                "needed to resolve tones from 89.1 Hz on"
            )
        self._whole = round(segment * resolution)
        if self._whole < 1 or abs(self._whole - segment * resolution) > 1e-6:
            raise ParameterError(
                f"segments of {segment:g} s; a whole multiple of {1.0 / resolution:g} s is expected"
            )
        self._request = request
        self._segment = segment
        self._spectra = SpectrumStream(request.fs, length=round(request.fs / resolution))
        self._search = ToneSearch(self._spectra.spacing, self._spectra.frequency.size)
        self._sum = np.zeros(self._spectra.frequency.size)
        self._n = 0
        self._recent: deque[Array] = deque(maxlen=2 * self._whole - 1)
        self._highest = {symbol: Distribution() for symbol in request.wanted}
        self._n_prominent = dict.fromkeys(request.wanted, 0)
        self._series: dict[str, list[float]] = {symbol: [] for symbol in request.wanted}
        self._times: list[float] = []
        self._tracking = Tracking()

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        for spectrum in self._spectra.push(block):
            self._sum += spectrum
            self._n += 1
            self._recent.append(spectrum)
            beyond = self._n - (2 * self._whole - 1)
            if beyond >= 0 and beyond % self._whole == 0:
                self._take(np.mean(self._recent, axis=0) if self._whole > 1 else spectrum, beyond)

    def _take(self, power: Array, first: int) -> None:
        """Rate a segment, which begins with the spectrum of the number ``first``."""
        tones = self._search.tones(power)
        for symbol, distribution in self._highest.items():
            ratios = [_ratio(tone, symbol) for tone in tones if tone.audible]
            highest = float(np.fmax.reduce(ratios, initial=-np.inf))
            distribution.push(np.array([highest]))
            self._n_prominent[symbol] += any(_prominent(tone, symbol) for tone in tones)
            if self._request.keep:
                self._series[symbol].append(highest)
        if self._request.keep:
            spectra = self._spectra
            half = (2 * (self._whole - 1) * spectra.hop + spectra.length) / 2.0
            self._times.append((first * spectra.hop + half) / spectra.fs)
            self._tracking.take(self._times[-1], tones)

    def finish(self) -> dict[str, IndicatorResult]:
        """Return the results by symbol.

        Raises
        ------
        SignalError
            Less than one segment of signal.
        """
        if any(distribution.n == 0 for distribution in self._highest.values()):
            names = " and ".join(find(symbol).name for symbol in self._highest)
            raise SignalError(
                f"signal too short for {names}: at least {self._segment:g} s are needed"
            )
        power = self._sum / self._n
        tones = self._search.tones(power)
        return {symbol: self._result(symbol, power, tones) for symbol in self._highest}

    def _result(self, symbol: str, power: Array, tones: list[RatedTone]) -> ProminenceResult:
        about, keep = find(symbol), self._request.keep
        prominent = [tone for tone in tones if _prominent(tone, symbol)]
        highest = max((_ratio(tone, symbol) for tone in prominent), default=-np.inf)
        distribution = self._highest[symbol]
        exceeded = distribution.exceedance(PERCENTS)
        return ProminenceResult(
            about.name,
            about.unit,
            STANDARD[symbol],
            highest,
            {"max": highest, "total": _total(prominent, symbol)}
            | {f"{p:g}": float(x) for p, x in zip(PERCENTS, exceeded, strict=True)},
            times=np.array(self._times) if keep else None,
            series=np.array(self._series[symbol]) if keep else None,
            field=self._request.field,
            warnings=self._warnings(symbol, tones),
            tones=tuple(tones),
            tracks=self._tracking.tracks() if keep else None,
            prominent_share=self._n_prominent[symbol] / distribution.n,
            frequency=self._spectra.frequency if keep else None,
            spectrum=power_db(power / P_REF**2) if keep else None,
        )

    def _warnings(self, symbol: str, tones: list[RatedTone]) -> tuple[str, ...]:
        half = self._spectra.fs / 2.0
        warnings = []
        if _highest_line(symbol, bands.HIGHEST) > half:
            frequencies = range(90, int(bands.HIGHEST))
            n = bisect_right(frequencies, half, key=lambda f: _highest_line(symbol, float(f)))
            highest = frequencies[n - 1] if n else 0
            warnings.append(
                f"{symbol}: tones are rated up to {highest} Hz only; the bands of higher "
                f"ones reach above half the sampling rate, {half:g} Hz"
            )
        warnings += [
            f"no noise in the band: {symbol} of the tone at {tone.frequency:.1f} Hz is infinite"
            for tone in tones
            if np.isposinf(_ratio(tone, symbol))
        ]
        return tuple(warnings)


def _ratio(tone: RatedTone, symbol: str) -> float:
    return tone.tnr if symbol == "TNR" else tone.pr


def _highest_line(symbol: str, frequency: float) -> float:
    """Return the frequency in Hz up to which a spectrum must reach for the ratio of a tone."""
    if symbol == "TNR":
        return bands.critical_band(frequency)[1]
    return bands.upper_band_edge(frequency)


def _prominent(tone: RatedTone, symbol: str) -> bool:
    return tone.tnr_prominent if symbol == "TNR" else tone.pr_prominent


def _total(prominent: list[RatedTone], symbol: str) -> float:
    """Return ``10 lg Σ 10^(ratio/10)`` of prominent tones, where each ratio counts once.

    Tones heard as one have one tone-to-noise ratio. The prominence ratio is that of a critical
    band: of the tones in the band with the highest ratio, only one counts.
    """
    counted: list[RatedTone] = []
    for tone in sorted(prominent, key=lambda tone: -_ratio(tone, symbol)):
        if symbol == "TNR":
            new = tone.frequency == tone.rated_at
        else:
            inside = (bands.critical_band(other.frequency) for other in counted)
            new = not any(lower < tone.frequency <= upper for lower, upper in inside)
        if new:
            counted.append(tone)
    powers = [10.0 ** (_ratio(tone, symbol) / 10.0) for tone in counted]
    return power_db(float(sum(powers)))


def _measured(
    symbol: str,
    pressure: ArrayLike,
    fs: float,
    field: str,
    resolution: float,
    segment: float,
) -> ProminenceResult:
    opener = partial(RatioStream, resolution=resolution, segment=segment)
    result = run_stream(opener, symbol, pressure, fs, field=field, minimum=segment)
    return cast(ProminenceResult, result)


@accepts_recording
def tone_to_noise(
    pressure: ArrayLike,
    fs: float,
    *,
    field: str = "free",
    resolution: float = RESOLUTION,
    segment: float = SEGMENT,
) -> ProminenceResult:
    """Tone-to-noise ratio of the tones of a sound (ECMA-418-1:2024).

    The standard leaves the search for tones to the user; soundcal's is described by
    :mod:`soundcal.indicators.prominence.tones`. Ratios over time are soundcal's addition.

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, at least one segment.
    fs : float, needed for an array
        Sampling rate in Hz. Tones are rated whose critical band lies below half of it.
    field : {"free", "diffuse", "eardrum"}
        Has no effect; present so that all indicators have the same arguments.
    resolution : float
        Distance of the spectrum's lines in Hz, at most 2.5.
    segment : float
        Duration in s of the segments over time, a whole multiple of ``1/resolution``; they overlap
        by half.

    Returns
    -------
    ProminenceResult
        ``value`` and statistic ``max``: highest ratio in dB of the prominent and audible tones of
        the averaged spectrum, ``-inf`` if there is none, ``inf`` with a warning if there is no
        noise beside it; ``total``: 10 lg of the sum of their ratios (ECMA TR/108); 5, 10, 50, 90,
        95: highest ratio of the audible tones of a segment, prominent or not, exceeded in that
        percentage of the segments. ``series``: this highest ratio over time, ``times`` the middles
        of the segments. ``tones``, ``tracks``, ``prominent_share`` and ``spectrum`` as described
        there.

    Raises
    ------
    SignalError
        As for :func:`soundcal.dsp.signal.pressure_array`; or shorter than one segment.
    ParameterError
        Unknown field, impossible rate, resolution or segment.

    Examples
    --------
    >>> t = np.arange(5 * 48000) / 48000
    >>> noise = np.random.default_rng(1).normal(0.0, 0.02, t.size)
    >>> result = tone_to_noise(0.01 * np.sin(2 * np.pi * 1000 * t) + noise, 48000)
    >>> [(round(tone.frequency), round(tone.tnr), tone.tnr_prominent) for tone in result.tones]
    [(1000, 13, True)]
    """
    return _measured("TNR", pressure, fs, field, resolution, segment)


@accepts_recording
def prominence_ratio(
    pressure: ArrayLike,
    fs: float,
    *,
    field: str = "free",
    resolution: float = RESOLUTION,
    segment: float = SEGMENT,
) -> ProminenceResult:
    """Prominence ratio of the tones of a sound (ECMA-418-1:2024).

    Parameters
    ----------
    pressure, fs, field, resolution, segment
        As for :func:`tone_to_noise`; tones are rated whose upper band lies below half the sampling
        rate.

    Returns
    -------
    ProminenceResult
        As for :func:`tone_to_noise`, with the prominence ratio. In ``total``, a critical band
        counts once.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`tone_to_noise`.
    """
    return _measured("PR", pressure, fs, field, resolution, segment)

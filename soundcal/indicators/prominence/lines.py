"""Audibility of tones in narrow-band spectra: what the methods have in common.

The spectra are those of a signal, averaged over periods, or given as levels of lines.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.dsp.spectrum import NOISE_BANDWIDTH
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators.prominence.kernels import Lines
from soundcal.indicators.prominence.periods import PeriodSpectra, PeriodSpectrum
from soundcal.indicators.prominence.result import AudibilityResult, AudibleTone
from soundcal.indicators.prominence.tones import without_rounding_errors
from soundcal.indicators.registry import find
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import StreamRequest, run_stream
from soundcal.units import P_REF, energetic_mean, power_db

__all__ = [
    "AudibilityMethod",
    "AudibilityStream",
    "LineSpectrum",
    "audibility_from_lines",
    "measured_audibility",
]

SHORTEST: Final = 1.0
"""Shortest signal in s."""

_UNEVEN: Final = 0.1
"""Largest deviation of a frequency from equal distances, in distances: tables are rounded."""

_LOUDEST: Final = 300.0
"""Highest level of a line in dB; a higher one is not a level in dB re 20 µPa."""

_ADJUSTMENTS: Final = (0.0, 2.0, 4.0, 6.0, 9.0, 12.0)
"""Audibilities in dB up to which the adjustment K_T is 0, 1, … dB (ISO 1996-2:2017, Table J.1)."""


class LineSpectrum(NamedTuple):
    """A narrow-band spectrum of A-weighted lines."""

    frequency: Array
    """Frequencies of the lines in Hz, at equal distances."""
    power: Array
    """Power of each line re (20 µPa)², as an analyser shows it: that of a tone on the line."""
    highest: float
    """Frequency in Hz up to which tones are rated."""
    time: float
    """Middle of the spectrum in s; NaN if it is not known."""

    @property
    def spacing(self) -> float:
        """Distance of the lines in Hz."""
        return float(self.frequency[-1] - self.frequency[0]) / (self.frequency.size - 1)

    def maxima(self, lowest: float) -> Lines:
        """Return the local maxima from ``lowest`` Hz to the highest frequency."""
        inner, power = self.frequency[1:-1], self.power
        found = (power[1:-1] > power[:-2]) & (power[1:-1] >= power[2:])
        return 1 + np.flatnonzero(found & (inner >= lowest) & (inner <= self.highest))

    def inside(self, lower: Array, upper: Array) -> tuple[Lines, Lines]:
        """Return the first and last lines of bands, edges included."""
        first = np.searchsorted(self.frequency, lower, side="left")
        return first, np.searchsorted(self.frequency, upper, side="right") - 1

    def reaches(self, lower: float, upper: float) -> bool:
        """Return whether a band, edges in Hz, ends at most one line outside the spectrum."""
        step, f = self.spacing, self.frequency
        return bool(f[0] - step <= lower and upper <= f[-1] + step)


class AudibilityMethod(NamedTuple):
    """A method that finds and rates the tones of a spectrum."""

    symbol: str
    standard: str
    resolution: float
    """Distance of the lines in Hz in the spectra of a signal."""
    allowed: tuple[float, float]
    """Limits of the distance in Hz."""
    period: float
    """Duration in s over which a spectrum is averaged."""
    expected: int
    """Number of spectra that the standard expects at least."""
    without_tone: float
    """Audibility in dB of a spectrum without a tone."""
    adjusts: bool
    """The standard defines an uncertainty, and the audibility leads to an adjustment."""
    band: Callable[[Array], tuple[Array, Array]]
    """Returns the edges of the critical bands of frequencies in Hz."""
    tones: Callable[[LineSpectrum], list[AudibleTone]]
    """Returns the tones, and after them those that are rated together."""


class _Findings:
    """What a method found in the spectra of one signal."""

    def __init__(self, method: AudibilityMethod, *, keep: bool) -> None:
        self._method = method
        self._keep = keep
        self._decisive: list[float] = []
        self._uncertainty: list[float] = []
        self._times: list[float] = []
        self._tones: list[AudibleTone] = []
        self._frequency = np.empty(0)
        self._sum = np.zeros(1)

    def take(self, spectrum: LineSpectrum) -> None:
        """Find and rate the tones of the next spectrum."""
        tones = self._method.tones(spectrum._replace(power=without_rounding_errors(spectrum.power)))
        decisive = max(tones, key=lambda tone: tone.audibility, default=None)
        none = self._method.without_tone
        self._decisive.append(none if decisive is None else decisive.audibility)
        self._uncertainty.append(np.nan if decisive is None else decisive.uncertainty)
        self._frequency = spectrum.frequency
        self._sum = self._sum + spectrum.power
        if self._keep:
            self._times.append(spectrum.time)
            self._tones += tones

    def result(self, field: str, warnings: Sequence[str]) -> AudibilityResult:
        """Return the result of all spectra."""
        method, about, keep = self._method, find(self._method.symbol), self._keep
        n, highest = len(self._decisive), max(self._decisive)
        found = list(warnings)
        if n < method.expected and not np.isnan(self._uncertainty).all():
            found.append(
                f"{method.symbol}: {n} of the {method.expected} spectra that the standard expects; "
                "consider the uncertainty"
            )
        if np.isposinf(highest):
            found.append(f"no noise in the band: {method.symbol} of a tone is infinite")
        mean = energetic_mean(self._decisive)
        return AudibilityResult(
            about.name,
            about.unit,
            method.standard,
            mean,
            {"eq": mean, "max": highest},
            times=np.array(self._times) if keep and not np.isnan(self._times).any() else None,
            series=np.array(self._decisive) if keep else None,
            field=field,
            warnings=tuple(found),
            tones=tuple(self._tones),
            uncertainty=self._mean_uncertainty() if method.adjusts else None,
            adjustment=float(np.searchsorted(_ADJUSTMENTS, mean)) if method.adjusts else None,
            frequency=self._frequency if keep else None,
            spectrum=power_db(self._sum / n) if keep else None,
        )

    def _mean_uncertainty(self) -> float:
        """Return the uncertainty of the mean in dB; NaN without a tone or without noise."""
        if not np.isfinite(self._decisive).all() or np.isnan(self._uncertainty).all():
            return np.nan
        weights = 10.0 ** (np.array(self._decisive) / 10.0)
        return float(np.linalg.norm(weights * np.nan_to_num(self._uncertainty)) / weights.sum())


class AudibilityStream:
    """The audibility of the tones of a signal that arrives in blocks.

    Parameters
    ----------
    request : StreamRequest
        With ``keep``, the tones, the audibility over time and the spectrum are kept.
    method : AudibilityMethod
        The method.
    resolution : float
        Distance of the lines in Hz.

    Raises
    ------
    ParameterError
        A distance of the lines that the standard does not allow.
    """

    def __init__(self, request: StreamRequest, method: AudibilityMethod, resolution: float) -> None:
        least, most = method.allowed
        if not least <= resolution <= most:
            raise ParameterError(
                f"lines {resolution:g} Hz apart; {least:g} to {most:g} Hz are allowed"
            )
        self._request = request
        self._method = method
        self._n_samples = 0
        self._spectra = PeriodSpectra(request.fs, resolution=resolution, period=method.period)
        frequency = self._spectra.frequency
        whole = method.band(frequency)[1] <= frequency[-1]
        self._highest = float(frequency[whole].max(initial=0.0))
        self._findings = _Findings(method, keep=request.keep)

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        self._n_samples += block.size
        for spectrum in self._spectra.push(block):
            self._take(spectrum)

    def _take(self, spectrum: PeriodSpectrum) -> None:
        # an analyser shows the level of a tone in the line on which it lies
        relative = spectrum.power * (NOISE_BANDWIDTH / P_REF**2)
        frequency = self._spectra.frequency
        self._findings.take(LineSpectrum(frequency, relative, self._highest, spectrum.time))

    def finish(self) -> dict[str, IndicatorResult]:
        """Return the result by its symbol.

        Raises
        ------
        SignalError
            Less than 1 s of signal.
        """
        method, fs = self._method, self._request.fs
        rest = self._spectra.rest()
        if self._n_samples < SHORTEST * fs or (self._spectra.n == 0 and rest is None):
            raise SignalError(
                f"signal too short for {find(method.symbol).name}: at least {SHORTEST:g} s are "
                f"needed, and {method.period:g} s for a spectrum as the standard expects it"
            )
        warnings = []
        if self._spectra.n == 0 and rest is not None:
            self._take(rest)
            warnings.append(
                f"{method.symbol}: one spectrum of {self._n_samples / fs:.3g} s; the standard "
                f"averages over {method.period:g} s"
            )
        return {method.symbol: self._findings.result(self._request.field, warnings)}


def measured_audibility(
    method: AudibilityMethod, pressure: ArrayLike, fs: float, *, field: str, resolution: float
) -> AudibilityResult:
    """Return the audibility of the tones of signals of any leading shape.

    Parameters, errors and result are those of the public functions of the methods.
    """
    opener = partial(AudibilityStream, method=method, resolution=resolution)
    result = run_stream(opener, method.symbol, pressure, fs, field=field, minimum=SHORTEST)
    return cast(AudibilityResult, result)


def audibility_from_lines(
    method: AudibilityMethod, frequency: ArrayLike, level: ArrayLike
) -> AudibilityResult:
    """Return the audibility of the tones of given spectra.

    Parameters
    ----------
    method : AudibilityMethod
        The method.
    frequency : array_like, shape (n_lines,)
        Frequencies of the lines in Hz, ascending at equal distances.
    level : array_like, shape (n_lines,) or (n_spectra, n_lines)
        A-weighted levels of the lines in dB re 20 µPa.

    Raises
    ------
    SignalError
        Arrays that do not fit together, levels that are not numbers or above 300 dB.
    ParameterError
        Frequencies at unequal distances, or negative ones.
    """
    given = [np.asarray(values) for values in (frequency, level)]
    if any(values.size and values.dtype.kind not in "fiu" for values in given):
        raise SignalError("frequencies in Hz and levels in dB must be real numbers")
    f, levels = (values.astype(np.float64) for values in given)
    if f.ndim != 1 or f.size < 3 or levels.ndim not in (1, 2) or levels.shape[-1] != f.size:
        raise SignalError(
            f"frequencies of shape {f.shape} and levels of shape {levels.shape}; (n_lines,) and "
            "(n_lines,) or (n_spectra, n_lines) are expected, at least 3 lines"
        )
    if levels.size == 0 or not (levels <= _LOUDEST).all():
        raise SignalError(
            f"levels of lines must be numbers up to {_LOUDEST:g} dB, or -inf for no sound"
        )
    even = np.linspace(f[0], f[-1], f.size)
    if not f[0] < f[-1] or not np.abs(f - even).max() <= _UNEVEN * (even[1] - even[0]):
        raise ParameterError("frequencies of lines must ascend at equal distances in Hz")
    if f[0] < 0.0:
        raise ParameterError(f"frequencies of lines from {f[0]:g} Hz on; they cannot be negative")
    findings = _Findings(method, keep=True)
    spectra = [
        LineSpectrum(f, powers, np.inf, np.nan) for powers in 10.0 ** (np.atleast_2d(levels) / 10.0)
    ]
    for spectrum in spectra:
        findings.take(spectrum)
    result = findings.result("", ())
    frequencies = sorted({tone.frequency for tone in result.tones})
    edges = zip(*method.band(np.array(frequencies)), strict=True)
    cut = [
        tone
        for tone, (lower, upper) in zip(frequencies, edges, strict=True)
        if not spectra[0].reaches(lower, upper)
    ]
    step = spectra[0].spacing
    least, most = method.allowed
    warnings = [
        f"{method.symbol}: the spectrum ends within the critical band of the tone at {tone:g} Hz, "
        "whose noise is therefore uncertain"
        for tone in cut
    ]
    if not least <= step <= most:
        warnings.append(
            f"{method.symbol}: lines {step:.3g} Hz apart; the standard expects {least:g} to "
            f"{most:g} Hz"
        )
    return result.with_warnings(*warnings)

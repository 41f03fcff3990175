"""Band levels by IEC 61260-1:2014: octaves, third octaves, any fraction of an octave."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.dsp.octave import Band, BandFilter, bands_between
from soundcal.dsp.weighting import WeightingFilter, check_weighting
from soundcal.errors import ParameterError
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import Plan, check_field, run_stream
from soundcal.units import pascal_to_level

__all__ = ["band_levels", "open_band_stream"]

Array = NDArray[np.float64]

_STANDARD: Final = "IEC 61260-1:2014 class 1"
_RANGE: Final = (20.0, 20000.0)
_STEP: Final = 0.125
_FRACTIONS: Final = {"Loct": 1, "Lthird": 3}


class BandStream:
    """Levels of all bands of one fraction, for one signal."""

    def __init__(
        self,
        bands: tuple[Band, ...],
        fs: float,
        *,
        weighting: str = "Z",
        step: float = _STEP,
        keep: bool = True,
        symbol: str = "",
    ) -> None:
        self._filter = BandFilter(bands, fs, step)
        self._weighting = WeightingFilter(weighting, fs)
        self._missing = [band for band in bands if band not in self._filter.bands]
        self._total = np.zeros(len(self._filter.bands))
        self._kept: list[Array] = []
        self._keep = keep
        self._symbol = symbol

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        energies = self._filter.push(self._weighting.push(block[np.newaxis])[0])
        for row in energies:
            self._total += row
        if self._keep:
            self._kept.append(energies)

    def finish(self) -> dict[str, IndicatorResult]:
        """Return the result."""
        found, filters = self._total + self._filter.rest(), self._filter
        levels = pascal_to_level(np.sqrt(found / filters.n_samples))
        value = float(pascal_to_level(np.sqrt(found.sum() / filters.n_samples)))
        statistics = {
            band.nominal: float(level) for band, level in zip(filters.bands, levels, strict=True)
        }
        times, specific = None, levels
        if self._keep:
            energies = np.concatenate(self._kept)
            ends = filters.step_ends(len(energies))
            counts = np.diff(ends, prepend=0)[:, np.newaxis]
            times, specific = ends / filters.fs, pascal_to_level(np.sqrt(energies / counts))
        result = IndicatorResult(
            "band_levels",
            "dB",
            _STANDARD,
            value,
            statistics,
            times=times,
            specific=specific,
            bark=np.array([band.mid for band in filters.bands]),
            axis_unit="Hz",
        )
        if self._missing:
            names = ", ".join(band.nominal for band in self._missing)
            result = result.with_warnings(
                f"no band levels at {names} Hz: beyond what {filters.fs:g} Hz sampling rate carries"
            )
        return {self._symbol: result}


class _Several:
    """The streams of several fractions, side by side."""

    def __init__(self, streams: list[BandStream]) -> None:
        self._streams = streams

    def push(self, block: Array) -> None:
        for stream in self._streams:
            stream.push(block)

    def finish(self) -> dict[str, IndicatorResult]:
        return {
            symbol: result for stream in self._streams for symbol, result in stream.finish().items()
        }


def open_band_stream(plan: Plan) -> _Several:
    """Open the stream of the registry's ``Loct`` and ``Lthird``."""
    return _Several(
        [
            BandStream(
                bands_between(_FRACTIONS[symbol], *_RANGE), plan.fs, keep=plan.keep, symbol=symbol
            )
            for symbol in plan.wanted
        ]
    )


def band_levels(
    pressure: ArrayLike,
    fs: float,
    *,
    fraction: int = 3,
    limits: tuple[float, float] = _RANGE,
    weighting: str = "Z",
    step: float | None = None,
    field: str = "free",
) -> IndicatorResult:
    """Levels in octave or fractional-octave bands.

    Parameters
    ----------
    pressure : array_like, shape (..., n_samples)
        Sound pressure in Pa.
    fs : float
        Sampling rate in Hz.
    fraction : int
        b of the 1/b octave, 1 to 48.
    limits : tuple of float
        Lowest and highest nominal mid-band frequency in Hz.
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting in front of the filters.
    step : float, optional
        If given, the levels of every complete step of this length in s are kept too.
    field : {"free", "diffuse"}
        Checked, as for all indicators, and without effect: a level is that of the pressure given.

    Returns
    -------
    IndicatorResult
        ``statistics``: equivalent level of each band over the whole signal, by nominal frequency in
        Hz (``"1000"``). ``value``: level of all bands together. ``specific``: the band levels,
        shape (..., n_bands), or with ``step`` Leq in steps, shape (..., n_times, n_bands).
        ``bark``: exact mid-band frequencies in Hz. Bands that the sampling rate cannot carry are
        left out with a warning. The filters start at rest (see :mod:`soundcal.dsp.octave`).

    Raises
    ------
    SignalError
        Samples that are not finite floating-point numbers, or none.
    ParameterError
        No possible band, fraction, weighting or step.

    Examples
    --------
    >>> t = np.arange(48000) / 48000
    >>> tone = np.sqrt(2) * np.sin(2 * np.pi * 1000 * t)
    >>> levels = band_levels(tone, 48000, fraction=1).statistics
    >>> round(levels["1000"], 1), levels["125"] < 60
    (94.0, True)
    """
    check_field(field)
    letter = check_weighting(weighting)
    bands = bands_between(fraction, *limits)
    if step is not None and not step > 0:
        raise ParameterError(f"step {step} s; a positive duration is expected")

    def opener() -> BandStream:
        keep = step is not None
        return BandStream(bands, fs, weighting=letter, step=step or _STEP, keep=keep)

    return run_stream(opener, pressure, fs)[""]

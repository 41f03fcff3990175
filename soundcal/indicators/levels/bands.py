"""Band levels by IEC 61260-1:2014: octaves, third octaves, any fraction of an octave."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.dsp.octave import Band, BandFilter, bands_between
from soundcal.dsp.weighting import WeightingFilter, check_weighting
from soundcal.errors import ParameterError
from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.result import IndicatorResult, stack
from soundcal.indicators.stream import StreamRequest, check_field, feed_each
from soundcal.units import pascal_to_level

__all__ = ["BandRecord", "BandStream", "band_levels", "registry_record"]


_STANDARD: Final = "IEC 61260-1:2014 class 1"
_RANGE: Final = (20.0, 20000.0)
_STEP: Final = 0.125
_FRACTIONS: Final = {"Loct": 1, "Lthird": 3}


class BandRecord:
    """Energies of all bands of one fraction, of one signal."""

    def __init__(
        self,
        bands: tuple[Band, ...],
        fs: float,
        *,
        weighting: str = "Z",
        step: float = _STEP,
        keep: bool = True,
    ) -> None:
        self._filter = BandFilter(bands, fs, step)
        self._weighting = WeightingFilter(weighting, fs)
        self._missing = [band for band in bands if band not in self._filter.bands]
        self._total = np.zeros(len(self._filter.bands))
        self._kept: list[Array] = []
        self._keep = keep

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        energies = self._filter.push(self._weighting.push(block[np.newaxis])[0])
        for row in energies:
            self._total += row
        if self._keep:
            self._kept.append(energies)

    def restart(self) -> None:
        """Begin with the next sample, in the state that the filters have reached."""
        self._total[:] = 0.0
        self._kept.clear()
        self._filter.restart()

    def energies(self) -> dict[str, float]:
        """Return the sum of the squared band pressure in Pa² by nominal frequency."""
        found = (self._total + self._filter.rest()).tolist()
        return {band.nominal: x for band, x in zip(self._filter.bands, found, strict=True)}

    def warnings(self) -> tuple[str, ...]:
        """Return a warning if bands are missing."""
        if not self._missing:
            return ()
        names = ", ".join(band.nominal for band in self._missing)
        fs = self._filter.fs
        return (f"no band levels at {names} Hz: too high for a sampling rate of {fs:g} Hz",)

    def result(self) -> IndicatorResult:
        """Return the levels of the signal, once it is complete."""
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
        return IndicatorResult(
            "band_levels",
            "dB",
            _STANDARD,
            value,
            statistics,
            times=times,
            specific=specific,
            axis=np.array([band.mid for band in filters.bands]),
            axis_unit="Hz",
            warnings=self.warnings(),
        )


def registry_record(symbol: str, fs: float, *, keep: bool) -> BandRecord:
    """Return the record of the registry's ``Loct`` or ``Lthird``."""
    return BandRecord(bands_between(_FRACTIONS[symbol], *_RANGE), fs, keep=keep)


class BandStream:
    """Results of the registry's ``Loct`` and ``Lthird`` for one signal."""

    def __init__(self, request: StreamRequest) -> None:
        self._records = {
            symbol: registry_record(symbol, request.fs, keep=request.keep)
            for symbol in request.wanted
        }

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        for record in self._records.values():
            record.push(block)

    def finish(self) -> dict[str, IndicatorResult]:
        """Return one result per symbol."""
        return {symbol: record.result() for symbol, record in self._records.items()}


@accepts_recording
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
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa.
    fs : float, needed for an array
        Sampling rate in Hz.
    fraction : int
        b of the 1/b octave, 1 to 48.
    limits : tuple of float
        Lowest and highest nominal mid-band frequency in Hz.
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting in front of the filters.
    step : float, optional
        Length of a step in s; if given, the levels of every complete step are also kept.
    field : {"free", "diffuse", "eardrum"}
        Checked, as for all indicators, but without effect: the level is that of the given pressure.

    Returns
    -------
    IndicatorResult
        ``statistics``: equivalent level of each band over the whole signal, by nominal frequency in
        Hz (``"1000"``). ``value``: level of all bands together. ``specific``: the band levels,
        shape (..., n_bands), or with ``step`` Leq in steps, shape (..., n_times, n_bands).
        ``axis``: exact mid-band frequencies in Hz. Bands that are too high for the sampling rate
        are left out with a warning. The filters start at rest (see :mod:`soundcal.dsp.octave`).

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

    def opener() -> BandRecord:
        keep = step is not None
        return BandRecord(bands, fs, weighting=letter, step=step or _STEP, keep=keep)

    records, leading = feed_each(opener, pressure, fs)
    return stack([record.result() for record in records], leading)

"""The result type of the hearing model."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field

from soundcal.arrays import Array
from soundcal.indicators.hearing_model.tables import CENTRES
from soundcal.indicators.result import PER_SIGNAL, IndicatorResult

__all__ = ["HearingModelResult"]


@dataclass(frozen=True, slots=True, eq=False)
class HearingModelResult(IndicatorResult):
    """A metric of ECMA-418-2 of one or many signals.

    ``specific``, shape (leading, 53), is the average over time that the standard defines, at the
    critical-band rates ``axis``. ``series`` holds all values, those of the start included, which
    ``value``, ``statistics`` and ``specific`` leave out. ``binaural`` is the value of a pair of
    ears, from the root mean square of their specific values; there is none of tonality.

    Parameters
    ----------
    edition : str
        Year of the standard's edition.
    statistic : str
        Statistic of the series that is the single value.
    discarded : int
        Number of values at the start of ``series`` that are left out.
    centre_frequencies : ndarray, shape (53,)
        Centre frequencies of the bands in Hz.
    specific_series : ndarray, shape (leading, n_times, 53), optional
        Specific values over time.
    frequency : ndarray, shape (leading, n_times), optional
        Of tonality: frequency of the most tonal band in Hz, NaN where nothing is tonal.
    specific_frequency : ndarray, shape (leading, 53), optional
        Of tonality: mean frequency per band in Hz, NaN where the band is not tonal.
    tonal_loudness, noise_loudness : ndarray, shape (leading, n_times, 53), optional
        Of loudness: the components that it is made of, in sone_HMS/Bark_HMS.
    """

    edition: str = "2025"
    statistic: str = ""
    discarded: int = 0
    centre_frequencies: Array = dataclass_field(default_factory=CENTRES.copy, repr=False)
    specific_series: Array | None = dataclass_field(default=None, repr=False, metadata=PER_SIGNAL)
    frequency: Array | None = dataclass_field(default=None, repr=False, metadata=PER_SIGNAL)
    specific_frequency: Array | None = dataclass_field(
        default=None, repr=False, metadata=PER_SIGNAL
    )
    tonal_loudness: Array | None = dataclass_field(default=None, repr=False, metadata=PER_SIGNAL)
    noise_loudness: Array | None = dataclass_field(default=None, repr=False, metadata=PER_SIGNAL)

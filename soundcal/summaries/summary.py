"""The summary of a piece of one channel: it adds up, whatever the order and the groups.

An average of levels or of percentiles over unequal times is wrong. A summary holds what they follow
from: the energy, or the sum of the values, and how often each value occurred. Sums are exact
fractions, rounded only when a statistic is asked for, so merged summaries are the same to the last
bit, whichever piece was finished first.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Final

import numpy as np

from soundcal.dsp.distribution import CountedValues
from soundcal.errors import ParameterError
from soundcal.indicators.hearing_model.summaries import AUDIBLE, METRICS
from soundcal.indicators.registry import find
from soundcal.units import P_REF, power_db

__all__ = ["Summary", "merge", "statistic"]

_GROUP: Final = 32
"""Number of summaries that are merged at a time, so that memory stays constant."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One time series of one channel, or one band, over some time.

    Parameters
    ----------
    symbol : str
        Symbol in the registry of the indicators: ``LA``, ``Lthird``, ``N``.
    series : str
        Time weighting ``F``, ``S`` or ``I`` of a level, nominal frequency of a band, else "".
    unit : str
        Unit of the values.
    seconds : Fraction
        Duration of the sound in s.
    total : Fraction
        Sound exposure in Pa² s of a level or a band level: the integral of the squared, weighted
        pressure. Of other indicators, the sum of the values.
    maximum, minimum : float
        Largest and smallest value; NaN if there is none.
    peak : float
        Peak level in dB; NaN if it was not asked for.
    distribution : CountedValues
        The values of the series, rounded to 16 significant bits; none of a band level.
    """

    symbol: str
    series: str
    unit: str
    seconds: Fraction
    total: Fraction
    maximum: float
    minimum: float
    peak: float
    distribution: CountedValues

    @property
    def n(self) -> int:
        """Number of values of the series."""
        return self.distribution.n


def merge(summaries: Iterable[Summary]) -> Summary:
    """Return the summary of all the time that several summaries of one series cover.

    Their order does not change a bit of the result, and neither does merging some of them first.

    Raises
    ------
    ParameterError
        No summaries, or summaries of different series or units.
    """
    given = iter(summaries)
    merged = _together(list(islice(given, _GROUP)))
    while group := list(islice(given, _GROUP)):
        merged = _together([merged, *group])
    return merged


def _together(summaries: Sequence[Summary]) -> Summary:
    series = dict.fromkeys((one.symbol, one.series, one.unit) for one in summaries)
    if len(series) != 1:
        found = ", ".join(f"{symbol} {part} in {unit}" for symbol, part, unit in series)
        raise ParameterError(f"summaries of {found or 'nothing'}; those of one series are expected")
    return Summary(
        *next(iter(series)),
        sum((one.seconds for one in summaries), Fraction()),
        sum((one.total for one in summaries), Fraction()),
        float(np.fmax.reduce([one.maximum for one in summaries])),
        float(np.fmin.reduce([one.minimum for one in summaries])),
        float(np.fmax.reduce([one.peak for one in summaries])),
        CountedValues.together([one.distribution for one in summaries]),
    )


def statistic(summary: Summary, name: str) -> float:
    """Return a statistic of the time that a summary covers.

    Parameters
    ----------
    summary : Summary
        The summary.
    name : str
        ``eq``, ``E``, ``max``, ``min``, ``peak``, ``mean`` as in the registry of the indicators, or
        any percentage: ``"5"`` is the value exceeded 5 % of the time.

    Returns
    -------
    float
        In the unit of the summary; NaN without a value to take it from, and ``-inf`` for the level
        of silence. Percentiles, and ``eq`` of the hearing model, are exact to 2⁻¹⁶ of the values.

    Raises
    ------
    ParameterError
        A statistic that the indicator does not have.
    """
    if name in _EXTREMES:
        return float(getattr(summary, _EXTREMES[name]))
    if find(summary.symbol).is_level and name in ("eq", "E"):
        return _level(summary, Fraction(1) if name == "E" else summary.seconds)
    if not find(summary.symbol).is_level and name == "mean":
        return float(summary.total / summary.n) if summary.n else math.nan
    if summary.symbol in METRICS and name == "eq":
        return _single_value(summary)
    try:
        percent = float(name)
    except ValueError:
        raise ParameterError(
            f"{summary.symbol} has no statistic {name!r} that a summary gives"
        ) from None
    return float(summary.distribution.exceedance([percent])[0]) if summary.n else math.nan


_EXTREMES: Final = {"max": "maximum", "min": "minimum", "peak": "peak"}


def _level(summary: Summary, seconds: Fraction) -> float:
    """Return the level in dB of the exposure, spread over a time."""
    if not summary.seconds:
        return math.nan
    return power_db(float(summary.total / seconds) / P_REF**2)


def _single_value(summary: Summary) -> float:
    """Return the single value over time that ECMA-418-2 defines for a metric."""
    if not summary.n:
        return math.nan
    values, counts = summary.distribution.values, summary.distribution.counts.astype(np.float64)
    if summary.symbol == "THM":
        tonal = values > AUDIBLE
        n = float(counts[tonal].sum())
        return math.fsum(values[tonal] * counts[tonal]) / n if n else 0.0
    if summary.symbol == "NHM":
        exponent = METRICS["NHM"].exponent
        mean = math.fsum(values**exponent * counts) / summary.n
        return float(mean ** (1.0 / exponent))
    return float(summary.distribution.exceedance([10.0])[0])

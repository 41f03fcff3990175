"""Values of the registry's statistics out of summaries, and the indicators that have none."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from soundcal.errors import ParameterError
from soundcal.indicators.annoyance import NEEDED, annoyance_of
from soundcal.indicators.registry import REGISTRY, find
from soundcal.summaries.summary import Summary, statistic
from soundcal.units import sone_to_phon

__all__ = ["MERGEABLE", "SeriesKey", "check_mergeable", "needed_series", "value_from"]

SeriesKey = tuple[str, str]
"""Symbol and series of a summary."""

_REASONS: Final = {
    "Nst": "the stationary method is for one steady sound",
    "Sst": "the stationary method is for one steady sound",
    "TNR": "tones are found in the spectrum of a whole recording",
    "PR": "tones are found in the spectrum of a whole recording",
    "dL": "tones are found in the spectra of a whole recording",
    "dLa": "tones are found in the spectra of a whole recording",
}

MERGEABLE: Final = tuple(symbol for symbol in REGISTRY if symbol not in _REASONS)
"""Symbols of the indicators that follow from summaries."""


def check_mergeable(symbols: Iterable[str]) -> None:
    """Refuse indicators that do not follow from summaries of pieces.

    Raises
    ------
    ParameterError
        They are named, with the reason and with the indicators that can be had.
    """
    refused = [symbol for symbol in symbols if find(symbol) and symbol not in MERGEABLE]
    if refused:
        reasons = "; ".join(f"{symbol}: {_REASONS[symbol]}" for symbol in refused)
        raise ParameterError(
            f"no summaries of {', '.join(refused)} ({reasons}); measure single files for them, or "
            f"ask for {', '.join(MERGEABLE)}"
        )


def needed_series(symbol: str, name: str) -> tuple[SeriesKey, ...]:
    """Return the series whose summaries a statistic follows from.

    >>> needed_series("LA", "Smax"), needed_series("LA", "eq"), needed_series("Lthird", "1000")
    ((('LA', 'S'),), (('LA', 'F'),), (('Lthird', '1000'),))
    >>> needed_series("PA", "eq")
    (('N', ''), ('S', ''), ('F', ''), ('R', ''))
    """
    about = find(symbol)
    if symbol == "PA":
        return tuple((needed, "") for needed in NEEDED)
    if symbol == "LN":
        return (("N", ""),)
    if about.family == "bands":
        return ((symbol, name),)
    if about.family == "levels":
        return ((symbol, _time_weighting(name)),)
    return ((symbol, ""),)


def _time_weighting(name: str) -> str:
    return name[0] if name[0] in "SI" else "F"


def value_from(summaries: Mapping[SeriesKey, Summary], symbol: str, name: str) -> float:
    """Return a statistic of the registry from the summaries of one channel.

    Parameters
    ----------
    summaries : mapping of (symbol, series) to Summary
        Summaries of one channel over the same time, such as :func:`merge` gives them.
    symbol : str
        Symbol of the indicator.
    name : str
        A statistic of the indicator, or any percentage: ``"1"`` after ``LA`` is LA1.

    Returns
    -------
    float
        NaN without the summaries that are needed, or without values in them.

    Raises
    ------
    ParameterError
        An indicator or a statistic that does not follow from summaries.
    """
    check_mergeable([symbol])
    keys = needed_series(symbol, name)
    if not all(key in summaries for key in keys):
        return math.nan
    first = summaries[keys[0]]
    if symbol == "PA":
        loudness = statistic(first, "5")
        means = [statistic(summaries[key], "mean") for key in keys[1:]]
        missing = any(math.isnan(value) for value in (loudness, *means))
        return math.nan if missing else float(annoyance_of(loudness, *means))
    family = find(symbol).family
    if family == "bands":
        return statistic(first, "eq")
    if family == "levels":
        return statistic(first, name.removeprefix(first.series))
    value = statistic(first, name)
    return float(sone_to_phon(value)) if symbol == "LN" and not math.isnan(value) else value

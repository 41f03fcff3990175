"""Single values, statistics and averages of the four metrics, in constant memory."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import SignalError
from soundcal.indicators.hearing_model.modulation_tail import PATTERN_RATE
from soundcal.indicators.hearing_model.result import HearingModelResult
from soundcal.indicators.hearing_model.tables import BARK, N_BANDS, RATE
from soundcal.indicators.hearing_model.tonal_loudness import VALUE_RATE
from soundcal.indicators.registry import find
from soundcal.indicators.series import Series
from soundcal.indicators.stream import StreamRequest

__all__ = ["AUDIBLE", "METRICS", "Metric", "MetricSummary", "Parts", "summary_of"]

Parts = Mapping[str, Array]
"""Arrays that specific values are made of, shape (n, 53) each: ``tonal_loudness`` and
``noise_loudness`` of loudness, ``frequency`` of tonality."""

_STANDARD: Final = "ECMA-418-2:2025 (4th edition, June 2025)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One of the four metrics.

    Parameters
    ----------
    symbol : str
        As in the registry, which has the metric's name and unit.
    title : str
        Name in words.
    clause : str
        Clause of the standard.
    statistic : str
        Statistic over time that is the single value.
    discarded : int
        Number of values at the start that are left out.
    rate : float
        Values per second.
    shortest : float
        Duration in s that a signal needs.
    slow : float
        Duration in s below which the value has not settled.
    exponent : float
        Exponent of the mean over time of the specific values.
    """

    symbol: str
    title: str
    clause: str
    statistic: str
    discarded: int
    rate: float
    shortest: float
    slow: float = 0.0
    exponent: float = 1.0

    def warnings_for(self, n: int) -> tuple[str, ...]:
        """Return the warnings for a signal of ``n`` samples at 48 kHz.

        Raises
        ------
        SignalError
            The signal is too short.
        """
        start = self.discarded / self.rate
        lasts = f"signal of {n / RATE:.6g} s"  # one sample less than 1.5 s is not 1.5 s
        if n < self.shortest * RATE:
            raise SignalError(
                f"{lasts} is too short: {self.title} by ECMA-418-2 needs at least "
                f"{self.shortest:g} s"
            )
        if n <= start * RATE:
            raise SignalError(
                f"{lasts} is too short: {self.title} by ECMA-418-2 needs more than {start:g} s, "
                "because its start is left out"
            )
        if n < self.slow * RATE:
            return (
                f"settling: {lasts}; {self.title} by ECMA-418-2 is still settling below "
                f"{self.slow:g} s",
            )
        return ()


METRICS: Final = {
    metric.symbol: metric
    for metric in (
        Metric(
            symbol="NHM",
            title="loudness",
            clause="8",
            statistic="power mean",
            discarded=57,
            rate=VALUE_RATE,
            shortest=0.0,
            exponent=1.0 / math.log10(2.0),
        ),
        Metric(
            symbol="THM",
            title="tonality",
            clause="6",
            statistic="mean above 0.02 tu_HMS",
            discarded=57,
            rate=VALUE_RATE,
            shortest=0.0,
        ),
        Metric(
            symbol="RHM",
            title="roughness",
            clause="7",
            statistic="90th percentile (type 7)",
            discarded=16,
            rate=PATTERN_RATE,
            shortest=0.0,
        ),
        Metric(
            symbol="FHM",
            title="fluctuation strength",
            clause="9",
            statistic="90th percentile (type 7)",
            discarded=36,
            rate=PATTERN_RATE,
            shortest=1.5,
            slow=5.0,
        ),
    )
}
"""The metrics by symbol."""


class MetricSummary:
    """Roughness or fluctuation strength of one ear, or of both, from its specific values."""

    def __init__(self, metric: Metric, request: StreamRequest) -> None:
        self.metric = metric
        self._request = request
        self._n = 0
        self._over_time = Series(keep=False)
        self._total = np.zeros(N_BANDS)
        self._kept: dict[str, list[Array]] = {}

    def push(self, patterns: Array, parts: Parts) -> None:
        """Take the next specific values, shape (n, 53), and what they are made of."""
        series = self._series_of(patterns)
        start = max(self.metric.discarded - self._n, 0)
        self._n += series.size
        self._over_time.push(series[start:])
        settled = {name: values[start:] for name, values in parts.items()}
        self._add(series[start:], patterns[start:], settled)
        if self._request.keep:
            self._keep({"series": series} | self._details(series, patterns, parts))
            if self._request.specific:
                self._keep({"specific_series": patterns} | self._specific_details(parts))

    @property
    def running(self) -> tuple[float, float]:
        """The last value and the single value so far; NaN within the start that is left out."""
        if not self._over_time.n:
            return math.nan, math.nan
        return self._over_time.last, self._value()

    def result(self, warnings: tuple[str, ...]) -> HearingModelResult:
        """Return the result of one signal."""
        metric, about = self.metric, find(self.metric.symbol)
        kept: dict[str, Any] = {name: np.concatenate(values) for name, values in self._kept.items()}
        value = self._value()
        return HearingModelResult(
            name=about.name,
            unit=about.unit,
            standard=f"{_STANDARD}, clause {metric.clause}",
            value=value,
            statistics={"eq": value} | self._over_time.statistics(),
            times=np.arange(self._n) / metric.rate if self._request.keep else None,
            axis=BARK.copy(),
            axis_unit="Bark_HMS",
            field=self._request.field,
            warnings=warnings,
            statistic=metric.statistic,
            discarded=metric.discarded,
            **kept,
            **self._averages(),
        )

    def _keep(self, values: dict[str, Array]) -> None:
        for name, part in values.items():
            self._kept.setdefault(name, []).append(part)

    def _series_of(self, patterns: Array) -> Array:
        return np.asarray(0.5 * patterns.sum(axis=1), dtype=np.float64)

    def _add(self, series: Array, patterns: Array, parts: Parts) -> None:
        """Take the settled values into the averages."""
        self._total += np.sum(patterns**self.metric.exponent, axis=0)

    def _details(self, series: Array, patterns: Array, parts: Parts) -> dict[str, Array]:
        """Return further values over time by the name of their field."""
        return {}

    def _specific_details(self, parts: Parts) -> dict[str, Array]:
        """Return further specific values over time by the name of their field."""
        return {}

    def _value(self) -> float:
        return self._over_time.exceeded(10.0)

    def _averages(self) -> dict[str, Any]:
        """Return the averages over time by the name of their field."""
        mean = self._total / self._over_time.n
        return {"specific": mean ** (1.0 / self.metric.exponent)}


class _Loudness(MetricSummary):
    """Loudness; its values are power means."""

    def __init__(self, metric: Metric, request: StreamRequest) -> None:
        super().__init__(metric, request)
        self._power = 0.0

    def _add(self, series: Array, patterns: Array, parts: Parts) -> None:
        super()._add(series, patterns, parts)
        self._power += float(np.sum(series**self.metric.exponent))

    def _specific_details(self, parts: Parts) -> dict[str, Array]:
        return dict(parts)

    def _value(self) -> float:
        return float((self._power / self._over_time.n) ** (1.0 / self.metric.exponent))


AUDIBLE: Final = 0.02
"""Tonality in tu_HMS above which values are averaged (6.2.9 to 6.2.11)."""


class _Tonality(MetricSummary):
    """Tonality; its values are means over the tonal times only."""

    def __init__(self, metric: Metric, request: StreamRequest) -> None:
        super().__init__(metric, request)
        self._sum, self._count = 0.0, 0
        self._counts = np.zeros(N_BANDS, dtype=np.int64)
        self._frequencies = np.zeros(N_BANDS)

    def _series_of(self, patterns: Array) -> Array:
        return np.asarray(patterns.max(axis=1), dtype=np.float64)

    def _add(self, series: Array, patterns: Array, parts: Parts) -> None:
        tonal = series > AUDIBLE
        self._sum += float(series[tonal].sum())
        self._count += int(tonal.sum())
        audible = patterns > AUDIBLE
        self._counts += audible.sum(axis=0)
        self._total += np.sum(patterns, axis=0, where=audible)
        self._frequencies += np.sum(parts["frequency"], axis=0, where=audible)

    def _details(self, series: Array, patterns: Array, parts: Parts) -> dict[str, Array]:
        strongest = patterns.argmax(axis=1)
        found = parts["frequency"][np.arange(series.size), strongest]
        return {"frequency": np.where(series > 0.0, found, np.nan)}

    def _value(self) -> float:
        return self._sum / self._count if self._count else 0.0

    def _averages(self) -> dict[str, Any]:
        counts = np.maximum(self._counts, 1)
        frequency = np.where(self._counts > 0, self._frequencies / counts, np.nan)
        return {"specific": self._total / counts, "specific_frequency": frequency}


def summary_of(metric: Metric, request: StreamRequest) -> MetricSummary:
    """Open the summary of a metric."""
    kind = {"NHM": _Loudness, "THM": _Tonality}.get(metric.symbol, MetricSummary)
    return kind(metric, request)

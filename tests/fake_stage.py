"""A stage of several channels that is quick to compute, for tests of the framework.

Its indicator is the root mean square of every tenth of a second, over which it averages; both ears
have the root mean square of both as their binaural series.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from soundcal.errors import SignalError
from soundcal.indicators.registry import ANY_FIELD, Indicator
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import StreamRequest

MINIMUM_S = {"X": 0.1, "Y": 0.5}
"""Shortest duration of each indicator."""


def indicator(symbol: str) -> Indicator:
    """Return an entry for the registry."""
    return Indicator(
        symbol=symbol,
        name=f"fake_{symbol.lower()}",
        family="fake",
        unit="Pa",
        standard="none",
        statistics=("eq", "max"),
        stage="fake_stage:FakeStage",
        together=True,
        fields=ANY_FIELD,
        binaural=symbol == "X",
    )


class FakeStage:
    """The stage of both indicators."""

    opened: list[int]
    """Numbers of channels that stages were opened with since a test set the list up."""

    def __init__(self, request: StreamRequest, n_channels: int) -> None:
        self.opened.append(n_channels)
        self._request = request
        self._size = round(request.fs / 10)
        self._n = 0
        self._left = [np.zeros(0) for _ in range(n_channels)]
        self._new: list[list[float]] = [[] for _ in range(n_channels)]
        self._series: list[list[float]] = [[] for _ in range(n_channels)]
        self._both: list[float] = []

    def tasks(self, samples: NDArray[np.float64]) -> list[Callable[[], None]]:
        self._n += samples.shape[1]
        return [
            lambda channel=channel, part=part: self._take(channel, part)
            for channel, part in enumerate(samples)
        ]

    def _take(self, channel: int, part: NDArray[np.float64]) -> None:
        joined = np.concatenate([self._left[channel], part])
        whole = joined[: joined.size // self._size * self._size].reshape(-1, self._size)
        self._left[channel] = joined[whole.size :]
        self._new[channel] += np.sqrt(np.mean(whole**2, axis=1)).tolist()

    def settle(self) -> None:
        if len(self._new) == 2:
            self._both += np.sqrt(np.mean(np.square(self._new), axis=0)).tolist()
        for series, new in zip(self._series, self._new, strict=True):
            series += new
            new.clear()

    def closing_tasks(self) -> list[Callable[[], None]]:
        """Add what is left of the signal, shorter than a tenth of a second."""
        return [lambda channel=channel: self._end(channel) for channel in range(len(self._left))]

    def _end(self, channel: int) -> None:
        if self._left[channel].size:
            self._new[channel].append(float(np.sqrt(np.mean(self._left[channel] ** 2))))

    def finish(self) -> Mapping[str, IndicatorResult | SignalError]:
        return {symbol: self._result(symbol) for symbol in self._request.wanted}

    def _result(self, symbol: str) -> IndicatorResult | SignalError:
        if self._n < MINIMUM_S[symbol] * self._request.fs:
            return SignalError(f"{symbol}: at least {MINIMUM_S[symbol]} s are needed")
        ears = self._of(symbol, self._series)
        if len(self._series) != 2 or symbol != "X":
            return ears
        return replace(ears, binaural=self._of(symbol, self._both))

    def _of(self, symbol: str, values: Iterable[object]) -> IndicatorResult:
        series = np.asarray(values, dtype=np.float64)
        mean, highest = series.mean(axis=-1), series.max(axis=-1)
        keep = self._request.keep
        return IndicatorResult(
            f"fake_{symbol.lower()}",
            "Pa",
            "none",
            mean if mean.ndim else float(mean),
            {"eq": mean, "max": highest},
            times=np.arange(series.shape[-1]) / 10 if keep else None,
            series=series if keep else None,
            specific=series[..., :3] if self._request.specific else None,
            field=self._request.field,
        )

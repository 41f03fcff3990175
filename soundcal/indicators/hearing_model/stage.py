"""The metrics of the hearing model of one or several ears, from one pass of the filter bank.

Each ear is analysed by itself. Where the standard combines two ears, the root mean square of their
specific values is summarised like the specific values of one ear.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import SignalError
from soundcal.indicators.hearing_model.envelope import BandBlock, EnvelopeBlocks
from soundcal.indicators.hearing_model.fluctuation_analysis import FluctuationAnalysis
from soundcal.indicators.hearing_model.front_end import FrontEnd
from soundcal.indicators.hearing_model.roughness_analysis import RoughnessAnalysis
from soundcal.indicators.hearing_model.summaries import METRICS, Parts, summary_of
from soundcal.indicators.hearing_model.tables import RATE
from soundcal.indicators.hearing_model.tonal_loudness import (
    TonalLoudness,
    ringing_of,
    specific_loudness_of,
    specific_tonality_of,
)
from soundcal.indicators.registry import find
from soundcal.indicators.result import IndicatorResult, stack
from soundcal.indicators.stream import StreamRequest

__all__ = ["HearingModelStage"]

_MODULATION: Final[dict[str, type[RoughnessAnalysis] | type[FluctuationAnalysis]]] = {
    "RHM": RoughnessAnalysis,
    "FHM": FluctuationAnalysis,
}

Found = dict[str, tuple[Array, Parts]]
"""Specific values by symbol, and what they are made of."""


class _Ear:
    """The analyses of one ear."""

    def __init__(self, request: StreamRequest) -> None:
        self.front_end = FrontEnd(request.fs, request.field)
        self._wanted = request.wanted
        self._components = TonalLoudness() if {"NHM", "THM"} & {*request.wanted} else None
        self._modulation = {s: kind() for s, kind in _MODULATION.items() if s in request.wanted}
        lengths = [analysis.length for analysis in self._modulation.values()]
        self._blocks = EnvelopeBlocks(lengths) if lengths else None
        self.found: list[Found] = []

    def push(self, samples: Array) -> None:
        """Take the next samples, shape (n,), in Pa."""
        for bands in self.front_end.push(samples):
            self._analyse(bands)
        self._collect()

    def finish(self) -> None:
        """Analyse what is left at the end of the signal."""
        for bands in self.front_end.finish():
            self._analyse(bands)
        if self._blocks is not None:
            self._take(self._blocks.finish())
        for analysis in self._modulation.values():
            analysis.finish(self.front_end.n / RATE)
        if self._components is not None:
            n = self.front_end.n
            for bands in self.front_end.ringing(ringing_of(n)):
                self._components.push(bands)
            self._components.finish(n)
        self._collect()

    def _analyse(self, bands: Array) -> None:
        if self._components is not None:
            self._components.push(bands)
        if self._blocks is not None:
            self._take(self._blocks.push(bands))

    def _take(self, blocks: Iterable[BandBlock]) -> None:
        for block in blocks:
            for analysis in self._modulation.values():
                if analysis.length == block.length:
                    analysis.push(block)

    def _collect(self) -> None:
        found: Found = {symbol: (a.take(), {}) for symbol, a in self._modulation.items()}
        if self._components is not None:
            components = self._components.take()
            tonal, noise, frequency = components
            if "NHM" in self._wanted:
                parts = {"tonal_loudness": tonal, "noise_loudness": noise}
                found["NHM"] = specific_loudness_of(components), parts
            if "THM" in self._wanted:
                found["THM"] = specific_tonality_of(components), {"frequency": frequency}
        self.found.append(found)


class HearingModelStage:
    """Loudness, tonality, roughness and fluctuation strength by ECMA-418-2:2025.

    Parameters
    ----------
    request : StreamRequest
        The metrics and what to keep of them.
    n_channels : int
        Number of channels; two are a pair of ears.
    """

    def __init__(self, request: StreamRequest, n_channels: int) -> None:
        self._symbols = list(request.wanted)
        self._ears = [_Ear(request) for _ in range(n_channels)]
        metrics = [METRICS[symbol] for symbol in self._symbols]
        self._summaries = {
            m.symbol: [summary_of(m, request) for _ in range(n_channels)] for m in metrics
        }
        self._binaural = {
            m.symbol: summary_of(m, request)
            for m in metrics
            if n_channels == 2 and find(m.symbol).binaural
        }

    def tasks(self, samples: Array) -> list[Callable[[], None]]:
        """Return one task per ear for the next samples, shape (n_channels, n), in Pa."""
        return [partial(ear.push, x) for ear, x in zip(self._ears, samples, strict=True)]

    def closing_tasks(self) -> list[Callable[[], None]]:
        """Return one task per ear for the end of the signal."""
        return [ear.finish for ear in self._ears]

    def settle(self) -> None:
        """Take the new specific values of the ears into their summaries and that of both."""
        for pieces in zip(*(ear.found for ear in self._ears), strict=True):
            for symbol, summaries in self._summaries.items():
                parts = [found[symbol] for found in pieces]
                for summary, part in zip(summaries, parts, strict=True):
                    summary.push(*part)
                if symbol in self._binaural:
                    left, right = parts[0][0], parts[1][0]
                    self._binaural[symbol].push(np.sqrt((left**2 + right**2) / 2.0), {})
        for ear in self._ears:
            ear.found.clear()

    def running(self, symbol: str) -> list[tuple[float, float]]:
        """Return each ear's last value and single value so far of one metric, before the end."""
        return [summary.running for summary in self._summaries[symbol]]

    def finish(self) -> Mapping[str, IndicatorResult | SignalError]:
        """Return the results by symbol, with leading shape (n_channels,).

        A metric that the signal is too short for has the error in place of a result.
        """
        return {symbol: self._result(symbol) for symbol in self._symbols}

    def _result(self, symbol: str) -> IndicatorResult | SignalError:
        try:
            warnings = METRICS[symbol].warnings_for(self._ears[0].front_end.n)
        except SignalError as error:
            return error
        ears = [summary.result(warnings) for summary in self._summaries[symbol]]
        both = self._binaural.get(symbol)
        return replace(
            stack(ears, (len(ears),)), binaural=None if both is None else both.result(warnings)
        )

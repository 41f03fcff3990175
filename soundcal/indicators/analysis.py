"""Several indicators of several channels, block by block."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from soundcal.dsp.signal import pressure_array
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators.names import STUDY, resolve
from soundcal.indicators.registry import find, resolve_callable
from soundcal.indicators.result import IndicatorResult, stack
from soundcal.indicators.stream import (
    ChannelStage,
    IndicatorStream,
    StreamRequest,
    check_field,
    close_channels,
    feed_channels,
)
from soundcal.indicators.workers import Workers, threads_for

__all__ = ["Analysis", "open_stream"]


class Analysis:
    """Several indicators of several channels, block by block; :func:`open_stream` makes it."""

    def __init__(self, request: StreamRequest, n_channels: int, threads: int | None = None) -> None:
        if not request.fs > 0:
            raise ParameterError(f"sampling rate {request.fs} Hz: a positive rate is expected")
        if n_channels < 1:
            raise ParameterError(f"{n_channels} channels; at least 1 is expected")
        self.request = request
        self.n_channels = n_channels
        self.n_samples = 0
        self._wanted = _with_needs(request.wanted)
        entries = [find(s) for s in self._wanted if find(s).stage]
        stages = list(dict.fromkeys(e.stage for e in entries if not e.together))
        self._stages = stages
        self._streams: list[list[IndicatorStream]] = [
            [resolve_callable(stage)(self._part(stage)) for stage in stages]
            for _ in range(n_channels)
        ]
        self._together: dict[str, ChannelStage] = {
            stage: resolve_callable(stage)(self._part(stage), n_channels)
            for stage in dict.fromkeys(e.stage for e in entries if e.together)
        }
        n_stages = len(stages) + len(self._together)
        self._workers = Workers(threads_for(threads, n_channels * max(1, n_stages)))

    def _part(self, stage: str) -> StreamRequest:
        own = {s: statistics for s, statistics in self._wanted.items() if find(s).stage == stage}
        return replace(self.request, wanted=own)

    def push(self, block: ArrayLike) -> None:
        """Take the next samples of all channels.

        Parameters
        ----------
        block : array_like, shape (n_channels, n)
            Sound pressure in Pa.

        Raises
        ------
        SignalError
            Another number of channels, or samples that are not finite.
        """
        array = np.asarray(block)
        if array.ndim != 2 or array.shape[0] != self.n_channels:
            raise SignalError(
                f"block of shape {array.shape}; ({self.n_channels}, n) is expected, time last"
            )
        if array.shape[1] == 0:
            return
        samples = pressure_array(array, self.request.fs)
        self.n_samples += samples.shape[1]

        feed_channels(self._streams, [*self._together.values()], samples, self._workers)

    def finish(self) -> dict[str, IndicatorResult]:
        """Return one result per requested symbol, with leading shape (n_channels,).

        Raises
        ------
        SignalError
            No samples, or too few for an indicator.
        """
        results, refused = self.finish_possible()
        for error in refused.values():
            raise error
        return results

    def finish_possible(self) -> tuple[dict[str, IndicatorResult], dict[str, SignalError]]:
        """Return the available results, and the reasons for the missing ones.

        Returns
        -------
        results : dict of str to IndicatorResult
            Results by symbol, with leading shape (n_channels,).
        refused : dict of str to SignalError
            Reasons by symbol: the signal is too short for the indicator, or for one that it is
            derived from.

        Raises
        ------
        SignalError
            No samples.
        """
        if self.n_samples == 0:
            raise SignalError("no samples were pushed")
        close_channels([*self._together.values()], self.n_samples, self._workers)
        results: dict[str, IndicatorResult] = {}
        refused: dict[str, SignalError] = {}
        for stage, streams in zip(self._stages, zip(*self._streams, strict=True), strict=True):
            symbols = self._part(stage).wanted
            try:
                per_channel = [stream.finish() for stream in streams]
            except SignalError as error:
                refused |= dict.fromkeys(symbols, error)
                continue
            results |= {
                s: stack([one[s] for one in per_channel], (self.n_channels,)) for s in symbols
            }
        for common in self._together.values():
            for symbol, found in common.finish().items():
                if isinstance(found, SignalError):
                    refused[symbol] = found
                else:
                    results[symbol] = found
        for symbol in self._wanted:
            missing = [refused[needed] for needed in find(symbol).needs if needed in refused]
            if missing:
                refused[symbol] = missing[0]
            elif find(symbol).derived:
                results[symbol] = resolve_callable(find(symbol).derived)(results)
        wanted = self.request.wanted
        return (
            {symbol: results[symbol] for symbol in wanted if symbol in results},
            {symbol: refused[symbol] for symbol in wanted if symbol in refused},
        )


def _with_needs(wanted: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Insert the indicators that derived ones are computed from before them."""
    full: dict[str, tuple[str, ...]] = {}
    for symbol, statistics in wanted.items():
        for needed in find(symbol).needs:
            full.setdefault(needed, find(needed).statistics)
        full[symbol] = tuple(dict.fromkeys((*full.get(symbol, ()), *statistics)))
    return full


def open_stream(
    names: Iterable[str] = STUDY,
    *,
    fs: float,
    n_channels: int = 1,
    field: str = "free",
    keep: bool = False,
    threads: int | None = None,
) -> Analysis:
    """Open the measurement of several indicators of signals that arrive in blocks.

    Parameters
    ----------
    names : iterable of str
        Labels, symbols, functions or families (see :func:`soundcal.indicators.resolve`).
    fs : float
        Sampling rate in Hz.
    n_channels : int
        Number of channels.
    field : {"free", "diffuse", "eardrum"}
        Sound field, for the indicators where it matters.
    keep : bool
        Keep the series over time; by default only the statistics, in constant memory.
    threads : int, optional
        Maximum number of threads; by default one per channel and stage, up to the number of cores.

    Returns
    -------
    Analysis
        Push blocks of shape (n_channels, n), then finish.

    Raises
    ------
    ParameterError
        Unknown name, a field that an indicator does not have, or impossible rate.

    Examples
    --------
    >>> meter = open_stream(["LAeq"], fs=48000)
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
    >>> for block in np.split(tone, 10):
    ...     meter.push(block[np.newaxis])
    >>> meter.finish()["LA"].statistics["eq"].round(1).tolist()
    [91.0]
    """
    wanted = resolve(names)
    request = StreamRequest(fs, wanted, check_field(field, wanted), keep)
    return Analysis(request, n_channels, threads)

"""Indicators of signals that arrive in blocks, with state kept between blocks.

An :class:`IndicatorStream` takes one signal in blocks of any size and computes one or several
indicators of it. The functions of whole signals (``leq``, ``loudness_zwtv`` …) feed the same stream
once, so block sizes never change a result. :func:`open_stream` opens all streams that several
indicators need, for several channels in parallel.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol, TypeVar, get_args

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.dsp.signal import pressure_array
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators.registry import STUDY, find, resolve, resolve_callable
from soundcal.indicators.result import IndicatorResult

__all__ = [
    "Analysis",
    "Field",
    "IndicatorStream",
    "StreamRequest",
    "check_field",
    "feed_each",
    "open_stream",
    "run_stream",
    "stack",
]

Field = Literal["free", "diffuse"]

_SLICE: Final = 1 << 15
"""Number of samples per channel that are processed at a time, so that memory stays constant."""


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """The results that a stream has to give.

    Parameters
    ----------
    fs : float
        Sampling rate in Hz.
    wanted : mapping of str to tuple of str
        Statistics wanted per symbol of the registry.
    field : {"free", "diffuse"}
        Sound field.
    keep : bool
        Keep the series (and specific values) over time. Otherwise memory does not grow with
        the signal, and ``series`` and ``specific`` of the results are None.
    """

    fs: float
    wanted: Mapping[str, tuple[str, ...]]
    field: Field = "free"
    keep: bool = True


class Pushable(Protocol):
    """A consumer of one signal in blocks."""

    def push(self, block: Array) -> Any:
        """Take the next samples in Pa, shape (n,), float64, finite."""
        ...


S = TypeVar("S", bound=Pushable)


class IndicatorStream(Pushable, Protocol):
    """Converts one signal to one result per wanted symbol.

    Blocks may have any size, 0 included; the results do not depend on it, bit for bit or to 1e-12.
    """

    def finish(self) -> dict[str, IndicatorResult]:
        """Return the results by symbol; nothing may be pushed afterwards.

        Raises
        ------
        SignalError
            The signal was too short for the indicator.
        """
        ...


_WORTH_THREADS: Final = 1 << 14
"""Number of samples from which starting threads is worthwhile."""


def check_field(field: str) -> Field:
    """Return the sound field, or refuse it."""
    if field not in get_args(Field):
        raise ParameterError(f"sound field {field!r}; free or diffuse is expected")
    return "free" if field == "free" else "diffuse"


def stack(results: Sequence[IndicatorResult], leading: tuple[int, ...]) -> IndicatorResult:
    """Combine the results of single signals into one with the given leading shape."""
    if leading == ():
        return results[0]

    def joined(values: Sequence[object]) -> Array:
        array = np.asarray(values, dtype=np.float64)
        return array.reshape(leading + array.shape[1:])

    first = results[0]
    return replace(
        first,
        value=joined([r.value for r in results]),
        statistics={key: joined([r.statistics[key] for r in results]) for key in first.statistics},
        series=None if first.series is None else joined([r.series for r in results]),
        specific=None if first.specific is None else joined([r.specific for r in results]),
        warnings=tuple(dict.fromkeys(w for r in results for w in r.warnings)),
    )


def _threads(asked: int | None, n_tasks: int) -> int:
    if asked is not None and asked < 1:
        raise ParameterError(f"{asked} threads; at least 1 is expected")
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(available or 1 if asked is None else asked, n_tasks)


class _Workers:
    """Threads that run tasks; the kernels release the interpreter lock, so they use the cores.

    They start with the first sufficiently large work and end with this object or with
    :meth:`close`.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    def run(self, tasks: Sequence[Callable[[], None]], n_samples: int) -> None:
        """Run the tasks, each of which works on ``n_samples`` samples."""
        if self._threads == 1 or n_samples < _WORTH_THREADS:
            for task in tasks:
                task()
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads)
        for future in [self._pool.submit(task) for task in tasks]:
            future.result()

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


def feed_each(
    opener: Callable[[], S], pressure: ArrayLike, fs: float, *, minimum: float = 0.0
) -> tuple[list[S], tuple[int, ...]]:
    """Feed whole signals of any leading shape to one stream each.

    Parameters
    ----------
    opener : callable
        Opens a stream for one signal.
    pressure : array_like, shape (..., n_samples)
        Sound pressure in Pa.
    fs : float
        Sampling rate in Hz.
    minimum : float
        Shortest duration in s that the indicator is defined for.

    Returns
    -------
    streams : list
        One per signal, with all samples pushed.
    leading : tuple of int
        Leading shape of the signals, for :func:`stack`.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.dsp.signal.pressure_array`.
    """
    signal = pressure_array(pressure, fs, minimum=minimum)
    flat = signal.reshape(-1, signal.shape[-1])
    streams = [opener() for _ in flat]

    def feeder(stream: S, samples: Array) -> Callable[[], None]:
        return lambda: _feed(stream, samples)

    tasks = [feeder(s, x) for s, x in zip(streams, flat, strict=True)]
    workers = _Workers(_threads(None, len(tasks)))
    workers.run(tasks, signal.shape[-1])
    workers.close()
    return streams, signal.shape[:-1]


def run_stream(
    opener: Callable[[StreamRequest], IndicatorStream],
    symbol: str,
    pressure: ArrayLike,
    fs: float,
    *,
    field: str = "free",
    minimum: float = 0.0,
) -> IndicatorResult:
    """Return one indicator of whole signals of any leading shape.

    Parameters
    ----------
    opener : callable
        Opens the indicator's stream for a request, as the stage in the registry does.
    symbol : str
        Symbol of the indicator.
    pressure, fs, minimum
        As for :func:`feed_each`.
    field : {"free", "diffuse"}
        Sound field.

    Raises
    ------
    SignalError
        As for :func:`feed_each`; or a signal that is too short.
    ParameterError
        As for :func:`feed_each`; or an unknown field.
    """
    request = StreamRequest(float(fs), {symbol: ()}, check_field(field))
    streams, leading = feed_each(lambda: opener(request), pressure, fs, minimum=minimum)
    return stack([stream.finish()[symbol] for stream in streams], leading)


def _feed(stream: Pushable, samples: Array) -> None:
    for start in range(0, samples.size, _SLICE):
        stream.push(samples[start : start + _SLICE])


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
        stages = list(dict.fromkeys(find(s).stage for s in self._wanted if find(s).stage))
        self._stages = stages
        self._streams: list[list[IndicatorStream]] = [
            [resolve_callable(stage)(self._part(stage)) for stage in stages]
            for _ in range(n_channels)
        ]
        self._workers = _Workers(_threads(threads, n_channels * max(1, len(stages))))

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

        def feeder(stream: IndicatorStream, channel: int) -> Callable[[], None]:
            return lambda: _feed(stream, samples[channel])

        tasks = [
            feeder(stream, channel)
            for channel, streams in enumerate(self._streams)
            for stream in streams
        ]
        self._workers.run(tasks, samples.shape[1])

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
        self._workers.close()
        if self.n_samples == 0:
            raise SignalError("no samples were pushed")
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
    field : {"free", "diffuse"}
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
        Unknown name, field or impossible rate.

    Examples
    --------
    >>> meter = open_stream(["LAeq"], fs=48000)
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
    >>> for block in np.split(tone, 10):
    ...     meter.push(block[np.newaxis])
    >>> meter.finish()["LA"].statistics["eq"].round(1).tolist()
    [91.0]
    """
    request = StreamRequest(fs, resolve(names), check_field(field), keep)
    return Analysis(request, n_channels, threads)

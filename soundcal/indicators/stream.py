"""Indicators of signals that arrive in blocks, with state kept between blocks.

An :class:`IndicatorStream` takes one signal in blocks of any size and computes one or several
indicators of it. The functions of whole signals (``leq``, ``loudness_zwtv`` …) feed the same stream
once, so block sizes never change a result. A :class:`ChannelStage` does so for several channels
that a method combines. :mod:`soundcal.indicators.analysis` opens all that several indicators need.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeVar, get_args

from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.dsp.signal import pressure_array
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators.registry import REGISTRY, find
from soundcal.indicators.result import IndicatorResult, stack
from soundcal.indicators.workers import Workers, threads_for

__all__ = [
    "ChannelStage",
    "Field",
    "IndicatorStream",
    "StreamRequest",
    "check_field",
    "close_channels",
    "feed_channels",
    "feed_each",
    "run_stream",
    "run_together",
]

Field = Literal["free", "diffuse", "eardrum"]

_SLICE: Final = 1 << 15
"""Number of samples per channel that are processed at a time, so that memory stays constant."""

_PART: Final = 1 << 18
"""Number of samples after which the threads wait for each other and the longest task is known."""

_TOGETHER: Final = 1 << 16
"""The same number where channels are analysed together and are combined after every part."""


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """The results that a stream has to give.

    Parameters
    ----------
    fs : float
        Sampling rate in Hz.
    wanted : mapping of str to tuple of str
        Statistics wanted per symbol of the registry.
    field : {"free", "diffuse", "eardrum"}
        Sound field.
    keep : bool
        Keep the series (and specific values) over time. Otherwise memory does not grow with
        the signal, and ``series`` and ``specific`` of the results are None.
    specific : bool
        Also keep the specific values over time of the indicators whose ``specific`` is an average.
    patterns : bool
        With ``keep``, also keep the specific values over time of the other indicators.
    """

    fs: float
    wanted: Mapping[str, tuple[str, ...]]
    field: Field = "free"
    keep: bool = True
    specific: bool = False
    patterns: bool = True


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


class ChannelStage(Protocol):
    """One or several indicators of several channels that are analysed together.

    Blocks may have any size; the results do not depend on it, to 1e-12. A block is processed by
    running its tasks, in any order or at the same time, and then :meth:`settle`.
    """

    def tasks(self, samples: Array) -> list[Callable[[], None]]:
        """Return one independent task per channel for the next samples.

        Parameters
        ----------
        samples : ndarray, shape (n_channels, n)
            Sound pressure in Pa, float64, finite.
        """
        ...

    def settle(self) -> None:
        """Combine the channels, after all tasks of a block and after the closing tasks."""
        ...

    def closing_tasks(self) -> list[Callable[[], None]]:
        """Return one independent task per channel for the end of the signal."""
        ...

    def finish(self) -> Mapping[str, IndicatorResult | SignalError]:
        """Return the results by symbol, with leading shape (n_channels,).

        An indicator that the signal is too short for has the error in place of a result.
        """
        ...


def check_field(field: str, symbols: Iterable[str] = ()) -> Field:
    """Return the sound field, or refuse it.

    Parameters
    ----------
    field : {"free", "diffuse", "eardrum"}
        Sound field; ``eardrum`` means pressure at the eardrum.
    symbols : iterable of str
        Indicators that have to be defined for the field.

    Raises
    ------
    ParameterError
        Unknown field, or indicators that do not have it, by name.
    """
    known: dict[str, Field] = {name: name for name in get_args(Field)}
    if field not in known:
        raise ParameterError(f"sound field {field!r}; free, diffuse or eardrum is expected")
    lacking = [symbol for symbol in symbols if field not in find(symbol).fields]
    if lacking:
        able = [symbol for symbol, entry in REGISTRY.items() if field in entry.fields]
        raise ParameterError(
            f"sound field {field!r}: {', '.join(lacking)} cannot be computed for it; "
            f"indicators that can: {', '.join(able)}"
        )
    return known[field]


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
    workers = Workers(threads_for(None, len(tasks)))
    workers.run(tasks, signal.shape[-1])
    workers.close()
    return streams, signal.shape[:-1]


def feed_channels(
    streams: Sequence[Sequence[IndicatorStream]],
    together: Sequence[ChannelStage],
    samples: Array,
    workers: Workers,
) -> None:
    """Push samples of shape (n_channels, n) through each channel's streams and common stages."""
    size = _TOGETHER if together else _PART

    def feeder(stream: IndicatorStream, part: Array) -> Callable[[], None]:
        return lambda: _feed(stream, part)

    for start in range(0, samples.shape[1], size):
        part = samples[:, start : start + size]
        # the tasks of common stages take longest: in the first part, too, they begin first
        tasks = [task for stage in together for task in stage.tasks(part)]
        tasks += [
            feeder(stream, channel)
            for channel, own in zip(part, streams, strict=True)
            for stream in own
        ]
        workers.run(tasks, part.shape[1])
        for stage in together:
            stage.settle()


def close_channels(together: Sequence[ChannelStage], n_samples: int, workers: Workers) -> None:
    """Bring signals of ``n_samples`` samples to their end in common stages, end the threads."""
    workers.run([task for stage in together for task in stage.closing_tasks()], n_samples)
    workers.close()
    for stage in together:
        stage.settle()


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
    field : {"free", "diffuse", "eardrum"}
        Sound field.

    Raises
    ------
    SignalError
        As for :func:`feed_each`; or a signal that is too short.
    ParameterError
        As for :func:`feed_each`; or a field that the indicator does not have.
    """
    request = StreamRequest(float(fs), {symbol: ()}, check_field(field, [symbol]))
    streams, leading = feed_each(lambda: opener(request), pressure, fs, minimum=minimum)
    return stack([stream.finish()[symbol] for stream in streams], leading)


def run_together(
    opener: Callable[[StreamRequest, int], ChannelStage],
    symbol: str,
    pressure: ArrayLike,
    fs: float,
    *,
    field: str = "free",
    minimum: float = 0.0,
    specific: bool = False,
) -> IndicatorResult:
    """Return one indicator of whole signals, of which pairs of ears are analysed together.

    Parameters
    ----------
    opener : callable
        Opens the stage for a request and a number of channels, as the registry's does.
    symbol : str
        Symbol of the indicator.
    pressure : array_like, shape (..., n_samples)
        Sound pressure in Pa. A last leading axis of 2 is a pair of ears; signals of any other
        leading shape are analysed by themselves.
    fs, minimum
        As for :func:`feed_each`.
    field : {"free", "diffuse", "eardrum"}
        Sound field.
    specific : bool
        Keep the specific values over time.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`run_stream`.
    """
    asked = check_field(field, [symbol])
    signal = pressure_array(pressure, fs, minimum=minimum)
    leading, n_samples = signal.shape[:-1], signal.shape[-1]
    size = 2 if leading[-1:] == (2,) else 1
    request = StreamRequest(float(fs), {symbol: ()}, asked, specific=specific)
    found = []
    for group in signal.reshape(-1, size, n_samples):
        stage, workers = opener(request, size), Workers(threads_for(None, size))
        feed_channels([()] * size, [stage], group, workers)
        close_channels([stage], n_samples, workers)
        result = stage.finish()[symbol]
        if isinstance(result, SignalError):
            raise result
        found.append(result)
    return stack(found, leading, n_axes=1)


def _feed(stream: Pushable, samples: Array) -> None:
    for start in range(0, samples.size, _SLICE):
        stream.push(samples[start : start + _SLICE])

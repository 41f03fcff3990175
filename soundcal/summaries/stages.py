"""The stages of a piece: what is computed of its sound, and the summaries that they leave.

A stage reads the samples of its span, in order. Levels and bands begin anew with the first sample
of the piece and stop with its last one. Of the other indicators, the values are kept whose time
lies in the piece; a reading at the end of a time, as those of levels, belongs to its last sample.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.dsp.detectors import SETTLING, TICKS_PER_S, LevelMeter, Readings, ticks_in
from soundcal.dsp.distribution import CountedValues
from soundcal.dsp.weighting import check_weighting
from soundcal.indicators.analysis import Analysis
from soundcal.indicators.hearing_model.summaries import METRICS
from soundcal.indicators.levels.bands import BandRecord, registry_record
from soundcal.indicators.levels.stream import LevelRecord, unsettled_warning
from soundcal.indicators.registry import find
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.rows import BINAURAL
from soundcal.indicators.stream import Field, StreamRequest
from soundcal.summaries.seconds import KeptSeries, SecondCutter, SecondSeries
from soundcal.summaries.summary import Summary
from soundcal.summaries.values import SeriesKey, needed_series
from soundcal.summaries.warm_up import Span, reach_of
from soundcal.units import pascal_to_level

__all__ = ["PieceOfFile", "Stage", "open_stages"]

_SAME_INSTANT: Final = 1e-8
"""Difference of times in s that is rounding; samples are further apart."""

_NONE: Final = CountedValues.of(np.empty(0))

Summaries = dict[str, list[Summary]]
"""Summaries by channel."""


@dataclass(frozen=True, slots=True)
class PieceOfFile:
    """Where a piece lies in its file.

    Parameters
    ----------
    first, last : int
        First sample, and the one after the last.
    n_samples : int
        Samples of the file per channel.
    fs : int
        Sampling rate in Hz.
    channels : tuple of str
        Names of the channels.
    """

    first: int
    last: int
    n_samples: int
    fs: int
    channels: tuple[str, ...]

    @property
    def seconds(self) -> Fraction:
        """Duration in s."""
        return Fraction(self.last - self.first, self.fs)

    @property
    def whole(self) -> bool:
        """True if the piece is the whole file."""
        return self.first == 0 and self.last == self.n_samples

    def summary(
        self,
        key: SeriesKey,
        total: Fraction,
        extremes: tuple[float, float] = (math.nan, math.nan),
        peak: float = math.nan,
        counted: CountedValues = _NONE,
    ) -> Summary:
        """Return a summary of the duration of the piece; extremes are minimum and maximum."""
        low, high = extremes
        unit = find(key[0]).unit
        return Summary(*key, unit, self.seconds, total, high, low, peak, counted)


class Stage(ABC):
    """A stage of a piece.

    Attributes
    ----------
    span : Span
        Samples of the file that it reads.
    missing : dict of str to str
        After :meth:`finish`, the reason for each symbol that the file is too short for.
    kept : dict of str to list of SecondSeries
        After :meth:`finish`, the series that are kept, by channel.
    """

    def __init__(self, piece: PieceOfFile, reaches: Iterable[str]) -> None:
        self.piece = piece
        self.span: Span = reach_of(reaches).span(piece.first, piece.last, piece.fs, piece.n_samples)
        self.missing: dict[str, str] = {}
        self.kept: dict[str, list[SecondSeries]] = {}

    @abstractmethod
    def restart(self) -> None:
        """Take note that the next sample is the first one of the piece."""

    @abstractmethod
    def push(self, pressure: Array) -> None:
        """Take the next samples of the span in Pa, shape (n_channels, n)."""

    @abstractmethod
    def finish(self) -> tuple[Summaries, list[str]]:
        """Return the summaries by channel, and warnings."""


R = TypeVar("R", LevelRecord, BandRecord)


class _Records(Stage, Generic[R]):
    """A stage that has one record per channel, which begins anew with the piece."""

    records: Sequence[R]

    def restart(self) -> None:
        for record in self.records:
            record.restart()

    def push(self, pressure: Array) -> None:
        for record, samples in zip(self.records, pressure, strict=True):
            record.push(samples)


class _Levels(_Records[LevelRecord]):
    """Levels of all weightings, which share the filters."""

    def __init__(self, piece: PieceOfFile, wanted: Mapping[str, Sequence[str]]) -> None:
        self._wanted = wanted
        self._series = {symbol: _time_weightings(symbol, wanted[symbol]) for symbol in wanted}
        times = list(dict.fromkeys(t for series in self._series.values() for t in series))
        super().__init__(piece, [f"{time}-weighted level" for time in times])
        self.records = [self._record(times) for _ in piece.channels]

    def _record(self, times: Sequence[str]) -> LevelRecord:
        weightings = {symbol: check_weighting(symbol.removeprefix("L")) for symbol in self._wanted}
        return LevelRecord(
            tuple(weightings.values()),
            self.piece.fs,
            detectors=times,
            peaks=[w for symbol, w in weightings.items() if "peak" in self._wanted[symbol]],
            left_out=None if self.piece.whole else self._left_out(),
        )

    def _left_out(self) -> dict[str, int]:
        """Return how many readings of the piece belong to the rise at the start of the file."""
        piece = self.piece
        in_file, before = ticks_in(piece.n_samples, piece.fs), ticks_in(piece.first, piece.fs)
        rise = {time: round(s * TICKS_PER_S) for time, s in SETTLING.items()}
        return {time: max(0, min(n, in_file // 2) - before) for time, n in rise.items()}

    def finish(self) -> tuple[Summaries, list[str]]:
        found: Summaries = {}
        for channel, record in zip(self.piece.channels, self.records, strict=True):
            record.close()
            found[channel] = [
                self._summary(record, symbol, time)
                for symbol, times in self._series.items()
                for time in times
            ]
        return found, list(self._warnings())

    def _summary(self, record: LevelRecord, symbol: str, time: str) -> Summary:
        w, piece = symbol.removeprefix("L"), self.piece
        statistics = record.statistics[w][time]
        high, low = record.extremes(w, time)
        low = math.nan if math.isinf(statistics.minimum) else low
        peak = math.nan
        if time == "F" and "peak" in self._wanted[symbol]:
            peak = record.peak(w, ended=piece.last == piece.n_samples)
        return piece.summary(
            (symbol, time),
            Fraction(record.energy[w]) / piece.fs,
            (low, high),
            peak,
            statistics.counted(),
        )

    def _warnings(self) -> Iterator[str]:
        """Give what the whole file is too short for, once."""
        if self.piece.first == 0:
            duration = self.piece.n_samples / self.piece.fs
            for symbol, names in self._wanted.items():
                texts = (unsettled_warning(symbol, names, time, duration) for time in "FSI")
                yield from filter(None, texts)


def _time_weightings(symbol: str, wanted: Iterable[str]) -> list[str]:
    """Return F, and the time weightings that the statistics need besides."""
    needed = [time for name in wanted for _, time in needed_series(symbol, name)]
    return list(dict.fromkeys(["F", *needed]))


class _SecondsOfLevels(Stage):
    """Levels that are kept second by second, by meters of their own: a second may end in a tick."""

    def __init__(self, piece: PieceOfFile, kept: KeptSeries, keys: Sequence[SeriesKey]) -> None:
        times = list(dict.fromkeys(time for _, time in keys))
        super().__init__(piece, [f"{time}-weighted level" for time in times])
        self._keys, self._seconds = keys, kept.seconds
        weightings = [check_weighting(symbol.removeprefix("L")) for symbol, _ in keys]
        self._meters = [
            LevelMeter(tuple(dict.fromkeys(weightings)), piece.fs, impulse="I" in times)
            for _ in piece.channels
        ]
        self._cutter: SecondCutter | None = None
        self._readings: list[list[dict[str, Readings]]] = [[] for _ in piece.channels]
        self._found: list[list[list[tuple[float, float]]]] = [[] for _ in piece.channels]

    def restart(self) -> None:
        self._cutter = SecondCutter(self._seconds)
        for meter in self._meters:
            meter.restart()

    def push(self, pressure: Array) -> None:
        if self._cutter is None:  # before the piece
            for meter, samples in zip(self._meters, pressure, strict=True):
                meter.push(samples)
            return
        for part, ends in self._cutter.parts(pressure):
            for meter, samples, readings, found in zip(
                self._meters, part, self._readings, self._found, strict=True
            ):
                readings.append(meter.push(samples))
                if ends:
                    readings.append(meter.rest())
                    found.append(self._second(readings))
                    readings.clear()
                    meter.restart()

    def _second(self, readings: Sequence[Mapping[str, Readings]]) -> list[tuple[float, float]]:
        """Return the energy of a second in Pa² and the largest average in Pa², by series."""
        found = []
        for symbol, time in self._keys:
            own = [of[w] for of in readings if (w := symbol.removeprefix("L")) in of]
            energy = math.fsum(x for one in own for x in one.energy.tolist())
            found.append((energy, max(float(one.high[time].max(initial=0.0)) for one in own)))
        return found

    def finish(self) -> tuple[Summaries, list[str]]:
        for channel, found in zip(self.piece.channels, self._found, strict=True):
            energy, highest = np.array(found).T  # shape (n_series, n)
            means = pascal_to_level(np.sqrt(energy / self._seconds.n_samples))
            maxima = pascal_to_level(np.sqrt(highest))
            self.kept[channel] = [
                SecondSeries(*key, find(key[0]).unit, mean, maximum)
                for key, mean, maximum in zip(self._keys, means, maxima, strict=True)
            ]
        return {}, []


class _Bands(_Records[BandRecord]):
    """Band levels of one fraction of an octave."""

    def __init__(
        self, piece: PieceOfFile, symbol: str, wanted: Sequence[str], kept: KeptSeries | None
    ) -> None:
        super().__init__(piece, [symbol])
        self._symbol, self._wanted = symbol, wanted
        self.records = [registry_record(symbol, piece.fs, keep=False) for _ in piece.channels]
        self._seconds = kept.seconds if kept and (symbol, "") in kept.series else None
        self._cutter: SecondCutter | None = None
        self._energies: list[list[dict[str, float]]] = [[] for _ in piece.channels]

    def restart(self) -> None:
        super().restart()
        self._cutter = SecondCutter(self._seconds) if self._seconds else None

    def push(self, pressure: Array) -> None:
        if self._cutter is None:
            super().push(pressure)
            return
        for part, ends in self._cutter.parts(pressure):
            super().push(part)
            if ends:
                for record, found in zip(self.records, self._energies, strict=True):
                    found.append(record.energies())
                    record.restart()

    def finish(self) -> tuple[Summaries, list[str]]:
        piece = self.piece
        found: Summaries = {}
        for channel, record, of_seconds in zip(
            piece.channels, self.records, self._energies, strict=True
        ):
            self._keep(channel, of_seconds)
            of_seconds.append(record.energies())
            found[channel] = [
                piece.summary(
                    (self._symbol, band),
                    sum((Fraction(one[band]) for one in of_seconds), Fraction()) / piece.fs,
                )
                for band in of_seconds[-1]
                if band in self._wanted
            ]
        return found, [*self.records[0].warnings()]

    def _keep(self, channel: str, of_seconds: Sequence[Mapping[str, float]]) -> None:
        if self._seconds is None:
            return
        unit, none = find(self._symbol).unit, np.full(self._seconds.n, np.nan)
        for band in of_seconds[0]:
            if band in self._wanted:
                power = np.array([one[band] for one in of_seconds]) / self._seconds.n_samples
                mean = pascal_to_level(np.sqrt(power))
                self.kept.setdefault(channel, []).append(
                    SecondSeries(self._symbol, band, unit, mean, none)
                )


class _Series(Stage):
    """Indicators over time that one stage of the registry computes."""

    def __init__(
        self,
        piece: PieceOfFile,
        symbols: Sequence[str],
        field: Field,
        threads: int | None,
        *,
        binaural: bool,
        kept: KeptSeries | None,
    ) -> None:
        super().__init__(piece, symbols)
        self._kept = kept
        wanted = {symbol: find(symbol).statistics for symbol in symbols}
        request = StreamRequest(piece.fs, wanted, field, keep=True, patterns=False)
        self._analysis = Analysis(request, len(piece.channels), threads)
        self._binaural = binaural

    def restart(self) -> None:
        pass  # values of other times are left out at the end

    def push(self, pressure: Array) -> None:
        self._analysis.push(pressure)

    def finish(self) -> tuple[Summaries, list[str]]:
        results, refused = self._analysis.finish_possible()
        self.missing = {symbol: str(error) for symbol, error in refused.items()}
        found: Summaries = {channel: [] for channel in self.piece.channels}
        for symbol, result in results.items():
            for channel, of_channel in self._of_channels(symbol, result).items():
                found.setdefault(channel, []).append(of_channel)
        return found, [text for result in results.values() for text in result.warnings]

    def _of_channels(self, symbol: str, result: IndicatorResult) -> dict[str, Summary]:
        rows = dict(zip(self.piece.channels, np.asarray(result.series), strict=True))
        if self._binaural and result.binaural is not None:
            rows[BINAURAL] = np.asarray(result.binaural.series)
        at = np.asarray(result.times) + self.span.start / self.piece.fs + _SAME_INSTANT
        inside = self._inside(symbol, at)
        if self._kept and (symbol, "") in self._kept.series:
            seconds = self._kept.seconds
            places = seconds.place_of(at[inside] * self.piece.fs)
            for channel, row in rows.items():
                of_seconds = SecondSeries.of_values(symbol, row[inside], places, seconds.n)
                self.kept.setdefault(channel, []).append(of_seconds)
        return {channel: self._summary(symbol, row[inside]) for channel, row in rows.items()}

    def _inside(self, symbol: str, at: Array) -> NDArray[np.bool_]:
        """Return which values belong to the piece, without a start that the method leaves out.

        Their times are in s from the first sample of the file.
        """
        piece, metric = self.piece, METRICS.get(symbol)
        begin = piece.first / piece.fs
        if metric is not None:
            begin = max(begin, metric.discarded / metric.rate)
        end = math.inf if piece.last == piece.n_samples else piece.last / piece.fs
        return (at >= begin) & (at < end)

    def _summary(self, symbol: str, values: Array) -> Summary:
        extremes = (math.nan, math.nan)
        if values.size:
            extremes = float(values.min()), float(values.max())
        total = Fraction(math.fsum(values.tolist()))
        return self.piece.summary((symbol, ""), total, extremes, counted=CountedValues.of(values))


def open_stages(
    piece: PieceOfFile,
    wanted: Mapping[str, Sequence[str]],
    field: Field,
    *,
    binaural: bool = False,
    threads: int | None = None,
    kept: KeptSeries | None = None,
) -> list[Stage]:
    """Open the stages that the statistics of a piece need.

    Parameters
    ----------
    piece : PieceOfFile
        The piece.
    wanted : mapping of str to sequence of str
        Statistics wanted per symbol.
    field : {"free", "diffuse", "eardrum"}
        Sound field.
    binaural : bool
        Also summarise the values of both ears that the hearing model defines.
    threads : int, optional
        Largest number of threads; by default one per channel, up to the number of cores.
    kept : KeptSeries, optional
        Series that are kept.
    """
    levels = {s: names for s, names in wanted.items() if find(s).family == "levels"}
    bands = {s: names for s, names in wanted.items() if find(s).family == "bands"}
    needed = dict.fromkeys(
        symbol
        for s, names in wanted.items()
        if s not in levels and s not in bands
        for name in names
        for symbol, _ in needed_series(s, name)
    )
    by_stage: dict[str, list[str]] = {}
    for symbol in needed:
        by_stage.setdefault(find(symbol).stage, []).append(symbol)
    stages: list[Stage] = [_Levels(piece, levels)] if levels else []
    if kept and (keys := [key for key in kept.series if key[0] in levels]):
        stages.append(_SecondsOfLevels(piece, kept, keys))
    stages += [_Bands(piece, symbol, names, kept) for symbol, names in bands.items()]
    stages += [
        _Series(piece, symbols, field, threads, binaural=binaural, kept=kept)
        for symbols in by_stage.values()
    ]
    return stages

"""Merged summaries of one channel of a station by period, in constant memory.

Pieces come in order of time. Those that lie in the same periods of all groupings are merged first,
and their sum is added to each grouping; merging is exact, so this changes nothing. A period is
finished when a piece of a later one comes, and only its values are kept.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from soundcal.errors import ParameterError
from soundcal.periods.coverage import CLOCK_S, Piece
from soundcal.periods.local_time import Every, LocalTime, Period, length_text
from soundcal.periods.ratings import DayParts
from soundcal.summaries.summary import Summary, merge
from soundcal.summaries.values import SeriesKey, needed_series, value_from
from soundcal.units import P_REF, power_db

__all__ = [
    "OF_PARTS",
    "RATED",
    "UNDATED",
    "Grouping",
    "Label",
    "PackedValues",
    "PeriodValues",
    "Sums",
]

RATED: Final = ("LA", "F")
"""Series whose energy is that of the levels by part of the day."""

OF_PARTS: Final = "L"
"""Symbol of these levels: ``Lday``, ``Lden``."""

UNDATED: Final = datetime.min.replace(tzinfo=UTC)
"""Start of what has no place in time."""

_HOUR: Final = Every("clock", 3600)

_ALL: Final = 0.99
"""Share of the covered time that is taken for all of it: rests at the ends of files are short."""

_TOGETHER: Final = 16
"""Most pieces whose summaries wait to be merged."""

_CLOCK: Final = timedelta(seconds=CLOCK_S)

_NONE: Final[Mapping[str, Any]] = {}

Label = tuple[str, str]
"""Symbol and statistic."""


class PackedValues(Mapping[Label, float]):
    """Values by symbol and statistic, in the memory of their numbers: a table may have a million.

    Parameters
    ----------
    places : mapping of (str, str) to int
        Place of each value, which tables have in common.
    numbers : sequence of float
        The values.
    """

    __slots__ = ("_numbers", "_places")

    def __init__(self, places: Mapping[Label, int], numbers: Iterable[float]) -> None:
        self._places = places
        self._numbers = array("d", numbers)

    def __getitem__(self, label: Label) -> float:
        return self._numbers[self._places[label]]

    def __iter__(self) -> Iterator[Label]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return repr(dict(self))


@dataclass(frozen=True, slots=True)
class PeriodValues:
    """Values of one channel of a station in one period.

    Parameters
    ----------
    station, channel : str
        Names.
    period : Period
        Its name and span; from and to :data:`UNDATED` if it has no span.
    length : float or None
        Its length in s; None if it is not known, or has no meaning as for an hour of all days.
    covered : float
        Seconds of the pieces that count.
    left_out : mapping of str to float
        Seconds of the pieces that do not count, by reason.
    flags : mapping of str to int
        Pieces that count and have a flag, by the kind of the flag.
    values : mapping of (str, str) to float
        Values by symbol and statistic; levels of the parts of the day have the symbol ``L``.
    parts : mapping of str to float
        Share of each part of the day that is covered, 0 to 1, if they are rated.
    shorter : mapping of str to float
        Share of the covered time that the values of an indicator stand for, if it is less than all
        because pieces were too short for it, by symbol.
    calibration : str
        Identities of the calibrations.
    """

    station: str
    channel: str
    period: Period
    length: float | None
    covered: float
    left_out: Mapping[str, float] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[Label, float] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)
    shorter: Mapping[str, float] = field(default_factory=dict)
    calibration: str = ""

    @property
    def coverage(self) -> float | None:
        """Share of the period that is covered, 0 to 1; None without a length."""
        # clocks that tell whole seconds can give a little more than all
        return min(self.covered / self.length, 1.0) if self.length else None


@dataclass(frozen=True, slots=True)
class Grouping:
    """The periods of one table.

    Parameters
    ----------
    every : Every
        Their kind.
    time : LocalTime
        The time zone.
    whole : Period, optional
        The one period of a site or a recording.
    length : float, optional
        Its length in s, if it is known.
    rated : bool
        Levels by part of the day are wanted.
    """

    every: Every
    time: LocalTime
    whole: Period | None = None
    length: float | None = None
    rated: bool = False

    def period_of(self, piece: Piece) -> Period:
        """Return the period of a piece.

        Raises
        ------
        ParameterError
            The piece lies in two of them.
        """
        if self.whole is not None:
            return self.whole
        if self.every.unit == "hour of the day":
            hour = self.time.period(piece.middle, _HOUR)
            _check_inside(piece, hour, "hour")
            return Period(UNDATED, UNDATED, f"{self.time.local(hour.start):%H}:00")
        period = self.time.period(piece.middle, self.every)
        _check_inside(piece, period, str(self.every))
        return period


def _check_inside(piece: Piece, period: Period, what: str) -> None:
    if period.start - _CLOCK <= piece.start and piece.end <= period.end + _CLOCK:
        return
    raise ParameterError(
        f"{piece.recording}: a piece of {length_text(round(piece.seconds))} from "
        f"{piece.start:%Y-%m-%d %H:%M:%S} UTC does not lie in one {what} ({period.name}); ask for "
        "longer periods, or measure in shorter pieces: --piece 5min divides the hours of every zone"
    )


@dataclass(slots=True)
class _Sum:
    """What is known so far about one period of one grouping."""

    period: Period
    covered: Fraction = Fraction()
    left_out: dict[str, float] = field(default_factory=dict)
    flags: Counter[str] = field(default_factory=Counter)
    calibrations: dict[str, None] = field(default_factory=dict)
    series: dict[SeriesKey, Summary] = field(default_factory=dict)
    parts: dict[str, tuple[Fraction, Fraction]] = field(default_factory=dict)

    def add(self, seconds: Fraction, merged: Mapping[SeriesKey, Summary], part: str) -> None:
        """Add merged summaries; ``part`` of the day is empty if it is not rated."""
        self.covered += seconds
        for key, summary in merged.items():
            mine = self.series.get(key)
            self.series[key] = summary if mine is None else merge([mine, summary])
        if part and RATED in merged:
            exposure, duration = self.parts.get(part, (Fraction(), Fraction()))
            one = merged[RATED]
            self.parts[part] = exposure + one.total, duration + one.seconds


class Sums:
    """The sums of one channel of a station.

    Parameters
    ----------
    station, channel : str
        Names.
    groupings : mapping of str to Grouping
        Tables that are made at the same time, by name.
    wanted : mapping of str to sequence of str
        Statistics by symbol.
    parts : DayParts
        Parts of the day.
    """

    def __init__(
        self,
        station: str,
        channel: str,
        groupings: Mapping[str, Grouping],
        wanted: Mapping[str, Sequence[str]],
        parts: DayParts,
    ) -> None:
        self._names = station, channel
        self._groupings = groupings
        self._wanted = wanted
        labels = [(symbol, name) for symbol, several in wanted.items() for name in several]
        rated = [(OF_PARTS, name) for name in (*(part.name for part in parts.parts), parts.whole)]
        self._labels = {label: place for place, label in enumerate(labels)}
        self._rated_labels = {label: place for place, label in enumerate([*labels, *rated])}
        self._parts = parts
        self._rated = any(grouping.rated for grouping in groupings.values())
        self._sums: dict[str, dict[str, _Sum]] = {name: {} for name in groupings}
        self._places: dict[str, Period] = {}
        self._part = ""
        self._waiting: list[tuple[Fraction, Mapping[SeriesKey, Summary]]] = []

    def add(
        self, piece: Piece, summaries: Mapping[SeriesKey, Summary]
    ) -> Iterator[tuple[str, PeriodValues]]:
        """Add a piece that counts; give the periods that are over, with the names of their tables.

        Parameters
        ----------
        piece : Piece
            Not earlier than those before.
        summaries : mapping of (str, str) to Summary
            By symbol and series.
        """
        yield from self._move(piece)
        for one in self._here():
            one.flags.update(set(piece.flags))
            one.calibrations.setdefault(piece.calibration)
        seconds = max((one.seconds for one in summaries.values()), default=Fraction(piece.seconds))
        self._waiting.append((seconds, summaries))
        if len(self._waiting) == _TOGETHER:
            self._flush()

    def leave_out(self, piece: Piece, reason: str) -> Iterator[tuple[str, PeriodValues]]:
        """Count a piece as left out."""
        yield from self._move(piece)
        for one in self._here():
            one.left_out[reason] = one.left_out.get(reason, 0.0) + piece.seconds

    def close(self) -> Iterator[tuple[str, PeriodValues]]:
        """Give all periods that are left, and with them the sums of all."""
        self._flush()
        for name, sums in self._sums.items():
            for one in sums.values():
                yield name, self._values(self._groupings[name], one)
            sums.clear()

    def _here(self) -> Iterator[_Sum]:
        for name, period in self._places.items():
            yield self._sums[name][period.name]

    def _move(self, piece: Piece) -> Iterator[tuple[str, PeriodValues]]:
        """Go to the periods of a piece, and give those that it ends."""
        places = {name: one.period_of(piece) for name, one in self._groupings.items()}
        part = self._part_of(piece) if self._rated else ""
        if part == self._part and [p.name for p in places.values()] == [
            p.name for p in self._places.values()
        ]:
            return
        self._flush()
        before, self._places, self._part = self._places, places, part
        for name, period in places.items():
            grouping, sums = self._groupings[name], self._sums[name]
            ended = before.get(name)
            over = ended is not None and ended.name != period.name
            if ended is not None and over and grouping.every.unit != "hour of the day":
                yield name, self._values(grouping, sums.pop(ended.name))
            sums.setdefault(period.name, _Sum(period))

    def _part_of(self, piece: Piece) -> str:
        time = next(one.time for one in self._groupings.values() if one.rated)
        part = self._parts.part_of(piece.middle, time)
        start, end = time.clock_span(piece.middle, self._parts.bounds)
        _check_inside(piece, Period(start, end, part), "part of the day")
        return part

    def _flush(self) -> None:
        """Merge the summaries that wait, and add them to the sums of their periods."""
        if not self._waiting:
            return
        seconds = sum((own for own, _ in self._waiting), Fraction())
        series = dict.fromkeys(key for _, summaries in self._waiting for key in summaries)
        merged = {
            key: merge(summaries[key] for _, summaries in self._waiting if key in summaries)
            for key in series
        }
        self._waiting.clear()
        for name, period in self._places.items():
            part = self._part if self._groupings[name].rated else ""
            self._sums[name][period.name].add(seconds, merged, part)

    def _values(self, grouping: Grouping, one: _Sum) -> PeriodValues:
        numbers = [value_from(one.series, *label) for label in self._labels]
        shares = _NONE
        if one.parts:
            levels, shares = self._rated_levels(grouping.time, one)
            numbers += levels
        return PeriodValues(
            *self._names,
            one.period,
            grouping.length if grouping.whole else one.period.seconds or None,
            float(one.covered),
            one.left_out or _NONE,
            one.flags or _NONE,
            PackedValues(self._rated_labels if one.parts else self._labels, numbers),
            shares,
            self._shorter(one) or _NONE,
            "; ".join(one.calibrations),
        )

    def _shorter(self, one: _Sum) -> dict[str, float]:
        """Return the share of the covered time that indicators stand for, if it is not all."""
        shares = {}
        for symbol, statistics in self._wanted.items():
            keys = {key for name in statistics for key in needed_series(symbol, name)}
            known = [float(one.series[key].seconds) for key in keys if key in one.series]
            if known and min(known) < _ALL * one.covered:
                shares[symbol] = min(known) / float(one.covered)
        return shares

    def _rated_levels(self, time: LocalTime, one: _Sum) -> tuple[list[float], dict[str, float]]:
        """Return the levels of the parts of the day and of all, and what is covered of each."""
        levels = {
            name: power_db(float(exposure / seconds) / P_REF**2)
            for name, (exposure, seconds) in one.parts.items()
            if seconds
        }
        own = {part.name: levels.get(part.name, math.nan) for part in self._parts.parts}
        shares = {
            name: min(float(one.parts[name][1]) / seconds, 1.0) if name in one.parts else 0.0
            for name, seconds in self._parts.seconds_in(one.period, time).items()
            if seconds
        }
        return [*own.values(), self._parts.rating(own)], shares

"""Values of periods out of a dataset: hours, days, months, years, stations and recordings.

Every value follows from merged summaries: a level from the energy, a percentile from the counted
values of the whole period. Nothing is an average of levels or percentiles, and nothing stands in
for sound that is missing: a value is that of the seconds that were measured, which the coverage
states.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final

from soundcal.errors import ParameterError, SignalError
from soundcal.files.names import some
from soundcal.indicators.names import named, resolve
from soundcal.indicators.registry import PERCENTILES, REGISTRY, find
from soundcal.indicators.rows import check_ear_rules, ear_rules
from soundcal.periods.coverage import Gap, conflicts, gaps
from soundcal.periods.ears import with_ear_rules
from soundcal.periods.local_time import Every, LocalTime, Period, as_every
from soundcal.periods.ratings import DIRECTIVE, DayParts
from soundcal.periods.reading import Dataset, Stored
from soundcal.periods.remarks import (
    LONG_GAP,
    of_conflicts,
    of_copies,
    of_failures,
    of_gaps,
    of_incomplete,
    of_not_valid,
    of_undated,
)
from soundcal.periods.sums import OF_PARTS, RATED, UNDATED, Grouping, PeriodValues, Sums
from soundcal.periods.tables import PeriodTable, Summarised
from soundcal.runs.failures import read_failures
from soundcal.summaries.values import SeriesKey, check_mergeable, needed_series

__all__ = ["LIMIT", "summarise"]

LIMIT: Final = 0.75
"""Share of a period that must be covered, or its values are marked."""

_PERCENTILE: Final = re.compile(r"([A-Za-z]+?)([FSI]?)(\d{1,2}(?:\.\d+)?)")

_OVERLAP: Final = "overlap"
_NOT_VALID: Final = "not valid"

Progress = Callable[[float, str, float | None], None]


def summarise(
    folder: str | os.PathLike[str],
    wanted: Mapping[str, Every | str],
    *,
    zone: str = "",
    labels: str | Sequence[str] | None = None,
    parts: DayParts = DIRECTIVE,
    limit: float = LIMIT,
    ears: str | Sequence[str] = (),
    progress: Progress | None = None,
) -> Summarised:
    """Return tables of the periods of a dataset.

    Parameters
    ----------
    folder : path
        Dataset of ``soundcal measure --out FOLDER/``.
    wanted : mapping of str to (Every or str)
        Kind of the periods of each table, by a name for it: ``hour``, ``day``, ``month``, ``year``,
        ``site``, ``recording``, or a length such as ``1h30min``.
    zone : str
        Time zone; by default that in which the run read the starts of its files, or UTC.
    labels : str or sequence of str, optional
        Values, as for :func:`soundcal.measure`, and any percentile, such as ``LA1``; by default
        those that the run was asked for.
    parts : DayParts
        Parts of the day; their levels are in tables of days, months, years and sites.
    limit : float
        Coverage below which a period is marked, 0 to 1.
    ears : str or sequence of str
        Rules for the ears, as ``ears`` of :func:`soundcal.measure`: ``each``, ``max`` …, which are
        applied to the values of the periods; by default every channel has its rows.
    progress : callable, optional
        Called with the number of pieces listed, and then with the number of pieces read, the
        station, and the number of all.

    Raises
    ------
    RecordError
        Not a dataset, or one without pieces or with a file that cannot be read.
    ParameterError
        Unknown zone, label or ear rule, pieces that do not fit into the periods, or an ear rule
        for other channels than ears.
    SignalError
        No piece has a start, and the periods of a table are those of the clock or the calendar.
    """
    if not 0.0 <= limit <= 1.0:
        raise ParameterError(f"coverage {100 * limit:g} %: 0 to 100 % is expected")
    rules = ear_rules(ears) if ears else ()
    if rules:
        check_ear_rules(rules)
    report = progress or (lambda done, remark, total: None)
    kinds = {
        name: as_every(kind) if isinstance(kind, str) else kind for name, kind in wanted.items()
    }
    dataset = Dataset(folder, lambda listed: report(listed, "listed", None))
    task = dataset.run["task"]
    time = LocalTime(zone or task["time_zone"] or "UTC")
    own = _in_order(task["indicators"])
    statistics = own if labels is None else _chosen(own, labels)
    rated = any(every.whole_days for every in kinds.values()) and RATED in _series(own)
    work = _Work(dataset, kinds, time, statistics, parts if rated else None, report)
    for station in dataset.stations:
        work.station(station)
    if not all(work.rows.values()):
        raise SignalError(
            f"{folder}: no piece has a start, so nothing is known of hours and days; measure with "
            "--start-from, or ask for --every recording or site, without a report"
        )
    units = {
        (symbol, statistic): find(symbol).unit
        for symbol, several in statistics.items()
        for statistic in several
    }
    if rated:
        names = (*(part.name for part in parts.parts), parts.whole)
        units |= {(OF_PARTS, name): "dB" for name in names}
    tables = {}
    for name, every in kinds.items():
        rows: Iterable[PeriodValues] = work.rows[name]
        rows = with_ear_rules(rows, every, rules, units) if rules else rows
        tables[name] = PeriodTable(every, tuple(_without_holes(rows, every, time)))
    return Summarised(
        folder=str(folder),
        zone=time.zone,
        parts=parts,
        limit=limit,
        units=units,
        tables=tables,
        gaps=work.gaps,
        notes=(*work.notes, *of_failures(read_failures(folder))),
        calibrations=tuple(dataset.calibrations),
    )


def _in_order(statistics: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return statistics by symbol in the order of the registry."""
    return {
        symbol: tuple(one for one in about.statistics if one in statistics[symbol])
        for symbol, about in REGISTRY.items()
        if symbol in statistics
    }


def _series(statistics: Mapping[str, Sequence[str]]) -> set[SeriesKey]:
    """Return the series from which statistics follow."""
    return {
        key
        for symbol, several in statistics.items()
        for statistic in several
        for key in needed_series(symbol, statistic)
    }


def _chosen(
    own: Mapping[str, Sequence[str]], labels: str | Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Return the statistics by symbol that are asked for.

    Raises
    ------
    ParameterError
        Unknown ones, or some that do not follow from what was measured.
    """
    names = [labels] if isinstance(labels, str) else labels
    texts = [text.strip() for name in names for text in name.split(",") if text.strip()]
    percentiles = [found for text in texts if (found := _percentile(text))]
    others = [text for text in texts if not _percentile(text)]
    chosen = resolve(others) if others or not percentiles else {}
    for symbol, statistic in percentiles:
        chosen[symbol] = (*chosen.get(symbol, ()), statistic)
    check_mergeable(chosen)
    there = _series(own)
    missing = [
        symbol + statistic
        for symbol, several in chosen.items()
        for statistic in several
        if not there.issuperset(needed_series(symbol, statistic))
    ]
    if missing:
        measured = some([symbol + one for symbol, several in own.items() for one in several])
        raise ParameterError(f"{some(missing)}: not in this dataset, which has {measured}")
    return chosen


def _without_holes(
    rows: Iterable[PeriodValues], every: Every, time: LocalTime
) -> Iterator[PeriodValues]:
    """Give rows with an empty one for each period between them that has no sound."""
    if not every.of_time or every.unit == "hour of the day":
        yield from rows
        return
    for _, own in groupby(rows, attrgetter("station", "channel")):
        at: datetime | None = None
        for row in own:
            while at is not None and at < row.period.start <= at + LONG_GAP:
                empty = time.period(at, every)
                yield PeriodValues(row.station, row.channel, empty, empty.seconds, 0.0)
                at = empty.end
            yield row
            at = row.period.end


def _percentile(text: str) -> tuple[str, str] | None:
    """Return symbol and statistic of a percentile that the registry does not list, such as LA1.

    >>> _percentile("LA1"), _percentile("LAS0.1"), _percentile("LA10"), _percentile("dL5")
    (('LA', '1'), ('LA', 'S0.1'), None, None)
    """
    found = _PERCENTILE.fullmatch(text)
    if found is None or named(text) is not None or found[1] not in REGISTRY:
        return None
    about = find(found[1])
    if PERCENTILES[0] not in about.statistics or (found[2] and about.family != "levels"):
        return None
    return found[1], found[2].removeprefix("F") + found[3]


def _copies(stored: Iterable[Stored]) -> list[tuple[Stored, str]]:
    """Return undated pieces of files that are there under another name, too, with that name."""
    found = []
    kept: dict[tuple[str, int], str] = {}
    for one in sorted(stored, key=attrgetter("recording")):
        if one.start is None:
            name = kept.setdefault((one.content_id, one.first_sample), one.recording)
            if name != one.recording:
                found.append((one, name))
    return found


@dataclass(frozen=True, slots=True)
class _Pass:
    """Pieces that are read in this order, and the groupings of all of them."""

    groupings: Mapping[str, Grouping]
    pieces: Sequence[Stored]
    exclusive: bool
    """True if no second may count twice."""


class _Work:
    """The work on a dataset, station by station."""

    def __init__(
        self,
        dataset: Dataset,
        wanted: Mapping[str, Every],
        time: LocalTime,
        statistics: Mapping[str, Sequence[str]],
        parts: DayParts | None,
        progress: Progress,
    ) -> None:
        self._dataset, self._wanted, self._time = dataset, wanted, time
        self._statistics, self._parts, self._progress = statistics, parts, progress
        self._series = _series(statistics) | ({RATED} if parts else set())
        self._read, self._total = 0, sum(map(len, dataset.stations.values()))
        self.rows: dict[str, list[PeriodValues]] = {name: [] for name in wanted}
        self.gaps: dict[str, tuple[Gap, ...]] = {}
        self.notes: list[str] = []

    def station(self, station: str) -> None:
        """Add the periods of a station to the tables."""
        stored = self._dataset.stations[station]
        channels = list(dict.fromkeys(name for one in stored for name, *_ in one.channels))
        left_out = self._left_out(station, channels, stored)
        own: dict[str, list[PeriodValues]] = {name: [] for name in self._wanted}
        for one in self._passes(station, stored):
            for name, values in self._run(station, channels, one, left_out):
                own[name].append(values)
        for name, rows in own.items():
            if self._wanted[name].unit != "recording":
                rows.sort(key=lambda row: (channels.index(row.channel), row.period))
            self.rows[name] += rows

    def _left_out(
        self, station: str, channels: Sequence[str], stored: Sequence[Stored]
    ) -> set[tuple[str, int, str]]:
        """Note what a station lacks; return its pieces that claim the time of longer ones."""
        found = set()
        counting = []
        in_time = any(every.unit != "recording" for every in self._wanted.values())
        for channel in channels:
            pieces = [p for one in stored if (p := one.piece(channel)) is not None]
            dated = [piece for piece in pieces if piece.start != UNDATED]
            claims = conflicts(dated)
            claiming = {(c.piece.recording, c.piece.first_sample, channel) for c in claims}
            found |= claiming
            counting += [
                piece
                for piece in dated
                if piece.valid and (piece.recording, piece.first_sample, channel) not in claiming
            ]
            if in_time:
                self.notes += of_conflicts(f"{station}, {channel}", claims)
            self.notes += of_not_valid(f"{station}, {channel}", pieces)
        there = ((one.recording, one.seconds, one.file_s) for one in stored)
        self.notes += of_incomplete(station, there)
        self.gaps[station] = tuple(gaps(counting))
        if in_time:
            self.notes += of_gaps(station, self.gaps[station])
        copies = _copies(stored)
        found |= {(one.recording, one.first_sample, name) for one, _ in copies for name in channels}
        if in_time:
            self.notes += of_copies(station, [(one.recording, kept) for one, kept in copies])
        undated = [one.recording for one in stored if one.start is None]
        if undated and any(every.of_time for every in self._wanted.values()):
            self.notes.append(of_undated(station, len(undated), set(undated)))
        return found

    def _passes(self, station: str, stored: Sequence[Stored]) -> Iterator[_Pass]:
        """Give what is read in order of time, then what is read file by file."""
        of_time: dict[str, Grouping] = {}
        dated = sorted((one for one in stored if one.start is not None), key=attrgetter("middle"))
        if dated:
            of_time = {
                name: Grouping(
                    every, self._time, rated=every.whole_days and self._parts is not None
                )
                for name, every in self._wanted.items()
                if every.of_time
            }
        sites = {
            name: self._whole(every, station, stored)
            for name, every in self._wanted.items()
            if every.unit == "site"
        }
        if len(dated) == len(stored):
            of_time |= sites
        elif sites:
            yield _Pass(sites, sorted(stored, key=attrgetter("middle")), True)
        if of_time:
            yield _Pass(of_time, dated, True)
        by_file = {n: every for n, every in self._wanted.items() if every.unit == "recording"}
        if by_file:
            place = attrgetter("recording", "first_sample")
            for recording, own in groupby(sorted(stored, key=place), attrgetter("recording")):
                pieces = list(own)
                whole = {n: self._whole(e, recording, pieces) for n, e in by_file.items()}
                yield _Pass(whole, pieces, False)

    def _whole(self, every: Every, name: str, stored: Sequence[Stored]) -> Grouping:
        """Return the grouping of a whole station or file."""
        starts = [one.start for one in stored if one.start is not None]
        if every.unit == "recording":
            whole_s = max(one.file_s for one in stored)
            return Grouping(every, self._time, Period(*self._span(stored), name), whole_s)
        start, end = self._span(stored)
        known = len(starts) == len(stored)
        length = (end - start).total_seconds() if known else None
        rated = known and self._parts is not None
        return Grouping(every, self._time, Period(start, end, "all"), length, rated)

    @staticmethod
    def _span(stored: Sequence[Stored]) -> tuple[datetime, datetime]:
        """Return the start of the first piece and the end of the last one."""
        pieces = [one for one in stored if one.start is not None]
        if not pieces:
            return UNDATED, UNDATED
        return min(one.begin for one in pieces), max(one.end for one in pieces)

    def _run(
        self,
        station: str,
        channels: Sequence[str],
        one: _Pass,
        left_out: set[tuple[str, int, str]],
    ) -> Iterator[tuple[str, PeriodValues]]:
        """Read the pieces of a pass and give the values of its periods."""
        parts = self._parts or DIRECTIVE
        sums = {
            channel: Sums(station, channel, one.groupings, self._statistics, parts)
            for channel in channels
        }
        for stored in one.pieces:
            summaries = self._dataset.summaries(stored, self._series)
            for channel, of_channel in sums.items():
                piece = stored.piece(channel)
                if piece is None:
                    continue
                if not piece.valid:
                    yield from of_channel.leave_out(piece, _NOT_VALID)
                elif one.exclusive and (piece.recording, piece.first_sample, channel) in left_out:
                    yield from of_channel.leave_out(piece, _OVERLAP)
                else:
                    yield from of_channel.add(piece, summaries[channel])
            self._read += 1
            self._progress(self._read, station, self._total)
        for of_channel in sums.values():
            yield from of_channel.close()

"""Periods of local time: hours, days, months and years in a time zone whose clock is changed.

A period is a span of real time with a name in local time. Periods of less than a day begin at
multiples of their length after local midnight. A change of the clock ends a period and begins the
next one: an hour that occurs twice is two periods with different offsets from UTC, an hour that is
left out does not exist, and where the clock moves by half an hour there is a period of 30 min.
Days, months and years are those of the calendar; a day of the change has 23 or 25 h.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal

from soundcal.errors import ParameterError
from soundcal.runs.starts import time_zone

__all__ = ["DAY_S", "Every", "LocalTime", "Period", "as_every", "as_seconds", "length_text"]

DAY_S: Final = 86400
"""Seconds of a day without a change of the clock."""

Unit = Literal["clock", "hour of the day", "day", "month", "year", "site", "recording"]

_WORDS: Final[dict[str, Unit]] = {
    "day": "day",
    "month": "month",
    "year": "year",
    "site": "site",
    "station": "site",
    "recording": "recording",
}
_LENGTH: Final = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m(?:in)?)?(?:(\d{1,6})s)?")
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Every:
    """The kind of the periods of a table.

    Parameters
    ----------
    unit : {"clock", "hour of the day", "day", "month", "year", "site", "recording"}
        ``clock``: periods of less than a day, ``step`` long; ``hour of the day``: the hours of the
        clock, each over all days; ``site``: one period, from the first sound of a station to its
        last; ``recording``: a file.
    step : int
        Length of the periods of the clock in s, a divisor of a day.
    """

    unit: Unit
    step: int = 0

    @property
    def whole_days(self) -> bool:
        """True if a period has all hours of its days, as ratings of days need them."""
        return self.unit in ("day", "month", "year", "site")

    @property
    def of_time(self) -> bool:
        """True if a period follows from the time of a piece, which must then be known."""
        return self.unit not in ("site", "recording")

    def __str__(self) -> str:
        if self.unit == "clock":
            return "hour" if self.step == 3600 else length_text(self.step)
        return self.unit


def length_text(seconds: int) -> str:
    """Return a length as it is typed.

    >>> length_text(5400), length_text(900), length_text(45)
    ('1h30min', '15min', '45s')
    """
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return "".join(f"{n}{unit}" for n, unit in parts if n)


def as_seconds(text: str) -> int:
    """Return a length in s as it is typed; 0 if it is none.

    >>> [as_seconds(text) for text in ("1h30min", "15m", "90 s", "soon")]
    [5400, 900, 90, 0]
    """
    found = _LENGTH.fullmatch(text.replace(" ", "").lower())
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    return 3600 * hours + 60 * minutes + seconds


def as_every(text: str) -> Every:
    """Return the kind of periods that is named ``hour``, ``day``, ``1h30m``, ``site`` …

    Raises
    ------
    ParameterError
        Another word, or a length that does not divide a day.

    Examples
    --------
    >>> as_every("1h30m"), as_every("24h").unit
    (Every(unit='clock', step=5400), 'day')
    """
    word = text.strip().lower()
    if word in _WORDS:
        return Every(_WORDS[word])
    step = as_seconds("1h" if word == "hour" else word)
    if not step:
        raise ParameterError(
            f"periods {text!r}: hour, day, month, year, site, recording or a length such as "
            "1h30min or 15min is expected"
        )
    if step == DAY_S:
        return Every("day")
    if DAY_S % step:
        raise ParameterError(
            f"periods of {text}: a length that divides a day of 24 h is expected, such as "
            "15min, 1h30min or 8h; or day, month, year"
        )
    return Every("clock", step)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A span of time.

    Parameters
    ----------
    start, end : datetime
        UTC; the end does not belong to it.
    name : str
        Local time as it is printed: ``2026-10-25T02:00+01:00``, ``2026-10-25``, ``2026-10``.
    """

    start: datetime
    end: datetime
    name: str

    @property
    def seconds(self) -> float:
        """Length in s."""
        return (self.end - self.start).total_seconds()


class LocalTime:
    """The clock and the calendar of a time zone.

    Parameters
    ----------
    zone : str
        Name in the IANA time zone database, such as ``Europe/Berlin``; ``UTC``.

    Raises
    ------
    ParameterError
        Unknown zone.

    Examples
    --------
    The night in which the clocks of Berlin are set back has an hour more:

    >>> berlin = LocalTime("Europe/Berlin")
    >>> day = berlin.period(datetime(2026, 10, 25, 12, tzinfo=UTC), Every("day"))
    >>> day.name, day.seconds / 3600
    ('2026-10-25', 25.0)
    >>> hour = as_every("hour")
    >>> [berlin.period(datetime(2026, 10, 25, h, tzinfo=UTC), hour).name for h in (0, 1)]
    ['2026-10-25T02:00+02:00', '2026-10-25T02:00+01:00']
    """

    def __init__(self, zone: str = "UTC") -> None:
        self._zone = time_zone(zone)
        self.zone: Final = zone
        self._clock_bounds: dict[int, Sequence[int]] = {}
        self.period = lru_cache(maxsize=4096)(self._period)

    def local(self, at: datetime) -> datetime:
        """Return an instant as local time."""
        return at.astimezone(self._zone)

    def _period(self, at: datetime, every: Every) -> Period:
        """Return the period of the clock or the calendar in which an instant lies."""
        if every.unit == "clock":
            bounds = self._clock_bounds.setdefault(every.step, range(0, DAY_S, every.step))
            start, end = self.clock_span(at, bounds)
            local = self.local(start)
            timespec = "seconds" if local.second else "minutes"
            return Period(start, end, local.isoformat(timespec=timespec))
        day = self._day(at)
        if every.unit == "day":
            return Period(self._midnight(day), self._midnight(day + timedelta(1)), str(day))
        if every.unit == "month":
            first = day.replace(day=1)
            following = (first + timedelta(31)).replace(day=1)
            name = f"{first:%Y-%m}"
        else:
            first = day.replace(month=1, day=1)
            following = first.replace(year=first.year + 1)
            name = f"{first:%Y}"
        return Period(self._midnight(first), self._midnight(following), name)

    def _day(self, at: datetime) -> date:
        """Return the day of an instant: the last one that has begun."""
        day = self.local(at).date()
        following = day + timedelta(1)
        # where the clock is set back over midnight, the old day shows twice
        return following if self._midnight(following) <= at else day

    def _midnight(self, day: date) -> datetime:
        """Return the instant at which a day begins, also where midnight is left out."""
        return datetime.combine(day, time(), self._zone).astimezone(UTC)

    def clock_span(self, at: datetime, bounds: Sequence[int]) -> tuple[datetime, datetime]:
        """Return the span of the clock in which an instant lies, UTC.

        Parameters
        ----------
        at : datetime
            The instant.
        bounds : sequence of int
            Seconds after local midnight at which spans begin, ascending from 0. A change of the
            clock begins one, too.
        """
        local = self.local(at)
        wall = local.replace(tzinfo=None, fold=0)
        midnight = datetime.combine(wall.date(), time())
        n = bisect_right(bounds, (wall - midnight).total_seconds()) - 1
        length = (bounds[n + 1] if n + 1 < len(bounds) else DAY_S) - bounds[n]
        begun = wall - midnight - timedelta(seconds=bounds[n])
        start = at.astimezone(UTC) - begun
        end = start + timedelta(seconds=length)
        if self._offset(start) != self._offset(at):
            start = self._change(start, at)
        if self._offset(end - _SECOND) != self._offset(at):
            end = self._change(at, end - _SECOND)
        return start, end

    def _offset(self, at: datetime) -> timedelta | None:
        return self.local(at).utcoffset()

    def _change(self, before: datetime, after: datetime) -> datetime:
        """Return the instant at which the clock is changed, in whole seconds, between two."""
        new = self._offset(after)
        low, high = int(before.timestamp()), int(after.timestamp())
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(datetime.fromtimestamp(middle, UTC)) == new:
                high = middle
            else:
                low = middle
        return datetime.fromtimestamp(high, UTC)

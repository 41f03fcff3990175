"""Levels of the day, the evening and the night, and the level of all three with penalties.

Directive 2002/49/EC, Annex I, defines the day-evening-night level

    L_den = 10 lg((12·10^(L_day/10) + 4·10^((L_evening + 5)/10) + 8·10^((L_night + 10)/10)) / 24)

from A-weighted long-term average levels over all day, evening and night periods of a year: 07:00 to
19:00, 19:00 to 23:00 and 23:00 to 07:00 local time. A state may shorten the evening by one or two
hours and choose the start of the day. Hours and penalties can therefore be set, and other parts can
be named; day and night alone give L_dn.

The levels of the Directive are those of the incident sound, and of a year that is average in its
weather. A measured level includes what walls reflect and the weather that there was.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from soundcal.errors import ParameterError
from soundcal.periods.local_time import DAY_S, LocalTime, Period

__all__ = ["DIRECTIVE", "DayPart", "DayParts", "as_day_parts"]

_DIRECTIVE_TEXT: Final = "Directive 2002/49/EC, Annex I"
_PART: Final = re.compile(r"([a-z]+)=(\d{1,2}):(\d\d)([+-]\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class DayPart:
    """A part of every day.

    Parameters
    ----------
    name : str
        ``day``, ``evening``, ``night``.
    start : int
        Seconds after local midnight at which it begins; it ends where the next part begins.
    penalty : float
        dB added to its level in the level of the whole day.
    """

    name: str
    start: int
    penalty: float

    @property
    def clock(self) -> str:
        """Start as it is printed."""
        return f"{self.start // 3600:02d}:{self.start % 3600 // 60:02d}"


@dataclass(frozen=True, slots=True)
class DayParts:
    """The parts of a day, in the order in which they begin.

    Raises
    ------
    ParameterError
        One part only, two of one name or with the same first letter, or starts that do not ascend.

    Examples
    --------
    A level that is the same at all hours is rated 6.4 dB higher:

    >>> round(DIRECTIVE.rating({"day": 60.0, "evening": 60.0, "night": 60.0}), 1)
    66.4
    """

    parts: tuple[DayPart, ...]

    def __post_init__(self) -> None:
        starts = [part.start for part in self.parts]
        letters = {part.name[0] for part in self.parts}
        if len(self.parts) < 2 or len(letters) < len(self.parts):
            raise ParameterError(
                "parts of the day: two or more are expected, with different first letters, such as "
                "day, evening and night"
            )
        if starts != sorted(set(starts)) or starts[-1] >= DAY_S:
            raise ParameterError(
                f"parts of the day: starts that ascend from 00:00 to 23:59 are expected, got "
                f"{', '.join(part.clock for part in self.parts)}"
            )

    @property
    def bounds(self) -> tuple[int, ...]:
        """Seconds after midnight at which a part begins or continues, from 0."""
        return tuple(sorted({0, *(part.start for part in self.parts)}))

    @property
    def whole(self) -> str:
        """Name of the level of the whole day: ``den`` for day, evening and night."""
        return "".join(part.name[0] for part in self.parts)

    @property
    def hours(self) -> dict[str, float]:
        """Hours of each part."""
        ends = [*(part.start for part in self.parts[1:]), self.parts[0].start + DAY_S]
        return {
            part.name: (end - part.start) / 3600 for part, end in zip(self.parts, ends, strict=True)
        }

    @property
    def standard(self) -> str:
        """The Directive if it allows these hours and penalties, with the hours; else these."""
        return f"{_DIRECTIVE_TEXT}: {self}" if self._of_the_directive else str(self)

    @property
    def _of_the_directive(self) -> bool:
        hours = self.hours
        return (
            [(part.name, part.penalty) for part in self.parts]
            == [("day", 0.0), ("evening", 5.0), ("night", 10.0)]
            and 2 <= hours["evening"] <= 4
            and hours["day"] >= 12
            and hours["night"] >= 8
        )

    def __str__(self) -> str:
        return ", ".join(
            f"{part.name} from {part.clock} {part.penalty:+g} dB".replace("-", "−")
            for part in self.parts
        )

    def part_of(self, at: datetime, time: LocalTime) -> str:
        """Return the name of the part in which an instant lies."""
        local = time.local(at)
        seconds = local.hour * 3600 + local.minute * 60 + local.second
        begun = [part for part in self.parts if part.start <= seconds]
        return (begun or self.parts)[-1].name

    def seconds_in(self, period: Period, time: LocalTime) -> dict[str, float]:
        """Return the seconds that a period has of each part, days of 23 and 25 h included."""
        found = dict.fromkeys((part.name for part in self.parts), 0.0)
        at, bounds = period.start, self.bounds
        while at < period.end:
            end = min(time.clock_span(at, bounds)[1], period.end)
            found[self.part_of(at, time)] += (end - at) / timedelta(seconds=1)
            at = end
        return found

    def rating(self, levels: Mapping[str, float]) -> float:
        """Return the level of the whole day in dB.

        Parameters
        ----------
        levels : mapping of str to float
            Energy-equivalent level of every part in dB; NaN for a part without sound.

        Returns
        -------
        float
            NaN if a part has no level.
        """
        hours = self.hours
        power = sum(
            hours[part.name] * 10.0 ** ((levels[part.name] + part.penalty) / 10.0)
            for part in self.parts
        )
        return 10.0 * math.log10(power / 24.0) if power else -math.inf


DIRECTIVE: Final = DayParts(
    (
        DayPart("day", 7 * 3600, 0.0),
        DayPart("evening", 19 * 3600, 5.0),
        DayPart("night", 23 * 3600, 10.0),
    )
)
"""Parts and penalties of Directive 2002/49/EC, Annex I."""


def as_day_parts(texts: Sequence[str]) -> DayParts:
    """Return the parts that are typed as ``NAME=HH:MM+PENALTY``.

    Raises
    ------
    ParameterError
        Something else, or as for :class:`DayParts`.

    Examples
    --------
    >>> parts = as_day_parts(["day=06:00+0", "evening=18:00+5", "night=22:00+10"])
    >>> parts == DIRECTIVE, parts.whole, parts.standard.split(":")[0]
    (False, 'den', 'Directive 2002/49/EC, Annex I')
    >>> as_day_parts(["day=07:00+0", "night=22:00+10"]).whole
    'dn'
    """
    parts = []
    for text in texts:
        found = _PART.fullmatch(text.strip())
        if found is None or int(found[2]) > 23 or int(found[3]) > 59:
            raise ParameterError(
                f"part of the day {text!r}: its name, start and penalty in dB are expected, such "
                "as night=23:00+10"
            )
        start = 3600 * int(found[2]) + 60 * int(found[3])
        parts.append(DayPart(found[1], start, float(found[4])))
    return DayParts(tuple(parts))

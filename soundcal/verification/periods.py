"""Periods: levels of the parts of the day, changes of the clock, percentiles of merged summaries.

The expected values are closed forms of Directive 2002/49/EC, Annex I, and of the definitions.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache, partial
from typing import Final

import numpy as np

from soundcal.dsp.distribution import CountedValues
from soundcal.periods.coverage import Piece
from soundcal.periods.local_time import Every, LocalTime
from soundcal.periods.ratings import DIRECTIVE
from soundcal.periods.sums import Grouping, Sums
from soundcal.summaries.summary import Summary
from soundcal.units import P_REF
from soundcal.verification.rows import Row

__all__ = ["rows"]

_DIRECTIVE: Final = "Directive 2002/49/EC"
_DEFINITION: Final = "Periods"
_ZONE: Final = "Europe/Berlin"
_CLOSE: Final = 1e-9
"""Accepted error of a level in dB: the sums are exact, the logarithm is not."""

_PARTS: Final = (("day", 12.0, 0.0), ("evening", 4.0, 5.0), ("night", 8.0, 10.0))
_DAYS: Final = ((2026, 3, 29, 23), (2026, 7, 1, 24), (2026, 10, 25, 25))


def rows() -> list[Row]:
    """Return the rows of periods."""
    return [*_of_levels(), *_of_days(), *_of_percentiles()]


def _row(
    standard: str,
    clause: str,
    quantity: str,
    expected: float,
    unit: str,
    compute: Callable[[], float],
    accepted: float = _CLOSE,
) -> Row:
    limits = expected - accepted, expected + accepted
    return Row(standard, clause, quantity, expected, *limits, unit, compute, "definition")


def _of_levels() -> list[Row]:
    """Return the levels of a day of 60 dB, of one of its parts alone, and of three levels."""
    whole = sum(hours * 10 ** (penalty / 10) for _, hours, penalty in _PARTS)
    found = [
        _row(
            _DIRECTIVE,
            "Annex I, 1",
            "Lden of 60 dB at all hours",
            60.0 + 10.0 * math.log10(whole / 24.0),
            "dB",
            partial(_level, "den", (60.0, 60.0, 60.0)),
        )
    ]
    for place, (name, hours, penalty) in enumerate(_PARTS):
        levels = [-math.inf] * 3
        levels[place] = 60.0
        expected = 60.0 + penalty + 10.0 * math.log10(hours / 24.0)
        compute = partial(_level, "den", tuple(levels))
        quantity = f"Lden of 60 dB in the {name} alone"
        found.append(_row(_DIRECTIVE, "Annex I, 1", quantity, expected, "dB", compute))
    for place, (name, _, _) in enumerate(_PARTS):
        levels = [65.0, 58.0, 51.0]
        compute = partial(_level, name, tuple(levels))
        quantity = f"L{name} of a day of 65, 58 and 51 dB"
        found.append(_row(_DIRECTIVE, "Annex I, 1", quantity, levels[place], "dB", compute))
    return found


def _of_days() -> list[Row]:
    """Return the lengths of days, and the level of days of the change."""
    lengths, levels = [], []
    for year, month, day, hours in _DAYS:
        noon = datetime(year, month, day, 12, tzinfo=UTC)
        name = f"{noon:%Y-%m-%d} in {_ZONE}"
        clause, length = "local time", partial(_hours, noon)
        lengths.append(_row(_DEFINITION, clause, f"hours of {name}", float(hours), "h", length))
        level = partial(_level, "den", (60.0, 55.0, 50.0), noon)
        quantity = f"Lden of 60, 55 and 50 dB, {name}"
        levels.append(_row(_DIRECTIVE, "Annex I, 1", quantity, 60.0, "dB", level))
    return [*levels, *lengths]


def _of_percentiles() -> list[Row]:
    """Return percentiles of the numbers 1 to 1000 in 24 hours of unequal numbers of values."""
    values = {"10": 900.1, "50": 500.5, "90": 100.9}
    return [
        _row(
            _DEFINITION,
            "percentiles of merged hours",
            f"N{name} of 1, 2, … 1000 sone in 24 hours",
            expected,
            "sone",
            partial(_percentile, name),
            expected * 2.0**-16,
        )
        for name, expected in values.items()
    ]


def _hours(noon: datetime) -> float:
    return LocalTime(_ZONE).period(noon, Every("day")).seconds / 3600.0


def _level(
    name: str,
    levels: tuple[float, ...],
    noon: datetime = datetime(2026, 7, 1, 12, tzinfo=UTC),
) -> float:
    """Return a level of a day whose parts have these levels."""
    return _day(levels, noon)["L", name]


@lru_cache(maxsize=16)
def _day(levels: tuple[float, ...], noon: datetime) -> Mapping[tuple[str, str], float]:
    time = LocalTime(_ZONE)
    period = time.period(noon, Every("day"))
    names = [part for part, _, _ in _PARTS]
    hours = [period.start + timedelta(hours=n) for n in range(round(period.seconds / 3600))]
    own = [levels[names.index(DIRECTIVE.part_of(at, time))] for at in hours]
    sounds = [(at, _constant(level)) for at, level in zip(hours, own, strict=True)]
    return _values(time, sounds, {"LA": ("eq",)})


def _percentile(name: str) -> float:
    start = datetime(2026, 6, 30, 22, tzinfo=UTC)
    numbers = np.random.default_rng(1).permutation(np.arange(1.0, 1001.0))
    parts = np.split(numbers, np.cumsum(np.arange(1, 24) * 3))  # 3, 6, … 69 values, and the rest
    sounds = [(start + timedelta(hours=n), _counted(part)) for n, part in enumerate(parts)]
    return _values(LocalTime(_ZONE), sounds, {"N": (name,)})["N", name]


def _values(
    time: LocalTime,
    sounds: Sequence[tuple[datetime, Summary]],
    wanted: Mapping[str, Sequence[str]],
) -> Mapping[tuple[str, str], float]:
    """Return the values of the one day in which summaries of hours lie."""
    rated = "LA" in wanted
    sums = Sums("", "", {"day": Grouping(Every("day"), time, rated=rated)}, wanted, DIRECTIVE)
    over = [
        values
        for at, one in sounds
        for _, values in sums.add(Piece(at, 3600.0, ""), {(one.symbol, one.series): one})
    ]
    (day,) = (*over, *(values for _, values in sums.close()))
    return day.values


def _constant(level: float) -> Summary:
    exposure = Fraction(P_REF**2 * 10.0 ** (level / 10.0)) * 3600
    counted = CountedValues.of(np.array([level]))
    return Summary("LA", "F", "dB", Fraction(3600), exposure, level, level, math.nan, counted)


def _counted(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Summary:
    total = Fraction(float(values.sum()))
    ends = float(values.max()), float(values.min())
    counted = CountedValues.of(values)
    return Summary("N", "", "sone", Fraction(3600), total, *ends, math.nan, counted)

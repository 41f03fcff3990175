"""Tables of periods: their values, what is doubtful in them, and their rows for a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from soundcal.indicators.registry import find
from soundcal.periods.coverage import Gap
from soundcal.periods.local_time import Every, LocalTime
from soundcal.periods.ratings import DayParts
from soundcal.periods.sums import OF_PARTS, UNDATED, Label, PeriodValues
from soundcal.plain import plain
from soundcal.recording import counted
from soundcal.version import __version__

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PeriodTable", "Summarised", "percent", "shown_values", "tidy_periods", "wide_periods"]


@dataclass(frozen=True, slots=True)
class PeriodTable:
    """Values of the periods of one kind.

    Parameters
    ----------
    every : Every
        The kind.
    rows : tuple of PeriodValues
        By station, channel and time. A period between others that has no sound has a row without
        values.
    """

    every: Every
    rows: tuple[PeriodValues, ...]


@dataclass(frozen=True)
class Summarised:
    """Tables of a dataset.

    Parameters
    ----------
    folder : str
        The dataset.
    zone : str
        Time zone.
    parts : DayParts
        Parts of the day and their penalties.
    limit : float
        Coverage below which a row is marked, 0 to 1.
    units : mapping of (str, str) to str
        Unit of every value by symbol and statistic, in the order of the columns. The levels of the
        parts of the day have the symbol ``L``.
    tables : mapping of str to PeriodTable
        By the names that were asked for.
    gaps : mapping of str to tuple of Gap
        Spans without sound longer than a clock can tell, by station.
    notes : tuple of str
        What was left out or assumed, and what is missing.
    calibrations : tuple of str
        Identities of the calibrations.
    """

    folder: str
    zone: str
    parts: DayParts
    limit: float
    units: Mapping[Label, str]
    tables: Mapping[str, PeriodTable]
    gaps: Mapping[str, tuple[Gap, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    calibrations: tuple[str, ...] = ()

    def has(self, channel: str, symbol: str) -> bool:
        """Return whether a channel has values of an indicator, or none of any.

        The value of both ears that a standard defines is a channel of its own, without levels.
        """
        known = self._known.get(channel)
        return known is None or symbol in known

    @cached_property
    def _known(self) -> dict[str, set[str]]:
        """Symbols of the values of every channel that has some."""
        found: dict[str, set[str]] = {}
        for table in self.tables.values():
            for row in table.rows:
                known = {label[0] for label, value in row.values.items() if value == value}
                if known:
                    found.setdefault(row.channel, set()).update(known)
        return found

    def doubtful(self, row: PeriodValues) -> bool:
        """Return whether less of a period, or of a part of its days, is covered than the limit."""
        shares = (*row.parts.values(), *([] if row.coverage is None else [row.coverage]))
        return any(share < self.limit for share in shares)

    def marks(self, row: PeriodValues) -> tuple[str, ...]:
        """Return the reasons to doubt the values of a period."""
        low = [f"{n} covered to {percent(s)} %" for n, s in row.parts.items() if s < self.limit]
        if row.coverage is not None and row.coverage < self.limit:
            low.insert(0, f"covered to {percent(row.coverage)} %")
        shorter = [f"{symbol} of {percent(s)} % of that" for symbol, s in row.shorter.items()]
        left_out = [f"{seconds:.0f} s left out: {why}" for why, seconds in row.left_out.items()]
        flags = [f"{kind} in {counted(n, 'piece')}" for kind, n in row.flags.items()]
        return (*low, *shorter, *left_out, *flags)

    def low_coverage(self, table: PeriodTable) -> Iterator[str]:
        """Give a remark if rows of a table are marked for their coverage."""
        if n := sum(map(self.doubtful, table.rows)):
            yield (
                f"{n} of {counted(len(table.rows), 'row')} by {table.every} marked *: less than "
                f"{100 * self.limit:g} % of the period, or of a part of its days, is covered"
            )

    def standard(self, symbol: str) -> str:
        """Return the standard of a value, with its edition."""
        return self.parts.standard if symbol == OF_PARTS else find(symbol).standard

    def to_frame(self, name: str) -> "pd.DataFrame":
        """Return a table with one row per value, the columns as in a written one."""
        import pandas as pd

        columns, rows = tidy_periods(self, self.tables[name])
        return pd.DataFrame(rows, columns=columns)

    def to_dict(self, name: str) -> dict[str, Any]:
        """Return a table with the notes, ready for JSON."""
        table = self.tables[name]
        columns, rows = tidy_periods(self, table)
        return {
            "every": str(table.every),
            "time_zone": self.zone,
            "rating": str(self.parts),
            "coverage_limit": self.limit,
            "rows": plain([dict(zip(columns, row, strict=True)) for row in rows]),
            "notes": [*self.notes, *self.low_coverage(table)],
        }


_ABOUT: Final = ("station", "period", "start", "end", "channel")
_COVERED: Final = ("duration_s", "covered_s", "coverage_percent", "marks")


def _columns(table: PeriodTable) -> list[str]:
    of_files = table.every.unit == "recording"
    return ["recording" if of_files and name == "period" else name for name in _ABOUT]


def _cells(row: PeriodValues, time: LocalTime) -> list[Any]:
    """Return the cells that name a period."""
    span = row.period.start != UNDATED
    start, end = (
        time.local(at).isoformat(timespec="seconds") if span else ""
        for at in (row.period.start, row.period.end)
    )
    return [row.station, row.period.name, start, end, row.channel]


def _covered(row: PeriodValues, summarised: Summarised) -> list[Any]:
    share = None if row.coverage is None else 100.0 * row.coverage
    return [row.length, row.covered, share, "; ".join(summarised.marks(row))]


def percent(share: float, *, aligned: bool = False) -> str:
    """Return a share in per cent; one that is neither none nor all is not printed as such.

    Aligned ones all have a decimal, for a column.

    >>> [percent(share) for share in (0.0, 0.0004, 0.5, 0.667, 0.9999, 1.0)]
    ['0', '< 0.1', '50', '66.7', '> 99.9', '100']
    >>> percent(1.0, aligned=True)
    '100.0'
    """
    text = f"{100.0 * share:.1f}"
    if 0.0 < share < 1.0 and text in ("0.0", "100.0"):
        return "< 0.1" if share < 0.5 else "> 99.9"
    return text if aligned else text.removesuffix(".0")


def tidy_periods(
    summarised: Summarised, table: PeriodTable
) -> tuple[list[str], Iterator[list[Any]]]:
    """Return the columns and rows of a table with one row per value."""
    names = [*_columns(table), "indicator", "statistic", "value", "unit", *_COVERED]
    shown, time = shown_values(summarised, table), LocalTime(summarised.zone)
    end = ["; ".join(summarised.calibrations), f"soundcal {__version__}"]

    def rows() -> Iterator[list[Any]]:
        for row in table.rows:
            about, covered = _cells(row, time), _covered(row, summarised)
            for (symbol, statistic), unit in shown.items():
                if not summarised.has(row.channel, symbol):
                    continue
                value = row.values.get((symbol, statistic))
                standard = summarised.standard(symbol)
                yield [*about, symbol, statistic, value, unit, *covered, standard, *end]

    return [*names, "standard", "calibration", "software"], rows()


def wide_periods(
    summarised: Summarised, table: PeriodTable
) -> tuple[list[str], Iterator[list[Any]]]:
    """Return the columns and rows of a table with one row per period and channel."""
    shown, time = shown_values(summarised, table), LocalTime(summarised.zone)
    heads = [f"{symbol}{statistic} [{unit}]" for (symbol, statistic), unit in shown.items()]

    def rows() -> Iterator[list[Any]]:
        for row in table.rows:
            values = [row.values.get(label) for label in shown]
            yield [*_cells(row, time), *values, *_covered(row, summarised)]

    return [*_columns(table), *heads, *_COVERED], rows()


def shown_values(summarised: Summarised, table: PeriodTable) -> dict[Label, str]:
    """Return the units of the values that a table has: those of parts of the day, if it has any."""
    rated = table.every.whole_days
    return {label: u for label, u in summarised.units.items() if rated or label[0] != OF_PARTS}

"""Text for the terminal: the periods of a dataset, a line for each."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from soundcal.cli.output import aligned

if TYPE_CHECKING:
    from soundcal.periods import PeriodTable, Summarised
    from soundcal.periods.sums import Label, PeriodValues

__all__ = ["period_lines"]

_MOST_ROWS: Final = 31
_MOST_COLUMNS: Final = 6


def period_lines(summarised: "Summarised", table: "PeriodTable") -> Iterator[str]:
    """Give the periods with their first values and coverage, and what is known about all.

    Periods without sound that follow each other have one line.
    """
    from soundcal.periods.sums import OF_PARTS
    from soundcal.periods.tables import shown_values
    from soundcal.report.style import unit_label

    values = list(shown_values(summarised, table).items())
    rated = [value for value in values if value[0][0] == OF_PARTS]
    others = values[: len(values) - len(rated)]
    first = {value[0][0]: value for value in reversed(others)}.values()
    # the first value of each indicator, then further ones
    chosen = [*reversed(first), *(value for value in others if value not in first)][:_MOST_COLUMNS]
    shown = [*(value for value in others if value in chosen), *rated]
    heads = [f"{symbol}{one} {unit_label(symbol, unit)}" for (symbol, one), unit in shown]
    # the one period of a station needs no name
    named = table.every.unit != "site"
    about = ["station", *([str(table.every)] if named else []), "channel"]
    spans = list(_spans(table))
    most = spans[:_MOST_ROWS]
    lines = [_cells(summarised, span[0], shown, named=named) for span in most if len(span) == 1]
    texts = iter(aligned([[*about, "covered %", *heads, ""], *lines], names=len(about)))
    yield next(texts)
    for span in most:
        yield next(texts) if len(span) == 1 else _without_sound(summarised, table, span)
    if more := sum(map(len, spans[_MOST_ROWS:])):
        yield f"… and {more} more rows; --out FILE writes all of them"
    elif len(spans) < len(table.rows):
        yield "--out FILE writes a row for each period without sound"
    if (more := len(values) - len(shown)) > 0:
        yield f"{more} more values per row in the file"
    if table.every.of_time:
        yield f"local time {summarised.zone}"
    if rated:
        yield f"{summarised.parts.standard}"


def _spans(table: "PeriodTable") -> Iterator[list["PeriodValues"]]:
    """Give the rows of a table one by one, and together those without sound that are neighbours."""

    def about(row: "PeriodValues") -> tuple[str, str, bool]:
        return row.station, row.channel, not row.covered and not row.left_out

    for (_, _, silent), rows in groupby(table.rows, about):
        if silent:
            yield list(rows)
        else:
            yield from ([row] for row in rows)


def _cells(
    summarised: "Summarised",
    row: "PeriodValues",
    shown: "Sequence[tuple[Label, str]]",
    *,
    named: bool,
) -> list[str]:
    """Return the cells of a period."""
    from soundcal.periods.tables import percent
    from soundcal.report.style import value_text

    share = "–" if row.coverage is None else percent(row.coverage, aligned=True)
    numbers = [
        value_text(row.values.get(label), unit) if summarised.has(row.channel, label[0]) else ""
        for label, unit in shown
    ]
    mark = "*" if summarised.doubtful(row) else ""
    about = [row.station, *([row.period.name] if named else []), row.channel]
    return [*about, share, *numbers, mark]


def _without_sound(
    summarised: "Summarised", table: "PeriodTable", rows: "Sequence[PeriodValues]"
) -> str:
    """Return a line about periods without sound that follow each other."""
    from soundcal.periods.local_time import LocalTime

    first, last = rows[0], rows[-1]
    span = [first.period.name, last.period.name]
    if table.every.unit == "clock":
        local = LocalTime(summarised.zone).local
        span = [f"{local(at):%Y-%m-%d %H:%M}" for at in (first.period.start, last.period.end)]
    return f"{first.station}  {' to '.join(span)}  {first.channel}: no sound"

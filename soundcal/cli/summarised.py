"""Text for the terminal: the periods of a dataset, a line for each."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from soundcal.cli.output import aligned

if TYPE_CHECKING:
    from soundcal.periods import PeriodTable, Summarised

__all__ = ["period_lines"]

_MOST_ROWS: Final = 31
_MOST_COLUMNS: Final = 6


def period_lines(summarised: "Summarised", table: "PeriodTable") -> Iterator[str]:
    """Give the periods with their first values and coverage, and what is known about all."""
    from soundcal.periods.sums import OF_PARTS
    from soundcal.periods.tables import shown_values
    from soundcal.report.style import unit_label, value_text

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
    lines = [[*about, "covered %", *heads, ""]]
    for row in table.rows[:_MOST_ROWS]:
        share = "–" if row.coverage is None else f"{100 * row.coverage:.1f}"
        numbers = [
            value_text(row.values.get(label), unit) if summarised.has(row.channel, label[0]) else ""
            for label, unit in shown
        ]
        mark = "*" if summarised.doubtful(row) else ""
        about = [row.station, *([row.period.name] if named else []), row.channel]
        lines.append([*about, share, *numbers, mark])
    yield from aligned(lines, names=len(about))
    if (more := len(table.rows) - _MOST_ROWS) > 0:
        yield f"… and {more} more rows; --out FILE writes all of them"
    if (more := len(values) - len(shown)) > 0:
        yield f"{more} more values per row in the file"
    if table.every.of_time:
        yield f"local time {summarised.zone}"
    if rated:
        yield f"{summarised.parts.standard}"

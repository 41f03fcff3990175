"""The report of a dataset: levels of day, evening and night, courses of the day and of days."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.files.records import provenance
from soundcal.periods.local_time import Every
from soundcal.periods.sums import OF_PARTS, Label, PeriodValues
from soundcal.periods.tables import PeriodTable, Summarised, percent, shown_values
from soundcal.report import figures
from soundcal.report.document import (
    Block,
    Bullets,
    Column,
    Document,
    Notice,
    Paragraph,
    Picture,
    Section,
    Table,
    slug,
)
from soundcal.report.figures import CoursePanel
from soundcal.report.style import count, family_name, known, unit_label, value_text

__all__ = ["TABLES", "periods_document"]

TABLES: Final[Mapping[str, Every]] = {
    "hours": Every("clock", 3600),
    "days": Every("day"),
    "clock": Every("hour of the day"),
    "site": Every("site"),
}
"""Tables that the report needs, by name."""

_MOST_PANELS: Final = 6
_MOST_ROWS: Final = 1500
_BANDS: Final = (("10", "90"), ("5", "95"))
_MIDDLES: Final = ("eq", "mean", "50", "5", "max")


def periods_document(summarised: Summarised, *, title: str = "") -> Document:
    """Return the report of a dataset.

    Parameters
    ----------
    summarised : Summarised
        With :data:`TABLES`, and ``table``: the periods that were asked for.
    title : str
        Heading.
    """
    days, site = summarised.tables["days"].rows, summarised.tables["site"].rows
    stations = list(dict.fromkeys(row.station for row in site))
    first, n_days = _span(days)
    rated = any(label[0] == OF_PARTS for label in summarised.units)
    table = summarised.tables["table"]
    sections = [
        Section("summary", "Summary", _summary(summarised, site)),
        *([Section("rating", "Day, evening and night", _rating(summarised))] if rated else []),
        Section("coverage", "Coverage", _coverage(summarised, days, first, n_days)),
        *(
            Section(
                slug("station", name),
                f"Station {name}",
                tuple(_station(summarised, name, first, n_days)),
            )
            for name in stations
        ),
        Section("periods-folded", f"Values by {table.every}", _values(summarised, table), True),
        Section("provenance", "Provenance", _provenance(summarised)),
    ]
    last = first + timedelta(n_days - 1)
    return Document(
        title or f"Course of the sound: {', '.join(stations)}",
        f"{first} to {last}, {count(len(stations), 'station')}, local time {summarised.zone}",
        tuple(sections),
    )


def _span(days: Sequence[PeriodValues]) -> tuple[date, int]:
    """Return the first day of all stations, and the number of days."""
    names = [date.fromisoformat(row.period.name) for row in days]
    return min(names), (max(names) - min(names)).days + 1


def _summary(summarised: Summarised, site: Sequence[PeriodValues]) -> tuple[Block, ...]:
    lines = []
    for row in site:
        shown = [("LA", "eq"), (OF_PARTS, summarised.parts.whole)]
        numbers = [
            *(
                f"{''.join(label)} {value_text(row.values.get(label), 'dB')} dB(A)"
                for label in shown
                if label in summarised.units and summarised.has(row.channel, label[0])
            ),
            f"{value_text(row.covered / 3600, 'h', decimals=1)} h of sound",
        ]
        share = row.coverage
        covered = "" if share is None else f", {percent(share)} % of the time is covered"
        lines.append(f"{row.station}, {row.channel}: {', '.join(numbers)}{covered}")
    notes = (*summarised.notes, *summarised.low_coverage(summarised.tables["table"]))
    return (Bullets(tuple(lines)), *(Notice(text) for text in notes))


def _rating(summarised: Summarised) -> tuple[Block, ...]:
    parts = summarised.parts
    names = (*(part.name for part in parts.parts), parts.whole)
    columns = (
        Column("Station"),
        Column("Channel"),
        *(Column(f"L{name}", "number", "dB(A)") for name in names),
        *(Column(part.name, "number", "%", "Covered", 1) for part in parts.parts),
        Column("Remarks"),
    )
    rows = tuple(
        (
            row.station,
            row.channel,
            *(known(row.values.get((OF_PARTS, name), np.nan)) for name in names),
            *(100.0 * row.parts.get(part.name, 0.0) for part in parts.parts),
            "; ".join(summarised.marks(row)),
        )
        for row in summarised.tables["site"].rows
        if summarised.has(row.channel, OF_PARTS)
    )
    return (
        Paragraph(
            f"{parts.standard}. Each level is that of the energy of all seconds that were measured "
            "in this part of all days; nothing stands in for missing days, whose share the "
            "coverage states. The Directive asks for the incident sound, without what a facade "
            "reflects, and for a year that is average in its weather; measured levels are neither."
        ),
        Table(
            "rating", f"Levels of the parts of the day, local time {summarised.zone}", columns, rows
        ),
    )


def _by_day(
    rows: Sequence[PeriodValues], first: date, n_days: int
) -> Iterator[tuple[int, PeriodValues]]:
    """Give the rows of days with the number of the day."""
    for row in rows:
        place = (date.fromisoformat(row.period.name[:10]) - first).days
        if 0 <= place < n_days:
            yield place, row


def _coverage(
    summarised: Summarised, days: Sequence[PeriodValues], first: date, n_days: int
) -> tuple[Block, ...]:
    shares: dict[str, Array] = {}
    for place, row in _by_day(days, first, n_days):
        name = f"{row.station}, {row.channel}"
        shares.setdefault(name, np.zeros(n_days))[place] = row.coverage or 0.0
    low = 100.0 * summarised.limit
    return (
        Picture(
            "coverage",
            "Covered share of the days",
            "Stations down, days across; dark is covered.",
            f"Share of each day that was measured and is valid. Values of periods with less than "
            f"{low:g} % are marked.",
            partial(figures.coverage_figure, shares, first),
        ),
    )


def _station(
    summarised: Summarised, station: str, first: date, n_days: int
) -> Iterator[Block | Section]:
    clock = [row for row in summarised.tables["clock"].rows if row.station == station]
    days = [row for row in summarised.tables["days"].rows if row.station == station]
    hours = [row for row in summarised.tables["hours"].rows if row.station == station]
    symbols = _symbols(summarised)[:_MOST_PANELS]
    at_hour = [(int(row.period.name[:2]), row) for row in clock]
    panels = _panels(summarised, symbols, at_hour, 24)
    if panels:
        yield Picture(
            slug("day", station),
            f"Course of the day, {station}",
            "Hours across, one panel for each indicator, with a band of percentiles.",
            f"Every hour of the clock over all days ({'; '.join(p.label for p in panels)}); "
            "percentiles are those of all values of the hour.",
            partial(figures.course_figure, panels),
        )
    rated = [OF_PARTS] if any(symbol == OF_PARTS for symbol, _ in summarised.units) else []
    at_day = list(_by_day(days, first, n_days))
    panels = _panels(summarised, (*symbols[:1], *rated, *symbols[1:]), at_day, n_days)
    if panels:
        yield Picture(
            slug("days", station),
            f"Course of the days, {station}",
            "Days across, one panel for each indicator, with a band of percentiles.",
            f"Every day ({'; '.join(panel.label for panel in panels)}).",
            partial(figures.course_figure, panels, first),
        )
    for channel in dict.fromkeys(row.channel for row in hours):
        own = [row for row in hours if row.channel == channel]
        if shown := [name for name in _symbols(summarised) if summarised.has(channel, name)]:
            label = _middle(summarised, shown[0])
            yield _calendar(summarised, station, channel, label, own, first, n_days)


def _panels(
    summarised: Summarised,
    symbols: Sequence[str],
    placed: Sequence[tuple[int, PeriodValues]],
    n: int,
) -> list[CoursePanel]:
    """Return the panels of the indicators that a channel has."""
    panels = [_panel(summarised, symbol, placed, n) for symbol in symbols]
    return [panel for panel in panels if panel.lines]


def _symbols(summarised: Summarised) -> list[str]:
    """Return the indicators that have a course: not the levels of parts of the day, nor bands."""
    bands = ("Loct", "Lthird", OF_PARTS)
    return list(dict.fromkeys(symbol for symbol, _ in summarised.units if symbol not in bands))


def _middle(summarised: Summarised, symbol: str) -> Label:
    """Return the value that stands for an indicator in a picture."""
    own = [statistic for name, statistic in summarised.units if name == symbol]
    if symbol == OF_PARTS:
        return symbol, summarised.parts.whole
    return symbol, next((name for name in _MIDDLES if name in own), own[0])


def _band(summarised: Summarised, symbol: str) -> tuple[Label, Label] | None:
    """Return the percentiles of the band of an indicator, the upper one first."""
    for upper, lower in _BANDS:
        if {(symbol, upper), (symbol, lower)} <= set(summarised.units):
            return (symbol, upper), (symbol, lower)
    return None


def _panel(
    summarised: Summarised, symbol: str, placed: Sequence[tuple[int, PeriodValues]], n: int
) -> CoursePanel:
    middle, band = _middle(summarised, symbol), _band(summarised, symbol)
    lines: dict[str, Array] = {}
    bands: dict[str, tuple[Array, Array]] = {}
    for place, row in placed:
        if not summarised.has(row.channel, symbol):
            continue
        line = lines.setdefault(row.channel, np.full(n, np.nan))
        line[place] = _finite(row.values.get(middle))
        if band is not None:
            edges = bands.setdefault(row.channel, (np.full(n, np.nan), np.full(n, np.nan)))
            for edge, label in zip(edges, reversed(band), strict=True):
                edge[place] = _finite(row.values.get(label))
    unit = unit_label(symbol, summarised.units[middle])
    name = (
        "".join(middle)
        if band is None
        else f"{''.join(middle)}, {symbol}{band[0][1]} to {band[1][1]}"
    )
    return CoursePanel(f"{name} ({unit})", lines, bands)


def _finite(value: float | None) -> float:
    """Return a value as it is drawn: silence, which has no finite level, is left out."""
    return np.nan if value is None or not np.isfinite(value) else value


def _calendar(
    summarised: Summarised,
    station: str,
    channel: str,
    label: Label,
    hours: Sequence[PeriodValues],
    first: date,
    n_days: int,
) -> Picture:
    values = np.full((24, n_days), np.nan)
    for place, row in _by_day(hours, first, n_days):
        hour = int(row.period.name[11:13])
        if np.isnan(values[hour, place]):  # of an hour that occurs twice, the first
            values[hour, place] = _finite(row.values.get(label))
    name, unit = "".join(label), unit_label(label[0], summarised.units[label])
    return Picture(
        slug("calendar", station, channel),
        f"Calendar of hours, {station}, {channel}",
        "Days across, hours of the day down; colours are values, white is without sound.",
        f"{name} of every hour, {channel}: {family_name(label[0])}. Of an hour that occurs twice, "
        "the first is shown.",
        partial(figures.calendar_figure, values, first, f"{name} ({unit})"),
    )


def _values(summarised: Summarised, table: PeriodTable) -> tuple[Block, ...]:
    """Return the table of the periods, or where it is if it is too long for a page."""
    if len(table.rows) > _MOST_ROWS:
        return (
            Paragraph(
                f"{len(table.rows)} rows, more than a page shows: soundcal summarise --out FILE "
                "writes them into a table."
            ),
        )
    shown = shown_values(summarised, table)
    columns = (
        Column("Station"),
        Column(str(table.every).capitalize()),
        Column("Channel"),
        Column("Covered", "number", "%", decimals=1),
        *(
            Column(f"{symbol}{name}", "number", unit_label(symbol, unit))
            for (symbol, name), unit in shown.items()
        ),
        Column("Remarks"),
    )
    rows = tuple(
        (
            row.station,
            row.period.name,
            row.channel,
            None if row.coverage is None else 100.0 * row.coverage,
            *(known(row.values.get(label, np.nan)) for label in shown),
            "; ".join(summarised.marks(row)),
        )
        for row in table.rows
    )
    caption = f"Values by {table.every}, local time {summarised.zone}"
    return (Table("periods", caption, columns, rows),)


def _provenance(summarised: Summarised) -> tuple[Block, ...]:
    standards = dict.fromkeys(
        f"{family_name(symbol) if symbol != OF_PARTS else 'Levels of parts of the day'}: "
        f"{summarised.standard(symbol)}"
        for symbol, _ in summarised.units
    )
    software = ", ".join(f"{name} {version}" for name, version in provenance().items())
    return (
        Bullets(tuple(standards)),
        Paragraph(
            f"Dataset {summarised.folder}, calibrations {', '.join(summarised.calibrations)}. "
            f"Summarised with {software}."
        ),
    )

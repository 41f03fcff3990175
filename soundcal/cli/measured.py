"""Text for the terminal: the indicators there are, and measured values."""

from collections.abc import Sequence
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from soundcal.cli.output import aligned

if TYPE_CHECKING:
    from soundcal.indicators.rows import TidyRow

__all__ = ["all_values", "indicator_lines", "short_table"]

_MOST_COLUMNS: Final = 5
_MOST_ROWS: Final = 24


def indicator_lines() -> list[str]:
    """Return the indicators: symbol, name, unit, standard and statistics; and the families."""
    from soundcal.indicators.registry import REGISTRY
    from soundcal.report.style import unit_label

    lines = []
    for entry in REGISTRY.values():
        unit = unit_label(entry.symbol, entry.unit)
        both = "; also --ears binaural" if entry.binaural else ""
        lines.append(f"{entry.symbol:<6} {entry.title} in {unit}; {entry.standard}{both}")
        usual = ", ".join(s for s in entry.statistics if s not in entry.optional)
        more = f"; on request {', '.join(entry.optional)}" if entry.optional else ""
        lines += wrap(f"{usual}{more}", 92, initial_indent=" " * 7, subsequent_indent=" " * 7)
    families: dict[str, list[str]] = {}
    for entry in REGISTRY.values():
        families.setdefault(entry.family, []).append(entry.symbol)
    named = ", ".join(f"{family} ({' '.join(own)})" for family, own in families.items())
    return [
        *lines,
        *wrap(f"Families: {named}.", 99),
        "A label is symbol and statistic, such as LAeq, LA5 (exceeded in 5 % of the time) or N5.",
    ]


def all_values(rows: "Sequence[TidyRow]") -> list[str]:
    """Return one line per recording, channel and label."""
    from soundcal.report.style import unit_label

    width = max((len(row.indicator + row.statistic) for row in rows), default=0)
    lines = []
    for (recording, channel), own in _by_channel(rows):
        lines.append(f"{recording}, {channel}")
        for row in own:
            u = "" if row.u is None else f"  u {row.u:.2g}"
            label, unit = row.indicator + row.statistic, unit_label(row.indicator, row.unit)
            lines.append(f"  {label:<{width}} {row.value:9.2f} {unit}{u}")
    return lines


def short_table(rows: "Sequence[TidyRow]") -> list[str]:
    """Return one line per recording and channel, with the first label of each indicator.

    If there are no more labels than columns, all are shown.
    """
    from soundcal.report.style import unit_label

    labels = list(dict.fromkeys((row.indicator, row.statistic, row.unit) for row in rows))
    shown = labels
    if len(labels) > _MOST_COLUMNS:
        first = {label[0]: label for label in reversed(labels)}
        shown = [label for label in labels if first[label[0]] == label][:_MOST_COLUMNS]
    heads = [f"{symbol}{stat} {unit_label(symbol, unit)}" for symbol, stat, unit in shown]
    table = [["recording", "channel", *heads]]
    for (recording, channel), own in _by_channel(rows):
        known = {(row.indicator, row.statistic, row.unit): f"{row.value:.2f}" for row in own}
        table.append([recording, channel, *(known.get(label, "–") for label in shown)])
    cut = table[: _MOST_ROWS + 1]
    lines = aligned(cut, names=2)
    if more := len(table) - len(cut):
        lines.append(f"… and {more} more rows")
    if more := len(labels) - len(shown):
        lines.append(f"{more} more values per row in the file")
    return lines if rows else []


def _by_channel(
    rows: "Sequence[TidyRow]",
) -> "list[tuple[tuple[str, str], list[TidyRow]]]":
    """Group the rows by recording and channel, in the order in which these first occur."""
    order = {key: n for n, key in enumerate(dict.fromkeys((r.recording, r.channel) for r in rows))}
    rows = sorted(rows, key=lambda row: order[row.recording, row.channel])
    return [(key, list(own)) for key, own in groupby(rows, lambda r: (r.recording, r.channel))]

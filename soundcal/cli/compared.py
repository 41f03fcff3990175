"""Text for the terminal: bias and limits of agreement, a line per indicator."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from soundcal.cli.output import aligned

if TYPE_CHECKING:
    from soundcal.study import Entry, MethodComparison, Study

__all__ = ["agreement_lines"]

_MOST_ROWS: Final = 45


def agreement_lines(study: "Study") -> list[str]:
    """Return a table of bias and limits per pair of methods, for the combinations in turn.

    Long outputs end after some lines with the number of those that are left out.
    """
    lines = [line for name, one in study.comparisons.items() for line in _lines(name, one)]
    if (more := len(lines) - _MOST_ROWS) > 1:
        lines[_MOST_ROWS:] = [f"… and {more} more lines; --out DIR writes all of them"]
    return lines


def _lines(name: str, comparison: "MethodComparison") -> Iterator[str]:
    interval = f"{100 * comparison.rules.confidence:g} % interval"
    for direction in dict.fromkeys(entry.direction for entry in comparison.entries):
        own = [entry for entry in comparison.entries if entry.direction == direction]
        heads = (f"{name}: {direction}" if name else direction, "n", "bias", interval, "limits")
        yield from aligned([heads, *(_row(entry) for entry in own)])


def _row(entry: "Entry") -> tuple[str, ...]:
    from soundcal.report.style import unit_label, value_text

    def text(value: float) -> str:
        return value_text(value, entry.difference_unit, signed=True)

    def span(low: float, high: float) -> str:
        return f"{text(low)} to {text(high)}"

    a = entry.agreement
    unit = unit_label(entry.indicator, entry.difference_unit)
    limits = span(a.lower, a.upper)
    return f"{entry.label} {unit}", str(entry.n), text(a.bias), span(*a.bias_ci), limits

"""The checks of all takes of a study: the worst value of each, and the takes that failed."""

import math
from collections.abc import Sequence

from soundcal.report.document import Column, Table
from soundcal.study import Source
from soundcal.takes.check import SEVERITY, Check, Limit

__all__ = ["take_tables"]


def take_tables(sources: Sequence[Source]) -> list[Table]:
    """Return the worst value of each check against its limit, and the takes with flags."""
    tables = []
    judged = [source for source in sources if source.checks]
    if judged:
        tables.append(_worst_values(judged))
    flagged = [source for source in sources if source.flags]
    if flagged:
        tables.append(
            Table(
                "flags",
                "Recordings with validity flags",
                (
                    Column("Recording"),
                    Column("Condition"),
                    Column("Stimulus"),
                    Column("Verdict"),
                    Column("Flags"),
                ),
                tuple(
                    (s.path, s.condition, s.stimulus, s.verdict, "; ".join(map(str, s.flags)))
                    for s in flagged
                ),
            )
        )
    return tables


def _worst_values(sources: Sequence[Source]) -> Table:
    named: dict[str, list[tuple[Source, Check, Limit]]] = {}
    for source in sources:
        for check in source.checks:
            if check.limit is not None and math.isfinite(check.value):
                named.setdefault(check.name, []).append((source, check, check.limit))
    rows = []
    for name, found in named.items():
        source, worst, limit = max(found, key=lambda one: _badness(one[1], one[2]))
        place = f"{source.stimulus}, {source.condition}"
        rows.append(
            (
                name,
                len({id(take) for take, _, _ in found}),
                worst.value,
                limit.value,
                worst.unit or None,
                worst.verdict,
                f"{place}, {worst.channel}" if worst.channel else place,
            )
        )
    verdicts = [source.verdict for source in sources]
    counted = ", ".join(f"{verdicts.count(word)} {word}" for word in SEVERITY)
    return Table(
        "checks",
        f"Checks of the takes ({counted}): for each check the worst value relative to its limit",
        (
            Column("Check"),
            Column("Takes", "count"),
            Column("Worst value", "significant"),
            Column("Limit", "significant"),
            Column("Unit"),
            Column("Verdict"),
            Column("Where"),
        ),
        tuple(rows),
    )


def _badness(check: Check, limit: Limit) -> tuple[int, float]:
    """Return the order of a value: by its verdict, then by its position relative to the limit."""
    return SEVERITY[check.verdict], limit.excess(check.value)

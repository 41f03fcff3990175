"""The checks of all takes of a study: how near each came to its limit, and what failed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from soundcal.report.document import Column, Table
from soundcal.study import Source

__all__ = ["take_tables"]

_VERDICTS: Final = ("pass", "suspect", "invalid")


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
                    (s.path, s.condition, s.stimulus, _verdict(s), "; ".join(s.flags))
                    for s in flagged
                ),
            )
        )
    return tables


def _verdict(source: Source) -> str | None:
    """Return the worst verdict of a take; None if it was not judged."""
    found = [str(check["verdict"]) for check in source.checks]
    return max(found, key=_VERDICTS.index, default=None)


def _worst_values(sources: Sequence[Source]) -> Table:
    named: dict[str, list[tuple[Source, Mapping[str, Any]]]] = {}
    for source in sources:
        for check in source.checks:
            if check["limit"] is not None and check["value"] is not None:
                named.setdefault(check["name"], []).append((source, check))
    rows = []
    for name, found in named.items():
        source, worst = max(found, key=lambda one: _badness(one[1]))
        place = f"{source.stimulus}, {source.condition}"
        rows.append(
            (
                name,
                len({id(take) for take, _ in found}),
                worst["value"],
                worst["limit"],
                worst["unit"] or None,
                worst["verdict"],
                f"{place}, {worst['channel']}" if worst["channel"] else place,
            )
        )
    verdicts = [_verdict(source) for source in sources]
    counted = ", ".join(f"{verdicts.count(word)} {word}" for word in _VERDICTS)
    return Table(
        "checks",
        f"Checks of the takes ({counted}): of each check the value that is worst against its limit",
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


def _badness(check: Mapping[str, Any]) -> tuple[int, float]:
    """Return how bad a value is: its verdict, then how far beyond, or how near to, the limit."""
    value, limit = float(check["value"]), float(check["limit"])
    distance = min(abs(value - limit), abs(value + limit))  # some limits hold on both sides
    rank = _VERDICTS.index(check["verdict"])
    return rank, distance if rank else -distance

"""Section of the report of a listening test: its set-up, level checks, exposure, orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from soundcal.report.document import Block, Bullets, Column, Notice, Section, Table

__all__ = ["ListeningTest", "listening_section"]


@dataclass(frozen=True, slots=True)
class ListeningTest:
    """Facts about a listening test besides its answers.

    Parameters
    ----------
    setup : tuple of str
        Sentences about study, people, device and monitor.
    warnings : tuple of str
        Remarks that a reader must not miss.
    sounds : tuple of tuple
        Condition, calibrations, number of sounds, lowest and highest predicted LAeq, highest
        LAFmax and LCpeak, dB re 20 µPa, all of the louder ear.
    presentations : tuple of tuple
        Condition, and numbers of presentations: all, complete, stopped, interrupted, failed or
        invalid, suspect; largest deviation of a measured level in dB or None.
    checks : tuple of tuple
        Level checks: time, kind, outcome, largest deviation in dB or None, largest change since
        the first check of the kind in dB or None, operator.
    exclusions : tuple of str
        Trials that were skipped and participants who ended early, with the reasons.
    orders : tuple of str
        Balance of the orders as they were carried out.
    exposure : tuple of str
        Sound exposure of the participants.
    opinions : tuple of tuple
        Mean opinion scores: condition, sound, number of participants, score, and the ends of its
        interval or None.
    agreement : tuple of tuple
        Agreement of the participants: block, condition, attribute, numbers of sounds and of
        participants, ICC(A,1) and the ends of its interval, ICC(A,k).
    """

    setup: tuple[str, ...]
    warnings: tuple[str, ...]
    sounds: tuple[tuple[Any, ...], ...]
    presentations: tuple[tuple[Any, ...], ...]
    checks: tuple[tuple[Any, ...], ...]
    exclusions: tuple[str, ...]
    orders: tuple[str, ...]
    exposure: tuple[str, ...]
    opinions: tuple[tuple[Any, ...], ...] = ()
    agreement: tuple[tuple[Any, ...], ...] = ()


def listening_section(test: ListeningTest) -> Section:
    """Return the section."""
    sounds = Table(
        "room-sounds",
        "Sounds as they were predicted at the louder ear, dB re 20 µPa",
        (
            Column("Condition"),
            Column("Calibration"),
            Column("Sounds", "count"),
            Column("lowest", "number", "dB", group="LAeq"),
            Column("highest", "number", "dB", group="LAeq"),
            Column("highest", "number", "dB", group="LAFmax"),
            Column("highest", "number", "dB", group="LCpeak"),
        ),
        test.sounds,
    )
    counted = ("all", "complete", "stopped", "interrupted", "failed or invalid", "suspect")
    presentations = Table(
        "room-presentations",
        "Presentations, and the largest deviation of a measured level from the expected one",
        (
            Column("Condition"),
            *(Column(name, "count", group="Presentations") for name in counted),
            Column("Deviation", "signed", "dB"),
        ),
        test.presentations,
    )
    checks = Table(
        "room-level-checks",
        "Level checks",
        (
            Column("Time (UTC)"),
            Column("Kind"),
            Column("Outcome"),
            Column("Largest deviation", "signed", "dB"),
            Column("Drift", "signed", "dB"),
            Column("Operator"),
        ),
        test.checks,
    )
    opinions = Table(
        "room-opinions",
        "Mean opinion scores (MOS) of participants, with 95 % confidence intervals by Student's t",
        (
            Column("Condition"),
            Column("Sound"),
            Column("n", "count"),
            Column("MOS", "number", decimals=2),
            Column("from", "number", decimals=2, group="95 % interval"),
            Column("to", "number", decimals=2, group="95 % interval"),
        ),
        test.opinions,
    )
    blocks: list[Block | Section] = [
        Bullets(test.setup),
        *map(Notice, test.warnings),
        sounds,
        presentations,
    ]
    if test.checks:
        blocks.append(checks)
    if test.opinions:
        blocks.append(opinions)
    if test.agreement:
        blocks.append(_agreement(test))
    for name, heading, lines in (
        ("room-exclusions", "Skipped trials and early ends", test.exclusions),
        ("room-orders", "Orders", test.orders),
        ("room-exposure", "Sound exposure", test.exposure),
    ):
        blocks += _lines(name, heading, lines)
    return Section("room", "Set-up of the listening test", tuple(blocks))


def _agreement(test: ListeningTest) -> Table:
    return Table(
        "room-agreement",
        "Agreement of participants on the differences of sounds: intraclass correlation, two-way, "
        "absolute agreement (McGraw & Wong 1996), of single participants with its 95 % interval, "
        "and of their mean. Only people who rated all sounds of a condition count",
        (
            Column("Block"),
            Column("Condition"),
            Column("Attribute"),
            Column("Sounds", "count"),
            Column("n", "count"),
            Column("ICC(A,1)", "number", decimals=2),
            Column("from", "number", decimals=2, group="95 % interval"),
            Column("to", "number", decimals=2, group="95 % interval"),
            Column("ICC(A,k)", "number", decimals=2),
        ),
        test.agreement,
    )


def _lines(name: str, heading: str, lines: Sequence[str]) -> list[Section]:
    return [Section(name, heading, (Bullets(tuple(lines)),))] if lines else []

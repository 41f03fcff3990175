"""The certificate of the statistics: rates found by simulation, as a page for a supplement."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from soundcal.files.records import provenance
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
from soundcal.report.figures import rate_dots
from soundcal.verification import outcome_summary
from soundcal.verification.statistics import ALARM, SimulatedRate

__all__ = ["certificate_document"]

_COLUMNS: Final = (
    Column("Interval or test"),
    Column("Function"),
    Column("Stated", "significant", group="Rate in %"),
    Column("Found", "significant", group="Rate in %"),
    Column("Monte-Carlo interval, 95 %", group="Rate in %"),
    Column("Limits", group="Rate in %"),
    Column("Data sets", "count"),
    Column("Verdict"),
)

_SHOWS: Final = (
    "It shows how often the intervals and tests of this version, on this computer, hold the truth "
    "or reject it, on data whose truth is known: normal differences unless a row names another "
    "distribution, at the numbers of stimuli and participants that the rows name.",
    "It does not show that the data of a study are like that. Skewed differences, a spread that "
    "depends on the size, and stimuli that depend on each other need the checks and the other "
    "limits of the report.",
    "It does not replace the comparison with other implementations and with published values, "
    "which are tests of the package.",
    "A verdict needs limits: those that the number of data sets lets chance reach, and, for "
    "methods that are approximate by design, the margin that their documentation states. Where a "
    "method states a bound only, a rate on the safe side is no fault.",
)


def certificate_document(rates: Sequence[SimulatedRate]) -> Document:
    """Return the certificate: a section per family with a figure and a table.

    Parameters
    ----------
    rates : sequence of SimulatedRate
        Rates of all families, in order.
    """
    failed = [rate for rate in rates if rate.verdict == "fail"]
    draws = max(rate.draws for rate in rates)
    told: list[Block] = [
        Paragraph(
            f"{outcome_summary(rates)}. Each rate was found from up to {draws} data sets drawn at "
            "random. If every method kept its rate, any of them would be found outside its limits "
            f"in {100 * ALARM:g} % of such certificates (Bonferroni over {len(rates)} rates; "
            "binomial limits)."
        ),
    ]
    if failed:
        names = "; ".join(f"{rate.row.clause}: {rate.row.quantity}" for rate in failed)
        told.append(Notice(f"Outside the limits: {names}"))
    told.append(Bullets(_SHOWS))
    clauses = dict.fromkeys(rate.row.clause for rate in rates)
    sections = [_family(name, [r for r in rates if r.row.clause == name]) for name in clauses]
    versions = Table(
        "software",
        "Software",
        (Column("Name"), Column("Version")),
        tuple(provenance().items()),
    )
    again = Paragraph(
        "The seed of each rate is the CRC-32 checksum of its heading and name, so that the same "
        f"number of draws gives the same numbers again: soundcal verify --statistics --draws "
        f"{draws}."
    )
    return Document(
        "Certificate of the statistics",
        outcome_summary(rates),
        (
            Section("summary", "Summary", tuple(told)),
            *sections,
            Section("provenance", "Provenance", (again, versions)),
        ),
    )


def _family(clause: str, rates: Sequence[SimulatedRate]) -> Section:
    """Return figure and table of a family, with its known deviations."""
    heading = clause[:1].upper() + clause[1:]
    caption = (
        f"{heading}: rate found minus rate stated, with the Monte-Carlo interval (95 %); grey: "
        "within the limits. Blue circles lie within them; purple diamonds are known deviations; "
        "red squares are faults."
    )
    described = "; ".join(
        f"{r.row.quantity}: {r.value:.4g} % of {r.row.expected:.4g} %" for r in rates
    )
    blocks: list[Block] = [
        Picture(slug("rates", clause), heading, described, caption, partial(rate_dots, rates)),
        Table(
            slug("table", clause),
            f"{heading}: rates stated and found",
            _COLUMNS,
            tuple(_cells(rate) for rate in rates),
        ),
    ]
    known = [f"{r.row.quantity}: {r.row.known_deviation}" for r in rates if r.row.known_deviation]
    if known:
        blocks += [Paragraph("Known deviations:"), Bullets(tuple(known))]
    return Section(slug("family", clause), heading, tuple(blocks))


def _cells(rate: SimulatedRate) -> tuple[object, ...]:
    row = rate.row
    found, limits = (
        f"{low:.1f} to {high:.1f}" for low, high in (rate.interval, (row.lower, row.upper))
    )
    return (
        row.quantity,
        rate.method,
        row.expected,
        rate.value,
        found,
        limits,
        rate.draws,
        rate.verdict,
    )

"""The verification against the standards, as a document like the other reports."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from soundcal.files.records import provenance
from soundcal.report.document import (
    Block,
    Bullets,
    Column,
    Document,
    Notice,
    Paragraph,
    Section,
    Table,
    slug,
)
from soundcal.verification import Outcome, outcome_summary
from soundcal.verification.against_mosqito import MosqitoAgreement

__all__ = ["verification_document", "verification_sections"]

_COLUMNS: Final = (
    Column("Quantity"),
    Column("Printed", "significant"),
    Column("Lower limit", "significant"),
    Column("Upper limit", "significant"),
    Column("Found", "significant"),
    Column("Unit"),
    Column("Limits from"),
    Column("Verdict"),
)

_AGREEMENT: Final = (
    Column("Quantity"),
    Column("n", "count"),
    Column("Bias", "signed", "%", decimals=3),
    Column("95 % confidence interval", "interval", "%", decimals=3),
    Column("Lower limit of agreement", "signed", "%", decimals=3),
    Column("Upper limit of agreement", "signed", "%", decimals=3),
)


def verification_sections(
    outcomes: Sequence[Outcome], beside: Sequence[MosqitoAgreement] = ()
) -> tuple[Section, ...]:
    """Return one section per standard and one of the agreement with MoSQITo.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Rows of the standards and the values found.
    beside : sequence of MosqitoAgreement, optional
        Agreement with MoSQITo.
    """
    ordered = sorted(outcomes, key=lambda outcome: _first(outcomes, outcome.row.standard))
    sections = [
        _standard(standard, list(found))
        for standard, found in groupby(ordered, key=lambda outcome: outcome.row.standard)
    ]
    return (*sections, _agreement(beside)) if beside else tuple(sections)


def verification_document(
    outcomes: Sequence[Outcome], beside: Sequence[MosqitoAgreement] = ()
) -> Document:
    """Return the whole verification; parameters as for :func:`verification_sections`."""
    failed = [outcome for outcome in outcomes if outcome.verdict == "fail"]
    told: list[Block] = [Paragraph(f"{outcome_summary(outcomes)}.")]
    if failed:
        names = "; ".join(f"{o.row.standard}, {o.row.clause}: {o.row.quantity}" for o in failed)
        told.append(Notice(f"Outside the limits: {names}"))
    software = Table(
        "software",
        "Software",
        (Column("Name"), Column("Version")),
        tuple(provenance().items()),
    )
    return Document(
        "Verification against the standards",
        outcome_summary(outcomes),
        (
            Section("summary", "Summary", tuple(told)),
            *verification_sections(outcomes, beside),
            Section("provenance", "Provenance", (software,)),
        ),
    )


def _first(outcomes: Sequence[Outcome], standard: str) -> int:
    return next(i for i, outcome in enumerate(outcomes) if outcome.row.standard == standard)


def _standard(standard: str, outcomes: Sequence[Outcome]) -> Section:
    """Return the tables of a standard, one per clause, with its known deviations."""
    clauses = dict.fromkeys(outcome.row.clause for outcome in outcomes)
    blocks: list[Block] = [Paragraph(f"{outcome_summary(outcomes)}.")]
    for clause in clauses:
        rows = [outcome for outcome in outcomes if outcome.row.clause == clause]
        cells = tuple(_cells(outcome) for outcome in rows)
        blocks.append(Table(slug(standard, clause), f"{standard}, {clause}", _COLUMNS, cells))
    deviations = dict.fromkeys(
        f"{o.row.quantity}: {o.row.known_deviation}" for o in outcomes if o.row.known_deviation
    )
    if deviations:
        blocks += [Paragraph("Known deviations:"), Bullets(tuple(deviations))]
    return Section(slug("standard", standard), standard, tuple(blocks))


def _cells(outcome: Outcome) -> tuple[object, ...]:
    row = outcome.row
    limits = (row.expected, row.lower, row.upper)
    return (row.quantity, *limits, outcome.value, row.unit, row.grade, outcome.verdict)


def _agreement(beside: Sequence[MosqitoAgreement]) -> Section:
    rows = tuple(
        (
            comparison.quantity.label,
            comparison.agreement.n,
            comparison.agreement.bias,
            comparison.agreement.bias_ci,
            comparison.agreement.lower,
            comparison.agreement.upper,
        )
        for comparison in beside
    )
    caption = "soundcal − MoSQITo 1.2.1 on seeded signals, in % of the mean of both"
    errors = tuple(dict.fromkeys(error for c in beside for error in c.known_errors))
    return Section(
        "mosqito",
        "Agreement with MoSQITo",
        (
            Table("agreement-with-mosqito", caption, _AGREEMENT, rows),
            Paragraph("Known errors of MoSQITo:"),
            Bullets(errors),
        ),
    )

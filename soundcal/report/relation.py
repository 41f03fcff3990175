"""The report of a relation: what was measured against what was heard, as a document."""

from soundcal.files.records import provenance
from soundcal.relation import Relation
from soundcal.report.document import Document, Paragraph, Section
from soundcal.report.sections.relation import relation_blocks
from soundcal.report.style import count

__all__ = ["relation_document"]


def relation_document(
    relation: Relation, *, title: str = "What was measured against what was heard"
) -> Document:
    """Return the report of a relation.

    Parameters
    ----------
    relation : Relation
        See :func:`soundcal.relation.relate`.
    title : str
        Heading.
    """
    size = ", ".join(
        (
            count(len(relation.measured), "stimulus", "stimuli"),
            count(len(relation.units), "indicator"),
            count(len(relation.heard.columns), "outcome"),
        )
    )
    software = ", ".join(f"{name} {version}" for name, version in provenance().items())
    sections = (
        Section("relation", "Ratings against indicators", relation_blocks(relation)),
        Section("provenance", "Provenance", (Paragraph(f"Computed with {software}."),)),
    )
    return Document(title, f"{relation.direction} · {size}", sections)

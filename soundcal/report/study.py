"""The report of a study: sections of text, tables and figures as one document."""

from soundcal.relation import Relation
from soundcal.report.document import Block, Bullets, Document, Notice, Paragraph, Section
from soundcal.report.sections.checklist import checklist_blocks
from soundcal.report.sections.comparison import comparison_section
from soundcal.report.sections.equipment import equipment_section, provenance_section
from soundcal.report.sections.methods import methods_text
from soundcal.report.sections.relation import relation_blocks, relation_summary
from soundcal.report.sections.summary import summary_blocks
from soundcal.report.sections.takes import take_tables
from soundcal.report.sections.tones import tones_sections
from soundcal.report.sections.values import values_sections
from soundcal.report.style import count
from soundcal.study import Study
from soundcal.study.rules import in_order

__all__ = ["study_document"]


def study_document(study: Study, relation: Relation | None = None) -> Document:
    """Return the whole report of a study.

    Parameters
    ----------
    study : Study
        Its comparisons, recordings and sessions.
    relation : Relation, optional
        Ratings related to its indicators, see :func:`soundcal.relation.relate`; a section of its
        own.
    """
    summary = summary_blocks(study)
    if relation is not None:
        summary = (*summary, Bullets((relation_summary(relation)[0],)))
    sections = [
        Section("summary", "Summary", summary),
        Section("methods", "What was done", tuple(Paragraph(t) for t in methods_text(study))),
    ]
    if study.sessions or study.calibrations:
        sections.append(equipment_section(study))
    if not study.comparisons:
        sections += values_sections(study)
    for name, comparison in study.comparisons.items():
        sections.append(comparison_section(study, name, comparison))
    sections += tones_sections(study)
    if relation is not None:
        sections.append(
            Section("relation", "Ratings against indicators", relation_blocks(relation))
        )
    sections.append(Section("warnings", "Warnings and validity flags", _warning_blocks(study)))
    if study.comparisons:
        sections.append(Section("checklist", "Reporting checklist", checklist_blocks(study)))
    sections.append(provenance_section(study))
    return Document(study.title, _subtitle(study), tuple(sections))


def _subtitle(study: Study) -> str:
    stimuli = study.table["stimulus"].nunique()
    methods = " · ".join(in_order(map(str, study.table["condition"])))
    n = len(study.table[["indicator", "statistic"]].drop_duplicates())
    simulated = " · simulated lab" if any(source.simulated for source in study.sources) else ""
    counted = count(stimuli, "stimulus", "stimuli")
    return f"{counted} · {methods} · {count(n, 'indicator')}{simulated}"


def _warning_blocks(study: Study) -> tuple[Block, ...]:
    blocks: list[Block] = [Notice(text) for text in study.remarks]
    blocks += take_tables(study.sources)
    warned = sum(
        bool(entry.warnings or entry.diagnostics.doubts)
        for comparison in study.comparisons.values()
        for entry in comparison.entries
    )
    if warned:
        blocks.append(
            Paragraph(
                f"{count(warned, 'comparison')} with warnings or diagnostics that need attention, "
                "printed with their tables."
            )
        )
    return tuple(blocks) or (Paragraph("None."),)

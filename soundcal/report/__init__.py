"""Figures, tables and pages made from results.

A report is a :class:`~soundcal.report.document.Document`, made by :func:`study_document`,
:func:`ratings_document`, :func:`relation_document`,
:func:`soundcal.report.qualification.qualification_document`,
:func:`soundcal.report.standards.verification_document` and
:func:`soundcal.report.certificate.certificate_document`; :func:`write_document` prints it.
:func:`write_report` writes the report of a study with all its tables.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.report.ratings import ratings_document, ratings_summary
    from soundcal.report.relation import relation_document
    from soundcal.report.sections.method_errors import errors_table, errors_words
    from soundcal.report.sections.relation import relation_summary
    from soundcal.report.sections.summary import study_summary
    from soundcal.report.study import study_document
    from soundcal.report.writing import write_document, write_report
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "errors_table": "sections.method_errors",
            "errors_words": "sections.method_errors",
            "ratings_document": "ratings",
            "ratings_summary": "ratings",
            "relation_document": "relation",
            "relation_summary": "sections.relation",
            "study_document": "study",
            "study_summary": "sections.summary",
            "write_document": "writing",
            "write_report": "writing",
        },
    )

__all__ = [
    "errors_table",
    "errors_words",
    "ratings_document",
    "ratings_summary",
    "relation_document",
    "relation_summary",
    "study_document",
    "study_summary",
    "write_document",
    "write_report",
]

"""``soundcal compare``: agreement of methods from a tidy table."""

import argparse
from pathlib import Path
from typing import Any

from soundcal.cli.output import print_json, say
from soundcal.cli.report_options import add_rule_options, answers_from, rules_from
from soundcal.errors import ParameterError

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "compare",
        help="agreement of methods (Bland-Altman) from a tidy table",
        description="Compare methods over all indicators of a tidy table (CSV with the columns "
        "condition, stimulus, channel, indicator, statistic, value, unit), joined by stimulus id. "
        "In a table of soundcal measure, the folder of a recording is the condition, and the name "
        "of its file the stimulus.",
    )
    parser.add_argument("table", type=Path, metavar="TABLE", help="tidy table, CSV")
    parser.add_argument(
        "--methods", nargs="+", metavar="NAME", help="conditions to compare (default: all)"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE.html", help="write the report as one page"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write the report and all tables into a folder"
    )
    add_rule_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare, print the outcome in words, and write the files that the options ask for."""
    from soundcal.report import study_document, study_summary, write_document, write_report
    from soundcal.report.tables import json_rows
    from soundcal.study import read_table, study_of

    if options.pdf and not (options.report or options.out):
        raise ParameterError("--pdf is written beside a page; give --report FILE.html or --out DIR")
    if options.figures and not options.out:
        raise ParameterError("--figures are written into a folder; give --out DIR")
    rules, answers = rules_from(options), answers_from(options)
    study = study_of(
        read_table(options.table),
        options.methods,
        reference=options.reference,
        rules=rules,
        title=options.title or f"Comparison of methods: {options.table.stem}",
        answers=answers,
    )
    written = []
    document = study_document(study) if options.out or options.report else None
    if options.out:
        page = write_report(
            study,
            options.out,
            document=document,
            pdf=options.pdf,
            figures=options.figures,
            force=options.force,
        )
        written.append(page)
    if document is not None and options.report:
        written += write_document(document, options.report, pdf=options.pdf, force=options.force)
    summary = study_summary(study)
    for line in summary:
        say(line)
    warnings = [
        *study.warnings,
        *(
            (f"{name}: " if name else "") + text
            for name, comparison in study.comparisons.items()
            for text in comparison.warnings
        ),
    ]
    for text in warnings:
        say(f"note: {text}")
    for path in written:
        say(f"report: {path}")
    if options.json:
        print_json(
            "soundcal/comparison/1",
            {
                "rules": rules.to_dict(),
                "agreement": json_rows(study.agreements()),
                "summary": summary,
                "warnings": warnings,
                "written": [str(path) for path in written],
            },
        )
    return 0

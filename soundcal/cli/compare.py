"""``soundcal compare``: agreement of methods from a tidy table."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.cli.output import say, write_json
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    from soundcal.report import Rules, Study

__all__ = ["add", "add_rule_options", "answers_from", "rules_from"]

EARS = ("mean", "max", "energy", "left", "right")
INTERVALS = ("exact", "pair", "1999", "1986", "mover")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "compare",
        help="agreement of methods (Bland-Altman) from a tidy table",
        description="Compare methods over all indicators of a tidy table (CSV with the columns "
        "condition, stimulus, channel, indicator, statistic, value, unit), joined by stimulus id.",
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


def add_rule_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how methods are compared and what the report is called."""
    group = parser.add_argument_group("comparison")
    group.add_argument(
        "--reference", metavar="NAME", help="form only differences reference − other"
    )
    group.add_argument(
        "--ears",
        choices=EARS,
        default="mean",
        help="one value of both ears: arithmetic mean (default), max (ISO/TS 12913-3), energy "
        "(levels; other indicators: mean), left or right",
    )
    group.add_argument(
        "--interval",
        choices=INTERVALS,
        default="exact",
        help="confidence intervals of the limits (default: exact)",
    )
    group.add_argument(
        "--confidence", type=float, default=0.95, metavar="P", help="their level (default 0.95)"
    )
    group.add_argument(
        "--paper",
        action="store_true",
        help="the arithmetic of the study: z = 1.96, intervals of 1999, mean of both ears",
    )
    group.add_argument(
        "--delta",
        nargs="+",
        default=[],
        metavar="LABEL=VALUE",
        help="allowable differences stated before the data, of one label or of all statistics of "
        "an indicator, e.g. L(A)=1 N5=0.5",
    )
    group.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="STIMULUS=REASON",
        help="leave a stimulus out, for a reason that the report prints; repeat as needed",
    )
    _add_report_options(parser)


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    texts = parser.add_argument_group("report")
    texts.add_argument("--title", metavar="TEXT", help="heading of the report")
    texts.add_argument(
        "--answer",
        action="append",
        default=[],
        metavar="ITEM=TEXT",
        help='answer to an item of the reporting checklist, e.g. 16="none"; repeat as needed',
    )
    texts.add_argument("--pdf", action="store_true", help="write the report as PDF as well")
    texts.add_argument(
        "--figures",
        nargs="+",
        choices=("svg", "png", "pdf"),
        default=[],
        help="write every figure as a file in these formats into the folder of --out as well",
    )
    texts.add_argument("--force", action="store_true", help="replace existing files")
    texts.add_argument("--json", action="store_true", help="one JSON object on stdout")


def rules_from(options: argparse.Namespace) -> "Rules":
    """Return the rules that the options state."""
    from soundcal.report import Rules

    if options.paper and (options.ears != "mean" or options.interval not in ("exact", "1999")):
        raise ParameterError(
            f"--paper means --ears mean and --interval 1999, but --ears {options.ears} --interval "
            f"{options.interval} is given; leave one of them out"
        )
    delta = {}
    for text in options.delta:
        label, _, value = text.partition("=")
        try:
            delta[label] = float(value)
        except ValueError as error:
            raise ParameterError(
                f"--delta {text}: LABEL=VALUE with a number expected, e.g. LAeq=1"
            ) from error
    excluded = {}
    for text in options.exclude:
        stimulus, found, reason = text.partition("=")
        if not found:
            raise ParameterError(f"--exclude {text}: STIMULUS=REASON expected, e.g. N1=clipped")
        excluded[stimulus] = reason
    return Rules(
        ears=options.ears,
        interval=options.interval,
        confidence=options.confidence,
        paper=options.paper,
        delta=delta,
        excluded=excluded,
    )


def answers_from(options: argparse.Namespace) -> dict[int, str]:
    """Return the answers to the checklist that the options give."""
    answers = {}
    for text in options.answer:
        number, found, answer = text.partition("=")
        if not found or not number.isdigit():
            raise ParameterError(f"--answer {text}: ITEM=TEXT expected, e.g. 16=none")
        answers[int(number)] = answer
    return answers


def run(options: argparse.Namespace) -> int:
    """Compare, say the outcome in words, and write what was asked for."""
    from soundcal.report import study_of, summary, write
    from soundcal.report.tables import agreement_frame, read_table, records

    if options.pdf and not (options.report or options.out):
        raise ParameterError("--pdf goes beside a page; give --report FILE.html or --out DIR")
    if options.figures and not options.out:
        raise ParameterError("--figures go into a folder; give --out DIR")
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
    if options.out:
        written.append(
            write(study, options.out, pdf=options.pdf, figures=options.figures, force=options.force)
        )
    if options.report:
        written += _pages(study, options.report, pdf=options.pdf, force=options.force)
    for line in summary(study):
        say(line)
    for path in written:
        say(f"report: {path}")
    if options.json:
        write_json(
            "soundcal/comparison/1",
            {
                "rules": rules.to_dict(),
                "agreement": records(agreement_frame(study)),
                "summary": summary(study),
                "written": [str(path) for path in written],
            },
        )
    return 0


def _pages(study: "Study", page: Path, *, pdf: bool, force: bool) -> list[Path]:
    """Write the report as one page, and as PDF beside it; both or none."""
    from soundcal.files.atomic import check_output
    from soundcal.report.html import write_html
    from soundcal.report.pdf import write_pdf

    paths = [page, page.with_suffix(".pdf")] if pdf else [page]
    for path in paths:
        check_output(path, force=force)
    write_html(study, page, force=force)
    if pdf:
        write_pdf(study, paths[1], force=force)
    return paths

"""``soundcal ratings``: read the answers of a listening test, compare them and report."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.cli.file_options import Patterns
from soundcal.cli.output import print_json, say
from soundcal.cli.ratings_files import add_ratings_options, ratings_from
from soundcal.cli.report_options import add_page_options
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    from soundcal.ratings import Ratings, RatingsDescription

__all__ = ["add"]

TESTS = ("overlapping", "partially-paired", "paired")
CORRECTIONS = ("holm", "bonferroni", "bh")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "ratings",
        help="compare the ratings of a listening test under two conditions, or describe them",
        description="Read ratings, check them, and compare two conditions for every stimulus and "
        "attribute, also when some participants took part in only one condition.",
    )
    source = parser.add_argument_group("input")
    source.add_argument(
        "files",
        nargs="*",
        type=Path,
        action=Patterns,
        metavar="TABLE",
        help="tables with the columns participant, condition, stimulus, attribute, value, or a "
        "column per attribute (pleasant …, or PAQ1 to PAQ8) in place of the last two, or those of "
        "another program with --mapping",
    )
    add_ratings_options(source)
    _add_analysis(parser)
    _add_output(parser)
    parser.set_defaults(run=run)


def _add_analysis(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("analysis")
    group.add_argument(
        "--conditions",
        nargs=2,
        metavar=("FIRST", "SECOND"),
        help="differences are FIRST - SECOND (default: the two conditions there are, ocv - hats or "
        "as they follow in the tables; the answers under a single one are described)",
    )
    group.add_argument(
        "--test",
        choices=TESTS,
        default="overlapping",
        help="test of the differences (default: overlapping, which holds its level; "
        "partially-paired is the one of --paper)",
    )
    group.add_argument(
        "--correction",
        choices=CORRECTIONS,
        default="holm",
        help="adjustment of p values over all cells (default: holm)",
    )
    group.add_argument(
        "--confidence",
        type=float,
        default=0.95,
        metavar="P",
        help="confidence level of the intervals (default 0.95)",
    )
    group.add_argument(
        "--paper",
        action="store_true",
        help="analyse like the study: partially paired, Bonferroni (rejects too often; marked)",
    )
    group.add_argument("--mixed", action="store_true", help="also fit a linear mixed model")
    group.add_argument(
        "--ordinal",
        action="store_true",
        help="also fit an ordinal model, for answers in a few categories (needs statsmodels: pip "
        "install 'soundcal[ordinal]')",
    )
    group.add_argument(
        "--shortest",
        type=float,
        metavar="S",
        help="report trials shorter than this time, e.g. the duration of the stimuli",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    out = parser.add_argument_group("output")
    out.add_argument("--out", type=Path, metavar="DIR", help="write all tables into a folder")
    out.add_argument(
        "--report", type=Path, metavar="FILE.html", help="write the report as one page"
    )
    add_page_options(
        out,
        pdf="also write the report as PDF, beside the page of --report",
        figures="also write every figure as a file in these formats, into a folder beside the page",
    )


def run(options: argparse.Namespace) -> int:
    """Compare, print the outcome in words, and write the tables."""
    from soundcal.report import ratings_summary

    if (options.pdf or options.figures) and not options.report:
        raise ParameterError("--pdf and --figures need a page; give --report FILE.html")
    ratings = ratings_from(options, options.files, or_also=_needs_conditions)
    analysis = _analysis(options, ratings)
    for line in ratings_summary(analysis):
        say(line)
    for warning in _warnings(analysis):
        say(f"note: {warning}")
    if options.out:
        say(f"tables: {_write(options.out, analysis, options.force)}")
    if options.report:
        for path in _report(options, analysis):
            say(f"report: {path}")
    if options.json:
        print_json("soundcal/ratings/1", analysis.to_dict())
    return 0


def _analysis(options: argparse.Namespace, ratings: "Ratings") -> "RatingsDescription":
    """Return the comparison of two conditions, or the description of one."""
    from soundcal.ratings import analyse_ratings, describe_ratings

    if not options.conditions and len(ratings.conditions) == 1:
        if options.mixed or options.ordinal:
            raise ParameterError(
                f"one condition only, {ratings.conditions[0]}; --mixed and --ordinal compare two"
            )
        return describe_ratings(ratings, shortest=options.shortest)
    first, second = _conditions(options, ratings)
    return analyse_ratings(
        ratings,
        first,
        second,
        test=options.test,
        correction=options.correction,
        confidence=options.confidence,
        preset="paper" if options.paper else None,
        mixed=options.mixed,
        ordinal=options.ordinal,
        shortest=options.shortest,
    )


def _warnings(analysis: "RatingsDescription") -> tuple[str, ...]:
    from soundcal.ratings import RatingsAnalysis

    return analysis.comparison.warnings if isinstance(analysis, RatingsAnalysis) else ()


def _needs_conditions(options: argparse.Namespace, conditions: Sequence[str]) -> str:
    """Return the option that says which conditions are compared, if it is needed; or ""."""
    if options.conditions or len(conditions) < 3:
        return ""
    first, second = conditions[:2]
    return " ".join(map(shlex.quote, ("--conditions", first, second)))


def _conditions(options: argparse.Namespace, ratings: "Ratings") -> tuple[str, str]:
    from soundcal.files.names import normal_name

    if options.conditions:
        return normal_name(options.conditions[0]), normal_name(options.conditions[1])
    if set(ratings.conditions) == {"ocv", "hats"}:
        return "ocv", "hats"
    if needed := _needs_conditions(options, ratings.conditions):
        raise ParameterError(
            "--conditions FIRST SECOND is needed; there are "
            f"{', '.join(ratings.conditions)}, for example {needed}"
        )
    first, second = ratings.conditions
    say(
        f"note: differences are {first} - {second}, as the conditions follow in the tables; "
        f"--conditions {shlex.quote(second)} {shlex.quote(first)} gives the opposite"
    )
    return first, second


def _report(options: argparse.Namespace, analysis: "RatingsDescription") -> list[Path]:
    from soundcal.ratings import RatingsAnalysis
    from soundcal.report import ratings_document, write_document

    what = ", ".join(analysis.ratings.conditions)
    if isinstance(analysis, RatingsAnalysis):
        what = analysis.comparison.direction
    return write_document(
        ratings_document(analysis, title=options.title or f"Ratings, {what}"),
        options.report,
        pdf=options.pdf,
        figures=options.figures,
        force=options.force,
    )


def _write(folder: Path, analysis: "RatingsDescription", force: bool) -> Path:
    """Write ``ratings_<name>.csv`` for every table and ``ratings.json``; return the folder."""
    from soundcal.files.atomic import check_output, make_folder, partial_file
    from soundcal.files.records import write_json
    from soundcal.files.spreadsheet import for_cells
    from soundcal.ratings import RatingsAnalysis

    tables = analysis.tables()
    make_folder(folder)
    paths = {name: folder / f"ratings_{name}.csv" for name in tables}
    for path in (*paths.values(), folder / "ratings.json"):
        check_output(path, force=force)  # all of them before the first is written
    for name, table in tables.items():
        with partial_file(paths[name], force=force) as temporary:
            for_cells(table).to_csv(temporary, index=False)
    about: dict[str, Any] = {"ratings": analysis.ratings.to_dict()}
    if isinstance(analysis, RatingsAnalysis):
        about["direction"] = analysis.comparison.direction
        about["method"] = analysis.comparison.method
    about["warnings"] = [*analysis.ratings.notes, *_warnings(analysis)]
    about["tables"] = {name: path.name for name, path in paths.items()}
    write_json(folder / "ratings.json", "soundcal/ratings/1", about, force=force)
    return folder

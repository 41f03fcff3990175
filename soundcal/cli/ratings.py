"""``soundcal ratings``: read the answers of a listening test, compare them and report."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.cli.file_options import Patterns
from soundcal.cli.output import print_json, say
from soundcal.cli.report_options import add_page_options
from soundcal.errors import ParameterError, RecordError

if TYPE_CHECKING:
    from soundcal.ratings import Ratings, RatingsAnalysis

__all__ = ["add"]

TESTS = ("overlapping", "partially-paired", "paired")
CORRECTIONS = ("holm", "bonferroni", "bh")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "ratings",
        help="compare the ratings of a listening test under two conditions",
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
        help="CSV tables with the columns participant, condition, stimulus, attribute, value, or "
        "those of another program with --mapping",
    )
    source.add_argument(
        "--mapping",
        type=Path,
        action=Patterns,
        metavar="FILE.toml",
        help="mapping file for the tables of another program (PsychoPy, webMUSHRA, …)",
    )
    source.add_argument(
        "--gui",
        action="append",
        default=[],
        metavar="PARTICIPANT:CONDITION:FILE",
        help="11-column results.csv of the published listening test; repeat for every file",
    )
    source.add_argument(
        "--stimuli",
        type=Path,
        action=Patterns,
        metavar="FILE",
        help="stimulus ids of the tracks of --gui, one per line",
    )
    source.add_argument(
        "--scale",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="lowest and highest answer of a table without --mapping",
    )
    source.add_argument(
        "--language",
        default="equal",
        metavar="CODE",
        help="angles of the attributes: equal (ISO/TS 12913-3:2019, default) or a language, e.g. "
        "eng, of a table without --mapping",
    )
    source.add_argument(
        "--exclude",
        type=Path,
        action=Patterns,
        metavar="FILE.csv",
        help="CSV table of answers to leave out: columns participant, reason and, optionally, "
        "condition, stimulus",
    )
    _add_analysis(parser)
    _add_output(parser)
    parser.set_defaults(run=run)


def _add_analysis(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("analysis")
    group.add_argument(
        "--conditions",
        nargs=2,
        metavar=("FIRST", "SECOND"),
        help="differences are FIRST - SECOND (default: ocv - hats if these are the two conditions)",
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
    from soundcal.ratings import analyse_ratings
    from soundcal.report import ratings_summary

    if (options.pdf or options.figures) and not options.report:
        raise ParameterError("--pdf and --figures need a page; give --report FILE.html")
    ratings = _read(options)
    for note in ratings.notes:
        say(f"note: {note}")
    first, second = _conditions(options, ratings)
    analysis = analyse_ratings(
        ratings,
        first,
        second,
        test=options.test,
        correction=options.correction,
        confidence=options.confidence,
        preset="paper" if options.paper else None,
        mixed=options.mixed,
        shortest=options.shortest,
    )
    for line in ratings_summary(analysis):
        say(line)
    for warning in analysis.comparison.warnings:
        say(f"note: {warning}")
    if options.out:
        say(f"tables: {_write(options.out, analysis, options.force)}")
    if options.report:
        for path in _report(options, analysis):
            say(f"report: {path}")
    if options.json:
        print_json("soundcal/ratings/1", analysis.to_dict())
    return 0


def _read(options: argparse.Namespace) -> "Ratings":
    """Return the answers of all files without the excluded ones."""
    from soundcal.files.names import some
    from soundcal.ratings import combine, read_exclusions, read_gui, read_mapped, read_ratings

    parts = []
    if options.files and not options.mapping and options.scale is None:
        raise ParameterError("--scale LOW HIGH is needed to read a table, e.g. --scale 0 100")
    if options.files and options.mapping:
        parts.append(read_mapped(options.files, options.mapping))
    elif options.files:
        scale = (options.scale[0], options.scale[1])
        parts += [read_ratings(f, scale=scale, language=options.language) for f in options.files]
    stimuli = _lines(options.stimuli) if options.stimuli else ()
    for text in options.gui:
        participant, condition, file = _gui_parts(text)
        parts.append(read_gui(file, participant=participant, condition=condition, stimuli=stimuli))
    if not parts:
        raise ParameterError("no ratings; give a table, or --gui PARTICIPANT:CONDITION:FILE")
    ratings = combine(parts)
    if unused := [name for name in stimuli if name not in ratings.stimuli]:
        say(f"note: {options.stimuli}: {some(unused)} never occurs in the files of --gui")
    if options.exclude:
        _text(options.exclude)  # says how it is read; the exclusions themselves carry no notes
        ratings = ratings.exclude(read_exclusions(options.exclude))
    return ratings


def _text(path: Path) -> str:
    """Return the text of a table or list, and say what is to be said about its coding."""
    from soundcal.files.text import read_export

    text, notes = read_export(path)
    for note in notes:
        say(f"note: {note}")
    return text


def _lines(path: Path) -> tuple[str, ...]:
    """Return the stimulus ids of a list: its lines, without empty ones at the end."""
    from soundcal.files.names import normal_name

    lines = [normal_name(line) for line in _text(path).rstrip().split("\n")]
    for number, name in enumerate(lines, start=1):
        first = lines.index(name) + 1
        fault = "empty" if not name else f"the id of line {first}" if first < number else ""
        if re.search(r'[,;\t"]', name):
            fault = f"{name!r:.60}; a list has no columns and no quotation marks"
        if fault:
            raise RecordError(
                f"{path}: line {number}: {fault}; one stimulus id per line is expected, in the "
                "order of the tracks"
            )
    return tuple(lines)


def _gui_parts(text: str) -> tuple[str, str, Path]:
    parts = text.split(":", 2)
    if len(parts) != 3 or not all(parts):
        raise ParameterError(f"--gui {text}: PARTICIPANT:CONDITION:FILE is expected")
    return parts[0], parts[1], Path(parts[2])


def _conditions(options: argparse.Namespace, ratings: "Ratings") -> tuple[str, str]:
    from soundcal.files.names import normal_name

    if options.conditions:
        return normal_name(options.conditions[0]), normal_name(options.conditions[1])
    if set(ratings.conditions) == {"ocv", "hats"}:
        return "ocv", "hats"
    raise ParameterError(
        f"--conditions FIRST SECOND is needed; there are {', '.join(ratings.conditions)}"
    )


def _report(options: argparse.Namespace, analysis: "RatingsAnalysis") -> list[Path]:
    from soundcal.report import ratings_document, write_document

    title = options.title or f"Ratings, {analysis.comparison.direction}"
    return write_document(
        ratings_document(analysis, title=title),
        options.report,
        pdf=options.pdf,
        figures=options.figures,
        force=options.force,
    )


def _write(folder: Path, analysis: "RatingsAnalysis", force: bool) -> Path:
    """Write ``ratings_<name>.csv`` for every table and ``ratings.json``; return the folder."""
    from soundcal.files.atomic import check_output, make_folder, partial_file
    from soundcal.files.records import write_json
    from soundcal.files.spreadsheet import for_cells

    tables, comparison = analysis.tables(), analysis.comparison
    make_folder(folder)
    paths = {name: folder / f"ratings_{name}.csv" for name in tables}
    for path in (*paths.values(), folder / "ratings.json"):
        check_output(path, force=force)  # all of them before the first is written
    for name, table in tables.items():
        with partial_file(paths[name], force=force) as temporary:
            for_cells(table).to_csv(temporary, index=False)
    about = {
        "ratings": analysis.ratings.to_dict(),
        "direction": comparison.direction,
        "method": comparison.method,
        "warnings": [*analysis.ratings.notes, *comparison.warnings],
        "tables": {name: path.name for name, path in paths.items()},
    }
    write_json(folder / "ratings.json", "soundcal/ratings/1", about, force=force)
    return folder

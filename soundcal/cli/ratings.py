"""``soundcal ratings``: read the answers of a listening test, compare them and report."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.cli.output import print_json, say
from soundcal.cli.report_options import add_page_options
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from soundcal.ratings import MixedModel, Quality, Ratings, RatingsComparison

__all__ = ["add"]

TESTS = ("partially-paired", "overlapping", "paired")
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
        metavar="TABLE",
        help="CSV tables with the columns participant, condition, stimulus, attribute, value, or "
        "those of another program with --mapping",
    )
    source.add_argument(
        "--mapping",
        type=Path,
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
        default="partially-paired",
        help="test of the differences (default: partially-paired)",
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
        "--paper", action="store_true", help="analyse like the study: partially paired, Bonferroni"
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
    from soundcal.ratings import check_quality, compare_ratings, mixed_model
    from soundcal.report import ratings_summary

    if (options.pdf or options.figures) and not options.report:
        raise ParameterError("--pdf and --figures need a page; give --report FILE.html")
    ratings = _read(options)
    quality = check_quality(ratings, shortest=options.shortest)
    first, second = _conditions(options, ratings)
    comparison = compare_ratings(
        ratings,
        first,
        second,
        test=options.test,
        correction=options.correction,
        confidence=options.confidence,
        preset="paper" if options.paper else None,
    )
    model = None
    if options.mixed:
        model = mixed_model(ratings, first, second, confidence=options.confidence)
    for line in ratings_summary(ratings, quality, comparison):
        say(line)
    for warning in comparison.warnings:
        say(f"note: {warning}")
    if options.out:
        tables = _tables(ratings, quality, comparison, model)
        say(f"tables: {_write(options.out, tables, ratings, comparison, options.force)}")
    if options.report:
        for path in _report(options, ratings, comparison, quality, model):
            say(f"report: {path}")
    if options.json:
        print_json("soundcal/ratings/1", _content(ratings, quality, comparison, model))
    return 0


def _read(options: argparse.Namespace) -> "Ratings":
    """Return the answers of all files without the excluded ones."""
    from soundcal.ratings import combine, read_exclusions, read_gui, read_mapped, read_ratings

    parts = []
    if options.files and not options.mapping and options.scale is None:
        raise ParameterError("--scale LOW HIGH is needed to read a table, e.g. --scale 0 100")
    for path in options.files:
        if options.mapping:
            parts.append(read_mapped(path, options.mapping))
        else:
            scale = (options.scale[0], options.scale[1])
            parts.append(read_ratings(path, scale=scale, language=options.language))
    stimuli = _lines(options.stimuli) if options.stimuli else ()
    for text in options.gui:
        participant, condition, file = _gui_parts(text)
        parts.append(read_gui(file, participant=participant, condition=condition, stimuli=stimuli))
    if not parts:
        raise ParameterError("no ratings; give a table, or --gui PARTICIPANT:CONDITION:FILE")
    ratings = combine(parts)
    return ratings.exclude(read_exclusions(options.exclude)) if options.exclude else ratings


def _lines(path: Path) -> tuple[str, ...]:
    from soundcal.files.text import read_text

    return tuple(line.strip() for line in read_text(path).splitlines() if line.strip())


def _gui_parts(text: str) -> tuple[str, str, Path]:
    parts = text.split(":", 2)
    if len(parts) != 3 or not all(parts):
        raise ParameterError(f"--gui {text}: PARTICIPANT:CONDITION:FILE is expected")
    return parts[0], parts[1], Path(parts[2])


def _conditions(options: argparse.Namespace, ratings: "Ratings") -> tuple[str, str]:
    if options.conditions:
        return options.conditions[0], options.conditions[1]
    if set(ratings.conditions) == {"ocv", "hats"}:
        return "ocv", "hats"
    raise ParameterError(
        f"--conditions FIRST SECOND is needed; there are {', '.join(ratings.conditions)}"
    )


def _report(
    options: argparse.Namespace,
    ratings: "Ratings",
    comparison: "RatingsComparison",
    quality: "Quality",
    model: "MixedModel | None",
) -> list[Path]:
    from soundcal.report import ratings_document, write_document

    title = options.title or f"Ratings, {comparison.direction}"
    return write_document(
        ratings_document(ratings, comparison, quality=quality, model=model, title=title),
        options.report,
        pdf=options.pdf,
        figures=options.figures,
        force=options.force,
    )


def _tables(
    ratings: "Ratings",
    quality: "Quality",
    comparison: "RatingsComparison",
    model: "MixedModel | None",
) -> dict[str, "pd.DataFrame"]:
    """Return every table by the name of its file."""
    from soundcal.ratings import ATTRIBUTES, likert_shares, method_a, quadrant_table

    tables = {
        "cells": comparison.cells,
        "participants": ratings.participants(),
        "quality": quality.findings,
        "categories": likert_shares(ratings),
    }
    if set(ATTRIBUTES) <= set(ratings.attributes):
        tables |= {
            "plane": comparison.plane,
            "pairs": comparison.pairs,
            "points": ratings.points(),
            "quadrants": quadrant_table(ratings),
            "medians": method_a(ratings.table, scale=ratings.scale, language=ratings.language),
        }
    if model is not None:
        tables["mixed"] = model.cells
    return tables


def _content(
    ratings: "Ratings",
    quality: "Quality",
    comparison: "RatingsComparison",
    model: "MixedModel | None",
) -> dict[str, Any]:
    content = {
        "ratings": ratings.to_dict(),
        "quality": quality.to_dict(),
        "comparison": comparison.to_dict(),
    }
    if model is not None:
        content["mixed"] = model.to_dict()
    return content


def _write(
    folder: Path,
    tables: dict[str, "pd.DataFrame"],
    ratings: "Ratings",
    comparison: "RatingsComparison",
    force: bool,
) -> Path:
    """Write ``ratings_<name>.csv`` for every table and ``ratings.json``; return the folder."""
    from soundcal.files.atomic import check_output, make_folder, partial_file
    from soundcal.files.records import write_json

    make_folder(folder)
    paths = {name: folder / f"ratings_{name}.csv" for name in tables}
    for path in (*paths.values(), folder / "ratings.json"):
        check_output(path, force=force)  # all of them before the first is written
    for name, table in tables.items():
        with partial_file(paths[name], force=force) as temporary:
            table.to_csv(temporary, index=False)
    about = {
        "ratings": ratings.to_dict(),
        "direction": comparison.direction,
        "method": comparison.method,
        "warnings": list(comparison.warnings),
        "tables": {name: path.name for name, path in paths.items()},
    }
    write_json(folder / "ratings.json", "soundcal/ratings/1", about, force=force)
    return folder

"""``soundcal relate``: what was measured against what was heard."""

import argparse
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.file_options import Patterns, add_mapping
from soundcal.cli.output import print_json, progress, say
from soundcal.cli.ratings_files import add_ratings_options, ratings_from
from soundcal.cli.relating import add_relation_options, check_combination, relation_from
from soundcal.cli.report_options import EAR_RULES, add_page_options
from soundcal.errors import ParameterError, RecordError

if TYPE_CHECKING:
    import pandas as pd

    from soundcal.relation import Relation

__all__ = ["add"]

_PAGE: Final = "relation.html"


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "relate",
        usage="soundcal relate STUDY [STUDY ...] RATINGS [--scale LOW HIGH] [options]",
        help="relate ratings of a listening test to the indicators of a study",
        description="Relate the differences of the ratings between two methods to those of every "
        "indicator, stimulus by stimulus: correlations adjusted over the whole grid, lines with "
        "errors in both variables, the largest correlation that the errors allow and the smallest "
        "that the study could have shown.",
    )
    source = parser.add_argument_group("input")
    source.add_argument(
        "paths",
        nargs="+",
        type=Path,
        action=Patterns,
        metavar="STUDY",
        help="session folders, a campaign or a report's folder, its differences.csv, or "
        "tables as for compare; the last one is the table of RATINGS, unless --ratings or --gui "
        "names them",
    )
    source.add_argument(
        "--ratings",
        nargs="+",
        type=Path,
        action=Patterns,
        default=[],
        metavar="TABLE",
        help="tables of the ratings, as for the command ratings",
    )
    add_ratings_options(source)
    _add_study(parser.add_argument_group("study"))
    group = parser.add_argument_group("analysis")
    add_relation_options(group)
    group.add_argument(
        "--confidence",
        type=float,
        default=0.95,
        metavar="P",
        help="confidence level of the intervals; the tests have the level 1 - P (default 0.95)",
    )
    out = parser.add_argument_group("output")
    out.add_argument(
        "--out", type=Path, metavar="DIR", help="write the report and all tables into a folder"
    )
    add_page_options(
        out,
        pdf="also write the report as PDF",
        figures="also write every figure as a file in these formats",
    )
    parser.set_defaults(run=run)


def _add_study(group: Any) -> None:
    add_mapping(group, "--study-mapping")
    group.add_argument(
        "--methods",
        nargs=2,
        metavar=("FIRST", "SECOND"),
        help="differences are FIRST − SECOND (default: the two methods that were also rated)",
    )
    group.add_argument(
        "--indicators",
        metavar="LIST",
        help="comma-separated labels, symbols or families to measure, or to choose from a table "
        "(default: those of the study)",
    )
    group.add_argument(
        "--ears",
        choices=EAR_RULES,
        default="mean",
        help="one value of both ears, as for compare (default: mean)",
    )
    group.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="files measured at the same time"
    )


def run(options: argparse.Namespace) -> int:
    """Relate, print the outcome in words, and write the files that the options ask for."""
    from soundcal.files.atomic import refuse_existing
    from soundcal.report import relation_summary

    if (options.pdf or options.figures) and not options.out:
        raise ParameterError("--pdf and --figures are written into a folder; give --out DIR")
    studies, tables = options.paths, options.ratings
    if not tables and not options.ratings_gui:
        *studies, last = options.paths
        tables = [last]
    if not studies:
        raise ParameterError(f"{tables[0]}: one path only; STUDY and RATINGS are expected")
    if options.out:  # before hours of measuring, not after
        refuse_existing(options.out / _PAGE, force=options.force)
    ratings = ratings_from(options, tables)
    differences = _differences(studies, options)
    relation = relation_from(options, differences, ratings, methods=options.methods)
    for line in relation_summary(relation):
        say(line)
    for text in relation.warnings:
        say(f"note: {text}")
    if options.out:
        for path in _write(options, relation):
            say(f"report: {path}")
    if options.json:
        print_json("soundcal/relation/1", relation.to_dict())
    return 0


def _differences(paths: Sequence[Path], options: argparse.Namespace) -> "pd.DataFrame":
    """Return the differences of a study: read from its report, measured, or from tables."""
    from soundcal.study import Rules, collect, read_differences, read_table, study_of
    from soundcal.study.of_report import DIFFERENCES, is_differences

    rules, wanted = Rules(ears=options.ears), options.indicators
    if os.path.isdir(paths[0]):
        table = paths[0] / DIFFERENCES
        fits = options.ears == "mean" and (wanted is None or not _sessions(paths[0]))
        if fits and len(paths) == 1 and table.is_file():
            say(f"note: differences of the report, {table}")
            return _noted(_chosen(read_differences(table), wanted))
        with progress("measuring", None, unit="recordings") as advance:
            study = collect(
                paths,
                indicators=wanted,
                rules=rules,
                jobs=options.jobs,
                progress=advance,
                before=partial(check_combination, options.relation_combination, ""),
            )
    elif len(paths) == 1 and is_differences(paths[0]):
        if options.ears != "mean":
            raise ParameterError(f"--ears {options.ears}: {paths[0]} has one value of both ears")
        return _noted(_chosen(read_differences(paths[0]), wanted))
    else:
        study = study_of(read_table(*paths, mapping=options.table_mapping), rules=rules)
    for text in study.remarks:
        say(f"note: {text}")
    for text in _several_calibrations(study.table):
        say(f"note: {text}")
    found = study.differences()
    if found.empty:
        raise RecordError(f"{paths[0]}: one method only; two that were compared are needed")
    return found if os.path.isdir(paths[0]) else _chosen(found, wanted)


def _sessions(folder: Path) -> bool:
    """Return whether a folder has recordings of sessions, from which anything can be measured."""
    from soundcal.files.campaign import sessions
    from soundcal.files.session import is_session

    return is_session(folder) or bool(sessions(folder))


def _chosen(differences: "pd.DataFrame", names: str | None) -> "pd.DataFrame":
    """Return the differences of the indicators that are named: as in the table, or known ones."""
    import pandas as pd

    from soundcal.files.names import some
    from soundcal.indicators.names import resolve

    if names is None:
        return differences
    symbols = differences["indicator"].astype(str)
    labels = symbols + differences["statistic"].astype(str)
    keep = pd.Series(False, index=differences.index)
    for name in names.split(","):
        hit = (labels == name.strip()) | (symbols == name.strip())
        if not hit.any():
            known = resolve(name)
            hit = labels.isin([symbol + one for symbol, ones in known.items() for one in ones])
        if not hit.any():
            raise ParameterError(
                f"no {name.strip()} among the indicators: {some(list(labels.unique()))}"
            )
        keep |= hit
    return differences[keep]


def _several_calibrations(table: "pd.DataFrame") -> list[str]:
    """Return remarks on methods whose stimuli were measured with different calibrations."""
    if "calibration" not in table:
        return []
    keys = [name for name in ("combination", "condition") if name in table]
    return [
        f"{' '.join(map(str, name))}: {part['calibration'].nunique()} calibrations; their errors "
        "differ between the stimuli, state them with --u"
        for name, part in table.groupby(keys, sort=False)
        if part["calibration"].nunique() > 1
    ]


def _noted(differences: "pd.DataFrame") -> "pd.DataFrame":
    for note in differences.attrs["notes"]:
        say(f"note: {note}")
    return differences


def _write(options: argparse.Namespace, relation: "Relation") -> list[Path]:
    """Write the page, ``relation_<name>.csv`` for every table and ``relation.json``."""
    from soundcal.files.atomic import check_output, make_folder, partial_file
    from soundcal.files.records import write_json
    from soundcal.files.spreadsheet import for_cells
    from soundcal.report import relation_document, write_document

    folder, force = options.out, options.force
    tables = relation.tables()
    make_folder(folder)
    paths = {name: folder / f"relation_{name}.csv" for name in tables}
    for path in (*paths.values(), folder / "relation.json"):
        check_output(path, force=force)  # all of them before the first is written
    for name, table in tables.items():
        with partial_file(paths[name], force=force) as temporary:
            for_cells(table).to_csv(temporary, index=False)
    write_json(folder / "relation.json", "soundcal/relation/1", relation.to_dict(), force=force)
    title = {"title": options.title} if options.title else {}
    return write_document(
        relation_document(relation, **title),
        folder / _PAGE,
        pdf=options.pdf,
        figures=options.figures,
        figure_folder=folder / "figures",
        force=force,
    )

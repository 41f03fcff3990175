"""``soundcal summarise``: values of hours, days, years and stations out of a dataset."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.output import print_json, progress, say, show, writing_report
from soundcal.cli.report_options import add_page_options
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    from soundcal.periods import Summarised
    from soundcal.periods.local_time import Every

__all__ = ["add"]

_EPILOG: Final = """\
A level follows from the energy of the whole period, a percentile from the counted values of the
whole period; nothing is an average of levels or percentiles. A period has the name of its start in
local time. A change of the clock ends a period and begins one: an hour that occurs twice is two.

Lday, Levening, Lnight and Lden (Directive 2002/49/EC, Annex I) are in tables of days, months, years
and sites. The night of one day is the sound before 07:00 and after 23:00 of the same day. They are
levels of the sound that was measured: neither the sound reflected by a facade nor an average year
of weather is taken into account. The coverage is the measured time over the time of the period;
pieces that are not valid, and pieces that claim the time of longer ones, are left out of both value
and coverage. A value is that of the covered time; nothing stands in for the rest."""

_TABLE: Final = "table"


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "summarise",
        help="values of hours, days, years and stations out of a dataset of measure",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "results",
        type=Path,
        metavar="RESULTS",
        help="dataset of soundcal measure --out FOLDER/",
    )
    parser.add_argument(
        "--every",
        default="day",
        metavar="PERIOD",
        help="hour, day (default), month, year, site (a whole station), recording, or a length "
        "that divides a day, such as 15min or 1h30m",
    )
    parser.add_argument(
        "--local-time",
        default="",
        metavar="ZONE",
        help="time zone of the periods, such as Europe/Berlin (default: --time-zone of the run, or "
        "UTC)",
    )
    parser.add_argument(
        "--labels",
        action="append",
        metavar="NAMES",
        help="comma-separated values, as --indicators of measure, and any percentile, such as LA1; "
        "repeatable (default: those that the run was asked for)",
    )
    parser.add_argument(
        "--ears",
        default="",
        metavar="RULES",
        help="one value of both ears in every period, comma-separated: mean, max (the higher ear, "
        "ISO/TS 12913-3), energy (levels; other indicators: mean), left, right, binaural (measured "
        "by the standard itself), and each for every channel (default: all channels)",
    )
    parser.add_argument(
        "--rating",
        nargs="+",
        metavar="PART=HH:MM+DB",
        help="parts of the day with their start and penalty (default: day=07:00+0 evening=19:00+5 "
        "night=23:00+10)",
    )
    parser.add_argument(
        "--coverage",
        type=float,
        default=75.0,
        metavar="PERCENT",
        help="mark periods of which less is covered (default 75)",
    )
    out = parser.add_argument_group("output")
    out.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write the table to this file: .csv, .xlsx or .parquet",
    )
    out.add_argument(
        "--wide",
        action="store_true",
        help="table with one row per period and columns such as LAeq [dB] (default: one row per "
        "value)",
    )
    out.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="write a page into a folder: course of the day and of the year, coverage, Lden",
    )
    add_page_options(
        out,
        pdf="also write the report as PDF",
        figures="also write every figure as a file in these formats",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Summarise the dataset, and print and write the table of the periods."""
    from soundcal.cli.summarised import period_lines
    from soundcal.files.atomic import check_output, refuse_existing
    from soundcal.files.exports import check_table_file, write_table
    from soundcal.periods import summarise
    from soundcal.periods.local_time import as_every
    from soundcal.periods.ratings import DIRECTIVE, as_day_parts
    from soundcal.periods.tables import tidy_periods, wide_periods
    from soundcal.recording import counted

    every = as_every(options.every)
    if options.wide and not options.out:
        raise ParameterError("--wide arranges the table that is written; give --out FILE")
    if (options.pdf or options.figures or options.title) and not options.report:
        raise ParameterError("--pdf, --figures and --title belong to a page; give --report DIR")
    if options.out:
        check_table_file(options.out)
        check_output(options.out, force=options.force)
    if options.report:
        refuse_existing(options.report / "report.html", force=options.force)
    with progress("reading pieces", None, unit="pieces") as advance:
        summarised = summarise(
            options.results,
            _wanted(every, report=bool(options.report)),
            zone=options.local_time,
            labels=options.labels,
            parts=as_day_parts(options.rating) if options.rating else DIRECTIVE,
            limit=options.coverage / 100.0,
            ears=options.ears,
            progress=advance,
        )
    table = summarised.tables[_TABLE]
    for note in (*summarised.notes, *summarised.low_coverage(table)):
        say(f"note: {note}")
    if options.out:
        columns, rows = (wide_periods if options.wide else tidy_periods)(summarised, table)
        write_table(options.out, columns, rows, force=options.force)
        say(f"{counted(len(table.rows), 'period')} in {options.out}")
    if options.report:
        say(f"report: {_report(options, summarised)}")
    if options.json:
        print_json("soundcal/periods/1", summarised.to_dict(_TABLE))
        return 0
    for line in period_lines(summarised, table):
        show(line)
    return 0


def _wanted(every: "Every", *, report: bool) -> "dict[str, Every]":
    """Return the tables that are needed, by name."""
    from soundcal.report.periods import TABLES

    if report and not every.of_time and every.unit != "site":
        raise ParameterError(
            "a report shows hours and days; give --every hour, day, month, year or site with it"
        )
    return {_TABLE: every, **(TABLES if report else {})}


def _report(options: argparse.Namespace, summarised: "Summarised") -> Path:
    """Write the page and return its path."""
    from soundcal.files.atomic import make_folder
    from soundcal.report import write_document
    from soundcal.report.periods import periods_document

    make_folder(options.report)
    with writing_report() as advance:
        return write_document(
            periods_document(summarised, title=options.title or ""),
            options.report / "report.html",
            pdf=options.pdf,
            figures=options.figures,
            figure_folder=options.report / "figures",
            force=options.force,
            progress=advance,
        )[0]

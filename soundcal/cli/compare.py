"""``soundcal compare``: agreement of methods from tables of indicators."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.compared import agreement_lines
from soundcal.cli.file_options import Patterns, add_mapping
from soundcal.cli.output import print_json, say, writing_report
from soundcal.cli.report_options import add_rule_options, answers_from, rules_from
from soundcal.errors import ParameterError, RecordError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["add"]

_EPILOG: Final = """\
Tables are CSV, Excel workbooks (.xlsx) or Parquet: tidy ones as soundcal measure writes them
(columns condition, stimulus, channel, indicator, statistic, value, unit), or wide ones, with a row
per recording (and channel) and a column per indicator (and ear), as Soundscapy, analysers and
spreadsheets have them. Labels, ears and units are read from the headings: LAeq, LAeq,T,
"L(A)eq / dB(A)", N_5, "Loudness N5 [soneGF] left", "S (acum) R", units or ears in a row below.
Lines above the table, semicolons and decimal commas are understood. Notes name every column that is
not read. An example, hats.csv, beside an ocv.csv of the same kind:

  Datei;L(A)eq / dB(A) links;L(A)eq / dB(A) rechts;N5 links [soneGF];N5 rechts [soneGF]
  CG01.wav;61,2;60,9;12,4;12,1
  CG02.wav;64,0;63,1;15,8;15,0

  soundcal compare hats.csv ocv.csv --delta LAeq=1 N5=0.5 --report agreement.html

A mapping file names what soundcal does not find in headings, and only the columns of [wide] are
then read: soundcal compare hats.csv ocv.xlsx --mapping map.toml

  sheet = "Results"                # of a workbook
  [columns]                        # column of the table for each of ours
  stimulus = "Sound file"          # also: condition, channel, take
  [wide]                           # indicator, ear and unit; the column with the values
  "LAeq left" = "Pegel links"
  "N5 left [sone]" = "Lautheit 1"
  [stimuli]                        # names in the table, and what they stand for
  "street.wav" = "CG01"
  [conditions]
  ocv = "headphones"
  [constants]                      # the same for the whole table
  take = "1"

Datasets: each is a method, named by its folder; of one dataset, the stations are the methods.
Recordings are paired by their path below the root, with the folder of the station and without the
ending; with --every, periods by station and local time. The station does not matter if every
dataset has one only. Two recorders over the same hours, and two years of the same stations:

  soundcal compare results_a/ results_b/ --every hour
  soundcal compare 2025/results 2026/results --every day --across-years
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "compare",
        help="agreement of methods (Bland-Altman) from tables of indicators",
        description="Compare methods over all indicators of tables, joined by stimulus id. "
        "Of several tables without a column condition, each is one method, named by its file. In "
        "tables of soundcal measure, the name of a recording's file is the stimulus; if there is "
        "one table, the folder of a recording is the condition. Rows that differ in a column "
        "take only are repeated takes. Several sheets of one workbook are one condition each.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "tables",
        nargs="+",
        type=Path,
        action=Patterns,
        metavar="TABLE",
        help="tables, CSV, .xlsx or .parquet, or datasets of soundcal measure --out FOLDER/",
    )
    add_mapping(parser, "--mapping")
    parser.add_argument(
        "--methods", nargs="+", metavar="NAME", help="conditions to compare (default: all)"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE.html", help="write the report as one page"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write the report and all tables into a folder"
    )
    group = parser.add_argument_group("datasets")
    group.add_argument(
        "--every",
        default="",
        metavar="PERIOD",
        help="pair periods, as --every of summarise, instead of recordings: hour, day, month, "
        "year, site (a whole station), or a length such as 15min",
    )
    group.add_argument(
        "--local-time",
        default="",
        metavar="ZONE",
        help="time zone of the periods (default: --time-zone of the runs, or UTC)",
    )
    group.add_argument(
        "--across-years",
        action="store_true",
        help="pair periods of different years: the same hour of the same date, the same day or "
        "month; an hour that occurs twice counts with its first occurrence",
    )
    group.add_argument(
        "--coverage",
        type=float,
        metavar="PERCENT",
        help="leave out periods of which less is covered (default 75)",
    )
    add_rule_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare, print the outcome in words, and write the files that the options ask for."""
    from soundcal.files.names import some
    from soundcal.periods.datasets import is_dataset
    from soundcal.report import study_document, study_summary, write_document, write_report
    from soundcal.report.tables import further_json, json_rows
    from soundcal.study import study_of

    if options.pdf and not (options.report or options.out):
        raise ParameterError("--pdf is written beside a page; give --report FILE.html or --out DIR")
    if options.figures and not options.out:
        raise ParameterError("--figures are written into a folder; give --out DIR")
    rules, answers = rules_from(options), answers_from(options)
    table = _periods(options) if _asks_for_periods(options) else _table(options)
    of_datasets = all(map(is_dataset, options.tables))
    names = table["condition"].unique() if of_datasets else (p.stem for p in options.tables)
    study = study_of(
        table,
        options.methods,
        reference=options.reference,
        rules=rules,
        title=options.title or "Comparison of methods: " + some(names),
        answers=answers,
    )
    written = []
    document = study_document(study) if options.out or options.report else None
    if options.out:
        with writing_report() as advance:
            page = write_report(
                study,
                options.out,
                document=document,
                pdf=options.pdf,
                figures=options.figures,
                force=options.force,
                progress=advance,
            )
        written.append(page)
    if document is not None and options.report:
        with writing_report() as advance:
            written += write_document(
                document, options.report, pdf=options.pdf, force=options.force, progress=advance
            )
    summary = study_summary(study)
    for line in (*agreement_lines(study), *summary):
        say(line)
    for text in study.remarks:
        say(f"note: {text}")
    for path in written:
        say(f"report: {path}")
    if options.json:
        print_json(
            "soundcal/comparison/1",
            {
                "rules": rules.to_dict(),
                "agreement": json_rows(study.agreements()),
                **further_json(study),
                "summary": summary,
                "warnings": list(study.remarks),
                "written": [str(path) for path in written],
            },
        )
    return 0


def _asks_for_periods(options: argparse.Namespace) -> bool:
    """Return whether periods of datasets are compared.

    Raises
    ------
    ParameterError
        Options of periods without ``--every``, or for something else than datasets.
    """
    from soundcal.periods.datasets import is_dataset

    given = [name for name in ("local_time", "across_years") if getattr(options, name)]
    given += ["coverage"] if options.coverage is not None else []
    if not options.every:
        if given:
            raise ParameterError(
                f"--{given[0].replace('_', '-')} is about periods of datasets; give --every, such "
                "as --every hour"
            )
        return False
    if others := [path for path in options.tables if not is_dataset(path)]:
        raise ParameterError(
            f"{others[0]}: not a dataset of soundcal measure --out FOLDER/; only datasets have "
            "periods (--every)"
        )
    if options.table_mapping:
        raise ParameterError("--mapping is for tables; leave it out for datasets")
    return True


def _periods(options: argparse.Namespace) -> "pd.DataFrame":
    """Read the periods of datasets."""
    from soundcal.periods.local_time import as_every
    from soundcal.periods.summarising import LIMIT
    from soundcal.study.dataset_tables import datasets_table

    table = datasets_table(
        options.tables,
        every=as_every(options.every),
        zone=options.local_time,
        across_years=options.across_years,
        limit=LIMIT if options.coverage is None else options.coverage / 100.0,
    )
    return _checked(table, options.tables)


def _table(options: argparse.Namespace) -> "pd.DataFrame":
    """Read the tables; name the command for what is not a table, or not two methods.

    Raises
    ------
    RecordError
        Something else than tables, or tables of one condition.
    """
    from soundcal.files.audio import ENDINGS
    from soundcal.periods.datasets import is_dataset
    from soundcal.study import read_table

    paths: Sequence[Path] = options.tables
    for path in paths:
        if is_dataset(path):
            continue
        if os.path.isdir(path):
            names = " ".join(map(str, paths))
            way = f"a folder; compare folders of recordings with soundcal report {names}"
        elif not os.path.isfile(path):
            continue  # the reader of tables names the fault
        elif path.suffix.lower() in ENDINGS:
            way = f"a recording; measure it first: soundcal measure {path} --out FILE.csv"
        elif path.suffix.lower() == ".json":
            way = "JSON; give the table that soundcal measure writes with --out FILE.csv"
        else:
            continue
        raise RecordError(f"{path}: {way}")
    return _checked(read_table(*paths, mapping=options.table_mapping), paths)


def _checked(table: "pd.DataFrame", paths: Sequence[Path]) -> "pd.DataFrame":
    """Refuse a table of one condition."""
    from soundcal.periods.datasets import is_dataset

    conditions = table["condition"].drop_duplicates().tolist()
    if len(conditions) < 2:
        way = (
            "the datasets of two methods or more: soundcal compare FIRST/ SECOND/"
            if is_dataset(paths[0])
            else "the tables of two methods or more: soundcal compare FIRST.csv SECOND.csv"
        )
        raise RecordError(f"{paths[0]}: one condition only ({conditions[0]}); give {way}")
    return table

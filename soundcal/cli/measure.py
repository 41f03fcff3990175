"""``soundcal measure``: indicators of audio files, as a tidy table."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.file_options import (
    Patterns,
    add_other_device,
    add_referring,
    channel_names_of,
    expanded,
    referring,
    refuse_own_inputs,
)
from soundcal.cli.measure_dataset import (
    add_dataset_options,
    asks_for_dataset,
    measure_into_dataset,
)
from soundcal.cli.options import (
    Numbers,
    add_sensitivity,
    full_scale_doubts,
    full_scale_pascal,
    numbers,
    stated,
    stated_doubts,
)
from soundcal.cli.output import progress, say, show
from soundcal.cli.report_options import EAR_RULES
from soundcal.cli.settings import WRITING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soundcal.batch import FileResult
    from soundcal.calibration.model import Calibration
    from soundcal.calibration.stated import StatedLevels
    from soundcal.prepared import Task

__all__ = ["add"]

_SPECTRUM: Final = "Lthird"
_UNIT: Final = "Pa per full scale"

_EPILOG: Final = """\
Indicators are labels (LAeq, LA5, LCpeak), symbols (LA: all its statistics), functions
(loudness_zwtv), families (levels), "study" (the 39 values of the study, default) or "all", in
capital or small letters; "--indicators list" shows them. Maxima, minima and percentile levels have
the time weighting F (LAmax is LAFmax, LA5 is LAF5); S and I are named (LASmax, LAImax, LAS5).
Files need a calibration: either the record beside a file names one, or you give --calibration,
--sensitivity, --full-scale, --stated-level or --levels. If a file cannot be measured, the table has
a row "failed" with the reason, and the exit code is 5. The same holds for an indicator that a file
is too short for; the other indicators of that file are measured."""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "measure",
        help="indicators of audio files, in a tidy table",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE|FOLDER",
        help="WAV, RF64, FLAC, of any length; a folder stands for the audio files in it, and @LIST "
        "for the files named in a text file, one in each line",
    )
    _add_calibration(parser.add_argument_group("calibration"))
    parser.add_argument(
        "--indicators",
        action="append",
        metavar="NAMES",
        help="comma-separated names; repeatable (default: study); list shows all of them",
    )
    parser.add_argument(
        "--field",
        choices=("free", "diffuse", "eardrum"),
        default="",
        help="sound field (default: that of the recording's reference point, or free); eardrum: "
        "the signals are pressure at the eardrum, which the hearing model accepts",
    )
    add_referring(parser)
    parser.add_argument(
        "--ears",
        type=_rules,
        default=("each",),
        metavar="RULES",
        help=f"values of the ears, comma-separated: each (default: every channel has its rows), or "
        f"one value of both by {', '.join(EAR_RULES)}; energy applies to levels, other indicators "
        "use the mean; binaural is the value of both ears that a standard itself defines "
        "(hearing model, ECMA-418-2)",
    )
    parser.add_argument(
        "--engine",
        choices=("soundcal", "mosqito"),
        default="soundcal",
        help="library that computes; mosqito has some of the indicators only (default soundcal)",
    )
    parser.add_argument(
        "--uncertainty",
        action="store_true",
        help="also propagate the uncertainty of calibration and responses to sone, acum, … "
        "(doubles the run time)",
    )
    parser.add_argument(
        "--channels",
        type=channel_names_of,
        default=(),
        metavar="NAMES",
        help="channel names of the files, e.g. left,right",
    )
    parser.add_argument(
        "--condition",
        type=_name,
        metavar="NAME",
        help="method by which the files were made: a column of the table, for soundcal compare",
    )
    parser.add_argument(
        "--take",
        type=_name,
        metavar="NAME",
        help="name of the take, where every stimulus was recorded repeatedly: a column of the "
        "table, for soundcal compare",
    )
    parser.add_argument(
        "--out",
        metavar="FILE|FOLDER/",
        help="write the table to this file: .csv, .xlsx or .parquet; or a dataset into this folder",
    )
    parser.add_argument(
        "--wide",
        action="store_true",
        help="table with one row per recording and columns such as LAeq_left [dB] (default: one "
        "row per value)",
    )
    parser.add_argument(
        "--plots",
        metavar="DIR",
        help="draw every indicator over time and the third-octave spectrum into this folder "
        "(files of up to 5 min)",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="files measured in parallel (default 1)"
    )
    add_dataset_options(parser)
    parser.set_defaults(run=run)


def _add_calibration(group: Any) -> None:
    ways = group.add_mutually_exclusive_group()
    ways.add_argument(
        "--calibration", action=Patterns, metavar="FILE", help="calibration record (JSON)"
    )
    add_sensitivity(ways, "--sensitivity")
    ways.add_argument(
        "--stated-level",
        type=numbers,
        metavar="DB",
        help="known equivalent level of the (one) file in dB; one for all channels or one for each",
    )
    ways.add_argument(
        "--levels",
        action=Patterns,
        metavar="TABLE",
        help="known equivalent level of every recording: CSV with the columns recording, left, "
        "right (or level) and weighting, or JSON of levels per recording as Soundscapy has it",
    )
    group.add_argument(
        "--stated-weighting",
        choices=("A", "B", "C", "Z"),
        help="frequency weighting of --stated-level (default A), or of a table of --levels without "
        "such a column",
    )
    add_other_device(group)


def run(options: argparse.Namespace) -> int:
    """Measure the files; exit code 5 if any of them could not be measured, or not in full.

    If it is stopped early, it still writes the table of the files that are finished.
    """
    from dataclasses import replace

    from soundcal import batch
    from soundcal.cli.measure_output import say_remarks, show_results, write_results
    from soundcal.cli.measure_plots import check_plots, draw_plots
    from soundcal.cli.measured import indicator_lines
    from soundcal.errors import ParameterError, SignalError
    from soundcal.files.atomic import check_output
    from soundcal.files.exports import check_table_file
    from soundcal.recording import STATED, Flag
    from soundcal.stopping import uninterrupted

    if "list" in (options.indicators or ()):
        for line in indicator_lines():
            show(line)
        return 0
    if options.cluster_example:
        from soundcal.runs.cluster_file import cluster_example

        for line in cluster_example(options.cluster_example).rstrip().splitlines():
            show(line)
        return 0
    if not options.files:
        raise ParameterError("no files; give audio files, or a folder of them")
    if asks_for_dataset(options):
        return measure_into_dataset(options, _task(options))
    options.files = _once([file for name in options.files for file in _in_folder(name)])
    refuse_own_inputs(options, WRITING)
    task = _task(options)
    if options.wide and not options.out:
        raise ParameterError("--wide arranges the table that is written; give --out FILE")
    if options.out:
        check_table_file(Path(options.out))
        check_output(Path(options.out), force=options.force)
    if options.plots:
        check_plots(options, task)
    results: list[FileResult] = []
    total = batch.total_duration(options.files)
    try:
        with progress("measuring", total or None, unit="s of audio") as advance:
            results.extend(
                batch.measure_files(
                    options.files, task, jobs=options.jobs, progress=lambda done: advance(done, "")
                )
            )
    except KeyboardInterrupt:
        with uninterrupted():
            write_results(options, results)
        say(f"stopped after {len(results)} of {len(options.files)} files")
        raise
    option, typed = _stated(options)
    understood: dict[str, float] = {}
    for number, result in enumerate(results):
        if option and result.channels:
            own = result.sensitivities
            doubts = stated_doubts(option, typed, own)
            if option != "--stated-level":
                doubts += full_scale_doubts(option, own)
            flags = (Flag(STATED, text) for text in doubts)
            results[number] = replace(result, flags=(*result.flags, *flags))
            understood |= own
        elif options.levels and result.channels:
            doubts = full_scale_doubts("--levels", result.sensitivities)
            flags = (Flag(STATED, text) for text in doubts)
            results[number] = replace(result, flags=(*result.flags, *flags))
    write_results(options, results)
    if options.plots:
        draw_plots(options, results)
    say_remarks(results)
    statement: dict[str, Any] = {}
    if understood:
        say(stated(option, understood, _UNIT))
        statement = {
            "option": option,
            "typed": typed.text,
            "unit": _UNIT,
            "sensitivities": understood,
        }
    if options.levels:
        say(_by_levels(results))
    show_results(options, results, statement)
    incomplete = any(result.error or result.missing for result in results)
    return SignalError.exit_code if incomplete else 0


def _rules(text: str) -> tuple[str, ...]:
    """Return ear rules that are separated by commas, for ``type=``."""
    from soundcal.errors import ParameterError
    from soundcal.indicators.rows import check_ear_rules, ear_rules

    rules = ear_rules(text)
    try:
        check_ear_rules(rules)
    except ParameterError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return rules


def _name(text: str) -> str:
    """Return the name of a condition or take, for ``type=``."""
    from soundcal.files.names import normal_name

    name = normal_name(text)
    if not name:
        raise argparse.ArgumentTypeError("a name is expected")
    return name


def _in_folder(name: str) -> list[str]:
    """Return the files that a name stands for: a list, a pattern or the audio files in a folder."""
    from soundcal.errors import ParameterError, RecordError
    from soundcal.files import audio
    from soundcal.runs.listing import listed_names
    from soundcal.runs.remote import is_address

    found: list[str] = []
    for one in listed_names(name):
        if is_address(one):
            raise ParameterError(f"{one}: remote files are measured into a dataset (--out FOLDER/)")
        for path in map(str, expanded(one)):
            if not os.path.isdir(path):
                found.append(path)
                continue
            inside = audio.in_folder(Path(path))
            if not inside:
                endings = ", ".join(audio.ENDINGS)
                raise RecordError(f"{path}: no audio files ({endings}) in this folder")
            found += map(str, inside)
    return found


def _once(files: "Sequence[str]") -> list[str]:
    """Return the files without repeated ones, which are named."""
    by_place: dict[str, list[str]] = {}
    for name in files:
        by_place.setdefault(os.path.abspath(name), []).append(name)
    if again := [names[0] for names in by_place.values() if len(names) > 1]:
        more = f" and {len(again) - 1} more" if len(again) > 1 else ""
        say(f"note: {again[0]}{more}: given more than once, measured once")
    return [names[0] for names in by_place.values()]


def _stated(options: argparse.Namespace) -> tuple[str, Numbers]:
    """Return the option that states a sensitivity or a level, and its numbers."""
    for option, typed in (
        ("--stated-level", options.stated_level),
        ("--sensitivity", options.sensitivity),
        ("--full-scale", options.full_scale),
    ):
        if typed:
            return option, typed
    return "", Numbers((), "")


def _wanted(options: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """Return the requested statistics per symbol; by default those of the study."""
    from soundcal.indicators.engines import MOSQITO_SYMBOLS
    from soundcal.indicators.names import STUDY, resolve

    if options.indicators:
        return resolve(options.indicators)
    wanted = resolve(STUDY)
    if options.engine == "mosqito":
        return {s: statistics for s, statistics in wanted.items() if s in MOSQITO_SYMBOLS}
    return wanted


def _task(options: argparse.Namespace) -> "Task":
    from soundcal.indicators.names import merged_statistics, resolve
    from soundcal.prepared import Task

    wanted = _wanted(options)
    return Task(
        wanted=wanted,
        calibration=_calibration(options),
        channels=options.channels,
        field=options.field,
        ears=options.ears,
        engine=options.engine,
        uncertainty=options.uncertainty,
        sensitivities=tuple(options.sensitivity or full_scale_pascal(options.full_scale or ())),
        levels=_levels(options),
        other_device=options.other_device,
        **referring(options),
        kept=merged_statistics(wanted, resolve([_SPECTRUM])) if options.plots else {},
    )


def _calibration(options: argparse.Namespace) -> "Calibration | None":
    """Return the calibration that the options name; None if they name none."""
    from soundcal.files.calibrations import load_calibration

    return load_calibration(Path(options.calibration)) if options.calibration else None


def _levels(options: argparse.Namespace) -> "dict[str, StatedLevels]":
    """Return the stated level of every recording, by absolute path; empty if none is stated."""
    from soundcal.calibration.stated import StatedLevels
    from soundcal.errors import ParameterError
    from soundcal.files.level_tables import levels_of_files, read_levels

    if options.levels:
        path = Path(options.levels)
        table, notes = read_levels(path, weighting=options.stated_weighting or "")
        found, more = levels_of_files(options.files, table, source=path)
        for text in (*notes, *more):
            say(f"note: {text}")
        return found
    if not options.stated_level:
        if options.stated_weighting:
            raise ParameterError("--stated-weighting belongs to --stated-level and --levels")
        return {}
    if len(options.files) != 1:
        raise ParameterError(
            f"--stated-level is the level of one recording, not of {len(options.files)} files; "
            "give the level of each in a table (--levels FILE.csv), or calibrate with one of them "
            "and use --calibration for the others"
        )
    stated_level = StatedLevels(
        tuple(options.stated_level),
        weighting=options.stated_weighting or "A",
        source="--stated-level of soundcal measure",
    )
    return {os.path.abspath(options.files[0]): stated_level}


def _by_levels(results: "Sequence[FileResult]") -> str:
    """Return the sensitivities that follow from the levels of a table, in a line."""
    from soundcal.recording import counted

    known = [value for result in results for value in result.sensitivities.values()]
    if not known:
        return "--levels: no recording could be calibrated"
    n = sum(bool(result.sensitivities) for result in results)
    return (
        f"--levels: {counted(n, 'recording')} calibrated by {'its' if n == 1 else 'their'} levels; "
        f"{min(known):.4g} to {max(known):.4g} {_UNIT}"
    )

"""``soundcal report``: measure recordings, compare the methods and write the report."""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.file_options import (
    Patterns,
    add_other_device,
    add_referring,
    channel_names_of,
    referring,
)
from soundcal.cli.options import (
    add_sensitivity,
    full_scale_doubts,
    full_scale_pascal,
    stated_doubts,
)
from soundcal.cli.output import print_json, progress, say, writing_report
from soundcal.cli.ratings_files import add_ratings_options, ratings_from
from soundcal.cli.relating import add_relation_options, check_combination, relation_from
from soundcal.cli.report_options import add_rule_options, answers_from, rules_from
from soundcal.errors import ParameterError, SignalError

if TYPE_CHECKING:
    from soundcal.calibration.stated import StatedLevels
    from soundcal.ratings import Ratings
    from soundcal.relation import Relation
    from soundcal.study import Rules, Source, Study
    from soundcal.study.folders import Given

__all__ = ["add"]

_RATINGS: Final = "ratings-"
"""Start of the names of the options about ratings."""

_SHOWN: Final = 3
"""Recordings named with a flag that several have."""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "report",
        help="report of sessions or of folders of recordings",
        description="Measure recordings, compare the methods and write the report. Give session "
        "folders, a campaign (a folder of them), or plain folders of audio files, one per "
        "method: the folder's name is the method, the file's name the stimulus. Or give datasets "
        "of soundcal measure --out FOLDER/: each recording is merged of its pieces, and recordings "
        "of the same path below the root are paired (see soundcal compare).",
    )
    parser.add_argument(
        "folders", nargs="+", type=Path, action=Patterns, metavar="SESSION|CAMPAIGN|FOLDER|DATASET"
    )
    parser.add_argument(
        "--calibration",
        action="append",
        default=[],
        metavar="[NAME=]FILE",
        help="calibration of the plain folder NAME, or of all plain folders (default: "
        "calibration.json in each folder)",
    )
    add_sensitivity(parser, "--sensitivity")
    parser.add_argument(
        "--levels",
        action=Patterns,
        metavar="TABLE",
        help="known equivalent level of every recording in plain folders, as for soundcal measure",
    )
    parser.add_argument(
        "--stated-weighting",
        choices=("A", "B", "C", "Z"),
        help="frequency weighting of --levels, if the table has no such column (default A)",
    )
    add_other_device(parser)
    parser.add_argument(
        "--channels",
        type=channel_names_of,
        default=(),
        metavar="NAMES",
        help="channel names of the files in plain folders, as calibrated, e.g. left,right",
    )
    parser.add_argument(
        "--indicators",
        metavar="LIST",
        help="comma-separated labels, symbols or families (default: those of the study)",
    )
    parser.add_argument(
        "--field",
        choices=("free", "diffuse", "eardrum"),
        default="",
        help="sound field (default: that of the recordings' reference point, or free); eardrum: "
        "the signals are pressure at the eardrum, which the hearing model accepts",
    )
    add_referring(parser)
    parser.add_argument(
        "--methods", nargs="+", metavar="NAME", help="conditions to compare (default: all)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder of the report (default: derivatives in the session, campaign or dataset, or "
        "beside the folders or several datasets)",
    )
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="files measured at the same time"
    )
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="compute all indicators again, and do not store them",
    )
    add_rule_options(parser)
    heard = parser.add_argument_group("ratings of a listening test")
    heard.add_argument(
        "--ratings",
        nargs="+",
        type=Path,
        action=Patterns,
        default=[],
        metavar="TABLE",
        help="tables of ratings: a section relates them to the indicators, see soundcal relate",
    )
    add_ratings_options(heard, prefix=_RATINGS)
    add_relation_options(heard, prefix=_RATINGS)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure, compare, write the report, and print the outcome in words.

    The exit code is 5 if a recording could not be measured, or not in full.
    """
    from soundcal.files.atomic import refuse_existing
    from soundcal.report import relation_summary, study_document, study_summary, write_report
    from soundcal.report.tables import further_json, json_rows

    rules, answers = rules_from(options), answers_from(options)
    out = options.out or _default_folder(options.folders)
    # before hours of measuring, not after
    refuse_existing(out / "report.html", force=options.force)
    heard = options.ratings or options.ratings_gui
    ratings = ratings_from(options, options.ratings, prefix=_RATINGS) if heard else None
    study = _study(options, rules, answers, rated=ratings is not None)
    relation = None if ratings is None else _relation(options, study, ratings)
    with writing_report() as advance:
        path = write_report(
            study,
            out,
            document=study_document(study, relation),
            pdf=options.pdf,
            figures=options.figures,
            force=options.force,
            progress=advance,
        )
    summary = study_summary(study) + (relation_summary(relation) if relation else [])
    for line in summary:
        say(line)
    for text in (*study.remarks, *(relation.warnings if relation else ())):
        say(f"note: {text}")
    for line in _of_takes(study.sources):
        say(line)
    say(f"report: {path}")
    if options.json:
        print_json(
            "soundcal/report/1",
            {
                "report": str(path),
                "rules": rules.to_dict(),
                "agreement": json_rows(study.agreements()),
                **further_json(study),
                **({} if study.comparisons else {"values": json_rows(study.table)}),
                "summary": summary,
                "warnings": list(study.remarks),
                "flags": {
                    name: [flag.text for flag in flags] for name, flags in study.flags.items()
                },
                "simulated": sum(source.simulated for source in study.sources),
                **({"relation": relation.to_dict()} if relation else {}),
            },
        )
    return SignalError.exit_code if study.unmeasured else 0


_MEASURED: Final = (
    "calibration",
    "sensitivity",
    "full_scale",
    "levels",
    "stated_weighting",
    "other_device",
    "channels",
    "field",
    "refer_to",
    "response",
)
"""Options that say how recordings are measured, which has been done in a dataset."""


def _study(
    options: argparse.Namespace, rules: "Rules", answers: Mapping[int, str], *, rated: bool
) -> "Study":
    """Measure the recordings and compare them, or take what is measured from datasets."""
    from soundcal.periods.datasets import is_dataset
    from soundcal.study import collect, study_of_datasets

    if any(map(is_dataset, options.folders)):
        others = [folder for folder in options.folders if not is_dataset(folder)]
        if others:
            raise ParameterError(f"{others[0]}: not a dataset; datasets are reported by themselves")
        if given := [name for name in _MEASURED if getattr(options, name)]:
            raise ParameterError(
                f"--{given[0].replace('_', '-')} is for recordings; those of a dataset have been "
                "measured already"
            )
        return study_of_datasets(
            options.folders,
            labels=options.indicators,
            methods=options.methods,
            reference=options.reference,
            rules=rules,
            title=options.title or "",
            answers=answers,
        )
    sensitivities, levels = _sensitivities(options), _levels(options)
    with progress("measuring", None, unit="recordings") as advance:
        return collect(
            options.folders,
            calibrations=_calibrations(options.calibration),
            sensitivity=sensitivities or None,
            levels=levels,
            indicators=options.indicators,
            field=options.field,
            **referring(options),
            methods=options.methods,
            reference=options.reference,
            rules=rules,
            title=options.title or "",
            answers=answers,
            jobs=options.jobs,
            cache=not options.no_cache,
            other_device=options.other_device,
            channels=options.channels,
            progress=advance,
            before=partial(check_combination, options.relation_combination, _RATINGS)
            if rated
            else None,
        )


def _relation(options: argparse.Namespace, study: "Study", ratings: "Ratings") -> "Relation":
    """Relate the ratings to the differences of the two methods that were also rated."""
    two = options.methods if options.methods and len(options.methods) == 2 else None
    return relation_from(options, study.differences(), ratings, methods=two, prefix=_RATINGS)


def _of_takes(sources: "Sequence[Source]") -> Iterator[str]:
    """Give a line for each flag with the recordings that have it, their verdicts, and the mark."""
    from soundcal.files.names import some
    from soundcal.recording import counted
    from soundcal.takes.check import SEVERITY

    flagged: dict[str, list[str]] = {}
    for source in sources:
        for flag in source.flags:
            flagged.setdefault(str(flag), []).append(source.path)
    for text, paths in flagged.items():
        yield f"{some(paths, _SHOWN)}: {text}"
    verdicts = [source.verdict for source in sources if source.checks]
    if verdicts:
        words = ", ".join(f"{verdicts.count(word)} {word}" for word in SEVERITY)
        yield f"checks of {counted(len(verdicts), 'take')}: {words}"
    simulated = sum(source.simulated for source in sources)
    if simulated:
        yield f"simulated lab: {simulated} of {counted(len(sources), 'recording')}"


def _default_folder(folders: list[Path]) -> Path:
    """Return the folder of the report: in the session, campaign or dataset, or beside folders."""
    from soundcal.files.campaign import sessions
    from soundcal.files.session import is_session
    from soundcal.periods.datasets import is_dataset

    first = folders[0]
    if len(folders) == 1 and (is_dataset(first) or is_session(first) or sessions(first)):
        return first / "derivatives"
    return Path(os.path.realpath(first)).parent / "derivatives"


def _sensitivities(options: argparse.Namespace) -> tuple[float, ...]:
    """Return the stated sensitivities in Pa per full scale; empty if none are stated."""
    from soundcal.recording import channel_names

    ways = {
        "--calibration": options.calibration,
        "--sensitivity": options.sensitivity,
        "--full-scale": options.full_scale,
        "--levels": options.levels,
    }
    given = [name for name, value in ways.items() if value]
    if len(given) > 1:
        raise ParameterError(f"{' and '.join(given)}: either of them calibrates; give one")
    values = tuple(options.sensitivity or full_scale_pascal(options.full_scale or ()))
    if values:
        known = dict(zip(channel_names(len(values)), values, strict=True))
        typed = options.sensitivity or options.full_scale
        for text in (*stated_doubts(given[0], typed, known), *full_scale_doubts(given[0], known)):
            say(f"warning: {text}")
    return values


def _levels(options: argparse.Namespace) -> "dict[str, StatedLevels]":
    """Return the stated level of every recording, by absolute path; empty if none is stated."""
    from soundcal.files.audio import in_folder
    from soundcal.files.level_tables import levels_of_files, read_levels

    if not options.levels:
        if options.stated_weighting:
            raise ParameterError("--stated-weighting belongs to --levels")
        return {}
    path = Path(options.levels)
    table, notes = read_levels(path, weighting=options.stated_weighting or "")
    files = [str(file) for folder in options.folders for file in in_folder(folder)]
    found, more = levels_of_files(files, table, source=path)
    for text in (*notes, *more):
        say(f"note: {text}")
    return found


def _calibrations(texts: list[str]) -> "Given | dict[str, Given] | None":
    named: dict[str, Given] = {}
    for text in texts:
        name, found, file = text.partition("=")
        if not found:
            if len(texts) > 1:
                raise ParameterError(
                    f"--calibration {text}: with several calibrations, name the folder of each, "
                    "NAME=FILE"
                )
            return Path(text)
        named[name] = Path(file)
    return named or None

"""Options of the answers of a listening test, and their reading.

For ``ratings``, ``relate`` and ``report``. In ``report`` their names begin with ``ratings-``,
because a comparison has options ``--scale`` and ``--exclude`` of its own.
"""

import argparse
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.file_options import Patterns
from soundcal.cli.output import say
from soundcal.errors import ParameterError, RecordError

if TYPE_CHECKING:
    from soundcal.ratings import Ratings

__all__ = ["add_ratings_options", "ratings_from"]


def add_ratings_options(group: Any, *, prefix: str = "") -> None:
    """Add the options that say how answers are read to a parser's group.

    Parameters
    ----------
    group : argument group
        Group of an argparse parser.
    prefix : str
        Start of the names of the options.
    """
    group.add_argument(
        f"--{prefix}mapping",
        dest="ratings_mapping",
        type=Path,
        action=Patterns,
        metavar="FILE.toml",
        help="mapping file for the tables of another program (PsychoPy, webMUSHRA, …)",
    )
    group.add_argument(
        f"--{prefix}gui",
        dest="ratings_gui",
        action="append",
        default=[],
        metavar="PARTICIPANT:CONDITION:FILE",
        help="11-column results.csv of the published listening test; repeat for every file",
    )
    group.add_argument(
        f"--{prefix}stimuli",
        dest="ratings_stimuli",
        type=Path,
        action=Patterns,
        metavar="FILE",
        help=f"stimulus ids of the tracks of --{prefix}gui, one per line",
    )
    group.add_argument(
        f"--{prefix}scale",
        dest="ratings_scale",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help=f"lowest and highest answer of a table without --{prefix}mapping",
    )
    group.add_argument(
        f"--{prefix}language",
        dest="ratings_language",
        default="equal",
        metavar="CODE",
        help="angles of the attributes: equal (ISO/TS 12913-3:2019, default) or a language, e.g. "
        f"eng, of a table without --{prefix}mapping",
    )
    group.add_argument(
        f"--{prefix}exclude",
        dest="ratings_exclude",
        type=Path,
        action=Patterns,
        metavar="FILE.csv",
        help="CSV table of answers to leave out: columns participant, reason and, optionally, "
        "condition, stimulus",
    )


_USUAL: Final = ((1, 5), (1, 7), (0, 10), (0, 100))
"""Scales of listening tests, for the example of an error message."""

OrAlso = Callable[[argparse.Namespace, Sequence[str]], str]
"""Returns another option that a command needs, for the conditions of the table; or ""."""


def ratings_from(
    options: argparse.Namespace,
    files: Sequence[Path],
    *,
    prefix: str = "",
    or_also: OrAlso | None = None,
) -> "Ratings":
    """Return the answers of all files without the excluded ones, and say how they were read.

    Parameters
    ----------
    options : Namespace
        With the options of :func:`add_ratings_options`.
    files : sequence of Path
        Tables.
    prefix : str
        Start of the names of the options.
    or_also : callable, optional
        Names another option that the command needs, for an error that names all of them.
    """
    from soundcal.files.names import some
    from soundcal.ratings import combine, read_exclusions, read_gui, read_mapped, read_ratings

    parts = []
    if files and not options.ratings_mapping and options.ratings_scale is None:
        raise ParameterError(_needed(options, files, prefix, or_also))
    if options.ratings_mapping or not files:
        given = [("scale", options.ratings_scale), ("language", options.ratings_language)]
        for name in (name for name, value in given if value not in (None, "equal")):
            say(f"note: --{prefix}{name} is not used: a mapping and --{prefix}gui have their own")
    if files and options.ratings_mapping:
        parts.append(read_mapped(files, options.ratings_mapping))
    elif files:
        scale = (options.ratings_scale[0], options.ratings_scale[1])
        parts += [read_ratings(f, scale=scale, language=options.ratings_language) for f in files]
    stimuli = _lines(options.ratings_stimuli) if options.ratings_stimuli else ()
    for text in options.ratings_gui:
        participant, condition, file = _gui_parts(text)
        parts.append(read_gui(file, participant=participant, condition=condition, stimuli=stimuli))
    if not parts:
        raise ParameterError(
            f"no ratings; give a table, or --{prefix}gui PARTICIPANT:CONDITION:FILE"
        )
    ratings = combine(parts)
    if unused := [name for name in stimuli if name not in ratings.stimuli]:
        say(f"note: {options.ratings_stimuli}: {some(unused)} never occurs in the files of --gui")
    if options.ratings_exclude:
        _text(options.ratings_exclude)  # says how it is read; exclusions carry no notes
        ratings = ratings.exclude(read_exclusions(options.ratings_exclude))
    for note in ratings.notes:
        say(f"note: {note}")
    ratings.check_scale()  # before a study is measured for them
    return ratings


def _needed(
    options: argparse.Namespace, files: Sequence[Path], prefix: str, or_also: OrAlso | None
) -> str:
    """Return which options are needed to read the tables, with words that can be copied.

    Raises
    ------
    RecordError
        A table has other columns, and needs a mapping.
    """
    from soundcal.files.tables import read_table_text
    from soundcal.ratings.importers import answers_below, check_columns

    conditions: dict[str, None] = {}
    values: list[float] = []
    for path in files:
        table = answers_below(read_table_text(path))
        check_columns(table)
        conditions.update(dict.fromkeys(table.names("condition")))
        values += [value for value in table.numbers("value") if value == value]
    other = or_also(options, list(conditions)) if or_also else ""
    low, high = (min(values), max(values)) if values else (math.nan, math.nan)
    low_end, high_end = next((e for e in _USUAL if e[0] <= low and high <= e[1]), ("LOW", "HIGH"))
    needed = f"--{prefix}scale LOW HIGH is needed, the lowest and the highest answer possible"
    if other:
        needed += f", and --conditions FIRST SECOND, two of {', '.join(conditions)}"
    words = " ".join(filter(None, (f"--{prefix}scale {low_end} {high_end}", other)))
    return (
        f"{needed}. The answers lie between {low:g} and {high:g}; if the scale was {low_end} to "
        f"{high_end}, add: {words} (and --{prefix}language CODE, if the angles of the attributes "
        "are not equal)"
    )


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

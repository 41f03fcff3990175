"""Readers of ratings: tidy tables, the published listening test's files, and exclusions."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from soundcal.errors import ParameterError, RecordError
from soundcal.files.names import gathered
from soundcal.files.tables import TextTable, read_table_text
from soundcal.ratings.soundscape import ANGLES, ATTRIBUTES, GUI_ATTRIBUTES, SLIDER
from soundcal.ratings.table import COLUMNS, OPTIONAL, Exclusion, Ratings, make_ratings

__all__ = [
    "answers_below",
    "check_columns",
    "combine",
    "read_exclusions",
    "read_gui",
    "read_ratings",
]

_ACROSS: Final = (ATTRIBUTES, tuple(f"paq{n}" for n in range(1, 9)))
"""Names of the columns of a table that has the eight attributes across."""

_GUI_COLUMNS: Final = ("track", *GUI_ATTRIBUTES, "played", "seconds")


def read_gui(
    path: str | os.PathLike[str],
    *,
    participant: str,
    condition: str,
    stimuli: Sequence[str] = (),
) -> Ratings:
    """Read one participant's file of the published listening test.

    It is a CSV table without a header, one row per trial in the order of presentation, 11 columns:
    number of the track from 1; eight sliders from 0 to 100, in the order of
    :data:`soundcal.ratings.soundscape.GUI_ATTRIBUTES`; 1 if the sound was played; seconds spent on
    the trial.

    Parameters
    ----------
    path : path
        The file ``results.csv``.
    participant, condition : str
        Participant and calibration, which the file does not name.
    stimuli : sequence of str, optional
        Stimulus id of each track number; ``track_1`` … by default.

    Returns
    -------
    Ratings
        Trials that the test could not store (all NaN) are left out.

    Raises
    ------
    RecordError
        Missing, not 11 columns of numbers, a track that is not a whole number or has no id.
    """
    import pandas as pd

    path = Path(path)
    try:
        text = read_table_text(path, header=_GUI_COLUMNS)
        numbers = zip(*(text.numbers(column) for column in _GUI_COLUMNS), strict=True)
    except RecordError as error:
        raise RecordError(
            f"{error}; a results.csv of the listening test is expected, with {len(_GUI_COLUMNS)} "
            f"columns of numbers and no header: {', '.join(_GUI_COLUMNS)}"
        ) from error
    rows = []
    for order, row in enumerate(numbers, start=1):
        if math.isnan(row[0]):
            continue
        name = _track(path, row[0], stimuli)
        for attribute, value in zip(GUI_ATTRIBUTES, row[1:9], strict=True):
            rows.append((participant, condition, name, attribute, value, order, row[9], row[10]))
    if not rows:
        raise RecordError(f"{path}: no trial was stored")
    table = pd.DataFrame(rows, columns=[*COLUMNS, *OPTIONAL])
    return make_ratings(table, scale=SLIDER, sources=(str(path),), notes=text.notes)


def _track(path: Path, number: float, stimuli: Sequence[str]) -> str:
    last = len(stimuli) if stimuli else math.inf
    if not math.isfinite(number) or number % 1 or not 1 <= number <= last:
        raise RecordError(
            f"{path}: track {number:g}; a whole number from 1 to {last:g} is expected"
        )
    return stimuli[int(number) - 1] if stimuli else f"track_{int(number)}"


def check_columns(table: TextTable) -> None:
    """Refuse a table without the columns of ratings.

    Raises
    ------
    RecordError
        A column is missing; the way for tables of other programs is shown.
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise RecordError(
            f"{table.path}: columns {', '.join(missing)} are missing; expected: "
            f"{', '.join(COLUMNS)} (or, for the last two, a column per attribute), and optionally "
            f"{', '.join(OPTIONAL)}; {table.found}; for a table of another program, a mapping "
            "file says what its columns are (--mapping, see soundcal guide ratings)"
        )


def answers_below(table: TextTable) -> TextTable:
    """Return a table with a column per attribute as one with a row per answer.

    A table with ``attribute`` or ``value``, or without all eight attributes, stays as it is. The
    columns are named by the attributes, or ``PAQ1`` to ``PAQ8`` as in Soundscapy's tables.
    """
    spelled = [name.casefold() for name in table.columns]
    names = next((n for n in _ACROSS if all(spelled.count(name) == 1 for name in n)), None)
    if names is None or {"attribute", "value"} & set(spelled):
        return table
    places = [spelled.index(name) for name in names]
    kept = [n for n in range(len(spelled)) if n not in places]
    rows, lines = [], []
    for cells, line in zip(table.rows, table.lines, strict=True):
        own = [cells[n] for n in kept]
        for attribute, place in zip(ATTRIBUTES, places, strict=True):
            rows.append((*own, attribute, cells[place]))
            lines.append(line)
    columns = (*(table.columns[n] for n in kept), "attribute", "value")
    remark = f"{table.path}: PAQ1 to PAQ8 are read as {', '.join(ATTRIBUTES)}, as by Soundscapy"
    remarks = table.remarks if names == ATTRIBUTES else (*table.remarks, remark)
    return replace(table, columns=columns, rows=tuple(rows), lines=tuple(lines), remarks=remarks)


def read_ratings(
    path: str | os.PathLike[str], *, scale: tuple[float, float], language: str = "equal"
) -> Ratings:
    """Read a tidy table with the columns of :class:`Ratings`, or one with a column per attribute.

    Raises
    ------
    RecordError
        Missing, or not such a table.
    """
    import pandas as pd

    path = Path(path)
    table = answers_below(read_table_text(path))
    check_columns(table)
    columns: dict[str, list[str] | list[float]] = {
        **{name: table.names(name) for name in COLUMNS[:-1]},
        "value": table.numbers("value"),
        **{name: table.numbers(name) for name in OPTIONAL if name in table.columns},
    }
    try:
        return make_ratings(
            pd.DataFrame(columns),
            scale=scale,
            language=language,
            sources=(str(path),),
            notes=(*table.notes, *_other_angles(table, language)),
        )
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error


def _other_angles(table: TextTable, language: str) -> tuple[str, ...]:
    """Return a remark if all answers were given in one language whose angles are not taken."""
    spoken = set(table.names("language", needed=False)) if "language" in table.columns else set()
    if language != "equal" or len(spoken) != 1 or not spoken <= set(ANGLES):
        return ()
    (code,) = spoken
    return (
        f"{table.path}: the answers were given in {code!r}, but pleasantness and eventfulness are "
        f"computed with equal angles; state the language {code} to take its own",
    )


def combine(parts: Iterable[Ratings]) -> Ratings:
    """Return the answers of several files in one table.

    Raises
    ------
    RecordError
        Different scales or languages, a trial in two of them, or nobody answered.
    """
    import pandas as pd

    ratings = list(parts)
    if not ratings:
        raise ParameterError("no ratings to combine; give at least one file")
    kinds = {(one.scale, one.language) for one in ratings}
    if len(kinds) > 1:
        raise RecordError(f"different scales or languages in one analysis: {sorted(kinds)}")
    scale, language = kinds.pop()
    table = pd.concat([one.table for one in ratings], ignore_index=True)
    if table["value"].isna().all():
        raise RecordError(f"nobody answered: all {len(table)} values are missing")
    sources = tuple(source for one in ratings for source in one.sources)
    alone = {one.sources[0] for one in ratings if len(one.sources) == 1}
    read = [(note, source) for one in ratings for note in one.notes for source in one.sources[:1]]
    of_files = [
        (source, n) for n, source in read if source in alone and n.startswith(f"{source}: ")
    ]
    others = dict.fromkeys(n for one in ratings for n in one.notes)
    own = {note for _, note in of_files}
    notes = (*gathered(of_files), *(note for note in others if note not in own))
    both = make_ratings(table, scale=scale, language=language, sources=sources, notes=notes)
    return replace(both, excluded=tuple(e for one in ratings for e in one.excluded))


def read_exclusions(path: str | os.PathLike[str]) -> tuple[Exclusion, ...]:
    """Read a CSV table ``participant, reason`` and, optionally, ``condition, stimulus``.

    Raises
    ------
    RecordError
        Missing, without these columns, or a row without a reason.
    """
    path = Path(path)
    table = read_table_text(path)
    needed, optional = ("participant", "reason"), ("condition", "stimulus")
    named = [name for name in table.columns if name]  # spreadsheets export empty columns too
    if not set(needed) <= set(named) <= {*needed, *optional}:
        raise RecordError(
            f"{path}: columns participant, reason and, optionally, condition and stimulus are "
            f"expected; {table.found}"
        )
    columns = {name: table.names(name, needed=False) for name in named}
    try:
        return tuple(
            Exclusion(**dict(zip(columns, row, strict=True)))
            for row in zip(*columns.values(), strict=True)
        )
    except ParameterError as error:
        raise RecordError(f"{path}: {error}") from error

"""Ratings from the tables of other programs (PsychoPy, webMUSHRA, …), by a mapping file."""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.errors import RecordError
from soundcal.files.mapping import is_number, mapping_parts, name_parts, never_seen
from soundcal.files.names import lookalikes, normal_name, some
from soundcal.files.tables import TextTable, read_table_text
from soundcal.ratings.importers import combine
from soundcal.ratings.table import COLUMNS, OPTIONAL, Ratings, make_ratings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_mapped"]

_NAMES: Final = ("columns", "wide", "attributes", "stimuli", "conditions")
"""Parts of a mapping whose keys and values are names."""

_PARTS: Final = (*_NAMES, "constants", "keep", "factors", "scale")

Cell = str | int | float


@dataclass(frozen=True, slots=True)
class _Mapping:
    """A mapping file, checked; and what of it has occurred in the tables read so far."""

    path: Path
    columns: Mapping[str, str]
    wide: Mapping[str, str]
    attributes: Mapping[str, str]
    stimuli: Mapping[str, str]
    conditions: Mapping[str, str]
    constants: Mapping[str, Cell]
    keep: Mapping[str, Sequence[Cell]]
    factors: Mapping[str, float]
    scale: tuple[float, float]
    language: str
    seen: Mapping[str, dict[str, None]] = field(
        init=False, default_factory=lambda: {part: {} for part in _NAMES}
    )
    cells: dict[str, dict[str, None]] = field(init=False, default_factory=dict)
    """All cells in each column of [keep]."""

    def see(self, part: str, names: Iterable[str]) -> None:
        """Remember names that a part of the mapping may have as keys."""
        self.seen[part].update(dict.fromkeys(names))

    def unused(self) -> list[str]:
        """Return one remark per part with keys that occurred in no table."""
        remarks = [
            remark
            for part in _NAMES
            for remark in never_seen(
                self.path,
                part,
                getattr(self, part),
                self.seen[part],
                of_columns=part in ("columns", "wide"),
            )
        ]
        return remarks + [remark for name in self.keep for remark in self._not_kept(name)]

    def _not_kept(self, name: str) -> list[str]:
        """Return remarks on values of [keep] that do not occur, and on rows left out for a sign."""
        cells, wanted = self.cells[name], self.keep[name]
        kept = [cell for cell in cells if _is_one_of(cell, wanted)]
        left = [cell for cell in cells if cell not in kept]
        absent = [value for value in wanted if not any(_is_one_of(c, [value]) for c in kept)]
        remarks = []
        if absent:
            remarks.append(
                f"{self.path}: {', '.join(map(repr, absent))} of [keep] never occurs in the column "
                f"{name}; it has {some(map(repr, cells), 12)}"
            )
        alike = lookalikes(f"{self.path}: in the column {name},", "kept", kept, "left out", left)
        return [*remarks, *alike]


def _mapping(path: Path) -> _Mapping:
    tables, others = mapping_parts(path, _PARTS, ("language",))
    scale = tables["scale"]
    if set(scale) != {"low", "high"} or not all(map(is_number, scale.values())):
        raise RecordError(f"{path}: [scale] with the numbers low and high is expected")
    names = {part: name_parts(path, part, tables[part]) for part in _NAMES}
    columns, constants, factors = names["columns"], tables["constants"], tables["factors"]
    _check_sources(path, columns, constants, names["wide"])
    if not set(factors) <= {"value", *OPTIONAL} & set(columns) or not all(
        map(is_number, factors.values())
    ):
        raise RecordError(
            f"{path}: [factors] takes numbers, for columns of numbers in [columns], e.g. "
            "seconds = 0.001"
        )
    keep = {normal_name(name): wanted for name, wanted in tables["keep"].items()}
    if not all(isinstance(wanted, list) for wanted in keep.values()):
        raise RecordError(f'{path}: [keep] takes lists of values, e.g. trial_type = ["likert"]')
    return _Mapping(
        path=path,
        **names,
        constants=constants,
        keep=keep,
        factors=factors,
        scale=(float(scale["low"]), float(scale["high"])),
        language=str(others.get("language", "equal")),
    )


def _check_sources(
    path: Path, columns: Mapping[str, str], constants: Mapping[str, Any], wide: Mapping[str, str]
) -> None:
    """Refuse a mapping that gives no source for a column, two, or one for a column unknown."""
    answers = {"attribute", "value"} if wide else set()
    missing = set(COLUMNS) - answers - set(columns) - set(constants)
    if missing:
        raise RecordError(
            f"{path}: no source for {', '.join(sorted(missing))}; name a column in "
            "[columns] or a fixed value in [constants]"
        )
    strange = (set(columns) | set(constants)) - {*COLUMNS, *OPTIONAL}
    if strange:
        raise RecordError(
            f"{path}: {', '.join(sorted(strange))} is not a column of ratings; the columns are "
            f"{', '.join((*COLUMNS, *OPTIONAL))}"
        )
    twice = set(columns) & set(constants) | answers & (set(columns) | set(constants))
    if twice:
        raise RecordError(
            f"{path}: two sources for {', '.join(sorted(twice))}; keep one of [columns], "
            "[constants] and [wide]"
        )
    for column in wide.values():
        if list(wide.values()).count(column) > 1:
            raise RecordError(f"{path}: {column!r} holds the answers of two attributes in [wide]")
    for name, value in constants.items():
        if name in COLUMNS[:-1]:
            fits = isinstance(value, str | int) and not isinstance(value, bool)
        else:
            fits = is_number(value)
        if not fits:
            kind = f'a text, such as {name} = "…"' if name in COLUMNS[:-1] else "a number"
            raise RecordError(f"{path}: {name} = {value!r:.60} in [constants]; expected is {kind}")


def read_mapped(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    mapping: str | os.PathLike[str],
) -> Ratings:
    """Read tables of another program (PsychoPy, webMUSHRA, …) by a mapping file.

    The mapping is a TOML file::

        language = "equal"
        [scale]
        low = 0
        high = 100
        [columns]                      # column of the table for each of ours
        participant = "session_uuid"
        stimulus = "trial_id"
        attribute = "rating_stimulus"
        value = "rating_score"
        seconds = "rating_time"
        [factors]                      # factors of numbers, here from milliseconds to seconds
        seconds = 0.001
        [constants]                    # the same for the whole table
        condition = "hats"
        [attributes]                   # names in the table, and the attributes they stand for
        C1 = "pleasant"
        [stimuli]
        "street.wav" = "CG01"
        [conditions]
        A = "ocv"
        [keep]                         # rows to use, by the values of a column
        trial_type = ["likert"]

    A wide table, with a column per attribute as PsychoPy writes it, has instead of ``attribute``
    and ``value``::

        [wide]
        pleasant = "slider_pleasant.response"

    Rows without an answer in any attribute column (instructions, routines) are left out of a wide
    table. Names, keys of the mapping and texts in ``[keep]`` are compared as text, so that ``001``
    is not ``1``; numbers in ``[keep]`` are compared as numbers.

    Parameters
    ----------
    paths : path or iterable of path
        The tables.
    mapping : path
        The mapping file.

    Returns
    -------
    Ratings
        The answers of all tables; its notes name the keys of the mapping that occur in none.

    Raises
    ------
    RecordError
        A file that cannot be read, a mapping that does not fit the table.
    ParameterError
        No table.
    """
    plan = _mapping(Path(mapping))
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    ratings = combine(_read(Path(path), plan) for path in several)
    return replace(ratings, notes=(*ratings.notes, *plan.unused()))


def _read(path: Path, plan: _Mapping) -> Ratings:
    table = read_table_text(path)
    _check_columns(table, plan)
    for name, wanted in plan.keep.items():
        cells = table.names(name, needed=False)
        plan.cells.setdefault(name, {}).update(dict.fromkeys(cells))
        table = table.only([_is_one_of(cell, wanted) for cell in cells])
        if not table.rows:
            raise RecordError(f"{path}: [keep] in {plan.path} leaves no row")
    frame = _mapped(table, plan)
    try:
        return make_ratings(
            frame,
            scale=plan.scale,
            language=plan.language,
            sources=(str(path),),
            attributes=plan.attributes,
            notes=table.notes,
        )
    except RecordError as error:
        raise RecordError(f"{path} by {plan.path}: {error}") from error


def _check_columns(table: TextTable, plan: _Mapping) -> None:
    """Refuse a table without the columns that the mapping needs."""
    needed = [theirs for ours, theirs in plan.columns.items() if ours not in OPTIONAL]
    absent = [name for name in (*needed, *plan.keep) if name not in table.columns]
    if not absent and plan.wide and not set(plan.wide.values()) & set(table.columns):
        absent = list(plan.wide.values())
    if absent:
        raise RecordError(
            f"{table.path}: no column {', '.join(map(repr, absent))}, which {plan.path} asks for; "
            + table.found
        )
    for part in ("columns", "wide"):
        asked: Mapping[str, str] = getattr(plan, part)
        plan.see(part, (ours for ours, theirs in asked.items() if theirs in table.columns))


def _is_one_of(cell: str, wanted: Sequence[Cell]) -> bool:
    for value in wanted:
        if isinstance(value, bool):
            same = cell.lower() == str(value).lower()
        elif isinstance(value, int | float):
            try:
                same = float(cell) == value
            except ValueError:
                same = False
        else:
            same = cell == normal_name(str(value))
        if same:
            return True
    return False


def _mapped(table: TextTable, plan: _Mapping) -> "pd.DataFrame":
    """Return the answers of a table with our columns."""
    import pandas as pd

    wide = {
        attribute: table.numbers(column)
        for attribute, column in plan.wide.items()
        if column in table.columns
    }
    if wide:
        answered = [
            not all(map(math.isnan, answers)) for answers in zip(*wide.values(), strict=True)
        ]
        table = table.only(answered)
        wide = {
            attribute: [v for v, kept in zip(values, answered, strict=True) if kept]
            for attribute, values in wide.items()
        }
        if not table.rows:
            raise RecordError(f"{table.path}: no answer in the columns of [wide] in {plan.path}")
    given: dict[str, Sequence[Cell]] = {
        ours: _cells(table, ours, theirs, plan.factors.get(ours, 1.0))
        for ours, theirs in plan.columns.items()
        if theirs in table.columns
    }
    frame = pd.DataFrame(given, index=range(len(table.rows))).assign(**dict(plan.constants))
    for part, column in (("stimuli", "stimulus"), ("conditions", "condition")):
        other: Mapping[str, str] = getattr(plan, part)
        names = [normal_name(str(name)) for name in frame[column]]
        plan.see(part, names)
        frame[column] = [other.get(name, name) for name in names]
    if wide:
        parts = [frame.assign(attribute=name, value=values) for name, values in wide.items()]
        frame = pd.concat(parts, ignore_index=True)
    plan.see("attributes", (normal_name(str(name)) for name in frame["attribute"]))
    return frame


def _cells(table: TextTable, ours: str, theirs: str, factor: float) -> Sequence[Cell]:
    if ours in COLUMNS[:-1]:
        return table.names(theirs)
    numbers = table.numbers(theirs)
    return numbers if factor == 1.0 else [factor * number for number in numbers]

"""Mapping files for wide tables of indicators: what their columns and names stand for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from soundcal.errors import RecordError
from soundcal.files.mapping import mapping_parts, name_parts, never_seen
from soundcal.files.names import normal_name
from soundcal.files.tables import TextTable
from soundcal.study.headings import Heading, read_heading, with_unit_of

__all__ = ["WideMapping", "read_wide_mapping"]

_PARTS: Final = ("columns", "wide", "stimuli", "conditions", "constants")
_OWN: Final = re.compile(r"(.+?)(?: (left|right|mean|max|energy))? *\[([^\[\]]+)\]")
"""A name of one's own, ear, and unit."""

_ROLES: Final = ("stimulus", "condition", "channel", "take", "combination")


@dataclass(frozen=True, slots=True)
class WideMapping:
    """A mapping file, checked; and what of it has occurred in the tables read so far.

    Parameters
    ----------
    path : Path
        The file.
    sheet : str
        Sheet of a workbook; "" for the one with a table.
    columns : mapping of str to str
        Column of the table for ``stimulus``, ``condition``, ``channel``, ``take``.
    wide : mapping of Heading to str
        Indicator and ear, and the column with their values.
    stimuli, conditions : mapping of str to str
        Names in the table, and what they stand for.
    constants : mapping of str to str
        The same for the whole table.
    seen : mapping of str to dict
        Names of each part that occurred.
    """

    path: Path
    sheet: str
    columns: Mapping[str, str]
    wide: Mapping[Heading, str]
    stimuli: Mapping[str, str]
    conditions: Mapping[str, str]
    constants: Mapping[str, str]
    seen: Mapping[str, dict[str, None]] = field(
        default_factory=lambda: {part: {} for part in _PARTS}, compare=False
    )

    def likeness(self, cells: Sequence[str]) -> int:
        """Return how many of the columns cells name."""
        there = {normal_name(cell) for cell in cells}
        return len(there & {*self.columns.values(), *self.wide.values()})

    def without_columns(self) -> "WideMapping":
        """Return the mapping for a table with none of the columns, such as one of soundcal."""
        return replace(self, sheet="", columns={}, wide={})

    @property
    def names_columns(self) -> bool:
        """Whether the mapping names columns, and not the stimuli or conditions alone."""
        return bool(self.columns or self.wide)

    def columns_in(self, table: TextTable, top: Sequence[str]) -> dict[str, int]:
        """Return the places of the columns that say what the rows of a table are about.

        Parameters
        ----------
        table : TextTable
            The table.
        top : sequence of str
            The headings without what rows below them add.

        Raises
        ------
        RecordError
            The table has no such column, or several.
        """
        self.seen["columns"].update(dict.fromkeys(self.columns))
        return {role: self._place(table, top, name) for role, name in self.columns.items()}

    def headings_in(self, table: TextTable, top: Sequence[str]) -> dict[int, Heading]:
        """Return what the columns of a table hold, by their place.

        A unit in the heading of a column counts unless the mapping states one.

        Raises
        ------
        RecordError
            As for :meth:`columns_in`, if none is there.
        """
        known = {*top, *table.columns}
        there = {h: name for h, name in self.wide.items() if name in known} or self.wide
        found = {}
        for heading, name in there.items():
            place = self._place(table, top, name)
            self.seen["wide"][heading.text] = None
            stated = with_unit_of(heading, table.columns[place])
            found[place] = replace(stated, text=name)
        return found

    def _place(self, table: TextTable, top: Sequence[str], name: str) -> int:
        names = table.columns if name in table.columns else top
        count = names.count(name)
        if count != 1:
            problem = f"no column {name!r}" if not count else f"{count} columns {name!r}"
            raise RecordError(f"{table.path}: {problem}, which {self.path} asks for; {table.found}")
        return names.index(name)

    def renamed(self, part: str, names: Sequence[str]) -> list[str]:
        """Return names with those of a part replaced."""
        other: Mapping[str, str] = getattr(self, part)
        self.seen[part].update(dict.fromkeys(names))
        return [other.get(name, name) for name in names]

    def unused(self) -> tuple[str, ...]:
        """Return one remark per part with names that occurred in no table."""
        wide = [heading.text for heading in self.wide]
        keys = {"wide": wide, "stimuli": self.stimuli, "conditions": self.conditions}
        return tuple(
            remark
            for part, names in keys.items()
            for remark in never_seen(
                self.path, part, names, self.seen[part], of_columns=part == "wide"
            )
        )


def read_wide_mapping(path: Path) -> WideMapping:
    """Read the mapping file of wide tables.

    The mapping is a TOML file; every part may be absent::

        sheet = "Results"              # of a workbook
        [columns]                      # column of the table for each of ours
        stimulus = "Sound file"
        condition = "Setup"
        channel = "Kanal"
        [wide]                         # indicator, ear, unit; and the column with its values
        "LAeq left" = "Pegel links"
        "N5 left [sone]" = "Lautheit N5 li"
        "Roughness HM right [asper]" = "R (HM) re"
        [stimuli]                      # names in the table, and what they stand for
        "street.wav" = "CG01"
        [conditions]
        A = "ocv"
        [constants]                    # the same for the whole table
        condition = "hats"

    With ``[wide]``, no other columns are read. Its keys are headings as soundcal reads them; a key
    that is no indicator of soundcal, such as ``Roughness HM right [asper]``, is a name of its own
    and needs a unit.

    Parameters
    ----------
    path : Path
        The mapping file.

    Raises
    ------
    RecordError
        The file cannot be read, or a part of it is not as it should be.
    """
    tables, others = mapping_parts(path, _PARTS, ("sheet",))
    names = {part: name_parts(path, part, tables[part]) for part in _PARTS}
    sheet = others.get("sheet", "")
    if not isinstance(sheet, str):
        raise RecordError(f'{path}: sheet = {sheet!r:.60}; a text is expected, sheet = "…"')
    for part in ("columns", "constants"):
        if strange := [name for name in names[part] if name not in _ROLES]:
            raise RecordError(
                f"{path}: {', '.join(strange)} in [{part}]; known are {', '.join(_ROLES)}"
            )
    if twice := sorted(set(names["columns"]) & set(names["constants"])):
        raise RecordError(
            f"{path}: two sources for {', '.join(twice)}; keep one of [columns] and [constants]"
        )
    wide = {_heading(path, key): column for key, column in names["wide"].items()}
    for column in wide.values():
        if list(wide.values()).count(column) > 1:
            raise RecordError(f"{path}: {column!r} is the column of two indicators in [wide]")
    return WideMapping(
        path=path,
        sheet=sheet,
        columns=names["columns"],
        wide=wide,
        stimuli=names["stimuli"],
        conditions=names["conditions"],
        constants=names["constants"],
    )


def _heading(path: Path, key: str) -> Heading:
    """Return what a key of [wide] says."""
    heading = read_heading(key, letters=True, rules=True)
    if heading.conflict:
        raise RecordError(f"{path}: {key!r} in [wide]: {heading.conflict}")
    if heading.indicator:
        return replace(heading, remark="")
    own = _OWN.fullmatch(key)
    if own is None:
        raise RecordError(
            f"{path}: {key!r} in [wide] is no indicator of soundcal"
            + (f" ({heading.remark})" if heading.remark else "")
            + '; an own name needs a unit, such as "Roughness HM left [asper]"'
        )
    return Heading(key, indicator=own[1], ear=own[2] or "", unit=own[3].strip())

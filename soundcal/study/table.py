"""The tidy table of a study: one row per recording, channel, indicator and statistic."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.errors import RecordError
from soundcal.files.names import gathered, normal_name, some
from soundcal.files.tables import TextTable, read_table_text
from soundcal.files.workbook import is_workbook, sheet_names
from soundcal.indicators.registry import REGISTRY
from soundcal.indicators.wide import RECORDING
from soundcal.periods.datasets import is_dataset, values_table
from soundcal.study.dataset_tables import datasets_table
from soundcal.study.doubts import LEVELS, doubts_about
from soundcal.study.of_files import (
    NAMED_BY_TABLE,
    is_measured,
    tidy_of_measured,
    with_conditions,
)
from soundcal.study.second_rows import with_second_rows
from soundcal.study.spellings import WEIGHTED, label_of
from soundcal.study.wide import is_tidy, likeness, tidy_of_wide
from soundcal.study.wide_mapping import WideMapping, read_wide_mapping
from soundcal.study.wide_rows import channel_for, channels_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "checked_table", "of_methods", "read_table"]

COLUMNS: Final = ("condition", "stimulus", "channel", "indicator", "statistic", "value", "unit")
"""Columns that a table must have; it may also have ``combination``, ``take`` and others."""

_NUMBERS: Final = ("value", "u")

_NEEDED: Final = ("condition", "stimulus", "indicator")
"""Columns without empty cells."""


def read_table(
    *paths: str | os.PathLike[str], mapping: str | os.PathLike[str] | None = None
) -> "pd.DataFrame":
    """Read tables into one tidy table; all columns but ``value`` and ``u`` are text.

    A table is tidy (:data:`COLUMNS`), or wide, with a row per recording and a column per indicator
    (:mod:`soundcal.study.wide`). In a table of ``soundcal measure``, the stimulus is the name of
    the recording's file; a dataset of ``soundcal measure --out FOLDER/`` beside tables is such a
    table, too, and datasets by themselves are as :mod:`soundcal.study.dataset_tables` says. The
    condition is the column of that name, or else the name of the table's file if several tables are
    given, and the folder of the recording (:func:`soundcal.study.of_files.with_conditions`) if
    there is one table. Several sheets with tables in one workbook are one condition each.

    Parameters
    ----------
    paths : path
        One or more tables.
    mapping : path, optional
        What columns and names of wide tables stand for, see
        :func:`soundcal.study.wide_mapping.read_wide_mapping`.

    Returns
    -------
    DataFrame
        ``attrs["notes"]`` holds remarks about how the files were read.

    Raises
    ------
    RecordError
        Missing, empty, or not a table of text; a cell of ``value`` or ``u`` that is neither a
        number nor empty or ``NA``; a row without a condition, stimulus or indicator; two tables
        of one name; a column ``combination`` in some of the tables only; and as for
        :func:`soundcal.study.wide.tidy_of_wide`.
    """
    import pandas as pd

    plan = None if mapping is None else read_wide_mapping(Path(mapping))
    files = [Path(path) for path in paths]
    if all(map(is_dataset, files)):
        table = datasets_table(files)
        unused = plan.unused() if plan else ()
        table.attrs["notes"] = (*table.attrs["notes"], *unused, *doubts_about(table))
        return table
    if len(files) == 1:
        table = _read(files[0], "", plan)
        unused = plan.unused() if plan else ()
        table.attrs["notes"] = (*table.attrs["notes"], *unused, *doubts_about(table))
        return table
    plans = _plans(files, plan)
    parts = [_read(path, _method(path), own) for path, own in zip(files, plans, strict=True)]
    _check_parts(files, parts)
    table = pd.concat(parts, ignore_index=True)
    told = gathered(
        (str(path), note)
        for path, part in zip(files, parts, strict=True)
        for note in part.attrs["notes"]
    )
    unused = plan.unused() if plan else ()
    table.attrs["notes"] = (*told, *unused, *doubts_about(table))
    return table


def _plans(paths: Sequence[Path], mapping: WideMapping | None) -> list[WideMapping | None]:
    """Return the mapping of each table: a table with none of its columns is of another program."""
    if mapping is None or not mapping.names_columns:
        return [mapping] * len(paths)
    named = [_has_columns(path, mapping) for path in paths]
    if not any(named):
        return [mapping] * len(paths)  # reading says which column is not there
    return [mapping if there else mapping.without_columns() for there in named]


def _method(path: Path) -> str:
    """Return the method of a table that does not name it: that of the file, or of the folder."""
    return normal_name(path.resolve().name if is_dataset(path) else path.stem)


def _has_columns(path: Path, mapping: WideMapping) -> bool:
    """Return whether a table has a column that the mapping names."""
    sheets = (
        (mapping.sheet,) if mapping.sheet else (sheet_names(path) if is_workbook(path) else ("",))
    )
    for sheet in sheets:
        try:
            table = read_table_text(path, likeness=mapping.likeness, sheet=sheet)
        except RecordError:
            continue  # an empty sheet, or none of this name
        below = with_second_rows(table, mapping.wide.values())
        if mapping.likeness(table.columns) or mapping.likeness(below.columns):
            return True
    return False


def _read(path: Path, method: str, mapping: WideMapping | None) -> "pd.DataFrame":
    """Read one file or dataset, of the given method if nothing in it names the condition."""
    import pandas as pd

    if is_dataset(path):
        return _beside_tables(path, method)
    likely = mapping.likeness if mapping is not None and mapping.names_columns else likeness
    sheet = "" if mapping is None else mapping.sheet
    if not is_workbook(path) or sheet or len(sheets := sheet_names(path)) < 2:
        return _with_condition(
            path, read_table_text(path, likeness=likely, sheet=sheet), method, mapping
        )
    tables = {}
    for name in sheets:
        try:
            table = read_table_text(path, likeness=likely, sheet=name)
        except RecordError:
            continue  # an empty sheet, or one with something else
        if likely(table.columns):
            tables[name] = table
    if not tables:
        return _with_condition(path, read_table_text(path, likeness=likely), method, mapping)
    named = any("condition" in map(str.lower, table.columns) for table in tables.values())
    if method or named or len(tables) == 1:
        name, table = next(iter(tables.items()))
        others = [other for other in sheets if other != name]
        note = f"{path}: the sheet {name} is read; not {some(others)}"
        frame = _with_condition(path, table, method, mapping)
        frame.attrs["notes"] = (note, *frame.attrs["notes"])
        return frame
    parts = [_with_condition(path, table, name, mapping) for name, table in tables.items()]
    frame = pd.concat(parts, ignore_index=True)
    notes = dict.fromkeys(note for part in parts for note in part.attrs["notes"])
    notes.pop(NAMED_BY_TABLE, None)
    note = f"{path}: the conditions are the sheets {some(tables)}"
    frame.attrs["notes"] = (note, *notes)
    return frame


def _beside_tables(path: Path, method: str) -> "pd.DataFrame":
    """Return a dataset as a table of recordings that are known by the names of their files."""
    table = values_table(path).drop(columns="station")
    seen: dict[str, str] = {}
    for name in table["recording"].unique():
        other = seen.setdefault(normal_name(PurePosixPath(name).stem), name)
        if other != name:
            raise RecordError(
                f"{path}: {other} and {name} have the same name, by which recordings are paired "
                "with those of tables; compare datasets with datasets, or tell them apart in a "
                f"column stimulus of a table: soundcal summarise {path} --every recording "
                "--out FILE.csv"
            )
    return with_conditions(table, method)


def _with_condition(
    path: Path, table: TextTable, method: str, mapping: WideMapping | None
) -> "pd.DataFrame":
    """Return a table as a tidy one with the column ``condition``."""
    if is_tidy(table.columns):
        return _tidy(path, table, method)
    if is_measured(table) and (mapping is None or not mapping.names_columns):
        try:
            frame = with_conditions(tidy_of_measured(table), method)
        except RecordError as error:
            raise RecordError(f"{path}: {error}") from error
        if mapping is not None:
            frame["stimulus"] = mapping.renamed("stimuli", frame["stimulus"].tolist())
            frame["condition"] = mapping.renamed("conditions", frame["condition"].tolist())
        return frame
    frame = tidy_of_wide(table, mapping, method=method)
    if "condition" not in frame.columns:
        raise RecordError(
            f"{path}: nothing names the condition (method) of the recordings; give one table for "
            "each method, named after it: soundcal compare FIRST.csv SECOND.csv; or a column "
            "condition"
        )
    return frame


def _tidy(path: Path, table: TextTable, method: str) -> "pd.DataFrame":
    """Return a tidy table, of the given method if it has no column ``condition``."""
    import pandas as pd

    absent = [name for name in COLUMNS if name not in table.columns]
    of_files = set(absent) <= {"condition", "stimulus"} and table.columns.count("recording") == 1
    if absent == ["condition"] and not of_files and not method:
        raise RecordError(
            f"{path}: {_no_column(absent)}; or give one table for each method, named after it: "
            "soundcal compare FIRST.csv SECOND.csv"
        )
    if absent not in ([], ["condition"]) and not of_files:
        raise RecordError(f"{path}: {_no_column(absent)}; {table.found}")
    frame = pd.DataFrame(
        {
            name: table.numbers(name)
            if name in _NUMBERS
            else table.names(name, needed=name in _NEEDED)
            for name in table.columns
            if name in COLUMNS or table.columns.count(name) == 1
        }
    )
    frame.attrs["notes"] = table.notes
    _understand_names(path, frame)
    if not of_files:
        if absent:
            frame.insert(0, "condition", method)
            frame.attrs["notes"] = (*frame.attrs["notes"], NAMED_BY_TABLE)
        return frame
    try:
        return with_conditions(frame, method)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error


def _understand_names(path: Path, frame: "pd.DataFrame") -> None:
    """Put our own names of channels and indicators into a tidy table: L is left, LAeq is LA, eq."""
    channels, remarks = channels_of(frame["channel"].tolist())
    frame["channel"] = channels
    for name in frame["indicator"].unique():
        of_label = (frame["indicator"] == name) & (frame["statistic"] == "")
        if of_label.any() and name not in REGISTRY and (label := label_of(name, "")):
            frame.loc[of_label, ["indicator", "statistic"]] = label
    frame["channel"] = list(map(channel_for, frame["channel"], frame["indicator"]))
    for unit, weighting in WEIGHTED.items():
        weighted = frame["indicator"].isin(LEVELS) & frame["indicator"].str.endswith(weighting)
        frame.loc[weighted & (frame["unit"] == unit), "unit"] = "dB"
    notes = [f"{path}: {remark}" for remark in remarks]
    frame.attrs["notes"] = (*frame.attrs["notes"], *notes)


def _check_parts(paths: Sequence[Path], parts: "Sequence[pd.DataFrame]") -> None:
    """Refuse tables that cannot become one."""
    combined = ["combination" in part.columns for part in parts]
    if any(combined) and not all(combined):
        one, other = paths[combined.index(True)], paths[combined.index(False)]
        raise RecordError(
            f"{one} has a column combination, {other} has none; add it to all tables, or remove it "
            "from all"
        )
    named: dict[str, Path] = {}
    for path, part in zip(paths, parts, strict=True):
        name = _method(path)
        if set(part["condition"]) != {name}:
            continue
        if name in named:
            raise RecordError(
                f"{named[name]} and {path} are both of the condition {name!r}; give each table "
                "once, and name the file of each method after it, or add a column condition "
                "(measure --condition NAME)"
            )
        named[name] = path


def _no_column(names: list[str]) -> str:
    return f"the table has no column {', '.join(names)}; a tidy table has {', '.join(COLUMNS)}"


def of_methods(tables: "pd.DataFrame | Mapping[str, pd.DataFrame]") -> "pd.DataFrame":
    """Return one tidy table of tables of ``soundcal.measure``; a tidy one is returned as it is.

    Parameters
    ----------
    tables : DataFrame, or mapping of str to DataFrame
        One table, whose conditions are the folders of the recordings if no column has them, or one
        table per condition, by its name.

    Raises
    ------
    RecordError
        A wide table, or as for :func:`soundcal.study.of_files.with_conditions`.
    """
    import pandas as pd

    if isinstance(tables, Mapping):
        if not tables:
            raise RecordError("no table; nothing can be compared")
        parts = [_of_method(table, name) for name, table in tables.items()]
        table = pd.concat(parts, ignore_index=True)
        told = gathered(
            (name, note)
            for name, part in zip(tables, parts, strict=True)
            for note in part.attrs.get("notes", ())
        )
        table.attrs["notes"] = told
        return table
    return _of_method(tables)


def _of_method(table: "pd.DataFrame", method: str = "") -> "pd.DataFrame":
    if RECORDING in table.index.names:
        raise RecordError(
            "a wide table of soundcal.measure cannot be compared; measure without wide=True"
        )
    if RECORDING in table.columns and not {"condition", "stimulus"} <= set(table.columns):
        return with_conditions(table, normal_name(method))
    if method and "condition" not in table.columns:
        table = table.assign(condition=normal_name(method))
    return table


def checked_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return :data:`COLUMNS`, and ``take``, of a table of one combination, as texts and floats.

    Raises
    ------
    RecordError
        Columns missing or with empty cells, no rows, several combinations of equipment, or a value
        that is not a number.
    """
    import pandas as pd

    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise RecordError(_no_column(missing))
    if table.empty:
        raise RecordError("the table has no rows; nothing can be compared")
    if "combination" in table.columns and table["combination"].nunique(dropna=False) > 1:
        names = ", ".join(sorted(map(str, table["combination"].unique())))
        raise RecordError(
            f"the table holds several combinations of equipment ({names}); compare each by itself, "
            "because the same stimuli over several combinations are not independent"
        )
    kept = [name for name in COLUMNS if name != "value"]
    texts = {}
    for name in (*kept, "take"):
        if name in table.columns:
            cells = table[name].tolist()
            normal = {cell: normal_name(str(cell)) for cell in set(cells)}
            texts[name] = [normal[cell] for cell in cells]
    if "take" in texts:
        absent = table["take"].isna()
        texts["take"] = ["" if no else t for no, t in zip(absent, texts["take"], strict=True)]
    result = pd.DataFrame(texts)
    try:
        result["value"] = pd.to_numeric(table["value"]).to_numpy(dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise RecordError(
            f"the column value holds something that is not a number: {error}"
        ) from error
    for name in _NEEDED:
        if table[name].isna().any() or (result[name] == "").any():
            raise RecordError(f"the column {name} has empty cells; every row needs one")
    return result

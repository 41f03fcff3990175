"""All tables of a study and its report as CSV and as JSON, numbers unrounded."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.files.atomic import make_folder, partial_file
from soundcal.files.records import write_json
from soundcal.files.spreadsheet import for_cells
from soundcal.plain import plain
from soundcal.report.document import Table
from soundcal.study import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["further_json", "json_rows", "table_frame", "write_tables"]


def write_tables(
    study: Study, tables: Sequence[Table], folder: Path, *, force: bool = False
) -> list[Path]:
    """Write the tidy tables of a study and the tables of its report; return the paths.

    ``indicators.csv``, ``agreement.csv``, ``differences.csv`` and, where further statistics were
    asked for, ``further.csv`` are tidy; ``tables`` has every table of the report as CSV, and
    ``tables.json`` all of them together, the tidy ones column by column.

    Raises
    ------
    RecordError
        A file exists and ``force`` is not set, or cannot be written.
    """
    frames = {"indicators": study.table}
    if study.comparisons:
        frames |= {"agreement": study.agreements(), "differences": study.differences()}
        further = study.further()
        if len(further):
            frames["further"] = further
    paths = []
    for name, frame in frames.items():
        path = folder / f"{name}.csv"
        with partial_file(path, force=force) as temporary:
            for_cells(frame).to_csv(temporary, index=False)
        paths.append(path)
    make_folder(folder / "tables")
    for table in tables:
        path = folder / "tables" / f"{table.name}.csv"
        with partial_file(path, force=force) as temporary:
            for_cells(table_frame(table)).to_csv(temporary, index=False)
        paths.append(path)
    path = folder / "tables.json"
    content: dict[str, Any] = {
        name: {column: plain(frame[column].tolist()) for column in frame}
        for name, frame in frames.items()
    }
    content["report"] = [_as_dict(table) for table in tables]
    write_json(path, "soundcal/report-tables/1", content, force=force, compact=True)
    return [*paths, path]


def table_frame(table: Table) -> "pd.DataFrame":
    """Convert a table of the report to a data frame, numbers unrounded.

    Headings are group, title and unit; an interval becomes two columns, low and high.
    """
    import pandas as pd

    columns: dict[str, list[Any]] = {}
    for index, column in enumerate(table.columns):
        cells = [row[index] for row in table.rows]
        names = (column.group, column.title, f"({column.unit})" if column.unit else "")
        name = " ".join(text for text in names if text)
        if column.kind == "interval":
            for place, end in enumerate(("low", "high")):
                columns[f"{name} {end}"] = [None if c is None else c[place] for c in cells]
        else:
            columns[name] = cells
    return pd.DataFrame(columns)


def json_rows(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return rows ready for JSON; NaN becomes null."""
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=15))
    return rows


def further_json(study: Study) -> dict[str, Any]:
    """Return what only some comparisons have, ready for JSON; no keys for what is absent.

    ``further``: additional statistics; ``ears``: single ears; ``repeatability`` of each method.
    """
    found: dict[str, list[Any]] = {
        "further": json_rows(study.further()),
        "ears": [],
        "repeatability": [],
    }
    for combination, comparison in study.comparisons.items():
        for entry in comparison.entries:
            about = {
                "combination": combination,
                "indicator": entry.indicator,
                "statistic": entry.statistic,
                "first": entry.first,
                "second": entry.second,
            }
            if entry.two_ears is not None:
                found["ears"].append(about | entry.two_ears.to_dict())
            found["repeatability"] += [about | plain(one) for one in entry.repeatability]
    return {name: rows for name, rows in found.items() if rows}


def _as_dict(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "caption": table.caption,
        "columns": [
            {"title": column.title, "group": column.group, "unit": column.unit}
            for column in table.columns
        ],
        "rows": plain(table.rows),
    }

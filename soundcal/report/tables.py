"""Every table as tidy CSV and as JSON, numbers unrounded."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.errors import RecordError
from soundcal.files.atomic import partial_file
from soundcal.files.records import write_json
from soundcal.files.text import check_file
from soundcal.report.document import Table
from soundcal.report.sections.summary import build
from soundcal.study.model import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "agreement_frame",
    "difference_frame",
    "read_table",
    "records",
    "table_frame",
    "write_tables",
]

_TEXT_COLUMNS = (
    "recording",
    "channel",
    "indicator",
    "statistic",
    "unit",
    "calibration",
    "software",
    "condition",
    "stimulus",
    "combination",
    "flags",
)


def agreement_frame(study: Study) -> "pd.DataFrame":
    """Return one row per combination, indicator and pair of methods: bias, limits, intervals."""
    return _per_combination(study, "agreement")


def difference_frame(study: Study) -> "pd.DataFrame":
    """Return one row per combination, indicator, pair of methods and stimulus."""
    return _per_combination(study, "differences")


def _per_combination(study: Study, what: str) -> "pd.DataFrame":
    import pandas as pd

    frames = []
    for name, comparison in study.comparisons.items():
        frame = comparison.to_frame() if what == "agreement" else comparison.differences()
        frame.insert(0, "combination", name)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def write_tables(study: Study, folder: Path, *, force: bool = False) -> list[Path]:
    """Write the tidy tables and every table of the report; return the paths.

    ``indicators.csv``, ``agreement.csv`` and ``differences.csv`` are tidy; ``tables`` has every
    table of the report as CSV, and ``tables.json`` all of them together, the tidy ones column by
    column.

    Raises
    ------
    RecordError
        A file exists and ``force`` is not set, or cannot be written.
    """
    frames = {"indicators": study.table}
    if study.comparisons:
        frames |= {"agreement": agreement_frame(study), "differences": difference_frame(study)}
    paths = []
    for name, frame in frames.items():
        path = folder / f"{name}.csv"
        with partial_file(path, force=force) as temporary:
            frame.to_csv(temporary, index=False)
        paths.append(path)
    tables = build(study).tables()
    (folder / "tables").mkdir(exist_ok=True)
    for table in tables:
        path = folder / "tables" / f"{table.name}.csv"
        with partial_file(path, force=force) as temporary:
            table_frame(table).to_csv(temporary, index=False)
        paths.append(path)
    path = folder / "tables.json"
    content: dict[str, Any] = {
        name: {column: _plain_list(frame[column]) for column in frame}
        for name, frame in frames.items()
    }
    content["report"] = [_as_dict(table) for table in tables]
    write_json(path, "soundcal/report-tables/1", content, force=force, compact=True)
    return [*paths, path]


def table_frame(table: Table) -> "pd.DataFrame":
    """Return a table of the report as a data frame, numbers unrounded.

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


def records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return rows ready for JSON; NaN becomes null."""
    records: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=15))
    return records


def _plain_list(column: "pd.Series[Any]") -> list[Any]:
    """Return a column ready for JSON; what is not finite becomes null."""
    return [
        None if isinstance(value, float) and not math.isfinite(value) else value
        for value in column.tolist()
    ]


def _as_dict(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "caption": table.caption,
        "columns": [
            {"title": column.title, "group": column.group, "unit": column.unit}
            for column in table.columns
        ],
        "rows": [[_plain(cell) for cell in row] for row in table.rows],
    }


def _plain(cell: Any) -> Any:
    return list(cell) if isinstance(cell, tuple) else cell


def read_table(path: Path) -> "pd.DataFrame":
    """Read a tidy CSV table; ids that look like numbers stay text.

    Raises
    ------
    RecordError
        Missing, empty, or not a CSV table.
    """
    import pandas as pd

    check_file(path)
    try:
        return pd.read_csv(
            path,
            dtype=dict.fromkeys(_TEXT_COLUMNS, str),
            keep_default_na=False,
            na_values={"value": ["", "nan", "NaN"], "u": ["", "nan", "NaN"]},
        )
    except (OSError, ValueError) as error:
        # pandas' own parser and decoding errors derive from ValueError
        raise RecordError(f"{path}: cannot be read as a CSV table ({error})") from error

"""The tidy table of a study: one row per recording, channel, indicator and statistic."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.errors import RecordError
from soundcal.files.names import normal_name
from soundcal.files.tables import read_table_text
from soundcal.study.of_files import with_conditions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "checked_table", "read_table"]

COLUMNS: Final = ("condition", "stimulus", "channel", "indicator", "statistic", "value", "unit")
"""Columns that a table must have; it may also have ``combination`` and others."""

_NUMBERS: Final = ("value", "u")


def read_table(path: Path) -> "pd.DataFrame":
    """Read a tidy table; all columns but ``value`` and ``u`` are text.

    A table of ``soundcal measure`` gets condition and stimulus from the names of its recordings
    (:func:`soundcal.study.of_files.with_conditions`).

    Returns
    -------
    DataFrame
        ``attrs["notes"]`` holds remarks about how the file was read.

    Raises
    ------
    RecordError
        Missing, empty, or not a table of text; a cell of ``value`` or ``u`` that is neither a
        number nor empty or ``NA``; a row without a condition or stimulus.
    """
    import pandas as pd

    table = read_table_text(path)
    absent = [name for name in COLUMNS if name not in table.columns]
    of_files = absent == ["condition", "stimulus"] and table.columns.count("recording") == 1
    if absent and not of_files:
        raise RecordError(f"{path}: {_no_column(absent)}; {table.found}")
    frame = pd.DataFrame(
        {
            name: table.numbers(name)
            if name in _NUMBERS
            else table.names(name, needed=name in ("condition", "stimulus"))
            for name in table.columns
            if name in COLUMNS or table.columns.count(name) == 1
        }
    )
    frame.attrs["notes"] = table.notes
    if not of_files:
        return frame
    try:
        return with_conditions(frame)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error


def _no_column(names: list[str]) -> str:
    return f"the table has no column {', '.join(names)}; a tidy table has {', '.join(COLUMNS)}"


def checked_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the columns :data:`COLUMNS` of a table of one combination, as texts and floats.

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
    texts = {name: [normal_name(str(text)) for text in table[name]] for name in kept}
    result = pd.DataFrame(texts)
    try:
        result["value"] = pd.to_numeric(table["value"]).to_numpy(dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise RecordError(
            f"the column value holds something that is not a number: {error}"
        ) from error
    for name in ("condition", "stimulus"):
        if table[name].isna().any() or (result[name] == "").any():
            raise RecordError(f"the column {name} has empty cells; every row needs one")
    return result

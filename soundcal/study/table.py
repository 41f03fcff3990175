"""The tidy table of a study: one row per recording, channel, indicator and statistic."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.errors import RecordError
from soundcal.files.text import check_file

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "checked_table", "read_table"]

COLUMNS: Final = ("condition", "stimulus", "channel", "indicator", "statistic", "value", "unit")
"""Columns that a table must have; it may also have ``combination`` and others."""

_TEXT_COLUMNS: Final = (
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
        raise RecordError(
            f"the table has no column {', '.join(missing)}; a tidy table has {', '.join(COLUMNS)}"
        )
    if table.empty:
        raise RecordError("the table has no rows; nothing can be compared")
    if "combination" in table.columns and table["combination"].nunique(dropna=False) > 1:
        names = ", ".join(sorted(map(str, table["combination"].unique())))
        raise RecordError(
            f"the table holds several combinations of equipment ({names}); compare each by itself, "
            "because the same stimuli over several combinations are not independent"
        )
    kept = [name for name in COLUMNS if name != "value"]
    result = table[kept].astype(str).reset_index(drop=True)
    try:
        result["value"] = pd.to_numeric(table["value"]).to_numpy(dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise RecordError(
            f"the column value holds something that is not a number: {error}"
        ) from error
    for name in ("condition", "stimulus"):
        if table[name].isna().any():
            raise RecordError(f"the column {name} has empty cells; every row needs one")
    return result

"""The table of differences that a report writes, read again."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from soundcal.errors import RecordError
from soundcal.files.tables import read_table_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DIFFERENCES", "is_differences", "read_differences"]

DIFFERENCES: Final = "differences.csv"
"""Name of the table in the folder of a report."""

_NEEDED: Final = ("indicator", "first", "second", "stimulus")
_OTHER: Final = ("statistic", "unit", "ears", "combination")
_NUMBERS: Final = ("first_value", "second_value", "difference")


def is_differences(path: Path) -> bool:
    """Return whether a table has the columns of differences between methods.

    Raises
    ------
    RecordError
        Missing, or not a table of text.
    """
    return {*_NEEDED, *_NUMBERS[:2]} <= set(read_table_text(path).columns)


def read_differences(path: str | os.PathLike[str]) -> "pd.DataFrame":
    """Read the differences between methods that a report has written.

    Parameters
    ----------
    path : path
        ``differences.csv`` of a report.

    Returns
    -------
    DataFrame
        As of :meth:`soundcal.study.Study.differences`; ``attrs["notes"]`` holds remarks about how
        the file was read.

    Raises
    ------
    RecordError
        Missing, not a table of text, without these columns, or with a cell that is not a number.
    """
    import pandas as pd

    path = Path(path)
    table = read_table_text(path)
    if absent := [n for n in (*_NEEDED, *_NUMBERS[:2]) if n not in table.columns]:
        raise RecordError(f"{path}: no column {', '.join(absent)}; {table.found}")
    columns = {
        name: table.numbers(name) if name in _NUMBERS else table.names(name, needed=name in _NEEDED)
        for name in (*_NEEDED, *_OTHER, *_NUMBERS)
        if name in table.columns
    }
    frame = pd.DataFrame(columns)
    for name in ("statistic", "unit"):
        if name not in frame:
            frame[name] = ""
    frame.attrs["notes"] = table.notes
    return frame

"""The recordings of a dataset as the table that ``soundcal measure`` prints of files."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from soundcal.indicators.rows import COLUMNS
from soundcal.periods.local_time import Every
from soundcal.periods.summarising import summarise
from soundcal.runs.dataset import summary_days
from soundcal.version import __version__

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["is_dataset", "recordings_table"]

_NAME = "recordings"


def is_dataset(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is the folder of a dataset, even one whose settings are lost."""
    return (Path(path) / "run.json").is_file() or bool(summary_days(Path(path)))


def recordings_table(
    folder: str | os.PathLike[str], *, labels: str | None = None
) -> "pd.DataFrame":
    """Return the values of every recording of a dataset, merged of all its pieces.

    Parameters
    ----------
    folder : path
        Dataset of ``soundcal measure --out FOLDER/``.
    labels : str, optional
        Values, with commas; by default those that the run was asked for.

    Returns
    -------
    DataFrame
        One row per recording, channel and value, with the columns
        :data:`soundcal.indicators.rows.COLUMNS`. ``attrs["notes"]`` says what was left out.

    Raises
    ------
    RecordError, ParameterError
        As for :func:`soundcal.periods.summarise`.
    """
    import pandas as pd

    found = summarise(folder, {_NAME: Every("recording")}, labels=labels)
    software = f"soundcal {__version__}"
    cells = [
        (
            row.period.name,
            row.channel,
            symbol,
            statistic,
            value,
            found.units[symbol, statistic],
            None,
            row.calibration,
            software,
        )
        for row in found.tables[_NAME].rows
        for (symbol, statistic), value in row.values.items()
    ]
    table = pd.DataFrame(cells, columns=list(COLUMNS))
    table["value"] = table["value"].astype("float64")
    incomplete = [
        f"{row.period.name}, {row.channel}: {', '.join(found.marks(row))}"
        for row in found.tables[_NAME].rows
        if row.coverage is not None and row.coverage < 1.0 and found.marks(row)
    ]
    table.attrs["notes"] = (*found.notes, *incomplete)
    return table

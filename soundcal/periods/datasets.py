"""Datasets as tables with a row per value, as ``soundcal measure`` prints them of files."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from soundcal.errors import SignalError
from soundcal.indicators.rows import COLUMNS
from soundcal.periods.local_time import Every
from soundcal.periods.summarising import LIMIT, summarise
from soundcal.periods.sums import OF_PARTS
from soundcal.periods.tables import Summarised
from soundcal.recording import counted
from soundcal.runs.dataset import summary_days
from soundcal.version import __version__

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OF_RECORDINGS", "is_dataset", "values_table"]

OF_RECORDINGS: Final = Every("recording")
"""The kind of the periods that are whole files."""

_NAME: Final = "values"
_SHOWN: Final = 12


def is_dataset(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is the folder of a dataset, even one whose settings are lost."""
    try:
        return (Path(path) / "run.json").is_file() or bool(summary_days(Path(path)))
    except OSError:  # a link to itself, a folder that must not be read
        return False


def values_table(
    folder: str | os.PathLike[str],
    every: Every = OF_RECORDINGS,
    *,
    zone: str = "",
    labels: str | None = None,
    limit: float = LIMIT,
) -> "pd.DataFrame":
    """Return the values of every recording of a dataset, or of every period of a station.

    Parameters
    ----------
    folder : path
        Dataset of ``soundcal measure --out FOLDER/``.
    every : Every
        Kind of the periods.
    zone, labels, limit
        As for :func:`soundcal.periods.summarise`. Periods that are covered to less than the limit
        are left out; recordings are not.

    Returns
    -------
    DataFrame
        One row per recording or period, channel and value, with the column ``station`` and
        :data:`soundcal.indicators.rows.COLUMNS`; ``recording`` is the name of the period.
        ``attrs["notes"]`` says what was left out, and ``attrs["zone"]`` is the time zone.

    Raises
    ------
    RecordError, ParameterError, SignalError
        As for :func:`soundcal.periods.summarise`; or no period is covered as far as the limit.
    """
    import pandas as pd

    found = summarise(folder, {_NAME: every}, zone=zone, labels=labels, limit=limit)
    rows = found.tables[_NAME].rows
    of_files = every == OF_RECORDINGS
    kept = [r for r in rows if of_files or r.coverage is None or r.coverage >= limit]
    if not kept:
        raise SignalError(
            f"{folder}: no {every} is covered to {100 * limit:g} %; accept less with --coverage"
        )
    software = f"soundcal {__version__}"
    cells = [
        (
            row.station,
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
        for row in kept
        for (symbol, statistic), value in row.values.items()
        if symbol != OF_PARTS or not found.doubtful(row)
    ]
    table = pd.DataFrame(cells, columns=["station", *COLUMNS])
    table["value"] = table["value"].astype("float64")
    notes = [*found.notes, *(_incomplete(found) if of_files else ())]
    if low := len(rows) - len(kept):
        notes.append(
            f"{low} of {counted(len(rows), 'row')} by {every} left out, because less than "
            f"{100 * limit:g} % of the period is covered"
        )
    table.attrs |= {"notes": tuple(notes), "zone": found.zone}
    return table


def _incomplete(found: Summarised) -> Iterator[str]:
    """Give a remark on recordings that are not covered in full."""
    names = [
        f"{row.period.name}, {row.channel}: {', '.join(found.marks(row))}"
        for row in found.tables[_NAME].rows
        if row.coverage is not None and row.coverage < 1.0 and found.marks(row)
    ]
    yield from names[:_SHOWN]
    if (more := len(names) - _SHOWN) > 0:
        yield f"{counted(more, 'more recording')} not covered in full"

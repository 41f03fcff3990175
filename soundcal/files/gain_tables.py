"""The CSV tables of the published automated calibration, read and written in their own format.

Source: the LabVIEW program of Ooi, Xie, Lam and Gan (MethodsX 2021), whose sample tables define
the columns. A track is played from a file; the search for its gain ends in one line of the output.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from soundcal.calibration.hats import GainSearch, Track
from soundcal.errors import ParameterError, RecordError
from soundcal.files.spreadsheet import for_cell
from soundcal.files.tables import TextTable, read_table_text

__all__ = ["INPUT_COLUMNS", "OUTPUT_COLUMNS", "PublishedTrack", "output_table", "read_tracks"]

INPUT_COLUMNS: Final = (
    "Filepath",
    "Desired Leq (D)",
    "Tolerance (T)",
    "Initial guess (G)",
    "Multiplier (M)",
    "Max. iterations for boundary search (N)",
    "Max. iterations for binary search (N)",
)

OUTPUT_COLUMNS: Final = (
    "Filepath",
    "Gain",
    "Leq",
    "Calls to MeasureLeq",
    "Boundary search iterations",
    "Binary search iterations",
    "Within range?",
    "Date",
    "Time",
)

FAILED: Final = -1.0
"""Gain of a track whose search failed."""


@dataclass(frozen=True, slots=True)
class PublishedTrack:
    """One line of the input table.

    Parameters
    ----------
    file : str
        Path as written in the table; relative ones start from the table's folder.
    target, tolerance : float
        dB.
    start, multiplier : float
        Linear gain, and the factor on it.
    boundary, bisection : int
        Largest numbers of iterations of the boundary search and of the bisection.
    """

    file: str
    target: float
    tolerance: float
    start: float
    multiplier: float
    boundary: int
    bisection: int

    def track(self, max_gain: float = math.inf) -> Track:
        """Return the settings of the search, with as many measurements as the published one."""
        most = 2 + self.boundary + self.bisection
        return Track(self.target, self.tolerance, self.start, max_gain, self.multiplier, most)


def read_tracks(path: Path) -> tuple[list[PublishedTrack], tuple[str, ...]]:
    """Return the tracks of an input table, and remarks on how it was read.

    Parameters
    ----------
    path : Path
        A table with the columns :data:`INPUT_COLUMNS`, in any order.

    Raises
    ------
    RecordError
        Not these columns, or a value that is missing, not a number or out of range.
    """
    table = read_table_text(path)
    there = {name.casefold(): name for name in table.columns}
    absent = [name for name in INPUT_COLUMNS if name.casefold() not in there]
    if absent:
        raise RecordError(
            f"{path}: no column {', '.join(absent)}; a gain table has {', '.join(INPUT_COLUMNS)}; "
            + table.found
        )
    files, *columns = (there[name.casefold()] for name in INPUT_COLUMNS)
    numbers = {name: table.numbers(name) for name in columns}
    rows = zip(table.lines, table.cells(files), *numbers.values(), strict=True)
    return [_track(table, line, file, values) for line, file, *values in rows], table.notes


def _track(table: TextTable, line: int, file: str, values: Sequence[float]) -> PublishedTrack:
    where = f"{table.path}: line {line}"
    target, tolerance, start, multiplier, boundary, bisection = values
    if not file or any(map(math.isnan, values)):
        raise RecordError(f"{where}: an empty cell; every track needs its file and six numbers")
    if not all(number.is_integer() and number >= 0 for number in (boundary, bisection)):
        raise RecordError(
            f"{where}: {boundary:g} and {bisection:g} iterations; whole numbers from 0 are expected"
        )
    try:
        found = PublishedTrack(
            file, target, tolerance, start, multiplier, int(boundary), int(bisection)
        )
        found.track()
    except ParameterError as error:
        raise RecordError(f"{where}: {error}") from error
    return found


def output_table(results: Sequence[tuple[str, GainSearch, datetime]]) -> str:
    """Return the output table of searches.

    Parameters
    ----------
    results : sequence of (str, GainSearch, datetime)
        File as in the input table, its search with a common gain, and the time of the search.

    Returns
    -------
    str
        CSV: a header and one line per track. The gain is -1 if the search failed. The level
        excludes the noise floor; if nothing was played, it is the level of the floor. "Within
        range?" is Y because no gain that clips is ever tried.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(OUTPUT_COLUMNS)
    for file, search, when in results:
        if search.per_ear:
            raise ParameterError(f"{file}: the published table has one gain for both ears, not two")
        gain = search.gains[0] if search.reached else FAILED
        within = "Y" if search.gains[0] <= search.track.max_gain else "N"
        writer.writerow(
            (
                for_cell(file),
                f"{gain:.6f}",
                f"{search.level:.6f}",
                len(search.steps),
                search.boundary_steps,
                search.bisection_steps,
                within,
                f"{when:%Y-%m-%d}",
                f"{when:%I:%M} {'AM' if when.hour < 12 else 'PM'}",
            )
        )
    return out.getvalue()

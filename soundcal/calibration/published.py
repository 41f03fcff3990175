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
from typing import Final

from soundcal.calibration.hats import GainSearch, Track
from soundcal.errors import ParameterError, RecordError

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


def read_tracks(text: str) -> list[PublishedTrack]:
    """Return the tracks of an input table.

    Parameters
    ----------
    text : str
        The CSV file's content: a header and one line per track, columns in the published order.

    Raises
    ------
    RecordError
        Not seven columns, no header, or a value that is not a number or is out of range.

    Examples
    --------
    >>> header = ",".join(INPUT_COLUMNS)
    >>> read_tracks(f"{header}\\npink.wav,55,0.5,1,2,10,10\\n")[0].target
    55.0
    """
    try:
        lines = [line for line in csv.reader(io.StringIO(text.lstrip("\ufeff"))) if any(line)]
    except csv.Error as error:
        raise RecordError(f"gain table: {error}") from error
    if not lines or lines[0][0].strip().lower() != INPUT_COLUMNS[0].lower():
        raise RecordError(f"gain table without header; expected: {', '.join(INPUT_COLUMNS)}")
    return [_track(number, line) for number, line in enumerate(lines[1:], start=2)]


def _track(number: int, line: Sequence[str]) -> PublishedTrack:
    if len(line) != len(INPUT_COLUMNS):
        raise RecordError(
            f"gain table, line {number}: {len(line)} columns, {len(INPUT_COLUMNS)} are expected"
        )
    try:
        target, tolerance, start, multiplier = (float(word) for word in line[1:5])
        boundary, bisection = (int(word) for word in line[5:])
        found = PublishedTrack(
            line[0].strip(), target, tolerance, start, multiplier, boundary, bisection
        )
        found.track()
    except ParameterError as error:
        raise RecordError(f"gain table, line {number}: {error}") from error
    except ValueError as error:
        raise RecordError(f"gain table, line {number}: {error}; numbers are expected") from error
    if min(boundary, bisection) < 0:
        raise RecordError(f"gain table, line {number}: negative number of iterations")
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
                file,
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

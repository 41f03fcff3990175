"""Datasets of ``soundcal measure --out FOLDER/`` as one table, with what is paired in them.

Of several datasets, each is one method, named by its folder. Of one dataset, the stations are the
methods. What is paired has the same name:

* a recording: its path below the root of the run, with the folder of the station and without the
  ending of the file (unless two files differ in it only);
* a period: its station and its local time, with the year or without it.

The station is no part of the name if it is the method, or if every dataset has one station only.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from soundcal.errors import ParameterError, RecordError
from soundcal.files.names import gathered, normal_name, some
from soundcal.periods.datasets import OF_RECORDINGS, values_table
from soundcal.periods.local_time import Every, as_every
from soundcal.periods.summarising import LIMIT

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["datasets_table"]

_OFFSET: Final = re.compile(r"[+-]\d\d:\d\d(:\d\d)?$")
"""Offset from UTC at the end of the name of a period."""

_YEAR: Final = re.compile(r"\d{4}-")

_SHOWN: Final = 3
"""Names of each method that a refusal shows."""

Place = tuple[str, str]
"""Station and recording, or station and period."""


def datasets_table(
    folders: Sequence[str | os.PathLike[str]],
    *,
    every: Every | str = OF_RECORDINGS,
    zone: str = "",
    across_years: bool = False,
    limit: float = LIMIT,
    labels: str | None = None,
) -> "pd.DataFrame":
    """Return the values of datasets as one table that can be compared.

    Parameters
    ----------
    folders : sequence of path
        Datasets.
    every : Every or str
        What is paired: recordings, or periods such as ``hour`` or ``day``.
    zone : str
        Time zone of periods; by default that of the runs.
    across_years : bool
        Pair periods of different years: the same time of the same day, the same day or month.
    limit : float
        Coverage below which a period is left out, 0 to 1.
    labels : str, optional
        Values, with commas; by default those that the runs were asked for.

    Returns
    -------
    DataFrame
        Tidy table with the columns condition and stimulus. ``attrs["notes"]`` says what was left
        out, and what is paired.

    Raises
    ------
    ParameterError
        A dataset twice, datasets of different time zones, or periods across years that have no
        place in a year.
    RecordError
        No two of the methods have anything in common; a station has two years that are to be
        paired with others; and as for :func:`soundcal.periods.summarise`.
    """
    import pandas as pd

    kind = as_every(every) if isinstance(every, str) else every
    if across_years and kind.unit not in ("clock", "day", "month"):
        raise ParameterError(
            f"{kind}: has no place in the year; across years, months, days, hours and shorter "
            "periods are paired"
        )
    paths = [Path(folder) for folder in folders]
    names = _names(paths)
    parts = [values_table(path, kind, zone=zone, labels=labels, limit=limit) for path in paths]
    if kind.of_time:
        _check_zones(names, [part.attrs["zone"] for part in parts])
    stations = [part["station"].unique().tolist() for part in parts]
    alone = len(paths) == 1
    by_station = alone and len(stations[0]) > 1
    own = max(map(len, stations)) > 1 and not alone
    places: dict[str, dict[Place, None]] = {}  # in their order, each once
    for name, part in zip(names, parts, strict=True):
        part.insert(0, "condition", part["station"].map(normal_name) if by_station else name)
        for place in zip(part["condition"], part["station"], part["recording"], strict=True):
            places.setdefault(place[0], {})[place[1:]] = None
    if kind == OF_RECORDINGS:
        stimuli = _of_files(places, own)
    else:
        stimuli = {n: _of_periods(n, found, own, across_years) for n, found in places.items()}
    table = pd.concat(parts, ignore_index=True)
    columns = (table[name] for name in ("condition", "station", "recording"))
    table.insert(
        1, "stimulus", [stimuli[name][s, of] for name, s, of in zip(*columns, strict=True)]
    )
    _check_common(stimuli, kind, across_years)
    notes = gathered(
        (name, note)
        for name, part in zip(names, parts, strict=True)
        for note in part.attrs["notes"]
    )
    paired = _paired(kind, own, across_years, parts[0].attrs["zone"])
    if not (own or alone) and len({of[0] for of in stations}) > 1:
        each = ", ".join(f"{of[0]} ({name})" for name, of in zip(names, stations, strict=True))
        paired += f"; the stations {each} are taken for one place"
    table.attrs["notes"] = (*notes, paired)
    return table.drop(columns="station")


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the name of each dataset's folder, with as much of its path as tells them apart."""
    parts = [path.resolve().parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = [normal_name("/".join(own[-depth:])) for own in parts]
        if len(set(names)) == len(names):
            return names
    raise ParameterError(f"{some(map(str, paths))}: one dataset is given twice")


def _check_zones(names: Sequence[str], zones: Sequence[str]) -> None:
    if len(set(zones)) > 1:
        each = ", ".join(f"{zone} in {name}" for name, zone in zip(names, zones, strict=True))
        raise ParameterError(f"time zones differ: {each}; give one for all of them (--local-time)")


def _of_files(places: Mapping[str, Iterable[Place]], own: bool) -> dict[str, dict[Place, str]]:
    """Return the names of recordings by method, without endings unless two differ in them only."""

    def name(place: Place, *, ending: bool) -> str:
        station, recording = place
        below = recording.removeprefix(f"{station}/")
        text = below if ending else str(PurePosixPath(below).with_suffix(""))
        return normal_name(f"{station}/{text}" if own else text)

    for ending in (False, True):
        named = {
            method: {place: name(place, ending=ending) for place in found}
            for method, found in places.items()
        }
        if all(len(set(found.values())) == len(found) for found in named.values()):
            break
    return named


def _of_periods(
    method: str, places: Iterable[Place], own: bool, across_years: bool
) -> dict[Place, str]:
    """Return the names of the periods of a method.

    Raises
    ------
    RecordError
        Without the year, two of them have one name.
    """
    named: dict[Place, str] = {}
    taken: dict[tuple[str, str], str] = {}
    for station, period in places:
        name = period
        if across_years:
            name = _OFFSET.sub("", _YEAR.sub("", period, count=1))
            before = taken.setdefault((station, name), period)
            if before[:4] != period[:4]:
                raise RecordError(
                    f"{method}: {station} has {before} and {period}, two years, and across years "
                    "one of each dataset is compared; measure every year into a dataset of its own"
                )
            if before != period:  # the hour that occurs twice
                name = _YEAR.sub("", period, count=1)
        if own:
            name = station if period == "all" else f"{station} {name}"
        named[station, period] = normal_name(name)
    return named


def _check_common(
    stimuli: Mapping[str, Mapping[Place, str]], kind: Every, across_years: bool
) -> None:
    """Refuse methods of which no two have anything in common."""
    names = {method: set(found.values()) for method, found in stimuli.items()}
    if len(names) < 2 or _overlap(names.values()):
        return
    has = "; ".join(f"{name} has {some(sorted(own), _SHOWN)}" for name, own in names.items())
    if kind == OF_RECORDINGS:
        raise RecordError(
            "no two methods have a recording of the same path below the root, without the ending: "
            f"{has}. Compare periods of time with soundcal compare --every hour (or day, month), "
            "which pairs the same time at stations of the same name, with --across-years also of "
            "different years; or measure with a --root from which the paths are alike"
        )
    years = "; --across-years leaves out the year"
    if across_years or not kind.of_time:
        years = ""
    elif kind.unit == "year":
        years = "; --every site compares all that each has"
    stations = ""
    if not _overlap({station for station, _ in found} for found in stimuli.values()):
        stations = (
            ". Stations are paired by their names, unless every dataset has only one; measure with "
            "the same names (--station)"
        )
    raise RecordError(f"no two methods have the same station and {kind}: {has}{years}{stations}")


def _overlap(several: Iterable[set[str]]) -> bool:
    """Return whether two of the sets have something in common."""
    return any(one & other for one, other in combinations(several, 2))


def _paired(kind: Every, own: bool, across_years: bool, zone: str) -> str:
    """Return what is paired, in words."""
    if kind == OF_RECORDINGS:
        return f"recordings are paired by their path below the {'root' if own else 'station'}"
    if not kind.of_time:
        return "stations are paired by their names"
    by = f"{'station and ' if own else ''}local time ({zone})"
    return (
        f"periods ({kind}) are paired by {by}{', without the year' if across_years else ''}; "
        "periods that follow each other are alike, so that confidence intervals are too narrow"
    )

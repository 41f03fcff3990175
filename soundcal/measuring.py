"""Recordings on disk, measured into a pandas table: ``soundcal measure`` for notebooks."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from soundcal.batch import Task, measure_files
from soundcal.calibration.model import Calibration
from soundcal.calibration.stated import StatedLevels
from soundcal.errors import ParameterError, RecordError
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration
from soundcal.files.level_tables import levels_of_files, read_levels
from soundcal.indicators.registry import resolve
from soundcal.indicators.rows import EACH, TidyRow, to_frame
from soundcal.indicators.wide import wide_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["measure"]

AnyPath = str | os.PathLike[str]


def measure(
    paths: AnyPath | Iterable[AnyPath],
    *,
    calibration: Calibration | AnyPath | None = None,
    indicators: str | Sequence[str] = "study",
    field: Literal["free", "diffuse"] = "free",
    ears: str | Sequence[str] = EACH,
    levels: AnyPath | None = None,
    weighting: Literal["", "A", "B", "C", "Z"] = "",
    wide: bool = False,
    jobs: int = 1,
) -> "pd.DataFrame":
    """Measure files, or all audio files of folders.

    Parameters
    ----------
    paths : path or iterable of path
        Audio files of any length; a folder stands for the audio files in it, by name.
    calibration : Calibration or path, optional
        Of all files, or the file that holds it; by default the record beside each file names its
        own.
    indicators : str or sequence of str
        Labels, symbols, functions or families (see :func:`soundcal.indicators.resolve`); a string
        may name several with commas.
    field : {"free", "diffuse"}
        Sound field.
    ears : str or sequence of str
        ``each`` (every channel has its rows), or one value of both ears by ``mean``, ``max``,
        ``energy``, ``left`` or ``right``; several rules, each of which adds its rows, with commas.
    levels : path, optional
        Table with the known level of every recording instead of a calibration, see
        :func:`soundcal.files.level_tables.read_levels`.
    weighting : {"", "A", "B", "C", "Z"}
        Frequency weighting of these levels, if the table does not state it.
    wide : bool
        Return one row per recording, see :func:`soundcal.indicators.wide.wide_table`.
    jobs : int
        Files measured at the same time; with 1, the channels of a file use the cores.

    Returns
    -------
    DataFrame
        One row per recording, channel and statistic, with the columns
        :data:`soundcal.indicators.COLUMNS`. What could not be measured, a file or an indicator
        that a file is too short for, has a row with the indicator ``failed``, the reason as
        statistic, and no value. ``attrs["flags"]`` lists the reasons to doubt values, per file,
        ``attrs["notes"]`` the assumptions made.

    Raises
    ------
    ParameterError
        No file, impossible number of jobs, unknown indicator, field or ear rule.
    RecordError
        A folder without audio files, or a calibration that cannot be read.

    Examples
    --------
    Levels at both ears of all takes in a folder::

        table = measure("takes", calibration="ears.json", indicators="LAeq, LA5")
        table.pivot_table(index="recording", columns=["channel", "statistic"], values="value")
    """
    if calibration is not None and levels is not None:
        raise ParameterError("calibration and levels: either of them calibrates; give one")
    if calibration is not None and not isinstance(calibration, Calibration):
        calibration = load_calibration(calibration)
    given = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    files = [file for path in given for file in _files(Path(path))]
    stated: dict[str, StatedLevels] = {}
    notes: tuple[str, ...] = ()
    if levels is not None:
        known, notes = read_levels(Path(levels), weighting=weighting)
        stated, unused = levels_of_files(files, known, source=Path(levels))
        notes = (*notes, *unused)
    rules = ears.split(",") if isinstance(ears, str) else ears
    task = Task(
        wanted=resolve(indicators),
        calibration=calibration,
        field=field,
        ears=tuple(dict.fromkeys(rule.strip() for rule in rules)),
        levels=stated,
    )
    results = list(measure_files(files, task, jobs=jobs))
    rows = [row for result in results for row in result.rows]
    table = _wide(rows) if wide else to_frame(rows)
    table.attrs["notes"] = [*notes, *(text for result in results for text in result.notes)]
    table.attrs["flags"] = {
        result.path: [flag.text for flag in result.flags] for result in results if result.flags
    }
    return table


def _wide(rows: Sequence[TidyRow]) -> "pd.DataFrame":
    import pandas as pd

    columns, cells = wide_table(rows)
    return pd.DataFrame(cells, columns=columns)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = audio.in_folder(path)
    if not found:
        raise RecordError(f"{path}: no audio files ({', '.join(audio.ENDINGS)}) in this folder")
    yield from found

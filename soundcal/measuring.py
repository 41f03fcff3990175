"""Recordings on disk, measured into a pandas table: ``soundcal measure`` for notebooks."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from soundcal.batch import Task, measure_files
from soundcal.calibration.model import Calibration
from soundcal.errors import RecordError
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration
from soundcal.indicators.registry import resolve
from soundcal.indicators.rows import EarRule, to_frame

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
    ears: EarRule | None = None,
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
    ears : {"mean", "max", "energy", "left", "right"}, optional
        Make one value of both ears by this rule; by default every channel has its rows.
    jobs : int
        Files measured at the same time; with 1, the channels of a file use the cores.

    Returns
    -------
    DataFrame
        One row per recording, channel and statistic, with the columns
        :data:`soundcal.indicators.COLUMNS`. What could not be measured, a file or an indicator
        that a file is too short for, has a row with the indicator ``failed``, the reason as
        statistic, and no value. ``attrs["flags"]`` lists the reasons to doubt values, per file.

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
    if calibration is not None and not isinstance(calibration, Calibration):
        calibration = load_calibration(calibration)
    task = Task(
        wanted=resolve(indicators),
        calibration=calibration,
        field=field,
        ears=ears or "",
    )
    given = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    files = [file for path in given for file in _files(Path(path))]
    results = list(measure_files(files, task, jobs=jobs))
    table = to_frame(row for result in results for row in result.rows)
    table.attrs["flags"] = {
        result.path: [flag.text for flag in result.flags] for result in results if result.flags
    }
    return table


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = audio.in_folder(path)
    if not found:
        raise RecordError(f"{path}: no audio files ({', '.join(audio.ENDINGS)}) in this folder")
    yield from found

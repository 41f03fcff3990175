"""Recordings on disk, measured into a pandas table: ``soundcal measure`` for notebooks."""

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from soundcal.batch import FileResult, measure_files
from soundcal.calibrated import as_sensitivities
from soundcal.calibration.model import Calibration
from soundcal.calibration.stated import StatedLevels
from soundcal.errors import ParameterError, RecordError, SignalError
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration
from soundcal.files.level_tables import levels_of_files, read_levels
from soundcal.indicators.names import resolve
from soundcal.indicators.rows import EACH, FAILED, ear_rules, to_frame
from soundcal.prepared import Task
from soundcal.recording import counted
from soundcal.response.model import Response
from soundcal.response.opening import open_response
from soundcal.response.referring import chosen_responses

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["measure"]

AnyPath = str | os.PathLike[str]


def measure(
    paths: AnyPath | Iterable[AnyPath],
    *,
    calibration: Calibration | AnyPath | None = None,
    indicators: str | Sequence[str] = "study",
    field: Literal["", "free", "diffuse", "eardrum"] = "",
    refer_to: Literal["", "ff", "df", "id"] = "",
    responses: Sequence[Response | AnyPath] = (),
    ears: str | Sequence[str] = EACH,
    sensitivity: float | Sequence[float] | None = None,
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
    field : {"free", "diffuse", "eardrum"}, optional
        Sound field; by default that of the reference point of each recording, or the free field.
        ``eardrum``: the pressure is that at the eardrum.
    refer_to : {"", "ff", "df", "id"}
        Sound field to which recordings at the ear drum are referred before they are measured.
    responses : sequence of Response or path
        Response from that field to the ear drum, by default of an average head; and that of the
        microphone, which is undone.
    ears : str or sequence of str
        ``each`` (every channel has its rows), or one value of both ears by ``mean``, ``max``,
        ``energy``, ``left`` or ``right``, or ``binaural``, the one that an indicator's own standard
        defines; several rules, each of which adds its rows, with commas.
    sensitivity : float or sequence of float, optional
        Stated sensitivity in Pa per full scale instead of a calibration: one for all channels of
        every file, or one each.
    levels : path, optional
        Table with the known level of every recording instead of a calibration, see
        :func:`soundcal.files.level_tables.read_levels`.
    weighting : {"", "A", "B", "C", "Z"}
        Frequency weighting of these levels, if the table does not state it.
    wide : bool
        Return one row per recording and channel and one column per label instead of the tidy
        table.
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

        If ``wide``: the index is (``recording``, ``channel``), the columns are labels (``LAeq``,
        ``N5``), and ``attrs["units"]`` has the unit of each. A recording has the name of its file
        without folder and ending, with as much of its folders as tells it from the others;
        ``attrs["paths"]`` has its file, ``attrs["calibrations"]`` the identity of its calibration.
        What could not be measured is NaN, with the reasons per recording in ``attrs["failed"]``.

    Raises
    ------
    ParameterError
        No file, impossible number of jobs, unknown indicator, field or ear rule.
    RecordError
        A folder without audio files, or a calibration that cannot be read.
    SignalError
        No file at all could be measured; the message has the reason of the first.

    Examples
    --------
    Two recordings of noise on disk, the second 6 dB above the first:

    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from soundcal.calibration.stated import from_sensitivity
    >>> from soundcal.files import audio
    >>> ears = from_sensitivity({"left": 2.0, "right": 2.0}, source="data sheet")
    >>> noise = 0.01 * np.random.default_rng(1).standard_normal((2, 48000))
    >>> with TemporaryDirectory() as folder:
    ...     for name, gain in (("N1", 1.0), ("N2", 2.0)):
    ...         digest = audio.write(f"{folder}/{name}.wav", gain * noise, 48000)
    ...     table = measure(folder, calibration=ears, indicators="LAeq, LA5", wide=True)
    >>> table.round(1)
                       LAeq   LA5
    recording channel
    N1        left     57.2  57.3
              right    57.2  57.3
    N2        left     63.2  63.4
              right    63.2  63.3
    >>> round(float(table.loc[("N1", "left"), "LAeq"]), 1)
    57.2
    >>> table["LAeq"].unstack().round(1)
    channel    left  right
    recording
    N1         57.2   57.2
    N2         63.2   63.2
    >>> table.attrs["units"]
    {'LAeq': 'dB', 'LA5': 'dB'}
    """
    ways = {"calibration": calibration, "sensitivity": sensitivity, "levels": levels}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ParameterError(f"{' and '.join(given)}: each of them calibrates; give one")
    if calibration is not None and not isinstance(calibration, Calibration):
        calibration = load_calibration(calibration)
    several = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    if not isinstance(several, Iterable):
        raise ParameterError(f"{paths!r}: the path of a file or folder is expected, or several")
    files = [file for path in several for file in _files(Path(path))]
    stated: dict[str, StatedLevels] = {}
    notes: tuple[str, ...] = ()
    if levels is not None:
        known, notes = read_levels(Path(levels), weighting=weighting)
        stated, unused = levels_of_files(files, known, source=Path(levels))
        notes = (*notes, *unused)
    opened = [r if isinstance(r, Response) else open_response(r) for r in responses]
    task = Task(
        wanted=resolve(indicators),
        calibration=calibration,
        field=field,
        refer_to=refer_to,
        responses=chosen_responses(refer_to, opened),
        ears=ear_rules(ears),
        sensitivities=as_sensitivities(sensitivity),
        levels=stated,
    )
    results = list(measure_files(files, task, jobs=jobs))
    if all(result.error for result in results):
        raise SignalError(_nothing(results))
    table = _by_channel(results) if wide else _tidy(results)
    table.attrs["notes"] = [*notes, *(text for result in results for text in result.notes)]
    return table


def _nothing(results: Sequence[FileResult]) -> str:
    """Return the reason why not one file was measured."""
    others = len(results) - 1
    more = f" ({counted(others, 'further file')} not measured either)" if others else ""
    return f"{results[0].error}{more}"


def _tidy(results: Sequence[FileResult]) -> "pd.DataFrame":
    table = to_frame(row for result in results for row in result.rows)
    table.attrs["flags"] = {
        result.path: [flag.text for flag in result.flags] for result in results if result.flags
    }
    return table


def _by_channel(results: Sequence[FileResult]) -> "pd.DataFrame":
    """Return one row per recording and channel, one column per label."""
    import pandas as pd

    files = list(dict.fromkeys(result.path for result in results))
    names = dict(zip(files, _names(files), strict=True))
    units: dict[str, str] = {}
    values: dict[tuple[str, str], dict[str, float]] = {}
    failed: dict[str, list[str]] = {}
    for result in results:
        name = names[result.path]
        for row in result.rows:
            if row.indicator == FAILED:
                failed.setdefault(name, []).append(row.statistic)
                continue
            label = f"{row.indicator}{row.statistic}"
            units[label] = row.unit
            values.setdefault((name, row.channel), {})[label] = row.value
    # a recording of which nothing could be measured has the channels of the others, without values
    channels = list(dict.fromkeys(channel for _, channel in values))
    there = {name for name, _ in values}
    index = [
        (name, channel)
        for name in names.values()
        for channel in channels
        if (name, channel) in values or name not in there
    ]
    table = pd.DataFrame(
        [[values.get(key, {}).get(label, math.nan) for label in units] for key in index],
        index=pd.MultiIndex.from_tuples(index, names=["recording", "channel"]),
        columns=list(units),
        dtype="float64",
    )
    table.attrs["units"] = units
    table.attrs["paths"] = {name: path for path, name in names.items()}
    table.attrs["calibrations"] = {
        names[result.path]: result.rows[0].calibration for result in results if result.rows
    }
    table.attrs["failed"] = failed
    table.attrs["flags"] = {
        names[result.path]: [flag.text for flag in result.flags]
        for result in results
        if result.flags
    }
    return table


def _names(paths: Sequence[str]) -> list[str]:
    """Return the shortest names that tell files apart.

    >>> _names(["takes/N1.wav", "takes/N2.wav"]), _names(["a/N1.wav", "b/N1.wav"])
    (['N1', 'N2'], ['a/N1', 'b/N1'])
    >>> _names(["N1.wav", "N1.flac"])
    ['N1.wav', 'N1.flac']
    """
    whole = [Path(path) for path in paths]
    plain = [path.with_suffix("") for path in whole]
    for parts in (plain, whole):
        for depth in range(1, max(len(path.parts) for path in parts) + 1):
            names = ["/".join(path.parts[-depth:]) for path in parts]
            if len(set(names)) == len(names):
                return names
    return list(paths)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = audio.in_folder(path)
    if not found:
        raise RecordError(f"{path}: no audio files ({', '.join(audio.ENDINGS)}) in this folder")
    yield from found

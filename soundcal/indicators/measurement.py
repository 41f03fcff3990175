"""From a recording to results and to the tidy table."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from soundcal.indicators.registry import STUDY, resolve
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import open_stream
from soundcal.indicators.table import TidyRow, combine_ears, tidy_rows
from soundcal.recording import Recording
from soundcal.units import from_db

__all__ = ["compute", "measure"]


def measure(
    recording: Recording,
    names: Iterable[str] = STUDY,
    *,
    field: str = "free",
    keep: bool = True,
    threads: int | None = None,
) -> dict[str, IndicatorResult]:
    """Measure several indicators of a recording; common stages are computed once.

    Parameters
    ----------
    recording : Recording
        Sound pressure.
    names : iterable of str
        Labels, symbols, functions or families (see :func:`soundcal.indicators.resolve`).
    field : {"free", "diffuse"}
        Sound field, for the indicators where it matters.
    keep : bool
        Keep the series over time.
    threads : int, optional
        Most threads to use.

    Returns
    -------
    dict of str to IndicatorResult
        By symbol, with leading shape (n_channels,); the recording's validity flags are among the
        warnings.

    Raises
    ------
    ParameterError
        Unknown name or field.
    SignalError
        A recording that is too short for an indicator.
    """
    stream = open_stream(
        names,
        fs=recording.fs,
        n_channels=recording.pressure.shape[0],
        field=field,
        keep=keep,
        threads=threads,
    )
    stream.push(recording.pressure)
    results = stream.finish()
    return {
        symbol: replace(result, warnings=(*recording.flags, *result.warnings))
        for symbol, result in results.items()
    }


def compute(
    recording: Recording,
    names: Iterable[str] = STUDY,
    *,
    field: str = "free",
    ears: str = "",
    uncertainty: bool = False,
    label: str = "",
    threads: int | None = None,
) -> list[TidyRow]:
    """Measure several indicators of a recording and return the rows of the tidy table.

    Parameters
    ----------
    recording, names, field, threads
        As for :func:`measure`.
    ears : {"", "mean", "max", "energy", "left", "right"}
        Make one value of both ears by this rule; by default every channel has its rows.
    uncertainty : bool
        Carry the calibration's uncertainty into indicators that are no levels too, by measuring
        again with the pressure raised by it; this takes twice the time. Levels have it anyway.
    label : str
        Name of the recording in the table; by default its source.

    Returns
    -------
    list of TidyRow
        ``to_frame`` makes a pandas DataFrame of them.

    Raises
    ------
    ParameterError, SignalError
        As for :func:`measure`; or an ear rule for other channels than left and right.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sqrt(2) * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
    >>> ears = Recording(np.stack([tone, 2 * tone]), 48000, "example", u_db=(0.1, 0.1))
    >>> [(row.channel, row.indicator + row.statistic, round(row.value, 1), row.u)
    ...  for row in compute(ears, ["LAeq"])]
    [('left', 'LAeq', 94.0, 0.1), ('right', 'LAeq', 100.0, 0.1)]
    """
    wanted = resolve(names)
    results = measure(recording, names, field=field, keep=False, threads=threads)
    shifted = None
    if uncertainty and recording.u_db:
        factors = from_db(np.asarray(recording.u_db))[:, np.newaxis]
        louder = replace(recording, pressure=recording.pressure * factors)
        shifted = measure(louder, names, field=field, keep=False, threads=threads)
    rows = tidy_rows(
        results,
        wanted,
        recording=label or recording.source,
        channels=recording.channels,
        calibration=recording.calibration_id,
        u_db=recording.u_db,
        shifted=shifted,
    )
    return combine_ears(rows, ears) if ears else rows

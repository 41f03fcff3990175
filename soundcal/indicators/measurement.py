"""From a recording to results and to the tidy table."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from soundcal.errors import ParameterError
from soundcal.indicators.registry import REGISTRY, STUDY, find, resolve
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.rows import TidyRow, combine_ears, tidy_rows
from soundcal.indicators.stream import Field, check_field, open_stream
from soundcal.recording import Recording
from soundcal.units import from_db
from soundcal.version import __version__

__all__ = ["ENGINES", "check_engine", "compute", "compute_rows", "measure", "mosqito_symbols"]

ENGINES: Final = ("soundcal", "mosqito")


def measure(
    recording: Recording,
    names: Iterable[str] = STUDY,
    *,
    field: str = "free",
    engine: str = "soundcal",
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
    engine : {"soundcal", "mosqito"}
        Who computes. MoSQITo is asked only if it is named here; results say so.
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
        Unknown name, field or engine, or an indicator that MoSQITo does not have.
    SignalError
        A recording that is too short for an indicator.
    """
    wanted = resolve(names)
    check_engine(engine, wanted)
    if engine == "mosqito":
        results = _from_mosqito(recording, wanted, check_field(field))
    else:
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


def check_engine(engine: str, wanted: Iterable[str]) -> None:
    """Refuse an engine that does not exist or does not have the indicators.

    Raises
    ------
    ParameterError
        The engine is neither soundcal nor mosqito, or MoSQITo lacks a symbol.
    """
    if engine not in ENGINES:
        raise ParameterError(f"engine {engine!r}; {' or '.join(ENGINES)} is expected")
    missing = [] if engine == "soundcal" else [s for s in wanted if s not in mosqito_symbols()]
    if missing:
        raise ParameterError(
            f"MoSQITo does not have {', '.join(missing)}; it has {', '.join(mosqito_symbols())}"
        )


def mosqito_symbols() -> tuple[str, ...]:
    """Return the symbols of the indicators that MoSQITo has too."""
    from soundcal.indicators import mosqito

    return tuple(symbol for symbol, entry in REGISTRY.items() if entry.name in mosqito.__all__)


def _from_mosqito(
    recording: Recording, wanted: Iterable[str], field: Field
) -> dict[str, IndicatorResult]:
    from soundcal.indicators import mosqito

    found: dict[str, IndicatorResult] = {}
    for symbol in wanted:
        function = getattr(mosqito, find(symbol).name)
        known = inspect.signature(function).parameters
        options = {"field": field} if "field" in known else {}
        found[symbol] = function(recording.pressure, recording.fs, **options)
    return found


def compute(
    recording: Recording,
    names: Iterable[str] = STUDY,
    *,
    field: str = "free",
    engine: str = "soundcal",
    ears: str = "",
    uncertainty: bool = False,
    label: str = "",
    threads: int | None = None,
) -> list[TidyRow]:
    """Measure several indicators of a recording and return the rows of the tidy table.

    Parameters
    ----------
    recording, names, field, engine, threads
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

    def measured(of: Recording) -> dict[str, IndicatorResult]:
        return measure(of, names, field=field, engine=engine, keep=False, threads=threads)

    results, shifted = measured(recording), None
    if uncertainty and recording.u_db:
        factors = from_db(np.asarray(recording.u_db))[:, np.newaxis]
        shifted = measured(replace(recording, pressure=recording.pressure * factors))
    rows = compute_rows(recording, results, resolve(names), label, engine, shifted)
    return combine_ears(rows, ears) if ears else rows


def compute_rows(
    recording: Recording,
    results: Mapping[str, IndicatorResult],
    wanted: Mapping[str, Sequence[str]],
    label: str = "",
    engine: str = "soundcal",
    shifted: Mapping[str, IndicatorResult] | None = None,
) -> list[TidyRow]:
    """Return the rows of a recording's results; parameters as for :func:`compute`."""
    software = f"soundcal {__version__}"
    return tidy_rows(
        results,
        wanted,
        recording=label or recording.source,
        channels=recording.channels,
        calibration=recording.calibration_id,
        u_db=recording.u_db,
        shifted=shifted,
        software=software if engine == "soundcal" else f"{software}, engine {engine}",
    )

"""Indicators of a recording, as results and as rows of the tidy table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from soundcal.indicators.accepting import of_recording
from soundcal.indicators.engines import open_engine
from soundcal.indicators.names import STUDY, resolve
from soundcal.indicators.response_uncertainty import (
    SpectrumOfChannels,
    channel_errors,
    with_responses,
)
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.rows import (
    BINAURAL,
    EACH,
    TidyRow,
    by_rules,
    check_ear_rules,
    ear_rules,
    tidy_rows,
)
from soundcal.indicators.sound_field import assumed_field
from soundcal.indicators.stream import StreamRequest, check_field
from soundcal.recording import Recording
from soundcal.units import from_db

__all__ = ["compute", "compute_results"]


def compute_results(
    recording: Recording,
    names: Iterable[str] = STUDY,
    *,
    field: str = "",
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
    field : {"free", "diffuse", "eardrum"}, optional
        Sound field, for the indicators where it matters; if not given, that of the recording's
        reference point, or the free field.
    engine : {"soundcal", "mosqito"}
        Library that computes. MoSQITo is used only if it is named here; the results also name it.
    keep : bool
        Keep the series over time.
    threads : int, optional
        Maximum number of threads.

    Returns
    -------
    dict of str to IndicatorResult
        Results by symbol, with leading shape (n_channels,); their warnings include the recording's
        validity flags, and those of its reference point.

    Raises
    ------
    ParameterError
        Unknown name, field or engine, a field that an indicator does not have, or an indicator
        that MoSQITo does not have.
    SignalError
        A recording that is too short for an indicator.
    """
    wanted = resolve(names)
    return _results(recording, wanted, field=field, engine=engine, keep=keep, threads=threads)


def _results(
    recording: Recording,
    wanted: Mapping[str, tuple[str, ...]],
    *,
    field: str,
    engine: str,
    keep: bool,
    threads: int | None,
) -> dict[str, IndicatorResult]:
    field = assumed_field(field, recording.point, recording.incidence)
    request = StreamRequest(recording.fs, wanted, check_field(field, wanted), keep)
    analysis = open_engine(engine, request, recording.pressure.shape[0], threads)
    analysis.push(recording.pressure)
    results, refused = analysis.finish_possible()
    for error in refused.values():
        raise error
    return {
        symbol: of_recording(result, recording, field, [symbol])
        for symbol, result in results.items()
    }


def compute(
    recording: Recording,
    names: Iterable[str] = STUDY,
    *,
    field: str = "",
    engine: str = "soundcal",
    ears: str | Sequence[str] = "",
    uncertainty: bool = False,
    label: str = "",
    threads: int | None = None,
) -> list[TidyRow]:
    """Measure several indicators of a recording and return the rows of the tidy table.

    Parameters
    ----------
    recording, names, field, engine, threads
        As for :func:`compute_results`.
    ears : str or sequence of str
        Rule that combines both ears into one value: ``mean``, ``max``, ``energy``, ``left``,
        ``right``, or ``binaural``, the value of both ears that an indicator's own standard defines.
        By default, and with ``each``, every channel has its rows. Several rules, with commas, each
        add their rows.
    uncertainty : bool
        Also propagate the calibration's uncertainty to indicators that are not levels, by
        measuring again with the pressure raised by it; this doubles the run time. Responses that
        were undone or embedded make levels, loudness and sharpness less certain by their
        uncertainty per band (:mod:`soundcal.indicators.response_uncertainty`).
    label : str
        Name of the recording in the table; by default its source.

    Returns
    -------
    list of TidyRow
        The rows; ``to_frame`` converts them to a pandas DataFrame.

    Raises
    ------
    ParameterError, SignalError
        As for :func:`compute_results`; an ear rule for other channels than left and right; or an
        indicator without a binaural value for the rule ``binaural``.

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
    rules = ear_rules(ears or EACH)
    check_ear_rules(rules, wanted)
    field = assumed_field(field, recording.point, recording.incidence)

    def measured(of: Recording) -> dict[str, IndicatorResult]:
        return _results(of, wanted, field=field, engine=engine, keep=False, threads=threads)

    results, shifted = measured(recording), None
    if uncertainty and recording.u_db:
        factors = from_db(np.asarray(recording.u_db))[:, np.newaxis]
        shifted = measured(replace(recording, pressure=recording.pressure * factors))
    rows = tidy_rows(
        results,
        wanted,
        recording=label or recording.source,
        channels=recording.channels,
        calibration=recording.calibration_id,
        u_db=recording.u_db,
        shifted=shifted,
        engine=engine,
        field=field,
        binaural=BINAURAL in rules,
        equalisation=recording.equalisation,
    )
    errors = channel_errors(recording.equalisation, recording.channels)
    if errors and recording.u_db:
        spectrum = SpectrumOfChannels(recording.fs, len(recording.channels))
        spectrum.push(recording.pressure)
        u_db = dict(zip(recording.channels, recording.u_db, strict=True))
        rows = with_responses(rows, spectrum.uncertainty(errors, field), u_db)
    return by_rules(rows, rules)

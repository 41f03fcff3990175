"""Indicators computed by MoSQITo 1.2.1, the best-known open library, under the same names.

They are for tests, ``soundcal verify`` and users who request them; soundcal itself never chooses
them. It checks the input by its own rules before MoSQITo receives it, converts rates other than
48 kHz, and discards the text that MoSQITo prints. The warnings of every result name MoSQITo and its
known errors (:data:`KNOWN_ERRORS`).
"""

import contextlib
import io
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.dsp.resample import Resampler
from soundcal.dsp.signal import PERCENTS, exceedance, pressure_array
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.result import IndicatorResult, stack
from soundcal.indicators.stream import check_field
from soundcal.indicators.zwicker.filter_bank import RATE
from soundcal.indicators.zwicker.sharpness_weights import STANDARDS, check_sharpness_weighting

__all__ = [
    "KNOWN_ERRORS",
    "loudness_zwst",
    "loudness_zwtv",
    "pr_ecma",
    "roughness_dw",
    "sharpness_din_st",
    "sharpness_din_tv",
    "tnr_ecma",
]


ENGINE: Final = "computed by MoSQITo 1.2.1"

_TV_ERRORS: Final = (
    "its decay starts from the end of the signal: the first 20 ms can be 0.03 sone off",
    "its N'(z) can be 0.03 sone/Bark too low where a slope ends",
    "its time axis is stretched: the step is up to 0.4 % longer than 2 ms",
    "its loudness is rounded to 0.001 sone (0.01 above 16 sone) before the temporal weighting",
    "it gives one value too many unless the duration is a multiple of 2 ms",
)
_ST_ERRORS: Final = (
    "its stationary loudness uses generic third-octave filters and includes their transient: "
    "1 kHz at 60 dB reads 4.05 sone after 10 s and 4.14 sone after 0.5 s instead of 4.02",
)

KNOWN_ERRORS: Final[dict[str, tuple[str, ...]]] = {
    "loudness_zwst": _ST_ERRORS,
    "loudness_zwtv": _TV_ERRORS,
    "sharpness_din_st": (*_ST_ERRORS, "it is not a number for silence (refused here)"),
    "sharpness_din_tv": (
        "it divides the pattern of an instant by the temporally weighted loudness: up to 23 acum "
        "when a sound begins, and too low afterwards",
        "it is 0 where the loudness is below 0.1 sone",
        *_TV_ERRORS[:3],
    ),
    "roughness_dw": (
        "modulated tones of 2 kHz read up to 0.16 asper too much, modulated noise a quarter too "
        "little, and FM tones fall off too early with the modulation frequency",
    ),
    "tnr_ecma": (
        "single tones can read 10 dB too little",
        "of two tones in a critical band that are not heard as one, one or both are missing",
        "it knows no threshold of hearing",
        "it counts the sidebands of a vibrato as noise",
    ),
    "pr_ecma": (
        "it cuts the lower band at 89.1 Hz: tones up to 171 Hz read up to 3 dB too much",
        "the frequency of a tone can be off by half a critical band",
        "it knows no threshold of hearing",
    ),
}
"""Known errors of MoSQITo's results, by function."""

ROUGHNESS_MINIMUM: Final = 0.2
"""Shortest signal in s for the roughness."""

RATIO_MINIMUM: Final = 1.0
"""Shortest signal in s for the ratios of ECMA-418-1: tones must be resolved from 89.1 Hz on."""

RATIO_MAXIMUM: Final = 600.0
"""Longest signal in s for the ratios: MoSQITo transforms all of it at once."""

_LOCK: Final = threading.Lock()


def _ask(module: str, name: str, *arguments: Any, **options: Any) -> Any:
    """Call a function of MoSQITo without its output: one at a time, as stdout is the process's."""
    with _LOCK, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return getattr(import_module(f"mosqito.{module}"), name)(*arguments, **options)


def _at_48_khz(samples: Array, fs: float) -> Array:
    if fs == RATE:
        return samples
    converter = Resampler(fs, RATE)
    return np.concatenate([converter.push(samples), converter.finish()])


def _finite(name: str, *values: Any) -> None:
    if not all(np.isfinite(value).all() for value in values):
        raise SignalError(
            f"{name}: MoSQITo's result is not a number; it has no result for silence and very soft "
            "sounds. Use soundcal's own function"
        )


def _marked(name: str) -> tuple[str, ...]:
    return (ENGINE, *(f"MoSQITo: {error}" for error in KNOWN_ERRORS[name]))


def _steady(value: Any, specific: Any = None, axis: Any = None) -> dict[str, Any]:
    """Return the fields of a result with a single value."""
    about: dict[str, Any] = {"value": float(value), "statistics": {"eq": float(value)}}
    if specific is not None:
        about |= {"specific": np.asarray(specific), "axis": np.asarray(axis)}
    return about


def _over_time(
    statistic: str, series: Any, times: Any, specific: Any = None, axis: Any = None
) -> dict[str, Any]:
    """Return the fields of a result over time whose single value is one of its statistics."""
    values = np.atleast_1d(series)
    found = {"max": float(values.max()), "mean": float(values.mean())}
    exceeded = exceedance(values)
    found |= {f"{p:g}": float(x) for p, x in zip(PERCENTS, exceeded, strict=True)}
    about = {"value": found[statistic], "statistics": found}
    about |= {"times": np.atleast_1d(times), "series": values}
    if specific is not None:
        patterns = np.asarray(specific).reshape(len(axis), -1).T
        about |= {"specific": np.ascontiguousarray(patterns), "axis": np.asarray(axis)}
    return about


def _answered(
    name: str,
    pressure: ArrayLike,
    fs: float,
    fields: Callable[..., dict[str, Any]],
    *,
    unit: str,
    standard: str,
    field: str,
    minimum: float,
    **options: Any,
) -> IndicatorResult:
    """Compute the result of each signal of any leading shape by MoSQITo.

    ``fields`` makes value, statistics, series … from MoSQITo's output; ``options`` go to MoSQITo.
    """
    signal = pressure_array(pressure, fs, minimum=minimum)

    def answer(samples: Array) -> IndicatorResult:
        found = _ask("sq_metrics", name, _at_48_khz(samples, fs), int(RATE), **options)
        parts = found if isinstance(found, tuple) else (found,)
        _finite(name, *parts)
        return IndicatorResult(
            name=name,
            unit=unit,
            standard=standard,
            field=field,
            warnings=_marked(name),
            **fields(*parts),
        )

    flat = signal.reshape(-1, signal.shape[-1])
    return stack([answer(samples) for samples in flat], signal.shape[:-1])


def loudness_zwst(pressure: ArrayLike, fs: float, *, field: str = "free") -> IndicatorResult:
    """Loudness of a stationary sound, as :func:`~soundcal.indicators.loudness_zwst`.

    Parameters
    ----------
    pressure, fs, field
        As there; at least 0.3 s.

    Returns
    -------
    IndicatorResult
        As there.

    Raises
    ------
    SignalError, ParameterError
        As there.
    """
    which = check_field(field, ["Nst"])
    return _answered(
        "loudness_zwst",
        pressure,
        fs,
        _steady,
        unit="sone",
        standard="ISO 532-1:2017, clause 5",
        field=which,
        minimum=0.3,
        field_type=which,
    )


def loudness_zwtv(pressure: ArrayLike, fs: float, *, field: str = "free") -> IndicatorResult:
    """Loudness over time, as :func:`~soundcal.indicators.zwicker.loudness.loudness_zwtv`.

    Parameters
    ----------
    pressure, fs, field
        As there.

    Returns
    -------
    IndicatorResult
        As there, with MoSQITo's own time axis.

    Raises
    ------
    SignalError, ParameterError
        As there.
    """
    which = check_field(field, ["N"])
    return _answered(
        "loudness_zwtv",
        pressure,
        fs,
        lambda n, specific, bark, times: _over_time("5", n, times, specific, bark),
        unit="sone",
        standard="ISO 532-1:2017, clause 6",
        field=which,
        minimum=0.002,
        field_type=which,
    )


def sharpness_din_st(
    pressure: ArrayLike, fs: float, *, weighting: str = "din", field: str = "free"
) -> IndicatorResult:
    """Sharpness of a stationary sound, as :func:`~soundcal.indicators.sharpness_din_st`.

    Parameters
    ----------
    pressure, fs, weighting, field
        As there; at least 0.3 s.

    Returns
    -------
    IndicatorResult
        As there; all weightings with the factor 0.11.

    Raises
    ------
    SignalError, ParameterError
        As there; also for silence, for which MoSQITo returns NaN.
    """
    which, name = check_field(field, ["Sst"]), check_sharpness_weighting(weighting)
    return _answered(
        "sharpness_din_st",
        pressure,
        fs,
        _steady,
        unit="acum",
        standard=STANDARDS[name],
        field=which,
        minimum=0.3,
        weighting=name,
        field_type=which,
    )


def sharpness_din_tv(
    pressure: ArrayLike, fs: float, *, weighting: str = "din", field: str = "free"
) -> IndicatorResult:
    """Sharpness over time, as :func:`~soundcal.indicators.zwicker.sharpness.sharpness_din_tv`.

    Parameters
    ----------
    pressure, fs, weighting, field
        As there; at least 4 ms.

    Returns
    -------
    IndicatorResult
        As there, with MoSQITo's own time axis.

    Raises
    ------
    SignalError, ParameterError
        As there.
    """
    which, name = check_field(field, ["S"]), check_sharpness_weighting(weighting)
    return _answered(
        "sharpness_din_tv",
        pressure,
        fs,
        partial(_over_time, "mean"),
        unit="acum",
        standard=STANDARDS[name],
        field=which,
        minimum=0.004,
        weighting=name,
        field_type=which,
    )


def roughness_dw(
    pressure: ArrayLike, fs: float, *, field: str = "free", overlap: float = 0.5
) -> IndicatorResult:
    """Roughness of Daniel and Weber 1997 over time, in windows of 0.2 s.

    Parameters
    ----------
    pressure : array_like, shape (..., n_samples)
        Sound pressure in Pa, at least 0.2 s.
    fs : float
        Sampling rate in Hz.
    field : {"free"}
        MoSQITo has the free field only.
    overlap : float
        Overlap of the windows as a share of their length.

    Returns
    -------
    IndicatorResult
        ``value`` is the mean over time in asper; ``series`` R(t), ``specific`` R′(z, t).

    Raises
    ------
    SignalError, ParameterError
        As for :func:`soundcal.dsp.signal.pressure_array`; or another field.
    """
    if check_field(field, ["R"]) != "free":
        raise ParameterError("MoSQITo's roughness has no diffuse field; use soundcal's own")
    return _answered(
        "roughness_dw",
        pressure,
        fs,
        lambda r, specific, bark, times: _over_time("mean", r, times, specific, bark),
        unit="asper",
        standard="Daniel and Weber 1997",
        field="free",
        minimum=ROUGHNESS_MINIMUM,
        overlap=overlap,
    )


def _ratio(pressure: ArrayLike, fs: float, name: str, function: str) -> IndicatorResult:
    signal = pressure_array(pressure, fs, minimum=RATIO_MINIMUM)
    if signal.shape[-1] / fs > RATIO_MAXIMUM:
        raise SignalError(
            f"{name}: signal of {signal.shape[-1] / fs:.0f} s; MoSQITo transforms all of it at "
            f"once, at most {RATIO_MAXIMUM:g} s are accepted: measure a part of the recording"
        )
    flat = signal.reshape(-1, signal.shape[-1])
    answers = [_ask("sq_metrics", function, _at_48_khz(x, fs), int(RATE)) for x in flat]
    tones = [dict(zip(np.ravel(a[3]), np.ravel(a[1]), strict=True)) for a in answers]
    frequencies = np.array(sorted({f for found in tones for f in found}), dtype=np.float64)
    table = np.array(
        [[found.get(f, -np.inf) for f in frequencies] for found in tones], dtype=np.float64
    ).reshape(len(tones), frequencies.size)
    totals = [
        float(np.ravel(a[0])[0]) if found else -np.inf
        for a, found in zip(answers, tones, strict=True)
    ]
    leading = signal.shape[:-1]

    def shaped(values: Sequence[float]) -> Any:
        return float(values[0]) if leading == () else np.array(values).reshape(leading)

    strongest = shaped(table.max(axis=1, initial=-np.inf).tolist())
    return IndicatorResult(
        name,
        "dB",
        f"ECMA-418-1 ({ENGINE})",
        strongest,
        {"max": strongest, "total": shaped(totals)},
        specific=table.reshape(*leading, frequencies.size),
        axis=frequencies,
        axis_unit="Hz",
        warnings=_marked(name),
    )


@accepts_recording
def tnr_ecma(pressure: ArrayLike, fs: float, *, field: str = "free") -> IndicatorResult:
    """Tone-to-noise ratio of the prominent tones of a stationary sound (ECMA-418-1, by MoSQITo).

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, 1 s to 10 min.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz.
    field : {"free", "diffuse", "eardrum"}
        Has no effect; present so that all indicators have the same arguments.

    Returns
    -------
    IndicatorResult
        ``value`` and statistic ``max``: ratio in dB of the most prominent tone, ``-inf`` if there
        is none; ``total``: of all prominent tones together. ``specific``: ratio of each prominent
        tone at the frequencies ``axis`` in Hz (all signals' tones; ``-inf`` where a signal has
        none).

    Raises
    ------
    SignalError
        As for :func:`soundcal.dsp.signal.pressure_array`; or too short or too long a signal.
    ParameterError
        Unknown field or a sampling rate that cannot be converted.
    """
    check_field(field)
    return _ratio(pressure, fs, "tnr_ecma", "tnr_ecma_st")


@accepts_recording
def pr_ecma(pressure: ArrayLike, fs: float, *, field: str = "free") -> IndicatorResult:
    """Prominence ratio of the prominent tones of a stationary sound (ECMA-418-1, by MoSQITo).

    Parameters
    ----------
    pressure, fs, field
        As for :func:`tnr_ecma`.

    Returns
    -------
    IndicatorResult
        As for :func:`tnr_ecma`.

    Raises
    ------
    SignalError, ParameterError
        As for :func:`tnr_ecma`.
    """
    check_field(field)
    return _ratio(pressure, fs, "pr_ecma", "pr_ecma_st")

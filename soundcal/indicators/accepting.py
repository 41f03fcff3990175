"""Indicators take a Recording as well as pressure and sampling rate."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from inspect import signature
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from numpy.typing import ArrayLike

from soundcal.errors import ParameterError
from soundcal.indicators.registry import REGISTRY
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.sound_field import assumed_field, point_flags
from soundcal.recording import EARS, Capture, Recording

__all__ = ["IndicatorFunction", "accepts_recording", "of_recording", "pressure_and_rate"]

P = ParamSpec("P")
R = TypeVar("R", bound=IndicatorResult)
R_co = TypeVar("R_co", bound=IndicatorResult, covariant=True)


class IndicatorFunction(Protocol[P, R_co]):
    """An indicator of a recording, or of pressure at a sampling rate."""

    def __call__(
        self,
        pressure: ArrayLike | Recording,
        fs: float | None = None,
        *options: P.args,
        **named: P.kwargs,
    ) -> R_co:
        """Return the result."""
        ...


def accepts_recording(
    function: Callable[Concatenate[ArrayLike, float, P], R],
) -> IndicatorFunction[P, R]:
    """Let a function of pressure and sampling rate take a Recording in their place.

    The result then has one value per channel, and the recording's validity flags among its
    warnings. The sound field, if it is not given, follows from the recording's reference point.
    Samples that were not calibrated are refused.
    """
    has_field = "field" in signature(function).parameters

    @wraps(function)
    def measured(
        pressure: ArrayLike | Recording,
        fs: float | None = None,
        *options: P.args,
        **named: P.kwargs,
    ) -> R:
        if isinstance(pressure, Recording) and has_field and "field" not in named:
            named["field"] = assumed_field("", pressure.point, pressure.incidence)
        result = function(*pressure_and_rate(pressure, fs), *options, **named)
        if not isinstance(pressure, Recording):
            return result
        symbols = [symbol for symbol, entry in REGISTRY.items() if entry.name == result.name]
        return of_recording(result, pressure, str(named.get("field", "")), symbols)

    return measured


def of_recording(result: R, recording: Recording, field: str, symbols: Sequence[str]) -> R:
    """Return the result of a recording's channels with its validity flags among the warnings.

    So are those of its reference point, for a sound field and the indicator's symbols. Two channels
    that are not the ears have no binaural value.
    """
    ears = result.binaural if set(recording.channels) == set(EARS) else None
    binaural = None if ears is None else of_recording(ears, recording, field, symbols)
    flags = (*recording.flags, *point_flags(recording.point, recording.incidence, field, symbols))
    warnings = (*map(str, flags), *result.warnings)
    return replace(result, warnings=warnings, binaural=binaural)


def pressure_and_rate(pressure: ArrayLike | Recording, fs: float | None) -> tuple[ArrayLike, float]:
    """Return pressure in Pa and sampling rate in Hz of a recording, or those given.

    Raises
    ------
    ParameterError
        Samples that were not calibrated, no sampling rate, or one that is not the recording's.
    """
    if isinstance(pressure, Capture):
        raise ParameterError(
            "a Capture has samples, not pressure; calibrate it first: "
            "calibration.apply(capture), or soundcal.read(file, calibration=…)"
        )
    if not isinstance(pressure, Recording):
        if fs is None:
            raise ParameterError("no sampling rate; give fs in Hz, or a Recording")
        return pressure, fs
    if fs is not None and fs != pressure.fs:
        raise ParameterError(f"fs = {fs:g} Hz, but the recording has {pressure.fs} Hz")
    return pressure.pressure, float(pressure.fs)

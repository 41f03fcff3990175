"""Plots of recordings, indicators and calibrations."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.errors import ParameterError
from soundcal.indicators.hearing_model.result import HearingModelResult
from soundcal.indicators.levels.bands import band_levels
from soundcal.indicators.levels.functions import time_weighted_level
from soundcal.indicators.prominence.result import AudibilityResult, ProminenceResult
from soundcal.indicators.registry import REGISTRY
from soundcal.indicators.result import IndicatorResult, of_each
from soundcal.indicators.spectra import power_spectral_density, spectrogram
from soundcal.plotting.canvas import Drawing
from soundcal.recording import Recording, channel_names
from soundcal.report.figures.budget import budget_rows, draw_budget
from soundcal.report.figures.ears import with_binaural
from soundcal.report.figures.indicator import (
    draw_bands,
    draw_frequency,
    draw_map,
    draw_series,
    draw_values,
    specific_label,
)
from soundcal.report.figures.page import short
from soundcal.report.figures.response import draw_response
from soundcal.report.figures.spectra import density_label, draw_density, draw_spectrogram
from soundcal.report.figures.tones import draw_ratios, draw_tones, draw_tracks
from soundcal.report.figures.waveform import draw_waveform
from soundcal.report.style import family_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from soundcal.calibration.model import Calibration
    from soundcal.indicators.spectra import SpectralDensity
    from soundcal.response.model import Response

__all__ = [
    "LEVELS",
    "kinds_of_indicator",
    "of_calibration",
    "of_density",
    "of_indicator",
    "of_level",
    "of_pressure",
    "of_recorded_density",
    "of_recorded_spectrogram",
    "of_response",
    "of_spectrogram",
    "of_spectrum",
]

LEVELS: Final = tuple(f"L{letter}{time}" for letter in "ABCZ" for time in "FSI")
"""Levels over time of a recording, by their symbols: A-weighted with time weighting F, …"""


def of_level(recording: Recording, of: str, symbol: str) -> Drawing:
    """Draw a level over time, with the levels exceeded in 5 to 95 % of it."""
    recording = _channel_of_recording(recording, of)
    result = time_weighted_level(recording, weighting=symbol[1], time=symbol[2])
    draw = partial(draw_series, result=result, names=recording.channels, quantity=symbol)
    return Drawing(partial(_titled, draw=draw, title=_title(recording)))


def of_pressure(recording: Recording, of: str) -> Drawing:
    """Draw the sound pressure over time."""
    shown = _channel_of_recording(recording, of)
    draw = partial(draw_waveform, recording=shown)
    return Drawing(partial(_titled, draw=draw, title=_title(shown)))


def of_spectrum(recording: Recording, of: str) -> Drawing:
    """Draw the levels in third octaves."""
    shown = _channel_of_recording(recording, of)
    draw = partial(draw_bands, result=band_levels(shown), names=shown.channels, quantity="Leq")
    return Drawing(partial(_titled, draw=draw, title=_title(shown)))


def of_recorded_density(recording: Recording, of: str) -> Drawing:
    """Draw the power spectral density, lines 1 Hz apart."""
    return of_density(power_spectral_density(recording), of)


def of_recorded_spectrogram(recording: Recording, of: str) -> Drawing:
    """Draw the spectrogram of one channel, lines 20 Hz apart."""
    return of_spectrogram(spectrogram(recording), of)


def of_density(spectrum: "SpectralDensity", of: str) -> Drawing:
    """Draw a power spectral density; a spectrogram's is averaged over time."""
    shown = _channel_of_spectrum(spectrum, of) if of else spectrum
    return Drawing(partial(draw_density, spectrum=shown))


def of_response(response: "Response", of: str) -> Drawing:
    """Draw the level of a response with its standard uncertainty."""
    return Drawing(partial(draw_response, response=response, channels=(of,) if of else ()))


def of_spectrogram(spectrum: "SpectralDensity", of: str) -> Drawing:
    """Draw the spectrogram of one channel."""
    channel = _index(of or _only(spectrum.channels), spectrum.channels)
    draw = partial(draw_spectrogram, spectrum=spectrum, channel=channel)
    return Drawing(draw, colours=density_label(spectrum))


def _channel_of_spectrum(spectrum: "SpectralDensity", of: str) -> "SpectralDensity":
    one = slice(_index(of, spectrum.channels), _index(of, spectrum.channels) + 1)
    if len(spectrum.channels) == 1:
        return spectrum
    return replace(spectrum, density=spectrum.density[one], channels=(of,))


def _only(channels: Sequence[str]) -> str:
    """Return the one channel that can be drawn."""
    if len(channels) > 1:
        raise ParameterError(f"a map shows one channel; of is one of {', '.join(channels)}")
    return channels[0]


def _titled(axes: "Axes", draw: "Callable[[Axes], None]", title: str) -> None:
    draw(axes)
    axes.set_title(title, loc="left", pad=4.0, weight="bold")


def _title(recording: Recording) -> str:
    """Return file or device, and the kinds of flags, which accompany every result."""
    name = Path(recording.source).stem if Path(recording.source).suffix else recording.source
    name = "Recording" if name == "unknown" else short(name, 32)
    kinds = ", ".join(dict.fromkeys(flag.kind for flag in recording.flags))
    return f"{name}\nflagged: {kinds}" if kinds else name


def _channel_of_recording(recording: Recording, of: str) -> Recording:
    if not of:
        return recording
    one = slice(_index(of, recording.channels), _index(of, recording.channels) + 1)
    return replace(
        recording,
        pressure=recording.channel(of),
        channels=(of,),
        u_db=recording.u_db[one],
    )


def _index(of: str, channels: Sequence[str]) -> int:
    if of not in channels:
        raise ParameterError(f"no channel {of!r}; of is one of {', '.join(channels)}")
    return channels.index(of)


def of_indicator(result: IndicatorResult, of: str, kind: str) -> Drawing:
    """Draw a result over time, over its bands, as a map of both, or as bars of its statistics."""
    leading = np.shape(result.value)
    if len(leading) > 1:
        raise ParameterError(f"{result.name}: shape {leading}; plot one recording at a time")
    shown, names = with_binaural(result, channel_names(leading[0] if leading else 1))
    if of:
        shown, names = _channel_of_result(shown, of, names), (of,)
    if isinstance(shown, ProminenceResult | AudibilityResult) and kind in _OF_TONES:
        return Drawing(partial(_OF_TONES[kind], result=shown, names=names))
    name, quantity = result.name.replace("_", " ").capitalize(), ""
    entries = [entry for entry in REGISTRY.values() if entry.name == result.name]
    if len(entries) == 1:
        name, quantity = family_name(entries[0].symbol), entries[0].symbol
    shown = replace(shown, name=name)
    if isinstance(shown, HearingModelResult):
        if kind == "frequency":
            return Drawing(partial(draw_frequency, result=shown, names=names))
        if kind == "map":
            shown = replace(shown, specific=shown.specific_series)
    if kind == "map":
        _only(names)
        return Drawing(
            partial(draw_map, result=shown, names=names, channel=0),
            colours=specific_label(shown, quantity),
        )
    if kind == "bands" and shown.axis_unit == "Hz":
        # the statistics are the levels of the bands over the whole time
        whole = np.stack([np.atleast_1d(level) for level in shown.statistics.values()], axis=-1)
        shown = replace(shown, specific=whole)
    draw = {"series": draw_series, "bands": draw_bands, "values": draw_values}[kind]
    return Drawing(partial(draw, result=shown, names=names, quantity=quantity))


_OF_TONES: Final = {"tones": draw_tones, "ratios": draw_ratios, "tracks": draw_tracks}
"""Kinds of plots of prominent and audible tones."""


def kinds_of_indicator(result: IndicatorResult) -> tuple[str, ...]:
    """Return the kinds of plots that a result has, the default first."""
    dimensions = np.ndim(result.value)
    kinds = []
    if isinstance(result, ProminenceResult | AudibilityResult):
        kinds += _kinds_of_tones(result)
    if result.series is not None:
        kinds.append("series")
    if isinstance(result, HearingModelResult):
        kinds += ["frequency"] if result.frequency is not None else []
        kinds += ["map"] if result.specific_series is not None else []
    if result.specific is not None and result.axis is not None:
        over_time = np.ndim(result.specific) == dimensions + 2 and result.times is not None
        kinds += ["map"] if over_time else ["bands"]
        if result.axis_unit == "Hz":
            return ("bands", *(kind for kind in kinds if kind != "bands"))
    return (*kinds, "values")


def _kinds_of_tones(result: ProminenceResult | AudibilityResult) -> list[str]:
    kinds = ["ratios"] if result.spectrum is None else ["tones", "ratios"]
    over_time = result.times if isinstance(result, AudibilityResult) else result.tracks
    return kinds if over_time is None else [*kinds, "tracks"]


def _channel_of_result(result: IndicatorResult, of: str, names: Sequence[str]) -> IndicatorResult:
    index = _index(of, names)
    if not np.ndim(result.value):
        return result
    one = slice(index, index + 1)
    return of_each([result], lambda values: values[0][one])


def of_calibration(calibration: "Calibration") -> Drawing:
    """Draw the standard uncertainty of every link and of their combination."""
    if not any(chain.u_db > 0.0 for chain in calibration.chains.values()):
        raise ParameterError(f"calibration {calibration.id}: no uncertainty was stated")
    bars = len(budget_rows(calibration)) * (3.0 * len(calibration.channels) + 2.2)
    return Drawing(partial(draw_budget, calibration=calibration), 120.0, 20.0 + bars)

"""Prominent and audible tones: in the spectrum, against their criterion, and over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.indicators.prominence import bands
from soundcal.indicators.prominence.result import AudibilityResult, ProminenceResult
from soundcal.recording import channel_names
from soundcal.report.figures.page import (
    add_axes,
    colours,
    frequency_span,
    legend_above,
    log_frequency,
    new_figure,
    say_inside,
    small,
    styled,
)
from soundcal.report.figures.spectra import peaks_and_dips
from soundcal.report.style import INK, PAGE_MM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from soundcal.indicators.prominence.result import RatedTone

    TonalResult = ProminenceResult | AudibilityResult

__all__ = ["draw_ratios", "draw_tones", "draw_tracks", "recorded_tones_figure", "tones_figure"]

_RANGE: Final = (20.0, 12500.0)
"""Ends of the axis of the spectrum in Hz."""

_RATED: Final = (bands.LOWEST, bands.HIGHEST)

_MOST_TEXTS: Final = 8
"""Largest number of critical bands that are shaded, and of ratios that are written, per channel."""

_SPAN_DB: Final = 90.0
"""Range of levels that the axis of a spectrum shows at most."""


@dataclass(frozen=True, slots=True)
class _Marks:
    """What is drawn of tones: arrays of equal length."""

    times: Array
    frequency: Array
    centre: Array
    """Centre of the critical band in which the tone is rated, Hz."""
    level: Array
    ratio: Array
    over: NDArray[np.bool_]
    """True if the ratio reaches the limit and the tone is audible."""


def _channels(result: "TonalResult", entries: Any) -> tuple[Any, ...]:
    """Return the entries of each channel."""
    leading = np.shape(result.value)
    if len(leading) > 1:
        raise ParameterError(f"{result.name}: shape {leading}; draw one recording at a time")
    return tuple(entries) if leading else (entries,)


def _quantity(result: "TonalResult") -> tuple[str, str, str]:
    """Return the ratio's attribute of a tone, that of its verdict, and the label of its axis."""
    if isinstance(result, AudibilityResult):
        return "audibility", "audible", "Audibility (dB)"
    if result.name == "tone_to_noise":
        return "tnr", "tnr_prominent", "Tone-to-noise ratio (dB)"
    return "pr", "pr_prominent", "Prominence ratio (dB)"


def _marks(result: "TonalResult", tones: Sequence[Any]) -> _Marks:
    ratio, over, _ = _quantity(result)

    def column(name: str) -> Array:
        return np.array([getattr(tone, name, np.nan) for tone in tones], dtype=np.float64)

    centre = "rated_at" if ratio == "tnr" else "frequency"
    return _Marks(
        column("time"),
        column("frequency"),
        column(centre),
        column("level"),
        column(ratio),
        column(over) > 0.0,
    )


def draw_tones(axes: "Axes", result: "TonalResult", names: Sequence[str]) -> None:
    """Draw the averaged spectrum with the tones at their levels in axes.

    Filled marks are tones that reach the criterion and are audible, hollow ones do not. The
    critical bands of the highest are shaded, with their ratios.

    Parameters
    ----------
    axes : Axes
        Axes to draw in.
    result : ProminenceResult or AudibilityResult
        Result of one signal or of several channels, with its spectrum.
    names : sequence of str
        Names of the channels.

    Raises
    ------
    ParameterError
        The result has more than one leading axis, or no spectrum.
    """
    if result.spectrum is None or result.frequency is None:
        raise ParameterError(
            f"{result.name} has no spectrum; the function of the indicator keeps it"
        )
    inside = (result.frequency >= _RANGE[0]) & (result.frequency <= _RANGE[1])
    frequency = result.frequency[inside]
    tops = []
    for row, tones, name, (colour, marker) in zip(
        _channels(result, result.spectrum),
        _channels(result, result.tones),
        names,
        colours(len(names)),
        strict=True,
    ):
        level = np.where(np.isfinite(row[inside]), row[inside], np.nan)
        axes.plot(
            *peaks_and_dips(frequency, level), color=colour, linewidth=0.7, alpha=0.7, label=name
        )
        marks = _marks(result, tones)
        tops += [*level[np.isfinite(level)], *marks.level]
        _mark_highest(axes, result, marks, colour)
        _draw_marks(axes, marks, marks.level, (colour, marker))
    log_frequency(axes.xaxis, *_RANGE)
    if tops:
        top = float(np.max(tops))
        axes.set_ylim(max(axes.get_ylim()[0], top - _SPAN_DB), top + 9.0)
    else:
        say_inside(axes, "no finite value")
    axes.set_xlabel("Frequency (Hz)")
    unit = "dB(A)" if isinstance(result, AudibilityResult) else "dB"
    axes.set_ylabel(f"Level of a line or tone ({unit})")
    axes.set_title(_title(result), loc="left", pad=4.0, weight="bold")


def draw_ratios(axes: "Axes", result: "TonalResult", names: Sequence[str]) -> None:
    """Draw the ratio of every tone over its frequency in axes, with the criterion.

    Parameters and errors as for :func:`draw_tones`. A tone without noise beside it, whose ratio is
    infinite, is drawn at the upper end.
    """
    _, _, label = _quantity(result)
    rated = _RANGE if isinstance(result, AudibilityResult) else _RATED
    frequency = np.geomspace(*rated, 200)
    limits = np.array([_limit(result, float(f)) for f in frequency])
    axes.plot(frequency, limits, color=INK, linewidth=0.8, linestyle="--", label="criterion")
    found = [_marks(result, tones) for tones in _channels(result, result.tones)]
    finite = np.concatenate([m.ratio[np.isfinite(m.ratio)] for m in found] + [limits])
    low, high = float(finite.min()) - 2.0, float(finite.max()) + 3.0
    for marks, name, (colour, marker) in zip(found, names, colours(len(names)), strict=True):
        shown = np.minimum(marks.ratio, high - 0.5)
        _draw_marks(axes, marks, shown, (colour, marker), name if len(names) > 1 else None)
        for f, ratio in zip(marks.frequency, marks.ratio, strict=True):
            if np.isposinf(ratio):
                axes.text(f, high - 0.5, " ∞", color=colour, va="center")
    log_frequency(axes.xaxis, *_RANGE)
    axes.set_ylim(low, high)
    axes.set_xlabel("Frequency (Hz)")
    axes.set_ylabel(label)
    axes.set_title(_title(result), loc="left", pad=4.0, weight="bold")


def draw_tracks(axes: "Axes", result: "TonalResult", names: Sequence[str]) -> None:
    """Draw the frequencies of the tones over time in axes: filled where they reach the criterion.

    Parameters as for :func:`draw_tones`.

    Raises
    ------
    ParameterError
        The result has more than one leading axis, or no tones over time.
    """
    if isinstance(result, AudibilityResult):
        found = [_marks(result, tones) for tones in _channels(result, result.tones)]
    elif result.tracks is None:
        raise ParameterError(f"{result.name} has no tones over time")
    else:
        found = [_in_line(result, tracks) for tracks in _channels(result, result.tracks)]
    seen = np.concatenate([marks.frequency for marks in found])
    for marks, name, (colour, marker) in zip(found, names, colours(len(names)), strict=True):
        if not isinstance(result, AudibilityResult):
            axes.plot(marks.times, marks.frequency, color=colour, linewidth=0.5, alpha=0.6)
        axes.plot(marks.times, marks.frequency, ".", color=colour, markersize=1.5)
        over = marks.over
        axes.plot(
            marks.times[over], marks.frequency[over], marker, color=colour, markersize=3.0,
            label=name if len(names) > 1 else None,
        )  # fmt: skip
    if not np.isfinite(seen).any():
        say_inside(axes, "no tones")
    log_frequency(axes.yaxis, *frequency_span(seen))
    times = np.asarray(result.times)
    if times.size and np.isfinite(times).all():
        axes.set_xlim(0.0, float(times[-1] + times[0]))
    axes.set_xlabel("Time (s)")
    axes.set_ylabel("Frequency (Hz)")
    axes.set_title(f"{_title(result)}, tones over time", loc="left", pad=4.0, weight="bold")


def tones_figure(result: "TonalResult", channels: Sequence[str] = (), name: str = "") -> "Figure":
    """Draw the tones in the spectrum, their ratios with the criterion, and the tones over time.

    Parameters
    ----------
    result : ProminenceResult or AudibilityResult
        Result of one signal or of several channels.
    channels : sequence of str, optional
        Names of the channels.
    name : str, optional
        Name of the recording and of the indicator, above the figure.

    Returns
    -------
    Figure
        180 mm wide, three rows.

    Raises
    ------
    ParameterError
        As for :func:`draw_tones` and :func:`draw_tracks`.
    """
    leading = np.shape(result.value)
    names = tuple(channels) or channel_names(leading[0] if leading else 1)
    left, right, bottom, top, gap, height = 17.0, 4.0, 10.0, 7.0, 15.0, 45.0
    total = bottom + top + 3.0 * height + 2.0 * gap
    with styled():
        figure = new_figure(PAGE_MM, total)
        for row, draw in enumerate((draw_tones, draw_ratios, draw_tracks)):
            place = total - top - height - row * (height + gap)
            axes = add_axes(figure, left, place, PAGE_MM - left - right, height)
            draw(axes, result, names)
            legend_above(axes)
            if row == 0 and name:
                axes.set_title(name, loc="left", pad=4.0, weight="bold")
    return figure


def recorded_tones_figure(groups: "Mapping[str, Sequence[RatedTone]]") -> "Figure":
    """Draw both ratios of the tones of many recordings over their frequencies.

    Parameters
    ----------
    groups : mapping of str to sequence of RatedTone
        Tones by the name of their condition or channel.

    Returns
    -------
    Figure
        180 mm wide, two rows: tone-to-noise ratio and prominence ratio, each with its criterion.
    """
    left, right, bottom, top, gap, height = 17.0, 4.0, 10.0, 7.0, 15.0, 45.0
    total = bottom + top + 2.0 * height + gap
    with styled():
        figure = new_figure(PAGE_MM, total)
        for row, name in enumerate(("tone_to_noise", "prominence_ratio")):
            axes = add_axes(
                figure, left, bottom + (1 - row) * (height + gap), PAGE_MM - left - right, height
            )
            result = ProminenceResult(
                name, "dB", "", np.zeros(len(groups)), tones=tuple(map(tuple, groups.values()))
            )
            draw_ratios(axes, result, tuple(groups))
            legend_above(axes)
    return figure


def _title(result: "TonalResult") -> str:
    return _quantity(result)[2].removesuffix(" (dB)")


def _band(result: "TonalResult", frequency: float) -> tuple[float, float]:
    """Return the edges of the critical band in which a tone is rated."""
    if result.name == "tonality_iec61400":
        lower, upper = bands.wind_turbine_band(np.asarray(frequency))
        return float(lower), float(upper)
    if isinstance(result, AudibilityResult):
        return bands.geometric_band(frequency)
    return bands.critical_band(frequency)


def _limit(result: "TonalResult", frequency: float) -> float:
    """Return the criterion in dB."""
    if isinstance(result, AudibilityResult):
        return 0.0
    if result.name == "tone_to_noise":
        return bands.tone_to_noise_limit(frequency)
    return bands.prominence_limit(frequency)


def _mark_highest(axes: "Axes", result: "TonalResult", marks: _Marks, colour: str) -> None:
    """Shade the critical bands of the tones with the highest ratios, and write these beside them.

    Only tones that reach the criterion, and the highest of each critical band.
    """
    order = np.flatnonzero(marks.over)
    shaded: list[tuple[float, float]] = []
    for i in order[np.argsort(-marks.ratio[order], kind="stable")]:
        f = float(marks.frequency[i])
        if len(shaded) == _MOST_TEXTS or any(lower < f < upper for lower, upper in shaded):
            continue
        shaded.append(_band(result, float(marks.centre[i])))
        axes.axvspan(*shaded[-1], color=colour, alpha=0.15, linewidth=0.0)
        ratio = "∞" if np.isinf(marks.ratio[i]) else f"{marks.ratio[i]:.1f}"
        axes.annotate(
            f"{ratio} dB", (f, marks.level[i]), xytext=(0.0, 4.0), textcoords="offset points",
            ha="center", color=colour, fontsize=small(),
        )  # fmt: skip


def _draw_marks(
    axes: "Axes", marks: _Marks, heights: Array, look: tuple[str, str], label: str | None = None
) -> None:
    """Draw marks at the frequencies of tones: filled where they reach the criterion, else hollow.

    The look is colour and marker.
    """
    colour, marker = look
    for over, face in ((True, colour), (False, "none")):
        some = marks.over == over
        axes.plot(
            marks.frequency[some], heights[some], marker, markersize=4.0, markerfacecolor=face,
            markeredgecolor=colour, markeredgewidth=0.7, label=label if over else None,
        )  # fmt: skip


def _in_line(result: "TonalResult", tracks: Sequence[Any]) -> _Marks:
    """Return the tones of all tracks in one line, with gaps between the tracks."""
    ratio, over, _ = _quantity(result)

    def column(name: str) -> Array:
        parts = [np.append(np.asarray(getattr(track, name), float), np.nan) for track in tracks]
        return np.concatenate(parts) if parts else np.empty(0)

    frequency = column("frequency")
    return _Marks(
        column("times"), frequency, frequency, column("level"), column(ratio), column(over) > 0.0
    )

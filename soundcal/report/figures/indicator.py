"""One indicator of one recording: over time, over its bands, or both as a map."""

import math
from collections.abc import Sequence
from string import ascii_letters
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.indicators.hearing_model.result import HearingModelResult
from soundcal.indicators.rows import BINAURAL
from soundcal.recording import channel_names
from soundcal.report import style
from soundcal.report.figures.ears import with_binaural
from soundcal.report.figures.page import (
    add_axes,
    colours,
    frequency_span,
    legend_above,
    log_frequency,
    new_figure,
    say_inside,
    small,
    spread_out,
    styled,
)
from soundcal.report.style import FAINT, METHOD_COLOURS, PAGE_MM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from soundcal.indicators.result import IndicatorResult

__all__ = [
    "draw_bands",
    "draw_frequency",
    "draw_map",
    "draw_series",
    "draw_values",
    "indicator_figure",
    "specific_label",
]


_NOMINAL: Final = ("16", "31.5", "63", "125", "250", "500", "1k", "2k", "4k", "8k", "16k")


_MAP_COLUMNS: Final = 1000
"""Maximum number of columns of a map; the image has no more pixels."""

_SETTLING: Final = {"F": 0.5, "S": 4.0, "I": 0.5}
"""Time in s until the average of each detector has settled, or half the signal if that is shorter;
as in :mod:`soundcal.dsp.detectors`."""

_TIME_WEIGHTED: Final = {f"L{letter}{time}" for letter in "ABCZ" for time in _SETTLING}
"""Levels over time that come from a detector: LAF, LAS, …"""

_DASHES: Final = ("-", "--", ":", "-.")
"""Lines of the first, second, … round through the colours."""

_MOST_NUMBERS: Final = 14
"""Maximum number of bars with their numbers above them."""

_PAIR: Final = ({"linewidth": 2.2, "alpha": 0.45}, {"linewidth": 0.7})
"""Lines of two channels: the second is drawn on top of the first, which is wide and pale, so that
both are visible where they are equal."""


def indicator_figure(
    result: "IndicatorResult", channels: Sequence[str] = (), *, quantity: str = ""
) -> "Figure":
    """Draw one result: over time with its percentiles, over its bands, or both as a map.

    Parameters
    ----------
    result : IndicatorResult
        Result of one signal or of several channels (one leading axis).
    channels : sequence of str, optional
        Names of the channels.
    quantity : str, optional
        Symbol of the quantity drawn, e.g. ``LAF``, for the axes; by default the result's name.

    Returns
    -------
    Figure
        180 mm wide; one row for the series over time (all channels, and the standard's own value
        of both ears), one for the frequency of the tonality over time, and one per channel for a
        map of specific values over time, or one for specific values over the bands.

    Raises
    ------
    ParameterError
        The result has more than one leading axis, or neither a series nor bands to draw.
    """
    leading = np.shape(result.value)
    if len(leading) > 1:
        raise ParameterError(f"{result.name}: shape {leading}; draw one recording at a time")
    n = leading[0] if leading else 1
    names = tuple(channels) or channel_names(n)
    if len(names) != n:
        raise ParameterError(f"{result.name}: {len(names)} names for {n} channels")
    has_map = _has_map(result, len(leading))
    has_bands = result.specific is not None and result.axis is not None and not has_map
    has_frequency = isinstance(result, HearingModelResult) and result.frequency is not None
    rows = int(result.series is not None) + has_frequency + (n if has_map else int(has_bands))
    result, names = with_binaural(result, names)
    if rows == 0:
        raise ParameterError(f"{result.name} has neither a series nor specific values to draw")
    left, right, bottom, top, gap, height = 17.0, 31.0, 10.0, 7.0, 15.0, 38.0
    total = bottom + top + rows * height + (rows - 1) * gap
    with styled():
        figure = new_figure(PAGE_MM, total)
        panels = [
            add_axes(
                figure,
                left,
                total - top - (r + 1) * height - r * gap,
                PAGE_MM - left - right,
                height,
            )
            for r in range(rows)
        ]
        if result.series is not None:
            draw_series(panels.pop(0), result, names, quantity)
        if isinstance(result, HearingModelResult) and has_frequency:
            draw_frequency(panels.pop(0), result, names)
        if has_map:
            for channel, axes in enumerate(panels):
                image = draw_map(axes, result, names, channel)
                box = axes.get_position()
                bar = figure.add_axes((box.x1 + 0.012, box.y0, 0.012, box.height))
                figure.colorbar(image, cax=bar, label=specific_label(result, quantity))
        elif has_bands:
            draw_bands(panels[0], result, names, quantity)
        for axes in figure.axes:
            legend_above(axes)
    return figure


def _has_map(result: "IndicatorResult", n_leading: int) -> bool:
    return (
        result.specific is not None
        and result.times is not None
        and result.axis is not None
        and np.ndim(result.specific) == n_leading + 2
    )


def _title(result: "IndicatorResult") -> str:
    return result.name.replace("_", " ")


def _quantity(result: "IndicatorResult", quantity: str) -> str:
    """Return the label of an axis: quantity and unit."""
    name = quantity or ("Level" if result.unit == "dB" else _title(result).capitalize())
    return f"{name} ({result.unit or '1'})"


def specific_label(result: "IndicatorResult", quantity: str = "") -> str:
    """Return the label of an axis or colour bar of specific values: quantity and unit."""
    label = _quantity(result, quantity)
    if result.axis_unit == "Hz":
        return label
    name, _, _ = label.rpartition(" (")
    # tonality is the highest value of the bands and no sum over them
    per_band = "" if result.unit == "tu_HMS" else f"/{result.axis_unit}"
    return f"{name}′ ({result.unit}{per_band})"


def _lines(n: int, width: float) -> Sequence[dict[str, Any]]:
    """Return the look of the lines of ``n`` channels, of ``width`` in pt unless there are two."""
    shapes: Sequence[dict[str, Any]] = _PAIR
    if n != len(_PAIR):
        shapes = [
            {"linewidth": width, "linestyle": _DASHES[i // len(METHOD_COLOURS) % len(_DASHES)]}
            for i in range(n)
        ]
    return [
        {"color": colour, **shape} for (colour, _), shape in zip(colours(n), shapes, strict=True)
    ]


def _say_if_nothing(axes: "Axes", values: Array) -> None:
    """Say in the axes that there is no finite value, such as the level of silence."""
    if not np.isfinite(values).any():
        say_inside(axes, "no finite value")


def draw_series(
    axes: "Axes", result: "IndicatorResult", names: Sequence[str], quantity: str = ""
) -> None:
    """Draw a result over time in axes, with its percentiles as lines; parameters as above."""
    series = np.atleast_2d(np.asarray(result.series))
    if not series.shape[1]:
        raise ParameterError(f"{result.name}: too short for a single value over time")
    times = np.arange(series.shape[1]) * 1.0 if result.times is None else result.times
    for look, values, name in zip(_lines(len(names), 0.7), series, names, strict=True):
        finite = np.where(np.isfinite(values), values, np.nan)
        axes.plot(times, finite, label=name, marker="o" if finite.size == 1 else None, **look)
    _say_if_nothing(axes, series)
    axes.set_xlim(*_ends(times))
    low, high = axes.get_ylim()
    axes.set_ylim(_lowest(times, series, quantity, low, high), high)
    if names[-1] == BINAURAL:
        _percentile_marks(axes, result, len(names) - 1, column=0)
    elif len(names) <= 2:
        for i in range(len(names)):
            _percentile_marks(axes, result, i, column=i)
    _discarded(axes, result)
    axes.set_xlabel("Time (s)" if result.times is not None else "Index")
    axes.set_ylabel(_quantity(result, quantity))
    axes.set_title(_title(result), loc="left", pad=4.0, weight="bold")


def draw_frequency(axes: "Axes", result: HearingModelResult, names: Sequence[str]) -> None:
    """Draw the frequency of the tonality over time in axes; where nothing is tonal, nothing."""
    frequency = np.atleast_2d(np.asarray(result.frequency))
    times = np.asarray(result.times)
    for look, row, name in zip(_lines(len(names), 0.9), frequency, names, strict=True):
        axes.plot(times, row, label=name, **look)
    _say_if_nothing(axes, frequency)
    log_frequency(axes.yaxis, *frequency_span(frequency))
    axes.set_xlim(*_ends(times))
    _discarded(axes, result)
    axes.set_xlabel("Time (s)")
    axes.set_ylabel("Frequency (Hz)")
    axes.set_title(f"{_title(result)}, frequency", loc="left", pad=4.0, weight="bold")


def _ends(times: ArrayLike) -> tuple[float, float]:
    """Return the ends of an axis of times; a single value stands in the middle."""
    moments = np.asarray(times, dtype=np.float64)
    first, last = float(moments[0]), float(moments[-1])
    return (first, last) if first < last else (0.0, 2.0 * last or 1.0)


def _lowest(times: ArrayLike, series: ArrayLike, quantity: str, low: float, high: float) -> float:
    """Return the lower end of the axis: that of levels leaves out the detector's rise from zero.

    The statistics of a time-weighted level leave it out as well, and it would squeeze the rest.
    """
    if quantity not in _TIME_WEIGHTED:
        return low
    moments = np.asarray(times)
    start = min(_SETTLING[quantity[-1]], float(moments[-1]) / 2.0)
    settled = np.asarray(series)[:, moments > start]
    settled = settled[np.isfinite(settled)]
    if not settled.size:
        return low
    least = float(settled.min())
    return max(low, least - 0.05 * max(high - least, 1.0))


def _discarded(axes: "Axes", result: "IndicatorResult") -> None:
    """Mark the start of a series that value and statistics leave out."""
    n = result.discarded if isinstance(result, HearingModelResult) else 0
    if n and result.times is not None:
        end = float(result.times[min(n, len(result.times) - 1)])
        axes.axvspan(float(result.times[0]), end, color=FAINT, alpha=0.18, linewidth=0.0)
        axes.annotate(
            "left out", (end, 1.0), xycoords=("data", "axes fraction"), xytext=(2.0, -1.0),
            textcoords="offset points", va="top", color=FAINT, fontsize=small(),
        )  # fmt: skip


def _percentile_marks(
    axes: "Axes", result: "IndicatorResult", channel: int, *, column: int
) -> None:
    """Mark the exceedance percentiles of one channel, with their values beside the panel."""
    from matplotlib.transforms import ScaledTranslation

    low, high = axes.get_ylim()
    colour = METHOD_COLOURS[channel][0]
    marks = [
        (float(np.ravel(values)[channel]), f"{name} %" if name.isdigit() else name)
        for name, values in result.statistics.items()
        if _is_share(name) and low <= np.ravel(values)[channel] <= high
    ]
    marks.sort(key=lambda mark: (mark[0], -float(mark[1].strip(" %").lstrip(ascii_letters))))
    if not marks:
        return
    size = small()
    up = axes.get_window_extent().height / axes.figure.dpi * 72.0
    places = spread_out([value for value, _ in marks], (low, high), 1.28 * size / up)
    beside = ScaledTranslation((0.6 + 7.0 * column) * size / 72.0, 0.0, axes.figure.dpi_scale_trans)
    for (value, name), place in zip(marks, places, strict=True):
        axes.axhline(value, color=colour, linewidth=0.4, linestyle="--", alpha=0.7)
        axes.text(
            1.0,
            place,
            f"{name}: {style.value_text(value, result.unit)}",
            transform=axes.transAxes + beside,
            color=colour,
            fontsize=size,
            va="center",
        )


def _is_share(name: str) -> bool:
    """Return True for an exceedance percentile: the name of the statistic ends in a number < 100.

    >>> _is_share("N5"), _is_share("95"), _is_share("max")
    (True, True, False)
    """
    digits = name.lstrip(ascii_letters)
    return digits.isdigit() and int(digits) < 100


def _fewer_columns(values: Array) -> tuple[Array, int]:
    """Return the maxima over groups of equal size along time, so that short events stay visible.

    Shape (n_times, n_bands) becomes (at most 1000, n_bands); also the size of the groups, which the
    last one may not fill.
    """
    step = max(1, math.ceil(len(values) / _MAP_COLUMNS))
    return np.maximum.reduceat(values, np.arange(0, len(values), step), axis=0), step


def draw_map(
    axes: "Axes", result: "IndicatorResult", names: Sequence[str], channel: int
) -> "AxesImage":
    """Draw the specific values of one channel over time in axes, and return the image.

    The colours of all channels have one scale.
    """
    specific = np.asarray(result.specific)
    specific = specific.reshape((-1, *specific.shape[-2:]))
    times, bands = np.asarray(result.times), np.asarray(result.axis)
    hop = float(times[-1] - times[0]) / max(len(times) - 1, 1) or 1.0
    in_hz = result.axis_unit == "Hz"
    finite = specific[np.isfinite(specific)]
    # bands in Hz are evenly spaced, as on a logarithmic axis; each is drawn at its index
    lowest, highest = (-0.5, len(bands) - 0.5) if in_hz else (float(bands[0]), float(bands[-1]))
    columns, step = _fewer_columns(specific[channel])
    start = float(times[0]) - hop / 2.0
    image = axes.imshow(
        columns.T,
        origin="lower",
        aspect="auto",
        extent=(start, start + len(columns) * step * hop, lowest, highest),
        cmap="viridis",
        vmin=0.0,
        vmax=float(finite.max(initial=0.0)) or 1.0,
        interpolation="nearest",
    )
    axes.set_xlim(float(times[0]), float(times[-1]) if len(times) > 1 else start + hop)
    axes.set_xlabel("Time (s)")
    if in_hz:
        shown = _octaves(bands)
        axes.set_yticks(list(shown), list(shown.values()))
        axes.set_ylabel("Band centre (Hz)")
    else:
        axes.set_ylabel(f"Critical-band rate ({result.axis_unit})")
    axes.set_title(f"{_title(result)}, {names[channel]}", loc="left", pad=4.0, weight="bold")
    return image


def draw_bands(
    axes: "Axes", result: "IndicatorResult", names: Sequence[str], quantity: str = ""
) -> None:
    """Draw specific values over the critical-band rate as lines, levels of bands in Hz as bars."""
    bands = np.asarray(result.axis)
    values = np.asarray(result.specific).reshape((len(names), -1))
    if result.axis_unit == "Hz":
        _bars(axes, values, names, result.unit)
        shown = _octaves(bands)
        axes.set_xticks(list(shown), list(shown.values()))
        axes.set_xlabel("Band centre (Hz)")
    else:
        for look, row, name in zip(_lines(len(names), 0.9), values, names, strict=True):
            finite = np.where(np.isfinite(row), row, np.nan)
            axes.step(bands, finite, where="mid", label=name, **look)
        axes.set_xlabel(f"Critical-band rate ({result.axis_unit})")
    axes.set_ylabel(specific_label(result, quantity))
    axes.set_title(_title(result), loc="left", pad=4.0, weight="bold")


def draw_values(
    axes: "Axes", result: "IndicatorResult", names: Sequence[str], quantity: str = ""
) -> None:
    """Draw the statistics of a result as bars, or its single value if it has none."""
    found = result.statistics or {"": result.value}
    values = np.stack([np.ravel(value) for value in found.values()], axis=-1).astype(np.float64)
    _bars(axes, values, names, result.unit, written=values.size <= _MOST_NUMBERS)
    labels = [f"{name} %" if name.isdigit() else name for name in found]
    axes.set_xticks(range(len(labels)), labels)
    axes.tick_params(axis="x", length=0)
    if len(labels) > 1:
        axes.set_xlabel("Statistic")
    axes.set_ylabel(_quantity(result, quantity))
    axes.set_title(_title(result), loc="left", pad=4.0, weight="bold")


def _bars(
    axes: "Axes", values: Array, names: Sequence[str], unit: str, *, written: bool = False
) -> None:
    """Draw groups of bars, one bar per channel, shape (n_channels, n_groups), at 0, 1, …"""
    finite = np.where(np.isfinite(values), values, np.nan)
    is_level = unit.startswith("dB")
    # 0 dB is no absence of sound: bars of levels begin at the last ten below the lowest
    low = 10.0 * np.floor(np.nanmin(finite, initial=0.0 if not is_level else np.inf) / 10.0)
    low = float(low) if is_level and np.isfinite(low) else 0.0
    width = 0.8 / len(names)
    for i, ((colour, _), row, name) in enumerate(
        zip(colours(len(names)), finite, names, strict=True)
    ):
        places = np.arange(row.size) + (i - (len(names) - 1) / 2.0) * width
        pale = 1.0 if i < len(METHOD_COLOURS) else 0.5
        bars = axes.bar(places, row - low, width, bottom=low, color=colour, alpha=pale, label=name)
        if written:
            texts = [style.value_text(float(value), unit) for value in row]
            axes.bar_label(bars, texts, fontsize=small(), padding=1.0)
    _say_if_nothing(axes, values)
    axes.set_xlim(-0.6, values.shape[1] - 0.4)
    if is_level:
        axes.set_ylim(bottom=low)


def _octaves(bands: Array) -> dict[int, str]:
    """Return index and nominal frequency of the bands nearest to the octaves (IEC 61260-1)."""
    found = {}
    for place, name in enumerate(_NOMINAL):
        octave = 1000.0 * 10.0 ** (0.3 * (place - _NOMINAL.index("1k")))
        nearest = int(np.argmin(np.abs(np.log(bands / octave))))
        if abs(np.log2(bands[nearest] / octave)) < 0.3:
            found[nearest] = name
    return found

"""Figures: drawn from results, sized in mm for a journal, the only module that uses matplotlib.

All figures are made with the object-oriented interface; no global state of pyplot is touched, no
window is opened, and matplotlib is imported on first use. :mod:`soundcal.report.svg` turns them
into text for a page.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.errors import ParameterError
from soundcal.recording import channel_names
from soundcal.report import style
from soundcal.report.style import COLUMN_MM, FAINT, METHOD_COLOURS, PAGE_MM, inches

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from soundcal.calibration.model import Calibration
    from soundcal.indicators.result import IndicatorResult
    from soundcal.report.comparison import Entry

__all__ = [
    "MAX_COLUMNS",
    "MAX_DOT_ROWS",
    "bland_altman_grid",
    "budget_bars",
    "font_files",
    "indicator_figure",
    "save",
    "stimulus_dots",
]

Array = NDArray[np.float64]

MAX_DOT_ROWS: Final = 40
"""Most stimuli that one dot plot shows; of more, those that differ most."""

MAX_COLUMNS: Final = 6
"""Most statistics in one row of a Bland-Altman grid."""


@contextmanager
def _styled() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context(style.rc_settings()):
        yield


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(inches(width), inches(height)))


def _axes(figure: "Figure", left: float, bottom: float, width: float, height: float) -> "Axes":
    """Add axes at a position in mm from the lower left corner of the figure."""
    w, h = (25.4 * size for size in figure.get_size_inches())
    return figure.add_axes((left / w, bottom / h, width / w, height / h))


def _at(figure: "Figure", x: float, y: float, text: str, **settings: Any) -> None:
    """Write text at a position in mm."""
    w, h = (25.4 * size for size in figure.get_size_inches())
    figure.text(x / w, y / h, text, **settings)


def _few_ticks(axis: Any, most: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))


def font_files() -> tuple[Path, Path]:
    """Return DejaVu Sans, regular and bold, as it comes with matplotlib."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf"


def save(figure: "Figure", path: Any, *, form: str, dpi: int = 300, salt: str = "soundcal") -> None:
    """Write a figure to a path or file object, the same bytes every time.

    Parameters
    ----------
    figure : Figure
        Made by this module.
    path : path or binary file
        Where to.
    form : {"svg", "png", "pdf"}
        File format; SVG has no background, the others a white one.
    dpi : int
        Resolution of PNG.
    salt : str
        Makes the ids inside an SVG differ from those of other figures in one page.
    """
    import warnings

    import matplotlib

    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form, {})
    background = "none" if form == "svg" else "white"
    with (
        _styled(),
        matplotlib.rc_context({"svg.hashsalt": salt}),
        warnings.catch_warnings(),
    ):
        # a script that DejaVu Sans lacks: a page has the reader's fonts, a picture shows boxes
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(path, format=form, dpi=dpi, facecolor=background, metadata=metadata)


# Bland-Altman grid ------------------------------------------------------------------------------


def bland_altman_grid(entries: Sequence["Entry"]) -> list["Figure"]:
    """Draw the agreement of one family of indicators in the study's layout.

    Rows are the differences between methods, columns the statistics; all panels of a row share
    their vertical axis. Each shows the differences over the mean of both methods, bias (solid)
    and limits of agreement (dashed) with their values printed and their confidence intervals
    shaded, the line of no difference (dotted) and, where one was stated, the allowable difference
    (dash-dotted).

    Parameters
    ----------
    entries : sequence of Entry
        Of one family: same indicator symbol and unit.

    Returns
    -------
    list of Figure
        One figure per 6 statistics; 88 mm wide for up to 2 columns, 180 mm for more.

    Raises
    ------
    ParameterError
        No entries, or entries of several indicators.
    """
    families = {entry.indicator for entry in entries}
    if len(families) != 1:
        raise ParameterError(
            f"{len(families)} families of indicators; entries of exactly 1 are expected"
        )
    labels = list(dict.fromkeys(entry.statistic for entry in entries))
    chunks = [labels[i : i + MAX_COLUMNS] for i in range(0, len(labels), MAX_COLUMNS)]
    with _styled():
        return [_grid([e for e in entries if e.statistic in chunk], chunk) for chunk in chunks]


def _grid(entries: Sequence["Entry"], statistics: Sequence[str]) -> "Figure":
    pairs = list(dict.fromkeys((entry.first, entry.second) for entry in entries))
    cells = {(entry.first, entry.second, entry.statistic): entry for entry in entries}
    wide = len(statistics) > 2
    left, right, top, bottom, gap, row_gap = 18.5, 1.5, 6.0, 11.0, 2.5, 7.0
    width = PAGE_MM if wide else COLUMN_MM
    panel = (width - left - right - gap * (len(statistics) - 1)) / len(statistics)
    height = 30.0 if wide else 40.0
    total = top + bottom + len(pairs) * height + (len(pairs) - 1) * row_gap
    figure = _figure(width, total)
    unit = style.unit_label(entries[0].indicator, entries[0].unit)
    for row, pair in enumerate(pairs):
        span = _row_span([cells[(*pair, s)] for s in statistics if (*pair, s) in cells])
        y = total - top - (row + 1) * height - row * row_gap
        for column, statistic in enumerate(statistics):
            axes = _axes(figure, left + column * (panel + gap), y, panel, height)
            axes.set_ylim(*span)
            _few_ticks(axes.yaxis, 5)
            if column == 0:
                axes.set_ylabel(_pair_label(pair, unit))
                axes.yaxis.set_label_coords(-(left - 7.5) / panel, 0.5)
            else:
                axes.tick_params(labelleft=False)
            if row == 0:
                axes.set_title(f"{entries[0].indicator}{statistic}", pad=4.0, weight="bold")
            entry = cells.get((*pair, statistic))
            if entry is None:
                axes.set_xticks([])
                axes.text(0.5, 0.5, "not compared", transform=axes.transAxes, ha="center")
            else:
                _panel(axes, entry, panel, height)
    _at(
        figure, (left + width) / 2, 1.5, f"Mean of both methods in {unit}", ha="center", va="bottom"
    )
    return figure


def _pair_label(pair: tuple[str, str], unit: str) -> str:
    first, second = (_short(name, 20) for name in pair)
    between = " " if len(first) + len(second) <= 17 else "\n"
    return f"{first} −{between}{second}\n{unit}"


def _row_span(entries: Sequence["Entry"]) -> tuple[float, float]:
    """Return the vertical range that shows everything but endless confidence bands."""
    low, high = 0.0, 0.0
    for entry in entries:
        a = entry.agreement
        reach = a.upper - a.lower
        low = min(low, float(entry.differences.min()), max(a.lower_ci[0], a.lower - reach))
        high = max(high, float(entry.differences.max()), min(a.upper_ci[1], a.upper + reach))
        if entry.delta is not None and entry.delta <= 3 * max(abs(low), abs(high)):
            low, high = min(low, -entry.delta), max(high, entry.delta)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _panel(axes: "Axes", entry: "Entry", width: float, height: float) -> None:
    a = entry.agreement
    for interval, colour in (
        (a.lower_ci, style.GREEN),
        (a.upper_ci, style.GREEN),
        (a.bias_ci, style.VERMILION),
    ):
        axes.axhspan(*interval, color=colour, alpha=0.18, linewidth=0)
    axes.axhline(0.0, color=FAINT, linewidth=0.6, linestyle=":")
    if entry.delta is not None:
        for bound in (-entry.delta, entry.delta):
            axes.axhline(bound, color=style.PURPLE, linewidth=0.8, linestyle="-.")
    axes.axhline(a.bias, color=style.VERMILION, linewidth=1.0)
    for limit in (a.lower, a.upper):
        axes.axhline(limit, color=style.GREEN, linewidth=0.9, linestyle="--")
    n = len(entry.x)
    size = 3.0 if n <= 60 else 2.0
    axes.plot(
        entry.averages,
        entry.differences,
        linestyle="none",
        marker="o",
        markersize=size,
        color=style.BLUE,
        alpha=0.75 if n <= 60 else 0.4,
        markeredgewidth=0,
        gid="points",
    )
    _leave_room(axes, entry.averages, share=min(0.36, 10.0 / width))
    low, high = axes.get_ylim()
    lift = 1.5 / height * (high - low)  # the text stands beside its line, not on it
    places = spread_out((a.lower - lift, a.bias + lift, a.upper + lift), (low, high), 2.6 / height)
    colours = (style.GREEN, style.VERMILION, style.GREEN)
    for value, place, colour in zip((a.lower, a.bias, a.upper), places, colours, strict=True):
        axes.text(
            0.995,
            place,
            style.value_text(value, entry.unit, signed=True),
            transform=axes.transAxes,
            ha="right",
            va="center_baseline",
            color=colour,
            fontsize=6.5,
            fontweight="bold",
        )


def _leave_room(axes: "Axes", x: Array, share: float) -> None:
    """Set the horizontal range so that the rightmost ``share`` of the panel stays free."""
    from matplotlib.ticker import MaxNLocator

    low, high = float(x.min()), float(x.max())
    extent = (high - low) or max(abs(low) * 0.1, 1.0)
    low, high = low - 0.06 * extent, high + 0.06 * extent
    axes.set_xlim(low, low + (high - low) / (1.0 - share))
    ticks = MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    inside = [tick for tick in ticks if low <= tick <= high]
    if inside:
        axes.set_xticks(inside)


def spread_out(values: Sequence[float], limits: tuple[float, float], spacing: float) -> list[float]:
    """Return places (fractions of an axis) for ascending values, at least ``spacing`` apart.

    They lie as near to the values as the distance allows (least squares, by pooling neighbours that
    are too close), and inside the axis.

    >>> [round(place, 3) for place in spread_out([0.0, 0.02, 0.8], (-1.0, 1.0), 0.1)]
    [0.455, 0.555, 0.9]
    """
    low, high = limits
    pools: list[tuple[float, int]] = []  # mean and size of neighbours that touch
    for i, value in enumerate(values):
        mean, size = (value - low) / (high - low) - i * spacing, 1
        while pools and pools[-1][0] > mean:
            other, n = pools.pop()
            mean, size = (other * n + mean * size) / (n + size), n + size
        pools.append((mean, size))
    free = [mean for mean, size in pools for _ in range(size)]
    most = 1.0 - spacing / 2 - (len(free) - 1) * spacing
    return [max(spacing / 2, min(place, most)) + i * spacing for i, place in enumerate(free)]


# Values per stimulus ----------------------------------------------------------------------------


def stimulus_dots(values: "pd.DataFrame", label: str, unit: str) -> "Figure":
    """Draw one indicator per stimulus, one marker per method.

    Parameters
    ----------
    values : DataFrame
        Index: stimulus ids; one column per method, in order; missing values are left out.
    label, unit : str
        Of the horizontal axis.

    Returns
    -------
    Figure
        88 mm wide, 4 mm per stimulus, ordered by the first method. Of more than
        :data:`MAX_DOT_ROWS` stimuli those whose methods differ most are shown.
    """
    shown = values
    if len(values) > MAX_DOT_ROWS:
        spread = (values.max(axis=1) - values.min(axis=1)).fillna(0.0)
        shown = values.loc[spread.nlargest(MAX_DOT_ROWS).index]
    shown = shown.sort_values(shown.columns[0], kind="stable")
    names = [_short(str(name), 18) for name in shown.index]
    left = 6.0 + 1.25 * max(len(name) for name in names)
    bottom, top, row = 10.0, 7.0, 4.0
    with _styled():
        figure = _figure(COLUMN_MM, bottom + top + row * len(names))
        axes = _axes(figure, left, bottom, COLUMN_MM - left - 3.0, row * len(names))
        rows = np.arange(len(names))
        low, high = shown.min(axis=1).to_numpy(), shown.max(axis=1).to_numpy()
        axes.hlines(rows, low, high, color=FAINT, linewidth=0.6)
        for (colour, marker), method in zip(_cycled(len(shown.columns)), shown, strict=True):
            axes.plot(
                shown[method].to_numpy(),
                rows,
                linestyle="none",
                marker=marker,
                markersize=3.6,
                color=colour,
                markeredgewidth=0,
                label=str(method),
            )
        axes.set_yticks(rows, names)
        axes.set_ylim(-0.7, len(names) - 0.3)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=FAINT, alpha=0.25, linewidth=0.4)
        axes.set_axisbelow(True)
        _few_ticks(axes.xaxis, 6)
        axes.set_xlabel(f"{label} in {unit}")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper center", ncols=4, borderaxespad=0.2)
    return figure


def _cycled(n: int) -> list[tuple[str, str]]:
    return [METHOD_COLOURS[i % len(METHOD_COLOURS)] for i in range(n)]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


# Uncertainty budget -----------------------------------------------------------------------------


def budget_bars(calibration: "Calibration") -> "Figure":
    """Draw the standard uncertainty of every link of a calibration, per channel, and combined.

    88 mm wide; one group of bars per link that has an uncertainty.
    """
    names = list(
        dict.fromkeys(
            link.name
            for chain in calibration.chains.values()
            for link in chain.links
            if link.u_db > 0
        )
    )
    rows = [*names, "combined"]
    channels = list(calibration.channels)
    bar, gap, bottom, top = 3.0, 2.2, 10.0, 7.0
    group = bar * len(channels) + gap
    left = 6.0 + 1.2 * max(len(_short(name, 30)) for name in rows)
    height = bottom + top + group * len(rows)
    with _styled():
        figure = _figure(COLUMN_MM, height)
        axes = _axes(figure, left, bottom, COLUMN_MM - left - 11.0, group * len(rows))
        for (colour, _), (i, channel) in zip(
            _cycled(len(channels)), enumerate(channels), strict=True
        ):
            chain = calibration.chains[channel]
            sizes = {link.name: link.u_db for link in chain.links} | {"combined": chain.u_db}
            centres = [r * group + gap / 2 + (i + 0.5) * bar for r in range(len(rows))]
            lengths = [sizes.get(name, 0.0) for name in rows]
            axes.barh(centres, lengths, height=0.85 * bar, color=colour, label=channel, alpha=0.85)
            for centre, length in zip(centres, lengths, strict=True):
                text = f" {length:.2f}" if length else " 0"
                axes.text(length, centre, text, va="center", ha="left", fontsize=6.5)
        axes.set_ylim(group * len(rows), 0)
        axes.set_yticks(
            [(r + 0.5) * group for r in range(len(rows))], [_short(name, 30) for name in rows]
        )
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(left=0.0)
        _few_ticks(axes.xaxis, 4)
        axes.set_xlabel("Standard uncertainty (dB)")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper center", ncols=4, borderaxespad=0.2)
    return figure


# One indicator ----------------------------------------------------------------------------------


def indicator_figure(result: "IndicatorResult", channels: Sequence[str] = ()) -> "Figure":
    """Draw one result: over time with its percentiles, over its bands, or both as a map.

    Parameters
    ----------
    result : IndicatorResult
        Of one signal or of several channels (one leading axis).
    channels : sequence of str, optional
        Names of the channels.

    Returns
    -------
    Figure
        180 mm wide; one row for the series over time (all channels), and one per channel for a map
        of specific values over time, or one for specific values over the bands.

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
    draw_bands = result.specific is not None and result.bark is not None and not has_map
    rows = int(result.series is not None) + (n if has_map else int(draw_bands))
    if rows == 0:
        raise ParameterError(f"{result.name} has neither a series nor specific values to draw")
    left, right, bottom, top, gap, height = 17.0, 26.0, 10.0, 7.0, 13.0, 38.0
    total = bottom + top + rows * height + (rows - 1) * gap
    with _styled():
        figure = _figure(PAGE_MM, total)
        panels = [
            _axes(
                figure,
                left,
                total - top - (r + 1) * height - r * gap,
                PAGE_MM - left - right,
                height,
            )
            for r in range(rows)
        ]
        if result.series is not None:
            _series_panel(panels.pop(0), result, names)
        if has_map:
            _map_panels(figure, panels, result, names)
        elif draw_bands:
            _bands_panel(panels[0], result, names)
    return figure


def _has_map(result: "IndicatorResult", n_leading: int) -> bool:
    return (
        result.specific is not None
        and result.times is not None
        and result.bark is not None
        and np.ndim(result.specific) == n_leading + 2
    )


def _title(result: "IndicatorResult") -> str:
    return result.name.replace("_", " ")


def _series_panel(axes: "Axes", result: "IndicatorResult", names: Sequence[str]) -> None:
    series = np.atleast_2d(np.asarray(result.series))
    times = np.arange(series.shape[1]) * 1.0 if result.times is None else result.times
    for (colour, _), values, name in zip(_cycled(len(names)), series, names, strict=True):
        finite = np.where(np.isfinite(values), values, np.nan)
        axes.plot(times, finite, color=colour, linewidth=0.7, label=name)
    axes.set_xlim(float(times[0]), float(times[-1]) or 1.0)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    percentiles = [
        (name, np.ravel(values)) for name, values in result.statistics.items() if _is_share(name)
    ]
    for i, (colour, _) in enumerate(_cycled(len(names))):
        marks = sorted((float(v[i]), name) for name, v in percentiles if np.isfinite(v[i]))
        if not marks:
            continue
        values = [value for value, _ in marks]
        places = spread_out(values, (low, high), 2.7 / 38.0)
        for (value, name), place in zip(marks, places, strict=True):
            axes.axhline(value, color=colour, linewidth=0.4, linestyle="--", alpha=0.7)
            axes.text(
                1.01 + 0.095 * i,
                place,
                f"{name} {value:.3g}",
                transform=axes.transAxes,
                color=colour,
                fontsize=6.5,
                va="center",
            )
    axes.set_xlabel("Time (s)" if result.times is not None else "Index")
    axes.set_ylabel(result.unit or "1")
    axes.set_title(_title(result), loc="left", pad=4.0, weight="bold")
    if len(names) > 1:
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, borderaxespad=0.1)


def _is_share(name: str) -> bool:
    """Return whether a statistic is an exceedance percentile: its name ends in a number < 100.

    >>> _is_share("N5"), _is_share("95"), _is_share("max")
    (True, True, False)
    """
    digits = name.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    return digits.isdigit() and int(digits) < 100


def _map_panels(
    figure: "Figure", panels: Iterable["Axes"], result: "IndicatorResult", names: Sequence[str]
) -> None:
    specific = np.asarray(result.specific)
    specific = specific.reshape((-1, *specific.shape[-2:]))
    times, bands = np.asarray(result.times), np.asarray(result.bark)
    step = max(1, math.ceil(len(times) / 1000))
    top = float(np.nanmax(specific)) or 1.0
    for axes, values, name in zip(panels, specific, names, strict=True):
        image = axes.imshow(
            values[::step].T,
            origin="lower",
            aspect="auto",
            extent=(float(times[0]), float(times[-1]), float(bands[0]), float(bands[-1])),
            cmap="viridis",
            vmin=0.0,
            vmax=top,
            interpolation="nearest",
        )
        axes.set_xlabel("Time (s)")
        axes.set_ylabel(
            f"{'Critical-band rate' if result.axis_unit == 'Bark' else 'Band'} ({result.axis_unit})"
        )
        axes.set_title(f"{_title(result)}, {name}", loc="left", pad=4.0, weight="bold")
        box = axes.get_position()
        bar = figure.add_axes((box.x1 + 0.012, box.y0, 0.012, box.height))
        figure.colorbar(image, cax=bar, label=f"{result.unit}/{result.axis_unit}")


def _bands_panel(axes: "Axes", result: "IndicatorResult", names: Sequence[str]) -> None:
    bands = np.asarray(result.bark)
    values = np.asarray(result.specific).reshape((len(names), -1))
    in_hz = result.axis_unit == "Hz"
    x = np.arange(len(bands)) if in_hz else bands
    for (colour, _), row, name in zip(_cycled(len(names)), values, names, strict=True):
        finite = np.where(np.isfinite(row), row, np.nan)
        axes.step(x, finite, where="mid", color=colour, linewidth=0.9, label=name)
    if in_hz:
        shown = _octaves(bands)
        axes.set_xticks(shown, [_hertz(float(bands[i])) for i in shown])
        axes.set_xlabel("Band centre (Hz)")
        axes.set_ylabel(f"Level ({result.unit})")
    else:
        axes.set_xlabel(f"Critical-band rate ({result.axis_unit})")
        axes.set_ylabel(f"{result.unit}/{result.axis_unit}")
    axes.set_title(_title(result), loc="left", pad=4.0, weight="bold")
    if len(names) > 1:
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, borderaxespad=0.1)


def _octaves(bands: Array) -> list[int]:
    """Return the indices of the bands nearest to the octaves around 1 kHz."""
    octaves = 1000.0 * 2.0 ** np.arange(-6, 5)
    inside = octaves[(octaves > bands[0] / 1.3) & (octaves < bands[-1] * 1.3)]
    return sorted({int(np.argmin(np.abs(np.log(bands / octave)))) for octave in inside})


def _hertz(frequency: float) -> str:
    nominal = round(frequency, 1 - math.floor(math.log10(frequency)))
    return f"{nominal / 1000:g}k" if nominal >= 1000 else f"{nominal:g}"

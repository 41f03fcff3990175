"""Common parts of all figures: size in mm, style, colours, and writing to a file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.report import style
from soundcal.report.style import METHOD_COLOURS, inches

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "add_axes",
    "colours",
    "few_ticks",
    "font_files",
    "frequency_span",
    "legend_above",
    "legend_columns",
    "log_frequency",
    "new_figure",
    "pixels",
    "save",
    "say_inside",
    "short",
    "small",
    "spread_out",
    "styled",
]


_FREQUENCIES: Final = tuple(n * 10**k for k in range(6) for n in (1, 2, 5))
"""Ticks of an axis of frequencies, Hz."""


@contextmanager
def styled() -> Iterator[None]:
    """Apply the settings of all figures inside the context only."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # not what a file matplotlibrc in the working folder says
        matplotlib.rcParams.update(style.rc_settings())
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of a size in mm."""
    from matplotlib.figure import Figure

    return Figure(figsize=(inches(width), inches(height)))


def add_axes(figure: "Figure", left: float, bottom: float, width: float, height: float) -> "Axes":
    """Add axes at a position in mm from the lower left corner of the figure."""
    w, h = (25.4 * size for size in figure.get_size_inches())
    return figure.add_axes((left / w, bottom / h, width / w, height / h))


def few_ticks(axis: Any, most: int) -> None:
    """Let an axis have at most this number of intervals, at round numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))


def log_frequency(axis: Any, low: float, high: float) -> None:
    """Make an axis one of frequencies in Hz, logarithmic, from ``low`` to ``high``."""
    from matplotlib.ticker import NullLocator

    name = axis.axis_name
    axis.axes.set(**{f"{name}scale": "log", f"{name}lim": (low, high)})
    inside = [tick for tick in _FREQUENCIES if low <= tick <= high]
    axis.set_ticks(inside, [f"{t / 1000:g}k" if t >= 1000 else str(t) for t in inside])
    axis.set_minor_locator(NullLocator())


def frequency_span(found: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of an axis for frequencies in Hz, two octaves apart at least.

    >>> frequency_span(np.array([1000.0]))
    (500.0, 2000.0)
    """
    finite = found[np.isfinite(found)]
    if not finite.size:
        return 50.0, 16000.0
    low, high = float(finite.min()), float(finite.max())
    middle, reach = np.sqrt(low * high), max(1.3 * np.sqrt(high / low), 2.0)
    return float(middle / reach), float(middle * reach)


def say_inside(axes: "Axes", text: str) -> None:
    """Write in the middle of axes why they are empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center")


def small() -> float:
    """Return the size of numbers beside marks, in points: one less than that of other text."""
    import matplotlib

    return float(matplotlib.rcParams["font.size"]) - 1.0


def legend_above(axes: "Axes") -> None:
    """Put a legend above the right end of axes, if they show several things that have names."""
    handles, names = axes.get_legend_handles_labels()
    if len(names) > 1:
        axes.legend(
            handles, names, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=5, borderaxespad=0.1
        )


def font_files() -> tuple[Path, Path]:
    """Return DejaVu Sans, regular and bold, as it comes with matplotlib."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf"


def save(figure: "Figure", path: Any, *, form: str, dpi: int = 300, salt: str = "soundcal") -> None:
    """Write a figure to a path or file object, always the same bytes.

    Parameters
    ----------
    figure : Figure
        Made by this module.
    path : path or binary file
        Destination.
    form : {"svg", "png", "pdf"}
        File format; SVG has no background, the others a white one.
    dpi : int
        Resolution of PNG.
    salt : str
        Makes the ids inside an SVG different from those of other figures in one page.
    """
    import matplotlib

    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form, {})
    background = "none" if form == "svg" else "white"
    with (
        styled(),
        matplotlib.rc_context({"svg.hashsalt": salt}),
        _boxes_for_missing_glyphs(),
    ):
        figure.savefig(path, format=form, dpi=dpi, facecolor=background, metadata=metadata)


def pixels(figure: "Figure", dpi: int) -> NDArray[np.uint8]:
    """Draw a figure on white and return its pixels, shape (rows, columns, 3 for red, green, blue).

    As :func:`save` writes them in a PNG, without the time that it takes to pack and unpack one.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(dpi)
    figure.set_facecolor("white")
    canvas: Any = FigureCanvasAgg(figure)
    with styled(), _boxes_for_missing_glyphs():
        canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[:, :, :3])


@contextmanager
def _boxes_for_missing_glyphs() -> Iterator[None]:
    """Say nothing of a script missing from DejaVu Sans: pages have the reader's fonts."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def spread_out(values: Sequence[float], limits: tuple[float, float], spacing: float) -> list[float]:
    """Return places (fractions of an axis) for ascending values, at least ``spacing`` apart.

    They are as near to the values as the spacing allows (least squares, by pooling neighbours that
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


def legend_columns(names: Sequence[str], width: float) -> tuple[int, float]:
    """Return the number of columns in which a legend of these names fits, and its height in mm.

    >>> legend_columns(["in-situ", "ocv", "hats"], 88.0)
    (3, 7.0)
    >>> legend_columns(["a long name of a method", "another quite long name"], 60.0)
    (1, 11.0)
    """
    most = max(len(name) for name in names)
    each = 11.0 + 1.4 * most  # handle, gaps, and letters of 7 points
    columns = max(1, min(len(names), int(width // each)))
    return columns, 3.0 + 4.0 * -(-len(names) // columns)


def colours(n: int) -> list[tuple[str, str]]:
    """Return colour and marker of the first n methods or ears.

    Colours repeat after the last one, with other markers; the whole after the square of their
    number.
    """
    size = len(METHOD_COLOURS)
    return [
        (METHOD_COLOURS[i % size][0], METHOD_COLOURS[(i + i // size) % size][1]) for i in range(n)
    ]


def short(text: str, most: int) -> str:
    """Return the text, cut to at most ``most`` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"

"""A sheet of many small panels, drawn in mm with few artists.

A page has hundreds of panels. Each would take 20 ms as matplotlib axes, and takes a fraction of
that on one sheet, where all lines of one kind are one path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.report.figures.page import add_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Panel", "Sheet", "Stroke", "round_ticks"]


_TICK: Final = 0.9  # length of a tick, mm


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of a sheet: its position in mm, and the range of its data.

    Parameters
    ----------
    left, bottom, width, height : float
        Position and size in mm.
    x_limits, y_limits : tuple of float
        Data at its edges.
    """

    left: float
    bottom: float
    width: float
    height: float
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]

    def x(self, values: Any) -> Any:
        """Convert data on the horizontal axis to mm on the sheet."""
        low, high = self.x_limits
        return self.left + (np.asarray(values) - low) / (high - low) * self.width

    def y(self, values: Any) -> Any:
        """Convert data on the vertical axis to mm on the sheet."""
        low, high = self.y_limits
        return self.bottom + (np.asarray(values) - low) / (high - low) * self.height

    @property
    def right(self) -> float:
        """Right edge, mm."""
        return self.left + self.width

    @property
    def top(self) -> float:
        """Upper edge, mm."""
        return self.bottom + self.height


@dataclass(frozen=True, slots=True)
class Stroke:
    """Look of one kind of line: colour, width in points, dashes as matplotlib defines them."""

    colour: str
    width: float
    dashes: str = "-"


class Sheet:
    """Collects lines, areas and points by kind, and draws each kind at once."""

    def __init__(self, figure: "Figure") -> None:
        width, height = (25.4 * size for size in figure.get_size_inches())
        self.axes: Axes = add_axes(figure, 0.0, 0.0, width, height)
        self.axes.set_axis_off()
        self.axes.set_xlim(0.0, width)
        self.axes.set_ylim(0.0, height)
        self._lines: dict[Stroke, list[tuple[float, float, float, float]]] = {}
        self._areas: dict[str, list[tuple[float, float, float, float]]] = {}
        self._points: list[tuple[Array, Array]] = []

    def line(self, stroke: Stroke, x0: float, y0: float, x1: float, y1: float) -> None:
        """Add a line between two points in mm."""
        self._lines.setdefault(stroke, []).append((x0, y0, x1, y1))

    def level(self, stroke: Stroke, panel: Panel, value: float) -> None:
        """Add a horizontal line across a panel, if the panel shows that value."""
        low, high = panel.y_limits
        if low <= value <= high:
            y = float(panel.y(value))
            self.line(stroke, panel.left, y, panel.right, y)

    def band(self, colour: str, panel: Panel, interval: tuple[float, float]) -> None:
        """Shade an interval across a panel, cut at its edges."""
        bottom, top = (float(np.clip(panel.y(v), panel.bottom, panel.top)) for v in interval)
        if top > bottom:
            self._areas.setdefault(colour, []).append((panel.left, bottom, panel.right, top))

    def points(self, panel: Panel, x: Array, y: Array) -> None:
        """Add points to a panel."""
        self._points.append((panel.x(x), panel.y(y)))

    def text(self, x: float, y: float, text: str, **settings: Any) -> None:
        """Write a text at a position in mm."""
        self.axes.text(x, y, text, **settings)

    def frame(
        self, stroke: Stroke, panel: Panel, x_ticks: Sequence[float], y_ticks: Sequence[float]
    ) -> None:
        """Draw the left and lower edge of a panel with ticks at these values."""
        self.line(stroke, panel.left, panel.bottom, panel.left, panel.top)
        self.line(stroke, panel.left, panel.bottom, panel.right, panel.bottom)
        for x in panel.x(x_ticks):
            self.line(stroke, x, panel.bottom, x, panel.bottom - _TICK)
        for y in panel.y(y_ticks):
            self.line(stroke, panel.left, y, panel.left - _TICK, y)

    def draw(self, *, colour: str, size: float, alpha: float) -> None:
        """Draw everything: areas, lines, then points of this colour, size (points) and alpha."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        for shade, boxes in self._areas.items():
            corners = [
                corner
                for x0, y0, x1, y1 in boxes
                for corner in ((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))
            ]
            codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
            area = PathPatch(
                Path(corners, codes * len(boxes)),
                facecolor=shade,
                alpha=0.18,
                linewidth=0.0,
                gid="bands",
            )
            self.axes.add_patch(area)
        for stroke, lines in self._lines.items():
            ends = [end for x0, y0, x1, y1 in lines for end in ((x0, y0), (x1, y1))]
            path = Path(ends, [Path.MOVETO, Path.LINETO] * len(lines))
            self.axes.add_patch(
                PathPatch(
                    path,
                    fill=False,
                    edgecolor=stroke.colour,
                    linewidth=stroke.width,
                    linestyle=stroke.dashes,
                )
            )
        if self._points:
            x, y = (np.concatenate(parts) for parts in zip(*self._points, strict=True))
            self.axes.plot(
                x,
                y,
                "o",
                color=colour,
                markersize=size,
                alpha=alpha,
                markeredgewidth=0,
                gid="points",
            )


def round_ticks(low: float, high: float, most: int) -> tuple[list[float], list[str]]:
    """Return round values between two limits, at most ``most`` intervals apart, and their texts.

    >>> round_ticks(-1.2, 0.4, 4)
    ([-1.0, -0.5, 0.0], ['−1.0', '−0.5', '0.0'])
    """
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    inside = [float(tick) for tick in ticks if low <= tick <= high]
    step = float(ticks[1] - ticks[0])
    decimals = len(f"{step:.10f}".rstrip("0").partition(".")[2])
    texts = [f"{tick:.{decimals}f}".replace("-", "−") for tick in inside]
    zero = f"−{0:.{decimals}f}"
    return inside, [text.removeprefix("−") if text == zero else text for text in texts]

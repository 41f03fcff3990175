"""Names written beside the points of a plot."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.report.figures.page import short
from soundcal.report.style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["write_names"]

_NAME_PT: Final = 4.5
_PLACES: Final = ((2.0, 1.5), (-2.0, 1.5), (2.0, -5.5), (-2.0, -5.5))
"""Places of a name relative to its point, in points."""

Box = tuple[float, float, float, float]


def write_names(
    axes: "Axes",
    x: Array,
    y: Array,
    names: Sequence[str],
    *,
    others: Array | None = None,
    size: float = _NAME_PT,
) -> None:
    """Write the names beside the points, those at the edge first, where nothing else is.

    A name without a place is left out; the numbers of all stimuli are in the tables.

    Parameters
    ----------
    axes : Axes
        With the limits and the position that they keep.
    x, y : ndarray, shape (n,)
        Points in the units of the axes.
    names : sequence of str
        Their names.
    others : ndarray, shape (m, 2), optional
        Further places that stay free.
    size : float
        Height of the letters in points.
    """
    scale = 72.0 / axes.figure.dpi
    points = scale * axes.transData.transform(np.column_stack([x, y]))
    free = points
    if others is not None:
        free = np.concatenate([points, scale * axes.transData.transform(others)])
    far = np.hypot(*((points - np.median(points, axis=0)) / (np.ptp(points, axis=0) + 1e-9)).T)
    taken = [(a - 1.2, b - 1.2, a + 1.2, b + 1.2) for a, b in free]
    for index in np.argsort(-far, kind="stable"):
        text = short(str(names[index]), 10)
        width = 0.65 * size * len(text)
        for dx, dy in _PLACES:
            left = points[index, 0] + (dx if dx > 0 else dx - width)
            low = points[index, 1] + (dy if dy > 0 else dy - size + _NAME_PT)
            box = (left, low, left + width, low + size)
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                axes.annotate(
                    text,
                    (x[index], y[index]),
                    xytext=(dx, low - points[index, 1]),
                    textcoords="offset points",
                    ha="left" if dx > 0 else "right",
                    fontsize=size,
                    color=INK,
                )
                break


def _overlap(a: Box, b: Box) -> bool:
    """Return True if two boxes (left, low, right, high) have a part in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]

"""Axes for a plot: those given, or new ones that a notebook shows and a script can save."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from soundcal.report.figures.page import legend_above, styled
from soundcal.report.style import FAINT, INK, inches

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

__all__ = ["Drawing", "drawn"]

_DPI: Final = 150
"""Pixels per inch, so that text of 7 points is as large on a screen as other text."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A plot that can be drawn in any axes.

    Parameters
    ----------
    draw : callable
        Draws in the axes that it is given, and returns the image if colours need a scale.
    width, height : float
        Size of a figure of its own, mm.
    colours : str
        Label of the colour scale.
    """

    draw: "Callable[[Axes], ScalarMappable | None]"
    width: float = 150.0
    height: float = 80.0
    colours: str = ""


def drawn(drawing: Drawing, ax: "Axes | None") -> "Axes":
    """Draw in the given axes, in the style that these have, or in a new figure of pyplot.

    pyplot knows the figure, so that a notebook shows it, ``matplotlib.pyplot.show()`` opens a
    window, and a script without a display can save it.

    Raises
    ------
    TypeError
        ``ax`` is something else than ``Axes``.
    """
    from matplotlib import pyplot
    from matplotlib.axes import Axes

    if ax is not None:
        if not isinstance(ax, Axes):
            raise TypeError(
                f"ax is of type {type(ax).__name__}; one Axes is expected, such as "
                "pyplot.subplots(1, 2)[1][0]"
            )
        _draw(drawing, ax)
        return ax
    # the first figure starts pyplot's backend, which has settings that must outlast the style
    figure = pyplot.figure(
        figsize=(inches(drawing.width), inches(drawing.height)),
        dpi=_DPI,
        facecolor="white",
        layout="constrained",
    )
    with styled():
        axes = figure.add_subplot()
        # ticks are made when they are needed, which may be after the style has gone
        axes.tick_params(
            labelsize=6.5, color=FAINT, labelcolor=INK, width=0.6, length=2.5, which="major"
        )
        _draw(drawing, axes)
    return axes


def _draw(drawing: Drawing, axes: "Axes") -> None:
    image = drawing.draw(axes)
    legend_above(axes)
    if image is not None:
        axes.figure.colorbar(image, ax=axes, label=drawing.colours)

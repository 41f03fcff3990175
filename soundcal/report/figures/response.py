"""Levels of a response over logarithmic frequency, with bands of uncertainty."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from soundcal.report.figures.page import (
    add_axes,
    colours,
    legend_above,
    log_frequency,
    new_figure,
    short,
    styled,
)
from soundcal.report.figures.spectra import peaks_and_dips
from soundcal.report.style import FAINT, PAGE_MM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from soundcal.response.model import Response

__all__ = ["curves_figure", "draw_response"]


def draw_response(axes: "Axes", response: "Response", channels: Sequence[str] = ()) -> None:
    """Draw the level of channels in axes, each in a band of its standard uncertainty.

    Parameters
    ----------
    axes : Axes
        Axes to draw in.
    response : Response
        The response; its valid range is drawn.
    channels : sequence of str, optional
        Names of the channels; all if not given.
    """
    names = tuple(channels) or tuple(response.channels)
    axes.axhline(0.0, color=FAINT, linewidth=0.6)
    for (colour, _), name in zip(colours(len(names)), names, strict=True):
        curve = response.channel(name)
        frequency, level = peaks_and_dips(curve.frequency, curve.magnitude_db)
        u_db = curve.uncertainty(frequency)
        axes.fill_between(
            frequency, level - u_db, level + u_db, color=colour, alpha=0.2, linewidth=0.0
        )
        axes.plot(frequency, level, color=colour, linewidth=0.9, label=name)
    log_frequency(axes.xaxis, *response.valid)
    axes.set_xlabel("Frequency (Hz)")
    axes.set_ylabel(f"Level ({response.unit})")
    title = f"{short(response.name, 40)}: {response.source_point} → {response.target_point}"
    axes.set_title(title, loc="left", pad=4.0, weight="bold")


def curves_figure(response: "Response") -> "Figure":
    """Draw all channels of a response; 180 mm wide. Its id and the band stand below."""
    left, right, bottom, top, height = 17.0, 4.0, 14.0, 7.0, 62.0
    total = bottom + top + height
    with styled():
        figure = new_figure(PAGE_MM, total)
        axes = add_axes(figure, left, bottom, PAGE_MM - left - right, height)
        draw_response(axes, response)
        legend_above(axes)
        text = f"{response.id}; band: ± standard uncertainty"
        figure.text(left / PAGE_MM, 1.5 / total, text)
    return figure

"""Plots of results for notebooks and scripts, in the style of the reports.

:func:`plot` draws any result that has a plot; the functions for tables of ratings need the scale of
the answers as well. All of them return matplotlib's ``Axes``.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.plotting.rated import plot_heat_map, plot_likert, plot_plane
    from soundcal.plotting.results import plot
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "plot": "results",
            "plot_heat_map": "rated",
            "plot_likert": "rated",
            "plot_plane": "rated",
        },
    )

__all__ = ["plot", "plot_heat_map", "plot_likert", "plot_plane"]

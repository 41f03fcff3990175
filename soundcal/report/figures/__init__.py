"""Figures drawn from results, sized in mm for a journal.

A function ``draw_…`` draws in axes, the others return a whole figure; :mod:`soundcal.plotting` puts
the former into figures of pyplot. Here, all figures are made with the object-oriented interface; no
global state of pyplot is touched, no window is opened, and matplotlib is imported on first use.
:mod:`soundcal.report.svg` turns them into text for a page.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.report.figures.agreement import MAX_COLUMNS, bland_altman_grid
    from soundcal.report.figures.budget import budget_bars
    from soundcal.report.figures.forest import (
        MAX_FOREST_ROWS,
        VERDICT_WORDS,
        bias_forest,
        equivalence_forest,
    )
    from soundcal.report.figures.indicator import indicator_figure
    from soundcal.report.figures.page import font_files, pixels, save
    from soundcal.report.figures.periods import (
        CoursePanel,
        calendar_figure,
        course_figure,
        coverage_figure,
    )
    from soundcal.report.figures.qualification import (
        crosstalk_figure,
        delay_figure,
        linearity_figure,
        noise_figure,
        response_figure,
        spectrum_figure,
        stability_figure,
    )
    from soundcal.report.figures.rates import rate_dots
    from soundcal.report.figures.ratings import (
        DIFFERENCE_LIMIT,
        circumplex,
        difference_map,
        likert_bars,
    )
    from soundcal.report.figures.relation import (
        ScatterPanel,
        correlation_map,
        difference_scatter,
    )
    from soundcal.report.figures.response import curves_figure
    from soundcal.report.figures.spectra import density_figure
    from soundcal.report.figures.stimuli import MAX_DOT_ROWS, stimulus_dots
    from soundcal.report.figures.tones import recorded_tones_figure, tones_figure
    from soundcal.report.figures.values import MAX_VALUE_PANELS, value_dots
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "CoursePanel": "periods",
            "DIFFERENCE_LIMIT": "ratings",
            "MAX_COLUMNS": "agreement",
            "MAX_DOT_ROWS": "stimuli",
            "MAX_FOREST_ROWS": "forest",
            "MAX_VALUE_PANELS": "values",
            "ScatterPanel": "relation",
            "VERDICT_WORDS": "forest",
            "bias_forest": "forest",
            "bland_altman_grid": "agreement",
            "budget_bars": "budget",
            "calendar_figure": "periods",
            "circumplex": "ratings",
            "correlation_map": "relation",
            "course_figure": "periods",
            "coverage_figure": "periods",
            "crosstalk_figure": "qualification",
            "delay_figure": "qualification",
            "curves_figure": "response",
            "density_figure": "spectra",
            "difference_map": "ratings",
            "difference_scatter": "relation",
            "equivalence_forest": "forest",
            "font_files": "page",
            "indicator_figure": "indicator",
            "likert_bars": "ratings",
            "linearity_figure": "qualification",
            "noise_figure": "qualification",
            "rate_dots": "rates",
            "recorded_tones_figure": "tones",
            "response_figure": "qualification",
            "pixels": "page",
            "save": "page",
            "spectrum_figure": "qualification",
            "stability_figure": "qualification",
            "stimulus_dots": "stimuli",
            "tones_figure": "tones",
            "value_dots": "values",
        },
    )

__all__ = [
    "DIFFERENCE_LIMIT",
    "MAX_COLUMNS",
    "MAX_DOT_ROWS",
    "MAX_FOREST_ROWS",
    "MAX_VALUE_PANELS",
    "VERDICT_WORDS",
    "CoursePanel",
    "ScatterPanel",
    "bias_forest",
    "bland_altman_grid",
    "budget_bars",
    "calendar_figure",
    "circumplex",
    "correlation_map",
    "course_figure",
    "coverage_figure",
    "crosstalk_figure",
    "curves_figure",
    "delay_figure",
    "density_figure",
    "difference_map",
    "difference_scatter",
    "equivalence_forest",
    "font_files",
    "indicator_figure",
    "likert_bars",
    "linearity_figure",
    "noise_figure",
    "pixels",
    "rate_dots",
    "recorded_tones_figure",
    "response_figure",
    "save",
    "spectrum_figure",
    "stability_figure",
    "stimulus_dots",
    "tones_figure",
    "value_dots",
]

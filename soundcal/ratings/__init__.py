"""Ratings of a listening test: imported, checked, compared between conditions.

The statistics are those of :mod:`soundcal.agreement`; the plane of pleasantness and eventfulness is
that of ISO/TS 12913-3. All results are tables; :mod:`soundcal.report` draws the figures.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.ratings.analysis import (
        Plane,
        RatingsAnalysis,
        RatingsDescription,
        analyse_ratings,
        describe_ratings,
    )
    from soundcal.ratings.comparison import (
        RatingsComparison,
        compare_ratings,
        likert_shares,
        quadrant_table,
    )
    from soundcal.ratings.importers import (
        combine,
        read_exclusions,
        read_gui,
        read_ratings,
    )
    from soundcal.ratings.mapping import read_mapped
    from soundcal.ratings.mixed import MixedModel, mixed_model
    from soundcal.ratings.ordinal import OrdinalModel, ordinal_model
    from soundcal.ratings.quality import Quality, check_quality
    from soundcal.ratings.soundscape import (
        ANGLES,
        ATTRIBUTES,
        Density,
        coordinates,
        density,
        method_a,
        quadrant_shares,
    )
    from soundcal.ratings.summary import central_answers, densities, stacked_answers
    from soundcal.ratings.table import Exclusion, Ratings, make_ratings
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "ANGLES": "soundscape",
            "ATTRIBUTES": "soundscape",
            "Density": "soundscape",
            "Exclusion": "table",
            "MixedModel": "mixed",
            "OrdinalModel": "ordinal",
            "Plane": "analysis",
            "Quality": "quality",
            "Ratings": "table",
            "RatingsAnalysis": "analysis",
            "RatingsComparison": "comparison",
            "RatingsDescription": "analysis",
            "analyse_ratings": "analysis",
            "central_answers": "summary",
            "check_quality": "quality",
            "combine": "importers",
            "compare_ratings": "comparison",
            "coordinates": "soundscape",
            "densities": "summary",
            "density": "soundscape",
            "describe_ratings": "analysis",
            "likert_shares": "comparison",
            "make_ratings": "table",
            "method_a": "soundscape",
            "mixed_model": "mixed",
            "ordinal_model": "ordinal",
            "quadrant_shares": "soundscape",
            "quadrant_table": "comparison",
            "read_exclusions": "importers",
            "read_gui": "importers",
            "read_mapped": "mapping",
            "read_ratings": "importers",
            "stacked_answers": "summary",
        },
    )

__all__ = [
    "ANGLES",
    "ATTRIBUTES",
    "Density",
    "Exclusion",
    "MixedModel",
    "OrdinalModel",
    "Plane",
    "Quality",
    "Ratings",
    "RatingsAnalysis",
    "RatingsComparison",
    "RatingsDescription",
    "analyse_ratings",
    "central_answers",
    "check_quality",
    "combine",
    "compare_ratings",
    "coordinates",
    "densities",
    "density",
    "describe_ratings",
    "likert_shares",
    "make_ratings",
    "method_a",
    "mixed_model",
    "ordinal_model",
    "quadrant_shares",
    "quadrant_table",
    "read_exclusions",
    "read_gui",
    "read_mapped",
    "read_ratings",
    "stacked_answers",
]

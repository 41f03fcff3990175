"""Agreement of two methods of measurement, as data. Knows nothing of sound."""

from soundcal.agreement.bland_altman import Agreement, Points, bland_altman
from soundcal.agreement.diagnostics import Diagnostics, diagnose
from soundcal.agreement.multiplicity import AdjustedP, adjust
from soundcal.agreement.paired import (
    Hotelling,
    MeanDifference,
    hotelling,
    optimal_pooled,
    paired_t,
    partially_overlapping,
    partially_paired,
    welch,
)
from soundcal.agreement.pairs import Pairs, join

__all__ = [
    "AdjustedP",
    "Agreement",
    "Diagnostics",
    "Hotelling",
    "MeanDifference",
    "Pairs",
    "Points",
    "adjust",
    "bland_altman",
    "diagnose",
    "hotelling",
    "join",
    "optimal_pooled",
    "paired_t",
    "partially_overlapping",
    "partially_paired",
    "welch",
]

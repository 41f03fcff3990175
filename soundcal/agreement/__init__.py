"""Agreement of two methods of measurement, as data. Knows nothing of sound."""

from soundcal.agreement.bland_altman import Agreement, Points, bland_altman
from soundcal.agreement.diagnostics import Diagnostics, diagnose
from soundcal.agreement.multiplicity import AdjustedP, adjust
from soundcal.agreement.pairs import Pairs, join

__all__ = [
    "AdjustedP",
    "Agreement",
    "Diagnostics",
    "Pairs",
    "Points",
    "adjust",
    "bland_altman",
    "diagnose",
    "join",
]

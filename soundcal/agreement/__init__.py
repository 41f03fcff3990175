"""Agreement of two methods of measurement, as data. Knows nothing of sound."""

from soundcal.agreement.bland_altman import Agreement, Points, bland_altman
from soundcal.agreement.pairs import Pairs, join

__all__ = ["Agreement", "Pairs", "Points", "bland_altman", "join"]

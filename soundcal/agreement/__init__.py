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
from soundcal.agreement.planning import (
    AgreementTest,
    Claim,
    agreement_test,
    power,
    sample_size,
    sample_size_for_width,
)
from soundcal.agreement.repeated import RepeatedAgreement, bland_altman_repeated

__all__ = [
    "AdjustedP",
    "Agreement",
    "AgreementTest",
    "Claim",
    "Diagnostics",
    "Hotelling",
    "MeanDifference",
    "Pairs",
    "Points",
    "RepeatedAgreement",
    "adjust",
    "agreement_test",
    "bland_altman",
    "bland_altman_repeated",
    "diagnose",
    "hotelling",
    "join",
    "optimal_pooled",
    "paired_t",
    "partially_overlapping",
    "partially_paired",
    "power",
    "sample_size",
    "sample_size_for_width",
    "welch",
]

"""Agreement of two methods of measurement, as data. Knows nothing of sound."""

from soundcal.agreement.bland_altman import Agreement, Points, bland_altman
from soundcal.agreement.diagnostics import Diagnostics, diagnose
from soundcal.agreement.multiplicity import AdjustedP, adjust
from soundcal.agreement.nonparametric import NonparametricLimits, nonparametric_limits
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
from soundcal.agreement.regression import (
    MethodLine,
    RegressionLimits,
    deming,
    passing_bablok,
    regression_limits,
)
from soundcal.agreement.reliability import (
    Concordance,
    Icc,
    TotalDeviation,
    concordance,
    coverage_probability,
    icc,
    total_deviation_index,
)
from soundcal.agreement.repeated import RepeatedAgreement, bland_altman_repeated

__all__ = [
    "AdjustedP",
    "Agreement",
    "AgreementTest",
    "Claim",
    "Concordance",
    "Diagnostics",
    "Hotelling",
    "Icc",
    "MeanDifference",
    "MethodLine",
    "NonparametricLimits",
    "Pairs",
    "Points",
    "RegressionLimits",
    "RepeatedAgreement",
    "TotalDeviation",
    "adjust",
    "agreement_test",
    "bland_altman",
    "bland_altman_repeated",
    "concordance",
    "coverage_probability",
    "deming",
    "diagnose",
    "hotelling",
    "icc",
    "join",
    "nonparametric_limits",
    "optimal_pooled",
    "paired_t",
    "partially_overlapping",
    "partially_paired",
    "passing_bablok",
    "power",
    "regression_limits",
    "sample_size",
    "sample_size_for_width",
    "total_deviation_index",
    "welch",
]

"""Agreement of two methods of measurement, for data of any kind; independent of acoustics."""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.agreement.allowable import AgreementTest, Claim, agreement_test
    from soundcal.agreement.correlated_tests import MaxT, max_t
    from soundcal.agreement.diagnostics import Diagnostics, diagnose
    from soundcal.agreement.effect import (
        EffectSize,
        detectable_by_t,
        detectable_delta,
        detectable_difference,
        standardized_difference,
    )
    from soundcal.agreement.limits_of_agreement import Agreement, Points, bland_altman
    from soundcal.agreement.method_lines import MethodLine, deming, passing_bablok
    from soundcal.agreement.model import DifferenceModel, VarianceLevel, difference_model
    from soundcal.agreement.multiplicity import AdjustedP, adjust
    from soundcal.agreement.nonparametric import NonparametricLimits, nonparametric_limits
    from soundcal.agreement.paired import Hotelling, MeanDifference, hotelling, mean_difference
    from soundcal.agreement.pairs import Pairs, join
    from soundcal.agreement.planning import (
        power,
        sample_size,
        sample_size_for_width,
    )
    from soundcal.agreement.regression import RegressionLimits, regression_limits
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
    from soundcal.agreement.repeated_concordance import RepeatedConcordance, concordance_repeated
    from soundcal.agreement.spread import SpreadRatio, spread_ratio
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "AdjustedP": "multiplicity",
            "Agreement": "limits_of_agreement",
            "AgreementTest": "allowable",
            "Claim": "allowable",
            "Concordance": "reliability",
            "Diagnostics": "diagnostics",
            "DifferenceModel": "model",
            "EffectSize": "effect",
            "Hotelling": "paired",
            "Icc": "reliability",
            "MaxT": "correlated_tests",
            "MeanDifference": "paired",
            "MethodLine": "method_lines",
            "NonparametricLimits": "nonparametric",
            "Pairs": "pairs",
            "Points": "limits_of_agreement",
            "RegressionLimits": "regression",
            "RepeatedAgreement": "repeated",
            "RepeatedConcordance": "repeated_concordance",
            "SpreadRatio": "spread",
            "TotalDeviation": "reliability",
            "VarianceLevel": "model",
            "adjust": "multiplicity",
            "agreement_test": "allowable",
            "bland_altman": "limits_of_agreement",
            "bland_altman_repeated": "repeated",
            "concordance": "reliability",
            "concordance_repeated": "repeated_concordance",
            "coverage_probability": "reliability",
            "deming": "method_lines",
            "detectable_by_t": "effect",
            "detectable_delta": "effect",
            "detectable_difference": "effect",
            "diagnose": "diagnostics",
            "difference_model": "model",
            "hotelling": "paired",
            "icc": "reliability",
            "join": "pairs",
            "max_t": "correlated_tests",
            "mean_difference": "paired",
            "nonparametric_limits": "nonparametric",
            "passing_bablok": "method_lines",
            "power": "planning",
            "regression_limits": "regression",
            "sample_size": "planning",
            "sample_size_for_width": "planning",
            "spread_ratio": "spread",
            "standardized_difference": "effect",
            "total_deviation_index": "reliability",
        },
    )

__all__ = [
    "AdjustedP",
    "Agreement",
    "AgreementTest",
    "Claim",
    "Concordance",
    "Diagnostics",
    "DifferenceModel",
    "EffectSize",
    "Hotelling",
    "Icc",
    "MaxT",
    "MeanDifference",
    "MethodLine",
    "NonparametricLimits",
    "Pairs",
    "Points",
    "RegressionLimits",
    "RepeatedAgreement",
    "RepeatedConcordance",
    "SpreadRatio",
    "TotalDeviation",
    "VarianceLevel",
    "adjust",
    "agreement_test",
    "bland_altman",
    "bland_altman_repeated",
    "concordance",
    "concordance_repeated",
    "coverage_probability",
    "deming",
    "detectable_by_t",
    "detectable_delta",
    "detectable_difference",
    "diagnose",
    "difference_model",
    "hotelling",
    "icc",
    "join",
    "max_t",
    "mean_difference",
    "nonparametric_limits",
    "passing_bablok",
    "power",
    "regression_limits",
    "sample_size",
    "sample_size_for_width",
    "spread_ratio",
    "standardized_difference",
    "total_deviation_index",
]

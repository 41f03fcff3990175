"""Two ears in one model: limits of a single ear, and what averaging the ears hides.

The differences of both methods at the two ears of a stimulus are values within that stimulus, and
stimuli are a sample. The difference between the ears is fixed: it is estimated and printed. Limits
of a single ear hold for either of them, so that half of that difference is part of their width.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from soundcal.plain import plain
from soundcal.study.repeats import RepeatedValues
from soundcal.study.rules import Rules
from soundcal.study.scales import back, on_scale

if TYPE_CHECKING:
    from soundcal.agreement import Agreement, RepeatedAgreement

__all__ = ["TwoEars", "two_ears"]


@dataclass(frozen=True, slots=True, eq=False)
class TwoEars:
    """The differences of one indicator and pair of methods at two ears.

    Parameters
    ----------
    stimuli : int
        Stimuli with values of both ears by both methods.
    single : RepeatedAgreement
        Bias, and limits of a single ear of a further stimulus, whichever ear it is.
    mean : Agreement
        Bias and limits of the mean of both ears.
    at_left, at_right : tuple of float
        Bias and limits at the ear: bias, lower, upper; the spread is that of the model.
    between, between_ci : float and tuple of float
        Difference of the bias at the left ear and that at the right one, with its confidence
        interval (paired t over stimuli; of ratios, their quotient).
    between_p : float or None
        Two-sided p value of no such difference; None where it does not vary.
    sd_between : float
        Standard deviation of the difference at one ear around the stimulus, the fixed difference
        between the ears removed (of ratios, of the natural logarithm).
    widening : float
        Width of the limits of a single ear over that of the limits of the mean, on the scale (of
        ratios, of logarithms); NaN where the mean has no width.
    """

    stimuli: int
    single: "RepeatedAgreement"
    mean: "Agreement"
    at_left: tuple[float, float, float]
    at_right: tuple[float, float, float]
    between: float
    between_ci: tuple[float, float]
    between_p: float | None
    sd_between: float
    widening: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, ready for JSON; nothing is rounded."""
        single, left, right = self.single, self.at_left, self.at_right
        limits = {
            "n": self.stimuli,
            "bias": single.bias,
            "lower": single.lower,
            "lower_ci": single.lower_ci,
            "upper": single.upper,
            "upper_ci": single.upper_ci,
            "mean_lower": self.mean.lower,
            "mean_upper": self.mean.upper,
            "widening": self.widening,
            "left": {"bias": left[0], "lower": left[1], "upper": left[2]},
            "right": {"bias": right[0], "lower": right[1], "upper": right[2]},
            "left_right": self.between,
            "left_right_ci": self.between_ci,
            "left_right_p": self.between_p,
            "sd_between": self.sd_between,
        }
        numbers: dict[str, Any] = plain(limits)
        return numbers


def two_ears(repeats: RepeatedValues, mean: "Agreement", rules: Rules) -> TwoEars:
    """Return the model of both ears.

    Parameters
    ----------
    repeats : RepeatedValues
        Every stimulus with both ears.
    mean : Agreement
        Agreement of the means of both ears.
    rules : Rules
        The rules of the comparison.
    """
    from soundcal.agreement import mean_difference
    from soundcal.agreement.limits_of_agreement import mean_and_sd
    from soundcal.agreement.pairs import differences

    scale = repeats.scale
    x, y = on_scale(repeats.x, repeats.y, scale, 0.5 * (repeats.x + repeats.y))
    order = np.lexsort((np.array(repeats.part), np.array(repeats.stimulus)))
    d = differences(x, y)[order].reshape(-1, 2)  # columns: left, right
    between = mean_difference(d[:, 0], d[:, 1], test="paired", confidence=rules.confidence)
    # half the variance of left − right is the mean square within stimuli
    within = mean_and_sd(differences(d[:, 0], d[:, 1]))[1] / math.sqrt(2.0)
    single = repeats.limits(rules)
    half = single.z * math.sqrt(mean_and_sd(d.mean(axis=1))[1] ** 2 + 0.5 * within**2)
    left, right = (
        (back(bias, scale), back(bias - half, scale), back(bias + half, scale))
        for bias in d.mean(axis=0).tolist()
    )
    return TwoEars(
        stimuli=d.shape[0],
        single=single,
        mean=mean,
        at_left=left,
        at_right=right,
        between=back(between.estimate, scale),
        between_ci=(back(between.ci[0], scale), back(between.ci[1], scale)),
        between_p=None if math.isnan(between.p_value) else between.p_value,
        sd_between=within,
        widening=single.sd / mean.sd if mean.sd > 0.0 else math.nan,
    )

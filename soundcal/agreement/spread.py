"""Ratio of two standard deviations that were found on the same things."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from soundcal.agreement.intervals import check_fraction, t_quantile
from soundcal.agreement.limits_of_agreement import mean_and_sd
from soundcal.agreement.pairs import make_pairs
from soundcal.agreement.results import StatisticalResult
from soundcal.errors import ParameterError

__all__ = ["SpreadRatio", "spread_ratio"]


@dataclass(frozen=True, slots=True, eq=False)
class SpreadRatio(StatisticalResult):
    """Ratio of the standard deviations of paired values.

    Parameters
    ----------
    n : int
        Complete pairs.
    sd_x, sd_y : float
        Standard deviations (divisor n - 1).
    ratio : float
        sd_y / sd_x; NaN where a side does not vary.
    ci : tuple of float
        Confidence interval of the true ratio; NaN where a side does not vary.
    confidence : float
        Confidence of the interval.
    """

    n: int
    sd_x: float
    sd_y: float
    ratio: float
    ci: tuple[float, float]
    confidence: float

    @property
    def direction(self) -> int:
        """-1 if y is shown to vary less than x, 1 if more, 0 if neither is shown."""
        return (self.ci[0] > 1.0) - (self.ci[1] < 1.0)


def spread_ratio(x: ArrayLike, y: ArrayLike, *, confidence: float = 0.95) -> SpreadRatio:
    """Compare the standard deviations of paired values, e.g. the errors of two methods.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Values of the same n things; pairs with NaN are dropped.
    confidence : float
        Confidence of the interval.

    Returns
    -------
    SpreadRatio

    Raises
    ------
    ParameterError
        Fewer than 3 complete pairs, or a confidence out of range.

    Notes
    -----
    Pitman (Biometrika 31, 1939) and Morgan: x + y and x - y are uncorrelated if both vary alike.
    The interval holds the ratios that this test of the correlation does not refuse, with the
    correlation of the pairs taken into account. It assumes that the pairs are jointly normal; with
    long tails it is too narrow. Coverage of the 95 % interval (1500 simulated studies, ratio .5,
    correlation .6): normal pairs 96 % at n = 6 and 95 % at n = 27; pairs of Student's t with 5
    degrees of freedom 92 % and 87 %.

    >>> found = spread_ratio([1.0, 5.0, 2.0, 8.0, 4.0], [0.3, 0.5, 0.1, 0.6, 0.2])
    >>> f"{found.ratio:.3f}, {found.ci[0]:.3f} to {found.ci[1]:.3f}, {found.direction}"
    '0.076, 0.029 to 0.199, -1'
    """
    check_fraction("confidence", confidence)
    pairs = make_pairs(x, y)
    if pairs.n < 3:
        raise ParameterError(f"{pairs.n} complete pairs; at least 3 are needed to compare spreads")
    (_, sd_x), (_, sd_y) = mean_and_sd(pairs.x), mean_and_sd(pairs.y)
    ratio, ci = math.nan, (math.nan, math.nan)
    if sd_x > 0.0 and sd_y > 0.0:
        ratio = sd_y / sd_x
        r = float(np.corrcoef(pairs.x, pairs.y)[0, 1])
        t = t_quantile(confidence, pairs.n - 2)
        excess = 2.0 * max(1.0 - r * r, 0.0) * t * t / (pairs.n - 2)
        upper = math.sqrt(1.0 + excess + math.sqrt(excess * (2.0 + excess)))
        ci = (ratio / upper, ratio * upper)
    return SpreadRatio(pairs.n, sd_x, sd_y, ratio, ci, confidence)

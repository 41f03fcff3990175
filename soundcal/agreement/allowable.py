"""Tests of agreement within an allowable difference.

Limits of agreement are acceptable if they lie within ±delta. Delta follows from the purpose of the
measurement, and is stated before the data are seen; there is no default.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from soundcal.agreement.intervals import (
    check_fraction,
    check_pairs,
    limit_factor,
    normal_quantile,
    spread_nodes,
)
from soundcal.agreement.limits_of_agreement import mean_and_sd
from soundcal.agreement.pairs import Infinite, differences, make_pairs
from soundcal.agreement.results import StatisticalResult
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AgreementTest", "Claim", "agreement_test", "check_delta"]


@dataclass(frozen=True, slots=True, eq=False)
class Claim(StatisticalResult):
    """One claim about agreement, tested.

    Parameters
    ----------
    name : {"limits", "content", "mean bias"}
        Name of the claim.
    statement : str
        The claim in words.
    bounds : tuple of float
        Interval that must lie within ±delta for the claim to hold.
    p_value : float
        p value of the claim's negation; NaN for differences without spread.
    concluded : bool
        True if the claim holds at the level of the test.
    """

    name: str
    statement: str
    bounds: tuple[float, float]
    p_value: float
    concluded: bool


@dataclass(frozen=True, slots=True, eq=False)
class AgreementTest(StatisticalResult):
    """Test of agreement within ±delta, with three different claims.

    Parameters
    ----------
    delta : float
        Allowable difference.
    limits, content, mean_bias : Claim
        Claims that both limits of agreement lie within ±delta; that at least the central part of
        the differences does; that the mean difference does (the weakest: single differences may
        still be large).
    n : int
        Complete pairs.
    bias, sd : float
        Mean and standard deviation of the differences x - y.
    coverage, alpha : float
        Proportion of the differences in the claims; level of each test.
    method : str
        Description of the analysis in words.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    delta: float
    limits: Claim
    content: Claim
    mean_bias: Claim
    n: int
    bias: float
    sd: float
    coverage: float
    alpha: float
    method: str
    warnings: tuple[str, ...] = ()

    @property
    def is_beyond(self) -> bool:
        """True if one of the limits of agreement is shown to lie outside ±delta.

        The opposite of the claim ``limits``: an exact one-sided bound of one of them lies outside,
        with half of alpha for each limit. Neither may be shown.
        """
        inner = limit_factor(self.n, normal_quantile(self.coverage), 0.5 * self.alpha) * self.sd
        return self.bias + inner > self.delta or self.bias - inner < -self.delta

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per claim."""
        import pandas as pd

        claims = (self.limits, self.content, self.mean_bias)
        frame = pd.concat([claim.to_frame() for claim in claims], ignore_index=True)
        return frame.assign(delta=self.delta, n=self.n)


def check_delta(delta: float) -> None:
    """Refuse an allowable difference that is not above 0."""
    if not 0.0 < delta < math.inf:
        raise ParameterError(
            f"delta {delta}; the largest difference that does not matter is expected, above 0 and "
            "in the unit of the differences, chosen before the data are seen"
        )


def agreement_test(
    x: ArrayLike,
    y: ArrayLike,
    delta: float,
    *,
    coverage: float = 0.95,
    alpha: float = 0.05,
    infinite: Infinite = "error",
) -> AgreementTest:
    """Test the agreement of two methods within ±delta.

    Three claims are tested, each at level alpha and each with its own name:

    - ``limits``: both limits of agreement lie within ±delta. Concluded when the exact one-sided
      100(1 - alpha) % bounds do (intersection-union test).
    - ``content``: at least the central part ``coverage`` of the differences lies within ±delta,
      neither tail holding more than half of the rest (exact; Shieh 2019).
    - ``mean bias``: the mean difference lies within ±delta (two one-sided t-tests). A different and
      weaker claim.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Measurements; pairs with NaN are dropped.
    delta : float
        Allowable difference.
    coverage : float
        Proportion of the differences in the claims.
    alpha : float
        Level of each test.
    infinite : {"error", "drop"}
        See :func:`bland_altman`.

    Returns
    -------
    AgreementTest

    Raises
    ------
    ParameterError
        delta not above 0, fewer than 2 pairs, unusable values.

    Notes
    -----
    Concluding agreement from two-sided 100(1 - a) % intervals, as Lu et al. (2016) do, is the
    claim ``limits`` at level a/2.
    Shieh, Stat Med 38 (2019); Schuirmann, J Pharmacokinet Biopharm 15:657 (1987).

    >>> x, y = [1.0, 2.1, 2.9, 4.2, 5.0], [1.1, 2.0, 3.0, 4.1, 5.1]
    >>> agreement_test(x, y, 1.0).limits.concluded
    True
    """
    check_delta(delta)
    check_fraction("alpha", alpha)
    check_fraction("coverage", coverage)
    pairs = make_pairs(x, y, infinite=infinite)
    check_pairs(pairs.n)
    bias, sd = mean_and_sd(differences(pairs.x, pairs.y))
    n, warnings = pairs.n, pairs.warnings
    if sd == 0.0:
        warnings = (*warnings, "all differences are equal: there are no p values")
    limits, content, mean_bias = _claims(n, bias, sd, delta, coverage, alpha)
    return AgreementTest(
        delta=delta,
        limits=limits,
        content=content,
        mean_bias=mean_bias,
        n=n,
        bias=bias,
        sd=sd,
        coverage=coverage,
        alpha=alpha,
        method=f"tests of agreement within ±{delta:g} at level {alpha:g}, n = {n}: limits of "
        "agreement by exact one-sided bounds (noncentral t), central content (Shieh 2019), mean "
        "bias by two one-sided t-tests",
        warnings=warnings,
    )


def _claims(
    n: int, bias: float, sd: float, delta: float, coverage: float, alpha: float
) -> tuple[Claim, ...]:
    """Return the claims about limits, content and mean bias."""
    from scipy.special import stdtr, stdtrit
    from scipy.stats import nct

    z, root = normal_quantile(coverage), math.sqrt(n)
    part = f"{100 * coverage:g} %"
    factors = (
        limit_factor(n, z, 1.0 - alpha),
        content_factor(n, z, alpha),
        float(stdtrit(n - 1, 1.0 - alpha)) / root,
    )
    p_values = [math.nan] * 3
    if sd > 0.0:
        room = (delta - abs(bias)) * root / sd  # to the nearer edge, in standard errors
        p_values = [
            float(nct.sf(room, n - 1, z * root)),
            _content_p(n, z, room),
            float(stdtr(n - 1, -room)),
        ]
    statements = (
        ("limits", f"both {part} limits of agreement lie within ±{delta:g}"),
        ("content", f"the central {part} of the differences lie within ±{delta:g}"),
        ("mean bias", f"the mean difference lies within ±{delta:g}; single differences may not"),
    )
    claims = []
    for (name, statement), factor, p in zip(statements, factors, p_values, strict=True):
        bounds = (bias - factor * sd, bias + factor * sd)
        concluded = -delta < bounds[0] and bounds[1] < delta
        claims.append(Claim(name, statement, bounds, p, concluded))
    return tuple(claims)


def _content_p(n: int, z: float, g_root: float) -> float:
    """Probability under Shieh's null hypothesis that the statistic reaches ``g √n``."""
    from scipy.special import ndtr

    if g_root <= 0.0:
        return 1.0
    limit = z * math.sqrt(n)
    # 2 Φ(limit - g v) - 1 is positive below v = limit/g only; integrate up to there
    v, weight = spread_nodes(n - 1, high=limit / g_root)
    return float(weight @ (2.0 * ndtr(limit - g_root * v) - 1.0))


@lru_cache(maxsize=1024)
def content_factor(n: int, z: float, alpha: float) -> float:
    """Return the factor of s of Shieh's (2019) test of the central content at level alpha."""
    from scipy.optimize import brentq

    root = math.sqrt(n)
    log_g = brentq(lambda u: _content_p(n, z, math.exp(u)) - alpha, -10.0, 20.0, xtol=1e-13)
    return math.exp(float(log_g)) / root

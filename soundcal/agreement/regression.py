"""Limits of agreement that depend on the size of the measured quantity."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from soundcal.agreement.diagnostics import Line, diagnose, fit_line
from soundcal.agreement.intervals import (
    check_choice,
    t_quantile,
)
from soundcal.agreement.limits_of_agreement import Agreement
from soundcal.agreement.results import StatisticalResult
from soundcal.arrays import Array
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RegressionLimits", "regression_limits"]

Spread = Literal["auto", "constant", "linear"]


@dataclass(frozen=True, slots=True, eq=False)
class RegressionLimits(StatisticalResult):
    """Limits of agreement that depend on the size of the measured quantity.

    Parameters
    ----------
    line : Line
        Bias as a function of the average A: ``intercept + slope A``.
    spread : Line or None
        Mean absolute residual as a function of A where the spread depends on it; None where the
        spread is constant.
    z, coverage, confidence : float
        Standard deviations from line to limit; proportion of differences between the limits;
        confidence of intervals.
    n : int
        Number of pairs.
    decision : str
        Reason for treating the spread as constant or not.
    method : str
        Description of the analysis in words.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    line: Line
    spread: Line | None
    z: float
    coverage: float
    confidence: float
    n: int
    decision: str
    method: str
    warnings: tuple[str, ...] = ()

    def sd(self, a: ArrayLike) -> Array:
        """Return the standard deviation of the differences at averages a."""
        at = np.asarray(a, dtype=np.float64)
        if self.spread is None:
            return np.full(at.shape, self.line.residual_sd)
        # the mean absolute value of a normal variable is √(2/π) of its standard deviation
        return math.sqrt(math.pi / 2.0) * self.spread.at(at)

    def bias(self, a: ArrayLike) -> Array:
        """Return the bias at averages a."""
        return self.line.at(np.asarray(a, dtype=np.float64))

    def limits(self, a: ArrayLike) -> tuple[Array, Array]:
        """Return lower and upper limit at averages a."""
        bias, half = self.bias(a), self.z * self.sd(a)
        return bias - half, bias + half

    def bands(self, a: ArrayLike) -> dict[str, Array]:
        """Return confidence bounds at averages a, each a separate statement.

        Keys ``bias_low``, ``bias_high`` and, where the spread is constant, ``lower_low``,
        ``lower_high``, ``upper_low``, ``upper_high``: exact, by the noncentral t distribution with
        n - 2 degrees of freedom. Where the spread depends on A, the band of the bias allows for
        that (see :func:`fit_line`), and there are no intervals of the limits.
        """
        at = np.asarray(a, dtype=np.float64)
        line, df = self.line, self.n - 2
        bias = line.at(at)
        half = t_quantile(self.confidence, df) * line.standard_error(at)
        found = {"bias_low": bias - half, "bias_high": bias + half}
        if self.spread is None:
            from scipy.stats import nct

            root = np.sqrt(1.0 / self.n + (at - line.mean) ** 2 / line.ssq)
            tail = 0.5 * (1.0 + self.confidence)
            inner, outer = (
                line.residual_sd * root * nct.ppf(p, df, self.z / root) for p in (1 - tail, tail)
            )
            found |= {"lower_low": bias - outer, "lower_high": bias - inner}
            found |= {"upper_low": bias + inner, "upper_high": bias + outer}
        return found

    def curve(self, a: ArrayLike) -> "pd.DataFrame":
        """Return a table for plotting: ``average, bias, lower, upper`` and the bands."""
        import pandas as pd

        lower, upper = self.limits(a)
        return pd.DataFrame(
            {
                "average": np.asarray(a, dtype=np.float64),
                "bias": self.bias(a),
                "lower": lower,
                "upper": upper,
                **self.bands(a),
            }
        )


def regression_limits(agreement: Agreement, *, spread: Spread = "auto") -> RegressionLimits:
    """Return limits of agreement as lines, for a bias that depends on the size of the quantity.

    Parameters
    ----------
    agreement : Agreement
        A result of :func:`bland_altman` of scale ``difference``. With ``x_axis="mean"`` the
        differences are regressed on the means of both methods; with an error-free reference use
        ``x_axis="x"`` or ``"y"`` (otherwise the slope is an artefact of the measurement error;
        Krouwer, Stat Med 27:778, 2008).
    spread : {"auto", "constant", "linear"}
        Model of the spread. ``auto`` chooses by the p value and the size of the slope of the
        absolute residuals (see :func:`diagnose`), and records the choice in ``decision``.

    Returns
    -------
    RegressionLimits

    Raises
    ------
    ParameterError
        Fewer than 4 pairs, averages all equal, another scale, or a spread that reaches 0 within
        the range of the data.

    Notes
    -----
    Bland & Altman, Stat Methods Med Res 8:135 (1999), section 3.2: limits
    ``b0 + b1 A ± z √(π/2) (c0 + c1 A)``; the standard deviation of the residuals has n - 2 degrees
    of freedom.
    """
    check_choice("spread", spread, Spread)
    if agreement.scale != "difference":
        raise ParameterError(
            f"scale {agreement.scale!r}; regression limits need differences: scale='difference'"
        )
    points, n = agreement.points, agreement.n
    line = fit_line(points.average, points.difference, agreement.confidence) if n > 3 else None
    if line is None:
        raise ParameterError(f"{n} pairs; at least 4 with different averages are needed for a line")
    found = diagnose(agreement)
    linear = spread == "linear" or (spread == "auto" and found.has_unequal_spread)
    model = found.spread if linear else None
    if linear:
        line = (
            fit_line(points.average, points.difference, agreement.confidence, robust=True) or line
        )
    if linear and (model is None or model.at(points.average).min() <= 0.0):
        raise ParameterError(
            "the line of the spread reaches 0 within the range of the data; use the ratio scale, "
            "or spread='constant'"
        )
    p = math.nan if found.spread is None else found.spread.p_value
    why = "as requested"
    if spread == "auto":
        why = (
            f"absolute residuals on averages: p = {p:.3g}, factor {found.spread_ratio:.3g} over "
            "the middle half"
        )
    kind = "linear in the average" if linear else "constant"
    warnings: tuple[str, ...] = ()
    if spread == "auto" and not found.has_trend:
        warnings = (
            f"the slope is small (p = {line.p_value:.3g}, {found.trend_size:.3g} s over the middle "
            "half of the averages): the plain limits of agreement describe these data as well",
        )
    return RegressionLimits(
        line=line,
        spread=model,
        z=agreement.z,
        coverage=agreement.coverage,
        confidence=agreement.confidence,
        n=n,
        decision=f"spread {kind} ({why})",
        method=f"regression-based limits of agreement (Bland & Altman 1999, 3.2) of n = {n} pairs: "
        f"differences {agreement.direction} on {agreement.x_axis}, ± {agreement.z:.8g} standard "
        f"deviations, spread {kind}",
        warnings=warnings,
    )

"""Limits of agreement that depend on the size of the measured quantity."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from soundcal.agreement.diagnostics import Line, diagnose, fit_line
from soundcal.agreement.intervals import (
    check_choice,
    t_quantile,
)
from soundcal.agreement.limits_of_agreement import Agreement
from soundcal.agreement.pairs import ROUNDING
from soundcal.agreement.results import StatisticalResult
from soundcal.arrays import Array
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RegressionLimits", "regression_limits"]

Spread = Literal["auto", "constant", "linear"]

_PER_ABSOLUTE: Final = math.sqrt(math.pi / 2.0)
"""Standard deviation of a normal variable of mean 0 over its mean absolute value."""


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
    unbiased_spread : Line or None
        As ``spread``, of residuals that are enlarged for the parts of them which the line of the
        bias takes up; the intervals of the limits rest on it.
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
    unbiased_spread: Line | None = None
    warnings: tuple[str, ...] = ()

    def sd(self, a: ArrayLike) -> Array:
        """Return the standard deviation of the differences at averages a."""
        at = np.asarray(a, dtype=np.float64)
        if self.spread is None:
            return np.full(at.shape, self.line.residual_sd)
        return _PER_ABSOLUTE * self.spread.at(at)

    def bias(self, a: ArrayLike) -> Array:
        """Return the bias at averages a."""
        return self.line.at(np.asarray(a, dtype=np.float64))

    def limits(self, a: ArrayLike) -> tuple[Array, Array]:
        """Return lower and upper limit at averages a."""
        bias, half = self.bias(a), self.z * self.sd(a)
        return bias - half, bias + half

    def bands(self, a: ArrayLike) -> dict[str, Array]:
        """Return confidence bounds at averages a, each a separate statement.

        Keys ``bias_low``, ``bias_high``, ``lower_low``, ``lower_high``, ``upper_low`` and
        ``upper_high``. Where the spread is constant, those of the limits are exact, by the
        noncentral t distribution with n - 2 degrees of freedom. Where it depends on A, the bands
        of the bias and of the mean absolute residual allow for that (see :func:`fit_line`), the
        latter on a logarithmic scale, and MOVER combines them; NaN where the spread would be 0 or
        below. See :func:`regression_limits` for their coverage.
        """
        at = np.asarray(a, dtype=np.float64)
        line, df = self.line, self.n - 2
        bias = line.at(at)
        half = t_quantile(self.confidence, df) * line.standard_error(at)
        found = {"bias_low": bias - half, "bias_high": bias + half}
        if self.unbiased_spread is None:
            from scipy.stats import nct

            root = np.sqrt(1.0 / self.n + (at - line.mean) ** 2 / line.ssq)
            tail = 0.5 * (1.0 + self.confidence)
            inner, outer = (
                line.residual_sd * root * nct.ppf(p, df, self.z / root) for p in (1 - tail, tail)
            )
        else:
            sd, (smallest, largest) = self.sd(at), self._sd_bounds(self.unbiased_spread, at)
            inner = self.z * sd - np.hypot(half, self.z * np.maximum(sd - smallest, 0.0))
            outer = self.z * sd + np.hypot(half, self.z * np.maximum(largest - sd, 0.0))
        found |= {"lower_low": bias - outer, "lower_high": bias - inner}
        found |= {"upper_low": bias + inner, "upper_high": bias + outer}
        return found

    def _sd_bounds(self, spread: Line, at: Array) -> tuple[Array, Array]:
        """Return confidence bounds of the standard deviation at averages."""
        size = spread.at(at)
        size = np.where(size > 0.0, size, np.nan)
        factor = np.exp(t_quantile(self.confidence, self.n - 2) * spread.standard_error(at) / size)
        sd = _PER_ABSOLUTE * size
        return sd / factor, sd * factor

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

    Coverage of the 95 % interval of the upper limit at the lower quartile, median and upper
    quartile of the averages, for normal differences whose spread is taken as linear (700 studies
    each, standard error up to .01)::

        averages      spread     n = 20          27              50              100
        uniform       0.2 A      .97 .95 .93     .95 .95 .94     .96 .95 .94     .95 .94 .94
        uniform       constant   .94 .95 .95     .97 .96 .95     .95 .97 .95     .94 .95 .94
        lognormal     0.2 A      .93 .94 .92     .92 .94 .93     .94 .96 .93     .92 .94 .92
        lognormal     constant   .96 .95 .96     .96 .94 .95     .95 .95 .95     .95 .96 .96

    With ``auto``, the intervals take the choice for the truth: where a spread of 0.2 A (lognormal
    averages, n = 27) is often not noticed, they cover .70, .88 and .85, and where it is constant
    .93 to .95. State ``linear`` if the spread may depend on the size; its intervals are some 15 %
    wider.
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
        unbiased_spread=_unbiased(agreement, line) if linear else None,
        method=f"regression-based limits of agreement (Bland & Altman 1999, 3.2) of n = {n} pairs: "
        f"differences {agreement.direction} on {agreement.x_axis}, ± {agreement.z:.8g} standard "
        f"deviations, spread {kind}",
        warnings=warnings,
    )


def _unbiased(agreement: Agreement, line: Line) -> Line | None:
    """Return the line of absolute residuals that are enlarged by their leverage."""
    points = agreement.points
    left = 1.0 - 1.0 / line.n - (points.average - line.mean) ** 2 / line.ssq
    residuals = np.abs(points.difference - line.at(points.average))
    # a point with leverage 1 has no residual
    residuals = np.where(left > ROUNDING, residuals / np.sqrt(np.maximum(left, ROUNDING)), 0.0)
    return fit_line(points.average, residuals, agreement.confidence, robust=True)

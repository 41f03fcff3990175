"""Agreement in a single number: concordance, intraclass correlation, TDI, coverage probability.

Correlations of any kind depend on the range of the measured values; use them together with limits
of agreement, not instead of them.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from soundcal.agreement.intervals import (
    check_choice,
    check_fraction,
    check_pairs,
    normal_quantile,
    spread_nodes,
)
from soundcal.agreement.limits_of_agreement import mean_and_sd
from soundcal.agreement.pairs import (
    ROUNDING,
    Infinite,
    Pairs,
    differences,
    make_pairs,
    narrow_range,
)
from soundcal.agreement.results import StatisticalResult
from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = [
    "Concordance",
    "Icc",
    "IccForm",
    "TotalDeviation",
    "concordance",
    "coverage_probability",
    "icc",
    "total_deviation_index",
]

IccForm = Literal["1", "A,1", "C,1", "k", "A,k", "C,k"]


@dataclass(frozen=True, slots=True, eq=False)
class Concordance(StatisticalResult):
    """Lin's concordance correlation coefficient.

    Parameters
    ----------
    ccc : float
        1 for identical measurements.
    ci : tuple of float
        Confidence interval by Fisher's z; NaN for fewer than 3 pairs or ``|CCC| = 1``.
    precision, accuracy : float
        Factors of the coefficient: Pearson's correlation, and the bias correction.
    n : int
        Complete pairs.
    confidence : float
        Confidence of the interval.
    method : str
        Description of the analysis in words.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    ccc: float
    ci: tuple[float, float]
    precision: float
    accuracy: float
    n: int
    confidence: float
    method: str
    warnings: tuple[str, ...] = ()


def concordance(
    x: ArrayLike, y: ArrayLike, *, confidence: float = 0.95, infinite: Infinite = "error"
) -> Concordance:
    """Return Lin's concordance correlation coefficient.

    ``2 s_xy/(s_x² + s_y² + (x̄ - ȳ)²)`` with divisor n.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Measurements; pairs with NaN are dropped.
    confidence : float
        Confidence of the interval.
    infinite : {"error", "drop"}
        See :func:`bland_altman`.

    Raises
    ------
    ParameterError
        Fewer than 2 pairs, or all values of a method equal: the coefficient is undefined.

    Notes
    -----
    Lin, Biometrics 45:255 (1989), with the variance as corrected in 56:324 (2000), divisor n - 2.

    >>> round(concordance([1.0, 2.0, 3.0, 4.0], [1.1, 2.2, 2.9, 4.3]).ccc, 3)
    0.986
    """
    check_fraction("confidence", confidence)
    pairs = make_pairs(x, y, infinite=infinite)
    n = pairs.n
    check_pairs(n)
    v_x, v_y, r = _moments(pairs)
    shift = float(pairs.x.mean() - pairs.y.mean())
    s_xy = r * math.sqrt(v_x * v_y)
    ccc = 2.0 * s_xy / (v_x + v_y + shift**2)
    interval = (math.nan, math.nan)
    warnings = [*pairs.warnings, *narrow_range(pairs)]
    if n > 2 and abs(ccc) < 1.0 and abs(r) > 0.0:
        u2 = shift**2 / math.sqrt(v_x * v_y)
        variance = (
            (1 - r**2) * ccc**2 / ((1 - ccc**2) * r**2)
            + 2 * ccc**3 * (1 - ccc) * u2 / (r * (1 - ccc**2) ** 2)
            - ccc**4 * u2**2 / (2 * r**2 * (1 - ccc**2) ** 2)
        ) / (n - 2)
        half = normal_quantile(confidence) * math.sqrt(max(variance, 0.0))
        center = math.atanh(ccc)
        interval = (math.tanh(center - half), math.tanh(center + half))
    else:
        warnings.append("no interval: it needs 3 pairs and a coefficient strictly between -1 and 1")
    return Concordance(
        ccc=ccc,
        ci=interval,
        precision=r,
        accuracy=ccc / r if r != 0.0 else math.nan,
        n=n,
        confidence=confidence,
        method=f"concordance correlation coefficient (Lin 1989) of n = {n} pairs, interval by "
        "Fisher's z",
        warnings=tuple(warnings),
    )


def _moments(pairs: Pairs) -> tuple[float, float, float]:
    """Return variances (divisor n) and correlation."""
    n = pairs.n
    v_x, v_y = ((n - 1) / n * mean_and_sd(side)[1] ** 2 for side in (pairs.x, pairs.y))
    if v_x == 0.0 or v_y == 0.0:
        raise ParameterError(
            "all measurements of one method are equal; the coefficient is undefined: measure over "
            "a range, or use bland_altman"
        )
    product = float(np.mean((pairs.x - pairs.x.mean()) * (pairs.y - pairs.y.mean())))
    return v_x, v_y, product / math.sqrt(v_x * v_y)


@dataclass(frozen=True, slots=True, eq=False)
class Icc(StatisticalResult):
    """Intraclass correlation coefficient of a named form.

    Parameters
    ----------
    icc : float
        The coefficient.
    ci : tuple of float
        Confidence interval of the coefficient.
    form : str
        Form of the coefficient in the notation of McGraw & Wong.
    standard_error_of_measurement : float
        Square root of the variance of a single measurement that is not between subjects.
    n, k : int
        Number of complete rows, and of measurements in each.
    confidence : float
        Confidence of the interval.
    method : str
        Description of the analysis in words.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    icc: float
    ci: tuple[float, float]
    form: str
    standard_error_of_measurement: float
    n: int
    k: int
    confidence: float
    method: str
    warnings: tuple[str, ...] = ()


_FORMS: Final = {
    "1": "one-way random effects, single measurement",
    "k": "one-way random effects, mean of k measurements",
    "A,1": "two-way, absolute agreement, single measurement",
    "A,k": "two-way, absolute agreement, mean of k measurements",
    "C,1": "two-way, consistency, single measurement",
    "C,k": "two-way, consistency, mean of k measurements",
}


def icc(table: ArrayLike, form: IccForm, *, confidence: float = 0.95) -> Icc:
    """Return an intraclass correlation coefficient.

    Parameters
    ----------
    table : array_like, shape (n, k)
        One row per thing measured, one column per method or repeat; rows with NaN are dropped.
    form : {"1", "A,1", "C,1", "k", "A,k", "C,k"}
        ``A,1`` is the form for agreement of methods: a constant difference lowers it. ``C,1``
        ignores constant differences. ``1``: the columns have no order. ``k``: for means.
    confidence : float
        Confidence of the interval.

    Raises
    ------
    ParameterError
        Fewer than 2 rows or columns, infinite values, no variance at all.

    Notes
    -----
    McGraw & Wong, Psychol Methods 1:30 (1996); Shrout & Fleiss, Psychol Bull 86:420 (1979). The
    interval of ``A,1`` is approximate: with two columns that differ as much as single errors and 27
    rows it covers 99 % if the columns are the methods of interest, and 89 % if they are a random
    sample of methods (simulated).

    >>> round(icc([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6]], "C,1").icc, 2)
    0.64
    """
    check_choice("form", form, IccForm)
    check_fraction("confidence", confidence)
    values = np.asarray(table, dtype=np.float64)
    if values.ndim != 2 or np.isinf(values).any():
        raise ParameterError(
            f"table of shape {values.shape}; finite rows of k measurements each are expected"
        )
    complete = ~np.isnan(values).any(axis=1)
    left = int((~complete).sum())
    values = values[complete]
    n, k = values.shape
    if n < 2 or k < 2:
        raise ParameterError(f"{n} complete rows of {k} columns; at least 2 of each are needed")
    centred = values - values.mean()
    total = float((centred**2).sum())
    rows = k * float((centred.mean(axis=1) ** 2).sum())
    columns = n * float((centred.mean(axis=0) ** 2).sum())
    # sums of squares that rounding errors alone can have are 0
    least = n * k * (ROUNDING * float(np.abs(values).max())) ** 2
    rows, columns, error, within = (
        part if part > least else 0.0
        for part in (rows, columns, total - rows - columns, total - rows)
    )
    if rows == 0.0 and error == 0.0:
        raise ParameterError(
            f"the {n} rows have no variance, neither between nor within the columns; the "
            "coefficient is undefined: measure things that differ"
        )
    squares = _MeanSquares(
        n,
        k,
        rows / (n - 1),
        columns / (k - 1),
        error / ((n - 1) * (k - 1)),
        within / (n * (k - 1)),
    )
    single = "1" if form in ("1", "k") else form[0]
    value, interval = _SINGLE[single](squares, confidence)
    if form.endswith("k"):
        value, low, high = (_stepped(v, k) for v in (value, *interval))
        interval = (low, high)
    noise = {
        "1": squares.within,
        "A": squares.error + max(squares.columns - squares.error, 0.0) / n,
        "C": squares.error,
    }[single]
    return Icc(
        icc=value,
        ci=interval,
        form=form,
        standard_error_of_measurement=math.sqrt(noise),
        n=n,
        k=k,
        confidence=confidence,
        method=f"intraclass correlation ICC({form}), {_FORMS[form]} (McGraw & Wong 1996), of "
        f"n = {n} rows of {k}",
        warnings=(f"{left} incomplete row(s) dropped",) if left else (),
    )


@dataclass(frozen=True, slots=True)
class _MeanSquares:
    """Analysis of variance of a table of n rows and k columns."""

    n: int
    k: int
    rows: float
    columns: float
    error: float
    within: float


def _stepped(single: float, k: int) -> float:
    """Return the coefficient of a mean of k measurements (Spearman-Brown)."""
    below = 1.0 + (k - 1) * single
    return k * single / below if below > 0.0 else -math.inf


def _f_interval(ratio: float, df1: float, df2: float, k: int, confidence: float) -> tuple[
    float, float
]:  # fmt: skip
    """Return the interval of ``(F - 1)/(F + k - 1)``."""
    from scipy.special import fdtri

    tail = 0.5 * (1.0 + confidence)
    low, high = ratio / float(fdtri(df1, df2, tail)), ratio * float(fdtri(df2, df1, tail))
    return (low - 1.0) / (low + k - 1.0), (high - 1.0) / (high + k - 1.0)


def _one_way(s: _MeanSquares, confidence: float) -> tuple[float, tuple[float, float]]:
    value = (s.rows - s.within) / (s.rows + (s.k - 1) * s.within)
    if s.within == 0.0:
        return 1.0, (1.0, 1.0)
    return value, _f_interval(s.rows / s.within, s.n - 1, s.n * (s.k - 1), s.k, confidence)


def _consistency(s: _MeanSquares, confidence: float) -> tuple[float, tuple[float, float]]:
    if s.error == 0.0:
        return 1.0, (1.0, 1.0)
    value = (s.rows - s.error) / (s.rows + (s.k - 1) * s.error)
    df2 = (s.n - 1) * (s.k - 1)
    return value, _f_interval(s.rows / s.error, s.n - 1, df2, s.k, confidence)


def _absolute(s: _MeanSquares, confidence: float) -> tuple[float, tuple[float, float]]:
    """Interval with Satterthwaite's degrees of freedom (McGraw & Wong, table 7)."""
    from scipy.special import fdtri

    n, k = s.n, s.k
    value = (s.rows - s.error) / (s.rows + (k - 1) * s.error + k * (s.columns - s.error) / n)
    if s.error == 0.0 and s.columns == 0.0:
        return 1.0, (1.0, 1.0)
    a = k * value / (n * (1.0 - value))
    b = 1.0 + k * value * (n - 1) / (n * (1.0 - value))
    df = (a * s.columns + b * s.error) ** 2 / (
        (a * s.columns) ** 2 / (k - 1) + (b * s.error) ** 2 / ((n - 1) * (k - 1))
    )
    tail = 0.5 * (1.0 + confidence)
    f_low, f_high = float(fdtri(n - 1, df, tail)), float(fdtri(df, n - 1, tail))
    other = k * s.columns + (k * n - k - n) * s.error
    low = n * (s.rows - f_low * s.error) / (f_low * other + n * s.rows)
    high = n * (f_high * s.rows - s.error) / (other + n * f_high * s.rows)
    return value, (low, high)


_SINGLE: Final = {"1": _one_way, "A": _absolute, "C": _consistency}


@dataclass(frozen=True, slots=True, eq=False)
class TotalDeviation(StatisticalResult):
    """Total deviation index or coverage probability: each is the inverse of the other.

    Parameters
    ----------
    delta : float
        Half width of the range of differences.
    coverage : float
        Proportion of the differences that lie within ±delta.
    bound : float
        One-sided confidence bound of the estimate: upper bound of delta, lower of coverage.
    asked : {"delta", "coverage"}
        The quantity that was estimated; the other was given.
    n : int
        Complete pairs.
    bias, sd : float
        Mean and standard deviation of the differences.
    confidence : float
        Confidence of the bound.
    method : str
        Description of the analysis in words.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    delta: float
    coverage: float
    bound: float
    asked: str
    n: int
    bias: float
    sd: float
    confidence: float
    method: str
    warnings: tuple[str, ...] = ()


def _content(bias: ArrayLike, sd: ArrayLike, delta: float) -> Array:
    """Return the proportion of a normal distribution within ±delta."""
    from scipy.special import ndtr

    b, s = np.asarray(bias, dtype=np.float64), np.asarray(sd, dtype=np.float64)
    return np.asarray(ndtr((delta - b) / s) - ndtr((-delta - b) / s))


def _largest_bias(sd: Array, delta: float, coverage: float) -> Array:
    """Return the largest distance of the mean from 0 for which ±delta holds ``coverage``."""
    from scipy.special import ndtri

    # with one tail only the mean could be at high; the content falls as it moves away from 0
    low, high = np.zeros(sd.shape), np.maximum(delta - float(ndtri(coverage)) * sd, 0.0)
    for _ in range(36):
        middle = 0.5 * (low + high)
        enough = _content(middle, sd, delta) >= coverage
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return low


def _fiducial(n: int, bias: float, sd: float, delta: float, coverage: float) -> float:
    """Return the generalized probability that ±delta holds at least ``coverage``."""
    from scipy.special import ndtr

    # with a larger sigma than delta/z even the mean 0 holds less
    v, weight = spread_nodes(n - 1, low=sd * normal_quantile(coverage) / delta)
    sigma = sd / v
    far = _largest_bias(sigma, delta, coverage)
    error = sigma / math.sqrt(n)
    return float(weight @ (ndtr((far - bias) / error) - ndtr((-far - bias) / error)))


def _differences(
    x: ArrayLike, y: ArrayLike, infinite: Infinite
) -> tuple[int, float, float, tuple[str, ...]]:
    pairs = make_pairs(x, y, infinite=infinite)
    check_pairs(pairs.n)
    bias, sd = mean_and_sd(differences(pairs.x, pairs.y))
    warnings = pairs.warnings
    if sd == 0.0:
        warnings = (*warnings, "all differences are equal: there is no confidence bound")
    return pairs.n, bias, sd, warnings


def total_deviation_index(
    x: ArrayLike,
    y: ArrayLike,
    *,
    coverage: float = 0.9,
    confidence: float = 0.95,
    infinite: Infinite = "error",
) -> TotalDeviation:
    """Return the value below which a given proportion of all absolute differences lie.

    ``Φ((k - b)/s) - Φ((-k - b)/s) = coverage``, solved for k, and its upper confidence bound by
    generalized inference: the distribution of mean and standard deviation given the data,
    integrated numerically.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Measurements; pairs with NaN are dropped.
    coverage : float
        Proportion of the differences.
    confidence : float
        Confidence of the bound.
    infinite : {"error", "drop"}
        See :func:`bland_altman`.

    Raises
    ------
    ParameterError
        Fewer than 2 pairs, unusable values.

    Notes
    -----
    Lin, Stat Med 19:255 (2000), without the approximation by the mean square; bound: Weerahandi,
    J Am Stat Assoc 88:899 (1993).

    >>> round(total_deviation_index([1.0, 2.0, 3.0, 5.0], [1.5, 2.0, 2.5, 4.0]).delta, 3)
    1.139
    """
    check_fraction("coverage", coverage)
    check_fraction("confidence", confidence)
    n, bias, sd, warnings = _differences(x, y, infinite)
    delta, bound = abs(bias), math.nan
    if sd > 0.0:
        from scipy.optimize import brentq

        most = abs(bias) + 40.0 * sd
        delta = float(brentq(lambda k: float(_content(bias, sd, k)) - coverage, 0.0, most))
        while _fiducial(n, bias, sd, most, coverage) < confidence:
            most *= 4.0
        bound = float(
            brentq(
                lambda k: _fiducial(n, bias, sd, k, coverage) - confidence,
                1e-9 * sd,
                most,
                xtol=1e-9 * sd,
            )
        )
    return TotalDeviation(
        delta=delta,
        coverage=coverage,
        bound=bound,
        asked="delta",
        n=n,
        bias=bias,
        sd=sd,
        confidence=confidence,
        method=f"total deviation index for {100 * coverage:g} % of normal differences, n = {n}, "
        "upper bound by generalized inference",
        warnings=warnings,
    )


def coverage_probability(
    x: ArrayLike,
    y: ArrayLike,
    delta: float,
    *,
    confidence: float = 0.95,
    infinite: Infinite = "error",
) -> TotalDeviation:
    """Return the proportion of all differences within ±delta, with its lower confidence bound.

    Parameters
    ----------
    x, y, confidence, infinite
        As in :func:`total_deviation_index`.
    delta : float
        Allowable difference, above 0.

    Raises
    ------
    ParameterError
        delta not above 0, fewer than 2 pairs, unusable values.

    Notes
    -----
    Lin et al., J Am Stat Assoc 97:257 (2002).

    >>> round(coverage_probability([1.0, 2.0, 3.0, 5.0], [1.5, 2.0, 2.5, 4.0], 1.0).coverage, 3)
    0.851
    """
    check_fraction("confidence", confidence)
    if not 0.0 < delta < math.inf:
        raise ParameterError(f"delta {delta}; an allowable difference above 0 is expected")
    n, bias, sd, warnings = _differences(x, y, infinite)
    coverage, bound = float(abs(bias) <= delta), math.nan
    if sd > 0.0:
        from scipy.optimize import brentq

        coverage = float(_content(bias, sd, delta))
        edges = (1e-9, 1.0 - 1e-12)
        if _fiducial(n, bias, sd, delta, edges[0]) <= confidence:
            bound = 0.0
        elif _fiducial(n, bias, sd, delta, edges[1]) >= confidence:
            bound = 1.0
        else:
            bound = float(brentq(lambda p: _fiducial(n, bias, sd, delta, p) - confidence, *edges))
    return TotalDeviation(
        delta=delta,
        coverage=coverage,
        bound=bound,
        asked="coverage",
        n=n,
        bias=bias,
        sd=sd,
        confidence=confidence,
        method=f"coverage probability of ±{delta:g} for normal differences, n = {n}, lower bound "
        "by generalized inference",
        warnings=warnings,
    )

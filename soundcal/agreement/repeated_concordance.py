"""Concordance of single measurements, from repeated ones."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from soundcal.agreement.intervals import check_choice, check_fraction, t_quantile
from soundcal.agreement.pairs import ROUNDING, Pairs, narrow_range
from soundcal.agreement.reliability import Concordance
from soundcal.agreement.repeats import RepeatedRows, TrueValue, repeated_rows
from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = ["RepeatedConcordance", "concordance_repeated"]


@dataclass(frozen=True, slots=True, eq=False)
class RepeatedConcordance(Concordance):
    """Concordance correlation of single measurements, from repeated ones.

    In addition to the fields of :class:`Concordance`, whose ``n`` is the number of rows and whose
    interval is a jackknife's:

    Parameters
    ----------
    subjects : int
        Number of subjects.
    true_value : {"constant", "varying"}
        Assumption about the repeats.
    """

    subjects: int = 0
    true_value: str = "varying"


def concordance_repeated(
    x: ArrayLike,
    y: ArrayLike,
    subject: Sequence[Hashable],
    *,
    true_value: TrueValue = "varying",
    confidence: float = 0.95,
) -> RepeatedConcordance:
    """Return the concordance correlation coefficient of single measurements.

    ``2 c/(v_x + v_y + δ²)``, with c the covariance of a single measurement by x with one by y of
    the same subject, v the variances of single measurements over all subjects and δ the difference
    of the means. Repeats count as what they are: more measurements of the same subjects. The
    coefficient is not that of the subjects' means, which is higher.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Measurements in rows. With ``varying``, a row is a pair measured at once, and rows with NaN
        are dropped; with ``constant``, NaN fills the rows where a method has fewer repeats.
    subject : sequence, length n
        Subject of each row, e.g. the stimulus.
    true_value : {"varying", "constant"}
        ``varying``: the quantity itself may differ between the rows of a subject (two ears of one
        stimulus), and what both methods see of that counts as agreement. ``constant``: it is the
        same in all of them, and the rows of x and y are not paired.
    confidence : float
        Confidence of the interval.

    Raises
    ------
    ParameterError
        Fewer than 3 subjects, unusable values, all values of a method equal.

    Notes
    -----
    The coefficient that variance components give (Carrasco & Jover, Biometrics 59:849, 2003),
    estimated from mean squares, without the assumption that both methods scatter alike: with
    components of subjects α, subjects × methods αβ and repeats e,
    ``σα²/(σα² + σαβ² + σe² + δ²/2)`` where the true value is constant. δ² is reduced by the
    variance of its estimate. With one row per subject it is ICC(A,1).

    The interval is the jackknife's over subjects, on Fisher's z, with Student's t. Coverage of
    95 % intervals for 10 to 50 subjects with 1 to 3 rows and coefficients of .79 to .96: 93 to
    96 % for normal, 84 to 94 % for exponential components (2000 simulated studies each).

    >>> round(concordance_repeated([1, 2, 4, 4, 6, 7], [1, 1, 3, 5, 6, 6], list("aabbcc")).ccc, 3)
    0.949
    """
    check_choice("true_value", true_value, TrueValue)
    check_fraction("confidence", confidence)
    rows = repeated_rows(x, y, subject, true_value)
    k = len(rows.names)
    if k < 3:
        raise ParameterError(f"{k} subjects with measurements by both methods; at least 3 expected")
    (mean_x, count_x), (mean_y, count_y) = rows.means(rows.x), rows.means(rows.y)
    between, within = _sums(rows, mean_x, mean_y)
    if min(between[0].sum() + within[0].sum(), between[1].sum() + within[1].sum()) == 0.0:
        raise ParameterError(
            "all measurements of one method are equal; the coefficient is undefined: measure over "
            "a range, or use bland_altman_repeated"
        )
    shift = mean_x - mean_y
    centred = shift - shift.mean()
    sums = _Sums(
        subjects=np.append(float(k), np.full(k, k - 1.0)),
        between=_without_each(between, k / (k - 1.0)),
        within=_without_each(within),
        free=_without_each(np.array([count_x - 1.0, count_y - 1.0])),
        inverse=_without_each(np.array([1.0 / count_x, 1.0 / count_y])),
        shift=float(shift.mean()) - np.append(0.0, centred / (k - 1.0)),
    )
    values, correlation = _coefficients(sums, paired=true_value == "varying")
    ccc, r = float(values[0]), float(correlation[0])
    interval, remarks = _jackknife(values, k, confidence)
    pairs = Pairs(mean_x, mean_y, rows.names)
    return RepeatedConcordance(
        ccc=ccc,
        ci=interval,
        precision=r,
        accuracy=ccc / r if r != 0.0 else math.nan,
        n=int(rows.code.size),
        confidence=confidence,
        method=f"concordance correlation coefficient of single measurements, true value "
        f"{true_value}, from n = {rows.code.size} rows of {k} subjects (variance components, "
        "Carrasco & Jover 2003), interval by the jackknife over subjects on Fisher's z",
        warnings=(*rows.warnings, *narrow_range(pairs), *remarks),
        subjects=k,
        true_value=true_value,
    )


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over all subjects, then without each in turn; the last axis has k + 1 of them.

    Rows of ``between`` and ``within``: squares of x, of y, products; of ``free`` and ``inverse``:
    degrees of freedom within subjects and sum of 1/count, of x and of y.
    """

    subjects: Array
    between: Array
    within: Array
    free: Array
    inverse: Array
    shift: Array


def _sums(rows: RepeatedRows, mean_x: Array, mean_y: Array) -> tuple[Array, Array]:
    """Return each subject's part of the squares and products, between and within, shape (3, k)."""
    k = len(rows.names)
    parts = []
    for values, means in ((rows.x, mean_x), (rows.y, mean_y)):
        # what rounding errors alone can be is 0
        least = ROUNDING * float(np.nanmax(np.abs(values)))
        parts += [means - means.mean(), np.nan_to_num(values - means[rows.code])]
        for part in parts[-2:]:
            part[np.abs(part) <= least] = 0.0
    of_x, in_x, of_y, in_y = parts
    within = [
        np.bincount(rows.code, a * b, k) for a, b in ((in_x, in_x), (in_y, in_y), (in_x, in_y))
    ]
    return np.array([of_x**2, of_y**2, of_x * of_y]), np.array(within)


def _without_each(parts: Array, factor: float = 1.0) -> Array:
    """Return the sum of all parts, then that without each; of squares about a mean, k/(k - 1)."""
    total = parts.sum(axis=-1, keepdims=True)
    return np.concatenate([total, total - factor * parts], axis=-1)


def _coefficients(sums: _Sums, *, paired: bool) -> tuple[Array, Array]:
    """Return concordance and correlation of single measurements, for all and without each."""
    k = sums.subjects
    means = sums.between / (k - 1.0)
    # part of the variance within subjects that their means do not hold
    part = (1.0 - sums.inverse / k) / np.maximum(sums.free, 1.0)
    v_x, v_y = means[:2] + part * sums.within[:2]
    both = means[2] + (part[0] * sums.within[2] if paired else 0.0)
    of_shift = (means[0] + means[1] - 2.0 * means[2]) / k
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2.0 * both / (v_x + v_y + sums.shift**2 - of_shift), both / np.sqrt(v_x * v_y)


def _jackknife(
    values: Array, k: int, confidence: float
) -> tuple[tuple[float, float], tuple[str, ...]]:
    if not (np.abs(values) < 1.0 - ROUNDING).all():
        remark = "no interval: it needs coefficients between -1 and 1, also without any one subject"
        return (math.nan, math.nan), (remark,)
    z = np.arctanh(values)
    pseudo = k * z[0] - (k - 1) * z[1:]
    half = t_quantile(confidence, k - 1) * float(pseudo.std(ddof=1)) / math.sqrt(k)
    return (math.tanh(z[0] - half), math.tanh(z[0] + half)), ()

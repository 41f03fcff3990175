"""Repeated measurements by two methods: rows of subjects, checked, with their means."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.agreement.pairs import column, is_nameless, listed, without_rounding
from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = ["RepeatedRows", "TrueValue", "repeated_rows"]

TrueValue = Literal["constant", "varying"]
"""Assumption about the repeats of a subject; see :func:`bland_altman_repeated`."""


@dataclass(frozen=True, slots=True, eq=False)
class RepeatedRows:
    """Usable rows: measurements, number of the subject, names of the subjects."""

    x: Array
    y: Array
    code: NDArray[np.int64]
    names: tuple[Hashable, ...]
    kept: NDArray[np.bool_]
    warnings: tuple[str, ...]

    def means(self, values: Array) -> tuple[Array, Array]:
        """Return mean and number of the finite values of each subject."""
        there = ~np.isnan(values)
        k = len(self.names)
        count = np.bincount(self.code[there], minlength=k).astype(np.float64)
        return np.bincount(self.code[there], weights=values[there], minlength=k) / count, count

    def within(self, values: Array, effects: int = 0) -> tuple[float, float]:
        """Return mean square within subjects and its degrees of freedom, less those of effects."""
        mean, count = self.means(values)
        df = float(count.sum()) - len(self.names) - effects
        if df <= 0:
            return 0.0, 0.0
        there = ~np.isnan(values)
        residuals = without_rounding(
            (values - mean[self.code])[there], float(np.abs(values[there]).max())
        )
        if np.all(residuals == residuals[0]):
            return 0.0, df
        return float(residuals @ residuals) / df, df


def repeated_rows(
    x: ArrayLike, y: ArrayLike, subject: Sequence[Hashable], true_value: TrueValue
) -> RepeatedRows:
    """Check the columns and drop what cannot be used.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Measurements in rows, NaN where a value is missing.
    subject : sequence, length n
        Subject of each row.
    true_value : {"varying", "constant"}
        See :func:`bland_altman_repeated`; with ``varying``, a row is a pair.

    Raises
    ------
    ParameterError
        Columns of unequal length, infinite values, fewer than 2 subjects with both methods.
    """
    first, second, labels = column(x, "x"), column(y, "y"), list(subject)
    if not first.size == second.size == len(labels):
        raise ParameterError(
            f"{first.size} values of x, {second.size} of y, {len(labels)} subjects; one of each "
            "per row is expected, NaN where a value is missing"
        )
    if np.isinf(first).any() or np.isinf(second).any():
        raise ParameterError(
            "infinite values: a difference from silence or overflow has no meaning; exclude these "
            "rows with a reason"
        )
    nameless = np.array([is_nameless(label) for label in labels], dtype=bool)
    first, second = np.where(nameless, np.nan, first), np.where(nameless, np.nan, second)
    has_x, has_y = ~np.isnan(first), ~np.isnan(second)
    if true_value == "varying":
        kept = has_x & has_y
    else:
        with_x = {label for label, there in zip(labels, has_x, strict=True) if there}
        both = with_x & {label for label, there in zip(labels, has_y, strict=True) if there}
        kept = (has_x | has_y) & np.array([label in both for label in labels], dtype=bool)
    left = [
        label
        for label, there, without in zip(labels, kept, nameless, strict=True)
        if not (there or without)
    ]
    used = [label for label, there in zip(labels, kept, strict=True) if there]
    number = {name: i for i, name in enumerate(dict.fromkeys(used))}
    if len(number) < 2:
        raise ParameterError(
            f"{len(number)} subject(s) with measurements by both methods; at least 2 are needed"
        )
    warnings = []
    if left:
        warnings.append(f"{len(left)} of {len(labels)} rows dropped, of subjects {listed(left)}")
    if nameless.any():
        warnings.append(
            f"{int(nameless.sum())} of {len(labels)} rows dropped, which name no subject (NaN or "
            "None)"
        )
    code = np.array([number[label] for label in used], dtype=np.int64)
    return RepeatedRows(first[kept], second[kept], code, tuple(number), kept, tuple(warnings))

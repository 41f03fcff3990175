"""Multiple tests: p values adjusted over a stated family."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from soundcal.agreement.intervals import check_choice
from soundcal.agreement.results import StatisticalResult
from soundcal.arrays import Array
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AdjustedP", "Correction", "adjust"]

Correction = Literal["holm", "bonferroni", "bh"]


@dataclass(frozen=True, slots=True, eq=False)
class AdjustedP(StatisticalResult):
    """p values of a family of tests, unadjusted and adjusted for the size of the family.

    Parameters
    ----------
    labels : tuple of str, length m
        Subject of each test.
    p : ndarray, shape (m,)
        The p values; NaN for tests without one.
    adjusted : ndarray, shape (m,)
        Adjusted p values, to be compared with the level of the whole family; NaN where p is.
    correction : {"holm", "bonferroni", "bh"}
        Method of the adjustment.
    family : str
        Description of the tests that belong together.
    size : int
        Number of tests in the family, including those without a p value.
    method : str
        Description of the adjustment, in words fit for a methods section.
    """

    labels: tuple[str, ...]
    p: Array
    adjusted: Array
    correction: str
    family: str
    size: int
    method: str

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per test: ``label, p, adjusted``."""
        import pandas as pd

        return pd.DataFrame({"label": self.labels, "p": self.p, "adjusted": self.adjusted})


def adjust(
    p_values: ArrayLike,
    *,
    family: str,
    correction: Correction = "holm",
    labels: Sequence[str] | None = None,
) -> AdjustedP:
    """Adjust p values for the number of tests.

    Parameters
    ----------
    p_values : array_like, shape (m,)
        p values of all tests of the family; NaN for tests without one, which still count.
    family : str
        Description of the tests that belong together, e.g. "bias of 39 indicators in 3
        comparisons".
    correction : {"holm", "bonferroni", "bh"}
        ``holm`` and ``bonferroni`` bound the probability of any false positive; Holm's is never
        less powerful. ``bh`` bounds the expected proportion of false positives among the positives
        (Benjamini & Hochberg 1995).
    labels : sequence of str, optional
        Names of the tests.

    Returns
    -------
    AdjustedP

    Raises
    ------
    ParameterError
        A p value outside 0 to 1, or a family without a description.

    >>> adjust([0.01, 0.04, 0.03], family="three made-up tests").adjusted.round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    check_choice("correction", correction, Correction)
    if not family.strip():
        raise ParameterError("no family; describe in words which tests belong together and why")
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or ((p < 0) | (p > 1)).any():
        raise ParameterError("p values between 0 and 1, one per test, are expected")
    names = tuple(map(str, labels if labels is not None else range(p.size)))
    if len(names) != p.size:
        raise ParameterError(f"{len(names)} labels for {p.size} tests; one per test is expected")
    m, known = p.size, ~np.isnan(p)
    order = np.flatnonzero(known)[np.argsort(p[known], kind="stable")]
    rank = np.arange(1, order.size + 1)
    sorted_p = p[order]
    if correction == "bonferroni":
        steps = m * sorted_p
    elif correction == "holm":
        steps = np.maximum.accumulate((m - rank + 1) * sorted_p)
    else:
        steps = np.minimum.accumulate((m / rank * sorted_p)[::-1])[::-1]
    adjusted = np.full(m, np.nan)
    adjusted[order] = np.minimum(steps, 1.0)
    how = {
        "holm": "Holm's step-down adjustment",
        "bonferroni": "Bonferroni's adjustment",
        "bh": "Benjamini & Hochberg's adjustment (false discovery rate)",
    }[correction]
    return AdjustedP(
        labels=names,
        p=p,
        adjusted=adjusted,
        correction=correction,
        family=family,
        size=m,
        method=f"p values by {how} over a family of {m} tests: {family}",
    )

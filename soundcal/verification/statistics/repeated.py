"""Stated rates of the limits of agreement of repeated measurements."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np

from soundcal.agreement import RepeatedAgreement, bland_altman_repeated
from soundcal.verification.statistics.rates import StatedRate, within

__all__ = ["rates"]

_Z: Final = 1.959963984540054
_DESIGNS: Final = (
    ("27 stimuli, 2 ears", (2,) * 27),
    ("10 subjects with 1 row, 2 with 20", (*(1,) * 10, 20, 20)),
)


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    of = partial(StatedRate, "bland_altman_repeated", "repeated measurements")
    for name, rows in _DESIGNS:
        yield of(f"interval of the bias, {name}", 0.95, partial(_bias, rows=rows))
        quantity = f"interval of the upper limit (MOVER), {name}"
        yield of(quantity, 0.95, partial(_upper, rows=rows), 0.015)


def _bias(rng: np.random.Generator, rows: Sequence[int]) -> bool:
    return within(_drawn(rng, rows).bias_ci, 0.0)


def _upper(rng: np.random.Generator, rows: Sequence[int]) -> bool:
    return within(_drawn(rng, rows).upper_ci, _Z)


def _drawn(rng: np.random.Generator, rows: Sequence[int]) -> RepeatedAgreement:
    """Return the analysis of differences of variance .64 between subjects and .36 within."""
    subject = np.repeat(np.arange(len(rows)), rows)
    d = rng.normal(0.0, 0.8, len(rows))[subject] + rng.normal(0.0, 0.6, subject.size)
    return bland_altman_repeated(d, 0 * d, list(subject))

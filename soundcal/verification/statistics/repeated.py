"""Stated rates of the limits of agreement of repeated measurements."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import numpy as np

from soundcal.agreement import (
    RepeatedAgreement,
    bland_altman_repeated,
    concordance_repeated,
    difference_model,
)
from soundcal.verification.statistics.rates import StatedRate, within

__all__ = ["rates"]

_Z: Final = 1.959963984540054
_EARS: Final = (2,) * 27
_UNEQUAL: Final = (*(1,) * 10, 20, 20)
_DESIGNS: Final = (
    ("27 stimuli, 2 ears", _EARS),
    ("10 subjects with 1 row, 2 with 20", _UNEQUAL),
)


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    of = partial(StatedRate, "bland_altman_repeated", "repeated measurements")
    for name, rows in _DESIGNS:
        yield of(f"interval of the bias, {name}", 0.95, partial(_bias, rows=rows))
        quantity = f"interval of the upper limit (MOVER), {name}"
        yield of(quantity, 0.95, partial(_upper, rows=rows), 0.015)
    yield of("prediction interval, 27 stimuli, 2 ears", 0.95, _further, 0.01)
    name = "interval of the upper limit, 2 ears that differ by a constant"
    yield of(name, 0.95, _ears_apart, 0.015)
    name = "interval of the upper limit, true value constant, 27 subjects, 3 takes each"
    yield of(name, 0.95, _constant, 0.015)
    yield of(
        "interval of the upper limit, by analysis of variance, 10 subjects with 1 row, 2 with 20",
        0.95,
        partial(_upper, rows=_UNEQUAL, estimator="anova"),
        known_deviation="covers about 87 % with such unequal numbers; not the default",
    )
    of = partial(StatedRate, "concordance_repeated", "repeated measurements")
    name = "concordance of single measurements (jackknife), 27 stimuli, 2 ears"
    yield of(name, 0.95, _concordance, 0.02)
    of = partial(StatedRate, "difference_model", "repeated measurements")
    design = "one model, spread that grows, 27 stimuli, 2 ears, 2 takes"
    yield of(f"interval of the upper limit, {design}", 0.95, partial(_model, limit=True), 0.02)
    yield of(f"interval of the bias, {design}", 0.95, partial(_model, limit=False), 0.02)


def _bias(rng: np.random.Generator, rows: Sequence[int]) -> bool:
    return within(_drawn(rng, rows).bias_ci, 0.0)


def _concordance(rng: np.random.Generator) -> bool:
    true = np.repeat(rng.normal(size=27), 2) + 0.5 * rng.normal(size=54)
    of_method = np.repeat(0.3 * rng.normal(size=(2, 27)), 2, axis=1)
    x, y = true + of_method + 0.4 * rng.normal(size=(2, 54))
    found = concordance_repeated(x + 0.2, y, [*np.repeat(np.arange(27), 2)])
    return within(found.ci, 1.25 / (1.25 + 0.09 + 0.16 + 0.02))


def _model(rng: np.random.Generator, limit: bool) -> bool:
    size = np.exp(0.6 * rng.normal(size=(27, 1, 1)))
    effects = rng.normal(size=(27, 1, 1)) + 0.5 * rng.normal(size=(27, 2, 1))
    d = size * (effects + 0.3 * rng.normal(size=(27, 2, 2)))
    stimulus, ear, _ = np.indices(d.shape)
    x, y = (size + d / 2).ravel(), (size - d / 2).ravel()
    found = difference_model(x, y, [*stimulus.flat], [*ear.flat], at=[1.5], draws=1000)
    ci = found.upper_ci[0] if limit else found.bias_ci[0]
    truth = 1.5 * _Z * (1.0 + 0.25 + 0.09) ** 0.5 if limit else 0.0
    return within((float(ci[0]), float(ci[1])), truth)


def _upper(rng: np.random.Generator, rows: Sequence[int], **options: Any) -> bool:
    return within(_drawn(rng, rows, **options).upper_ci, _Z)


def _further(rng: np.random.Generator) -> bool:
    return within(_drawn(rng, _EARS).prediction, rng.normal())


def _drawn(rng: np.random.Generator, rows: Sequence[int], **options: Any) -> RepeatedAgreement:
    """Return the analysis of differences of variance .64 between subjects and .36 within."""
    subject = np.repeat(np.arange(len(rows)), rows)
    d = rng.normal(0.0, 0.8, len(rows))[subject] + rng.normal(0.0, 0.6, subject.size)
    return bland_altman_repeated(d, 0 * d, list(subject), **options)


def _ears_apart(rng: np.random.Generator) -> bool:
    ear = np.tile([0, 1], 27)
    d = np.repeat(rng.normal(0.0, 0.8, 27), 2) + rng.normal(0.0, 0.6, 54) + 2.0 * ear
    found = bland_altman_repeated(d, 0 * d, list(np.repeat(np.arange(27), 2)), replicate=list(ear))
    return within(found.upper_ci, 1.0 + _Z)


def _constant(rng: np.random.Generator) -> bool:
    subject = np.repeat(np.arange(27), 3)
    true = rng.normal(65.0, 8.0, 27)[subject]
    x = true + rng.normal(0.0, 0.6, 27)[subject] + rng.normal(0.0, 0.6, 81)
    y = true + rng.normal(0.0, np.sqrt(0.28), 81)
    return within(bland_altman_repeated(x, y, list(subject), true_value="constant").upper_ci, _Z)

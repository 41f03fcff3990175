"""Stated rates of the relation of ratings to indicators.

At the sizes of the study: 27 stimuli, 19 participants under both conditions, 13 and 4 under one of
them.
"""

import math
from collections.abc import Iterator
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundcal.ratings import make_ratings
from soundcal.relation import Relation, relate
from soundcal.relation.attenuation import smallest_shown
from soundcal.relation.correlations import common_blocks, correlation, permuted
from soundcal.verification.statistics.rates import StatedRate, within

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["rates"]

_CLAUSE: Final = "ratings against indicators"
_STUDY: Final = "27 stimuli, 19 in both, 13 and 4 in one"
_STIMULI: Final = 27
_PEOPLE: Final = 36
_INDICATORS: Final = 2
_SPREAD: Final = 5.0
_TRUE: Final = 0.7
"""Standard deviation of the true differences of the ratings, and their correlation with the first
indicator's, whose standard deviation is 1."""


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    of = partial(StatedRate, "relate", _CLAUSE)
    name = "any of 72 correlations without a relation, max-T, n = 27"
    yield of(name, 0.05, _alarm, at_most=True)
    name = f"intervals of both slopes and of the correlation without errors, {_STUDY}"
    yield of(name, 0.95, _covered, 0.03, cost=20)
    name = "the smallest detectable correlation is shown, n = 27"
    yield of(name, 0.8, partial(_shown, rho=smallest_shown(_STIMULI, _critical(), 0.8)))


def _alarm(rng: np.random.Generator) -> bool:
    """Permute correlated indicators against correlated ratings that are independent of them."""
    x, y = (
        rng.normal(size=(_STIMULI, 1)) + rng.normal(size=(_STIMULI, columns)) for columns in (12, 6)
    )
    p, _ = permuted(list(common_blocks(x, y)), correlation(x, y), permutations=199, rng=rng)
    return bool((p <= 0.05).any())


@cache
def _keys() -> "pd.DataFrame":
    """Return the names of all answers that everybody would give under both conditions."""
    import pandas as pd

    levels = [[f"p{i}" for i in range(_PEOPLE)], _names(), ["ocv", "hats"]]
    names = ["participant", "stimulus", "condition"]
    frame = pd.MultiIndex.from_product(levels, names=names).to_frame(index=False)
    return frame.assign(attribute="calm")


def _names() -> list[str]:
    return [f"s{i:02}" for i in range(_STIMULI)]


def _study(rng: np.random.Generator) -> Relation:
    """Return the relation of a study with a true correlation of 0.7 with the first indicator."""
    import pandas as pd

    d = rng.normal(size=(_STIMULI, _INDICATORS))
    middle = rng.normal(60.0, 8.0, d.shape)
    differences = pd.concat(
        pd.DataFrame(
            {
                "indicator": f"I{j}",
                "statistic": "",
                "unit": "dB",
                "first": "ocv",
                "second": "hats",
                "stimulus": _names(),
                "first_value": middle[:, j] + 0.5 * d[:, j],
                "second_value": middle[:, j] - 0.5 * d[:, j],
            }
        )
        for j in range(_INDICATORS)
    )
    own = rng.normal(size=_STIMULI)
    change = _SPREAD * (_TRUE * d[:, 0] + math.sqrt(1.0 - _TRUE**2) * own)
    shape = (_PEOPLE, _STIMULI, 2)
    values = change[:, np.newaxis] * np.array([0.5, -0.5]) + np.zeros(shape)
    parts: tuple[tuple[float, tuple[int, ...]], ...] = (
        (8.0, (_PEOPLE, 1, 1)),
        (5.0, (_PEOPLE, 1, 2)),
        (6.0, (_PEOPLE, _STIMULI, 1)),
        (12.0, (1, _STIMULI, 1)),
        (12.0, shape),
    )
    for sd, of in parts:
        values += rng.normal(0.0, sd, of)
    values[19:32, :, 1] = values[32:, :, 0] = np.nan
    table = _keys().assign(value=values.ravel()).dropna().reset_index(drop=True)
    ratings = make_ratings(table, scale=(-1000.0, 1000.0))
    seed = int(rng.integers(2**31))
    return relate(differences, ratings, ("ocv", "hats"), permutations=199, resamples=199, seed=seed)


def _covered(rng: np.random.Generator) -> float:
    row: Any = _study(rng).pairs.iloc[0]
    truths = {"slope": _TRUE * _SPREAD, "model": _TRUE * _SPREAD, "disattenuated": _TRUE}
    held = [within((row[f"{n}_low"], row[f"{n}_high"]), true) for n, true in truths.items()]
    return float(np.mean(held))


def _critical() -> float:
    """Return the smallest correlation of a single pair that differs from 0 at 5 %."""
    from scipy.special import stdtrit

    t = float(stdtrit(_STIMULI - 2, 0.975))
    return t / math.sqrt(_STIMULI - 2 + t**2)


def _shown(rng: np.random.Generator, rho: float) -> bool:
    x, own = rng.normal(size=(2, _STIMULI))
    r = np.corrcoef(x, rho * x + math.sqrt(1.0 - rho**2) * own)[0, 1]
    return bool(abs(r) > _critical())

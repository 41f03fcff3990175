"""Stated rates of the comparison of ratings: single cells, families of cells, and the mixed model.

At the sizes of the study: 19 participants under both conditions, 13 and 2 under one of them; 8
attributes of 6 or 27 stimuli are 48 or 216 cells. The answers of a participant depend on each
other, also those under one condition.
"""

from collections.abc import Iterator
from functools import cache, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.agreement import adjust
from soundcal.ratings import (
    ATTRIBUTES,
    Ratings,
    compare_ratings,
    make_ratings,
    mixed_model,
    ordinal_model,
)
from soundcal.ratings.mixed import EFFECTS
from soundcal.verification.statistics.rates import StatedRate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["rates"]

_CLAUSE: Final = "ratings of two conditions"
_STUDY: Final = "19 in both, 13 and 2 in one"
_PEOPLE: Final = 34
_SCALE: Final = (-1000.0, 1000.0)
"""A scale without ends that matter: what it does to the tests is another question."""

_TRUE: Final = (EFFECTS[0], EFFECTS[1], EFFECTS[2], EFFECTS[4])


def rates() -> Iterator[StatedRate]:
    """Return the rates of this family."""
    cells = partial(StatedRate, "compare_ratings", _CLAUSE, nominal=0.05)
    name = "default test, any of {} cells, Holm, " + _STUDY
    yield cells(quantity=name.format(48), trial=partial(_any, stimuli=6), at_most=True, cost=10)
    yield cells(quantity=name.format(216), trial=partial(_any, stimuli=27), at_most=True, cost=20)
    yield cells(
        quantity=f"optimal pooled t-test (--paper), any of 48 cells, Bonferroni, {_STUDY}",
        trial=partial(_any, stimuli=6, paper=True),
        cost=12,
        known_deviation="liberal by design of the published test: any of 48 cells in 30 to 40 % of "
        "studies, of 216 in about 70 %; marked wherever it is used, and not the default",
    )
    plane = "Hotelling's test in the plane, any of 6 stimuli, Holm, 19 pairs"
    yield cells(quantity=plane, trial=_plane, at_most=True, cost=8)
    mixed = partial(StatedRate, "mixed_model", _CLAUSE)
    name = "intervals of 12 cells by the mixed model, effects chosen, " + _STUDY
    yield mixed(name, 0.95, partial(_model, attributes=1), 0.015, answers=8, cost=8)
    name = "intervals of 48 cells by the mixed model, effects given, " + _STUDY
    yield mixed(name, 0.95, partial(_model, attributes=8), 0.01, answers=16, cost=40)
    name = "mixed model, any of 12 cells, Holm, " + _STUDY
    yield mixed(name, 0.05, _any_by_model, 0.01, at_most=True, cost=8)
    if find_spec("statsmodels"):  # belongs to an extra
        ordinal = partial(StatedRate, "ordinal_model", _CLAUSE)
        name = "ordinal model of 5-point answers to 8 stimuli, " + _STUDY
        yield ordinal(name, 0.05, partial(_ordinal, rate="test"), at_most=True, cost=8)
        name = "probability of superiority by the ordinal model, " + _STUDY
        yield ordinal(name, 0.95, partial(_ordinal, rate="superiority"), 0.015, cost=8)


@cache
def _keys(stimuli: int, attributes: int) -> "pd.DataFrame":
    """Return the names of all answers that everybody would give under both conditions."""
    import pandas as pd

    levels = [
        [f"p{i}" for i in range(_PEOPLE)],
        ATTRIBUTES[:attributes],
        [f"s{i:02}" for i in range(stimuli)],
        ["ocv", "hats"],
    ]
    names = ["participant", "attribute", "stimulus", "condition"]
    return pd.MultiIndex.from_product(levels, names=names).to_frame(index=False)


def _study(rng: np.random.Generator, stimuli: int, attributes: int = 8) -> Ratings:
    """Return answers without any difference between the conditions."""
    shape = (_PEOPLE, attributes, stimuli, 2)
    parts = (
        (8.0, (_PEOPLE, 1, 1, 1)),  # EFFECTS in order
        (8.0, (_PEOPLE, attributes, 1, 1)),
        (5.0, (_PEOPLE, 1, 1, 2)),
        (8.0, (_PEOPLE, attributes, stimuli, 1)),
        (12.0, shape),  # single answers
        (15.0, (1, attributes, stimuli, 1)),  # means of the cells
    )
    values = np.zeros(shape)
    for sd, of in parts:
        values += rng.normal(0.0, sd, of)
    values[19:32, ..., 1] = values[32:, ..., 0] = np.nan
    table = _keys(stimuli, attributes).assign(value=values.ravel()).dropna()
    return make_ratings(table.reset_index(drop=True), scale=_SCALE)


def _any(rng: np.random.Generator, stimuli: int, paper: bool = False) -> bool:
    found = compare_ratings(_study(rng, stimuli), "ocv", "hats", preset="paper" if paper else None)
    return bool((found.cells["p_adjusted"] < 0.05).any())


def _plane(rng: np.random.Generator) -> bool:
    plane = compare_ratings(_study(rng, 6), "ocv", "hats").plane
    return bool((plane.loc[plane["stimulus"] != "all", "p_adjusted"] < 0.05).any())


def _model(rng: np.random.Generator, attributes: int) -> float:
    ratings = _study(rng, 12 if attributes == 1 else 6, attributes)
    effects = None if attributes == 1 else _TRUE
    cells = mixed_model(ratings, "ocv", "hats", effects=effects).cells
    return float(((cells["ci_low"] <= 0.0) & (cells["ci_high"] >= 0.0)).mean())


def _any_by_model(rng: np.random.Generator) -> bool:
    cells = mixed_model(_study(rng, 12, 1), "ocv", "hats").cells
    return bool(adjust(cells["p_value"], family="12 cells").adjusted.min() < 0.05)


def _ordinal(rng: np.random.Generator, rate: str) -> bool:
    """Return whether the test rejects, or whether the interval holds one half."""
    ratings = _study(rng, 8, 1)
    points = np.digitize(ratings.table["value"], [30.0, 42.0, 58.0, 70.0]) + 1.0
    answers = make_ratings(ratings.table.assign(value=points), scale=(1.0, 5.0))
    row = ordinal_model(answers, "ocv", "hats").attributes.iloc[0]
    if rate == "test":
        return bool(row["p_value"] < 0.05)
    return bool(row["superiority_low"] <= 0.5 <= row["superiority_high"])

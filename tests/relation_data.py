"""A made-up study whose indicators and ratings are related in a known way."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from soundcal.ratings import Ratings, make_ratings


@dataclass(frozen=True)
class Made:
    """Differences of indicators ``I0``, ``I1``, … (dB, standard deviation 1), ratings of them."""

    differences: pd.DataFrame
    ratings: Ratings


def make_study(
    seed: int = 0,
    *,
    stimuli: int = 27,
    both: int = 19,
    only_ocv: int = 13,
    only_hats: int = 4,
    indicators: int = 4,
    attributes: tuple[str, ...] = ("pleasant", "eventful", "calm"),
    planted: Mapping[str, float] | None = None,
    true_sd: float = 6.0,
    noise: float = 10.0,
    clipped: bool = False,
) -> Made:
    """Return a study with the paper's pattern of absences.

    ``planted``: correlation of an attribute's true differences with those of ``I0``. The true
    differences have the standard deviation ``true_sd`` on a scale of 0 to 100, so their slope on
    ``I0`` is the correlation times ``true_sd``.
    """
    rng = np.random.default_rng(seed)
    names = [f"S{i:02}" for i in range(1, stimuli + 1)]
    common = rng.normal(size=(stimuli, 1))
    d = (common + rng.normal(size=(stimuli, indicators))) / np.sqrt(2.0)
    middle = rng.normal(60.0, 8.0, (stimuli, indicators))
    parts = [
        pd.DataFrame(
            {
                "indicator": f"I{j}",
                "statistic": "",
                "unit": "dB",
                "first": "ocv",
                "second": "hats",
                "stimulus": names,
                "first_value": middle[:, j] + 0.5 * (d[:, j] + 1.0),
                "second_value": middle[:, j] - 0.5 * (d[:, j] + 1.0),
            }
        )
        for j in range(indicators)
    ]
    people = both + only_ocv + only_hats
    took_part = {
        "ocv": range(both + only_ocv),
        "hats": [*range(both), *range(people - only_hats, people)],
    }
    rows = []
    for attribute in attributes:
        rho = (planted or {}).get(attribute, 0.0)
        own = rng.normal(size=stimuli)
        true = 3.0 + true_sd * (rho * d[:, 0] + np.sqrt(1.0 - rho**2) * own)
        base = 50.0 + rng.normal(0, 8, (people, 1)) + rng.normal(0, 8, stimuli)
        base = base + rng.normal(0, 5, (people, stimuli))
        for condition, sign in (("ocv", 0.5), ("hats", -0.5)):
            lean = rng.normal(0, 4, (people, 1))
            value = base + sign * true + lean + rng.normal(0, noise, (people, stimuli))
            rows += [
                (f"p{i:02}", condition, name, attribute, value[i, s])
                for i in took_part[condition]
                for s, name in enumerate(names)
            ]
    table = pd.DataFrame(
        rows, columns=["participant", "condition", "stimulus", "attribute", "value"]
    )
    if clipped:
        table["value"] = table["value"].clip(0.0, 100.0)
    scale = (0.0, 100.0) if clipped else (-1000.0, 1000.0)
    return Made(pd.concat(parts, ignore_index=True), make_ratings(table, scale=scale))

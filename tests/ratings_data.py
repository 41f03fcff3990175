"""Answers of listening tests: made up, and as other programs write them."""

import numpy as np
import pandas as pd

from soundcal.ratings import (
    ATTRIBUTES,
    Ratings,
    make_ratings,
)

OFFSETS = {"pleasant": 12.0, "annoying": -12.0}


def study(
    seed: int = 0,
    both: int = 19,
    only_ocv: int = 13,
    only_hats: int = 2,
    stimuli: int = 4,
    effect: float = 1.0,
) -> Ratings:
    """A made-up listening test: OCV is rated 12 more pleasant, 12 less annoying than HATS."""
    rng = np.random.default_rng(seed)
    people = [(f"p{i:02}", ("ocv", "hats")) for i in range(both)]
    people += [(f"o{i:02}", ("ocv",)) for i in range(only_ocv)]
    people += [(f"h{i:02}", ("hats",)) for i in range(only_hats)]
    rows = []
    for name, conditions in people:
        lean = rng.normal(0, 8)
        for condition in conditions:
            for order, s in enumerate(range(stimuli), start=1):
                for attribute in ATTRIBUTES:
                    value = 50 + lean + rng.normal(0, 10)
                    value += effect * OFFSETS.get(attribute, 0.0) * (condition == "ocv")
                    row = (name, condition, f"S{s}", attribute, float(np.clip(value, 0, 100)))
                    rows.append((*row, order, 1, 35.0))
    columns = ["participant", "condition", "stimulus", "attribute", "value"]
    table = pd.DataFrame(rows, columns=[*columns, "order", "played", "seconds"])
    return make_ratings(table, scale=(0, 100))


GUI = """\
20,71,33,52,44,60,18,47,39,1,41.7
8,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,1,38.2
NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN,NaN
15,10,80,35,20,12,90,75,55,1,45.0
"""

WEBMUSHRA = """\
session_test_id,session_uuid,trial_id,rating_stimulus,rating_score,rating_time
t,u1,street.wav,C1,80,30000
t,u1,street.wav,C2,20,31000
t,u1,training.wav,C1,50,9000
t,u2,street.wav,C1,70,28000
t,u2,street.wav,C2,25,28000
"""

MAPPING = """\
[scale]
low = 0
high = 100
[columns]
participant = "session_uuid"
stimulus = "trial_id"
attribute = "rating_stimulus"
value = "rating_score"
seconds = "rating_time"
[factors]
seconds = 0.001
[constants]
condition = "hats"
[attributes]
C1 = "pleasant"
C2 = "annoying"
[stimuli]
"street.wav" = "CG01"
[keep]
trial_id = ["street.wav"]
"""

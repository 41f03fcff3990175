"""Results of the blocks of a listening test, as their designs compute them."""

import json
from typing import TYPE_CHECKING, Any

from soundcal.listening.designs import DESIGNS
from soundcal.listening.results import Results, TrialRecord

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["outcomes"]

_COLUMNS = ["participant", "condition", "stimulus", "attribute", "value", "text"]


def outcomes(results: Results) -> "dict[str, pd.DataFrame]":
    """Return the results of each scored block that somebody has answered, by its id.

    Personal answers are left out. The columns are those of the design, such as ``mos, low, high``
    of an absolute category rating.
    """
    import pandas as pd

    found = {}
    for block in results.study.blocks:
        rows = [
            row
            for record in results.trials
            if record.trial.block == block.id and block.scored
            for row in _answers(record)
        ]
        if rows:
            table = pd.DataFrame(rows, columns=_COLUMNS)
            found[block.id] = DESIGNS[block.design].analyse(table)
    return found


def _answers(record: TrialRecord) -> list[tuple[Any, ...]]:
    """Return the answers of a trial; several choices are a row each."""
    trial = record.trial
    several = {item.id for item in record.items if item.kind == "many"}
    rows = []
    for name, answer in record.answers.items():
        texts = [answer["text"]]
        if name in several and answer["text"]:
            texts = json.loads(answer["text"])
        rows += [
            (record.participant, trial.condition, trial.stimulus, name, answer["value"], text)
            for text in texts
        ]
    return rows

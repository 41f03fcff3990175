"""Results of the blocks of a listening test, as their designs compute them."""

from typing import TYPE_CHECKING, Any, Final

from soundcal.listening.designs import DESIGNS, consistency
from soundcal.listening.results import Results, TrialRecord

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["agreement_of_people", "block_results"]

_COLUMNS: Final = ("participant", "condition", "stimulus", "attribute", "value", "text")


def block_results(results: Results) -> "dict[str, pd.DataFrame]":
    """Return the results of each scored block that somebody has answered, by its id.

    Personal answers are left out. The columns are those of the design, such as ``mos, low, high``
    of an absolute category rating.
    """
    tables = _tables(results)
    blocks = {block.id: block for block in results.study.blocks}
    return {name: DESIGNS[blocks[name].design].analyse(table) for name, table in tables.items()}


def agreement_of_people(results: Results) -> "dict[str, pd.DataFrame]":
    """Return the agreement of the participants on each scale, by the block; see `consistency`."""
    found = {}
    scales = {record.trial.block: {item.id for item in record.scales} for record in results.trials}
    for name, table in _tables(results).items():
        rated = consistency(table[table["attribute"].isin(scales[name])])
        if len(rated):
            found[name] = rated
    return found


def _tables(results: Results) -> "dict[str, pd.DataFrame]":
    """Return the answers of each scored block that has any, a row each."""
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
            found[block.id] = pd.DataFrame(rows, columns=list(_COLUMNS))
    return found


def _answers(record: TrialRecord) -> list[tuple[Any, ...]]:
    """Return the answers of a trial; several choices are a row each."""
    trial = record.trial
    rows: list[tuple[Any, ...]] = []
    for name, answer in record.answers.items():
        rows += [
            (record.participant, trial.condition, trial.stimulus, name, answer["value"], text)
            for text in record.words(name) or (None,)
        ]
    return rows

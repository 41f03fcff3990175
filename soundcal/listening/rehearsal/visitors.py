"""Answers of the simulated participants of a study: one truth per scale of the study."""

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from soundcal.listening.designs import DESIGNS, Item, Trial
from soundcal.listening.rehearsal.listeners import Listeners
from soundcal.listening.store import Store
from soundcal.listening.study import Study

__all__ = ["Answering", "truths"]

_THINKING_S: Final = (20.0, 60.0)
"""Shortest and longest stated time on a page of answers, s."""

Ends = tuple[float, float]
"""Lowest and highest answer of a scale."""


def truths(study: Study, *, effect: float, seed: int) -> dict[Ends, Listeners]:
    """Return the listeners of a study for each of its scales, by lowest and highest answer.

    Parameters
    ----------
    study : Study
        The study.
    effect : float
        Planted difference between the first two conditions, as a part of the scale.
    seed : int
        Seed of the listeners.
    """
    cells: dict[Ends, dict[tuple[str, str], Item]] = {}
    for block in study.blocks:
        if not block.scored or not block.stimuli:
            continue
        questions = {question.id for question in block.questions}
        first = study.languages[0]
        for item in DESIGNS[block.design].items(block, first, study.words(first)):
            if item.id not in questions and item.low is not None and item.high is not None:
                scale = cells.setdefault((item.low, item.high), {})
                scale |= {(stimulus, item.id): item for stimulus in block.stimuli}
    return {
        scale: Listeners(
            list(items),
            tuple(study.sound.conditions),
            scale=scale,
            step=max(item.step or 0.01 * (scale[1] - scale[0]) for item in items.values()),
            effect=effect,
            seed=seed,
        )
        for scale, items in cells.items()
    }


class Answering:
    """One simulated participant, who knows what is heard from the database, not from the page.

    Parameters
    ----------
    store : Store
        The database of the room.
    listeners : mapping
        Truth by the ends of the scale, see :func:`truths`.
    person : int
        Number of the participant.
    """

    def __init__(self, store: Store, listeners: Mapping[Ends, Listeners], person: int) -> None:
        self._store = store
        self._listeners = listeners
        self._person = person
        self._random = np.random.default_rng(person)
        self._known: tuple[int, Trial | None] = (-1, None)
        self._answers: dict[str, float] = {}

    def rate(self, trial: int, item: Mapping[str, Any]) -> float | None:
        """Return the answer to a scale; None where the truth knows nothing of it."""
        truth = self._listeners.get((item["low"], item["high"]))
        heard = self._heard(trial)
        if truth is None or heard is None or not heard.stimulus or not heard.condition:
            return None
        if not truth.knows(heard.stimulus, item["id"]):
            return None
        if item["id"] not in self._answers:
            names = [name for name in heard.attributes if truth.knows(heard.stimulus, name)]
            place = (self._person, heard.condition, heard.stimulus)
            self._answers |= truth.answers(*place, names, heard.repeat)
        return self._answers[item["id"]]

    def think(self) -> float:
        """Return the time spent on a page, in s."""
        return round(float(self._random.uniform(*_THINKING_S)), 1)

    def _heard(self, number: int) -> Trial | None:
        if self._known[0] != number:
            with self._store.read() as connection:
                row = connection.execute("SELECT spec_json FROM trial WHERE id = ?", (number,))
                spec = row.fetchone()[0]
            self._known, self._answers = (number, Trial.from_dict(json.loads(spec))), {}
        return self._known[1]

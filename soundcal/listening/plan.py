"""The visits and trials of a participant, made in advance from the study and a running number.

The orders come from PCG64, seeded by the study's seed, the number of the participant and that of
the block. The room stores what :func:`plan` returns; the stored list is what counts.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundcal.errors import ParameterError
from soundcal.listening.designs import DESIGNS, Trial
from soundcal.listening.orders import (
    constrained,
    in_blocks,
    permutation,
    shares,
    williams_row,
    williams_rows,
)
from soundcal.listening.study import Block, Pause, Study
from soundcal.plain import plain
from soundcal.recording import counted

__all__ = [
    "Balance",
    "BlockBalance",
    "Visit",
    "balance",
    "incomplete_orders",
    "pause_before",
    "plan",
]

_Heard = tuple[str | None, str | None, int]
"""Stimulus, condition and number of the repetition."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of a participant.

    Parameters
    ----------
    number : int
        Number of the visit, from 1.
    condition : str or None
        Condition of all its sounds; None if there are several or none.
    trials : tuple of Trial
        In their order.
    """

    number: int
    condition: str | None
    trials: tuple[Trial, ...]


def plan(study: Study, sequence: int) -> tuple[Visit, ...]:
    """Return the visits of a participant.

    Parameters
    ----------
    study : Study
        The study.
    sequence : int
        Running number of the participant, from 1.

    Raises
    ------
    ParameterError
        A negative number, an unknown design, or an order that does not exist.
    """
    if sequence < 1:
        raise ParameterError(f"participant number {sequence}; 1 or more is expected")
    conditions, row = _conditions(study, sequence - 1)
    one_each = study.participants.conditions == "sessions"
    groups = [(name,) for name in conditions] if one_each else [conditions]
    generators = [
        np.random.Generator(np.random.PCG64([study.seed, sequence, number]))
        for number in range(len(study.blocks))
    ]
    makers = [
        _Maker(study, block, rng, row) for block, rng in zip(study.blocks, generators, strict=True)
    ]
    visits = []
    for number, group in enumerate(groups, start=1):
        trials: list[Trial] = []
        for maker in makers:
            if _is_part(maker.block, number, len(groups)):
                trials += maker.trials(group, number - 1)
        placed = tuple(replace(trial, position=i) for i, trial in enumerate(trials, start=1))
        visits.append(Visit(number, group[0] if len(group) == 1 else None, placed))
    return tuple(visits)


def pause_before(study: Study, visit: Visit, position: int) -> Pause | None:
    """Return the break that is due before the trial at a position, None if there is none."""
    if not 1 < position <= len(visit.trials):
        return None
    block = study.block(visit.trials[position - 1].block)
    of_block = [trial.position for trial in visit.trials if trial.block == block.id]
    passed = sum(one < position for one in of_block)
    return block.pause if block.pause.due(passed, len(of_block)) else None


def _is_part(block: Block, number: int, visits: int) -> bool:
    return block.visits == "every" or number == (1 if block.visits == "first" else visits)


def _conditions(study: Study, number: int) -> tuple[tuple[str, ...], Callable[[int, int], int]]:
    """Return a participant's conditions in their order, and a function for Williams orders.

    The function takes the number of orders and that of the visit, and returns which order is next,
    so that neither the first condition nor the visit always comes with the same orders.
    """
    people = study.participants
    names = tuple(study.sound.conditions)
    if people.conditions in ("one", "mixed"):
        return names, lambda rows, visit: (number + visit) % rows
    hears_all = people.conditions != "between"
    if hears_all and people.paired is not None:
        hears_all, number = shares(people.planned, people.paired, number)
    if not hears_all:
        turn, kind = divmod(number, len(names))
        return (names[kind],), lambda rows, visit: (turn + visit) % rows
    order = tuple(names[i] for i in williams_row(len(names), number))
    kinds = williams_rows(len(names))
    return order, lambda rows, visit: _crossed(number, rows, kinds, visit)


def _crossed(number: int, rows: int, kinds: int, visit: int) -> int:
    """Return which of ``rows`` orders somebody hears who has one of ``kinds`` condition orders.

    Every ``rows`` people hear each order once. The orders are cut into parts, one for each
    condition order; within its part, another visit has another order; the parts change after all
    orders were heard.
    """
    parts = int(np.gcd(rows, kinds))
    size = rows // parts
    part = (number % parts + number // rows) % parts
    return part * size + (number // parts + visit) % size


class _Maker:
    """Makes the trials of a block; successive visits draw from one stream of random numbers."""

    def __init__(
        self, study: Study, block: Block, rng: np.random.Generator, row: Callable[[int, int], int]
    ) -> None:
        self.study, self.block, self._rng, self._row = study, block, rng, row
        self._movable, self._rest = DESIGNS[block.design].asked(block)
        # the group of every stimulus: named by its first one
        self._group = {name: name for name in block.stimuli}
        self._group |= {name: group[0] for group in block.groups for name in group}
        if block.scale.attribute_order != "fixed":
            self._movable = permutation(self._movable, rng)

    def trials(self, conditions: tuple[str, ...], visit: int) -> Iterator[Trial]:
        """Yield the trials of one visit, whose positions are not counted yet."""
        for stimulus, condition, repeat in self._heard(conditions, visit):
            movable = self._movable
            if self.block.scale.attribute_order == "per trial":
                movable = permutation(movable, self._rng)
            names = (*movable, *self._rest)
            yield Trial(
                block=self.block.id,
                design=self.block.design,
                position=0,
                stimulus=stimulus,
                condition=condition,
                repeat=repeat,
                scored=self.block.scored,
                attributes=names,
                starts=self._starts(names),
                complete=self.block.plays.min_complete if stimulus else 0,
            )

    def _starts(self, names: Sequence[str]) -> tuple[float, ...]:
        scale = self.block.scale
        if scale.start == "none" or scale.input != "slider":
            return ()
        if scale.start == "middle":
            return tuple((scale.low + scale.high) / 2 for _ in names)
        n = round((scale.high - scale.low) / scale.step)
        return tuple(
            float(scale.low + scale.step * k) for k in self._rng.integers(n + 1, size=len(names))
        )

    def _heard(self, conditions: tuple[str, ...], visit: int) -> Iterator[_Heard]:
        """Yield what is presented in one visit, in its order."""
        block = self.block
        if not block.stimuli:
            yield None, None, 1
            return
        if self.study.participants.conditions == "mixed":
            pairs = [(name, condition) for name in block.stimuli for condition in conditions]
            if not block.scored:  # training: every sound once
                drawn = self._rng.integers(len(conditions), size=len(block.stimuli))
                pairs = [
                    (name, conditions[k]) for name, k in zip(block.stimuli, drawn, strict=True)
                ]
            parts = [pairs]
        else:
            # training is the same task under every condition: the first one serves
            used = conditions if block.scored else conditions[:1]
            parts = [[(name, condition) for name in block.stimuli] for condition in used]
        for number, part in enumerate(parts):
            last: tuple[str, str] | None = None
            for repeat in range(1, block.repeats + 1):
                order = self._order(part, visit + number + (repeat - 1), last)
                yield from ((name, condition, repeat) for name, condition in order)
                last = order[-1]

    def _order(
        self, pairs: list[tuple[str, str]], nth: int, last: tuple[str, str] | None
    ) -> Sequence[tuple[str, str]]:
        """Return pairs of stimulus and condition in the order of the block."""
        match self.block.order:
            case "fixed":
                return pairs
            case "williams":
                rows = williams_rows(len(pairs))
                return [pairs[i] for i in williams_row(len(pairs), self._row(rows, nth))]
            case "blocks":
                names = dict.fromkeys(self._group.values())
                parts = [[pair for pair in pairs if self._group[pair[0]] == key] for key in names]
                return in_blocks(parts, self._rng)
            case "constrained":
                return self._constrained(pairs, last)
        order = permutation(pairs, self._rng)
        while last is not None and order[0][0] == last[0] and len(self.block.stimuli) > 1:
            order = permutation(pairs, self._rng)  # no sound twice in a row where repeats meet
        return order

    def _constrained(
        self, pairs: list[tuple[str, str]], last: tuple[str, str] | None
    ) -> Sequence[tuple[str, str]]:
        group = self._group

        def apart(one: tuple[str, str], other: tuple[str, str]) -> bool:
            return group[one[0]] == group[other[0]]

        try:
            return constrained(pairs, apart, self._rng, last)
        except ParameterError as error:
            raise ParameterError(f"block {self.block.id}: {error}") from error


@dataclass(frozen=True, slots=True, eq=False)
class BlockBalance:
    """Places and neighbours of the sounds of a block, counted over several participants.

    Parameters
    ----------
    block : str
        Id of the block.
    stimuli : tuple of str
        Its n sounds.
    places : ndarray, shape (n places, n)
        How often a sound stands at a place.
    follows : ndarray, shape (n, n)
        How often a sound (second index) follows another one (first index).
    """

    block: str
    stimuli: tuple[str, ...]
    places: NDArray[np.intp]
    follows: NDArray[np.intp]

    def sentences(self) -> tuple[str, ...]:
        """Return the balance in words."""
        n, least, most = len(self.stimuli), int(self.places.min()), int(self.places.max())
        place = f"{self.block}: every sound stands {_times(least, most)} at each of "
        place += f"{len(self.places)} places"
        place += " (balanced)" if least == most else f" ({self.places.mean():.2g} on average)"
        pairs = self.follows[~np.eye(n, dtype=bool)]
        least, most = int(pairs.min()), int(pairs.max())
        pair = f"{self.block}: every sound follows every other one {_times(least, most)}"
        if least == most:
            pair += " (carry-over of the first order is balanced)"
        else:
            never = 100 * float((pairs == 0).mean())
            pair += f" ({pairs.mean():.2g} on average"
            pair += f"; {never:.0f} % of the pairs never)" if never else ")"
        return f"{place}.", f"{pair}."


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """Balance of the orders of several participants.

    Parameters
    ----------
    people : int
        Number of participants.
    conditions : mapping of tuple of str to int
        How many of them hear the conditions in which order.
    blocks : tuple of BlockBalance
        The scored blocks with several sounds.
    """

    people: int
    conditions: Mapping[tuple[str, ...], int]
    blocks: tuple[BlockBalance, ...]

    def sentences(self) -> tuple[str, ...]:
        """Return the balance in words."""
        counts = ", ".join(
            f"{' then '.join(order)} {count}" for order, count in sorted(self.conditions.items())
        )
        conditions = (
            (f"Conditions of {counted(self.people, 'person', 'people')}: {counts}.",)
            if counts
            else ()
        )
        return (*conditions, *(text for block in self.blocks for text in block.sentences()))

    def to_dict(self) -> dict[str, Any]:
        """Return the counts, ready for JSON."""
        orders = [{"order": list(key), "people": n} for key, n in sorted(self.conditions.items())]
        blocks = [plain(block) for block in self.blocks]
        return {"people": self.people, "conditions": orders, "blocks": blocks}


def balance(plans: Sequence[Sequence[Visit]]) -> Balance:
    """Return how balanced the orders of several participants are.

    Parameters
    ----------
    plans : sequence of sequence of Visit
        Visits of each participant. Training is left out.
    """
    conditions: Counter[tuple[str, ...]] = Counter()
    runs: dict[str, list[list[str]]] = {}
    for visits in plans:
        scored = [t for v in visits for t in v.trials if t.scored and t.stimulus is not None]
        order = [name for name, _ in groupby(t.condition for t in scored if t.condition)]
        mixed = len(order) > len(set(order)) and len(visits) == 1
        conditions[tuple(dict.fromkeys([] if mixed else order))] += 1
        for visit in visits:
            for block, trials in groupby(visit.trials, lambda trial: trial.block):
                heard = [t for t in trials if t.scored and t.stimulus is not None]
                runs.setdefault(block, []).extend(_runs(heard))
    conditions.pop((), None)
    counted = [_counted(block, of_block) for block, of_block in runs.items() if of_block]
    several = tuple(block for block in counted if len(block.stimuli) > 1)
    return Balance(len(plans), conditions, several)


def _runs(trials: Sequence[Trial]) -> Iterator[list[str]]:
    """Yield the stimuli of each round: of each condition and repetition, unless these are mixed."""
    rounds = [list(part) for _, part in groupby(trials, lambda t: (t.condition, t.repeat))]
    if len(rounds) > len({(trial.condition, trial.repeat) for trial in trials}):
        rounds = [list(part) for _, part in groupby(trials, lambda trial: trial.repeat)]
    yield from ([str(trial.stimulus) for trial in part] for part in rounds)


def _counted(block: str, runs: Sequence[Sequence[str]]) -> BlockBalance:
    stimuli = tuple(sorted({name for run in runs for name in run}))
    places = np.zeros((max(map(len, runs)), len(stimuli)), dtype=np.intp)
    follows = np.zeros((len(stimuli), len(stimuli)), dtype=np.intp)
    for run in runs:
        order = np.array([stimuli.index(name) for name in run])
        np.add.at(places, (np.arange(len(order)), order), 1)
        np.add.at(follows, (order[:-1], order[1:]), 1)
    return BlockBalance(block, stimuli, places, follows)


def _times(least: int, most: int) -> str:
    if least == most:
        return {0: "never", 1: "once", 2: "twice"}.get(most, f"{most} times")
    return f"{least} to {most} times"


def incomplete_orders(study: Study) -> tuple[str, ...]:
    """Return a sentence for each block whose Williams design the planned people do not complete."""
    people, kinds = study.participants, max(len(study.sound.conditions), 1)
    hearing = people.planned if people.paired is None else people.paired
    found = []
    for block in study.blocks:
        n = len(block.stimuli) * (kinds if people.conditions == "mixed" else 1)
        needed = williams_rows(n) * (kinds if people.conditions == "between" else 1)
        if block.order == "williams" and block.scored and n > 1 and hearing % needed:
            found.append(
                f"{block.id}: a Williams design of {n} sounds is complete with {needed} people or "
                f'a multiple of it, not with {hearing}; order = "permutation" is the usual '
                "choice then, and the order of the conditions stays balanced"
            )
    return tuple(found)

"""Simulated participants whose true differences between two conditions are known."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Listeners", "Verdict", "verdict_on"]

_MIDDLE: Final = (0.3, 0.7)
"""Part of the scale in which the true means lie, so that a planted difference fits on it."""

_LEAN: Final = 0.08
_NOISE: Final = 0.10
"""Standard deviations, as parts of the scale: of a person's own lean, and of a single answer."""

_LEVEL: Final = 0.05

Cell = tuple[str, str]
"""Stimulus and attribute."""


class Listeners:
    """Participants who answer by a known mean, a lean of their own, and chance.

    The true mean of a cell (stimulus and attribute) lies in the middle part of the scale. In the
    planted cells the means under the first and the second condition differ by the effect. Every
    answer follows from the seed, the person and the trial alone, and not from the order in which
    answers are asked for.

    Parameters
    ----------
    cells : sequence of (str, str)
        Stimuli and attributes that are rated.
    conditions : sequence of str
        The conditions that are compared: the first two. With one condition nothing is planted.
    scale : tuple of float
        Lowest and highest answer.
    step : float
        Distance between neighbouring answers.
    effect : float
        Planted difference, first minus second condition, as a part of the scale; its sign is drawn
        for each cell. 0 for no difference at all.
    share : float
        Share of the cells with a difference.
    seed : int
        Seed of everything.

    Raises
    ------
    ParameterError
        An effect beyond 0.6 of the scale, where answers would pile up at its ends, or a share
        outside 0 to 1.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        conditions: Sequence[str],
        *,
        scale: tuple[float, float],
        step: float,
        effect: float,
        share: float = 0.2,
        seed: int = 0,
    ) -> None:
        if not 0.0 <= effect <= 0.6:
            raise ParameterError(
                f"planted difference of {effect:g} of the scale; 0 to 0.6 expected"
            )
        if not 0.0 <= share <= 1.0:
            raise ParameterError(f"share of {share:g} of the cells; 0 to 1 is expected")
        self._low, self._span, self._step = scale[0], scale[1] - scale[0], step
        self._conditions = tuple(conditions[:2])
        self._seed = seed
        self._leans: dict[tuple[int, str], float] = {}
        random = self._random("truth")
        self._means = dict(zip(cells, random.uniform(*_MIDDLE, len(cells)), strict=True))
        n = round(share * len(cells)) if effect and len(self._conditions) == 2 else 0
        chosen = random.choice(len(cells), n, replace=False)
        signs = random.choice((-1.0, 1.0), n)
        self.planted: Mapping[Cell, float] = {
            cells[i]: float(sign * effect * self._span)
            for i, sign in sorted(zip(chosen, signs, strict=True))
        }
        """True differences, first minus second condition, in units of the scale."""

    def _lean(self, person: int, attribute: str) -> float:
        if (person, attribute) not in self._leans:
            self._leans[person, attribute] = self._random(person, attribute).normal(0.0, _LEAN)
        return self._leans[person, attribute]

    def _random(self, *key: object) -> np.random.Generator:
        text = "/".join(map(str, (self._seed, *key)))
        return np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))

    def knows(self, stimulus: str, attribute: str) -> bool:
        """Return whether a cell is rated."""
        return (stimulus, attribute) in self._means

    def answers(
        self, person: int, condition: str, stimulus: str, attributes: Sequence[str], repeat: int = 1
    ) -> dict[str, float]:
        """Return one person's answers to one trial, by attribute.

        Parameters
        ----------
        person : int
            Number of the person.
        condition, stimulus : str
            What is heard.
        attributes : sequence of str
            Attributes that are asked, of cells with this stimulus.
        repeat : int
            Number of the repeat.
        """
        half = {name: 0.5 - i for i, name in enumerate(self._conditions)}.get(condition, 0.0)
        noise = self._random(person, condition, stimulus, repeat)
        given = {}
        for name in attributes:
            part = self._means[stimulus, name] + self._lean(person, name)
            part += noise.normal(0.0, _NOISE)
            value = part * self._span + half * self.planted.get((stimulus, name), 0.0)
            steps = round(min(max(value, 0.0), self._span) / self._step)
            given[name] = self._low + steps * self._step
        return given


@dataclass(frozen=True, slots=True)
class Verdict:
    """The planted differences that an analysis found, and those that it found beside them.

    Parameters
    ----------
    cells : int
        Cells that were compared.
    planted : int
        Cells with a true difference.
    found : tuple of (str, str)
        Planted cells that are significant with the right sign.
    missed : tuple of (str, str)
        The other planted cells.
    false : tuple of (str, str)
        Significant cells without a true difference, or with the opposite sign.
    """

    cells: int
    planted: int
    found: tuple[Cell, ...]
    missed: tuple[Cell, ...]
    false: tuple[Cell, ...]

    def sentence(self) -> str:
        """Return the verdict in words."""
        return (
            f"{len(self.found)} of {self.planted} planted differences were found, and "
            f"{len(self.false)} where there is none, among {self.cells} cells"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        lists = {name: [list(cell) for cell in getattr(self, name)] for name in _LISTS}
        return {"cells": self.cells, "planted": self.planted, **lists}


_LISTS: Final = ("found", "missed", "false")


def verdict_on(planted: Mapping[Cell, float], cells: "pd.DataFrame") -> Verdict:
    """Return how the significant cells of a comparison agree with the planted differences.

    Parameters
    ----------
    planted : mapping
        True difference by stimulus and attribute.
    cells : DataFrame
        Of :class:`soundcal.ratings.RatingsComparison`, with differences of the same direction.
    """
    marked = {
        (row["stimulus"], row["attribute"]): float(row["estimate"])
        for row in cells.to_dict("records")
        if row["p_adjusted"] < _LEVEL
    }
    right = {cell for cell, estimate in marked.items() if estimate * planted.get(cell, 0.0) > 0.0}
    return Verdict(
        cells=len(cells),
        planted=len(planted),
        found=tuple(sorted(right)),
        missed=tuple(sorted(set(planted) - right)),
        false=tuple(sorted(set(marked) - right)),
    )

"""The rules of a comparison: its differences, the values behind them, and their assessment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundcal.errors import ParameterError
from soundcal.indicators.rows import EarRule, rule_for

if TYPE_CHECKING:
    from soundcal.agreement.intervals import Interval

__all__ = ["STUDY_METHODS", "STUDY_PAIRS", "Pair", "Rules", "default_pairs", "in_order"]

Pair = tuple[str, str]
"""Two methods; their difference is the first minus the second."""

STUDY_METHODS: Final = ("in-situ", "ocv", "hats")
"""Methods of the study in the order in which they are printed."""

STUDY_PAIRS: Final[tuple[Pair, ...]] = (("in-situ", "ocv"), ("in-situ", "hats"), ("hats", "ocv"))
"""Differences of the study in its order and direction (Lam et al., arXiv 2207.12899)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Choices of a comparison; all of them are printed in the report.

    Parameters
    ----------
    ears : {"mean", "max", "energy", "left", "right"}
        The ear rule, see :mod:`soundcal.study.ears`.
    interval : {"exact", "1999", "1986", "pair", "mover"}
        Confidence intervals of the limits, see :func:`soundcal.agreement.bland_altman`.
    coverage : float
        Proportion of the differences that the limits should enclose.
    confidence : float
        Level of the confidence intervals.
    paper : bool
        Use the analysis of Lam et al. (2022): z = 1.96 and the intervals of 1999.
    delta : mapping of str to float
        Allowable difference per label (``LAeq``, ``N5``) or for all statistics of an indicator
        (``LA``, also written ``L(A)``), stated before the data, in the indicator's unit.
    excluded : mapping of str to str
        Stimuli that are left out, with the reason for each.
    """

    ears: EarRule = "mean"
    interval: "Interval" = "exact"
    coverage: float = 0.95
    confidence: float = 0.95
    paper: bool = False
    delta: Mapping[str, float] = field(default_factory=dict)
    excluded: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rule_for(self.ears, "LA", "dB")  # refuses an unknown rule
        for label, value in self.delta.items():
            if not 0 < value < np.inf:
                raise ParameterError(
                    f"allowable difference {label}={value}; a positive number is expected"
                )
        for stimulus, reason in self.excluded.items():
            if not reason.strip():
                raise ParameterError(f"stimulus {stimulus!r} is excluded without a reason; add one")

    def to_dict(self) -> dict[str, Any]:
        """Return the rules, ready for JSON."""
        return {
            "ears": self.ears,
            "interval": "1999" if self.paper else self.interval,
            "coverage": self.coverage,
            "confidence": self.confidence,
            "paper": self.paper,
            "delta": dict(self.delta),
            "excluded": dict(self.excluded),
        }


def in_order(methods: Iterable[str]) -> list[str]:
    """Sort methods for printing: first those of the study, in its order.

    >>> in_order(["hats", "other", "in-situ"])
    ['in-situ', 'hats', 'other']
    """
    distinct = list(dict.fromkeys(methods))
    known = [name for name in STUDY_METHODS if name in distinct]
    return [*known, *(name for name in distinct if name not in STUDY_METHODS)]


def default_pairs(methods: Sequence[str], reference: str | None = None) -> tuple[Pair, ...]:
    """Return the differences to form.

    Parameters
    ----------
    methods : sequence of str
        Names of the methods.
    reference : str, optional
        If given, only differences reference − other are formed.

    Returns
    -------
    tuple of (str, str)
        The study's three differences for its three methods; otherwise every earlier method minus
        every later one.

    Examples
    --------
    >>> default_pairs(["hats", "in-situ", "ocv"])
    (('in-situ', 'ocv'), ('in-situ', 'hats'), ('hats', 'ocv'))
    >>> default_pairs(["a", "b", "c"], reference="b")
    (('b', 'a'), ('b', 'c'))
    """
    if len(set(methods)) != len(methods) or len(methods) < 2:
        raise ParameterError(f"methods {', '.join(methods)}: at least 2 different ones expected")
    if reference is not None:
        if reference not in methods:
            raise ParameterError(f"reference {reference!r} is not one of {', '.join(methods)}")
        return tuple((reference, other) for other in methods if other != reference)
    known = [pair for pair in STUDY_PAIRS if set(pair) <= set(methods)]
    if len(known) == len(methods) * (len(methods) - 1) // 2:
        return tuple(known)
    return tuple(combinations(methods, 2))

"""The rules of a comparison: its differences, the values behind them, and their assessment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from soundcal.errors import ParameterError
from soundcal.indicators.rows import EarRule, rule_for
from soundcal.study.jnd import jnd_set

if TYPE_CHECKING:
    from soundcal.agreement.intervals import Interval
    from soundcal.agreement.limits_of_agreement import Scale

__all__ = [
    "FURTHER",
    "STUDY_METHODS",
    "STUDY_PAIRS",
    "Ears",
    "Further",
    "Pair",
    "Rules",
    "Takes",
    "default_pairs",
    "in_order",
]

Ears = EarRule | Literal["both"]
"""Rule that makes one value of two ears, or ``both`` for a model with a value of each ear."""

Takes = Literal["constant", "varying"]
"""Assumption about repeated takes, see :func:`soundcal.agreement.bland_altman_repeated`."""

Further = Literal["deming", "passing-bablok", "ccc", "icc", "tdi"]

FURTHER: Final[tuple[Further, ...]] = get_args(Further)
"""Statistics that can be computed in addition, see :mod:`soundcal.study.further`."""

Pair = tuple[str, str]
"""Two methods; their difference is the first minus the second."""

_SCALES: Final = ("difference", "ratio", "percent")

STUDY_METHODS: Final = ("in-situ", "ocv", "ocv+", "hats", "eq")
"""Methods of the study in the order in which they are printed."""

STUDY_PAIRS: Final[tuple[Pair, ...]] = (
    ("in-situ", "ocv"),
    ("in-situ", "ocv+"),
    ("in-situ", "hats"),
    ("in-situ", "eq"),
    ("hats", "ocv"),
)
"""Differences of the study: those of Lam et al. (arXiv 2207.12899) in their order and direction,
and the methods ``ocv+`` and ``eq`` against in-situ alike."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Choices of a comparison; all of them are printed in the report.

    Parameters
    ----------
    ears : {"mean", "max", "energy", "left", "right", "binaural", "both"}
        The ear rule, see :mod:`soundcal.study.ears`. ``both``: no rule; limits of a single ear from
        a model of both, see :mod:`soundcal.study.two_ears`.
    scale : {"difference", "ratio", "percent"} or mapping of str to these
        Scale of the differences, see :func:`soundcal.agreement.bland_altman`: for all indicators
        that are not levels, or by indicator (``N``); the key "" is for all others.
    takes : {"constant", "varying"}
        Repeated takes, if the table has a column ``take``: ``constant``, the takes of one method
        are independent of those of the other; ``varying``, takes of one name belong together. See
        :mod:`soundcal.study.takes`.
    also : sequence of {"deming", "passing-bablok", "ccc", "icc", "tdi"}
        Statistics in addition to bias and limits, see :mod:`soundcal.study.further`.
    interval : {"exact", "1999", "1986", "pair", "mover"}
        Confidence intervals of the limits, see :func:`soundcal.agreement.bland_altman`.
    coverage : float
        Proportion of the differences that the limits should enclose.
    confidence : float
        Level of the confidence intervals.
    paper : bool
        Use the analysis of Lam et al. (2022): z = 1.96 and the intervals of 1999.
    delta : mapping of str to float or str
        Allowable difference per label (``LAeq``, ``N5``) or for all statistics of an indicator
        (``LA``, also written ``L(A)``), stated before the data: a number in the indicator's unit,
        or a text such as ``"7 %"``: a ratio between 1/1.07 and 1.07, or on the scale ``percent``
        7 % of the mean of both methods. Scales ``ratio`` and ``percent`` need percentages.
    jnd : str
        Set of published just noticeable differences that are allowed where ``delta`` says nothing,
        see :data:`soundcal.study.jnd.JND_SETS`; empty for none.
    excluded : mapping of str to str
        Stimuli that are left out, with the reason for each.
    """

    ears: Ears = "mean"
    scale: "Scale | Mapping[str, Scale]" = "difference"
    takes: Takes = "constant"
    also: Sequence[Further] = ()
    interval: "Interval" = "exact"
    coverage: float = 0.95
    confidence: float = 0.95
    paper: bool = False
    delta: Mapping[str, float | str] = field(default_factory=dict)
    jnd: str = ""
    excluded: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.ears != "both":
            rule_for(self.ears, "LA", "dB")  # refuses an unknown rule
        elif self.repeated_interval is None:
            raise ParameterError(
                f"intervals {self.interval!r} do not exist for limits of a single ear (ears "
                "'both'); mover or 1999 is expected"
            )
        choices: list[tuple[str, str, Sequence[str]]] = [
            *(("scale", kind, _SCALES) for kind in self.scales.values()),
            ("takes", self.takes, get_args(Takes)),
            *(("further statistic", kind, FURTHER) for kind in self.also),
        ]
        for name, chosen, known in choices:
            if chosen not in known:
                raise ParameterError(f"{name} {chosen!r}; one of {', '.join(known)} is expected")
        for label, value in self.delta.items():
            if not 0 < parsed_delta(value)[0] < np.inf:
                raise ParameterError(
                    f"allowable difference {label}={value}; a positive number is expected"
                )
        if self.jnd:
            jnd_set(self.jnd)  # refuses an unknown set
        for stimulus, reason in self.excluded.items():
            if not reason.strip():
                raise ParameterError(f"stimulus {stimulus!r} is excluded without a reason; add one")

    @property
    def delta_in_words(self) -> str:
        """The allowable differences as the user stated them; empty if there are none."""
        own = [
            f"{label} ±{value if isinstance(value, str) else f'{value:g}'}"
            for label, value in self.delta.items()
        ]
        published = [f"published just noticeable differences ({self.jnd})"] if self.jnd else []
        return ", ".join([*own, *published])

    @property
    def scales(self) -> "Mapping[str, Scale]":
        """Scales by indicator; "" for all others."""
        return {"": self.scale} if isinstance(self.scale, str) else self.scale

    @property
    def repeated_interval(self) -> 'Literal["mover", "1999"] | None':
        """Intervals of limits from several values of a stimulus; None if there are none."""
        if self.paper or self.interval == "1999":
            return "1999"
        return "mover" if self.interval in ("exact", "mover") else None

    def to_dict(self) -> dict[str, Any]:
        """Return the rules, ready for JSON."""
        return {
            "ears": self.ears,
            "scale": self.scale if isinstance(self.scale, str) else dict(self.scale),
            "takes": self.takes,
            "also": list(self.also),
            "interval": "1999" if self.paper else self.interval,
            "coverage": self.coverage,
            "confidence": self.confidence,
            "paper": self.paper,
            "delta": dict(self.delta),
            "jnd": self.jnd or None,
            "excluded": dict(self.excluded),
        }


def parsed_delta(value: float | str) -> tuple[float, bool]:
    """Return the number of an allowable difference, and whether it is a percentage.

    Raises
    ------
    ParameterError
        A text that is no percentage.

    >>> parsed_delta("7 %"), parsed_delta(0.5)
    ((7.0, True), (0.5, False))
    """
    if not isinstance(value, str):
        return value, False
    number, percent, rest = value.partition("%")
    try:
        if not percent or rest.strip():
            raise ValueError(value)
        return float(number), True
    except ValueError as error:
        raise ParameterError(
            f"allowable difference {value!r}; a number or a percentage such as '7 %' is expected"
        ) from error


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
        The study's differences where they cover all methods; otherwise every earlier method minus
        every later one, those of the study in its direction.

    Examples
    --------
    >>> default_pairs(["hats", "in-situ", "ocv"])
    (('in-situ', 'ocv'), ('in-situ', 'hats'), ('hats', 'ocv'))
    >>> default_pairs(["ocv", "hats", "a"])
    (('hats', 'ocv'), ('ocv', 'a'), ('hats', 'a'))
    >>> default_pairs(["in-situ", "ocv", "eq"])
    (('in-situ', 'ocv'), ('in-situ', 'eq'))
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
    if {method for pair in known for method in pair} == set(methods):
        return tuple(known)
    oriented = {frozenset(pair): pair for pair in STUDY_PAIRS}
    return tuple(oriented.get(frozenset(pair), pair) for pair in combinations(methods, 2))

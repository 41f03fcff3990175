"""A row: a number printed in a standard, its tolerance, and the computation that reproduces it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal

from soundcal.errors import ParameterError

__all__ = ["FAMILIES", "Outcome", "Row", "all_rows", "conforms", "evaluate", "outcome_summary"]

FAMILIES: Final = (
    "calibrator",
    "levels",
    "octave",
    "loudness",
    "sharpness",
    "roughness",
    "fluctuation",
    "tonality",
    "prominence",
    "hearing_model",
    "response",
    "periods",
)
"""Modules of this package, in the order in which they are printed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One number of a standard and how soundcal reproduces it.

    Parameters
    ----------
    standard, clause : str
        Standard with edition, and clause or table, e.g. "IEC 61672-1:2013", "Table 4".
    quantity : str
        Quantity compared, e.g. "A weighting at 1 kHz".
    expected : float
        The printed value.
    lower, upper : float
        Limits of acceptance around ``expected`` (absolute values in ``unit``), from the standard.
    unit : str
        Unit of all three.
    compute : callable
        Returns soundcal's value.
    grade : {"standard", "definition", "publication", "target", "simulation"}
        Source of the tolerance: the standard; the unit's own definition; a publication's data;
        soundcal's own target, which is tighter than the standard; or what chance can do to the rate
        of a simulation.
    known_deviation : str
        Reason why the row lies outside its limits, if this is known, else ""; it is printed and
        the row does not count as a failure.
    """

    standard: str
    clause: str
    quantity: str
    expected: float
    lower: float
    upper: float
    unit: str
    compute: Callable[[], float]
    grade: Literal["standard", "definition", "publication", "target", "simulation"] = "standard"
    known_deviation: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row and its computed value."""

    row: Row
    value: float

    @property
    def within(self) -> bool:
        """True if the value lies within the limits."""
        return self.row.lower <= self.value <= self.row.upper

    @property
    def verdict(self) -> Literal["pass", "fail", "known deviation"]:
        """The verdict in words; a known deviation that lies within its limits again is a pass."""
        if self.within:
            return "pass"
        return "known deviation" if self.row.known_deviation else "fail"

    def to_dict(self) -> dict[str, Any]:
        """Return row and outcome, ready for JSON."""
        row = self.row
        return {
            "standard": row.standard,
            "clause": row.clause,
            "quantity": row.quantity,
            "expected": row.expected,
            "lower": row.lower,
            "upper": row.upper,
            "value": self.value,
            "unit": row.unit,
            "grade": row.grade,
            "verdict": self.verdict,
            "known_deviation": row.known_deviation,
        }


def conforms(deviation: float, lower: float, upper: float, u: float, u_max: float) -> bool:
    """Return the verdict of IEC TC 29 on a measured deviation (IEC 61672-1:2013, 5.1.21).

    The deviation must lie within the acceptance limits and the expanded uncertainty of the
    measurement must not exceed the maximum permitted one; both inclusive.

    >>> conforms(1.0, -1.2, 1.0, u=0.3, u_max=0.5), conforms(0.0, -1.2, 1.0, u=0.9, u_max=0.5)
    (True, False)
    """
    return lower <= deviation <= upper and u <= u_max


def evaluate(row: Row) -> Outcome:
    """Compute one row."""
    return Outcome(row, float(row.compute()))


def all_rows(families: Sequence[str] | None = None) -> list[Row]:
    """Return the rows of the families (by default all), in order.

    Raises
    ------
    ParameterError
        Unknown family.
    """
    wanted = families or FAMILIES
    unknown = [family for family in wanted if family not in FAMILIES]
    if unknown:
        raise ParameterError(f"no family {unknown[0]!r}; known: {', '.join(FAMILIES)}")
    return [
        row
        for family in FAMILIES
        if family in wanted
        for row in import_module(f"soundcal.verification.{family}").rows()
    ]


def outcome_summary(outcomes: Sequence[Outcome]) -> str:
    """Return the numbers of passes, known deviations and failures in one sentence."""
    verdicts = [outcome.verdict for outcome in outcomes]
    return (
        f"{len(verdicts)} values: {verdicts.count('pass')} within their limits, "
        f"{verdicts.count('known deviation')} known deviations, {verdicts.count('fail')} failed"
    )

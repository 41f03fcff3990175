"""One check of a take: a number, its limit, a verdict and the reason in words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

import numpy as np

from soundcal.errors import SignalError
from soundcal.recording import Capture, Flag, counted, with_flags

__all__ = [
    "SEVERITY",
    "Check",
    "Limit",
    "Relation",
    "Verdict",
    "doubt",
    "fault",
    "flags_of",
    "judged",
    "refuse",
    "refuse_broken",
]

Relation = Literal["≤", "≥", "±"]
Verdict = Literal["pass", "suspect", "invalid"]

SEVERITY: Final[dict[Verdict, int]] = {"pass": 0, "suspect": 1, "invalid": 2}
"""Rank of the verdicts."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The accepted values of one property.

    Parameters
    ----------
    value : float
        In the unit of the check.
    relation : {"≤", "≥", "±"}
        The accepted side of ``value``; "±" accepts values from ``-value`` to ``value``.
    source : str
        Standard and clause, or the reason.
    remedy : str
        Usual causes of a failure, and how to remove them.

    Examples
    --------
    >>> limit = Limit(0.5, "±", "IEC 61672-1:2013, Table 3")
    >>> limit.text, limit.keeps(-0.4), limit.excess(-0.7)
    ('±0.5', True, 0.19999999999999996)
    """

    value: float
    relation: Relation
    source: str
    remedy: str = ""

    def keeps(self, value: float) -> bool:
        """Return whether a value is accepted."""
        if self.relation == "≥":
            return value >= self.value
        return (abs(value) if self.relation == "±" else value) <= self.value

    def excess(self, value: float) -> float:
        """Return the distance of a value beyond the limit; negative within the limit."""
        if self.relation == "≥":
            return self.value - value
        return (abs(value) if self.relation == "±" else value) - self.value

    @property
    def text(self) -> str:
        """The limit as printed."""
        sign = "±" if self.relation == "±" else f"{self.relation} "
        return f"{sign}{self.value:g}".replace("-", "−")


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a take.

    Parameters
    ----------
    name : str
        The property that was checked.
    value : float
        The value that was found.
    unit : str
        Its unit.
    limit : Limit or None
        The accepted values; None if the check only informs.
    verdict : {"pass", "suspect", "invalid"}
        The consequence.
    reason : str
        The finding in words, with its probable cause and the remedy; "" if the check passed.
    channel : str
        The channel; "" if the check concerns the whole take.
    """

    name: str
    value: float
    unit: str
    limit: Limit | None = None
    verdict: Verdict = "pass"
    reason: str = ""
    channel: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON; a value that is not finite is None."""
        found = {name: getattr(self, name) for name in self.__slots__}
        found["limit"] = None if self.limit is None else asdict(self.limit)
        found["value"] = self.value if np.isfinite(self.value) else None
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the check of :meth:`to_dict`; a value of None is not a number.

        >>> check = Check("DC", 0.02, "FS", Limit(0.01, "±", "headroom"), "suspect", "DC of 0.02")
        >>> Check.from_dict(check.to_dict()) == check
        True
        """
        value, limit = data["value"], data["limit"]
        return cls(
            name=str(data["name"]),
            value=float("nan") if value is None else float(value),
            unit=str(data["unit"]),
            limit=None if limit is None else Limit(**limit),
            verdict=data["verdict"],
            reason=str(data["reason"]),
            channel=str(data["channel"]),
        )

    @property
    def flag(self) -> Flag:
        """The reason as a flag of a take; its kind is the name of the check."""
        return Flag(self.name, self.reason)


def doubt(reason: str) -> Verdict:
    """Return ``suspect`` if there is a reason."""
    return "suspect" if reason else "pass"


def fault(reason: str) -> Verdict:
    """Return ``invalid`` if there is a reason."""
    return "invalid" if reason else "pass"


def flags_of(checks: Sequence[Check]) -> tuple[Flag, ...]:
    """Return the flags of the checks that are suspect or invalid."""
    return tuple(check.flag for check in checks if check.verdict != "pass")


def judged(capture: Capture, checks: Sequence[Check]) -> Capture:
    """Return the take with its verdicts added to its flags, each flag once."""
    new = [flag for flag in flags_of(checks) if flag not in capture.flags]
    return with_flags(capture, new) if new else capture


def refuse(checks: Sequence[Check], what: str) -> None:
    """Raise SignalError with the reasons if a verdict is ``invalid``."""
    reasons = [check.reason for check in checks if check.verdict == "invalid"]
    if reasons:
        raise SignalError(f"{what}: the take is invalid ({'; '.join(reasons)}); record it again")


def refuse_broken(take: Capture, what: str, channels: Sequence[str] | None = None) -> None:
    """Refuse a take with overflows, underflows or clipped samples, which a measurement excludes.

    Parameters
    ----------
    take : Capture
        The take.
    what : str
        Its name in the message: the channel, or the place of the microphones.
    channels : sequence of str, optional
        The channels that are measured; all by default.

    Raises
    ------
    SignalError
        The driver reported overflows or underflows, or a sample is clipped.
    """
    if take.xruns:
        raise SignalError(
            f"{what}: {counted(take.xruns, 'overflow or underflow', 'overflows or underflows')} in "
            "the take, 0 are allowed; record again with a larger buffer of the driver (--latency) "
            "or less load on the computer"
        )
    measured = take.channels if channels is None else channels
    clipped = sum(take.clipped[take.channels.index(name)] for name in measured)
    if clipped:
        raise SignalError(
            f"{what}: {counted(clipped, 'clipped sample')} in the take, 0 are allowed; lower the "
            "input gain and record again"
        )

"""One check of a take: a number, a limit, a verdict and the reason in words."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from soundcal.errors import SignalError
from soundcal.recording import Capture, with_flags

__all__ = ["Check", "Verdict", "doubt", "fault", "flags_of", "judged", "refuse"]

Verdict = Literal["pass", "suspect", "invalid"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a take.

    Parameters
    ----------
    name : str
        What was looked at.
    value : float
        What was found.
    unit : str
        Its unit.
    limit : float or None
        What is accepted; None if the check only informs.
    verdict : {"pass", "suspect", "invalid"}
        What follows.
    reason : str
        What was found in words, with its probable cause and the remedy; "" if it passed.
    channel : str
        The channel; "" if it is about the take.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    verdict: Verdict = "pass"
    reason: str = ""
    channel: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON; a value that is not finite is None."""
        return asdict(self) | {"value": self.value if np.isfinite(self.value) else None}


def doubt(reason: str) -> Verdict:
    """Return ``suspect`` if there is a reason."""
    return "suspect" if reason else "pass"


def fault(reason: str) -> Verdict:
    """Return ``invalid`` if there is a reason."""
    return "invalid" if reason else "pass"


def flags_of(checks: Sequence[Check]) -> tuple[str, ...]:
    """Return what is suspect or invalid, in words."""
    return tuple(check.reason for check in checks if check.verdict != "pass")


def judged(capture: Capture, checks: Sequence[Check]) -> Capture:
    """Return the take with its verdicts among its flags; what it says already is not repeated."""
    new = [flag for flag in flags_of(checks) if flag not in capture.flags]
    return with_flags(capture, new) if new else capture


def refuse(checks: Sequence[Check], what: str) -> None:
    """Raise SignalError with the reasons if a verdict is ``invalid``."""
    reasons = [check.reason for check in checks if check.verdict == "invalid"]
    if reasons:
        raise SignalError(f"{what}: the take is invalid ({'; '.join(reasons)}); record it again")

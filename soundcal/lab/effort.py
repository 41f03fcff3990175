"""The time and the hands that a run of a protocol takes, known from its settings beforehand."""

from dataclasses import dataclass
from typing import Final

from soundcal.recording import counted
from soundcal.takes.alignment import GAP_S, LEAD_S, MARKER_S, MAX_DELAY_S
from soundcal.units import duration_text

__all__ = ["Effort", "playing", "recording"]

_SIMULATED: Final = 0.03
"""Processor time in s in which a second of a take is simulated and judged (measured)."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What a run of a protocol, or a part of it, takes.

    Parameters
    ----------
    seconds : float
        Time for which the device plays or records, s.
    hands : int
        Number of times that the operator is asked to do something.
    report : bool
        Indicators are computed and a report is written at the end, which takes time as well.
    """

    seconds: float = 0.0
    hands: int = 0
    report: bool = False

    def __add__(self, other: "Effort") -> "Effort":
        report = self.report or other.report
        return Effort(self.seconds + other.seconds, self.hands + other.hands, report)

    def __mul__(self, times: int) -> "Effort":
        return Effort(times * self.seconds, times * self.hands, self.report)

    def words(self, *, simulated: bool) -> str:
        """Return it in words; a simulated device takes processor time instead.

        Examples
        --------
        >>> Effort(812.0, 27).words(simulated=False)
        'about 14 min of recording and 27 steps by hand'
        >>> Effort(812.0, 27, report=True).words(simulated=True)
        'about 14 min of recording, simulated in about 24 s; then indicators and the report'
        """
        parts = f"about {_roughly(self.seconds)} of recording"
        if simulated:
            parts += f", simulated in about {_roughly(_SIMULATED * self.seconds)}"
        elif self.hands:
            parts += f" and {counted(self.hands, 'step')} by hand"
        return parts + ("; then indicators and the report" if self.report else "")


def recording(duration: float) -> Effort:
    """Return the effort of a take of ``duration`` s that only records."""
    return Effort(duration)


def playing(duration: float) -> Effort:
    """Return the effort of a take of ``duration`` s that plays and records, with its marker."""
    return Effort(LEAD_S + MARKER_S + GAP_S + duration + MAX_DELAY_S)


def _roughly(seconds: float) -> str:
    return duration_text(round(seconds) if seconds < 90.0 else 60 * round(seconds / 60.0))

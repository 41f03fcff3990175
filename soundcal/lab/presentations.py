"""The event of a presentation to a listener, as protocols and the listening room log it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["PresentationEvent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentationEvent:
    """The fields of an event ``presentation`` of a session.

    Parameters
    ----------
    participant : str
        The listener's id.
    position : int or None
        Place of the stimulus in the listener's order, from 1; None outside of it.
    stimulus : str
        Id of the stimulus.
    target : float or None
        Target level in dB re 20 µPa, energetic mean of both ears.
    gain_db : float
        Gain with which it was played, dB.
    n_samples : int or None
        Samples per channel that were played; None if that is not known.
    xruns : int or None
        Overflows and underflows that the driver reported.
    flags : sequence of str
        Reasons to doubt the presentation.
    """

    participant: str
    position: int | None
    stimulus: str
    target: float | None
    gain_db: float
    n_samples: int | None
    xruns: int | None
    flags: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self) | {"flags": list(self.flags)}

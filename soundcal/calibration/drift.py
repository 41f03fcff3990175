"""Drift of a calibration: the sensitivities before and after a session, compared."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from soundcal.calibration.belonging import other_device
from soundcal.calibration.model import Calibration
from soundcal.errors import DriftExceeded, ParameterError

__all__ = ["MEASURED", "Drift", "check_drift", "drift"]

MEASURED: Final = ("digital level of the tone", "fluctuation", "linearity of the input")
"""Links that are measured again in every calibration."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The difference between two calibrations of the same channels.

    Parameters
    ----------
    before, after : mapping of str to float
        Sensitivities in Pa per full scale.
    change_db : mapping of str to float
        ``after`` relative to ``before`` per channel, dB.
    u_db : mapping of str to float
        Standard uncertainty of the change, dB; influences that both calibrations share cancel.
    """

    before: Mapping[str, float]
    after: Mapping[str, float]
    change_db: Mapping[str, float]
    u_db: Mapping[str, float]

    @property
    def largest_db(self) -> float:
        """Largest change of a channel, without sign, dB."""
        return max(abs(change) for change in self.change_db.values())

    def within(self, limit_db: float) -> bool:
        """Return whether no channel changed by more than the limit in dB."""
        if not 0 < limit_db < math.inf:
            raise ParameterError(f"drift limit {limit_db} dB; a positive limit is expected")
        # compare as decimal numbers: the last binary digits must not decide
        return self.largest_db <= limit_db * (1.0 + 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return {
            "before": dict(self.before),
            "after": dict(self.after),
            "change_db": dict(self.change_db),
            "u_db": dict(self.u_db),
        }


def drift(before: Calibration, after: Calibration) -> Drift:
    """Return the change of the sensitivities.

    Links that are equal in both chains (same calibrator, same corrections) are one influence and
    cancel, unless they were measured again each time.

    Raises
    ------
    ParameterError
        Different channels, directions or devices.
    """
    if set(before.channels) != set(after.channels) or before.direction != after.direction:
        raise ParameterError(
            f"calibrations of {before.direction} {', '.join(before.channels)} and "
            f"{after.direction} {', '.join(after.channels)}; the same channels are expected"
        )
    if other_device(before, after.device):
        raise ParameterError(
            f"calibrations of {before.device!r} and {after.device!r}; the same device is expected"
        )
    change, u = {}, {}
    for name in before.channels:
        first, second = before.chain(name), after.chain(name)
        shared = [
            link.name
            for link in first.links
            if link in second.links and link.u_db > 0 and link.name not in MEASURED
        ]
        change[name], u[name], _ = second.minus(first, shared=shared)
    return Drift(
        {name: before.sensitivity(name) for name in before.channels},
        {name: after.sensitivity(name) for name in before.channels},
        change,
        u,
    )


def check_drift(before: Calibration, after: Calibration, *, limit_db: float) -> Drift:
    """Return the change of the sensitivities if it is within the limit.

    Parameters
    ----------
    before, after : Calibration
        Calibrations of the same device and channels.
    limit_db : float
        Largest acceptable change of a channel in dB.

    Raises
    ------
    DriftExceeded
        A channel changed by more; the message gives both values.
    ParameterError
        The calibrations cannot be compared, or the limit is not positive.
    """
    found = drift(before, after)
    if found.within(limit_db):
        return found
    worst = max(found.change_db, key=lambda name: abs(found.change_db[name]))
    raise DriftExceeded(
        f"{worst}: {found.before[worst]:.5g} Pa/FS before and {found.after[worst]:.5g} Pa/FS after "
        f"differ by {found.change_db[worst]:+.3f} dB, the limit is {limit_db:g} dB; discard the "
        "recordings made in between or state why they may be kept"
    )

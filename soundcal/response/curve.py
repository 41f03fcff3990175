"""Level over frequency of one channel, its uncertainty, and the values between its frequencies."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = ["MOST_POINTS", "ChannelResponse", "over_log_frequency"]

MOST_POINTS: Final = 200_000
"""Largest number of frequencies of a channel."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelResponse:
    """Level over frequency of one channel.

    Between its frequencies the level is linear in dB over the logarithm of frequency; beyond them
    the level at the edge is held.

    Parameters
    ----------
    frequency : array_like of float, shape (n,)
        Frequencies in Hz, ascending; 2 to 200 000 of them.
    magnitude_db : array_like of float, shape (n,)
        Level in dB.
    u_db : array_like of float, shape (n,), or float
        Standard uncertainty of the level in dB.
    phase_deg : array_like of float, shape (n,), optional
        Unwrapped phase in degrees.
    dof : array_like of float, shape (n,), or float, optional
        Degrees of freedom of the uncertainty; infinite if not given.
    spread_db : array_like of float, shape (n,), optional
        Standard deviation of the level between seatings in dB.
    correlation_octaves : float
        Distance in octaves over which errors are alike: between two frequencies that lie ``d``
        octaves apart their correlation is ``exp(-(d / correlation_octaves)**2 / 2)``. Infinite for
        one error at all frequencies, 0 for independent errors.

    Raises
    ------
    ParameterError
        Arrays of different lengths, frequencies not ascending, or numbers out of range.
    """

    frequency: Array
    magnitude_db: Array
    u_db: Array = field(kw_only=True)
    phase_deg: Array | None = field(default=None, kw_only=True)
    dof: Array | None = field(default=None, kw_only=True)
    spread_db: Array | None = field(default=None, kw_only=True)
    correlation_octaves: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "frequency", _numbers(self.frequency, "frequencies"))
        f = self.frequency
        if not 2 <= f.size <= MOST_POINTS:
            raise ParameterError(f"{f.size} frequencies; 2 to {MOST_POINTS} are expected")
        if not f[0] > 0:
            raise ParameterError(f"frequency {f[0]} Hz; more than 0 Hz is expected")
        steps = np.diff(f)
        if not (steps > 0).all():
            at = int(np.argmin(steps > 0))
            raise ParameterError(
                f"{f[at + 1]:g} Hz follows {f[at]:g} Hz; ascending frequencies are expected"
            )
        for name in ("magnitude_db", "u_db", "phase_deg", "dof", "spread_db"):
            if getattr(self, name) is not None:
                set_(self, name, _numbers(getattr(self, name), name, f.size))
        if (self.u_db < 0).any():
            raise ParameterError("negative standard uncertainty; 0 dB or more is expected")
        if self.spread_db is not None and (self.spread_db < 0).any():
            raise ParameterError("negative spread between seatings; 0 dB or more is expected")
        if self.dof is not None and not (self.dof > 0).all():
            raise ParameterError("degrees of freedom of a response; more than 0 are expected")
        set_(self, "correlation_octaves", float(self.correlation_octaves))
        if not self.correlation_octaves >= 0:
            raise ParameterError(
                f"correlation over {self.correlation_octaves} octaves; 0 or more are expected"
            )

    def level(self, frequency: ArrayLike) -> Array:
        """Return the level in dB at frequencies in Hz, of any shape; 0 Hz is below the lower edge.

        >>> ear = ChannelResponse([100, 1000], [0, 3], u_db=0.5)
        >>> ear.level([20, 316.227766, 1000, 5000]).round(3).tolist()
        [0.0, 1.5, 3.0, 3.0]
        """
        return self._at(frequency, self.magnitude_db)

    def uncertainty(self, frequency: ArrayLike) -> Array:
        """Return the standard uncertainty in dB at frequencies in Hz, like :meth:`level`."""
        return self._at(frequency, self.u_db)

    def phase(self, frequency: ArrayLike) -> Array | None:
        """Return the phase in degrees at frequencies in Hz; None if it is not known."""
        return None if self.phase_deg is None else self._at(frequency, self.phase_deg)

    def degrees_of_freedom(self, frequency: ArrayLike) -> Array:
        """Return the degrees of freedom at frequencies in Hz, infinite if they are not known."""
        if self.dof is None:
            return np.full(np.shape(frequency), math.inf)
        with np.errstate(divide="ignore"):
            found: Array = 1.0 / self._at(frequency, 1.0 / self.dof)  # infinite ones become 0
        return found

    def spread(self, frequency: ArrayLike) -> Array:
        """Return the standard deviation between seatings in dB, 0 if it is not known."""
        if self.spread_db is None:
            return np.zeros(np.shape(frequency))
        return self._at(frequency, self.spread_db)

    def next_seating_uncertainty(self, frequency: ArrayLike) -> Array:
        """Return the standard uncertainty in dB for the next seating, at frequencies in Hz.

        That of the mean and the spread in squares: ``s sqrt(1 + 1 / n)`` for the mean of n
        seatings alone.
        """
        return np.asarray(np.hypot(self.uncertainty(frequency), self.spread(frequency)))

    def within(self, low: float, high: float) -> "ChannelResponse":
        """Return the part from ``low`` to ``high`` in Hz, both of them included."""
        f = self.frequency
        inner = f[(f > low) & (f < high)]
        return self.at(np.concatenate(([low], inner, [high])))

    def at(self, frequency: ArrayLike) -> "ChannelResponse":
        """Return the same response at other frequencies in Hz, ascending."""
        return replace(
            self,
            frequency=np.asarray(frequency, dtype=np.float64),
            magnitude_db=self.level(frequency),
            u_db=self.uncertainty(frequency),
            phase_deg=self.phase(frequency),
            dof=None if self.dof is None else self.degrees_of_freedom(frequency),
            spread_db=None if self.spread_db is None else self._at(frequency, self.spread_db),
        )

    def shifted(self, by_db: float) -> "ChannelResponse":
        """Return the response with ``by_db`` added to its level."""
        return replace(self, magnitude_db=self.magnitude_db + by_db)

    def negated(self) -> "ChannelResponse":
        """Return the response in the other direction: level and phase are the negative ones."""
        return replace(
            self,
            magnitude_db=0.0 - self.magnitude_db,
            phase_deg=None if self.phase_deg is None else 0.0 - self.phase_deg,
        )

    def _at(self, frequency: ArrayLike, values: Array) -> Array:
        return over_log_frequency(frequency, self.frequency, values)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, ready for JSON; what is infinite becomes null."""
        return {
            "frequency_hz": self.frequency.tolist(),
            "magnitude_db": self.magnitude_db.tolist(),
            "phase_deg": None if self.phase_deg is None else self.phase_deg.tolist(),
            "u_db": self.u_db.tolist(),
            "dof": None if self.dof is None else [_or_null(dof) for dof in self.dof.tolist()],
            **({} if self.spread_db is None else {"spread_db": self.spread_db.tolist()}),
            "correlation_octaves": _or_null(self.correlation_octaves),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ChannelResponse":
        """Return the response that :meth:`to_dict` described."""
        dof = data["dof"]
        return cls(
            data["frequency_hz"],
            data["magnitude_db"],
            u_db=data["u_db"],
            phase_deg=data["phase_deg"],
            dof=None if dof is None else np.array([_or_infinite(value) for value in dof]),
            spread_db=data.get("spread_db"),
            correlation_octaves=_or_infinite(data["correlation_octaves"]),
        )


def over_log_frequency(frequency: ArrayLike, known: Array, values: Array) -> Array:
    """Return values that are linear over the logarithm of frequency and held at the edges.

    Parameters
    ----------
    frequency : array_like of float, of any shape
        Frequencies in Hz; 0 Hz is below the lower edge.
    known, values : ndarray, shape (n,)
        Ascending frequencies above 0 Hz, and the values there.
    """
    held = np.clip(np.asarray(frequency, dtype=np.float64), *known[[0, -1]])
    return np.asarray(np.interp(np.log(held), np.log(known), values))


def _numbers(values: ArrayLike, what: str, size: int | None = None) -> Array:
    """Return numbers that cannot be changed; one number stands for ``size`` equal ones."""
    try:
        array = np.array(values, dtype=np.float64)
    except (OverflowError, TypeError, ValueError) as error:
        raise ParameterError(f"{what} of a response: {error}; numbers are expected") from error
    if size is not None and array.ndim == 0:
        array = np.full(size, array)
    if array.ndim != 1 or (size is not None and array.size != size):
        expected = f"({size},)" if size is not None else "(n,)"
        raise ParameterError(f"{what} of shape {array.shape}; shape {expected} is expected")
    if what != "dof" and not np.isfinite(array).all():
        raise ParameterError(f"{what} of a response: NaN or infinite; finite numbers are expected")
    array.flags.writeable = False
    return array


def _or_null(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value

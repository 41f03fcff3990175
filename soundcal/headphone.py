"""The data sheet of a headphone, real or simulated."""

import math
from dataclasses import dataclass
from typing import Literal

from soundcal.errors import ParameterError

__all__ = ["Headphone", "both_readings"]


@dataclass(frozen=True, slots=True)
class Headphone:
    """The data sheet of a headphone.

    Parameters
    ----------
    name : str
        Maker and model.
    impedance : float
        Nominal impedance in ohm.
    sensitivity : float
        Sound pressure level at 1 kHz in dB re 20 µPa, at 1 V rms or at 1 mW.
    per : {"V", "mW"}
        Which of the two.

    Raises
    ------
    ParameterError
        Impedance outside 1 to 10000 ohm, sensitivity outside 50 to 150 dB, or another ``per``.

    Examples
    --------
    >>> round(Headphone("example", 55.0, 91.0, "mW").sensitivity_v, 1)
    103.6
    """

    name: str
    impedance: float
    sensitivity: float
    per: Literal["V", "mW"] = "V"

    def __post_init__(self) -> None:
        if not 1.0 <= self.impedance <= 10000.0:
            raise ParameterError(
                f"{self.name}: impedance {self.impedance} ohm; 1 to 10000 ohm expected"
            )
        if not 50.0 <= self.sensitivity <= 150.0:
            raise ParameterError(
                f"{self.name}: sensitivity {self.sensitivity} dB; 50 to 150 dB expected "
                "(sound pressure level at 1 V or at 1 mW)"
            )
        if self.per not in ("V", "mW"):
            raise ParameterError(f"{self.name}: sensitivity per {self.per!r}; V or mW expected")

    @property
    def sensitivity_v(self) -> float:
        """Sound pressure level at 1 V rms in dB: ``S_mW + 10 lg(1000 ohm / Z)`` if per mW."""
        if self.per == "V":
            return self.sensitivity
        return self.sensitivity + 10.0 * math.log10(1000.0 / self.impedance)


def both_readings(impedance: float, sensitivity: float) -> str:
    """Return what a sensitivity means if it is at 1 V, and if it is at 1 mW, in words.

    >>> both_readings(32.0, 102.0)
    'a sensitivity of 102 dB gives 102.0 dB at 1 V if it is per V, but 116.9 dB if it is per mW
    (32 ohm)'
    """
    at_volt, at_milliwatt = (
        Headphone("headphones", impedance, sensitivity, per).sensitivity_v for per in ("V", "mW")
    )
    return (
        f"a sensitivity of {sensitivity:g} dB gives {at_volt:.1f} dB at 1 V if it is per V, but "
        f"{at_milliwatt:.1f} dB if it is per mW ({impedance:g} ohm)"
    )

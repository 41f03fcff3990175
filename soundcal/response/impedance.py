"""Impedance of headphones over frequency, and the voltage that an output loses to it."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array, Spectrum
from soundcal.errors import ParameterError, RecordError
from soundcal.files.text import read_export
from soundcal.response.columns import number_table
from soundcal.response.curve import over_log_frequency
from soundcal.units import db

__all__ = ["ImpedanceCurve", "read_impedance"]


@dataclass(frozen=True, slots=True, eq=False)
class ImpedanceCurve:
    """Impedance over frequency; its logarithm is linear over that of frequency, edges are held.

    Parameters
    ----------
    frequency : ndarray, shape (n,)
        Hz, ascending.
    ohm : ndarray, shape (n,)
        Magnitude in ohm.
    phase_deg : ndarray, shape (n,), optional
        Phase in degrees. Without it the impedance is taken as a resistance, which makes the loss of
        voltage largest.

    Raises
    ------
    ParameterError
        Frequencies that are not ascending, magnitudes that are not positive, or a phase beyond
        90 degrees, which no headphone has.
    """

    frequency: Array
    ohm: Array
    phase_deg: Array | None = None

    def __post_init__(self) -> None:
        if self.frequency.size < 2 or not (np.diff(self.frequency) > 0).all():
            raise ParameterError("impedance: 2 or more ascending frequencies in Hz are expected")
        if not (self.frequency[0] > 0 and (self.ohm > 0).all()):
            raise ParameterError("impedance: frequencies and ohms above 0 are expected")
        if self.phase_deg is not None and not (np.abs(self.phase_deg) <= 90.0).all():
            raise ParameterError("impedance: a phase of -90 to 90 degrees is expected")

    def at(self, frequency: ArrayLike) -> Spectrum:
        """Return the complex impedance in ohm at frequencies in Hz."""
        size = np.exp(over_log_frequency(frequency, self.frequency, np.log(self.ohm)))
        if self.phase_deg is None:
            return np.asarray(size, dtype=np.complex128)
        phase = over_log_frequency(frequency, self.frequency, self.phase_deg)
        return np.asarray(size * np.exp(1j * np.deg2rad(phase)))

    def loss_db(self, frequency: ArrayLike, source_ohm: float) -> Array:
        """Return the level of the voltage at the headphones re that of the open output, dB.

        ``20 lg |Z / (Z + Z_out)|`` of a source of ``source_ohm``, resistive.
        """
        z = self.at(frequency)
        return db(np.abs(z / (z + source_ohm)))


def read_impedance(path: str | os.PathLike[str]) -> ImpedanceCurve:
    """Read an impedance curve from a text file: frequency in Hz, ohm, perhaps phase in degrees.

    Raises
    ------
    RecordError
        The file cannot be read or holds no such curve, with the number of the line.
    """
    path = Path(path)
    text, _remarks = read_export(path)
    try:
        table = number_table(text)
        return ImpedanceCurve(table.frequency, table.level, table.phase)
    except (ParameterError, RecordError) as error:
        raise RecordError(f"{path}: {error}") from error

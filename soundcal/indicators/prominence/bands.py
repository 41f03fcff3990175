"""Critical bands and limits of ECMA-418-1:2024 (3rd edition), and the threshold of hearing.

Frequencies are in Hz.
"""

from typing import Any, Final, TypeVar

import numpy as np

from soundcal.arrays import Array

__all__ = [
    "HIGHEST",
    "LOWEST",
    "NARROWED",
    "critical_band",
    "critical_bandwidth",
    "geometric_band",
    "hearing_threshold",
    "lower_band_edge",
    "masking_index",
    "prominence_limit",
    "proximity",
    "tone_to_noise_limit",
    "upper_band_edge",
    "wind_turbine_band",
]

LOWEST: Final = 89.1
HIGHEST: Final = 11200.0
"""Limits in Hz of the frequencies of tones: from LOWEST to below HIGHEST."""

NARROWED: Final = 171.4
"""Frequency in Hz up to which the lower band begins at 20 Hz."""

_THRESHOLD: Final = (
    # up to Hz, centre in Hz, scale in Hz, coefficients of the powers 4 to 0
    (305.0, 167.5, 87.3212, (1.415532, -2.451068, 1.498869, -6.983224, 8.621226)),
    (2230.0, 1157.5, 488.582, (0.397994, -0.891839, -0.815138, -1.221319, -7.600754)),
    (14000.0, 7250.0, 3033.25, (1.584978, -2.766599, -6.9061912, 10.138553, -3.149339)),
)

F = TypeVar("F", float, Array)


def critical_bandwidth(frequency: F) -> F:
    """Return the critical bandwidth ``25 + 75·(1 + 1.4·(f/kHz)²)^0.69`` in Hz.

    >>> round(critical_bandwidth(1000.0), 1)
    162.2
    """
    width: F = 25.0 + 75.0 * (1.0 + 1.4 * (frequency / 1000.0) ** 2) ** 0.69
    return width


def geometric_band(frequency: F) -> tuple[F, F]:
    """Return the edges of the critical band whose geometric mean is the frequency, in Hz."""
    width = critical_bandwidth(frequency)
    lower = (np.sqrt(width**2 + 4.0 * frequency**2) - width) / 2.0
    return lower, lower + width


def critical_band(frequency: F) -> tuple[F, F]:
    """Return the edges of the critical band in Hz: arithmetic up to 500 Hz, geometric above.

    >>> [round(float(edge), 1) for edge in critical_band(1000.0)]
    [922.2, 1084.4]
    """
    width = critical_bandwidth(frequency)
    arithmetic = frequency - width / 2.0
    lower: Any = np.where(frequency <= 500.0, arithmetic, geometric_band(frequency)[0])[()]
    return lower, lower + width


def lower_band_edge(frequency: float) -> float:
    """Return the lower edge in Hz of the band below the critical band."""
    if frequency <= NARROWED:
        return 20.0
    if frequency <= 1600.0:
        return -149.5 + 1.001 * frequency - 6.90e-5 * frequency**2
    return 6.8 + 0.806 * frequency - 8.20e-6 * frequency**2


def upper_band_edge(frequency: float) -> float:
    """Return the upper edge in Hz of the band above the critical band."""
    if frequency <= 1600.0:
        return 149.5 + 1.035 * frequency + 7.70e-5 * frequency**2
    return 3.3 + 1.215 * frequency + 2.16e-5 * frequency**2


def wind_turbine_band(frequency: Array) -> tuple[Array, Array]:
    """Return the edges of the critical band of IEC 61400-11 in Hz."""
    half = critical_bandwidth(frequency) / 2.0
    low = frequency <= 70.0
    return np.where(low, 20.0, frequency - half), np.where(low, 120.0, frequency + half)


def proximity(frequency: float) -> float:
    """Return the distance in Hz below which two tones in a critical band are heard as one.

    >>> round(proximity(150.0))
    23
    """
    return float(21.0 * 10.0 ** (1.2 * abs(np.log10(frequency / 212.0)) ** 1.8))


def tone_to_noise_limit(frequency: float) -> float:
    """Return the tone-to-noise ratio in dB from which on a tone is prominent."""
    return float(8.0 + 8.33 * max(np.log10(1000.0 / frequency), 0.0))


def prominence_limit(frequency: float) -> float:
    """Return the prominence ratio in dB from which on a tone is prominent."""
    return float(9.0 + 10.0 * max(np.log10(1000.0 / frequency), 0.0))


def hearing_threshold(frequency: float) -> float:
    """Return the lower threshold of hearing in dB, 20 Hz to 14 kHz (ECMA-74, annex D.7).

    >>> round(hearing_threshold(1000.0), 2)
    -7.26
    """
    centre, scale, coefficients = next(
        (entry[1:] for entry in _THRESHOLD if frequency < entry[0]), _THRESHOLD[-1][1:]
    )
    return float(np.polyval(coefficients, (frequency - centre) / scale))


def masking_index(frequency: F) -> F:
    """Return the masking index ``−2 − lg(1 + (f/502 Hz)^2.5)`` in dB (ISO/PAS 20065, IEC 61400-11).

    >>> round(float(masking_index(137.3)), 2)
    -2.02
    """
    index: F = -2.0 - np.log10(1.0 + (frequency / 502.0) ** 2.5)
    return index

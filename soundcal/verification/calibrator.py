"""Sound calibrator: largest deviations of a tone that are still accepted, IEC 60942:2017.

Each row searches by bisection for the largest deviation of a tone that
:func:`soundcal.calibration.calibrator_take.check_take` still accepts, and compares it with the
limit of class 1 for 160 Hz to 1250 Hz. Then come the standard's worked verdicts.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.calibration.calibrator_take import check_take
from soundcal.errors import ToneNotFound
from soundcal.recording import Capture
from soundcal.verification.rows import Row, conforms

__all__ = ["rows"]

STANDARD: Final = "IEC 60942:2017"

TABLE_E_1: Final = (
    # deviation and expanded uncertainty in dB, limit, greatest permitted U, conforms
    (0.40, 0.12, 0.25, 0.15, False),
    (0.35, 0.12, 0.25, 0.15, False),
    (0.20, 0.13, 0.25, 0.15, True),
    (0.00, 0.14, 0.25, 0.15, True),
    (0.00, 0.17, 0.25, 0.15, False),
    (0.25, 0.10, 0.25, 0.15, True),
    (0.25, 0.15, 0.25, 0.15, True),
    (0.40, 0.50, 0.25, 0.20, False),
)

_RATE: Final = 8000
_DURATION: Final = 12.0
_SWING_HZ: Final = 0.1
_HALVINGS: Final = 12


def _tone(frequency: float, gain: Array | float = 1.0) -> Array:
    t = np.arange(round(_DURATION * _RATE)) / _RATE
    return np.asarray(0.1 * gain * np.sin(2.0 * np.pi * frequency * t))


def _off_frequency(percent: float) -> Array:
    return _tone(1000.0 * (1.0 + percent / 100.0))


def _distorted(percent: float) -> Array:
    """Return a tone whose third harmonic is that percentage of the total rms."""
    share = percent / 100.0
    return _tone(1000.0) + share / math.sqrt(1.0 - share**2) * _tone(3000.0)


def _fluctuating(swing: float) -> Array:
    """Return a tone whose F-weighted level swings slowly by ± ``swing`` dB."""
    t = np.arange(round(_DURATION * _RATE)) / _RATE
    slowness = 2.0 * np.pi * _SWING_HZ
    unsmoothed = swing * math.hypot(1.0, slowness * 0.125)
    return _tone(1000.0, 10.0 ** (unsmoothed * np.sin(slowness * t) / 20.0))


def _accepted(samples: Array) -> bool:
    try:
        check_take(Capture(samples, _RATE), "mono")
    except ToneNotFound:
        return False
    return True


def _largest_accepted(make: Callable[[float], Array], highest: float) -> float:
    """Return the largest deviation of an accepted tone; NaN if no tone is refused."""
    good, bad = 0.0, highest
    if not _accepted(make(good)) or _accepted(make(bad)):
        return math.nan
    for _ in range(_HALVINGS):
        middle = (good + bad) / 2.0
        if _accepted(make(middle)):
            good = middle
        else:
            bad = middle
    return good


def _acceptance_rows() -> list[Row]:
    cases = (
        ("frequency", "frequency deviation", 0.7, "%", _off_frequency),
        ("fluctuation", "short-term fluctuation of the level", 0.07, "dB", _fluctuating),
        ("distortion", "total distortion and noise", 2.5, "%", _distorted),
    )
    return [
        Row(
            STANDARD,
            f"class 1, {clause}",
            f"largest {quantity} of a 1 kHz calibrator tone that is accepted",
            limit,
            0.95 * limit,
            limit,
            unit,
            partial(_largest_accepted, make, 4.0 * limit),
        )
        for clause, quantity, limit, unit, make in cases
    ]


def rows() -> list[Row]:
    """Return the rows of the sound calibrator."""
    verdicts = [
        Row(
            STANDARD,
            "Table E.1",
            f"verdict on {deviation:+g} dB, U = {u:g} dB; limit {limit:g} dB, U up to {u_max:g} dB "
            "(1: conforms)",
            float(verdict),
            float(verdict),
            float(verdict),
            "1",
            partial(conforms, deviation, -limit, limit, u, u_max),
        )
        for deviation, u, limit, u_max, verdict in TABLE_E_1
    ]
    return [*_acceptance_rows(), *verdicts]

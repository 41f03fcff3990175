"""Loudness: ISO 532-1:2017.

The recordings of Annex B are not shipped; ``tests/indicators/test_loudness.py`` checks soundcal
against them where they are available. This module has the signals that a formula defines: signal 1,
which is a table of levels; the tones 2 and 3; and the definition of the sone.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal

import numpy as np

from soundcal.indicators.zwicker.loudness import loudness_from_bands, loudness_zwst, loudness_zwtv
from soundcal.units import level_to_pascal, sone_to_phon
from soundcal.verification.rows import Row

__all__ = ["rows"]

STANDARD: Final = "ISO 532-1:2017"
FS: Final = 48000

SIGNAL_1: Final = (
    *(-60.0, -60.0, 78.0, 79.0, 89.0, 72.0, 80.0, 89.0, 75.0, 87.0, 85.0, 79.0, 86.0, 80.0),
    *(71.0, 70.0, 72.0, 71.0, 72.0, 74.0, 69.0, 65.0, 67.0, 77.0, 68.0, 58.0, 45.0, 30.0),
)
"""Annex B.2: third-octave levels of signal 1 in dB, 25 Hz to 12.5 kHz."""

TONES: Final = (
    # number in Annex B.3, frequency in Hz, level in dB (of the recording), N in sone, LN in phon
    (2, 250.0, 80.000, 14.6545, 78.733),
    (3, 1000.0, 60.005, 4.0192, 60.069),
)

Grade = Literal["standard", "definition", "target"]


def _tone(frequency: float, level: float) -> Sequence[float]:
    t = np.arange(2 * FS) / FS
    tone: Sequence[float] = (
        np.sqrt(2.0) * level_to_pascal(level) * np.sin(2.0 * np.pi * frequency * t)
    )
    return tone


def _signal_1() -> float:
    return float(loudness_from_bands(SIGNAL_1).value)


def _stationary(frequency: float, level: float) -> float:
    return float(loudness_zwst(_tone(frequency, level), FS).value)


def _steady(frequency: float, level: float) -> float:
    """The loudness over time once the tone has been on for 2 s."""
    series = loudness_zwtv(_tone(frequency, level), FS).series
    return float("nan") if series is None else float(series[-1])


def _phon(compute: Callable[[], float]) -> float:
    return float(sone_to_phon(compute()))


def _row(
    clause: str,
    quantity: str,
    printed: float,
    width: float,
    compute: Callable[[], float],
    unit: str = "sone",
    grade: Grade = "standard",
) -> Row:
    low, high = printed - width, printed + width
    return Row(STANDARD, clause, quantity, printed, low, high, unit, compute, grade)


def _wide(sone: float) -> float:
    """Clause 5.1: 5 % or 0.1 sone, whichever is wider."""
    return max(0.05 * sone, 0.1)


def rows() -> list[Row]:
    """Return the rows of this family."""
    found = [
        _row("Annex B.2", "signal 1, N from levels", 83.2957, _wide(83.2957), _signal_1),
        _row("Annex B.2", "signal 1, N as printed", 83.2957, 0.001, _signal_1, grade="target"),
        _row(
            "Annex B.2",
            "signal 1, LN as printed",
            103.802,
            0.001,
            partial(_phon, _signal_1),
            "phon",
            "target",
        ),
    ]
    for number, frequency, level, sone, phon in TONES:
        name = f"signal {number}, {frequency:g} Hz {level:.0f} dB"
        compute = partial(_stationary, frequency, level)
        found += [
            _row("Annex B.3", f"{name}, N", sone, _wide(sone), compute),
            _row("Annex B.3", f"{name}, N as printed", sone, 0.001, compute, grade="target"),
            _row(
                "Annex B.3",
                f"{name}, LN as printed",
                phon,
                0.002,
                partial(_phon, compute),
                "phon",
                "target",
            ),
        ]
    for step in range(6):
        level, sone = 40.0 + 10.0 * step, 2.0**step
        for name, method in (("stationary", _stationary), ("over time, steady", _steady)):
            quantity = f"1 kHz {level:g} dB, {name}"
            compute = partial(method, 1000.0, level)
            found.append(_row("3, sone", quantity, sone, _wide(sone), compute, grade="definition"))
    return found

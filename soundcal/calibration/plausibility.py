"""Plausibility of a calibration as a whole: ears, insertions and harmonics that do not fit.

A take may be faultless and its level wrong by 20 dB: a plug half in, a switch at 114 dB. What one
take cannot show, the others do. Each finding is a warning, because there may be a good reason for
it; the words name the size of the possible error.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.calibration.tone import Tone
from soundcal.recording import EARS
from soundcal.units import db

__all__ = ["compression", "doubts", "equal"]

EARS_DB: Final = 3.0
"""Accepted difference of the sensitivities of two ears, dB: microphones of one type stay within
±1.5 dB of their nominal sensitivity, ears of a head and torso simulator with their preamplifiers
within that, too, if both inputs have the same gain."""

INSERTION_SIGMAS: Final = 5.0
"""Accepted deviation of an insertion from the others of the same ear, in standard deviations of one
insertion: chance exceeds it once in a million."""

EQUAL_DB: Final = 1e-4
"""Levels that differ by less, dB, are of one insertion, given again with other bits or dither: with
a repeatability of 0.02 dB, three insertions come as close once in a hundred thousand."""

THIRD_HARMONIC: Final = 0.005
"""Accepted third harmonic re the tone. An input that compresses makes the tone itself smaller by
three times its third harmonic (cubic nonlinearity), at this limit by 0.13 dB, as much as the
uncertainty of a calibrator's certificate; sound calibrators have 0.3 % and less."""


def compression(third: float) -> float:
    """Return by how many dB an input with this third harmonic (relative) may compress the tone."""
    return db(1.0 + 3.0 * third)


def equal(levels: Sequence[float] | Array) -> bool:
    """Return whether the levels of two or more insertions are equal, which chance excludes.

    >>> equal([-20.03, -20.03, -20.03]), equal([-20.03, -20.04]), equal([-20.03])
    (True, False, False)
    """
    return len(levels) > 1 and float(np.ptp(levels)) < EQUAL_DB


def doubts(
    tones: Mapping[str, Sequence[Tone]],
    thirds: Mapping[str, Sequence[float]],
    repeatability: float,
) -> list[str]:
    """Return warnings about tones that look wrong without being impossible.

    Parameters
    ----------
    tones : mapping of str to sequence of Tone
        Tones of each ear, one per insertion.
    thirds : mapping of str to sequence of float
        Third harmonic of each of them, relative to the tone.
    repeatability : float
        Standard deviation of one insertion, dB.
    """
    return [*_insertions(tones, repeatability), *_harmonics(thirds), *_ears(tones)]


def _ears(tones: Mapping[str, Sequence[Tone]]) -> list[str]:
    """Return a warning if two ears differ or are equal; other microphones need not be alike."""
    if not set(EARS) <= set(tones):
        return []
    means = {ear: float(np.median([tone.level for tone in tones[ear]])) for ear in EARS}
    low, high = sorted(EARS, key=means.__getitem__)
    apart = means[high] - means[low]
    if apart < EQUAL_DB:
        return [
            f"{low} and {high} are equal to within {EQUAL_DB:g} dB, which two microphones are not: "
            "one of them may have the take of the other; give each ear its own recording"
        ]
    if apart <= EARS_DB:
        return []
    return [
        f"{low} and {high} differ by {apart:.1f} dB, more than {EARS_DB:g} dB: levels of one of "
        "them may be wrong by this much; check plugs, adapters and input gains, the calibrator's "
        "level switch, and its seat on each ear"
    ]


def _insertions(tones: Mapping[str, Sequence[Tone]], repeatability: float) -> list[str]:
    found = []
    for ear, row in tones.items():
        levels = np.array([tone.level for tone in row])
        if levels.size < 2:
            continue
        away = levels - np.median(levels)
        if levels.size == 2:
            away = levels - levels[0]
        if equal(levels):
            found.append(
                f"{ear}: the levels of {levels.size} insertions are equal to within "
                f"{EQUAL_DB:g} dB, which does not happen: one take given several times is one "
                "insertion, and the repeatability is not known; take the calibrator off and put "
                "it on again"
            )
        limit = INSERTION_SIGMAS * repeatability
        worst = int(np.argmax(np.abs(away)))
        if abs(away[worst]) > limit:
            found.append(
                f"{ear}: insertion {worst + 1} of {levels.size} is {away[worst]:+.2f} dB off the "
                f"others, more than {limit:.2g} dB (five times the repeatability of one "
                f"insertion, {repeatability:g} dB); repeat it, and check seal and plugs"
            )
        elif levels.size > 2 and np.ptp(levels) > limit and _one_way(levels):
            found.append(
                f"{ear}: the levels of {levels.size} insertions change by "
                f"{levels[-1] - levels[0]:+.2f} dB from the first to the last, always in one "
                f"direction, more than {limit:.2g} dB: check the calibrator's battery and the "
                "input gain, and repeat them"
            )
    return found


def _one_way(levels: Array) -> bool:
    """Return whether each level is below, or each above, the one before."""
    steps = np.diff(levels)
    return bool(np.all(steps > 0.0) or np.all(steps < 0.0))


def _harmonics(thirds: Mapping[str, Sequence[float]]) -> list[str]:
    return [
        f"{ear}: third harmonic of {100 * max(row):.2f} %, more than {100 * THIRD_HARMONIC:g} %; "
        f"if the input compresses, the level of the tone is too low by {compression(max(row)):.2f} "
        "dB, and so is every loud sound; lower the input gain, and look for a limiter"
        for ear, row in thirds.items()
        if max(row) > THIRD_HARMONIC
    ]

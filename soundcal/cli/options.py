"""Types of values, for the options of several commands, and how typed values are repeated."""

import argparse
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from soundcal.errors import ParameterError

__all__ = [
    "Numbers",
    "add_sensitivity",
    "full_scale_doubts",
    "full_scale_pascal",
    "numbers",
    "stated",
    "stated_doubts",
]

_BALANCE_DB: Final = 1.0
"""Stated ears that differ by more than this are asked about, as in :mod:`soundcal.calibration.ocv`.
"""


_LEVELS: Final = (-20.0, 300.0)
"""Levels of full scale in dB that are not a slip of the keyboard."""


class Numbers(tuple[float, ...]):
    """Numbers of an option, with the text as which they were typed."""

    text: str

    def __new__(cls, values: Iterable[float], text: str) -> "Numbers":
        """Return the numbers of a text."""
        made = super().__new__(cls, values)
        made.text = text
        return made

    def __getnewargs__(self) -> tuple[tuple[float, ...], str]:
        """Return the arguments for a copy in another process."""
        return tuple(self), self.text


def numbers(text: str) -> Numbers:
    """Return the numbers of an option such as ``1.5,1.6``, for ``type=``.

    >>> numbers("1.5,1.6")
    (1.5, 1.6)
    """
    try:
        return Numbers((float(part) for part in text.split(",")), text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r}: numbers separated by commas expected, such as 1.5,1.6"
        ) from error


def add_sensitivity(ways: Any, option: str) -> None:
    """Add an option for a sensitivity in Pa per full scale, and one for the level of full scale.

    Parameters
    ----------
    ways : group of options
        They exclude one another.
    option : str
        Name of the option for the sensitivity.
    """
    ways.add_argument(
        option,
        type=numbers,
        metavar="PA_PER_FS",
        help="stated sensitivity in Pa per full scale; one for all channels or one for each, "
        "comma-separated",
    )
    ways.add_argument(
        "--full-scale",
        type=numbers,
        metavar="DB",
        help="the same, stated as the level of a peak at digital full scale in dB re 20 µPa, as "
        "sound level meters do: 133 dB are 89.3 Pa per full scale",
    )


def full_scale_pascal(levels: tuple[float, ...]) -> tuple[float, ...]:
    """Return the sensitivities in Pa per full scale for peak levels of full scale in dB.

    Raises
    ------
    ParameterError
        A level outside -20 to 300 dB.

    Examples
    --------
    >>> [round(value, 1) for value in full_scale_pascal((133.0, 94.0))]
    [89.3, 1.0]
    """
    from soundcal.units import level_to_pascal

    low, high = _LEVELS
    if wrong := [level for level in levels if not low <= level <= high]:
        raise ParameterError(
            f"--full-scale: {wrong[0]:g} dB; a level from {low:g} to {high:g} dB is expected"
        )
    return tuple(map(level_to_pascal, levels))


def stated(option: str, values: Mapping[str, float], unit: str) -> str:
    """Return the line that repeats stated values as they were understood.

    >>> stated("--sensitivity", {"left": 12.0, "right": 5.0}, "Pa per full scale")
    '--sensitivity: left 12 Pa per full scale, right 5 Pa per full scale'
    """
    return f"{option}: " + ", ".join(f"{n} {value:.6g} {unit}" for n, value in values.items())


def stated_doubts(
    option: str, typed: tuple[float, ...], sensitivities: Mapping[str, float]
) -> tuple[str, ...]:
    """Return a warning if the sensitivities that were stated for two ears are unlike.

    Parameters
    ----------
    option : str
        Name of the option.
    typed : Numbers
        Numbers as typed.
    sensitivities : mapping of str to float
        Sensitivity per channel that follows from them, in any linear unit.

    Examples
    --------
    >>> print(*stated_doubts("--sensitivity", numbers("12,5"), {"left": 12.0, "right": 5.0}))
    --sensitivity: the sensitivities of the channels differ by 7.6 dB, more than 1 dB; '12,5' was
    read as left 12, right 5; for a single number with decimals write 12.5
    """
    from soundcal.units import db

    known = list(sensitivities.values())
    if len(typed) != 2 or len(known) != 2 or min(known) <= 0:
        return ()
    difference = db(max(known) / min(known))
    if round(difference, 3) <= _BALANCE_DB:
        return ()
    text = getattr(typed, "text", "")
    doubt = f"{option}: the sensitivities of the channels differ by {difference:.1f} dB"
    doubt += f", more than {_BALANCE_DB:g} dB"
    first, second = sensitivities
    doubt += f"; {text!r} was read as {first} {typed[0]:g}, {second} {typed[1]:g}"
    if re.fullmatch(r"\s*[+-]?[0-9]+,[0-9]+\s*", text):
        doubt += f"; for a single number with decimals write {text.strip().replace(',', '.')}"
    return (doubt,)


_LOWEST_FULL_SCALE: Final = 40.0
"""Peak level of full scale, dB, below which not even a quiet room (25 dB(A)) fits into a file."""


def full_scale_doubts(option: str, sensitivities: Mapping[str, float]) -> tuple[str, ...]:
    """Return a warning if stated sensitivities put full scale beyond any sound, or below.

    Parameters
    ----------
    option : str
        Name of the option that states them.
    sensitivities : mapping of str to float
        Sensitivity per channel in Pa per full scale.

    Examples
    --------
    >>> print(*full_scale_doubts("--sensitivity", {"mono": 5e7}))
    --sensitivity: full scale at 248 dB is beyond any sound (194 dB); the sensitivity is in pascal
    per full scale, not in mV/Pa or counts
    """
    from soundcal.units import STATIC_PRESSURE, pascal_to_level

    largest = max(sensitivities.values(), default=0.0)
    if largest <= 0.0:
        return ()
    level, limit = pascal_to_level(largest), pascal_to_level(STATIC_PRESSURE)
    if level < _LOWEST_FULL_SCALE:
        return (
            f"{option}: full scale at {level:.0f} dB leaves no room for sound; the level of full "
            "scale in dB belongs to --full-scale, the pressure in pascal to --sensitivity",
        )
    if largest <= STATIC_PRESSURE:
        return ()
    return (
        f"{option}: full scale at {level:.0f} dB is beyond any sound ({limit:.0f} dB); the "
        "sensitivity is in pascal per full scale, not in mV/Pa or counts",
    )

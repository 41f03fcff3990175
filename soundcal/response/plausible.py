"""Checks of a curve that was read from a file, and the uncertainty assumed where it states none."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import RecordError
from soundcal.response.curve import ChannelResponse

__all__ = [
    "EARS_AND_COUPLERS",
    "assumed_uncertainty",
    "check_absolute",
    "check_ascending",
    "check_relative",
    "curve_doubts",
    "largest_value",
    "rises_at_low_frequencies",
]

EARS_AND_COUPLERS: Final = ("DRP", "ERP", "BEC")
"""Points at an ear."""

_FIELDS: Final = ("FF", "DF", "ID")

_AUDIBLE: Final = (20.0, 20e3)
_LARGEST_DB: Final = 20.0
"""Largest level of a relative response between 20 Hz and 20 kHz."""

_SMALL_HEAD_HZ: Final = 100.0
_SMALL_HEAD_DB: Final = 0.5
"""At this frequency a head is small: field and ear drum differ by no more than this."""

_JUMP_DB: Final = 10.0
"""Neighbouring levels that differ by more than this are doubtful."""

_LOW_HZ: Final = 100.0
_HIGH_HZ: Final = 8e3
"""A response should begin below the first and end above the second frequency."""

_FEW: Final = 3
"""A curve of so few values has hardly a shape [assumption]."""

_MOST_GAPS: Final = 3
"""So many gaps are named."""

_ROLL_OFF: Final = (20.0, 40.0)
_RISE_DB: Final = 1.0
"""Microphones roll off; in this range they are not this much above their level at 1 kHz."""

_MICROPHONE: Final = ((1e3, 0.3), (5e3, 0.5), (1e4, 1.0), (math.inf, 2.0))
"""Half widths in dB up to a frequency in Hz; assumed for a curve of a microphone's maker."""

_HEADPHONES: Final = ((1e3, 0.3), (8e3, 1.0), (math.inf, 4.0))
"""Standard uncertainties in dB up to a frequency in Hz of a published curve of headphones.

Two rigs that measured the same model differ by 0.0 to 0.6 dB up to 1 kHz, by 0.2 to 2.0 dB up to
8 kHz, and by up to 11 dB above (AutoEq: Sennheiser HD 650 by oratory1990 and by Auriculares
Argentina). The spread of units and the fixture come on top.
"""


def check_ascending(frequency: Array, lines: Sequence[int]) -> None:
    """Refuse frequencies that are not positive and ascending, or look like kHz.

    Raises
    ------
    RecordError
        With the number of the line.
    """
    if frequency.size and not frequency[0] > 0:
        raise RecordError(f"line {lines[0]}: {frequency[0]:g} Hz; more than 0 Hz is expected")
    wrong = np.flatnonzero(np.diff(frequency) <= 0)
    if wrong.size:
        at = int(wrong[0]) + 1
        raise RecordError(
            f"line {lines[at]}: {frequency[at]:g} Hz after {frequency[at - 1]:g} Hz; ascending "
            "frequencies in one unit (Hz) are expected"
        )
    if frequency.size and frequency[-1] < _LOW_HZ:
        raise RecordError(
            f"no frequency above {frequency[-1]:g} Hz: kHz, or another column? Frequencies in Hz "
            "are expected"
        )


def check_relative(curve: ChannelResponse, lines: Sequence[int], *, ear: bool) -> list[str]:
    """Refuse a relative curve with levels that no microphone or soundcard has; remark it of an ear.

    Raises
    ------
    RecordError
        With the number of the line.
    """
    f, level = curve.frequency, curve.magnitude_db
    wide = (np.abs(level) > _LARGEST_DB) & (f >= _AUDIBLE[0]) & (f <= _AUDIBLE[1])
    if not wide.any():
        return []
    at = int(np.argmax(wide))
    text = (
        f"{_line(lines, at)}{level[at]:+.1f} dB at {f[at]:g} Hz; a relative response within "
        f"{_LARGEST_DB:g} dB from 20 Hz to 20 kHz is expected: is it another quantity or column?"
    )
    if not ear:
        raise RecordError(text)
    return [text]


def check_absolute(curve: ChannelResponse, source: str, target: str) -> None:
    """Refuse a response between a field and the ear drum that is not 0 dB at 100 Hz.

    Raises
    ------
    RecordError
        With the shift that would make it so.
    """
    ends = {source, target}
    if not ("DRP" in ends and ends & set(_FIELDS)):
        return
    level = float(curve.level(_SMALL_HEAD_HZ))
    if abs(level) > _SMALL_HEAD_DB:
        raise RecordError(
            f"{level:+.2f} dB at {_SMALL_HEAD_HZ:g} Hz, where a head is small and 0 ± "
            f"{_SMALL_HEAD_DB:g} dB are expected: normalised at 1 kHz? Then add --shift "
            f"{-level:.4g}"
        )


def curve_doubts(curve: ChannelResponse, lines: Sequence[int]) -> list[str]:
    """Return remarks on jumps, on few values and gaps, and on a short range of frequencies."""
    f, level = curve.frequency, curve.magnitude_db
    found = []
    jumps = np.flatnonzero(np.abs(np.diff(level)) > _JUMP_DB) + 1
    if jumps.size:
        at = int(jumps[0])
        more = f", and {jumps.size - 1} more jumps" if jumps.size > 1 else ""
        found.append(
            f"{_line(lines, at)}{level[at] - level[at - 1]:+.1f} dB from {f[at - 1]:g} to "
            f"{f[at]:g} Hz{more}; is the file complete and in one unit?"
        )
    if f.size <= _FEW:
        found.append(f"only {f.size} values, at {', '.join(f'{value:g}' for value in f)} Hz")
    if gaps := _gaps(f):
        named = ", ".join(f"{low:g} to {high:g} Hz" for low, high in gaps[:_MOST_GAPS])
        more = f" and {len(gaps) - _MOST_GAPS} more" if len(gaps) > _MOST_GAPS else ""
        found.append(
            f"more than an octave without a value: {named}{more}; the levels between are "
            "interpolated, and their uncertainty is that of the values beside them"
        )
    if f[0] >= _LOW_HZ or f[-1] <= _HIGH_HZ:
        found.append(
            f"the response is known from {f[0]:g} to {f[-1]:g} Hz only; beyond, the level at the "
            "edge is held"
        )
    return found


def _gaps(frequency: Array) -> list[tuple[float, float]]:
    """Return the neighbouring frequencies that are more than an octave apart in what is heard."""
    heard = np.clip(frequency, *_AUDIBLE)
    wide = np.flatnonzero(heard[1:] > 2.0 * heard[:-1])
    return [(float(frequency[at]), float(frequency[at + 1])) for at in wide]


def rises_at_low_frequencies(curve: ChannelResponse) -> float:
    """Return by how many dB a curve lies above 1 kHz at 20 to 40 Hz; 0 if by 1 dB or less."""
    f = curve.frequency
    low = curve.magnitude_db[(f >= _ROLL_OFF[0]) & (f <= _ROLL_OFF[1])]
    rise = float(low.mean() - curve.level(1e3)) if low.size else 0.0
    return rise if rise > _RISE_DB else 0.0


def largest_value(
    curve: ChannelResponse,
    lines: Sequence[int],
    source: str,
    target: str,
    normalised_at: float | None,
) -> str:
    """Return a sentence on the largest level between 20 Hz and 20 kHz, which shows the sign.

    ``normalised_at`` is the frequency in Hz of a relative response, None of an absolute one.
    """
    f, level = curve.frequency, curve.magnitude_db
    heard = np.where((f >= _AUDIBLE[0]) & (f <= _AUDIBLE[1]), np.abs(level), -1.0)
    at = int(np.argmax(heard))
    size, more = abs(level[at]), level[at] >= 0
    if normalised_at is None:
        meaning = f"level at {target} re {source}"
    elif (source, target) == ("P", "FS"):
        meaning = f"the microphone reads {size:.2f} dB too {'much' if more else 'little'} there"
    else:
        than = f"than at {normalised_at:g} Hz"
        meaning = f"{target} has {size:.2f} dB {'more' if more else 'less'} there {than}"
    where = f" (line {lines[at]})" if lines else ""
    return f"largest value: {level[at]:+.2f} dB at {f[at]:g} Hz{where}: {meaning}"


def assumed_uncertainty(frequency: Array, source: str, target: str) -> tuple[Array, str]:
    """Return the standard uncertainty in dB that is assumed, and its description."""
    if source in ("FS", "V") and target in EARS_AND_COUPLERS:
        return _steps(frequency, _HEADPHONES), (
            "assumed for a published curve of headphones: 0.3 dB to 1 kHz, 1 dB to 8 kHz, 4 dB "
            "above; without the spread of units and the fixture"
        )
    return _steps(frequency, _MICROPHONE) / math.sqrt(3.0), (
        "assumed: rectangular, half width 0.3 dB to 1 kHz, 0.5 dB to 5 kHz, 1 dB to 10 kHz, 2 dB "
        "above; replace it by a certificate's"
    )


def _line(lines: Sequence[int], at: int) -> str:
    """Return the line of a value in its file, for the beginning of a message."""
    return f"line {lines[at]}: " if lines else ""


def _steps(frequency: Array, table: Sequence[tuple[float, float]]) -> Array:
    """Return the values of a table with upper limits, which belong to the step below."""
    limits, values = np.array(table).T
    found: Array = values[np.searchsorted(limits, frequency, side="left")]
    return found

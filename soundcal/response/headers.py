"""Facts in the header of a calibration file: serial number, channel, incidence, smoothing, format.

A stated sensitivity is kept as it is and never becomes a level: what it refers to depends on
the model, on switches and on the volume of the operating system.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from soundcal.errors import RecordError

__all__ = ["HeaderFacts", "header_facts"]

_SENSITIVITY: Final = re.compile(
    r"\bsens(itivity)?\b|^\W*1000\s*hz\b|\bagain\s*=|\bdb-offset", re.IGNORECASE
)
_SERIAL: Final = re.compile(r"(?:SERNO:?|\bS/N:?|\bserial(?: no\.?| number)?:?)\s*([\w-]+)", re.I)
_CHANNEL: Final = re.compile(r"\bon the (left|right) channel", re.IGNORECASE)
_INCIDENCE: Final = re.compile(r"(?<![0-9])(0|90)[ _-]?deg(?:ree)?s?(?![a-z])", re.IGNORECASE)
_SMOOTHING: Final = re.compile(r"^\W*smoothing:\s*(.+?)\W*$", re.IGNORECASE)
_OCTAVES: Final = re.compile(r"\b1/[0-9]+[ -]*o[ckit]t[a-z]*", re.IGNORECASE)
"""A part of an octave, in any language; it may be a smoothing or the distance of frequencies."""

_RATE: Final = re.compile(r"^\W*sample rate:\s*([0-9]{4,7})\b", re.IGNORECASE)
_EARS: Final = re.compile(r"\bEARS\b.*?\bcompensation\W+(\w+)", re.IGNORECASE)
_EARS_FILE: Final = re.compile(r"(?<![a-z])(HPN|HEQ|IDF)(?![a-z])", re.IGNORECASE)
_RAW: Final = "RAW"


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """Facts that the header of a file states; empty where it says nothing.

    Parameters
    ----------
    serial : str
        Serial number.
    channel : str
        ``left`` or ``right``.
    incidence : str
        Sound incidence.
    smoothing : str
        Smoothing, ``none`` if the file says so, ``not stated`` if it does not, with the line that
        names a part of an octave without the word "smoothing", such as one in another language.
    fs : int
        Sampling rate in Hz for which a soundcard's file holds; 0 if not stated.
    sensitivity : tuple of str
        Lines that state a sensitivity, as they are.
    """

    serial: str = ""
    channel: str = ""
    incidence: str = ""
    smoothing: str = "not stated"
    fs: int = 0
    sensitivity: tuple[str, ...] = ()


def header_facts(header: Sequence[str], stem: str) -> HeaderFacts:
    """Return the facts in header lines and in the name of a file without its ending.

    Raises
    ------
    RecordError
        A file of the miniDSP EARS that contains a target, so that it is not a response.
    """
    for line in header:
        named = _EARS_FILE.search(stem) if _SENSITIVITY.search(line) or "EARS" in line else None
        ears = _EARS.search(line) or named
        if ears and ears[1].upper() != _RAW:
            raise RecordError(
                f"a file of the EARS with compensation {ears[1]}, which contains a target curve: "
                "it is not a response; import the RAW file of the same serial number"
            )
    text = "\n".join(header)
    incidence = _INCIDENCE.search(text) or _INCIDENCE.search(stem)
    serial, channel = _SERIAL.search(text), _CHANNEL.search(text)
    rate = next((int(found[1]) for line in header if (found := _RATE.match(line))), 0)
    return HeaderFacts(
        serial[1] if serial else "",
        channel[1].lower() if channel else "",
        f"{incidence[1]}deg" if incidence else "",
        _smoothing(header),
        rate,
        tuple(line for line in header if _SENSITIVITY.search(line)),
    )


def _smoothing(header: Sequence[str]) -> str:
    for line in header:
        if found := _SMOOTHING.match(line):
            return "none" if found[1].lower() == "none" else found[1]
    named = next((line for line in header if _OCTAVES.search(line)), "")
    return f"not stated; header line {named!r:.80}" if named else "not stated"

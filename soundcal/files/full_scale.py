"""The level of digital full scale that an audio file states in words.

Sound level meters write it into the name of the file, or into a text of its header: the chunk
``bext`` of a broadcast WAV (EBU Tech 3285), ``iXML``, or a comment.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soundcal.files.chunks import Chunks
from soundcal.recording import STATED, Flag
from soundcal.units import pascal_to_level

__all__ = ["FullScale", "other_full_scale", "stated_full_scale"]

_TEXTS: Final = (b"bext", b"iXML", b"LIST", b"ANNO", b"info")
"""Chunks that hold texts."""

_MOST: Final = 1 << 16
"""Bytes of a text that are read."""

_LIMIT_DB: Final = 1.0
"""A calibration may differ by this much (dB) from the level of full scale that the file states."""

_FULL: Final = (
    r"(?:(?<![\d.,−-])0(?:[.,]0+)?\s*dB\s*FS|full[ _-]?scale|(?<![A-Za-z])FS)(?![A-Za-z])"
)
_LINK: Final = r"(?:[\s_=:@~≙>-]|level|peak|is|at|equals|corresponds to){0,8}"
_EQUALS: Final = r"\s*(?:=|@|≙|is|at|equals|corresponds to)\s*"
_LEVEL: Final = (
    r"(?<![\d.,])(?P<level>(?:1\d|[6-9])\d(?:[.,]\d+)?)\s*dB(?![uvm]|\s*FS)\s*(?:SPL)?\s*"
    r"(?P<peak>\(?(?:pk|peak))?"
)
_STATEMENTS: Final = (
    re.compile(_FULL + _LINK + _LEVEL, re.IGNORECASE),
    re.compile(_LEVEL + r"\)?" + _EQUALS + _FULL, re.IGNORECASE),
)


@dataclass(frozen=True, slots=True)
class FullScale:
    """The level of full scale that a file states.

    Parameters
    ----------
    level : float
        Level in dB re 20 µPa, from 60 to 199 dB.
    place : str
        The part of the file that states it.
    peak : bool
        True if it is called a peak level; if not, it may also be the rms level of a sine, which is
        3 dB lower.
    """

    level: float
    place: str
    peak: bool


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    yield "name", path.stem
    with open(path, "rb") as file:
        reader = Chunks(file, path.stat().st_size)
        if reader.form in (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"W64", b"caff"):
            for chunk in reader.chunks(reader.first):
                if chunk.name in _TEXTS:
                    content = reader.at(chunk.start, min(max(chunk.size, 0), _MOST))
                    text = content.replace(b"\0", b" ").decode("utf-8", errors="replace")
                    yield f"chunk {chunk.name.decode()}", text


def stated_full_scale(path: Path) -> FullScale | None:
    """Return the level of full scale that the name or a text of a file states; None if none does.

    Parameters
    ----------
    path : Path
        An audio file that can be read.

    Examples
    --------
    A sound level meter has named a file ``SLM_Audio_FS133.0dB(PK)_00.wav``: 133 dB, peak.
    """
    for place, text in _texts(path):
        for statement in _STATEMENTS:
            if found := statement.search(text):
                level = float(found["level"].replace(",", "."))
                return FullScale(level, place, bool(found["peak"]))
    return None


def other_full_scale(path: Path, sensitivities: Mapping[str, float]) -> tuple[Flag, ...]:
    """Return a flag if a file states another level of full scale than its calibration has.

    Parameters
    ----------
    path : Path
        An audio file that can be read.
    sensitivities : mapping of str to float
        Sensitivity per channel in Pa per full scale.
    """
    found = stated_full_scale(path)
    if found is None:
        return ()
    levels = {name: pascal_to_level(value) for name, value in sensitivities.items()}
    other = [name for name in levels if abs(levels[name] - found.level) > _LIMIT_DB]
    if not other:
        return ()
    known = ", ".join(f"{levels[name]:.1f} dB ({name})" for name in other)
    kind = "" if found.peak else ", read as a peak level,"
    text = (
        f"its {found.place} states {found.level:g} dB{kind} at full scale, its calibration gives "
        f"{known}: one of them is wrong, or the gain was changed; --full-scale {found.level:g} "
        "takes what the file states"
    )
    return (Flag(STATED, text),)

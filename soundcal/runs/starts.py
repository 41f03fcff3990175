"""The time at which a recording starts: from its name, the record beside it, or its header.

Recorders state local time without naming its zone, in file names as in the chunk ``bext`` of a
broadcast WAV (EBU Tech 3285), so a time from these counts only if the zone is stated.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from soundcal.errors import ParameterError, RecordError
from soundcal.files.chunks import Chunks

__all__ = ["RecorderClock", "microseconds", "time_zone"]

_PARTS: Final[Mapping[str, str]] = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{1,2}",
    "d": r"\d{1,2}",
    "j": r"\d{3}",
    "H": r"\d{1,2}",
    "M": r"\d{1,2}",
    "S": r"\d{1,2}",
    "f": r"\d{1,6}",
    "z": r"(?:Z|[+-]\d{2}:?\d{2})",
    "%": "%",
}
"""Text that the directives of :meth:`datetime.datetime.strptime` stand for in a file name."""

_NEEDED: Final = ("YmdHM", "YjHM")
"""Directives without which a time is not known; strptime would take 1900-01-01 00:00 for them."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BEXT_DATE: Final = slice(320, 338)
"""OriginationDate and OriginationTime in ``bext``, as yyyy-mm-dd and hh:mm:ss."""
_BEXT_REFERENCE: Final = slice(338, 346)
"""TimeReference in ``bext``: samples since midnight."""

AMBIGUOUS: Final = "start in the hour that the clocks repeat; taken as before the change"


def microseconds(when: datetime) -> int:
    """Return a time in microseconds since 1970-01-01 UTC."""
    return (when - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class RecorderClock:
    """The rule by which start times are found.

    Parameters
    ----------
    start_from : str
        Date and time in the name of a file, such as ``%Y%m%d_%H%M%S``; "" if names do not tell.
    time_zone : str
        Zone of the times in names and headers, such as ``Europe/Berlin`` or ``UTC``; "" if unknown.

    Raises
    ------
    ParameterError
        Unknown zone, or a pattern that does not give a date and time; or a pattern without a zone.
    """

    start_from: str = ""
    time_zone: str = ""

    def __post_init__(self) -> None:
        if self.time_zone:
            time_zone(self.time_zone)
        if not self.start_from:
            return
        _regex(self.start_from)
        if not self.time_zone and "%z" not in self.start_from:
            raise ParameterError(
                f"--start-from {self.start_from}: the zone of these times is needed; give "
                "--time-zone, such as Europe/Berlin or UTC"
            )

    def start(
        self, name: str, record: bytes, file: BinaryIO, size: int, fs: int
    ) -> tuple[int | None, str]:
        """Return the start of a recording in µs since 1970 UTC, or None; and a reason for doubt.

        Parameters
        ----------
        name : str
            Path or address of the file.
        record : bytes
            The record beside it; empty if there is none.
        file : binary file
            The audio file.
        size : int
            Its size in bytes.
        fs : int
            Sampling rate in Hz.

        Raises
        ------
        RecordError
            The name does not hold a time as stated, or the local time does not exist.
        """
        if self.start_from:
            return self._in_utc(_in_name(name, self.start_from), name)
        if (started := _in_record(record)) is not None:
            return microseconds(started), ""
        if self.time_zone and (stated := _in_header(file, size, fs)) is not None:
            return self._in_utc(stated, name)
        return None, ""

    def _in_utc(self, stated: datetime, name: str) -> tuple[int, str]:
        if stated.tzinfo is not None:
            return microseconds(stated), ""
        local = stated.replace(tzinfo=time_zone(self.time_zone))
        if local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) != stated:
            raise RecordError(
                f"{name}: starts at {stated}, which the clocks of {self.time_zone} skip; the "
                "recorder's clock had another zone (--time-zone)"
            )
        twice = local.utcoffset() != local.replace(fold=1).utcoffset()
        return microseconds(local), AMBIGUOUS if twice else ""


def time_zone(name: str) -> ZoneInfo:
    """Return a time zone by its name in the IANA time zone database.

    Raises
    ------
    ParameterError
        There is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ParameterError(
            f"{name!r} is not a time zone; a name of the IANA time zone database is expected, such "
            "as Europe/Berlin, Australia/Lord_Howe or UTC"
        ) from error


def _regex(pattern: str) -> re.Pattern[str]:
    """Return the expression for a date and time in a file name."""
    found = named = ""
    place = 0
    while place < len(pattern):
        letter = pattern[place]
        if letter != "%":
            found += re.escape(letter)
            place += 1
            continue
        directive = pattern[place + 1 : place + 2]
        if directive not in _PARTS:
            raise ParameterError(
                f"--start-from {pattern}: %{directive} is not known; there are "
                f"{', '.join(f'%{known}' for known in _PARTS)}"
            )
        found += _PARTS[directive]
        named += directive
        place += 2
    if not any(set(named.replace("y", "Y")) >= set(needed) for needed in _NEEDED):
        raise ParameterError(
            f"--start-from {pattern}: date with its year, hour and minute are expected, such as "
            "%Y%m%d_%H%M%S"
        )
    return re.compile(rf"(?<!\d){found}(?!\d)")


def _in_name(name: str, pattern: str) -> datetime:
    found = _regex(pattern).findall(os.path.basename(name))
    if len(found) != 1:
        many = "several times" if found else "no time"
        raise RecordError(f"{name}: {many} as {pattern} in its name (--start-from)")
    try:
        return datetime.strptime(found[0], pattern)
    except ValueError as error:
        raise RecordError(f"{name}: {found[0]} is not a time ({error})") from error


def _in_record(record: bytes) -> datetime | None:
    """Return the start that soundcal's record of a recording states."""
    try:
        content = json.loads(record)
        if not str(content["schema"]).startswith("soundcal/recording/"):
            return None
        started = datetime.fromisoformat(content["capture"]["started"])
    except (ValueError, TypeError, KeyError):
        return None  # no record, or of another program
    return started if started.tzinfo is not None else None


def _in_header(file: BinaryIO, size: int, fs: int) -> datetime | None:
    """Return the local time in the chunk ``bext``; None if there is none."""
    file.seek(0)
    chunks = Chunks(file, size)
    for chunk in chunks.chunks(chunks.first):
        if chunk.name == b"data":
            return None
        if chunk.name == b"bext":
            return _stated(chunks.at(chunk.start, min(chunk.size, 602)), fs)
    return None


def _stated(bext: bytes, fs: int) -> datetime | None:
    """Return the date and time of a ``bext``, to the sample if its two statements agree."""
    text = bext[_BEXT_DATE].decode("ascii", "replace")
    digits = re.sub(r"\D", "", text)  # the separators differ between recorders
    try:
        when = datetime.strptime(digits, "%Y%m%d%H%M%S")
    except ValueError:
        return None
    midnight = when.replace(hour=0, minute=0, second=0)
    since = timedelta(seconds=int.from_bytes(bext[_BEXT_REFERENCE], "little") / fs)
    return midnight + since if abs(midnight + since - when) < timedelta(seconds=1) else when

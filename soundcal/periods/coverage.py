"""The time that the pieces of a station cover: what counts, what is left out, and what is missing.

The clock of a recorder, and a start in the name of a file, tell whole seconds. Pieces of one
channel may therefore overlap by up to a second without a conflict. Beyond that, two files claim the
same time: the longer piece counts and the other is left out, so that no second counts twice. A
piece that is not valid is left out as well, and its time is not covered unless another piece has
it.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

__all__ = ["CLOCK_S", "Conflict", "Gap", "Piece", "conflicts", "gaps"]

CLOCK_S: Final = 1.0
"""Seconds that a clock cannot tell: overlaps and gaps up to here are none."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a file, as a dataset lists it.

    Parameters
    ----------
    start : datetime
        UTC.
    seconds : float
        Its sound.
    recording : str
        The file.
    first_sample : int
        Place in the file.
    valid : bool
        False if its values do not stand for the sound.
    flags : tuple of str
        Kinds of the reasons to doubt it.
    calibration : str
        Identity of the calibration.
    """

    start: datetime
    seconds: float
    recording: str
    first_sample: int = 0
    valid: bool = True
    flags: tuple[str, ...] = ()
    calibration: str = ""

    @property
    def end(self) -> datetime:
        """First instant after it, UTC."""
        return self.start + timedelta(seconds=self.seconds)

    @property
    def middle(self) -> datetime:
        """The instant that decides on its period."""
        return self.start + timedelta(seconds=self.seconds / 2)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A piece that is left out because a longer one claims the same time.

    Parameters
    ----------
    piece, kept : Piece
        The piece left out, and one that counts in its place.
    seconds : float
        Time that both claim.
    """

    piece: Piece
    kept: Piece
    seconds: float


@dataclass(frozen=True, slots=True)
class Gap:
    """A span without sound between two pieces, UTC."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Length in s."""
        return (self.end - self.start).total_seconds()


def _shared(a: Piece, b: Piece) -> float:
    """Return the seconds that two pieces share; 0 for what a clock cannot tell."""
    seconds = (min(a.end, b.end) - max(a.start, b.start)).total_seconds()
    return seconds if seconds > min(CLOCK_S, a.seconds / 2, b.seconds / 2) else 0.0


def conflicts(pieces: Iterable[Piece]) -> list[Conflict]:
    """Return the pieces of one channel of a station that claim the time of longer ones.

    The order of the pieces does not matter: the longer piece counts; of equal ones the earlier,
    then the one whose file comes first by name.

    Examples
    --------
    A recorder whose clock was set back by 5 s between two files:

    >>> from datetime import UTC
    >>> noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    >>> rest = Piece(noon, 5.0, "a.wav")
    >>> [c.piece.recording for c in conflicts([rest, Piece(noon, 600.0, "b.wav")])]
    ['a.wav']
    """
    first = attrgetter("start", "recording", "first_sample")
    kept: list[Piece] = []
    found: list[Conflict] = []
    for piece in sorted(pieces, key=lambda p: (-p.seconds, *first(p))):
        if not piece.valid:
            continue
        place = bisect_left(kept, first(piece), key=first)
        near = kept[max(place - 1, 0) : place + 1]
        other = max(near, key=lambda other: _shared(piece, other), default=None)
        if other is not None and (seconds := _shared(piece, other)):
            found.append(Conflict(piece, other, seconds))
        else:
            insort(kept, piece, key=first)
    return sorted(found, key=lambda conflict: first(conflict.piece))


def gaps(pieces: Sequence[Piece]) -> list[Gap]:
    """Return the spans between pieces that count, longer than a clock can tell, in order."""
    found: list[Gap] = []
    end: datetime | None = None
    for piece in sorted(pieces, key=attrgetter("start")):
        if end is not None and (piece.start - end).total_seconds() > CLOCK_S:
            found.append(Gap(end, piece.start))
        end = piece.end if end is None else max(end, piece.end)
    return found

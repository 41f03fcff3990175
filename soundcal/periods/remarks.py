"""Remarks on what was left out of the periods of a station, and on what is missing in them."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from soundcal.files.names import some
from soundcal.periods.coverage import CLOCK_S, Conflict, Gap, Piece
from soundcal.recording import counted
from soundcal.units import duration_text

__all__ = [
    "of_conflicts",
    "of_copies",
    "of_failures",
    "of_gaps",
    "of_incomplete",
    "of_not_valid",
    "of_undated",
]

LONG_GAP: Final = timedelta(days=366)
"""Gap whose empty periods are not listed: a clock that was reset is more likely."""

_TIME: Final = "%Y-%m-%d %H:%M:%S UTC"


def of_conflicts(who: str, found: Sequence[Conflict]) -> Iterator[str]:
    """Give a remark on pieces that claim the time of longer ones."""
    if not found:
        return
    first = found[0]
    seconds = sum(conflict.piece.seconds for conflict in found)
    yield (
        f"{who}: {counted(len(found), 'piece')} ({duration_text(seconds)}) left out, because "
        f"longer ones claim the same time; first {first.piece.recording} at "
        f"{first.piece.start:{_TIME}}, where {first.kept.recording} counts. A clock "
        "was set back, files are there twice, or two recorders share the name of a station "
        "(--station)"
    )


def of_copies(station: str, found: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Give a remark on pieces of files that count under another name: their names, and these."""
    if found:
        yield (
            f"{station}: {counted(len(found), 'piece')} left out, because the same files are there "
            f"under other names (links or copies); first {found[0][0]}, where {found[0][1]} counts"
        )


def of_not_valid(who: str, pieces: Iterable[Piece]) -> Iterator[str]:
    """Give a remark on pieces that are not valid."""
    found = [piece for piece in pieces if not piece.valid]
    if not found:
        return
    kinds = Counter(kind for piece in found for kind in set(piece.flags))
    seconds = sum(piece.seconds for piece in found)
    why = ", ".join(f"{kind} in {n}" for kind, n in kinds.most_common())
    yield (
        f"{who}: {counted(len(found), 'piece')} ({duration_text(seconds)}) left out as not valid"
        f"{f': {why}' if why else ''}; first {found[0].recording} at {found[0].start:{_TIME}}"
    )


def of_incomplete(station: str, pieces: Iterable[tuple[str, float, float]]) -> Iterator[str]:
    """Give a remark on files of which pieces are missing.

    A piece is its recording, its seconds, and those of the whole file.
    """
    left: dict[str, float] = {}
    for recording, seconds, whole in pieces:
        left[recording] = left.get(recording, whole) - seconds
    missing = {recording: seconds for recording, seconds in left.items() if seconds > CLOCK_S}
    if missing:
        yield (
            f"{station}: {duration_text(sum(missing.values()))} of {some(sorted(missing))} missing "
            "in the dataset: pieces that failed, or that were not measured yet; the command of the "
            "run measures them"
        )


def of_failures(failures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Give a remark on pieces and files that could not be measured."""
    if not failures:
        return
    paths = dict.fromkeys(failure["recording"] for failure in failures)
    yield (
        f"{counted(len(failures), 'piece or file', 'pieces or files')} could not be measured and "
        f"{'is' if len(failures) == 1 else 'are'} missing: {some(paths)}; first reason: "
        f"{failures[0]['reason']}. The command of the run tries again"
    )


def of_undated(station: str, n: int, recordings: Collection[str]) -> str:
    """Return a remark on pieces without a start."""
    return (
        f"{station}: {counted(n, 'piece')} of {some(sorted(recordings))} in no period, because the "
        "start is not known; measure with --start-from"
    )


def of_gaps(station: str, found: Sequence[Gap]) -> Iterator[str]:
    """Give a remark on spans without sound, and on a clock that was reset."""
    if not found:
        return
    longest = max(found, key=lambda gap: gap.seconds)
    seconds = sum(gap.seconds for gap in found)
    text = (
        f"{station}: {counted(len(found), 'gap')} without sound, {duration_text(seconds)} "
        f"together; the longest {duration_text(longest.seconds)} from {longest.start:{_TIME}}"
    )
    if longest.end - longest.start > LONG_GAP:
        text += "; was a clock reset? The periods in a gap of more than a year are not listed"
    yield text

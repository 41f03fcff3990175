"""Flags of the way in which recordings are analysed: the same for many, and said once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from soundcal.files.names import some
from soundcal.recording import EAR_DRUM, EQUALISED_PEAK, NOT_MEASURED, Flag
from soundcal.response.tables import NOT_YOUR_HATS
from soundcal.study.model import Source

__all__ = ["is_common", "without_common"]

_COMMON: Final = (EAR_DRUM, EQUALISED_PEAK, NOT_YOUR_HATS)

_CANCELS: Final = (
    "In comparisons of conditions at the same ear drum this error cancels in levels and mostly in "
    "ratios of loudness, but not in absolute values."
)


def is_common(flag: Flag) -> bool:
    """Return whether a flag comes from the reference point and the responses, not from the take."""
    return flag.kind in _COMMON


def without_common(sources: Sequence[Source]) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    """Return the recordings without the flags that :func:`is_common` names, and these in words.

    Where some of several conditions were at the ear drum and others were not, that is said too.
    """
    found: dict[Flag, list[Source]] = {}
    for source in sources:
        for flag in filter(is_common, source.flags):
            found.setdefault(flag, []).append(source)
    failed = [s for s in sources if any(flag.kind == NOT_MEASURED for flag in s.flags)]
    words = []
    for flag, flagged in found.items():
        paths = {source.path for source in flagged}
        others = [s for s in sources if s.path not in paths and s not in failed]
        names = some(s.path for s in flagged) if others else "All recordings"
        words.append(f"{names}: {flag}.")
        if flag.kind == EAR_DRUM:
            words += _compared(flagged, others)
    own = tuple(
        replace(s, flags=tuple(flag for flag in s.flags if not is_common(flag))) for s in sources
    )
    return own, tuple(words)


def _compared(at_drum: Sequence[Source], others: Sequence[Source]) -> list[str]:
    """Return the effect of the error on comparisons of conditions, if there are several."""
    conditions = dict.fromkeys(s.condition for s in at_drum)
    elsewhere = list(dict.fromkeys(s.condition for s in others))
    if len({*conditions, *elsewhere}) < 2:
        return []
    if not elsewhere:
        return [_CANCELS]
    return [
        f"Recordings of {some(elsewhere)} are not stated to be at the ear drum, those of "
        f"{some(conditions)} are; differences between them may contain the outer ear."
    ]

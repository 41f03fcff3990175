"""Tones followed from segment to segment.

A tone continues the nearest one of the segment before if it is at most an eighth of the critical
bandwidth away from it; stronger tones choose first. This is soundcal's own rule.
"""

from dataclasses import dataclass, field

import numpy as np

from soundcal.indicators.prominence.bands import critical_bandwidth
from soundcal.indicators.prominence.result import RatedTone, ToneTrack

__all__ = ["Tracking"]


@dataclass(slots=True)
class _Open:
    """A track that may still continue."""

    times: list[float] = field(default_factory=list)
    tones: list[RatedTone] = field(default_factory=list)


class Tracking:
    """Joins the tones of consecutive segments."""

    def __init__(self) -> None:
        self._all: list[_Open] = []
        self._last: list[_Open] = []

    def take(self, time: float, tones: list[RatedTone]) -> None:
        """Take the tones of the next segment, whose middle is at ``time`` in s."""
        before, now = self._last, []
        for tone in sorted(tones, key=lambda tone: -tone.level):
            near = [track for track in before if _distance(tone, track) <= 0.125]
            if near:
                track = min(near, key=lambda track: _distance(tone, track))
                before = [other for other in before if other is not track]
            else:
                track = _Open()
                self._all.append(track)
            track.times.append(time)
            track.tones.append(tone)
            now.append(track)
        self._last = now

    def tracks(self) -> tuple[ToneTrack, ...]:
        """Return the tracks in the order of their beginnings."""
        return tuple(_closed(track) for track in self._all)


def _distance(tone: RatedTone, track: _Open) -> float:
    """Return the distance of a tone from the end of a track in critical bandwidths."""
    last = track.tones[-1].frequency
    return abs(tone.frequency - last) / critical_bandwidth(last)


def _closed(track: _Open) -> ToneTrack:
    def column(name: str) -> np.ndarray:
        return np.array([getattr(tone, name) for tone in track.tones])

    return ToneTrack(
        times=np.array(track.times),
        frequency=column("frequency"),
        level=column("level"),
        tnr=column("tnr"),
        pr=column("pr"),
        audible=column("audible"),
        tnr_prominent=column("tnr_prominent"),
        pr_prominent=column("pr_prominent"),
    )

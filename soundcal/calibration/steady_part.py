"""The steady part of a recording of a sound calibrator: where the tone neither comes nor goes.

In the field the recorder runs while the calibrator is put on and taken off. The tone is followed in
windows of 40 ms; a part is steady where its level, averaged over 0.1 s, stays within the
fluctuation that IEC 60942 allows and other sound is weak. The longest part is the calibrator's,
unless the rest of the file speaks against it:

* another part is steady at another level: a level switch, a gain that was changed, a leak;
* the level creeps towards or away from a steady part, as behind an automatic gain control: its
  steady level is not that of a linear input;
* two parts are less than 0.2 s apart: nobody takes a calibrator off and puts it on again as fast,
  so samples were lost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Samples
from soundcal.calibration.tone import HOP_S, WINDOW_S, envelope
from soundcal.errors import ToneNotFound

__all__ = ["SHORTEST_S", "SteadyPart", "longest_steady_part", "steady_parts"]

SHORTEST_S: Final = 10.0
"""Shortest part in s that is chosen without a person: as long as a take needs to be."""

_MEAN: Final = 10
"""Windows over which levels are averaged: 0.1 s."""

_NAMED_S: Final = 1.0
"""Shortest part in s that is looked for."""

_OTHER_S: Final = 2.0
_OTHER_DB: Final = 30.0
"""Parts of this length (s) and not more than this weaker are tones that somebody made."""

_APART_S: Final = 0.2
_BROKEN_DB: Final = 0.3
"""A tone that changes by more than ``_BROKEN_DB`` for less than ``_APART_S`` has lost samples."""

_LEVEL_DB: Final = 0.01
_SIGMAS: Final = 3.0
"""A part begins and ends where its level is within this of its median, or within this many robust
standard deviations."""

_GUARD_S: Final = 0.1
"""Time left out next to a disturbance, s."""

_CREEP_DB: Final = 0.5
_CREEP_LEAST_DB: Final = 0.1
_CREEP_S: Final = 0.4
_CREEP_DOWN_S: Final = 0.3
"""A level creeps if it approaches that of a part steadily from within ``_CREEP_DB`` below for
``_CREEP_S``, which is longer than a person needs to put a calibrator on; or from anywhere above for
``_CREEP_DOWN_S``, which no calibrator does: gain controls with a time constant from 0.1 s up."""

_OTHER_SOUND: Final = 0.05
"""Accepted rms of everything beside the tone in a window, relative to the tone: twice the limit of
class 1 (IEC 60942:2017), because windows scatter."""

_RUMBLE_HZ: Final = 20.0
_ABSENT_DB: Final = -40.0


@dataclass(frozen=True, slots=True)
class SteadyPart:
    """A part of a recording in which a tone is steady.

    Parameters
    ----------
    start, end : float
        Its limits in s.
    level : float
        Level of the tone in dB re full scale.
    """

    start: float
    end: float
    level: float

    @property
    def duration(self) -> float:
        """Its length in s."""
        return self.end - self.start

    def __str__(self) -> str:
        return f"from {self.start:.2f} s to {self.end:.2f} s"


@dataclass(frozen=True, slots=True)
class _Levels:
    """Levels of a tone along a recording, in dB re full scale."""

    hop_s: float
    """Time between windows, s."""
    single: Array
    """Per window of 40 ms."""
    mean: Array
    """Over 0.1 s."""
    fine: NDArray[np.bool_]
    """True where other sound is weak, over 0.1 s."""


@dataclass(frozen=True, slots=True)
class _Span:
    """A steady part: its first and its last index in ``_Levels.mean``."""

    first: int
    last: int
    level: float
    scatter: float


def steady_parts(
    x: Samples, fs: int, frequency: float, *, fluctuation: float = 0.07
) -> list[SteadyPart]:
    """Return the parts of 1 s or more in which a tone is steady, in the order of time.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Digital samples of one channel.
    fs : int
        Sampling rate in Hz.
    frequency : float
        Nominal frequency of the tone, Hz.
    fluctuation : float
        Accepted fluctuation of the level, ± dB.

    Examples
    --------
    >>> wave = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(96000) / 8000)
    >>> wave[:16000] *= np.random.default_rng(1).uniform(size=16000)
    >>> for part in steady_parts(wave, 8000, 1000.0):
    ...     print(part, round(part.level, 2))
    from 2.10 s to 12.00 s -23.01
    """
    levels = _levels(x, fs, frequency)
    return [_part(span, levels, x.size / fs) for span in _spans(levels, fluctuation)]


def longest_steady_part(
    x: Samples, fs: int, frequency: float, *, fluctuation: float = 0.07
) -> SteadyPart:
    """Return the longest steady part, if it is long enough and nothing speaks against it.

    Parameters as for :func:`steady_parts`.

    Raises
    ------
    ToneNotFound
        No part lasts 10 s; or two are steady at different levels, the level creeps like that of an
        automatic gain control, or the tone is interrupted too briefly. The message states the
        steady parts.
    """
    levels = _levels(x, fs, frequency)
    spans = _spans(levels, fluctuation)
    parts = [_part(span, levels, x.size / fs) for span in spans]
    if not parts:
        raise ToneNotFound(
            f"there is no part of {_NAMED_S:g} s with a steady tone of {frequency:g} Hz and little "
            "other sound"
        )
    longest = max(range(len(parts)), key=lambda n: parts[n].duration)
    found = parts[longest]
    tones = [
        n for n, part in enumerate(parts) if abs(part.level - found.level) <= 2.0 * fluctuation
    ]
    for n in tones:
        if parts[n].duration >= _OTHER_S and (size := _creep(levels, spans[n])):
            side = "before" if size > 0 else "after"
            raise ToneNotFound(
                f"the level creeps by {abs(size):.2f} dB or more {side} the part {parts[n]}, in "
                "which it is steady, as behind an automatic gain control, which makes the level "
                "of that part wrong; turn it off (or wait until the calibrator has settled) and "
                f"record again, or, if you know the cause, {_by_hand(parts[n])}"
            )
    _refuse_other_levels(parts, found, fluctuation)
    for before, after in pairwise(tones):
        _refuse_interruption(levels, spans[before], spans[after], found)
    if found.duration < SHORTEST_S:
        others = ", ".join(str(parts[n]) for n in tones if parts[n] is not found)
        raise ToneNotFound(
            f"the tone is steady {found} only ({found.duration:.2f} s)"
            f"{f', besides {others}' if others else ''}; at least {SHORTEST_S:g} s are taken "
            f"without being asked; to use it, {_by_hand(found)}"
        )
    return found


def _by_hand(part: SteadyPart) -> str:
    return f"choose the part by hand: --from {part.start:.2f} --to {part.end:.2f}"


def _refuse_other_levels(
    parts: Sequence[SteadyPart], found: SteadyPart, fluctuation: float
) -> None:
    others = [
        part
        for part in parts
        if part.duration >= _OTHER_S
        and part.level > found.level - _OTHER_DB
        and abs(part.level - found.level) > 2.0 * fluctuation
    ]
    if others:
        words = "; ".join(
            f"{part.level:.2f} dB re full scale {part}"
            for part in sorted((found, *others), key=lambda part: part.start)
        )
        raise ToneNotFound(
            f"the tone is steady at {len(others) + 1} levels ({words}); if you know which one is "
            f"the calibrator's, {_by_hand(found)}, for example"
        )


def _refuse_interruption(levels: _Levels, before: _Span, after: _Span, found: SteadyPart) -> None:
    """Refuse a tone that is weaker for a time in which nobody can take a calibrator off."""
    first, last = before.last, after.first + _MEAN
    away = levels.single[first:last] - before.level
    broken = np.flatnonzero(np.abs(away) > _BROKEN_DB)
    if not broken.size or (away > _BROKEN_DB).any():
        return  # a bump; what remains is judged by itself
    lasts = (int(broken[-1] - broken[0]) + 1) * levels.hop_s
    if lasts < _APART_S + WINDOW_S:
        at = (first + int(broken[0])) * levels.hop_s + WINDOW_S / 2
        raise ToneNotFound(
            f"the tone is interrupted at {at:.2f} s for less than {_APART_S:g} s: samples were "
            "lost there, and may be elsewhere; record again, or, if you know the cause, "
            f"{_by_hand(found)}"
        )


def _creep(levels: _Levels, span: _Span) -> float:
    """Return the size in dB of a creep before (positive) or after (negative) a part; 0 if none."""
    away = np.where(levels.fine, levels.mean - span.level, np.nan)
    outside = ((1.0, away[: span.first][::-1]), (-1.0, away[span.last + 1 :]))
    for sign, row in outside:
        steps = row[_MEAN - 1 :: _MEAN]  # means that do not overlap, away from the part
        above, below = (_climb(side * steps, span.scatter) for side in (1.0, -1.0))
        below = below[below <= _CREEP_DB]
        for size, seconds in ((above, _CREEP_DOWN_S), (below, _CREEP_S)):
            if size.size >= round(seconds / (HOP_S * _MEAN)) and size[-1] >= _CREEP_LEAST_DB:
                return sign * float(size[-1])
    return 0.0


def _climb(steps: Array, scatter: float) -> Array:
    """Return the first steps, as far as they are positive and none is smaller than the last."""
    tolerance = 2.0 * scatter
    rises = (steps > tolerance / 2.0) & (np.diff(steps, prepend=0.0) >= -tolerance)
    falls = np.flatnonzero(~rises)
    return steps[: falls[0]] if falls.size else steps


def _part(span: _Span, levels: _Levels, duration: float) -> SteadyPart:
    """Return a part in seconds, to the hundredth, away from disturbances."""
    start, end = 0.0, duration
    if span.first > 0:
        start = span.first * levels.hop_s + _GUARD_S
    if span.last < levels.mean.size - 1:
        end = (span.last + _MEAN - 1) * levels.hop_s + WINDOW_S - _GUARD_S
    return SteadyPart(_rounded(start, np.ceil), _rounded(end, np.floor), span.level)


def _rounded(seconds: float, to: Callable[[float], float]) -> float:
    """Return the time to the hundredth; what is a hundredth to within rounding stays."""
    return float(to(round(seconds * 100.0, 6))) / 100.0


def _levels(x: Samples, fs: int, frequency: float) -> _Levels:
    """Follow the tone; its frequency may be some tens of hertz away."""
    turns = envelope(x, fs, _near(x, fs, frequency))
    tone = 2.0 * np.square(np.abs(turns))
    rest = np.maximum(_power(x, fs) - tone, 0.0)
    mean, beside = _moving(tone), _moving(rest)
    lowest = np.finfo(np.float64).tiny
    usual = float(np.quantile(mean, 0.9)) if mean.size else 0.0
    present = mean > max(10.0 ** (_ABSENT_DB / 10.0) * usual, lowest)
    return _Levels(
        round(HOP_S * fs) / fs,
        10.0 * np.log10(np.maximum(tone, lowest)),
        10.0 * np.log10(np.maximum(mean, lowest)),
        present & (beside <= _OTHER_SOUND**2 * mean),
    )


def _near(x: Samples, fs: int, frequency: float) -> float:
    """Return the frequency of the tone, from the turn of its phase between windows."""
    turns = envelope(x, fs, frequency)
    if turns.size < 2:
        return frequency
    loud = np.abs(turns) >= 0.5 * np.quantile(np.abs(turns), 0.9)
    hop = round(HOP_S * fs)
    steps = turns[1:] * np.conj(turns[:-1]) * np.exp(-2j * np.pi * frequency * hop / fs)
    kept = steps[loud[1:] & loud[:-1]]
    if not kept.size:
        return frequency
    turn = float(np.angle(np.median(kept.real) + 1j * np.median(kept.imag)))
    return frequency + turn * fs / (2.0 * np.pi * hop)


def _moving(values: Array) -> Array:
    """Return the means of ten neighbours."""
    if values.size < _MEAN:
        return np.empty(0)
    return np.convolve(values, np.full(_MEAN, 1.0 / _MEAN), "valid")


def _power(x: Samples, fs: int) -> Array:
    """Return the mean square of the sound above 20 Hz under each window."""
    from scipy.signal import butter, sosfilt, sosfilt_zi

    if not x.size:
        return np.empty(0)
    sections = butter(2, _RUMBLE_HZ, "highpass", fs=fs, output="sos")
    start = sosfilt_zi(sections) * x[: round(0.1 * fs)].mean()
    square = np.square(sosfilt(sections, x, zi=start)[0])
    return np.asarray(envelope(square, fs, 0.0).real)  # the weighted means


def _spans(levels: _Levels, fluctuation: float) -> list[_Span]:
    """Return the steady parts, found from the longest to the shortest, in the order of time."""
    free = levels.fine.copy()
    least = round(_NAMED_S / HOP_S)
    spans: list[_Span] = []
    while (found := _longest(levels.mean, free, 2.0 * fluctuation, least)) is not None:
        first, last = found
        free[first : last + 1] = False
        inside = levels.mean[first : last + 1]
        level = float(np.median(inside))
        scatter = 1.4826 * float(np.median(np.abs(inside - level)))
        near = np.flatnonzero(np.abs(inside - level) <= max(_LEVEL_DB, _SIGMAS * scatter))
        first, last = first + int(near[0]), first + int(near[-1])
        if last - first + 1 >= least:
            spans.append(_Span(first, last, level, scatter))
    return sorted(spans, key=lambda span: span.first)


def _longest(
    levels: Array, free: NDArray[np.bool_], width: float, least: int
) -> tuple[int, int] | None:
    """Return the longest run of free levels that differ by at most ``width``, by bisection."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    highest = np.where(free, levels, np.inf)
    lowest = np.where(free, levels, -np.inf)

    def first(n: int) -> int | None:
        if n > levels.size:
            return None
        centre = slice(n // 2, levels.size - (n - 1) // 2)
        span = maximum_filter1d(highest, n)[centre] - minimum_filter1d(lowest, n)[centre]
        fits = np.flatnonzero(span <= width)
        return int(fits[0]) if fits.size else None

    if first(least) is None:
        return None
    good, bad = least, levels.size + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (good, middle) if first(middle) is None else (middle, bad)
    at = first(good)
    return None if at is None else (at, at + good - 1)

"""Sound that a stage needs before and after a piece, so that the piece is as in one run.

Every stage starts at rest. What it would have kept from the sound before decays as exp(−t/τ), so a
piece is computed from an earlier sample on, and what belongs to the time before it is thrown away.
After 34 time constants, 1.7·10⁻¹⁵ is left (−147 dB): levels then agree with one run within 10⁻⁶ dB
and loudness within 10⁻⁶ of itself (or 10⁻¹² sone), as long as the sound of the piece is no more
than 80 dB below that of the warm-up. Where stages follow one another, their time constants add up.
A frame has no memory, and its values are the same as in one run.

Computation starts where the stage's frames, steps and converted samples fall on the same instants
as in a run from the first sample of the file: at a multiple of the grid.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Final

__all__ = ["BOUND", "REACHES", "TIME_CONSTANTS", "Reach", "Span", "reach_of"]

TIME_CONSTANTS: Final = 34
"""Time constants of a warm-up; what is left of the earlier state is exp(−34) = 1.7·10⁻¹⁵."""

_CONVERSION: Final = 0.01
"""Half the length in s of the interpolator that converts a sampling rate, at 8 kHz or more."""


BOUND: Final = (
    "within 1e-6 dB (levels), 1e-6 of the value (loudness, sharpness, hearing model) or 1e-12 "
    "(roughness, fluctuation strength, tonality) of one run over the whole file, if the piece is "
    "at most 80 dB below the sound before it; percentiles within 2**-16 of the value"
)
"""Agreement of merged pieces with one run, for people who read a dataset without soundcal."""


@dataclass(frozen=True, slots=True)
class Span:
    """Samples of a file that a stage reads for a piece.

    Parameters
    ----------
    start, stop : int
        First sample, and the one after the last.
    """

    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Sound that a stage needs beside that of a piece.

    Parameters
    ----------
    before : float
        Time in s before the piece.
    samples_before : int
        The same in samples, if a time constant depends on the sampling rate; the longer counts.
    after : float
        Time in s after it.
    grid : Fraction
        Period in s, on whose multiples computation can start.
    reason : str
        Time constants and frames that the times follow from.
    """

    before: float
    samples_before: int = 0
    after: float
    grid: Fraction
    reason: str

    def span(self, first: int, last: int, fs: int, n_samples: int) -> Span:
        """Return the samples to read for those from ``first`` to before ``last`` of a file.

        >>> REACHES["N"].span(48000 * 60, 48000 * 120, 48000, 48000 * 600)
        Span(start=2370816, stop=5760960)
        """
        unit = (self.grid * fs).numerator
        before = max(math.ceil(self.before * fs), self.samples_before)
        start = max(0, first - before) // unit * unit
        return Span(start, min(n_samples, math.ceil(last + self.after * fs)))


def _both(one: Reach, other: Reach) -> Reach:
    common = Fraction(
        math.lcm(one.grid.numerator, other.grid.numerator),
        math.gcd(one.grid.denominator, other.grid.denominator),
    )
    return Reach(
        before=max(one.before, other.before),
        samples_before=max(one.samples_before, other.samples_before),
        after=max(one.after, other.after),
        grid=common,
        reason="; ".join(dict.fromkeys((one.reason, other.reason))),
    )


def _level(time_constant: float, reason: str) -> Reach:
    # the weightings' slowest poles are a pair at 20.6 Hz, 7.7 ms each
    before = TIME_CONSTANTS * (time_constant + 2 * 0.0077)
    return Reach(before=before, after=0.0, grid=Fraction(1, 200), reason=reason)


def _frame(length: float, hop: Fraction) -> Reach:
    """Return the reach of a method by frames, so that the shortest piece has a whole frame."""
    around = length + _CONVERSION
    return Reach(
        before=around, after=around, grid=hop, reason=f"frames of {length:g} s without memory"
    )


_ZWICKER: Final = Reach(
    before=TIME_CONSTANTS * (0.140 + 0.027 + 0.075 + 0.070),
    after=_CONVERSION + 0.01,
    grid=Fraction(1, 500),
    reason="band filter at 25 Hz 0.14 s, its smoothing 27 ms, nonlinear decay 75 ms, temporal "
    "weighting 70 ms",
)

_BANDS: Final = Reach(
    before=TIME_CONSTANTS * 0.154,
    samples_before=TIME_CONSTANTS * 5_950,
    after=0.0,
    grid=Fraction(1, 8),
    reason="filter of the third octave at 20 Hz, slowest pole 0.154 s; of a band that half the "
    "sampling rate cuts off, 5,950 samples",
)

_HEARING_MODEL: Final = Reach(
    before=TIME_CONSTANTS * 3 * 0.0268 + 0.6,
    after=0.7,
    grid=Fraction(8192, 48000),
    reason="low-pass of three poles of 27 ms, blocks of 0.17 s and their neighbours",
)

REACHES: Final = {
    "F-weighted level": _level(0.125, "time weighting F 0.125 s"),
    "S-weighted level": _level(1.0, "time weighting S 1 s"),
    "I-weighted level": _level(1.5 + 0.035, "time weighting I, which falls with 1.5 s"),
    "Loct": _BANDS,
    "Lthird": _BANDS,
    "N": _ZWICKER,
    "S": _ZWICKER,
    "R": _frame(0.2, Fraction(1, 10)),
    "F": _frame(2.0, Fraction(1, 5)),
    "T": _frame(0.25, Fraction(1, 8)),
    "NHM": _HEARING_MODEL,
    "THM": _HEARING_MODEL,
    "RHM": Reach(
        before=TIME_CONSTANTS * 0.5 + 1.0,
        after=0.6,
        grid=Fraction(61440, 48000),
        reason="smoothing 0.5 s, blocks of 0.34 s every 85 ms with their neighbours",
    ),
    "FHM": Reach(
        before=TIME_CONSTANTS * 0.75 + 3.5,
        after=5.0,
        grid=Fraction(245760, 48000),
        reason="smoothing 0.75 s, blocks of 1.37 s every 0.34 s with their neighbours, median of "
        "1.4 s",
    ),
}
"""What each symbol of the registry, and each time weighting of a level, needs."""


def reach_of(names: Iterable[str]) -> Reach:
    """Return what a stage needs that computes several entries of :data:`REACHES` together.

    >>> reach_of(["NHM", "FHM"]).before, reach_of(["NHM", "FHM"]).grid
    (29.0, Fraction(128, 25))
    """
    return reduce(_both, (REACHES[name] for name in names))

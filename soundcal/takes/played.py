"""What a stimulus alone tells, found once for all takes of it.

A stimulus is played several times in a row: at the gains of a search, by one method after another.
Results are remembered by the samples, so that a stimulus that was changed is another one.
"""

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Concatenate, Final, ParamSpec, TypeVar

from soundcal.arrays import Samples
from soundcal.recording import sample_digest

__all__ = ["Played", "known_stimulus", "remembered", "remembered_spectra"]

P = ParamSpec("P")
R = TypeVar("R")

_LONGEST: Final = 1 << 22
"""Samples of all channels up to which anything is remembered: 44 s of two channels at 48 kHz."""

_KEPT: Final = 8
"""Number of results that each function remembers: two stimuli of two channels, twice."""

_SHORT: Final = 1 << 20
"""Samples up to which spectra are remembered, which are some times as large: 11 s of two channels;
of the newest stimulus only."""


class Played:
    """Played samples, shape (n,) or (n_outputs, n), known by their content."""

    def __init__(self, samples: Samples, key: str | None = None) -> None:
        self.samples = samples
        self.key = key
        if key is None:
            self.key = sample_digest(samples) if samples.size <= _LONGEST else ""

    def beginning(self, n: int) -> "Played":
        """Return the first n samples."""
        return self if n == self.samples.shape[-1] else Played(self.samples[..., :n])

    def channel(self, number: int) -> "Played":
        """Return one channel."""
        return Played(self.samples[number], f"{self.key}/{number}" if self.key else "")


def known_stimulus(played: Samples | Played) -> Played:
    """Return played samples with their content known."""
    return played if isinstance(played, Played) else Played(played)


def remembered(
    function: Callable[Concatenate["Played", P], R],
) -> Callable[Concatenate["Played", P], R]:
    """Let a function of a stimulus, and of numbers, remember its newest results."""
    return _remembering(function, _LONGEST, _KEPT)


def remembered_spectra(
    function: Callable[Concatenate["Played", P], R],
) -> Callable[Concatenate["Played", P], R]:
    """Let a function remember its results, as :func:`remembered`, but of short stimuli only."""
    return _remembering(function, _SHORT, 2)


def _remembering(
    function: Callable[Concatenate["Played", P], R], longest: int, kept: int
) -> Callable[Concatenate["Played", P], R]:
    known: dict[Hashable, R] = {}

    @wraps(function)
    def remembering(played: Played, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if not played.key or played.samples.size > longest:
            return function(played, *args, **kwargs)
        key = (played.key, played.samples.shape, args, *kwargs.items())
        if key not in known:
            if len(known) >= kept:
                del known[next(iter(known))]
            known[key] = function(played, *args, **kwargs)
        return known[key]

    return remembering

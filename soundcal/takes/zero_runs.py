"""Exact zeros between samples that are not small, in a file of which nothing else is known.

:mod:`soundcal.takes.gaps` counts every run of zeros on all inputs, because the noise of an analogue
input is never zero for long. A file may hold less than that noise: with 16 bits, a quiet passage is
zero for a while by itself. It then begins and ends with the smallest samples that the file can
hold; where samples were lost, the sound breaks off and comes back at its full size.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Samples

__all__ = ["ZeroRuns"]

_EDGE: Final = 16
"""Samples on either side of a run that are looked at; a run has at least twice as many."""

_LARGE: Final = 4.5
"""The sound is large at an edge if a sample exceeds this many times the smallest change there. In a
passage that is quantised to zero, that change is one step, and the samples are up to four."""


class ZeroRuns:
    """A search for exact zeros in channels that fall silent together, block by block.

    Parameters
    ----------
    shortest : int
        Shortest run in samples that is reported, 32 or more.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(0.0, 0.1, (1, 9600))
    >>> noise[0, 4800:4900] = 0.0
    >>> runs = ZeroRuns(32)
    >>> runs.push(noise)
    >>> runs.count, runs.lost, runs.first, runs.start, runs.end
    (1, 100, 4800, 0, 0)
    """

    def __init__(self, shortest: int) -> None:
        self._shortest = shortest
        self.start = 0
        """Zeros before the first sound, if it begins at its full size."""
        self.count = self.lost = self.first = 0
        """Number of runs within the sound, samples in them, and place of the first."""
        self._position = self._run = 0
        self._begun = False
        self._last = np.zeros((0, 0))

    def push(self, samples: Samples) -> None:
        """Take the next samples, shape (n_channels, n), n > 0."""
        n = samples.shape[1]
        if self._run or _may_be_silent(samples):
            self._look(samples)
        else:
            self._last, self._begun = samples[:, -_EDGE:].copy(), True
        self._position += n

    @property
    def end(self) -> int:
        """Zeros after the last sound, if it breaks off at its full size."""
        return self._run if self._begun and self._run and self._breaks_off else 0

    @property
    def _breaks_off(self) -> bool:
        return bool(_large(self._last[:, np.newaxis, ::-1])[0])

    def _look(self, samples: Samples) -> None:
        n = samples.shape[1]
        places = np.flatnonzero(samples.any(axis=0))
        if places.size == 0:
            self._run += n
            return
        before = np.concatenate([[-1 - self._run], places[:-1]])
        lengths = places - before - 1
        found = np.flatnonzero(lengths >= self._shortest)
        within = found[found > 0]
        steps = np.arange(_EDGE)
        after = samples[:, np.minimum(places[found, np.newaxis] + steps, n - 1)]
        earlier = samples[:, np.maximum(before[within, np.newaxis] - steps, 0)]
        back = _large(after)
        off = np.ones(found.size, dtype=np.bool_)
        off[found > 0] = _large(earlier)
        if found.size and found[0] == 0:
            if self._begun:
                off[0] = self._breaks_off
            else:
                self.start = int(lengths[0]) if back[0] else 0
                back[0] = False
        self._note(lengths[found], places[found], back & off)
        self._begun = True
        self._run = n - 1 - int(places[-1])
        self._last = samples[:, max(0, int(places[-1]) + 1 - _EDGE) : places[-1] + 1].copy()

    def _note(
        self, lengths: NDArray[np.intp], ends: NDArray[np.intp], lost: NDArray[np.bool_]
    ) -> None:
        if self.count == 0 and np.any(lost):
            place = int(np.argmax(lost))
            self.first = self._position + int(ends[place] - lengths[place])
        self.count += int(np.count_nonzero(lost))
        self.lost += int(lengths[lost].sum())


def _may_be_silent(samples: Samples) -> bool:
    """Return whether a run of zeros may touch an end, or be long enough, by every 16th sample."""
    if not (samples[:, 0].any() and samples[:, -1].any()):
        return True
    silent: NDArray[np.bool_] = ~np.logical_or.reduce(samples[:, ::_EDGE], axis=0)
    return bool(np.any(silent[1:] & silent[:-1]))


def _large(edges: Samples) -> NDArray[np.bool_]:
    """Return whether any channel is large next to zeros.

    Parameters
    ----------
    edges : ndarray, shape (n_channels, n_edges, n)
        Samples next to the zeros, the nearest first.
    """
    first = edges[:, :, :1]
    changes = np.abs(np.diff(edges, axis=2, prepend=np.zeros_like(first)))
    smallest = np.where(changes > 0.0, changes, np.inf).min(axis=2)
    large = np.abs(edges).max(axis=2) > _LARGE * smallest
    found: NDArray[np.bool_] = np.logical_or.reduce(large, axis=0)
    return found

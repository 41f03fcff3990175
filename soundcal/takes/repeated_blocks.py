"""Blocks that a driver delivered twice.

When a block is lost, some drivers and converters repeat the previous one in its place. The noise of
an analogue input never repeats: two blocks that agree in every bit are one block, delivered twice.
A digital signal without noise may repeat itself, such as a tone whose period is a whole number of
samples; it does so everywhere, or wherever the stimulus does.

Repetitions are found by fingerprints. Every four samples in a row on all inputs give one number;
equal numbers at a distance of 64 to 8192 samples point to the distance at which whole blocks are
then compared. Blocks with hardly any changes, such as silence, do not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Samples
from soundcal.takes.kernels import changes_in, distances_of, fingerprints

__all__ = ["REPEATED_BLOCKS", "Repeats"]


REPEATED_BLOCKS: Final = "repeated blocks"
"""Name of the check of a take by :class:`Repeats`."""

SHORTEST: Final = 64
LONGEST: Final = 8192
"""Shortest and longest block in samples that is searched for; drivers use powers of two between."""

_CHANGES: Final = 32
"""Fewest changes from sample to sample in a block: with fewer, it may repeat by chance."""

_PERIODS: Final = 8
"""A block that repeats more often in a row is a periodic signal, or a device that is stuck."""

_PERIODIC: Final = 0.5
"""Share of periodic samples at which the whole take counts as a periodic signal."""

_CHUNK: Final = 65536
_OVERLAP: Final = 2 * LONGEST
_ROW: Final = 4
_ONE_IN_BITS: Final = np.uint64(2)
_DISTANCES: Final = 8
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


class Repeats:
    """A search for repeated blocks in a signal that comes in blocks of any length.

    Examples
    --------
    >>> noise = np.random.default_rng(1).uniform(-0.1, 0.1, (2, 9600))
    >>> noise[:, 5000:5256] = noise[:, 4744:5000]
    >>> repeats = Repeats()
    >>> repeats.push(noise)
    >>> repeats.found(48000)
    (256, '1 block of samples delivered twice, 256 samples in all, first at 0.104 s', True)
    """

    def __init__(self) -> None:
        self._pieces: list[Samples] = []
        self._held = 0
        self._tally = _Tally()

    def push(self, samples: Samples) -> None:
        """Take the next samples, shape (n_channels, n)."""
        self._pieces.append(samples)
        self._held += samples.shape[1]
        if self._held >= _CHUNK + _OVERLAP:
            held = np.concatenate(self._pieces, axis=1)
            self._tally = _counted(held, self._tally, last=False)
            self._pieces, self._held = [held[:, -_OVERLAP:]], _OVERLAP

    def found(self, fs: int) -> tuple[int, str, bool]:
        """Return the number of samples delivered twice, a text, and whether this is certain.

        It is not certain where the same block comes over and over: this may also be a signal
        without noise that is periodic for a while.
        """
        tally = self._tally
        if self._pieces:
            tally = _counted(np.concatenate(self._pieces, axis=1), tally, last=True)
        if tally.count:
            blocks = "1 block" if tally.count == 1 else f"{tally.count} blocks"
            return (
                tally.lost,
                f"{blocks} of samples delivered twice, {tally.lost} samples in all, first at "
                f"{tally.first / fs:.3f} s",
                True,
            )
        if 0 < tally.periodic < _PERIODIC * tally.live:
            text = f"the same block of samples over and over, {tally.periodic} samples in all"
            return tally.periodic, text, False
        return 0, "", True


@dataclass(frozen=True, slots=True)
class _Tally:
    """The repetitions found up to a position of the take."""

    end: int = 0
    live: int = 0
    periodic: int = 0
    count: int = 0
    lost: int = 0
    first: int = 0


def _counted(held: Samples, before: _Tally, *, last: bool) -> _Tally:
    """Add the repetitions in the samples that were not counted before."""
    n = held.shape[1]
    start = max(0, before.end - _OVERLAP)  # position in the take of the first sample held
    new = before.end - start
    changes = changes_in(held)
    distances = _distances(held, changes)
    changed = np.cumsum(changes) if distances else np.empty(0, np.intp)
    periodic = np.zeros(n, dtype=np.bool_)
    count, lost, first = before.count, before.lost, before.first
    for distance in distances:
        same = (held[:, distance:] == held[:, :-distance]).all(axis=0)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]])))
        for begin, end in edges.reshape(-1, 2).tolist():
            stop = end + distance  # the second copy is [begin + distance, stop)
            if end - begin < distance or changed[end - 1] - changed[begin] < _CHANGES:
                continue
            if end - begin >= _PERIODS * distance:
                periodic[begin:stop] = True
            elif stop >= new and (last or stop < n):  # at n it may continue: left to the next call
                first = first if count else start + begin + distance
                count, lost = count + 1, lost + end - begin
    return _Tally(
        start + n,
        before.live + int(np.count_nonzero(changes[new:])),
        before.periodic + int(np.count_nonzero(periodic[new:])),
        count,
        lost,
        first,
    )


def _odd_numbers() -> Iterator[np.uint64]:
    """Give odd numbers of 64 random bits, without an end."""
    number = int(_MIX)
    while True:
        yield np.uint64(number)
        number = (number + 2 * int(_MIX)) % 2**64


def _distances(held: Samples, changes: NDArray[np.bool_]) -> list[int]:
    """Return the most frequent distances at which the samples seem to repeat."""
    n = held.shape[1] - _ROW + 1
    if n < 2 * SHORTEST:
        return []
    weights = np.fromiter(islice(_odd_numbers(), held.shape[0]), np.uint64)
    prints, chosen = fingerprints(held.view(np.uint64), weights, changes, _ROW, _ONE_IN_BITS)
    # as many bits of the fingerprint as a sort by fingerprint and place would have left
    counts = distances_of(prints >> np.uint64(n.bit_length()), chosen, LONGEST)
    counts[:SHORTEST] = 0
    values = np.flatnonzero(counts)
    return [int(value) for value in values[np.argsort(-counts[values])[:_DISTANCES]]]

"""Cards without physics: N channels in, N channels out, exact to the bit.

They take the place of a simulated lab. ``plain-N`` returns what is played on the input of the same
number. ``count-N`` delivers a count instead: sample ``n`` of channel ``c`` is

    ((n * STEP + c * OFFSET) mod 2^22 - 2^21) / 2^23

which is exact in 24 bits and in single precision, sounds like noise 15 dB below full scale, and can
be inverted, because STEP is odd. So every sample gives its own place within 2^22 samples (87 s at
48 kHz), and a recording of any length shows which samples are missing or repeated, without a copy
to compare it with.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Final

import numpy as np
from numpy.typing import NDArray

PERIOD: Final = 1 << 22
"""Samples after which the count begins again."""

STEP: Final = 2592213  # odd, near the golden section of the period
OFFSET: Final = 1675103

_INVERSE: Final = pow(STEP, -1, PERIOD)
_MASK: Final = PERIOD - 1
_SCALE: Final = float(1 << 23)
_MOST_NAMED: Final = 20


def count_samples(first: int, n: int, n_channels: int) -> NDArray[np.float64]:
    """Return samples ``first`` to ``first + n`` of the count, shape (n_channels, n)."""
    numbers = np.arange(first, first + n, dtype=np.int64) & _MASK
    channels = np.arange(n_channels, dtype=np.int64)[:, np.newaxis]
    codes = (numbers * STEP + channels * OFFSET) & _MASK
    return (codes - PERIOD // 2) / _SCALE


def places(samples: NDArray[np.float64], channel: int) -> NDArray[np.int64]:
    """Return the place of each sample in the period of the count; -1 for one not of the count."""
    codes = np.rint(samples * _SCALE).astype(np.int64) + PERIOD // 2
    valid = ((codes - PERIOD // 2) / _SCALE == samples) & (codes >= 0) & (codes < PERIOD)
    return np.where(valid, ((codes - channel * OFFSET) * _INVERSE) & _MASK, -1)


@dataclass
class Account:
    """The content of a recording of the count, compared sample by sample.

    ``first`` and ``last`` are the places of its ends; ``lost``, ``repeated`` and ``wrong`` count
    samples of all channels, wrong ones being not of the count; ``faults`` names the first few.
    """

    first: int = -1
    last: int = -1
    n_samples: int = 0
    lost: int = 0
    repeated: int = 0
    wrong: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """True if every sample follows the one before it in the count, on all channels."""
        return self.lost == self.repeated == self.wrong == 0


def account(blocks: Iterable[NDArray[np.float64]], channels: Iterable[int]) -> Account:
    """Compare a recording, block by block, with what was delivered.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (n_channels, n)
        The recording.
    channels : iterable of int
        Channel of the card, from 0, of each row.
    """
    rows = list(channels)
    found = Account()
    last: list[int | None] = [None] * len(rows)
    for block in blocks:
        for row, channel in enumerate(rows):
            at = places(block[row], channel)
            good = at[at >= 0]
            found.wrong += at.size - good.size
            known = good if last[row] is None else np.concatenate([[last[row]], good])
            steps = np.diff(known) & _MASK
            for place in np.flatnonzero(steps != 1):
                step = int(steps[place])
                if 0 < step < PERIOD // 2:
                    found.lost += step - 1
                else:
                    found.repeated += (PERIOD - step + 1) & _MASK
                if len(found.faults) < _MOST_NAMED:
                    at_sample = found.n_samples + int(place)
                    found.faults.append(f"channel {channel}, sample {at_sample}: step {step}")
            if good.size:
                if found.first < 0:
                    found.first = int(good[0])
                found.last = int(good[-1])
                last[row] = found.last
        found.n_samples += block.shape[1]
    return found


class _Through:
    """A card whose inputs receive the samples that it plays."""

    def process(self, played: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the samples at the inputs."""
        return played.copy()


class _Count:
    """A card whose inputs receive the count, whatever it plays."""

    def __init__(self) -> None:
        self.position = 0

    def process(self, played: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the samples at the inputs."""
        first, self.position = self.position, self.position + played.shape[1]
        return count_samples(first, played.shape[1], played.shape[0])


class PlainCard:
    """A card without a lab: nothing lies between its outputs and inputs.

    Parameters
    ----------
    name : str
        ``plain-N`` or ``count-N``, N channels.
    """

    def __init__(self, name: str) -> None:
        kind, _, number = name.partition("-")
        self.info = SimpleNamespace(inputs=int(number), outputs=int(number))
        self.chain = _Count() if kind == "count" else _Through()

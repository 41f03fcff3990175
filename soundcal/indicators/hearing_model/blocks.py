"""Blocks of the rectified band signals for loudness and tonality (ECMA-418-2:2025, 5.1.5, 5.1.6).

Bands have blocks of 8192 to 1024 samples, three quarters overlapping. The blocks of every length
begin with the zeros before the signal and end at multiples of their hop after its first sample.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.indicators.hearing_model.blocks_kernels import block_loudness
from soundcal.indicators.hearing_model.tables import BLOCK, LTQ, N_BANDS

__all__ = ["FRAME", "GRID", "LENGTHS", "BlockLength", "RectifiedBands"]

FRAME: Final = 8192
"""Samples that are analysed at a time; a multiple of every hop."""

GRID: Final = 256
"""Samples between the values of the common time base of all bands, 187.5 Hz (6.2.6)."""


@dataclass(frozen=True, slots=True)
class BlockLength:
    """The bands whose blocks have one length.

    Parameters
    ----------
    length : int
        Samples per block.
    reach : int
        Number of neighbours on each side over which autocorrelations are averaged (table 5).
    """

    length: int
    reach: int

    @property
    def hop(self) -> int:
        """Samples from block to block."""
        return self.length // 4

    @property
    def per_frame(self) -> int:
        """Blocks per frame."""
        return FRAME // self.hop

    @property
    def own(self) -> NDArray[np.int64]:
        """Bands of this length."""
        return np.flatnonzero(self.length == BLOCK)

    @property
    def needed(self) -> NDArray[np.int64]:
        """Bands that are cut into blocks of this length: their own and the neighbours."""
        own = self.own
        return np.arange(max(own[0] - self.reach, 0), min(own[-1] + self.reach, N_BANDS - 1) + 1)

    def neighbours(self, band: int) -> range:
        """Return the bands that are averaged for one; fewer, and symmetric, at the low edge."""
        if band == 0 and self.reach:
            return range(2)
        reach = min(self.reach, band)
        return range(band - reach, band + reach + 1)


LENGTHS: Final = (
    BlockLength(8192, 2),
    BlockLength(4096, 2),
    BlockLength(2048, 1),
    BlockLength(1024, 0),
)


class RectifiedBands:
    """The latest samples of some bands, rectified, with the basis loudness of their blocks.

    Parameters
    ----------
    length : BlockLength
        Length of the blocks; the bands are those that it needs.

    Attributes
    ----------
    samples : ndarray, shape (n_bands, n)
        Rectified band signals in Pa: samples before the frame, and the frame.
    origin : int
        Place of the frame's first sample in ``samples``.
    basis : ndarray, shape (n_bands, blocks per frame)
        Basis loudness in sone_HMS/Bark_HMS of the blocks that end in the latest frame.
    """

    def __init__(self, length: BlockLength) -> None:
        self._hop = length.hop
        self._bands = slice(int(length.needed[0]), int(length.needed[-1]) + 1)
        n = length.needed.size
        self.origin = 2 * length.length
        self.samples = np.zeros((n, self.origin + FRAME))
        self._energies = np.zeros((n, 3 + length.per_frame))
        self.basis = np.zeros((n, length.per_frame))
        self._thresholds = LTQ[self._bands]

    def fill(self, bands: Array, at: int) -> None:
        """Write samples of all bands, shape (53, n), to the frame, from its sample ``at`` on."""
        start = self.origin + at
        room = self.samples[:, start : start + bands.shape[1]]
        np.maximum(bands[self._bands], 0.0, out=room)

    def weigh(self) -> None:
        """Set the basis loudness for the frame, which is full."""
        block_loudness(
            self.samples, self.origin, self._hop, self._thresholds, self._energies, self.basis
        )

    def advance(self) -> None:
        """Begin the next frame."""
        self.samples[:, : self.origin] = self.samples[:, FRAME:].copy()

"""From the amplitudes of blocks to specific roughness or fluctuation strength over time.

The last steps of both in ECMA-418-2:2025 (formulas 103 to 110 and 162 to 168): interpolation to 50
values per second, an exponent that depends on how unevenly the bands share the modulation,
calibration, and smoothing.
"""

import math
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.indicators.hearing_model.modulation_tail_kernels import (
    hermite,
    knot_slopes,
    medians,
    ratios_of,
    smooth_over_time,
    specific_targets,
)
from soundcal.indicators.hearing_model.tables import N_BANDS

__all__ = ["PATTERN_RATE", "ModulationTail"]

PATTERN_RATE: Final = 50
"""Patterns per second."""

_NEVER: Final = 1e-6
"""Less than the distance between two different instants of block and grid, in grid steps."""


class ModulationTail:
    """Specific values of one signal whose amplitudes arrive block by block.

    Parameters
    ----------
    factor : float
        Calibration factor, c_R or c_F.
    attack_s, release_s : float
        Time constants of rising and falling values in s.
    median : int
        Number of values, odd, whose median replaces the ratio of r.m.s. to mean over the bands.
    """

    def __init__(self, factor: float, attack_s: float, release_s: float, median: int = 1) -> None:
        self._factor = factor
        self._rise = math.exp(-1.0 / (PATTERN_RATE * attack_s))
        self._fall = math.exp(-1.0 / (PATTERN_RATE * release_s))
        self._half = median // 2
        self._times: list[float] = []  # the last two knots
        self._values: list[Array] = []
        self._slopes: list[Array] = []  # at the last two knots, if the last was the end
        self._n = 0  # interpolated so far
        self._patterns = np.empty((0, N_BANDS))  # interpolated, still without exponent
        self._ratios = np.empty(0)  # from up to `half` before the first of these on
        self._state: Array | None = None
        self._ready: list[Array] = []

    def push(self, time_s: float, amplitudes: Array) -> None:
        """Take the amplitudes of one block.

        Parameters
        ----------
        time_s : float
            Time of the block in s, later than that of the one before.
        amplitudes : ndarray, shape (53,)
            Amplitudes per band.
        """
        self._times.append(time_s)
        self._values.append(np.array(amplitudes))
        if len(self._times) < 3:
            return
        slopes = np.empty((3, N_BANDS))
        knot_slopes(np.array(self._times), np.array(self._values), slopes)
        begin = self._slopes[0] if self._slopes else slopes[0]
        self._interpolate((begin, slopes[1]), math.ceil(self._times[1] * PATTERN_RATE - _NEVER))
        self._slopes = [slopes[1], slopes[2]]
        del self._times[0], self._values[0]
        self._advance(self._half)

    def finish(self, duration_s: float) -> None:
        """Take note that there are no more blocks.

        Parameters
        ----------
        duration_s : float
            Duration of the signal in s, the time of the last block.
        """
        end = math.floor(duration_s * PATTERN_RATE + _NEVER) + 1
        if len(self._times) == 1:
            self._times.append(self._times[0] + 1.0)
            self._values.append(self._values[0])
        if self._times:
            if not self._slopes:
                mean = (self._values[1] - self._values[0]) / (self._times[1] - self._times[0])
                self._slopes = [mean, mean]
            self._interpolate((self._slopes[0], self._slopes[1]), end)
        self._advance(0)

    def take(self) -> Array:
        """Return the specific values that have become final since the last call.

        Returns
        -------
        ndarray, shape (n, 53)
            Patterns 0.02 s apart, the first of all at 0 s.
        """
        ready, self._ready = self._ready, []
        return np.concatenate(ready) if ready else np.empty((0, N_BANDS))

    def _interpolate(self, slopes: tuple[Array, Array], end: int) -> None:
        """Interpolate between the first two knots, up to the grid's value before ``end``."""
        at = np.arange(self._n, end) / PATTERN_RATE
        self._n = end
        patterns = np.empty((at.size, N_BANDS))
        hermite(
            np.array(self._times[:2]), np.array(self._values[:2]), np.array(slopes), at, patterns
        )
        ratios = np.empty(at.size)
        ratios_of(patterns, ratios)
        self._patterns = np.concatenate([self._patterns, patterns])
        self._ratios = np.concatenate([self._ratios, ratios])

    def _advance(self, ahead: int) -> None:
        """Finish the patterns that have ``ahead`` ratios after their own."""
        n = self._patterns.shape[0] - ahead
        if n <= 0:
            return
        before = self._ratios.size - self._patterns.shape[0]
        ratios = np.empty(n)
        medians(self._ratios, before, self._half, ratios)
        found = np.empty((n, N_BANDS))
        specific_targets(self._patterns[:n], ratios, self._factor, found)
        if self._state is None:
            self._state = found[0].copy()
        smooth_over_time(found, self._rise, self._fall, self._state)
        self._ready.append(found)
        self._patterns = self._patterns[n:]
        self._ratios = self._ratios[max(before + n - self._half, 0) :]

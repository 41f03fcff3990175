"""A non-negative time series and its statistics, in constant memory unless it is kept."""

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.distribution import Distribution
from soundcal.dsp.signal import PERCENTS

__all__ = ["Series"]


class Series:
    """Statistics of a series that arrives piece by piece, and the series itself if it is kept.

    Parameters
    ----------
    keep : bool
        Keep all values.
    """

    def __init__(self, *, keep: bool) -> None:
        self.maximum = 0.0
        self.last = 0.0
        self._distribution = Distribution()
        self._sum = 0.0
        self._kept: list[Array] | None = [] if keep else None

    @property
    def n(self) -> int:
        """Number of values so far."""
        return self._distribution.n

    def push(self, values: Array) -> None:
        """Take the next values, shape (n,)."""
        self.maximum = max(self.maximum, float(values.max(initial=0.0)))
        self.last = float(values[-1]) if values.size else self.last
        for value in values.tolist():  # one by one, so that block sizes do not matter
            self._sum += value
        self._distribution.push(values)
        if self._kept is not None:
            self._kept.append(values)

    def exceeded(self, percent: float) -> float:
        """Return the value exceeded in the given percentage of the time."""
        return float(self._distribution.exceedance([percent])[0])

    def statistics(self) -> dict[str, float]:
        """Return max, mean and the values exceeded 5, 10, 50, 90, 95 % of the time."""
        found = {"max": self.maximum, "mean": self._sum / self.n}
        exceeded = self._distribution.exceedance(PERCENTS)
        return found | {f"{p:g}": float(x) for p, x in zip(PERCENTS, exceeded, strict=True)}

    def series(self) -> Array | None:
        """Return all values, if they are kept."""
        return None if self._kept is None else np.concatenate(self._kept)

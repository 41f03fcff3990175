"""The running level shown while recording and playing: in dB re 20 µPa, or in dBFS."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.cli.output import progress
from soundcal.recording import clipped_samples, counted

if TYPE_CHECKING:
    from soundcal.calibration.model import Calibration
    from soundcal.devices import Block, OnBlock
    from soundcal.dsp.weighting import WeightingFilter
    from soundcal.response.referring import Referral

__all__ = ["RunningLevel", "watched"]

_WEIGHTED_FROM_HZ: Final = 8000


class RunningLevel:
    """Levels per channel over the last second and over everything so far.

    Parameters
    ----------
    channels : tuple of str
        Channel names.
    fs : int
        Sampling rate in Hz.
    calibration : Calibration, optional
        Gives A-weighted levels in dB re 20 µPa; without it they are in dBFS (AES17).
    referred : Referral, optional
        Filters of the samples before their level is taken.
    """

    def __init__(
        self,
        channels: tuple[str, ...],
        fs: int,
        calibration: "Calibration | None",
        referred: "Referral | None" = None,
    ) -> None:
        from soundcal.units import AES17_OFFSET_DB, P_REF, db

        self.channels = channels
        self.clipped = np.zeros(len(channels), dtype=np.int64)
        self._fs = fs
        self._referred = referred
        self._filter: WeightingFilter | None = None
        self._recent = np.zeros(len(channels))
        self._recent_samples = 0
        self._energy = np.zeros(len(channels))
        self._samples = 0
        self._last = np.full(len(channels), -np.inf)
        if calibration is None:
            self.unit = "dBFS"
            self._offset = np.full(len(channels), AES17_OFFSET_DB)
            return
        sensitivities = np.array([calibration.sensitivity(name) for name in channels])
        self._offset = db(sensitivities / P_REF)
        self.unit = "dB"
        if fs >= _WEIGHTED_FROM_HZ:
            from soundcal.dsp import weighting

            self.unit = "dB(A)"
            self._filter = weighting.WeightingFilter("A", fs, len(channels))

    def push(self, samples: Array) -> None:
        """Take the next samples, shape (n_channels, n)."""
        self.clipped += clipped_samples(samples)
        if self._referred is not None:
            samples = self._referred.process(samples)
        weighted = samples if self._filter is None else self._filter.push(samples)
        energy = np.square(weighted).sum(axis=1)
        self._energy += energy
        self._samples += samples.shape[1]
        self._recent += energy
        self._recent_samples += samples.shape[1]
        if self._recent_samples >= self._fs:
            self._last = self._level(self._recent, self._recent_samples)
            self._recent = np.zeros(len(self.channels))
            self._recent_samples = 0

    @property
    def overall(self) -> dict[str, float]:
        """Level of everything so far, per channel."""
        levels = self._level(self._energy, self._samples)
        return {name: float(level) for name, level in zip(self.channels, levels, strict=True)}

    @property
    def remark(self) -> str:
        """Level of the last complete second, and the number of clipped samples, if any."""
        levels = (
            self._last
            if np.isfinite(self._last).any()
            else self._level(self._energy, self._samples)
        )
        text = " ".join(
            f"{name} {level:.1f}" for name, level in zip(self.channels, levels, strict=True)
        )
        clipped = int(self.clipped.sum())
        return f"{text} {self.unit}" + (
            f", {counted(clipped, 'sample')} clipped" if clipped else ""
        )

    def _level(self, energy: Array, n_samples: int) -> Array:
        with np.errstate(divide="ignore"):
            levels = 10.0 * np.log10(energy / max(n_samples, 1)) + self._offset
        return np.asarray(levels, dtype=np.float64)


@contextmanager
def watched(channels: tuple[str, ...], fs: int, text: str, seconds: float) -> "Iterator[OnBlock]":
    """Show progress and levels of ``seconds`` s of sound; give the callback for its blocks."""
    meter = RunningLevel(channels, fs, None)
    with progress(text, seconds, unit="s") as advance:

        def shown(block: "Block") -> None:
            meter.push(block.samples)
            advance((block.position + block.samples.shape[1]) / fs, meter.remark)

        yield shown

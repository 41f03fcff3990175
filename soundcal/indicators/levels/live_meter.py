"""The readings of a sound level meter, once a second, for signals of any duration.

It has the meter, filters and statistics of recordings; its memory does not grow with time. Levels
of the last second and of the last ten seconds are those of complete seconds.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.dsp.detectors import TICKS_PER_S, LevelMeter, Peak, SettledStatistics, samples_to
from soundcal.dsp.octave import BandFilter, bands_between
from soundcal.dsp.signal import PERCENTS, pressure_array
from soundcal.dsp.weighting import WeightingFilter
from soundcal.errors import ParameterError, SignalError
from soundcal.units import P_REF, power_db

__all__ = ["LiveMeter", "Reading"]


_LONG_S: Final = 10
_THIRD_OCTAVES: Final = (25.0, 20000.0)


@dataclass(frozen=True, slots=True)
class Reading:
    """Levels of one channel at the end of a second, in dB re 20 µPa; silence gives ``-inf``.

    Parameters
    ----------
    second : int
        Complete seconds since the start.
    laf, las : float
        A-weighted level, time weightings F and S, at this moment (IEC 61672-1:2013, 5.8).
    laeq : float
        A-weighted equivalent level since the start.
    laeq_1s, laeq_10s : float
        The same over the last second and the last ten seconds (fewer at the start).
    lafmax, lafmax_1s : float
        Largest LAF since the start, and in the last second.
    lcpeak, lcpeak_1s : float
        C-weighted peak level since the start, and in the last second (5.13).
    exceeded : dict of float to float
        LAF exceeded in 5, 10, 50, 90 and 95 % of the time since the start.
    bands : dict of str to float
        One-third-octave levels of the last second by nominal frequency in Hz; empty without bands.
    """

    second: int
    laf: float
    las: float
    laeq: float
    laeq_1s: float
    laeq_10s: float
    lafmax: float
    lafmax_1s: float
    lcpeak: float
    lcpeak_1s: float
    exceeded: dict[float, float]
    bands: dict[str, float]

    @property
    def levels(self) -> dict[str, float]:
        """All values but the bands, by label: ``LAF``, ``LAeq,1s``, ``LA5``."""
        levels = {
            "LAF": self.laf,
            "LAS": self.las,
            "LAeq": self.laeq,
            "LAeq,1s": self.laeq_1s,
            "LAeq,10s": self.laeq_10s,
            "LAFmax": self.lafmax,
            "LAFmax,1s": self.lafmax_1s,
            "LCpeak": self.lcpeak,
            "LCpeak,1s": self.lcpeak_1s,
        }
        return levels | {f"LA{percent:g}": level for percent, level in self.exceeded.items()}


class LiveMeter:
    """A sound level meter for signals of unlimited duration.

    Parameters
    ----------
    fs : float
        Sampling rate in Hz, at least 8 kHz.
    n_channels : int
        Number of channels.
    bands : bool
        Also measure one-third-octave bands from 25 Hz to 20 kHz.

    Examples
    --------
    >>> meter = LiveMeter(48000, bands=False)
    >>> tone = np.sqrt(2) * np.sin(2 * np.pi * 1000 * np.arange(96000) / 48000)
    >>> [round(one.laeq_1s, 1) for (one,) in meter.push(tone[np.newaxis])]
    [94.0, 94.0]
    """

    def __init__(self, fs: float, n_channels: int = 1, *, bands: bool = True) -> None:
        if n_channels < 1:
            raise ParameterError(f"{n_channels} channels; at least 1 is expected")
        self.fs = float(fs)
        self._channels = [_Channel(self.fs, bands) for _ in range(n_channels)]
        self._n_samples = 0
        self._second = 0

    def push(self, block: ArrayLike) -> list[tuple[Reading, ...]]:
        """Take the next samples.

        Parameters
        ----------
        block : array_like, shape (n_channels, n)
            Sound pressure in Pa, any number of samples.

        Returns
        -------
        list of tuple of Reading
            One entry per second that was completed, with a reading per channel.

        Raises
        ------
        SignalError
            Another number of channels, or samples that are not finite.
        """
        array = np.asarray(block)
        if array.ndim != 2 or array.shape[0] != len(self._channels):
            raise SignalError(
                f"block of shape {array.shape}; ({len(self._channels)}, n) is expected, time last"
            )
        if array.shape[1] == 0:
            return []
        samples = pressure_array(array, self.fs)
        finished = []
        while samples.shape[1]:
            end = samples_to((self._second + 1) * TICKS_PER_S, self.fs)
            piece = samples[:, : end - self._n_samples]
            samples = samples[:, piece.shape[1] :]
            self._n_samples += piece.shape[1]
            for channel, row in zip(self._channels, piece, strict=True):
                channel.push(row)
            if self._n_samples == end:
                self._second += 1
                finished.append(tuple(channel.read(self._second) for channel in self._channels))
        return finished


class _Channel:
    """The meter of one channel; :meth:`read` is called at the end of every second."""

    def __init__(self, fs: float, bands: bool) -> None:
        self._fs = fs
        self._meter = LevelMeter(("A",), fs, impulse=False)
        self._statistics = SettledStatistics("F")
        self._c_weighting = WeightingFilter("C", fs)
        self._peak = Peak()
        self._highest_peak = 0.0
        self._bands = BandFilter(bands_between(3, *_THIRD_OCTAVES), fs, 1.0) if bands else None
        self._band_energies: Array = np.empty(0)
        self._energy = 0.0
        self._second_energy = 0.0
        self._second_samples = 0
        self._last: deque[tuple[float, int]] = deque(maxlen=_LONG_S)
        self._highest = 0.0
        self._fast = self._slow = 0.0

    def push(self, samples: Array) -> None:
        """Take samples that belong to the same second."""
        readings = self._meter.push(samples)["A"]
        self._second_samples += samples.size
        self._second_energy += float(readings.energy.sum())
        if readings.energy.size:
            fast = readings.average["F"]
            self._statistics.push(fast, readings.high["F"], readings.low["F"])
            self._fast, self._slow = float(fast[-1]), float(readings.average["S"][-1])
            self._highest = max(self._highest, float(readings.high["F"].max()))
        self._peak.push(self._c_weighting.push(samples[np.newaxis])[0])
        if self._bands is not None and (energies := self._bands.push(samples)).size:
            self._band_energies = energies[-1]

    def read(self, second: int) -> Reading:
        """Return the reading at the end of a second and start the next."""
        self._energy += self._second_energy
        self._last.append((self._second_energy, self._second_samples))
        highest, peak = self._highest, self._peak.so_far
        self._highest_peak = max(self._highest_peak, peak)
        exceeded = self._statistics.levels(PERCENTS)
        n_samples = self._second_samples
        reading = Reading(
            second,
            laf=_level(self._fast),
            las=_level(self._slow),
            laeq=_level(self._energy / self._meter.n_samples),
            laeq_1s=_level(self._second_energy / n_samples),
            laeq_10s=_level(sum(e for e, _ in self._last) / sum(n for _, n in self._last)),
            lafmax=_level(self._statistics.maximum),
            lafmax_1s=_level(highest),
            lcpeak=_level(self._highest_peak**2),
            lcpeak_1s=_level(peak**2),
            exceeded=dict(zip(PERCENTS, exceeded.tolist(), strict=True)),
            bands=self._band_levels(n_samples),
        )
        self._second_energy, self._second_samples, self._highest = 0.0, 0, 0.0
        self._peak.restart()
        return reading

    def _band_levels(self, n_samples: int) -> dict[str, float]:
        if self._bands is None:
            return {}
        energies: Sequence[float] = self._band_energies.tolist()
        return {
            band.nominal: _level(energy / n_samples)
            for band, energy in zip(self._bands.bands, energies, strict=True)
        }


def _level(mean_square: float) -> float:
    """Return the level in dB of a mean square in Pa²."""
    return power_db(mean_square / P_REF**2)

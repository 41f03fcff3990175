"""Playback of samples at a gain, or at a calibrated level at the ears."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.calibration import ocv
from soundcal.calibration.model import Calibration
from soundcal.devices.protocol import AudioDevice, OnBlock, Playback
from soundcal.errors import ParameterError
from soundcal.lab.levels import digital_levels
from soundcal.units import from_db

__all__ = ["LevelAtEars", "play_at"]

_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class LevelAtEars:
    """A level at the ears, for a playback.

    Parameters
    ----------
    level : float
        Energetic mean of the ears that are played, dB re 20 µPa.
    calibration : Calibration
        Calibration of the outputs; its channels belong to outputs 1 and 2 if it names no others.
    weighting : {"A", "C", "Z"}
        Frequency weighting of the level.
    """

    level: float
    calibration: Calibration
    weighting: str = "A"

    def gain_db(self, samples: Samples, fs: int, outputs: Sequence[int]) -> float:
        """Return the gain in dB with which samples of shape (n_outputs, n) have this level.

        Raises
        ------
        TargetNotReached
            The samples would clip.
        SignalError
            They are silent.
        ParameterError
            An output is not calibrated, or the calibration is of an input.
        """
        numbers = self.calibration.outputs or dict(
            zip(self.calibration.channels, (1, 2), strict=False)
        )
        names = {number: name for name, number in numbers.items()}
        unknown = [number for number in outputs if number not in names]
        if unknown:
            raise ParameterError(
                f"calibration {self.calibration.id} is of outputs "
                f"{', '.join(map(str, names))} ({', '.join(names.values())}), not of {unknown[0]}"
            )
        channels = tuple(names[number] for number in outputs)
        levels = digital_levels(samples, fs, self.weighting, channels)
        peak = float(np.abs(samples).max())
        return ocv.gain_for(self.calibration, self.level, levels, peak=peak)


def play_at(
    at: float | LevelAtEars,
    device: AudioDevice,
    samples: Samples,
    *,
    outputs: Sequence[int],
    on_block: OnBlock | None = None,
) -> tuple[Playback, float]:
    """Play samples once, at a gain or at a calibrated level.

    Parameters
    ----------
    at : float or LevelAtEars
        A gain in dB, or the level at the ears.
    device : AudioDevice
        Plays the samples.
    samples : ndarray, shape (n_outputs, n)
        1.0 is full scale; nothing but the gain changes them.
    outputs : sequence of int
        Channels of the rows, from 1.
    on_block : callable, optional
        Called with every block that is played.

    Returns
    -------
    playback : Playback
        The outcome.
    gain_db : float
        The gain with which the samples were played.

    Raises
    ------
    TargetNotReached
        The level cannot be reached without clipping.
    SignalError
        The gain would clip, or silence was to have a level.
    ParameterError
        As for :meth:`LevelAtEars.gain_db`.
    """
    gain_db = at.gain_db(samples, device.fs, outputs) if isinstance(at, LevelAtEars) else at
    scaled = samples * from_db(gain_db)
    peak = np.abs(scaled).max(initial=0.0)
    if 1.0 < peak <= 1.0 + _ROUNDING:  # the largest gain times the peak may exceed 1 by some bits
        scaled = np.clip(scaled, -1.0, 1.0)
    return device.play(scaled, outputs=outputs, on_block=on_block), gain_db

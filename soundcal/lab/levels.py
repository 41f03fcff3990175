"""Samples to be played by the headphones: their output channels and their digital levels."""

import numpy as np

from soundcal.arrays import Samples
from soundcal.dsp.weighting import weight
from soundcal.recording import EARS
from soundcal.units import db

__all__ = ["digital_levels", "on_channels", "weighted_rms"]


def on_channels(samples: Samples, n_channels: int = len(EARS)) -> Samples:
    """Return samples with shape (n_channels, n); a single channel, (1, n), goes to all of them."""
    return np.ascontiguousarray(np.broadcast_to(samples, (n_channels, samples.shape[1])))


def weighted_rms(samples: Samples, fs: int, weighting: str) -> Samples:
    """Return the frequency-weighted rms per channel, shape (n_channels,), in the samples' unit."""
    rms: Samples = np.sqrt((weight(samples, fs, weighting) ** 2).mean(axis=-1))
    return rms


def digital_levels(
    samples: Samples, fs: int, weighting: str, channels: tuple[str, ...] = EARS
) -> dict[str, float]:
    """Return the frequency-weighted rms of every channel in dB re full scale."""
    return dict(zip(channels, db(weighted_rms(samples, fs, weighting)).tolist(), strict=True))

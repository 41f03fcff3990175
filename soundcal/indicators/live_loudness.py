"""Loudness while the sound goes on: at this moment, and over the time so far."""

from typing import Final, Protocol

import numpy as np

from soundcal.arrays import Array
from soundcal.indicators.hearing_model.stage import HearingModelStage
from soundcal.indicators.stream import StreamRequest, feed_channels
from soundcal.indicators.workers import Workers, threads_for
from soundcal.indicators.zwicker.stream import LoudnessStream

__all__ = ["LiveLoudness", "live_loudness"]

_PART: Final = 1 << 14
"""Number of samples that the hearing model takes at a time, some 0.3 s."""


class LiveLoudness(Protocol):
    """Loudness of several channels that can be read while they go on."""

    def push(self, pressure: Array) -> None:
        """Take the next samples in Pa, shape (n_channels, n)."""
        ...

    def reading(self) -> list[dict[str, float]]:
        """Return the values of each channel by label; NaN before the first."""
        ...


class _Zwicker:
    """``N`` at this moment and ``N5`` so far, ISO 532-1."""

    def __init__(self, fs: float, n_channels: int) -> None:
        request = StreamRequest(fs, {"N": ("5",)}, keep=False)
        self._streams = [LoudnessStream(request) for _ in range(n_channels)]

    def push(self, pressure: Array) -> None:
        for stream, samples in zip(self._streams, pressure, strict=True):
            stream.push(samples)

    def reading(self) -> list[dict[str, float]]:
        return [dict(zip(("N", "N5"), stream.running, strict=True)) for stream in self._streams]


class _HearingModel:
    """``NHM`` at this moment and ``NHMeq`` so far, ECMA-418-2; the channels in threads."""

    def __init__(self, fs: float, n_channels: int) -> None:
        request = StreamRequest(fs, {"NHM": ("eq",)}, keep=False)
        self._n_channels = n_channels
        self._stage = HearingModelStage(request, n_channels)
        self._workers = Workers(threads_for(None, n_channels))
        self._waiting: list[Array] = []

    def push(self, pressure: Array) -> None:
        self._waiting.append(pressure.copy())
        if sum(part.shape[1] for part in self._waiting) >= _PART:
            samples = np.concatenate(self._waiting, axis=1)
            self._waiting.clear()
            feed_channels([()] * self._n_channels, [self._stage], samples, self._workers)

    def reading(self) -> list[dict[str, float]]:
        found = self._stage.running("NHM")
        return [{"NHM": now, "NHMeq": value} for now, value in found]


def live_loudness(method: str, fs: float, n_channels: int) -> LiveLoudness:
    """Open a method.

    Parameters
    ----------
    method : {"iso532", "ecma418"}
        ISO 532-1:2017, or the hearing model of ECMA-418-2:2025.
    fs : float
        Sampling rate in Hz.
    n_channels : int
        Number of channels.
    """
    return _HearingModel(fs, n_channels) if method == "ecma418" else _Zwicker(fs, n_channels)

"""Power spectral density and spectrogram of an audio file of any length, read in blocks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from soundcal.calibrated import CalibratedFile
from soundcal.files import audio
from soundcal.indicators.spectra import (
    MOST_COLUMNS,
    RESOLUTION,
    RESOLUTION_OVER_TIME,
    DensityStream,
    SpectralDensity,
)
from soundcal.recording import is_lossy
from soundcal.takes.file_checks import FileChecks

__all__ = ["density_of_file"]

_BLOCK: Final = 1 << 16
"""Samples per channel read at a time."""


def density_of_file(
    file: CalibratedFile,
    *,
    over_time: bool = False,
    resolution: float | None = None,
    hop: float | None = None,
    weighting: str = "Z",
    progress: Callable[[float], None] | None = None,
) -> SpectralDensity:
    """Return the power spectral density of a file, averaged or over time.

    Parameters
    ----------
    file : CalibratedFile
        The file with its calibration, from :func:`soundcal.calibrated.calibrated_file`.
    over_time : bool
        Return a spectrogram, as :func:`soundcal.indicators.spectrogram` does.
    resolution : float, optional
        Distance of the lines in Hz; by default 1 Hz, over time 20 Hz.
    hop : float, optional
        Time from one segment to the next in s; half a segment by default.
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting.
    progress : callable, optional
        Called with the seconds of audio done so far.

    Returns
    -------
    SpectralDensity
        With the flags of the file, of its record, and of the judgement of its samples.

    Raises
    ------
    RecordError
        The file cannot be read.
    SignalError
        Samples that are not finite, or less than one segment.
    ParameterError
        Unknown weighting, or an impossible resolution or hop.
    """
    about, channels = file.about, file.channels
    factors = np.array([[file.calibration.sensitivity(name)] for name in channels])
    usual = RESOLUTION_OVER_TIME if over_time else RESOLUTION
    stream = DensityStream(
        about.fs,
        about.n_channels,
        resolution=usual if resolution is None else resolution,
        hop=hop,
        weighting=weighting,
        columns=MOST_COLUMNS if over_time else None,
    )
    judged = FileChecks(channels, about.fs, factors[:, 0].tolist(), coarse=is_lossy(about.flags))
    done = 0
    for block in audio.blocks(file.path, _BLOCK):
        judged.push(block)
        stream.push(block * factors)
        done += block.shape[1]
        if progress is not None:
            progress(done / about.fs)
    flags = dict.fromkeys((*file.flags, *file.doubts(judged.checks())))
    return replace(stream.finish(), channels=channels, warnings=tuple(map(str, flags)))

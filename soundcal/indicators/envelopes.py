"""Slow fluctuation of rectified band signals, without computing the band signals where avoidable.

A band signal is given by its lines from ``low`` to ``high``. Its rectified values fluctuate slowly
like 2/π times its envelope, as long as twice the lowest frequency lies well above the bandwidth:
the rest is found around even multiples of the band. The envelope needs a transform that is short in
proportion to the bandwidth. Other bands are transformed as they are, 16 times denser than their
highest line demands, at most with all samples of the frame.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.indicators.excitation import N_CHANNELS, Excitation

__all__ = ["slow_lines"]

Array = NDArray[np.float64]
Spectrum = NDArray[np.complex128]
Spans = NDArray[np.int64]

_DENSITY: Final = 2
_REAL_DENSITY: Final = 32
_PARTS: Final = 50
_GROUP: Final = 2


def slow_lines(excitation: Excitation, length: int, n_lines: int) -> Spectrum:
    """Return the lowest lines of the rectified signals of one frame, half a line apart.

    Parameters
    ----------
    excitation : Excitation
        The bands.
    length : int
        Samples of the frame, a multiple of 50.
    n_lines : int
        Number of lines, at 0, 1/2, 1 … of the reciprocal of the frame's duration.

    Returns
    -------
    ndarray, shape (n, n_lines)
        Transform of the frame amid silence, re the frame: the first line is the mean.
    """
    found = np.zeros((N_CHANNELS, n_lines), dtype=np.complex128)
    for (real, size), channels in _groups(excitation.spans, length, n_lines).items():
        for start in range(0, len(channels), _GROUP):
            some = channels[start : start + _GROUP]
            if real:
                found[some] = _of_signals(excitation, some, size, n_lines, length)
            else:
                found[some] = _of_envelopes(excitation, some, size, n_lines)
    return found


def _groups(spans: Spans, length: int, n_lines: int) -> dict[tuple[bool, int], list[int]]:
    """Sort the bands by way (as real signals or not) and size of the transform."""
    groups: dict[tuple[bool, int], list[int]] = {}
    least = 1 << (2 * n_lines - 1).bit_length()
    for channel, (low, after) in enumerate(spans.tolist()):
        width = after - low
        if after == 0:
            continue
        narrow = low > n_lines and low >= width // 4
        wanted = max(least, _DENSITY * width if narrow else _REAL_DENSITY * after)
        size = 1 << (wanted - 1).bit_length()
        if narrow and 2 * size > length:
            narrow = False
        if not narrow:
            size = size if size < length and size >= _REAL_DENSITY * after else length
        groups.setdefault((not narrow, size), []).append(channel)
    return groups


def _of_envelopes(excitation: Excitation, channels: list[int], size: int, n_lines: int) -> Spectrum:
    from scipy.fft import ifft, rfft

    bands = np.zeros((len(channels), size), dtype=np.complex128)
    for row, channel in enumerate(channels):
        lines = excitation.lines(channel)
        bands[row, : lines.size] = lines
    envelopes = np.abs(ifft(bands, axis=1, norm="forward", overwrite_x=True))
    transformed: Spectrum = rfft(envelopes, 2 * size, axis=1)[:, :n_lines]
    return transformed * (4.0 / np.pi / size)


def _of_signals(
    excitation: Excitation, channels: list[int], size: int, n_lines: int, length: int
) -> Spectrum:
    from scipy.fft import irfft, rfft

    from soundcal.indicators.excitation_kernels import low_lines

    rows = excitation.spectra(channels, size // 2 + 1)
    rectified = irfft(rows, size, axis=1, norm="forward", overwrite_x=True)
    np.abs(rectified, out=rectified)
    if size < length:
        transformed: Spectrum = rfft(rectified, 2 * size, axis=1)[:, :n_lines]
        return transformed / size
    parts = rectified.reshape(len(channels), -1, _PARTS)
    out = np.empty((len(channels), n_lines), dtype=np.complex128)
    low_lines(rfft(parts, 2 * parts.shape[1], axis=1), _twiddles(size, n_lines), out)
    return out / size


@lru_cache(maxsize=2)
def _twiddles(length: int, n_lines: int) -> Spectrum:
    turns = np.outer(np.arange(n_lines), np.arange(_PARTS)) / (2.0 * length)
    return np.asarray(np.exp(-2j * np.pi * turns))
